"""What clients ask about people and about the server."""

from collections.abc import Awaitable, Iterable, Iterator, Sequence
from datetime import UTC
from fnmatch import fnmatchcase
from itertools import islice

from chat import __version__
from chat.base import limits, names
from chat.base.errors import Refused
from chat.base.language import Sentence, say
from chat.base.names import check_nickname
from chat.commands.help import in_order, manual
from chat.commands.irc.modes import COMMANDS
from chat.commands.irc.verbs import NOT_HERE, Asked, listed, verb
from chat.commands.people import departed, present
from chat.commands.registry import TABLE, Command, known, permits
from chat.commands.rooms import seen
from chat.commands.text_checks import brief, check_holds_no_secret
from chat.core.person import Person
from chat.core.roles import SERVER
from chat.core.room import Room
from chat.wire import grammar, phrases, prose, vocabulary
from chat.wire.answers import OthersName
from chat.wire.irc.format import HOST, mask
from chat.wire.irc.messages import word

_WILD = ("*", "?")


def _flags(asked: Asked, person: Person, room: Room | None) -> str:
    """Whether they are here or gone, an operator of the server, and one of the room."""
    here = "H" if person.away is None else "G"
    return (
        here
        + "*" * (SERVER in person.roles)
        + "B" * person.is_bot
        + ("" if room is None else _rank(asked, person, room))
    )


def _rank(asked: Asked, person: Person, room: Room) -> str:
    return asked.wire.rank(room.log.key in person.roles, room.has_voice(person.id))


@verb("WHO")
def who(asked: Asked, mask: str = "*", fields: str = "", *_: str) -> None:
    """Who is in a room that they are in, or there with them and of a nickname that fits; with these fields (WHOX)."""
    room = asked.session.rooms.get(asked.hub.rooms.key_of(mask)) if mask.startswith("#") else None
    wanted, token = (*fields.partition("%")[2].split(",", 1), "")[:2]
    rows: list[Sequence[str]] = []
    for person in _fitting(asked, mask, room):
        known = _known(asked, person, room)
        if "%" in fields:
            known["t"] = word(token)
            rows.append(["354", *(known[field] for field in _FIELDS if field in wanted)])
        else:
            rows.append(["352", *(known[field] for field in "cuhsnf"), f"0 {known['r']}"])
    asked.tell_all([*rows, ("315", word(mask), asked.wire.words(say("End of the list of people")))])


_FIELDS = "tcuihsnfdlaor"
"""In the order in which they are told (IRCv3 WHOX)."""


def _known(asked: Asked, person: Person, room: Room | None) -> dict[str, str]:
    """What is told of somebody, by the letters of WHOX."""
    return {
        "c": room.log.name if room is not None else "*",
        "u": person.user or person.nick,
        "i": "255.255.255.255",
        "h": HOST,
        "s": asked.wire.server,
        "n": person.nick,
        "f": _flags(asked, person, room),
        "d": "0",
        "l": str(_idle(asked, person)),
        "a": person.nick if person.has_account else "0",
        "o": "n/a",
        "r": person.realname or person.nick,
    }


def _idle(asked: Asked, person: Person) -> int:
    return max(int((asked.hub.now() - max(person.spoke_at, person.entered_at)).total_seconds()), 0)


def _fitting(asked: Asked, mask: str, room: Room | None) -> Iterator[Person]:
    people = asked.hub.people
    if mask.startswith("#"):
        found: Iterable[Person] = () if room is None else (people[id] for id in room.members)
    elif any(sign in mask for sign in _WILD):
        folded, mine = names.fold(mask), asked.session.person
        found = (
            person
            for person in people.values()
            if (person is mine or person.rooms.keys() & mine.rooms.keys())
            and fnmatchcase(names.fold(person.nick), folded)
        )
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
    nick = person.nick
    yield "311", nick, person.user or nick, HOST, "*", person.realname or nick
    row = ""
    for key, room in person.rooms.items():
        if not asked.hub.rooms.is_seen(key, asked.session.rooms):
            continue
        shown = _rank(asked, person, room) + room.log.name
        if len(f"{row} {shown}".encode()) > limits.IRC_LINE - 250:
            yield "319", nick, row
            row = ""
        row = f"{row} {shown}".strip()
    if row:
        yield "319", nick, row
    yield "312", nick, asked.wire.server, asked.wire.words(say("chat {version}", version=__version__))
    if SERVER in person.roles:
        yield "313", nick, asked.wire.words(say("{nick} runs this server.", nick=nick))
    if person.is_bot:
        yield "335", nick, asked.wire.words(say("{nick} is a program.", nick=nick))
    if person.has_account:
        yield "330", nick, nick, asked.wire.words(say("is logged in as"))
    if person.away is not None:
        yield "301", nick, person.away or asked.wire.words(prose.away_now(nick, ""))
    if person.down_since is not None:
        down = say("{nick}'s line is down.", nick=nick)
        yield "320", nick, asked.wire.words(down)
    yield (
        "317",
        nick,
        str(_idle(asked, person)),
        str(int(person.entered_at.timestamp())),
        asked.wire.words(say("seconds idle, signon time")),
    )


@verb("WHOWAS", 1)
def whowas(asked: Asked, nick: str, most: str = "", *_: str) -> None:
    """Those who left last and were called so."""
    left = departed(asked.hub, nick)
    if most.isdecimal() and int(most[:6]) > 0:
        left = left[: int(most[:6])]
    for user in left:
        asked.tell("314", user.nick, user.user or user.nick, HOST, "*", user.realname or user.nick)
        asked.tell("312", user.nick, asked.wire.server, f"{user.at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC")
    if not left:
        asked.tell("406", word(nick), asked.wire.words(say("Nobody of this name left lately.")))
    asked.tell("369", word(nick), asked.wire.words(say("End of what is known")))


