"""What a visit needs of the door that it came by: bytes go, and what is known of how they went.  No policy.

A door that is one of `Door` by name says of what it cannot know what does no harm.
"""

import socket
from enum import Enum
from typing import Protocol

from chat.base.language import Sentence
from chat.core.carrier import Sealed


class Standing(Enum):
    """How a connection stands, as the kernel knows before anything is read."""

    OPEN = "open"
    ENDED = "they have ended their input"
    CLOSED = "there is no connection any more"


class Output(Protocol):
    """The one way out of a connection."""

    @property
    def blocked(self) -> bool:
        """Nothing more is taken just now; `Visit.writable` is called when that is over."""

    @property
    def broken(self) -> bool:
        """They are gone without a word."""

    @property
    def direct(self) -> socket.socket | Sealed | None:
        """What may be given bytes while nothing is blocked: the socket itself, or what encrypts for it."""

    def send(self, chunk: bytes) -> None:
        """Let these bytes go out, after all that went before."""

    def shut(self) -> None:
        """Nothing more goes out than what has been sent."""


class Door(Protocol):
    """The connection of one visit, as its door knows it."""

    @property
    def sealed(self) -> bool:
        """Nobody on the way reads or changes what is said; where that is not known, it is not so."""

    @property
    def private(self) -> bool:
        """The same, or they come from an address of a private network, where that is known."""

    @property
    def encrypted_way(self) -> Sentence | None:
        """How one joins by an encrypted connection, where one can."""
        return None

    @property
    def operator(self) -> bool:
        """Whoever can come by it runs the server."""
        return False

    def give_up_shaking(self) -> None:
        """There was no handshake in time."""
        self.abort()

    def hide(self, hidden: bool) -> bool:
        """Let what they type be seen no more, or again; returns whether their terminal does that."""
        return False

    def pause(self, paused: bool) -> None:
        """Leave input where it is, or read on."""

    def hang_up(self) -> None:
        """Close once all that was sent is taken; what still comes is forgotten."""

    def abort(self) -> None:
        """Close now."""

    def still_read(self) -> bool:
        """Whether they took something since this was asked last, and there is more for them."""
        return False

    def all_read(self) -> bool:
        """Whether all that was sent has reached their machine."""
        return True

    def standing(self) -> Standing:
        """How the connection stands."""
        return Standing.OPEN

    def was_reset(self) -> bool:
        """Of one that is closed: whether with no end of their input before; to be asked once."""
        return False

    def silence_before_end(self) -> float:
        """Seconds between the last bytes that came and the end of their input."""
        return 0.0

    @property
    def kept_open(self) -> bool:
        """An idle connection is sent something now and then, so it has to be looked at."""
        return False

    def look(self, now: float) -> bool:
        """Now and then: whether they are still there, as far as a door can know; an idle connection is kept open."""
        return True
