"""A server that dies or hangs: another one holds its people, who leave once; late, it writes nothing as before."""

import pytest
from cluster import Nodes, seen_by
from returning import enter, resume

from chat.base import limits
from chat.log.events import Left, Message


def joined(*lines: str) -> str:
    return " ".join(lines)


def test_who_was_on_a_node_that_died_is_held_for_the_grace_and_leaves_once() -> None:
    nodes = Nodes(3)
    bob, amy = nodes.worlds[0].enter("bob"), nodes.worlds[1].enter("amy")
    carl = nodes.worlds[2].enter("carl")
    amy.take()
    nodes.hang(0)
    nodes.lapse(0)
    nodes.wait(limits.BEAT_SECONDS)
    for world in nodes.worlds[1:]:
        person = world.hub.people[bob.session.person.id]
        assert person.down_since is not None
    amy.type("/msg bob psst")
    assert "line is down" in joined(*amy.take())
    nodes.wait(limits.GRACE_SECONDS - 5)
    assert nodes.worlds[1].hub.is_here("bob")
    nodes.wait(10)
    assert not nodes.worlds[1].hub.is_here("bob")
    assert sum("bob left" in line for line in amy.take()) == 1
    assert sum("bob left" in line for line in carl.take()) == 1
    assert seen_by(nodes.worlds[1].hub) == seen_by(nodes.worlds[2].hub)


def test_who_comes_back_on_another_node_within_the_grace_was_never_gone() -> None:
    nodes = Nodes(3)
    _, code = enter(nodes.worlds[0], "bob")
    amy = nodes.worlds[1].enter("amy")
    nodes.hang(0)
    nodes.lapse(0)
    nodes.wait(limits.BEAT_SECONDS)
    amy.take()
    amy.type("hello")
    back = resume(nodes.worlds[2], code)
    assert "hello" in back.bytes.decode()
    nodes.wait(limits.GRACE_SECONDS + 1)
    assert nodes.worlds[1].hub.is_here("bob")
    assert not [line for line in amy.take() if "bob" in line]


def test_one_whose_line_was_down_already_leaves_all_the_same() -> None:
    nodes = Nodes(2)
    bob, amy = nodes.worlds[0].enter("bob"), nodes.worlds[1].enter("amy")
    bob.cut()
    nodes.hang(0)
    nodes.lapse(0)
    amy.take()
    nodes.wait(limits.GRACE_SECONDS + limits.BEAT_SECONDS + 1)
    assert sum("bob left" in line for line in amy.take()) == 1


def test_the_node_that_holds_somebody_may_die_too() -> None:
    nodes = Nodes(3)
    nodes.worlds[0].enter("bob")
    carl = nodes.worlds[2].enter("carl")
    for node in (0, 1):
        nodes.hang(node)
        nodes.lapse(node)
        nodes.wait(limits.BEAT_SECONDS)
    carl.take()
    nodes.wait(limits.GRACE_SECONDS + 1)
    assert sum("bob left" in line for line in carl.take()) == 1


def test_a_node_that_comes_back_takes_back_who_has_not_left() -> None:
    nodes = Nodes(2)
    bob, amy = nodes.worlds[0].enter("bob"), nodes.worlds[1].enter("amy")
    amy.take()
    nodes.hang(0)
    nodes.lapse(0)
    nodes.wait(2 * limits.LEASE_SECONDS)
    assert nodes.worlds[1].hub.find("bob").down_since is not None
    amy.type("hello")
    nodes.go_on(0)
    nodes.settle()
    assert "<amy> hello" in bob.take()
    assert nodes.worlds[1].hub.find("bob").down_since is None
    bob.type("hi")
    assert "<bob> hi" in amy.take()
    nodes.wait(limits.GRACE_SECONDS + 1)
    assert nodes.worlds[1].hub.is_here("bob")
    assert seen_by(nodes.worlds[0].hub) == seen_by(nodes.worlds[1].hub)


