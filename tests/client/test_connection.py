"""The client's line to the server: the way in, what is confirmed, silence, and leaving."""

import pytest
from connected import World
from hypothesis import given
from hypothesis import strategies as st
from memory_server import HELLO, welcome
from twisted.internet.error import ConnectionLost, ConnectionRefusedError, DNSLookupError

from chat.base import limits
from chat.base.errors import BadInput
from chat.client.talk.objects import Reply, Said

# --- the way in ----------------------------------------------------------------------------------------------------


def test_the_way_in_is_json_then_hello_then_the_nickname_then_the_room() -> None:
    world = World("amy", "#ops")
    world.server.accept()
    assert world.server.lines == ["/json"]
    world.server.wire.dataReceived(b"-> Welcome\r\n-> Type a nickname\r\n")
    assert world.server.lines == []
    world.server.send(HELLO)
    assert world.server.lines == ["/nick amy"]
    world.server.send(welcome())
    assert world.server.lines == ["/join #ops"]
    assert world.face.told == []


def test_we_are_in_when_the_room_has_answered() -> None:
    world = World("amy", "#ops")
    world.server.accept()
    world.server.send(HELLO)
    world.answer(welcome())
    assert not world.connection.connected
    world.answer({"type": "reply", "command": "join", "text": "", "room": "#ops"})
    assert world.connection.connected
    assert world.face.told == ["entered"]


def test_a_nickname_is_asked_for_when_there_is_none() -> None:
    world = World(None)
    world.server.accept()
    world.server.send(HELLO)
    assert world.face.told == ["nickname wanted, the first"]
    assert world.server.lines == ["/json"]
    world.connection.enter("bob")
    assert world.server.lines == ["/nick bob"]


def test_a_nickname_that_was_chosen_early_is_taken_when_it_is_asked_for() -> None:
    world = World(None)
    world.connection.enter("bob")
    world.server.accept()
    world.server.send(HELLO)
    assert world.server.lines == ["/json", "/nick bob"]


def test_a_refused_nickname_is_asked_for_again() -> None:
    world = World()
    world.server.accept()
    world.server.send(HELLO)
    world.answer({"type": "error", "code": "nick-taken", "text": "no", "proposal": "amy2"})
    assert world.face.told == ["nickname wanted, nick-taken"]
    world.connection.enter("amy2")
    assert world.server.lines == ["/nick amy2"]


def test_commands_go_out_while_the_nickname_is_asked_for_and_talk_waits() -> None:
    world = World(None)
    world.server.accept()
    world.server.send(HELLO)
    world.server.transport.clear()
    world.connection.send("/help")
    world.connection.send("hello")
    assert world.server.lines == ["/help"]


def test_a_room_that_does_not_admit_us_gets_none_of_what_waited_and_no_other_room_either() -> None:
    world = World("amy", "#ops")
    world.connection.send("secret")
    world.server.accept()
    world.server.send(HELLO)
    world.answer(welcome())
    world.answer({"type": "error", "code": "room-bad", "text": "no"})
    assert world.face.told == ["not admitted, ['secret']", "entered"]
    assert world.server.lines == []
    assert world.connection.kept == 0


# --- lines and their answers ---------------------------------------------------------------------------------------


def test_each_line_has_an_id_of_its_own() -> None:
    world = World()
    world.enter()
    for text in ("a", "b", "/who"):
        world.connection.send(text)
    lines, ids = zip(*world.server.requests, strict=True)
    assert lines == ("a", "b", "/who")
    assert len(set(ids)) == 3
    assert all(id.startswith("run-") for id in ids)


def test_a_line_is_kept_until_it_is_answered() -> None:
    world = World()
    world.enter()
    world.connection.send("a")
    world.connection.send("b")
    first, second = [id for _, id in world.server.requests]
    assert world.connection.kept == 2
    world.ack(second)
    assert world.connection.kept == 1
    world.ack(first)
    assert world.connection.kept == 0
    assert world.face.answered == ["b", "a"]
    assert world.face.told == ["progressed", "progressed"]


@pytest.mark.parametrize(
    "answer",
    [
        {"type": "ack"},
        {"type": "error", "code": "too-long", "text": "no"},
        {"type": "reply", "command": "who", "text": "amy"},
        {"type": "history", "room": "#lobby", "events": []},
        {"type": "comet"},
    ],
)
def test_whatever_has_its_id_answers_a_line(answer: dict[str, object]) -> None:
    world = World()
    world.enter()
    world.connection.send("x")
    world.answer(answer)
    assert world.connection.kept == 0
    assert world.face.answered == ["x"]


