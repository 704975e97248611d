"""The web door: the page that browsers load from the port where everybody comes in, and its way to the chat.

Whoever imports this has a web server in memory: it is imported for the first browser.
A connection is a browser's (`Browser`) until it asks for the WebSocket; from then on it is a visit like any other.

A page of somebody else's must neither read nor write here.  So the name under which it was reached (Host) has to be one
that no stranger can give to this machine (DNS rebinding), and where a page asks (Origin), it has to be ours; there are
no cookies, and nothing else that a browser sends along by itself.  Where several servers are one chat, a page of one of
the others is ours where it wants to talk, and there alone; and ours may talk with the others.
"""

import ipaddress
import json
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from importlib.resources import files
from math import ceil
from typing import Any, Protocol
from urllib.parse import urlsplit

from h11 import LocalProtocolError
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET, Request, Site
from wsproto.connection import ConnectionType
from wsproto.events import AcceptConnection
from wsproto.handshake import H11Handshake
from wsproto.utilities import RemoteProtocolError

from chat.base import addresses, limits
from chat.base.language import Language
from chat.base.named_tuples import NamedTuple
from chat.base.patterns import pattern
from chat.core.hub import Hub
from chat.doors.sockets import Caller
from chat.doors.web_outside import POSTED, Health, Posts, Transcripts, VisitsBy, caller
from chat.doors.web_resources import Closed, File, Picture, Readable, Text
from chat.doors.websocket import WebSocketLines
from chat.visit.visit import Visits
from chat.wire.framed import FramedFormat, FramedWire
from chat.wire.join_hints import web_address
from chat.wire.wires import Kind

logger = Logger()

_FILES = {
    "": ("index.html", "text/html; charset=utf-8"),
    "chat.js": ("chat.js", "text/javascript; charset=utf-8"),
    "chat.css": ("chat.css", "text/css; charset=utf-8"),
    "icon.svg": ("icon.svg", "image/svg+xml"),
    "manifest.json": ("manifest.json", "application/manifest+json"),
}
"""By the path, the file of the page and what it is."""

_POLICY = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}

_TALK = b"/ws"
"""Where a page talks."""

_FULL = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

_NAME = pattern(r"[a-z0-9]([a-z0-9_-]*[a-z0-9])?\.?")
_PORT = pattern(r":\d{1,5}")


class Settings(NamedTuple):
    """What the operator chose, and where the page is to be found."""

    names: Collection[str] = ()
    """Under which browsers may come, beside those that no stranger can give."""

    shared: bool = False
    """Many people use one browser: nothing is kept there beyond a tab."""

    addresses: Callable[[], Sequence[str]] = list
    """Of this machine, as others know it."""

    public: Collection[str] = ()
    """Rooms of which everybody may read what was said."""

    port: int = 0
    sealed_port: int = 0
    """Where one comes in, and where encrypted; 0 is nowhere."""


class Door(Protocol):
    """The connection of a browser."""

    transport: Any
    caller: Caller

    def dataReceived(self, data: bytes) -> None:
        """This came."""

    def converse(self, visits: Visits, decoder: WebSocketLines, caller: Caller, answer: bytes) -> None:
        """From now on they chat, by messages, once they got this answer."""


