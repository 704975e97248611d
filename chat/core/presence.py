"""What others see of somebody's coming and going: one table, driven by how many of their sessions have a connection.

The first that has one is *entered*, or *back*; the last that is cut *line down*, for the grace; the last that ends
*left*.  The hub does what a step says (`chat.core.hub.Hub.happened`).
"""

from collections.abc import Mapping
from enum import Enum

from chat.base.named_tuples import NamedTuple


class Presence(Enum):
    """Where somebody is, for the others."""

    ENTERING = "entering"
    """They have no nickname yet."""

    HERE = "here"

    DOWN = "line down"
    """Nickname and rooms are held for the grace, and the others see nothing."""

    ABSENT = "absent"
    """For the others they have left; a session may still come back to the place."""

    LEFT = "left"
    """Nobody comes back to it."""


class Event(Enum):
    """What happens to somebody."""

    ATTACHED = "attached"
    """A session of theirs has a connection: a new one, or one that resumes."""

    CUT = "cut"
    """The last session that had a connection lost it."""

    ENDED = "ended"
    """The last session that had a connection has left, and a code of theirs is still good."""

    GRACE_OVER = "grace over"

    QUIT = "quit"
    """The last session has left, and no code of theirs is good."""

    FORGOTTEN = "forgotten"
    """The last code of somebody absent is void."""

    BANNED = "banned"


class Step(Enum):
    """What is done."""

    ENTER = "enter"
    """They are somebody from now on."""

    NOTHING = "nothing"
    HOLD = "hold"
    """Begin the grace."""

    BACK = "back"
    """End the grace."""

    LEAVE = "leave"
    """Nickname and rooms are free, and the rooms are told."""

    ENTER_AGAIN = "enter again"
    """As `ENTER`, in the rooms where they were."""

    GO = "go"
    """As `LEAVE`, and then as `FORGET`."""

    FORGET = "forget"
    """Nothing of theirs is kept."""


class Next(NamedTuple):
    """What somebody is then, and what is done for it."""

    presence: Presence
    step: Step


TABLE: Mapping[tuple[Presence, Event], Next] = {
    (Presence.ENTERING, Event.ATTACHED): Next(Presence.HERE, Step.ENTER),
    (Presence.HERE, Event.ATTACHED): Next(Presence.HERE, Step.NOTHING),
    (Presence.HERE, Event.CUT): Next(Presence.DOWN, Step.HOLD),
    (Presence.HERE, Event.ENDED): Next(Presence.ABSENT, Step.LEAVE),
    (Presence.HERE, Event.QUIT): Next(Presence.LEFT, Step.GO),
    (Presence.HERE, Event.BANNED): Next(Presence.LEFT, Step.GO),
    (Presence.DOWN, Event.ATTACHED): Next(Presence.HERE, Step.BACK),
    (Presence.DOWN, Event.GRACE_OVER): Next(Presence.ABSENT, Step.LEAVE),
    (Presence.DOWN, Event.BANNED): Next(Presence.LEFT, Step.GO),
    (Presence.ABSENT, Event.ATTACHED): Next(Presence.HERE, Step.ENTER_AGAIN),
    (Presence.ABSENT, Event.FORGOTTEN): Next(Presence.LEFT, Step.FORGET),
    (Presence.ABSENT, Event.BANNED): Next(Presence.LEFT, Step.FORGET),
}
"""All that can happen; anything else is a bug."""