@verb("USERHOST", 1)
def userhost(asked: Asked, *nicks: str) -> None:
    """Up to five people in one answer."""
    people = [asked.hub.find(nick) for nick in nicks[:5] if asked.hub.is_here(nick)]
    asked.tell("302", " ".join(map(_host, people)))


def _host(person: Person) -> str:
    here = "+" if person.away is None else "-"
    return f"{person.nick}{'*' * (SERVER in person.roles)}={here}{person.user or person.nick}@{HOST}"


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


@verb("SETNAME", 1)
def setname(asked: Asked, name: str, *_: str) -> None:
    """Another real name."""
    person = asked.session.person
    if not (realname := brief(name, limits.WORDS).strip()):
        asked.tell("FAIL", "SETNAME", "INVALID_REALNAME", asked.wire.words(say("A real name is missing.")))
        return
    check_holds_no_secret(asked.session, realname)
    asked.hub.measures.check_may_be_seen(person)
    person.realname = asked.wire.realname = realname
    asked.session.called()
    asked.hub.turn.touch(person)
    if "setname" in asked.wire.capabilities:
        asked.tell_of_themselves("SETNAME", realname)
    asked.session.show("name", OthersName(person.nick, realname))


@verb("MONITOR", 1)
def monitor(asked: Asked, what: str, nicks: str = "", *_: str) -> None:
    """Be told when somebody comes or goes (IRCv3 monitor)."""
    watchers, session = asked.hub.watchers, asked.session
    wanted = [nick for nick in nicks.split(",") if nick][: limits.WATCHED + 1]
    match what.upper():
        case "+":
            for nick in wanted:
                try:
                    watchers.watch(session, check_nickname(nick))
                except Refused as error:
                    if error.code == "too-many":
                        full = asked.wire.words(error.sentence)
                        asked.tell("734", str(limits.WATCHED), word(nick), full)
            _monitored(asked, wanted)
        case "-":
            for nick in wanted:
                watchers.stop(session, nick)
        case "C":
            watchers.stop_all(session)
        case "L":
            asked.tell_all([*listed("732", watchers.watched(session))])
            asked.tell("733", asked.wire.words(say("End of the list of those whom you watch for")))
        case "S":
            _monitored(asked, watchers.watched(session))
        case _:
            raise Refused("usage", say("MONITOR is followed by + or - and nicknames, or by C, L or S."))


def _monitored(asked: Asked, nicks: Iterable[str]) -> None:
    here, gone = [], []
    for nick in nicks:
        if asked.hub.is_here(nick):
            here.append(mask(asked.hub.find(nick).nick))
        else:
            gone.append(word(nick))
    asked.tell_all([*listed("730", here), *listed("731", gone)])


def lusers(asked: Asked) -> Sequence[Sequence[str]]:
    """How many are here; who comes in just now counts already."""
    hub, words, comes = asked.hub, asked.wire.words, not asked.session.named
    here = len(hub.people) + comes
    most = str(max(hub.most_people, here))
    operators = str(sum(SERVER in person.roles for person in hub.people.values()))
    nameless = str(sum(not (visit.leaving or visit.session.named) for visit in hub.connections) - comes)
    rooms = str(sum(1 for _ in seen(asked.session)))
    return (
        ("251", words(say("There are {count} users and 0 invisible on 1 servers", count=here))),
        ("252", operators, words(say("operators online"))),
        ("253", nameless, words(say("unknown connections"))),
        ("254", rooms, words(say("rooms"))),
        ("255", words(say("I have {count} clients and 0 servers", count=here))),
        ("265", str(here), most, words(say("Here now {count}, most {most}", count=here, most=most))),
        ("266", str(here), most, words(say("Everywhere now {count}, most {most}", count=here, most=most))),
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


@verb("HELPOP")
@verb("HELP")
def help(asked: Asked, topic: str = "", *_: str) -> None:
    """Every command of the chat, or one of them."""
    if topic.upper() == "MODE":
        modes: Sentence = say("Modes of a room are commands of the chat:")
        _explain(asked, word(topic), modes, [(f"{mode}: ", TABLE[name]) for mode, name in COMMANDS.items()])
        return
    words = asked.wire.words
    wanted = known(_MEANT.get(topic.upper(), topic.lstrip("/")))
    lists = not topic or grammar.fold(topic) in vocabulary.ALL
    some = in_order() if lists else () if wanted is None else (wanted,)
    rows = [row for row in some if row.name not in NOT_HERE and permits(row, asked.connection)]
    if not rows:
        asked.tell("524", word(topic), words(say("There is no help about that; HELP lists what there is.")))
        return
    begin: Sentence = say("Each command is sent with /quote, or as your client has it:")
    _explain(asked, "index" if lists else word(topic), begin, [("", row) for row in rows])


def _explain(asked: Asked, shown: str, begin: Sentence, rows: Iterable[tuple[str, Command]]) -> None:
    """Commands, each behind what it is meant by."""
    words = asked.wire.words
    told = [("705", shown, mark + words(phrases.manual(manual(row).usage, manual(row).help))) for mark, row in rows]
    asked.tell_all([("704", shown, words(begin)), *told, ("706", shown, words(say("End of the help")))])
