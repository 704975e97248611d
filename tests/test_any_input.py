"""Whatever anybody sends, in whatever pieces: nothing breaks, and nobody else's terminal gets anything but text."""

from any_input import TELNET, check_lines, check_objects, nothing_goes_wrong
from hypothesis import given, settings
from hypothesis import strategies as st
from world import World

from chat.base import limits
from chat.commands.registry import NAMES

WORDS = st.sampled_from(
    [
        *(f"/{name}".encode() for name in NAMES),
        *(b" ann", b" bob", b" #lobby", b" #ops", b" -", b" 5", b" on", b"  ", b"\t", b"//", b"/"),
        *(b"\n", b"\n", b"\n", b"\n", b"\r\n", b"\r\0", b"\r", b"\n\n\n"),
        *(b"amy", b"\xd0\x90nn", b"K7F2Q-X9M4T", b"guest1", b"\xc3\x9c", b"\xc3", b"\x93quoted\x94", b"x" * 300),
        *(b"\x1b[31m", b"\x1b]0;PWNED\x07", b"\x1b[A", b"\x9b2J", b"\xc2\x9b2J", b"\x08", b"\x7f", b"\x15", b"\x04"),
        *("\u202e", "\u2066", "\u2028", "\u0085", "\ufeff", "a" + "\u0300" * 40, "\U000e0041", "-> ", "-!- ", "! "),
        *(
            b"\xff\xf4\xff\xfd\x06",
            b"\xff\xfd\x01",
            b"\xff\xfb\x00",
            b"\xff\xf6",
            b"\xff\xfa\x18\x01",
            b"\xff\xf0",
            b"\xff",
        ),
        *(b'{"line": "', b'", "id": "1"', b', "room": "#ops"', b', "before": 3', b', "seen": {"#lobby": 1}', b"}"),
        *(
            b'{"line": "hi\\nho\\u001b[31m\\ud800", "id": "1"}\n',
            b'{"line": "/me x\\u0000y"}\n',
            b'{"line": "/quit\\n"}\n',
        ),
    ]
).map(lambda word: word.encode() if isinstance(word, str) else word)

INPUT = st.lists(WORDS | WORDS | st.binary(max_size=20) | st.text(max_size=20).map(str.encode), max_size=40).map(
    b"".join
)


@settings(max_examples=3 * settings.default.max_examples)
@given(st.binary(max_size=3), INPUT, st.lists(st.integers(1, 60)), st.sampled_from(["", "amy\n", "/json\n/nick amy\n"]))
def test_any_bytes_in_any_pieces_harm_nobody(start: bytes, data: bytes, pieces: list[int], entering: str) -> None:
    with nothing_goes_wrong():
        world = World()
        ann = world.enter("ann", "/topic tea")
        bob = world.enter("bob", "/join #ops")
        bot = world.enter("bot", "/join #ops", wire="json")
        somebody = world.connect()
        somebody.send(entering.encode() + start)
        for size in pieces:
            somebody.send(data[:size] or b"\n")
            data = data[size:]
            world.turn()
        somebody.send(data + b"\n")
        world.wait(3, step=limits.NICK_PAUSE_SECONDS)
        somebody.close()
        world.wait(400, step=40)
        assert somebody.gone
        check_lines(ann.bytes)
        check_lines(bob.bytes)
        check_objects(bot.bytes)
        if somebody.visit.wire.asks:
            check_lines(TELNET.sub(b"", somebody.bytes))
        ann.take()
        ann.type("/ping")
        assert ann.lines == ["-> pong"]
        assert world.factory.clients == {client.visit for client in (ann, bob, bot)}


@given(INPUT, st.lists(st.integers(1, 40), max_size=30))
def test_it_does_not_matter_how_the_bytes_are_cut(data: bytes, pieces: list[int]) -> None:
    whole, cut = World(), World()
    heard = []
    for world, sizes in ((whole, [len(data)]), (cut, pieces)):
        ann = world.enter("ann")
        somebody = world.connect("amy")
        world.take_all()
        rest = data
        for size in sizes:
            if rest[:size]:
                somebody.send(rest[:size])
            rest = rest[size:]
        if rest:
            somebody.send(rest)
        somebody.send(b"\n")
        world.wait(60, step=limits.NICK_PAUSE_SECONDS)
        heard.append((ann.bytes, len(TELNET.sub(b"", somebody.bytes))))
    assert heard[0] == heard[1]
