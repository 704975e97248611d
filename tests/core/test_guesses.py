"""The lines of those who guess, by a clock of ours."""

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock

from chat.base import limits
from chat.base.token_bucket import Rates
from chat.core.guesses import Guesses


class Asker:
    """Somebody who guesses."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.told: list[float] = []

    def waits(self, seconds: float) -> None:
        self.told.append(round(seconds, 3))


class Guessing:
    """Guesses, and what was found in the order in which it was."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.guesses = Guesses(self.clock, Rates(1000))
        self.looked: list[str] = []

    def guess(self, name: str, asker: Asker, right: bool = False) -> Deferred[bool | None]:
        def look() -> bool | None:
            self.looked.append(name)
            return True if right else None

        return Deferred.fromCoroutine(self.guesses.guess(asker, look))

    def use_up(self, host: str) -> None:
        for _ in range(limits.GUESSES_PER_HOST):
            self.guess("", Asker(host))
        assert len(self.looked) == limits.GUESSES_PER_HOST
        self.looked.clear()

    def wait(self, seconds: float) -> None:
        self.clock.pump([0.1] * round(seconds * 10))


def test_each_connection_has_its_turn_and_then_stands_behind_the_others():
    world = Guessing()
    world.use_up("192.0.2.1")
    many, one = Asker("192.0.2.1"), Asker("192.0.2.1")

    def on_and_on(_: object) -> None:
        world.guess("many", many).addCallback(on_and_on)

    on_and_on(None)
    world.wait(3.05)
    world.guess("one", one)
    world.wait(2.3)
    assert world.looked[-2:] in (["one", "many"], ["many", "one"])
    assert many.told[0] == 1
    assert max(one.told) <= 2


def test_whoever_is_dropped_leaves_the_line_and_the_others_move_up():
    world = Guessing()
    world.use_up("192.0.2.1")
    first, second, third = (Asker("192.0.2.1") for _ in range(3))
    failed = world.guess("first", first)
    world.guess("second", second)
    later = world.guess("third", third)
    assert world.guesses.drop(first)
    assert not world.guesses.drop(first)
    assert failed.result.type is CancelledError
    failed.addErrback(lambda _: None)
    world.guesses.drop(third)
    later.addErrback(lambda _: None)
    world.wait(1.1)
    assert world.looked == ["second"]


def test_a_thousand_right_ones_follow_one_another_at_once_and_leave_nothing_behind():
    world = Guessing()
    world.use_up("192.0.2.1")
    world.guess("wrong", Asker("192.0.2.1"))
    for _ in range(1000):
        world.guess("right", Asker("192.0.2.1"), right=True)
    world.wait(2.1)
    assert world.looked == ["wrong"] + ["right"] * 1000
    assert not world.guesses._lines
    assert not world.guesses._waiting


def test_the_addresses_of_a_network_are_served_in_turn():
    world = Guessing()
    hosts = [f"2001:db8:0:{number}::/64" for number in range(6)]
    for host in hosts[:4]:
        world.use_up(host)
    crowd = [Asker(hosts[4]) for _ in range(20)]
    for asker in crowd:
        world.guess("crowd", asker)
    world.guess("alone", Asker(hosts[5]))
    world.wait(0.6)
    assert "alone" in world.looked


def test_a_bug_in_a_look_does_not_hold_the_line():
    world = Guessing()

    def broken() -> None:
        raise ZeroDivisionError

    failed = Deferred.fromCoroutine(world.guesses.guess(Asker("192.0.2.1"), broken))
    failed.addErrback(lambda failure: failure.trap(ZeroDivisionError))
    world.guess("next", Asker("192.0.2.1"))
    assert world.looked == ["next"]
