"""What a program may that has a token: say something as somebody, or come in as them, where the token is for that."""

from chat.base import names
from chat.base.errors import Refused
from chat.base.language import say
from chat.core.carrier import Carrier
from chat.core.person import Person, Scope
from chat.core.ports import Token
from chat.core.session import Session


def by_token(connection: Carrier[Session], nick: str, given: str) -> tuple[Person, Token]:
    """Whose token this is; raises `Refused` where it is not of this nickname, or others may have read it on its way."""
    if not connection.private:
        raise Refused("needs-tls", say("From another network a token is taken on an encrypted connection only."))
    return connection.session.hub.tokens.find(nick, given)


def used(session: Session, person: Person, token: Token) -> None:
    """It was good for something."""
    session.hub.tokens.keep(person, token._replace(used_at=session.hub.now()))
    session.hub.turn.touch(person)


def scope_of(session: Session, token: Token) -> Scope:
    """What whoever comes in by it may; raises `Refused` where it is not for that."""
    if not token.talks:
        raise Refused("not-allowed", say("The token {name} is for /post alone.", name=token.name))
    return session.hub.scope(token)


def check_room(session: Session, token: Token, room: str) -> None:
    """Raises `Refused` where it is not for this room."""
    rooms = session.hub.scope(token).rooms
    if rooms is not None and session.hub.rooms.key_of(room) not in rooms:
        raise not_for(token)


def check_place(session: Session, room: str | None) -> None:
    """Raises `Refused` where who came in by a token may not be in this room, or (None) not speak in private."""
    scope = session.scope
    if scope is None or scope.rooms is None:
        return
    token = session.person.tokens[names.fold(scope.token)]
    if room is None:
        raise not_for(token)
    check_room(session, token, room)


def not_for(token: Token) -> Refused:
    """What those hear who want to be where their token does not lead."""
    return Refused("not-allowed", say("The token {name} is for {rooms}.", name=token.name, rooms=tuple(token.rooms)))
