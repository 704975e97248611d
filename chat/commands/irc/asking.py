"""What clients ask about people and about the server."""

from collections.abc import Awaitable, Iterable, Iterator, Sequence
from datetime import UTC
from fnmatch import fnmatchcase
from itertools import islice
from typing import cast

from chat import __version__
from chat.base import limits, names
from chat.base.errors import Refused
from chat.base.language import Sentence, say
from chat.commands.help import manual
from chat.commands.irc.verbs import Asked, verb
from chat.commands.people import present
from chat.commands.registry import TABLE, known, permits
from chat.core.hub import SERVER
from chat.core.person import Person
from chat.core.room import Room
from chat.core.session import Session
from chat.wire import phrases, prose
from chat.wire.irc.dialect import IrcWire
from chat.wire.irc.format import HOST
from chat.wire.irc.messages import word

_WILD = ("*", "?")


def user_of(person: Person) -> tuple[str, str]:
    """What somebody said they are called on their own machine, and their real name; of who has no IRC client, their
    nickname."""
    for device in person.attached:
        connection = cast(Session, device).connection
        if connection is not None and isinstance(wire := connection.wire, IrcWire) and wire.user is not None:
            return wire.user, wire.realname
    return person.nick, person.nick


def _flags(person: Person, room: Room | None) -> str:
    """Whether they are here or gone, an operator of the server, and one of the room."""
    here = "H" if person.away is None else "G"
    return here + "*" * (SERVER in person.roles) + "@" * (room is not None and room.log.key in person.roles)


@verb("WHO")
def who(asked: Asked, mask: str = "*", *_: str) -> None:
    """Who is in a room that they are in, or whose nickname fits."""
    rows: list[Sequence[str]] = []
    room = asked.session.rooms.get(asked.hub.rooms.key_of(mask)) if mask.startswith("#") else None
    for person in _fitting(asked, mask, room):
        user, real = user_of(person)
        place = room.log.name if room is not None else "*"
        rows.append(("352", place, user, HOST, asked.wire.server, person.nick, _flags(person, room), f"0 {real}"))
    asked.tell_all([*rows, ("315", word(mask), asked.wire.words(say("End of the list of people")))])


def _fitting(asked: Asked, mask: str, room: Room | None) -> Iterator[Person]:
    people = asked.hub.people
    if mask.startswith("#"):
        found: Iterable[Person] = () if room is None else (people[id] for id in room.members)
    elif any(sign in mask for sign in _WILD):
        folded = names.fold(mask)
        found = (person for person in people.values() if fnmatchcase(names.fold(person.nick), folded))
    else:
        found = [asked.hub.find(mask)] if asked.hub.is_here(mask) else []
    return islice(iter(found), limits.USERS_LISTED)


@verb("WHOIS", 1)
def whois(asked: Asked, *params: str) -> None:
    """Somebody; addresses are nobody's business."""
    targets = asked.targets(params[-1])
    for target in targets:
        asked.wire.about(target)
        if any(sign in target for sign in _WILD):
            continue
        try:
            asked.tell_all([*_whois(asked, present(asked.hub, target))])
        except Refused as error:
            asked.tell("401", word(target), asked.wire.words(error.sentence))
    shown = ",".join(map(word, targets)) or "*"
    asked.tell("318", shown, asked.wire.words(say("End of what is known")))


def _whois(asked: Asked, person: Person) -> Iterator[Sequence[str]]:
    nick, (user, real), now = person.nick, user_of(person), asked.hub.now()
    yield "311", nick, user, HOST, "*", real
    row = ""
    for room in person.rooms.values():
        shown = "@" * (room.log.key in person.roles) + room.log.name
        if len(f"{row} {shown}".encode()) > limits.IRC_LINE - 250:
            yield "319", nick, row
            row = ""
        row = f"{row} {shown}".strip()
    if row:
        yield "319", nick, row
    yield "312", nick, asked.wire.server, asked.wire.words(say("chat {version}", version=__version__))
    if SERVER in person.roles:
        yield "313", nick, asked.wire.words(say("{nick} runs this server.", nick=nick))
    if person.away is not None:
        yield "301", nick, person.away or asked.wire.words(prose.away_now(nick, ""))
    if person.down_since is not None:
        down = say("{nick}'s line is down.", nick=nick)
        yield "320", nick, asked.wire.words(down)
    idle = int((now - max(person.spoke_at, person.entered_at)).total_seconds())
    yield (
        "317",
        nick,
        str(max(idle, 0)),
        str(int(person.entered_at.timestamp())),
        asked.wire.words(say("seconds idle, signon time")),
    )


