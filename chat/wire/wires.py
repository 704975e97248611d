"""All wires in all languages: each format is made once, so that readers who share it get the same bytes."""

from collections.abc import Callable, Mapping
from datetime import tzinfo
from functools import partial
from typing import Any, NamedTuple

from chat.base.language import Language, language
from chat.wire.json_wire import JsonFormat, JsonWire
from chat.wire.plain import Plain, PlainFormat
from chat.wire.rendering import Format, Wire

PLAIN, JSON, JSON_ECHO = "plain", "json", "json echo"


class Kind(NamedTuple):
    """What makes the format of a wire in a language, and for each visit a wire of that format."""

    format: Callable[[Language], Format]
    wire: Callable[[Any], Wire]


def kinds(zone: tzinfo | None = None) -> Mapping[str, Kind]:
    """The wires that there are, by their names; people's times are of a zone, None is the system's."""
    return {
        PLAIN: Kind(partial(PlainFormat, zone=zone), Plain),
        JSON: Kind(JsonFormat, JsonWire),
        JSON_ECHO: Kind(partial(JsonFormat, echoes=True), JsonWire),
    }


class Wires:
    """The first one is what everybody begins with, in the server's language."""

    def __init__(self, kinds: Mapping[str, Kind], words: Language) -> None:
        self._kinds = kinds
        self._formats: dict[tuple[str, str], Format] = {}
        self._first = next(iter(kinds)), words.code

    def first(self) -> Wire:
        """For a new visit."""
        return self.find(*self._first)

    def find(self, name: str, code: str) -> Wire:
        """One of this name in the language of this code, for one visit; raises `LookupError` where there is none."""
        kind, key = self._kinds[name], (name, code)
        if key not in self._formats:
            self._formats[key] = kind.format(language(code))
        return kind.wire(self._formats[key])
