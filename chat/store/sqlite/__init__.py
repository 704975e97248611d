"""A database file."""
