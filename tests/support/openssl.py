"""OpenSSL at the other end of TLS, as the system has it: it can do what no module of Python's can, change keys."""

import ctypes
import ctypes.util
import socket
from contextlib import suppress
from functools import cache

MOST = 65536
VERSIONS = {"1.2": 0x0303, "1.3": 0x0304}

_WANT_READ, _ZERO_RETURN = 2, 6
_SET_MAX_PROTO_VERSION = 124


@cache
def library() -> ctypes.CDLL:
    lib = ctypes.CDLL(ctypes.util.find_library("ssl") or "libssl.so.3")
    for name in ("TLS_client_method", "SSL_CTX_new", "SSL_new"):
        getattr(lib, name).restype = ctypes.c_void_p
    return lib


class Peer:
    """A client, whose bytes of TLS are had and given by hand."""

    def __init__(self, version: str = "1.3") -> None:
        self._lib = lib = library()
        self._context = ctypes.c_void_p(lib.SSL_CTX_new(ctypes.c_void_p(lib.TLS_client_method())))
        lib.SSL_CTX_ctrl(self._context, _SET_MAX_PROTO_VERSION, ctypes.c_long(VERSIONS[version]), None)
        self._state = ctypes.c_void_p(lib.SSL_new(self._context))
        self._inner, self._outer = socket.socketpair()
        self._inner.setblocking(False)
        self._outer.setblocking(False)
        lib.SSL_set_fd(self._state, self._inner.fileno())
        lib.SSL_set_connect_state(self._state)
        self.heard = bytearray()
        self.ended = False
        """The other side has said goodbye."""

    def shake(self) -> bool:
        """Go on with a handshake, or with what has to be sent."""
        return bool(self._lib.SSL_do_handshake(self._state) == 1)

    def say(self, data: bytes) -> None:
        """Encrypt this."""
        assert self._lib.SSL_write(self._state, data, len(data)) == len(data)

    def change_keys(self, both: bool) -> None:
        """Use new keys from now on, and perhaps have the other side do so, too."""
        assert self._lib.SSL_key_update(self._state, int(both)) == 1
        assert self.shake()

    def goodbye(self) -> None:
        """Send close_notify."""
        self._lib.SSL_shutdown(self._state)

    def made(self) -> bytes:
        """What is to be sent."""
        data = b""
        with suppress(BlockingIOError):
            while more := self._outer.recv(MOST):
                data += more
        return data

    def hear(self, data: bytes) -> None:
        """This came."""
        self._outer.sendall(data)
        place = ctypes.create_string_buffer(MOST)
        while (size := self._lib.SSL_read(self._state, place, MOST)) > 0:
            self.heard += place.raw[:size]
        error = self._lib.SSL_get_error(self._state, size)
        assert error in (_WANT_READ, _ZERO_RETURN), error
        self.ended |= error == _ZERO_RETURN

    def close(self) -> None:
        """Be gone."""
        self._lib.SSL_free(self._state)
        self._lib.SSL_CTX_free(self._context)
        self._inner.close()
        self._outer.close()
