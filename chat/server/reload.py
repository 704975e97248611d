"""What can change while the server runs, and how it is read anew: all of it, or nothing where anything is wrong.

`RELOADED` lists the options; what else can be read anew, as certificates can, is given to `Reload` as a function that
does so and returns a sentence about what changed, if anything did.  The rest of the options waits for a
restart, which is said each time.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from twisted.logger import Logger

from chat.base.errors import Unfit, about
from chat.base.language import Sentence, language, say
from chat.base.passwords import Shared
from chat.base.sizes import spelled as spelled_size
from chat.base.text import visible
from chat.server.options import Options
from chat.store import address
from chat.store.keep import spelled
from chat.store.sqlite.free_space import MinFree
from chat.wire import phrases

logger = Logger()

_WHO_CONNECTS = say("for who connects from now on")
_WHO_COMES_IN = say("for whoever has no nickname yet")
_NOBODY_GOES = say("nobody who is here is sent away")

RELOADED: Mapping[str, Sentence | None] = {
    "for": say("class mode, and the question for a word, come with the next start"),
    "name": None,
    "motd": None,
    "history": None,
    "grace": say("for lines that drop from now on"),
    "rate": _WHO_CONNECTS,
    "max-clients": _NOBODY_GOES,
    "max-per-host": _NOBODY_GOES,
    "bans": None,
    "proxy": _WHO_CONNECTS,
    "registered-only": _WHO_COMES_IN,
    "password": _WHO_COMES_IN,
    "reserved": say("for who chooses a nickname from now on"),
    "log-connections": None,
    "keep": None,
    "min-free": None,
}
"""By the names of options, what has to be said about when the new value counts."""

_FOLLOWS = ("motd-file", "password-file", "config")
"""What is there only for another option."""


class Reload:
    """Reads the options anew; `apply` is called with them if any of RELOADED is another one."""

    def __init__(
        self, options: Options, apply: Callable[[Options], None], others: Sequence[Callable[[], Sentence | None]] = ()
    ) -> None:
        self._options = options
        self._running = dict(options)
        self._apply = apply
        self._others = others

    def on_signal(self) -> None:
        """Do it; what came of it stands in the log."""
        with suppress(Unfit):
            self()

    def __call__(self) -> Sequence[Sentence]:
        """Do it; returns, and logs, what has changed.  Raises `Unfit`, and logs that, where all stays as it was."""
        try:
            options = self._options.again()
        except Unfit as error:
            logger.error("All options stay as they were: {reason}", reason=visible(str(error)))
            raise
        changes = [*self._take_over(options), *filter(None, [reload() for reload in self._others])]
        for change in changes or [phrases.NOTHING_CHANGED]:
            logger.info("{change}", change=language("en").words(change))
        return changes

    def _take_over(self, options: Options) -> list[Sentence]:
        """What is new."""
        changed = [name for name, value in options.items() if value != self._running.get(name)]
        lines = []
        for name in changed:
            if name in _FOLLOWS:
                continue
            note = RELOADED.get(name) if name in RELOADED else say("needs a restart; until then it stays as it was")
            changed_so = about(named(name, options), change(name, self._running.get(name), options[name]))
            lines.append(changed_so if note is None else say("{change} ({note})", change=changed_so, note=note))
        if not RELOADED.keys().isdisjoint(changed):
            self._running.update({name: options[name] for name in (*RELOADED, *_FOLLOWS)})
            self._apply(options)
        return lines


def named(name: str, options: Options) -> str:
    """What the operator calls it: --port, of which there may be several, is kept as `ports`."""
    return name if f"{name}=" in options.longOpt else name.removesuffix("s")


def change(name: str, old: Any, new: Any) -> Sentence:
    """How the value of an option has become another one."""
    if name in ("bans", "proxy"):
        added, gone = (" ".join(sorted(map(str, networks))) for networks in (new - old, old - new))
        if added and gone:
            return say("added {new}, taken away {old}", new=added, old=gone)
        return say("added {new}", new=added) if added else say("taken away {old}", old=gone)
    return Sentence("{old} -> {new}", {"old": spelled_value(name, old), "new": spelled_value(name, new)})


def spelled_value(name: str, value: Any) -> str:
    """The value of an option, as one part of a line; never a secret."""
    return _SPELLED.get(name, _shown)(value)


def _size(value: MinFree) -> str:
    return "-" if value is None else spelled_size(value) if value else "0"


def _hidden(value: Shared | None) -> str:
    return "-" if value is None else "***"


_SPELLED: Mapping[str, Callable[[Any], str]] = {
    "keep": spelled,
    "min-free": _size,
    "password": _hidden,
    "database": address.shown,
}


def _shown(value: Any) -> str:
    """A value, as one part of a line in the log."""
    match value:
        case None:
            return "-"
        case list() | tuple():
            return visible(" | ".join(map(str, value))) or "-"
        case set() | frozenset():
            return visible(" ".join(sorted(map(str, value)))) or "-"
    return visible(str(value))