def test_an_answer_that_comes_twice_or_to_nothing_answers_nothing() -> None:
    world = World()
    world.enter()
    world.connection.send("x")
    ((_, id),) = world.server.requests
    world.ack(id, id, "run-999", None)
    assert world.face.answered == ["x"]


def test_what_is_typed_before_we_are_in_is_sent_once_we_are() -> None:
    world = World()
    world.connection.send("a")
    world.connection.send("b")
    assert world.connection.kept == 2
    world.server.accept()
    world.server.send(HELLO)
    world.answer(welcome())
    assert world.server.lines == ["a", "b"]


def test_a_line_that_no_server_would_read_is_refused_and_not_kept() -> None:
    world = World()
    with pytest.raises(BadInput):
        world.connection.send("x" * (limits.LINE + 1))
    assert world.connection.kept == 0


def test_what_is_no_object_is_told_and_skipped() -> None:
    world = World()
    world.enter()
    world.server.wire.dataReceived(b'-> text\n{"type": NaN}\n[]\n')
    assert world.face.told == ["not understood"] * 3
    world.server.send({"type": "message", "room": "#lobby", "from": "bob", "text": "hi"})
    assert isinstance(world.face.objects[-1], Said)


def test_an_endless_line_is_skipped_with_bounded_memory() -> None:
    world = World()
    world.enter()
    for _ in range(10):
        world.server.wire.dataReceived(b"x" * (limits.OBJECT // 4))
        assert len(world.server.wire._lines._rest) <= limits.OBJECT
    world.server.wire.dataReceived(b"\n")
    assert world.face.told == ["not understood"]


# --- trying again --------------------------------------------------------------------------------------------------


def test_attempts_that_fail_come_slower_up_to_a_limit() -> None:
    world = World()
    for _ in range(15):
        world.server.refuse(ConnectionRefusedError())
        world.clock.advance(0)
        world.clock.advance(limits.RETRY_MOST_SECONDS)
    waits = [float(told.split()[-1]) for told in world.face.told if told.startswith("again")]
    assert waits[:3] == [1.5, 2.25, 3.375]
    assert waits == sorted(waits)
    assert waits[-1] == limits.RETRY_MOST_SECONDS


def test_a_server_that_accepts_and_lets_nobody_in_is_left_in_peace_too() -> None:
    world = World()
    for _ in range(15):
        world.server.accept()
        world.lose()
        world.clock.advance(limits.RETRY_MOST_SECONDS)
    assert world.face.told[-1] == f"again in {limits.RETRY_MOST_SECONDS:g}"


def test_once_in_the_first_attempt_after_a_loss_is_soon_again() -> None:
    world = World()
    for _ in range(5):
        world.server.refuse(DNSLookupError())
        world.clock.advance(0)
        world.clock.advance(limits.RETRY_MOST_SECONDS)
    world.enter()
    world.lose()
    assert world.face.told[-1] == "again in 1.5"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(), "nothing answers at this port"),
        (DNSLookupError(), "there is no computer of this name"),
        (OSError("odd\x1b"), "odd␛"),
    ],
)
def test_why_there_is_no_connection_is_said_in_words(error: Exception, words: str) -> None:
    world = World()
    world.server.refuse(error)
    world.clock.advance(0)
    assert world.face.told == [f"unreachable, {words}", "again in 1.5"]


# --- silence -------------------------------------------------------------------------------------------------------


def test_a_silent_server_is_pinged_and_left_if_it_stays_silent() -> None:
    world = World()
    world.enter()
    world.clock.advance(limits.PING_SECONDS)
    assert world.server.lines == ["/ping"]
    world.clock.advance(limits.PONG_SECONDS)
    assert world.server.transport.disconnected
    world.lose(ConnectionLost())
    assert world.face.told[0] == "lost, nothing came from the server for a while"


def test_a_server_that_owes_an_answer_is_pinged_sooner() -> None:
    world = World()
    world.enter()
    world.connection.send("hello")
    world.server.transport.clear()
    world.clock.advance(limits.PONG_SECONDS)
    assert world.server.lines == ["/ping"]
    world.connection.send("there")
    world.clock.advance(limits.PONG_SECONDS - 1)
    assert not world.server.transport.disconnected
    world.clock.advance(1)
    assert world.server.transport.disconnected


def test_whatever_comes_from_a_server_is_a_sign_of_life() -> None:
    world = World()
    world.enter()
    for _ in range(5):
        world.clock.advance(limits.PING_SECONDS)
        assert world.server.lines == ["/ping"]
        world.clock.advance(limits.PONG_SECONDS - 1)
        world.server.wire.dataReceived(b" ")
    assert not world.server.transport.disconnected


