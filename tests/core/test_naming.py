"""Who may be called how: here, and where other nodes have to agree."""

import pytest
from cluster import Nodes
from twisted.internet.defer import Deferred
from world import World

from chat.base.errors import Refused
from chat.core.naming import Naming
from chat.core.person import Person


def naming(world: World) -> tuple[Naming, Person]:
    """That of a server, and somebody who has no nickname yet."""
    return world.hub.naming, world.hub.stranger()


def test_a_nickname_is_whose_it_is_until_it_is_given_up(world: World) -> None:
    names, amy = naming(world)
    names.claim("amy", amy)
    assert (names.find("AMY"), names.holder("amy", amy), [*names.holders]) == (amy, None, [amy])
    with pytest.raises(Refused, match="nick-taken"):
        names.check("Amy", world.hub.stranger())
    assert names.check("Amy", amy) == "Amy"
    names.give_up(amy)
    assert (names.find("amy"), names.check("amy")) == (None, "amy")


@pytest.mark.parametrize(
    ("nick", "code"), [("admin", "nick-reserved"), ("\u0430my", "nick-alike"), ("#amy", "nick-bad")]
)
def test_who_asks_for_what_they_may_not_have_is_told_why(world: World, nick: str, code: str) -> None:
    names, amy = naming(world)
    names.claim("amy", amy)
    with pytest.raises(Refused, match=code):
        names.check(nick)


def test_who_comes_in_again_has_their_nickname_or_one_near_to_it(world: World) -> None:
    names, amy = naming(world)
    names.claim("amy", amy)
    names.claim_again(amy)
    assert amy.nick == "amy"
    names.give_up(amy)
    names.claim("amy", world.hub.stranger())
    names.claim_again(amy)
    assert amy.nick == "amy2"


def test_what_was_won_on_all_nodes_is_theirs_though_this_one_still_has_it_as_somebody_elses() -> None:
    nodes = Nodes(2)
    names, amy = naming(nodes.worlds[0])
    won: Deferred[None] = Deferred.fromCoroutine(names.win("amy", amy))
    nodes.settle()
    assert won.called
    other = nodes.worlds[0].hub.stranger()
    other.nick = "amy"
    names.claimed("amy", other)
    amy.called("amy")
    names.claim_again(amy)
    assert (amy.nick, names.find("amy"), [*names.holders]) == ("amy", amy, [amy])


def test_what_was_won_and_is_lost_somebody_on_another_node_can_have() -> None:
    nodes = Nodes(2)
    names, amy = naming(nodes.worlds[0])
    Deferred.fromCoroutine(names.win("amy", amy))
    nodes.settle()
    theirs = nodes.worlds[1].hub.naming
    told: list[str] = []
    refused: Deferred[None] = Deferred.fromCoroutine(theirs.win("amy", nodes.worlds[1].hub.stranger()))
    refused.addErrback(lambda failure: told.append(failure.value.code))
    nodes.settle()
    assert told == ["nick-taken"]
    names.lose(amy)
    nodes.settle()
    won: Deferred[None] = Deferred.fromCoroutine(theirs.win("amy", nodes.worlds[1].hub.stranger()))
    nodes.settle()
    assert won.result is None
