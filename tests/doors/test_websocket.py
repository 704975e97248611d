"""Messages of pages: whatever the bytes are, and however they are cut, the lines are the same, and little is kept."""

from hypothesis import given
from hypothesis import strategies as st
from pages import frames, masked

from chat.base import limits
from chat.doors.websocket import WebSocketLines
from chat.wire.framed import PING, PONG
from chat.wire.requests import Overlong, Typed


def fed(*pieces: bytes) -> tuple[list[Typed], bytes, bytes]:
    """The lines, what pings are answered, and the goodbye."""
    decoder = WebSocketLines(0.0)
    lines = [line for piece in pieces for line in decoder.feed(piece)]
    return lines, decoder.answers(), decoder.goodbye(False, False)


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    pieces = []
    for size in sizes:
        pieces.append(data[:size])
        data = data[size:]
    return [*pieces, data]


messages = st.lists(st.text(st.characters(codec="utf-8"), max_size=300), max_size=5)


@given(messages, st.lists(st.integers(0, 50)))
def test_lines_are_the_same_however_they_are_cut(texts: list[str], sizes: list[int]) -> None:
    data = b"".join(masked(text.encode()) for text in texts)
    assert fed(*cut(data, sizes))[0] == fed(data)[0] == texts


@given(st.text(st.characters(codec="utf-8"), max_size=300), st.integers(0, 1200), st.binary(max_size=4))
def test_a_message_may_come_in_parts_with_pings_between(text: str, at: int, payload: bytes) -> None:
    data = text.encode()
    parts = masked(data[:at], 0x01) + masked(payload, PING) + masked(data[at:], 0x80)
    lines, pong, _ = fed(parts)
    assert (lines, frames(pong)) == ([text], [(PONG, payload)])


@given(st.binary(max_size=200), st.lists(st.integers(0, 50)))
def test_whatever_comes_nothing_is_raised_and_the_goodbye_is_one(data: bytes, sizes: list[int]) -> None:
    _, _, goodbye = fed(*cut(data, sizes), masked(b"more"), b"\0\0")
    [(kind, _)] = frames(goodbye)
    assert kind == 0x88


@given(st.integers(limits.LINE - 2, limits.LINE + 2))
def test_a_long_line_is_known_by_its_length(size: int) -> None:
    [line] = fed(masked(b"x" * size))[0]
    assert line == "x" * size if size <= limits.LINE else line == Overlong(size, limits.LINE)


def test_after_the_goodbye_nothing_counts() -> None:
    lines, pong, goodbye = fed(masked(b"one"), masked(b"\x03\xe8", 0x88) + masked(b"two"), masked(b"x", PING))
    assert (lines, pong) == (["one"], b"")
    assert frames(goodbye) == [(0x88, b"\x03\xe8")]