def test_who_has_left_meanwhile_is_cut_and_comes_back_by_the_code() -> None:
    nodes = Nodes(2)
    bob, code = enter(nodes.worlds[0], "bob")
    amy = nodes.worlds[1].enter("amy")
    nodes.hang(0)
    nodes.lapse(0)
    nodes.wait(limits.GRACE_SECONDS + 10)
    amy.take()
    nodes.go_on(0)
    nodes.settle()
    assert bob.gone
    assert not amy.take()
    assert seen_by(nodes.worlds[0].hub) == seen_by(nodes.worlds[1].hub)
    back = resume(nodes.worlds[0], code)
    nodes.settle()
    assert "Welcome back bob." in joined(*back.lines)
    assert amy.take() == ["-!- bob joined #lobby (2 here)"]


def given_up(nodes: Nodes) -> None:
    """The first node hangs, and the second one has its people: what the first one sends from now on is too late."""
    nodes.stores[0].slow = True
    nodes.lapse(0)
    nodes.stores[1].adopt("node0")


def hears_of_it(nodes: Nodes) -> None:
    """The first node goes on, and is told."""
    nodes.stores[0].slow = False
    nodes.settle()


def test_what_is_said_on_a_node_that_was_given_up_is_stored_when_it_knows() -> None:
    nodes = Nodes(2)
    bob, amy = nodes.worlds[0].enter("bob"), nodes.worlds[1].enter("amy")
    amy.take()
    given_up(nodes)
    bob.type("one")
    bob.type("two")
    assert not amy.take()
    hears_of_it(nodes)
    bob.type("three")
    assert "!" not in joined(*bob.take()).replace("-!-", "")
    assert [line for line in amy.take() if line.startswith("<")] == ["<bob> one", "<bob> two", "<bob> three"]


@pytest.mark.parametrize("gathers", [False, True])
def test_whoever_says_a_last_line_on_a_node_that_was_given_up_is_told_that_it_was_not_stored(gathers: bool) -> None:
    nodes = Nodes(2)
    bob, carl, amy = (nodes.worlds[node].enter(nick) for node, nick in ((0, "bob"), (0, "carl"), (1, "amy")))
    amy.take()
    given_up(nodes)
    if gathers:
        carl.type("first")
    bob.type("hello")
    bob.close()
    hears_of_it(nodes)
    assert "! not-stored: “hello” was not said" in joined(*bob.take())
    assert not [line for line in amy.take() if "hello" in line]


def test_that_somebody_came_to_a_room_on_a_node_that_was_given_up_is_told_when_it_knows_if_they_are_there() -> None:
    nodes = Nodes(2)
    bob, carl = nodes.worlds[0].enter("bob"), nodes.worlds[0].enter("carl")
    amy = nodes.worlds[1].enter("amy", "/join #tea")
    given_up(nodes)
    bob.type("/join #tea")
    carl.type("/join #tea")
    carl.cut()
    amy.take()
    hears_of_it(nodes)
    assert [line for line in amy.take() if "#tea" in line] == ["-!- bob joined #tea (2 here)"]
    assert seen_by(nodes.worlds[0].hub) == seen_by(nodes.worlds[1].hub)


@pytest.mark.parametrize("first", [0, 1])
def test_what_was_said_on_a_node_that_was_given_up_is_said_in_order_where_they_come_back(first: int) -> None:
    nodes = Nodes(2)
    amy = nodes.worlds[1].enter("amy")
    bob, code = enter(nodes.worlds[0], "bob", wire="json")
    given_up(nodes)
    for number in range(3):
        bob.type(f"line {number}", id=f"c{number}")
    if first == 0:
        hears_of_it(nodes)
    amy.take()
    back = resume(nodes.worlds[1], code, wire="json")
    for number in range(4):
        back.type(f"line {number}", id=f"c{number}")
    hears_of_it(nodes)
    told = [line for line in nodes.cluster.entries["#lobby"] if isinstance(line.fact, Message)]
    assert [entry.fact.text for entry in told] == [f"line {number}" for number in range(4)]
    assert [keys["id"] for keys in back.objects if keys["type"] == "ack"] == [f"c{number}" for number in range(4)]


