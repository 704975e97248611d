"""The file of the control socket: nobody else's, in the place of what was left behind, and gone at the end."""

import os
import socket
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from twisted.internet.testing import MemoryReactorClock
from world import World

from chat.base.errors import Unfit
from chat.base.language import language
from chat.doors import control
from chat.doors.control import ControlFactory, connected, open_control


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chat.control"


@pytest.fixture
def factory(world: World) -> ControlFactory:
    return ControlFactory(world.factory)


@pytest.fixture(params=[0o000, 0o022, 0o777], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def left_behind(path: Path) -> None:
    """What a server that was killed leaves."""
    with closing(socket.socket(socket.AF_UNIX)) as dead:
        dead.bind(str(path))


def stop(port: control._Port) -> None:
    port.stopListening()
    port.reactor.advance(0)


def refusal(path: Path, factory: ControlFactory) -> str:
    before = sorted(path.parent.iterdir()) if path.parent.exists() else []
    with pytest.raises(Unfit) as refused:
        open_control(MemoryReactorClock(), path, factory)
    assert (sorted(path.parent.iterdir()) if path.parent.exists() else []) == before
    return language("en").words(refused.value.sentence)


@pytest.mark.usefixtures("umask")
def test_it_is_ours_alone_whatever_the_umask_is(path: Path, factory: ControlFactory) -> None:
    before = os.umask(0o077)
    os.umask(before)
    port = open_control(MemoryReactorClock(), path, factory)
    assert mode(path) == 0o600
    assert os.umask(before) == before
    assert [file.name for file in path.parent.iterdir()] == ["chat.control"]
    stop(port)
    assert list(path.parent.iterdir()) == []


def test_it_has_its_name_only_when_it_has_its_permissions_and_is_listened_on(
    path: Path, factory: ControlFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def rename(hidden: Path, there: Path) -> None:
        seen.append((mode(hidden), path.exists()))
        with socket.socket(socket.AF_UNIX) as early:
            early.connect(str(hidden))
        really(hidden, there)

    really = os.rename
    monkeypatch.setattr(os, "rename", rename)
    stop(open_control(MemoryReactorClock(), path, factory))
    assert seen == [(0o600, False)]


def test_what_a_killed_server_left_is_replaced(path: Path, factory: ControlFactory) -> None:
    left_behind(path)
    path.chmod(0o666)
    port = open_control(MemoryReactorClock(), path, factory)
    assert mode(path) == 0o600
    connected(path).close()
    stop(port)


def test_the_one_of_a_server_that_runs_stays(path: Path, factory: ControlFactory) -> None:
    port = open_control(MemoryReactorClock(), path, factory)
    assert refusal(path, factory) == f"{path} is another server's, which runs."
    connected(path).close()
    stop(port)


def test_what_is_no_socket_is_left_alone(path: Path, factory: ControlFactory) -> None:
    path.write_text("mine")
    assert refusal(path, factory) == f"{path} is there already, and no socket. Take it away."
    path.unlink()
    path.symlink_to(path.parent / "elsewhere")
    assert "no socket" in refusal(path, factory)


def test_where_there_is_no_directory_it_is_told(tmp_path: Path, factory: ControlFactory) -> None:
    path = tmp_path / "none" / "chat.control"
    assert refusal(path, factory) == f"{path}: No such file or directory."


def test_at_the_end_another_servers_file_stays(path: Path, factory: ControlFactory) -> None:
    port = open_control(MemoryReactorClock(), path, factory)
    path.unlink()
    other = open_control(MemoryReactorClock(), path, factory)
    stop(port)
    assert path.exists()
    stop(other)
    assert not path.exists()


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="not Linux")
def test_a_path_may_be_longer_than_sockets_allow(tmp_path: Path, factory: ControlFactory) -> None:
    path = tmp_path / ("d" * 120) / "chat.control"
    path.parent.mkdir()
    port = open_control(MemoryReactorClock(), path, factory)
    assert (mode(path), [file.name for file in path.parent.iterdir()]) == (0o600, ["chat.control"])
    connected(path).close()
    assert "another server's" in refusal(path, factory)
    stop(port)
    assert not path.exists()


def test_a_look_changes_nothing(path: Path) -> None:
    control.check(path)
    left_behind(path)
    control.check(path)
    assert path.exists()
    assert len(list(path.parent.iterdir())) == 1
