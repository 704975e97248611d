"""What the web door has for others than the page: health, transcripts, and posting by a token."""

import html
import json
from collections.abc import Callable, Collection, Mapping, Sequence

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import NOT_FOUND, OK, SERVICE_UNAVAILABLE, UNAUTHORIZED
from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET, Request

from chat.base import limits, names, tokens
from chat.base.errors import Refused
from chat.base.language import Language
from chat.core.hub import Hub
from chat.core.ports import Query
from chat.doors import sockets
from chat.doors.sockets import Caller
from chat.doors.web_resources import Readable, Text, spend
from chat.log.events import Action, Entry
from chat.visit.door import Door
from chat.visit.visit import Visit, Visits
from chat.wire import jsonl
from chat.wire import requests as wire
from chat.wire.json_wire import JsonFormat, JsonWire
from chat.wire.wires import JSON, Kind, Wires

logger = Logger()


def answer_later(request: Request, answer: Deferred[bytes]) -> int:
    """Answer when that is known; whoever is gone by then is not answered."""
    gone: list[Failure] = []
    request.notifyFinish().addErrback(gone.append)

    def told(body: bytes) -> None:
        if not gone:
            request.setHeader(b"content-length", b"%d" % len(body))
            request.write(b"" if request.method == b"HEAD" else body)
            request.finish()

    def failed(failure: Failure) -> None:
        logger.failure("A browser could not be answered", failure)
        told(Text(SERVICE_UNAVAILABLE, "That cannot be told now.\n").render(request))

    answer.addCallbacks(told, failed)
    return NOT_DONE_YET


class Health(Readable):
    """Whether the server works: whether its store answers."""

    isLeaf = True

    def __init__(self, hub: Hub) -> None:
        super().__init__()
        self._hub = hub

    def read(self, request: Request) -> bytes | int:
        """(Readable)"""
        hub = self._hub
        asked = hub.store.after(hub.lobby.log.key, 0, 1).addTimeout(limits.HEALTH_SECONDS, hub.clock)

        def told(works: object) -> bytes:
            well = not isinstance(works, Failure) and not hub.stopping
            text = Text(OK, "It works.\n") if well else Text(SERVICE_UNAVAILABLE, "The store does not answer.\n")
            return text.render(request)

        return answer_later(request, asked.addBoth(told))


class Transcripts(Resource):
    """Of each of some rooms, what was said in it, as a page of plain HTML."""

    def __init__(self, hub: Hub, rooms: Collection[str], words: Language) -> None:
        super().__init__()
        self._hub, self._words = hub, words
        self._rooms = {names.fold(room).removeprefix("#"): room for room in rooms}

    def getChild(self, path: bytes, request: Request) -> IResource:
        """(IResource)"""
        room = self._rooms.get(names.fold(path.decode(errors="replace")))
        return Text(NOT_FOUND, "There is nothing here.\n") if room is None else Transcript(self._hub, room, self._words)


class Transcript(Readable):
    """What was said in a room, the last of it, or what was before a number."""

    isLeaf = True

    def __init__(self, hub: Hub, room: str, words: Language) -> None:
        super().__init__()
        self._hub, self._room, self._words = hub, room, words

    def read(self, request: Request) -> bytes | int:
        """(Readable)"""
        before = b"".join(request.args.get(b"before", [])[:1])
        number = int(before) if before.isdigit() and len(before) < 19 else None
        return answer_later(request, Deferred.fromCoroutine(self._page(request, number)))

    async def _page(self, request: Request, before: int | None) -> bytes:
        hub = self._hub
        await hub.rooms.load(self._room)
        try:
            room = hub.rooms.find(self._room, ())  # as for somebody who is in no room: one that is private is not there
        except Refused:
            return Text(NOT_FOUND, "There is nothing here.\n").render(request)
        key = room.log.key
        query = Query((key,), limits.HISTORY_MOST, before, behind={key: room.privacy.opened})
        found = await hub.archive.said(query) if room.log.recorded else None
        entries = [entry for _, entry in found.entries] if found is not None else []
        request.setHeader(b"content-type", b"text/html; charset=utf-8")
        request.setHeader(b"cache-control", b"no-store")
        more = found is not None and found.total > len(entries)
        body = page(room.log.name, room.topic, entries, more, self._words).encode()
        spend(request, limits.PRICE_QUERY + limits.PRICE_TRANSCRIPT_BYTE * len(body))
        return body


def page(name: str, topic: str, entries: Sequence[Entry], more: bool, words: Language) -> str:
    """A transcript; nothing of what people said is markup."""
    shown = html.escape
    lines, day = [], ""
    if more:
        lines.append(f'<p><a href="?before={entries[0].seq}">&larr;</a></p>')
    for entry in entries:
        if (today := f"{entry.at:%Y-%m-%d}") != day:
            day = today
            lines.append(f"<h2>{day} UTC</h2>")
        fact = entry.fact
        assert fact.author is not None  # people said it
        nick = fact.author.shown or fact.author.nick
        who = f"* <b>{shown(nick)}</b>" if isinstance(fact, Action) else f"<b>{shown(nick)}</b>:"
        text = shown("\n".join(jsonl.shown_lines(getattr(fact, "text", ""))))
        lines.append(f"<article><time>{entry.at:%H:%M}</time> {who} {text}</article>")
    head = (
        f'<!doctype html><html lang="{words.code}"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{shown(name)}</title><link rel="stylesheet" href="../chat.css">'
    )
    body = "\n".join(lines)
    return f'{head}<body class="transcript"><h1>{shown(name)}</h1><p>{shown(topic)}</p>\n{body}\n</body></html>\n'


# Posting by a token.

