"""An IRC client in the chat: it comes in, talks, sees who is there and what was said, and comes back."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, timedelta, timezone
from typing import Any

import irc_client
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from irc_client import check_form, code_of, enter, irc, log_in, numbers, plain, told
from stores import SlowStore
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from world import Client, World

from chat.base import limits
from chat.commands.irc.entering import CAPABILITIES
from chat.commands.irc.verbs import VERBS
from chat.commands.registry import TABLE, permits
from chat.wire.irc.messages import parse


@pytest.fixture
def registered() -> World:
    return irc_client.registered()


FIRST = ["NICK amy", "USER amy 0 * :Amy", "CAP LS 302", "CAP END"]


@pytest.mark.parametrize(
    "lines",
    [
        ["NICK amy", "USER amy 0 * :Amy"],
        ["USER amy 0 * :Amy", "NICK amy"],
        ["PASS x", "NICK amy", "USER amy 0 * :Amy"],
        ["CAP LS 302", "NICK amy", "USER amy 0 * :Amy", "CAP END"],
        ["CAP LS :302", "NICK :amy", "USER amy 0 * Amy", "CAP REQ :server-time", "CAP :END"],
        ["CAP LS", "JOIN :", "NICK amy", "USER amy amy pi :Amy", "CAP END"],
        ["CAP REQ :no/such", "CAP END", "USER amy 0 * :Amy", "NICK amy"],
    ],
)
@pytest.mark.parametrize("pieces", [False, True], ids=["one packet", "bytes"])
def test_a_client_is_in_after_nick_and_user_in_any_order(world: World, lines: list[str], pieces: bool) -> None:
    client = world.connect(greeted=False)
    data = "".join(f"{line}\r\n" for line in lines).encode()
    for packet in [data[place : place + 1] for place in range(len(data))] if pieces else [data]:
        client.send(packet)
        world.turn()
    came = [number for number in numbers(client) if number.isdecimal() and number != "451"]
    assert came[:5] == ["001", "002", "003", "004", "005"]
    assert came[-3:] == ["375", "372", "376"]
    assert b"\xff" not in client.bytes
    assert not told(client, "JOIN")
    assert len(code_of(client)) == 11


def test_line_ends_of_lf_alone_are_taken(world: World) -> None:
    client = world.connect(greeted=False)
    client.send(b"NICK amy\nUSER amy 0 * :Amy\n")
    world.turn()
    assert "376" in numbers(client)


def test_who_was_greeted_in_plain_words_first_comes_in_all_the_same(world: World) -> None:
    client = world.connect()
    client.take()
    client.send(b"NICK amy\r\nUSER amy 0 * :Amy\r\n")
    world.turn()
    assert numbers(client)[0] == "001"
    assert b" pi " in client.bytes


def test_somebody_who_types_a_nickname_or_talks_of_irc_speaks_no_irc(world: World) -> None:
    bob = world.enter("bob")
    amy = world.connect("amy", "NICK zed", "CAP LS 302", "USER a b c :d")
    assert amy.take()[-1].startswith("->")
    assert bob.take()[1:] == ["<amy> NICK zed", "<amy> CAP LS 302", "<amy> USER a b c :d"]


def test_no_telnet_is_spoken_and_nothing_is_rubbed_out(world: World) -> None:
    bob = world.enter("bob")
    amy = enter(world, "amy", "JOIN #lobby", "PRIVMSG #lobby :ab\x08\x7fc")
    assert bob.take()[-1] == "<amy> ab␈␡c"
    assert b"\xff" not in bytes(amy.socket.received)


def test_they_talk_with_all_others(world: World) -> None:
    bob, amy = world.enter("bob"), enter(world, "amy")
    amy.type("JOIN #lobby")
    assert amy.lines == [
        ":amy!chat@chat JOIN #lobby",
        ":pi 353 amy = #lobby :bob amy",
        ":pi 366 amy #lobby :End of the list of names",
    ]
    amy.take()
    bob.take()
    amy.type("PRIVMSG #lobby :olá", "PRIVMSG #lobby :\x01ACTION waves\x01", "PRIVMSG bob :psst", "NOTICE bob :hm")
    assert bob.take() == ["<amy> olá", "* amy waves", "[amy -> you] psst", "[amy -> you] hm"]
    assert amy.take() == []
    bob.type("hello", "/me nods", "/msg amy hi", "/topic tea at five", "/nick rob", "/leave")
    assert amy.take() == [
        ":bob!chat@chat PRIVMSG #lobby :hello",
        ":bob!chat@chat PRIVMSG #lobby :\x01ACTION nods\x01",
        ":bob!chat@chat PRIVMSG amy :hi",
        ":bob!chat@chat TOPIC #lobby :tea at five",
        ":bob!chat@chat NICK :rob",
        ":rob!chat@chat PART #lobby :",
    ]


def test_somebody_who_quits_is_told_once(world: World) -> None:
    amy = enter(world, "amy", "JOIN #lobby,#ops")
    bob = world.enter("bob", "/join #ops")
    amy.take()
    bob.type("/quit see you")
    assert amy.take() == [":bob!chat@chat QUIT :see you"]


def test_a_message_of_several_lines_and_a_long_one_are_as_many_as_it_takes(world: World) -> None:
    amy, bob = enter(world, "amy", "JOIN #lobby"), world.enter("bob")
    amy.take()
    bob.type("/paste", "first", "  then", "/end", "word " * 300 + "end")
    came = [params[1] for params in told(amy, "PRIVMSG")]
    assert came[:2] == ["first", "  then"]
    assert "".join(came[2:]) == "word " * 300 + "end"
    assert all(len(line.encode()) <= limits.IRC_LINE for line in amy.lines)


def test_what_was_said_last_comes_as_notices_no_program_answers(world: World) -> None:
    world.enter("bob", "red again", "/me sighs")
    amy = enter(world, "amy")
    amy.type("JOIN #lobby")
    notices = [params[1] for params in told(amy, "NOTICE")]
    assert [params[0] for params in told(amy, "NOTICE")] == ["#lobby"] * 4
    assert notices[0].startswith("-- last 2 lines of #lobby, times ")
    assert [notice[5:] for notice in notices[1:3]] == [" <bob> red again", " * bob sighs"]
    assert numbers(amy)[:3] == ["JOIN", "353", "366"]


def test_to_who_asked_for_batches_and_times_it_comes_as_it_was_said(world: World) -> None:
    world.enter("bob", "red again")
    amy = enter(world, "amy", caps="batch server-time message-tags")
    amy.type("JOIN #lobby")
    begin, line, end = amy.lines[-3:]
    assert begin == ":pi BATCH +earlier chathistory #lobby"
    assert (
        line == "@batch=earlier;time=2026-11-22T10:04:00.000Z;msgid=2-#lobby :bob!chat@chat PRIVMSG #lobby :red again"
    )
    assert end == ":pi BATCH -earlier"


def test_capabilities_change_what_others_say_and_one_can_give_them_back(world: World) -> None:
    amy, bob = enter(world, "amy", "JOIN #lobby", caps="server-time"), world.enter("bob")
    amy.take()
    bob.type("one")
    amy.type("CAP REQ :-server-time", "CAP LIST")
    bob.type("two")
    assert amy.take() == [
        "@time=2026-11-22T10:04:00.000Z :bob!chat@chat PRIVMSG #lobby :one",
        ":pi CAP amy ACK :-server-time",
        ":pi CAP amy LIST :",
        ":bob!chat@chat PRIVMSG #lobby :two",
    ]


def test_an_echo_comes_in_the_order_of_the_room_with_the_label_of_its_line(world: World) -> None:
    amy = enter(world, "amy", "JOIN #lobby", caps="echo-message labeled-response batch")
    bob, carl = world.enter("bob"), world.enter("carl")
    world.take_all()
    amy.send(b"@label=7 PRIVMSG #lobby :one\r\n")
    bob.send(b"two\n")
    amy.send(b"@label=8 PRIVMSG #lobby :three\r\n")
    world.turn()
    assert carl.take() == ["<amy> one", "<bob> two", "<amy> three"]
    assert amy.take() == [
        "@label=7 :amy!chat@chat PRIVMSG #lobby :one",
        ":bob!chat@chat PRIVMSG #lobby :two",
        "@label=8 :amy!chat@chat PRIVMSG #lobby :three",
    ]


def test_so_do_a_topic_and_what_is_taken_back(world: World) -> None:
    caps = "echo-message labeled-response batch message-tags draft/message-redaction"
    amy = enter(world, "amy", "JOIN #lobby", caps=caps)
    bob = world.enter("bob")
    amy.take(), bob.take()
    amy.type("@label=1 TOPIC #lobby :tea", "@label=2 PRIVMSG #lobby :oops")
    assert [(line.command, line.tags["label"]) for line in map(parse, amy.lines)] == [("TOPIC", "1"), ("PRIVMSG", "2")]
    id = parse(amy.take()[1]).tags["msgid"]
    amy.type(f"@label=3 REDACT #lobby {id} :sorry", f"@label=4 REDACT #lobby {id}", "@label=5 TOPIC #nowhere :x")
    assert [(line.command, line.tags["label"]) for line in map(parse, amy.lines)] == [
        ("REDACT", "3"),
        ("FAIL", "4"),
        ("403", "5"),
    ]
    assert len(bob.take()) == 3


def test_a_label_may_come_again_and_the_line_is_said_again(world: World) -> None:
    amy = enter(world, "amy", "JOIN #lobby", caps="echo-message labeled-response batch")
    bob = world.enter("bob")
    amy.type("@label=1 PRIVMSG #lobby :one", "@label=1 PRIVMSG #lobby :two")
    assert bob.take() == ["<amy> one", "<amy> two"]


def test_all_answers_to_a_message_with_a_label_go_together(world: World) -> None:
    amy = enter(world, "amy", caps="labeled-response batch")
    amy.type("@label=a JOIN #lobby", "@label=b PING x", "@label=c PONG x", "@label=d FOO", "@label=e PRIVMSG #lobby :x")
    begin, *within, end = amy.lines[:5]
    assert begin == "@label=a :pi BATCH +answers labeled-response"
    assert [line.split()[0] for line in within] == ["@batch=answers"] * 3
    assert end == ":pi BATCH -answers"
    assert amy.lines[5:] == [
        "@label=b :pi PONG pi :x",
        "@label=c :pi ACK",
        "@label=d :pi 421 amy FOO :There is no FOO here. HELP lists what there is.",
        "@label=e :pi ACK",
    ]


def test_what_was_said_last_is_in_its_own_batch_within_that_of_the_answers(world: World) -> None:
    """Whoever finds two of a tag in a message keeps one of them."""
    enter(world, "bob", "JOIN #lobby", "PRIVMSG #lobby :red again")
    amy = enter(world, "amy", caps="batch labeled-response server-time")
    amy.type("@label=1 JOIN #lobby")
    begun = next(line for line in amy.lines if "BATCH +earlier" in line)
    assert begun == "@batch=answers :pi BATCH +earlier chathistory #lobby"
    (said,) = [line for line in amy.lines if "red again" in line]
    assert said.startswith("@batch=earlier;time=")
    assert "answers" not in said


def test_who_writes_to_themselves_reads_it(world: World) -> None:
    amy = enter(world, "amy")
    amy.type("PRIVMSG amy :remember")
    assert amy.take() == [":amy!chat@chat PRIVMSG amy :remember"]
    bob = enter(world, "bob", caps="message-tags server-time echo-message")
    bob.type("PRIVMSG bob :remember")
    echo, message = [parse(line) for line in bob.take()]
    assert echo.params == message.params == ["bob", "remember"]
    assert echo.tags == message.tags
    assert set(message.tags) == {"time", "msgid"}


# Coming back.


def test_the_code_as_password_brings_back_nickname_rooms_and_what_was_missed(world: World) -> None:
    amy = irc(world, "NICK amy", "USER amy 0 * :Amy")
    code = code_of(amy)
    amy.type("JOIN #lobby", "JOIN #ops")
    bob = world.enter("bob", "/join #ops")
    amy.cut()
    bob.type("are you there?", "/msg amy psst")
    back = irc(world, f"PASS {code}", "NICK zed", "USER amy 0 * :Amy")
    assert told(back, "001")[0][0] == "amy"
    assert [line for line in back.lines if line.startswith(":amy!")] == [
        ":amy!chat@chat JOIN #lobby",
        ":amy!chat@chat JOIN #ops",
    ]
    missed = [line for line in back.lines if "psst" in line or "are you" in line]
    assert [parse(line).command for line in missed] == ["NOTICE", "NOTICE"]
    assert any("<bob> are you there?" in line for line in missed)
    assert any("[bob -> you] psst" in line for line in missed)
    bob.take()
    back.type("PRIVMSG #ops :yes")
    assert bob.take() == ["#ops <amy> yes"]


def test_what_was_missed_comes_in_batches_to_who_asked_for_them(world: World) -> None:
    amy = irc(world, "NICK amy", "USER amy 0 * :Amy")
    code = code_of(amy)
    amy.type("JOIN #lobby")
    bob = world.enter("bob")
    amy.cut()
    bob.type("are you there?")
    back = irc(world, "CAP REQ :batch server-time", f"PASS {code}", "NICK amy", "USER amy 0 * :Amy", "CAP END")
    began = [params for params in told(back, "BATCH") if params[0].startswith("+")]
    ended = [params for params in told(back, "BATCH") if params[0].startswith("-")]
    assert [params[1:] for params in began] == [["chathistory", "amy"], ["chathistory", "#lobby"]]
    assert [params[0][1:] for params in began] == [params[0][1:] for params in ended]
    (line,) = [line for line in back.lines if "are you there" in line]
    assert parse(line).tags["batch"] == began[1][0][1:]
    assert parse(line).tags["time"] == "2026-11-22T10:04:00.000Z"


def test_a_wrong_code_is_told_and_they_come_in_as_somebody_new(world: World) -> None:
    amy = irc(world, "PASS AAAA2-BBBB3", "NICK amy", "USER amy 0 * :Amy")
    assert numbers(amy)[:2] == ["464", "001"]


def test_a_password_nobody_asked_for_lets_them_in_and_is_told(world: World) -> None:
    amy = irc(world, "PASS tulip", "NICK amy", "USER amy 0 * :Amy")
    assert "wants no password" in amy.lines[-1]
    assert b"tulip" not in amy.bytes


def test_the_end_of_input_is_a_leave_and_a_cut_is_a_cut(world: World) -> None:
    bob = world.enter("bob")
    enter(world, "amy", "JOIN #lobby").close()
    enter(world, "carl", "JOIN #lobby").cut()
    assert [line for line in bob.take() if "left" in line] == ["-!- amy left (0 s)"]


def test_a_silent_client_is_asked_and_in_the_end_given_up(world: World) -> None:
    amy = enter(world, "amy")
    world.wait(29, step=1)
    assert amy.lines == []
    world.wait(31, step=1)
    assert set(numbers(amy)) == {"PING"}
    amy.type("PONG pi")
    amy.take()
    world.wait(25, step=1)
    assert amy.take() == []
    world.wait(120, step=1)
    assert told(amy, "ERROR")
    assert amy.ended


def test_a_pong_waits_for_what_was_said_before(world: World) -> None:
    bob, amy = world.enter("bob"), enter(world, "amy", "JOIN #lobby")
    bob.take()
    sent: list[bytes] = []
    amy.visit.send = bob.visit.send = sent.append
    amy.send(b"PRIVMSG #lobby :hello\r\nPING x\r\n")
    world.turn()
    assert sent == [b"<amy> hello\r\n", b":pi PONG pi :x\r\n"]


def test_it_waits_for_a_store_that_hangs_but_not_for_ever() -> None:
    world = World(store := SlowStore())
    amy = enter(world, "amy", "JOIN #lobby")
    store.slow = True
    amy.type("PRIVMSG #lobby :hello", "PING one")
    world.wait(limits.IRC_PONG_SECONDS - 1, step=1)
    assert not told(amy, "PONG")
    world.wait(2, step=1)
    assert told(amy, "PONG") == [["pi", "one"]]


@pytest.mark.parametrize("first", ["@a=b;c NICK amy", "PASS x", "CAP LS 302", "USER amy 0 * :Amy"])
def test_a_first_line_of_irc_is_known_in_each_form(world: World, first: str) -> None:
    client = irc(world, first, "NICK amy", "USER amy 0 * :Amy", "CAP END")
    assert "001" in numbers(client)
    assert b"Welcome to the chat on pi. Nobody" not in bytes(client.socket.received).partition(b":pi 001")[0]


def test_the_password_of_the_server_is_given_as_pass() -> None:
    world = World(password="tulip time")
    amy = irc(world, "PASS :tulip time", "NICK amy", "USER amy 0 * :Amy", host="127.0.0.1")
    assert numbers(amy)[0] == "001"
    assert "wants no password" not in amy.bytes.decode()


@pytest.mark.parametrize("given", [[], ["PASS tulip"], ["PASS AAAA2-BBBB3"]])
def test_without_it_nobody_comes_in_and_nothing_is_told(given: list[str]) -> None:
    world = World(password="tulip time")
    amy = irc(world, *given, "NICK amy", "LUSERS", "USER amy 0 * :Amy", host="127.0.0.1")
    assert set(numbers(amy)) == {"451", "464", "ERROR"}
    assert amy.ended


def test_the_code_replaces_it() -> None:
    world = World(password="tulip time")
    amy = irc(world, "PASS :tulip time", "NICK amy", "USER amy 0 * :Amy", host="127.0.0.1")
    code = code_of(amy)
    amy.cut()
    back = irc(world, f"PASS {code}", "NICK zed", "USER amy 0 * :Amy", host="127.0.0.1")
    assert told(back, "001")[0][0] == "amy"


# Accounts.


def test_somebody_with_an_account_logs_in_before_all_else_and_has_their_rooms(registered: World) -> None:
    bob = log_in(registered, plain("", "bob", "tulip time 7"), nick="other")
    assert [number for number in numbers(bob) if number in ("900", "903", "001", "JOIN")] == [
        "900",
        "903",
        "001",
        "JOIN",
    ]
    assert told(bob, "AUTHENTICATE") == [["+"]]
    assert told(bob, "001")[0][0] == "bob"
    assert told(bob, "JOIN") == [["#ops"]]
    bob.take()
    bob.type("WHOIS bob")
    assert "330" in numbers(bob)


@pytest.mark.parametrize(
    "given",
    [
        plain("", "bob", "tulip time 8"),
        plain("amy", "bob", "tulip time 7"),
        plain("", "nobody", "tulip time 7"),
        plain("bob"),
        "%%%%",
        "+",
    ],
)
def test_a_wrong_password_is_told_and_nothing_of_it_is_shown(registered: World, given: str) -> None:
    bob = log_in(registered, given)
    assert "904" in numbers(bob)
    assert "900" not in numbers(bob)
    assert "433" in numbers(bob)
    assert "tulip" not in bob.bytes.decode()


def test_a_long_password_comes_in_parts_and_a_longer_one_is_refused(registered: World) -> None:
    whole = plain("", "bob", "x" * 400)
    assert "904" in numbers(log_in(registered, whole[:400], whole[400:]))
    assert told(log_in(registered, *["x" * 400] * 6), "904")[0][-1] == "That is too long for a password."
    assert "905" in numbers(log_in(registered, "x" * 401))
    assert "906" in numbers(log_in(registered, "*"))


def test_a_password_is_taken_where_nobody_reads_along_only(registered: World) -> None:
    bob = log_in(registered, plain("", "bob", "tulip time 7"), host="192.0.2.7")
    assert "sasl" not in told(bob, "CAP")[0][2]
    assert "904" in numbers(bob)
    assert "900" not in numbers(bob)


def test_there_is_one_way_to_log_in(registered: World) -> None:
    bob = irc(registered, "CAP LS 302", "AUTHENTICATE EXTERNAL", host="127.0.0.1")
    assert numbers(bob)[-2:] == ["908", "904"]


def test_a_guest_who_is_here_logs_in_and_is_somebody_else_to_their_client(registered: World) -> None:
    bob = irc(registered, "NICK guest", "USER g 0 * :Bob B.", "JOIN #lobby,#ops", host="127.0.0.1")
    amy = registered.enter("amy", "/join #ops")
    registered.take_all()
    bob.type("AUTHENTICATE PLAIN", f"AUTHENTICATE {plain('', 'bob', 'tulip time 8')}")
    assert numbers(bob) == ["AUTHENTICATE", "904"]
    bob.take()
    bob.type("AUTHENTICATE PLAIN", f"AUTHENTICATE {plain('', 'bob', 'tulip time 7')}")
    assert numbers(bob)[:3] == ["AUTHENTICATE", "900", "903"]
    assert bob.lines[3:7] == [
        ":guest!chat@chat PART #lobby",
        ":guest!chat@chat PART #ops",
        ":guest!chat@chat NICK :bob",
        ":bob!chat@chat JOIN #ops",
    ]
    assert told(bob, "353") == [["bob", "=", "#ops", "amy @bob"]]
    assert amy.take()[0].startswith("-!- guest left")
    bob.take()
    bob.type("WHOIS bob", "AUTHENTICATE PLAIN")
    assert told(bob, "311")[0][-1] == "Bob B."
    assert numbers(bob)[-1] == "907"


def test_who_asked_for_it_is_told_who_has_an_account_by_now(world: World) -> None:
    amy = enter(world, "amy", "JOIN #lobby", caps="account-notify")
    carl, bob = (
        enter(world, "carl", "JOIN #lobby"),
        irc(world, "NICK bob", "USER b 0 * :B", "JOIN #lobby", host="127.0.0.1"),
    )
    world.take_all()
    bob.type("REGISTER", "PASS :tulip time 7", "PASS :tulip time 7", "NICK rob", "UNREGISTER", "PASS :tulip time 7")
    assert amy.take() == [
        ":bob!chat@chat ACCOUNT bob",
        ":bob!chat@chat NICK :rob",
        ":rob!chat@chat ACCOUNT rob",
        ":rob!chat@chat ACCOUNT *",
    ]
    assert carl.take() == [":bob!chat@chat NICK :rob"]


def test_what_somebody_says_bears_their_account_for_who_asked_for_that(world: World) -> None:
    amy = enter(world, "amy", "JOIN #lobby", caps="account-tag")
    bob = irc(world, "NICK bob", "USER b 0 * :B", "JOIN #lobby", host="127.0.0.1")
    carl = enter(world, "carl", "JOIN #lobby")
    world.take_all()
    bob.type("PRIVMSG #lobby :as a guest", "REGISTER", "PASS :tulip time 7", "PASS :tulip time 7")
    carl.type("PRIVMSG #lobby :guests have none")
    bob.type("PRIVMSG #lobby :mine", "NICK rob", "PRIVMSG amy :psst", "UNREGISTER", "PASS :tulip time 7")
    bob.type("PRIVMSG #lobby :as a guest again")
    assert amy.take() == [
        ":bob!chat@chat PRIVMSG #lobby :as a guest",
        ":carl!chat@chat PRIVMSG #lobby :guests have none",
        "@account=bob :bob!chat@chat PRIVMSG #lobby :mine",
        "@account=bob :bob!chat@chat NICK :rob",
        "@account=rob :rob!chat@chat PRIVMSG amy :psst",
        ":rob!chat@chat PRIVMSG #lobby :as a guest again",
    ]


def test_two_devices_of_an_account_share_one_nickname(registered: World) -> None:
    phone, laptop = (log_in(registered, plain("", "bob", "tulip time 7")) for _ in range(2))
    amy = registered.enter("amy", "/join #ops")
    registered.take_all()
    phone.type("PRIVMSG #ops :from my phone")
    assert laptop.take() == [":bob!chat@chat PRIVMSG #ops :from my phone"]
    assert amy.take() == ["#ops <bob> from my phone"]
    amy.type("/msg bob psst")
    assert phone.take() == laptop.take() == [":amy!chat@chat PRIVMSG bob :psst"]
    phone.type("JOIN #dev", "PART #dev")
    assert laptop.take() == [
        ":bob!chat@chat JOIN #dev",
        ":bob!chat@chat PART #dev",
    ]
    phone.type("JOIN #new")
    assert laptop.take() == [
        ":bob!chat@chat JOIN #new",
        ":pi 353 bob = #new :@bob",
        ":pi 366 bob #new :End of the list of names",
    ]


def test_so_do_an_irc_client_and_netcat(registered: World) -> None:
    phone, amy = log_in(registered, plain("", "bob", "tulip time 7")), registered.enter("amy", "/join #ops")
    netcat = registered.device(phone)
    registered.take_all()
    phone.type("PRIVMSG #ops :from my phone", "PRIVMSG amy :psst")
    assert netcat.take() == ["<bob> from my phone", "[you -> amy] psst"]
    netcat.type("/msg #ops from a terminal", "/topic #ops tea", "/nick rob")
    assert phone.take() == [
        ":bob!chat@chat PRIVMSG #ops :from a terminal",
        ":bob!chat@chat TOPIC #ops :tea",
        ":bob!chat@chat NICK :rob",
    ]
    amy.take()
    netcat.type("/quit")
    assert amy.take() == []
    phone.type("QUIT")
    assert [line for line in amy.take() if "left" in line]


def test_who_founds_a_room_with_an_account_is_its_operator(registered: World) -> None:
    bob = log_in(registered, plain("", "bob", "tulip time 7"))
    assert told(bob, "353") == [["bob", "=", "#ops", "@bob"]]
    bob.take()
    amy = enter(registered, "amy")
    amy.type("JOIN #ops", "WHO #ops", "MODE #ops +o amy")
    assert ["amy", "=", "#ops", "@bob amy"] in told(amy, "353")
    assert any("H@" in params for params in told(amy, "352"))


# Refusals.


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("NICK bob", "433 amy bob :bob is here already. bob2 is free."),
        ("NICK 1x", "432 amy 1x :A nickname begins with a letter, not with 1. x is free."),
        ("NICK", "431 amy :NICK needs a nickname."),
        ("PRIVMSG nobody :x", "401 amy nobody :Nobody here is called nobody. /who shows who is here."),
        ("PRIVMSG #nowhere :x", "403 amy #nowhere :There is no room #nowhere. /join #nowhere makes it."),
        ("PRIVMSG #ops :x", "404 amy #ops :You are not in #ops. /join #ops goes there."),
        ("PRIVMSG #lobby :", "412 amy :An empty line says nothing."),
        ("PRIVMSG", "411 amy :It is not said to whom that goes."),
        ("PART #ops", "442 amy #ops :You are not in #ops. /join #ops goes there."),
        ("JOIN a!b", "403 amy a!b :A name has no ! in it: letters, digits, - _ . and apostrophes."),
        ("JOIN", "461 amy JOIN :JOIN needs more than that."),
        ("USER a b c d", "462 amy :You are in already."),
        ("LEAVE #x y", "NOTICE amy :! not-in-room: You are not in #x, but in #lobby."),
        ("JSON", "421 amy JSON :There is no JSON here. HELP lists what there is."),
        ("MODE #lobby +z", "472 amy z :There is no such mode here. HELP MODE lists what there is."),
        ("MODE #lobby -n", "482 amy #lobby :Whoever talks to a room is in it."),
        ("MODE #lobby +m", "482 amy #lobby :/mute is for the operators of the room. Nothing was done."),
        ("PRIVMSG bob :\x01VERSION\x01", "NOTICE amy :! not-allowed: Of CTCP only ACTION is known. Nothing was sent."),
        ("x" * 511, "417 amy :This line has 511 bytes, the limit is 510."),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_words_of_all_wires(world: World, line: str, answer: str) -> None:
    world.enter("bob", "/join #ops")
    amy = enter(world, "amy", "JOIN #lobby")
    amy.take()
    amy.type(line)
    assert amy.take() == [f":pi {answer}"]


def test_before_a_nickname_is_chosen_only_coming_in_is_possible(world: World) -> None:
    amy = irc(world, "CAP LS 302", "JOIN #lobby", "PRIVMSG bob :x", "LAST 5", "PING x")
    assert numbers(amy) == ["CAP", "451", "451", "451", "PONG"]


def test_what_has_no_number_is_a_failure_to_who_knows_those(world: World) -> None:
    amy = enter(world, "amy", "JOIN #lobby", caps="standard-replies")
    amy.type("PRIVMSG amy :\x01DCC SEND x\x01")
    assert amy.take()[0].startswith(":pi FAIL PRIVMSG NOT_ALLOWED :")


def test_what_is_no_utf8_is_read_as_on_every_wire_and_that_is_told(world: World) -> None:
    bob, amy = world.enter("bob"), enter(world, "amy", "JOIN #lobby")
    bob.take()
    amy.send(b"PRIVMSG #lobby :ol\xe1\r\n")
    world.turn()
    assert bob.take() == ["<amy> olá"]
    assert amy.take() == [":pi WARN * INVALID_UTF8 :That was no UTF-8; it was read as CP1252."]


def test_a_resume_code_is_not_said(world: World) -> None:
    bob = world.enter("bob")
    amy = irc(world, "NICK amy", "USER amy 0 * :Amy")
    code = code_of(amy)
    amy.type("JOIN #lobby")
    amy.take()
    amy.type(f"PRIVMSG #lobby :{code}", f"PRIVMSG bob :{code}", f"TOPIC #lobby :{code}", f"PART #lobby :{code}")
    assert all(code not in line for line in bob.take())
    assert [number for number in numbers(amy) if number in ("404", "NOTICE")]


def test_every_command_of_the_chat_is_there(world: World) -> None:
    world.enter("bob", "hello")
    amy = enter(world, "amy", "JOIN #lobby")
    amy.take()
    amy.type(
        "IGNORE bob", "SINCE 30m #lobby", "LAST #lobby 5", "MISSED #lobby", "GREP hello", "MSG bob hi", "LANGUAGE es"
    )
    notices = [params[1] for params in told(amy, "NOTICE")]
    assert notices[0] == "You hear nothing more from bob; /unignore bob ends it."
    assert sum("<bob> hello" in notice for notice in notices) == 3
    assert "El servicio" in notices[-1]
    amy.type("JOIN")
    assert amy.lines[-1] == ":pi 461 amy JOIN :Con JOIN hace falta algo más."


@pytest.mark.parametrize("name", sorted(TABLE))
def test_each_word_of_the_chat_is_a_verb_but_what_no_irc_client_needs(world: World, name: str) -> None:
    amy = enter(world, "amy", "JOIN #lobby")
    amy.type(f"{name.upper()}", "HELP")
    is_there = name not in ("json", "paste", "end", "quiet")
    assert amy.lines or amy.ended
    assert ("421" not in numbers(amy)) is is_there
    if told(amy, "706"):
        listed = any(params[2].startswith((f"/{name} ", f"/{name}:")) for params in told(amy, "705"))
        assert listed is (is_there and permits(TABLE[name], amy.visit))


# Asking.


def test_who_and_whois_tell_what_clients_want_and_no_address(world: World) -> None:
    world.enter("bob", "/away tea")
    amy = enter(world, "amy", "JOIN #lobby")
    amy.take()
    amy.type("WHO #lobby", "WHO b*", "WHOIS bob", "WHOIS nobody", "USERHOST amy bob", "ISON bob nobody amy")
    assert amy.take() == [
        ":pi 352 amy #lobby bob chat pi bob G :0 bob",
        ":pi 352 amy #lobby amy chat pi amy H :0 Amy Real",
        ":pi 315 amy #lobby :End of the list of people",
        ":pi 352 amy * bob chat pi bob G :0 bob",
        ":pi 315 amy b* :End of the list of people",
        ":pi 311 amy bob bob chat * :bob",
        ":pi 319 amy bob :#lobby",
        ":pi 312 amy bob pi :chat 0.1.0",
        ":pi 301 amy bob :tea",
        ":pi 317 amy bob 0 1795341840 :seconds idle, signon time",
        ":pi 318 amy bob :End of what is known",
        ":pi 401 amy nobody :Nobody here is called nobody. /who shows who is here.",
        ":pi 318 amy nobody :End of what is known",
        ":pi 302 amy :amy=+amy@chat bob=-bob@chat",
        ":pi 303 amy :bob amy",
    ]


def test_who_is_in_a_room_is_for_those_in_it(world: World) -> None:
    world.enter("bob", "/join #ops")
    amy = enter(world, "amy")
    amy.type("NAMES #ops", "WHO #ops")
    assert numbers(amy) == ["366", "315"]


def test_how_many_are_here_is_told_without_those_who_go(world: World) -> None:
    amy = enter(world, "amy")
    world.connect()
    enter(world, "bob").type("QUIT")
    amy.type("LUSERS")
    assert [parse(line).params[1] for line in amy.take()] == [
        "There are 1 users and 0 invisible on 1 servers",
        "0",
        "1",
        "0",
        "I have 1 clients and 0 servers",
        "1",
        "1",
    ]


def test_rooms_are_listed_with_their_topics(world: World) -> None:
    world.enter("bob", "/join #ops", "/topic tea at five")
    amy = enter(world, "amy")
    amy.type("LIST", "LIST #ops", "LIST >5", "LIST *obb*")
    assert told(amy, "322") == [
        ["amy", "#lobby", "1", ""],
        ["amy", "#ops", "1", "tea at five"],
        ["amy", "#ops", "1", "tea at five"],
        ["amy", "#lobby", "1", ""],
    ]


def test_the_topic_is_shown_set_and_taken_away(world: World) -> None:
    bob, amy = world.enter("bob"), enter(world, "amy", "JOIN #lobby")
    bob.take()
    amy.take()
    amy.type("TOPIC #lobby", "TOPIC #lobby :tea", "TOPIC #lobby", "TOPIC #lobby :")
    assert amy.take() == [
        ":pi 331 amy #lobby :#lobby has no topic.",
        ":amy!chat@chat TOPIC #lobby :tea",
        ":pi 332 amy #lobby :tea",
        ":amy!chat@chat TOPIC #lobby :",
    ]
    assert len(bob.take()) == 2


def test_quit_is_answered_by_an_error_and_told_to_the_others(world: World) -> None:
    bob, amy = world.enter("bob"), enter(world, "amy", "JOIN #lobby")
    bob.take()
    amy.type("QUIT :see you")
    assert amy.take() == ["ERROR :Bye amy."]
    assert amy.ended
    assert bob.take() == ['-!- amy left (0 s): "see you"']


@pytest.mark.parametrize(
    ("asked", "rooms"),
    [
        ("#ops,#lobby", ["#lobby", "#ops"]),
        ("#o*,#l?bby,#none", ["#lobby", "#ops"]),
        ("#*,!#o*", ["#lobby"]),
        ("!#lobby,!#x", ["#ops"]),
        (">1,#*", ["#lobby"]),
        ("<2,>0", ["#ops"]),
    ],
)
def test_a_list_holds_rooms_of_any_of_these_names_that_fit_all_else(world: World, asked: str, rooms: list[str]) -> None:
    world.enter("carl")
    world.enter("bob", "/join #ops", "/leave #lobby")
    amy = enter(world, "amy", "JOIN #lobby")
    amy.type(f"LIST {asked}")
    assert sorted(params[1] for params in told(amy, "322")) == rooms


def test_a_list_by_many_masks_is_paid_for_and_no_more_of_them_are_taken_than_names() -> None:
    world = World(rate=2.0)
    amy = enter(world, "amy", "JOIN #lobby")
    amy.visit._budget.left = 1000
    amy.type("LIST " + ",".join(f"!{number}" for number in range(limits.IRC_TARGETS)))
    spent = 1000 - amy.visit._budget.left
    assert spent > limits.IRC_TARGETS * limits.PRICE_FITTING
    amy.type("LIST " + ",".join(f"!{number}" for number in range(limits.IRC_TARGETS + 1)))
    assert numbers(amy)[-1] == "NOTICE"
    assert "21 names at once are too many, the limit is 20." in amy.lines[-1]


def test_what_is_said_to_many_counts_for_each_of_them_and_once_for_one_however_it_is_written() -> None:
    world = World(rate=2.0)
    bob = world.enter("bob", "/join #ops")
    amy = enter(world, "amy", "JOIN #lobby,#ops")
    world.wait(60)
    world.take_all()
    amy.type("PRIVMSG #lobby,#LOBBY,#Lobby :hi")
    assert bob.take() == ["#lobby <amy> hi"]
    for _ in range(limits.BURST):
        amy.type("PRIVMSG #lobby,#ops :hi")
    assert len(bob.take()) <= limits.BURST + 2


def test_a_nickname_that_another_device_changed_is_theirs_here_too(registered: World) -> None:
    phone, laptop = (log_in(registered, plain("", "bob", "tulip time 7")) for _ in range(2))
    registered.take_all()
    phone.type("NICK rob")
    assert laptop.take() == [":bob!chat@chat NICK :rob"]
    laptop.type("JOIN #new", "TOPIC #new :x")
    assert told(laptop, "JOIN") == [["#new"]]
    assert all(line.startswith((":rob!chat@chat ", ":pi 353 rob ", ":pi 366 rob ")) for line in laptop.lines)


def test_quiet_hides_nothing_from_a_client_that_keeps_a_list(world: World) -> None:
    amy = irc(world, "NICK amy", "USER amy 0 * :Amy")
    code = code_of(amy)
    amy.type("JOIN #lobby")
    amy.cut()
    back = world.connect(f"/resume {code}", "/quiet on")
    back.cut()
    amy = irc(world, f"PASS {code}", "NICK amy", "USER amy 0 * :Amy")
    amy.take()
    world.enter("bob")
    assert amy.take() == [":bob!chat@chat JOIN #lobby"]


# History, as clients page through it.

PAGING = "draft/chathistory batch message-tags server-time"


@pytest.fixture
def amy(world: World) -> Client:
    """Somebody in a room in which ten lines were said, a second after the other."""
    bob = world.enter("bob", "/join #ops")
    for number in range(10):
        bob.type(f"line {number}")
        world.wait(1)
    bob.type("/msg bob to myself")
    amy = enter(world, "amy", caps=PAGING)
    amy.type("JOIN #ops")
    assert "BATCH" not in numbers(amy)
    amy.take()
    return amy


def paged(amy: Client, what: str) -> list[str]:
    """What a part of the history says."""
    amy.type(f"CHATHISTORY {what}")
    begin, *lines, end = [parse(line) for line in amy.take()]
    assert begin.params == ["+history", "chathistory", "#ops"]
    assert end.params == ["-history"]
    assert all(line.tags["batch"] == "history" for line in lines)
    return [line.params[1].removeprefix("line ") for line in lines]


def test_history_is_paged_through_by_ids_and_times(amy: Client) -> None:
    amy.type("CHATHISTORY LATEST #ops * 100")
    lines = [parse(line) for line in amy.take()[1:-1]]
    ids = [f"msgid={line.tags['msgid']}" for line in lines]
    times = [f"timestamp={line.tags['time']}" for line in lines]
    assert len(lines) == 10
    for at in (ids, times):
        assert paged(amy, "LATEST #ops * 3") == ["7", "8", "9"]
        assert paged(amy, f"LATEST #ops {at[6]} 100") == ["7", "8", "9"]
        assert paged(amy, f"BEFORE #ops {at[3]} 2") == ["1", "2"]
        assert paged(amy, f"AFTER #ops {at[3]} 2") == ["4", "5"]
        assert paged(amy, f"AROUND #ops {at[5]} 3") == ["4", "5", "6"]
        assert paged(amy, f"BETWEEN #ops {at[2]} {at[6]} 2") == ["3", "4"]
        assert paged(amy, f"BETWEEN #ops {at[6]} {at[2]} 2") == ["4", "5"]
        assert paged(amy, f"AFTER #ops {at[9]} 5") == []


def test_an_id_is_the_same_live_and_in_history(amy: Client, world: World) -> None:
    amy.type("CAP REQ :echo-message", "PRIVMSG #ops :now")
    live = parse(amy.take()[-1]).tags["msgid"]
    amy.type("CHATHISTORY LATEST #ops * 1")
    assert parse(amy.lines[1]).tags["msgid"] == live


def test_private_talk_is_paged_through_with_each_other_one(amy: Client, world: World) -> None:
    carl = enter(world, "carl", caps=PAGING)
    amy.type("PRIVMSG carl :one", "PRIVMSG bob :not this", "PRIVMSG carl :two")
    for client, other in ((amy, "carl"), (carl, "amy")):
        client.take()
        client.type(f"CHATHISTORY LATEST {other} * 10")
        lines = [parse(line) for line in client.take()[1:-1]]
        assert [line.params[1] for line in lines] == ["one", "two"]
        client.type(f"CHATHISTORY BEFORE {other} msgid={lines[1].tags['msgid']} 10")
        assert [parse(line).params[1] for line in client.take()[1:-1]] == ["one"]
    amy.type("CHATHISTORY TARGETS timestamp=2026-01-01T00:00:00.000Z timestamp=2027-01-01T00:00:00.000Z 10")
    assert [parse(line).params[1] for line in amy.take()[1:-1]] == ["#ops", "bob", "carl"]


def test_where_something_was_said_last_is_paid_for_where_the_store_tells_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PRICE_QUERY", 10_000)
    monkeypatch.setattr(limits, "PRICE_LOOKED_AT", 1_000)
    world = World(rate=2.0)
    amy = enter(world, "amy", "JOIN #ops", "JOIN #tea", caps=PAGING)
    amy.type("PRIVMSG #ops :one", "PRIVMSG #tea :two", "PRIVMSG amy :three")
    spent = []
    for _ in range(2):
        amy.visit._budget.left = 1_000_000
        amy.type("CHATHISTORY TARGETS timestamp=2026-01-01T00:00:00Z timestamp=2027-01-01T00:00:00Z 10")
        spent.append((1_000_000 - amy.visit._budget.left) // 1_000)
        for log in (world.hub.rooms["#ops"].log, amy.session.person.log):
            log._tail.drop()
    assert spent == [1, 21]


def test_an_id_of_private_talk_is_looked_for_page_by_page_and_paid_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HISTORY_MOST", 4)
    monkeypatch.setattr(limits, "CHATHISTORY_PAGES", 3)
    world = World(rate=2.0)
    amy = enter(world, "amy", caps=PAGING)
    enter(world, "carl")
    amy.type(*(f"PRIVMSG carl :{number}" for number in range(20)), "CHATHISTORY LATEST carl * 4")
    ids = {20 - back: parse(line).tags["msgid"] for back, line in zip((4, 3, 2, 1), amy.take()[-5:-1], strict=True)}
    for _ in range(4):
        oldest = min(ids)
        amy.type(f"CHATHISTORY BEFORE carl msgid={ids[oldest]} 4")
        lines = [line for line in map(parse, amy.take()) if line.command == "PRIVMSG"]
        ids |= {oldest - len(lines) + place: line.tags["msgid"] for place, line in enumerate(lines)}
    assert [number for number in sorted(ids) if number < 16] == [4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]

    monkeypatch.setattr(limits, "PRICE_LOOKED_AT", 10_000)
    looked_at = []
    for wanted in (ids[19], ids[8], "nothing"):
        amy.visit._budget.left = 1_000_000
        amy.type(f"CHATHISTORY BEFORE carl msgid={wanted} 1")
        looked_at.append((1_000_000 - amy.visit._budget.left) // 10_000)
    assert looked_at == [4, 12, 12]


def test_what_is_being_stored_belongs_to_what_is_asked_for_behind_it() -> None:
    store = SlowStore()
    world = World(store)
    amy = enter(world, "amy", "JOIN #ops", caps=PAGING)
    store.slow = True
    amy.type(
        "PRIVMSG #ops :one", "CHATHISTORY TARGETS timestamp=2026-01-01T00:00:00Z timestamp=2027-01-01T00:00:00Z 10"
    )
    assert not told(amy, "CHATHISTORY")
    store.let()
    world.turn()
    assert told(amy, "CHATHISTORY")[0][:2] == ["TARGETS", "#ops"]


def test_between_two_times_is_between_them_however_they_are_written(amy: Client, world: World) -> None:
    amy.type("PRIVMSG bob :psst")
    earlier, later = (world.hub.now() + timedelta(hours=hours) for hours in (-1, 1))
    amy.take()
    for zone in (UTC, timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))):
        first, last = (f"timestamp={at.astimezone(zone).isoformat()}" for at in (earlier, later))
        amy.type(f"CHATHISTORY TARGETS {first} {last} 10", f"CHATHISTORY TARGETS {last} {last} 10")
        assert [line.params[1] for line in map(parse, amy.take()) if line.command == "CHATHISTORY"] == ["#ops", "bob"]


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("LATEST #lobby * 5", "INVALID_TARGET LATEST #lobby"),
        ("LATEST #nope * 5", "INVALID_TARGET LATEST #nope"),
        ("LATEST #ops * x", "INVALID_PARAMS LATEST"),
        ("BEFORE #ops now 5", "INVALID_PARAMS BEFORE"),
        ("BEFORE #ops", "INVALID_PARAMS BEFORE"),
        ("SIDEWAYS #ops * 5", "INVALID_PARAMS SIDEWAYS"),
        ("AROUND #ops timestamp=yesterday 5", "INVALID_PARAMS AROUND"),
        ("TARGETS timestamp=yesterday timestamp=2027-01-01T00:00:00.000Z 5", "INVALID_PARAMS TARGETS"),
        ("BEFORE #ops timestamp=0001-01-01T00:00:00+14:00 5", "INVALID_PARAMS BEFORE"),
        ("BEFORE #ops timestamp=9999-12-31T23:59:59-14:00 5", "INVALID_PARAMS BEFORE"),
    ],
)
def test_what_is_no_part_of_a_history_is_told(amy: Client, asked: str, answer: str) -> None:
    amy.type(f"CHATHISTORY {asked}")
    assert amy.take()[0].startswith(f":pi FAIL CHATHISTORY {answer} :")


def test_what_is_far_back_is_found_as_well(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CHATHISTORY_PAGES", 2)
    bob = world.enter("bob", "/join #ops", wire="json")
    for number in range(2500):
        bob.send(b'{"say": "line %d", "room": "#ops"}\n' % number)
        if number % 100 == 0:
            world.turn()
    world.turn()
    bob.type("/leave #ops")
    world.wait(60)
    amy = enter(world, "amy", caps=PAGING)
    amy.type("JOIN #ops", "CHATHISTORY LATEST #ops * 1")
    last = int(parse(amy.take()[-2]).tags["msgid"].partition("-")[0])
    first = last - 2499
    for low, high in ((f"msgid={first + 9}-#ops", f"msgid={first + 13}-#ops"),):
        assert paged(amy, f"AFTER #ops {low} 3") == ["10", "11", "12"]
        assert paged(amy, f"AROUND #ops {low} 4") == ["7", "8", "9", "10"]
        assert paged(amy, f"BETWEEN #ops {low} {high} 9") == ["10", "11", "12"]
        assert paged(amy, f"BETWEEN #ops {high} {low} 2") == ["11", "12"]
        assert paged(amy, f"BEFORE #ops {low} 2") == ["7", "8"]
    assert paged(amy, "AFTER #ops timestamp=2000-01-01T00:00:00.000Z 2") == ["0", "1"]
    assert paged(amy, "BEFORE #ops timestamp=2100-01-01T00:00:00.000Z 2") == ["2498", "2499"]


def test_where_nobody_spoke_for_very_long_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CHATHISTORY_PAGES", 2)
    monkeypatch.setattr(limits, "PAGE_EVENTS", 5)
    amy = enter(world, "amy", "JOIN #ops", "PRIVMSG #ops :one", caps=PAGING)
    for _ in range(12):
        world.enter("bob", "/join #ops", "/quit")
    amy.type("PRIVMSG #ops :two", "CHATHISTORY LATEST #ops * 2")
    one = parse(amy.take()[-3]).tags["msgid"]
    amy.type(f"CHATHISTORY AFTER #ops msgid={one} 5")
    assert amy.take() == [
        ":pi FAIL CHATHISTORY MESSAGE_ERROR AFTER #ops :What was said there is too far from this place."
    ]


def test_what_is_taken_back_while_it_is_looked_for_is_not_shown(world: World) -> None:
    bob = world.enter("bob", "/join #ops")
    amy = enter(world, "amy", "JOIN #ops", caps=PAGING)
    bob.type("one", "my password is hunter2", "three")
    world.hub.rooms["#ops"].log.forget()  # it is in the store alone
    after = world.store.after

    def late(*asked: Any) -> Deferred[Any]:
        return after(*asked).addCallback(lambda found: deferLater(world.clock, 1, lambda: found))

    world.store.after = late
    amy.type("CHATHISTORY LATEST #ops * 10")
    _, secret, three = [parse(line).tags["msgid"] for line in amy.take()[-4:-1]]
    amy.send(f"CHATHISTORY AROUND #ops msgid={three} 10\r\n".encode())
    world.turn()
    bob.type(f"/delete {secret.partition('-')[0]}")
    assert bob.take()[-1] == '-> Taken back: "my password is hunter2"'
    world.wait(2)
    assert [parse(line).params[1] for line in amy.lines if parse(line).tags.get("batch")] == ["one", "three"]


def test_a_long_history_is_made_in_pages_between_which_others_are_served(world: World) -> None:
    bob = world.enter("bob", "/join #ops")
    for number in range(limits.HISTORY_AT_ONCE * 4):
        bob.type(f"line {number}")
    carl = enter(world, "carl", "JOIN #ops")
    amy = enter(world, "amy", "JOIN #ops", caps=PAGING)
    world.take_all()
    order: list[str] = []
    for client in (amy, carl):
        send = client.visit.send

        def noted(chunk: bytes, send: Callable[[bytes], None] = send, nick: str = client.session.person.nick) -> None:
            order.append(nick)
            send(chunk)

        client.visit.send = noted
    amy.send(b"CHATHISTORY LATEST #ops * 200\r\n")
    carl.send(b"PING x\r\n")
    world.turn()
    assert order == ["carl", "amy"]
    assert len(amy.take()) == limits.HISTORY_AT_ONCE * 4 + 2


# What IRC clients show of others.


def test_a_notice_is_talk_to_all_and_no_program_answers_it(world: World) -> None:
    bob, amy, carl = world.enter("bob"), enter(world, "amy", "JOIN #lobby"), enter(world, "carl", "JOIN #lobby")
    program = world.enter("prog", wire="json")
    world.take_all()
    amy.type("NOTICE #lobby :tea", "NOTICE carl :psst")
    assert bob.take() == ["<amy> tea"]
    assert carl.take() == [":amy!chat@chat NOTICE #lobby :tea", ":amy!chat@chat NOTICE carl :psst"]
    assert [(keys["type"], keys["text"]) for keys in program.take_objects()] == [("message", "tea")]


def test_tags_of_a_client_reach_those_who_know_them_and_nobody_else(world: World) -> None:
    amy, carl = (enter(world, nick, "JOIN #lobby", caps="message-tags") for nick in ("amy", "carl"))
    dee, bob = enter(world, "dee", "JOIN #lobby"), world.enter("bob")
    world.take_all()
    amy.type(r"@+a=x\:y;b=1 PRIVMSG #lobby :hi", "@+typing=active;b=1 TAGMSG #lobby", "@b=1 TAGMSG #lobby")
    said, typing = carl.take()
    assert (parse(said).tags["+a"], "b" in parse(said).tags, parse(said).params[1]) == ("x;y", False, "hi")
    assert (parse(typing).command, parse(typing).tags["+typing"]) == ("TAGMSG", "active")
    assert dee.take() == [":amy!chat@chat PRIVMSG #lobby :hi"]
    assert bob.take() == ["<amy> hi"]


def test_of_the_tags_of_a_client_only_those_go_out_that_a_screen_may_show(world: World) -> None:
    amy, carl = (enter(world, nick, "JOIN #lobby", caps="message-tags") for nick in ("amy", "carl"))
    world.take_all()
    amy.send(b"@+a=\x1b[31m\x00\x80;+b\x1b=1;+c=x PRIVMSG #lobby :hi\r\n")
    world.turn()
    (said,) = carl.take()
    tags = parse(said).tags
    assert sorted(key for key in tags if key.startswith("+")) == ["+a", "+c"]
    assert said.isprintable()


@pytest.mark.parametrize("command", ["PRIVMSG #lobby :hi", "TAGMSG #lobby", "TAGMSG carl"])
def test_long_tags_of_a_client_are_refused(world: World, command: str) -> None:
    amy, carl = (enter(world, nick, "JOIN #lobby", caps="message-tags") for nick in ("amy", "carl"))
    world.take_all()
    amy.type(f"@+a={'x' * (limits.IRC_CLIENT_TAGS - 3)} {command}")
    assert carl.take()
    amy.type(f"@+a={'x' * (limits.IRC_CLIENT_TAGS - 2)} {command}")
    assert carl.take() == []
    assert amy.lines == [":pi 417 amy :Tags for others have 512 bytes at most, these have 513."]


SECRETS = ["chat_token_" + 32 * "a", "their own code"]


@pytest.mark.parametrize("secret", SECRETS)
def test_no_secret_goes_out_in_tags_or_in_a_real_name(world: World, secret: str) -> None:
    carl = enter(world, "carl", "JOIN #lobby", caps="message-tags setname")
    amy = irc(world, "NICK amy", "USER amy 0 * :Amy")
    given = code_of(amy) if secret == SECRETS[1] else secret
    amy.type("JOIN #lobby", "CAP REQ :message-tags setname")
    world.take_all()
    for line in (f"SETNAME :I am {given}", f"@+a={given} PRIVMSG #lobby :hi", f"@+a={given} TAGMSG #lobby"):
        amy.type(line)
        (answer,) = amy.take()
        assert "which is secret. It was not said." in answer
    assert carl.take() == []
    dee = irc(world, "NICK dee", f"USER dee 0 * :{given}")
    assert "which is secret. It was not said." in dee.lines[0]


def test_whoever_is_ignored_shows_nothing_of_themselves(world: World) -> None:
    caps = "message-tags away-notify setname"
    amy, carl, dee = (enter(world, nick, "JOIN #lobby", caps=caps) for nick in ("amy", "carl", "dee"))
    carl.type("IGNORE amy", "MONITOR + amy")
    world.take_all()
    shown = ("@+typing=active TAGMSG #lobby", "@+typing=active TAGMSG carl", "AWAY :tea", "SETNAME :Amy the Great")
    for line in shown:
        amy.type(line)
    assert carl.take() == []
    assert numbers(dee) == ["TAGMSG", "AWAY", "SETNAME"]


def test_whoever_shows_others_something_pays_for_it_and_not_they() -> None:
    world = World(rate=2.0)
    amy, *others = (enter(world, nick, "JOIN #lobby", caps="message-tags") for nick in ("amy", "carl", "dee"))
    world.take_all()
    for client in others:
        client.visit._budget.left = 1000
    amy.visit._budget.left = 1000
    amy.type(f"@+a={'x' * 500} TAGMSG #lobby")
    assert [len(client.take()) for client in others] == [1, 1]
    assert [client.visit._budget.left for client in others] == [1000, 1000]
    assert amy.visit._budget.left < 1000 - limits.PRICE_REQUEST - 2 * limits.PRICE_SHOWN


def test_a_private_line_has_one_id_for_both_of_them(world: World) -> None:
    amy, carl = (enter(world, nick, caps="message-tags echo-message") for nick in ("amy", "carl"))
    amy.type("PRIVMSG carl :one", "PRIVMSG carl :two")
    ids = [[parse(line).tags["msgid"] for line in client.take()] for client in (amy, carl)]
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 2


def program_of(registered: World, caps: str) -> Client:
    """A program of bob's that came in by a token for #ops alone; bob is in #dev, too."""
    bob = log_in(registered, plain("", "bob", "tulip time 7"))
    bob.type("JOIN #dev", "TOKEN new hook #ops talk")
    token = re.search(r"chat_token_\w+", bob.bytes.decode())[0]
    asked = ["CAP LS 302", "NICK bob", "USER b 0 * :B", f"CAP REQ :sasl {caps}", "AUTHENTICATE PLAIN"]
    program = irc(registered, *asked, f"AUTHENTICATE {plain('', 'bob', token)}", "CAP END", host="127.0.0.1")
    assert "903" in numbers(program)
    registered.take_all()
    return program


