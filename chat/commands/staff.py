"""What the server's operators are told by others, and what they did: all of it stands in a room of theirs."""

from chat.base import limits
from chat.base.errors import Refused
from chat.base.language import say
from chat.base.named_tuples import NamedTuple
from chat.base.token_bucket import Allowance
from chat.commands.people import departed
from chat.commands.registry import Call, command, count
from chat.commands.text_checks import brief
from chat.core.roles import SERVER
from chat.log.events import Audited, Entry
from chat.wire import replies


class Report(NamedTuple):
    """Whom, and why."""

    nick: str
    text: str


@command(
    "people",
    say("/report NICK why"),
    say("tell whoever runs this server what somebody does; that person is not told"),
    allowance=Allowance("report", limits.REPORTS, limits.REPORT_SECONDS),
)
async def report(call: Call, asked: Report) -> None:
    """Of whoever is here, or was; a muted person may do so, too."""
    session, hub = call.session, call.session.hub
    why, left = brief(asked.text, limits.REPORT), departed(hub, asked.nick)
    who = left[0] if left and hub.naming.find(asked.nick) is None else hub.find(asked.nick)
    count(session, "report")
    room = session.current.log.name if session.rooms else SERVER
    await hub.turn.write(
        hub.staff.log,
        Audited(session.author, "report", who.nick, room, None, why, None, who.id),
    )
    call.reply(replies.Reported(who.nick))


class Audit(NamedTuple):
    """How much of it."""

    most: int | None


@command(
    "server",
    say("/admin audit [n]"),
    say("what was reported, and what operators did, the last of it"),
    role="server operator",
)
async def audit(call: Call, asked: Audit) -> None:
    """Programs page back with `before`."""
    hub = call.session.hub
    most = limits.HISTORY_DEFAULT if asked.most is None else asked.most
    if not 1 <= most <= limits.HISTORY_MOST:
        raise Refused("too-many", say("/admin audit shows 1 to {limit} lines.", limit=limits.HISTORY_MOST))
    await hub.turn.flush()
    before = call.request.before
    end = hub.staff.log.head if before is None else min(before - 1, hub.staff.log.head)
    found: list[Entry] = []
    while end > 0 and len(found) < most:
        start = max(0, end - limits.PAGE_EVENTS)
        call.connection.spend(limits.PRICE_QUERY)
        page = await hub.archive.stretch(hub.staff.log, start, end)
        found[:0] = [e for e in page if isinstance(e.fact, Audited) and not call.session.person.was(e.fact.about)]
        end = start
    now = hub.now()
    rows = [
        replies.AuditRow(
            entry.seq,
            entry.at,
            None if fact.author is None else fact.author.nick,
            fact.what,
            fact.to,
            fact.room,
            fact.seconds,
            fact.lines,
            fact.text,
            max(0, int((now - entry.at).total_seconds())),
        )
        for entry in found[-most:]
        if isinstance(fact := entry.fact, Audited)
    ]
    call.reply(replies.Audit(rows, len(found) > most or end > 0))
