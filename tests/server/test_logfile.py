"""Where the log is written to: files that are put aside, full disks, screens that nobody reads."""

import os
import pty
import resource
import stat
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

from chat.base import limits
from chat.server.logfile import LogFile, Screen, log_path, twistd_log


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(limits, "LOG_BYTES", 1000)
    return tmp_path / "twistd.log"


def test_a_log_goes_on_where_it_ended(path: Path) -> None:
    for entry in ("one\n", "two\n"):
        LogFile(str(path)).write(entry)
    assert path.read_text() == "one\ntwo\n"


def test_a_long_log_is_put_aside_and_the_oldest_is_given_up(path: Path) -> None:
    log = LogFile(str(path))
    for number in range(20):
        log.write(f"{number} {'x' * limits.LOG_BYTES}\n")
    assert path.read_text().startswith("19 ")
    assert {old.name: old.read_text().split()[0] for old in path.parent.glob("twistd.log.*")} == {
        f"twistd.log.{number}": str(19 - number) for number in range(1, limits.LOG_FILES + 1)
    }


def test_a_new_log_may_be_read_by_whoever_may_read_the_old_one(path: Path) -> None:
    log = LogFile(str(path))
    path.chmod(0o640)
    log.write("x" * limits.LOG_BYTES)
    log.write("new\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_where_no_new_log_can_be_made_the_old_one_goes_on(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = LogFile(str(path))

    def refuse(*_: object) -> int:
        raise PermissionError

    monkeypatch.setattr(os, "open", refuse)
    for _ in range(3):
        log.write("x" * limits.LOG_BYTES + "\n")
    assert path.read_text().count("\n") == 3
    assert os.listdir(path.parent) == [path.name]


def test_a_log_that_others_empty_begins_at_its_beginning(path: Path) -> None:
    """logrotate's copytruncate."""
    log = LogFile(str(path))
    log.write("old\n")
    os.truncate(path, 0)
    log.write("new\n")
    assert path.read_bytes() == b"new\n"


def test_a_log_that_others_rename_is_begun_anew_when_they_say_so(path: Path) -> None:
    log = LogFile(str(path))
    away = path.with_suffix(".away")
    log.write("old\n")
    path.rename(away)
    log.write("still old\n")
    log.reopen()
    log.write("new\n")
    assert (away.read_text(), path.read_text()) == ("old\nstill old\n", "new\n")


def test_a_file_descriptor_is_not_lost_with_a_log(path: Path) -> None:
    log = LogFile(str(path))
    for _ in range(10):
        log.reopen()
        log.write("x" * limits.LOG_BYTES)
    # Others of this process may be closed meanwhile: only what this log has open counts.
    open_files = [descriptor.resolve() for descriptor in Path("/proc/self/fd").iterdir()]
    assert len([file for file in open_files if file.is_relative_to(path.parent)]) == 1


def test_after_a_full_disk_an_entry_begins_on_a_line_of_its_own(path: Path) -> None:
    log = LogFile(str(path))
    log.write("one\n")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8, hard))
    try:
        for _ in range(2):
            with pytest.raises(OSError, match="too large"):
                log.write("second\n")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    log.write("third\n")
    assert path.read_text() == "one\nseco\nthird\n"


# Screens.


class Standard:
    """A standard output on a pipe."""

    encoding = "ascii"

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def fileno(self) -> int:
        return self._descriptor


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def test_a_screen_shows_what_its_encoding_has(pipe: tuple[int, int]) -> None:
    Screen(Standard(pipe[1])).write("naïve ☃\n")
    assert os.read(pipe[0], 100) == b"na\\xefve \\u2603\n"


def test_a_screen_that_nobody_reads_is_not_waited_for(pipe: tuple[int, int]) -> None:
    screen = Screen(Standard(pipe[1]))
    with pytest.raises(BlockingIOError):
        screen.write("x" * 10**6 + "\n")
    heard = b""
    while len(heard) < 60_000:
        heard += os.read(pipe[0], 65536)
    os.set_blocking(pipe[0], False)
    screen.write("again\n")
    while chunk := os.read(pipe[0], 65536):
        heard += chunk
        if heard.endswith(b"\nagain\n"):
            break
    assert heard.endswith(b"\nagain\n")


def test_a_terminal_that_was_stopped_is_not_waited_for() -> None:
    """With Ctrl-S."""
    ours, programs_side = pty.openpty()
    screen = Screen(Standard(programs_side))
    termios.tcflow(programs_side, termios.TCOOFF)
    with pytest.raises(BlockingIOError):
        screen.write("x" * 10**6 + "\n")
    termios.tcflow(programs_side, termios.TCOON)
    screen.write("again\n")
    shown = b""
    while not shown.endswith(b"\n"):  # a terminal gives what it has, in pieces
        shown += os.read(ours, 100)
    assert shown.endswith(b"again\r\n")
    os.close(ours)
    os.close(programs_side)


def test_a_screen_that_is_gone_is_an_error_of_the_system(pipe: tuple[int, int]) -> None:
    screen = Screen(Standard(pipe[1]))
    os.dup2(os.open(os.devnull, os.O_RDONLY), pipe[0])
    with pytest.raises(BrokenPipeError):
        screen.write("anybody?\n")


def test_without_a_standard_output_nothing_is_shown() -> None:
    screen = Screen(None)
    with pytest.raises(BlockingIOError):
        screen.write("anybody?\n")


# Where twistd logs.


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({"logfile": None, "nodaemon": 1}, None),
        ({"logfile": "-", "nodaemon": 1}, None),
        ({"logfile": "/var/log/chat.log", "nodaemon": 1}, "/var/log/chat.log"),
        ({"logfile": "/var/log/chat.log", "nodaemon": 0}, "/var/log/chat.log"),
        ({"logfile": None, "nodaemon": 0}, os.path.abspath("twistd.log")),
        ({}, None),
    ],
)
def test_the_log_is_where_twistd_would_have_it(options: dict[str, object], path: str | None) -> None:
    assert log_path(options) == path


@pytest.mark.parametrize("other", [{"syslog": 1}, {"logger": "some.observer"}])
def test_another_log_of_the_operators_choice_stays_it(other: dict[str, object]) -> None:
    assert twistd_log({"logfile": None, "nodaemon": 1, **other}, False) is None


def test_who_is_not_run_by_twistd_logs_as_it_does() -> None:
    assert twistd_log({}, False) is None


def test_nothing_here_needs_a_reactor() -> None:
    script = "import sys, chat.server.logfile; sys.exit('twisted.internet.reactor' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0


@pytest.mark.parametrize(
    "twistd", [{"syslog": 1}, {"logger": "x.y", "nodaemon": 1}, {"syslog": 1, "logfile": "a"}], ids=str
)
def test_a_log_that_is_not_ours_has_no_file(twistd: dict[str, object]) -> None:
    assert log_path({"logfile": None, "nodaemon": 0, **twistd}) is None


def test_a_new_log_is_its_owners_alone(tmp_path: Path) -> None:
    LogFile(str(tmp_path / "log")).write("from 192.0.2.7\n")
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o600
