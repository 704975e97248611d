"""Microseconds of the server's time, of a connection and of an address, by a clock of ours."""

import pytest
from twisted.internet.task import Clock

from chat.base import limits
from chat.base.budget import AddressBudget, Budget, Budgets


def test_what_is_spent_comes_back_at_its_rate() -> None:
    budget = Budget(1000, 100, 0)
    budget.left -= 1000
    assert budget.wait(0) == 0
    budget.left -= 50
    assert budget.wait(0) == pytest.approx(0.5)
    assert budget.wait(0.25) == pytest.approx(0.25)
    assert budget.wait(0.5) == 0
    budget.left -= 10
    assert budget.wait(0.5) == pytest.approx(0.1)


def test_it_never_holds_more_than_at_the_start() -> None:
    budget = Budget(1000, 100, 0)
    budget.left -= 1001
    assert budget.wait(1e6) == 0
    assert budget.left == 1000


def test_after_the_wait_that_was_told_there_is_some() -> None:
    budget = Budget(1000, 3, 0)
    now = 0.1
    for _ in range(1000):
        budget.left = min(budget.left, 0) - 0.7
        now += budget.wait(now)
        assert budget.wait(now) == 0


def test_connections_of_an_address_have_their_turns_one_after_the_other() -> None:
    clock = Clock()
    address = AddressBudget(0, 100, clock)
    served: list[str] = []

    def act(who: str) -> None:
        served.append(who)
        address.left -= 10
        address.stand(lambda: act(who))

    address.left -= 10
    for who in "abc":
        address.stand(lambda who=who: act(who))
    clock.pump([0.001] * 1000)
    assert "".join(served) == ("abc" * 4)[: len(served)]
    assert len(served) == pytest.approx(10, abs=1)


def test_a_newcomer_stands_behind_those_who_stand_there_and_before_their_next_turn() -> None:
    clock = Clock()
    address = AddressBudget(0, 100, clock)
    served: list[str] = []

    def act(who: str) -> None:
        served.append(who)
        address.left -= 10
        if who == "many":
            address.stand(lambda: act(who))

    address.left -= 10
    address.stand(lambda: act("many"))
    clock.pump([0.01] * 35)
    address.stand(lambda: act("one"))
    clock.pump([0.01] * 25)
    assert "one" in served[-2:]


def test_who_is_gone_does_not_hold_up_who_stands_behind_them() -> None:
    clock = Clock()
    address = AddressBudget(0, 100, clock)
    address.left -= 10
    served: list[str] = []
    gone = address.stand(lambda: served.append("gone"))
    address.stand(lambda: served.append("there"))
    gone.cancel()
    assert not gone.active()
    clock.pump([0.1, 0])
    assert served == ["there"]
    clock.advance(10)
    assert clock.getDelayedCalls() == []


def test_however_many_come_and_go_nothing_of_them_is_kept_and_who_stays_is_served_soon() -> None:
    clock = Clock()
    address = AddressBudget(100, 100, clock)
    served: list[str] = []
    address.left -= 101
    for _ in range(1000):
        address.left -= 1000
        address.stand(lambda: served.append("gone")).cancel()
    assert not address._line
    address.stand(lambda: served.append("there"))
    clock.pump([limits.BUDGET_WAIT_SECONDS, 0.1])
    assert served == ["there"]


def test_an_address_has_one_whoever_comes_and_goes() -> None:
    budgets = Budgets(Clock())
    assert budgets.of_address("192.0.2.1", True) is budgets.of_address("192.0.2.1", True)
    assert budgets.of_address("192.0.2.1", True) is not budgets.of_address("192.0.2.2", True)


def test_so_many_addresses_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PACES", 3)
    budgets = Budgets(Clock())
    first, *_ = [budgets.of_address(f"192.0.2.{number}", True) for number in (1, 2, 3)]
    assert budgets.of_address("192.0.2.1", True) is first
    budgets.of_address("192.0.2.4", True)
    assert budgets.of_address("192.0.2.1", True) is first
    assert len(budgets._addresses) == 3


def test_without_a_limit_nothing_is_ever_spent() -> None:
    budgets = Budgets(Clock())
    for budget in (budgets.of_connection(False), budgets.of_address("192.0.2.1", False)):
        budget.left -= 1e12
        assert budget.wait(0) == 0
