"""The client on a real terminal against the real server: what is on the screen, and how it leaves."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from memory_keyring import WHERE, Keyring, serving

from .conftest import Connect, OnScreen, Serve
from .peers import Client
from .screen import Screen
from .server import CHECKOUT, ENVIRONMENT, Server
from .waiting import until

pytestmark = pytest.mark.slow

CLIENT = (sys.executable, "-m", "chat.client")
COLOURS = "\x1b]0;owned\x07\x1b[2J\x1b[31m\x9b5n\x0e"


def sees(screen: Screen, *rows: str) -> None:
    """Wait until these rows stand on the screen, one below the other; a time in front does not count."""

    def bare() -> list[str]:
        return [row[6:] if row[2:3] == ":" and row[5:6] == " " else row for row in map(str.rstrip, screen.lines)]

    def there() -> bool:
        found = bare()
        return any(tuple(found[at : at + len(rows)]) == rows for at in range(len(found)))

    until(there, what=f"{rows} on the screen:\n" + "\n".join(screen.lines))


Sit = Callable[..., Screen]


@pytest.fixture
def sit(on_screen: OnScreen) -> Sit:
    """Sit down at a client, as amy."""

    def sit(server: Server, *words: str) -> Screen:
        screen = on_screen(*CLIENT, "-n", "amy", *words, ":".join(server.address))
        until(lambda: any(row.startswith("[#lobby]") for row in screen.lines), what="the prompt")
        return screen

    return sit


@pytest.fixture
def bob(server: Server, connect: Connect) -> Client:
    return connect(server, "bob").joins()


def test_what_comes_does_not_disturb_what_is_typed(server: Server, bob: Client, sit: Sit) -> None:
    amy = sit(server)
    amy.presses("-l", "half a line, 日本 👍 ")
    bob.says("hello")
    bob.says("more ñ")
    sees(amy, "<bob> hello", "<bob> more ñ", "[#lobby] half a line, 日本 👍")
    amy.presses("-l", "é, and the rest")
    amy.presses("Enter")
    bob.hears("<amy> half a line, 日本 👍 é, and the rest\r\n")
    sees(amy, "<amy> half a line, 日本 👍 é, and the rest", "[#lobby]")


def test_a_line_can_be_edited_and_found_again(server: Server, bob: Client, sit: Sit) -> None:
    amy = sit(server)
    amy.types("first")
    bob.hears("<amy> first\r\n")
    amy.presses("-l", "word wrong")
    amy.presses("C-w")
    amy.presses("-l", "right")
    amy.presses("Home")
    amy.presses("-l", "a ")
    amy.presses("Enter")
    bob.hears("<amy> a word right\r\n")
    amy.presses("Up", "Up", "Enter")
    bob.hears("<amy> first\r\n")
    amy.presses("C-r")
    amy.presses("-l", "wor")
    amy.presses("Enter", "Enter")
    bob.hears("<amy> a word right\r\n")


def test_the_screen_may_become_narrow_and_wide_again(server: Server, bob: Client, sit: Sit) -> None:
    amy = sit(server)
    amy.presses("-l", "half a line")
    for columns in ("40", "100", "60"):
        amy.resizes(columns, "10")
        bob.says(f"at {columns}")
        sees(amy, f"<bob> at {columns}", "[#lobby] half a line")
        assert sum("[#lobby]" in row for row in amy.lines) == 1


def test_rows_above_the_prompt_leave_nothing_behind_when_it_becomes_narrow(server: Server, sit: Sit) -> None:
    amy = sit(server)
    long = "a line on its way that is too long for the screen to come"
    server.process.send_signal(signal.SIGSTOP)
    try:
        for number in (1, 2):
            amy.types(f"{number}, {long}")
        amy.presses("-l", f"still typed: {long}")
        sees(amy, f"... 1, {long}", f"... 2, {long}", f"[#lobby] still typed: {long}")
        amy.resizes("40", "20")
        until(lambda: sum("still typed" in row for row in amy.lines) == 1, what="one prompt")
        assert sum(row.startswith("...") for row in amy.lines) == 2
        until(lambda: any("no answer for" in row for row in amy.lines), what="that it is seen how long it takes")
    finally:
        server.process.send_signal(signal.SIGCONT)
    until(lambda: not any(row.startswith("...") for row in amy.lines), what="all is said")


def test_a_first_start_asks_and_the_second_does_not(server: Server, on_screen: OnScreen) -> None:
    amy = on_screen(*CLIENT)
    sees(amy, "Screen reader? chat-client --plain", "Which server? (Enter: localhost:12345)")
    amy.types("nonsense:port")
    until(lambda: any(row.startswith("! nonsense:port") for row in amy.lines), what="what is wrong with it")
    amy.types(":".join(server.address))
    until(lambda: any(row.startswith("Nickname:") for row in amy.lines), what="the question")
    amy.types("amy")
    sees(amy, "[#lobby]", " 1:#lobby  amy")
    amy.types("/set time off")
    amy.types("/quit")
    until(lambda: amy.has_ended, what="the end")
    amy = on_screen(*CLIENT)
    sees(amy, "[#lobby]", " 1:#lobby  amy")
    amy.types("hello")
    until(partial(_stands, amy, "<amy> hello"), what="a line without its time")


def test_a_saved_server_has_a_name(server: Server, bob: Client, on_screen: OnScreen) -> None:
    on_screen(*CLIENT, "--save", "work", "-n", "amy", "-r", "ops", ":".join(server.address))
    bob.hears("-!- amy joined")
    amy = on_screen(*CLIENT, "work")
    until(lambda: any("nick-taken" in row for row in amy.lines), what="that it is the same nickname")


def test_whose_place_was_kept_is_asked_before_anything_is_shown(server: Server, on_screen: OnScreen) -> None:
    address = ":".join(server.address)
    amy = on_screen(*CLIENT, address)
    until(lambda: any(row.startswith("Nickname:") for row in amy.lines), what="the question")
    amy.types("amy")
    sees(amy, "[#lobby]", " 1:#lobby  amy")
    amy.types("a secret of hers")
    sees(amy, "<amy> a secret of hers")
    amy.signals_itself(signal.SIGKILL)
    until(lambda: amy.has_ended, what="the end")
    ben = on_screen(*CLIENT, address)
    until(lambda: any(row.startswith("Go on as amy, or as somebody else?") for row in ben.lines), what="the question")
    ben.types("ben")
    sees(ben, "[#lobby]", " 1:#lobby  ben")


def test_a_command_is_told_of_calls(server: Server, bob: Client, sit: Sit, tmp_path: Path) -> None:
    called = tmp_path / "called"
    sit(server, "--on-mention", f"cat >> {called}")
    bob.says("amy, $(touch oops) `touch oops`; touch oops")
    bob.says("nobody")
    bob.says("/msg amy psst")
    until(lambda: called.exists() and called.read_text().count("\n") == 2, what="two calls")
    assert called.read_text() == "#lobby bob: amy, $(touch oops) `touch oops`; touch oops\nbob: psst\n"


def test_a_paste_of_some_lines_is_one_message(server: Server, bob: Client, sit: Sit) -> None:
    amy = sit(server)
    amy.pastes("one\ntwo\n/who three\n")
    sees(amy, "[#lobby] one", "         two", "         /who three")
    amy.presses("Enter")
    bob.hears("<amy> one\r\n  | two\r\n  | /who three\r\n")


def test_a_paste_of_many_lines_is_shown_by_their_number(server: Server, bob: Client, sit: Sit) -> None:
    amy = sit(server)
    lines = [f"number {number}" for number in range(40)]
    amy.pastes("\n".join(lines))
    sees(amy, "[#lobby] [40 lines]", "Enter says them as one message, Esc drops them.")
    amy.presses("Escape")
    sees(amy, "[#lobby]")
    amy.pastes("\n".join(lines))
    amy.presses("Enter")
    bob.hears("<amy> number 0\r\n  | number 1\r\n")
    bob.hears("  | number 39\r\n")


def test_what_is_elsewhere_is_counted_and_shown_when_one_goes_there(server: Server, bob: Client, sit: Sit) -> None:
    amy = sit(server)
    amy.types("/join #ops")
    sees(amy, "── #ops ──")
    bob.says("lobby talk")
    bob.says("/msg amy psst")
    sees(amy, " 1:#lobby 1  2:#ops  3:@bob 1!  amy")
    amy.presses("C-n")
    sees(amy, "── @bob, 1 new ──", "[bob -> you] psst", "[@bob]")
    amy.types("yes?")
    bob.hears("[amy -> you] yes?\r\n")
    amy.presses("M-1")
    sees(amy, "── #lobby, 1 new ──", "<bob> lobby talk")
    amy.types("/go op")
    sees(amy, "[#ops]")


def test_tab_goes_on_with_commands_and_names(server: Server, bob: Client, sit: Sit) -> None:
    amy = sit(server)
    bob.says("hi")
    sees(amy, "<bob> hi", "[#lobby]")
    until(lambda: _completes(amy, "/whoi", "[#lobby] /whois"))
    amy.presses("Tab")
    sees(amy, "[#lobby] /whois bob")
    amy.presses("C-u")
    amy.presses("-l", "bo")
    amy.presses("Tab")
    sees(amy, "[#lobby] bob:")


def _completes(screen: Screen, typed: str, wanted: str) -> bool:
    """The table of commands comes soon."""
    screen.presses("C-u")
    screen.presses("-l", typed)
    screen.presses("Tab")
    return wanted in [row.rstrip() for row in screen.lines]


def test_hostile_text_is_text(server: Server, connect: Connect, bob: Client, sit: Sit) -> None:
    amy = sit(server)
    eve = connect(server, "eve")
    eve.says("/json")
    eve.says("/nick eve")
    eve.says(json.dumps({"say": COLOURS, "id": "1"}))
    eve.hears('"id":"1"')
    bob.says("still here")
    sees(amy, "<bob> still here", "[#lobby]")
    assert any("\u241b]0;owned\u2407\u241b[2J" in row for row in amy.lines)
    assert amy.tells("#{pane_title}") != "owned"
    assert amy.tells("#{alternate_on} #{mouse_any_flag}") == "0 0"


def test_the_server_may_go_and_come_back(serve: Serve, connect: Connect, sit: Sit) -> None:
    server = serve()
    amy = sit(server)
    amy.presses("-l", "half ")
    server.close()
    sees(amy, "-- the connection is lost, the server closed it; it comes back by itself --")
    amy.presses("-l", "typed while away")
    amy.presses("Enter")
    sees(amy, "... half typed while away", "[#lobby]")
    server = serve("--port", f"tcp:{server.port}:interface={server.host}")
    amy.types("/reconnect")
    until(lambda: amy.lines[-1].strip() == "1:#lobby  amy", what="the connection")
    bob = connect(server, "bob").joins()
    bob.says("/last 5")
    bob.hears("<amy> half typed while away\r\n")
    sees(amy, "<amy> half typed while away")
    assert sum("typed while away" in row for row in amy.lines) == 1


@pytest.mark.parametrize(
    "leaves",
    [
        lambda screen: screen.presses("C-c"),
        lambda screen: screen.presses("C-d"),
        lambda screen: screen.types("/quit"),
        lambda screen: screen.signals(signal.SIGTERM),
        lambda screen: screen.signals(signal.SIGINT),
    ],
    ids=["C-c", "C-d", "quit", "TERM", "INT"],
)
def test_however_it_ends_the_terminal_is_as_it_was(
    server: Server, on_screen: OnScreen, leaves: Callable[[Screen], None]
) -> None:
    words = " ".join([*CLIENT, "-n", "amy", ":".join(server.address)])
    screen = on_screen("sh", "-c", f'B=$(stty -a); {words}; echo ended $?; [ "$B" = "$(stty -a)" ] && read x')
    until(lambda: any(row.startswith("[#lobby]") for row in screen.lines), what="the prompt")
    leaves(screen)
    until(lambda: "ended 0" in screen.lines, what="the end:\n" + "\n".join(screen.lines))
    assert not any("[#lobby]" in row for row in screen.lines)
    assert not screen.has_ended


FAULTY = """
import sys
from chat.client import main
from chat.client.talk.view import View
heard = View._heard
def broken(self, said):
    if said.text == "boom":
        raise RuntimeError("a fault that a test put here")
    heard(self, said)
