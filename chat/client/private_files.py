"""Files that nobody else may read."""

import os
from pathlib import Path


def private_directory(path: Path) -> None:
    """Let there be this directory, for nobody else; raises `OSError`."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)


def open_private(path: Path, flags: int) -> int:
    """Open a file that nobody else may read, made if there is none; raises `OSError`."""
    descriptor = os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    os.fchmod(descriptor, 0o600)
    return descriptor
