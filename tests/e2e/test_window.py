"""The window on a virtual screen against the real server: keys and the mouse go in, and what stands in it is asked."""

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from .conftest import Connect, Serve
from .desktop import Desktop, Window
from .nodes import Nodes
from .peers import Client
from .server import CHECKOUT, ENVIRONMENT, Server
from .test_chat_client_tls import encrypted_address, fingerprint
from .waiting import SECONDS, pass_by, until

pytestmark = pytest.mark.slow

CLIENT = (sys.executable, "-m", "chat.client", "--gui")
SECRET = "tulip and rose"


class Seat:
    """Somebody at a client's window."""

    def __init__(self, window: Window) -> None:
        self.window, self.desktop = window, window.desktop

    def field(self, name: str) -> str:
        """What stands in the form."""
        return self.window.tells(f".form.box.{name} get")

    def label(self, path: str) -> str:
        return self.window.tells(f"{path} cget -text")

    @property
    def state(self) -> str:
        return self.label(".chat.bar.state")

    @property
    def inside(self) -> bool:
        shown = self.window.tells("winfo exists .chat") == "1" and self.window.tells("winfo ismapped .chat") == "1"
        return shown and self.window.tells("focus -lastfor .").endswith(".entry")

    @property
    def text(self) -> str:
        script = (
            "foreach one [winfo children .chat.middle.pages] { if {[winfo manager $one] ne {}} {return $one.lines} }"
        )
        return self.window.tells(f"apply {{{{}} {{{script}}}}}")

    @property
    def lines(self) -> list[str]:
        """The conversation, without its times."""
        rows = self.window.tells(f"{self.text} get 1.0 end-1c").split("\n")
        return [re.sub(r"^\d\d:\d\d  ", "", row) for row in rows]

    def page(self, script: str) -> str:
        """What the text of the conversation says to this."""
        return self.window.tells(f"{self.text} {script}")

    def _names(self, path: str) -> list[str]:
        return self.window.tells(f"join [lmap one [{path} children {{}}] {{{path} item $one -text}}] \\n").split("\n")

    @property
    def rooms(self) -> list[str]:
        return self._names(".chat.rooms")

    @property
    def people(self) -> list[str]:
        return self._names(".chat.people")

    @property
    def typed(self) -> str:
        return self.window.tells(".chat.middle.bottom.entry get 1.0 end-1c")

    @property
    def asked_in_secret(self) -> bool:
        return self.window.tells("winfo ismapped .chat.middle.bottom.secret") == "1"

    @property
    def menu(self) -> list[str]:
        script = (
            "for {set i 0} {$i <= [.chat.popup index end]} {incr i} {lappend all [.chat.popup entrycget $i -label]}"
        )
        return self.window.tells(f"set all {{}}; {script}; join $all \\n").split("\n")

    def sees(self, *rows: str) -> None:
        """Wait until these stand in the conversation, one below the other."""

        found: list[str] = []

        def there() -> bool:
            found[:] = self.lines
            return any(tuple(found[at : at + len(rows)]) == rows for at in range(len(found)))

        try:
            until(there)
        except AssertionError:
            raise AssertionError(f"{rows} not in the window:\n" + "\n".join(found)) from None

    def says(self, line: str) -> None:
        self.desktop.types(line)
        self.desktop.presses("Return")

    def clicks(self, path: str, item: str, button: str = "1", times: str = "1") -> None:
        """Click on a row of a list."""
        row = [name.split()[0] for name in self._names(path)].index(item)
        script = f"{path} see {row}; update; concat [winfo rootx {path}] [winfo rooty {path}] [{path} bbox {row}]"
        x, y, left, top, _, height = map(int, self.window.tells(script).split())
        self.desktop.run("mousemove", str(x + left + 20), str(y + top + height // 2))
        self.desktop.run("click", "--repeat", times, "--delay", "60", button)


Open = Callable[..., Seat]


@pytest.fixture
def desktop(tmp_path: Path, stack: ExitStack) -> Desktop:
    for module in ("tkinter", "sv_ttk"):
        pytest.importorskip(module)
    desktop = Desktop(tmp_path)
    stack.callback(desktop.close)
    return desktop


@pytest.fixture
def open_window(desktop: Desktop, tmp_path: Path, stack: ExitStack) -> Open:
    """Start a client with a window: `open_window("-n", "amy", address)`."""

    def open_window(*words: str, **environment: str) -> Seat:
        window = Window(desktop, tmp_path, *CLIENT, *words, **environment)
        stack.callback(window.close)
        return Seat(window)

    return open_window


@pytest.fixture
def amy(server: Server, open_window: Open) -> Seat:
    seat = open_window("-n", "amy", ":".join(server.address))
    until(lambda: seat.inside, what="that amy is in")
    return seat


@pytest.fixture
def bob(server: Server, connect: Connect) -> Client:
    return connect(server, "bob").joins()


@pytest.mark.door
def test_a_first_run_is_a_form_and_the_second_knows_the_answers(
    server: Server, open_window: Open, bob: Client, desktop: Desktop
) -> None:
    amy = open_window()
    desktop.types("pi:port")
    desktop.presses("Return")
    until(lambda: "a port is a number" in amy.label(".form.box.server_error"), what="what is wrong with the server")
    desktop.presses("ctrl+a")
    desktop.types(":".join(server.address))
    desktop.presses("Tab", "Tab")
    desktop.types("bob")
    desktop.presses("Return")
    until(lambda: "nick-taken" in amy.label(".form.box.nick_error"), what="that the nickname is taken")
    assert amy.field("nick").startswith("bob")
    desktop.presses("ctrl+a")
    desktop.types("amy")
    desktop.presses("Return")
    until(lambda: amy.inside, what="that amy is in")
    amy.says("hello")
    bob.hears("<amy> hello\r\n")
    amy.sees("<amy> hello")
    bob.says("hi amy")
    amy.sees("<bob> hi amy")
    until(lambda: amy.people == ["amy", "bob"], what="who is there")
    assert amy.state == f"connected to {':'.join(server.address)} as amy"
    amy.window.tells("wm geometry . 640x480")
    until(lambda: amy.window.tells("winfo ismapped .chat.people") == "0", what="that the people make room")
    amy.window.tells("wm geometry . 900x480")
    until(lambda: amy.window.tells("winfo ismapped .chat.people") == "1", what="that they are back")
    amy.says("/quit")
    assert amy.window.process.wait(SECONDS) == 0
    amy.window.close()
    again = open_window()
    until(lambda: again.inside, what="that nothing is asked again")
    assert again.state.endswith(" as amy")


def test_what_is_new_elsewhere_is_counted_and_marked(amy: Seat, bob: Client, desktop: Desktop) -> None:
    bob.says("/join #ops")
    amy.says("/join #ops")
    bob.says("seen")
    amy.sees("<bob> seen")
    amy.clicks(".chat.rooms", "#lobby")
    until(lambda: amy.window.tells("wm title .").startswith("#lobby"), what="the lobby")
    bob.says("one")
    bob.says("two, amy")
    until(lambda: amy.rooms == ["#lobby", "#ops  2!"], what="how much is new")
    assert amy.window.tells(".chat.rooms item 1 -tags") == "call"
    assert "bold" in amy.window.tells("font actual [.chat.rooms tag configure call -font]")
    until(lambda: amy.window.tells("wm title .").startswith("(1) #lobby"), what="how many call")
    desktop.presses("ctrl+n")
    amy.sees("── new ──", "<bob> one", "<bob> two, amy")
    assert amy.rooms == ["#lobby", "#ops"]
    bob.says("/msg amy psst")
    until(lambda: amy.rooms[-1] == "@bob  1!", what="the private conversation")
    amy.clicks(".chat.people", "bob", times="2")
    amy.sees("[bob -> you] psst")
    amy.says("what is it?")
    bob.hears("[amy -> you] what is it?")
    desktop.presses("alt+1")
    until(lambda: amy.window.tells("wm title .").startswith("#lobby"), what="the lobby")


def test_what_is_typed_while_the_line_is_down_is_kept_and_said_once(
    server: Server, serve: Serve, amy: Seat, connect: Connect
) -> None:
    amy.says("before")
    amy.sees("<amy> before")
    server.close()
    until(lambda: amy.state.startswith("not connected"), what="that it is seen")
    amy.says("while it was down")
    until(lambda: amy.label(".chat.middle.waiting") == "… while it was down", what="the mark")
    again = serve("--port", f"tcp:{server.port}:interface={server.host}")
    bob = connect(again, "bob").joins()
    until(lambda: amy.state.startswith("connected"), what="that it is back")
    amy.sees("<amy> while it was down")
    amy.says("after")
    bob.hears("<amy> after\r\n")
    bob.says("/grep while")
    bob.hears("1 of 1")
    assert amy.lines.count("<amy> while it was down") == 1


def test_a_certificate_is_asked_about_and_another_one_refused(
    serve: Serve, open_window: Open, desktop: Desktop, tmp_path: Path
) -> None:
    server = serve("--tls-port", "tcp:0:interface=127.0.0.1")
    address = encrypted_address(server)
    amy = open_window()
    desktop.types(f"tls://{address}")
    desktop.presses("Tab", "Tab")
    desktop.types("amy")
    desktop.presses("Return")
    until(lambda: fingerprint(server) in amy.label(".form.box.tls_error"), what="the fingerprint")
    assert not amy.inside
    amy.window.tells(".form.box.stranger.yes invoke")
    until(lambda: amy.inside, what="that amy is in")
    server.close()
    for path in tmp_path.glob("*.pem"):
        path.unlink()
    serve("--tls-port", f"tcp:{address.rpartition(':')[2]}:interface=127.0.0.1")
    until(lambda: f"! THE CERTIFICATE OF {address} HAS CHANGED." in amy.lines, seconds=30, what="that it has changed")
    until(lambda: amy.window.tells("winfo ismapped .chat.bar.again") == "1", what="what can be done")
    amy.window.tells(".chat.bar.again invoke")
    desktop.presses("Return")
    until(lambda: "HAS CHANGED" in amy.label(".form.box.tls_error"), what="that it is told beside the field")


def test_the_menu_has_what_the_server_lets_one_do(amy: Seat, bob: Client, desktop: Desktop) -> None:
    amy.says("/register")
    until(lambda: amy.asked_in_secret, what="the question")
    desktop.types(SECRET)
    desktop.presses("Return")
    amy.sees("The same password once more:")
    until(lambda: amy.asked_in_secret, what="the question")
    desktop.types(SECRET)
    desktop.presses("Return")
    until(lambda: any("amy is yours now" in line for line in amy.lines), what="that amy is registered")
    assert not any(SECRET in line for line in amy.lines)
    bob.says("/join #ops")
    amy.clicks(".chat.people", "bob", button="3")
    usual = amy.menu
    assert usual[0] == "Talk in private"
    assert any(entry.startswith("/whois bob") for entry in usual)
    assert not any(entry.startswith("/kick") for entry in usual)
    desktop.presses("Escape")
    amy.says("/join #roses")
    until(lambda: amy.window.tells("wm title .").startswith("#roses"), what="the room")
    bob.says("/join #roses")
    until(lambda: amy.people == ["★ amy", "bob"], what="whose room it is")
    amy.clicks(".chat.people", "bob", button="3")
    until(lambda: any(entry.startswith("/kick bob") for entry in amy.menu), what="what an owner may")
    (place,) = [place for place, entry in enumerate(amy.menu) if entry.startswith("/kick bob")]
    desktop.presses(*["Down"] * (place + 1), "Return")
    until(lambda: amy.typed == "/kick bob ", what="what is left to press Enter for")
    desktop.presses("Return")
    bob.hears("roses")
    until(lambda: amy.people == ["★ amy"], what="that bob is out")


def test_older_lines_come_on_scrolling_up_and_nothing_jumps(
    serve: Serve, connect: Connect, open_window: Open, desktop: Desktop
) -> None:
    server = serve("--rate", "0")
    bob, carol = connect(server, "bob").joins(), connect(server, "carol").joins()
    for number in range(300):
        bob.says(f"line {number}")
    carol.hears("<bob> line 299")
    amy = open_window("-n", "amy", ":".join(server.address))
    until(lambda: amy.inside, what="that amy is in")
    amy.sees("<bob> line 298", "<bob> line 299")
    assert "<bob> line 250" not in amy.lines
    first = ""
    while first != "<bob> line 0":
        known = amy.lines
        desktop.presses("Prior")
        pass_by(0.3)
        if (found := amy.lines) != known and amy.page("yview").split()[1] != "1.0":
            top = amy.page("get {@0,0 linestart} {@0,0 lineend}")
            assert found.index(re.sub(r"^\d\d:\d\d  ", "", top)) > 50, "it jumped to the first line"
        first = found[1]
    wanted = [f"<bob> line {number}" for number in range(300)]
    assert [line for line in amy.lines if line.startswith("<bob>")] == wanted
    assert sum("──" in line for line in amy.lines) == 1
    top = amy.page("get @0,0 {@0,0 lineend}")
    bob.says("one more")
    amy.sees("<bob> one more")
    assert amy.page("get @0,0 {@0,0 lineend}") == top
    desktop.presses("Escape")
    until(lambda: amy.page("bbox end-2c") != "", what="the end")


def test_the_keyboard_is_enough(amy: Seat, bob: Client, desktop: Desktop, tmp_path: Path) -> None:
    bob.says("hello")
    amy.sees("<bob> hello")
    desktop.types("/whoi")
    desktop.presses("Tab")
    until(lambda: amy.typed == "/whois ", what="the command")
    desktop.types("bo")
    desktop.presses("Tab")
    until(lambda: amy.typed == "/whois bob ", what="the nickname")
    assert amy.label(".chat.middle.hint").startswith("/whois [NICK]: ")
    desktop.presses("ctrl+a", "BackSpace")
    desktop.types("two")
    desktop.presses("shift+Return")
    desktop.types("lines")
    desktop.presses("Return")
    bob.hears("<amy> two\r\n")
    bob.hears("  | lines\r\n")
    desktop.presses("Up")
    until(lambda: amy.typed == "two\nlines", what="what was typed before")
    desktop.presses("Down")
    until(lambda: amy.typed == "", what="nothing")
    before = int(amy.window.tells("font actual ChatFont -size"))
    desktop.presses("ctrl+plus", "ctrl+plus")
    until(lambda: abs(int(amy.window.tells("font actual ChatFont -size"))) > abs(before), what="larger letters")
    assert 'zoom = "120"' in (tmp_path / "config" / "chat" / "client.toml").read_text()
    desktop.presses("ctrl+0")
    until(lambda: int(amy.window.tells("font actual ChatFont -size")) == before, what="the usual ones")
    amy.says("/set time off")
    bob.says("what time is it?")
    amy.sees("<bob> what time is it?")
    assert amy.page("get end-1l end-1c").startswith("<bob>"), "a time before it"
    amy.says("/set time on")
    desktop.presses("F6", "F6", "Down", "shift+F10")
    until(lambda: any(entry.startswith("/whois bob") for entry in amy.menu), what="the menu")
    desktop.presses("Down", "Return")
    until(lambda: amy.window.tells("wm title .").startswith("@bob"), what="the private conversation")
    desktop.types("psst")
    desktop.presses("Return")
    bob.hears("[amy -> you] psst")
    amy.sees("[you -> bob] psst")


def test_who_calls_is_told_where_nobody_looks_and_links_open(
    server: Server, bob: Client, open_window: Open, desktop: Desktop, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    for name in ("notify-send", "browser"):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f'#!/bin/sh\necho "$@" >> {told}\n')
        program.chmod(0o755)
    path = f"{tmp_path / 'bin'}:{desktop.environment['PATH']}"
    amy = open_window("-n", "amy", ":".join(server.address), PATH=path, BROWSER=str(tmp_path / "bin" / "browser"))
    until(lambda: amy.inside, what="that amy is in")
    desktop.run("mousemove", "9999", "9999")
    until(lambda: amy.window.tells("focus") == "", what="that it has the keyboard no more")
    bob.says("amy: see https://example.org/x?a=1&b=$(id).")
    amy.sees("<bob> amy: see https://example.org/x?a=1&b=$(id).")
    until(lambda: amy.window.tells("wm title .").startswith("(1) #lobby"), what="the count")
    bob.says("/msg amy and?")
    until(lambda: amy.rooms == ["#lobby", "@bob  1!"], what="the private conversation")
    until(lambda: amy.window.tells("wm title .").startswith("(2) #lobby"), what="one more")
    until(lambda: told.exists() and "#lobby bob amy: see https://" in told.read_text(), what="the notification")
    start = amy.page("tag nextrange link 1.0").split()[0]
    left, top, _, height = map(int, amy.page(f"bbox {start}+3c").split()[:4])
    rootx, rooty = (int(amy.window.tells(f"winfo {root} {amy.text}")) for root in ("rootx", "rooty"))
    desktop.run("mousemove", str(rootx + left + 2), str(rooty + top + height // 2), "click", "1")
    until(lambda: "https://example.org/x?a=1&b=$(id)\n" in told.read_text(), what="the page")
    until(lambda: amy.window.tells("wm title .").startswith("(1) #lobby"), what="that what is open was seen")


def test_what_is_taken_back_goes_and_what_is_marked_is_copied(amy: Seat, bob: Client, desktop: Desktop) -> None:
    bob.says("oops, wrong room")
    bob.says("this stays")
    amy.sees("<bob> oops, wrong room", "<bob> this stays")
    bob.says("/delete")
    number = bob.hears(' ago "oops, wrong room"').rpartition("-> ")[2].partition(":")[0]
    bob.says(f"/delete {number}")
    until(lambda: "<bob> oops, wrong room" not in amy.lines, what="that it goes")
    amy.sees("<bob> this stays")
    row = [line.startswith("<bob> this") for line in amy.lines].index(True) + 1
    amy.page(f"tag add sel {row}.0 {row}.end")
    desktop.presses("ctrl+c")
    until(lambda: "this stays" in amy.window.tells("clipboard get"), what="the clipboard")


def test_a_signal_ends_it_and_its_server_may_have_been_another_one(serve: Serve, open_window: Open) -> None:
    server = serve()
    amy = open_window("-n", "amy", ":".join(server.address))
    until(lambda: amy.inside, what="that amy is in")
    server.stop()
    again = serve("--port", f"tcp:{server.port}:interface={server.host}")
    until(lambda: amy.state.startswith("connected"), what="that it is back")
    amy.window.process.terminate()
    assert amy.window.process.wait(SECONDS) == 0
    assert again.process.poll() is None


def test_closing_the_window_leaves(amy: Seat, bob: Client) -> None:
    amy.says("here")
    bob.hears("<amy> here\r\n")
    amy.window.tells("after 1 [wm protocol . WM_DELETE_WINDOW]")
    assert amy.window.process.wait(SECONDS) == 0
    bob.hears("amy left")


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"DISPLAY": ""}, "it needs a display, X11 or XWayland: "),
        ({"PYTHONPATH": "tk"}, "it needs Tk and a theme: apt "),
    ],
)
def test_where_there_can_be_no_window_a_sentence_says_why(
    environment: dict[str, str], told: str, tmp_path: Path
) -> None:
    (tmp_path / "tk").mkdir()
    (tmp_path / "tk" / "tkinter.py").write_text("raise ImportError\n")
    if "PYTHONPATH" in environment:
        environment = {"PYTHONPATH": f"{tmp_path / 'tk'}:{CHECKOUT}"}
    words = {**ENVIRONMENT, **environment}
    done = subprocess.run(CLIENT, env=words, capture_output=True, text=True, check=False, timeout=SECONDS)
    assert done.returncode == 2
    assert done.stderr.startswith(f"chat-client: --gui: {told}")
    assert done.stderr.count("\n") == 1


