"""Clients that speak another protocol: known by their first bytes or line, and answered in it where they should go.

Pure.  Nothing that came from a stranger is ever handled: what follows the first line of a POST is no talk.  What takes
many bytes to be known is left alone, for none of it can be said by chance: a first byte of SYN (TLS), ENQ (SOCKS 5) or
EOT with a command behind it (SOCKS 4), and a first line that is HTTP's, SSH's or, in capital letters, IRC's.
"""

import struct
from collections.abc import Sequence
from enum import Enum

from chat.base.errors import Refused
from chat.base.language import Language, Sentence, say
from chat.base.patterns import pattern
from chat.wire.join_hints import ENCRYPTED, Directions

HANDSHAKE = b"\x16"
"""The first byte of TLS: a record of the handshake (RFC 8446, 5.1)."""

_ALERT = bytes([21, 3, 1, 0, 2, 2, 70])
"""A fatal alert `protocol_version`; programs then say that this is not a port for TLS, and not that it broke."""

_HTTP = pattern(r"([A-Z]{1,20}) \S+ HTTP/\d(?:\.\d)? *")
_IRC = pattern(
    rb"(?:@\S+ +)?"
    rb"(?:CAP :?[A-Z]+\b[^\r\n]*|(?:PASS|NICK) \S+ *|PASS :[^\r\n]*|USER(?: +[^\s:]\S*){3} +\S[^\r\n]*|JOIN :)[\r\n]"
)
_METHODS = (b"GET ", b"HEAD ", b"POST ", b"PUT ", b"OPTIONS ", b"DELETE ", b"PATCH ")
_REQUEST = pattern(rb"(?:%b)\S+ HTTP/1\.\d *[\r\n]" % b"|".join(_METHODS))
_SSH = pattern(r"SSH-\d\.\d+-.*")

_SSH_DISCONNECT = 1
_SSH_PROTOCOL_ERROR = 2
_SSH_SHOWN = 400
"""Bytes of a reason that OpenSSH shows."""


class ForeignProtocol(Enum):
    """What a stranger speaks."""

    TLS = "TLS"
    HTTP = "HTTP"
    HEAD = "HTTP (HEAD)"
    IRC = "IRC"
    SSH = "SSH"
    SOCKS4 = "SOCKS 4"
    SOCKS5 = "SOCKS 5"


def by_first_bytes(data: bytes) -> ForeignProtocol | None:
    """Who begins with bytes that nobody types."""
    if data[:1] == HANDSHAKE:
        return ForeignProtocol.TLS
    if data[:1] == b"\x05":
        return ForeignProtocol.SOCKS5
    # A ^D alone is the end of somebody's input.
    if data[:2] in (b"\x04\x01", b"\x04\x02"):
        return ForeignProtocol.SOCKS4
    return None


def by_first_line(line: str) -> ForeignProtocol | None:
    """Who begins with a line that nobody means as talk."""
    if match := _HTTP.fullmatch(line):
        return ForeignProtocol.HEAD if match[1] == "HEAD" else ForeignProtocol.HTTP
    return ForeignProtocol.SSH if _SSH.fullmatch(line) else None


def speaks_irc(data: bytes) -> bool:
    """Whether this begins as IRC clients do: with a command in capital letters and what it needs, in a whole line."""
    return _IRC.match(data) is not None


def speaks_http(data: bytes) -> bool:
    """Whether this begins as browsers do: with the first line of a request, in whole."""
    return _REQUEST.match(data) is not None


def may_speak_http(data: bytes) -> bool:
    """Whether that may be what this begins, as far as it has come."""
    return b"\n" not in data and any(data.startswith(method) or method.startswith(data) for method in _METHODS)


def recognise(data: bytes) -> ForeignProtocol | None:
    """Who begins so, all of their first packet being there."""
    if speaks_irc(data):
        return ForeignProtocol.IRC
    return by_first_bytes(data) or by_first_line(data.partition(b"\n")[0].decode("latin-1").rstrip("\r"))


class Reception:
    """Answers strangers, in the server's language."""

    def __init__(self, words: Language, directions: Directions | None = None) -> None:
        self.directions = directions or Directions()
        self._words = words.words

    def ways(self, host: str) -> list[Sentence]:
        """What one can type to join by this address of ours."""
        return self.directions.ways(host)

    def answer(self, kind: ForeignProtocol, host: str, refused: Refused | None = None, page: str = "") -> bytes:
        """The whole answer to somebody who reached us at this address.

        A browser is told why it may not come, or where the page is that it will not find in clear.
        """
        ways = [self._words(way) for way in self.ways(host)]
        match kind:
            case ForeignProtocol.TLS:
                return _ALERT
            case ForeignProtocol.SOCKS4:
                return bytes([0, 91]) + bytes(6)  # request rejected
            case ForeignProtocol.SOCKS5:
                return bytes([5, 255])  # no acceptable method
            case ForeignProtocol.IRC:
                title = self._words(ENCRYPTED)
                return _irc(title, ways)
            case ForeignProtocol.SSH:
                return _ssh(self._words(say("This is a chat, not SSH. Join it with:")), ways)
            case ForeignProtocol.HTTP | ForeignProtocol.HEAD:
                with_body = kind is ForeignProtocol.HTTP
                if refused is not None:
                    status = "403 Forbidden" if refused.code == "banned" else "503 Service Unavailable"
                    return _http(status, [self._words(refused.sentence)], with_body)
                if page:
                    return _http(
                        "400 Bad Request",
                        [self._words(say("This port is encrypted: the page is {address}", address=page))],
                        with_body,
                    )
                title = self._words(say("This is a chat, not a web server. Join it with:"))
                return _http("400 Bad Request", [title, *ways], with_body)


def _http(status: str, lines: Sequence[str], with_body: bool) -> bytes:
    body = "".join(f"{line}\n" for line in lines).encode()
    head = (
        f"HTTP/1.1 {status}\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Cache-Control: no-store\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + (body if with_body else b"")


def _irc(title: str, ways: Sequence[str]) -> bytes:
    """Notices, which clients show as they are, and ERROR, after which they do not wait for more (RFC 2812, 3.7.4)."""
    notices = "".join(f"NOTICE * :{line}\r\n" for line in (title, *ways))
    return f"{notices}ERROR :{' '.join((title, *(way.strip() for way in ways[:1])))}\r\n".encode()


def _ssh(title: str, ways: Sequence[str]) -> bytes:
    """An identification and SSH_MSG_DISCONNECT, unencrypted as before a key exchange (RFC 4253, 4.2, 6, 11.1)."""
    reason = f"{title} {', '.join(way.strip() for way in ways)}".encode()[:_SSH_SHOWN]
    payload = struct.pack(f">BII{len(reason)}sI", _SSH_DISCONNECT, _SSH_PROTOCOL_ERROR, len(reason), reason, 0)
    # At least four bytes of padding, and the whole a multiple of eight.
    padding = 4 + -(4 + 1 + len(payload) + 4) % 8
    packet = struct.pack(">IB", 1 + len(payload) + padding, padding) + payload + bytes(padding)
    return b"SSH-2.0-chat\r\n" + packet
