"""A clock on the wall that a test sets, for some programs alone (libfaketime); what measures time is not concerned."""

import os
from glob import glob
from pathlib import Path

LIBRARIES = glob("/usr/lib/*/faketime/libfaketime.so.1")
"""Where Debian has it; nothing where it is not installed."""


class WallClock:
    """One that a file sets, of whoever runs in this `environment`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.environment = {
            "LD_PRELOAD": LIBRARIES[0],
            "FAKETIME_TIMESTAMP_FILE": str(path),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        self.set("+0")

    def set(self, step: str) -> None:
        """It is so far off, as "+1h"."""
        new = self._path.with_suffix(".new")
        new.write_text(step)
        os.replace(new, self._path)  # whoever reads it just now finds one or the other
