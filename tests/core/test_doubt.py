"""A store that cannot tell for long what became of a batch: the batch waits, and what comes meanwhile is refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from returning import enter, resume
from stores import DoubtfulStore
from world import Client, World

REFUSED = "! not-stored: "


def told(client: Client) -> list[str]:
    return [line for line in client.take() if line.startswith(("<", REFUSED))]


def two() -> tuple[World, DoubtfulStore, Client, Client]:
    store = DoubtfulStore()
    world = World(store)
    ann, bob = world.enter("ann", wire="json"), world.enter("bob")
    world.take_all()
    return world, store, ann, bob


def test_a_line_in_doubt_is_neither_shown_nor_refused_before_it_is_known() -> None:
    world, store, ann, bob = two()
    store.away = True
    ann.type("one", id="c1")
    assert (ann.take_objects(), told(bob)) == ([], [])
    store.back(kept=True)
    world.turn()
    (ack,) = ann.take_objects()
    assert ack["type"] == "ack"
    assert told(bob) == ["<ann> one"]


def test_one_that_was_not_kept_is_refused_at_last() -> None:
    world, store, ann, bob = two()
    store.away = True
    ann.type("one", id="c1")
    store.back(kept=False)
    world.turn()
    (error,) = ann.take_objects()
    assert (error["code"], error["id"]) == ("not-stored", "c1")
    assert told(bob) == []


def test_what_is_said_meanwhile_is_refused_at_once_and_never_appears() -> None:
    world, store, ann, bob = two()
    store.away = True
    ann.type("one", id="c1")
    bob.type("two")
    (refused,) = told(bob)
    assert refused.startswith(REFUSED)
    store.back(kept=True)
    world.turn()
    assert told(bob) == ["<ann> one"]
    bob.type("three")
    assert [keys["seq"] for keys in ann.take_objects()][-1] == world.hub.rooms["#lobby"].log.head


@pytest.mark.parametrize("kept", [True, False])
def test_a_line_that_comes_again_while_it_is_in_doubt_shares_its_fate(kept: bool) -> None:
    world, store, ann, bob = two()
    store.away = True
    ann.type("one", id="c1")
    ann.type("one", id="c1")
    bob.type("two")
    assert ann.take_objects() == []
    told(bob)
    store.back(kept)
    world.turn()
    answers = ann.take_objects()
    assert {(keys["type"], keys["id"]) for keys in answers} == {("ack" if kept else "error", "c1")}
    assert len({keys.get("seq") for keys in answers}) == 1
    assert told(bob) == (["<ann> one"] if kept else [])


def test_a_topic_is_refused_like_talk_and_reading_goes_on() -> None:
    _, store, ann, bob = two()
    bob.type("early")
    ann.take()
    store.away = True
    ann.type("one", id="c1")
    bob.type("/topic tea")
    assert bob.take()[0].startswith(REFUSED)
    bob.type("/who")
    assert bob.take() == ["-> 2 people are in #lobby: ann and bob"]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("say"), st.integers(0, 1)),
            st.tuples(st.just("again"), st.integers(0, 1)),
            st.tuples(st.just("away"), st.just(0)),
            st.tuples(st.just("back"), st.integers(0, 1)),
        ),
        max_size=30,
    )
)
def test_each_line_is_told_once_what_became_of_it_and_that_is_true(steps: list[tuple[str, int]]) -> None:
    store = DoubtfulStore()
    world = World(store)
    authors = [world.enter(nick, wire="json") for nick in ("ann", "bob")]
    reader = world.enter("carl", wire="json")
    world.take_all()
    last = ["", ""]
    answers: dict[str, set[str]] = {}
    for number, (step, which) in enumerate([*steps, ("back", 1)]):
        if step == "say":
            last[which] = f"c{number}"
            authors[which].type(f"line c{number}", id=last[which])
        elif step == "again" and last[which]:
            authors[which].type(f"line {last[which]}", id=last[which])
        elif step == "away":
            store.away = True
        elif step == "back" and store._doubted is not None:
            store.back(kept=bool(which))
        elif step == "back":
            store.away = False
        world.turn()
        for author in authors:
            for keys in author.take_objects():
                if "id" in keys and keys["type"] in ("ack", "error"):
                    answers.setdefault(keys["id"], set()).add(keys["type"])
    shown = [keys["text"].split()[1] for keys in reader.take_objects() if keys["type"] == "message"]
    assert len(shown) == len(set(shown))
    # Whoever says a line anew that was refused may be luckier; what was acknowledged is there, and nothing else is.
    assert {id for id, told in answers.items() if "ack" in told} == set(shown)
    assert all(answers.values())


@pytest.mark.parametrize("kept", [True, False])
def test_a_line_in_doubt_that_comes_again_where_it_would_be_refused_by_now_is_answered_when_it_is_known(
    kept: bool,
) -> None:
    store = DoubtfulStore()
    world = World(store)
    bob, code = enter(world, "bob", wire="json")
    amy = world.enter("amy")
    store.away = True
    bob.type("/msg amy one", id="c1")
    bob.cut()
    amy.type("/quit")
    back = resume(world, code, "json")
    back.type("/msg amy one", id="c1")
    assert not [keys for keys in back.objects if keys.get("id") == "c1"]
    store.back(kept)
    world.turn()
    told = {keys["type"] for keys in back.objects if keys.get("id") == "c1"}
    assert told == {"ack" if kept else "error"}


@pytest.mark.parametrize("kept", [True, False])
def test_whoever_comes_back_while_their_line_is_in_doubt_and_says_it_again_hears_what_became_of_it(kept: bool) -> None:
    store = DoubtfulStore()
    world = World(store)
    bob, code = enter(world, "bob", wire="json")
    store.away = True
    bob.type("one", id="c1")
    bob.cut()
    back = resume(world, code, "json")
    back.type("one", id="c1")
    assert not [keys for keys in back.objects if keys.get("id") == "c1"]
    store.back(kept)
    world.turn()
    told = {keys["type"] for keys in back.objects if keys.get("id") == "c1"}
    assert told == {"ack" if kept else "error"}
