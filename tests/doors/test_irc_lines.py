"""Lines of IRC clients: whatever the bytes are, and however they are cut."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from chat.base import limits
from chat.doors.irc_lines import IrcLines
from chat.wire.requests import Overlong


def read(*packets: bytes) -> list:
    decoder = IrcLines()
    return [line for packet in packets for line in decoder.feed(packet)] + decoder.end()


def test_cr_lf_and_lf_end_a_line_and_empty_ones_are_none() -> None:
    assert read(b"NICK amy\r\nUSER a\n\r\n\nPING\rPONG") == ["NICK amy", "USER a", "PING", "PONG"]


def test_nothing_is_edited_and_nothing_is_telnets() -> None:
    assert read(b"PRIVMSG #x :a\x08\x7f\x03\x04b\x1b[A\r\n") == ["PRIVMSG #x :a\x08\x7f\x03\x04b\x1b[A"]
    assert read(b"PRIVMSG #x :\xff\xfb\x18\r\n") == ["PRIVMSG #x :\udcff\udcfb\x18"]


def test_a_line_that_is_too_long_is_only_measured() -> None:
    fits, tags = b"x" * limits.IRC_LINE, b"@" + b"t" * (limits.IRC_TAGS - 2) + b" "
    assert read(fits + b"\r\n" + tags + fits + b"\r\n") == [fits.decode(), (tags + fits).decode()]
    assert read(fits + b"y\r\nPING\r\n") == [Overlong(limits.IRC_LINE + 1, limits.IRC_LINE), "PING"]
    assert read(tags[:-1] + b"t " + b"PING\r\n") == [Overlong(limits.IRC_TAGS + 5, limits.IRC_TAGS + limits.IRC_LINE)]
    assert read(*[b"z" * 5000] * 20, b"\nPING\n") == [Overlong(100_000, limits.IRC_TAGS + limits.IRC_LINE), "PING"]


def test_of_an_endless_line_little_is_kept() -> None:
    decoder = IrcLines()
    for _ in range(100):
        decoder.feed(b"z" * 8192)
    assert len(decoder.begun) <= limits.IRC_TAGS + limits.IRC_LINE + 1


@given(st.binary(max_size=300), st.lists(st.integers(0, 300)))
def test_how_the_bytes_are_cut_makes_no_difference(data: bytes, cuts: list[int]) -> None:
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    packets = [data[start:end] for start, end in pairwise(places)]
    assert read(*packets) == read(data)
