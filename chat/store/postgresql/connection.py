"""One connection to the database: which of the servers is asked, how long, and what its errors mean.

The servers are tried one after the other, by us: libpq would go on asking one that is not the primary any more.  One
that knows less than was answered before is not asked: it was the primary once, or lost what was acknowledged.  A
statement that takes too long is given up by closing the connection, never by a cancel or by the server's own time-out:
a commit that is cancelled while it waits for its standby is kept, and seen, on one machine alone.
"""

import json
import re
import select
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from math import inf
from os import dup
from time import monotonic
from types import MappingProxyType
from typing import Any

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from chat.base import limits
from chat.base.language import Sentence, say
from chat.base.patterns import pattern
from chat.store.rows import storable
from chat.store.unusable import DAMAGED, DISK_ERROR, DISK_FULL, READ_ONLY, Unusable

Row = Sequence[Any]

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

LOCKS_OUT, TURNS, STARTS = 1, 2, 3
"""What is locked: by the session of a server, so that no other one uses the database; by a turn, so that they go one
after the other; by a start, while it makes the schema."""

WORD_MOST = 500
"""So many characters of a word are in the index of what was said: four bytes each at most."""

KEPT_SECONDS = 3600
"""So long turns are kept: a node that did not listen for longer reads all that is held anew."""

ONE_VIEW = "ISOLATION LEVEL REPEATABLE READ READ ONLY"
"""Of a transaction: all that is read shows one moment."""

LOCK = f"{0x63686174}, "
"""With one of these, the name of an advisory lock ("chat")."""


class Unreachable(Exception):
    """The database cannot be asked; `asked`: something was, and nobody knows whether it was done.

    `unusable` tells of a server that is there and will not do.
    """

    def __init__(self, reason: Sentence, asked: bool, unusable: Unusable | None = None) -> None:
        super().__init__(reason, asked)
        self.reason = reason
        self.asked = asked
        self.unusable = unusable


class Failed(Exception):
    """The database did not do what was asked; `state` is the code of its reason (SQLSTATE)."""

    def __init__(self, state: str, message: str) -> None:
        super().__init__(state, message)
        self.state = state
        self.message = message

    @property
    def reason(self) -> Sentence:
        """Why, in a few words."""
        return _REASONS.get(self.state) or say("{error}", error=self.message)


_REASONS = {
    "53100": DISK_FULL,
    "25006": READ_ONLY,
    "XX001": DAMAGED,
    "XX002": DAMAGED,
    "58030": DISK_ERROR,
}

CONTRADICTS = "23505"
"""What was to be written is there already."""

OTHER_KIND = "42P13"
"""A function that is to take the place of another one returns something else, or names otherwise what it takes."""

TIMED_OUT = "57014"

_ELSEWHERE = ("25006", "55P03", "40001", "40P01")
"""Nothing was done, and it may be another time, or on another server: it cannot be written to, somebody is in the
way."""


