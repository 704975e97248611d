"""What is fuzzed: functions of any bytes, which raise where a promise is broken, and return nothing.

The first byte or bytes of an input say how it is used (in which state, cut where), so that a fuzzer finds that too.
"""

import json
import re
from collections.abc import Callable, Iterator
from itertools import pairwise

from any_input import TELNET, check_lines, check_objects, nothing_goes_wrong
from faced import World as Faced
from world import World

from chat.base import limits, names
from chat.base.errors import ChatError
from chat.base.lookalikes import looks
from chat.base.text import visible, width, wrap
from chat.client.faces.pipe import Pipe
from chat.client.faces.plain import PlainFace
from chat.client.talk.objects import understand
from chat.doors.lines import LineDecoder
from chat.wire import jsonl
from chat.wire.requests import Overlong


def lines(data: bytes) -> None:
    """Bytes to lines: however they are cut, the lines are the same, may be shown, and cost little memory."""
    sizes, data = data[:6], data[6:]
    whole, cut = LineDecoder(), LineDecoder()
    expected = [*whole.feed(data), *whole.end()]
    got: list[str | Overlong] = []
    answers = b""
    for piece in _cut(data, sizes):
        got += cut.feed(piece)
        answers += (answer := cut.answers())
        assert cut.telnet or not answer
        assert len(cut._partial) <= limits.LINE
        assert len(cut._held) <= 2 * limits.SUBNEGOTIATION + 3
        assert len(cut._answers) <= limits.TELNET_ANSWERS + 3 * 512 + 16
    got += cut.end()
    answers += cut.answers()
    assert got == expected
    assert cut.telnet == whole.telnet
    assert answers == whole.answers() or len(answers) >= limits.TELNET_ANSWERS
    for line in expected:
        if isinstance(line, str):
            assert "\n" not in line
            assert "\r" not in line
            assert visible(visible(line)) == visible(line)


STATES = [
    (),
    ("/ping",),
    ("/nick amy",),
    ("/nick amy", "/join #ops"),
    ("/nick amy", "/paste", "first"),
    ("/nick amy", "/leave"),
    ("/nick bob",),
    ("/nick amy", "/msg ann hi", "/away", "/ignore bob"),
]
"""What somebody typed before; who typed nothing may be a stranger, and is answered in another protocol."""


def commands(data: bytes) -> None:
    """Anything typed by somebody on the plain wire, in any state: nothing breaks, the others read on."""
    _session(data, "plain")


def requests(data: bytes) -> None:
    """Anything sent by a program, objects or not, in any state."""
    _session(data, "json")


def _session(data: bytes, wire: str) -> None:
    before, data = STATES[data[0] % len(STATES)] if data else (), data[1:]
    with nothing_goes_wrong():
        world = World()
        ann, bot = world.enter("ann", "/topic tea"), world.enter("bot", "/join #ops", wire="json")
        world.enter("bob", "/msg ann psst")
        somebody = world.connect(*before, wire=wire)
        somebody.send(data)
        world.turn()
        somebody.send(b"\n")
        world.wait(2, step=limits.NICK_PAUSE_SECONDS)
        somebody.close()
        world.wait(400, step=200)
        assert somebody.gone
        check_lines(ann.bytes)
        check_objects(bot.bytes)
        if before and somebody.visit.wire.asks:
            check_lines(TELNET.sub(b"", somebody.bytes))
        ann.take()
        ann.type("/ping")
        assert ann.lines == ["-> pong"]


def objects(data: bytes) -> None:
    """A line of JSON: a request or an error for the server, an object or nothing for the client."""
    try:
        request = jsonl.decode(data.decode("utf-8", "replace"))
    except ChatError:
        pass
    else:
        assert request.before is None or 0 <= request.before < 2**63
        assert request.id is None or len(request.id) <= limits.ID
    raw = jsonl.parse(data)
    if raw is not None:
        understand(raw)
        line = jsonl.safe(raw)
        assert line.isascii()
        assert line.isprintable()
        assert json.loads(line, parse_constant=_never) == raw
        sent = jsonl.encode(raw).decode()
        assert all(visible(char) == char for char in sent[:-1])


def client(data: bytes) -> None:
    """Anything that a server sends to somebody at a terminal, or to a recorder: what is shown are lines with marks."""
    how, data = (data[0], data[1:]) if data else (0, b"")
    faces: list[Callable[..., PlainFace | Pipe]] = [
        lambda ground: PlainFace(ground, "amy"),
        lambda ground: Pipe(ground, "amy", follow=True, raw=False),
        lambda ground: Pipe(ground, "amy", follow=True, raw=True),
    ]
    world = Faced(faces[how % len(faces)], "amy")
    if how & 4:
        world.server.accept()
    else:
        world.enter(resume="c0de")
    world.face.typed("/msg bob one")
    for part in data.split(b"\x00"):
        if not world.result:
            world.server.wire.dataReceived(part)
            world.clock.advance(1)
    world.face.typed("two")
    if not world.result:
        world.lose()
        world.clock.advance(limits.RETRY_MOST_SECONDS + 1)
    for out in (world.streams.out, world.streams.err):
        for line in out.split("\n"):
            assert visible(line) == line, line
            assert how % len(faces) == 2 or _MARKED.match(line), line


_MARKED = re.compile(
    r"-> |! |-!- |-- |\d\d:\d\d |\d{4}-\d\d-\d\dT[\d:+]+ |(?:.* )?(?:<|\* )|\[|(?:.* )? \| |Nickname: |$"
)


def texts(data: bytes) -> None:
    """Names and texts: what is allowed may be shown, keys are stable, wrapped lines fit."""
    columns, text = (data[0] % 40 + 12 if data else 80), data[1:].decode("utf-8", "replace")
    shown = visible(text)
    assert visible(shown) == shown
    wrapped = wrap(shown, columns, "-> ", "-> ")
    assert all(line.startswith("-> ") and width(line) <= columns for line in wrapped)
    assert "".join(line[3:] for line in wrapped).replace(" ", "") == shown.replace(" ", "")
    folded = names.fold(text)
    assert names.fold(folded) == folded
    for check in (names.check_nickname, names.check_room):
        try:
            name = check(text)
        except ChatError:
            continue
        assert visible(name) == name
        assert check(name) == name
        assert looks(names.fold(name)) <= looks(name)
    proposal = names.propose(text, lambda name: True)
    assert visible(proposal) == proposal
    assert names.propose(text, lambda name: name != proposal) != proposal


def _cut(data: bytes, sizes: bytes) -> Iterator[bytes]:
    borders = sorted({0, len(data), *(size * len(data) // 256 for size in sizes)})
    return (data[start:end] for start, end in pairwise(borders))


def _never(name: str) -> object:
    raise AssertionError(name)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "lines": lines,
    "commands": commands,
    "requests": requests,
    "objects": objects,
    "client": client,
    "texts": texts,
}
"""What can be fuzzed, by name."""
