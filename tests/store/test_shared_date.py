"""The date that several servers on one database have alike."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from twisted.internet.task import Clock
from twisted.logger import LogEvent, formatEvent, globalLogPublisher

from chat.store.postgresql.shared_date import SharedDate

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


class World:
    """A machine whose clock on the wall is `off`, and what its operator is told."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.off = timedelta(0)
        self.said: list[str] = []
        self.date = SharedDate(NOON, self.clock.seconds, lambda: self.right + self.off)

    @property
    def right(self) -> datetime:
        return NOON + timedelta(seconds=self.clock.seconds())

    def beat(self, set_by: timedelta = timedelta(0)) -> None:
        self.clock.advance(2)
        self.date.is_now(self.right + set_by)

    def log(self, event: LogEvent) -> None:
        self.said.append(formatEvent(event))


@pytest.fixture
def world() -> World:
    made = World()
    globalLogPublisher.addObserver(made.log)
    return made


@pytest.fixture(autouse=True)
def unheard(world: World) -> Iterator[None]:
    yield
    globalLogPublisher.removeObserver(world.log)


def test_time_goes_on_between_two_answers_and_while_there_are_none(world: World) -> None:
    world.beat()
    world.clock.advance(7200)
    assert world.date.now() == world.right
    assert not world.said


@pytest.mark.parametrize("off", [HOUR, -HOUR])
def test_a_machine_whose_clock_is_wrong_goes_by_the_databases_and_tells_that_once(world: World, off: timedelta) -> None:
    world.off = off
    world.beat()
    world.beat()
    assert world.date.now() == world.right
    (said,) = world.said
    assert "The clock of this machine is 3600 s" in said
    world.off = timedelta(0)
    world.beat()
    world.off = off
    world.beat()
    assert len(world.said) == 2


@pytest.mark.parametrize(("step", "way"), [(HOUR, "forward"), (-HOUR, "back")])
def test_a_clock_of_the_database_that_is_set_is_told_each_time(world: World, step: timedelta, way: str) -> None:
    world.beat()
    world.off = step
    world.beat(step)
    assert world.date.now() == world.right + step
    world.beat(step)
    (said,) = world.said
    assert f"The database's clock was set {way} by 3600 s" in said
    world.off = timedelta(0)
    world.beat()
    assert len(world.said) == 2
