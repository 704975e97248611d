"""What is left when the client itself is at fault: a file with where it happened, and not what people said."""

import os
import platform
import traceback
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from twisted.logger import LogEvent, LogLevel
from twisted.python.failure import Failure

from chat import __version__
from chat.client.private_files import open_private, private_directory
from chat.client.talk.state import state_path


class Report:
    """Takes the first fault, writes it down, and has the program end (`stop`); `path` says where it stands then."""

    def __init__(self, environ: Mapping[str, str], now: Callable[[], datetime], stop: Callable[[], object]) -> None:
        self.path: Path | None = None
        self.wanted = False
        self._environ = environ
        self._now = now
        self._stop = stop

    def observe(self, event: LogEvent) -> None:
        """(ILogObserver) What Twisted caught."""
        failure = event.get("log_failure")
        if isinstance(failure, Failure) and event.get("log_level") in (LogLevel.critical, LogLevel.error):
            self.take("".join(traceback.format_exception(failure.value)))

    def handle(self, loop: object, context: Mapping[str, object]) -> None:
        """What asyncio caught (an exception handler)."""
        error = context.get("exception")
        if isinstance(error, BaseException):
            self.take("".join(traceback.format_exception(error)))

    def take(self, what: str) -> None:
        """Write this down, unless there is one already; it may be that nothing can be written."""
        if self.wanted:
            return
        self.wanted = True
        try:
            path = state_path(self._environ, f"fault-{self._now():%Y-%m-%dT%H-%M-%S}.txt")
            private_directory(path.parent)
            descriptor = open_private(path, os.O_WRONLY | os.O_TRUNC)
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace") as file:
                file.write(
                    f"chat-client {__version__}, Python {platform.python_version()}, {platform.platform()}\n{what}"
                )
            self.path = path
        except (OSError, RuntimeError):
            pass
        self._stop()