class Web:
    """All browsers of a server, and what they find there."""

    def __init__(self, hub: Hub, visits: Visits, words: Language, settings: Settings) -> None:
        self.hub = hub
        self.words = words
        self.visits = VisitsBy(visits, Kind(FramedFormat, FramedWire), words)
        self.posts = VisitsBy(visits, POSTED, words)
        self.settings = settings
        self.site = _Site(_root(self), self)
        self._browsers: set[Browser] = set()
        self._hosts: Counter[str] = Counter()
        self._empty: Deferred[None] | None = None

    @property
    def pages(self) -> Sequence[str]:
        """The addresses of the page on all servers of this chat, where they are several."""
        return list(filter(addresses.is_page, self.hub.addresses.all))

    def begin(self, door: Door) -> "Browser | None":
        """A browser has come; None where there are too many."""
        host, proxied = door.caller.host, door.caller.forwards
        if len(self._browsers) >= limits.WEB_CLIENTS or (not proxied and self._hosts[host] >= limits.WEB_PER_HOST):
            door.transport.write(_FULL)
            door.transport.loseConnection()
            # Over TLS they would have to say goodbye as well, and nobody reads it.
            self.hub.clock.callLater(limits.CLOSE_SECONDS, door.transport.abortConnection)
            return None
        browser = self.site.buildProtocol(None)
        assert isinstance(browser, Browser)
        self._browsers.add(browser)
        self._hosts[host] += 1
        browser.begin(self, door)
        return browser

    def end(self, browser: "Browser", host: str) -> None:
        """It is gone, or talks."""
        if browser in self._browsers:
            self._browsers.remove(browser)
            self._hosts[host] -= 1
            if not self._hosts[host]:
                del self._hosts[host]
            if self._empty is not None and not self._browsers and not self._empty.called:
                self._empty.callback(None)

    def __contains__(self, host: str) -> bool:
        """Whether one of this address loads the page just now."""
        return host in self._hosts

    def drain(self) -> Deferred[None]:
        """The server stops: what was asked for is still answered; fires when all are gone."""
        empty = self._empty = Deferred()
        if not self._browsers:
            empty.callback(None)
        for browser in list(self._browsers):
            browser.finish()
        return empty

    def abort(self) -> None:
        """They are not waited for."""
        for browser in list(self._browsers):
            browser.transport.abortConnection()


class Browser(HTTPChannel):
    """A connection that speaks HTTP."""

    door: Door
    transport: Any
    _networkProducer: Any
    _dataBuffer: list[bytes]
    _web: Web
    _deadline: IDelayedCall | None = None
    talks = False

    def begin(self, web: Web, door: Door) -> None:
        """It speaks by this door."""
        self._web, self.door = web, door
        self.makeConnection(door.transport)
        self.wait()

    def wait(self) -> None:
        """They have so long for a whole request."""
        self.wait_no_more()
        self._deadline = self._web.hub.clock.callLater(limits.WEB_SECONDS, self._give_up)

    def wait_no_more(self) -> None:
        """It is whole."""
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()

    def dataReceived(self, data: bytes) -> None:
        """(IProtocol) What comes behind the request of a page that talks is the first that it says."""
        try:
            super().dataReceived(data)
        except Exception:
            logger.failure("What a browser sent could not be read")
            self.transport.abortConnection()
        if self.talks and (rest := b"".join(self._dataBuffer)):
            self.door.dataReceived(rest)

    def spend(self, host: str, price: float) -> float:
        """See `_Request.spend`."""
        hub = self._web.hub
        budget = self._web.visits.budgets.of_address(host, hub.settings.rate > 0 and hub.settings.max_per_host > 0)
        budget.left -= price
        return budget.wait(hub.clock.seconds())

    def policy(self) -> str:
        """Where the page may go."""
        others = [addresses.socket(page) for page in self._web.pages]
        return " ".join([f"{_POLICY}; connect-src 'self'", *others]) if others else _POLICY

    def _give_up(self) -> None:
        self._deadline = self._web.hub.clock.callLater(limits.WEB_LAST_SECONDS, self.transport.abortConnection)
        self.loseConnection()

    def headerReceived(self, line: bytes) -> bool:
        """(HTTPChannel) Twisted fails at what is not UTF-8, and Python at a length of thousands of digits."""
        try:
            return bool(super().headerReceived(line.decode(errors="replace").encode()))
        except ValueError:
            return bool(self._failChooseTransferDecoder())

    def requestDone(self, request: Request) -> None:
        """(HTTPChannel) It was answered.

        No browser asks for more before it has the answer.  Hundreds of such requests come in one packet; to answer them
        takes a tenth of a second in which nobody else is served, and megabytes where they do not read.
        """
        self.wait()
        if self.clearLineBuffer() or self._dataBuffer:
            self._dataBuffer.clear()
            self.persistent = False
        super().requestDone(request)

    def finish(self) -> None:
        """Close when what was asked for is answered."""
        if any(request.finished == 0 and request.whole for request in self.requests):
            self.persistent = False
        else:
            self.loseConnection()

    def converse(self, answer: bytes, caller: Caller) -> None:
        """The page talks from now on: nothing more of it is HTTP."""
        self.wait_no_more()
        self._networkProducer.unregisterProducer()
        self.talks = True
        self._web.end(self, self.door.caller.host)
        self.door.converse(self._web.visits, WebSocketLines(self._web.hub.clock.seconds()), caller, answer)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """(IProtocol) They are gone."""
        self.wait_no_more()
        self._web.end(self, self.door.caller.host)
        super().connectionLost(reason)


