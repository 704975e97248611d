"""What IRCv3 has besides: taking back, read markers, accounts made by a client, who joins, and names on demand."""

import irc_client
import pytest
from hypothesis import given
from hypothesis import strategies as st
from irc_client import enter, irc, log_in, numbers, plain, told
from returning import KeepingStore, restarted
from world import Client, World

from chat.base import limits
from chat.wire.irc.messages import parse

TAKING_BACK = "draft/message-redaction echo-message message-tags draft/chathistory batch server-time"


@pytest.fixture
def world() -> World:
    """Bob has an account and owns #ops."""
    return irc_client.registered()


def say(client: Client, line: str) -> str:
    """They say something; returns its id."""
    client.take()
    client.type(line)
    (echo,) = [parse(line) for line in client.take()]
    return echo.tags["msgid"]


# Taking back.


def test_a_line_is_taken_back_by_its_id_and_found_by_nobody(world: World) -> None:
    amy, carl = (enter(world, nick, "JOIN #lobby", caps=TAKING_BACK) for nick in ("amy", "carl"))
    dee, json = enter(world, "dee", "JOIN #lobby", caps="message-tags"), world.enter("prog", wire="json")
    id = say(amy, "PRIVMSG #lobby :tulip")
    world.take_all()
    amy.type(f"REDACT #lobby {id}")
    for client in (amy, carl):
        assert [parse(line).source for line in client.lines] == ["amy!chat@chat"]
        assert told(client, "REDACT") == [["#lobby", id]]
    assert [parse(line).command for line in dee.lines] == ["NOTICE"]
    assert "took back" in dee.lines[0]
    assert [keys["type"] for keys in json.objects] == ["redacted"]
    carl.take()
    carl.type("CHATHISTORY LATEST #lobby * 5")
    assert numbers(carl) == ["BATCH", "BATCH"]


def test_an_operator_takes_back_what_others_said_in_the_room_and_nobody_else_does(world: World) -> None:
    bob = log_in(world, plain("", "bob", "tulip time 7"))
    bob.type(f"CAP REQ :{TAKING_BACK}")
    amy, carl = (enter(world, nick, "JOIN #ops", caps=TAKING_BACK) for nick in ("amy", "carl"))
    id = say(amy, "PRIVMSG #ops :spam")
    world.take_all()
    carl.type(f"REDACT #ops {id}")
    assert told(carl, "FAIL") == [
        ["REDACT", "REDACT_FORBIDDEN", "#ops", id, "That is for whoever said it, and for operators of the room."]
    ]
    carl.take()
    bob.type(f"REDACT #ops {id} :spam")
    assert told(amy, "REDACT") == told(carl, "REDACT") == told(bob, "REDACT") == [["#ops", id, "spam"]]


def test_what_was_said_in_private_is_taken_back_from_both(world: World) -> None:
    amy, carl = (enter(world, nick, caps=TAKING_BACK) for nick in ("amy", "carl"))
    id = say(amy, "PRIVMSG carl :psst")
    world.take_all()
    carl.type(f"REDACT amy {id}")
    assert told(carl, "FAIL")[0][:2] == ["REDACT", "REDACT_FORBIDDEN"]
    carl.take()
    amy.type(f"REDACT carl {id} :sorry")
    assert told(amy, "NOTE")[0][:2] == ["REDACT", "REASON_UNKNOWN"]
    assert told(amy, "REDACT") == told(carl, "REDACT") == [["carl", id]]
    carl.take()
    carl.type("CHATHISTORY LATEST amy * 5")
    assert "psst" not in carl.bytes.decode()


@pytest.mark.parametrize(
    ("target", "id", "code"),
    [
        ("#lobby", "nothing", "UNKNOWN_MSGID"),
        ("#lobby", "999-#lobby", "UNKNOWN_MSGID"),
        ("#lobby", "1-#ops", "UNKNOWN_MSGID"),
        ("#lobby", "", "UNKNOWN_MSGID"),
        ("carl", "token1", "UNKNOWN_MSGID"),
        ("#nowhere", "1-#nowhere", "INVALID_TARGET"),
        ("#ops", "1-#ops", "INVALID_TARGET"),
    ],
)
def test_what_cannot_be_taken_back_is_told(world: World, target: str, id: str, code: str) -> None:
    amy = enter(world, "amy", "JOIN #lobby", "PRIVMSG #lobby :hi", caps=TAKING_BACK)
    amy.take()
    amy.type(f"REDACT {target} :{id}")
    assert told(amy, "FAIL")[0][:3] == ["REDACT", code, target]


