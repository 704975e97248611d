"""Names that nobody may take: whoever had one would seem to be the service, everybody, or the reader.

Words of the service are reserved on every server, whatever stands around them (`admin2`, `_admin_`).  Words by which a
language speaks to its readers (`you`, `todos`) are reserved where the server speaks it, and elsewhere free: Tú and You
are names of people.  Both are compared by their letters, of whatever script they are, and as they look when they are
written as a word is: `ALI` is not `all`, `AIl` is.
"""

from collections.abc import Iterable
from functools import cache, cached_property

from chat.base.lookalikes import fold, latin, skeleton
from chat.base.patterns import pattern

_SERVICE = """
    server service system root admin administrator operator moderator moderation staff support helpdesk owner sysop
    sysadmin webmaster postmaster nobody anonymous chat lobby console
    servidor servicio sistema administrador administradora administracion administración operador operadora moderador
    moderadora moderacion moderación soporte anonimo anónimo nadie
"""
_SERVICES = """
    nickserv chanserv operserv hostserv memoserv botserv saslserv authserv userserv infoserv statserv helpserv
    groupserv gameserv rootserv global
"""
"""Programs of IRC networks, to whom people's fingers send passwords."""

_COMMANDS = "all help who quit"
"""What commands take for everybody, and what a lost guest answers to the question for a nickname."""

_BY_LANGUAGE = {
    "en": "everyone everybody here you",
    "es": "todos todas aqui aquí tu tú ti usted ustedes vosotros vosotras ayuda quien quién salir",
}
_GUESTS = {"en": "guest", "es": "visita"}
_NUMBERED_GUEST = pattern(r"(?:guest|visita|invitad[oa])[-_.]?[\dlo]+")  # in a skeleton 0 is o and 1 is l

_AROUND = pattern(r"[\W\d_]+")


class Reserved:
    """What is reserved on a server of this language, where its operator adds names."""

    def __init__(self, language: str = "en", names: Iterable[str] = ()) -> None:
        self.language = language.partition("_")[0]
        self.names = frozenset(names)
        self.guest = _GUESTS.get(self.language, _GUESTS["en"])
        """What a proposed name for somebody without one begins with, before its number."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reserved) and (self.language, self.names) == (other.language, other.names)

    def __hash__(self) -> int:
        return hash((self.language, self.names))

    def __contains__(self, nick: str) -> bool:
        """Whether this nickname is reserved, or cannot be told from one that is."""
        read, written = fold(latin(fold(nick))), _written(nick)
        return (
            any(_NUMBERED_GUEST.fullmatch(fold(form)) for form in (read, *written))
            or not self._exact.isdisjoint((fold(nick), read, *written))
            or not _stems().isdisjoint(_AROUND.sub("", form) for form in (read, *written))
        )

    @cached_property
    def _exact(self) -> frozenset[str]:
        words = f"{_COMMANDS} {_BY_LANGUAGE.get(self.language, _BY_LANGUAGE['en'])}".split()
        return frozenset(form for word in (*words, *self.names) for form in _forms(word))


RESERVED = Reserved()
"""Where nobody chose a language or added a name."""


def is_service(nick: str) -> bool:
    """Whether somebody who writes to this name means a program that is not here."""
    return fold(nick) in _SERVICES.split()


@cache
def _stems() -> frozenset[str]:
    return frozenset(_AROUND.sub("", form) for word in f"{_SERVICE} {_SERVICES}".split() for form in _forms(word))


def _forms(word: str) -> set[str]:
    """A reserved word as it is read, and as it looks in the three ways in which people write a word."""
    return {fold(word), *(skeleton(written) for written in (word.lower(), word.upper(), word.capitalize()))}


def _written(nick: str) -> tuple[str, ...]:
    """What a name looks like, case and all; a nought among small letters is an o."""
    return skeleton(nick), skeleton(nick.replace("0", "o"))
