"""The certificates that somebody accepted: a file with one line for each, `HOST:PORT SHA256:AA:BB:…`.

It is made for people to read and to edit: what else stands in it is kept, and a line that names a server and no
fingerprint is a fingerprint that no certificate has.  It lies beside what is kept of conversations, nobody else may
read it, and it is replaced, never written in part, under a lock that a second client waits for.
"""

import fcntl
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from chat.base.fingerprint import normal
from chat.client.private_files import open_private, private_directory


@dataclass(frozen=True, slots=True)
class KnownServer:
    """What a line of the file says of a server; lines are counted from 1."""

    line: int
    fingerprint: str


class KnownServers:
    """The file at this path, which need not be there; without a path nothing is known, and nothing can be kept."""

    def __init__(self, path: Path | None) -> None:
        self.path = path

    def find(self, server: str) -> Sequence[KnownServer]:
        """What is known of this server; raises `OSError` where that cannot be told."""
        try:
            text = "" if self.path is None else self.path.read_text("utf-8", "replace")
        except FileNotFoundError:
            text = ""
        return _entries(text, server)

    def add(self, server: str, fingerprint: str) -> None:
        """Keep this one, unless something is known by now; raises `OSError`."""
        if self.path is None:
            raise FileNotFoundError(None, "there is no home directory")
        private_directory(self.path.parent)
        descriptor = _locked(self.path)
        try:
            text = self.path.read_bytes().decode("utf-8", "surrogateescape")
            if not _entries(text, server):
                end = "" if text.endswith("\n") or not text else "\n"
                _replace(self.path, f"{text}{end}{server} {fingerprint}\n".encode("utf-8", "surrogateescape"))
        finally:
            os.close(descriptor)


def _entries(text: str, server: str) -> Sequence[KnownServer]:
    lines = ((number, line.split(maxsplit=1)) for number, line in enumerate(text.split("\n"), 1))
    return [
        KnownServer(number, normal(words[1].strip()) or words[1].strip() if words[1:] else "")
        for number, words in lines
        if words and words[0].lower() == server.lower()
    ]


def _locked(path: Path) -> int:
    """The file, made if there is none, locked; whoever had the lock before may have put another in its place."""
    while True:
        descriptor = open_private(path, os.O_RDWR)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        except FileNotFoundError:
            pass
        except OSError:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _replace(path: Path, data: bytes) -> None:
    """Put this in the file's place, whole and on the disk: emptied by a power cut it would forget everybody."""
    new = path.with_name(f"{path.name}.new")
    descriptor = open_private(new, os.O_WRONLY | os.O_TRUNC)
    try:
        while data:
            data = data[os.write(descriptor, data) :]
        os.fsync(descriptor)
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)