def test_of_two_that_see_a_third_die_one_holds_its_people() -> None:
    nodes = Nodes(3)
    bob, carl = nodes.worlds[0].enter("bob"), nodes.worlds[1].enter("carl")
    nodes.hang(0)
    nodes.lapse(0)
    nodes.slow = True
    nodes.wait(limits.BEAT_SECONDS)
    nodes.slow = False
    nodes.settle()
    assert sum(bob.session.person.id in world.hub.down for world in nodes.worlds[1:]) == 1
    carl.take()
    nodes.wait(limits.GRACE_SECONDS + 1)
    assert sum("bob left" in line for line in carl.take()) == 1


def test_a_node_that_is_started_again_has_everybody_and_holds_its_own() -> None:
    nodes = Nodes(2)
    bob, code = enter(nodes.worlds[0], "bob")
    amy = nodes.worlds[1].enter("amy", "/join #tea", "/away tea")
    amy.take()
    nodes.hang(0)
    again = nodes.start(again=0)
    nodes.settle()
    assert seen_by(again.hub) == seen_by(nodes.worlds[1].hub)
    assert again.hub.find("amy").elsewhere
    assert bob.session.person.id in again.hub.down
    back = resume(again, code)
    assert "Welcome back bob." in joined(*back.lines)
    amy.type("/msg bob psst")
    assert "[amy -> you] psst" in back.take()
    nodes.wait(limits.GRACE_SECONDS + 1)
    assert not [line for line in amy.take() if "bob left" in line]


def test_who_comes_back_on_another_node_while_theirs_is_started_again_is_there() -> None:
    nodes = Nodes(3)
    bob, code = enter(nodes.worlds[0], "bob")
    amy = nodes.worlds[2].enter("amy")
    nodes.stores[1].slow = True
    back = resume(nodes.worlds[1], code)
    nodes.hang(0)
    again = nodes.start(again=0)
    nodes.settle()
    assert "Welcome back bob." in joined(*back.lines)
    assert seen_by(nodes.worlds[1].hub) == seen_by(again.hub) == seen_by(nodes.worlds[2].hub)
    nodes.stores[1].slow = False
    amy.take()
    nodes.wait(limits.GRACE_SECONDS + 1)
    assert not amy.take()
    assert again.hub.people[bob.session.person.id].connected


def test_who_is_taken_back_while_the_node_that_held_them_is_started_again_is_there() -> None:
    nodes = Nodes(3)
    bob = nodes.worlds[2].enter("bob")
    nodes.stores[2].slow = True
    nodes.lapse(2)
    nodes.wait(limits.BEAT_SECONDS)
    assert bob.session.person.id in nodes.worlds[0].hub.down
    nodes.hang(0)
    again = nodes.start(again=0)
    nodes.settle()
    assert not bob.ended
    assert seen_by(again.hub) == seen_by(nodes.worlds[1].hub) == seen_by(nodes.worlds[2].hub)
    assert again.hub.people[bob.session.person.id].connected


def test_a_node_that_is_started_again_and_whose_people_do_not_come_lets_them_leave_once() -> None:
    nodes = Nodes(2)
    enter(nodes.worlds[0], "bob")
    amy = nodes.worlds[1].enter("amy")
    nodes.hang(0)
    nodes.start(again=0)
    nodes.settle()
    amy.take()
    nodes.wait(limits.GRACE_SECONDS + 1)
    assert sum("bob left" in line for line in amy.take()) == 1
    assert seen_by(nodes.worlds[0].hub) == seen_by(nodes.worlds[1].hub)


def test_what_a_node_that_was_given_up_did_to_its_people_before_it_knew_has_not_happened() -> None:
    nodes = Nodes(2)
    bob, amy = nodes.worlds[0].enter("bob"), nodes.worlds[1].enter("amy")
    nodes.stores[0].slow = True
    nodes.lapse(0)
    nodes.cluster.adopt("node0", "node1")
    bob.close()
    assert not nodes.worlds[0].hub.is_here("bob")
    nodes.stores[0].slow = False
    nodes.settle()
    assert nodes.worlds[0].hub.is_here("bob")
    assert seen_by(nodes.worlds[0].hub) == seen_by(nodes.worlds[1].hub)
    amy.take()
    nodes.wait(limits.GRACE_SECONDS + 1)
    assert sum("bob left" in line for line in amy.take()) == 1


