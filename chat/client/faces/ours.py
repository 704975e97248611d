"""Commands that only a client has: what each is, and `/set`, which shows and changes the settings."""

from collections.abc import Callable

from chat.base.errors import Refused
from chat.base.language import Sentence, say
from chat.base.named_tuples import NamedTuple
from chat.base.reasons import system_reason
from chat.base.text import visible
from chat.client.settings import TABLE, Setting, Settings

NOTHING = '""'
"""How an empty text is written."""


class Own(NamedTuple):
    """A command of the client's, done with what stands behind it; `kind` says what that may be, "" nothing."""

    usage: Sentence
    help: Sentence
    kind: str
    do: Callable[[str], None]


class Told(NamedTuple):
    """A setting as it stands, with what else there is to say about it."""

    setting: str
    help: Sentence


def set_one(settings: Settings, rest: str) -> tuple[list[Told], Sentence | None]:
    """Do what stands behind `/set`: all that is to be told then, and why it is not remembered; raises `Refused`."""
    name, _, value = rest.strip().partition(" ")
    value = value.strip()
    trouble = None
    if value:
        setting = _find(name)
        try:
            settings.put(setting.name, setting.parse("" if value == NOTHING else value))
        except OSError as error:
            trouble = not_remembered(error)
    rows = [_find(name)] if name else TABLE.values()
    return [_tell(settings, row) for row in rows], trouble


def nowhere(name: str) -> Sentence:
    """`/go` leads to no conversation of this name."""
    return say("There is no conversation {name}; /join #{name} goes to a room.", name=name.strip().lstrip("#@"))


def not_remembered(error: OSError) -> Sentence:
    """It lasts as long as the program, and no longer."""
    return say("it is not remembered: {reason}", reason=system_reason(error))


def _tell(settings: Settings, row: Setting) -> Told:
    value = settings[row.name]
    shown = {True: "on", False: "off", "": NOTHING}.get(value, str(value))
    choices = ", ".join(("on", "off") if isinstance(value, bool) else row.choices)
    return Told(visible(f"{row.name} {shown} ({choices})" if choices else f"{row.name} {shown}"), row.help)


def _find(name: str) -> Setting:
    """The one of this name; raises `Refused`."""
    if (setting := TABLE.get(name.casefold().replace("_", "-"))) is None:
        raise Refused("usage", say("There is no setting {name}. There are: {names}", name=name, names=", ".join(TABLE)))
    return setting
