"""Three servers on one store have everybody alike, whatever happens where, and whenever each hears of it."""

import re
from typing import Any

from cluster import Nodes, seen_by
from hypothesis import event, given, settings
from hypothesis import strategies as st
from returning import code_of
from world import Client, World

NODES = 3
WHERE = st.integers(0, NODES - 1)
WHO = st.integers(0, 5)
STEP = st.one_of(
    st.tuples(st.just("enter"), WHERE, st.sampled_from(["amy", "Amy", "bob", "carl", "dee"])),
    st.tuples(st.just("let"), WHERE),
    st.tuples(st.just("let"), WHERE),
    st.tuples(st.just("let"), WHERE),
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
    st.tuples(st.just("cut"), WHO),
    st.tuples(st.just("end"), WHO),
    st.tuples(st.just("resume"), WHO, WHERE),
    st.tuples(st.just("login"), WHO, WHERE),
    st.tuples(st.just("account"), WHO),
    st.tuples(st.just("wait"), st.sampled_from([0.1, 1.0, 100.0])),
)


class Played:
    """Clients of three nodes, and what they do."""

    def __init__(self) -> None:
        self.nodes = Nodes(NODES)
        self.clients: list[tuple[World, Client]] = []
        for node, world in enumerate(self.nodes.worlds):
            self.clients.append((world, client := world.enter(f"first{node}")))
            self._account(node)
            world.hub.give_role(None, client.session.person, "operator", None)
            world.turn()
        self.codes: dict[int, str] = {}
        self.nodes.slow = True

    def do(self, step: tuple[Any, ...]) -> None:
        """One thing happens."""
        what, *rest = step
        getattr(self, f"_{what}")(*rest)

    def _client(self, who: int) -> Client:
        return self.clients[who % len(self.clients)][1]

    def _enter(self, node: int, nick: str) -> None:
        world = self.nodes.worlds[node]
        self.clients.append((world, world.connect(f"/nick {nick}")))

    def _let(self, node: int) -> None:
        self.nodes.let(node)

    def _type(self, who: int, line: str) -> None:
        if not self._client(who).gone:
            self._client(who).type(line)

    def _cut(self, who: int) -> None:
        self._client(who).cut()

    def _end(self, who: int) -> None:
        if not self._client(who).gone:
            self._client(who).close()

    def _resume(self, who: int, node: int) -> None:
        client = self._client(who)
        if re.search(r"/resume \S+", client.bytes.decode()) and "Hello" in client.bytes.decode():
            world = self.nodes.worlds[node]
            self.clients.append((world, world.connect(f"/resume {code_of(client)}")))

    def _account(self, who: int) -> None:
        client = self._client(who)
        person = client.session.person
        if client.session.named and not client.gone and not person.has_account:
            person.password = "a hash"
            client.world.hub.turn.touch(person)
            client.world.turn()

    def _login(self, who: int, node: int) -> None:
        world, id = self.nodes.worlds[node], self._client(who).session.person.id
        person = world.hub.people.get(id)
        if person is not None and person.has_account:
            client = world.connect()
            session = client.session
            session.enter_as(person, f"code{len(self.clients)}")
            session.welcomed = True
            session.begin()
            world.turn()
            self.clients.append((world, client))

    def _wait(self, seconds: float) -> None:
        self.nodes.clock.advance(seconds)


@settings(max_examples=80, deadline=None)
@given(st.lists(STEP, max_size=40))
def test_three_nodes_have_everybody_alike_in_any_interleaving(steps: list[tuple[Any, ...]]) -> None:
    played = Played()
    for step in steps:
        played.do(step)
    played.nodes.settle()
    one, *others = (seen_by(world.hub) for world in played.nodes.worlds)
    for other in others:
        assert other == one
    event(f"people: {len(one['people'])}")  # type: ignore[arg-type]
    stored = played.nodes.cluster
    assert one["names"] == {nick: person for person, nick in stored.names._names.items()}
