"""Who is here, as SIGUSR2 has it written and as the log tells it; never what was said."""

from dataclasses import replace
from pathlib import Path

import pytest
from returning import enter, resume
from twisted.logger import LogEvent, formatEvent, globalLogPublisher
from world import World

from chat import __version__
from chat.server.status import report, write

CANARY = "xyzzy"


@pytest.fixture
def texts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the log has."""
    found: list[str] = []

    def observe(event: LogEvent) -> None:
        if str(event["log_namespace"]).startswith("chat."):
            found.append(formatEvent(event))

    globalLogPublisher.addObserver(observe)
    yield found
    globalLogPublisher.removeObserver(observe)


def talk(world: World) -> None:
    """Somebody in two rooms, one whose line is down, one without a name; all that can be said is said."""
    amy, _ = enter(world, "amy")
    ben, _ = enter(world, "ben", wire="json")
    world.connect(host="192.0.2.99")
    amy.type("/join #ops", f"/topic {CANARY}", CANARY, f"/msg ben {CANARY}", f"/me {CANARY}", f"/away {CANARY}")
    ben.cut()
    world.wait(20)


def test_each_has_a_line_with_address_and_rooms() -> None:
    world = World()
    talk(world)
    assert list(report(world.hub)) == [
        f"chat {__version__} on pi, 2026-11-22 10:04:20 UTC",
        "1 here, 1 with their line down, 1 without a nickname; times UTC",
        "amy  192.0.2.1   2026-11-22 10:04  plain  #lobby  #ops",
        "ben  192.0.2.1   2026-11-22 10:04  -  line down 20 s  #lobby",
        "-    192.0.2.99                    plain",
    ]


def test_it_tells_how_far_somebody_is_behind() -> None:
    world = World()
    amy, ben = world.enter("amy"), world.enter("ben")
    ben.socket.room = 0
    for number in range(55):
        amy.type(f"{number} {'x' * 1900}")
        world.turn()
    (line,) = [line for line in report(world.hub) if line.startswith("ben")]
    behind = int(line.split(" behind")[0].split()[-1])
    assert 0 < behind < 55
    ben.socket.room = 2**30
    world.kernel.look(ben.socket)
    world.turn()
    assert "behind" not in "".join(report(world.hub))


def test_nobody_else_may_read_the_file_and_it_holds_nothing_that_was_said(tmp_path: Path, texts: list[str]) -> None:
    world = World()
    world.hub.settings = replace(world.hub.settings, log_connections=True)
    talk(world)
    path = tmp_path / "chat-status.txt"
    for _ in range(2):
        write(path, world.hub)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text(encoding="utf-8").splitlines() == list(report(world.hub))
    assert [name.name for name in tmp_path.iterdir()] == [path.name]
    assert CANARY not in path.read_text(encoding="utf-8") + "".join(texts)
    assert texts[-1] == f"Who is here stands in {path}: 1 here, 1 with their line down, 1 without a nickname; times UTC"


def test_where_it_cannot_be_written_the_log_says_why(tmp_path: Path, texts: list[str]) -> None:
    world = World()
    write(tmp_path / "nowhere" / "status", world.hub)
    assert texts == [
        f"Who is here could not be written to {tmp_path}/nowhere/status: No such file or directory",
    ]


def come_and_go(world: World) -> None:
    amy, code = enter(world, "amy")
    amy.type("/nick ann")
    amy.cut()
    back = resume(world, code)
    back.type("/quit bye")
    ben, _ = enter(world, "ben")
    ben.close()
    carl, _ = enter(world, "carl")
    carl.cut()
    world.wait(world.hub.settings.grace + 1)


def test_the_log_tells_who_comes_and_goes_where_that_is_wanted(texts: list[str]) -> None:
    world = World()
    world.hub.settings = replace(world.hub.settings, log_connections=True)
    come_and_go(world)
    people = [text for text in texts if not text.startswith("A connection")]
    assert people == [
        "amy came in, from 192.0.2.1",
        "amy is now ann",
        "ann's line is down",
        "ann is back, from 192.0.2.1",
        "ann left",
        "ben came in, from 192.0.2.1",
        "ben left: their input ended",
        "carl came in, from 192.0.2.1",
        "carl's line is down",
        "carl did not come back in time",
    ]
    assert texts.count("A connection from 192.0.2.1") == texts.count("A connection from 192.0.2.1 ended") == 4


def test_it_tells_nothing_where_it_is_not(texts: list[str]) -> None:
    come_and_go(World())
    assert texts == []
