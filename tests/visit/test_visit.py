"""One visit: its lines in their time, how it ends, and what it costs nobody else."""

import json
from collections.abc import Callable

import pytest
from stores import SlowStore
from twisted.internet.defer import succeed
from world import Client, Logged, World, broken, until

from chat.base import limits
from chat.commands.registry import TABLE

IAC, DO_BINARY, DO_TM, WILL_TM, AYT = (b"\xff", b"\xff\xfd\x00", b"\xff\xfd\x06", b"\xff\xfb\x06", b"\xff\xf6")


def said(client: Client) -> list[str]:
    return [line.partition("> ")[2] for line in client.take() if line.startswith("<")]


def codes(client: Client) -> list[str]:
    """The codes of the errors they got."""
    return [line.split()[1].rstrip(":") for line in client.take() if line.startswith("! ")]


def let_all(world: World, store: SlowStore) -> None:
    while store.commits:
        store.let()
        world.turn()


# Lines in their time.


def test_one_who_sends_a_thousand_lines_at_once_does_not_keep_the_others_waiting(world: World) -> None:
    ann, amy, bob = world.enter("ann"), world.enter("amy"), world.enter("bob")
    ann.take()
    amy.send(b"x\n" * 1000)
    bob.send(b"hi\n")
    world.turn()
    heard = said(ann)
    assert len(heard) == 1001
    assert heard.index("hi") <= limits.LINES_PER_READ


def test_who_sends_more_than_is_handled_is_not_read(world: World) -> None:
    world = World(rate=2)
    amy = world.enter("amy")
    amy.send(b"x\n" * (limits.BURST + limits.AHEAD_LINES))
    world.turn()
    amy.send(b"more\n")
    world.turn()
    assert amy.socket.sent


def test_after_the_burst_lines_go_on_at_the_rate_and_none_is_lost() -> None:
    world = World(rate=2)
    ann, amy = world.enter("ann"), world.connect("amy")
    ann.take()
    amy.send("".join(f"{number}\n" for number in range(100)).encode())
    world.turn()
    heard = said(ann)
    assert len(heard) == limits.BURST - 1
    world.wait(10, step=0.25)
    heard += said(ann)
    assert len(heard) == limits.BURST - 1 + 20
    world.wait(60, step=0.25)
    assert heard + said(ann) == [str(number) for number in range(100)]


def test_who_is_slowed_down_is_told_so_each_time_it_begins() -> None:
    world = World(rate=2)
    amy = world.enter("amy")
    for _ in range(2):
        amy.send(b"x\n" * 80)
        world.wait(30, step=0.25)
        assert amy.take() == [
            "-> That was fast: your lines are now said at 2 a second, none is lost.",
            "-> /cancel drops those that still wait.",
        ]
        world.wait(60)


def pastes(lines: int, *after: str, wire: str = "plain") -> tuple[World, Client, Client]:
    """A world in which somebody has sent so many lines at once, has read everything, and then types this."""
    world = World(rate=2)
    ann, amy = world.enter("ann"), world.enter("amy", wire=wire)
    world.wait(60)
    amy.send("".join(f"{number}\n" for number in range(lines)).encode())
    world.turn()
    world.take_all()
    amy.type(*after)
    return world, ann, amy


@pytest.mark.parametrize("lines", [100, 700])
def test_cancel_drops_what_waits_and_says_how_much(lines: int) -> None:
    world, ann, amy = pastes(lines, "/cancel", "sorry")
    world.wait(1, step=0.25)
    assert amy.take() == [f"-> The {lines - limits.BURST} lines that waited are dropped."]
    world.wait(60, step=0.25)
    assert said(ann) == ["sorry"]


def test_cancel_in_the_same_packet_as_the_paste_drops_what_waits() -> None:
    world = World(rate=2)
    ann, amy = world.enter("ann"), world.enter("amy")
    world.wait(60)
    world.take_all()
    amy.send(b"x\n" * 100 + b"/CANCEL\nsorry\n")
    world.wait(60, step=0.25)
    assert said(ann) == ["x"] * limits.BURST + ["sorry"]
    assert amy.take()[-1] == "-> The 40 lines that waited are dropped."