def test_a_program_for_one_room_is_shown_nothing_of_others(registered: World) -> None:
    caps = "message-tags away-notify"
    program = program_of(registered, caps)
    amy = enter(registered, "amy", "JOIN #dev", caps=caps)
    amy.type("@+a=b TAGMSG #dev", "@+a=b TAGMSG bob", "AWAY :tea")
    assert program.take() == []
    amy.type("JOIN #ops", "@+a=b TAGMSG #ops", "AWAY :nap")
    assert {"TAGMSG", "AWAY"} <= set(numbers(program))


def test_a_program_for_one_room_neither_reads_nor_writes_in_private(registered: World) -> None:
    program = program_of(registered, PAGING)
    amy = enter(registered, "amy", "JOIN #dev", "PRIVMSG bob :psst", caps="message-tags")
    program.type("CHATHISTORY LATEST amy * 5", "@+a=b TAGMSG amy")
    program.type("CHATHISTORY TARGETS timestamp=2000-01-01T00:00:00.000Z timestamp=2100-01-01T00:00:00.000Z 10")
    assert [line for line in amy.take() if "TAGMSG" in line] == []
    assert told(program, "FAIL")[0][:3] == ["CHATHISTORY", "INVALID_TARGET", "LATEST"]
    assert "psst" not in program.bytes.decode()
    assert [params for params in told(program, "CHATHISTORY") if params[1] == "amy"] == []


