"""What a text that is being typed may go on with: commands, nicknames, rooms; and how a command is used.

The commands are the server's own, as it tells them, so that client and server never differ.  Pure.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from chat.base.text import visible
from chat.wire.grammar import command_in, fold


class Offer(NamedTuple):
    """`text` would stand for the last characters that it `replaces`; in a list it is `shown` so."""

    text: str
    replaces: int
    shown: str


class Command(NamedTuple):
    """A command as the server tells it: its kinds of arguments are `nick`, `room`, or else nothing to complete."""

    name: str
    usage: str
    help: str
    aliases: tuple[str, ...]
    kinds: tuple[frozenset[str], ...]


def commands_in(facts: Mapping[str, object]) -> list[Command]:
    """The table that the answer to `/help all` holds; what is none is left out."""
    table = facts.get("commands")
    return [
        Command(
            name,
            _text(row.get("usage")) or f"/{name}",
            _text(row.get("help")),
            tuple(alias for alias in _list(row.get("aliases")) if isinstance(alias, str)),
            _kinds(_text(row.get("usage"))),
        )
        for row in _list(table)
        if isinstance(row, Mapping) and isinstance(name := row.get("name"), str) and name
    ]


def _kinds(usage: str) -> tuple[frozenset[str], ...]:
    """From the words of a usage: `/msg NICK|#room text` has somebody or a room first, and then text."""
    kinds = []
    for word in usage.split()[1:]:
        bare = word.strip("[]")
        rooms, nicks = "#room" in bare, "NICK" in bare
        kinds.append(frozenset([*(["room"] if rooms else []), *(["nick"] if nicks else [])]))
    return tuple(kinds)


def _text(value: object) -> str:
    return visible(value) if isinstance(value, str) else ""


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()


class Completing:
    """Completes with the commands of this table, which a server may change; `own` are those of the client itself."""

    def __init__(self, own: Iterable[Command]) -> None:
        self._own = list(own)
        self.server: Sequence[Command] = ()

    @property
    def _commands(self) -> list[Command]:
        return [*self.server, *self._own]

    def offers(self, text: str, nicknames: Sequence[str], rooms: Sequence[str]) -> list[Offer]:
        """What the text before the cursor may go on with, the likeliest first."""
        word = text[len(text.rstrip()) :] and "" if text[-1:].isspace() else text.split()[-1] if text.strip() else ""
        start = len(text) - len(word)
        before = text[:start]
        if "\n" not in text and not before.strip() and word.startswith("/"):
            return self._named(word)
        command = command_in(text)
        if command is None:
            return _nicks(word, nicknames, ": " if not before.strip() else " ") if word else _rooms(word, rooms)
        row = self.find(command.word)
        place = len(before.split()) - 1
        kinds = row.kinds[place] if row is not None and place < len(row.kinds) else frozenset()
        offers = []
        if "nick" in kinds or not kinds:
            offers += _nicks(word, nicknames, " ") if word or "nick" in kinds else []
        if "room" in kinds or word.startswith("#"):
            offers += _rooms(word, rooms)
        return offers

    def hint(self, text: str) -> str:
        """How the command that is being typed is used."""
        command = command_in(text)
        if command is None:
            return ""
        if (row := self.find(command.word)) is None:
            near = [row for row in self._commands if fold(row.name).startswith(fold(command.word))]
            if len(near) != 1 or command.rest:
                return ""
            row = near[0]
        return f"{row.usage}: {row.help}" if row.help else row.usage

    def find(self, word: str) -> Command | None:
        """The command of this name or alias."""
        wanted = fold(word)
        for row in self._commands:
            if wanted == fold(row.name) or any(wanted == fold(alias) for alias in row.aliases):
                return row
        return None

    def _named(self, word: str) -> list[Offer]:
        wanted = fold(word[1:])
        named = [row.name for row in self._commands if fold(row.name).startswith(wanted)]
        aliases = [alias for row in self._commands for alias in row.aliases if fold(alias).startswith(wanted)]
        known = dict.fromkeys([*named, *(aliases if wanted else [])])
        return [Offer(f"/{name} ", len(word), f"/{name}") for name in known]


def _nicks(word: str, nicknames: Sequence[str], end: str) -> list[Offer]:
    at = "@" if word.startswith("@") else ""
    wanted = fold(word.removeprefix("@"))
    return [Offer(f"{at}{nick}{end}", len(word), nick) for nick in nicknames if fold(nick).startswith(wanted)]


def _rooms(word: str, rooms: Sequence[str]) -> list[Offer]:
    if word and not word.startswith("#"):
        return []
    wanted = fold(word)
    return [Offer(f"{room} ", len(word), room) for room in rooms if fold(room).startswith(wanted)]
