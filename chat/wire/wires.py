"""All wires in all languages, each made once: readers that share one get the same bytes."""

from collections.abc import Callable, Mapping

from chat.base.language import Language, language
from chat.wire.rendering import Wire

PLAIN, JSON, JSON_ECHO = "plain", "json", "json echo"


class Wires:
    """The first one is what everybody begins with, in the server's language."""

    def __init__(self, makers: Mapping[str, Callable[[Language], Wire]], words: Language) -> None:
        self._makers = makers
        self._made: dict[tuple[str, str], Wire] = {}
        self.first = self.find(next(iter(makers)), words.code)

    def find(self, name: str, code: str) -> Wire:
        """The wire of this name that speaks the language of this code; raises `LookupError` where there is none."""
        key = name, code
        if key not in self._made:
            self._made[key] = self._makers[name](language(code))
        return self._made[key]
