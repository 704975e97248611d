"""A store of several servers cannot be reached by one: what is said there is refused, what was sent is told truly."""

import pytest
from cluster import Nodes, seen_by
from returning import enter, resume
from stores import AWAY
from twisted.internet.defer import Deferred
from world import Client, World

from chat.base import limits
from chat.base.errors import NotStored
from chat.core.presence import Presence


def one() -> tuple[Nodes, World, Client, Client]:
    """Two people on a node whose store cannot tell what became of what it has, and takes nothing more."""
    nodes = Nodes(2)
    world = nodes.worlds[0]
    bob, amy = world.enter("bob", wire="json"), world.enter("amy", wire="json")
    bob.take(), amy.take()
    nodes.stores[0].away = True
    bob.type("sent", id="1")
    return nodes, world, bob, amy


def back(nodes: Nodes) -> None:
    nodes.stores[0].back()
    nodes.settle()


def outcomes(client: Client) -> dict[str, str]:
    """What became of their lines, by the ids."""
    return {keys["id"]: keys["type"] for keys in client.objects if keys["type"] in ("ack", "error")}


def test_what_was_sent_waits_and_what_comes_after_it_is_refused_and_never_stored() -> None:
    nodes, _, bob, amy = one()
    carl = nodes.worlds[1].enter("carl")
    bob.type("too late", id="2")
    assert outcomes(bob) == {"2": "error"}
    assert "the database cannot be reached" in bob.bytes.decode()
    carl.type("meanwhile")
    back(nodes)
    assert outcomes(bob) == {"1": "ack", "2": "error"}
    assert [keys["text"] for keys in amy.objects if keys["type"] == "message"] == ["sent", "meanwhile"]
    bob.type("again", id="3")
    assert outcomes(bob)["3"] == "ack"
    texts = [getattr(entry.fact, "text", "") for entry in nodes.cluster.entries["#lobby"]]
    assert [text for text in texts if text] == ["sent", "meanwhile", "again"]


def test_nobody_comes_in_or_is_called_otherwise_while_it_is_away() -> None:
    nodes, world, bob, _ = one()
    bob.type("/nick eve", id="2")
    assert outcomes(bob)["2"] == "error"
    carl = world.connect("carl")
    assert "! not-stored" in " ".join(carl.take())
    back(nodes)
    carl.type("carl")
    assert nodes.worlds[1].hub.is_here("carl")
    assert not nodes.worlds[1].hub.is_here("eve")


def test_what_somebody_did_meanwhile_the_others_know_when_it_is_back() -> None:
    nodes, _, _, amy = one()
    amy.type("/away tea")
    back(nodes)
    amy.type("hello")
    assert nodes.worlds[1].hub.find("amy").away == "tea"


def test_who_is_there_is_held_by_another_node_where_it_is_away_for_long_and_taken_back() -> None:
    nodes, world, bob, _ = one()
    nodes.lapse(0)
    nodes.wait(limits.BEAT_SECONDS)
    person = nodes.worlds[1].hub.people[bob.session.person.id]
    assert person.down_since is not None
    back(nodes)
    assert person.down_since is None
    assert outcomes(bob)["1"] == "ack"
    nodes.wait(limits.GRACE_SECONDS + 1)
    assert nodes.worlds[1].hub.is_here("bob")
    assert world.hub.is_here("bob")


def test_nobody_leaves_while_that_cannot_be_told_and_then_they_do_once() -> None:
    nodes = Nodes(2)
    here, elsewhere = nodes.worlds
    carl, bob, dee = elsewhere.enter("carl", wire="json"), here.enter("bob"), here.enter("dee")
    bob.cut()
    nodes.stores[0].away = True
    dee.type("hello")  # nobody knows what becomes of it
    carl.take()
    nodes.wait(limits.GRACE_SECONDS + 10)
    assert [world.hub.is_here("bob") for world in nodes.worlds] == [True, True]
    back(nodes)
    nodes.wait(2 * limits.BEAT_SECONDS)
    assert [world.hub.is_here("bob") for world in nodes.worlds] == [False, False]
    assert [told["who"] for told in carl.take_objects() if told["type"] == "left"] == [["bob"]]


