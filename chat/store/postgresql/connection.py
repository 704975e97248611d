"""One connection to the primary of the database, by which statements are asked.

Which of the servers is asked, we look ourselves (`chat.store.postgresql.servers`): libpq would go on asking one that is
not the primary any more.  One that knows less than was answered before is not asked: it was the primary once, or lost
what was acknowledged.
"""

import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import reduce
from os import dup
from struct import pack
from types import MappingProxyType
from typing import Any

import psycopg
from psycopg import pq

from chat.base import limits
from chat.base.errors import about
from chat.base.language import say
from chat.store.postgresql.exchange import (
    ELSEWHERE,
    SILENT,
    Failed,
    Row,
    Unreachable,
    exchange,
    numbered,
    parameter,
    rows,
    said,
)
from chat.store.postgresql.servers import Found, Servers, Standing
from chat.store.unusable import READ_ONLY, Unusable

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

NAMED = f"{0x6E6F6465}, "
"""With the hash of what a node is called, that of the lock which its session holds ("node")."""


class Link:
    """One connection at a time, opened when something is asked and there is none, and left where another server has
    taken the place of that one.

    `fit` looks at a new one, and raises `Unreachable` where it will not do.
    """

    def __init__(self, servers: Servers, fit: Callable[["Link"], None], seconds: float | None = None) -> None:
        self.servers = servers
        self.fit = fit
        self.seconds = limits.STATEMENT_SECONDS if seconds is None else seconds
        """How long a statement may take."""
        self._connection: pq.abc.PGconn | None = None
        self._standing = Standing(0, 0, True)
        self._silences = 0
        self._in_transaction = False

    def ask(self, statement: str, values: Mapping[str, object] = MappingProxyType({})) -> list[Row]:
        """The rows of one statement, in which `:name` stands for a value; raises `Unreachable` or `Failed`."""
        return self._ask(self._connected(), statement, values)

    def _ask(self, connection: pq.abc.PGconn, statement: str, values: Mapping[str, object]) -> list[Row]:
        text, names = numbered(statement)
        parameters = [parameter(values[name]) for name in names]
        try:
            found = self._rows(exchange(connection, text, parameters, self.seconds))
        except psycopg.Error as error:
            self.close()
            raise Unreachable(said(str(error)), asked=True) from None
        except TimeoutError:
            self.servers.silences += 1
            self.abandon()
            raise Unreachable(SILENT, asked=True) from None
        if self.is_replaced and not self._in_transaction:
            # Whether the other one has that, too, it will say.
            self.close()
            raise Unreachable(_REPLACED, asked=True)
        return found

    def value(self, statement: str, values: Mapping[str, object] = MappingProxyType({})) -> Any:
        """The one value of one row."""
        ((value,),) = self.ask(statement, values)
        return value

    @property
    def is_replaced(self) -> bool:
        """Whether another server has taken the place of the one that is asked."""
        return self.servers.has_later(self._standing)

    def end(self) -> socket.socket:
        """The connection's socket under another descriptor, which stays when libpq closes its own; raises
        `Unreachable`."""
        try:
            return socket.socket(fileno=dup(self._there().socket))
        except (OSError, psycopg.Error) as error:
            raise Unreachable(said(str(error)), asked=False) from None

    def take(self) -> None:
        """Take in what has come, without waiting; raises `Unreachable`, also where the server did not answer somebody
        else: what it says by itself after that it may say when another one has taken its place."""
        if self.is_replaced or self._silences != self.servers.silences:
            raise Unreachable(_REPLACED, asked=False)
        try:
            self._there().consume_input()
        except psycopg.Error as error:
            raise Unreachable(said(str(error)), asked=False) from None

    def notified(self) -> str | None:
        """What was notified of next, as far as it has come in."""
        notified = self._there().notifies()
        return None if notified is None else notified.extra.decode()

    def run(self, script: str) -> None:
        """Do several statements, however long they take."""
        connection = self._connected()
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
                self._ask(self._there(), "ROLLBACK", {})
            raise
        self._in_transaction = False
        self._ask(self._there(), "COMMIT", {})

    def close(self) -> None:
        """Let the connection go."""
        if self._connection is not None:
            self._connection.finish()
            self._connection = None

    def abandon(self) -> None:
        """The same, where nobody may be at the other end: what was sent and has not arrived is not to arrive later, at
        a server that was replaced meanwhile."""
        with suppress(OSError, Unreachable), self.end() as end:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, pack("ii", True, 0))
        self.close()

    def _there(self) -> pq.abc.PGconn:
        """The connection that is open."""
        if self._connection is None:
            raise Unreachable(_LOST, asked=True)
        return self._connection

    def _connected(self) -> pq.abc.PGconn:
        if self._in_transaction:
            return self._there()
        if self._connection is not None and self.is_replaced:
            self.close()
        if self._connection is None:
            self._dial()
        return self._there()

    def _dial(self) -> None:
        failed: list[tuple[str, Unreachable]] = []
        self._silences = self.servers.silences
        for name, answer in zip(self.servers.names, self.servers.ask(), strict=True):
            if isinstance(answer, Unreachable):
                failed.append((name, answer))
            elif self._connection is not None:
                answer.connection.finish()
            else:
                try:
                    self._use(answer)
                except Unreachable as error:
                    failed.append((name, error))
                    self.close()
        if self._connection is None:
            raise _none_of(failed)

    def _use(self, found: Found) -> None:
        """Ask this one from now on; raises `Unreachable` where it will not do."""
        self._connection, self._standing = found
        if self.is_replaced:
            raise Unreachable(_REPLACED, asked=False)
        if self._standing.refuses:
            raise Unreachable(READ_ONLY, asked=False)
        try:
            self.fit(self)
        except psycopg.Error as error:
            raise Unreachable(said(str(error)), asked=False) from None
        except Failed as error:
            raise Unreachable(error.reason, asked=False) from None
        except Unusable as error:
            raise Unreachable(error.sentence, False, error) from None

    def _rows(self, result: pq.abc.PGresult) -> list[Row]:
        try:
            return rows(result)
        except Unreachable:
            self.close()
            raise
        except Failed as error:
            if error.state in ELSEWHERE and not self._in_transaction:
                self.close()
                raise Unreachable(error.reason, asked=False) from None
            raise


def _none_of(failed: Sequence[tuple[str, Unreachable]]) -> Unreachable:
    """None of these hosts will do; where there are several, each has a reason of its own."""
    unusable = next((error.unusable for _, error in failed if error.unusable is not None), None)
    if len(failed) == 1:
        return Unreachable(failed[0][1].reason, False, unusable)
    reasons = [about(name, error.reason) for name, error in failed]
    return Unreachable(reduce(lambda told, more: say("{told}; {more}", told=told, more=more), reasons), False, unusable)


_LOST = say("the connection was lost")
_REPLACED = say("another server has taken its place")