@pytest.mark.parametrize("command", ["/ping", "/who", "/help", "/h"])
def test_what_only_looks_around_overtakes_what_waits(command: str) -> None:
    world, ann, amy = pastes(100, command)
    world.wait(0.5)
    assert amy.take()
    assert len(said(ann)) <= 1
    world.wait(60, step=0.25)
    assert said(ann)[-1] == "99"


def test_in_a_draft_only_cancel_is_looked_for() -> None:
    world, ann, amy = pastes(100, "/paste", "/who", "one", "/end", "/who")
    world.wait(1, step=0.25)
    assert amy.take()[0].startswith("-> ")
    world.wait(60, step=0.25)
    heard = ann.take()
    assert heard[-3:] == ["<amy> 99", "<amy> /who", "  | one"]


def test_cancel_forgets_the_draft_as_well_as_what_waits_for_it() -> None:
    world = World(rate=2)
    ann, amy = world.enter("ann"), world.enter("amy")
    amy.type("/paste")
    world.wait(60)
    world.take_all()
    amy.send(b"x\n" * 90 + b"/cancel\nhi\n")
    world.wait(30, step=0.25)
    assert amy.take()[-1] == "-> The 30 lines that waited are dropped."
    assert said(ann) == ["hi"]


def test_a_first_quit_waits_for_what_was_said_before_and_a_second_does_not() -> None:
    world, ann, amy = pastes(100, "/quit")
    world.wait(60, step=0.25)
    assert len(said(ann)) == 40
    assert amy.ended
    world, ann, amy = pastes(100, "/quit", "/quit")
    world.wait(2, step=0.25)
    assert said(ann) == []
    assert amy.take()[-1] == "! nothing-said: The last 41 lines were not said."
    assert amy.ended


def test_ctrl_c_of_a_telnet_drops_what_waits_and_nothing_else() -> None:
    world, ann, amy = pastes(100)
    amy.send(b"\xff\xf4" + DO_TM)
    world.wait(1, step=0.25)
    assert amy.bytes.endswith(WILL_TM + b"-> The 40 lines that waited are dropped.\r\n")
    amy.take()
    amy.send(b"\xff\xf4hi\n")
    world.wait(2, step=0.25)
    assert (amy.take(), said(ann)) == ([], ["hi"])


def test_programs_are_told_which_of_their_lines_were_dropped() -> None:
    world, ann, bot = pastes(limits.BURST, wire="json")
    bot.type("one", id="1")
    bot.type("two", id="2")
    bot.type("/cancel", id="3")
    world.wait(2, step=0.25)
    answers = [(keys["type"], keys.get("code"), keys.get("id")) for keys in bot.take_objects()]
    assert answers == [
        ("reply", None, None),
        ("error", "nothing-said", "1"),
        ("error", "nothing-said", "2"),
        ("reply", None, "3"),
        ("ack", None, "3"),
    ]
    assert said(ann) == []


def answers_by_id(client: Client) -> dict[str, list[tuple[str, str | None]]]:
    """What each id was answered with in the end."""
    found: dict[str, list[tuple[str, str | None]]] = {}
    for keys in client.take_objects():
        if keys["type"] in ("ack", "error") and "id" in keys:
            found.setdefault(keys["id"], []).append((keys["type"], keys.get("code")))
    return found


def test_programs_are_told_which_of_their_lines_the_end_of_the_connection_dropped() -> None:
    world, _ann, bot = pastes(limits.BURST - 3, wire="json")
    for id in ("1", "2", "3"):
        bot.type("hi", id=id)
    world.turn()
    bot.take()
    bot.type("one", id="4")
    bot.type("/quit", id="5")
    bot.type("two", id="6")
    bot.type("three")
    world.wait(3, step=0.25)
    assert bot.ended
    objects = bot.objects
    assert answers_by_id(bot) == {"4": [("ack", None)], "5": [("ack", None)], "6": [("error", "nothing-said")]}
    assert [keys["text"] for keys in objects if keys["type"] == "error" and "id" not in keys] == [
        "The last line was not said."
    ]


