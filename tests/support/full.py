"""A socket that takes no more."""

from socket import socket


def fill(connection: socket) -> int:
    """Give a non-blocking socket all it takes; returns how many bytes that was."""
    given = 0
    for size in (4096, 1):
        try:
            while True:
                given += connection.send(b"x" * size)
        except BlockingIOError:
            pass
    return given


def drain(connection: socket, size: int) -> None:
    """Read so many bytes at the other end."""
    while size:
        size -= len(connection.recv(size))
