"""The page in a real browser, against a real server: what people see of it."""

import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.pages import upgrade

from .browser import Relay, Tab
from .conftest import Browse, Connect, Serve
from .server import ENVIRONMENT, Server
from .waiting import pass_by, until

pytestmark = pytest.mark.slow

SHIFT, CONTROL, RELEASE = "\ue008", "\ue009", "\ue000"
"""Keys, as WebDriver calls them; the last one lets go of those that are held."""


@pytest.mark.door
def test_the_page_talks_with_netcat(server: Server, browse: Browse, connect: Connect) -> None:
    bob = connect(server, "bob").joins()
    ana = browse(server).joins("ana")
    bob.hears("-!- ana joined #lobby (2 here)")
    ana.says("hello, nc ☃")
    bob.hears("<ana> hello, nc ☃")
    bob.says("hello, ana")
    bob.says('<img src=x onerror="document.title=1"> & <b>bold</b>')
    ana.hears('bob: <img src=x onerror="document.title=1"> & <b>bold</b>')
    assert ana.lines == [
        "ana: hello, nc ☃",
        "bob: hello, ana",
        'bob: <img src=x onerror="document.title=1"> & <b>bold</b>',
    ]
    assert ana.runs("return document.querySelectorAll('#log b').length") == 3
    assert ana.runs("return document.title").startswith("#lobby ")


def test_why_a_line_was_not_said_is_seen_by_whoever_looks_at_the_end(
    server: Server, browse: Browse, connect: Connect
) -> None:
    bob = connect(server, "bob").joins()
    (code,) = re.findall(r"/resume (\S+)", bob.heard)
    ana = browse(server).joins("ana")
    ana.says(*(f"line {number}" for number in range(30))).hears("line 29").says(f"is {code} yours?").hears("Not said")
    at_end = (
        "const log = document.getElementById('log'); return log.scrollHeight - log.scrollTop < log.clientHeight + 2"
    )
    until(lambda: ana.runs(at_end))
    assert ana.runs("return document.getElementById('to-end').hidden")


def test_a_server_that_ends_and_comes_back_is_noticed_and_nothing_is_lost(
    serve: Serve, browse: Browse, connect: Connect
) -> None:
    server = serve()
    ana = browse(server).joins("ana")
    ana.says("before").hears("ana: before")
    server.stop()
    ana.told("The line is down.")
    ana.says("meanwhile")
    again = serve("--port", f"tcp:{server.port}:interface={server.host}")
    until(lambda: ana.lines == ["ana: before", "ana: meanwhile"])
    bob = connect(again, "bob").joins()
    assert bob.heard.count("<ana> meanwhile") == 1


def test_a_server_that_has_lost_all_is_begun_with_anew(
    serve: Serve, browse: Browse, connect: Connect, tmp_path: Path
) -> None:
    server = serve()
    ana = browse(server).joins("ana")
    for number in range(9):
        ana.says(f"old {number}").hears(f"ana: old {number}")
    server.stop()
    ana.told("The line is down.")
    ana.says("typed meanwhile")
    for file in tmp_path.glob("chat.sqlite3*"):
        file.unlink()
    again = serve("--port", f"tcp:{server.port}:interface={server.host}")
    ana.told("not good any more").fills("nick", "ana")
    bob = connect(again, "bob").joins()
    until(lambda: bob.heard.count("<ana> typed meanwhile") == 1)
    bob.says("one")
    bob.says("two")
    ana.hears("bob: two").says("three")
    bob.hears("<ana> three")
    until(lambda: ana.lines == ["ana: typed meanwhile", "bob: one", "bob: two", "ana: three"])


def test_a_reload_goes_on_and_nobody_notices(server: Server, browse: Browse, connect: Connect) -> None:
    bob = connect(server, "bob").joins()
    ana = browse(server).joins("ana")
    bob.hears("-!- ana joined")
    ana.says("one")
    bob.says("two")
    ana.hears("bob: two")
    ana.driver.refresh()
    ana.hears("bob: two")
    bob.says("three")
    ana.hears("bob: three")
    assert ana.lines == ["ana: one", "bob: two", "bob: three"]
    ana.says("four")
    assert "ana" not in bob.hears("<ana> four").replace("<ana> one", "").replace("<ana> four", "")


