"""What goes over a connection to PostgreSQL: a statement, what comes of it, and what its errors mean.

A statement that takes too long is given up by closing the connection, never by a cancel or by the server's own
time-out: a commit that is cancelled while it waits for its standby is kept, and seen, on one machine alone.
"""

import json
import re
import select
from collections.abc import Callable, Generator, Mapping, Sequence
from functools import cache
from math import inf
from time import monotonic
from typing import Any, TypeVar

import psycopg
from psycopg import pq

from chat.base.language import Sentence, say
from chat.base.patterns import pattern
from chat.store.rows import storable
from chat.store.unusable import DAMAGED, DISK_ERROR, DISK_FULL, READ_ONLY, Unusable

Row = Sequence[Any]

Result = TypeVar("Result")


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

ELSEWHERE = ("25006", "55P03", "40001", "40P01")
"""Nothing was done, and it may be another time, or on another server: it cannot be written to, somebody is in the
way."""

SILENT = say("it does not answer")


def said(message: str) -> Sentence:
    """The first line of what PostgreSQL says."""
    lines = [line for line in message.strip().splitlines() if line] or ["?"]
    return say("{error}", error=lines[0])


# Several at once.

Steps = Generator[tuple[int, int], None, Result]
"""What is done over a connection whenever its descriptor is ready for these events of `poll`."""


def together(
    several: Sequence[Steps[Result]],
    seconds: float,
    enough: Callable[[Result], bool] = lambda result: False,
    more_seconds: float = 0,
) -> list[Result | Exception]:
    """What becomes of each, in their order: of one that takes longer, or so much longer than another one of which came
    `enough`, a `TimeoutError`."""
    outcomes: list[Result | Exception] = [TimeoutError() for _ in several]
    waits: dict[int, tuple[int, int]] = {}
    ends_at = monotonic() + seconds

    def go_on(number: int) -> None:
        nonlocal ends_at
        waits.pop(number, None)
        try:
            waits[number] = next(several[number])
        except StopIteration as end:
            outcomes[number] = end.value
            if enough(end.value):
                ends_at = min(ends_at, monotonic() + more_seconds)
        except (psycopg.Error, Failed, Unreachable, Unusable) as error:
            outcomes[number] = error

    for number in range(len(several)):
        go_on(number)
    while waits:
        poll = select.poll()
        for descriptor, events in waits.values():
            poll.register(descriptor, events)
        ready = dict(poll.poll(None if ends_at == inf else max(0, ends_at - monotonic()) * 1000))
        for number in [number for number, (descriptor, _) in waits.items() if descriptor in ready]:
            go_on(number)
        if not ready:
            break
    for number in waits:
        several[number].close()
    return outcomes


def exchange(
    connection: pq.abc.PGconn, statement: bytes, parameters: Sequence[bytes | None], seconds: float
) -> pq.abc.PGresult:
    """Send a statement and wait for what comes of it; raises `TimeoutError`."""
    (outcome,) = together([exchanging(connection, statement, parameters)], seconds)
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def exchanging(
    connection: pq.abc.PGconn, statement: bytes, parameters: Sequence[bytes | None] = ()
) -> Steps[pq.abc.PGresult]:
    """Send a statement, and take what comes of it."""
    connection.nonblocking = 1
    connection.send_query_params(statement, parameters)
    while connection.flush():
        yield connection.socket, select.POLLIN | select.POLLOUT
        connection.consume_input()
    last = None
    while True:
        while connection.is_busy():
            yield connection.socket, select.POLLIN
            connection.consume_input()
        result = connection.get_result()
        if result is None:
            assert last is not None
            return last
        last = result


# What is sent and comes back.


@cache
def numbered(statement: str) -> tuple[bytes, Sequence[str]]:
    """The statement with its values numbered, as PostgreSQL has it, and their names."""
    names: dict[str, int] = {}

    def number(match: re.Match[str]) -> str:
        return f"${names.setdefault(match[1], len(names) + 1)}"

    return _NAMED.sub(number, statement).encode(), list(names)


_NAMED = pattern(r"(?<!:):([a-z_]+)")


def parameter(value: object) -> bytes | None:
    """A value as PostgreSQL reads it."""
    if value is None:
        return None
    if isinstance(value, bool):
        return b"t" if value else b"f"
    return storable(value).encode() if isinstance(value, str) else str(value).encode()


def rows(result: pq.abc.PGresult) -> list[Row]:
    """What a statement has found; raises `Failed`, and `Unreachable` where its error ends the connection."""
    if result.status in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK):
        readers = [_READERS.get(result.ftype(column), _as_text) for column in range(result.nfields)]
        return [
            [
                None if (value := result.get_value(row, column)) is None else read(value)
                for column, read in enumerate(readers)
            ]
            for row in range(result.ntuples)
        ]
    message = (result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or b"").decode(errors="replace")
    if result.error_field(pq.DiagnosticField.SEVERITY_NONLOCALIZED) != b"ERROR":
        # Perhaps while a commit waits for its standby: that is kept.
        raise Unreachable(said(message), asked=True)
    raise Failed((result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode(), message)


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