def test_of_a_line_that_waits_to_guess_when_the_server_stops_nothing_is_told_either() -> None:
    world = World(rate=0)
    for _ in range(limits.GUESSES_PER_HOST // limits.GUESSES):
        world.connect(*["/resume K7F2Q-X9M4T"] * limits.GUESSES)
    bot = world.enter("bot", wire="json")
    bot.type("/resume K7F2Q-X9M4T", id="1")
    bot.type("hi", id="2")
    assert answers_by_id(bot) == {}
    world.factory.hold()
    world.factory.drain()
    world.turn()
    assert answers_by_id(bot) == {}
    assert bot.ended


def test_after_the_end_of_the_input_what_waits_is_said_if_they_are_there() -> None:
    world, ann, amy = pastes(100)
    amy.close()
    world.wait(60, step=0.25)
    assert amy.take() == ["-> Your input has ended; 40 lines still wait to be said."]
    assert len(said(ann)) == 40


def test_of_who_is_cut_what_waits_is_not_said() -> None:
    world, ann, amy = pastes(100)
    amy.cut()
    world.wait(60, step=0.25)
    assert said(ann) == []


def test_a_rate_of_0_is_no_limit(world: World) -> None:
    ann, amy = world.enter("ann"), world.enter("amy")
    ann.take()
    amy.send(b"x\n" * 5000)
    world.turn()
    assert len(said(ann)) == 5000


def test_a_line_that_is_too_long_is_answered_with_its_length_and_the_next_one_is_handled(world: World) -> None:
    amy = world.enter("amy")
    amy.send(b"x" * 20_000 + b"\n/ping\n")
    world.turn()
    assert amy.take() == ["! too-long: This line has 20000 bytes, the limit is 16384.", "-> pong"]


def test_one_who_does_not_read_is_not_read_either(world: World) -> None:
    amy = world.enter("amy")
    amy.full()
    for _ in range(1000):
        amy.send(b"/help all\n")
    world.turn()
    assert len(amy.socket.sent) > 900
    amy.drain()
    assert amy.bytes.count(b"/help ") >= 1000


# The end of the input.


def test_the_end_of_the_input_leaves_after_the_last_line(world: World) -> None:
    ann = world.enter("ann")
    amy = world.connect()
    amy.send(b"amy\none\ntwo")
    amy.close()
    assert ann.take() == ["-!- amy joined #lobby (2 here)", "<amy> one", "<amy> two", "-!- amy left (0 s)"]
    assert amy.gone


def test_every_reply_is_delivered_before_the_connection_is_closed() -> None:
    store = SlowStore()
    world = World(store)
    world.enter("ann")
    amy = world.enter("amy")
    store.slow = True
    amy.send(b"/msg ann psst\n/topic tea\nhi\n/ping last\n")
    amy.close()
    assert not amy.ended
    let_all(world, store)
    assert amy.take() == ["[you -> ann] psst", '-> Topic of #lobby: "tea"', "-> pong last"]
    assert amy.gone


def test_the_end_of_the_input_waits_until_what_was_said_is_stored_or_refused() -> None:
    store = SlowStore()
    world = World(store)
    amy = world.enter("amy")
    store.slow = True
    amy.send(b"hi\n")
    amy.close()
    assert not amy.ended
    store.refuse()
    world.turn()
    assert codes(amy) == ["not-stored"]
    assert amy.gone


def test_the_end_of_the_input_waits_for_lines_that_were_too_fast() -> None:
    world = World(rate=2)
    ann, amy = world.enter("ann"), world.enter("amy")
    ann.take()
    amy.send(b"x\n" * 100)
    amy.close()
    assert not amy.ended
    world.wait(40, step=0.25)
    assert len(said(ann)) == 100
    assert amy.gone


def test_the_end_of_the_input_in_a_paste_says_that_nothing_was_said(world: World) -> None:
    ann, amy = world.enter("ann"), world.enter("amy")
    amy.type("/paste", "one", "two")
    ann.take()
    amy.take()
    amy.close()
    assert amy.take() == ["! nothing-said: The 2 lines since /paste were not said."]
    assert said(ann) == []


def test_a_control_d_is_the_end_of_the_input(world: World) -> None:
    ann, amy = world.enter("ann"), world.enter("amy")
    ann.take()
    amy.send(b"hi\n\x04")
    world.turn()
    assert ann.take() == ["<amy> hi", "-!- amy left (0 s)"]
    assert amy.ended


def test_who_ends_the_input_and_reads_slowly_gets_what_is_on_its_way(world: World) -> None:
    amy, bob = world.enter("amy"), world.enter("bob")
    world.take_all()
    amy.full()
    bob.type("one", "two")
    amy.close()
    world.wait(1)
    amy.drain()
    assert said(amy) == ["one", "two"]
    assert amy.gone


def test_whoever_is_closed_and_does_not_read_is_not_waited_for(world: World) -> None:
    amy = world.enter("amy")
    amy.full()
    amy.type("/quit")
    assert not amy.gone
    assert until(world, lambda: amy.gone, 10, 0.5) == limits.CLOSE_SECONDS
    assert world.factory.clients == set()


def test_whoever_was_told_goodbye_is_not_heard_any_more(world: World) -> None:
    ann, amy = world.enter("ann"), world.enter("amy")
    ann.take()
    amy.full()
    amy.type("/quit", "one more thing")
    world.wait(10)
    assert ann.take() == ["-!- amy left (0 s)"]


# Choosing a nickname.


def test_a_refused_nickname_comes_with_one_that_an_empty_line_takes(world: World) -> None:
    world.enter("amy")
    other = world.connect("amy")
    assert other.take()[-1] == "! nick-taken: amy is here already. Enter takes amy2; /resume CODE if it is you."
    other.type("")
    world.wait(limits.NICK_PAUSE_SECONDS)
    assert "-> Hello amy2. " in "\n".join(other.lines)


def test_an_empty_line_as_the_first_answer_gives_a_guests_name(world: World) -> None:
    assert "Hello guest1." in "\n".join(world.connect("").lines)
    assert "Hello guest2." in "\n".join(world.connect("").lines)


@pytest.mark.parametrize(
    ("after", "sentence"),
    [
        (b"", "No nickname, so nothing was said."),
        (b"secret\n", "No nickname, so the line after it was not said."),
        (b"one\n/msg bob two\nbob2\n", "No nickname, so the 3 lines after it were not said."),
        (b"half a line", "No nickname, so the line after it was not said."),
    ],
)
def test_after_a_refused_nickname_the_end_of_the_input_says_that_nothing_was_said(
    world: World, after: bytes, sentence: str
) -> None:
    bob = world.enter("bob")
    script = world.connect()
    script.send(b"bob\n" + after)
    script.close()
    assert script.take()[-2:] == [
        "! nick-taken: bob is here already. Enter takes bob2; /resume CODE if it is you.",
        f"! nothing-said: {sentence}",
    ]
    assert script.gone
    assert bob.take() == []
    assert len(world.hub.people) == 1


def test_the_end_of_the_input_may_come_a_little_after_the_lines(world: World) -> None:
    bob = world.enter("bob")
    script = world.connect()
    script.send(b"bob\nsecret\n")
    world.wait(limits.NICK_PAUSE_SECONDS * 0.9)
    script.close()
    assert codes(script) == ["nick-taken", "nothing-said"]
    assert bob.take() == []


def test_more_lines_than_anybody_types_after_a_refused_nickname_are_taken_for_none(world: World) -> None:
    bob = world.enter("bob")
    script = world.connect()
    script.send(b"bob\n" + b"secret\n" * 100)
    world.wait(10)
    assert codes(script) == ["nick-taken", "nothing-said"]
    assert bob.take() == []
    assert script.ended


def test_who_types_another_nickname_after_a_refused_one_is_in(world: World) -> None:
    world.enter("bob")
    amy = world.connect("bob")
    world.wait(5)
    amy.type("amy", "/ping")
    world.wait(limits.NICK_PAUSE_SECONDS)
    assert amy.take()[-1] == "-> pong"
    assert "amy" in world.hub.lobby.users


def test_who_has_read_a_refusal_is_answered_at_once(world: World) -> None:
    world.enter("bob")
    amy = world.connect("bob")
    for _ in range(2):
        world.wait(limits.NICK_READ_SECONDS)
        amy.type("bob")
    assert codes(amy) == 3 * ["nick-taken"]


def test_a_script_that_sleeps_for_a_second_has_not_read_it(world: World) -> None:
    bob = world.enter("bob")
    script = world.connect("bob")
    world.wait(1)
    script.send(b"secret\n")
    script.close()
    assert codes(script) == ["nick-taken", "nothing-said"]
    assert bob.take() == []


def test_whoever_chooses_no_nickname_is_reminded_and_then_closed(world: World) -> None:
    guest = world.connect()
    guest.take()
    world.wait(limits.NICK_REMINDER_SECONDS - 1)
    assert guest.take() == []
    world.wait(1)
    assert guest.take() == ["-> Type a nickname within 60 s to stay."]
    world.wait(59)
    assert not guest.ended
    world.wait(1)
    assert guest.take() == ["! nick-timeout: No nickname was chosen in 3 min."]
    assert guest.ended


def test_whoever_has_a_nickname_costs_no_timer(world: World) -> None:
    world.enter("amy")
    world.wait(1.0)
    pending = len(world.clock.calls)
    back = world.enter("bob")
    code = back.session.code
    back.cut()
    world.connect(f"/resume {code}")
    world.wait(1.0)
    assert len(world.clock.calls) == pending


def test_whoever_has_a_nickname_is_not_reminded(world: World) -> None:
    early, late = world.enter("early"), world.connect()
    world.wait(limits.NICK_REMINDER_SECONDS)
    late.type("late")
    late.take()
    early.take()
    world.wait(limits.NICK_SECONDS)
    assert late.lines == early.lines == []


def test_commands_do_not_prolong_the_time_to_choose(world: World) -> None:
    guest = world.connect()
    for _ in range(18):
        world.wait(10)
        guest.type("/help")
    assert guest.ended


# Bugs.


async def raises_later(call: object, asked: object) -> None:
    await succeed(None)
    broken()


@pytest.mark.parametrize("handler", [broken, raises_later])
def test_a_bug_in_a_command_closes_that_connection_and_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch, logged: Logged, handler: Callable[..., object]
) -> None:
    ann, amy, bob = world.enter("ann"), world.enter("amy"), world.enter("bob")
    world.take_all()
    monkeypatch.setitem(TABLE, "version", TABLE["version"]._replace(handle=handler))
    amy.send(b"before\n/version\nafter\n")
    bob.send(b"hi\n")
    world.turn()
    assert said(ann) == ["before", "hi"]
    assert amy.take()[0] == "! internal: Something went wrong here; it was logged. Come again."
    assert amy.ended
    assert not bob.ended
    (failure,) = logged.expect(ZeroDivisionError)
    assert "in broken" in failure.getTraceback()