def test_six_lines_that_came_to_a_frozen_tab_are_shown_once(server: Server, browse: Browse, connect: Connect) -> None:
    bob = connect(server, "bob").joins()
    ana = browse(server).joins("ana")
    ana.says("before")
    bob.hears("<ana> before")
    ana.freezes(True)
    for number in range(6):
        bob.says(f"line {number}")
    bob.says("/ping over")
    bob.hears("pong over")
    pass_by(2)
    ana.freezes(False)
    ana.hears("line 5")
    assert ana.lines == ["ana: before", *(f"bob: line {number}" for number in range(6))]


def test_offline_and_back(server: Server, browse: Browse, connect: Connect) -> None:
    bob = connect(server, "bob").joins()
    ana = browse(server).joins("ana")
    ana.network(offline=True)
    bob.says("meanwhile")
    ana.says("typed off line")
    pass_by(1)
    ana.network()
    bob.hears("<ana> typed off line", 40)
    until(lambda: sorted(ana.lines) == ["ana: typed off line", "bob: meanwhile"], 40)
    assert bob.heard.count("<ana> typed off line") == 1


def test_a_line_that_died_without_a_word_is_noticed(
    server: Server, browse: Browse, connect: Connect, stack: ExitStack
) -> None:
    between = stack.enter_context(Relay(server.port))
    bob = connect(server, "bob").joins()
    ana = browse(server, port=between.port).joins("ana")
    ana.says("before")
    bob.hears("<ana> before")
    between.hold()
    bob.says("nobody hears this yet")
    ana.hears("bob: nobody hears this yet", 30)
    ana.says("after")
    bob.hears("<ana> after")
    until(lambda: ana.lines == ["ana: before", "bob: nobody hears this yet", "ana: after"])


def test_what_was_typed_when_the_server_was_killed_is_said_once(serve: Serve, browse: Browse, connect: Connect) -> None:
    server = serve()
    ana = browse(server).joins("ana")
    ana.says("one").hears("ana: one")
    server.stop(signal.SIGKILL)
    ana.says("two", "three")
    again = serve("--port", f"tcp:{server.port}:interface={server.host}")
    until(lambda: ana.lines == ["ana: one", "ana: two", "ana: three"])
    bob = connect(again, "bob").joins()
    for text in ("one", "two", "three"):
        assert bob.heard.count(f"<ana> {text}") == 1


def test_private_talk_and_what_is_not_read(server: Server, browse: Browse, connect: Connect) -> None:
    bob = connect(server, "bob").joins()
    ana = browse(server).joins("ana")
    bob.hears("-!- ana joined")
    bob.says("/msg ana psst")
    ana.told("1 for you")
    assert ana.runs("return document.title").startswith("(1!) ")
    ana.presses("@bob")
    ana.hears("bob: psst")
    assert "new" in ana.shown
    assert ana.runs("return document.title").startswith("@bob")
    ana.says("what?")
    bob.hears("[ana -> you] what?")
    bob.says("in the room")
    ana.told("1 unread")
    ana.presses("#lobby").hears("bob: in the room")


def test_earlier_lines_come_when_one_looks_up(serve: Serve, browse: Browse, connect: Connect) -> None:
    server = serve("--rate", "0")
    bob = connect(server, "bob").joins()
    for number in range(400):
        bob.says(f"line {number}")
    ana = browse(server).joins("ana")
    ana.hears("bob: line 399")
    assert "bob: line 0" not in ana.lines

    def look_up() -> bool:
        ana.runs("document.getElementById('log').scrollTop = 0")
        return "bob: line 0" in ana.lines

    until(look_up)
    assert [line for line in ana.lines if line.startswith("bob: ")] == [f"bob: line {number}" for number in range(400)]
    bob.says("and one more")
    ana.presses("To the newest line").hears("bob: and one more")


def test_a_tab_that_is_copied_is_somebody_else(server: Server, browse: Browse, connect: Connect) -> None:
    bob = connect(server, "bob").joins()
    ana = browse(server).joins("ana")
    bob.hears("-!- ana joined")
    driver = ana.driver
    ana.runs("window.open(location.href)")  # with all that the tab keeps
    [handle] = set(driver.window_handles) - {driver.current_window_handle}
    driver.switch_to.window(handle)
    copy = Tab(ana.browser, handle)
    copy.told("ana is here in another tab.").fills("nick", "zoe")
    bob.hears("-!- zoe joined")
    ana.says("still ana")
    bob.hears("<ana> still ana")


