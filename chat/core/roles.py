"""Who has which role where: by the key of a room's log, or by that of the server's.

Roles are of accounts only, and part of what is remembered of a person: they are known before a room is in memory, go
with the account, and are nobody's who takes the nickname after it.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping

from chat.base import limits
from chat.base.errors import Refused
from chat.base.language import say
from chat.base.unchanged import NOTHING, all_but
from chat.core.person import Person
from chat.core.ports import Role

SERVER = "*"
"""The key and the name of the server's log."""


class Roles:
    """All of them; `touch` has a person recorded."""

    def __init__(self, touch: Callable[[Person], None]) -> None:
        self._touch = touch
        self._holders: defaultdict[str, dict[str, Person]] = defaultdict(dict)

    def holders(self, key: str) -> Collection[Person]:
        """Who has any role there."""
        return self._holders[key].values() if key in self._holders else ()

    def owner(self, key: str) -> Person | None:
        """Whose room it is; None: the server's operators'."""
        return next((person for person in self.holders(key) if person.roles[key] == "owner"), None)

    def check_one_more(self, person: Person, key: str) -> None:
        """Raises `Refused` where somebody may not have a role there: they are a guest, or have very many."""
        if not person.has_account:
            refused = say("{nick} has no account. Roles are of accounts only; /register makes one.", nick=person.nick)
            raise Refused("not-allowed", refused)
        if key not in person.roles and len(person.roles) >= limits.ROLES:
            full = say("{nick} has {limit} roles already; /give hands a room on.", nick=person.nick, limit=limits.ROLES)
            raise Refused("too-many", full)

    def give(self, person: Person, key: str, role: Role | None) -> None:
        """They have this role there from now on, None: none.  A room has one owner: who was it before is none."""
        if role == "owner" and (before := self.owner(key)) is not None:
            self._set(before, key, None)
        self._set(person, key, role)

    def take_all(self, person: Person) -> None:
        """Their account ends: rooms of theirs are the server's operators'."""
        for key in list(person.roles):
            self._set(person, key, None)

    def restore(self, person: Person, roles: Mapping[str, Role]) -> None:
        """After a restart they have the roles that they had."""
        person.roles = {**person.roles, **roles} or NOTHING
        for key in roles:
            self._holders[key][person.id] = person

    def stored(self, person: Person, roles: Mapping[str, Role]) -> None:
        """These are theirs by now, as another node has stored it."""
        for key in [key for key in person.roles if key not in roles]:
            self._end(person, key)
        self.restore(person, roles)

    def _set(self, person: Person, key: str, role: Role | None) -> None:
        if role is None:
            self._end(person, key)
        else:
            person.roles = {**person.roles, key: role}
            self._holders[key][person.id] = person
        self._touch(person)

    def _end(self, person: Person, key: str) -> None:
        person.roles = all_but(person.roles, key)
        self._holders[key].pop(person.id, None)
        if not self._holders[key]:
            del self._holders[key]
