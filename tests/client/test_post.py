"""`--post`: each line is said on a connection of its own, and told if it was not."""

import pytest
from memory_server import HELLO, Server
from memory_streams import Streams
from twisted.internet.error import ConnectionLost, ConnectionRefusedError
from twisted.internet.task import Clock

from chat.base import limits
from chat.base.language import Language
from chat.client.faces.post import Post
from chat.client.faces.stdio import Ground, Status
from chat.client.link.lines import TooLong


class World:
    """A post, its server, and its streams."""

    def __init__(self, room: str | None = None, language: str = "en") -> None:
        self.clock, self.server, self.streams = Clock(), Server(), Streams()
        ground = Ground(self.streams, Language(language), None, "pi:12345", None)  # type: ignore[arg-type]
        self.post = Post(ground, self.server, self.clock, "run", "pi", room)
        self.result: list[Status] = []
        self.post.start(None).addCallback(self.result.append)  # type: ignore[arg-type]

    def open(self) -> str:
        """Accept the next connection; returns what it wants to say."""
        self.server.accept()
        assert self.server.lines == ["/json"]
        self.server.send(HELLO)
        ((line, self.id),) = self.server.requests
        return line

    def answer(self, **keys: object) -> None:
        self.server.send({"id": self.id, **keys})
        self.server.close()


def test_each_line_has_a_connection_of_its_own_one_after_the_other() -> None:
    world = World()
    world.post.typed("one")
    world.post.typed("")
    world.post.input_ended("two")
    assert len(world.server.attempts) == 1
    assert world.open() == "/post pi #lobby one"
    world.answer(type="ack")
    assert world.open() == "/post pi #lobby two"
    world.answer(type="ack")
    assert world.result == [Status.WELL]
    assert world.streams.err == ""


def test_it_is_said_in_the_room_that_was_named() -> None:
    world = World("#ops")
    world.post.input_ended("#5 is done")
    assert world.open() == "/post pi #ops #5 is done"


def test_a_refused_line_is_told_and_the_next_one_tried() -> None:
    world = World()
    world.post.typed("one")
    world.post.input_ended("two")
    world.open()
    world.answer(type="error", code="nick-taken", text="pi is here already.")
    world.open()
    world.answer(type="ack")
    assert world.streams.err == "! nick-taken: pi is here already.  (one)\n"
    assert world.result == [Status.REFUSED]


@pytest.mark.parametrize(("code", "language"), [("en", "en"), ("es_MX", "es")])
def test_the_server_is_asked_to_speak_the_language_of_whoever_posts(code: str, language: str) -> None:
    world = World(language=code)
    world.post.input_ended("one")
    world.server.accept()
    world.server.send({**HELLO, "acks": True})
    _, (asked, asked_id), (said, world.id) = world.server.requests
    assert (asked, said) == (f"/language {language}", "/post pi #lobby one")
    # Whatever comes of that, the line is what counts.
    world.server.send({"type": "error", "id": asked_id, "code": "usage", "text": "no such language"})
    world.answer(type="ack")
    assert world.result == [Status.WELL]


def test_without_a_connection_the_rest_is_not_tried() -> None:
    world = World()
    world.post.typed("one")
    world.post.input_ended("two")
    world.server.refuse(ConnectionRefusedError())
    assert world.streams.err.splitlines() == [
        "! no connection to pi:12345: nothing answers at this port",
        "! Not sent: one",
        "! Not sent: two",
    ]
    assert world.result == [Status.NO_CONNECTION]


def test_a_line_that_was_sent_and_not_answered_is_not_confirmed() -> None:
    world = World()
    world.post.input_ended("one")
    world.open()
    world.server.close(ConnectionLost())
    assert world.streams.err == "! Not confirmed, so perhaps not said: one\n"
    assert world.result == [Status.NOT_CONFIRMED]


def test_a_server_that_does_not_answer_is_left() -> None:
    world = World()
    world.post.input_ended("one")
    world.open()
    world.clock.advance(limits.PING_SECONDS)
    world.clock.advance(limits.PONG_SECONDS)
    assert world.server.transport.disconnected


@pytest.mark.parametrize("line", [TooLong(), "x" * limits.LINE])
def test_a_line_that_is_too_long_is_refused_here(line: str | TooLong) -> None:
    world = World()
    world.post.input_ended(line)
    assert world.streams.err.startswith("! ")
    assert world.server.attempts == []
    assert world.result == [Status.REFUSED]


def test_stopping_tells_what_was_not_said() -> None:
    world = World()
    world.post.typed("one")
    world.post.typed("two")
    world.open()
    world.post.stop()
    assert world.server.transport.disconnected
    assert world.streams.err.splitlines() == ["! Not confirmed, so perhaps not said: one", "! Not sent: two"]
    assert world.result == [Status.NOT_CONFIRMED]


def test_input_is_not_read_on_while_many_lines_wait() -> None:
    world = World()
    for number in range(limits.LINES_KEPT + 1):
        assert not world.streams.paused
        world.post.typed(str(number))
    assert world.streams.paused
    world.open()
    world.answer(type="ack")
    assert not world.streams.paused


@pytest.mark.parametrize("garbage", [b"\xff\n", b"{}\n", b'{"type":"ack"}\n', b"x" * 100 + b"\n", b"[]\n" * 100])
def test_garbage_is_no_answer(garbage: bytes) -> None:
    world = World()
    world.post.input_ended("one")
    world.open()
    world.server.wire.dataReceived(garbage)
    world.answer(type="error", code="nick-taken", text="no")
    assert world.result == [Status.REFUSED]


@pytest.mark.parametrize("hello", [False, True])
def test_a_server_that_chatters_and_answers_nothing_is_left(hello: bool) -> None:
    world = World()
    world.post.input_ended("one")
    world.server.accept()
    if hello:
        world.server.send(HELLO)
    for _ in range(int(limits.CONFIRM_SECONDS)):
        world.server.wire.dataReceived(b"blah\n")
        world.clock.advance(1)
    assert world.server.transport.disconnected
    world.server.close()
    assert world.result == [Status.NOT_CONFIRMED if hello else Status.NO_CONNECTION]
