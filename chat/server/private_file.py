"""A file that only its owner can read."""

import os
import tempfile
from pathlib import Path


def write_private(path: Path, line: str) -> None:
    """Let this line be all of a file, whatever was there; raises `OSError`, and then it is what it was."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}-", delete=False) as file:  # 0600
        try:
            file.write(f"{line}\n".encode())
            file.flush()
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise
