"""The servers that an address names, and which of them is the primary.

One that was promoted goes on in a timeline of its own, which has a higher number than all that it knew of; the one of
before may be there all the same, and take what is written to it.  So all of them are asked at once, not only until one
will do, and again and again: what a node has seen of a timeline ends all earlier ones for it.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from select import POLLIN, POLLOUT
from socket import SOCK_STREAM, getaddrinfo
from threading import Event, Lock, Thread
from types import MappingProxyType
from typing import Any

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo, timeout_from_conninfo
from twisted.logger import Logger

from chat.base import limits
from chat.base.language import Sentence, say
from chat.base.named_tuples import NamedTuple
from chat.store.postgresql.exchange import (
    SILENT,
    Failed,
    Steps,
    Unreachable,
    exchanging,
    rows,
    said,
    together,
)
from chat.store.unusable import Unusable

logger = Logger()

OLDEST = 15
"""The first version of PostgreSQL that will do."""

SCHEMA = "chat"

LOCK_TIMEOUT = f"{limits.LOCKED_SECONDS * 1000:.0f}"

_SETTINGS = {
    "search_path": f"{SCHEMA}, pg_catalog",
    "default_transaction_isolation": "read committed",
    "statement_timeout": "0",
    "client_connection_check_interval": "0",
    "lock_timeout": LOCK_TIMEOUT,
    "tcp_keepalives_idle": f"{limits.LINK_IDLE_SECONDS}",
    "tcp_keepalives_interval": f"{limits.LINK_INTERVAL_SECONDS}",
    "tcp_keepalives_count": f"{limits.LINK_PROBES}",
    "tcp_user_timeout": f"{limits.LINK_LOST_SECONDS * 1000}",
    "jit": "off",
}
"""With `lock_timeout` those of our own attempts that hang do not become more and more; without the keepalives a server
would not notice for hours that a connection is gone, and with it the lock that keeps other servers out.  While an
answer is on its way it asks nothing, so there is a time-out for that, too."""

_OURS = {
    "connect_timeout": limits.CONNECT_SECONDS,
    "keepalives_idle": limits.LINK_IDLE_SECONDS,
    "keepalives_interval": limits.LINK_INTERVAL_SECONDS,
    "keepalives_count": limits.LINK_PROBES,
    "tcp_user_timeout": limits.LINK_LOST_SECONDS * 1000,
    "application_name": "chat",
}
"""The same at this end, where the address does not say otherwise: what may take as long as it likes ends, too, when
the server is not there any more."""

_SET = ", ".join(f"set_config('{name}', '{value}', false)" for name, value in _SETTINGS.items())

_REFUSES = "pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on'"
_ALONE = f"SELECT 0, 0, {_REFUSES}"
_AMONG_OTHERS = f"""
    SELECT (SELECT system_identifier FROM pg_control_system()), CASE
        WHEN pg_is_in_recovery() THEN (
            SELECT greatest(timeline_id, min_recovery_end_timeline) FROM pg_control_checkpoint(), pg_control_recovery()
        )
        ELSE ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int
    END, {_REFUSES}