@verb("WHOWAS", 1)
def whowas(asked: Asked, nick: str, *_: str) -> None:
    """Nobody is remembered who has left."""
    asked.tell("406", word(nick), asked.wire.words(say("Nobody who left is remembered.")))
    asked.tell("369", word(nick), asked.wire.words(say("End of what is known")))


@verb("USERHOST", 1)
def userhost(asked: Asked, *nicks: str) -> None:
    """Up to five people in one answer."""
    people = [asked.hub.find(nick) for nick in nicks[:5] if asked.hub.is_here(nick)]
    asked.tell("302", " ".join(map(_host, people)))


def _host(person: Person) -> str:
    here = "+" if person.away is None else "-"
    return f"{person.nick}{'*' * (SERVER in person.roles)}={here}{user_of(person)[0]}@{HOST}"


@verb("ISON", 1)
def ison(asked: Asked, *nicks: str) -> None:
    """Which of these are here."""
    wanted = " ".join(nicks).split()[: limits.IRC_TARGETS]
    asked.tell("303", " ".join(asked.hub.find(nick).nick for nick in wanted if asked.hub.is_here(nick)))


@verb("AWAY")
def away(asked: Asked, *params: str) -> Awaitable[None] | None:
    """Be away, or back."""
    text = params[0] if params else ""
    return asked.do("away", (text,), text) if text else asked.do("back", ())


def lusers(asked: Asked) -> Sequence[Sequence[str]]:
    """How many are here."""
    hub, words = asked.hub, asked.wire.words
    here = len(hub.people) + (not asked.session.named)
    rooms = sum(bool(room.members) for room in hub.rooms.values())
    all_here = say("There are {count} users and 0 invisible on 1 servers", count=here)
    return (
        ("251", words(all_here)),
        ("252", str(sum(SERVER in person.roles for person in hub.people.values())), words(say("operators online"))),
        ("253", "0", words(say("unknown connections"))),
        ("254", str(rooms), words(say("rooms"))),
        ("255", words(say("{count} people are here.", count=here))),
        ("265", str(here), str(here), words(say("{count} people are here.", count=here))),
        ("266", str(here), str(here), words(say("{count} people are here.", count=here))),
    )


@verb("LUSERS")
def count(asked: Asked, *_: str) -> None:
    """How many are here."""
    asked.tell_all(lusers(asked))


@verb("MOTD")
def motd(asked: Asked, *_: str) -> None:
    """The message of the day."""
    asked.tell_all([*asked.wire.motd()])


@verb("VERSION")
def version(asked: Asked, *_: str) -> Awaitable[None] | None:
    """What runs here, and what it can do."""
    return asked.do("version", ())


@verb("TIME")
def time(asked: Asked, *_: str) -> None:
    """The server's time."""
    asked.tell("391", asked.wire.server, f"{asked.hub.now().astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC")


@verb("INFO")
def info(asked: Asked, *_: str) -> None:
    """What this is."""
    told = say(
        "chat {version}: whoever has netcat, telnet, chat-client or an IRC client talks here.", version=__version__
    )
    asked.tell("371", asked.wire.words(told))
    asked.tell("374", asked.wire.words(say("End of what is known")))


@verb("LINKS")
def links(asked: Asked, *_: str) -> None:
    """There is one server for people, however many it is made of."""
    asked.tell("365", "*", asked.wire.words(say("End of the list of servers")))


_MEANT = {"PRIVMSG": "msg", "NOTICE": "msg", "LIST": "rooms", "NAMES": "who"}
"""Commands of IRC that are called otherwise in the chat."""


@verb("HELP")
def help(asked: Asked, topic: str = "", *_: str) -> None:
    """Every command of the chat, or one of them."""
    words = asked.wire.words
    wanted = known(_MEANT.get(topic.upper(), topic.lstrip("/")))
    some = TABLE.values() if not topic else () if wanted is None else (wanted,)
    rows = [row for row in some if permits(row, asked.connection)]
    if not rows:
        asked.tell("524", word(topic), words(say("There is no help about that; HELP lists what there is.")))
        return
    shown = word(topic) if topic else "index"
    begin: Sentence = say("Each command is sent with /quote, or as your client has it:")
    told = [("705", shown, words(phrases.manual(manual(row).usage, manual(row).help))) for row in rows]
    asked.tell_all([("704", shown, words(begin)), *told, ("706", shown, words(say("End of the help")))])