@pytest.mark.parametrize("line", ["/ping", "/topic tea", "/foo", "x" * 3000])
def test_a_bug_in_answering_closes_that_connection_and_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch, logged: Logged, line: str
) -> None:
    ann, amy, bob = world.enter("ann"), world.enter("amy"), world.enter("bob")
    world.take_all()
    session = amy.session
    answer = type(session).answer
    monkeypatch.setattr(type(session), "answer", lambda self, what: broken() if self is session else answer(self, what))
    amy.type(line)
    world.wait(limits.CLOSE_SECONDS)
    assert amy.ended
    bob.type("hi")
    assert "<bob> hi" in ann.lines
    logged.expect(ZeroDivisionError)


def test_a_bug_in_hearing_closes_that_connection_and_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    ann, amy, bob = world.enter("ann"), world.enter("amy"), world.enter("bob")
    world.take_all()
    amy.type("/ignore ann")
    session = amy.session
    monkeypatch.setattr(type(session), "wants", lambda self, log, entry: broken() if self is session else True)
    bob.type("hi")
    assert said(ann) == ["hi"]
    assert amy.gone
    bob.type("ho")
    assert said(ann) == ["ho"]
    logged.expect(ZeroDivisionError)


def test_a_bug_in_going_does_not_keep_the_connection(
    world: World, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    ann, amy = world.enter("ann"), world.enter("amy")
    ann.take()
    monkeypatch.setattr(type(amy.session.posting), "settled", broken)
    amy.close()
    world.wait(limits.CLOSE_SECONDS)
    assert amy.gone
    ann.type("/ping")
    assert ann.take()[-1] == "-> pong"
    logged.expect(ZeroDivisionError)


# The server stops.


def test_when_the_server_stops_nothing_more_is_said_and_everybody_is_told(world: World) -> None:
    amy, bob = world.enter("amy"), world.enter("bob")
    world.take_all()
    amy.type("before")
    world.factory.hold()
    amy.type("after")
    done = world.factory.drain()
    world.turn()
    assert bob.take() == ["<amy> before", "-> The server is stopping."]
    assert (amy.gone, bob.gone, done.called) == (True, True, True)


def test_when_the_server_stops_a_slow_reader_gets_what_is_owed_first(world: World) -> None:
    amy, bob = world.enter("amy"), world.enter("bob")
    world.take_all()
    bob.full()
    amy.type(*["x" * 1000] * 200)
    world.factory.hold()
    done = world.factory.drain()
    world.wait(1)
    bob.drain()
    lines = bob.take()
    assert len(lines) == 201
    assert lines[-1] == "-> The server is stopping."
    assert done.called


def test_when_the_server_stops_a_program_is_told_nothing_of_lines_that_it_sends_again() -> None:
    world = World(rate=2)
    bot = world.enter("bot", wire="json")
    for number in range(100):
        bot.send(json.dumps({"line": f"line {number}", "id": f"c{number}"}).encode() + b"\n")
    bot.send(b"without an id\n")
    world.turn()
    world.factory.hold()
    world.factory.drain()
    world.turn()
    answers = bot.take_objects()
    said = [what["id"] for what in answers if what["type"] == "ack"]
    assert said == [f"c{number}" for number in range(len(said))]
    assert 0 < len(said) < 100
    assert [(what["code"], what.get("id")) for what in answers if what["type"] == "error"] == [("nothing-said", None)]


def test_whoever_does_not_read_when_the_server_stops_is_not_waited_for(world: World) -> None:
    amy, bob = world.enter("amy"), world.enter("bob")
    bob.full()
    amy.type(*["x" * 1000] * 200)
    world.factory.hold()
    done = world.factory.drain()
    world.turn()
    assert not done.called
    world.factory.abort()
    world.turn()
    assert (bob.gone, done.called) == (True, True)


def test_a_thousand_who_come_in_at_the_same_moment_keep_nobody_waiting_who_is_there(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting: list[Callable[[], None]] = []
    amy, bob = world.enter("amy"), world.enter("bob")
    world.take_all()
    monkeypatch.setattr(world.hub.rounds, "let_in", waiting.append)
    carl = world.connect()
    carl.take()
    carl.type("carl", "good morning")
    amy.type("hello")
    assert bob.take() == ["<amy> hello"]
    assert carl.take() == []
    waiting.pop()()
    world.turn()
    assert any(told.startswith("-> Hello carl.") for told in carl.take())
    assert "<carl> good morning" in bob.take()


def test_a_thousand_who_are_silent_at_the_same_moment_are_greeted_in_turn(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting: list[Callable[[], None]] = []
    monkeypatch.setattr(world.hub.rounds, "read_in_line", waiting.append)
    guest, other = (world.connect(greeted=False) for _ in range(2))
    world.wait(limits.GREET_SECONDS)
    assert (guest.lines, other.lines, len(waiting)) == ([], [], 2)
    other.type("/nick amy")
    other.take()
    for greet in waiting:
        greet()
    world.turn()
    assert guest.take()[0].startswith("-> Welcome")
    assert other.take() == []
