"""Being told that one is in the chat, where, and the code by which one comes back."""

from collections.abc import Mapping, Sequence

from chat.base import resume_codes
from chat.commands.history import standings
from chat.commands.registry import carrier
from chat.core.locked_rooms import still_waits
from chat.core.room_state import state
from chat.core.session import Session
from chat.wire.answers import History, Problem, Standing, Welcome


def new_code(session: Session) -> str:
    """What a person types is short."""
    return resume_codes.for_people() if carrier(session).wire.people else resume_codes.for_programs()


def rooms_of(session: Session) -> Sequence[str]:
    """Where they are, who may be somebody else soon."""
    return tuple(room.log.name for room in session.rooms.values()) if session.named else ()


async def tell_welcome(
    session: Session, back: bool, id: str | None, history: History | None = None, left: Sequence[str] = ()
) -> bool:
    """Tell them that they are in the chat, who `left` these rooms as somebody else; returns whether they still are
    there."""
    connection, person = session.connection, session.person
    found = await standings(session, session.logs.values())
    # Their code, and how far they have read, is durable before they are told it; where the store is broken they come in
    # all the same.
    session.hub.turn.touch(person)
    await session.hub.turn.flush()
    if session.connection is not connection or session.person is not person:
        return False
    session.welcomed = True
    session.answer(welcome(session, found, back, id, history)._replace(left=left))
    if back and (waits := session.hub.locked.waits(person)):
        refused = still_waits(waits[-1].room.log.name)
        session.answer(Problem(refused.code, refused.sentence))
    session.hub.locked.show(person)
    return True


def welcome(
    session: Session, found: Mapping[str, Standing], back: bool, id: str | None, history: History | None = None
) -> Welcome:
    """That they are in the chat, and where."""
    current = session.current.log.name
    # A room that another device joined meanwhile has nothing that is not read.
    rooms = [state(session, room, found.get(key, Standing())) for key, room in session.rooms.items()]
    private = found.get(session.person.log.key)
    person = session.person
    code, account = session.code or "", person.has_account
    return Welcome(person.nick, current, rooms, code, history, back, id, private, account=account)