class _Request(Request):
    """What a browser asks; little is taken that is sent along, and the answer tells no version."""

    channel: Browser
    whole = False
    body = b""
    too_long = False

    def gotLength(self, length: int | None) -> None:
        """(Request) Twisted would open a file for what is long."""
        super().gotLength(0)
        self.too_long = (length or 0) > limits.WEB_BODY

    def spend(self, price: float) -> float:
        """It made the server do this; returns how many seconds it has to wait, where that was too much."""
        return self.channel.spend(_caller(self).host, price)

    def handleContentChunk(self, data: bytes) -> None:
        """(Request)"""
        if len(self.body) + len(data) > limits.WEB_BODY:
            self.too_long = True
        else:
            self.body += data

    def process(self) -> None:
        """(Request) It is whole."""
        self.whole = True
        self.channel.wait_no_more()
        for name, value in _HEADERS.items():
            self.setHeader(name.encode(), value.encode())
        self.setHeader(b"content-security-policy", self.channel.policy().encode())
        if self.path == b"*":  # it is answered like all others, and not by Twisted for everybody
            self.path = b"/*"
        super().process()

    def setHeader(self, name: str | bytes, value: str | bytes) -> None:
        """(Request) Of no answer, whatever it is, the version."""
        if name != b"Server":
            super().setHeader(name, value)


class _Site(Site):
    """Answers who may ask, and logs no addresses."""

    noisy = False
    protocol = Browser  # type: ignore[assignment]  # one for HTTP 2, too, is not needed
    displayTracebacks = False

    def __init__(self, root: Resource, web: Web) -> None:
        super().__init__(root, _Request, timeout=None, reactor=web.hub.clock)
        self._web = web

    def log(self, request: Any) -> None:
        """(HTTPFactory)"""

    def getResourceFor(self, request: _Request) -> IResource:
        """(Site) Before anything else is looked at."""
        host = request.requestHeaders.getRawHeaders("host", [])
        origins = request.requestHeaders.getRawHeaders("origin", [])
        if len(host) != 1 or not may_be_called(host[0], self._web.settings.names):
            return Text(421, _MISDIRECTED)
        nodes = {addresses.origin(page) for page in self._web.pages} if request.path == _TALK else ()
        if any(not is_ours(origin, host[0]) and origin.lower() not in nodes for origin in origins):
            return Text(403, _FOREIGN.format(host=host[0]))
        if wait := request.spend(limits.PRICE_REQUEST):
            request.setHeader(b"retry-after", b"%d" % ceil(wait))
            return Text(429, "Your address asks for much. Come again later.\n")
        if request.too_long:
            return Text(413, "That is too long.\n")
        return super().getResourceFor(request)  # type: ignore[no-any-return]  # it has no types


