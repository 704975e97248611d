"""A terminal by ssh: what is typed stands below what comes, is edited, and costs no more than it may."""

import time
from collections.abc import Iterator

import pyte
import pytest
from by_ssh import BySsh, Opened, new_key
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from world import World

from chat.base import limits
from chat.doors.reactor_loop import ReactorLoop
from chat.doors.ssh_terminal import Keys

SECRET = "tulip and rose"

_open: list["OnScreen"] = []


@pytest.fixture(autouse=True)
def _all_go() -> Iterator[None]:
    """Whose terminal is left is nobody's any more."""
    yield
    while _open:
        _open.pop().goes()


class OnScreen:
    """Somebody at a terminal, and what they see."""

    def __init__(
        self, world: World, *, user: str = "amy", columns: int = 60, rows: int = 12, key: object = None
    ) -> None:
        _open.append(self)
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.Stream(self.screen)
        self.session: Opened = BySsh(world, user, key).comes().opens()
        assert self.session.terminal(columns=columns, rows=rows)
        self.session.shell()
        self.presses("")

    def presses(self, keys: str) -> None:
        self.session.presses(keys)
        for seat in self.session.by.link.seats:
            while seat._edited is not None and seat._edited._typed and not self.session.over:
                self.session.presses("")
        self.look()

    def goes(self) -> None:
        """Be gone without a word."""
        self.session.by.cut()
        self.session.by.world.wait(limits.SSH_GATHER_SECONDS)

    def look(self) -> None:
        self.session.by.world.wait(limits.SSH_GATHER_SECONDS)
        self.session.by.pump()
        self._stream.feed(self.session.out.decode())
        self.session.out = b""

    @property
    def lines(self) -> list[str]:
        """What is on the screen, without empty lines at its end."""
        lines = [line.rstrip() for line in self.screen.display]
        while lines and not lines[-1]:
            lines.pop()
        return lines


@pytest.fixture
def amy(world: World) -> OnScreen:
    amy = OnScreen(world)
    amy.presses("\r")
    assert amy.lines[-1] == "[#lobby]"
    return amy


def test_the_name_that_ssh_sends_is_proposed_and_enter_takes_it(world: World) -> None:
    amy = OnScreen(world)
    assert amy.lines[-1] == "> amy"
    amy.presses("\r")
    assert "-> Hello amy. Nobody else is in #lobby yet; what you say is" in amy.lines
    assert amy.lines[-1] == "[#lobby]"


def test_a_name_that_nobody_may_have_is_not_proposed(world: World) -> None:
    assert OnScreen(world, user="root").lines[-1] == ">"


def test_what_comes_stands_above_what_is_typed(world: World, amy: OnScreen) -> None:
    bob = world.enter("bob")
    amy.presses("hello b")
    for number in range(3):
        bob.type(f"line {number} 日本 😀")
        amy.look()
    assert amy.lines[-4:] == [*(f"<bob> line {number} 日本 😀" for number in range(3)), "[#lobby] hello b"]
    amy.presses("ob\r")
    assert amy.lines[-2:] == ["[#lobby] hello bob", "[#lobby]"]
    assert bob.take()[-1] == "<amy> hello bob"


def test_wide_letters_are_edited_where_they_stand(world: World, amy: OnScreen) -> None:
    bob = world.enter("bob")
    amy.presses("ñ 日本 x\x1b[D\x1b[D\x7fy")
    assert amy.lines[-1].replace(" ", "") == "[#lobby]ñ日yx"
    amy.presses("\r")
    assert bob.take()[-1] == "<amy> ñ 日y x"


def test_a_line_longer_than_the_screen_stays_whole_while_others_come(world: World, amy: OnScreen) -> None:
    bob = world.enter("bob")
    amy.presses("x" * 130)
    before = amy.lines[-3:]
    for _ in range(30):
        bob.type("and on it goes")
        amy.look()
    assert amy.lines[-3:] == before
    assert amy.lines[:-3] == ["<bob> and on it goes"] * 9


def test_the_window_may_be_resized(world: World, amy: OnScreen) -> None:
    amy.presses("hello")
    amy.session.asks(b"window-change", b"\0\0\0\x14\0\0\0\x08" + bytes(8))
    amy.screen.resize(8, 20)
    amy.look()
    assert amy.lines[-1] == "[#lobby] hello"
    amy.session.asks(b"window-change", b"\xff\xff\xff\xff\0\0\0\0" + bytes(8))
    amy.presses("!")


def test_commands_nicknames_and_rooms_are_completed(world: World, amy: OnScreen) -> None:
    world.enter("bob")
    amy.presses("/wh\t")
    assert amy.lines[-2].startswith("[#lobby] /who")
    assert "/whois" in amy.lines[-1]
    amy.presses("\x03bo\t")
    assert amy.lines[-1] == "[#lobby] bob:"
    amy.presses("\x03/leave #lo\t")
    assert "[#lobby] /leave #lobby" in amy.lines[-2:]