_STATUS: Mapping[str, int] = {
    "login-failed": 401, "no-room": 404, "room-bad": 404, "too-long": 413, "slow-down": 429, "too-many": 429,
    "not-allowed": 403, "muted": 403, "banned": 403, "locked": 403, "full": 403, "needs-tls": 403, "nick-taken": 403,
    "not-stored": 503, "unavailable": 503, "internal": 503,
}  # fmt: skip
"""What HTTP calls some of our codes; 400 all others."""


class Posts(Resource):
    """`POST /post/ROOM`: one line is said, as by /post."""

    def __init__(self, hub: Hub, visits: Visits, caller: Callable[[Request], Caller]) -> None:
        super().__init__()
        self._hub, self._visits, self._caller = hub, visits, caller

    def getChild(self, path: bytes, request: Request) -> IResource:
        """(IResource)"""
        return _Hook(self._hub, self._visits, self._caller, path.decode(errors="replace"))


class _Hook(Resource):
    """Of one room."""

    isLeaf = True

    def __init__(self, hub: Hub, visits: Visits, caller: Callable[[Request], Caller], room: str) -> None:
        super().__init__()
        self._hub, self._visits, self._caller, self._room = hub, visits, caller, room

    def render(self, request: Request) -> bytes | int:
        """(IResource)"""
        if request.method != b"POST":
            return Text(405, "This is to be posted to: see docs/web.md.\n").render(request)
        scheme, _, given = (request.getHeader("authorization") or "").partition(" ")
        token = tokens.normal(given) if scheme.lower() == "bearer" else None
        nick = None if token is None else self._hub.tokens.nick_of(token)
        if token is None or nick is None:
            request.setHeader(b"www-authenticate", b"Bearer")
            return Text(UNAUTHORIZED, "Send a token that is good: Authorization: Bearer TOKEN.\n").render(request)
        text = text_of(getattr(request, "body", b""))
        if text is None:
            return Text(400, 'Send text in UTF-8, or {"text": "..."}.\n').render(request)
        done: Deferred[Mapping[str, object]] = Deferred()
        _Post(self._hub, self._visits, self._caller(request), [f"{nick}:{token}", f"#{self._room}", text], done)
        return answer_later(request, done.addCallback(_answered, request))


def text_of(body: bytes) -> str | None:
    """What is to be said; None where it cannot be read."""
    try:
        text = body.decode().strip("\r\n")
        found = json.loads(text)["text"] if text.startswith("{") else text
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return found if isinstance(found, str) else None


def _answered(told: Mapping[str, object], request: Request) -> bytes:
    request.setResponseCode(OK if told["type"] == "ack" else _STATUS.get(str(told.get("code")), 400))
    request.setHeader(b"content-type", b"application/json")
    request.setHeader(b"cache-control", b"no-store")
    return jsonl.encode(told)


class _PostWire(JsonWire):
    """What comes is the one command; what is answered stays objects."""

    __slots__ = ()

    def read(self, line: str, expected: wire.Expected = wire.Expected.TALK) -> wire.Parsed:
        """(Wire)"""
        return wire.Invoke("post", "post", line.split("\0", 2), wire.Request("", "post"))


class VisitsBy:
    """The same visits, which begin in another wire."""

    def __init__(self, visits: Visits, kind: Kind, words: Language) -> None:
        self.budgets, self.wires = visits.budgets, Wires({JSON: kind}, words)
        self.made, self.made_again = visits.made, visits.made_again
        self.stir, self.lost = visits.stir, visits.lost


POSTED = Kind(JsonFormat, _PostWire)
"""By which one line is posted."""


class _Post(Door):
    """A visit of one line, and its own `Output`: what it is answered is the answer of HTTP."""

    sealed = private = False
    blocked = broken = False
    direct = None

    def __init__(
        self,
        hub: Hub,
        visits: Visits,
        caller: Caller,
        arguments: Sequence[str],
        done: Deferred[Mapping[str, object]],
    ) -> None:
        self.sealed, self.private = caller.sheltered, caller.private or caller.sheltered
        self._told = b""
        self._done: Deferred[Mapping[str, object]] | None = done
        self._clock = hub.clock
        self._visit = Visit(hub, visits, self, caller.host, caller.proxied)
        self._visit.begin(self, shaking=False)
        self._visit.meet()
        line = "\0".join(arguments)
        self._visit.received([line], len(line))

    def send(self, chunk: bytes) -> None:
        """(Output)"""
        self._told += chunk

    def shut(self) -> None:
        """(Output)"""

    def hang_up(self) -> None:
        """(Door) The line was answered, or will not be."""
        self._clock.callLater(0, self._end)

    abort = hang_up

    def _end(self) -> None:
        self._visit.lost()
        done, self._done = self._done, None
        if done is not None:
            objects = [keys for line in self._told.splitlines() if (keys := jsonl.parse(line)) is not None]
            last = [keys for keys in objects if keys.get("type") in ("ack", "error")][-1:]
            done.callback(last[0] if last else {"type": "error", "code": "internal", "text": ""})

    def pause(self, paused: bool) -> None:
        """(Door) There is but one line."""


def caller(known: Caller, values: Callable[[str, Sequence[str]], Sequence[str]]) -> Caller:
    """Who asks, where a proxy says so.

    All proxies pass on what somebody else has said before, in front: the last value of the last line is the proxy's.
    """
    if not known.forwards:
        return known
    said = _last(values("x-forwarded-for", []))
    sealed = _last(values("x-forwarded-proto", [])).lower() == "https"
    private = sockets.is_private(said) and not sockets.is_loopback(said)
    return Caller(sockets.host(said) if said else known.host, True, sealed, private)


def _last(lines: Sequence[str]) -> str:
    return lines[-1].rpartition(",")[2].strip() if lines else ""