View._heard = broken
main.main(sys.argv[1:])
"""


def test_its_own_fault_is_written_down_and_the_terminal_is_as_it_was(
    server: Server, bob: Client, on_screen: OnScreen, tmp_path: Path
) -> None:
    (tmp_path / "faulty.py").write_text(FAULTY)
    words = f"{sys.executable} {tmp_path / 'faulty.py'} -n amy {':'.join(server.address)}"
    screen = on_screen("sh", "-c", f'B=$(stty -a); {words}; echo ended $?; [ "$B" = "$(stty -a)" ] && read x')
    until(lambda: any(row.startswith("[#lobby]") for row in screen.lines), what="the prompt")
    bob.says("boom")
    until(lambda: "ended 7" in screen.lines, what="the end:\n" + "\n".join(screen.lines))
    assert not screen.has_ended
    (report,) = (tmp_path / "home" / "chat").glob("fault-*.txt")
    assert "a fault that a test put here" in report.read_text()
    assert report.name in "".join(screen.lines)


def test_a_terminal_that_is_gone_ends_it(server: Server, sit: Sit, bob: Client) -> None:
    amy = sit(server)
    pid = int(amy.tells("#{pane_pid}"))
    amy.close_window()
    until(lambda: not Path(f"/proc/{pid}").exists(), what="its end")


def test_a_dumb_terminal_and_whoever_wants_it_plain_get_lines(server: Server, on_screen: OnScreen) -> None:
    for word, environment, shown in (
        ("--plain", "TERM=xterm", "connected"),
        ("-r lobby", "TERM=dumb", "-- connected --"),
        ("", "CHAT_PLAIN=1", "connected"),
    ):
        command = f"env {environment} {' '.join(CLIENT)} -n amy {word} {':'.join(server.address)}"
        screen = on_screen("sh", "-c", command)
        screen.shows(shown)
        screen.types("/quit")
        until(lambda screen=screen: screen.has_ended, what="the end")


def test_what_was_typed_is_there_at_the_next_start(server: Server, sit: Sit) -> None:
    amy = sit(server)
    amy.types("remember me")
    sees(amy, "<amy> remember me")
    amy.types("/resume AAAA2-BBBB3")
    amy.types("/quit")
    until(lambda: amy.has_ended, what="the end")
    amy = sit(server)
    amy.presses("Up", "Up")
    sees(amy, "[#lobby] remember me")


PASSWORD = "tulips and roses"


def test_a_password_is_in_the_keyring_and_in_no_file(
    server: Server, sit: Sit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    socket, keyring = str(tmp_path / "keyring"), Keyring()
    monkeypatch.setitem(ENVIRONMENT, "PYTHONPATH", str(CHECKOUT / "tests" / "support"))
    monkeypatch.setitem(ENVIRONMENT, "PYTHON_KEYRING_BACKEND", "memory_keyring.Distant")
    monkeypatch.setitem(ENVIRONMENT, WHERE, socket)
    with serving(keyring, socket):
        amy = sit(server)
        amy.types("/set keyring on")
        amy.types("/register")
        for question in ("-> Choose a password for amy, of 8 characters or more:", "-> The same password once more:"):
            sees(amy, question, "Password:")
            amy.types(PASSWORD)
        sees(amy, "-- The password of amy is in the keyring now. --", "[#lobby]")
        assert [*keyring.kept.values()] == [PASSWORD]
        amy.types("/quit")
        until(lambda: amy.has_ended, what="the end")
        again = sit(server)
        sees(again, " 1:#lobby  amy")
        assert "-- looking for the password of amy in the keyring --" in again.lines
        assert not any("nick-taken" in row or "Password:" in row for row in again.lines)
        again.presses("Up", "Up")
        sees(again, "[#lobby] /set keyring on")
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"client.toml", "typed"} <= {path.name for path in files}
    for path in files:
        assert b"tulips" not in path.read_bytes(), path


def test_a_server_that_writes_without_end_does_not_stop_the_keys(server: Server, sit: Sit) -> None:
    """Typed while thousands of lines come: each key is there, and none is lost."""
    amy = sit(server)
    talk = subprocess.Popen(
        [*CLIENT, "-n", "bob", ":".join(server.address)], stdin=subprocess.PIPE, text=True, stdout=subprocess.DEVNULL
    )
    assert talk.stdin is not None
    talk.stdin.write("".join(f"line {number}\n" for number in range(300)))
    talk.stdin.close()
    for letter in "abcdefghij":
        amy.presses(letter)
    until(partial(_stands, amy, "[#lobby] abcdefghij"), what="all keys")
    assert talk.wait() == 0


def _stands(screen: Screen, row: str) -> bool:
    return row in [line.rstrip() for line in screen.lines]