"""
"""By where it writes, for the checkpoint that tells of a promotion comes later.  One that follows knows as well."""


class Standing(NamedTuple):
    """What a server is: one of those that have the same `system`, in which timeline, and whether it takes no writes."""

    system: int
    timeline: int
    refuses: bool


class Found(NamedTuple):
    """A connection to a server, and what that is."""

    connection: pq.abc.PGconn
    standing: Standing


Answer = Found | Unreachable


class Servers:
    """Those of one address, for all who ask them."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._latest: dict[int, int] = {}
        """The highest timeline that was seen, of each system: a new database has another one, and begins anew."""
        self._lock = Lock()
        self.silences = 0
        """How often one did not answer by a connection that was there."""

    @cached_property
    def _address_read(self) -> tuple[dict[str, Any], int]:
        """Its parts, and how many seconds one may take to let us in."""
        try:
            parts: dict[str, Any] = {**_OURS, **conninfo_to_dict(self._address), "client_encoding": "UTF8"}
            return parts, timeout_from_conninfo(parts)
        except psycopg.Error:
            # What is wrong with it would quote it, with a password perhaps.
            raise Unreachable(say("that is no address of a database"), asked=False) from None

    @cached_property
    def _hosts(self) -> Sequence[Mapping[str, Any]]:
        parts = dict(self._address_read[0])
        hosts = str(parts.pop("host", "") or os.environ.get("PGHOST", "")).split(",")
        ports = str(parts.pop("port", "") or os.environ.get("PGPORT", "")).split(",")
        if len(ports) != len(hosts):
            ports = ports[:1] * len(hosts)
        named = [{"host": host, "port": port} for host, port in zip(hosts, ports, strict=True)]
        return [{**parts, **{name: value for name, value in one.items() if value}} for one in named]

    @property
    def names(self) -> Sequence[str]:
        """The hosts, as the address names them, with their ports; raises `Unreachable` where that is no address."""
        return [":".join(str(host[part]) for part in ("host", "port") if part in host) for host in self._hosts]

    @property
    def are_several(self) -> bool:
        """Whether there is anything to choose; raises `Unreachable` where that is no address."""
        return len(self._hosts) > 1

    def has_later(self, standing: Standing) -> bool:
        """Whether another server has taken the place of this one."""
        return self._latest.get(standing.system, 0) > standing.timeline

    def ask(
        self, connected: Mapping[int, pq.abc.PGconn] = MappingProxyType({}), all_of_them: bool = False
    ) -> Sequence[Answer]:
        """What each host is, in their order, by a new connection where there is none yet; or why that is not known.

        Once one will do the others have a moment, or (`all_of_them`) as long as they may take.
        """
        asked: list[int] = []
        steps: list[Steps[Found]] = []
        answers: dict[int, Answer] = {}
        for number, host in enumerate(self._hosts):
            try:
                ways = (
                    [self._asking(connected[number], self._question)]
                    if number in connected
                    else [self._joining(place) for place in _places(host)]
                )
            except OSError as error:
                answers[number] = Unreachable(self._unknown(host["host"], error), asked=False)
            else:
                asked += [number] * len(ways)
                steps += ways
        moment = limits.OTHERS_SECONDS if self.are_several else 0
        found = together(steps, self._address_read[1], lambda found: not all_of_them and self._will_do(found), moment)
        for number, outcome in zip(asked, found, strict=True):
            if isinstance(outcome, Exception):
                answers.setdefault(number, _unreachable(outcome))
            elif isinstance(answers.get(number), Found):  # by another address of the same host
                outcome.connection.finish()
            else:
                answers[number] = outcome
        return [answers[number] for number in range(len(self._hosts))]

    def _unknown(self, host: str, error: OSError) -> Sentence:
        """Why there is no such host; of several whoever asked says which."""
        return said(f"{error.strerror}" if self.are_several else f"{host}: {error.strerror}")

    def _will_do(self, found: Found) -> bool:
        return not (found.standing.refuses or self.has_later(found.standing))

    @property
    def _question(self) -> str:
        return _AMONG_OTHERS if self.are_several else _ALONE

    def _joining(self, place: str) -> Steps[Found]:
        """Connect to a server, set it as it is to be, and ask what it is."""
        connection = pq.PGconn.connect_start(place.encode())
        try:
            while connection.status != pq.ConnStatus.BAD:
                state = connection.connect_poll()
                if state == pq.PollingStatus.READING:
                    yield connection.socket, POLLIN
                elif state == pq.PollingStatus.WRITING:
                    yield connection.socket, POLLOUT
                else:
                    break
            if connection.status != pq.ConnStatus.OK:
                raise Unreachable(said(connection.get_error_message()), asked=False)
            if (version := connection.server_version // 10_000) < OLDEST:
                raise _too_old(version)
            return (yield from self._asking(connection, f"{self._question}, {_SET}"))
        except BaseException:
            connection.finish()
            raise

    def _asking(self, connection: pq.abc.PGconn, question: str) -> Steps[Found]:
        result = yield from exchanging(connection, question.encode())
        standing = Standing(*rows(result)[0][:3])
        self.know(standing)
        return Found(connection, standing)

    def know(self, standing: Standing) -> None:
        """There is such a server."""
        with self._lock:
            before = self._latest.get(standing.system)
            if before is None or before < standing.timeline:
                self._latest[standing.system] = standing.timeline
                if before is not None:
                    logger.warn(
                        "A server of the database was promoted: those of before timeline {timeline} are not used any "
                        "more",
                        timeline=standing.timeline,
                    )


class Watch:
    """Asks all of them again and again, where there are several: one that was replaced need not know of it."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self._connected: dict[int, pq.abc.PGconn] = {}
        self._closing = Event()

    def start(self) -> None:
        """Begin, in a thread."""
        if self._servers.are_several:
            Thread(target=self._run, name="chat-watch", daemon=True).start()

    def close(self) -> None:
        """No more."""
        self._closing.set()

    def _run(self) -> None:
        while not self._closing.wait(limits.BEAT_SECONDS):
            try:
                self._look()
            except Exception:
                logger.failure("The servers of the database could not be asked")
        for connection in self._connected.values():
            connection.finish()

    def _look(self) -> None:
        for number, answer in enumerate(self._servers.ask(self._connected, all_of_them=True)):
            if isinstance(answer, Found):
                self._connected[number] = answer.connection
            elif (connection := self._connected.pop(number, None)) is not None:
                connection.finish()


def _too_old(version: int) -> Unusable:
    return Unusable(
        say(
            "PostgreSQL {version} is too old. Version {oldest} or newer would be right.", version=version, oldest=OLDEST
        )
    )


def _places(host: Mapping[str, Any]) -> Iterator[str]:
    """The address of each way to a host; libpq would wait for the first one for ever."""
    name = host.get("host", "")
    if not name or name.startswith(("/", "@")) or "hostaddr" in host:
        yield make_conninfo(**host)
        return
    for *_, where in getaddrinfo(name, host.get("port"), type=SOCK_STREAM):
        yield make_conninfo(**host, hostaddr=str(where[0]))


def _unreachable(error: Exception) -> Unreachable:
    if isinstance(error, Unreachable):
        return error
    if isinstance(error, Unusable):
        return Unreachable(error.sentence, False, error)
    if isinstance(error, Failed):
        return Unreachable(error.reason, asked=False)
    return Unreachable(SILENT if isinstance(error, TimeoutError) else said(str(error)), asked=False)
