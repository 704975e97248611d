"""The way of a line through the code: `python -m tests.trace [CHECKOUT]`, for this checkout or another one of ours.

For each of some lines: how many calls of Python there are inside `chat/` from the bytes that came to those that go out
(one sender, one who hears it, the store in memory), in how many files, and how often the next call is in another file.
With `-v` the calls themselves.  A comprehension counts as a call where it is one: up to Python 3.11.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).parent.parent


class Trace:
    """The calls that were made while it was on, each as file and function."""

    def __init__(self, package: Path) -> None:
        self.calls: list[tuple[str, str]] = []
        self._package = f"{package}/"

    def __enter__(self) -> "Trace":
        sys.setprofile(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _note(self, frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(self._package):
            self.calls.append((code.co_filename.removeprefix(self._package), code.co_name))

    @property
    def moves(self) -> int:
        """How often the next call is in another file."""
        return sum(one != other for (one, _), (other, _) in zip(self.calls, self.calls[1:], strict=False))


def worlds(root: Path) -> Any:
    """The world of that checkout's tests, with its code."""
    sys.path[:0] = [str(path) for path in (root, root / "tests" / "support", root / "tests")]
    from world import World

    return World


def ways(world: Any, package: Path) -> Sequence[tuple[str, Trace]]:
    """Each line by a new world's amy, while bob hears; a first one goes before it, so that all is warm."""
    found = []
    for line in ("hello", "/msg bob hello", "/who", "/nick dee"):
        here = world()
        amy = here.enter("amy")
        here.enter("bob")
        amy.type("first")
        found.append((line, _traced(package, amy, line)))
    here = world()
    amy = here.enter("amy")
    code = (getattr(amy, "session", None) or amy.protocol.session).code
    amy.cut()
    back = here.connect()
    back.take()
    return [*found, ("/resume CODE", _traced(package, back, f"/resume {code}"))]


def _traced(package: Path, client: Any, line: str) -> Trace:
    with Trace(package) as trace:
        client.type(line)
    return trace


def main(words: Sequence[str] | None = None) -> None:
    """Print a table."""
    options = argparse.ArgumentParser(prog="python -m tests.trace", description=(__doc__ or "").split("\n\n")[1])
    options.add_argument("checkout", nargs="?", type=Path, default=ROOT)
    options.add_argument("-v", action="store_true", dest="verbose", help="show the calls")
    chosen = options.parse_args(words)
    root = chosen.checkout.resolve()
    rows = [f"{'line':14}{'calls':>7}{'files':>7}{'moves':>7}"]
    for line, trace in ways(worlds(root), root / "chat"):
        rows.append(f"{line:14}{len(trace.calls):7}{len({file for file, _ in trace.calls}):7}{trace.moves:7}")
        if chosen.verbose:
            rows += [f"    {file}: {name}" for file, name in trace.calls]
    sys.stdout.writelines(f"{row}\n" for row in rows)


if __name__ == "__main__":
    main()