def test_a_node_that_was_given_up_lets_nobody_leave_before_it_knew() -> None:
    nodes = Nodes(2)
    bob = nodes.worlds[0].enter("bob")
    bob.cut()
    nodes.stores[0].slow = True
    nodes.lapse(0)
    nodes.wait(limits.GRACE_SECONDS - 10)
    nodes.cluster.adopt("node0", "node1")
    nodes.worlds[0].clock.advance(20)
    assert nodes.worlds[0].hub.is_here("bob")


@pytest.mark.parametrize("comes_back", [True, False])
def test_who_took_another_nickname_on_a_node_that_died_then_is_called_as_is_stored(comes_back: bool) -> None:
    nodes = Nodes(2)
    bob, there = nodes.worlds[0].enter("bob"), nodes.worlds[1].hub
    nodes.stores[0].slow = True
    bob.type("/nick eve")
    bob.cut()
    nodes.hang(0)
    nodes.lapse(0)
    nodes.wait(limits.BEAT_SECONDS)
    person = there.people[bob.session.person.id]
    assert (person.nick, there.find("bob")) == ("bob", person)
    assert not there.is_here("eve")
    if comes_back:
        nodes.go_on(0)
        nodes.settle()
        assert seen_by(nodes.worlds[0].hub) == seen_by(there)
        assert there.find("bob") is person


@pytest.mark.parametrize("has_account", [False, True])
@pytest.mark.parametrize("how", ["told", "away", "anew", "late"])
def test_who_went_for_good_on_a_node_that_was_given_up_before_it_knew_leaves_once(how: str, has_account: bool) -> None:
    """Another node holds them as after a cut: what they did there was not stored."""
    nodes = Nodes(2)
    bob, amy = nodes.worlds[0].enter("bob"), nodes.worlds[1].enter("amy")
    if has_account:
        bob.session.person.password = "a hash"
        nodes.worlds[0].hub.turn.touch(bob.session.person)
        nodes.settle()
    store, hubs = nodes.stores[0], [world.hub for world in nodes.worlds]
    store.slow, store.late = True, how == "late"
    if how == "away":
        store.away = True
        hubs[0].turn.touch(bob.session)  # that is in doubt, and nothing else is taken
        nodes.worlds[0].turn()
    nodes.lapse(0)
    nodes.cluster.adopt("node0", "node1")
    bob.type("/quit")
    assert not hubs[0].is_here("bob")
    amy.take()
    if how == "anew":
        store.read_anew()
        nodes.worlds[0].turn()
    if how == "late":  # what was sent before it knew is refused after that
        store.late = False
        while store.comes:
            nodes.let(0)
    store.back()
    nodes.settle()
    assert hubs[0].is_here("bob")
    assert seen_by(hubs[0]) == seen_by(hubs[1])
    assert not [line for line in amy.take() if "bob" in line]
    nodes.wait(limits.GRACE_SECONDS + 1)
    assert sum("bob left" in line for line in amy.take()) == 1
    assert not hubs[0].is_here("bob")
    assert not hubs[0].gone
    assert seen_by(hubs[0]) == seen_by(hubs[1])


def test_that_somebody_went_to_a_room_is_not_told_where_it_would_be_lost_with_their_node() -> None:
    """Another node had stored something of them just then: theirs had to store them again."""
    nodes = Nodes(2)
    here, elsewhere = nodes.worlds
    bob, amy = here.enter("bob"), elsewhere.enter("amy", "/join #tea")
    nodes.stores[0].slow = True
    elsewhere.hub.turn.touch(elsewhere.hub.people[bob.session.person.id])
    elsewhere.turn()
    amy.take()
    bob.type("/join #tea")
    nodes.hang(0)
    nodes.lapse(0)
    nodes.wait(limits.BEAT_SECONDS)
    assert not [line for line in amy.take() if "bob joined" in line]
    nodes.wait(limits.GRACE_SECONDS + 1)
    assert sum("bob left" in line for line in amy.take()) == 1
    nodes.start(again=0)
    nodes.settle()
    assert seen_by(nodes.worlds[0].hub) == seen_by(elsewhere.hub)


