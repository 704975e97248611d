"""What came as a line, whole or not, and what a wire reads in it: that something is said, or a command given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from chat.base.errors import BadInput
from chat.base.language import say
from chat.base.named_tuples import NamedTuple
from chat.wire import grammar, vocabulary


@dataclass(frozen=True, slots=True)
class Overlong:
    """A line of more than `limit` bytes; nothing of it was kept."""

    length: int
    limit: int

    def __len__(self) -> int:
        """As of a line that is whole."""
        return self.length


@dataclass(frozen=True, slots=True)
class Garbled:
    """A line that is not what was typed, as far as it can be read: it is not to be guessed at, nor said."""

    text: str

    def __len__(self) -> int:
        """As of a line that is whole."""
        return len(self.text)

    def __bool__(self) -> bool:
        """There was something, whatever is left of it."""
        return True


Typed = str | Overlong | Garbled

END_OF_INPUT = "\x04"
"""A line that is nothing but ^D: its author has ended the input."""

INTERRUPT = "\x03"
"""A line that is nothing but ^C: its author wants what is going on to stop.  (Only telnet's command is one.)"""


class Request(NamedTuple):
    """A line as it came, from a program perhaps with more: an id, the room it is for, a number, what was seen.

    What is `said` is talk, whatever it begins with; what was `read`, or a `password`, stands there instead of
    a line.  It is to be `shown` as said by somebody for whom a bot speaks.
    """

    line: str
    id: str | None = None
    room: str | None = None
    before: int | None = None
    seen: Mapping[str, int] = MappingProxyType({})
    said: bool = False
    read: Mapping[str, int] = MappingProxyType({})
    password: str | None = None
    shown: str | None = None
    take: bool = True
    """(With /resume) Also from a connection that is there."""
    notice: bool = False
    """(Of IRC) No program answers it."""
    tags: tuple[str, ...] = ()
    """(Of IRC) Of the client, for the clients of others."""
    breaks: tuple[int, ...] = ()
    """(Of IRC) Where the client divided lines that are too long for one message."""


class Expected(Enum):
    """What a line is an answer to, for wires on which that matters."""

    TALK = "nothing: they talk"
    NICKNAME = "the question for a nickname"
    DRAFT = "/paste: lines of a draft, until one ends it"
    SECRET = "the question for a password"
    PASSWORD = "the question for the password of the whole server, where commands may stand instead"


class Say(NamedTuple):
    """Talk: the text is what is said."""

    text: str
    request: Request


class Invoke(NamedTuple):
    """A command, by the name that it has on every wire, and what stands behind it: a text, or its arguments one by one.

    `word` is how it was typed; "" where it was meant without one.
    """

    name: str
    word: str
    rest: str | Sequence[str | None]
    request: Request


class Read(NamedTuple):
    """So far they have read, by the names of rooms; `@` is what was said in private."""

    places: Mapping[str, int]
    request: Request


class Secret(NamedTuple):
    """What was asked for, as it was typed: it is not said, shown or kept, nor looked at for anything else."""

    text: str
    request: Request


class Verb(NamedTuple):
    """(Of IRC) A command of its own protocol, in capital letters, with its parameters and tags; was it UTF-8?"""

    name: str
    params: Sequence[str]
    tags: Mapping[str, str]
    is_utf8: bool
    request: Request


Parsed = Say | Invoke | Read | Secret | Verb


def interpret(request: Request) -> Parsed:
    """What a request means by the grammar of people, which programs share; raises `BadInput` where that is doubtful."""
    line = request.line
    if request.password is not None:
        return Secret(request.password, Request("", request.id))
    if request.read:
        return Read(request.read, request)
    if request.shown is not None and (request.room or "").startswith("@"):
        raise _shown_elsewhere(request)
    if request.said:
        return Say(line, request)
    typed = grammar.command_in(line)
    if typed is None:
        return Say(grammar.spoken(line), request)
    if typed.misplaced:
        sentence = say("A command begins at the start of the line; this was not said.")
        raise BadInput("slash-space", sentence, request.id)
    if "\n" in line:
        raise BadInput("usage", say("A command is one line."), request.id)
    name = vocabulary.name_of(typed.word)
    if request.shown is not None and name != "me":
        raise _shown_elsewhere(request)
    return Invoke(name, typed.word, typed.rest, request)


def _shown_elsewhere(request: Request) -> BadInput:
    sentence = say("Only what is said to a room is shown as said by somebody else.")
    return BadInput("usage", sentence, request.id)
