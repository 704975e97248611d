"""A line that is typed at a terminal, while text is written above it: client and server share it."""
