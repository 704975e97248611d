"""Who may be called how: what is reserved, what somebody has already, and what other nodes agree to.

Where other nodes use the store, a nickname is first won there (`Naming.win`), and then claimed here; else only claimed.
"""

from collections.abc import Callable, Collection, Mapping

from chat.base import limits, names
from chat.base.errors import Refused
from chat.base.language import say
from chat.base.reserved import Reserved
from chat.core.nicknames import Nicknames
from chat.core.person import Person
from chat.core.presence import Presence
from chat.core.turn import Turn


class Naming:
    """The nicknames of all people, whose `here` are those who are here or whose line is down, by their ids."""

    def __init__(self, turn: Turn, here: Mapping[str, Person], reserved: Callable[[], Reserved]) -> None:
        self._turn = turn
        self._here = here
        self._reserved = reserved
        self._nicknames = Nicknames[Person]()
        self._won: dict[str, str] = {}
        """Nicknames that are people's for all other nodes, by their ids, and will be in a moment for this one."""

    @property
    def holders(self) -> Collection[Person]:
        """All who have a nickname, be they here or not."""
        return self._nicknames.holders

    def called(self, person: Person) -> str | None:
        """The nickname that is theirs, if one is: of several nodes what was stored last, or is about to be here."""
        return self._nicknames.called(person)

    def find(self, nick: str) -> Person | None:
        """Whoever is called so, if anybody is."""
        return self._nicknames.find(nick)

    def holder(self, nick: str, besides: Person | None = None) -> Person | None:
        """Whoever has this nickname, or one that is the same to the eye; there may be several, not only `besides`."""
        return self._nicknames.holder(nick, besides)

    def check(self, text: str, person: Person | None = None) -> str:
        """The nickname in its normal form, which this person may have; raises `Refused` where they may not."""
        nick = names.check_nickname(text)
        if nick in self._reserved():
            raise Refused("nick-reserved", say("{nick} is reserved for the service.", nick=nick))
        self.check_free(nick, person)
        return nick

    def check_free(self, nick: str, person: Person | None = None) -> None:
        """Raises `Refused` where somebody else than this person has the nickname, or one that looks like it."""
        if person is not None and self._won.get(person.id) == nick:
            return
        holder = self.holder(nick, person)
        if holder is not None:
            raise _taken(nick, holder.nick, holder.has_account)

    def propose(self, text: str, person: Person, besides: Collection[str] = ()) -> str:
        """A nickname that this person may have, near to what they wrote; none of `besides`, which were refused."""

        def is_free(nick: str) -> bool:
            return nick not in besides and self.holder(nick, person) is None

        return names.propose(text, is_free, self._reserved())

    async def win(self, nick: str, person: Person) -> None:
        """Before `claim`: where other nodes use the store, let it agree; raises `Refused` if it is somebody's there.

        What is won and then not claimed is to be lost again (`lose`).
        """
        holder = await self._turn.claim(person.id, nick)
        if holder is not None:
            raise _taken(nick, holder)
        if self._turn.is_shared:
            self._won[person.id] = nick

    async def win_back(self, person: Person) -> None:
        """Before somebody comes in again who had left: their nickname, or one near to it that is nobody's."""
        if person.presence is Presence.ABSENT:
            await self.win_near(person)

    async def win_near(self, person: Person) -> str:
        """What they are called, or something near to it that is nobody's; returns what they have won."""
        nick = self._near(person)
        refused: list[str] = []
        while True:
            try:
                await self.win(nick, person)
                return nick
            except Refused:
                refused.append(nick)
                if len(refused) == limits.NICKS_TRIED:
                    raise
                nick = self.propose(person.nick, person, refused)

    def lose(self, person: Person) -> None:
        """What they have won, and did not claim, is anybody's."""
        if self._won.pop(person.id, None) is not None and person.id not in self._here:
            self._turn.give_up(person.id, person.nick if person.has_account else None)

    def claim(self, nick: str, person: Person) -> None:
        """Give a person this nickname, instead of theirs if they have one; raises `Refused` if it is somebody's."""
        self.check_free(nick, person)
        if self._won.pop(person.id, None) == nick:
            self._nicknames.free(nick, person)
        self._nicknames.claim(nick, person)
        person.called(nick)

    def claim_again(self, person: Person) -> None:
        """Of somebody who comes in again: what they have won; else theirs, or one near to it if that was taken."""
        self.claim(self._won.get(person.id) or self._near(person), person)

    def claimed(self, nick: str | None, person: Person) -> None:
        """Another node has it that this is their nickname, and nobody else's; None is none."""
        if nick is None:
            self._nicknames.release(person)
        else:
            self._nicknames.free(nick, person)
            self._nicknames.claim(nick, person)

    def give_up(self, person: Person) -> None:
        """What a guest was called is anybody's."""
        self._nicknames.release(person)
        self._won.pop(person.id, None)
        self._turn.give_up(person.id)

    def _near(self, person: Person) -> str:
        return person.nick if self.holder(person.nick, person) is None else self.propose(person.nick, person)


def _taken(nick: str, holder: str, registered: bool = False) -> Refused:
    """That somebody has this nickname, or one that looks like it."""
    if names.fold(holder) == names.fold(nick) and registered:
        return Refused("nick-taken", say("{nick} is registered; /login {nick} if it is yours.", nick=nick))
    if names.fold(holder) == names.fold(nick):
        return Refused("nick-taken", say("{nick} is here already.", nick=nick))
    return Refused("nick-alike", say("{nick} looks like {other}, who is here.", nick=nick, other=holder))
