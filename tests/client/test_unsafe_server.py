"""A server that is not safe, as each face meets it: who is asked, what is told, and how it ends."""

import errno
from collections.abc import Callable

import pytest
from faced import World
from memory_server import HELLO, Server, welcome
from memory_streams import Streams
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.task import Clock

from chat.base import limits
from chat.base.fingerprint import fingerprint
from chat.base.language import Language, say
from chat.client.faces.pipe import Pipe
from chat.client.faces.plain import PlainFace
from chat.client.faces.post import Post
from chat.client.faces.stdio import Ground, Status
from chat.client.link.trust import Unknown, Unsafe

CHANGED = Unsafe(say("It has changed."), say("Twice."))
SHOWN = fingerprint(b"shown")
NEEDS_TLS = b"! needs-tls: This port is encrypted. It is\r\n! joined with:\r\n->   ncat --ssl pi 12345\r\n"


class Stranger:
    """A server that nobody knows, and what became of it."""

    def __init__(self, error: OSError | None = None) -> None:
        self.accepted = 0
        self._error = error

    def problem(self) -> Unknown:
        return Unknown(SHOWN, self._accept, say("Nobody knows it."))

    def _accept(self) -> None:
        self.accepted += 1
        if self._error is not None:
            raise self._error


def person(language: str = "en") -> World:
    return World(lambda ground: PlainFace(ground, "amy"), "amy", language=language)


def pipe(follow: bool = False) -> World:
    return World(lambda ground: Pipe(ground, "bot", follow, raw=False), "bot")


def recorder() -> World:
    return pipe(follow=True)


def refuse(world: World, problem: Exception) -> None:
    world.server.refuse(problem)
    world.clock.advance(0)


def is_left_alone(world: World) -> bool:
    """It is not tried again, whatever time passes."""
    world.clock.advance(10 * limits.RETRY_MOST_SECONDS)
    return not world.server.attempts


def asked(world: World, stranger: Stranger) -> None:
    """Be asked."""
    world.shown()
    refuse(world, stranger.problem())
    assert world.shown() == ["! Nobody knows it.", QUESTION]


QUESTION = "Go on, and remember it? (yes, no, or the fingerprint you were told): "


# --- nobody can be asked -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [pipe, recorder, person])
def test_a_server_that_has_changed_is_left_alone_and_the_program_fails(make: Callable[[], World]) -> None:
    world = make()
    world.face.connection.send("secret")
    refuse(world, CHANGED)
    told = world.streams.out + world.streams.err
    assert "! It has changed.\n! Twice.\n! Not sent: secret\n" in told
    assert "trying again" not in told
    assert world.result == [Status.UNSAFE]
    assert is_left_alone(world)


@pytest.mark.parametrize("follow", [False, True])
def test_a_pipe_is_not_asked(follow: bool) -> None:
    world, stranger = pipe(follow), Stranger()
    world.face.typed("yes")
    refuse(world, stranger.problem())
    first, hint, *_ = world.warned()
    assert first == "! Nobody knows it."
    assert "--fingerprint" in hint
    assert hint.endswith("chat-client --tls pi:12345")
    assert world.result == [Status.UNSAFE]
    assert not stranger.accepted
    assert is_left_alone(world)


def test_one_that_changes_while_a_recorder_runs_ends_it() -> None:
    world = pipe(follow=True)
    world.enter()
    world.lose(ConnectionLost())
    world.clock.advance(limits.RETRY_MOST_SECONDS)
    refuse(world, CHANGED)
    assert world.result == [Status.UNSAFE]


@pytest.mark.parametrize("problem", [CHANGED, Stranger().problem()])
def test_a_post_to_it_is_not_sent(problem: Unsafe) -> None:
    streams, server = Streams(), Server()
    ground = Ground(streams, Language("en"), None, "pi:12345", None)  # type: ignore[arg-type]
    post, result = Post(ground, server, Clock(), "run", "pi", None), []
    post.start(None).addCallback(result.append)  # type: ignore[arg-type]
    post.typed("one")
    post.input_ended("two")
    server.refuse(problem)
    told = streams.err.splitlines()
    assert told[-2:] == ["! Not sent: one", "! Not sent: two"]
    assert ("--fingerprint" in streams.err) == isinstance(problem, Unknown)
    assert result == [Status.UNSAFE]
    assert not server.attempts


# --- a person is asked ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", ["yes", "YES ", SHOWN, SHOWN.lower(), SHOWN.removeprefix("SHA256:")])
def test_who_says_yes_or_the_fingerprint_is_connected_again(answer: str) -> None:
    world, stranger = person(), Stranger()
    asked(world, stranger)
    assert is_left_alone(world)
    world.face.typed(answer)
    assert stranger.accepted == 1
    assert world.shown() == ["-- connecting to pi:12345 --"]
    world.server.accept()
    world.server.send(HELLO)
    requests = world.server.requests
    assert [line for line, _ in requests] == ["/json", "/nick amy"]
    world.server.send({**welcome(), "id": requests[-1][1]})
    world.face.typed("no")
    assert world.server.lines == ["no"]


