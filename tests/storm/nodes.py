"""`python -m tests.storm.nodes`: several servers on one database of PostgreSQL while nodes are killed and stopped,
their connections cut, and the database killed; then what everybody has is compared with what is stored.

Some people talk, each line with an id, and some only read; whoever loses their connection comes back to any node by
their code, and sends again what nobody answered.
"""

import argparse
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).parent.parent.parent
sys.path[:0] = [str(ROOT / "tests" / "support")]

from ports import held_port  # noqa: E402
from postgresql import Server, server  # noqa: E402

GRACE = 4
_PROGRAM = """
from chat.base import limits
limits.LEASE_SECONDS, limits.BEAT_SECONDS = 3.0, 0.5
import sys
from twisted.scripts.twistd import run
sys.exit(run())
"""


class Node:
    """One server, which may be started again."""

    def __init__(self, name: str, database: str, directory: Path) -> None:
        self.name = name
        self.directory = directory / name
        self.directory.mkdir()
        self._held = held_port()
        self.port: int = self._held.getsockname()[1]
        self._database = database
        self.start()

    def start(self) -> None:
        port = f"tcp:{self.port}:interface=127.0.0.1"
        options = ["--port", port, "--tls-port", "none", "--control", "none", "--database", self._database]
        options += ["--node", self.name, "--grace", str(GRACE), "--rate", "0", "--max-per-host", "0"]
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM, "-n", "--pidfile=", "chat", *options],
                cwd=self.directory,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdout=log,
                stderr=log,
            )

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        self._held.close()


class Person(threading.Thread):
    """Somebody with a program, and all that they were told."""

    def __init__(self, nick: str, talks: bool, ports: Sequence[int], chance: random.Random) -> None:
        super().__init__(daemon=True)
        self.nick, self.talks, self.stops, self.pauses = nick, talks, False, False
        self._ports, self._chance = ports, chance
        self._code = ""
        self.said = self.came = self.missed = 0
        self.pending: dict[str, None] = {}
        self.acknowledged: dict[str, int] = {}
        self.refused: set[str] = set()
        self.heard: dict[int, str] = {}
        self.joined_at = 0
        self.left: list[str] = []
        self.contradicted = 0
        self.who: list[str] = []

    def run(self) -> None:
        while not self.stops:
            try:
                with socket.create_connection(("127.0.0.1", self._chance.choice(self._ports)), 3) as connection:
                    connection.settimeout(0.2)
                    self._converse(connection)
            except OSError:
                pass
            time.sleep(self._chance.uniform(0.1, 0.4))

    def _converse(self, connection: socket.socket) -> None:
        def send(**what: str) -> None:
            connection.sendall((json.dumps(what) + "\n").encode())

        connection.sendall(b"/json\n")
        send(line=f"/resume {self._code}" if self._code else f"/nick {self.nick}")
        rest, inside, begun = b"", False, time.monotonic()
        while not self.stops:
            try:
                data = connection.recv(65536)
                if not data:
                    return
                rest += data
            except TimeoutError:
                if not inside and time.monotonic() > begun + 15:
                    return
            *lines, rest = rest.split(b"\n")
            for told in (json.loads(line) for line in lines if line.startswith(b"{")):
                if told["type"] == "welcome":
                    inside, self._code = True, told["resume"]
                    self.came += 1
                    self.joined_at = self.joined_at or told["rooms"]["#lobby"]["last"] + 1
                    for id in self.pending:
                        send(say=id, id=id)
                self._told(told)
            if inside and self.talks and not self.pauses and len(self.pending) < 5:
                self.said += 1
                id = f"{self.nick}-{self.said}"
                self.pending[id] = None
                send(say=id, id=id)

    def _told(self, told: dict[str, Any]) -> None:
        kind, id = told["type"], told.get("id")
        if kind == "ack":
            self.acknowledged[told["id"]] = told["seq"]
            self.pending.pop(told["id"], None)
        elif kind == "error" and told["code"] == "not-stored" and id in self.pending:
            self.refused.add(told["id"])
            self.pending.pop(told["id"])
        elif kind == "error" and told["code"] == "code-wrong":
            self._code, self.nick = "", f"{self.nick}x"
        elif kind == "missed":
            self.missed += 1
        elif kind == "left" and told.get("quit"):
            self.left += [told["from"]] if "from" in told else told.get("who", [])
        elif kind == "message":
            before = self.heard.setdefault(told["seq"], told["text"])
            self.contradicted += before != told["text"]


