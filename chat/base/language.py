"""Sentences for people, in their language.

Below the wires a sentence is only named: `say("{nick} is here already.", nick=nick)` makes a `Sentence`, whose
English text is its key in the gettext catalogue.  A wire turns it into words with its `Language`.  Fields may be
sentences themselves, or tuples of names, which become "bob, carl and dee".  What people wrote only ever stands in
a field: it is never a format.
"""

import gettext
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from chat.base.patterns import pattern

LOCALE = Path(__file__).parent.parent / "locale"

_SOUND_OF_I = pattern("h?[ií](?![aeou])", re.IGNORECASE)
"""How Iván and Hilda begin, and Iago does not: in Spanish "and" is another word before it."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A whole sentence, not yet in any language."""

    text: str
    fields: Mapping[str, object]
    plural: str | None = None
    count: int = 0


def say(text: str, /, **fields: object) -> Sentence:
    """Name a sentence; the catalogue's tools look for calls of this function."""
    return Sentence(text, fields)


def say_n(singular: str, plural: str, count: int, /, **fields: object) -> Sentence:
    """Name a sentence that depends on a number, which it may use as `{count}`."""
    return Sentence(singular, {"count": count, **fields}, plural, count)


class Language:
    """One language's words for the sentences; raises `LookupError` if there is no catalogue for it."""

    def __init__(self, code: str) -> None:
        self.code = code
        self._catalogue: gettext.NullTranslations
        if code.partition("_")[0] == "en":
            self._catalogue = gettext.NullTranslations()
        else:
            try:
                self._catalogue = gettext.translation("chat", LOCALE, [code])
            except FileNotFoundError:
                raise LookupError(code) from None

    def words(self, sentence: Sentence) -> str:
        """The sentence with its fields filled in."""
        if sentence.plural is None:
            template = self._catalogue.gettext(sentence.text)
        else:
            template = self._catalogue.ngettext(sentence.text, sentence.plural, sentence.count)
        fields = {name: self._field(value) for name, value in sentence.fields.items()}
        for name, value in fields.items():
            if isinstance(value, str) and value.endswith("."):
                # "Hello J.R." has one full stop: that of the name is the sentence's too.
                template = template.replace(f"{{{name}}}.", f"{{{name}}}")
        return template.format_map(fields)

    def names(self, names: tuple[object, ...]) -> str:
        """Names, or sentences, in a row, as people write them."""
        *others, last = [str(self._field(name)) for name in names]
        if not others:
            return last
        row = ", ".join(others)
        if self.code.partition("_")[0] == "es" and _SOUND_OF_I.match(last):
            return f"{row} e {last}"
        return self.words(say("{names} and {last}", names=row, last=last))

    def _field(self, value: object) -> object:
        if isinstance(value, Sentence):
            return self.words(value)
        if isinstance(value, tuple):
            return self.names(value)
        return value


def duration(seconds: int) -> str:
    """A time that people can take in, in the largest unit alone; the units read the same in every language here."""
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 90 * 60:
        return f"{seconds // 60} min"
    if seconds < 48 * 3600:
        return f"{seconds // 3600} h"
    return f"{seconds // 86400} d"


def known_languages() -> list[str]:
    """The codes that `Language` accepts."""
    return ["en", *sorted(one.name for one in LOCALE.iterdir() if (one / "LC_MESSAGES" / "chat.mo").exists())]


@cache
def language(code: str) -> Language:
    """The one `Language` of this code: reading a catalogue costs a file."""
    return Language(code)
