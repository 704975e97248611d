"""What a server says before it speaks JSON: only why it turns somebody away is of interest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.base import limits
from chat.client.link.lines import TooLong
from chat.client.talk.preamble import Preamble


def error(*lines: bytes | TooLong) -> object:
    preamble = Preamble()
    for line in lines:
        preamble.take(line)
    return preamble.error


def test_a_greeting_is_none() -> None:
    assert error(b"-> Welcome to the chat on pi.", b"! not an error", b"", TooLong(), b"! hm: x") is None


def test_an_error_of_several_lines_is_one() -> None:
    lines = b"-> Welcome", b"! needs-tls: This port is encrypted.", b"! Use chat-client --tls pi", b"-> Bye", b"! or so"
    assert error(*lines) == {
        "type": "error",
        "code": "needs-tls",
        "text": "This port is encrypted. Use chat-client --tls pi",
    }


def test_of_two_errors_it_is_the_first() -> None:
    assert error(b"! too-many: Your address has 200.", b"! nothing-said: The last line was not said.", b"! x") == {
        "type": "error",
        "code": "too-many",
        "text": "Your address has 200.",
    }


@pytest.mark.parametrize("lines", [[b"! needs-tls: " + b"x" * 9999], [b"! needs-tls: ", *[b"! " + b"x" * 99] * 999]])
def test_it_is_as_long_as_a_text_at_most(lines: list[bytes]) -> None:
    found = error(*lines)
    assert isinstance(found, dict)
    assert len(found["text"]) <= limits.TEXT


@given(st.lists(st.binary(max_size=30)))
def test_any_bytes_may_come(lines: list[bytes]) -> None:
    error(*lines, *(b"! " + line for line in lines))


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (b"HTTP/1.1 400 Bad Request", "web"),
        (b"<!DOCTYPE HTML>", "web"),
        (b"SSH-2.0-OpenSSH_9.2p1", "SSH"),
        (b":irc.example.net NOTICE * :*** Looking up your hostname", "IRC"),
        (b":irc.example.net 451 * :You have not registered", "IRC"),
        (b"ERROR :Closing Link", "IRC"),
        (b"220 mail.example.net ESMTP", "mail"),
        (b"* OK IMAP4", "mail"),
        (b"\x15\x03\x01\x00\x02\x02", "encrypted"),
        (b"-> Welcome to the chat on pi.", None),
        (b"", None),
    ],
)
def test_another_server_is_known_by_how_it_begins(line: bytes, what: str | None) -> None:
    preamble = Preamble()
    preamble.take(line)
    preamble.take(b"HTTP/1.1 is talked of later")
    assert what in preamble.stranger.text if preamble.stranger else what is None
