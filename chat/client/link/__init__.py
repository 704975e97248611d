"""The way to the server: names, TLS, trust."""
