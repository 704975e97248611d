"""The conversation with the server, whatever it looks like."""