# What happened besides.

PLAYBACK = "draft/event-playback draft/chathistory batch server-time message-tags echo-message"


def test_all_that_happened_is_paged_through_by_who_wants_that(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PAGE_EVENTS", 3)
    amy = enter(world, "amy", "JOIN #new", caps=PLAYBACK)
    dee = enter(world, "dee", "JOIN #new", caps=PLAYBACK.replace("draft/event-playback ", ""))
    live = []
    for number in range(5):
        for line in (f"TOPIC #new :topic {number}", f"PRIVMSG #new :line {number}"):
            world.take_all()
            amy.type(line)
            live += amy.take()
            world.wait(1)
    messages = [parse(line) for line in live]
    ids = [message.tags["msgid"] for message in messages]
    for place in ("msgid={msgid}", "timestamp={time}"):
        at = [place.format(**message.tags) for message in messages]
        for what, found in (
            ("LATEST #new * 3", ids[-3:]),
            (f"LATEST #new {at[4]} 100", ids[5:]),
            (f"BEFORE #new {at[6]} 4", ids[2:6]),
            (f"AFTER #new {at[3]} 4", ids[4:8]),
            (f"AROUND #new {at[5]} 4", ids[3:7]),
            (f"BETWEEN #new {at[2]} {at[7]} 100", ids[3:7]),
        ):
            amy.take()
            amy.type(f"CHATHISTORY {what}")
            shown = [parse(line) for line in amy.lines[1:-1]]
            assert [message.tags["msgid"] for message in shown] == found, what
            assert {message.command for message in shown} == {"TOPIC", "PRIVMSG"}
    dee.take()
    dee.type("CHATHISTORY LATEST #new * 100")
    assert numbers(dee) == ["BATCH", *["PRIVMSG"] * 5, "BATCH"]


def test_what_was_taken_back_is_told_as_that_where_it_happened(world: World) -> None:
    amy = enter(world, "amy", "JOIN #new", caps=f"{PLAYBACK} draft/message-redaction")
    id = say(amy, "PRIVMSG #new :tulip")
    amy.type(f"REDACT #new {id}")
    amy.take()
    amy.type("CHATHISTORY LATEST #new * 100")
    assert numbers(amy) == ["BATCH", "JOIN", "REDACT", "BATCH"]


# Up to when somebody has read.

READING = "draft/read-marker server-time"


def test_a_read_marker_is_kept_told_on_joining_and_only_grows(world: World) -> None:
    amy = enter(world, "amy", caps=READING)
    amy.type("JOIN #lobby")
    assert numbers(amy) == ["JOIN", "MARKREAD", "353", "366"]
    assert told(amy, "MARKREAD") == [["#lobby", "*"]]
    amy.take()
    first, second = "timestamp=2026-11-22T10:04:00.123Z", "timestamp=2026-11-22T11:04:00.000Z"
    amy.type(f"MARKREAD #lobby {second}", f"MARKREAD #lobby {first}", "MARKREAD #LOBBY", "MARKREAD carl")
    assert told(amy, "MARKREAD") == [["#lobby", second], ["#lobby", second], ["#LOBBY", second], ["carl", "*"]]
    amy.take()
    amy.type(f"MARKREAD carl {first}", "PART #lobby", "JOIN #lobby")
    assert told(amy, "MARKREAD") == [["carl", first], ["#lobby", second]]


def test_it_is_their_place_on_every_wire_and_their_other_devices_are_told(world: World) -> None:
    phone, laptop = (log_in(world, plain("", "bob", "tulip time 7")) for _ in range(2))
    laptop.type(f"CAP REQ :{READING}")
    program = world.device(phone, "json")
    carl = enter(world, "carl", "JOIN #ops", caps="echo-message server-time message-tags")
    carl.type("PRIVMSG #ops :one")
    (echo,) = [parse(line) for line in carl.take()]
    world.take_all()
    phone.type(f"MARKREAD #ops timestamp={echo.tags['time']}")
    assert told(laptop, "MARKREAD") == [["#ops", f"timestamp={echo.tags['time']}"]]
    seq = int(echo.tags["msgid"].partition("-")[0])
    assert [(keys["room"], keys["seq"]) for keys in program.objects if keys["type"] == "read"] == [("#ops", seq)]


def test_who_comes_in_is_told_of_their_rooms_also_where_another_wire_said_so(world: World) -> None:
    bob = log_in(world, plain("", "bob", "tulip time 7"))
    bob.type("PRIVMSG #ops :one")
    program = world.device(bob, "json")
    program.type("", read={"#ops": world.hub.rooms["#ops"].log.head})
    bob.type("QUIT")
    program.close()
    asked = ["CAP LS 302", "NICK bob", "USER b 0 * :B", f"CAP REQ :sasl {READING}", "AUTHENTICATE PLAIN"]
    again = irc(world, *asked, f"AUTHENTICATE {plain('', 'bob', 'tulip time 7')}", "CAP END", host="127.0.0.1")
    assert told(again, "MARKREAD") == [["#ops", "timestamp=2026-11-22T10:04:00.000Z"]]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("MARKREAD", "NEED_MORE_PARAMS"),
        ("MARKREAD #lobby *", "INVALID_PARAMS"),
        ("MARKREAD #lobby timestamp=now", "INVALID_PARAMS"),
        ("MARKREAD #lobby timestamp=0001-01-01T00:00:00+14:00", "INVALID_PARAMS"),
    ],
)
def test_what_is_no_marker_is_refused(world: World, line: str, code: str) -> None:
    amy = enter(world, "amy", "JOIN #lobby", caps=READING)
    amy.type(line)
    assert told(amy, "FAIL")[0][:2] == ["MARKREAD", code]


