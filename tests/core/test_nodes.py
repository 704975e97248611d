"""Several servers on one store: the store numbers, and each shows its readers what the others committed."""

import pytest
from database import batch, log
from hypothesis import given, settings
from hypothesis import strategies as st
from nodes import Cluster, Node
from returning import enter, resume
from world import Client, World

from chat.base import limits
from chat.core.presence import Event
from chat.log.events import Author, Private


def two() -> tuple[World, World, Node, Node]:
    cluster = Cluster()
    one, other = cluster.node(), cluster.node()
    here = World(one, tokens="near")
    return here, World(other, tokens="far", clock=here.clock), one, other


def let_all(*nodes: tuple[World, Node]) -> None:
    while any(node.comes for _, node in nodes):
        for world, node in nodes:
            while node.comes:
                node.let()
            world.turn()


def said(client: Client) -> list[tuple[int, str]]:
    """The numbers and texts of what somebody heard in the lobby."""
    return [(keys["seq"], keys["text"]) for keys in client.objects if keys["type"] == "message"]


def test_what_another_node_stored_is_heard_here() -> None:
    here, there, _, _ = two()
    ann, bob = here.enter("ann", wire="json"), there.enter("bob", wire="json")
    ann.take()
    bob.type("hello", id="c1")
    (message,) = ann.take_objects()
    (ack,) = bob.take_objects()
    assert (message["from"], message["text"]) == ("bob", "hello")
    assert (message["seq"], message["at"]) == (ack["seq"], ack["at"])


def test_a_line_that_was_on_its_way_comes_after_what_the_store_had_first() -> None:
    here, there, near, far = two()
    ann, bob = here.enter("ann", wire="json echo"), there.enter("bob", wire="json echo")
    for client in (ann, bob):
        client.take()
    near.slow = far.slow = True
    bob.type("first")
    ann.type("second", "and third", id="c1")
    assert not ann.objects
    assert not bob.objects
    let_all((here, near), (there, far))
    assert said(ann) == said(bob)
    assert said(ann)[0][1] == "first"
    numbers = [seq for seq, _ in said(ann)]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_an_acknowledgement_tells_the_number_and_the_date_that_the_store_gave() -> None:
    here, there, near, _ = two()
    ann, bob = here.enter("ann", wire="json"), there.enter("bob", wire="json")
    ann.take()
    near.slow = True
    bob.type("first")
    ann.type("second", id="c1")
    let_all((here, near))
    first, ack = ann.take_objects()
    second = bob.take_objects()[-1]
    assert (ack["seq"], ack["at"]) == (second["seq"], second["at"])
    assert ack["seq"] == first["seq"] + 1


def test_what_another_node_announces_is_heard_here() -> None:
    here, there, _, _ = two()
    ann = here.enter("ann")
    there.hub.announce("backup at noon")
    there.turn()
    assert ann.take() == ['-!- Announcement: "backup at noon"']


def test_whose_code_is_void_while_their_nickname_is_asked_for_does_not_come_back() -> None:
    near = Cluster().node()
    world = World(near)
    amy, code = enter(world, "amy")
    amy.cut()
    world.wait(limits.GRACE_SECONDS + 1)
    near.slow = True
    back = world.connect(f"/resume {code}")
    (session,) = world.hub.codes.values()
    world.hub.happened(session.person, Event.BANNED)
    let_all((world, near))
    assert back.take()[-1] == "! code-wrong: Nobody has this code, or its day is over."
    assert not [*world.hub.codes, *world.hub.people, *world.hub.absent]


def test_private_talk_from_another_node_reaches_whom_it_is_for_and_nobody_else() -> None:
    cluster = Cluster()
    world = World(cluster.node())
    ann, bob = world.enter("ann"), world.enter("bob")
    world.take_all()
    to = bob.session.person
    psst = Private(Author("p-carl", "s-carl", "carl"), "bob", to.id, "psst")
    cluster.node().commit(batch(log(to.log.key, [psst]), log("@p-carl", [psst])))
    world.turn()
    assert (ann.take(), bob.take()) == ([], ["[carl -> you] psst"])
    assert to.last_from == "p-carl"


