"""A port for servers that come and go."""

import socket


def held_port(host: str = "127.0.0.1") -> socket.socket:
    """A socket on a free port, which nobody else is given while it is open; servers may listen there one after another.

    (For they reuse addresses, as this one does, and it does not listen.)  A port that is only looked for may be another
    program's by the time the server starts, or starts again, and then the one's people join the other.
    """
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind((host, 0))
    return holder
