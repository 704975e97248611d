"""A long answer is made in its turn, so that who talks is served between two of them."""

import pytest
from world import World

from chat.base import limits


@pytest.fixture
def said(world: World) -> World:
    """A room in which much was said."""
    world.enter("ann", *(f"line {number}" for number in range(2 * limits.HISTORY_AT_ONCE)))
    return world


def test_who_asks_for_much_stands_in_line_and_gets_all_of_it_in_order(
    said: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = said.enter("bob", wire="json")
    bob.take()
    waiting: list[object] = []
    monkeypatch.setattr(said.hub.rounds, "read_in_line", waiting.append)
    bob.type(f"/last {limits.HISTORY_AT_ONCE}", id="c1")
    assert [what["type"] for what in bob.take_objects()] == ["history", "ack"]
    bob.type(f"/last {2 * limits.HISTORY_AT_ONCE}", id="c2")
    bob.type("/ping", id="c3")
    said.enter("carl", "meanwhile")
    assert [what["type"] for what in bob.take_objects()] == ["joined", "message"]
    (work,) = waiting
    work()  # type: ignore[operator]
    said.turn()
    answers = bob.take_objects()
    assert [(what["type"], what["id"]) for what in answers] == [
        ("history", "c2"),
        ("ack", "c2"),
        ("reply", "c3"),
        ("ack", "c3"),
    ]
    assert len(answers[0]["events"]) == 2 * limits.HISTORY_AT_ONCE
    assert "meanwhile" not in str(answers[0])


def test_who_is_gone_when_it_is_their_turn_is_answered_nothing(said: World, monkeypatch: pytest.MonkeyPatch) -> None:
    bob = said.enter("bob")
    waiting: list[object] = []
    monkeypatch.setattr(said.hub.rounds, "read_in_line", waiting.append)
    bob.type(f"/last {2 * limits.HISTORY_AT_ONCE}")
    bob.cut()
    (work,) = waiting
    work()  # type: ignore[operator]
    said.turn()
    assert "bob" in said.hub.lobby.users