def test_a_login_that_is_refused_is_no_login(registered: World) -> None:
    asked = ["CAP LS 302", "NICK bob", "USER b 0 * :B", "AUTHENTICATE PLAIN"]
    late = irc(registered, *asked, f"AUTHENTICATE {plain('', 'bob', 'tulip time 7')}", host="127.0.0.1")
    assert "903" in numbers(late)
    bob = log_in(registered, plain("", "bob", "tulip time 7"))
    bob.type("UNREGISTER", "PASS :tulip time 7")
    late.take()
    late.type("CAP END")
    assert "001" not in numbers(late)
    late.type("NICK carl")
    assert told(late, "001")[0][0] == "carl"


def test_who_is_away_or_has_another_name_is_shown_to_who_asked_for_that(world: World) -> None:
    amy = enter(world, "amy", "JOIN #lobby", caps="away-notify setname")
    carl, bob = enter(world, "carl", "JOIN #lobby"), world.enter("bob")
    world.take_all()
    for line in ("/away tea", "/back"):
        bob.type(line)
    for line in ("SETNAME :Carl the Great", "AWAY :gone", "AWAY"):
        carl.type(line)
    assert amy.take() == [
        ":bob!chat@chat AWAY :tea",
        ":bob!chat@chat AWAY",
        ":carl!chat@chat SETNAME :Carl the Great",
        ":carl!chat@chat AWAY :gone",
        ":carl!chat@chat AWAY",
    ]
    assert numbers(carl) == ["306", "305"]
    dee = world.enter("dee", "/leave", "/away nap", "/join #lobby")
    assert amy.take()[-1] == ":dee!chat@chat AWAY :nap"
    assert dee.take() == []


