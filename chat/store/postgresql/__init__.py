"""A database of a PostgreSQL server, imported only where one is named."""