def test_the_answer_to_a_ping_is_not_shown() -> None:
    world = World()
    world.enter()
    world.clock.advance(limits.PING_SECONDS)
    world.answer({"type": "reply", "command": "ping", "text": "pong"})
    assert world.face.objects == []


def test_something_that_accepts_and_never_says_hello_is_left() -> None:
    world = World()
    world.server.accept()
    world.clock.advance(limits.PING_SECONDS)
    world.clock.advance(limits.PONG_SECONDS)
    assert world.server.transport.disconnected


def test_a_silence_of_our_own_making_does_not_count_and_the_server_still_hears_of_us() -> None:
    world = World()
    world.enter()
    world.connection.pause()
    assert world.server.transport.producerState == "paused"
    for _ in range(3):
        world.clock.advance(limits.PING_SECONDS)
    assert world.server.lines == ["/ping"] * 3
    assert not world.server.transport.disconnected
    world.connection.written()
    assert world.server.transport.producerState == "producing"
    world.clock.advance(limits.PING_SECONDS)
    assert world.server.lines == ["/ping"]


def test_a_server_that_has_enough_to_say_itself_hears_of_us_all_the_same() -> None:
    world = World()
    world.enter()
    for _ in range(int(2 * limits.PING_SECONDS)):
        world.clock.advance(1)
        world.server.send({"type": "message", "room": "#lobby", "from": "bob", "text": "chatter"})
    assert world.server.lines == ["/ping"] * 2


def test_a_server_that_confirms_nothing_is_left() -> None:
    world = World()
    world.enter()
    world.connection.send("x")
    for _ in range(int(limits.CONFIRM_SECONDS)):
        world.clock.advance(1)
        world.server.send({"type": "message", "room": "#lobby", "from": "bob", "text": "chatter"})
    assert not world.server.transport.disconnected
    world.clock.advance(1)
    world.server.send({"type": "message", "room": "#lobby", "from": "bob", "text": "chatter"})
    assert world.server.transport.disconnected
    world.lose(ConnectionLost())
    assert "lost, the server confirmed nothing for a while" in world.face.told


# --- leaving -------------------------------------------------------------------------------------------------------


def test_leaving_says_so_and_waits_for_the_server_to_close() -> None:
    world = World()
    world.enter()
    world.connection.leave()
    assert world.server.lines == ["/quit"]
    assert not world.over.called
    world.lose()
    assert world.over.called
    assert world.face.told == ["lost, None"]
    world.clock.advance(100)
    assert world.server.attempts == []


def test_who_does_not_close_is_not_waited_for() -> None:
    world = World()
    world.enter()
    world.connection.leave()
    world.server.wire.dataReceived(b'{"type": "message"}\n' * 1000)
    world.clock.advance(limits.LEAVE_SECONDS)
    assert world.server.transport.disconnected
    world.lose(ConnectionLost())
    assert world.over.called


def test_leaving_reads_on_where_the_output_had_stopped_it() -> None:
    world = World()
    world.enter()
    world.connection.pause()
    world.connection.leave()
    assert world.server.transport.producerState == "producing"


def test_the_last_words_are_still_confirmed() -> None:
    world = World()
    world.enter()
    world.connection.send("bye")
    ((_, id),) = world.server.requests
    world.connection.leave()
    world.ack(id)
    world.lose()
    assert world.face.answered == ["bye"]
    assert world.face.told[-1] == "lost, None"


def test_leaving_while_nobody_answers_ends_the_attempt() -> None:
    world = World()
    world.connection.leave()
    assert world.server.cancelled == 1
    world.clock.advance(0)
    assert world.over.called
    assert world.face.told == []


def test_leaving_while_waiting_for_the_next_attempt_is_at_once() -> None:
    world = World()
    world.server.refuse(ConnectionRefusedError())
    world.clock.advance(0)
    world.connection.leave()
    assert world.over.called


def test_after_quit_nobody_comes_back() -> None:
    world = World()
    world.enter()
    world.connection.send("/quit see you")
    world.answer({"type": "reply", "command": "quit", "text": "Bye"})
    world.lose()
    assert world.over.called


def test_a_server_that_stops_is_come_back_to() -> None:
    world = World()
    world.enter()
    world.server.send({"type": "reply", "command": "quit", "text": "The server is stopping."})
    world.lose()
    assert isinstance(world.face.objects[-1], Reply)
    assert world.face.told[-1] == "again in 1.5"


@pytest.mark.parametrize("code", ["kicked", "banned", "taken-over", "nick-timeout"])
def test_who_was_sent_away_does_not_come_back(code: str) -> None:
    world = World()
    world.enter()
    world.server.send({"type": "error", "code": code, "text": "x"})
    world.lose()
    assert world.over.called