def test_a_registered_nickname_comes_in_by_its_password(
    server: Server, bob: Client, open_window: Open, desktop: Desktop
) -> None:
    for line in ("/register", SECRET, SECRET):
        bob.says(line)
    bob.hears("bob is yours now")
    amy = open_window()
    desktop.types("127.0.0.1:9")
    desktop.presses("Tab", "Tab")
    desktop.types("bob")
    desktop.presses("Tab")
    desktop.types("wrong and wrong")
    desktop.presses("Return")
    until(lambda: "no connection to 127.0.0.1:9: " in amy.label(".form.box.server_error"), what="that nobody is there")
    desktop.presses("shift+Tab", "shift+Tab", "shift+Tab", "ctrl+a")
    desktop.types(":".join(server.address))
    desktop.presses("Return")
    until(lambda: "login-failed" in amy.label(".form.box.password_error"), what="that it was wrong")
    assert amy.label(".form.box.server_error") == ""
    until(lambda: amy.window.tells("focus") == ".form.box.password", what="where the right one is to be typed")
    desktop.types(SECRET)
    desktop.presses("Return")
    until(lambda: amy.inside, what="that bob is in, once more")
    assert amy.state.endswith(" as bob")


def test_no_server_breaks_it(open_window: Open, desktop: Desktop) -> None:
    odd = "\ud83d}{[exit]$x \x1b\u202e\0\n" * 3
    with socket.create_server(("127.0.0.1", 0)) as listener:
        amy = open_window("-n", "amy", f"127.0.0.1:{listener.getsockname()[1]}")
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as lines:
            lines.readline()

            def send(**keys: object) -> None:
                connection.sendall(json.dumps(keys).encode() + b"\n")

            room = {"head": 0, "here": 2, "users": [odd, "amy", "{", "}", ""], "topic": odd}
            rooms = {"#lobby": room, odd: room}
            rows = [{"name": odd, "help": odd, "usage": odd, "arguments": [{"kind": "nick"}], "family": odd}]
            who = [{"nick": odd, "away": odd, "down": True, "role": odd}, {"nick": "{", "role": []}, 3]
            answers: dict[str, dict[str, object]] = {
                "/nick": {"type": "welcome", "nick": "amy", "room": "#lobby", "rooms": rooms, "resume": "x"},
                "/help": {"type": "reply", "command": "help", "text": "", "commands": rows},
                "/who": {"type": "reply", "command": "who", "text": odd, "room": "#lobby", "users": who},
            }

            def answer(until_asked: str) -> None:
                asked = ""
                while asked != until_asked:
                    line = json.loads(lines.readline())
                    asked, id = line.get("line", "").partition(" ")[0], line.get("id")
                    send(**answers.get(asked, {"type": "reply", "command": "?", "text": odd}), id=id)
                    send(type="ack", id=id)

            send(type="hello", server=odd, motd=[odd], acks=True)
            answer("/help")
            message = {"type": "message", "at": "2026-11-29T12:00:00Z", "from": odd, "text": odd}
            for number, place in enumerate(("#lobby", odd, f"@{odd}", "@", "")):
                send(**message, room=place, seq=number + 1, **({"to": "amy"} if place.startswith("@") else {}))
            answer("/who")
            until(lambda: len(amy.rooms) >= 3, what="the conversations")
            until(lambda: len(amy.people) == 2, what="the people")
            amy.clicks(".chat.people", "{", button="3")
            until(lambda: len(amy.menu) == 2, what="the menu")
            desktop.presses("Down", "Down", "Return", "Tab")
            for _ in range(6):
                desktop.presses("ctrl+Next")
            send(**message | {"from": "bob", "text": "still here", "room": "#lobby", "seq": 9})
            desktop.presses("alt+1")
            amy.sees("<bob> still here")
            assert amy.window.process.poll() is None, amy.window.said


