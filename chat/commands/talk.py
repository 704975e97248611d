"""What people say: to a room, to one person, in several lines, or as one line without staying."""

from collections.abc import Awaitable, Sequence

from chat.base import limits
from chat.base.errors import ChatError, Refused
from chat.base.language import say
from chat.base.named_tuples import NamedTuple
from chat.base.patterns import pattern
from chat.base.text import is_empty
from chat.commands import scope, server_password, text_checks
from chat.commands.registry import ANSWERED, Call, Outcome, accounts_only, asks, carrier, command, room_of
from chat.core.person import Person
from chat.core.posting import not_said
from chat.core.presence import Presence
from chat.core.rooms import LOBBY
from chat.core.session import Session
from chat.log.events import Action, Annotated, Author, Message, Private
from chat.wire import phrases, replies
from chat.wire.answers import Problem, Reply, Stored
from chat.wire.requests import Request, Say


def say_lines(session: Session, name: str | None, lines: Sequence[object]) -> int:
    """Say those of these lines, from the first on, that `say_line` would as they stand, in the room of this name or the
    current one; returns how many these were.

    Not where a draft or a proposed nickname waits for them.
    """
    if not lines:
        return 0
    room = session.current if name is None else session.rooms.get(session.hub.rooms.key_of(name))
    if room is None or session.person.measured or room.measured or not session.may_read(room.log):
        return 0
    texts = text_checks.unremarkable(session, lines)
    if texts:
        author = session.author
        session.say(room, [Message(author, text) for text in texts])
    return len(texts)


def say_line(session: Session, said: Say) -> Awaitable[Outcome] | Outcome:
    """Say a text to a room, or as a program may name it, to somebody (`@nick`); blanks alone say nothing.

    Raises `Refused` where it is too long or they are not there.
    """
    text, request = said
    if is_empty(text) and request.id is None:
        return None  # nor is there anything to tell
    if request.room is not None and request.room.startswith("@"):
        return _private(session, request, session.hub.find(request.room[1:]), text)
    message = _message(session, text, request)
    session.say(room_of(session, request.room), [message], request)
    return ANSWERED


def _author(session: Session, request: Request) -> Author:
    """Who says it: they themselves, or, as a bot may have it shown, somebody of another network; raises `Refused`
    where that may not be."""
    author = session.author
    if request.shown is None:
        return author
    if not author.bot:
        sentence = say("Only a program that came in by a token speaks for others; see /token.")
        raise Refused("not-allowed", sentence)
    name, mark, network = request.shown.partition("/")
    if not (mark and _NETWORK.fullmatch(network)) or network == POSTED:
        raise Refused("nick-bad", say("Somebody of another network is shown as  amy/matrix"))
    nick = session.hub.naming.check(name, session.person)
    return Author(author.person, author.session, author.nick, True, f"{nick}/{network}")


_NETWORK = pattern("[a-z][a-z0-9]{0,11}")
POSTED = "post"
"""What stands there where somebody said something from outside."""


def _message(session: Session, text: str, request: Request) -> Message:
    author, said = _author(session, request), text_checks.message(text)
    if request.notice or request.tags or request.breaks:
        breaks = request.breaks if said == text else ()
        return Annotated(author, said, request.notice, request.tags, breaks)
    return Message(author, said)


class Msg(NamedTuple):
    """Say something to one person, or to a room."""

    to: str
    text: str


@command("talk", say("/msg NICK|#room text"), say("say something to one person, or to another room"))
def msg(call: Call, asked: Msg) -> Awaitable[Outcome] | Outcome:
    """To a room it is talk; to a person it is private."""
    if asked.to.startswith("#"):
        session = call.session
        message = Message(session.author, text_checks.message(asked.text))
        session.say(room_of(session, asked.to), [message], call.request)
        return ANSWERED
    return _private(call.session, call.request, call.session.hub.find(asked.to), asked.text)


class ReplyTo(NamedTuple):
    """Answer privately."""

    text: str