def test_who_is_watched_for_is_told_when_they_come_and_go(world: World) -> None:
    amy = enter(world, "amy")
    amy.type("MONITOR + bob,carl", "MONITOR + *!x@y")
    assert amy.take() == [":pi 731 amy :bob,carl", ":pi 731 amy :*!x@y"]
    bob = world.enter("bob", "/nick carl", "/nick Carl", "/quit")
    assert bob.ended
    assert amy.take() == [
        ":pi 730 amy :bob!chat@chat",
        ":pi 731 amy :bob",
        ":pi 730 amy :carl!chat@chat",
        ":pi 731 amy :Carl",
    ]
    amy.type("MONITOR - bob", "MONITOR L", "MONITOR S", "MONITOR C", "MONITOR L")
    assert [parse(line).params[1] for line in amy.lines] == [
        "carl",
        *[amy.lines[1].split(":")[-1]],
        "carl",
        amy.lines[-1].split(":")[-1],
    ]
    amy.take()
    for start in range(0, limits.WATCHED, 20):
        amy.type("MONITOR + " + ",".join(f"nick{number}" for number in range(start, start + 20)))
    assert set(numbers(amy)) == {"731"}
    amy.take()
    amy.type("MONITOR + onemore")
    assert numbers(amy) == ["734", "731"]


