"""What other nodes stored: people there are people here, without a connection.

Several servers on one store are one chat.  Each has everybody in its memory, and applies to that what the others
stored, in the order that the store gave it; so what is asked of people is answered as on every other node.  What was
announced stands in the logs, once.  A session belongs to the node that stored it last: whoever resumes it takes it
over.  Somebody's line is down when their last session has lost its connection, and the node whose batch that was
holds them, and lets them leave.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import cache, partial

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from chat.base import limits
from chat.base.errors import ChatError, NotStored, Refused, TakenForGone, session_ended, taken_over, token_ended
from chat.base.names import fold
from chat.base.unchanged import NOTHING
from chat.core.anew import events
from chat.core.batch import People
from chat.core.endings import why_ended
from chat.core.fence import Fence, still
from chat.core.forgetting import FORGOTTEN, forgotten
from chat.core.hub import Hub
from chat.core.measures import RECORDS, kicked, read
from chat.core.merging import merged
from chat.core.person import Departed, Device, Person
from chat.core.ports import (
    NOTHING_KEPT,
    Appended,
    Claim,
    Elsewhere,
    Kept,
    Numbered,
    PersonRecord,
    Record,
    Remembered,
    SessionRecord,
    SharedStore,
    Token,
)
from chat.core.presence import Event, Presence
from chat.core.privacy import KIND as PRIVACY
from chat.core.progress import OwnAndOthers
from chat.core.read_markers import MARKER
from chat.core.restoring import restore_session
from chat.core.roles import SERVER
from chat.core.room import Room
from chat.core.room_state import tell_others
from chat.core.session import Session
from chat.core.wrong_guesses import guessed
from chat.log.events import Entry, Left, Measured, Message, Private, Said, TopicSet
from chat.log.log import Log
from chat.wire.answers import AwayNotice, IgnoreNotice, MarkerNotice, OthersAway, OthersName

logger = Logger()


class OtherNodes:
    """Keeps what the hub knows as the store has it."""

    def __init__(
        self,
        hub: Hub,
        store: SharedStore,
        kept: Kept = NOTHING_KEPT,
        others: Callable[[Record], None] = lambda record: None,
    ) -> None:
        self._hub = hub
        self._store = store
        self._other_record = others
        """Is told of records that are nobody's here."""
        self._stored: dict[str, PersonRecord] = {}
        """What the store has of people, by their ids."""
        self._sessions: dict[str, str] = {}
        """Whose sessions are, by the ids of people, as the store has it; by the hashes of their codes."""
        self._unconnected: set[str] = set()
        """Those of them that have no connection."""
        self._beating = False
        """It is being said that this node is there."""
        self._coming_again: set[Person] = set()
        self._stood: dict[Device, Mapping[str, int]] = {}
        """Up to where their connections had been given what was said, who have to come in again."""
        self._coming: dict[str, Person] = {}
        """Those who have a nickname, and are not here yet."""
        self._holders: dict[str, str] = {}
        """Which node sees to those whose line is down, by their ids."""
        self._taking_back: set[Session] = set()
        """Sessions with a connection here that another node has adopted."""
        self._overtaken: set[tuple[str, str]] = set()
        """The kinds and keys of records that another node changed while some were on their way from here, perhaps the
        same ones: those will hold."""
        self._rooms_of_many: dict[tuple[str, ...], Mapping[str, Room]] = {}
        """The rooms of people who are in several, by their keys."""
        self._records: set[tuple[str, str]] = set()
        """The kinds and keys of records that the store has."""
        for told in kept.records:
            self._note_record(told)
            hub.addresses.stored(told)
        for claim in kept.claims:
            self._claimed(claim)
        for id, record in kept.remembered.people.items():
            if record is not None and (person := self._person(id)) is not None:
                self._stored[id] = record
                self._see_to(person)
                if person.presence is Presence.DOWN:
                    self._holders[id] = person.detached[-1].node or store.node
        for digest, session in kept.remembered.sessions.items():
            self._note(digest, session)
        hub.others = store
        hub.progress = OwnAndOthers(hub.clock, store, hub.codes, hub.hear_others)
        hub.turn.landed = self._landed
        hub.turn.store = hub.turn.fence = self._fence = Fence(hub, store, self._not_moved)
        store.follow(self._told)
        hub.clock.callLater(limits.BEAT_SECONDS, self._beat)

    def _beat(self) -> None:
        """Say that this node is there, and see to those that are not."""
        if self._hub.stopping:
            return
        self._hub.clock.callLater(limits.BEAT_SECONDS, self._beat)
        if not self._beating:  # while the database is away, what is asked of it waits
            self._beating = True
            Deferred.fromCoroutine(self._adopt()).addErrback(_failed, "see to the others")

    async def _adopt(self) -> None:
        try:
            with suppress(NotStored):
                lapsed = await self._store.beat(self._hub.connected)
                self._hub.turn.go_on()
                for node in lapsed:
                    logger.warn("{node} is not there any more: its people are held here", node=node)
                    await self._store.adopt(node)
                if (wrong := self._hub.wrong_guesses.take(self._store.node)) is not None:
                    await self._hub.turn.change(wrong)
        finally:
            self._beating = False

    def _told(self, elsewhere: Elsewhere) -> None:
        """Another node has stored this: whoever reads it here is shown it."""
        hub = self._hub
        if elsewhere.anew is not None:
            self._anew(elsewhere.anew)
            return
        if elsewhere.adopted:
            self._adopted(elsewhere)
            return
        if elsewhere.refused:
            hub.turn.refused_elsewhere(elsewhere.refused)
        for record in elsewhere.records:
            self._record(record)
            if hub.turn.is_changing:
                self._overtaken.add((record.kind, record.key))
        for appended in elsewhere.appended:
            if appended.key.startswith("#") and appended.key not in hub.rooms:
                hub.rooms.elsewhere(appended.key, appended.name, appended.entries[0].seq - 1)
        for claim in elsewhere.claims:
            self._claimed(claim)
        self._remembered(elsewhere)
        for record in elsewhere.records:
            hub.locked.stored(record, hub.people, hub.rooms)
        for key, head in elsewhere.heads.items():
            if (log := hub.log_of(key)) is not None and head > log.head:
                self._pass_over(log, head)
        self._fence.told(elsewhere.appended)
        by_log = self._read_here(elsewhere.appended)
        for log, entries in by_log.items():
            if entries[0].seq > log.head + 1:
                self._pass_over(log, entries[0].seq - 1)
        taken_back = [(log, targets) for key, targets in elsewhere.redactions if (log := hub.log_of(key)) is not None]
        hub.turn.told(by_log, taken_back)
        if hub.log in by_log:
            hub.all_hear()
        people = hub.people
        for log, entries in by_log.items():
            for _, at, fact, _ in entries:
                if type(fact) is not Message and not isinstance(fact, Said):
                    continue
                if isinstance(fact, Private):  # of which others know nothing
                    if log.key == "@" + fact.to_person and fact.to_person in people:
                        hub.wrote(fact, people[fact.to_person])
                elif (author := people.get(fact.author.person)) is not None:
                    author.spoke_at = at  # their record says so when something else of theirs is stored
            room = hub.rooms.get(log.key)
            if hub.settings.guards_newcomers or (room is not None and room.measured):
                self._spoke(log, entries)
        for record in elsewhere.records:
            if record.kind == RECORDS and record.value is not None:
                self._enforce(record, elsewhere)
            elif record.kind == PRIVACY and hub.rooms.is_private(record.key):
                self._keep_private(record.key)
        hub.rooms.trim()

    def _spoke(self, log: Log, entries: Iterable[Entry]) -> None:
        """Who said something there says the next thing here not before they might there."""
        for _, _, fact, id in entries:
            if isinstance(fact, Said | TopicSet) and (person := self._person(fact.author.person)) is not None:
                self._hub.newcomers.heard(person, id)
                self._hub.slow_mode.heard(log.key, person.id, id)

    def _anew(self, kept: Kept) -> None:
        """What happened for long is not known: this is what there is by now."""
        hub, me = self._hub, self._store.node
        logger.warn("What other servers did for long was not heard here: all that is held was read anew")
        known = dict(self._stored), set(self._sessions), set(self._records)
        for elsewhere in events(hub, kept, me, *known):
            self._told(elsewhere)
        for person in hub.people.values():
            held_here = person.presence is Presence.DOWN and person.detached and not person.detached[-1].node
            if held_here and person.id not in hub.down:
                self._holders[person.id] = me
                hub.hold(person)

    def _enforce(self, record: Record, elsewhere: Elsewhere) -> None:
        """Whoever came in here while they were banned there goes again; not who was put out there, too."""
        hub, taken = self._hub, read(record.key, record.value or "")
        person = None if taken is None or taken.kind != "ban" else self._person(taken.whom)
        if taken is None or person is None or not person.attached:
            return
        measure = hub.measures.of("ban", person, taken.where)
        if measure is None or any(
            isinstance(entry.fact, Left) and entry.fact.author is not None and entry.fact.author.person == person.id
            for appended in elsewhere.appended
            for entry in appended.entries
        ):
            return
        if taken.where == SERVER:
            hub.send_away(person, hub.measures.refusal(measure))
        elif (room := person.rooms.get(taken.where)) is not None:
            hub.put_out(person, room, "ban")
            hub.belongs_no_more(person, taken.where)

    def _keep_private(self, key: str) -> None:
        """Whoever came into this room here while it became private there does not belong to it."""
        hub, room = self._hub, self._hub.rooms.get(key)
        for member in [*(() if room is None else room.members)]:
            person, stored = hub.people[member], self._stored.get(member)
            came = person.attached and (stored is None or key not in stored.rooms)
            if room is not None and came and key not in person.admitted:
                hub.put_out(person, room, "kick")
                hub.turn.append(person.log, Measured(None, "kick", person.nick, room.log.name, None, ""))

    def _read_here(self, appended: Sequence[Appended]) -> dict[Log, list[Entry]]:
        by_log: dict[Log, list[Entry]] = {}
        for key, _, _, entries in appended:
            log = self._hub.log_of(key)
            if log is None and (coming := self._coming.get(key[1:])) is not None and key.startswith("@"):
                log = coming.log  # somebody has found them by their nickname already
            # Of a log that was just looked up some may be known.
            if log is not None and (new := [entry for entry in entries if entry.seq > log.head]):
                by_log[log] = new
        return by_log

    def _pass_over(self, log: Log, head: int) -> None:
        """What was said up to there, where nothing is recorded, did not come here: whoever reads it has missed it."""
        readers = [
            session
            for person in self._hub.people.values()
            for session in person.attached
            if isinstance(session, Session) and session.may_read(log)
        ]
        for session in readers:
            session.subscriptions.fall_behind()
        log.pass_over(head)
        for session in readers:
            session.subscriptions.catch_up()

    def _record(self, record: Record) -> None:
        self._note_record(record)
        if record.kind == FORGOTTEN:
            forgotten(self._hub, record.key)
        for host, guessed_at in guessed(record):
            self._guessed(host, guessed_at)
        self._hub.addresses.stored(record)
        self._hub.invitations.stored(record)
        if (ended := self._hub.keys.stored(record)) is not None:
            self._hub.key_ended(ended)
        if record.kind == RECORDS:
            self._hub.measures.stored(record)
        self._hub.rooms.told(record)
        self._read_markers_moved(record)
        self._hub.roster.stored(record)
        self._other_record(record)

    def _guessed(self, host: str, guessed_at: str) -> None:
        """A code, or somebody's password, was guessed at there."""
        if not guessed_at:
            self._hub.guesses.count(host)
        elif (person := self._person(guessed_at)) is not None:
            self._hub.logins.count(person, host)

    def _read_markers_moved(self, record: Record) -> None:
        """Somebody's other devices are told how far they have read."""
        if (moved := self._hub.read_markers.stored(record)) is None:
            return
        person, place, at = moved
        for device in () if (whose := self._person(person)) is None else whose.attached:
            if device.keeps_list:
                device.notice(f"marker {place}", MarkerNotice(place, at))

    def _note_record(self, record: Record) -> None:
        if record.value is None:
            self._records.discard((record.kind, record.key))
        elif record.kind != MARKER:  # they are many, and one too many does no harm
            self._records.add((record.kind, record.key))

    # People.

    def _person(self, id: str) -> Person | None:
        return self._hub.people.get(id) or self._hub.absent.get(id)

    def _claimed(self, claim: Claim) -> None:
        person = self._person(claim.person) or self._coming.get(claim.person)
        if person is None and claim.nick is not None:
            person = self._coming[claim.person] = self._hub.stranger(claim.person)
            person.nick = claim.nick
        if person is not None:
            self._hub.naming.claimed(claim.nick, person)
        if claim.nick is None:
            self._coming.pop(claim.person, None)

    def _remembered(self, elsewhere: Elsewhere) -> None:
        """People first: a session may act by a token of theirs."""
        changed: dict[Person, None] = {}
        for id, record in elsewhere.remembered.people.items():
            if record is None:
                self._gone(id, elsewhere)
            else:
                changed[self._stored_of(id, record)] = None
        for digest, session in self._one_by_one(elsewhere.remembered.sessions):
            if (person := self._session(digest, session, elsewhere)) is not None:
                changed[person] = None
        for person in changed:
            self._see_to(person)

    def _stored_of(self, id: str, theirs: PersonRecord) -> Person:
        """What the store has of somebody, put together with what was done here and is not stored yet."""
        person, before, now = self._person(id), self._stored.get(id), theirs
        if person is None and (gone := self._gone_for_good(id)) is not None:
            self._stored[id] = theirs
            return gone  # which is to be stored
        is_new = person is None
        person = person or self._coming.pop(id, None) or self._hub.stranger(id)
        self._stored[person.id] = theirs
        if is_new:
            person.stored = True
        elif before is not None:
            self._fence.told_of(person, before, theirs)
            here: People = {}
            person.remember(here, {})
            if (ours := here[id]) is not None:
                now = merged(before, ours, theirs)
                now = now._replace(nick=self._hub.naming.called(person) or now.nick)
        self._become(person, now)
        return person

    def _gone_for_good(self, id: str) -> Person | None:
        """Somebody of whom nothing is kept here any more, while the store has them still."""
        return next((person for person, _ in self._hub.gone.values() if person.id == id), None)

    def _become(self, person: Person, record: PersonRecord) -> None:
        """Somebody is so from now on."""
        hub = self._hub
        person.entered_at, person.spoke_at = record.entered_at, record.spoke_at
        person.last_from, person.senders = record.last_from, tuple(record.senders)
        person.admitted, person.read = record.admitted, record.read
        if person.ignored != record.ignored:
            _tell_ignored(person, record.ignored)
        self._tokens(person, {fold(token.name): token for token in record.tokens})
        had_account, password, person.password = person.has_account, person.password, record.password
        hub.roles.stored(person, record.roles)
        if SERVER in person.roles and hub.operator_code is not None:
            code, hub.operator_code = hub.operator_code, None
            code.used()
        before = person.nick
        if before != record.nick:
            person.called(record.nick)
            if person.id in hub.people and fold(before) != fold(record.nick):
                hub.watchers.tell(before, False)
                hub.watchers.tell(record.nick, True)
        if record.absent:
            self._leave(person)
        else:
            self._enter(person)
        self._not_any_more(person, had_account and password != record.password)
        self._rooms(person, record.rooms)
        if person.away != record.away:
            person.away = record.away
            hub.show(person, "away", OthersAway(person.nick, person.away))
            for device in person.attached:
                device.notice("away", AwayNotice(person.away))
        is_new_name, person.user, person.realname = person.realname != record.realname, record.user, record.realname
        if is_new_name:
            for device in person.attached:
                device.called()
            hub.show(person, "name", OthersName(person.nick, person.realname))
        if had_account != person.has_account or (person.has_account and before not in ("", person.nick)):
            hub.show_account(person)

    def _not_any_more(self, person: Person, changed: bool) -> None:
        """Who logged in here by what ended there at the same moment is out, too: that node did not know them."""
        for device in person.attached:
            scope = device.scope
            ended = changed if scope is None else fold(scope.token) not in person.tokens
            if ended and device.digest not in self._sessions:
                device.send_away(session_ended() if scope is None else token_ended(scope.token))
                self._hub.end(device, "")

    def _enter(self, person: Person) -> None:
        hub = self._hub
        if person.id in hub.people:
            return
        hub.absent.pop(person.id, None)
        hub.people[person.id] = person
        hub.most_people = max(hub.most_people, len(hub.people))
        hub.newcomers.watch(person)
        person.presence = Presence.HERE
        hub.watchers.tell(person.nick, True)

    def _leave(self, person: Person) -> None:
        hub = self._hub
        if person.id in hub.people:
            del hub.people[person.id]
            self._departed(person)
        hub.end_grace(person)
        self._holders.pop(person.id, None)
        hub.absent[person.id] = person
        person.presence = Presence.ABSENT
        for device in person.attached:
            assert isinstance(device, Session)
            self._stood[device] = device.subscriptions.positions()
            device.hear_nothing()
        for session in person.detached:
            hub.keep(session)

    def _departed(self, person: Person) -> None:
        hub = self._hub
        for room in person.rooms.values():
            room.take_out(person)
        hub.watchers.tell(person.nick, False)
        hub.departed.append(Departed(person.id, person.nick, person.user, person.realname, hub.now()))

    async def _come_again(self, person: Person) -> None:
        """Another node had them leave while they came back here: they come in again."""
        hub = self._hub
        try:
            if (measure := hub.measures.of("ban", person, SERVER)) is not None:
                hub.send_away(person, hub.measures.refusal(measure))
                return
            await hub.naming.win_back(person)
            if person.presence is not Presence.ABSENT or not person.attached:
                hub.naming.lose(person)
                return
            hub.happened(person, Event.ATTACHED)
            for device in person.attached:
                stood = self._stood.get(device, {})
                for log in person.logs.values():
                    device.hear(log, stood.get(log.key, device.given(log)))
        except ChatError:  # the store is away, or nobody can be called so: whoever comes back by the code can
            for device in person.attached:
                device.send_away(taken_over())
        finally:
            self._coming_again.discard(person)
            for device in person.sessions:
                self._stood.pop(device, None)

    def _gone(self, id: str, elsewhere: Elsewhere) -> None:
        """Nobody comes back as this person."""
        hub, person = self._hub, self._person(id)
        self._stored.pop(id, None)
        self._holders.pop(id, None)
        if person is None:
            return
        if person.id in hub.people:
            del hub.people[person.id]
            self._departed(person)
        else:
            del hub.absent[person.id]
        hub.end_grace(person)
        person.presence = Presence.LEFT
        for session in person.sessions:
            self._end(session, elsewhere)
        hub.roles.stored(person, {})
        hub.measures.watch(person, False)
        person.rooms = NOTHING
        person.log.forget()

    def _tokens(self, person: Person, tokens: Mapping[str, Token]) -> None:
        tokens_of = self._hub.tokens
        tokens_of.end(person, [name for name in person.tokens if name not in tokens])
        for token in tokens.values():
            tokens_of.keep(person, token)

    def _rooms(self, person: Person, places: Mapping[str, int]) -> None:
        """They are in these rooms, which were told, or will be."""
        hub = self._hub
        gone = [room for key, room in person.rooms.items() if key not in places]
        came = [key for key in places if key not in person.rooms]
        person.rooms = self._together(tuple(places))
        person.joined = places
        for room in gone:
            room.take_out(person)
            for session in person.sessions:
                session.hear_no_more(room.log)
        if person.id in hub.people:
            for room in person.rooms.values():
                if person.id not in room.members:
                    room.put_in(person)
        for key in came:
            room = person.rooms[key]
            for device in person.attached:
                device.hear(room.log, room.log.head)
            tell_others(person.attached, room, room.log.head)
            for device in (*person.attached, *person.detached):
                if hub.locked.waits_on(device, key) and not device.node:
                    hub.turn.at_end(partial(self._let_in, device, room))

    def _let_in(self, device: Device, room: Room) -> None:
        """Somebody on another node let them in who waited here at the door of a room."""
        assert isinstance(device, Session)
        if room.log.key not in device.rooms:
            return
        device.speak_in(room)
        if device.connection is not None:
            device.connection.come_in(room).addErrback(_failed, "tell somebody of a room")

    def _together(self, keys: tuple[str, ...]) -> Mapping[str, Room]:
        """These rooms, as all have them who are in the same ones."""
        rooms = self._hub.rooms
        found = self._rooms_of_many.get(keys)
        if found is None or any(rooms.get(key) is not room for key, room in found.items()):
            found = {key: rooms.get(key) or rooms.elsewhere(key, key, 0) for key in keys}
            if len(self._rooms_of_many) >= limits.ROOMS:
                self._rooms_of_many.clear()
            self._rooms_of_many[keys] = found
        return found

    def _see_to(self, person: Person) -> None:
        """Where nobody of theirs has a connection any more, their line is down; where somebody has, it is not."""
        hub = self._hub
        for device in person.attached:  # whether they have others there makes a difference for what they want to hear
            device.hear_differently()
        if person.presence is Presence.DOWN and person.connected:
            hub.end_grace(person)
            self._holders.pop(person.id, None)
            person.presence = Presence.HERE
        elif person.presence is Presence.HERE and not person.connected:
            person.presence = Presence.DOWN
            since = [device.down_since for device in person.detached]
            person.down_since = max(since) if since else hub.clock.seconds()
        elif person.presence is Presence.ABSENT and person.attached:
            for session in self._taking_back & {*person.attached}:
                self._taking_back.discard(session)
                session.drop()
            if person.attached and person not in self._coming_again:
                self._coming_again.add(person)
                Deferred.fromCoroutine(self._come_again(person)).addErrback(_failed, "let somebody come in again")

    # Sessions.

    def _one_by_one(self, sessions: Mapping[str, SessionRecord | None]) -> Iterator[tuple[str, SessionRecord | None]]:
        """Where somebody else comes by a code from now on, first that the session of before is over."""
        for digest, record in sessions.items():
            whose = self._sessions.get(digest, "")
            if record is not None and whose not in ("", record.person):
                yield digest, None
            yield digest, record

    def _session(self, digest: str, record: SessionRecord | None, elsewhere: Elsewhere) -> Person | None:
        """Another node has stored this of a session; returns whose it is."""
        hub, session = self._hub, self._hub.codes.get(digest)
        whose = self._sessions.get(digest, "") if record is None else record.person
        if session is not None and session.person.id != whose != "":
            # Two came by it at the same moment on two nodes: it is theirs who were stored first.
            session.send_away(taken_over())
            hub.end(session, "")
            session = None
        ended = self._note(digest, record)
        over = hub.ended.get(digest)
        if record is not None and (digest in hub.taken_over or (over is not None and over.id == record.person)):
            return None  # what became of it here is stored later: who had it before knew nothing of that
        person = self._person(whose) if session is None else session.person
        if person is None and digest in hub.gone and record is not None:
            person, _ = hub.gone[digest]
        if person is None:
            return None
        if ended:  # that node has them from now on, if it was the last
            hub.release(person)
            self._holders[person.id] = elsewhere.node
        if record is None:
            if session is not None:
                self._end(session, elsewhere)
            return person
        is_new = session is None
        if person.presence is Presence.LEFT:  # they came back elsewhere before they went here
            self._be_as_stored(person)
        if session is None:
            hub.gone.pop(digest, None)
            # Of what stands in the memory for everybody each is there once.
            id = person.id if record.id == person.id else record.id
            session = hub.codes[digest] = Session(hub, None, person, id)
            session.digest = digest
        assert isinstance(session, Session)
        if self._is_over(person, record, is_new):
            hub.end(session, "")
            return person
        if session.connection is not None:
            session.send_away(taken_over())
        self._fence.lost(digest, session.id)
        self._taking_back.discard(session)
        session.node = elsewhere.node
        hub.detached.drop(session)
        connected = record.ended_at is None
        # The date there may be another one: if it was set just now, either node hears of that a moment later.
        since = session.down_since if session in person.detached else hub.clock.seconds()
        restore_session(session, digest, record, NOTHING if connected else record.given)
        session.down_since = since
        if connected:
            session.unread = True
            person.attach_elsewhere(session)
        else:
            person.detach(session)
        if over is not None:
            hub.end(session, "")
        elif is_new and not person.has_account:
            self._one_of_guest(session)
        elif is_new and record.token is None:
            hub.logins.came(person, record.host)
        return person

    def _one_of_guest(self, session: Session) -> None:
        """A guest has one session: where they came in on two nodes at the same moment it is the one stored last."""
        others = [other for other in session.person.sessions if other is not session]
        is_last = all(other.digest in self._sessions for other in others)
        for over in others if is_last else [session]:
            over.send_away(taken_over())
            self._hub.end(over, "")

    def _is_over(self, person: Person, record: SessionRecord, is_new: bool) -> bool:
        """Whether that by which they logged in there has ended: the token, or the password, which changed here at the
        same moment."""
        if record.token is not None:
            return fold(record.token) not in person.tokens
        stored = self._stored.get(person.id)
        return is_new and stored is not None and stored.password is not None and stored.password != person.password

    def _note(self, digest: str, record: SessionRecord | None) -> bool:
        """The store has this of a session; returns whether it has a connection no more, and had one before."""
        connected = digest not in self._unconnected
        self._unconnected.discard(digest)
        if record is None:
            self._sessions.pop(digest, None)
        else:
            whose = self._person(record.person)
            self._sessions[digest] = record.person if whose is None else whose.id
            if record.ended_at is not None:
                self._unconnected.add(digest)
        return connected and (record is None or record.ended_at is not None)

    def _end(self, session: Device, elsewhere: Elsewhere) -> None:
        hub, person = self._hub, session.person
        hub.detached.drop(session)
        hub.codes.pop(session.digest, None)
        hub.taken_over.discard(session.digest)
        self._stood.pop(session, None)
        attached = session in person.attached
        person.end(session)
        if attached:
            measure = hub.measures.of("ban", person, SERVER)
            session.send_away(_why(session, elsewhere) if measure is None else hub.measures.refusal(measure))

    def _adopted(self, elsewhere: Elsewhere) -> None:
        """Another node is not there any more, or this one was not for the others: its sessions have no connection.

        What still has one here is taken back, if nobody has let them leave meanwhile.
        """
        hub, store = self._hub, self._store
        mine, lost = elsewhere.node == store.node, elsewhere.adopted == store.node
        changed: dict[Person, None] = {}
        for digest, ended_at in elsewhere.ended.items():
            session = hub.codes.get(digest) or self._not_gone(digest, ended_at)
            connected = digest in self._sessions and digest not in self._unconnected
            self._sessions.setdefault(digest, "")
            self._unconnected.add(digest)
            if session is None:
                continue
            assert isinstance(session, Session)
            person = session.person
            changed[person] = None
            if connected or self._holders.get(person.id) == elsewhere.adopted:
                self._holders[person.id] = elsewhere.node
                hub.release(person)
            if lost and session in person.attached:
                self._taking_back.add(session)
                hub.turn.touch(session)
            elif lost:
                self._fence.lost(digest, session.id, TakenForGone())
            if session in person.attached or digest in hub.taken_over:  # that is stored later
                continue
            self._taking_back.discard(session)
            session.node = "" if mine else elsewhere.node
            hub.detached.drop(session)
            if session in person.elsewhere:
                session.down_since = hub.clock.seconds()
                person.detach(session)
        for claim in elsewhere.claims:
            self._claimed(claim)
        if lost:
            self._undo(changed)
            hub.turn.refine(partial(still, here=cache(self._nicks_in)))
            for claim in elsewhere.claims:
                person_here = hub.people.get(claim.person)
                if person_here is not None and person_here.nick != claim.nick:
                    # They came in here just then, or took another nickname, before this node knew.
                    Deferred.fromCoroutine(self._name_again(person_here)).addErrback(_failed, "give somebody a name")
        if mine and (progress := hub.progress) is not None:
            progress.learn_all(elsewhere.ended)
        for person in changed:
            self._see_to(person)
            if not mine:
                continue
            if person.presence is Presence.DOWN and self._holders.get(person.id) == store.node:
                hub.hold(person)
            elif person.presence is not Presence.DOWN:
                for session in person.detached:
                    hub.keep(session)

    def _nicks_in(self, key: str) -> Collection[str]:
        """The nicknames of those who are in the room of this key."""
        room = self._hub.rooms.get(key)
        return () if room is None else set(room.users)

    def _not_gone(self, digest: str, ended_at: datetime) -> Session | None:
        """Whoever went for good here while another node had them already was cut off: that node lets them leave."""
        hub = self._hub
        hub.ended.pop(digest, None)
        if (gone := hub.gone.pop(digest, None)) is None:
            return None
        person, record = gone
        if person.presence not in (Presence.ABSENT, Presence.LEFT):  # this one was ended, and another one is there
            return None
        if record.token is not None and fold(record.token) not in person.tokens:
            return None
        session = hub.codes[digest] = Session(hub, None, person, record.id)
        restore_session(session, digest, record._replace(ended_at=record.ended_at or ended_at), record.given)
        person.detach(session)
        return session

    def _not_moved(self, person: Person, key: str) -> None:
        """Somebody did not come to this room, or go, or ("") go from all: they were on another node already."""
        if (stored := self._stored.get(person.id)) is None:
            return
        if not key:
            self._undo((person,))
            return
        places = {place: joined for place, joined in person.joined.items() if place != key and place in person.rooms}
        if key in stored.rooms:
            places[key] = stored.rooms[key]
            person.read = {**person.read, key: stored.read.get(key, 0)}
        self._rooms(person, places)

    def _undo(self, people: Iterable[Person]) -> None:
        """What was refused meanwhile of people who are another node's now has not happened; all else is stored."""
        for person in people:
            if person.id in self._stored and not person.attached:
                self._be_as_stored(person)
        self._hub.turn.flush()

    def _be_as_stored(self, person: Person) -> None:
        stored = self._stored[person.id]
        is_here_again = person.presence in (Presence.ABSENT, Presence.LEFT) and not stored.absent
        if is_here_again:
            self._hub.naming.claimed(stored.nick, person)
        self._become(person, stored)
        if is_here_again:
            self._keep_name(person)
            self._hub.turn.at_end(partial(self._keep_name, person))  # the one under way will be refused

    def _keep_name(self, person: Person) -> None:
        if person.id in self._hub.people:
            self._hub.turn.keep_name(person.id)

    async def _name_again(self, person: Person) -> None:
        hub = self._hub
        try:
            nick = await hub.naming.win_near(person)
        except ChatError:
            hub.send_away(person, taken_over())
            return
        if person.id not in hub.people:
            hub.naming.lose(person)
        elif nick == person.nick:
            hub.naming.claim(nick, person)
        else:
            hub.rename(person, nick)

    # What was stored here.

    def _landed(self, remembered: Remembered, records: Sequence[Record], numbered: Numbered) -> None:
        """This node's own batch has its place."""
        hub = self._hub
        for stored in records:
            self._note_record(stored)
        if self._overtaken:
            self._hold(records)
        for stored in records:
            if stored.kind == PRIVACY and hub.rooms.is_private(stored.key):
                self._admit(stored.key)
        for id, record in remembered.people.items():
            if id in numbered.outdated:
                continue
            if record is not None:
                self._stored[id] = record
                self._one_owner(id, record)
            elif self._stored.pop(id, None) is not None and (person := self._person(id)) is not None:
                # Another node had stored something of them just before they went.
                for device in person.sessions:
                    hub.turn.touch(device)
                self._gone(id, Elsewhere((), ()))
        for digest, session in self._one_by_one(remembered.sessions):
            if digest in numbered.outdated:
                continue
            hub.taken_over.discard(digest)
            hub.ended.pop(digest, None)
            if session is None:
                hub.gone.pop(digest, None)
            if (kept := hub.codes.get(digest)) in self._taking_back:
                self._taking_back.discard(kept)
            whose = session.person if session is not None else self._sessions.get(digest, "")
            if not self._note(digest, session) or (person := hub.people.get(whose)) is None:
                continue
            self._holders[person.id] = self._store.node
            if person.connected:
                continue
            if person.presence is Presence.HERE:
                hub.happened(person, Event.CUT)
            elif person.presence is Presence.DOWN and person.id not in hub.down:
                hub.hold(person)

    def _admit(self, key: str) -> None:
        """Whoever came into this room elsewhere before it became private here belongs to it, too."""
        room = self._hub.rooms.get(key)
        for member in () if room is None else room.members:
            person = self._hub.people[member]
            if room is not None and key not in person.admitted:
                person.admit(key, room.privacy.opened, came=True)
                self._hub.turn.touch(person)

    def _hold(self, records: Iterable[Record]) -> None:
        """These were stored after what another node made of them, and before what has gathered here."""
        changed = self._hub.turn.changed
        for record in records:
            if (place := (record.kind, record.key)) in self._overtaken and place not in changed:
                self._record(record)
                self._hub.locked.stored(record, self._hub.people, self._hub.rooms)
        self._overtaken.intersection_update(changed)

    def _one_owner(self, id: str, record: PersonRecord) -> None:
        """Where two nodes gave a room an owner at the same moment it is who was stored first."""
        roles, person = self._hub.roles, self._person(id)
        for key, role in record.roles.items():
            if person is None or role != "owner" or person.roles.get(key) != "owner":
                continue
            if any(other is not person and other.roles[key] == "owner" for other in roles.holders(key)):
                roles.give(person, key, None)


def _why(session: Device, elsewhere: Elsewhere) -> Refused:
    """What they hear whose session another node has ended."""
    person, scope = session.person, session.scope
    for key, _, _, entries in elsewhere.appended:
        for _, _, fact, _ in entries if key == person.log.key else ():
            if isinstance(fact, Measured) and fact.what == "kick" and fact.room == SERVER:
                return kicked(fact.why)
    if (told := why_ended(person.id, elsewhere.records)) is not None:
        return told
    if scope is not None and fold(scope.token) not in person.tokens:
        return token_ended(scope.token)
    return session_ended() if person.has_account else taken_over()


def _tell_ignored(person: Person, ignored: Mapping[str, str]) -> None:
    """On another node they said that they want to hear these people no more."""
    before, person.ignored = person.ignored, ignored
    for device in person.attached:
        device.hear_differently()
        for id in sorted(before.keys() ^ ignored.keys()):
            device.notice(f"ignores {id}", IgnoreNotice((ignored.get(id) or before[id]), id in ignored))


def _failed(failure: Failure, what: str) -> None:
    logger.failure("This node could not {what}", failure, what=what)
