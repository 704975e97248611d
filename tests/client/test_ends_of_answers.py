"""A server that says so ends each answer with an ack or an error; one of before says a single object."""

import pytest
from connected import World
from memory_server import HELLO, HISTORY, welcome

ACKS = HELLO | {"acks": True}


def enter(world: World, hello: dict) -> None:
    world.server.accept()
    world.server.send(hello)
    (_, id) = world.server.requests[-1]
    world.server.send(welcome() | {"id": id}, HISTORY | {"id": id}, {"type": "ack", "id": id})
    world.face.told.clear()
    world.face.objects.clear()
    world.face.answered.clear()


def test_a_line_is_kept_until_the_end_of_its_answer() -> None:
    world = World()
    enter(world, ACKS)
    world.connection.send("/msg ben hi")
    (_, id) = world.server.requests[-1]
    world.server.send({"type": "reply", "command": "msg", "text": "ben is away.", "away": "", "id": id})
    assert world.connection.kept == 1
    world.server.send({"type": "ack", "room": "@ben", "id": id})
    assert world.connection.kept == 0
    assert world.face.answered == ["/msg ben hi", "/msg ben hi"]


def test_what_was_answered_but_not_to_the_end_is_sent_again() -> None:
    world = World()
    enter(world, ACKS)
    world.connection.send("/who")
    (_, id) = world.server.requests[-1]
    world.server.send({"type": "reply", "command": "who", "text": "", "id": id})
    world.lose()
    world.come_again()
    world.server.send(welcome(back=True))
    assert world.server.requests[-1] == ("/who", id)


@pytest.mark.parametrize("answer", ["reply", "history", "ack", "error"])
def test_a_server_of_before_says_one_object(answer: str) -> None:
    world = World()
    enter(world, HELLO)
    world.connection.send("/last")
    (_, id) = world.server.requests[-1]
    world.server.send({"type": answer, "command": "last", "code": "usage", "text": "", "id": id})
    assert world.connection.kept == 0


@pytest.mark.parametrize("hello", [HELLO, ACKS], ids=["before", "acks"])
def test_the_way_in_ends_when_each_room_was_joined(hello: dict) -> None:
    world = World("amy", "#ops")
    world.server.accept()
    world.server.send(hello)
    (_, id) = world.server.requests[-1]
    world.server.send(welcome() | {"id": id}, HISTORY | {"id": id}, {"type": "ack", "id": id})
    (line, id) = world.server.requests[-1]
    assert line == "/join #ops"
    if hello is ACKS:
        world.server.send(HISTORY | {"room": "#ops", "id": id})
        assert not world.connection.connected
    world.server.send({"type": "reply", "command": "join", "text": "", "room": "#ops", "id": id})
    assert world.connection.connected
    assert world.connection.me.rooms == ["#lobby", "#ops"]
    world.face.objects.clear()
    if hello is ACKS:
        world.server.send({"type": "ack", "id": id})
    assert world.face.objects == []
    assert world.face.told == ["entered"]


def test_the_first_goodbye_counts() -> None:
    world = World()
    enter(world, ACKS)
    world.connection.send("/quit")
    (_, id) = world.server.requests[-1]
    world.server.send({"type": "reply", "command": "quit", "text": "Bye", "id": id}, {"type": "ack", "id": id})
    world.lose()
    assert world.connection.leaving
    assert world.connection.kept == 0


def test_a_server_of_now_is_asked_to_speak_our_language_and_nothing_of_that_is_shown() -> None:
    world = World()
    world.server.accept()
    world.server.send(ACKS)
    (asked, id) = world.server.requests[1]
    assert asked == "/language en"
    world.face.objects.clear()
    world.server.send({"type": "reply", "command": "language", "text": "", "id": id}, {"type": "ack", "id": id})
    assert world.face.objects == []


def test_one_that_cannot_is_not_complained_about() -> None:
    world = World()
    world.server.accept()
    world.server.send(ACKS)
    world.face.objects.clear()
    world.server.send({"type": "error", "code": "usage", "text": "", "id": world.server.requests[1][1]})
    assert world.face.objects == []


def test_a_server_of_before_is_asked_nothing() -> None:
    world = World("amy")
    world.server.accept()
    world.server.send(HELLO)
    assert [line for line, _ in world.server.requests] == ["/json", "/nick amy"]