def test_a_room_that_was_made_on_another_node_goes_on() -> None:
    here, there, _, _ = two()
    bob = there.enter("bob", "/join #ops", "one", "/topic tea")
    bob.type("two")
    ann = here.enter("ann", "/join #ops", wire="json")
    bob.type("three")
    assert ann.session.current.topic == "tea"
    (message,) = ann.take_objects()
    assert message["text"] == "three"
    assert message["seq"] == there.hub.rooms["#ops"].log.head == here.hub.rooms["#ops"].log.head


def test_a_topic_that_was_set_on_another_node_holds_here() -> None:
    here, there, _, _ = two()
    ann, bob = here.enter("ann"), there.enter("bob")
    bob.type("/topic tea")
    assert '-!- bob set the topic of #lobby: "tea"' in ann.take()
    ann.type("/topic")
    assert ann.take() == ['-> Topic of #lobby: "tea"']


def test_the_same_line_by_two_nodes_is_kept_once() -> None:
    """One who came back on another node sends again what was not acknowledged."""
    here, there, near, _ = two()
    ann, bob = here.enter("ann", wire="json"), there.enter("bob")
    bob.take()
    near.slow = True
    ann.type("hi", id="c1")
    near.slow = False
    let_all((here, near))
    ann.type("hi", id="c1")
    first, again = ann.take_objects()[-2:]
    assert first == again
    assert bob.take() == ["<ann> hi"]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("say"), st.integers(0, 1)),
            st.tuples(st.just("let"), st.integers(0, 1)),
            st.tuples(st.just("full"), st.integers(0, 1)),
            st.tuples(st.just("drain"), st.integers(0, 1)),
        ),
        max_size=40,
    )
)
def test_everybody_on_every_node_sees_the_same_lines_under_the_same_numbers(steps: list[tuple[str, int]]) -> None:
    here, there, near, far = two()
    worlds, nodes = (here, there), (near, far)
    authors = [world.enter(nick) for world, nick in zip(worlds, ("ann", "bob"), strict=True)]
    readers = [world.enter(nick, wire="json") for world, nick in zip(worlds, ("carl", "dee"), strict=True)]
    for world in worlds:
        world.take_all()
    near.slow = far.slow = True
    for number, (step, node) in enumerate(steps):
        if step == "say":
            authors[node].type(f"line {number}")
        elif step == "full":
            readers[node].full(10)
        elif step == "drain":
            readers[node].drain()
        elif nodes[node].comes:
            nodes[node].let()
            worlds[node].turn()
    for reader in readers:
        reader.drain()
    let_all((here, near), (there, far))
    heard = said(readers[0])
    assert heard == said(readers[1])
    assert [seq for seq, _ in heard] == list(range(heard[0][0], heard[0][0] + len(heard))) if heard else True
    assert sorted(text for _, text in heard) == sorted(
        f"line {n}" for n, (step, _) in enumerate(steps) if step == "say"
    )


# Nicknames.


def test_a_nickname_that_somebody_has_on_another_node_is_refused_with_a_proposal() -> None:
    here, there, _, _ = two()
    there.enter("amy")
    amy = here.connect("amy")
    assert amy.take()[-1] == "! nick-taken: amy is here already. Enter takes amy2; /resume CODE if it is you."
    amy.type("")
    here.wait(1)
    assert "-> Hello amy2." in " ".join(amy.take())
    assert here.hub.find("amy").elsewhere


def test_a_proposal_is_free_on_every_node() -> None:
    here, there, _, _ = two()
    there.enter("amy")
    there.enter("amy2")
    amy = here.connect("amy")
    assert amy.take()[-1] == "! nick-taken: amy is here already. Enter takes amy3; /resume CODE if it is you."
    amy.type("")
    here.wait(1)
    assert here.hub.find("amy3").attached


def test_a_proposal_that_somebody_took_meanwhile_is_not_made_again() -> None:
    here, there, near, _ = two()
    there.enter("amy")
    amy = here.connect("amy")
    near.slow = True
    there.enter("amy2")
    amy.type("")
    here.wait(1)
    near.slow = False
    let_all((here, near))
    assert "! nick-taken: amy2 is here already. Enter takes amy2-2;" in " ".join(amy.take())


@pytest.mark.parametrize("nick", ["\u0430my", "AMY"])
def test_one_that_is_alike_is_refused_too_where_it_would_be_here(nick: str) -> None:
    here, there, _, _ = two()
    there.enter("amy")
    alone = World()
    alone.enter("amy")
    answers = [world.connect(nick).lines[-1] for world in (here, alone)]
    assert answers[0] == answers[1]