@command("talk", say("/reply text"), say("answer whoever wrote to you last in private"))
def reply(call: Call, asked: ReplyTo) -> Awaitable[Outcome]:
    """To the person, whatever they are called by now."""
    last = call.session.person.last_from
    if last is None:
        raise Refused("gone", say("Nobody has written to you in private yet."))
    person = call.session.hub.reachable(last)
    if person is None:
        raise Refused("gone", say("Whoever wrote to you last is gone."))
    return _private(call.session, call.request, person, asked.text)


async def _private(session: Session, request: Request, person: Person, text: str) -> Outcome:
    hub = session.hub
    scope.check_place(session, None)
    session.check_may_write(person)
    said = text_checks.message(text)
    hub.newcomers.check_may_say(session.person, session.host, said, request.id)
    breaks = request.breaks if said == text else ()
    fact = Private(session.author, person.nick, person.id, said, request.notice, request.tags, breaks, hub.token())
    copy = None if person is session.person else person.log
    try:
        place, repeated = await hub.turn.write(session.person.log, fact, session.posting.line(request), copy)
    except ChatError as error:
        session.answer(not_said(error, fact.text, request.id))
        return ANSWERED
    session.answer(Stored(place, request.id, fact, None if repeated else _absence(session, request, person, fact.to)))
    if repeated:
        return ANSWERED
    hub.wrote(fact, person)
    if hub.reachable(person.id) is None:
        session.answer(Problem("not-delivered", say("{nick} has left.", nick=fact.to)))
    return ANSWERED


def _absence(session: Session, request: Request, person: Person, nick: str) -> Reply | None:
    """What whoever writes to them should know: that they are not here, their line is down, or they are away."""
    if person.presence is Presence.ABSENT:
        return Reply("msg", replies.Absent(nick, True), request.id)
    if person.down_since is not None:
        down = int(session.hub.clock.seconds() - person.down_since)
        return Reply("msg", replies.LineDown(nick, down), request.id)
    if person.away is not None:
        return Reply("msg", replies.IsAway(nick, person.away), request.id)
    return None


class Me(NamedTuple):
    """Do something."""

    text: str


@command("talk", say("/me text"), say("say what you do: /me waves"))
def me(call: Call, asked: Me) -> Outcome:
    """An action in the room."""
    action = Action(_author(call.session, call.request), text_checks.message(asked.text))
    call.session.say(call.room, [action], call.request)
    return ANSWERED


class Paste(NamedTuple):
    """Say several lines as one message."""


@command("talk", say("/paste"), say("say several lines as one message; /end says them, /cancel does not"))
def paste(call: Call, asked: Paste) -> None:
    """The following lines are gathered in a draft; a program sends a message of several lines as one."""
    if not asks(call.session):
        raise Refused("usage", say("Several lines are one message where newlines stand between them."))
    call.connection.draft = []
    call.reply(replies.DraftBegun())


class End(NamedTuple):
    """The draft is finished."""


@command("talk", say("/end"), say("say the lines since /paste"))
def end(call: Call, asked: End) -> Outcome:
    """One that is too long to be said is gone."""
    session, draft = call.session, call.connection.draft
    if draft is None:
        raise Refused("usage", say("There is no draft; /paste begins one."))
    call.connection.draft = None
    if is_empty(text := "\n".join(draft)):
        call.reply(replies.NothingSaid())
        return None
    session.say(call.room, [Message(session.author, text_checks.message(text, limits.PASTE_TEXT))], call.request)
    return ANSWERED


class Cancel(NamedTuple):
    """Stop what was begun."""


@command(
    "talk",
    say("/cancel"),
    say("drop your lines that wait to be said, or those since /paste"),
    nameless=True,
    outside=True,
)
def cancel(call: Call, asked: Cancel) -> None:
    """What waited was dropped when this line came; the draft is forgotten now, and no password is asked for."""
    connection = call.connection
    stopped = connection.draft is not None or connection.question is not None
    connection.draft = None
    connection.answered()
    dropped = connection.take_dropped()
    if dropped:
        call.reply(replies.Dropped(dropped))
    elif stopped:
        call.reply(replies.NothingSaid())
    else:
        raise Refused("usage", say("Nothing of yours waits to be said, and there is no draft."))
    if stopped and asks(call.session) and server_password.is_wanted(call.session):
        server_password.ask(call.session)


