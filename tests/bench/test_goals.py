"""What is said of a goal is what was measured, and each can be measured."""

import shutil

import pytest

from tests.bench import counts, goals, rounds, together
from tests.bench.goals import GOALS, ITSELF, LIMIT, NGIRCD, OLD, Goal, seen, verdict, way_of
from tests.bench.servers import KINDS, ROOT, checkout


@pytest.mark.parametrize("goal", GOALS, ids=lambda goal: f"{goal.workload}: {goal.wanted}")
def test_each_goal_is_of_a_workload_that_is_there_with_so_many_people(goal: Goal) -> None:
    assert goal.to in (OLD, ITSELF) or goal.to in KINDS
    if way_of(goal) is goals.TURNS:
        assert together.LOADS[goal.workload].people == goal.people
        assert goal.figure in ("cost", "p50", "p99")
    elif way_of(goal) is goals.COUNTS:
        assert goal.workload in counts.LOADS
    else:
        assert goal.people in (rounds.WORKLOADS[goal.workload].sizes or (goal.people,))


def test_a_goal_is_open_as_long_as_both_could_be() -> None:
    assert [verdict(1.0, *bounds) for bounds in ((0.8, 1.0), (0.9, 1.1), (1.01, 1.1))] == ["met", "open", "missed"]


def test_ratios_are_of_the_same_round_and_some_figures_stand_for_themselves() -> None:
    found = {
        "chat": {"cost": [2.0, 6.0, 4.0], "p50": [5.0, 5.0, 5.0]},
        NGIRCD: {"cost": [4.0, 3.0, 4.0], "p50": [1.0, 2.0, 5.0]},
    }
    assert seen(Goal("window", 0.6, NGIRCD), found) == ("1 (0.5-2)", "open", "")
    assert seen(Goal("window", 0.9, NGIRCD, "p50"), found) == ("2.5 (1-5)", "missed", "")
    assert seen(Goal("quiet", 6.0, ITSELF), found) == ("4 (2-6)", "met", "")
    found[LIMIT] = {"cost": [1.0, 1.0, 2.0], "p50": [0.5, 0.5, 0.5]}
    assert seen(Goal("window", 0.6, NGIRCD), found)[-1] == "0.333"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("cc") is None, reason="the load generator needs a C compiler (cc)")
def test_rounds_of_fresh_processes_are_paired(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS, OLD, checkout(ROOT))
    found = goals.ROUNDS.measure("start", 0, [OLD], 2)
    assert found.keys() == {"chat", OLD}
    figure, *_ = seen(Goal("start", 1.1, people=0), found)
    assert 0.2 < float(figure.split()[0]) < 5


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("cc") is None, reason="the load generator needs a C compiler (cc)")
@pytest.mark.skipif(shutil.which("strace") is None, reason="counting system calls needs strace")
def test_of_a_start_everything_is_counted() -> None:
    assert 500 < counts.system_calls(ROOT, "start", 0) < 50_000
