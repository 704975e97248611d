"""What browsers may read: a few words, a file of the page, a picture of an address."""

import io
from abc import ABC, abstractmethod
from hashlib import blake2b
from typing import Protocol, cast
from urllib.parse import urlsplit

import segno
from twisted.web.http import RESPONSES
from twisted.web.resource import IResource, Resource
from twisted.web.server import Request

from chat.base import limits


class Spender(Protocol):
    """A request of ours, whose price is its address's."""

    def spend(self, price: float) -> float:
        """It made the server do this."""


def spend(request: Request, price: float) -> None:
    """It made the server do this."""
    cast(Spender, request).spend(price)


class Closed(Resource):
    """There is nothing below it but what was put there."""

    def getChild(self, path: bytes, request: Request) -> IResource:
        """(IResource)"""
        return Text(404, "There is nothing here.\n")


class Readable(Closed, ABC):
    """What may be read, and no more; who asks for the head alone gets how long it is."""

    def render(self, request: Request) -> bytes | int:
        """(IResource)"""
        if request.method not in (b"GET", b"HEAD"):
            return Text(405, "This is to be read alone.\n").render(request)
        body = self.read(request)
        if isinstance(body, int) or request.method == b"GET":
            return body
        request.setHeader(b"content-length", b"%d" % len(body))
        return b""

    @abstractmethod
    def read(self, request: Request) -> bytes | int:
        """What it is; with its headers."""


class Text(Resource):
    """A few words, for whoever looks."""

    isLeaf = True

    def __init__(self, code: int, text: str) -> None:
        super().__init__()
        self._code, self._text = code, text

    def render(self, request: Request) -> bytes:
        """(IResource)"""
        request.setResponseCode(self._code, RESPONSES.get(self._code, b"Misdirected Request"))
        request.setHeader(b"content-type", b"text/plain; charset=utf-8")
        request.setHeader(b"cache-control", b"no-store")
        return self._text.encode() if request.method != b"HEAD" else b""


class File(Readable):
    """A part of the page; a browser asks each time whether it has changed."""

    def __init__(self, data: bytes, kind: str) -> None:
        super().__init__()
        self._data, self._kind = data, kind
        self._tag = b'"' + blake2b(data, digest_size=8).hexdigest().encode() + b'"'

    def read(self, request: Request) -> bytes | int:
        """(Readable)"""
        request.setHeader(b"content-type", self._kind.encode())
        request.setHeader(b"cache-control", b"no-cache")
        if request.setETag(self._tag):
            return b""
        return self._data


class Picture(Readable):
    """An address as a QR code, for a telephone beside the screen."""

    isLeaf = True

    def read(self, request: Request) -> bytes | int:
        """(Readable)"""
        of = b"".join(request.args.get(b"of", [])[:1]).decode(errors="replace")
        try:
            right = len(of) <= limits.WEB_ADDRESS and urlsplit(of).scheme in ("http", "https")
        except ValueError:
            right = False
        if not right:
            return Text(404, "There is nothing here.\n").render(request)
        request.setHeader(b"content-type", b"image/svg+xml")
        spend(request, limits.PRICE_PICTURE)
        drawn = io.BytesIO()
        segno.make(of, micro=False).save(drawn, kind="svg", scale=8, light="white")
        return drawn.getvalue()
