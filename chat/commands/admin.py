"""What whoever runs the server may ask: one command with a table of its own behind it."""

from collections import Counter
from collections.abc import Awaitable

from chat import __version__
from chat.base import limits, passwords, resume_codes
from chat.base.durations import exactly, parse_duration
from chat.base.errors import Refused, Unfit
from chat.base.language import say
from chat.base.named_tuples import NamedTuple
from chat.commands import people, roles, text_checks
from chat.commands.connections import present
from chat.commands.entering import check_sealed
from chat.commands.help import manual
from chat.commands.registry import ANSWERED, TABLE, WITHIN, Call, Outcome, arguments, command
from chat.core.hub import Hub
from chat.core.person import Person
from chat.core.ports import NodeState, Role
from chat.core.presence import Presence
from chat.core.roles import SERVER
from chat.wire import grammar, phrases, replies, vocabulary
from chat.wire.answers import Reply, Stored


class Admin(NamedTuple):
    """Which of them, and what stands behind it."""

    text: str | None


@command(
    "server",
    say("/admin [command]"),
    say("what whoever runs the server may do; alone it lists that"),
    nameless=True,
    role="server operator",
)
def admin(call: Call, asked: Admin) -> Awaitable[Outcome] | Outcome:
    """Have it done by the one that is named."""
    rows = WITHIN[call.command.name]
    word, *rest = (asked.text or "").split(maxsplit=1)[:2] or [""]
    if not word:
        call.reply(replies.HelpAbout([*map(manual, rows.values())]))
        return None
    row = rows.get(grammar.fold(word))
    if row is None:
        name = word[: limits.WORD_SHOWN]
        raise Refused("unknown-command", say("There is no /admin {name}; /admin lists what there is.", name=name))
    return row.handle(call._replace(command=row), arguments(row, "".join(rest)))


class Who(NamedTuple):
    """All who are here, or one of them."""

    nick: str | None


@command(
    "server",
    say("/admin who [NICK]"),
    say("who is connected: from where, since when, on which wire, how far behind; or all about one of them"),
    role="server operator",
)
def who(call: Call, asked: Who) -> None:
    """So many of them; how many there are in all is told."""
    if asked.nick is not None:
        people.whois(call._replace(command=TABLE["whois"]), people.Whois(asked.nick))
        return
    here = present(call.session.hub)
    call.reply(here._replace(connections=here.connections[: limits.USERS_LISTED]))


class Stats(NamedTuple):
    """How the server is."""


@command(
    "server",
    say("/admin stats"),
    say("how many are here, how long a turn takes, what the store has to do, what went wrong"),
    role="server operator",
)
def stats(call: Call, asked: Stats) -> None:
    """Numbers alone: of nobody and of no room."""
    call.reply(figures(call.session.hub))


def present_and_down(hub: Hub) -> tuple[int, int]:
    """How many people are here, and have their line down: on all nodes, where there are several."""
    if hub.others is None:
        return len(hub.people) - len(hub.down), len(hub.down)
    down = sum(person.presence is Presence.DOWN for person in hub.people.values())
    return len(hub.people) - down, down


def figures(hub: Hub) -> replies.Stats:
    """All that is counted of a server."""
    sessions: Counter[str] = Counter()
    nameless = 0
    for connection in hub.connections:
        if connection.session.named:
            sessions[connection.wire.format.name.partition(" ")[0]] += 1  # with all that it can
        else:
            nameless += not connection.operator
    turn, process = hub.turn, hub.process
    entries = process.log_entries
    here, down = present_and_down(hub)
    return replies.Stats(
        version=__version__,
        since=process.started_at,
        here=here,
        down=down,
        nameless=nameless,
        sessions=dict(sorted(sessions.items())),
        accounts=hub.accounts,
        rooms=len(hub.rooms),
        lines=turn.lines,
        not_stored=turn.not_stored,
        turns=sum(turn.latency.counts),
        turn_half=turn.latency.within(0.5),
        turn_most=turn.latency.within(0.99),
        store=replies.Held(*hub.store_state),
        warnings=entries.get("warn", 0),
        errors=entries.get("error", 0) + entries.get("critical", 0),
        up=int((hub.now() - process.started_at).total_seconds()),
        node=None if hub.others is None else hub.others.node,
        node_people=None if hub.others is None else hub.connected,
    )


