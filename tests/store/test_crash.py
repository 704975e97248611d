"""The end of the process, and of the machine: what was acknowledged is there, and nothing that was refused."""

import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
from database import opened

pytestmark = pytest.mark.slow

COMMON = f"""
import os, random, signal, sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parents[1] / "support")!r})
from chat.base.errors import NotStored
from database import Database, lines

def tell(text):
    os.write(1, (text + "\\n").encode())

def keep(first, count):
    texts = [f"line {{number}} {{'x' * random.randrange(300)}}" for number in range(first, first + count)]
    try:
        database.commit(lines(*texts, first=first))
    except NotStored:
        tell(f"refused {{first}}")
        return 0
    tell(f"acked {{first + count - 1}}")
    return count

"""

STORM = """
database = Database(Path(sys.argv[1]), sys.argv[2])
head = database.prepared.kept.logs[0].head if database.prepared.kept.logs else 0
tell("ready")
while True:
    head += keep(head + 1, random.choice([1, 1, 1, 5, 100]))
"""

THREE = """
database = Database(Path(sys.argv[1]), sys.argv[2])
for number in 1, 2, 3:
    if not keep(number, 1):
        break
os.kill(os.getpid(), signal.SIGKILL)
"""


def command(script: str, *arguments: object) -> list[str]:
    return [sys.executable, "-c", COMMON + script, *map(str, arguments)]


def numbers(path: Path) -> list[int]:
    """The numbers in the texts that are kept, which must be those of the entries, without a gap."""
    with opened(path) as database:
        found = [int(text.split()[1]) for text in database.texts()]
        assert found == [entry.seq for entry in database.entries()]
        return found


def is_sound(path: Path) -> bool:
    """Whether SQLite finds nothing wrong, in the search index neither."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO search (search, rank) VALUES ('integrity-check', 1)")
        return connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.parametrize("synchronous", ["full", "normal"])
def test_what_was_acknowledged_survives_a_kill_whenever_it_comes(tmp_path: Path, synchronous: str) -> None:
    path, chance, acked = tmp_path / "chat.sqlite3", Random(7), 0
    for _ in range(10):
        with subprocess.Popen(command(STORM, path, synchronous), stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _ in range(chance.randrange(1, 60)):
                line = process.stdout.readline()
            process.send_signal(signal.SIGKILL)
            line = ([line, *process.stdout.readlines()])[-1]
        if line.startswith("acked"):
            acked = int(line.split()[1])
        found = numbers(path)
        assert found == list(range(1, len(found) + 1))
        assert len(found) >= acked
        assert is_sound(path)
    assert acked > 100


@pytest.fixture
def strace() -> str:
    """A program that shows, and changes, what the kernel answers."""
    program = shutil.which("strace")
    if program is None or subprocess.run([program, "true"], check=False, capture_output=True).returncode:
        pytest.skip("needs strace")
    return program


def traced(strace: str, trace: Path, script: list[str]) -> list[str]:
    """The calls of a script that matter here: writes to the write-ahead file, its synchronization, and words said."""
    names = "trace=pwrite64,write,fsync,fdatasync"
    subprocess.run([strace, "-f", "-y", "-e", names, "-o", trace, *script], check=False, capture_output=True)
    found = []
    for line in trace.read_text().splitlines():
        if "-wal>" in line and "write" in line:
            found.append("write")
        elif "-wal>" in line and "sync(" in line:
            found.append("sync")
        elif match := re.search(r'write\(1<.*"(acked|refused)', line):
            found.append(match[1])
    return found


def test_the_disk_has_it_before_it_is_acknowledged(strace: str, tmp_path: Path) -> None:
    order = " ".join(traced(strace, tmp_path / "trace", command(THREE, tmp_path / "chat.sqlite3", "full")))
    assert re.fullmatch(r"((write )+sync acked ?){3}", re.sub(r"^(write |sync )+(?=write)", "", order)), order


def test_the_system_has_it_before_it_is_acknowledged_as_normal(strace: str, tmp_path: Path) -> None:
    order = " ".join(traced(strace, tmp_path / "trace", command(THREE, tmp_path / "chat.sqlite3", "normal")))
    assert re.fullmatch(r"((write )+acked ?){3}", re.sub(r"^(write |sync )+(?=write)", "", order)), order


@pytest.mark.parametrize("calls", ["1", "2", "3", "4", "1+", "2+", "3+"])
def test_what_could_not_be_synchronized_is_refused_and_does_not_come_back(
    strace: str, tmp_path: Path, calls: str
) -> None:
    path = tmp_path / "chat.sqlite3"
    with opened(path):
        pass
    inject = ["-P", f"{path}-wal", "-e", f"inject=fsync,fdatasync:error=EIO:when={calls}", "-o", "/dev/null"]
    script = [strace, "-f", *inject, *command(THREE, path, "full")]
    said = subprocess.run(script, check=False, capture_output=True, text=True).stdout.split()
    acked = said.count("acked")
    assert said[2 * acked :] == ["refused", str(acked + 1)]
    assert numbers(path) == list(range(1, acked + 1))
    assert is_sound(path)
