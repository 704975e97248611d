"""The door of lines over TCP: its bytes, telnet, and those who do not read."""

import json

import pytest
from stores import SlowStore
from world import Client, World, until

from chat.base import limits

IAC, DO_BINARY, DO_TM, WILL_TM, AYT = (b"\xff", b"\xff\xfd\x00", b"\xff\xfd\x06", b"\xff\xfb\x06", b"\xff\xf6")


def said(client: Client) -> list[str]:
    return [line.partition("> ")[2] for line in client.take() if line.startswith("<")]


def codes(client: Client) -> list[str]:
    """The codes of the errors they got."""
    return [line.split()[1].rstrip(":") for line in client.take() if line.startswith("! ")]


def let_all(world: World, store: SlowStore) -> None:
    while store.commits:
        store.let()
        world.turn()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r\0", "\r"])
def test_every_program_ends_its_lines_in_its_way(world: World, end: str) -> None:
    ann = world.enter("ann")
    amy = world.connect()
    amy.send(f"amy{end}hi{end}ho{end}".encode())
    world.turn()
    assert said(ann) == ["hi", "ho"]


def test_bytes_may_come_one_by_one(world: World) -> None:
    ann = world.enter("ann")
    amy = world.connect()
    for byte in "amy\r\nYou owe me 5 €\r\n".encode():
        amy.send(bytes([byte]))
    world.turn()
    assert said(ann) == ["You owe me 5 €"]


# Telnet.


def test_a_telnet_is_asked_for_binary_once_and_nobody_else_hears_telnet(world: World) -> None:
    nc, telnet = world.connect(), world.connect()
    nc.send(b"ann\n")
    telnet.send(b"amy\r\nhi\r\n" + DO_TM)
    world.turn()
    assert telnet.bytes.count(DO_BINARY) == 1
    assert WILL_TM in telnet.bytes
    assert IAC not in nc.bytes


def test_before_the_first_object_of_a_program_stands_no_telnet(world: World) -> None:
    bot = world.connect()
    bot.take()
    for data in (b"/json\r\n/nick bot\r\n", b"\xe9\r\n"):
        bot.send(data)
        world.turn()
    assert [json.loads(line)["type"] for line in bot.take()] == ["hello", "welcome", "history"]
    assert [entry.fact.text for entry in world.hub.lobby.log.said_before(99, 9)] == ["é"]


@pytest.mark.parametrize("question", [AYT, DO_TM])
def test_answers_to_a_telnet_that_does_not_read_do_not_pile_up(world: World, question: bytes) -> None:
    amy = world.enter("amy")
    amy.full()
    amy.socket.bufferSize = 1000
    for _ in range(1000):
        amy.send(question * 1000)
        world.turn()
    amy.drain()
    assert len(amy.bytes) < 10_000
    amy.send(DO_TM + b"/ping\n")
    world.turn()
    assert amy.bytes.endswith(b"-> pong\r\n")


TELNETS_UNAL = b"\xc3\xff\xf3\xff\xfd\x06nal\r\n"
"""What Debian's telnet sends of "Ünal" before it was asked for BINARY: it takes 9C for the key that breaks."""

ASKS_AGAIN = "! nothing-said: Telnet damaged this line on its way; nothing of it was done."


def test_a_nickname_that_telnet_damaged_is_asked_for_again(world: World) -> None:
    amy = world.connect()
    amy.send(TELNETS_UNAL)
    world.turn()
    assert ASKS_AGAIN in amy.bytes.decode(errors="replace")
    assert not world.hub.people
    amy.send(b"\xff\xfb\x00" + "Ünal\r\n".encode())
    world.turn()
    world.wait(limits.NICK_PAUSE_SECONDS)
    assert "Hello Ünal." in amy.bytes.decode(errors="replace")


@pytest.mark.parametrize("first", [b"/post amy ", b"/nick ", b"/resume ", b""])
def test_no_first_line_that_telnet_damaged_is_taken_for_what_was_meant(world: World, first: bytes) -> None:
    ann = world.enter("ann")
    amy = world.connect()
    amy.send(first + TELNETS_UNAL + b"and this is no nickname\r\n")
    amy.close()
    assert ASKS_AGAIN in amy.bytes.decode(errors="replace")
    assert amy.bytes.endswith(b"! nothing-said: No nickname, so the line after it was not said.\r\n")
    assert ann.take() == []