def test_whoever_watched_and_is_gone_is_not_remembered(world: World) -> None:
    amy = enter(world, "amy", "MONITOR + bob")
    amy.cut()
    assert world.hub.watchers.of("bob") == ()


def test_who_has_left_is_known_for_a_while(world: World) -> None:
    enter(world, "bob", "QUIT")
    amy = enter(world, "amy")
    amy.type("WHOWAS bob", "WHOWAS nobody", "WHOIS bob")
    assert amy.take() == [
        ":pi 314 amy bob bob chat * :Bob Real",
        ":pi 312 amy bob pi :2026-11-22 10:04:00 UTC",
        ":pi 369 amy bob :End of what is known",
        ":pi 406 amy nobody :Nobody of this name left lately.",
        ":pi 369 amy nobody :End of what is known",
        ":pi 401 amy bob :bob left 0 s ago.",
        ":pi 318 amy bob :End of what is known",
    ]


def test_fields_of_who_are_told_as_they_are_asked_for(world: World) -> None:
    world.enter("bob")
    amy = enter(world, "amy", "JOIN #lobby")
    amy.type("WHO #lobby %tcuihsnfdlar,42", "WHO bob %n", "WHO b* %na")
    assert amy.take() == [
        ":pi 354 amy 42 #lobby bob 255.255.255.255 chat pi bob H 0 0 0 :bob",
        ":pi 354 amy 42 #lobby amy 255.255.255.255 chat pi amy H 0 0 0 :Amy Real",
        ":pi 315 amy #lobby :End of the list of people",
        ":pi 354 amy :bob",
        ":pi 315 amy bob :End of the list of people",
        ":pi 354 amy bob :0",
        ":pi 315 amy b* :End of the list of people",
    ]


