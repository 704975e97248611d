"""What brings somebody back whose client was killed: a small file for each server and nickname.

It holds the resume code, so nobody else may read it (0600, in a directory of 0700), and it is replaced, never written
in part.  A run that uses it holds a lock on it, and moves the lock to the file that replaces it; a second run of the
same client finds it taken and does without, so that two of them do not take each other over.  What stands in a file
is checked as if a stranger had written it.
"""

import fcntl
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import quote

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from chat.base import limits
from chat.base.errors import BadInput
from chat.client.private_files import open_private, private_directory
from chat.client.talk.me import SentLine
from chat.wire import jsonl


@dataclass(frozen=True, slots=True)
class SavedState:
    """The resume code, what was shown of each log, and the lines that were not confirmed, oldest first."""

    code: str
    shown: Mapping[str, int]
    lines: Sequence[SentLine]
    nick: str = field(default="", compare=False)
    """Whose it is, for whoever sits there next."""


class StateFile:
    """A state on the disk, ours until `close`."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor

    @classmethod
    def take(cls, path: Path) -> Self | None:
        """The file at this path, made if there is none; None while another run has it.  Raises `OSError`."""
        private_directory(path.parent)
        while True:
            descriptor = open_private(path, os.O_RDWR)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # Whoever had it may have replaced it, or taken it away, since it was opened.
                if os.path.samestat(os.fstat(descriptor), path.stat()):
                    return cls(path, descriptor)
            except BlockingIOError:
                os.close(descriptor)
                return None
            except FileNotFoundError:
                pass
            except OSError:
                os.close(descriptor)
                raise
            os.close(descriptor)

    def read(self) -> SavedState | None:
        """What stands in it; None if that is nothing, or cannot be used."""
        try:
            return _parse(json.loads(self._path.read_bytes()))
        except (OSError, ValueError, RecursionError, _Unfit):
            return None

    def write(self, state: SavedState) -> None:
        """Let this stand in it, and nothing else; raises `OSError`, and then what stood there still does."""
        lines = [json.loads(jsonl.encode_request(line.request())) for line in state.lines]
        data = json.dumps({"code": state.code, "shown": dict(state.shown), "lines": lines, "nick": state.nick}).encode()
        new = self._path.with_name(f"{self._path.name}.new")
        descriptor = open_private(new, os.O_WRONLY | os.O_TRUNC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            while data:
                data = data[os.write(descriptor, data) :]
            new.replace(self._path)
        except OSError:
            os.close(descriptor)
            new.unlink(missing_ok=True)
            raise
        os.close(self._descriptor)
        self._descriptor = descriptor

    def remove(self) -> None:
        """Take the file away: nobody is to be brought back.  Raises `OSError`."""
        self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Let another run have it."""
        os.close(self._descriptor)


class _Unfit(Exception):
    """This is no state."""


def _parse(keys: object) -> SavedState:
    match keys:
        case {"code": str(code), "shown": dict(shown), "lines": list(lines), **more}:
            nick = more.get("nick")
            read = [_line(line) for line in lines]
            if all(type(seq) is int and seq >= 0 for seq in shown.values()):
                return SavedState(code, shown, read, nick if isinstance(nick, str) else "")
    raise _Unfit


def _line(keys: object) -> SentLine:
    try:
        asked = jsonl.decode(json.dumps(keys))
    except BadInput:
        raise _Unfit from None
    if not asked.id:
        raise _Unfit
    return SentLine(asked.id, asked.line, asked.before, asked.room, asked.said, shown=asked.shown)


def state_path(environ: Mapping[str, str], *names: str) -> Path:
    """Where the state of this server, nickname and so on belongs; raises `RuntimeError` where there is no home."""
    base = Path(environ.get("XDG_STATE_HOME", ""))
    if not base.is_absolute():
        base = Path.home() / ".local" / "state"
    # A comma only ever stands between two names, and no name is a way to another directory.
    return base / "chat" / ",".join(quote(name, safe=":[]") for name in names)


class Keeper:
    """Writes the state when it is time; without a file it does nothing.

    What was typed is written at once, what was shown within a second: a client that is killed loses no line, and when
    it comes back it may show once more what came in its last second.
    """

    def __init__(
        self,
        file: StateFile | None,
        clock: IReactorTime,
        state: Callable[[], SavedState | None],
        failed: Callable[[OSError], None],
    ) -> None:
        self._file = file
        self._clock = clock
        self._state = state
        self._failed = failed
        self._written: SavedState | None = None
        self._written_at = clock.seconds() - limits.KEEP_SECONDS
        self._due: IDelayedCall | None = None

    def soon(self) -> None:
        """Something changed; however often that is, it is written once a second."""
        if self._due is None and self._file is not None:
            delay = self._written_at + limits.KEEP_SECONDS - self._clock.seconds()
            self._due = self._clock.callLater(max(0.0, delay), self._write)

    def now(self) -> None:
        """Something was typed: it is written as soon as all that came with it is read."""
        self.soon()
        if self._due is not None:
            self._due.reset(0)

    def stop(self, state: SavedState | None) -> None:
        """It is over: leave this behind, or no file at all."""
        file, self._file = self._file, None
        if self._due is not None:
            self._due.cancel()
            self._due = None
        if file is None:
            return
        try:
            if state is None:
                file.remove()
            else:
                file.write(state)
        except OSError as error:
            self._failed(error)
        file.close()

    def _write(self) -> None:
        self._due = None
        state = self._state()
        if self._file is None or state is None or state == self._written:
            return
        self._written_at = self._clock.seconds()
        try:
            self._file.write(state)
        except OSError as error:
            self._failed(error)
        else:
            self._written = state