def test_what_one_may_not_is_not_offered(world: World, amy: OnScreen) -> None:
    amy.presses("/adm\t")
    assert "/admin" not in " ".join(amy.lines)


def test_what_was_typed_before_is_found_again(world: World, amy: OnScreen) -> None:
    amy.presses("the first\r")
    amy.presses("the second\r")
    amy.presses("\x1b[A\x1b[A")
    assert amy.lines[-1] == "[#lobby] the first"
    amy.presses("\x03\x12sec")
    assert "[#lobby] the second" in amy.lines


def test_a_password_is_stars_and_is_not_found_again(world: World, amy: OnScreen) -> None:
    amy.presses("/register\r")
    amy.presses(SECRET)
    assert amy.lines[-1] == "> " + "*" * len(SECRET)
    amy.presses("\r")
    amy.presses(f"{SECRET}\r")
    assert "-> amy is yours now: on any device type it as your nickname," in amy.lines
    assert SECRET not in " ".join(amy.lines)
    amy.presses("\x1b[A\x1b[A")
    assert SECRET not in " ".join(amy.lines)


def test_a_paste_of_several_lines_is_one_message(world: World, amy: OnScreen) -> None:
    bob = world.enter("bob")
    amy.presses("\x1b[200~one\ntwo\x1b[201~\r")
    assert bob.take()[-2:] == ["<amy> one", "  | two"]


def test_rooms_are_changed_by_keys(world: World, amy: OnScreen) -> None:
    amy.presses("/join #ops\r")
    assert amy.lines[-1] == "[#ops]"
    amy.presses("\x0e")
    assert amy.lines[-1] == "[#lobby]"
    amy.presses("\x1b2")
    assert amy.lines[-1] == "[#ops]"


def test_ctrl_d_leaves_and_the_line_is_taken_away(world: World, amy: OnScreen) -> None:
    bob = world.enter("bob")
    amy.presses("\x04")
    assert amy.session.over
    assert amy.session.status == 0
    assert bob.take()[-1].startswith("-!- amy left")
    assert not amy.lines or not amy.lines[-1].startswith("[#lobby]")


def test_when_the_server_stops_the_last_word_is_seen_and_the_line_is_gone(world: World, amy: OnScreen) -> None:
    amy.presses("half a line")
    world.factory.hold()
    world.factory.drain()
    amy.presses("")
    amy.look()
    assert amy.lines[-1] == "-> The server is stopping."
    assert amy.session.status == 0


def test_the_end_of_the_input_is_a_leave_at_a_terminal_too(world: World, amy: OnScreen) -> None:
    bob = world.enter("bob")
    amy.session.ends()
    amy.look()
    assert bob.take()[-1].startswith("-!- amy left")
    assert amy.session.over


def test_who_is_gone_leaves_nothing_behind(world: World) -> None:
    before = len(world.clock.getDelayedCalls())
    amy = OnScreen(world)
    amy.presses("\rhello")
    amy.session.by.cut()
    world.wait(limits.SSH_GATHER_SECONDS)
    assert amy.session.by.link.editors._count == 0
    # The grace of who is held, and who is looked after.
    assert len(world.clock.getDelayedCalls()) <= before + 2


def test_who_is_known_by_a_key_is_in_at_once(world: World) -> None:
    key = new_key()
    amy = OnScreen(world, key=key)
    amy.presses("\r")
    amy.session.by.cut()
    again = OnScreen(world, key=key)
    assert again.lines[-1] == "[#lobby]"
    assert any(line.startswith("-> Welcome back amy.") for line in again.lines)


@pytest.mark.parametrize("term", ["dumb", "", "unknown"])
def test_a_terminal_that_draws_nothing_gets_the_plain_wire(world: World, term: str) -> None:
    amy = BySsh(world).comes().opens()
    assert amy.terminal(term) is False
    amy.shell().type("amy", "/ping here")
    assert amy.take()[-1] == "-> pong here"


