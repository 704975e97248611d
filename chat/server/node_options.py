"""Where several servers are one chat: options that are the same on all, and those of which a difference is told.

What a reload can change for everybody is kept in the database, an option a record.  Whoever starts while no other node
is there puts what is written for it; who comes later takes what holds, whatever is written.  A reload puts what was
written otherwise since the last one, and nothing else: one that is for another reason, as a new certificate, changes
nothing for the others.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from chat.base import limits
from chat.base.bans import parse_ban
from chat.base.errors import ChatError, Unfit, about
from chat.base.language import Sentence, language, say
from chat.core.hub import Hub
from chat.core.ports import NodeState, Record
from chat.server.options import Options
from chat.server.reload import change, named, spelled_value
from chat.store.keep import parse_keep, spelled

logger = Logger()

RECORDS = "option"
"""The kind of their records."""

SHARED = (
    "for",
    "name",
    "motd",
    "history",
    "grace",
    "rate",
    "max-per-host",
    "bans",
    "registered-only",
    "reserved",
    "keep",
)
"""What a reload can change, and is the same for everybody."""

TOLD = ("unrecorded", "language", "password", "web", "public-log", "shared-computers")
"""Where it is another one on another node, people see another chat there."""

_BREAKS = ("unrecorded",)
"""Where it is another one a node does not start: people are told that nothing is kept of what they say, and it would
be."""

_AS_JSON: Mapping[str, Callable[[Any], Any]] = {
    "bans": lambda value: sorted(map(str, value)),
    "reserved": sorted,
    "keep": spelled,
}
_FROM_JSON: Mapping[str, Callable[[Any], Any]] = {
    "bans": lambda value: frozenset(map(parse_ban, value)),
    "reserved": frozenset,
    "keep": parse_keep,
    "motd": tuple,
}


class NodeOptions:
    """Those of one node: as they are written for it, and as they hold."""

    def __init__(self, written: Options, records: Sequence[Record], others: Sequence[NodeState]) -> None:
        """Raises `Unfit` where another node's would break the chat."""
        self._written = written
        self._others = others
        self._first = not others
        self._holds = {name: written[name] for name in SHARED}
        self._apply: Callable[[Options], None] = lambda options: None
        self._introduce: Callable[[Mapping[str, str], Mapping[str, str]], None] = lambda told, written: None
        self._keys: Mapping[str, str] = {}
        self._owed: set[str] = set()
        """Those that the store did not take."""
        if others:
            self._holds |= {record.key: value for record in records for value in _read(record)}
        for other in others:
            for name in _BREAKS:
                there = other.holds.get(name)
                if there is not None and there != (here := spelled_value(name, written[name])):
                    raise Unfit(
                        about(
                            f"--{name}",
                            say(
                                "{here} here and {there} on {node}: one would keep what the other says is not kept. "
                                "Give all nodes the same, or stop the others first.",
                                here=here,
                                there=there,
                                node=other.name,
                            ),
                        )
                    )

    @property
    def holding(self) -> Options:
        """The options as this node goes by them."""
        options = copy(self._written)
        options.update(self._holds)
        return options

    def begin(
        self,
        hub: Hub,
        apply: Callable[[Options], None],
        introduce: Callable[[Mapping[str, str], Mapping[str, str]], None],
        keys: Mapping[str, str],
    ) -> Sequence[Sentence]:
        """All is there: `apply` takes others that hold, `introduce` lets other nodes know of these, with the
        fingerprints of `keys`.  Returns in what the other nodes differ."""
        self._hub, self._apply, self._introduce, self._keys = hub, apply, introduce, keys
        self._tell()
        if self._first:
            self._put(SHARED)
        return [*self._overruled(), *self._differences()]

    def _overruled(self) -> Iterator[Sentence]:
        for name, holds in self._holds.items():
            # Without a word it is the machine's name.
            if holds != self._written[name] and not (name == "name" and not self._written.named):
                yield say(
                    "--{option} is {here} here and {there} on the other nodes: theirs holds until it is written "
                    "otherwise here and read again (/admin reload).",
                    option=named(name, self._written),
                    here=spelled_value(name, self._written[name]),
                    there=spelled_value(name, holds),
                )

    def _differences(self) -> Iterator[Sentence]:
        mine = self._told()
        for other in self._others:
            for name, here in mine.items():
                there = other.holds.get(name, here)
                if there != here:
                    yield say(
                        "{option} differs: {here} here, {there} on {node}. People see another chat there; give all "
                        "nodes the same.",
                        option=name,
                        here=here,
                        there=there,
                        node=other.name,
                    )

    def _told(self) -> Mapping[str, str]:
        return {**{name: spelled_value(name, self._written[name]) for name in TOLD}, **self._keys}

    def _tell(self) -> None:
        self._introduce(self._told(), {name: spelled_value(name, self._written[name]) for name in SHARED})

    def reloaded(self, options: Options) -> None:
        """They were read again: what is written otherwise now holds for all."""
        changed = [name for name in SHARED if options[name] != self._written[name]]
        # What waits for a restart is as it was.
        self._written = options
        self._holds |= {name: options[name] for name in changed}
        self._apply(self.holding)
        self._tell()
        self._put(changed)

    def _put(self, names: Sequence[str]) -> None:
        """Let these hold on all nodes; while the database is away, again and again."""
        if not names or self._hub.stopping:
            return
        records = [Record(RECORDS, name, json.dumps(_as_json(name, self._holds[name]))) for name in names]

        def put(result: Failure | None) -> None:
            if isinstance(result, Failure):
                result.trap(ChatError)
                logger.warn("Other nodes could not be told of new options; that is tried again")
                self._owed.update(names)
                self._hub.clock.callLater(limits.BEAT_SECONDS, self._put_owed)

        done: Deferred[None] = self._hub.turn.change(*records)
        done.addBoth(put).addErrback(lambda failure: logger.failure("Options could not be shared", failure))

    def _put_owed(self) -> None:
        owed, self._owed = sorted(self._owed), set()
        self._put(owed)

    def told(self, record: Record) -> None:
        """Another node has put one, or this one has after that: it holds from now on."""
        name = record.key
        for value in _read(record):
            if value == self._holds[name]:
                return
            logger.info(
                "{change} (for all nodes)",
                change=language("en").words(about(named(name, self._written), change(name, self._holds[name], value))),
            )
            self._owed.discard(name)
            self._holds[name] = value
            self._apply(self.holding)


def _as_json(name: str, value: Any) -> Any:
    return _AS_JSON.get(name, lambda value: value)(value)


def _read(record: Record) -> Iterator[Any]:
    """The value of one of these records; none where another version of the program wrote what is not known here."""
    if record.kind != RECORDS or record.key not in SHARED or record.value is None:
        return
    try:
        yield _FROM_JSON.get(record.key, lambda value: value)(json.loads(record.value))
    except (ValueError, TypeError, Unfit):
        logger.warn("What another node has for {what} cannot be read", what=record.key)
