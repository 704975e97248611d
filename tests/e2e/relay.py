"""A line between whoever connects and a server, which can be cut, as a network does it."""

import socket
import struct
import threading
from contextlib import suppress

from .waiting import SECONDS

Ends = tuple[socket.socket, socket.socket]


class Relay:
    """Hands on what both say."""

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self._listener = socket.create_server((host, 0))
        self._lines: list[Ends] = []
        self._is_cut = False
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    @property
    def address(self) -> tuple[str, str]:
        """Host and port, as programs take them."""
        host, port = self._listener.getsockname()
        return host, str(port)

    def _accept(self) -> None:
        with suppress(OSError):  # it is closed
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._to, SECONDS)
                server.settimeout(None)
                self._lines.append((client, server))
                for one, other in ((client, server), (server, client)):
                    threading.Thread(target=self._hand_on, args=(one, other), daemon=True).start()

    def _hand_on(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
            if not self._is_cut:
                other.shutdown(socket.SHUT_WR)

    def cuts(self) -> None:
        """All lines are cut, and nobody who is there comes by this one again."""
        self._is_cut = True
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join(SECONDS)
        for line in self._lines:
            for end in line:
                with suppress(OSError):  # it has ended already
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    # A thread that reads holds the socket until this wakes it.
                    end.shutdown(socket.SHUT_RD)
                end.close()

    close = cuts
