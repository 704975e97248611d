"""Nothing more is stored here of what a session said or did once another node has it.

Whoever comes back on another node does there again what they were not told of here, while it is under way perhaps, or
waits for a database that is away.  So each batch says which sessions did what is in it, and the store keeps none in
which that is one of another node's (`TakenOver`).  What they did is taken out then, and has not happened; all else of
the batch goes again.  What has gathered is taken out as soon as this node hears of it (`lost`): if they come back here
before it was sent, the store would take it for what they do then, behind what they did there.

That is what they said, and that they came to a room, or went; and of measures what is ended as it was taken, or it
would be taken once more after it was ended elsewhere.  What else somebody did to others holds whoever tells it.

Two devices of somebody may do the same on two nodes in one moment: who was stored first did it, and tells it.
"""

from collections.abc import Callable, Collection, Container, Iterable, Set
from dataclasses import replace

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from chat.base.errors import ChatError
from chat.base.named_tuples import NamedTuple
from chat.core.batch import Change, OpenBatch
from chat.core.hub import Hub
from chat.core.person import Person
from chat.core.ports import Appended, Batch, InDoubt, Numbered, PersonRecord, SharedStore, TakenOver
from chat.core.session import Session
from chat.log.events import (
    Action,
    Audited,
    Author,
    Fact,
    Invited,
    Joined,
    Left,
    Measured,
    Message,
    OtherDevice,
    Private,
    Redacted,
    Renamed,
    TopicSet,
)

_SAID = Message | Action | Private | TopicSet | Invited | Redacted | OtherDevice
_MEASURES = frozenset(
    ("mute", "unmute", "voice", "unvoice", "unban", "slow", "unslow", "limit", "unlimit", "lock-topic", "unlock-topic")
)
"""Who takes one of these takes it back where it is not stored.  Of who was put out that cannot be."""


def _is_said(fact: Fact) -> bool:
    """Whether it is told by their session alone that somebody did this."""
    return isinstance(fact, _SAID) or (isinstance(fact, Measured | Audited) and fact.what in _MEASURES)


class Move(NamedTuple):
    """Somebody came to a room, or went, or ("") went from all, on this device, which is known by the hash of its
    code."""

    session: str
    person: Person
    key: str

    def is_told_by(self, change: Change) -> bool:
        """Whether this is what others are told of it."""
        fact = change.facts[0]
        if not isinstance(fact, Joined | Left) or fact.author is None or fact.author.person != self.person.id:
            return False
        if isinstance(fact, Left) and (fact.put_out or (fact.quit and self.key)):
            return False
        return self.key in ("", change.logs[0].key)


