"""Three servers on one store have everybody alike, whatever happens where, and whenever each hears of it."""

import re
from itertools import count
from typing import Any

from cluster import Nodes, seen_by
from hypothesis import event, given, settings
from hypothesis import strategies as st
from returning import code_of
from world import Client, World

from chat.base import limits
from chat.log.events import Joined, Left

NODES = 3
WHERE = st.integers(0, NODES - 1)
WHO = st.integers(0, 5)
STEP = st.one_of(
    st.tuples(st.just("enter"), WHERE, st.sampled_from(["amy", "Amy", "bob", "carl", "dee"])),
    st.tuples(st.just("let"), WHERE),
    st.tuples(st.just("let"), WHERE),
    st.tuples(st.just("let"), WHERE),
    st.tuples(st.just("arrive"), WHERE),
    st.tuples(st.just("arrive"), WHERE),
    st.tuples(
        st.just("type"),
        WHO,
        st.sampled_from(
            [
                "hello",
                "/join #tea",
                "/join #ops",
                "/leave #tea",
                "/topic milk",
                "/nick amy",
                "/nick eve",
                "/away tea",
                "/back",
                "/msg amy psst",
                "/msg bob psst",
                "/ignore bob",
                "/kick amy",
                "/kick bob",
                "/mute bob 1m",
                "/ban #tea amy 5m",
                "/private",
                "/invite amy",
                "/op amy",
                "/lock",
                "/admit amy",
                "/quit",
            ]
        ),
    ),
    st.tuples(st.just("read"), WHO),
    st.tuples(st.just("cut"), WHO),
    st.tuples(st.just("end"), WHO),
    st.tuples(st.just("resume"), WHO, WHERE),
    st.tuples(st.just("login"), WHO, WHERE),
    st.tuples(st.just("account"), WHO),
    st.tuples(st.just("wait"), st.sampled_from([0.1, 3.0, 100.0])),
    st.tuples(st.sampled_from(["hang", "lapse", "go_on", "restart", "anew"]), WHERE),
)
FAULT = st.one_of(
    st.tuples(st.just("enter"), WHERE, st.sampled_from(["amy", "bob", "carl"])),
    st.tuples(st.just("let"), WHERE),
    st.tuples(st.just("let"), WHERE),
    st.tuples(st.just("arrive"), WHERE),
    st.tuples(st.just("arrive"), WHERE),
    st.tuples(st.just("type"), WHO, st.sampled_from(["hello", "/join #tea", "/leave #tea", "/quit"])),
    st.tuples(st.just("cut"), WHO),
    st.tuples(st.just("end"), WHO),
    st.tuples(st.just("resume"), WHO, WHERE),
    st.tuples(st.just("login"), WHO, WHERE),
    st.tuples(st.just("account"), WHO),
    st.tuples(st.just("wait"), st.sampled_from([0.1, 3.0, 100.0])),
    st.tuples(st.sampled_from(["hang", "lapse", "go_on", "restart", "anew"]), WHERE),
)