def test_the_password_of_a_server_is_asked_for_in_the_form(
    serve: Serve, open_window: Open, desktop: Desktop, tmp_path: Path
) -> None:
    (tmp_path / "word").write_text("open sesame\n")
    (tmp_path / "word").chmod(0o600)
    server = serve("--password-file", "word")
    amy = open_window("-n", "amy", ":".join(server.address))
    until(lambda: "Password of this chat:" in amy.label(".form.box.password_error"), what="what is asked")
    until(lambda: amy.window.tells("focus") == ".form.box.password", what="where it is to be typed")
    desktop.types("open sesam")
    desktop.presses("Return")
    until(lambda: "login-failed" in amy.label(".form.box.password_error"), what="that it was wrong")
    until(lambda: amy.window.tells("focus") == ".form.box.password", what="where it is to be typed")
    desktop.types("open sesame")
    desktop.presses("Return")
    until(lambda: amy.inside, what="that amy is in")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_it_goes_to_the_other_node_by_itself_and_says_all_once(
    nodes: Nodes, open_window: Open, connect: Connect, how: signal.Signals
) -> None:
    amy = open_window()
    amy.window.tells(".form.box.server delete 0 end")
    amy.window.tells("focus -force .form.box.server")
    amy.desktop.types(" ".join(nodes.addresses))
    amy.desktop.presses("Tab", "Tab")
    amy.says("amy")
    until(lambda: amy.inside, what="the conversation")
    bob = connect(nodes.all[1], "bob").joins()
    bob.says("hello amy")
    amy.sees("<bob> hello amy")
    assert nodes.addresses[0] in amy.state
    nodes.all[0].process.send_signal(how)
    for text in ("meanwhile", "and more"):
        amy.says(text)
    bob.hears("<amy> and more", 3 * SECONDS)
    until(lambda: nodes.addresses[1] in amy.state, what=amy.state)
    amy.says("after")
    bob.hears("<amy> after")
    until(lambda: amy.lines[-1].endswith("after"), what="\n".join(amy.lines))
    for text in ("meanwhile", "and more", "after"):
        assert bob.heard.count(f"<amy> {text}\r\n") == 1
        assert sum(row.endswith(text) for row in amy.lines) == 1
    assert "amy left" not in bob.heard
