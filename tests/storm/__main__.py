"""`python -m tests.storm`: the options, one storm, its report; the status is 1 where a promise was broken."""

import argparse
import sys
from pathlib import Path
from random import SystemRandom

from tests.storm.network import apart, missing
from tests.storm.nodes import possible
from tests.storm.proxy import FAULTS
from tests.storm.report import Forecast
from tests.storm.weather import NAMES, PEOPLE, run
from tests.support.wall_clock import LIBRARIES


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.storm",
        description="Clients talk while lines are cut and the server is killed; afterwards every acknowledged line "
        "must be in its room's history once, and everybody must have been shown everything once, in one order.",
        epilog="What follows -- goes to `twistd chat`, for example: -- --database chat.sqlite3 --sync normal",
    )

    def number(name: str, kind: type, default: float, about: str) -> None:
        parser.add_argument(name, type=kind, default=default, help=f"{about} (default: {default})")

    parser.add_argument("--seed", type=int, help="repeats a storm's faults and texts (default: a new one)")
    number("--seconds", float, 20, "how long the storm blows at least")
    number("--kills", int, 0, "how often the server is killed; needs a store on disk")
    number("--nodes", int, 1, "so many servers on the one database, of which each suffers, and so does that")
    parser.add_argument("--database", choices=["postgresql"], help="a primary and its standby, and the servers on both")
    number("--clients", int, 6, f"on the JSON wire, plain, encrypted or a page's, {len(NAMES)} at most")
    number("--people", int, 3, f"with netcat, an IRC client, ssh, and netcat again; {len(PEOPLE)} at most")
    number("--devices", int, 2, "on the JSON wire, of one account")
    number("--mortal", float, 20, "seconds after which a client dies for good, on average and 5 at least; 0 for never")
    number("--commit-seconds", float, 0, "a slow disk: what each commit takes longer; what is promised too early shows")
    parser.add_argument("--faults", default="", help=f"only these, separated by commas: {', '.join(FAULTS)}")
    network = "each server and database on a machine of its own, between which packets are lost (Linux, root, nftables)"
    parser.add_argument("--network", action="store_true", help=network)
    parser.add_argument("--befalls", default="", help=f"servers only suffer these: {', '.join(possible(True, True))}")
    parser.add_argument("--first", type=int, default=5, help="so many broken promises are shown (default: 5)")
    recording = "leave there what everybody saw and sent, and when, the rooms' logs and the servers'"
    parser.add_argument("--record", metavar="DIR", type=Path, help=recording)
    parser.add_argument("server", nargs="*", help="options of the server, behind --")
    options = parser.parse_args(arguments)
    if options.nodes > 1 and not options.database:
        parser.error("several nodes need --database postgresql")
    if options.network and not options.database:
        parser.error("--network needs --database postgresql")
    if options.network and (why := missing()):
        parser.error(why)
    if "clock" in options.befalls and not LIBRARIES:
        parser.error("the clock of the database is set by libfaketime, which is not there")
    return options


def main(arguments: list[str]) -> int:
    """0; 1 where a promise was broken."""
    options = _options(arguments)
    if options.network:
        apart()
    report = run(
        Forecast(
            seed=SystemRandom().randrange(10**6) if options.seed is None else options.seed,
            seconds=options.seconds,
            kills=options.kills,
            clients=options.clients,
            people=options.people,
            devices=options.devices,
            options=tuple(options.server),
            faults=tuple(filter(None, options.faults.split(","))),
            mortal=options.mortal,
            commit_seconds=options.commit_seconds,
            nodes=options.nodes if options.database else 0,
            network=options.network,
            befalls=tuple(filter(None, options.befalls.split(","))),
        )
    )
    if options.record is not None:
        report.keep(options.record)
    sys.stdout.write(report.text(options.first) + "\n")
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