class Link:
    """One connection at a time, opened when something is asked and there is none.

    `fit` looks at a new one, and raises `Unreachable` where it will not do.
    """

    def __init__(self, address: str, fit: Callable[["Link"], None], seconds: float | None = None) -> None:
        self._address = address
        self.fit = fit
        self.seconds = limits.STATEMENT_SECONDS if seconds is None else seconds
        """How long a statement may take."""
        self._connection: psycopg.Connection[Any] | None = None
        self._in_transaction = False
        self._tell: Callable[[Sentence], None] | None = None

    def ask(self, statement: str, values: Mapping[str, object] = MappingProxyType({})) -> list[Row]:
        """The rows of one statement, in which `:name` stands for a value; raises `Unreachable` or `Failed`."""
        connection = self._connected()
        text, names = _numbered(statement)
        parameters = [_parameter(values[name]) for name in names]
        try:
            return self._rows(_exchange(connection.pgconn, text, parameters, self.seconds))
        except psycopg.Error as error:
            self.close()
            raise Unreachable(_said(str(error)), asked=True) from None
        except TimeoutError:
            self.abandon()
            raise Unreachable(say("it does not answer"), asked=True) from None

    def value(self, statement: str, values: Mapping[str, object] = MappingProxyType({})) -> Any:
        """The one value of one row."""
        ((value,),) = self.ask(statement, values)
        return value

    def end(self) -> socket.socket:
        """The connection's socket under another descriptor, which stays when libpq closes its own; raises
        `Unreachable`."""
        try:
            return socket.socket(fileno=dup(self._connected().pgconn.socket))
        except (OSError, psycopg.Error) as error:
            raise Unreachable(_said(str(error)), asked=False) from None

    def take(self) -> None:
        """Take in what has come, without waiting; raises `Unreachable`."""
        try:
            self._connected().pgconn.consume_input()
        except psycopg.Error as error:
            raise Unreachable(_said(str(error)), asked=False) from None

    def notified(self) -> str | None:
        """What was notified of next, as far as it has come in."""
        notified = self._connected().pgconn.notifies()
        return None if notified is None else notified.extra.decode()

    def run(self, script: str) -> None:
        """Do several statements, however long they take."""
        connection = self._connected().pgconn
        connection.nonblocking = 0
        self._rows(connection.exec_(script.encode()))

    @contextmanager
    def transaction(self, how: str = "") -> Iterator[None]:
        """All within is done by one connection, and kept as a whole, or nothing of it is."""
        self.ask(f"BEGIN {how}")
        self._in_transaction = True
        try:
            yield
        except BaseException:
            self._in_transaction = False
            with suppress(Unreachable, Failed):
                if self._connection is not None:
                    self.ask("ROLLBACK")
            raise
        self._in_transaction = False
        if self._connection is None:
            raise Unreachable(_LOST, asked=True)
        self.ask("COMMIT")

    @contextmanager
    def telling(self, tell: Callable[[Sentence], None]) -> Iterator[None]:
        """Of each server that cannot be reached the reason is told at once, before the next is tried; what is raised
        then is raised by whoever asks."""
        self._tell = tell
        try:
            yield
        finally:
            self._tell = None

    def close(self) -> None:
        """Let the connection go."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def abandon(self) -> None:
        """The same, where nobody may be at the other end."""
        if self._connection is not None:
            with suppress(OSError, Unreachable), self.end() as end:
                end.shutdown(socket.SHUT_RDWR)
        self.close()

    def _connected(self) -> psycopg.Connection[Any]:
        if self._connection is not None:
            return self._connection
        if self._in_transaction:
            raise Unreachable(_LOST, asked=True)
        reasons: list[Sentence] = []
        unusable = None
        for place in _places(self._address):
            try:
                self._connection = psycopg.Connection.connect(place, autocommit=True)
                if self._connection.pgconn.server_version // 10_000 < OLDEST:
                    raise _too_old(self._connection.pgconn.server_version // 10_000)
                self.ask(f"SELECT {_SET}")
                self.fit(self)
            except psycopg.Error as error:
                reasons.append(_said(str(error)))
            except (Failed, Unreachable) as error:
                reasons.append(error.reason)
            except Unusable as error:
                reasons.append(error.sentence)
                unusable = unusable or error
            else:
                return self._connection
            self.close()
            if self._tell is not None:
                self._tell(reasons[-1])
        # The first one is said: the others are for when that is gone.
        raise Unreachable(reasons[0], False, unusable)

    def _rows(self, result: pq.abc.PGresult) -> list[Row]:
        if result.status in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK):
            readers = [_READERS.get(result.ftype(column), _as_text) for column in range(result.nfields)]
            return [
                [
                    None if (value := result.get_value(row, column)) is None else read(value)
                    for column, read in enumerate(readers)
                ]
                for row in range(result.ntuples)
            ]
        state = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
        message = (result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or b"").decode(errors="replace")
        if result.error_field(pq.DiagnosticField.SEVERITY_NONLOCALIZED) != b"ERROR":
            # It ends the connection, perhaps while a commit waits for its standby: that is kept.
            self.close()
            raise Unreachable(_said(message), asked=True)
        if state in _ELSEWHERE and not self._in_transaction:
            self.close()
            raise Unreachable(Failed(state, message).reason, asked=False)
        raise Failed(state, message)


_LOST = say("the connection was lost")


def _too_old(version: int) -> Unusable:
    return Unusable(
        say(
            "PostgreSQL {version} is too old. Version {oldest} or newer would be right.", version=version, oldest=OLDEST
        )
    )


def _said(message: str) -> Sentence:
    """The first line of what PostgreSQL says."""
    lines = [line for line in message.strip().splitlines() if line] or ["?"]
    return say("{error}", error=lines[0])


def _places(address: str) -> Iterator[str]:
    """The address of each of the servers that an address names."""
    try:
        parts: dict[str, Any] = conninfo_to_dict(address)
    except psycopg.Error:
        # What is wrong with it would quote it, with a password perhaps.
        raise Unreachable(say("that is no address of a database"), asked=False) from None
    hosts = str(parts.pop("host", "") or "").split(",")
    ports = str(parts.pop("port", "") or "").split(",")
    parts = {**_OURS, **parts, "client_encoding": "UTF8"}
    for number, host in enumerate(hosts):
        port = ports[number] if len(ports) == len(hosts) else ports[0]
        yield make_conninfo(**parts, **({"host": host} if host else {}), **({"port": port} if port else {}))


@cache
def _numbered(statement: str) -> tuple[bytes, Sequence[str]]:
    """The statement with its values numbered, as PostgreSQL has it, and their names."""
    names: dict[str, int] = {}

    def number(match: re.Match[str]) -> str:
        return f"${names.setdefault(match[1], len(names) + 1)}"

    return _NAMED.sub(number, statement).encode(), list(names)


_NAMED = pattern(r"(?<!:):([a-z_]+)")


def _parameter(value: object) -> bytes | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return b"t" if value else b"f"
    return storable(value).encode() if isinstance(value, str) else str(value).encode()


def _as_text(value: bytes) -> str:
    return value.decode()


_READERS: Mapping[int, Callable[[bytes], Any]] = {
    16: lambda value: value == b"t",
    20: int,
    21: int,
    23: int,
    114: json.loads,
    701: float,
    1700: lambda value: float(value) if b"." in value else int(value),
    3802: json.loads,
}
"""By the numbers of PostgreSQL's types: boolean, the whole numbers, json, double precision, numeric, jsonb."""


def _exchange(
    connection: pq.abc.PGconn, statement: bytes, parameters: Sequence[bytes | None], seconds: float
) -> pq.abc.PGresult:
    """Send a statement and wait for what comes of it; raises `TimeoutError`."""
    ends_at = monotonic() + seconds
    poll = select.poll()
    connection.nonblocking = 1
    connection.send_query_params(statement, parameters)
    while connection.flush():
        _wait(poll, connection, select.POLLIN | select.POLLOUT, ends_at)
        connection.consume_input()
    last = None
    while True:
        while connection.is_busy():
            _wait(poll, connection, select.POLLIN, ends_at)
            connection.consume_input()
        result = connection.get_result()
        if result is None:
            assert last is not None
            return last
        last = result


def _wait(poll: select.poll, connection: pq.abc.PGconn, events: int, ends_at: float) -> None:
    poll.register(connection.socket, events)
    if not poll.poll(None if ends_at == inf else max(0, ends_at - monotonic()) * 1000):
        raise TimeoutError
