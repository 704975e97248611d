"""What is said to whoever runs the server (see `chat.wire.prose`): who is here, how it goes, and what was done."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC
from typing import Any

from chat.base.durations import exactly
from chat.base.language import Sentence, duration, say, say_n
from chat.base.sizes import shown
from chat.base.text import quoted, width
from chat.wire import phrases, replies


def _present(present: replies.Present) -> Iterator[Sentence]:
    yield say(
        "{here} here, {down} with their line down, {nameless} without a nickname; times UTC",
        here=present.here,
        down=present.down,
        nameless=present.nameless,
    )
    yield from _connections(present.connections)
    rest = present.here + present.down + present.nameless - len(present.connections)
    if rest > 0:
        yield say_n("And one more.", "And {count} more.", rest)


def _connections(connections: Sequence[replies.Connection]) -> Iterator[Sentence]:
    """A row for each, in columns; what only some have stands behind them."""
    rows = [_columns(connection) for connection in connections]
    widths = [max((width(row[column]) for row in rows), default=0) for column in range(len(rows[0]) if rows else 0)]
    for row, connection in zip(rows, connections, strict=True):
        line = "  ".join(text + " " * (most - width(text)) for text, most in zip(row, widths, strict=True))
        told = Sentence("{row}", {"row": line.rstrip()})
        for note in _notes(connection):
            told = Sentence("{row}  {note}", {"row": told, "note": note})
        yield told


def _notes(connection: replies.Connection) -> Iterator[Sentence | str]:
    if connection.account:
        yield say("account")
    if connection.down is not None:
        yield phrases.line_down(duration(connection.down))
    if connection.behind:
        yield say("{count} behind", count=connection.behind)
    yield from connection.rooms


def _columns(connection: replies.Connection) -> Sequence[str]:
    since = f"{connection.since.astimezone(UTC):%Y-%m-%d %H:%M}" if connection.since is not None else ""
    return connection.nick or "-", connection.host, since, connection.wire or "-"


def _seen(seen: replies.Seen) -> Iterator[Sentence]:
    if seen.earlier:
        yield say("{nick} was called {names} earlier.", nick=seen.nick, names=tuple(seen.earlier))
    yield from _connections(seen.connections)


def _audit(audit: replies.Audit) -> Iterator[Sentence]:
    for row in audit.entries:
        told = phrases.audited(row.by, row.what, row.nick, row.room, row.seconds, row.lines)
        if row.text:
            yield say("{time} ago {told}: {text}", time=duration(row.ago), told=told, text=quoted(row.text))
        else:
            yield say("{time} ago {told}", time=duration(row.ago), told=told)
    if not audit.entries:
        yield say("Nothing was reported or done.")


def _forgotten(gone: replies.Forgotten) -> Iterator[Sentence]:
    yield say_n(
        "{nick} is forgotten: {count} line says nothing any more.",
        "{nick} is forgotten: {count} lines say nothing any more.",
        gone.lines,
        nick=gone.nick,
    )
    yield say_n("{count} other entry names nobody.", "{count} other entries name nobody.", gone.entries)
    if gone.known:
        yield say(
            "The account, if there was one, its sessions, tokens and roles and all private talk in it are gone, too."
        )
    yield say("Copies of the database of before keep it, and so does the log that --log-connections writes.")


def _announcement(_: replies.Announcement) -> Iterator[Sentence]:
    yield say("Everybody is told, and whoever comes back later.")


def _stats(stats: replies.Stats) -> Iterator[Sentence]:
    yield say(
        "chat {version}, up for {time}, since {at} UTC",
        version=stats.version,
        time=duration(stats.up),
        at=f"{stats.since.astimezone(UTC):%Y-%m-%d %H:%M}",
    )
    if stats.node is not None:
        yield say_n(
            "Node {node}: {count} person has a connection to it; sessions, lines, turns and log are its own.",
            "Node {node}: {count} people have a connection to it; sessions, lines, turns and log are its own.",
            stats.node_people or 0,
            node=stats.node,
        )
    wires = ", ".join(f"{name} {count}" for name, count in stats.sessions.items())
    yield say(
        "{here} here ({wires}), {down} with their line down, {nameless} without a nickname",
        here=stats.here,
        wires=wires or "-",
        down=stats.down,
        nameless=stats.nameless,
    )
    yield say(
        "Rooms: {rooms}; accounts: {accounts}; lines said: {lines}; not stored: {lost}",
        rooms=stats.rooms,
        accounts=stats.accounts,
        lines=stats.lines,
        lost=stats.not_stored,
    )
    yield say(
        "Half of {count} turns took {half} at most, 99 of 100 took {most}",
        half=_milliseconds(stats.turn_half),
        most=_milliseconds(stats.turn_most),
        count=stats.turns,
    )
    store = stats.store
    yield say(
        "Store ({kind}): {size}, journal {journal}, free on its disk {free}; waiting: {waiting}",
        kind=store.kind,
        size=shown(store.size),
        journal=shown(store.journal),
        free="-" if store.free is None else shown(store.free),
        waiting=store.waiting,
    )
    yield say("In the log: warnings {warnings}, errors {errors}", warnings=stats.warnings, errors=stats.errors)


def _nodes(nodes: replies.Nodes) -> Iterator[Sentence]:
    for row in nodes.nodes:
        name = say("{node} (this one)", node=row.node) if row.this else row.node
        since = f"{row.since.astimezone(UTC):%Y-%m-%d %H:%M}"
        if row.lease is None:
            heard = f"{row.heard.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
            yield say("{node}: not there; it said so last at {heard} UTC", node=name, heard=heard)
            continue
        yield say_n(
            "{node}: chat {version}, since {at} UTC; {count} person; lease {lease} s; {behind} turns behind",
            "{node}: chat {version}, since {at} UTC; {count} people; lease {lease} s; {behind} turns behind",
            row.people,
            node=name,
            version=row.version,
            at=since,
            lease=row.lease,
            behind=row.behind,
        )
        for option, there, here, written in row.differs:
            values = {"node": row.node, "option": option, "there": there, "here": here}
            if written:
                yield say("{node}: {option} is written as {there} there and {here} here; one holds for all", **values)
            else:
                yield say("{node}: {option} differs: {there} there, {here} here", **values)
    yield say("In all {here} here, {down} with their line down", here=nodes.here, down=nodes.down)


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:g} ms"


def _reloaded(reloaded: replies.Reloaded) -> Iterator[Sentence]:
    yield from reloaded.changes
    if not reloaded.changes:
        yield phrases.NOTHING_CHANGED


def _backed_up(copy: replies.BackedUp) -> Iterator[Sentence]:
    yield say("The copy is {path}", path=copy.path)


def _stop_set(stop: replies.StopSet) -> Iterator[Sentence]:
    if stop.stops_in is None:
        yield say("No stop of the server is set; /admin shutdown 10m sets one.")
    else:
        yield say("The server stops in {time}; /admin shutdown off takes it back.", time=exactly(stop.stops_in))


REPLIES: Mapping[type, Callable[[Any], Iterable[Sentence]]] = {
    replies.Present: _present,
    replies.Seen: _seen,
    replies.Audit: _audit,
    replies.Forgotten: _forgotten,
    replies.Announcement: _announcement,
    replies.Stats: _stats,
    replies.Nodes: _nodes,
    replies.Reloaded: _reloaded,
    replies.BackedUp: _backed_up,
    replies.StopSet: _stop_set,
}