def storm(seconds: float, seed: int, count: int) -> list[str]:
    """What went wrong."""
    chance = random.Random(seed)
    with TemporaryDirectory() as directory, server() as database:
        where = database.emptied("storm")
        nodes = [Node(f"n{number}", where, Path(directory)) for number in range(count)]
        people: list[Person] = []
        try:
            time.sleep(4)
            ports = [node.port for node in nodes]
            people = [Person(f"p{number}", number < 6, ports, random.Random(seed + number)) for number in range(9)]
            for one in people:
                one.start()
            faults = _weather(seconds, chance, nodes, database)
            for one in people:
                one.pauses = True
            ends_at = time.monotonic() + 60
            while any(one.pending for one in people) and time.monotonic() < ends_at:
                time.sleep(0.5)
            time.sleep(3)
            for one in people:
                one.stops = True
            for one in people:
                one.join(5)
            return _compared(people, database, faults, nodes)
        finally:
            for node in nodes:
                node.end()


def _weather(seconds: float, chance: random.Random, nodes: Sequence[Node], database: Server) -> dict[str, int]:
    faults: dict[str, int] = {}
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        time.sleep(chance.uniform(0.5, 3))
        for node in nodes:
            if node.process.poll() is not None:
                node.start()
        what, node = chance.choice(["kill", "stop", "cut", "database"]), chance.choice(nodes)
        faults[what] = faults.get(what, 0) + 1
        if what == "kill":
            node.process.kill()
            node.process.wait()
            time.sleep(chance.uniform(0, 5))
            node.start()
        elif what == "stop":  # for twice its lease, or less
            node.process.send_signal(signal.SIGSTOP)
            time.sleep(chance.choice([1, 6]))
            node.process.send_signal(signal.SIGCONT)
        elif what == "cut":
            database.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'chat'")
        else:
            database.stop()
            time.sleep(chance.choice([0, 1, 7]))
            database.start()
    return faults


def _compared(people: Sequence[Person], database: Server, faults: dict[str, int], nodes: Sequence[Node]) -> list[str]:
    lobby = "id >> 36 = (SELECT id FROM chat.logs WHERE key = '#lobby')"
    rows = database.ask(
        f"SELECT id & ((1::bigint << 36) - 1), text FROM chat.entries WHERE {lobby} ORDER BY 1", "storm"
    )
    stored = {seq: text for seq, text in rows if text is not None}
    texts = set(stored.values())
    wrong = []
    if [seq for seq, _ in rows] != list(range(1, len(rows) + 1)):
        wrong.append("a number is missing, or there twice")
    if len(texts) != len(stored):
        wrong.append(f"{len(stored) - len(texts)} lines are there twice")
    for one in people:
        lost = [id for id, seq in one.acknowledged.items() if stored.get(seq) != id]
        there = [id for id in one.refused if id in texts]
        other = [seq for seq, text in one.heard.items() if stored.get(seq) != text]
        unheard = [seq for seq in stored if seq > one.joined_at and seq not in one.heard and not one.missed]
        for what, some in (
            ("acknowledged, and not there", lost),
            ("refused, and there", there),
            ("heard otherwise than stored", other),
            ("not heard", [] if one.talks else unheard),
            ("never answered", list(one.pending)),
            ("heard as two", [one.contradicted] if one.contradicted else []),
        ):
            if some:
                wrong.append(f"{one.nick}: {what}: {some[:5]}")
    for node in nodes:
        if "Traceback" in (log := (node.directory / "log").read_text("utf-8", "replace")):
            wrong.append(f"{node.name}: {log[log.index('Traceback') :][:2000]}")
    came, said = sum(one.came for one in people), sum(one.said for one in people)
    refused = sum(len(one.refused) for one in people)
    sys.stdout.write(f"faults {faults}; {said} lines said, {len(stored)} stored, {refused} refused; {came} came in\n")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.storm.nodes", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--nodes", type=int, default=3)
    chosen = parser.parse_args()
    wrong = storm(chosen.seconds, chosen.seed, chosen.nodes)
    sys.stdout.write(("\n".join(wrong) or "every promise was kept") + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
