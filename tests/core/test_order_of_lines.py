"""What somebody says stands in the order in which they said it, wherever they come back, and however late it arrives.

Somebody has connections to several servers, one after the other, and the older ones still deliver what was said on
them; each server hears late of what the others do, and what it stores itself is under way for long.
"""

import json
from typing import Any

from cluster import Nodes
from hypothesis import event, example, given, settings
from hypothesis import strategies as st
from returning import code_of
from world import Client, World

from chat.log.events import Message

NODES = 3
WHERE = st.integers(0, NODES - 1)
WHILE = st.one_of(
    st.tuples(st.just("turn"), WHERE),
    st.tuples(st.just("turn"), WHERE),
    st.tuples(st.just("let"), WHERE),
    st.tuples(st.just("arrive"), WHERE),
    st.tuples(st.just("deliver"), st.integers(0, 3), st.integers(1, 3)),
    st.tuples(st.just("deliver"), st.integers(0, 3), st.integers(1, 3)),
    st.tuples(st.just("lose"), st.integers(0, 2)),
    st.tuples(st.sampled_from(["hang", "go_on"]), WHERE),
)
VISITS = st.lists(st.tuples(st.integers(0, 3), WHERE, st.lists(WHILE, max_size=7)), max_size=6)
"""How many lines they say before they come to which node, and what happens then."""


class Stream:
    """One connection of somebody, and what they have sent on it that has not arrived yet."""

    def __init__(self, client: Client, *sent: str) -> None:
        self.client = client
        self.sent = [*sent]
        self.welcome = not sent

    def deliver(self, most: int) -> None:
        """So many lines arrive."""
        some, self.sent = self.sent[:most], self.sent[most:]
        if not self.client.gone:
            for line in some:
                self.client.send(line.encode() + b"\n")
            self.client.world.turn()


class Talker:
    """Somebody who says one line after the other; with `ids` what was not answered is said again, in order."""

    def __init__(self, world: World, ids: bool) -> None:
        self.ids = ids
        self._wire = "json" if ids else "plain"
        client = world.connect("/nick bob", wire=self._wire)
        self._code = code_of(client)
        client.take()
        self.streams = [Stream(client)]
        """The one that they use is the first."""
        self.number = 0
        self.waiting: dict[str, str] = {}
        """What was not answered, by its number."""
        self.acknowledged: set[str] = set()

    def say(self) -> None:
        """One more line."""
        self.number += 1
        line = text = str(self.number)
        if self.ids:
            line = self.waiting[text] = json.dumps({"line": text, "id": text})
        if self.streams[0].welcome:
            self.streams[0].sent.append(line)

    def come(self, world: World) -> None:
        """Come back on one more connection, without a word on the one before."""
        client = world.connect(wire=self._wire)
        client.take()
        self.streams.insert(0, Stream(client, f"/resume {self._code}"))
        self.streams[0].deliver(1)

    def read(self) -> None:
        """What has come on the connection that they use."""
        stream = self.streams[0]
        if not self.ids:
            stream.welcome |= any("Welcome back" in line for line in stream.client.take())
            return
        for keys in stream.client.take_objects():
            if keys["type"] == "welcome":
                stream.welcome = True
                stream.sent += self.waiting.values()
            elif keys["type"] == "ack" and self.waiting.pop(keys.get("id", ""), None):
                self.acknowledged.add(keys["id"])
            elif keys["type"] == "error":
                assert keys["code"] in ("taken-over", "nothing-said"), keys


class Played:
    """Somebody, and the servers."""

    def __init__(self, ids: bool, late: bool) -> None:
        self.nodes = Nodes(NODES)
        self.talker = Talker(self.nodes.worlds[0], ids)
        self.nodes.slow, self.nodes.late = True, late

    def visit(self, lines: int, node: int, steps: list[tuple[Any, ...]]) -> None:
        """They say so many lines where they are, and come to this node; then this happens."""
        for _ in range(lines):
            self.talker.say()
        if node not in self.nodes.away:
            self.talker.come(self.nodes.worlds[node])
        for what, *rest in steps:
            getattr(self, f"_{what}")(*rest)
            self.talker.read()

    def _stream(self, age: int) -> Stream | None:
        """A connection that they use, or used so long ago, and whose server works."""
        some = [stream for stream in self.talker.streams if not self._hangs(stream)]
        return some[age] if age < len(some) else None

    def _hangs(self, stream: Stream) -> bool:
        return any(self.nodes.worlds[node] is stream.client.world for node in self.nodes.away)

    def _deliver(self, age: int, most: int) -> None:
        if (stream := self._stream(age)) is not None:
            stream.deliver(most)

    def _lose(self, age: int) -> None:
        if (stream := self._stream(age)) is not None and not stream.client.gone:
            stream.client.cut()

    def _let(self, node: int) -> None:
        self.nodes.let(node)

    def _arrive(self, node: int) -> None:
        self.nodes.arrive(node)

    def _turn(self, node: int) -> None:
        """What it stores is stored, and it hears of all."""
        for _ in range(5):
            self.nodes.arrive(node)
            self.nodes.let(node)

    def _hang(self, node: int) -> None:
        """Until it is taken for gone."""
        if len(self.nodes.away) < NODES - 1:
            self.nodes.hang(node)
            self.nodes.lapse(node)
            self.nodes.wait(3.0)

    def _go_on(self, node: int) -> None:
        if node in self.nodes.away:
            self.nodes.go_on(node)

    def finish(self) -> None:
        """All arrives; then what was not answered is said again."""
        for node in range(NODES):
            self._go_on(node)
        talker = self.talker
        for _ in range(10):
            for stream in reversed(talker.streams):
                stream.deliver(len(stream.sent))
            self.nodes.settle()
            talker.read()
            if talker.streams[0].client.ended or not talker.streams[0].welcome:
                self.nodes.wait(3.0)
                talker.come(self.nodes.worlds[0])
            elif not (talker.streams[0].sent or talker.waiting):
                return
        raise AssertionError("it does not end")

    @property
    def said(self) -> list[int]:
        """What was stored."""
        entries = self.nodes.cluster.entries["#lobby"]
        return [int(entry.fact.text) for entry in entries if isinstance(entry.fact, Message)]


@settings(max_examples=300, deadline=None)
@given(VISITS, st.booleans(), st.booleans())
@example([(1, 1, [("turn", 1)]), (1, 0, [])], False, False)
@example([(2, 1, [("turn", 1), ("deliver", 0, 2)]), (0, 0, [("arrive", 0)])], True, True)
@example([(2, 0, [("hang", 0), ("turn", 1), ("turn", 2)]), (1, 1, [("deliver", 0, 1)])], True, True)
def test_whoever_goes_from_node_to_node_says_everything_once_and_in_order(
    visits: list[Any], ids: bool, late: bool
) -> None:
    played = Played(ids, late)
    for visit in visits:
        played.visit(*visit)
    played.finish()
    event(f"lines: {len(played.said)}")
    assert played.said == sorted({*played.said})
    if ids:
        assert played.said == list(range(1, played.talker.number + 1))
        assert len(played.talker.acknowledged) == played.talker.number
