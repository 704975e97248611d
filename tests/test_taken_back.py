"""What was taken back is found by nobody any more, however they read, wherever they stood, whatever happens between."""

import re
from collections.abc import Callable
from itertools import count
from typing import Any
from unittest.mock import patch

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from returning import KeepingStore, code_of, restarted
from stores import _wait
from twisted.internet.defer import Deferred
from world import Client, World

from chat.base import limits

SMALL = {"TAIL_EVENTS": 4, "PAGE_EVENTS": 3, "PAGE_BYTES": 500, "HISTORY_AT_ONCE": 1, "TAILS_BYTES": 5000}
"""So that nearly everything is behind."""

WHO = st.integers(0, 4)


class Store(KeepingStore):
    """Reads wait while it is slow: either they were done before what happens meanwhile, or are done after it."""

    def __init__(self) -> None:
        super().__init__()
        self.slow = False
        self.reads: Any = []

    def after(self, key: str, position: int, most: int) -> Deferred[Any]:
        after = super().after
        return self._read(lambda: after(key, position, most))

    def said(self, query: Any) -> Deferred[Any]:
        said = super().said
        return self._read(lambda: said(query))

    def _read(self, act: Callable[[], Deferred[Any]]) -> Deferred[Any]:
        if not self.slow:
            return act()
        if len(self.reads) % 2:
            return _wait(self.reads, act)
        done = act()
        return _wait(self.reads, lambda: done)


class Chat(RuleBasedStateMachine):
    """Some people and programs in two rooms and in private."""

    @initialize()
    def open(self) -> None:
        self.limits = patch.multiple(limits, **SMALL)
        self.limits.start()
        self.store = Store()
        self.world = World(self.store, grace=10**9)
        self.numbers = count()
        self.clients: list[Client] = []
        self.codes: list[str] = []
        self.wires = ("plain", "json", "json", "plain", "json echo")
        for nick, wire in zip(("amy", "bob", "carl", "dee", "emie"), self.wires, strict=True):
            client = self.world.connect(f"/nick {nick}", wire=wire)
            self.codes.append(code_of(client))
            client.type("/join #ops")
            self.clients.append(client)
        self.old: list[Client] = []
        self.said: dict[str, int] = {}
        self.gone: dict[str, dict[Client, int]] = {}

    def teardown(self) -> None:
        if hasattr(self, "limits"):
            self.let_all()
            for client in self.clients:
                client.drain()
            self.let_all()
            self.nobody_is_given_it()
            self.limits.stop()

    @rule(who=WHO, room=st.sampled_from(["#lobby", "#ops", "bob", "dee"]), name=st.booleans(), most=st.integers(1, 4))
    def say(self, who: int, room: str, name: bool, most: int) -> None:
        for _ in range(most):
            text = f"tulip{next(self.numbers)}x"
            self.said[text] = who
            self.send(who, f"/msg {room} {'carl, ' if name else ''}{text} {'y' * 60}")

    @precondition(lambda self: self.said)
    @rule(place=st.integers(0, 100))
    def take_back(self, place: int) -> None:
        text = list(self.said)[-1 - place % len(self.said)]
        who = self.clients[self.said[text]].session.person.log.key
        for key in ("#lobby", "#ops", who):
            for entry in list(self.store._logs.get(key, ())):
                if text in getattr(entry.fact, "text", "") and text not in self.gone:
                    self.redact(text, key, entry)

    def redact(self, text: str, key: str, entry: Any) -> None:
        who = self.said[text]
        client = self.clients[who]
        if client.gone or not client.session.named:
            return
        slow, self.store.slow = self.store.slow, False  # their own question does not wait behind others'
        client.drain()
        before = len(client.socket.received)
        client.type(f"/delete {'@' if key.startswith('@') else key + ' '}{entry.seq}")
        self.store.slow = slow
        if b"Taken back" in client.socket.received[before:]:
            self.gone[text] = {other: self.given(other, text) for other in (*self.clients, *self.old)}

    @precondition(lambda self: self.said)
    @rule(who=WHO, place=st.integers(0, 3), line=st.sampled_from(["", "/last 20", "/grep yyyy", "/since 1d"]))
    def take_back_what_somebody_reads(self, who: int, place: int, line: str) -> None:
        """It was read already, and waits to be shown."""
        self.let_all()
        self.store.slow = True
        if line:
            self.send(who, line)
        else:
            self.come_back(who, 0)
        self.take_back(place)
        self.let_all()

    @rule(
        who=WHO,
        line=st.sampled_from(
            [
                "/last 20",
                "/last #ops 20",
                "/last bob",
                "/last dee",
                "/since 1d",
                "/missed",
                "/mentions",
                "/grep carl",
                "/grep yyyy",
                "/delete",
                "/delete @",
                "/join #lobby",
                "/join #ops",
                "/leave #ops",
            ]
        ),
    )
    def ask(self, who: int, line: str) -> None:
        self.send(who, line)

    @rule(who=WHO, room=st.sampled_from([0, 300, 2000]))
    def read_so_much(self, who: int, room: int) -> None:
        self.clients[who].full(room)

    @rule(who=WHO)
    def read_all(self, who: int) -> None:
        self.clients[who].drain()

    @rule(who=WHO)
    def cut(self, who: int) -> None:
        if not self.clients[who].gone:
            self.clients[who].cut()

    @rule(who=WHO, seen=st.integers(0, 40))
    def come_back(self, who: int, seen: int) -> None:
        self.old.append(self.clients[who])
        client = self.clients[who] = self.world.connect(wire=self.wires[who], greeted=False)
        seen_of = {"#lobby": seen, "#ops": seen, "@": seen}
        client.type(f"/resume {self.codes[who]}", **({"seen": seen_of} if self.wires[who] != "plain" else {}))

    @rule()
    def slow_down(self) -> None:
        self.store.slow = True

    @precondition(lambda self: self.store.reads)
    @rule(last=st.booleans())
    def let_one(self, last: bool) -> None:
        if last:
            self.store.reads.insert(0, self.store.reads.pop())
        act, done = self.store.reads.pop(0)
        act().addCallbacks(done.callback, done.errback)
        self.world.turn()

    @rule()
    def let_all(self) -> None:
        self.store.slow = False
        while self.store.reads:
            self.let_one(False)
        self.world.turn()

    @rule()
    def restart(self) -> None:
        self.let_all()
        self.world.turn()
        self.old += self.clients
        self.world = restarted(self.world, self.store)
        for who in range(len(self.clients)):
            self.come_back(who, 0)

    @invariant()
    def nobody_is_given_it(self) -> None:
        for text, given in getattr(self, "gone", {}).items():
            for client in (*self.clients, *self.old):
                assert self.given(client, text) <= given.get(client, 0), (text, client.bytes[-500:])

    def send(self, who: int, line: str) -> None:
        if not self.clients[who].gone:
            self.clients[who].type(line)

    def given(self, client: Client, text: str) -> int:
        """How often it was sent to them; what the server has put into their socket is on its way."""
        socket = client.socket
        on_its_way = socket.dataBuffer[socket.offset :] + b"".join(socket._tempDataBuffer)
        return len(re.findall(text.encode(), bytes(socket.received) + on_its_way))


TestTakenBack = Chat.TestCase
TestTakenBack.settings = settings(max_examples=settings.default.max_examples, stateful_step_count=40)
