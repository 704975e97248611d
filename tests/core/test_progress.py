"""How far people have read is kept beside the order of turns, and known on every node when somebody comes back."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any

import pytest
from cluster import Nodes
from database import START, person, session
from returning import enter, resume
from twisted.internet.defer import Deferred
from world import Client, World

from chat.base import limits
from chat.core.ports import Progress, Remembered
from chat.core.progress import read_on
from chat.doors import sockets


@pytest.fixture(autouse=True)
def acknowledged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every machine has what it was given."""
    monkeypatch.setattr(sockets, "all_has_come", lambda socket: socket.room > 0)


A_WHILE = limits.SWEEP_SECONDS + limits.LOOK_SECONDS + limits.PROGRESS_SECONDS
"""By then it is stored how far everybody has read."""


def three() -> tuple[Nodes, World, World, World]:
    nodes = Nodes(3)
    one, two, third = nodes.worlds
    return nodes, one, two, third


def given(client: Client) -> str:
    return client.bytes.decode()


def dies(nodes: Nodes, node: int) -> None:
    """Nothing of it is stored any more, and another one has its people."""
    nodes.hang(node)
    nodes.lapse(node)
    nodes.wait(2 * limits.BEAT_SECONDS)


def test_to_read_on_takes_no_turn() -> None:
    nodes, here, _, elsewhere = three()
    enter(here, "bob")
    amy = elsewhere.enter("amy")
    nodes.wait(A_WHILE)
    amy.type("one")
    tick = nodes.cluster.tick
    nodes.wait(A_WHILE)
    assert nodes.cluster.tick == tick
    progress = nodes.cluster.progress.values()
    assert max(one.given["#lobby"] for one in progress if one.given) == here.hub.lobby.log.head


@pytest.mark.parametrize("where", [1, 2])
def test_who_comes_back_after_their_node_died_is_given_what_they_had_not_read(where: int) -> None:
    nodes, here, _, _ = three()
    _, code = enter(here, "bob")
    amy = nodes.worlds[where].enter("amy")
    amy.type("one")
    nodes.wait(A_WHILE)
    dies(nodes, 0)
    amy.type("two")
    back = resume(nodes.worlds[where], code)
    assert "two" in given(back)
    assert "one" not in given(back)


def test_who_comes_back_while_their_connection_hangs_there_is_given_what_they_had_not_read() -> None:
    nodes, here, elsewhere, _ = three()
    _, code = enter(here, "bob")
    elsewhere.enter("amy").type("one")
    nodes.wait(A_WHILE)
    back = resume(elsewhere, code)
    assert "Welcome back bob." in given(back)
    assert "one" not in given(back)


@pytest.mark.parametrize("kicks", [False, True])
def test_where_who_took_their_people_over_dies_too_nothing_of_it_is_lost(kicks: bool) -> None:
    nodes, here, second, third = three()
    bob, code = enter(here, "bob")
    bob.type("/join #tea")
    amy, carl = second.enter("amy"), third.enter("carl")
    second.hub.give_role(None, amy.session.person, "operator", None)
    carl.type("one")
    nodes.wait(A_WHILE)
    asked = later(nodes, 1)
    dies(nodes, 0)
    if kicks:  # something of the session is stored before it is known how far they have read
        amy.type("/join #tea", "/kick bob")
        assert "Kicked bob" in given(amy)
        second.turn()
        asked.callback(None)
        second.turn()
    dies(nodes, 1)
    carl.type("two")
    back = resume(third, code)
    assert "two" in given(back)
    assert "one" not in given(back)


def later(nodes: Nodes, node: int) -> "Deferred[None]":
    """What this node asks how far people have read is answered as soon as this fires."""
    waits: Deferred[None] = Deferred()
    store = nodes.stores[node]
    progress = store.progress

    def ask(sessions: Collection[str]) -> Deferred[Any]:
        answer: Deferred[Any] = Deferred()
        waits.addCallback(lambda _: progress(sessions).chainDeferred(answer))
        return answer

    store.progress = ask  # type: ignore[method-assign]
    return waits


def test_who_comes_back_before_the_store_has_told_of_it_waits_for_that() -> None:
    nodes, here, elsewhere, _ = three()
    _, code = enter(here, "bob")
    elsewhere.enter("amy").type("one")
    nodes.wait(A_WHILE)
    asked = later(nodes, 1)
    dies(nodes, 0)
    back = resume(elsewhere, code)
    assert "Welcome back" not in given(back)
    asked.callback(None)
    elsewhere.turn()
    assert "Welcome back bob." in given(back)
    assert "one" not in given(back)


def test_where_it_cannot_be_read_they_come_back_as_soon_as_it_can_be() -> None:
    nodes, here, elsewhere, _ = three()
    _, code = enter(here, "bob")
    elsewhere.enter("amy").type("one")
    nodes.wait(A_WHILE)
    nodes.stores[1].unreadable = True
    back = resume(elsewhere, code)
    assert "how far you have read cannot be read now" in " ".join(back.take()).replace("!   ", "")
    nodes.stores[1].unreadable = False
    back.type(f"/resume {code}")
    assert "Welcome back bob." in given(back)
    assert "one" not in given(back)