def test_a_program_that_says_so_is_shown_as_one(world: World) -> None:
    amy, bot = enter(world, "amy", "JOIN #lobby", caps="message-tags"), enter(world, "bot", "JOIN #lobby")
    amy.take()
    bot.type("MODE bot +B", "PRIVMSG #lobby :beep")
    assert bot.take() == [":bot!chat@chat MODE bot :+B"]
    assert "bot" in parse(amy.take()[0]).tags
    amy.type("WHOIS bot")
    assert "335" in numbers(amy)


def test_what_is_said_to_several_comes_back_in_one_batch(world: World) -> None:
    amy = enter(world, "amy", caps="echo-message labeled-response batch")
    enter(world, "bob")
    enter(world, "carl")
    amy.type("@label=7 PRIVMSG bob,nobody,carl :hi")
    assert amy.lines == [
        "@label=7 :pi BATCH +answers labeled-response",
        "@batch=answers :amy!chat@chat PRIVMSG bob :hi",
        "@batch=answers :amy!chat@chat PRIVMSG carl :hi",
        "@batch=answers :pi 401 amy nobody :Nobody here is called nobody. /who shows who is here.",
        ":pi BATCH -answers",
    ]


@pytest.mark.parametrize("caps", ["", "server-time", "echo-message message-tags"])
def test_in_a_room_of_many_everybody_is_told_of_the_others_and_of_themselves_once(world: World, caps: str) -> None:
    some = [enter(world, f"n{letter}", "JOIN #lobby", caps=caps) for letter in "abcdefghijklm"]
    late = [
        irc(world, *(f"CAP REQ :{caps}", "CAP END") * bool(caps), f"NICK l{letter}", "USER l 0 * :L")
        for letter in "xyz"
    ]
    world.take_all()
    for client in late:
        client.type("JOIN #lobby")
    world.wait(limits.GATHER_SECONDS)
    world.turn()
    for client in late:
        own = client.session.person.nick
        joins = [parse(line).source.partition("!")[0] for line in client.take() if " JOIN " in line]
        assert joins.count(own) == 1
        assert set(joins) == {"lx", "ly", "lz"}
    joins = [parse(line).source.partition("!")[0] for line in some[0].take() if " JOIN " in line]
    assert joins == ["lx", "ly", "lz"]


