"""An id stands for one line of one person: that line again is acknowledged again, another one is told so."""

from datetime import datetime
from types import SimpleNamespace
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stores import SlowStore
from world import START, Client, World

from chat.base import limits
from chat.core.ports import LineId
from chat.core.posting import Posting
from chat.wire.requests import Request


def answers(client: Client) -> list[tuple[str, ...]]:
    """The acknowledgements and errors since the last time."""
    return [
        (keys["type"], keys["id"], *(str(keys[key]) for key in ("room", "seq", "code") if key in keys))
        for keys in client.take_objects()
        if keys["type"] in ("ack", "error")
    ]


def texts(client: Client) -> list[str]:
    return [keys["text"] for keys in client.objects if keys["type"] in ("message", "action")]


@pytest.fixture
def bob(world: World) -> Client:
    return world.enter("bob", "/join #ops", wire="json")


@pytest.fixture
def amy(world: World, bob: Client) -> Client:
    amy = world.enter("amy", "/join #ops", wire="json")
    bob.take()
    return amy


@pytest.mark.parametrize("line", ["one", "one\ntwo", "/me waves", "/msg bob psst", "/msg #ops hi", "//help"])
def test_the_same_line_is_acknowledged_again_and_heard_once(amy: Client, bob: Client, line: str) -> None:
    amy.type(line, id="c1")
    amy.type(line, id="c1")
    first, again = answers(amy)
    assert first[0] == "ack"
    assert again == first
    assert len(texts(bob)) == 1


@pytest.mark.parametrize("line", ["one", "one\ntwo", "/me waves", "/msg bob psst", "/msg #ops hi", "/topic tea"])
@pytest.mark.parametrize("other", ["two", "one ", "ONE", "/me jumps", "/msg bob psst!", "/msg amy psst", "/topic rum"])
def test_another_line_under_its_id_is_refused_and_not_heard(amy: Client, bob: Client, line: str, other: str) -> None:
    amy.type(line, id="c1")
    amy.take()
    bob.take()
    amy.type(other, id="c1")
    assert answers(amy) == [("error", "c1", "id-used")]
    assert bob.lines == []
    amy.type(other, id="c2")
    assert [answer[:2] for answer in answers(amy)] == [("ack", "c2")]
    assert amy.world.hub.rooms["#ops"].topic == (
        "rum" if other == "/topic rum" else "tea" if line == "/topic tea" else ""
    )


def test_another_room_under_its_id_is_refused(amy: Client, bob: Client) -> None:
    amy.type("hi", id="c1", room="#ops")
    amy.type("hi", id="c1", room="#LOBBY")
    amy.type("hi", id="c1", room="#Ops")
    assert [answer[0] for answer in answers(amy)] == ["ack", "error", "ack"]
    assert texts(bob) == ["hi"]


def test_a_bot_that_counts_anew_loses_nothing_unheard(amy: Client, bob: Client) -> None:
    for number in range(1, 4):
        amy.type(f"line {number}", id=f"c{number}")
    amy.take()
    for number in range(1, 6):
        amy.type(f"line {number + 3}", id=f"c{number}")
    assert [answer[0] for answer in answers(amy)] == ["error", "error", "error", "ack", "ack"]
    assert texts(bob) == [f"line {number}" for number in (1, 2, 3, 7, 8)]


def test_what_cannot_be_done_is_not_taken_for_the_line_that_had_its_id(amy: Client) -> None:
    amy.type("hi", id="c1")
    amy.take()
    for line, code in (
        ("/nonsense", "unknown-command"),
        ("x" * 3000, "too-long"),
        ("", "nothing-said"),
        ("/msg nobody hi", "not-here"),
    ):
        amy.type(line, id="c1")
        assert answers(amy) == [("error", "c1", code)]
    amy.type("elsewhere", id="c1", room="#nowhere")
    assert answers(amy)[0][0] == "error"


def test_the_ids_of_two_people_are_nothing_to_each_other(amy: Client, bob: Client) -> None:
    amy.type("one", id="c1")
    bob.type("two", id="c1")
    assert [answers(person)[-1][0] for person in (amy, bob)] == ["ack", "ack"]


def test_what_was_refused_leaves_its_id_free(amy: Client) -> None:
    amy.type("/msg nobody hi", id="c1")
    amy.type("hi", id="c1")
    assert [answer[0] for answer in answers(amy)] == ["error", "ack"]


def test_a_command_that_says_nothing_may_have_any_id(amy: Client) -> None:
    amy.type("/who", "/join #tea", "/topic", "/ping", "/nick ann", id="c1")
    assert answers(amy) == [("ack", "c1")] * 5
    amy.type("hi", "/who", id="c1")
    assert answers(amy)[-1][0] == "ack"