class Played:
    """Clients of three nodes, and what they do."""

    def __init__(self, late: bool) -> None:
        self.nodes = Nodes(NODES)
        self.clients: list[tuple[World, Client]] = []
        for node, world in enumerate(self.nodes.worlds):
            self.clients.append((world, client := world.enter(f"first{node}")))
            self._account(node)
            world.hub.give_role(None, client.session.person, "operator", None)
            world.turn()
        self.numbers = count()
        self.nodes.slow, self.nodes.late = True, late

    def do(self, step: tuple[Any, ...]) -> None:
        """One thing happens."""
        what, *rest = step
        getattr(self, f"_{what}")(*rest)

    def _client(self, who: int) -> Client:
        return self.clients[who % len(self.clients)][1]

    def _enter(self, node: int, nick: str) -> None:
        world = self.nodes.worlds[node]
        if node not in self.nodes.away:
            self.clients.append((world, world.connect(f"/nick {nick}")))

    def _arrive(self, node: int) -> None:
        self.nodes.arrive(node)

    def _let(self, node: int) -> None:
        self.nodes.let(node)

    def _hangs(self, client: Client) -> bool:
        return any(self.nodes.worlds[node] is client.world for node in self.nodes.away)

    def _type(self, who: int, line: str) -> None:
        if not (self._client(who).gone or self._hangs(self._client(who))):
            self._client(who).type(line)

    def _read(self, who: int) -> None:
        if not (self._client(who).gone or self._hangs(self._client(who))):
            self._client(who).session.mark_seen()
            self._client(who).session.keep_seen()

    def _cut(self, who: int) -> None:
        if not self._hangs(self._client(who)):
            self._client(who).cut()

    def _end(self, who: int) -> None:
        if not (self._client(who).gone or self._hangs(self._client(who))):
            self._client(who).close()

    def _resume(self, who: int, node: int) -> None:
        client = self._client(who)
        if node in self.nodes.away:
            return
        if re.search(r"/resume \S+", client.bytes.decode()) and "Hello" in client.bytes.decode():
            world = self.nodes.worlds[node]
            self.clients.append((world, world.connect(f"/resume {code_of(client)}")))

    def _account(self, who: int) -> None:
        client = self._client(who)
        person = client.session.person
        if client.session.named and not (client.gone or person.has_account or self._hangs(client)):
            person.password = "a hash"
            client.world.hub.turn.touch(person)
            client.world.turn()

    def _login(self, who: int, node: int) -> None:
        world, id = self.nodes.worlds[node], self._client(who).session.person.id
        person = world.hub.people.get(id) or world.hub.absent.get(id)
        if person is not None and person.has_account and node not in self.nodes.away:
            client = world.connect()
            session = client.session
            session.enter_as(person, f"code{next(self.numbers)}")
            session.welcomed = True
            session.begin()
            world.turn()
            self.clients.append((world, client))

    def _hang(self, node: int) -> None:
        if len(self.nodes.away) < NODES - 1:
            self.nodes.hang(node)

    def _lapse(self, node: int) -> None:
        self.nodes.lapse(node)

    def _go_on(self, node: int) -> None:
        if node in self.nodes.away:
            self.nodes.go_on(node)

    def _anew(self, node: int) -> None:
        self.nodes.read_anew(node)

    def _restart(self, node: int) -> None:
        self.nodes.hang(node)
        before = self.nodes.worlds[node]
        self.nodes.start(again=node)
        self.nodes.stores[node].slow, self.nodes.stores[node].late = True, self.nodes.late
        self.clients = [(world, client) for world, client in self.clients if world is not before]
        if not self.clients:
            self._enter(node, "last")

    def settle(self) -> None:
        """Everybody is there, and hears everything."""
        for node in [*self.nodes.away]:
            self.nodes.go_on(node)
        self.nodes.settle()

    def _wait(self, seconds: float) -> None:
        self.nodes.wait(seconds)


@settings(max_examples=80, deadline=None)
@given(st.lists(STEP, max_size=40), st.booleans())
def test_three_nodes_have_everybody_alike_in_any_interleaving(steps: list[tuple[Any, ...]], late: bool) -> None:
    played = Played(late)
    for step in steps:
        played.do(step)
    played.settle()
    one, *others = (seen_by(world.hub) for world in played.nodes.worlds)
    for other in others:
        assert other == one
    for key, some in played.nodes.worlds[0].hub.roles._holders.items():
        assert sum(person.roles[key] == "owner" for person in some.values()) <= 1
    event(f"people: {len(one['people'])}")  # type: ignore[arg-type]
    stored = played.nodes.cluster
    assert one["names"] == {nick: person for person, nick in stored.names._names.items()}


@settings(max_examples=60, deadline=None)
@given(st.lists(FAULT, max_size=40), st.booleans())
def test_whoever_does_not_come_back_leaves_once_whatever_nodes_die_or_hang(
    steps: list[tuple[Any, ...]], late: bool
) -> None:
    played = Played(late)
    for step in steps:
        played.do(step)
    played.settle()
    played.nodes.slow = played.nodes.late = False
    played.nodes.wait(limits.LEASE_SECONDS)
    for _, client in played.clients:
        client.cut()
    played.nodes.wait(limits.GRACE_SECONDS + limits.BEAT_SECONDS)
    assert [world.hub.people for world in played.nodes.worlds] == [{}] * NODES
    for key in ("#lobby", "#tea"):
        here: dict[str, bool] = {}
        for entry in played.nodes.cluster.entries[key]:
            if isinstance(entry.fact, Joined | Left):
                for who in _people(entry.fact):
                    assert here.get(who, False) is not isinstance(entry.fact, Joined), (who, entry)
                    here[who] = isinstance(entry.fact, Joined)
        assert not any(here.values())


def _people(fact: Joined | Left) -> list[str]:
    assert fact.author is not None
    return [fact.author.person]
