"""A long line takes as much of the rate as the short ones that it is as long as; it waits, and is never refused."""

import pytest
from world import World

from chat.base import limits
from chat.base.text import visible


def test_long_lines_take_their_bytes_and_none_is_lost() -> None:
    world = World(rate=2)
    ann, amy = world.enter("ann"), world.enter("amy")
    world.wait(60)
    ann.take()
    amy.send(("x" * 1900 + "\n").encode() * 40)
    world.turn()
    first = len([line for line in ann.take() if line.startswith("<amy>")])
    assert first == limits.BURST // 4
    world.wait(20, 0.5)
    assert len([line for line in ann.take() if line.startswith("<amy>")]) == 20 * 2 // 4
    world.wait(60, 0.5)
    assert len([line for line in ann.take() if line.startswith("<amy>")]) == 40 - first - 10


@pytest.mark.parametrize("text", ["x" * 500, "é" * 250, "한" * 166, "👍" * 125, "x" * 126])
def test_up_to_five_hundred_bytes_are_one_line(text: str) -> None:
    world = World(rate=2)
    ann, amy = world.enter("ann"), world.enter("amy")
    world.wait(60)
    ann.take()
    amy.send(f"{text}\n".encode() * 70)
    world.turn()
    assert ann.take().count(f"<amy> {visible(text)}") == limits.BURST


def test_a_paste_of_a_program_is_as_dear_as_it_is_long() -> None:
    world = World(rate=2)
    ann, bot = world.enter("ann"), world.enter("bot", wire="json")
    world.wait(60)
    ann.take()
    paste = "\n".join(["y" * 150] * 100)
    for number in range(3):
        bot.type(paste, id=f"c{number}")
    world.turn()
    acks = [what for what in bot.take_objects() if what["type"] == "ack"]
    # Two take 62 lines; the second one may begin with what is left, and the third waits until that is paid.
    assert len(acks) == 2
    world.wait(1)
    assert not [what for what in bot.take_objects() if what["type"] == "ack"]
    world.wait(2)
    assert [what["id"] for what in bot.take_objects() if what["type"] == "ack"] == ["c2"]


def test_without_a_rate_nothing_waits() -> None:
    world = World(rate=0)
    ann, amy = world.enter("ann"), world.enter("amy")
    ann.take()
    amy.send(("x" * 1900 + "\n").encode() * 300)
    world.turn()
    assert len(ann.take()) == 300


def test_a_line_that_is_too_long_is_answered_and_costs_no_more_than_the_longest() -> None:
    world = World(rate=2)
    amy = world.enter("amy")
    world.wait(60)
    amy.take()
    amy.send(b"z" * 200_000 + b"\nhi\n")
    world.turn()
    assert any(line.startswith("! too-long") for line in amy.take())
    world.wait(1)
    amy.send(b"/ping\n")
    world.turn()
    assert amy.take()