@pytest.mark.parametrize("answer", ["no", "NO"])
def test_who_says_no_is_not(answer: str) -> None:
    world, stranger = person(), Stranger()
    asked(world, stranger)
    world.face.typed(answer)
    assert not stranger.accepted
    assert world.result == [Status.UNSAFE]
    assert is_left_alone(world)


@pytest.mark.parametrize("answer", ["", "y", "hello everybody", "/quit now", "yes please"])
def test_anything_else_is_no_answer_and_is_not_said_later(answer: str) -> None:
    world, stranger = person(), Stranger()
    asked(world, stranger)
    world.face.typed(answer)
    assert world.shown() == [QUESTION]
    world.face.typed("yes")
    world.server.accept()
    world.server.send(HELLO)
    world.answer(welcome())
    assert world.server.lines == []


def test_another_fingerprint_is_called_that() -> None:
    world, stranger = person(), Stranger()
    asked(world, stranger)
    world.face.typed(fingerprint(b"told"))
    assert world.shown() == ["! That is another fingerprint.", QUESTION]
    assert not stranger.accepted


@pytest.mark.parametrize("key", ["Ctrl-C", "Ctrl-D"])
def test_who_leaves_instead_has_not_accepted(key: str) -> None:
    world, stranger = person(), Stranger()
    asked(world, stranger)
    if key == "Ctrl-C":
        world.face.stop()
    else:
        world.face.input_ended("")
    assert world.result == [Status.UNSAFE]
    assert not stranger.accepted


def test_what_cannot_be_remembered_is_taken_all_the_same() -> None:
    world, stranger = person(), Stranger(OSError(errno.ENOSPC, "No space left on device"))
    asked(world, stranger)
    world.face.typed("yes")
    assert world.shown()[0] == "-- it is not remembered, you will be asked again: No space left on device --"
    assert world.server.attempts


@pytest.mark.parametrize("answer", ["sí", "si", "SÍ", "yes"])
def test_the_answer_may_be_in_the_users_language(answer: str) -> None:
    world, stranger = person("es"), Stranger()
    refuse(world, stranger.problem())
    world.face.typed(answer)
    assert stranger.accepted


def test_a_second_stranger_in_its_place_is_asked_about_too() -> None:
    world, first, second = person(), Stranger(), Stranger()
    asked(world, first)
    world.face.typed("yes")
    asked(world, second)
    world.face.typed("no")
    assert (first.accepted, second.accepted) == (1, 0)
    assert world.result == [Status.UNSAFE]


# --- a port that is encrypted --------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [pipe, recorder, person])
def test_who_speaks_in_clear_to_an_encrypted_port_is_told_so_and_does_not_try_again(make: Callable[[], World]) -> None:
    world = make()
    world.server.accept()
    world.server.wire.dataReceived(NEEDS_TLS)
    world.lose(ConnectionDone())
    told = (world.streams.out + world.streams.err).replace("\n! ", " ")
    assert "needs-tls: This port is encrypted. It is joined with:" in told
    assert "With this program: chat-client --tls pi:12345" in told
    assert world.result == [Status.REFUSED]
    assert is_left_alone(world)


def test_a_post_to_it_is_told_so_too() -> None:
    streams, server = Streams(), Server()
    ground = Ground(streams, Language("en"), None, "pi:12345", None)  # type: ignore[arg-type]
    post, result = Post(ground, server, Clock(), "run", "pi", None), []
    post.start(None).addCallback(result.append)  # type: ignore[arg-type]
    post.typed("one")
    post.input_ended("two")
    server.accept()
    server.wire.dataReceived(NEEDS_TLS)
    server.close()
    assert streams.err.splitlines() == [
        "! needs-tls: This port is encrypted. It is joined with:  (one)",
        "! With this program: chat-client --tls pi:12345",
        "! Not sent: two",
    ]
    assert result == [Status.REFUSED]


def test_who_is_turned_away_for_now_is_told_why_and_tries_again() -> None:
    world = person()
    world.server.accept()
    world.server.wire.dataReceived(b"! too-many: Your address has 200 connections already.\r\n")
    world.shown()
    world.lose(ConnectionDone())
    assert world.shown()[0] == "! too-many: Your address has 200 connections already."
    world.clock.advance(limits.RETRY_MOST_SECONDS)
    world.server.accept()
    world.shown()
    world.lose(ConnectionLost())
    assert world.shown()[0] == "-- the connection is lost: it was cut --"


def test_what_is_said_like_an_error_after_hello_is_none() -> None:
    world = person()
    world.enter()
    world.server.wire.dataReceived(NEEDS_TLS)
    world.lose(ConnectionLost())
    assert not world.result
