"""The face of a real terminal: lines scroll by as they come, and below them stands what is typed."""