def test_two_lines_of_one_id_in_one_burst(amy: Client, bob: Client) -> None:
    amy.send(b'{"line": "one", "id": "c1"}\n{"line": "two", "id": "c1"}\n{"line": "one", "id": "c1"}\n')
    amy.world.turn()
    assert sorted(answer[0] for answer in answers(amy)) == ["ack", "ack", "error"]
    assert texts(bob) == ["one"]


def test_two_lines_of_one_id_in_one_turn_beside_others(bob: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of the turn goes into another one without them, and nobody else notices."""
    monkeypatch.setattr(limits, "PORTION_SECONDS", 60.0)  # on a busy machine others had their turn between them
    store = SlowStore()
    world = World(store)
    ann, amy = world.enter("ann", wire="json"), world.enter("amy", wire="json")
    amy.type("one", id="c1")
    ann.take()
    amy.take()
    amy.send(b'{"line": "two", "id": "c1"}\n{"line": "three", "id": "c3"}\n{"line": "one", "id": "c1"}\n')
    ann.send(b'{"line": "four", "id": "c1"}\n')
    world.turn()
    assert sorted(answers(amy)) == [
        ("ack", "c1", "#lobby", "3"),
        ("ack", "c3", "#lobby", "4"),
        ("error", "c1", "id-used"),
    ]
    assert answers(ann) == [("ack", "c1", "#lobby", "5")]
    assert texts(ann) == []


def let_all(world: World, store: SlowStore) -> None:
    """All that is under way is stored."""
    world.turn()
    while store.commits:
        store.let()
        world.turn()


def test_whoever_does_not_hear_that_a_line_was_refused_says_it_again_before_what_they_said_behind_it() -> None:
    store = SlowStore()
    world = World(store)
    amy, bob = world.enter("amy", wire="json"), world.enter("bob", wire="json")
    code = amy.session.code
    store.slow = True
    amy.type("one", id="c1")
    amy.type("two", id="c2")  # it gathers behind the other one
    bob.type("three", id="c1")
    amy.cut()
    store.refuse()
    let_all(world, store)
    store.slow = False
    amy = world.connect(f"/resume {code}", wire="json")
    amy.type("one", id="c1")
    amy.type("two", id="c2")
    assert texts(bob) == ["one", "two"]
    assert [answer[:2] for answer in answers(bob)] == [("ack", "c1")]


def test_what_was_said_behind_a_line_that_is_refused_is_refused_as_well() -> None:
    store = SlowStore()
    world = World(store)
    amy, bob = world.enter("amy", wire="json"), world.enter("bob", wire="json")
    store.slow = True
    amy.type("one", id="c1")
    amy.type("two", id="c2")
    bob.type("three", id="c1")
    store.refuse()
    let_all(world, store)
    assert answers(amy) == [("error", "c1", "not-stored"), ("error", "c2", "not-stored")]
    assert [answer[:2] for answer in answers(bob)] == [("ack", "c1")]
    amy.type("four", id="c3")
    let_all(world, store)
    assert [answer[:2] for answer in answers(amy)] == [("ack", "c3")]


def test_who_is_somewhere_else_by_now_and_sends_the_same_line_again_means_the_same(amy: Client, bob: Client) -> None:
    amy.type("hi", id="c1")
    amy.type("/join #tea", id="c2")
    amy.take()
    amy.type("hi", id="c1")
    assert [answer[:3] for answer in answers(amy)] == [("ack", "c1", "#ops")]


ALONE = SimpleNamespace(is_shared=False)
"""The turn of a server that uses its store alone."""


class Somebody(NamedTuple):
    """Who says it."""

    id: str
    spoke_at: datetime


class OnDevice(NamedTuple):
    """Where they say it."""

    person: Somebody
    former: str | None = None


requests = st.builds(
    Request,
    st.text(max_size=5),
    st.just("c1"),
    st.none() | st.text("#aA\0 1", max_size=4),
    shown=st.none() | st.text("as 1", max_size=3),
)


@given(one=requests, other=requests)
def test_lines_are_the_same_by_their_text_and_room(one: Request, other: Request) -> None:
    saying = Posting(ALONE, OnDevice(Somebody("amy", START)))  # type: ignore[arg-type]
    first, second = saying.line(one), saying.line(other)
    assert first is not None
    assert second is not None
    assert first.id == second.id == LineId("amy", "c1")
    rooms = [(request.room or "").lower() for request in (one, other)]
    alike = (one.line, one.said, rooms[0], one.shown) == (other.line, other.said, rooms[1], other.shown)
    assert (first.digest == second.digest) is alike
    assert -(2**63) <= first.digest < 2**63


def test_a_line_without_an_id_is_not_looked_at() -> None:
    saying = Posting(ALONE, OnDevice(Somebody("amy", START)))  # type: ignore[arg-type]
    assert saying.line(Request("hi")) is None
