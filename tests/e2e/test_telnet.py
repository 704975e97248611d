"""Debian's telnet on a terminal, and the bytes of other telnets."""

import subprocess

import pytest

from .conftest import Connect, OnScreen, OnTerminal
from .peers import Client, Terminal, need
from .server import Server
from .waiting import SECONDS, until

pytestmark = pytest.mark.slow

IAC_DO_BINARY = b"\xff\xfd\x00"


@pytest.fixture
def bob(server: Server, connect: Connect) -> Client:
    """Somebody who hears what telnet sends."""
    return connect(server, "bob").joins()


@pytest.fixture
def amy(server: Server, bob: Client, on_terminal: OnTerminal) -> Terminal:
    """Somebody with telnet."""
    amy = on_terminal("amy", "telnet", *server.address).joins()
    bob.hears("-!- amy joined #lobby (2 here)\r\n")
    return amy


def interrupts(amy: Terminal) -> None:
    """Press Ctrl-C; what arrives before the server's answer to it does telnet throw away."""
    amy.presses("\x03")
    until(lambda: amy.says("/ping") or "-> pong" in amy.heard, what="telnet shows output again")


def test_telnet_hears_and_is_heard(amy: Terminal, bob: Client) -> None:
    amy.says("hi")
    bob.hears("<amy> hi\r\n")
    bob.says("hello")
    amy.hears("<bob> hello\r\n")


def test_letters_that_telnet_would_take_for_keys_arrive_both_ways(amy: Terminal, bob: Client) -> None:
    amy.says("Ü Ú Ã Ï ☃ “ ” €")
    bob.hears("<amy> Ü Ú Ã Ï ☃ “ ” €\r\n")
    bob.says("Ü Ú Ã Ï ☃ “ ” €")
    amy.hears("<bob> Ü Ú Ã Ï ☃ “ ” €\r\n")


def test_after_ctrl_c_output_goes_on(amy: Terminal, bob: Client) -> None:
    interrupts(amy)
    bob.says("still there?")
    amy.hears("<bob> still there?\r\n")
    amy.says("yes")
    bob.hears("<amy> yes\r\n")


def test_ctrl_d_leaves(amy: Terminal, bob: Client) -> None:
    amy.presses("\x04")
    bob.hears("-!- amy left (0 s)\r\n")
    amy.ends()


def test_quit_ends_telnet(amy: Terminal) -> None:
    amy.says("/quit")
    amy.hears("-> Bye amy.")
    amy.hears("Connection closed by foreign host.")
    amy.ends()


def test_rooms_can_be_joined(amy: Terminal, bob: Client) -> None:
    bob.says("/join #ops")
    bob.hears("-> You speak in #ops now.")
    amy.says("/join #ops")
    amy.hears("-> You speak in #ops now. You still hear #lobby; /join #lobby goes back.\r\n")
    amy.says("ready")
    bob.hears("#ops <amy> ready\r\n")
    bob.says("/msg #lobby here too")
    amy.hears("#lobby <bob> here too\r\n")


def test_in_character_mode_keys_are_put_together_and_rubbed_out(amy: Terminal, bob: Client) -> None:
    amy.presses("\x1d")  # ^]
    amy.hears("telnet> ")
    amy.says("mode character")
    amy.says("hello\x7fp\x1b[D")
    bob.hears("<amy> hellp\r\n")
    interrupts(amy)
    bob.says("still there?")
    amy.hears("<bob> still there?\r\n")


def test_cr_nul_ends_a_line_and_marks_a_telnet(server: Server, bob: Client, connect: Connect) -> None:
    amy = connect(server)
    amy.sends(b"amy\r\0")
    amy.hears("Hello amy")
    for byte in "h x\x7f☃\r\0".encode():
        amy.sends(bytes([byte]))
    bob.hears("<amy> h ☃\r\n")
    assert amy.bytes_heard.count(IAC_DO_BINARY) == 1


def test_only_a_telnet_is_asked_for_binary(server: Server, bob: Client, connect: Connect) -> None:
    assert b"\xff" not in bob.bytes_heard


@pytest.mark.parametrize(
    ("nick", "damaged"),
    [
        ("Ünal", True),  # 9C, its key that breaks
        ("\u041a\u0443\u0437\u044f", True),  # 83, Ctrl-C
        ("\u03a7\u03c1\u03ae\u03c3\u03c4\u03bf\u03c2", True),
        ("\u0424\u0438\u0444\u0430", False),
        ("Hans", False),
        ("\u0639\u0645\u0631", True),  # 85, which it takes for ^E
    ],
)
def test_a_nickname_that_telnet_damages_is_asked_for_and_then_taken(
    server: Server, bob: Client, on_screen: OnScreen, nick: str, damaged: bool
) -> None:
    amy = on_screen("telnet", *server.address)
    amy.shows("-> Type a nickname and press Enter.  (/help: commands, /quit: leave)")
    amy.types(nick)
    if damaged:
        amy.shows("! nothing-said: Telnet damaged this line on its way; nothing of it was done.")
        amy.shows("!   Type it again. Enter takes guest1.")
        amy.types(nick)
    bob.hears(f"-!- {nick} joined #lobby (2 here)\r\n")
    amy.types(f"hi from {nick}")
    bob.hears(f"<{nick}> hi from {nick}\r\n")


def test_a_pipe_through_plink_ends_with_its_input(server: Server, bob: Client) -> None:
    need("plink")
    host, port = server.address
    plink = ["plink", "-batch", "-telnet", "-P", port, host]
    done = subprocess.run(plink, input=b"amy\nhi\nand no line end", capture_output=True, timeout=SECONDS, check=False)
    bob.hears("<amy> hi\r\n<amy> and no line end\r\n-!- amy left (0 s)\r\n")
    assert "Hello amy" in done.stdout.decode()


def test_a_telnet_that_negotiates_at_once_is_answered_and_let_in(server: Server, connect: Connect) -> None:
    """What plink sends when it connects."""
    amy = connect(server, "amy")
    will, do = b"\xff\xfb", b"\xff\xfd"
    amy.sends(will + b"\x1f" + will + b"\x20" + will + b"\x18" + will + b"\x27" + do + b"\x01" + will + b"\x03" + do)
    amy.sends(b"\x03")
    amy.joins()
    assert amy.bytes_heard.count(b"\xff\xfc\x01") == 1  # WONT ECHO
    amy.sends(b"\xff\xec")  # EOF
    amy.ends_input()
    amy.hears_the_end()
