"""A chat service that anyone on the network can join with netcat, telnet or the project's own client."""

__version__ = "0.1.0"
