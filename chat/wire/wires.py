"""All wires in all languages: each format is made once, so that readers who share it get the same bytes."""

from collections.abc import Callable, Mapping
from datetime import tzinfo
from functools import partial
from typing import Any

from chat.base.language import Language, language
from chat.base.named_tuples import NamedTuple
from chat.wire.json_wire import JsonFormat, JsonWire
from chat.wire.plain import Plain, PlainFormat
from chat.wire.rendering import Format, Wire

PLAIN, JSON, JSON_ECHO, IRC = "plain", "json", "json echo", "irc"


class Kind(NamedTuple):
    """What makes the format of a wire in a language, with options, and for each visit a wire of that format."""

    format: Callable[..., Format]
    wire: Callable[[Any], Wire]


def kinds(zone: tzinfo | None = None) -> Mapping[str, Kind]:
    """The wires that there are, by their names; people's times are of a zone, None is the system's."""
    return {
        PLAIN: Kind(partial(PlainFormat, zone=zone), Plain),
        JSON: Kind(JsonFormat, JsonWire),
        IRC: Kind(partial(_irc_format, zone=zone), _irc_wire),
    }


# Nobody who has no IRC client pays for what reads it.


def _irc_format(language: Language, *capabilities: str, zone: tzinfo | None) -> Format:
    from chat.wire.irc.format import IrcFormat

    return IrcFormat(language, *capabilities, zone=zone)


def _irc_wire(format: Any) -> Wire:
    from chat.wire.irc.dialect import IrcWire

    return IrcWire(format)


class Wires:
    """The first one is what everybody begins with, in the server's language."""

    def __init__(self, kinds: Mapping[str, Kind], words: Language) -> None:
        self._kinds = kinds
        self._formats: dict[tuple[str, str], Format] = {}
        self._first = next(iter(kinds)), words.code

    def first(self) -> Wire:
        """For a new visit."""
        return self.find(*self._first)

    def find(self, name: str, code: str, now: Wire | None = None) -> Wire:
        """One of this name in the language of this code, for one visit; raises `LookupError` where there is none.

        Options stand behind the name.  Who speaks it `now`, in another way, goes on with what their wire knows.
        """
        word, *options = name.split()
        kind, key = self._kinds[word], (name, code)
        if key not in self._formats:
            self._formats[key] = kind.format(language(code), *options)
        if now is not None and now.format.name.split()[0] == word:
            now.format = self._formats[key]
            return now
        return kind.wire(self._formats[key])
