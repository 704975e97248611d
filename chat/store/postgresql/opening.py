"""The database at the start: whether its server will do, who may use it, and what it holds.

All of it happens before `twistd` goes into the background, as with a file.  The connection by which it is done is the
writer's from then on, for it holds the lock that keeps other servers out.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from errno import EACCES
from functools import partial
from math import inf
from time import monotonic, sleep
from typing import TypeVar

from chat.base import limits
from chat.base.language import Sentence, say, say_n
from chat.base.lookalikes import fold
from chat.base.named_tuples import NamedTuple
from chat.base.reasons import system_reason
from chat.core.ports import Claim, Kept, KeptLog, NodeState, Record
from chat.store.address import shown
from chat.store.keep import Keep, plan
from chat.store.postgresql import people
from chat.store.postgresql.commits import Adoption
from chat.store.postgresql.connection import LOCK, LOCKS_OUT, NAMED, ONE_VIEW, STARTS, Link
from chat.store.postgresql.exchange import Failed, Unreachable
from chat.store.postgresql.retention import due
from chat.store.postgresql.schema import BUILD, MIGRATIONS, fold_anew, make, version
from chat.store.postgresql.servers import LOCK_TIMEOUT, Servers
from chat.store.postgresql.shared_date import SharedDate
from chat.store.retention import EARLIEST
from chat.store.rows import DATES, as_json, date
from chat.store.unusable import Unusable, begun, damaged, holding, unusable

Result = TypeVar("Result")


class Prepared(NamedTuple):
    """A database that is ready, and what was in it; `writer` holds the lock that keeps others out."""

    address: str
    writer: Link
    node: str
    """What it is called where several use it, else nothing."""
    epoch: int
    tick: int
    date: SharedDate
    kept: Kept
    summary: Sequence[Sentence]
    others: Sequence[NodeState] = ()
    """The other nodes that are there."""


def suits(link: Link) -> None:
    """Look whether this server will do; raises `Unusable`."""
    encoding, fsync, synchronous = link.ask(
        "SELECT current_setting('server_encoding'), current_setting('fsync'), current_setting('synchronous_commit')"
    )[0]
    if encoding != "UTF8":
        raise Unusable(
            say(
                "The database is encoded in {encoding}. One made with  createdb -E UTF8 -T template0  would be right.",
                encoding=encoding,
            )
        )
    for setting, value in (("fsync", fsync), ("synchronous_commit", synchronous)):
        if value == "off":
            raise Unusable(
                say(
                    "PostgreSQL has {setting} = off: what was acknowledged would be gone after a power cut. Set it to "
                    "on, for this server or this database.",
                    setting=setting,
                )
            )


def prepare(address: str, node: str = "", *, keep: Keep = None, now: datetime = EARLIEST) -> Prepared:
    """Lock, check and, if need be, make or migrate the database; raises `Unusable`.

    A node shares it with others, and adopts what it had before.

    What `keep` takes away will be taken later; how much that is now stands in the summary.
    """
    link = Link(Servers(address), suits, inf)
    try:
        at = patiently(partial(_made, address, link, node))
        fold_anew(link)
        if node:
            patiently(lambda: check_name(address, link, node))
        link.seconds = limits.STATEMENT_SECONDS  # without its standby it would wait for ever
        with link.transaction():
            link.ask(f"SELECT pg_advisory_xact_lock({LOCK}{STARTS})")
            epoch = _begun(link, node)
        link.ask("DELETE FROM servers WHERE epoch < :epoch AND epoch < current(node)", {"epoch": epoch - _EPOCHS})
        link.seconds = inf
        if node:
            for gone in ("", node):  # also what a server had that used it alone
                adoption = Adoption(epoch, gone, lapsed=False)
                while adoption.go_on(link):
                    pass
        else:
            link.run(_ALONE)
        summary = [_summary(address, link, at == 0)]
        if keep is not None:
            summary.append(plan(keep, due(link, keep, now)))
        with link.transaction(ONE_VIEW):
            tick, moment = link.ask("SELECT tick, moment() FROM clock")[0]
            held = kept(address, link, node)
            others = [one for one in states(link) if one.name != node and one.lease is not None] if node else []
        link.seconds = limits.STATEMENT_SECONDS
        return Prepared(address, link, node, epoch, tick, SharedDate(date(moment)), held, summary, others)
    except Unreachable as error:
        link.close()
        raise error.unusable or unusable(shown(address), error.reason) from None
    except Failed as error:
        link.close()
        raise unusable(shown(address), error.reason) from None
    except BaseException:
        link.close()
        raise


def _made(address: str, link: Link, node: str) -> int:
    """Have the tables and functions of this build, and the database so that others are kept out; returns the version
    that it had.  Raises `Unusable`."""
    with link.transaction():
        # Nodes may start at once, and one of them make the tables of a large database anew.
        link.ask("SELECT set_config('lock_timeout', '0', true)")
        link.ask(f"SELECT pg_advisory_xact_lock({LOCK}{STARTS})")
        link.ask(f"SELECT set_config('lock_timeout', '{LOCK_TIMEOUT}', true)")
        at = version(address, link)
        if 0 < at < len(MIGRATIONS):
            keep_out(address, link)
        lock_out(address, link, node)
        if not make(link, at):
            keep_out(address, link)
            # As if one server had used it alone: a node that was cut off, and comes back, writes nothing any more.
            _begun(link, "")
            link.run("UPDATE sessions SET node = '' WHERE node != ''; UPDATE nicknames SET node = ''")
    return at


def _begun(link: Link, node: str) -> int:
    """The epoch of another start."""
    epoch: int = link.value(
        """
        INSERT INTO servers (epoch, node, started_at, until, build)
        SELECT coalesce(max(epoch), 0) + 1, :node, moment(), moment() + :lease, :build FROM servers RETURNING epoch
        """,
        {"node": node, "lease": int(limits.LEASE_SECONDS) * 1_000_000, "build": BUILD},
    )
    return epoch


_ALONE = """
    DELETE FROM nicknames; DELETE FROM looks; DELETE FROM turns;
    DELETE FROM people WHERE record IS NULL; DELETE FROM sessions WHERE record IS NULL;
    UPDATE sessions SET node = '' WHERE node != '';