class Nodes(NamedTuple):
    """All servers that are one chat."""


@command(
    "server",
    say("/admin nodes"),
    say("where several servers are one chat: which are there, for how many people, and in which options they differ"),
    role="server operator",
)
async def nodes(call: Call, asked: Nodes) -> None:
    """As each of them said it last."""
    hub = call.session.hub
    if hub.others is None:
        raise Refused("unavailable", say("This server is a chat alone; --node makes several of them one."))
    states, me = await hub.others.nodes(), hub.others.node
    mine = next((state for state in states if state.name == me), None)
    rows = [_node(state, mine or state) for state in states]
    here, down = present_and_down(hub)
    call.reply(replies.Nodes(rows, here, down))


def _node(state: NodeState, mine: NodeState) -> replies.NodeRow:
    name, version, since, heard_at, lease, people, behind, _, _ = state
    differs = [
        replies.Difference(option, there[option], here[option], written)
        for there, here, written in ((state.holds, mine.holds, False), (state.written, mine.written, True))
        for option in sorted(there.keys() & here.keys())
        if there[option] != here[option]
    ]
    return replies.NodeRow(name, name == mine.name, version, since, heard_at, lease, people, behind, differs)


class Announce(NamedTuple):
    """Tell everybody."""

    text: str


@command(
    "server",
    say("/admin announce text"),
    say("tell everybody who is here, and whoever comes back later"),
    role="server operator",
)
async def announce(call: Call, asked: Announce) -> Outcome:
    """By whoever has a nickname, else by the server."""
    session, id = call.session, call.request.id
    place, _ = await session.hub.announce(text_checks.message(asked.text), call.by)
    session.answer(Stored(place, id, None, Reply(call.command.name, replies.Announcement(), id)))
    return ANSWERED


class Reset(NamedTuple):
    """Another password for somebody who forgot theirs."""

    nick: str


@command(
    "server",
    say("/admin reset NICK"),
    say("give an account another password, which is told once, and end its sessions, tokens and keys"),
    role="server operator",
)
async def reset(call: Call, asked: Reset) -> Outcome:
    """Whoever has it logs in with that, and chooses one of their own."""
    hub = call.session.hub
    person = _account(hub, asked.nick)
    password = resume_codes.for_people()
    kept = await hub.passwords.hash(passwords.normal(password))
    # It may have been given up meanwhile.
    while person.has_account and person.password != kept:  # they may have changed it just then, on another node
        person.password = kept
        hub.sessions_end(person, say("Whoever runs the server gave this account another password."))
        hub.tokens.end(person, list(person.tokens))
        hub.keys.end(hub.keys.of(person.id))
        hub.end_all(person)
        hub.turn.touch(person)
        await hub.turn.flush()
    if not person.has_account:
        raise _not_registered(person.nick)
    call.reply(replies.PasswordReset(person.nick, password))
    return None


class Op(NamedTuple):
    """Whose account it is."""

    nick: str


@command(
    "server",
    say("/admin op NICK"),
    say("let an account run this server, too"),
    role="server operator",
)
async def op(call: Call, asked: Op) -> None:
    """Wherever they are: they are told when they come."""
    await _on_server(call, asked.nick, "operator")


@command(
    "server",
    say("/admin deop NICK"),
    say("let an account run this server no more"),
    role="server operator",
)
async def deop(call: Call, asked: Op) -> None:
    """Be it one's own."""
    await _on_server(call, asked.nick, None)