def test_a_damaged_line_of_a_program_is_answered_with_its_id(world: World) -> None:
    ann, bot = world.enter("ann"), world.enter("bot", wire="json")
    ann.take()
    bot.send(b'\xff\xfa\x1f\x00P\x00\x18{"line": "/msg ann tulip", "id": "7"}\n')
    bot.send(b'\xff\xfc{"line": "hi", "id": "8"}\n')
    world.turn()
    answers = [json.loads(line) for line in bot.bytes.replace(DO_BINARY, b"").splitlines()]
    assert [(answer["type"], answer["id"]) for answer in answers] == [("error", "7"), ("ack", "8")]
    assert ann.take() == ["<bot> hi"]


def test_a_private_line_behind_half_a_command_stays_private(world: World) -> None:
    ann, bob, amy = world.enter("ann"), world.enter("bob"), world.enter("amy")
    world.take_all()
    amy.send(b"\xff\xfc/msg bob my word is tulip\r\n")
    world.turn()
    assert (ann.take(), bob.take()) == ([], ["[amy -> you] my word is tulip"])


def test_a_letter_of_latin1_is_believed_of_who_does_not_answer_as_a_telnet(world: World) -> None:
    ann, amy = world.enter("ann"), world.connect()
    amy.send(b"amy\r\n")
    world.turn()
    world.wait(limits.BINARY_SECONDS)
    amy.send(b"Gr\xfc\xdfe\r\n")
    world.turn()
    assert said(ann) == ["Grüße"]


def test_telnets_word_for_the_end_of_input_is_a_leave(world: World) -> None:
    ann, amy = world.enter("ann"), world.enter("amy")
    ann.take()
    amy.send(b"hi\r\n\xff\xec")
    world.turn()
    assert ann.take() == ["<amy> hi", "-!- amy left (0 s)"]
    assert amy.ended


# Who does not read.


def test_whoever_takes_nothing_for_too_long_is_given_up_and_nobody_else_notices(world: World) -> None:
    amy, bob, carl = world.enter("amy"), world.enter("bob"), world.enter("carl")
    world.take_all()
    amy.full()
    bob.type(*["x" * 1000] * 100)
    waited = until(world, lambda: amy.gone, 300, 1)
    assert limits.STALL_SECONDS <= waited <= limits.STALL_SECONDS + limits.SWEEP_SECONDS
    assert len(said(carl)) == 100
    carl.type("hi")
    assert said(bob) == ["hi"]


def test_whoever_takes_nothing_while_there_is_nothing_is_not_given_up(world: World) -> None:
    amy = world.enter("amy")
    amy.full()
    world.wait(1000, step=10)
    assert not amy.gone


def test_whoever_takes_something_now_and_then_is_not_given_up(world: World) -> None:
    amy, bob = world.enter("amy"), world.enter("bob")
    world.take_all()
    amy.full()
    for _ in range(5):
        bob.type(*["x" * 1000] * 100)
        world.wait(100, step=10)
        amy.drain()
        amy.full()
    assert not amy.gone
    assert len(said(amy)) == 500


def test_a_slow_reader_keeps_little_in_memory(world: World) -> None:
    amy, bob = world.enter("amy"), world.enter("bob")
    world.take_all()
    amy.full()
    for _ in range(300):
        bob.type(*["x" * 1000] * 10)
    heard: list[str] = []
    while len(heard) < 3000:
        waiting = (amy.socket.dataBuffer[amy.socket.offset :], *amy.socket._tempDataBuffer)
        assert sum(map(len, waiting)) <= 2**16 + 2 * limits.PAGE_BYTES
        amy.drain(100 * len("<bob> \r\n" + 1000 * "x"))
        heard += said(amy)
    assert heard == ["x" * 1000] * 3000


def test_a_connection_has_few_attributes(world: World) -> None:
    """With more than 30 CPython gives each its own table of names: 1.3 KiB a connection (measured, 3.11)."""
    client = world.enter("amy")
    client.type("hi")
    assert len(vars(client.protocol)) <= 30
