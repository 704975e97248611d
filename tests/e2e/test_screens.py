"""What a person sees: programs on a terminal, drawn by tmux."""

import re

import pytest

from .conftest import Connect, OnScreen, Serve
from .peers import COMMANDS
from .server import Server
from .waiting import until

pytestmark = pytest.mark.slow

PROGRAMS = {**COMMANDS, "telnet": lambda host, port: ("telnet", host, port)}

HOSTILE = (
    "\x1b]0;PWNED\x07title",
    "\x1b]2;PWNED\x1b\\title",
    "\x9d0;PWNED\x9c title of C1",
    "\x1b[31;44mred\x1b[7m",
    "\x9b31mred of C1",
    "\x1b[2J\x1b[Hcleared",
    "\x1b[10A\x1b[30Cmoved",
    "\x1b[?1049halternate",
    "\x1b[?25lno cursor",
    "\x1bPqdevice\x1b\\",
    "\x1bcreset",
    "\x1b(0\x0eqqq lines",
    "back\x08\x08\x08\x08over",
    "\x1b[8mhidden",
    "\x0b\x0c\x85down",
    "\u202egnirts\u2066",
    "z" + "\u0335" * 200 + "algo",
    "long" * 400,
)


@pytest.mark.parametrize("program", ["nc.openbsd", "telnet"])
def test_a_conversation_looks_as_it_should(program: str, server: Server, connect: Connect, on_screen: OnScreen) -> None:
    bob = connect(server, "bob").joins()
    screen = on_screen(*PROGRAMS[program](*server.address))
    screen.shows("-> Type a nickname and press Enter.  (/help: commands, /quit: leave)")
    screen.types("bob")
    screen.shows("! nick-taken: bob is here already. Enter takes bob2; /resume CODE if it is you.")
    screen.types("amy")
    screen.shows("-> Hello amy. You are in #lobby with bob: what you type, they see.")
    screen.types("hi Ü ☃")
    bob.hears("<amy> hi Ü ☃\r\n")
    bob.says("hello ”")
    screen.shows("<bob> hello ”")
    bob.says("/msg amy psst")
    screen.shows("[bob -> you] psst")
    screen.types("/msg bob yes?")
    screen.shows("[you -> bob] yes?")
    bob.says("/quit see you")
    until(lambda: screen.lines[-1].endswith(' s): "see you"'), what="that bob left")
    screen.types("/quit")
    screen.shows("-> Bye amy. Press Enter (or Ctrl-C) if your prompt does not come back.")
    until(lambda: screen.has_ended)
    # tmux scrolls for a line of its own when a program ends.
    shown = [
        re.sub(r"left \(\d+ s\)", "left (N s)", line)
        for line in screen.lines
        if not line.startswith("-> If the line drops")
    ]
    first = shown.index("-> Type a nickname and press Enter.  (/help: commands, /quit: leave)")
    assert shown[first + 1 : shown.index("/quit") + 2] == [
        "bob",
        "! nick-taken: bob is here already. Enter takes bob2; /resume CODE if it is you.",
        "amy",
        "-> Hello amy. You are in #lobby with bob: what you type, they see.",
        "hi Ü ☃",
        "<bob> hello ”",
        "[bob -> you] psst",
        "/msg bob yes?",
        "[you -> bob] yes?",
        '-!- bob left (N s): "see you"',
        "/quit",
        "-> Bye amy. Press Enter (or Ctrl-C) if your prompt does not come back.",
    ]


@pytest.mark.parametrize("program", ["nc.openbsd", "telnet"])
@pytest.mark.parametrize("saying", ["", "/me ", "/msg amy ", "/topic ", "/away ", "/quit "])
def test_nobody_draws_on_anothers_terminal(
    program: str, saying: str, serve: Serve, connect: Connect, on_screen: OnScreen
) -> None:
    server = serve("--rate", "0")
    screen = on_screen(*PROGRAMS[program](*server.address))
    screen.shows("-> Type a nickname and press Enter.  (/help: commands, /quit: leave)")
    screen.types("amy")
    screen.shows("-> Hello amy. Nobody else is in #lobby yet; what you say is kept for them.")
    facts = "#{pane_title} #{alternate_on} #{cursor_flag} #{scroll_region_upper} #{scroll_region_lower} #{insert_flag}"
    before = screen.tells(facts)
    for number, text in enumerate(HOSTILE):
        mallory = connect(server, f"mallory{number}").joins()
        mallory.says(f"{saying}{text}")
        if saying == "/away ":
            screen.types(f"/msg mallory{number} hi")
            screen.shows(f"[you -> mallory{number}] hi")
        mallory.close()
    bob = connect(server, "bob").joins()
    bob.says("all is well")
    screen.shows("<bob> all is well")
    assert screen.tells(facts) == before
    assert "\x1b" not in screen.styled
    assert screen.tells("#{cursor_x}") == "0"
    assert screen.tells("#{cursor_y}") == str(len(screen.lines))


def test_arrow_keys_and_rub_out_do_not_reach_the_others(server: Server, connect: Connect, on_screen: OnScreen) -> None:
    bob = connect(server, "bob").joins()
    screen = on_screen(*PROGRAMS["nc.openbsd"](*server.address))
    screen.types("amy")
    screen.shows("-> Hello amy. You are in #lobby with bob: what you type, they see.")
    screen.presses("Up", "Left", "x", "BSpace", "y", "F1", "Home", "Enter")
    bob.hears("<amy> y\r\n")


def test_a_pasted_page_arrives_whole(server: Server, connect: Connect, on_screen: OnScreen) -> None:
    bob = connect(server, "bob").joins()
    screen = on_screen(*PROGRAMS["nc.openbsd"](*server.address))
    screen.types("amy")
    screen.shows("-> Hello amy. You are in #lobby with bob: what you type, they see.")
    screen.types("\n".join(f"line {number} of the page" for number in range(50)))
    assert bob.hears("line 49 of the page\r\n").count("<amy> line") == 50
