"""A chat with several addresses: where the client goes when one is gone, and what it takes along."""

import pytest
from connected import World
from faced import World as Faced
from memory_server import HELLO, Server, welcome
from twisted.internet.defer import succeed
from twisted.internet.error import ConnectionLost, ConnectionRefusedError, TimeoutError
from twisted.internet.protocol import Factory

from chat.base import limits
from chat.base.language import say
from chat.client.faces.pipe import Pipe
from chat.client.faces.plain import PlainFace
from chat.client.faces.stdio import Status
from chat.client.link.dialer import Address, AnyOf
from chat.client.link.trust import Unknown, Unsafe

CHANGED = Unsafe(say("It has changed."))


def turn_to(world: World | Faced, number: int) -> None:
    """The next connection is to this address, and to no other."""
    world.clock.advance(0)
    assert [bool(server.attempts) for server in world.servers] == [
        other == number for other in range(len(world.servers))
    ]
    world.server = world.servers[number]


def in_by(world: World | Faced, number: int, **keys: object) -> None:
    """Be let in there."""
    turn_to(world, number)
    world.server.accept()
    world.server.send(HELLO)
    world.answer(welcome(**keys))  # type: ignore[arg-type]


@pytest.mark.parametrize("error", [ConnectionRefusedError(), TimeoutError()])
def test_one_that_does_not_answer_is_left_at_once_for_the_next(error: Exception) -> None:
    world = World(others=1)
    world.server.refuse(error)
    in_by(world, 1)
    assert world.face.told[0].startswith("skipped, ")
    assert world.face.told[1:] == ["dialing pi1:12345", "entered"]


def test_there_is_a_pause_only_after_all_were_tried_and_it_grows() -> None:
    world = World(others=1)
    for pause in (1, 2):
        for number in (0, 1):
            turn_to(world, number)
            world.server.refuse(ConnectionRefusedError())
        world.clock.advance(0)
        assert world.face.told[-2].startswith("unreachable, ")
        assert world.face.told[-1].startswith("again in ")
        world.clock.advance(limits.RETRY_SECONDS * 2**pause)
    turn_to(world, 0)


def test_who_was_in_for_a_while_goes_to_the_next_at_once_with_the_code_and_what_was_not_confirmed() -> None:
    world = World(others=1)
    in_by(world, 0, resume="c0de")
    world.clock.advance(limits.STAYED_SECONDS)
    world.connection.send("hello")
    (request,) = world.server.requests
    world.lose(ConnectionLost())
    turn_to(world, 1)
    world.server.accept()
    world.server.send(HELLO)
    assert world.server.objects[-1]["line"] == "/resume c0de"
    world.connection.send("there")
    world.server.send({**welcome(resume="c0de", back=True), "id": "run-3"})
    sent = world.server.requests
    assert [line for line, _ in sent] == ["hello", "there"]
    assert sent[0] == request


def test_after_a_while_with_one_the_others_are_tried_again_without_a_pause() -> None:
    world = World(others=1)
    world.server.refuse(ConnectionRefusedError())
    in_by(world, 1)
    world.clock.advance(limits.STAYED_SECONDS)
    world.lose(ConnectionLost())
    turn_to(world, 0)


def test_servers_that_let_people_in_and_lose_them_are_not_run_through_in_a_circle() -> None:
    world = World(others=1)
    in_by(world, 0)
    world.lose(ConnectionLost())
    in_by(world, 1)
    world.lose(ConnectionLost())
    world.clock.advance(0)
    assert not any(server.attempts for server in world.servers)
    assert world.face.told[-1].startswith("again in ")
    world.clock.advance(limits.RETRY_MOST_SECONDS)
    turn_to(world, 0)


def test_one_that_is_connected_to_and_says_nothing_is_left_after_some_seconds_where_there_is_another() -> None:
    world = World(others=1)
    world.server.accept()
    world.clock.advance(limits.HELLO_SECONDS)
    assert world.server.transport.disconnected
    world.server.close(ConnectionLost())
    turn_to(world, 1)


def test_one_that_hangs_is_noticed_by_the_beat_and_left_for_the_next() -> None:
    world = World(others=1)
    in_by(world, 0, resume="c0de")
    world.clock.pump([limits.PING_SECONDS, limits.PONG_SECONDS])
    assert world.server.transport.disconnected
    world.lose(ConnectionLost())
    turn_to(world, 1)


def test_one_that_is_no_chat_server_is_left_for_the_next() -> None:
    world = World(others=1)
    world.server.accept()
    world.server.wire.dataReceived(b"SSH-2.0-OpenSSH\r\n")
    assert world.server.transport.disconnected
    world.server.close(ConnectionLost())
    in_by(world, 1)