def add_to_draft(draft: list[str], line: str) -> None:
    """Take a line into the draft; a draft that is too long is kept, to be ended or cancelled."""
    if not _fits("\n".join([*draft, line])):
        raise Refused("too-long", phrases.DRAFT_FULL)
    draft.append(line)


def _fits(text: str) -> bool:
    return text.count("\n") < limits.PASTE_LINES and len(text.encode("utf-8", "replace")) <= limits.PASTE_TEXT


class Post(NamedTuple):
    """Say one line without joining."""

    nick: str
    room: str | None
    text: str


@command(
    "talk",
    say("/post NICK[:TOKEN] [#room] text"),
    say("as the first line: say one line as NICK, then hang up; a registered nickname needs a token"),
    nameless=True,
    outside=True,
)
async def post(call: Call, asked: Post) -> Outcome:
    """Whatever comes of it, the connection is closed."""
    session, hub = call.session, call.session.hub
    if session.named:
        raise Refused("usage", say("You are in the chat: just say it."))
    nick, mark, given = asked.nick.partition(":")
    person = None
    name = asked.room or call.request.room
    try:
        if mark:
            person, author, name = _by_token(call, nick, given, name)
        elif (person := _by_key(call, nick)) is not None:
            author, name = Author(person.id, session.id, person.nick, shown=_posted(person.nick)), name or LOBBY
        elif server_password.is_wanted(session):
            raise Refused(
                "password-needed", say("This chat has a password: give it on the line before, or post by a token.")
            )
        else:
            author, name = _from_outside(session, nick), name or LOBBY
        await hub.rooms.load(name)
        room = hub.rooms.find(name, () if person is None else person.rooms)
        hub.measures.check_may_come(person, room.log.key)
        if (person is None or room.log.key not in person.rooms) and hub.locked.keeps_out(person, room.log.key):
            raise Refused(
                "locked", say("{room} is locked: only who is in it says something there.", room=room.log.name)
            )
        hub.measures.check_may_talk(person, room.log.key)
        text = text_checks.message(asked.text)
        hub.newcomers.check_may_say(person, call.connection.host, text)
        hub.slow_mode.take_turn(room, person, call.connection.host, text)
        place, _ = await hub.turn.write(room.log, Message(author, text))
        posted = Reply("post", replies.Posted(), call.request.id)
        session.answer(Stored(place, call.request.id, None, posted))
    except ChatError as error:
        session.answer(Problem(error.code, error.sentence, call.request.id))
    session.hang_up()
    return ANSWERED


def _from_outside(session: Session, nick: str) -> Author:
    """A guest who does not come in; raises `Refused` where the nickname is somebody's."""
    hub = session.hub
    account = hub.account(nick)
    if account is not None:
        sentence = say("{nick} is registered: /post {nick}:TOKEN, with one that /token new told.", nick=account.nick)
        raise Refused("nick-taken", sentence)
    if accounts_only(session):
        raise Refused("not-allowed", say("Only who has an account says something here: /post NICK:TOKEN."))
    nick = hub.naming.check(nick)
    connection = carrier(session)
    hub.check_address(connection.host, connection.key)
    return Author(session.id, session.id, nick, shown=_posted(nick))


def _by_key(call: Call, nick: str) -> Person | None:
    """Whose account this nickname is, where they have proven a key of it; raises `Refused` for one that is closed."""
    hub, key = call.session.hub, call.connection.key
    person = None if key is None else hub.owner_of_key(key.fingerprint)
    if key is None or person is None or person is not hub.account(nick):
        return None
    hub.check_key(key)
    return person


def _by_token(call: Call, nick: str, given: str, room: str | None) -> tuple[Person, Author, str]:
    """Whose token this is, who says it, and where: where no room is named, in the first that it is for.

    Raises `Refused` where it is none of theirs, or is not for that room.
    """
    person, token = scope.by_token(call.connection, nick, given)
    room = room or next(iter(token.rooms), LOBBY)
    scope.check_room(call.session, token, room)
    scope.used(call.session, person, token)
    return person, Author(person.id, call.session.id, person.nick, True, _posted(person.nick)), room


def _posted(nick: str) -> str:
    """How somebody is shown who is not there to be answered."""
    return f"{nick}/{POSTED}"