class Fence:
    """Stands before a store that several nodes write to."""

    shared = True

    def __init__(self, hub: Hub, store: SharedStore, undo: Callable[[Person, str], None]) -> None:
        self._hub = hub
        self._store = store
        self._undo = undo
        """Somebody did not come to this room, or go, or go from all of them ("")."""
        self._moves: list[Move] = []
        """What is not on its way yet."""
        self._moved: dict[tuple[str, str], type[Fact]] = {}
        """Whether somebody came to a room last, or went, on another node, while something is on its way here, or has
        gathered; by their ids and its key."""
        self._called: dict[str, str] = {}
        """What people are called there by now, by their ids."""
        self._refused: Collection[str] = ()
        """The ids of the sessions that were another node's, of the last batch that was refused for that."""

    def moved(self, session: str, person: Person, key: str = "") -> None:
        """Somebody came to this room, or went, or went from all."""
        self._moves.append(Move(session, person, key))

    def told(self, appended: Iterable[Appended]) -> None:
        """Another node has stored this."""
        if self._hub.turn.is_changing:
            for key, _, _, entries in appended:
                for entry in entries:
                    if (move := _move_of(entry.fact, key)) is not None:
                        self._moved[move] = type(entry.fact)

    def told_of(self, person: Person, before: PersonRecord, now: PersonRecord) -> None:
        """Another node has stored somebody; that they came to a room of many, or went, it tells later."""
        places, is_changing = _places(now), self._hub.turn.is_changing
        for key in places ^ _places(before):
            if (room := self._hub.rooms.get(key)) is not None:
                room.leave_to_others(person)
            if is_changing:
                self._moved[person.id, key] = Joined if key in places else Left
        if is_changing and now.nick != before.nick:
            self._called[person.id] = now.nick

    def leave_out(self, gathered: OpenBatch) -> None:
        """Of what somebody did on another node as well the same has not happened here, and they are called as there
        before they are called otherwise."""
        if self._moved or self._called:
            gathered.refine(self._besides)
            self._moved, self._called = {}, {}

    def _besides(self, change: Change) -> Change | None:
        fact, key = change.facts[0], change.logs[0].key
        if isinstance(fact, Renamed) and (nick := self._called.get(fact.author.person)) is not None:
            person = self._hub.people.get(fact.author.person)
            if nick == fact.to or person is None or self._hub.naming.called(person) != fact.to:
                return None
            return change._replace(facts=(replace(fact, author=replace(fact.author, nick=nick)),))
        move = _move_of(fact, key)
        return None if move is not None and self._moved.pop(move, None) is type(fact) else change

    def commit(self, batch: Batch) -> Deferred[Numbered]:
        """(Store) With the sessions that did what is in it."""
        moves, self._moves = self._moves, []
        ids: dict[str, str] = {}
        moved: set[str] = set()
        for appended in batch.appended:
            for _, _, fact, _ in appended.entries:
                if (author := fact.author) is None:
                    continue
                if isinstance(fact, Joined | Left | Renamed):
                    moved.add(author.person)
                elif _is_said(fact) and author.session not in ids:
                    ids[author.session] = self._digest(author)

        def refused(failure: Failure) -> Failure:
            if isinstance(error := failure.value, InDoubt):
                error.later.addErrback(refused)
                return failure
            self._moves[:0] = moves
            if isinstance(error, TakenOver):
                self._refused = {id for id, digest in ids.items() if digest in error.sessions}
            return failure

        by = {*ids.values(), *(move.session for move in moves)} - {""}
        return self._store.commit(batch._replace(by=by, moved=moved)).addErrback(refused)

    def _digest(self, author: Author) -> str:
        """The hash of the code of this session, "" where there is none."""
        person = self._hub.people.get(author.person) or self._hub.absent.get(author.person)
        sessions = () if person is None else person.sessions
        return next((session.digest for session in sessions if session.id == author.session), "")

    def keeps_out(self, sessions: Collection[str], change: Change) -> bool:
        """Whether one of these sessions, which are another node's, did it."""
        return self._did(sessions, self._refused, change)

    def _did(self, sessions: Collection[str], ids: Collection[str], change: Change) -> bool:
        """Whether one of these sessions, which have these ids, did it."""
        fact = change.facts[0]
        if _is_said(fact):
            return fact.author is not None and fact.author.session in ids
        return any(move.session in sessions and move.is_told_by(change) for move in self._moves)

    def lost(self, session: str, id: str, error: ChatError | None = None) -> None:
        """This session is another node's by now: what it did here, and has gathered, does not happen; it is told why
        where nobody came back by it there."""
        self._hub.turn.take_out(lambda change: self._did((session,), (id,), change), error)
        self.take_back((session,))

    def is_left_behind(self, change: Change) -> bool:
        """Whether whoever did it has no connection here any more, where other nodes have taken this one for gone."""
        fact = change.facts[0]
        if not (change.is_so or _is_said(fact)):
            return False
        authors = getattr(fact, "authors", ()) or (fact.author,)
        return not any(author is not None and self._is_here(author, change.is_so) for author in authors)

    def _is_here(self, author: Author, on_any_device: bool) -> bool:
        person = self._hub.people.get(author.person)
        devices = () if person is None else person.attached
        return any(on_any_device or device.id == author.session for device in devices)

    def cut(self, sessions: Collection[str]) -> None:
        """What still hangs here of these is cut: what was said on it is answered where it is said again."""
        for digest in sessions:
            session = self._hub.codes.get(digest)
            if isinstance(session, Session) and session.connection is not None and digest not in self._hub.taken_over:
                session.connection.abort()

    def take_back(self, sessions: Collection[str]) -> None:
        """What these did has not happened, and is told nobody."""
        undone = [move for move in self._moves if move.session in sessions]
        self._moves = [move for move in self._moves if move.session not in sessions]
        for move in undone:
            self._undo(move.person, move.key)


def still(change: Change, here: Callable[[str], Container[str]]) -> Change | None:
    """Of who came, went or was called otherwise what is so although another node has them by now: it was stored before,
    and not told yet, or this node has taken them back.  `here` are the nicknames in the room of a key."""
    fact = change.facts[0]
    if not isinstance(fact, Joined | Left | Renamed):
        return change
    there = here(change.logs[0].key)
    if isinstance(fact, Renamed):
        return change if fact.to in there else None
    who = tuple(nick for nick in fact.who if (nick in there) is isinstance(fact, Joined))
    if who == fact.who:
        return change
    if isinstance(fact, Left):
        some: Fact = replace(fact, who=who)
    else:
        authors = tuple(author for author in fact.authors if author.nick in who)
        operators, voiced = (tuple(nick for nick in some if nick in who) for some in (fact.operators, fact.voiced))
        some = replace(fact, who=who, authors=authors, operators=operators, voiced=voiced)
    return change._replace(facts=(some,)) if who else None


def _move_of(fact: Fact, key: str) -> tuple[str, str] | None:
    """Who came or went by themselves, and where, if this tells of that."""
    return (fact.author.person, key) if isinstance(fact, Joined | Left) and fact.author is not None else None


def _places(record: PersonRecord) -> Set[str]:
    """The keys of the rooms where others see them."""
    return set() if record.absent else record.rooms.keys()