def test_beyond_so_many_one_gets_the_plain_wire(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SSH_EDITORS", 1)
    first = OnScreen(world)
    by = first.session.by
    second = by.opens()
    assert second.terminal() is False
    second.shell().type("eve", "/ping here")
    assert second.take()[-1] == "-> pong here"
    first.presses("\r")
    first.presses("\x04")
    assert by.opens().terminal() is True


def test_no_program_of_the_server_is_started_by_a_key(world: World, amy: OnScreen) -> None:
    amy.presses("text\x18\x05\x1a\x18\x18")
    assert amy.lines[-1].startswith("[#lobby] text")


def test_no_key_is_multiplied(world: World, amy: OnScreen) -> None:
    amy.presses("\x1b099999x")
    amy.presses("\x1b-5y")
    line = next(iter(amy.session.by.link.seats))._edited._editor._line
    assert line.buffer.text == "99999x5y"


def test_what_is_typed_has_an_end(world: World, amy: OnScreen) -> None:
    amy.presses("x" * 3000 + "\x01\x0b" + "\x19" * 30)
    line = next(iter(amy.session.by.link.seats))._edited._editor._line
    assert len(line.buffer.text) <= limits.TYPED
    amy.presses("a\x02" * 300)
    assert len(line.buffer._undo_stack) <= limits.UNDONE


def test_what_was_typed_before_has_an_end(world: World, amy: OnScreen) -> None:
    buffer = next(iter(amy.session.by.link.seats))._edited._editor._line.buffer
    for size in (1, limits.SSH_HISTORY_TEXT // 4):
        for _ in range(limits.SSH_HISTORY + 1):
            buffer.history.append_string("x" * size)
        kept = buffer.history.get_strings()
        assert len(kept) == min(limits.SSH_HISTORY, limits.SSH_HISTORY_TEXT // size)
    for _ in range(limits.UNDONE):
        buffer.text += "x" * 1000
        buffer.save_to_undo_stack()
    assert sum(len(text) for text, _ in buffer._undo_stack) <= limits.UNDONE_TEXT


def test_a_paste_without_an_end_is_dropped(world: World, amy: OnScreen) -> None:
    for _ in range(20):
        amy.presses("\x1b[200~" + "x" * 15_000)
    keys = next(iter(amy.session.by.link.seats))._edited.terminal.keys
    assert len(getattr(keys._parser, "_paste_buffer", "")) <= limits.SSH_PASTE + limits.SSH_WINDOW
    amy.presses("\x1b[201~")
    amy.presses("\x03")
    amy.presses("still here\r")
    assert "[#lobby] still here" in amy.lines


def test_a_sequence_of_a_key_has_an_end() -> None:
    keys, begun = Keys(), time.perf_counter()
    for _ in range(200):
        keys.feed(b"\x1b[" + b"1" * 62)
    keys.feed(b"1" * 5000)
    assert time.perf_counter() - begun < 2
    keys.feed(b"\x03")
    assert keys.read_keys()


def test_what_comes_faster_than_one_takes_it_is_no_buffer(world: World, amy: OnScreen) -> None:
    bob = world.enter("bob")
    amy.session.conn.adjustWindow = lambda channel, size: None
    seat = next(iter(amy.session.by.link.seats))
    seat.channel.remoteWindowLeft = 1000
    for number in range(1000):  # all of it before anything is drawn
        bob.type(f"{number} {'x' * 1000}")
    assert len(seat.channel.buf) + sum(map(len, seat._edited._editor._written)) < 2 * limits.PAGE_BYTES
    del amy.session.conn.adjustWindow


def test_the_next_picture_is_the_same_as_if_all_were_drawn_anew(world: World, amy: OnScreen) -> None:
    bob = world.enter("bob")
    amy.presses("half a li")
    other = OnScreen(world, user="eve")
    other.presses("\r")
    other.presses("half a li")
    editor = next(iter(other.session.by.link.seats))._edited._editor
    for number in range(20):
        bob.type(f"line {number}")
        amy.look()
        editor._same = None
        other.look()
    assert amy.lines[-11:] == other.lines[-11:]


@settings(max_examples=15)
@given(
    st.lists(st.one_of(st.binary(max_size=40), st.sampled_from([b"\r", b"\t", b"\x12", b"\x1b", b"\x1b[A", b"\x03"])))
)
def test_whatever_is_typed_nothing_breaks_and_nobody_else_is_hurt(typed: list[bytes]) -> None:
    failures: list[dict] = []
    globalLogPublisher.addObserver(
        observer := lambda event: failures.append(event) if event.get("log_failure") else None
    )
    try:
        world = World()
        amy, bob = OnScreen(world), world.enter("bob")
        amy.presses("\r")
        for data in typed:
            amy.session.write(data)
            amy.session.by.pump()
            bob.type("still here")
            world.wait(limits.SSH_GATHER_SECONDS)
            amy.session.by.pump()
        bob.take()
        bob.type("/ping on")
        assert "-> pong on" in bob.take()
        assert not failures, failures[0]
        amy.goes()
        _open.clear()
    finally:
        globalLogPublisher.removeObserver(observer)


# The loop.


def test_a_loop_calls_soon_and_later_and_says_how_long_it_took() -> None:
    clock, called, spent = Clock(), [], []
    loop = ReactorLoop(clock, spent.append)
    loop.call_soon(called.append, "soon")
    later = loop.call_later(5, called.append, "later")
    loop.call_at(2, called.append, "at two")
    loop.call_later(1, called.append, "never").cancel()
    assert called == []
    clock.advance(0)
    assert called == ["soon"]
    clock.pump([2, 3])
    assert called == ["soon", "at two", "later"]
    assert len(spent) == 3
    assert not later.cancelled()
    assert not clock.getDelayedCalls()


def test_a_task_of_a_loop_that_fails_is_logged(logged) -> None:
    clock = Clock()
    loop = ReactorLoop(clock, lambda seconds: None)

    async def fails() -> None:
        raise ZeroDivisionError

    task = loop.create_task(fails())
    clock.advance(0)
    assert isinstance(task.exception(), ZeroDivisionError)
    loop.call_soon(lambda: 1 / 0)
    clock.advance(0)
    logged.expect(ZeroDivisionError)