def listed(lines: Sequence[str], names: set[str]) -> set[str]:
    """Who is in a room, as a client has it that had these; nobody comes who is there, or goes who is not."""
    names = set(names)
    for line in lines:
        message = parse(line)
        nick = message.source.partition("!")[0]
        if message.command == "353":
            names |= {name.lstrip("@") for name in message.params[-1].split()}
        elif message.command == "JOIN":
            assert nick not in names, line
            names.add(nick)
        elif message.command in ("PART", "QUIT"):
            assert nick in names, line
            names.remove(nick)
    return names


def test_nobody_comes_who_is_in_the_list_already_and_nobody_is_missing_in_it(world: World) -> None:
    some = [enter(world, f"n{letter}", "JOIN #lobby") for letter in "abcdefghijklm"]
    amy, bob = enter(world, "amy"), enter(world, "bob")
    world.wait(limits.GATHER_SECONDS)
    enter(world, "zoe", "JOIN #lobby")  # is told at once, and who comes next a second later
    for client in some:
        client.take()
    some[0].type("PART #lobby")
    some[1].type("PART #lobby")
    amy.type("JOIN #lobby")
    bob.type("JOIN #lobby", "NAMES #lobby")
    some[0].type("JOIN #lobby")
    world.wait(limits.GATHER_SECONDS)
    world.turn()
    amy.type("NAMES #lobby")
    everybody = {f"n{letter}" for letter in "acdefghijklm"} | {"amy", "bob", "zoe"}
    for client in (amy, bob):
        own = f":{client.session.person.nick}!chat@chat JOIN #lobby"
        lines = client.take()
        assert lines.count(own) == 1
        assert listed([line for line in lines if line != own], set()) == everybody


