"""Which tokens there are, and whose: programs act by them as somebody who has an account."""

from collections.abc import Iterable

from chat.base import limits, names, tokens
from chat.base.errors import Refused
from chat.base.language import say
from chat.base.unchanged import all_but
from chat.core.person import Person
from chat.core.ports import Token


class Tokens:
    """All that are good, by their hashes."""

    def __init__(self) -> None:
        self._holders: dict[str, Person] = {}

    def __contains__(self, token: Token) -> bool:
        """Whether this one is still good."""
        return token.digest in self._holders

    def find(self, nick: str, given: str) -> tuple[Person, Token]:
        """Whose token this is, if it is one of this nickname's; raises `Refused` where it is none."""
        digest = tokens.digest(given)
        person = self._holders.get(digest)
        if person is None or names.fold(person.nick) != names.fold(nick):
            shown = nick[: limits.NAME_READ]
            raise Refused("login-failed", say("That is no token of {nick}.", nick=shown))
        return person, next(token for token in person.tokens.values() if token.digest == digest)

    def nick_of(self, given: str) -> str | None:
        """Whose token this is, by nickname; None where it is nobody's."""
        person = self._holders.get(tokens.digest(given))
        return None if person is None else person.nick

    def keep(self, person: Person, token: Token) -> None:
        """This one is theirs, or was used, and no other one of theirs is called so."""
        before = person.tokens.get(names.fold(token.name))
        if before is not None and before.digest != token.digest:
            del self._holders[before.digest]
        person.tokens = {**person.tokens, names.fold(token.name): token}
        self._holders[token.digest] = person

    def end(self, person: Person, names_of: Iterable[str]) -> None:
        """Those of theirs are good no more."""
        for name in names_of:
            del self._holders[person.tokens[name].digest]
            person.tokens = all_but(person.tokens, name)