def test_it_is_known_after_a_restart_and_no_more_once_its_person_or_its_place_is_forgotten() -> None:
    world = World(store := KeepingStore())
    amy, dee = (enter(world, nick, "JOIN #lobby", caps=READING) for nick in ("amy", "dee"))
    at = "timestamp=2026-11-22T10:04:00.123Z"
    for client in (amy, dee):
        client.type(f"MARKREAD #lobby {at}", f"MARKREAD carl {at}")
    code = amy.session.code
    dee.type("QUIT")
    markers = [key for kind, key in store.records if kind == "read-marker" and store.records[kind, key].value]
    assert len(markers) == 2
    after = restarted(world, store)
    amy = irc(after, "CAP LS 302", f"CAP REQ :{READING}", f"PASS {code}", "NICK amy", "USER a 0 * :A", "CAP END")
    assert told(amy, "MARKREAD") == [["#lobby", at]]
    amy.take()
    after.operator("/admin forget carl carl")
    amy.type("MARKREAD carl", "PART #lobby", "JOIN #lobby")
    assert told(amy, "MARKREAD") == [["carl", "*"], ["#lobby", at]]


def test_of_very_many_markers_the_oldest_is_forgotten(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "READ_MARKERS", 2)
    amy, at = enter(world, "amy", caps=READING), "timestamp=2026-11-22T10:04:00.000Z"
    amy.type(f"MARKREAD a {at}", f"MARKREAD b {at}", f"MARKREAD c {at}")
    amy.take()
    amy.type("MARKREAD a", "MARKREAD b", "MARKREAD c")
    assert [params[1] for params in told(amy, "MARKREAD")] == ["*", at, at]


# Messages of several lines.

SEVERAL = "draft/multiline batch message-tags echo-message labeled-response server-time"


def lines_of(client: Client) -> list[tuple[str, bool]]:
    """The texts of a batch, each with whether it goes on with the one before; its name is the same all through."""
    begin, *lines, end = [parse(line) for line in client.take()]
    name = begin.params[0][1:]
    assert (begin.command, begin.params[1], end.params) == ("BATCH", "draft/multiline", [f"-{name}"])
    assert {line.tags["batch"] for line in lines} == {name}
    assert begin.tags.keys() >= {"msgid", "time"}
    assert not any("msgid" in line.tags for line in lines)
    return [(line.params[1], "draft/multiline-concat" in line.tags) for line in lines]


def test_lines_that_belong_together_are_one_message(world: World) -> None:
    amy, carl = (enter(world, nick, "JOIN #lobby", caps=SEVERAL) for nick in ("amy", "carl"))
    dee, ben = enter(world, "dee", "JOIN #lobby", caps="message-tags"), world.enter("ben")
    program = world.enter("prog", wire="json")
    world.take_all()
    amy.type("@label=7;+a=b BATCH +x draft/multiline #lobby")
    assert amy.take() == []
    amy.type("@batch=x PRIVMSG #lobby :one ", "@batch=x;draft/multiline-concat PRIVMSG #lobby :line")
    amy.type("@batch=x PRIVMSG #lobby :", "@batch=x PRIVMSG #LOBBY :/three")
    assert ben.lines == amy.take() == []
    amy.type("BATCH -x")
    assert parse(amy.lines[0]).tags["label"] == "7"
    assert parse(carl.lines[0]).tags["+a"] == "b"
    assert lines_of(amy) == lines_of(carl) == [("one ", False), ("line", True), ("", False), ("/three", False)]
    assert [parse(line).params[1] for line in dee.lines] == ["one ", "line", "/three"]
    assert ["msgid" in parse(line).tags for line in dee.lines] == [True, False, False]
    assert [keys["text"] for keys in program.objects] == ["one line\n\n/three"]
    assert ben.take()[0] == "<amy> one line"


