"""The file that brings somebody back: whose it is, how it is written, and what may stand in it."""

import fcntl
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from chat.base import limits
from chat.client.talk.me import SentLine
from chat.client.talk.state import Keeper, SavedState, StateFile, state_path

STATE = SavedState("c0de", {"#lobby": 17, "@": 0}, [SentLine("run-1", "hi\nñ"), SentLine("run-2", "/who")])


def take(path: Path) -> StateFile:
    file = StateFile.take(path)
    assert file is not None
    return file


def test_what_was_written_is_read_by_the_next_run(tmp_path: Path) -> None:
    file = take(tmp_path / "state")
    file.write(SavedState("other", {}, []))
    file.write(STATE)
    file.close()
    assert take(tmp_path / "state").read() == STATE
    assert os.listdir(tmp_path) == ["state"]


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "chat" / "state"
    old = os.umask(0)
    try:
        file = take(path)
        assert path.stat().st_mode & 0o777 == 0o600
        file.write(STATE)
    finally:
        os.umask(old)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_what_others_could_read_before_they_can_no_more(tmp_path: Path) -> None:
    path = tmp_path / "state"
    path.write_text("{}")
    path.chmod(0o644)
    take(path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_second_run_does_not_get_it_also_after_it_was_replaced(tmp_path: Path) -> None:
    first = take(tmp_path / "state")
    assert StateFile.take(tmp_path / "state") is None
    first.write(STATE)
    assert StateFile.take(tmp_path / "state") is None
    first.close()
    assert take(tmp_path / "state").read() == STATE


def test_a_lock_on_a_file_that_is_not_there_any_more_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state"
    first = take(path)
    # What the first run does while the second one has opened the file and not locked it yet.
    meanwhile = [lambda: first.write(STATE), lambda: (first.remove(), first.close()), lambda: None]
    flock = fcntl.flock

    def slow(descriptor: int, operation: int) -> None:
        monkeypatch.setattr(fcntl, "flock", flock)
        meanwhile.pop(0)()
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", slow)
    assert StateFile.take(path) is None
    monkeypatch.setattr(fcntl, "flock", slow)
    second = take(path)
    assert second.read() is None
    assert StateFile.take(path) is None


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("x")
    (tmp_path / "state").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="symbolic"):
        StateFile.take(tmp_path / "state")


def test_a_failed_write_leaves_what_stood_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = take(tmp_path / "state")
    file.write(STATE)

    def fail(descriptor: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", fail)
        with pytest.raises(OSError, match="space"):
            file.write(SavedState("new", {}, []))
    assert file.read() == STATE
    assert os.listdir(tmp_path) == ["state"]
    assert StateFile.take(tmp_path / "state") is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b"[" * 100_000,
        json.dumps({"code": 7, "shown": {}, "lines": []}).encode(),
        json.dumps({"code": "x", "shown": {"#a": "1"}, "lines": []}).encode(),
        json.dumps({"code": "x", "shown": {"#a": True}, "lines": []}).encode(),
        json.dumps({"code": "x", "shown": {"#a": -1}, "lines": []}).encode(),
        json.dumps({"code": "x", "shown": {}, "lines": [{"id": "1"}]}).encode(),
        json.dumps({"code": "x", "shown": {}, "lines": ["x"]}).encode(),
    ],
)
def test_what_is_no_state_is_none(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "state").write_bytes(data)
    assert take(tmp_path / "state").read() is None


@pytest.mark.parametrize("home", ["", "relative"])
def test_it_belongs_where_the_user_keeps_states(home: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/amy")
    assert state_path({"XDG_STATE_HOME": "/var/s"}, "pi:12345", "amy") == Path("/var/s/chat/pi:12345,amy")
    assert state_path({"XDG_STATE_HOME": home}, "[::1]:1", "") == Path("/home/amy/.local/state/chat/[::1]:1,")


names = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=8)


@given(st.lists(names, min_size=1, max_size=4), st.lists(names, min_size=1, max_size=4))
def test_no_name_leads_elsewhere_and_no_two_lead_to_the_same(some: list[str], others: list[str]) -> None:
    environ = {"XDG_STATE_HOME": "/s"}
    path = state_path(environ, "pi:12345", *some)
    assert path.parent == Path("/s/chat")
    assert (path == state_path(environ, "pi:12345", *others)) == (some == others)


# --- when it is written --------------------------------------------------------------------------------------------


class World:
    """A keeper that writes into a list."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.state: SavedState | None = STATE
        self.written: list[SavedState] = []
        self.errors: list[OSError] = []
        self.keeper = Keeper(self, self.clock, lambda: self.state, self.errors.append)  # type: ignore[arg-type]

    def write(self, state: SavedState) -> None:
        self.written.append(state)

    def change(self, number: int) -> None:
        self.state = SavedState("c0de", {"#lobby": number}, [])


def test_however_often_something_changes_it_is_written_once_a_second() -> None:
    world = World()
    for number in range(100):
        world.change(number)
        world.keeper.soon()
        world.clock.advance(0.0625)
    assert len(world.written) == 7
    world.clock.advance(limits.KEEP_SECONDS)
    assert world.written[-1] == world.state


def test_what_is_typed_does_not_wait_for_that() -> None:
    world = World()
    world.keeper.soon()
    world.clock.advance(0)
    for number in range(3):
        world.change(number)
        world.keeper.now()
        world.keeper.now()
        world.clock.advance(0)
    assert len(world.written) == 4


def test_what_has_not_changed_is_not_written_again() -> None:
    world = World()
    for _ in range(3):
        world.keeper.soon()
        world.clock.advance(5)
    assert len(world.written) == 1


def test_what_was_nothing_before_does_not_delay_what_is_something_now() -> None:
    world = World()
    world.state = None
    world.keeper.now()
    world.clock.advance(0)
    assert world.written == []
    world.state = STATE
    world.keeper.soon()
    world.clock.advance(0)
    assert world.written == [STATE]
