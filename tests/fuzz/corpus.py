"""The inputs that are kept: one file a target, one input a line, as Python writes bytes, the shortest first.

They are few and short, for they are replayed with the quick tests; together they reach all that a fuzzer has found.
"""

import ast
from collections.abc import Iterable
from pathlib import Path

DIRECTORY = Path(__file__).parent / "corpus"
MOST_BYTES = 24 * 1024
"""What one target may keep: the whole of it is in the repository."""


def read(target: str) -> list[bytes]:
    """The inputs kept for a target."""
    path = DIRECTORY / f"{target}.txt"
    return [ast.literal_eval(line) for line in path.read_text("ascii").splitlines()] if path.exists() else []


def write(target: str, inputs: Iterable[bytes]) -> int:
    """Keep these for a target, as many of the shortest as may be; returns how many those are."""
    lines, size = [], 0
    for data in sorted(set(inputs), key=lambda data: (len(data), data)):
        line = f"{data!r}\n"
        size += len(line)
        if size > MOST_BYTES:
            break
        lines.append(line)
    DIRECTORY.mkdir(exist_ok=True)
    (DIRECTORY / f"{target}.txt").write_text("".join(lines), "ascii")
    return len(lines)