def test_who_has_read_elsewhere_what_is_not_heard_here_yet_comes_back_when_it_is() -> None:
    nodes, here, elsewhere, _ = three()
    bob, _ = enter(here, "bob")
    nodes.stores[1].slow = True
    here.enter("amy").type("one")
    nodes.wait(A_WHILE)
    person, progress = elsewhere.hub.people[bob.session.person.id], elsewhere.hub.progress
    assert progress is not None
    learnt = Deferred.fromCoroutine(progress.learn(person))
    elsewhere.turn()
    assert not learnt.called
    nodes.settle()
    assert learnt.called
    assert person.elsewhere[0].given(elsewhere.hub.lobby.log) == elsewhere.hub.lobby.log.head


def test_what_was_read_on_a_node_while_others_took_it_for_dead_is_not_told_again_there() -> None:
    nodes, here, elsewhere, _ = three()
    bob, code = enter(here, "bob")
    amy = elsewhere.enter("amy")
    nodes.wait(A_WHILE)
    amy.type("one")
    nodes.wait(2 * limits.LOOK_SECONDS)
    dies(nodes, 0)
    bob.cut()
    nodes.go_on(0)
    amy.type("two")
    back = resume(here, code)
    assert "two" in given(back)
    assert "one" not in given(back)


def test_a_node_that_comes_back_too_late_makes_nobody_read_again_what_they_read_elsewhere() -> None:
    nodes, here, second, third = three()
    bob, code = enter(here, "bob")
    amy = third.enter("amy")
    amy.type("one")
    nodes.wait(A_WHILE)
    amy.type("two")
    here.turn()
    assert here.hub.progress is not None
    here.hub.progress.moved(bob.session)
    dies(nodes, 0)
    resume(second, code)
    amy.type("three")
    nodes.wait(A_WHILE)
    nodes.go_on(0)
    here.clock.advance(limits.PROGRESS_SECONDS)
    dies(nodes, 1)
    back = resume(third, code)
    assert "Welcome back bob." in given(back)
    assert "three" not in given(back)


def test_what_was_read_where_the_store_was_away_is_kept_when_it_is_back() -> None:
    nodes, here, elsewhere, _ = three()
    _, code = enter(here, "bob")
    elsewhere.enter("amy").type("one")
    nodes.stores[0].away = True
    nodes.wait(A_WHILE)
    nodes.stores[0].back()
    nodes.wait(limits.BEAT_SECONDS)
    dies(nodes, 0)
    assert "one" not in given(resume(elsewhere, code))


def test_whose_device_comes_on_another_node_has_read_there_what_they_read_here() -> None:
    nodes, here, elsewhere, _ = three()
    bob, _ = enter(here, "bob")
    bob.session.person.password = here.hub.passwords.hash("fnord fnord").result  # type: ignore[attr-defined]
    here.hub.turn.touch(bob.session.person)
    here.turn()
    amy = elsewhere.enter("amy")
    amy.type("one")
    nodes.wait(A_WHILE)
    head = elsewhere.hub.lobby.log.head
    again = elsewhere.connect("/login bob fnord fnord", host="127.0.0.1")
    assert "Welcome back bob." in given(again)
    assert "one" not in given(again)
    person = elsewhere.hub.account("bob")
    assert person is not None
    assert person.read["#lobby"] == head
    again.type("/join #tea")  # they do not look at the lobby there
    amy.type("two")
    nodes.wait(A_WHILE)
    assert person.read["#lobby"] == elsewhere.hub.lobby.log.head > head


def test_who_spoke_there_is_not_idle_here() -> None:
    nodes, here, elsewhere, _ = three()
    bob, carl, amy = here.enter("bob"), here.enter("carl"), elsewhere.enter("amy")
    nodes.wait(50)
    bob.type("hello")
    nodes.wait(7)
    told = []
    for client in (carl, amy):
        client.take()
        client.type("/whois bob")
        told.append(client.take())
    assert told[0] == told[1] != []


def test_who_has_read_on_since_their_record_was_stored_has_read_no_less_than_before() -> None:
    later_at = START + timedelta(hours=1)
    records = Remembered(
        {"p": person("amy", read={"#lobby": 5, "#tea": 2})},
        {"d": session("p", given={"#lobby": 5}), "e": session("p", given={"#lobby": 6}), "gone": None},
    )
    found = read_on(
        records,
        {
            "d": Progress(later_at, later_at, {"#lobby": 7}, {"#lobby": 4, "#ops": 1}),
            "e": Progress(START, START, {"#lobby": 6}, {"#lobby": 6}),
            "gone": Progress(later_at, START, {"#lobby": 9}, {"#lobby": 9}),
            "x": Progress(later_at, START, {"#lobby": 9}, {"#lobby": 9}),
        },
    )
    amy = found.people["p"]
    assert amy is not None
    assert (amy.read, amy.spoke_at) == ({"#lobby": 6, "#tea": 2, "#ops": 1}, later_at)
    assert found.sessions == {
        "d": session("p", given={"#lobby": 7}, seen_at=later_at),
        "e": session("p", given={"#lobby": 6}),
        "gone": None,
    }