def test_who_comes_back_when_it_is_back_has_not_left() -> None:
    nodes = Nodes(2)
    here, elsewhere = nodes.worlds
    bob, code = enter(here, "bob")
    carl, dee = elsewhere.enter("carl"), here.enter("dee")
    bob.cut()
    nodes.stores[0].away = True
    dee.type("hello")
    nodes.wait(limits.GRACE_SECONDS + 10)
    nodes.stores[0].back()
    resume(elsewhere, code)
    nodes.settle()
    nodes.wait(limits.GRACE_SECONDS)
    assert [world.hub.is_here("bob") for world in nodes.worlds] == [True, True]
    assert "bob left" not in carl.bytes.decode()


def test_who_was_cut_while_it_was_away_has_a_line_that_is_down_for_others_as_soon_as_it_is_back() -> None:
    nodes = Nodes(2)
    here, elsewhere = nodes.worlds
    bob, dee = here.enter("bob"), here.enter("dee")
    nodes.stores[0].away = True
    dee.type("hello")
    nodes.settle()
    bob.cut()
    nodes.wait(1)
    back(nodes)
    nodes.wait(limits.BEAT_SECONDS)
    assert elsewhere.hub.people[bob.session.person.id].presence is Presence.DOWN


def test_while_it_is_away_a_node_asks_once_whether_it_is_still_there() -> None:
    nodes = Nodes(1)
    asked: list[Deferred[list[str]]] = []
    nodes.stores[0].beat = lambda people: asked.append(Deferred()) or asked[-1]  # type: ignore[method-assign, func-returns-value]
    nodes.wait(10 * limits.BEAT_SECONDS)
    assert len(asked) == 1
    asked[0].errback(NotStored(AWAY))
    nodes.wait(limits.BEAT_SECONDS)
    assert len(asked) == 2


@pytest.mark.parametrize("how", ["/quit", "/leave", "end"])
def test_who_leaves_while_it_is_away_is_told_to_have_left_when_it_is_back_once(how: str) -> None:
    nodes = Nodes(2)
    here, elsewhere = nodes.worlds
    amy, bob, carl = here.enter("amy"), here.enter("bob", wire="json"), elsewhere.enter("carl", wire="json")
    bob.take(), carl.take()
    nodes.stores[0].away = True
    bob.type("sent")
    if how == "end":
        amy.close()
    else:
        amy.type(how)
    back(nodes)
    nodes.wait(limits.BEAT_SECONDS)
    for client in (bob, carl):
        assert [told["who"] for told in client.take_objects() if told["type"] == "left"] == [["amy"]]


def test_who_joins_a_room_while_it_is_away_is_told_there_when_it_is_back() -> None:
    nodes, _, _, amy = one()
    carl = nodes.worlds[1].enter("carl", "/join #tea", wire="json")
    carl.take()
    amy.type("/join #tea", "/leave #tea", "/join #tea", "hello")
    back(nodes)
    nodes.wait(limits.BEAT_SECONDS)
    assert [told["type"] for told in carl.take_objects() if told["room"] == "#tea"] == ["joined", "left", "joined"]
    assert seen_by(nodes.worlds[0].hub) == seen_by(nodes.worlds[1].hub)


def test_what_was_ended_while_it_is_away_is_ended_for_others_when_it_is_back() -> None:
    nodes, here, bob, _ = one()
    here.hub.read_markers.move(bob.session.person.id, "#lobby", "2026")
    here.turn()
    here.hub.read_markers.move(bob.session.person.id, "#lobby", "2027")
    here.turn()
    back(nodes)
    bob.type("again")
    assert nodes.worlds[1].hub.read_markers.of(bob.session.person.id, "#lobby") == "2027"
    assert "#lobby" in bob.session.person.rooms


@pytest.mark.parametrize("hears", [False, True])
def test_who_left_on_a_node_that_was_given_up_meanwhile_is_told_to_have_left_once(hears: bool) -> None:
    nodes = Nodes(2)
    here, elsewhere = nodes.worlds
    amy, bob, carl = here.enter("amy"), here.enter("bob"), elsewhere.enter("carl", wire="json")
    nodes.stores[0].away = True
    bob.type("sent")
    bob.cut()
    amy.close()
    carl.take()
    nodes.wait(1)
    nodes.cluster.adopt("node0", "node1")
    while hears and nodes.stores[0].comes:  # it listens, and cannot write
        nodes.let(0)
    nodes.wait(limits.BEAT_SECONDS)
    back(nodes)
    nodes.wait(limits.GRACE_SECONDS + 2 * limits.BEAT_SECONDS)
    left = [who for told in carl.take_objects() if told["type"] == "left" for who in told["who"]]
    assert sorted(left) == ["amy", "bob"]
