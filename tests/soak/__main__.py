"""`python -m tests.soak idle`: lay a load upon a server and say what that did; the status is 1 where a bound broke."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.soak.loads import LOADS, USUAL, Broken
from tests.soak.server import Server


def main(arguments: list[str]) -> int:
    """0, or 1 where a bound did not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument(
        "load", choices=LOADS, help="; ".join(f"{name}: {load.__doc__}" for name, load in LOADS.items())
    )
    parser.add_argument("--connections", type=int, help="how many")
    parser.add_argument("--seconds", type=float, help="how long")
    options = parser.parse_args(arguments)
    connections, seconds = USUAL[options.load]
    return asyncio.run(run(options.load, options.connections or connections, options.seconds or seconds))


async def run(load: str, connections: int, seconds: float) -> int:
    """Lay it upon a server of its own."""

    def say(line: str) -> None:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    with tempfile.TemporaryDirectory() as directory:
        server = Server(Path(directory))
        try:
            await LOADS[load](server, say, connections, seconds)
        except Broken as broken:
            say(f"broken: {broken}")
            return 1
        finally:
            await server.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
