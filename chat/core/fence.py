"""Nothing more is stored here of what a session said or did once another node has it.

Whoever comes back on another node does there again what they were not told of here, while it is under way perhaps, or
waits for a database that is away.  So each batch says which sessions did what is in it, and the store keeps none in
which that is one of another node's (`TakenOver`).  What they did is taken out then, and has not happened; all else of
the batch goes again.

That is what they said, and that they came to a room, or went.  What somebody did to others holds whoever tells it.
"""

from collections.abc import Callable, Collection

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

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
        """What is not stored yet, or on its way."""
        self._refused: Collection[str] = ()
        """The ids of the sessions that were another node's, of the last batch that was refused for that."""

    def moved(self, session: str, person: Person, key: str = "") -> None:
        """Somebody came to this room, or went, or went from all."""
        self._moves.append(Move(session, person, key))

    def commit(self, batch: Batch) -> Deferred[Numbered]:
        """(Store) With the sessions that did what is in it."""
        moves = tuple(self._moves)
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

        def kept(numbered: Numbered) -> Numbered:
            self._moves = [move for move in self._moves if not any(move is one for one in moves)]
            return numbered

        def refused(failure: Failure) -> Failure:
            if isinstance(error := failure.value, InDoubt):
                error.later.addCallbacks(kept, refused)
            elif isinstance(error, TakenOver):
                self._refused = {id for id, digest in ids.items() if digest in error.sessions}
            return failure

        by = {*ids.values(), *(move.session for move in moves)} - {""}
        return self._store.commit(batch._replace(by=by, moved=moved)).addCallbacks(kept, refused)

    def _digest(self, author: Author) -> str:
        """The hash of the code of this session, "" where there is none."""
        person = self._hub.people.get(author.person) or self._hub.absent.get(author.person)
        sessions = () if person is None else person.sessions
        return next((session.digest for session in sessions if session.id == author.session), "")

    def keeps_out(self, sessions: Collection[str], change: Change) -> bool:
        """Whether one of these sessions, which are another node's, did it."""
        fact = change.facts[0]
        if isinstance(fact, _SAID):
            return fact.author is not None and fact.author.session in self._refused
        return any(move.session in sessions and move.is_told_by(change) for move in self._moves)

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
