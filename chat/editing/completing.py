"""What a text that is being typed may go on with: commands, nicknames, rooms; and how a command is used.

The commands are the server's own, as it tells them with the kinds of their arguments, so that client and server never
differ; of a kind that is not known nothing is offered.  Pure.
"""

from collections.abc import Iterable, Mapping, Sequence

from chat.base.named_tuples import NamedTuple
from chat.base.text import visible
from chat.wire.grammar import command_in, fold


class Offer(NamedTuple):
    """`text` would stand for the last characters that it `replaces`; in a list it is `shown` so."""

    text: str
    replaces: int
    shown: str


class Argument(NamedTuple):
    """What may stand behind a command: its kind by the wire's name for it, or one of our own."""

    kind: str
    optional: bool


class Command(NamedTuple):
    """A command as the server tells it."""

    name: str
    usage: str
    help: str
    aliases: tuple[str, ...]
    arguments: tuple[Argument, ...]
    family: str = ""


class Deed(NamedTuple):
    """A command about somebody, as it is typed; one that is `harmless` is done without a second thought."""

    text: str
    help: str
    harmless: bool


def commands_in(facts: Mapping[str, object]) -> list[Command]:
    """The table that the answer to `/help all` holds; what is none is left out."""
    return [
        Command(
            visible(name),
            _text(row.get("usage")) or f"/{visible(name)}",
            _text(row.get("help")),
            tuple(visible(alias) for alias in _list(row.get("aliases")) if isinstance(alias, str)),
            tuple(_argument(keys) for keys in _list(row.get("arguments")) if isinstance(keys, Mapping)),
            _text(row.get("family")),
        )
        for row in _list(facts.get("commands"))
        if isinstance(row, Mapping) and isinstance(name := row.get("name"), str) and name
    ]


def _argument(keys: Mapping[object, object]) -> Argument:
    return Argument(_text(keys.get("kind")), keys.get("optional") is True)


def _text(value: object) -> str:
    return visible(value) if isinstance(value, str) else ""


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()


_OWN = ("account", "talk")
"""Families whose nicknames are one's own, or come with what is said."""


class Completing:
    """Completes with the server's commands and the client's `own`; `choices` has the words of some kinds."""

    def __init__(self, own: Iterable[Command], choices: Mapping[str, Sequence[str]]) -> None:
        self._own = list(own)
        self._choices = choices
        self.server: Sequence[Command] = ()

    @property
    def _commands(self) -> list[Command]:
        return [*self.server, *self._own]

    def offers(self, text: str, nicknames: Sequence[str], rooms: Sequence[str]) -> list[Offer]:
        """What the text before the cursor may go on with, the likeliest first."""
        word = "" if text[-1:].isspace() else text.rpartition("\n")[2].split(" ")[-1]
        before = text[: len(text) - len(word)]
        if "\n" not in text and not before.strip() and word.startswith("/"):
            return self._named(word, "/")
        command = command_in(text)
        if command is None or "\n" in text:
            end = " " if before.strip() else ": "
            return _rooms(word, rooms) if word.startswith("#") else _nicks(word, nicknames, end) if word else []
        row = self.find(command.word)
        kinds = ["text"] if row is None else _kinds(row.arguments, before.split()[1:])
        offers: list[Offer] = []
        for kind in kinds:
            if kind in ("nick", "place") or (kind == "text" and word and not word.startswith("#")):
                offers += _nicks(word, nicknames, " ")
            if kind in ("room", "place") or (kind == "text" and word.startswith("#")):
                offers += _rooms(word, rooms)
            if kind == "command":
                offers += self._named(word, "")
            offers += _words(word, self._choices.get(kind, ()))
        return list(dict.fromkeys(offers))

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

    def deeds(self, nick: str) -> list[Deed]:
        """What the server lets one do about somebody: its commands that take a nickname, but those by which one takes
        one's own."""
        deeds: list[Deed] = []
        for row in self.server:
            kinds = [argument.kind for argument in row.arguments]
            at = kinds.index("nick") if "nick" in kinds else -1
            if at < 0 or row.family in _OWN or not all(argument.optional for argument in row.arguments[:at]):
                continue
            ends = all(argument.optional for argument in row.arguments[at + 1 :])
            deeds.append(Deed(f"/{row.name} {nick}", row.help, ends and row.family == "people"))
        return deeds

    def find(self, word: str) -> Command | None:
        """The command of this name or alias."""
        wanted = fold(word)
        for row in self._commands:
            if wanted == fold(row.name) or any(wanted == fold(alias) for alias in row.aliases):
                return row
        return None

    def _named(self, word: str, slash: str) -> list[Offer]:
        """Commands by their names, and by another one where that is what was begun."""
        wanted = fold(word.lstrip("/"))
        named = [row.name for row in self._commands if fold(row.name).startswith(wanted)]
        aliases = [
            alias for row in self._commands for alias in row.aliases if wanted and fold(alias).startswith(wanted)
        ]
        return [Offer(f"{slash}{name} ", len(word), f"{slash}{name}") for name in dict.fromkeys([*named, *aliases])]


def _kinds(arguments: Sequence[Argument], words: Sequence[str]) -> list[str]:
    """What may stand behind these words: one kind, and what follows where that may be missing."""
    left = list(arguments)
    for word in words:
        # A room that may be missing is there only if it begins like one.
        while len(left) > 1 and left[0].kind == "room" and left[0].optional and not word.startswith("#"):
            left.pop(0)
        if left and left[0].kind != "text":
            left.pop(0)
    kinds: list[str] = []
    for argument in left:
        kinds.append(argument.kind)
        if not argument.optional:
            break
    return kinds


def _nicks(word: str, nicknames: Sequence[str], end: str) -> list[Offer]:
    at = "@" if word.startswith("@") else ""
    wanted = fold(word.removeprefix("@"))
    return [Offer(f"{at}{nick}{end}", len(word), nick) for nick in nicknames if fold(nick).startswith(wanted)]


def _rooms(word: str, rooms: Sequence[str]) -> list[Offer]:
    wanted = fold(word.removeprefix("#"))
    return [Offer(f"{room} ", len(word), room) for room in rooms if fold(room.removeprefix("#")).startswith(wanted)]


def _words(word: str, words: Sequence[str]) -> list[Offer]:
    return [Offer(f"{other} ", len(word), other) for other in words if fold(other).startswith(fold(word))]
