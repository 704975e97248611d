"""How far a visit has come, in one table: what may happen in which state, and which one is next.

What does not stand in it means nothing there: a timer that fires late, a request that is done after its connection has
gone.  So nobody has to ask first.  The end of their input is a machine of its own, for it may come at any time.
"""

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Final


class State(Enum):
    """What a visit does just now."""

    __hash__ = object.__hash__  # that of Enum is written in Python

    SHAKING = "they shake hands, of TLS for one; nothing can be said yet"
    LISTENING = "we wait whether they speak first"
    GREETED = "they were greeted, and have not said anything"
    READY = "their next line is handled when it comes"
    HANDLING = "lines are being handled"
    BUSY = "what a line asks takes its time"
    QUEUING = "that waits for its turn; what may overtake is read meanwhile"
    IN_LINE = "others are handled before their next line"
    RESTING = "their next line waits for its time"
    FINISHING = "their input has ended, and all of it is handled"
    HELD = "the server stops: no line is handled any more"
    CLOSING = "they have time to read the last words"
    STOPPING = "the same, while the server stops"
    GONE = "there is nobody any more"


class Input(Enum):
    """Whether more may come of them, and whose will it was that nothing does."""

    __hash__ = object.__hash__

    OPEN = "more may come"
    LAST = "the rest of it is what came before it was cut off"
    ENDED = "it has ended, perhaps by their own will"
    SIGNED_OFF = "they have typed the end of it"
    CUT = "it was cut off"


class Event(Enum):
    """What happens to a visit."""

    __hash__ = object.__hash__

    SHAKEN = "the handshake is done"
    SILENCE = "nobody spoke first"
    MET = "they have said the first line, or will say none"
    HANDLE = "lines are handled"
    HANDLED = "no more can be handled just now"
    STAND = "it is others' turn"
    WAIT = "something has to be done before the next line"
    QUEUE = "that has to wait for its turn"
    DONE = "it is done"
    REST = "the next line is too early"
    RESTED = "it is time for it"
    OVER = "nothing of their input is left"
    HOLD = "the server stops"
    CLOSE = "let them go"
    ABORT = "let go of them now"
    LOST = "the connection is gone"
    END = "nothing more comes"
    SIGN_OFF = "they say that nothing more comes"
    BREAK = "it is known that they are gone without a word"
    CUT = "nothing more comes, and it was not their will"


SHAKING: Final = State.SHAKING
LISTENING: Final = State.LISTENING
GREETED: Final = State.GREETED
READY: Final = State.READY
HANDLING: Final = State.HANDLING
BUSY: Final = State.BUSY
QUEUING: Final = State.QUEUING
IN_LINE: Final = State.IN_LINE
RESTING: Final = State.RESTING
FINISHING: Final = State.FINISHING
HELD: Final = State.HELD
CLOSING: Final = State.CLOSING
STOPPING: Final = State.STOPPING
GONE: Final = State.GONE

STRANGE = frozenset((SHAKING, LISTENING, GREETED))
"""They have not said anything yet."""

WAITING = frozenset((READY, IN_LINE, RESTING))
"""Nothing has to be done before their next line, if there is one."""

ENDING = frozenset((CLOSING, STOPPING, GONE))
"""What they still send is read by nobody."""

DEAF = ENDING | {HANDLING, HELD}
"""Whatever comes, nothing is to be done now."""

_STAYING = STRANGE | WAITING | {HANDLING, BUSY, QUEUING, FINISHING}


def _all(states: Iterable[State], to: State) -> Mapping[State, State]:
    return dict.fromkeys(states, to)


TABLE: Mapping[Event, Mapping[State, State]] = {
    Event.SHAKEN: {SHAKING: LISTENING},
    Event.SILENCE: {LISTENING: GREETED},
    Event.MET: _all(STRANGE, READY),
    Event.HANDLE: {READY: HANDLING, IN_LINE: HANDLING},
    Event.HANDLED: {HANDLING: READY},
    Event.STAND: {READY: IN_LINE, HANDLING: IN_LINE},
    Event.WAIT: {HANDLING: BUSY},
    Event.QUEUE: {HANDLING: QUEUING, BUSY: QUEUING},
    Event.DONE: {BUSY: READY, QUEUING: READY},
    Event.REST: {HANDLING: RESTING},
    Event.RESTED: {RESTING: READY},
    Event.OVER: _all(WAITING, FINISHING),
    Event.HOLD: {**_all(_STAYING, HELD), CLOSING: STOPPING},
    Event.CLOSE: {**_all(_STAYING, CLOSING), HELD: STOPPING},
    Event.ABORT: {**_all(_STAYING, CLOSING), HELD: STOPPING, CLOSING: CLOSING, STOPPING: STOPPING},
    Event.LOST: {**_all(_STAYING | {HELD, CLOSING, STOPPING}, GONE)},
}
"""Of each event the states in which it means something, with the next one."""

INPUTS: Mapping[Event, Mapping[Input, Input]] = {
    Event.END: {Input.OPEN: Input.ENDED, Input.LAST: Input.CUT},
    Event.SIGN_OFF: {Input.OPEN: Input.SIGNED_OFF, Input.LAST: Input.SIGNED_OFF},
    Event.BREAK: {Input.OPEN: Input.LAST, Input.ENDED: Input.CUT},
    Event.CUT: {Input.OPEN: Input.CUT, Input.LAST: Input.CUT, Input.ENDED: Input.CUT},
}
"""The same of their input."""

MORE = frozenset((Input.OPEN, Input.LAST))
"""Something may still be to be read."""