def test_a_face_may_leave_when_it_is_told_of_the_loss() -> None:
    world = World()
    world.enter()
    lost = world.face.lost
    world.face.lost = lambda *told: (lost(*told), world.connection.leave())  # type: ignore[method-assign]
    world.lose()
    assert world.over.called


# --- hostile servers -----------------------------------------------------------------------------------------------

ids = st.none() | st.integers(1, 8).map("run-{}".format) | st.text(max_size=3) | st.integers()
objects = st.fixed_dictionaries(
    {"type": st.sampled_from(["hello", "welcome", "message", "ack", "error", "history", "reply", "?"])},
    optional={
        "id": ids,
        "nick": st.text(max_size=3),
        "room": st.text(max_size=3),
        "rooms": st.dictionaries(st.text(max_size=3), st.just({})),
        "command": st.sampled_from(["quit", "join", "leave", "nick"]),
        "current": st.text(max_size=3),
        "code": st.sampled_from(["kicked", "nick-taken", "x"]),
        "text": st.text(max_size=3),
        "proposal": st.text(max_size=3),
    },
)
steps = st.lists(
    st.one_of(
        objects,
        st.binary(max_size=5),
        st.sampled_from(["send", "enter", "leave", "lose", "wait", "pause", "resume"]),
    ),
    max_size=25,
)


@given(steps)
def test_whatever_a_server_does_it_is_no_exception(script: list[object]) -> None:
    world = World(None)
    for step in script:
        if world.server.attempts:
            world.server.accept()
        if world.over.called:
            break
        if isinstance(step, dict):
            world.server.send(step)
        elif isinstance(step, bytes):
            world.server.wire.dataReceived(step)
        elif step == "send":
            world.connection.send("x")
        elif step == "enter":
            world.connection.enter("amy")
        elif step == "leave":
            world.connection.leave()
        elif step == "pause":
            world.connection.pause()
        elif step == "resume":
            world.connection.written()
        elif step == "wait":
            world.clock.advance(limits.PING_SECONDS)
        else:
            world.lose()
            world.clock.advance(limits.RETRY_MOST_SECONDS + 1)


def test_what_is_no_chat_server_is_not_tried_again() -> None:
    world = World()
    world.server.accept()
    world.server.wire.dataReceived(b"SSH-2.0-OpenSSH_9.2\r\n")
    assert world.face.told == ["stranger, an SSH server answers there"]
    world.lose()
    world.clock.advance(limits.RETRY_MOST_SECONDS)
    assert world.server.attempts == []


def test_where_there_was_a_chat_server_it_may_come_back() -> None:
    world = World()
    world.enter()
    world.lose()
    world.clock.advance(limits.RETRY_MOST_SECONDS)
    world.server.accept()
    world.server.wire.dataReceived(b"HTTP/1.1 502 Bad Gateway\r\n")
    world.lose()
    world.clock.advance(limits.RETRY_MOST_SECONDS)
    assert len(world.server.attempts) == 1


def test_whoever_wants_a_new_connection_gets_it_at_once() -> None:
    world = World()
    world.enter()
    world.lose()
    assert world.server.attempts == []
    world.connection.reconnect()
    assert len(world.server.attempts) == 1


# --- by a token -----------------------------------------------------------------------------------------------------


def test_with_a_token_one_logs_in_and_comes_back_by_the_code() -> None:
    world = World("bot", token="chat_token_x")
    world.server.accept()
    world.server.send(HELLO)
    ((line, id),) = world.server.requests[-1:]
    assert line == "/login bot chat_token_x"
    world.server.send({**welcome(nick="bot", resume="c0de"), "id": id})
    world.lose()
    world.come_again()
    ((line, id),) = world.server.requests[-1:]
    assert line == "/resume c0de"
    world.server.send({"type": "error", "code": "code-wrong", "text": "no", "id": id})
    assert world.server.requests[-1][0] == "/login bot chat_token_x"


def test_a_token_comes_before_the_password_of_the_server() -> None:
    world = World("bot", token="chat_token_x")
    world.server.accept()
    world.server.send({**HELLO, "password": "wanted"})
    assert world.server.requests[-1][0] == "/login bot chat_token_x"


def test_a_token_that_is_refused_does_not_make_one_a_guest() -> None:
    world = World("bot", token="chat_token_x")
    world.server.accept()
    world.server.send(HELLO)
    world.answer({"type": "error", "code": "login-failed", "text": "no"})
    assert world.face.told == ["nickname wanted, login-failed"]
    assert all("/nick" not in line for line, _ in world.server.requests)
