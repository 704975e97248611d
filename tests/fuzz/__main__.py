"""`python -m tests.fuzz lines --seconds 600`: look for inputs that break a target; atheris guides it by coverage.

What is found while it runs goes to a directory, a crash as `crash-*` there, and the status is not 0 then.  `--keep`
afterwards takes from that directory, and from what was kept before, the fewest inputs that reach as much.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import atheris

from tests.fuzz import corpus

SLOWEST_SECONDS = 10
MOST_MEGABYTES = 1500
LONGEST = 2048


def _options(arguments: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """Ours, and what else there is: libFuzzer's own, which it gives to the processes that it starts."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", help="lines, commands, requests, objects, client or texts")
    parser.add_argument("--seconds", type=int, default=60, help="how long (default: 60)")
    parser.add_argument("--found", type=Path, help="the directory for what is found (default: a new one)")
    parser.add_argument("--keep", action="store_true", help="run nothing, keep what --found has")
    return parser.parse_known_args(arguments)


def _keep(target: str, found: Path) -> None:
    """Let libFuzzer choose the fewest that reach as much, and keep those."""
    with tempfile.TemporaryDirectory() as chosen:
        _unpack(target, found)
        command = [sys.executable, "-m", "tests.fuzz", target, "-merge=1", chosen, str(found)]
        subprocess.run(command, check=True)
        inputs = [path.read_bytes() for path in Path(chosen).iterdir()]
    kept = corpus.write(target, inputs)
    sys.stdout.write(f"{target}: {kept} of {len(inputs)} inputs kept\n")


def _unpack(target: str, directory: Path) -> None:
    for number, data in enumerate(corpus.read(target)):
        (directory / f"kept-{number}").write_bytes(data)


def main(arguments: list[str]) -> None:
    """Never returns where it fuzzes: atheris ends the process, with status 0 if nothing was found."""
    options, flags = _options(arguments)
    if options.keep:
        _keep(options.target, options.found)
        return
    with atheris.instrument_imports(include=["chat"]):
        from tests.fuzz.targets import TARGETS
    if not flags:
        found = options.found or Path(tempfile.mkdtemp(prefix=f"fuzz-{options.target}-"))
        found.mkdir(exist_ok=True)
        _unpack(options.target, found)
        flags = [f"-max_total_time={options.seconds}", f"-artifact_prefix={found}/", str(found)]
    bounds = [f"-timeout={SLOWEST_SECONDS}", f"-rss_limit_mb={MOST_MEGABYTES}", f"-max_len={LONGEST}"]
    # With its first word it starts itself, in a shell.
    ourselves = f"{sys.executable} -m tests.fuzz {options.target}"
    atheris.Setup([ourselves, "-print_final_stats=1", *bounds, *flags], TARGETS[options.target])
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
