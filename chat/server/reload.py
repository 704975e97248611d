"""What can change while the server runs, and how it is read anew: all of it, or nothing where anything is wrong.

`RELOADED` lists the options; what else can be read anew, as certificates can, is given to `Reload` as a function that
does so and returns a line about what changed, an empty one if nothing did.  The rest of the options waits for a
restart, which is said each time.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.logger import Logger

from chat.base.errors import Unfit
from chat.base.passwords import Shared
from chat.base.sizes import spelled as spelled_size
from chat.base.text import visible
from chat.server.options import Options
from chat.store.sqlite.free_space import MinFree
from chat.store.sqlite.keep import spelled

logger = Logger()

RELOADED: Mapping[str, str] = {
    "name": "",
    "motd": "",
    "history": "",
    "grace": "for lines that drop from now on",
    "rate": "for who connects from now on",
    "max-clients": "nobody who is here is sent away",
    "max-per-host": "nobody who is here is sent away",
    "bans": "",
    "proxy": "for who connects from now on",
    "password": "for who connects from now on",
    "reserved": "for who chooses a nickname from now on",
    "log-connections": "",
    "keep": "",
    "min-free": "",
}
"""By the names of options, what has to be said about when the new value counts."""

_FOLLOWS = ("motd-file", "password-file", "config")
"""What is there only for another option."""


class Reload:
    """Reads the options anew; `apply` is called with them if any of RELOADED is another one."""

    def __init__(
        self, options: Options, apply: Callable[[Options], None], others: Sequence[Callable[[], str]] = ()
    ) -> None:
        self._options = options
        self._running = dict(options)
        self._apply = apply
        self._others = others

    def __call__(self) -> None:
        """Do it, and log what came of it."""
        try:
            options = self._options.again()
        except Unfit as error:
            logger.error("All options stay as they were: {reason}", reason=visible(str(error)))
        else:
            changes = [*self._take_over(options), *filter(None, [reload() for reload in self._others])]
            for change in changes or ["Nothing changed."]:
                logger.info("{change}", change=change)

    def _take_over(self, options: Options) -> list[str]:
        """The lines about what is new."""
        changed = [name for name, value in options.items() if value != self._running.get(name)]
        lines = []
        for name in changed:
            if name in _FOLLOWS:
                continue
            line = _line(_named(name, options), self._running.get(name), options[name])
            lines.append(line if name in RELOADED else f"{line} (needs a restart; until then it stays as it was)")
        if not RELOADED.keys().isdisjoint(changed):
            self._running.update({name: options[name] for name in (*RELOADED, *_FOLLOWS)})
            self._apply(options)
        return lines


def _named(name: str, options: Options) -> str:
    """What the operator calls it: --port, of which there may be several, is kept as `ports`."""
    return name if f"{name}=" in options.longOpt else name.removesuffix("s")


def _line(name: str, old: Any, new: Any) -> str:
    note = f" ({said})" if (said := RELOADED.get(name, "")) else ""
    if name in ("ban", "proxy"):
        added, gone = (" ".join(sorted(map(str, networks))) for networks in (new - old, old - new))
        changes = ", ".join(f"{what} {which}" for what, which in (("added", added), ("taken away", gone)) if which)
        return f"{name}: {changes}{note}"
    old, new = (_SPELLED.get(name, _shown)(value) for value in (old, new))
    return f"{name}: {old} -> {new}{note}"


def _size(value: MinFree) -> str:
    return "-" if value is None else spelled_size(value) if value else "0"


def _hidden(value: Shared | None) -> str:
    return "-" if value is None else "***"


_SPELLED: Mapping[str, Callable[[Any], str]] = {"keep": spelled, "min-free": _size, "password": _hidden}


def _shown(value: Any) -> str:
    """A value, as one part of a line in the log."""
    match value:
        case None:
            return "-"
        case list() | tuple() | set() | frozenset():
            return visible(" | ".join(map(str, value))) or "-"
    return visible(str(value))
