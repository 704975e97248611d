"""Class mode: one word closes what a class does not need, for guests and on the whole server, and opens it again."""

from typing import Literal

from chat.base import limits
from chat.base.errors import NotStored, Refused
from chat.base.language import say
from chat.base.named_tuples import NamedTuple
from chat.commands.entering import check_sealed
from chat.commands.locked_rooms import all_come_in
from chat.commands.registry import Call, command, on_or_off
from chat.core.hub import Hub
from chat.core.measures import CLASS, Measure
from chat.core.roles import SERVER
from chat.log.events import Author, Measured
from chat.wire import phrases, replies

_CLOSES = say(
    "lock #lobby and make it slow; guests have no private talk with each other, make no rooms, keep their nicknames"
)
_MAKES_PINS = say(
    "make PINs for class mode, one a nickname: typed behind it, a PIN opens the door and brings back the same place"
)
"""What the commands do, in their help."""


class Class(NamedTuple):
    """Whether it is on."""

    switch: str | None


@command("server", say("/class [on|off]"), _CLOSES, role="server operator")
@command("server", say("/admin class [on|off]"), _CLOSES, role="server operator")
async def class_mode(call: Call, asked: Class) -> None:
    """Everybody is told what is closed, and when it is open again."""
    hub = call.session.hub
    if asked.switch is not None:
        await switch_class_mode(hub, call.by, on_or_off(call, asked.switch))
    call.reply(replies.ClassMode(hub.measures.class_mode is not None))


async def switch_class_mode(hub: Hub, by: Author | None, on: bool) -> None:
    """It is so from now on; where it is so already nothing is done.  Raises `NotStored`."""
    measures, lobby = hub.measures, hub.lobby
    before = measures.class_mode
    if on is (before is not None):
        return
    taken: list[Measure] = []
    ended = [] if before is None else [before, *measures.of_class(lobby.log.key)]
    if on:
        nick, now = None if by is None else by.nick, hub.now()
        taken.append(Measure("class", SERVER, "", "", SERVER, nick, "", now, None))
        if not hub.locked.is_locked(lobby.log.key):
            taken.append(Measure("lock", lobby.log.key, "", "", lobby.log.name, nick, CLASS, now, None))
        if measures.of_all("slow", lobby.log.key) is None:
            pace = limits.CLASS_PACE_SECONDS
            taken.append(Measure("slow", lobby.log.key, "", "", lobby.log.name, nick, CLASS, now, None, every=pace))
    what: Literal["class", "unclass"] = "class" if on else "unclass"
    hub.audit(by, what, "", None)
    changed = taken or ended
    record, *others = [measure.record if on else measure.record._replace(value=None) for measure in changed]
    hub.turn.change(*others).addErrback(lambda failure: failure.trap(NotStored) and None)  # as what is awaited
    told = hub.tell_all(Measured(by, what, "", SERVER, None, ""), record)
    _instead(hub, ended, taken)
    try:
        await told
    except NotStored:
        _instead(hub, taken, ended)
        raise
    if not on:
        hub.roster.end_all()
    await all_come_in(hub, lobby)


class Roster(NamedTuple):
    """How many PINs."""

    number: int | None


@command("server", say("/roster [N]"), _MAKES_PINS, role="server operator")
@command("server", say("/admin roster [N]"), _MAKES_PINS, role="server operator")
async def roster(call: Call, asked: Roster) -> None:
    """They are told once; only their hashes are kept.  Alone it tells whose there are."""
    hub, made = call.session.hub, []
    if asked.number is not None:
        if hub.measures.class_mode is None:
            raise Refused("usage", say("PINs are for class mode, and end with it: /class on comes first."))
        if not 1 <= asked.number <= limits.PINS:
            raise Refused("too-many", phrases.at_once(limits.PINS))
        if not call.connection.private:
            check_sealed(call.connection)
        hub.audit(call.by, "roster", "", None, text=str(asked.number))
        made = await hub.roster.make(asked.number)
    nicks = hub.roster.nicks
    call.reply(replies.Roster(made, nicks, len(hub.roster) - len(nicks)))


def _instead(hub: Hub, some: list[Measure], others: list[Measure]) -> None:
    for measure in some:
        hub.measures.instead(measure, None)
    for measure in others:
        hub.measures.instead(None, measure)
