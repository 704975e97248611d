"""Nothing more is stored here of what a session said or did once another node has it.

Whoever comes back on another node does there again what they were not told of here, while it is under way perhaps, or
waits for a database that is away.  So each batch says which sessions did what is in it, and the store keeps none in
which that is one of another node's (`TakenOver`).  What they did is taken out then, and has not happened; all else of
the batch goes again.  What has gathered is taken out as soon as this node hears of it (`lost`): if they come back here
before it was sent, the store would take it for what they do then, behind what they did there.

That is what they said, and that they came to a room, or went.  What somebody did to others holds whoever tells it.
"""

from collections.abc import Callable, Collection

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from chat.base.errors import ChatError
from chat.base.named_tuples import NamedTuple
from chat.core.batch import Change
from chat.core.hub import Hub
from chat.core.person import Person
from chat.core.ports import Batch, InDoubt, Numbered, SharedStore, TakenOver
from chat.core.session import Session
from chat.log.events import Action, Author, Invited, Joined, Left, Message, OtherDevice, Private, Redacted, TopicSet

_SAID = Message | Action | Private | TopicSet | Invited | Redacted | OtherDevice


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
        self._refused: Collection[str] = ()
        """The ids of the sessions that were another node's, of the last batch that was refused for that."""

    def moved(self, session: str, person: Person, key: str = "") -> None:
        """Somebody came to this room, or went, or went from all."""
        self._moves.append(Move(session, person, key))

    def commit(self, batch: Batch) -> Deferred[Numbered]:
        """(Store) With the sessions that did what is in it."""
        moves, self._moves = self._moves, []
        ids: dict[str, str] = {}
        moved: set[str] = set()
        for appended in batch.appended:
            for _, _, fact, _ in appended.entries:
                if (author := fact.author) is None:
                    continue
                if isinstance(fact, Joined | Left):
                    moved.add(author.person)
                elif isinstance(fact, _SAID) and author.session not in ids:
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
        if isinstance(fact, _SAID):
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
        if not (change.is_so or isinstance(fact, _SAID)):
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
