"""How the input of a visit ends: by their own will or cut off, and whether what waits then is still to be said.

A program that has ended looks like one that only ended its input, until it is sent something.  Who pressed Ctrl-C in
nc wants the rest of a paste not to be said; but all that `cat file | nc -q0` sent is to be.  What tells them apart are
pauses: who talked before, and was silent before the end, has seen the paste.
"""

from enum import Enum

from chat.base import limits
from chat.visit.door import Door, Standing
from chat.visit.states import INPUTS, MORE, Event, Input


class Rest(Enum):
    """What becomes of lines that wait when the input ends."""

    OPEN = "it has not ended while lines waited"
    SAID = "they are said, and that was told"
    STOPPED = "they are not to be said"


class Ending:
    """What is known of the end of one visit's input."""

    __slots__ = ("_began_at", "_proxied", "_waits_since", "input", "over", "rest")

    input: Input
    over: bool
    """Nothing more comes."""

    rest: Rest

    def __init__(self, proxied: bool) -> None:
        self.input = Input.OPEN
        self.over = False
        self.rest = Rest.OPEN
        self._began_at = self._waits_since = 0.0
        self._proxied = proxied

    def happens(self, event: Event) -> None:
        """Something happens to their input."""
        self.input = INPUTS[event].get(self.input, self.input)
        self.over = self.input not in MORE

    def begin(self, now: float) -> None:
        """Their first line came."""
        self._began_at = now

    def wait(self, now: float) -> None:
        """Lines of theirs begin to wait: they may be a person's paste, or all that a program has to say."""
        self._waits_since = now

    def look(self, door: Door, standing: Standing, broken: bool) -> None:
        """Whose will it was, while lines still wait; `broken` says that nothing could be sent any more."""
        self.rest = Rest.SAID
        if standing is Standing.CLOSED and door.was_reset():
            self.rest = Rest.STOPPED
            self.happens(Event.BREAK)
            return
        if broken:
            self.happens(Event.BREAK)
        talked = self._waits_since - self._began_at >= limits.PIPE_SECONDS
        if talked and door.silence_before_end() >= limits.STOP_SECONDS:
            self.rest = Rest.STOPPED

    def is_cut(self, broken: bool) -> bool:
        """Whether it is known not to be their own doing."""
        return self.input in (Input.LAST, Input.CUT) or (broken and self.rest is Rest.OPEN)

    def is_own(self, broken: bool) -> bool:
        """Whether it is known to be: then people have left."""
        return self.input is Input.SIGNED_OFF or not (self._proxied or self.is_cut(broken))