def test_a_second_tab_asks(server: Server, browse: Browse, connect: Connect) -> None:
    bob = connect(server, "bob").joins()
    ana = browse(server).joins("ana")
    bob.hears("-!- ana joined")
    other = ana.browser.tab().opens(server)
    other.told("Go on as ana, or as somebody else?")
    other.presses("Go on as ana")
    other.told("ana is here in another tab.")
    other.fills("nick", "zoe")
    bob.hears("-!- zoe joined")
    ana.says("still ana")
    bob.hears("<ana> still ana")
    other.hears("ana: still ana")


def test_a_tab_that_was_closed_is_gone_on_with(server: Server, browse: Browse, connect: Connect) -> None:
    bob = connect(server, "bob").joins()
    ana = browse(server).joins("ana")
    ana.says("one").hears("ana: one")
    other = ana.browser.tab()
    ana.driver.close()
    ana.browser.driver.switch_to.window(ana.browser.driver.window_handles[0])
    bob.says("two")
    other.opens(server).presses("Go on as ana")
    other.hears("bob: two")
    assert other.lines == ["ana: one", "bob: two"]
    other.presses("Menu").presses("Leave").presses("Leave")
    bob.hears("-!- ana left")
    other.told("You have left.")
    fresh = other.browser.tab().opens(server)
    assert fresh.finds("dialog [name=nick]")


def test_rooms_topics_searches_and_help(server: Server, browse: Browse, connect: Connect) -> None:
    bob = connect(server, "bob").joins()
    ana = browse(server, "#boat").joins("ana")
    ana.told("#boat")
    ana.says("in the boat")
    bob.says("/join #boat")
    bob.hears("<ana> in the boat")
    ana.hears("bob came in")
    ana.presses("Menu").presses("Topic").fills("topic", "Day 3 <b>")
    bob.hears("Day 3 <b>")
    ana.told("Day 3 <b>")
    ana.presses("Menu").presses("Search").fills("words", "boat")
    ana.told("1 found")
    ana.presses("Close")
    ana.presses("Join a room").fills("room", "ops")
    ana.is_answered().told("#ops")
    ana.finds("#line").send_keys("/whoi")
    ana.told("/whois [NICK]")
    ana.finds("#line").send_keys("\t", "bob\n")
    ana.hears("bob is in")
    ana.presses("#boat")
    ana.presses("Menu").presses("Leave this room")
    bob.hears("-!- ana left #boat")


def test_a_paste_of_several_lines_is_one_message(server: Server, browse: Browse, connect: Connect) -> None:
    bob = connect(server, "bob").joins()
    ana = browse(server).joins("ana")
    bob.hears("-!- ana joined")
    for line in ("def f():", "    return 1", ""):
        ana.types(line, f"{SHIFT}\n{RELEASE}")
    ana.types("f()", f"{CONTROL}a{RELEASE}", f"{CONTROL}x{RELEASE}")
    assert ana.runs("return document.getElementById('line').value") == ""
    bob.says("nothing is said yet")
    ana.hears("nothing is said yet")
    ana.types(f"{CONTROL}v{RELEASE}", "\n")
    until(lambda: ana.lines == ["bob: nothing is said yet", "ana: def f():\n    return 1\n\nf()"])
    bob.hears("<ana> def f():\r\n  |     return 1\r\n  | \r\n  | f()\r\n")


def test_an_account_its_roles_and_a_login(server: Server, browse: Browse, connect: Connect) -> None:
    bob = connect(server, "bob").joins()
    ana = browse(server).joins("ana")
    ana.presses("Menu").presses("Register this nickname")
    ana.fills("password", "correct horse battery").told("The same once more")
    ana.fills("password", "correct horse battery")
    ana.is_answered().presses("Join a room").fills("room", "boat").is_answered().told("No topic")
    bob.says("/join #boat")
    ana.hears("bob came in")
    ana.presses("bob").presses("Mute for 10 minutes")
    bob.hears("muted")
    ana.hears("bob was muted")
    ana.presses("bob").presses("Mute no more")
    ana.hears("bob may talk again")
    ana.says("/lock on").hears("The door of #boat is locked")
    ana.says("/unlock on").hears("The door of #boat is open")
    ana.presses("Menu").presses("Leave").presses("Leave")
    ana.presses("Come in again").presses("Log in").fills("nick", "ana")
    ana.told("Password of ana").fills("password", "wrong horse battery")
    ana.told("That is not the password")
    ana.presses("Log in").fills("nick", "ana").told("Password of ana").fills("password", "correct horse battery")
    ana.told("#boat")
    bob.says("welcome back")
    ana.presses("#boat").hears("bob: welcome back")


