"""Telling somebody who does not look: in the way they chose, with text that nothing obeys."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred

from chat.base import limits
from chat.client.alerts import Alerts

EVIL = "\x1b]0;x\a;`touch x`$(touch x)\x9b"


class Told:
    """What the terminal got, and the programs that run."""

    def __init__(self, how: str = "off", command: str = "") -> None:
        self.signals: list[str] = []
        self.programs: list[tuple[Sequence[str], str, Deferred]] = []
        self.alerts = Alerts(self.signals.append, self._run)
        self.alerts.how, self.alerts.command = how, command

    def _run(self, argv: Sequence[str], text: str) -> Deferred:
        self.programs.append((argv, text, Deferred()))
        return self.programs[-1][2]


@pytest.mark.parametrize(
    ("how", "signal"),
    [
        ("bell", "\a"),
        ("osc9", "\x1b]9;#ops bob: amy?\a"),
        ("osc777", "\x1b]777;notify;#ops bob;amy?\a"),
        ("off", None),
    ],
)
def test_the_terminal_is_told_as_one_chose(how: str, signal: str | None) -> None:
    told = Told(how)
    told.alerts.call("#ops bob", "amy?")
    assert (told.signals, told.programs) == ([] if signal is None else [signal], [])


@pytest.mark.parametrize("how", ["osc9", "osc777"])
def test_what_others_write_ends_no_sequence_and_begins_none(how: str) -> None:
    told = Told(how)
    told.alerts.call(EVIL, EVIL)
    (signal,) = told.signals
    assert signal[1:-1].isprintable()
    assert how == "osc9" or signal.count(";") == 3


def test_a_program_gets_it_as_words_of_its_own() -> None:
    told = Told("notify-send")
    told.alerts.call("--bob", "--amy?")
    ((argv, text, _),) = told.programs
    assert (argv[0], argv[-3:], text) == ("notify-send", ["--", "--bob", "--amy?"], "")


def test_a_command_gets_one_line_after_another_on_its_input() -> None:
    told = Told(command="wall")
    for text in ("one", "two", EVIL):
        told.alerts.call("bob", text)
    told.programs[0][2].callback(None)
    told.programs[1][2].errback(RuntimeError("it broke"))
    assert [argv for argv, _, _ in told.programs] == [["/bin/sh", "-c", "wall"]] * 3
    texts = [text for _, text, _ in told.programs]
    assert texts[:2] == ["bob: one\n", "bob: two\n"]
    assert texts[2][:-1].isprintable()


def test_while_it_hangs_the_newest_count() -> None:
    told = Told(command="sleep")
    for number in range(limits.ALERTS_KEPT + 5):
        told.alerts.call("bob", str(number))
    assert len(told.programs) == 1
    told.programs[0][2].callback(None)
    assert told.programs[1][1] == "bob: 5\n"


@pytest.mark.slow
def test_a_real_command_gets_hostile_text_and_obeys_none_of_it(tmp_path: Path) -> None:
    """In a reactor of its own, which runs threads."""
    program = f"""
from twisted.internet import reactor
from chat.client.alerts import Alerts, run_in_thread
alerts = Alerts(print, run_in_thread)
alerts.how, alerts.command = "off", "cat >> got; echo done >> got"
for text in ("$(touch oops)", "`touch oops`; touch oops", {EVIL!r}):
    alerts.call("bob", text)
reactor.callLater(2, reactor.stop)
reactor.run()
"""
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, env={"PYTHONPATH": str(Path.cwd())})
    assert [path.name for path in tmp_path.iterdir()] == ["got"]
    assert (tmp_path / "got").read_text().count("done") == 3