def test_nobody_sees_them_before_the_store_has_agreed() -> None:
    here, _, near, _ = two()
    bob = here.enter("bob")
    near.slow = True
    amy = here.connect("amy")
    assert (bob.take(), amy.take()[-1][:2]) == ([], "->")
    assert not here.hub.is_here("amy")
    bob.type("/who")
    assert bob.take() == ["-> One person is in #lobby: bob"]
    near.slow = False
    let_all((here, near))
    assert any("amy joined" in line for line in bob.take())


def test_a_rename_that_is_refused_changes_nothing() -> None:
    here, there, _, _ = two()
    there.enter("amy")
    bob, carl = here.enter("bob"), here.enter("carl")
    here.take_all()
    bob.type("/nick amy")
    assert bob.take() == ["! nick-taken: amy is here already. Enter takes amy2; /resume CODE if it is you."]
    bob.type("hi")
    assert carl.take() == ["<bob> hi"]
    bob.type("/nick dee")
    assert carl.take() == ["-!- bob is now known as dee"]
    assert there.connect("bob").lines[-1].startswith("-> ")
    assert there.connect("dee").lines[-1].startswith("! nick-taken")


@pytest.mark.parametrize("how", ["/quit", "cut", "end"])
def test_who_has_left_leaves_the_nickname_to_other_nodes(how: str) -> None:
    here, there, _, _ = two()
    amy = here.enter("amy")
    if how == "/quit":
        amy.type(how)
    elif how == "end":
        amy.close()
    else:
        amy.cut()
        assert "! nick-taken" in "".join(there.connect("amy").lines)
        here.wait(limits.GRACE_SECONDS + 1)
    there.turn()
    assert "Hello amy" in "".join(there.connect("amy").lines)


def test_one_whose_line_drops_while_the_store_is_asked_does_not_keep_the_nickname() -> None:
    here, there, near, _ = two()
    near.slow = True
    amy = here.connect("amy")
    amy.cut()
    near.slow = False
    let_all((here, near))
    here.turn()
    assert not here.hub.is_here("amy")
    assert "Hello amy" in "".join(there.connect("amy").lines)


def test_one_whose_line_drops_while_a_rename_is_asked_for_has_it() -> None:
    here, there, near, _ = two()
    amy, carl = here.enter("amy"), here.enter("carl")
    carl.take()
    near.slow = True
    amy.type("/nick dee")
    amy.cut()
    near.slow = False
    let_all((here, near))
    assert carl.take() == ["-!- amy is now known as dee"]
    assert "! nick-taken" in "".join(there.connect("dee").lines)
    assert "Hello amy" in "".join(there.connect("amy").lines)


def test_who_comes_back_too_late_is_called_otherwise_where_another_node_has_the_nickname() -> None:
    here, there, _, _ = two()
    amy, code = enter(here, "amy")
    amy.close()
    for nick in ("amy", "amy2"):
        there.enter(nick)
    back = resume(here, code)
    assert "Welcome back amy3." in "".join(back.lines)
    assert here.hub.is_here("amy3")
    assert "! nick-taken" in "".join(there.connect("amy3").lines)


def test_who_comes_back_from_under_the_same_nickname_has_it() -> None:
    """They came in anew, and then remembered their code."""
    here, there, _, _ = two()
    amy, code = enter(here, "amy")
    amy.close()
    here.enter("amy").type(f"/resume {code}")
    assert here.hub.is_here("amy")
    assert len(here.hub.people) == 1
    assert "! nick-taken" in "".join(there.connect("amy").lines)


def test_a_store_that_cannot_be_asked_lets_nobody_in_under_a_nickname_of_two() -> None:
    here, there, near, _ = two()
    near.cluster.refusals = 1
    amy = here.connect("amy")
    assert "! not-stored" in "".join(amy.take())
    amy.type("amy")
    assert here.hub.is_here("amy")
    assert "! nick-taken" in "".join(there.connect("amy").lines)


def test_a_nickname_that_is_given_up_while_the_store_fails_is_free_once_it_does_not() -> None:
    here, there, near, _ = two()
    amy, bob = here.enter("amy"), here.enter("bob")
    near.cluster.refusals = 1
    amy.type("/quit")
    bob.type("hi")
    there.turn()
    assert "Hello amy" in "".join(there.connect("amy").lines)