def test_who_comes_in_again_before_the_last_line_has_ended_begins_anew(
    server: Server, browse: Browse, stack: ExitStack
) -> None:
    between = stack.enter_context(Relay(server.port))
    ana = browse(server, port=between.port).joins("ana")
    between.hold()
    ana.presses("Menu").presses("Leave").presses("Leave").presses("Come in again")
    ana.presses("Log in").presses("Cancel").joins("zoe")
    ana.says("in").hears("zoe: in")


def test_where_the_chat_is_full_the_browser_says_so(serve: Serve, browse: Browse, connect: Connect) -> None:
    server = serve("--max-clients", "20")
    crowd = [connect(server) for _ in range(20)]
    crowd[-1].hears("Type a nickname")
    ana = browse(server).told("The chat is full: 20 connections.")
    for somebody in crowd:
        somebody.close()
    bob = connect(server, "bob").joins()
    ana.opens(server).joins("ana")
    ana.says("in")
    bob.hears("<ana> in")


def test_who_is_one_too_many_when_they_begin_to_talk_is_told_so(serve: Serve, browse: Browse, stack: ExitStack) -> None:
    server = serve("--proxy", "127.0.0.1", "--max-per-host", "20")
    crowd = []
    for _ in range(20):
        crowd.append(stack.enter_context(socket.create_connection((server.host, server.port))))
        crowd[-1].sendall(upgrade(origin=None, x_forwarded_for="203.0.113.5"))
        assert crowd[-1].recv(4096).startswith(b"HTTP/1.1 101 ")
    ana = browse(server, "healthz").told("It works.")
    ana.browser.ask("Network.enable")
    ana.browser.ask("Network.setExtraHTTPHeaders", headers={"X-Forwarded-For": "203.0.113.5"})
    ana.opens(server).told("Your address has 20 connections already.")
    crowd[0].close()
    pass_by(1)
    ana.presses("Come in again").joins("ana")
    ana.says("in").hears("ana: in")


def test_where_the_server_has_a_password_that_comes_first(serve: Serve, browse: Browse, tmp_path: Path) -> None:
    (tmp_path / "word").write_text("tulip time")
    ana = browse(serve("--password-file", "word"))
    ana.told("This chat has a password").fills("password", "rose time")
    ana.told("That is not the password")
    ana.fills("password", "tulip time").told("Choose a nickname").joins("ana")
    ana.says("in").hears("ana: in")
    ana.driver.refresh()
    ana.hears("ana: in")


def test_where_only_accounts_come_in_one_is_made_by_an_invitation(
    serve: Serve, browse: Browse, connect: Connect, tmp_path: Path
) -> None:
    server = serve("--registered-only")
    admin = [sys.executable, "-m", "chat", "admin", "--data", str(tmp_path), "invite-code"]
    told = subprocess.run(admin, env=ENVIRONMENT, capture_output=True, text=True, check=True).stdout
    code = re.search(r"[A-Z0-9]{4,5}-[A-Z0-9]{4,5}", told)
    assert code, told
    ana = browse(server)
    ana.fills("nick", "ana").told("invitation")
    ana.fills("password", code[0]).told("password")
    ana.fills("password", "correct horse battery").told("The same once more")
    ana.fills("password", "correct horse battery")
    ana.says("in").hears("ana: in")