async def _on_server(call: Call, nick: str, role: Role | None) -> None:
    hub = call.session.hub
    person = _account(hub, nick)
    if person.roles.get(SERVER) != role:
        hub.give_role(call.by, person, role, None)
    await hub.turn.flush()
    call.reply(replies.RoleGiven(person.nick, role or "member", SERVER))


class Owner(NamedTuple):
    """Whose room it is to be."""

    room: str
    nick: str


@command(
    "server",
    say("/admin owner #room NICK"),
    say("give a room to an account, whoever had it"),
    role="server operator",
)
async def owner(call: Call, asked: Owner) -> Outcome:
    """They need not be in it."""
    hub = call.session.hub
    await hub.rooms.load(asked.room)
    if not call.still_there:
        return ANSWERED
    await roles.give(call, _account(hub, asked.nick), "owner", hub.rooms.find(asked.room, None))
    return None


class Reload(NamedTuple):
    """The options, as they are written now."""


@command(
    "server",
    say("/admin reload"),
    say("read the options and the files that they name again, as SIGHUP does"),
    role="server operator",
)
def reload(call: Call, asked: Reload) -> None:
    """Where anything is wrong all stays as it was."""
    try:
        changes = call.session.hub.process.reload()
    except Unfit as error:
        raise Refused("unavailable", say("All options stay as they were: {reason}", reason=error.sentence)) from None
    call.reply(replies.Reloaded(changes))


class Backup(NamedTuple):
    """A copy of what is kept."""


@command(
    "server",
    say("/admin backup"),
    say("copy the database now, into the directory of --backup-to"),
    role="server operator",
)
async def backup(call: Call, asked: Backup) -> None:
    """It may take minutes, in which all goes on."""
    call.reply(replies.BackedUp(str(await call.session.hub.process.back_up())))


class Shutdown(NamedTuple):
    """When, or off."""

    when: str | None


@command(
    "server",
    say("/admin shutdown [DURATION|off]"),
    say("stop the server after 10m, say, of which all are told; off takes that back, alone it tells when"),
    role="server operator",
)
async def shutdown(call: Call, asked: Shutdown) -> None:
    """Set anew, what was set before counts no more."""
    stop, by = call.session.hub.shutdown, call.by
    if asked.when is None:
        pass
    elif vocabulary.switch(asked.when) is False:
        await stop.take_back(by)
    else:
        seconds = parse_duration(asked.when)
        if seconds > limits.SHUTDOWN_MOST:
            raise Refused("too-long", say("A stop is set {time} ahead at most.", time=exactly(limits.SHUTDOWN_MOST)))
        await stop.set(seconds, by)
    call.reply(replies.StopSet(stop.left))


class InvitationCode(NamedTuple):
    """How many."""

    number: int | None


@command(
    "server",
    say("/invite-code [N]"),
    say("make codes, each of which lets one person register, where only accounts come in"),
    role="server operator",
)
@command(
    "server",
    say("/admin invite-code [N]"),
    say("make codes, each of which lets one person register, where only accounts come in"),
    role="server operator",
)
async def invite_code(call: Call, asked: InvitationCode) -> Outcome:
    """They are told once; only their hashes are kept."""
    hub, count = call.session.hub, 1 if asked.number is None else asked.number
    if not hub.settings.registered_only:
        raise Refused("usage", say("Everybody may come in and register here; --registered-only asks for invitations."))
    if not 1 <= count <= limits.INVITATIONS_AT_ONCE:
        raise Refused("too-many", phrases.at_once(limits.INVITATIONS_AT_ONCE))
    if not call.connection.private:
        check_sealed(call.connection)
    codes, end = await hub.invitations.make(count)
    call.reply(replies.InvitationCodes(codes, end))
    return None


def _account(hub: Hub, nick: str) -> Person:
    person = hub.account(nick)
    if person is None:
        raise _not_registered(nick)
    return person


def _not_registered(nick: str) -> Refused:
    return Refused("not-here", say("{nick} is not registered.", nick=nick[: limits.NAME_READ]))