def test_one_that_is_full_is_left_for_the_next_and_that_is_no_failure() -> None:
    world = Faced(lambda ground: Pipe(ground, "bot", follow=False, raw=False), "bot", others=1)
    world.server.accept()
    world.server.wire.dataReceived(b"! full: There is no room.\r\n")
    world.server.close()
    in_by(world, 1)
    assert world.warned()[0] == "-- the connection is lost: full: There is no room. --"
    world.face.input_ended("hi")
    world.server.send({"type": "ack", "id": world.server.requests[-1][1], "room": "#lobby", "seq": 1})
    world.server.close()
    assert world.result == [Status.WELL]


def test_a_script_gives_up_only_when_none_answers() -> None:
    world = Faced(lambda ground: Pipe(ground, "bot", follow=False, raw=False), "bot", others=1)
    world.server.refuse(ConnectionRefusedError())
    turn_to(world, 1)
    world.server.refuse(ConnectionRefusedError())
    world.clock.advance(0)
    assert world.result == [Status.NO_CONNECTION]
    assert world.warned() == [
        "-- no connection to pi:12345: nothing answers at this port --",
        "-- no connection to pi1:12345: nothing answers at this port --",
    ]


# --- what is not safe -----------------------------------------------------------------------------------------------


def test_one_that_is_not_safe_is_left_out_and_the_others_are_gone_on_with() -> None:
    world = World(others=2)
    in_by(world, 0, resume="c0de")
    world.clock.advance(limits.STAYED_SECONDS)
    world.lose()
    turn_to(world, 1)
    world.server.refuse(CHANGED)
    turn_to(world, 2)
    assert world.face.told[-2:] == ["skipped, ['It has changed.']", "dialing pi2:12345"]
    world.server.refuse(ConnectionRefusedError())
    world.clock.advance(limits.RETRY_MOST_SECONDS)
    turn_to(world, 0)
    world.server.refuse(ConnectionRefusedError())
    turn_to(world, 2)


def test_where_none_is_safe_it_is_over_and_each_was_told() -> None:
    world = Faced(lambda ground: PlainFace(ground, "amy"), "amy", others=1)
    world.server.refuse(CHANGED)
    turn_to(world, 1)
    world.server.refuse(CHANGED)
    world.clock.advance(10 * limits.RETRY_MOST_SECONDS)
    assert world.result == [Status.UNSAFE]
    assert [line for line in world.shown() if line.startswith("!")] == ["! It has changed."] * 2


def test_about_one_that_nobody_knows_somebody_is_asked_before_another_is_tried() -> None:
    world = World(others=1)
    world.server.refuse(Unknown("f", lambda: None, say("Nobody knows it.")))
    world.clock.advance(10 * limits.RETRY_MOST_SECONDS)
    assert not world.servers[1].attempts
    assert world.face.told == ["unsafe, ['Nobody knows it.']"]
    world.connection.dial()
    turn_to(world, 0)


def test_whoever_wants_a_new_connection_has_all_of_them_tried_again() -> None:
    world = World(others=1)
    world.server.refuse(CHANGED)
    turn_to(world, 1)
    world.server.refuse(ConnectionRefusedError())
    world.clock.advance(0)
    world.connection.reconnect()
    turn_to(world, 1)
    world.server.refuse(ConnectionRefusedError())
    turn_to(world, 0)


# --- one connection for one line ------------------------------------------------------------------------------------


def test_a_post_goes_to_the_first_that_answers() -> None:
    servers = [Server(), Server(), Server()]
    found: list[object] = []
    every = AnyOf([Address("pi", server) for server in servers])
    every.connect(Factory.forProtocol(object)).addBoth(found.append)  # type: ignore[arg-type]
    servers[0].refuse(ConnectionRefusedError())
    assert not servers[2].attempts
    servers[1].attempts.pop()[1].callback("connected")
    assert found == ["connected"]


@pytest.mark.parametrize(
    ("errors", "kind"), [((CHANGED, ConnectionRefusedError()), Unsafe), ((TimeoutError(), CHANGED), Unsafe)]
)
def test_a_post_that_goes_nowhere_tells_above_all_what_is_not_safe(
    errors: tuple[Exception, Exception], kind: type[Exception]
) -> None:
    servers = [Server(), Server()]
    attempt = AnyOf([Address("pi", server) for server in servers]).connect(Factory())
    for server, error in zip(servers, errors, strict=True):
        server.refuse(error)
    found: list[object] = []
    attempt.addErrback(lambda failure: found.append(failure.type)).addCallback(lambda _: succeed(None))
    assert found == [kind]
