"""The log that the operator reads: what is written of an event, and how often.

A terminal shows it and programs take it apart, so every line is `visible`, an entry has a bounded length, and what
happens a thousand times a second stands there a few times, with the number.  People's words do not belong here: no
call of a logger names them, a traceback shows no values, and where an error's own words quote some, they are left out.
An entry that cannot be written, for the disk is full or nobody reads the screen, is counted, and costs nothing else.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import Protocol

from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent, formatTime
from twisted.python.failure import Failure
from twisted.python.reflect import safe_str
from zope.interface import implementer

from chat.base import limits
from chat.base.errors import ChatError
from chat.base.patterns import pattern
from chat.base.text import visible

_PORT = "twisted.internet.tcp.Port"
_NOT_ACCEPTED = ("EMFILE recovery: Closed", "Could not accept")
_ABOUT_IT = ("EMFILE encountered", "Re-reserving EMFILE")
"""What Twisted says of a connection that it cannot take, and the lines that it puts around that."""

_NO_FILES = "A connection was refused: all file descriptors are in use; a higher `ulimit -n` before the start helps"

_QUOTE = (ValueError, LookupError, ChatError)
_QUOTED = pattern(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""")
"""Errors that quote what they were given, and a quotation."""

Form = Callable[[LogEvent, int], str]
"""What is written of an event, and of so many more like it that are left out."""


class Out(Protocol):
    """Where the log is written to."""

    def write(self, entry: str) -> None:
        """Write an entry with its line end, whole; raises `OSError` where that cannot be."""

    def reopen(self) -> None:
        """Whoever looks after logs has put this one aside: begin a new one."""


@dataclass(slots=True)
class _Kind:
    """Entries that say the same, since a moment."""

    since: float
    told: int = 0
    untold: int = 0


@implementer(ILogObserver)
class LogBook:
    """Writes events; any thread may log."""

    def __init__(self, out: Out, form: Form, seconds: Callable[[], float] = time.monotonic) -> None:
        self._out = out
        self._form = form
        self._seconds = seconds
        self._kinds: dict[tuple[object, object], _Kind] = {}
        self._lost = 0
        self._lock = Lock()

    def __call__(self, event: LogEvent) -> None:
        """(ILogObserver) Write an event, unless enough was said of its kind."""
        with self._lock:
            refused = event.get("log_namespace") == _PORT and str(event.get("log_format"))
            if refused and refused.startswith(_ABOUT_IT):
                return
            if refused and refused.startswith(_NOT_ACCEPTED):
                event = {**event, "log_format": _NO_FILES, "log_level": LogLevel.warn}
            untold = self._untold(event, 1 if event.get("log_format") == _NO_FILES else limits.LOG_SAME)
            if untold is not None and (entry := self._form(event, untold)):
                self._write(entry, event)

    def reopen(self) -> None:
        """Whoever looks after logs has put this one aside."""
        with self._lock:
            self._out.reopen()

    def _untold(self, event: LogEvent, most: int) -> int | None:
        """How many events of this kind were left out before this one; None if it is to be left out too."""
        now = self._seconds()
        if len(self._kinds) > limits.LOG_KINDS:
            self._kinds.clear()
        key = event.get("log_namespace"), event.get("log_format")
        kind = self._kinds.setdefault(key, _Kind(now))
        untold = 0
        if now - kind.since >= limits.LOG_SECONDS:
            untold = kind.untold
            kind = self._kinds[key] = _Kind(now)
        if kind.told >= most:
            kind.untold += 1
            return None
        kind.told += 1
        return untold

    def _write(self, entry: str, event: LogEvent) -> None:
        try:
            if self._lost:
                lost = {"log_format": "{count} entries could not be written", "count": self._lost}
                self._out.write(self._form({**_MARGIN, **lost, "log_time": event.get("log_time")}, 0))
                self._lost = 0
            self._out.write(entry)
        except OSError:
            self._lost += 1


_MARGIN: LogEvent = {"log_namespace": __name__, "log_level": LogLevel.warn}


def as_text(event: LogEvent, untold: int) -> str:
    """An entry for people, as Twisted writes it; lines after the first are indented."""
    text = "\n".join(filter(None, (_text(event), _traceback(event))))
    if not text:
        return ""
    system = event.get("log_system") or f"{event.get('log_namespace', '-')}#{_level(event)}"
    more = f" ({untold} more like this were left out)" if untold else ""
    lines = _lines(text)
    head = f"{formatTime(event.get('log_time'))} [{visible(safe_str(system))}] {lines[0]}{more}"
    return "\n\t".join((head, *lines[1:])) + "\n"


def as_json(event: LogEvent, untold: int) -> str:
    """An entry for programs: one object on one line, in ASCII."""
    text, traceback = _text(event), _traceback(event)
    if not (text or traceback):
        return ""
    at = event.get("log_time")
    entry: dict[str, object] = {
        "time": datetime.fromtimestamp(time.time() if at is None else at, UTC).isoformat("T", "milliseconds")[:-6]
        + "Z",
        "level": _level(event),
        "system": visible(safe_str(event.get("log_system") or event.get("log_namespace", "-"))),
        "text": "\n".join(_lines(text)),
    }
    if traceback:
        entry["traceback"] = "\n".join(_lines(traceback))
    if untold:
        entry["more"] = untold
    return json.dumps(entry) + "\n"


def _level(event: LogEvent) -> str:
    level = event.get("log_level")
    return "-" if level is None else str(level.name)


def _text(event: LogEvent) -> str:
    return formatEvent(event)


def _traceback(event: LogEvent) -> str:
    """Where an error happened, and its own words without what they quote: that may be what somebody said."""
    failure: Failure | None = event.get("log_failure")
    if failure is None:
        return ""
    try:
        text = failure.getTraceback().rstrip("\n")
        said = safe_str(failure.value)
        if said and isinstance(failure.value, _QUOTE):
            text = text.replace(said, _QUOTED.sub("…", said))
    except Exception as error:
        return f"(a traceback that cannot be shown: {type(error).__name__})"
    return text


def _lines(text: str) -> list[str]:
    """The lines of a text, harmless, of LOG_ENTRY characters in all."""
    if len(text) > limits.LOG_ENTRY:
        half = limits.LOG_ENTRY // 2
        text = f"{text[:half]} … ({len(text) - 2 * half} characters left out) … {text[-half:]}"
    return list(map(visible, text.split("\n")))
