"""What the core, and commands, need of what carries a session: of a visit, by whatever door."""

from collections.abc import Awaitable, Callable, Sequence
from socket import socket
from typing import Any, Protocol, TypeVar

from twisted.internet.defer import Deferred

from chat.base.language import Sentence
from chat.base.public_keys import PublicKey
from chat.core.room import Room
from chat.wire.answers import Answer, History
from chat.wire.rendering import Wire
from chat.wire.requests import Request

S = TypeVar("S")

Question = Callable[[Request, str], Awaitable[Any]]
"""What is done with the answer to it on the next line: a secret, which is not shown, said or kept."""


class Sealed(Protocol):
    """A connection whose bytes are encrypted for it alone, and go out as soon as its socket takes them."""

    def send_to_all(self, connections: Sequence[Any], chunk: bytes) -> None:
        """(Of any of them, and there is only one kind) Let these bytes go out by each, which costs less together."""


class Carrier(Protocol[S]):
    """What a session, and commands, need of whatever carries it: a visit, which ends with its connection.

    What only matters while it lasts is kept here, and is gone with it.
    """

    wire: Wire
    host: str
    """The address by which guesses are counted."""

    pings: bool
    """They ask now and then whether we are there, so that their silence means something."""

    draft: list[str] | None
    """The lines since /paste."""

    proposal: str | None
    """The nickname that an empty line takes."""

    tries: int
    """Resume codes that were nobody's, and wrong passwords of the server."""

    let_in: bool
    """They have given the server's password."""

    question: Question | None
    """What the next line answers."""

    key: PublicKey | None
    """The key of ssh that they have proven."""

    @property
    def session(self) -> S:
        """Whose lines come by it."""

    @property
    def sealed(self) -> bool:
        """Nobody on the way reads what they say: a password may be."""

    @property
    def private(self) -> bool:
        """They come from a private network, or nobody reads what they say: what others there hear anyway may be."""

    @property
    def encrypted_way(self) -> Sentence | None:
        """How one joins by an encrypted connection, where one can."""

    @property
    def operator(self) -> bool:
        """Whoever comes by it runs the server."""

    def heard_within(self, seconds: float) -> bool:
        """Whether something came by it so lately."""

    @property
    def leaving(self) -> bool:
        """Nothing more comes by it, or is heard."""

    @property
    def blocked(self) -> bool:
        """Nothing more is taken just now; `Session.go_on` is called when that is over."""

    @property
    def direct(self) -> socket | Sealed | None:
        """What may be given bytes while nothing is blocked, past all that lies between (`chat.doors.output`)."""

    def carry(self, session: S) -> None:
        """From now on they are this one's."""

    def entered(self) -> None:
        """They have a nickname now."""

    def send(self, chunk: bytes) -> None:
        """The one way out."""

    def hide(self, hidden: bool) -> bool:
        """Let what they type be seen no more, or again; returns whether their terminal does that."""

    def ask(self, question: Question) -> bool:
        """The next line is the answer, a secret; returns whether their terminal hides it."""

    def answered(self) -> None:
        """What they type may be seen again."""

    def answer(self, answer: Answer) -> None:
        """Send what the service says to them alone."""

    def answer_in_pages(self, history: History) -> Awaitable[None]:
        """The same of a long answer, which is made little by little, so that others are served meanwhile."""

    def spend(self, price: float) -> None:
        """They made the server do this (see `chat.base.limits`)."""

    def counts_as(self, lines: int) -> None:
        """The line that is handled says as much as so many, and so many may be said in a time."""

    def come_in(self, room: Room) -> Deferred[Any]:
        """They were let into this room on another node: tell them what is told who joins."""

    def speak(self, wire: str = "", code: str = "") -> None:
        """Go on by the wire of this name, and in the language of this code; what is not named stays as it is."""

    def waits(self, seconds: float) -> None:
        """The line that is handled waits for its turn, at least for so long; what goes first is read meanwhile."""

    def take_dropped(self) -> int:
        """How many lines that waited were dropped, and that was not told yet."""

    def close(self) -> None:
        """Let go once everything sent has been read."""

    def abort(self) -> None:
        """Let go now."""