def test_what_is_too_long_for_one_line_goes_on_in_the_next_also_in_private_and_in_history(world: World) -> None:
    carl = enter(world, "carl", "JOIN #lobby", caps=f"{SEVERAL} draft/chathistory")
    ben = world.enter("ben")
    carl.take()
    words = "many words " * 80
    ben.type(f"/msg carl {words}", words)
    texts = [parse(line) for line in carl.take() if " PRIVMSG " in line]
    assert "".join(text.params[1] for text in texts if text.params[0] == "carl").strip() == words.strip()
    assert ["draft/multiline-concat" in text.tags for text in texts] == [False, True, False, True]
    carl.type("CHATHISTORY LATEST #lobby * 5")
    shown = [parse(line) for line in carl.lines]
    assert [(one.command, one.tags.get("batch")) for one in shown[:3]] == [
        ("BATCH", None),
        ("BATCH", "history"),
        ("PRIVMSG", shown[1].params[0][1:]),
    ]


FLAG = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"
"""One sign, of which no part is to be seen."""


@pytest.mark.parametrize(
    ("parts", "text", "shown"),
    [
        (["a", "+b", "c", "+d", "+e"], "ab\ncde", [("a", False), ("b", True), ("c", False), ("d", True), ("e", True)]),
        (["", "a", "+b"], "\nab", [("", False), ("a", False), ("b", True)]),
        (["\x02a", "+b", "c"], "ab\nc", [("ab", False), ("c", False)]),
        (["a\x7f", "+b", "c"], "a␡b\nc", [("a␡b", False), ("c", False)]),
        ([FLAG[0], f"+{FLAG[1:]}", "c"], f"{FLAG}\nc", [(FLAG[-5:], False), ("c", False)]),
        (["many " * 97, "+words"], "many " * 97 + "words", [("many ", False), ("many ", True), ("words", True)]),
    ],
)
def test_where_its_author_divided_a_line_it_is_divided_for_others_unless_that_changed(
    world: World, parts: list[str], text: str, shown: list[tuple[str, bool]]
) -> None:
    amy, carl = (enter(world, nick, "JOIN #lobby", caps=SEVERAL) for nick in ("amy", "carl"))
    program = world.enter("prog", wire="json")
    world.take_all()
    for target in ("#lobby", "carl"):
        lines = [
            f"@batch=x{';draft/multiline-concat' * part.startswith('+')} PRIVMSG {target} :{part.removeprefix('+')}"
            for part in parts
        ]
        amy.type(f"BATCH +x draft/multiline {target}", *lines, "BATCH -x")
        assert [(said[-5:], goes_on) for said, goes_on in lines_of(carl)] == shown
    assert [keys["text"] for keys in program.objects] == [text]


ODD = "ab \t\u0301\u200d\u202e\u0995\U0001f3f4\U000e0067\U000e007f\x02\x7f\u2028é☕"
"""Letters, and what changes with what stands beside it."""


@given(st.lists(st.tuples(st.text(ODD, min_size=1, max_size=6), st.booleans()), min_size=2, max_size=8))
def test_wherever_it_is_divided_all_get_the_same_text(parts: list[tuple[str, bool]]) -> None:
    world = World()
    amy, carl = (enter(world, nick, "JOIN #lobby", caps=SEVERAL) for nick in ("amy", "carl"))
    program = world.enter("prog", wire="json")
    world.take_all()
    amy.type("BATCH +x draft/multiline #lobby", "@batch=x PRIVMSG #lobby :first")
    for part, goes_on in parts:
        amy.type(f"@batch=x{';draft/multiline-concat' * goes_on} PRIVMSG #lobby :{part}")
    amy.type("BATCH -x")
    whole = len(carl.lines) == 1
    came = [(parse(carl.lines[0]).params[1], False)] if whole else lines_of(carl)
    shown = "".join(("" if goes_on else "\n") + said for said, goes_on in came)
    assert [keys["text"] for keys in program.objects] == [shown[1:]]