def come_back_given_up(nodes: Nodes) -> None:
    """The first node is taken for gone, and then reaches the store again; whoever is not there has left by now."""
    store = nodes.stores[0]
    nodes.worlds[0].clock.advance(limits.GATHER_SECONDS + 1)
    nodes.lapse(0)
    nodes.wait(limits.BEAT_SECONDS)
    store.away = False
    while store.comes:
        store.let()
    store.back()
    nodes.settle()
    nodes.wait(limits.GRACE_SECONDS + limits.BEAT_SECONDS + limits.GATHER_SECONDS + 1)


def told_to_have_gone(nodes: Nodes) -> list[str]:
    """Whose going stands in the lobby."""
    entries = nodes.cluster.entries["#lobby"]
    return [nick for entry in entries if isinstance(entry.fact, Left) for nick in entry.fact.who]


@pytest.mark.parametrize("gathered", [False, True])
def test_what_a_node_owes_of_people_who_are_another_nodes_by_now_it_does_not_tell(gathered: bool) -> None:
    """They went while the database was away there; it hears that it was given up before it can tell of them."""
    nodes = Nodes(2)
    here, elsewhere = nodes.worlds
    nicks = [f"p{number}x" for number in range(limits.GATHER_FROM + 3 if gathered else 3)]
    people = [here.enter(nick) for nick in nicks]
    elsewhere.enter("amy")
    nodes.wait(limits.GATHER_SECONDS + 1)
    store = nodes.stores[0]
    store.away = True
    here.hub.turn.flush()
    here.turn()  # of this one it does not hear for long what became of it
    for person in people:
        person.type("/quit")
    come_back_given_up(nodes)
    assert sorted(told_to_have_gone(nodes)) == sorted(nicks)
    assert seen_by(here.hub) == seen_by(elsewhere.hub)


@pytest.mark.parametrize("how", ["in doubt", "waiting", "both"])
def test_who_went_with_many_on_a_node_that_was_given_up_then_is_told_to_have_gone(how: str) -> None:
    """That they went was stored, and not told yet; of the others another node tells."""
    nodes = Nodes(2)
    here, elsewhere = nodes.worlds
    nicks = [f"p{number}x" for number in range(limits.GATHER_FROM + 4)]
    first, second, *others = [here.enter(nick) for nick in nicks]
    elsewhere.enter("amy")
    nodes.wait(limits.GATHER_SECONDS + 1)
    store = nodes.stores[0]
    if how == "both":
        first.type("/quit")
    store.slow, store.away = True, how != "waiting"
    second.type("/quit")  # it does not hear for long that this is stored
    if how == "waiting":
        nodes.lapse(0)
        nodes.cluster.adopt("node0", "node1")
    for person in (first, *others):
        if not person.ended:
            person.type("/quit")
    come_back_given_up(nodes)
    assert sorted(told_to_have_gone(nodes)) == sorted(nicks)
    assert seen_by(here.hub) == seen_by(elsewhere.hub)


@pytest.mark.parametrize("first", ["refused", "heard"])
def test_who_came_in_on_a_node_as_it_was_given_up_is_told_of(first: str) -> None:
    """Their nickname was theirs before that, and what tells of them was refused after it."""
    nodes = Nodes(2)
    here, elsewhere = nodes.worlds
    here.enter("bob")
    amy = elsewhere.enter("amy")
    store = nodes.stores[0]
    store.late = store.slow = True
    carl = here.connect("/nick carl")
    nodes.arrive(0)
    nodes.let(0)  # the nickname is carl's, who comes in
    assert carl.session.named
    nodes.lapse(0)
    nodes.cluster.adopt("node0", "node1")
    if first == "refused":
        nodes.arrive(0)
    while store.comes:
        nodes.let(0)
    store.late = store.slow = False
    nodes.settle()
    assert [line for line in amy.take() if "carl" in line] == ["-!- carl joined #lobby (3 here)"]
    carl.type("/quit")
    nodes.settle()
    assert [line for line in amy.take() if "carl" in line] == ["-!- carl left (0 s)"]
    assert seen_by(here.hub) == seen_by(elsewhere.hub)
