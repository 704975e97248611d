"""A chat of two nodes, whose people go to the other one by themselves when theirs is gone."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.ports import held_port

from .conftest import Browse, Connect, OnScreen, Serve
from .nodes import Nodes
from .screen import Screen
from .server import ENVIRONMENT
from .waiting import SECONDS, pass_by, until

pytestmark = pytest.mark.slow

CLIENT = (sys.executable, "-m", "chat.client")
IMPATIENT = (
    sys.executable,
    "-c",
    "from chat.base import limits; limits.PING_SECONDS, limits.PONG_SECONDS, limits.HELLO_SECONDS = 2.0, 1.0, 1.0; "
    "from chat.client.main import main; main()",
)
"""A client that notices within seconds that nothing comes."""


def said(record: str) -> Sequence[str]:
    return [line.partition("> ")[2] for line in record.splitlines() if "<bot> " in line]


@pytest.mark.door
def test_each_line_of_a_script_is_said_once_while_its_node_is_killed_again_and_again(
    nodes: Nodes, connect: Connect, tmp_path: Path, stack: ExitStack
) -> None:
    amy = connect(nodes.all[1], "amy").joins()
    lines = [f"line {number} of 120" for number in range(1, 121)]
    record = tmp_path / "record"

    def recorded() -> Sequence[str]:
        return said(record.read_text())

    def start(*words: str, **streams: object) -> "subprocess.Popen[bytes]":
        program = subprocess.Popen([*CLIENT, *words], env=ENVIRONMENT, **streams)  # type: ignore[call-overload]
        stack.callback(program.wait)
        stack.callback(program.kill)
        return program

    with record.open("ab") as output:
        start(*reversed(nodes.addresses), "--follow", "--nick", "rec", stdin=subprocess.DEVNULL, stdout=output)
    amy.hears("-!- rec joined")
    script = start(*nodes.addresses, "--nick", "bot", stdin=subprocess.PIPE)
    assert script.stdin is not None
    for start_at in range(0, len(lines), 20):
        for line in lines[start_at : start_at + 20]:
            os.write(script.stdin.fileno(), f"{line}\n".encode())
        until(lambda: lines[start_at] in recorded(), what="\n".join(recorded()))  # noqa: B023  # waited for
        number = start_at // 20 % 2
        nodes.all[number].kill()
        until(lambda: lines[start_at + 19] in recorded(), what="\n".join(recorded()))  # noqa: B023
        nodes.comes_back(number)
    script.stdin.close()
    assert script.wait(SECONDS) == 0
    assert recorded() == lines


def in_the_room(screen: Screen) -> None:
    until(lambda: any(row.startswith("[#lobby]") for row in screen.lines), what="\n".join(screen.lines))


@pytest.mark.door
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM])
def test_who_sits_at_a_terminal_is_led_to_the_other_node_and_says_all_once(
    nodes: Nodes, connect: Connect, on_screen: OnScreen, how: signal.Signals
) -> None:
    screen = on_screen(*IMPATIENT, "-n", "amy", *nodes.addresses)
    in_the_room(screen)
    bob = connect(nodes.all[1], "bob").joins()
    bob.says("hello amy")
    screen.types("before")
    bob.hears("<amy> before")
    nodes.all[0].process.send_signal(how)
    for text in ("meanwhile", "and more"):
        screen.types(text)
    bob.says("are you there?")
    bob.hears("<amy> and more", 3 * SECONDS)
    assert [bob.heard.count(f"<amy> {text}\r\n") for text in ("before", "meanwhile", "and more")] == [1, 1, 1]
    until(lambda: any(f"connected to {nodes.addresses[1]} now" in row for row in screen.lines), what=str(screen.lines))
    screen.types("after")
    bob.hears("<amy> after")
    bob.says("/who")
    bob.hears("2 people are in #lobby: amy and bob")
    assert "amy left" not in bob.heard
    until(lambda: any(row.endswith("<amy> after") for row in screen.lines), what=str(screen.lines))
    shown = "\n".join(screen.lines)
    assert all(shown.count(f"> {text}") == 1 for text in ("before", "meanwhile", "and more", "after")), shown
    if how is signal.SIGSTOP:
        nodes.all[0].process.send_signal(signal.SIGCONT)
        bob.says("still one")
        until(lambda: any("<bob> still one" in row for row in screen.lines), what=shown)
        bob.says("/who")
        bob.hears("2 people are in #lobby: amy and bob")


@pytest.mark.door
def test_by_tls_the_certificate_of_the_chat_is_asked_about_once_and_who_shows_another_one_is_told_nothing(
    nodes: Nodes, serve: Serve, connect: Connect, on_screen: OnScreen, tmp_path: Path, stack: ExitStack
) -> None:
    (tmp_path / "stranger").mkdir()
    port = stack.enter_context(held_port())
    sealed = ("--tls-port", f"tcp:{port.getsockname()[1]}:interface=127.0.0.1")
    stranger = serve("--data", str(tmp_path / "stranger"), "--control", "none", *sealed)
    one, two = nodes.sealed
    screen = on_screen(*IMPATIENT, "--tls", "-n", "amy", one, f"127.0.0.1:{port.getsockname()[1]}", two)
    until(lambda: "cannot be verified" in "".join(screen.lines), what=str(screen.lines))
    screen.types("yes")
    in_the_room(screen)
    bob = connect(nodes.all[1], "bob").joins()
    screen.types("before")
    bob.hears("<amy> before")
    eve = connect(stranger, "eve").joins()
    nodes.all[0].kill()
    screen.types("meanwhile")
    bob.hears("<amy> meanwhile", 3 * SECONDS)
    until(lambda: any(f"connected to {two} now" in row for row in screen.lines), what=str(screen.lines))
    shown = " ".join(" ".join(screen.lines).replace("!  ", "").split())
    assert "is none that you know of this chat: nothing was sent to it." in shown
    assert shown.count("cannot be verified") == 1
    eve.says("/who")
    eve.hears("One person is in #lobby: eve")
    assert "amy" not in eve.heard


@pytest.mark.door
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM])
def test_a_page_goes_to_the_other_node_and_says_all_once(
    nodes: Nodes, connect: Connect, browse: Browse, how: signal.Signals
) -> None:
    ana = browse(nodes.all[0]).joins("ana")
    bob = connect(nodes.all[1], "bob").joins()
    bob.says("hello ana")
    ana.hears("bob: hello ana").says("before")
    bob.hears("<ana> before")
    nodes.all[0].process.send_signal(how)
    ana.says("meanwhile", "and more")
    bob.says("are you there?")
    bob.hears("<ana> and more", 4 * SECONDS)
    ana.hears("bob: are you there?").says("after")
    bob.hears("<ana> after")
    until(lambda: "ana: after" in ana.lines)
    assert sorted(ana.lines) == sorted(
        ["bob: hello ana", "ana: before", "bob: are you there?", "ana: meanwhile", "ana: and more", "ana: after"]
    )
    bob.says("/who")
    bob.hears("2 people are in #lobby: ana and bob")
    assert "ana left" not in bob.heard
    if how is signal.SIGSTOP:
        nodes.all[0].process.send_signal(signal.SIGCONT)
        bob.says("still one")
        ana.hears("bob: still one")
    else:
        nodes.comes_back(0)
        ana.driver.refresh()
        ana.hears("ana: after").says("from the first again")
        bob.hears("<ana> from the first again")


def test_a_page_waits_for_no_node_that_hangs(nodes: Nodes, connect: Connect, browse: Browse) -> None:
    ana = browse(nodes.all[1]).joins("ana")
    ana.says("before").hears("ana: before")
    nodes.all[0].process.send_signal(signal.SIGSTOP)
    try:
        nodes.all[1].kill()
        ana.says("meanwhile")
        nodes.comes_back(1)
        bob = connect(nodes.all[1], "bob").joins()
        until(lambda: ana.lines[-1:] == ["ana: meanwhile"], 2 * SECONDS, str(ana.lines))
        ana.says("after")
        bob.hears("<ana> after", 2 * SECONDS)
        until(lambda: ana.lines == ["ana: before", "ana: meanwhile", "ana: after"], what=str(ana.lines))
    finally:
        nodes.all[0].process.send_signal(signal.SIGCONT)


def test_a_page_that_is_loaded_while_the_database_is_away_comes_back_as_who_it_was(
    nodes: Nodes, postgresql: Any, browse: Browse, connect: Connect
) -> None:
    ana = browse(nodes.all[0]).joins("ana")
    ana.says("before").hears("ana: before")
    postgresql.stop()
    ana.driver.refresh()
    pass_by(8)
    postgresql.start()
    ana.hears("ana: before", 2 * SECONDS).says("after")
    bob = connect(nodes.all[1], "bob").joins()
    bob.says("/last")
    bob.hears("<ana> after")


@pytest.mark.door
def test_what_is_typed_on_a_node_that_hangs_and_again_on_the_other_one_is_told_once(
    nodes: Nodes, connect: Connect
) -> None:
    one, two = nodes.all
    amy = connect(two, "amy").joins()
    amy.says("/join #tea")
    amy.hears("#tea")
    people, back = [], []
    for number in range(6):
        bob = connect(one, f"bob{number}").joins()
        bob.says("/resume")
        people.append((bob, re.findall(r"/resume (\S+-\S+)", bob.hears("/resume ") + bob.hears("\n"))[-1]))
    os.kill(one.process.pid, signal.SIGSTOP)
    try:
        for number, (bob, code) in enumerate(people):
            bob.says(f"hello from {number}")
            bob.says("/join #tea")
            again = connect(two, f"bob{number}")
            again.says(f"/resume {code}")
            again.hears("Welcome back")
            again.says(f"hello from {number}")
            again.says("/join #tea")
            back.append(again)
        for number in range(6):
            amy.hears(f"hello from {number}")
    finally:
        os.kill(one.process.pid, signal.SIGCONT)
    for bob, _ in people:
        bob.hears_the_end()
    for number, again in enumerate(back):
        again.says("/leave #tea that is all")
        amy.hears(f"bob{number} left #tea")
    for number in range(6):
        assert amy.heard.count(f"hello from {number}") == 1
        assert amy.heard.count(f"bob{number} joined #tea") == 1
    carl = connect(one, "carl").joins()
    carl.says("/who #tea")
    carl.hears("amy")
