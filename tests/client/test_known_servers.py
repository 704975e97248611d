"""The file of accepted certificates: what people may write into it, and two clients at a time."""

import os
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.base.fingerprint import fingerprint
from chat.client.link import known_servers
from chat.client.link.known_servers import KnownServer, KnownServers

AMY, BOB = fingerprint(b"amy"), fingerprint(b"bob")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "chat" / "known_servers"


def test_what_is_added_is_found(path: Path) -> None:
    KnownServers(path).add("pi:12346", AMY)
    assert KnownServers(path).find("pi:12346") == [KnownServer(1, AMY)]
    assert path.read_text() == f"pi:12346 {AMY}\n"


def test_nothing_is_known_at_first(path: Path) -> None:
    assert KnownServers(path).find("pi:12346") == []


@pytest.mark.parametrize("other", ["pi:12347", "pi", "apple:12346", "pi:1234"])
def test_another_server_is_another_one(path: Path, other: str) -> None:
    KnownServers(path).add("pi:12346", AMY)
    assert KnownServers(path).find(other) == []


def test_only_its_owner_can_read_it(path: Path) -> None:
    KnownServers(path).add("pi:12346", AMY)
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert os.listdir(path.parent) == ["known_servers"]


def test_what_somebody_wrote_into_it_stays(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(b"# the pi in the attic: \xff\n\nno end of line")
    KnownServers(path).add("pi:12346", AMY)
    assert path.read_bytes() == b"# the pi in the attic: \xff\n\nno end of line\n" + f"pi:12346 {AMY}\n".encode()


@pytest.mark.parametrize(
    "line",
    [
        f"pi:12346 {AMY}",
        f"  PI:12346\t{AMY.lower()}  ",
        f"pi:12346 {AMY.removeprefix('SHA256:')}",
        f"pi:12346 {AMY.removeprefix('SHA256:').replace(':', '')}\r",
        f"pi:12346 sha256 Fingerprint={AMY.removeprefix('SHA256:')}",
    ],
)
def test_a_fingerprint_may_be_written_as_other_programs_do(path: Path, line: str) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(f"# first\n{line}\n")
    assert KnownServers(path).find("pi:12346") == [KnownServer(2, AMY)]


@pytest.mark.parametrize("line", ["pi:12346", "pi:12346 what was it", f"pi:12346 {AMY[:-1]}", f"pi:12346 {AMY} {AMY}"])
def test_a_damaged_line_is_no_reason_to_trust_anybody(path: Path, line: str) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(f"{line}\n")
    (entry,) = KnownServers(path).find("pi:12346")
    assert entry.fingerprint != AMY
    KnownServers(path).add("pi:12346", AMY)
    assert path.read_text() == f"{line}\n"


def test_what_is_known_is_not_known_otherwise_a_second_time(path: Path) -> None:
    KnownServers(path).add("pi:12346", AMY)
    KnownServers(path).add("pi:12346", BOB)
    assert KnownServers(path).find("pi:12346") == [KnownServer(1, AMY)]


def test_of_two_clients_at_a_time_neither_loses_what_the_other_one_adds(path: Path) -> None:
    names = [f"pi{number}:12346" for number in range(40)]
    threads = [threading.Thread(target=KnownServers(path).add, args=(name, AMY)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(path.read_text().splitlines()) == sorted(f"{name} {AMY}" for name in names)


def test_a_disk_that_is_full_takes_nothing_away(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    KnownServers(path).add("pi:12346", AMY)
    monkeypatch.setattr(known_servers.os, "write", full)
    with pytest.raises(OSError, match="No space"):
        KnownServers(path).add("apple:12346", BOB)
    assert path.read_text() == f"pi:12346 {AMY}\n"
    assert os.listdir(path.parent) == ["known_servers"]


def test_what_cannot_be_read_is_not_taken_for_empty(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        KnownServers(path).find("pi:12346")


def test_without_a_home_nothing_is_known_and_nothing_kept() -> None:
    assert KnownServers(None).find("pi:12346") == []
    with pytest.raises(OSError, match="no home directory"):
        KnownServers(None).add("pi:12346", AMY)


@given(st.binary(max_size=200))
def test_any_file_can_be_read_and_added_to(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("known") / "known_servers"
    path.write_bytes(data)
    KnownServers(path).add("pi:12346", AMY)
    assert path.read_bytes().startswith(data)
    assert KnownServers(path).find("pi:12346")