@pytest.mark.parametrize(
    ("lines", "answer"),
    [
        (["@batch=y PRIVMSG #lobby :x"], ["MULTILINE_INVALID"]),
        (["@batch=x JOIN #ops"], ["MULTILINE_INVALID"]),
        (["@batch=x PRIVMSG #ops :x"], ["MULTILINE_INVALID_TARGET", "#lobby", "#ops"]),
        (["@batch=x;draft/multiline-concat PRIVMSG #lobby :x"], ["MULTILINE_INVALID"]),
        (["@batch=x PRIVMSG #lobby :x", "@batch=x NOTICE #lobby :x"], ["MULTILINE_INVALID"]),
        (["@batch=x PRIVMSG #lobby :x", "@batch=x;draft/multiline-concat PRIVMSG #lobby :"], ["MULTILINE_INVALID"]),
        (["@batch=x PRIVMSG #lobby :x"] * 101, ["MULTILINE_MAX_LINES", "100"]),
        (
            ["@batch=x PRIVMSG #lobby :x", *["@batch=x;draft/multiline-concat PRIVMSG #lobby :x"] * 100],
            ["MULTILINE_MAX_LINES", "100"],
        ),
        ([f"@batch=x PRIVMSG #lobby :{'x' * 400}"] * 41, ["MULTILINE_MAX_BYTES", "16384"]),
    ],
)
def test_what_makes_no_message_is_refused_once_and_nothing_of_it_is_said(
    world: World, lines: list[str], answer: list[str]
) -> None:
    ben, amy = world.enter("ben"), enter(world, "amy", "JOIN #lobby", caps=SEVERAL)
    world.take_all()
    amy.type("BATCH +x draft/multiline #lobby", *lines, "@batch=x PRIVMSG #lobby :more", "BATCH -x")
    assert [params[:-1] for params in told(amy, "FAIL")] == [["BATCH", *answer]]
    assert ben.take() == []
    amy.type("PRIVMSG #lobby :now")
    assert ben.take() == ["<amy> now"]


def test_it_is_refused_like_any_line_where_one_may_not_talk_and_batches_of_other_kinds_are_none(world: World) -> None:
    amy = enter(world, "amy", caps=SEVERAL)
    amy.type("BATCH +x draft/multiline #ops", "@batch=x PRIVMSG #ops :x", "@batch=x PRIVMSG #ops :y", "BATCH -x")
    assert numbers(amy) == ["404"]
    amy.take()
    amy.type("BATCH +x netsplit", "BATCH -x")
    assert numbers(amy) == ["461", "461"]


# Accounts.


def test_a_client_makes_an_account_with_one_message(world: World) -> None:
    amy = irc(world, "CAP LS 302", "NICK amy", "USER amy 0 * :Amy", host="127.0.0.1")
    assert "draft/account-registration" in amy.lines[0].split()
    amy.type("REGISTER * * :tulip time 8")
    assert told(amy, "FAIL")[0][:3] == ["REGISTER", "COMPLETE_CONNECTION_REQUIRED", "*"]
    amy.type("CAP END")
    amy.take()
    amy.type("REGISTER AMY a@example.org :tulip time 8", "JOIN #new", "NAMES #new")
    assert told(amy, "REGISTER")[0][:2] == ["SUCCESS", "amy"]
    assert told(amy, "353")[-1][-1] == "@amy"
    assert "tulip" not in amy.bytes.decode()
    again = log_in(world, plain("", "amy", "tulip time 8"), nick="zed")
    assert told(again, "001")[0][0] == "amy"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("REGISTER carl * :tulip time 8", "ACCOUNT_NAME_MUST_BE_NICK"),
        ("REGISTER * * short", "WEAK_PASSWORD"),
        ("REGISTER * * amy", "WEAK_PASSWORD"),
    ],
)
def test_what_makes_no_account_is_told(world: World, line: str, code: str) -> None:
    amy = irc(world, "NICK amy", "USER amy 0 * :Amy", host="127.0.0.1")
    amy.take()
    amy.type(line)
    assert told(amy, "FAIL")[0][:2] == ["REGISTER", code]
    assert not amy.session.person.has_account