_MISDIRECTED = (
    "This chat does not know that name. Whoever runs it can name it: --web-name NAME.\n"
    "Behind a proxy, have it pass the name on (nginx: proxy_set_header Host $http_host).\n"
)
_FOREIGN = (
    "A page of another place must not talk here; this one is {host}.\n"
    "Behind a proxy, have it pass the name on (nginx: proxy_set_header Host $http_host).\n"
)


def may_be_called(host: str, names: Collection[str]) -> bool:
    """Whether no stranger can have given this name (with a port or without) to this machine."""
    name = _without_port(host.lower())
    if name.startswith("[") and name.endswith("]"):
        name = name[1:-1]
    elif _NAME.fullmatch(name) or name.removesuffix(".") in names:
        return True
    elif name.removesuffix(".").endswith(".local"):
        return all(_NAME.fullmatch(label) for label in name.removesuffix(".").split("."))
    try:
        return bool(ipaddress.ip_address(name))
    except ValueError:
        return False


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if _PORT.fullmatch(colon + port) and (name.endswith("]") or ":" not in name) else host


def is_ours(origin: str, host: str) -> bool:
    """Whether a page of this origin was loaded from this host and port."""
    try:
        parts = urlsplit(origin)
        default = {"http": 80, "https": 443}.get(parts.scheme)
        there = urlsplit(f"//{host}")
        return default is not None and (parts.hostname, parts.port or default) == (
            there.hostname,
            there.port or default,
        )
    except ValueError:
        return False


class _About(Readable):
    """What the page is to know of the server."""

    isLeaf = True

    def __init__(self, web: Web) -> None:
        super().__init__()
        self._settings = web.settings

    def read(self, request: Request) -> bytes | int:
        """(Readable)"""
        request.setHeader(b"content-type", b"application/json")
        request.setHeader(b"cache-control", b"no-store")
        host = urlsplit(f"//{request.getHeader('host')}").hostname or ""
        sealed, settings = request.isSecure(), self._settings
        about = {
            "shared": settings.shared,
            "addresses": []
            if sealed or not settings.port
            else [web_address(host, settings.port) for host in settings.addresses()],
            "encrypted": None
            if sealed or not settings.sealed_port
            else web_address(host, settings.sealed_port, "https"),
        }
        return json.dumps(about).encode()


def _root(web: Web) -> Resource:
    root = Closed()
    root.putChild(b"about.json", _About(web))
    for path, (name, kind) in _FILES.items():
        root.putChild(path.encode(), File((files("chat.doors") / "page" / name).read_bytes(), kind))
    root.putChild(b"qr.svg", Picture())
    root.putChild(b"healthz", Health(web.hub))
    root.putChild(b"post", Posts(web.hub, web.posts, _caller))
    root.putChild(b"log", Transcripts(web.hub, web.settings.public, web.words))
    root.putChild(_TALK.removeprefix(b"/"), _Socket())
    return root


def _caller(request: Request) -> Caller:
    browser = request.channel
    assert isinstance(browser, Browser)
    return caller(browser.door.caller, request.requestHeaders.getRawHeaders)


class _Socket(Readable):
    """Where the page talks."""

    isLeaf = True

    def read(self, request: Request) -> bytes | int:
        """(Readable)"""
        handshake = H11Handshake(ConnectionType.SERVER)
        headers = [(name, value) for name, values in request.requestHeaders.getAllRawHeaders() for value in values]
        try:
            if (request.method, request.clientproto) != (b"GET", b"HTTP/1.1"):
                raise RemoteProtocolError("by such a request nothing is upgraded")
            handshake.initiate_upgrade_connection(headers, request.path)
            answer = handshake.send(AcceptConnection())
        except (RemoteProtocolError, LocalProtocolError, UnicodeError):
            request.setHeader(b"sec-websocket-version", b"13")
            return Text(400, "This is for the page alone.\n").render(request)
        browser = request.channel
        assert isinstance(browser, Browser)
        browser.converse(answer, _caller(request))
        return NOT_DONE_YET