def test_who_comes_back_is_told_by_the_list_alone_how_people_are_called(world: World) -> None:
    """A nickname that was somebody else's before is not taken from who has it now."""
    amy, bob = enter(world, "amy", "JOIN #lobby"), enter(world, "bob", "JOIN #lobby")
    carl, code = enter(world, "carl", "JOIN #lobby"), amy.session.code
    amy.cut()
    bob.type("NICK dora", "PRIVMSG #lobby :it is me")
    carl.type("NICK bob")
    amy = irc(world, f"PASS {code}", "NICK x", "USER a 0 * :A")
    assert told(amy, "353") == [["amy", "=", "#lobby", "amy dora bob"]]
    assert not told(amy, "NICK")
    assert "<dora> it is me" in amy.bytes.decode()
    carl.type("NICK emil")
    assert told(amy, "NICK") == [["emil"]]


def test_who_has_left_before_a_room_is_told_is_in_no_list_under_another_name(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "GATHER_FROM", 3)
    amy = enter(world, "amy", "JOIN #lobby", "JOIN #ops")
    bob = enter(world, "bob", "JOIN #lobby", "JOIN #ops")
    carl, _ = enter(world, "carl", "JOIN #lobby"), enter(world, "dora", "JOIN #lobby")
    world.wait(2 * limits.GATHER_SECONDS, 1)
    carl.type("PART #lobby")  # is told at once, and who goes next a while later
    amy.take()
    bob.type("PART #lobby", "NICK emil")
    world.turn()
    came = [line for line in amy.take() if "bob" in line]
    assert came == [":bob!chat@chat PART #lobby :", ":bob!chat@chat NICK :emil"]


def test_who_left_and_may_be_back_before_a_room_is_told_is_among_its_names(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "GATHER_FROM", 3)
    amy, bob = enter(world, "amy", "JOIN #lobby"), enter(world, "bob", "JOIN #lobby")
    carl, _ = enter(world, "carl", "JOIN #lobby"), enter(world, "dora", "JOIN #lobby")
    world.wait(2 * limits.GATHER_SECONDS, 1)
    carl.type("PART #lobby")  # is told at once, and who goes next a while later
    bob.type("PART #lobby")
    amy.take()
    amy.type("NAMES #lobby")
    names = listed(amy.take(), set())
    bob.type("JOIN #lobby")
    world.wait(2 * limits.GATHER_SECONDS, 1)
    assert listed(amy.take(), names) == {"amy", "bob", "dora"}


def test_who_leaves_the_chat_while_one_joins_another_room_leaves_the_first_one_too(world: World) -> None:
    amy, bob = enter(world, "amy", "JOIN #ops"), world.enter("bob", "/join #dev", "/join #ops", "/leave #lobby")
    assert amy.take() == [":bob!chat@chat JOIN #ops"]
    amy.send(b"JOIN #dev\r\n")
    bob.send(b"/quit\n")
    world.turn()
    assert [parse(line).source for line in amy.take() if " QUIT " in line] == ["bob!chat@chat"]


def test_who_comes_back_is_told_of_who_came_and_went_by_the_list(world: World) -> None:
    amy, bob = enter(world, "amy"), enter(world, "bob", "JOIN #lobby")
    code = amy.session.code
    amy.type("JOIN #lobby", "JOIN #ops")
    amy.cut()
    carl = enter(world, "carl", "JOIN #lobby", "PRIVMSG #lobby :hello")
    bob.type("PART #lobby", "JOIN #lobby")
    amy = irc(world, f"PASS {code}", "NICK x", "USER a 0 * :A")
    lines = [line for line in amy.take() if "#lobby" in line and not line.startswith(":amy!")]
    assert listed(lines, set()) == {"amy", "bob", "carl"}
    assert any("hello" in line for line in lines)
    carl.type("PART #lobby")
    assert listed(amy.take(), {"amy", "bob", "carl"}) == {"amy", "bob"}


def test_those_who_speak_alike_get_what_was_encoded_once(world: World) -> None:
    clients = [enter(world, nick, "JOIN #lobby", caps="server-time") for nick in ("amy", "bob", "carl")]
    assert len({id(client.visit.wire.format) for client in clients}) == 1


_LONG_ROOM = "#" + "д" * limits.ROOM
_LONG_NICK = "д" * 17 + "-0"
_WORDS = [
    *(_LONG_ROOM, _LONG_NICK, _LONG_ROOM, _LONG_NICK, f"{_LONG_ROOM},{_LONG_NICK}"),
    *("#lobby", "#ops", "#none", "amy", "bob", "x", "#lobby,#ops", "amy,bob", "*", ":", ":two words", "0", "-1", "20"),
    *(
        "LS",
        "REQ",
        "server-time",
        "302",
        "END",
        "PLAIN",
        "+",
        "-",
        "b",
        "+b",
        "-b",
        "+o",
        "+k",
        "+imn",
        "+B",
        "%tuhnaif,7",
    ),
    *("LATEST", "BEFORE", "TARGETS", "msgid=1-#lobby", "timestamp=2026-11-22T10:04:00.000Z", ">1", "*a*", "on", "5m"),
    *("+history", "-history", "draft/multiline", "chathistory", ":" + "名" * 130, ":" + "word " * 80, "é" * 200),
    *(":\x01ACTION waves\x01", ":\x01VERSION\x01", ":/topic x", ":\x02b"),
]
_TAGS = st.sampled_from(
    ["", "", "@label=7 ", "@label= ", "@batch=history ", "@+typing=active ", r"@label=\s;+a=\:;+b "]
)
_VERB_LINES = st.tuples(
    _TAGS,
    st.sampled_from(sorted({*VERBS, *map(str.upper, TABLE)})),
    st.lists(st.one_of(st.sampled_from(_WORDS), st.text(max_size=12)), max_size=4),
).map(lambda parts: (parts[0] + " ".join((parts[1], *parts[2]))).encode("utf-8", "surrogatepass"))
_EVERYTHING = " ".join(name for name in CAPABILITIES if name != "sasl")
_ANY_LINES = st.lists(st.one_of(st.binary(max_size=80), _VERB_LINES), max_size=12)


@settings(max_examples=150, deadline=None)
@given(_ANY_LINES, st.sampled_from(["", "batch server-time echo-message labeled-response message-tags", _EVERYTHING]))
def test_whatever_comes_is_answered_within_bounds(lines: list[bytes], caps: str) -> None:
    world = World()
    crowd = [world.enter("д" * 17 + f"-{number}", f"/join {_LONG_ROOM}") for number in range(14)]
    crowd[0].type(f"/topic {'題' * limits.TOPIC}", "語" * limits.TEXT, "word " * 300, f"/away {'遠' * limits.WORDS}")
    amy, bob = (
        enter(world, nick, f"JOIN {room}", caps=caps)
        for nick, room in (("amy", "#lobby"), ("bob", f"{_LONG_ROOM},#lobby"))
    )
    crowd[1].type("語" * limits.TEXT, "/me " + "語" * 600, "/msg amy " + "語" * limits.TEXT, "/me " + "word " * 200)
    for line in lines:
        amy.send(line + b"\r\n")
    world.turn()
    crowd[1].type("語" * limits.TEXT, f"/topic {'考' * limits.TOPIC}", f"/quit {'再' * limits.WORDS}")
    for client in (amy, bob):
        check_form(client)
    assert "internal" not in amy.bytes.decode()


_TALK = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from(["#lobby", "#LOBBY", "#ops", "#none", "bob", "#lobby,#ops", "x"]),
            st.one_of(
                st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30),
                st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=20),
                st.sampled_from(
                    ["/topic x", " two", "\x01ACTION waves\x01", "\x02bold", "x" * 260, "y" * 480, "AAAA2-BBBB3"]
                ),
            ),
        ).map(lambda said: f"PRIVMSG {said[0]} :{said[1]}"),
        st.sampled_from(["PART #lobby", "JOIN #lobby", "NICK amo", "JOIN #ops", "PING x"]),
    ),
    max_size=12,
)


@settings(max_examples=100, deadline=None)
@example(["PRIVMSG #lobby :" + "y" * 480], "")
@given(_TALK, st.sampled_from(["", "echo-message labeled-response", "server-time message-tags standard-replies"]))
def test_what_is_said_together_is_what_is_said_one_by_one(lines: list[str], caps: str) -> None:
    """A verb in small letters is none that is taken together with others."""
    seen = []
    for sent in (lines, [line.replace("PRIVMSG", "privmsg") for line in lines]):
        world = World()
        amy, bob = enter(world, "amy", "JOIN #lobby", caps=caps), enter(world, "bob", "JOIN #lobby", "JOIN #ops")
        zoe = world.enter("zoe")
        amy.send("".join(f"{line}\r\n" for line in sent).encode())
        world.turn()
        # An answer overtakes an echo, which comes when the turn ends: on a busy machine that is sooner.
        seen.append([sorted(amy.take()), bob.take(), zoe.take()])
    assert seen[0] == seen[1]


def test_a_stop_that_is_set_and_taken_back_is_told(world: World) -> None:
    amy, boss = enter(world, "amy"), world.operator()
    boss.type("/admin shutdown 10m", "/admin shutdown off")
    assert [words for _, words in told(amy, "NOTICE")] == [
        "-!- The server stops in 10 min",
        "-!- The server does not stop after all",
    ]


def test_whoever_runs_the_server_counts_them_as_one_wire(world: World) -> None:
    enter(world, "amy"), enter(world, "ben", caps="server-time batch")
    boss = world.operator("/admin stats")
    assert boss.objects[-1]["sessions"] == {"irc": 2}