def test_no_password_is_taken_where_others_read_it_and_the_chats_own_way_stays(world: World) -> None:
    amy = irc(world, "CAP LS 302", "NICK amy", "USER amy 0 * :Amy", "CAP END", host="203.0.113.9")
    assert "draft/account-registration" not in amy.lines[0]
    amy.take()
    amy.type("REGISTER * * :tulip time 8")
    assert told(amy, "FAIL")[0][:2] == ["REGISTER", "TEMPORARILY_UNAVAILABLE"]
    bob = log_in(world, plain("", "bob", "tulip time 7"))
    bob.take()
    bob.type("REGISTER * * :tulip time 8")
    assert told(bob, "FAIL")[0][:2] == ["REGISTER", "ALREADY_AUTHENTICATED"]


# Who joins.


def test_who_joins_is_told_with_account_and_real_name_to_who_asked_for_that(world: World) -> None:
    amy, dee = enter(world, "amy", "JOIN #ops", caps="extended-join"), enter(world, "dee", "JOIN #ops")
    carl = enter(world, "carl", caps="extended-join")
    bob = log_in(world, plain("", "bob", "tulip time 7"))
    bob.type("SETNAME :Bob the Great", "PART #ops")
    world.take_all()
    carl.type("JOIN #ops")
    bob.type("JOIN #ops")
    joins = [":carl!chat@chat JOIN #ops * :Carl Real", ":bob!chat@chat JOIN #ops bob :Bob the Great"]
    his = ":chat MODE #ops +o bob"
    assert amy.take() == [*joins, his]
    assert dee.take() == [":carl!chat@chat JOIN #ops", ":bob!chat@chat JOIN #ops", his]
    assert [line for line in carl.lines if " JOIN " in line] == joins


def test_who_logs_in_is_told_of_their_own_account_and_by_the_code_alone_they_have_none(world: World) -> None:
    asked = ["CAP LS 302", "CAP REQ :sasl extended-join", "NICK bob", "USER b 0 * :B"]
    bob = irc(
        world,
        *asked,
        "AUTHENTICATE PLAIN",
        f"AUTHENTICATE {plain('', 'bob', 'tulip time 7')}",
        "CAP END",
        host="127.0.0.1",
    )
    assert told(bob, "JOIN") == [["#ops", "bob", "B"]]
    code = bob.session.code
    bob.cut()
    again = irc(world, f"PASS {code}", *asked, "CAP END", host="127.0.0.1")
    assert told(again, "JOIN") == [["#ops", "*", "B"]]  # a short code alone makes nobody an account


def test_so_are_those_who_came_together(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "GATHER_FROM", 2)
    amy = enter(world, "amy", "JOIN #ops", caps="extended-join")
    world.enter("zoe", "/join #ops")
    amy.take()
    bob = log_in(world, plain("", "bob", "tulip time 7"))
    bob.type("PART #ops", "JOIN #ops")
    enter(world, "carl", "JOIN #ops")
    world.wait(limits.GATHER_SECONDS * 2)
    assert [parse(line).params for line in amy.lines if " JOIN " in line][-2:] == [
        ["#ops", "bob", "B"],
        ["#ops", "*", "Carl Real"],
    ]


def test_names_come_on_demand_alone_to_who_wants_that(world: World) -> None:
    amy = enter(world, "amy", caps="draft/no-implicit-names")
    amy.type("JOIN #lobby")
    assert numbers(amy) == ["JOIN"]
    amy.type("NAMES #lobby")
    assert numbers(amy) == ["JOIN", "353", "366"]


def test_names_of_several_rooms_have_one_end_as_far_as_it_fits(world: World) -> None:
    amy = enter(world, "amy", "JOIN #a,#b")
    amy.type("NAMES #a,#nowhere,#b")
    assert numbers(amy) == ["353", "353", "366"]
    assert told(amy, "366")[0][1] == "#a,#nowhere,#b"
    amy.take()
    rooms = [f"#{number:02}{'x' * 20}" for number in range(20)]
    amy.type(f"NAMES {','.join(rooms)}")
    assert ",".join(params[1] for params in told(amy, "366")) == ",".join(rooms)
    assert len(numbers(amy)) == 2
    amy.take()
    amy.type("NAMES", "NAMES ,")
    assert [params[1] for params in told(amy, "366")] == ["*", "*"]


def test_help_for_all_is_what_help_alone_tells(world: World) -> None:
    amy = enter(world, "amy")
    amy.type("HELP")
    alone = amy.take()
    amy.type("HELP all")
    assert amy.take() == alone
    assert alone[1] == ":pi 705 amy index :/msg NICK|#room text: say something to one person, or to another room"


def test_help_is_there_by_its_other_name(world: World) -> None:
    amy = enter(world, "amy")
    amy.type("HELPOP PRIVMSG")
    assert numbers(amy) == ["704", "705", "706"]