"""
"""What only several servers need goes."""

_EPOCHS = 100
"""So many starts are known: whoever was cut off for as many is fenced, and not told what became of the last turn."""


def examine(address: str, node: str = "") -> Sequence[Sentence]:
    """Look whether `prepare` would take the database, and change nothing; raises `Unusable`."""
    link = Link(Servers(address), suits)
    try:
        at = version(address, link)
        if not at and not link.value("SELECT has_database_privilege(current_database(), 'CREATE')"):
            raise unusable(shown(address), system_reason(PermissionError(EACCES, "")))
        if 0 < at < len(MIGRATIONS):
            patiently(lambda: keep_out(address, link))
        patiently(lambda: lock_out(address, link, node))
        if node and at:
            patiently(lambda: check_name(address, link, node))
    except Unreachable as error:
        raise error.unusable or unusable(shown(address), error.reason) from None
    except Failed as error:
        raise unusable(shown(address), error.reason) from None
    finally:
        link.close()
    return ()


class InUse(Unusable):
    """Another server is in the way."""


def patiently(work: Callable[[], Result]) -> Result:
    """What another server may be in the way of: one that has just ended may hold the database a moment longer."""
    ends_at = monotonic() + limits.LOCKED_SECONDS
    while True:
        try:
            return work()
        except InUse:
            if monotonic() >= ends_at:
                raise
        sleep(limits.RECONNECT_LEAST_SECONDS / 10)


def lock_out(address: str, link: Link, node: str = "") -> None:
    """Let no other server use the database while this connection lasts, a node none but nodes; raises `InUse`."""
    if not locked(link, node):
        raise _in_use(address)


def keep_out(address: str, link: Link) -> None:
    """Let nobody else use the database until the transaction ends; raises `InUse`, which names the nodes that run
    and are of another build."""
    if link.value(f"SELECT pg_try_advisory_xact_lock({LOCK}{LOCKS_OUT})"):
        return
    if not link.value(f"SELECT pg_try_advisory_xact_lock_shared({LOCK}{LOCKS_OUT})"):
        raise _in_use(address)  # one that uses it alone
    # The table may be of before, and have no such column.
    names, count = link.ask(
        """
        SELECT string_agg(node, ', ' ORDER BY node), count(*) FROM servers
        WHERE node != '' AND until > moment() AND epoch = current(node)
            AND to_jsonb(servers)->>'build' IS DISTINCT FROM :build
        """,
        {"build": BUILD},
    )[0]
    if not count:
        raise _in_use(address)
    raise InUse(
        say_n(
            "{nodes} uses {database} with another build of this server, which does not go together with this one. Stop "
            "it first, then start this one.",
            "{nodes} use {database} with another build of this server, which does not go together with this one. Stop "
            "all of them first, then start this one.",
            count,
            nodes=names,
            database=shown(address),
        )
    )


def _in_use(address: str) -> InUse:
    return InUse(
        say("Another server uses {database}. Stop it, or choose another one with --database.", database=shown(address))
    )


def locked(link: Link, node: str = "") -> bool:
    """Try to; returns whether others are locked out."""
    if not node:
        return bool(link.value(f"SELECT pg_try_advisory_lock({LOCK}{LOCKS_OUT})"))
    _named(link, node)
    return bool(link.value(f"SELECT pg_try_advisory_lock_shared({LOCK}{LOCKS_OUT})"))


def check_name(address: str, link: Link, node: str) -> None:
    """Raises `InUse` where another node of this name runs.

    Its connection is there, and it says so: of one that hangs the name is taken over, and so is that of one whose
    machine is gone.
    """
    if not _named(link, node) and link.value(
        "SELECT until > moment() FROM servers WHERE epoch = current(:node)", {"node": node}
    ):
        raise InUse(
            say(
                "Another server on {database} is called {node}. Stop it, or choose another name with --node.",
                database=shown(address),
                node=node,
            )
        )


def _named(link: Link, node: str) -> bool:
    return bool(link.value(f"SELECT pg_try_advisory_lock({NAMED}hashtext(:node))", {"node": node}))


def states(link: Link) -> Sequence[NodeState]:
    """Of all nodes, by their names, but those that were not there for long."""
    rows = link.ask(
        """
        SELECT name, version, nodes.started_at, heard_at,
            CASE WHEN until > moment() THEN (until - moment()) / 1000000 END, people, behind, options
        FROM nodes JOIN servers ON epoch = current(name)
        WHERE until > moment() OR heard_at > moment() - :remembered ORDER BY name
        """,
        {"remembered": int(limits.GONE_NODE_SECONDS) * 1_000_000},
    )
    return [
        NodeState(name, version, date(since), date(heard_at), lease, people, behind, *json.loads(options))
        for name, version, since, heard_at, lease, people, behind, options in rows
    ]


def kept(address: str, link: Link, node: str, whole: bool = False) -> Kept:
    """What is held of those who can come back, or of all rooms (`whole`); raises `Unusable` where it is damaged."""
    remembered = people.remembered(link)
    keys = {"#lobby", "#staff", "*"}
    for id, person in remembered.people.items():
        keys.add(f"@{id}")
        if person is not None:
            keys.update(person.rooms)
    wanted = {"keys": as_json([[key] for key in sorted(keys)])}
    among = "IN (SELECT part->>0 FROM jsonb_array_elements(:keys) AS part)"
    if whole:
        among = f"{among} OR key LIKE '#%'"
    logs = [KeptLog(*log) for log in link.ask(f"SELECT key, name, head FROM logs WHERE key {among}", wanted)]
    records = link.ask(f"SELECT kind, key, value FROM records WHERE kind != 'topic' OR key {among}", wanted)
    wrong = people.wrong(remembered) or next(filter(None, (people.wrong_record(*record) for record in records)), "")
    if wrong:
        raise damaged(shown(address), wrong)
    claims = [Claim(*claim) for claim in link.ask("SELECT person, nick FROM nicknames")]
    others = link.ask("SELECT digest, node FROM sessions WHERE node NOT IN ('', :node)", {"node": node})
    found = [Record(*record) for record in records]
    return Kept(logs, found, _older(link), remembered, {digest: other for digest, other in others}, claims)  # noqa: C416


def _older(link: Link) -> Mapping[str, str]:
    """The keys of rooms whose names would be folded otherwise now; in ASCII that is done as ever."""
    rows = link.ask("SELECT key, name FROM logs WHERE key LIKE '#%' AND octet_length(name) > length(name)")
    return {folded: key for key, name in rows if (folded := fold(name)) != key}


def _summary(address: str, link: Link, new: bool) -> Sentence:
    """How much is kept; private talk stands in two logs and is counted once."""
    database = shown(address)
    if new:
        return begun(database)
    first, last = DATES
    dated = {"first": first, "last": last}
    lines, earliest = link.ask(
        """
        SELECT count(*) - count(other) / 2, min(at) FROM entries
        WHERE text IS NOT NULL AND at BETWEEN :first AND :last
        """,
        dated,
    )[0]
    return holding(database, lines, None if earliest is None else date(earliest).astimezone().date())
