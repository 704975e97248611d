"""A connection to a server in memory, and a face that writes down what it is told."""

from collections.abc import Mapping, Sequence

from memory_server import HELLO, Server, welcome
from twisted.internet.task import Clock

from chat.base import limits
from chat.base.language import Language, Sentence
from chat.client.link.dialer import Address
from chat.client.link.trust import Unsafe
from chat.client.talk.connection import Connection
from chat.client.talk.me import SentLine
from chat.client.talk.objects import Object, Problem, Raw
from chat.client.talk.state import StateFile

WORDS = Language("en").words


class Face:
    """A face that writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.objects: list[Object | None] = []
        self.answered: list[str] = []

    def received(self, what: Object | None, raw: Raw, line: SentLine | None) -> None:
        self.objects.append(what)
        if line is not None:
            self.answered.append(line.text)

    def not_understood(self) -> None:
        self.told.append("not understood")

    def nickname_wanted(self, refused: Problem | None) -> None:
        self.told.append(f"nickname wanted, {refused.code if refused else 'the first'}")

    def password_wanted(self, refused: Problem | None) -> None:
        self.told.append(f"password wanted, {refused.code if refused else 'the first'}")

    def entered(self) -> None:
        self.told.append("entered")

    def progressed(self) -> None:
        self.told.append("progressed")

    def not_admitted(self, refused: Problem, unsent: Sequence[SentLine]) -> None:
        self.told.append(f"not admitted, {[line.text for line in unsent]}")

    def not_confirmed(self, lines: Sequence[SentLine]) -> None:
        self.told.append(f"not confirmed, {[line.text for line in lines]}")

    def sent_again(self, lines: Sequence[SentLine]) -> None:
        self.told.append(f"sent again, {[line.text for line in lines]}")

    def lost(self, reason: Sentence | None) -> None:
        self.told.append(f"lost, {WORDS(reason) if reason else None}")

    def dialing(self, server: str) -> None:
        self.told.append(f"dialing {server}")

    def skipped(self, why: Sentence | Unsafe) -> None:
        told = [WORDS(sentence) for sentence in why.told] if isinstance(why, Unsafe) else WORDS(why)
        self.told.append(f"skipped, {told}")

    def unreachable(self, reason: Sentence) -> None:
        self.told.append(f"unreachable, {WORDS(reason)}")

    def unsafe(self, problem: Unsafe) -> None:
        self.told.append(f"unsafe, {[WORDS(sentence) for sentence in problem.told]}")

    def trying_again(self, seconds: float) -> None:
        self.told.append(f"again in {seconds:g}")

    def stranger(self, what: Sentence) -> None:
        self.told.append(f"stranger, {WORDS(what)}")

    def no_hello(self) -> None:
        """It is waited on."""

    def not_kept(self, error: OSError) -> None:
        self.told.append("not kept")


class World:
    """A connection to a server in memory, or to one of several, with time that stands still."""

    def __init__(
        self,
        nick: str | None = "amy",
        room: str | None = None,
        kept: StateFile | None = None,
        token: str | None = None,
        others: int = 0,
    ) -> None:
        self.clock, self.face = Clock(), Face()
        self.servers = [Server() for _ in range(1 + others)]
        self.server = self.servers[0]
        addresses = [Address(f"pi{number or ''}:12345", server) for number, server in enumerate(self.servers)]
        self.connection = Connection(
            addresses, self.clock, self.face, "run", nick, room, kept=kept, jitter=lambda: 0.0, token=token
        )
        self.over = self.connection.start()

    def enter(self, **keys: object) -> None:
        """Be connected and in, and forget what it took; `keys` are those of the welcome."""
        self.server.accept()
        self.server.send(HELLO)
        self.answer(welcome(**keys))
        self.face.told.clear()
        self.face.objects.clear()

    def answer(self, keys: Mapping[str, object]) -> None:
        """Answer the last line that arrived."""
        self.server.send({**keys, "id": self.server.requests[-1][1]})

    def ack(self, *ids: str | None) -> None:
        self.server.send(*({"type": "ack", "id": id, "room": "#lobby", "seq": 1} for id in ids))

    def lose(self, error: Exception | None = None) -> None:
        """The connection goes, and what happens at once happens."""
        self.server.close(error)
        self.clock.advance(0)

    def come_again(self) -> None:
        """Be connected again after a loss, up to where the server lets us in."""
        self.clock.advance(limits.RETRY_MOST_SECONDS)
        self.server.accept()
        self.server.send(HELLO)
