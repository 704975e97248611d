"""A room: its members, its topic and how coming and going is told.

In a small room each arrival is told at once.  In a room of many it is gathered, one announcement in
`GATHER_SECONDS` at most; somebody who speaks, or says something on leaving, is announced first, so that nobody
hears a stranger.  Who came and went in between, or went and came back, is not told at all.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import islice
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from chat.base import limits
from chat.base.named_tuples import NamedTuple
from chat.core.privacy import PUBLIC
from chat.core.room_holders import RoomHolders
from chat.log.events import Author, Fact, Joined, Left, PutOut
from chat.log.log import Log


class Participant(Protocol):
    """What a room needs of somebody in it."""

    id: str
    nick: str

    @property
    def roles(self) -> Mapping[str, object]:
        """What they are, by the keys of rooms."""

    @property
    def host(self) -> str:
        """The address from which they came."""

    @property
    def author(self) -> Author:
        """Who they are now."""


class Member(NamedTuple):
    """Somebody in a room, and since when (in the clock's seconds)."""

    participant: Participant
    since: float


class Room:
    """Members and topic of one room; facts about it go to its log by `append`."""

    def __init__(
        self,
        log: Log,
        clock: IReactorTime,
        append: Callable[[Log, Fact], None],
        holders: RoomHolders,
        has_voice: Callable[[str], bool],
    ) -> None:
        self.log = log
        self.topic = ""
        self.has_voice = has_voice
        """Whether the person of an id talks here also while all are muted."""
        self.measured = False
        """See `chat.core.measures`."""
        self.privacy = PUBLIC
        self.members: dict[str, Member] = {}
        self._clock = clock
        self._append = append
        self._holders = holders
        self._holder = ""
        self._arrived: dict[str, Author] = {}
        self._departed: dict[str, Author] = {}
        self._told_at = -limits.GATHER_SECONDS
        self._timer: IDelayedCall | None = None

    @property
    def users(self) -> list[str]:
        """The members' nicknames, in the order of their coming."""
        return self.first(len(self.members))

    def first(self, most: int) -> list[str]:
        """The nicknames of those who have been here longest: a thousand who come need not each read a thousand."""
        return [member.participant.nick for member in islice(self.members.values(), most)]

    def is_announced(self, nick: str) -> bool:
        """Whether the room was told of their coming; of those who are gathered it is told later."""
        return nick not in self._arrived

    @property
    def departed(self) -> Sequence[str]:
        """Who has gone, of which the room is told later, or never where they come again."""
        return tuple(self._departed)

    def join(self, participant: Participant) -> None:
        """Somebody comes in."""
        self._forget_if_empty()  # what the last one said in the turn in which they went came only then
        self.put_back(participant)
        author = participant.author
        gone = self._departed.get(author.nick)
        if gone is not None and gone.person == author.person:
            del self._departed[author.nick]
        elif len(self.members) >= limits.GATHER_FROM:
            self._arrived[author.nick] = author
            self._tell_later()
        else:
            if gone is not None:
                self._tell()
            self._append(self.log, self._joined([author]))

    def put_back(self, participant: Participant) -> None:
        """Somebody was here before a restart: nobody is told."""
        if not self.members:
            self._holder = self._holders.take(participant.host)
        self.members[participant.id] = Member(participant, self._clock.seconds())

    def leave(
        self,
        participant: Participant,
        text: str,
        fact: str = "",
        rooms: tuple[str, ...] = (),
        put_out: PutOut = "",
    ) -> None:
        """Somebody goes, or is put out; `fact` and `rooms` are set where they leave the chat, all of which are told the
        same."""
        if text or put_out:
            self.introduce(participant)
        at_once = bool(text or put_out) or not self.gathers(participant)
        member = self.members.pop(participant.id)
        if not self.members:
            self._holders.free(self._holder)
        self._forget_if_empty()
        author = participant.author
        unknown = self._arrived.pop(author.nick, None) is not None
        if at_once:
            stayed = int(self._clock.seconds() - member.since)
            here = len(self.members)
            self._append(self.log, Left(author, (author.nick,), here, stayed, text, bool(fact), fact, rooms, put_out))
        elif not unknown:
            self._departed[author.nick] = author
            self._tell_later()

    def leave_to_others(self, participant: Participant) -> None:
        """That this one came, or went, another node tells, where it was stored first."""
        self._arrived.pop(participant.nick, None)
        self._do_not_tell_of(participant)

    def _do_not_tell_of(self, participant: Participant) -> None:
        """They have not gone, or that is not told here."""
        gone = self._departed.get(participant.nick)
        if gone is not None and gone.person == participant.id:
            del self._departed[participant.nick]

    def put_in(self, participant: Participant) -> None:
        """Somebody is here, which another node told the room, or will tell, or they never went."""
        self._do_not_tell_of(participant)
        self.put_back(participant)

    def take_out(self, participant: Participant) -> None:
        """Somebody is here no more, which another node told the room, or will tell."""
        if self.members.pop(participant.id, None) is None:
            return
        self._arrived.pop(participant.nick, None)
        if not self.members:
            self._holders.free(self._holder)
        self._forget_if_empty()

    def _forget_if_empty(self) -> None:
        """What is recorded nowhere is of those who heard it: nobody who comes later is told."""
        if not self.members and not self.log.recorded:
            self.log.forget()

    def gathers(self, participant: Participant) -> bool:
        """Whether it is told later, or never, that this one leaves without a word."""
        return len(self.members) >= limits.GATHER_FROM or participant.nick in self._arrived

    def introduce(self, participant: Participant, nick: str = "") -> None:
        """Announce whoever was gathered, if they are about to be seen: this one, or who had the nickname they take."""
        if participant.nick in self._arrived or nick in self._departed:
            self._tell()

    def tell_of(self, ids: Collection[str]) -> None:
        """What is gathered is told at once, if one of these people, by their ids, has gone."""
        if any(author.person in ids for author in self._departed.values()):
            self._tell()

    def _tell_later(self) -> None:
        if self._timer is None:
            wait = max(0.0, self._told_at + limits.GATHER_SECONDS - self._clock.seconds())
            self._timer = self._clock.callLater(wait, self._tell)

    def _joined(self, authors: Sequence[Author]) -> Joined:
        """They came, and are here."""
        operators = [one.nick for one in authors if self.log.key in self.members[one.person].participant.roles]
        who = tuple(one.nick for one in authors)
        voiced = tuple(one.nick for one in authors if self.has_voice(one.person))
        author = authors[0] if len(authors) == 1 else None
        return Joined(author, who, len(self.members), tuple(authors), tuple(operators), voiced)

    def _tell(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        self._told_at = self._clock.seconds()
        here = len(self.members)
        # In this order, for who came may have the nickname of one who went.
        if self._departed:
            self._append(self.log, Left(_only(self._departed), tuple(self._departed), here))
        if self._arrived:
            self._append(self.log, self._joined(list(self._arrived.values())))
        self._arrived, self._departed = {}, {}


def _only(authors: dict[str, Author]) -> Author | None:
    """The one author of an announcement, None where there are several."""
    return next(iter(authors.values())) if len(authors) == 1 else None