def test_it_speaks_spanish_with_who_does(server: Server, browse: Browse) -> None:
    ana = browse(server, language="es-ES")
    ana.told("Elige un apodo y habla.")
    ana.joins("José")
    ana.says("/who")
    ana.hears("Hay una persona en #lobby")


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize(("width", "height"), [(360, 640), (1200, 800)])
def test_it_fits(
    server: Server, browse: Browse, connect: Connect, width: int, height: int, dark: bool, tmp_path: Path
) -> None:
    bob = connect(server, "bob").joins()
    ana = browse(server, width=width, height=height, dark=dark).joins("ana")
    bob.hears("-!- ana joined")
    bob.says("x" * 300 + " https://example.org/" + "y" * 300)
    ana.hears("xxxxx")
    assert ana.runs("return document.documentElement.scrollWidth <= innerWidth")
    small = """return [...document.querySelectorAll("button, input, textarea")].filter((element) =>
        element.checkVisibility() && element.getBoundingClientRect().height < 44).map((element) => element.outerHTML)"""
    assert ana.runs(small) == []
    if width < 500:
        ana.presses("Places").told("Join a room")
        ana.presses("Places")
        ana.presses("People").presses("bob").presses("Close")
        ana.presses("People")
    ana.looks(tmp_path / "page.png")
    ana.says("seen")
    bob.hears("<ana> seen")


@pytest.mark.parametrize(("width", "height", "dark"), [(1200, 800, False), (360, 640, True)])
def test_axe_finds_nothing_serious(
    server: Server, browse: Browse, connect: Connect, width: int, height: int, dark: bool
) -> None:
    axe = Path(os.environ.get("AXE_CORE", "node_modules/axe-core/axe.min.js"))
    if not axe.exists():
        pytest.skip("axe-core is not installed (npm install axe-core, or AXE_CORE=…/axe.min.js)")
    bob = connect(server, "bob").joins()
    ana = browse(server, width=width, height=height, dark=dark)

    def look() -> None:
        ana.runs(axe.read_text())
        script = """const done = arguments[0]; axe.run(document).then(({ violations }) => done(violations
            .filter(({ impact }) => impact === "serious" || impact === "critical")
            .map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])));"""
        assert ana.driver.execute_async_script(script) == []

    ana.finds("dialog [name=nick]")
    look()
    ana.joins("ana")
    bob.says("hello, ana: https://example.org")
    ana.hears("hello, ana")
    ana.says("/who", "/nosuch")
    ana.hears("nosuch")
    look()
    for dialog in ("Search", "Invite", "Topic"):
        ana.presses("Menu").presses(dialog)
        look()
        ana.presses("Close" if dialog != "Topic" else "Cancel")
    ana.finds("#line").send_keys("/m")
    ana.told("/msg NICK")
    look()


def test_it_can_be_used_by_keyboard_alone(server: Server, browse: Browse, connect: Connect) -> None:
    bob = connect(server, "bob").joins()
    ana = browse(server)
    ana.finds("dialog [name=nick]")
    ana.types("ana", "\n")
    bob.hears("-!- ana joined")
    until(lambda: ana.focus() == "line")
    ana.types("hello", "\n")
    bob.hears("<ana> hello")
    reached = set()
    for _ in range(20):
        ana.types("\ue004")
        reached.add(ana.focus())
    assert {"show-menu", "log", "join", "send", "line"} <= reached


def test_what_a_screen_reader_is_told(server: Server, browse: Browse, connect: Connect) -> None:
    bob = connect(server, "bob").joins()
    ana = browse(server).joins("ana")
    bob.says("hello")
    ana.hears("bob: hello")
    # What was drawn anew is not read aloud: for a moment nothing is.
    until(lambda: ana.runs("return document.getElementById('log').ariaLive") == "polite")
    tree = ana.tree()
    roles = {(node["role"]["value"], node["name"]["value"]) for node in tree if not node["ignored"] and "name" in node}
    assert ("log", "#lobby") in roles
    assert ("textbox", "Message to #lobby") in roles
    assert ("button", "Menu") in roles
    assert ("navigation", "Places") in roles
    assert ("complementary", "People") in roles
    assert ("heading", "#lobby") in roles
    [log] = [node for node in tree if node["role"]["value"] == "log"]
    live = {entry["name"]: entry["value"]["value"] for entry in log["properties"]}
    assert live["live"] == "polite"
    assert sum(node["role"]["value"] == "article" for node in tree) == 1
    assert any(role == "heading" and "2" in name for role, name in roles)
    ana.presses("Menu").presses("Read new lines aloud")
    assert ana.runs("return document.getElementById('log').getAttribute('aria-live')") == "off"
