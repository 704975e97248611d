"""Lines that are taken back: who may, what everybody is told, and that nobody ever finds them again."""

import pytest
from nodes import Cluster
from returning import KeepingStore, enter, resume
from stores import SlowStore
from test_account import register
from test_moderation import moderated
from test_staff import boss
from world import Client, World

from chat.base import limits


def texts(client: Client) -> str:
    """All that somebody was given."""
    return client.bytes.decode()


def number(client: Client, text: str) -> int:
    """Under which number a program heard this."""
    (seq,) = [keys["seq"] for keys in client.objects if keys.get("text") == text]
    return seq


def numbers(world: World, *texts: str) -> list[int]:
    """Under which numbers these were said in #ops."""
    return [entry.seq for entry in world.hub.rooms["#ops"].log.oldest() if getattr(entry.fact, "text", "") in texts]


def test_alone_it_lists_ones_own_last_lines_with_numbers_that_stay(world: World) -> None:
    amy, bob = world.enter("amy"), world.enter("bob")
    world.take_all()
    amy.type(*(f"line {n}" for n in range(7)))
    bob.type("mine")
    world.wait(60)
    amy.take()
    amy.type("/delete")
    listed = amy.take()
    assert listed == [
        '-> 5: 1 min ago "line 2"',
        '-> 6: 1 min ago "line 3"',
        '-> 7: 1 min ago "line 4"',
        '-> 8: 1 min ago "line 5"',
        '-> 9: 1 min ago "line 6"',
        "-> /delete 9 takes the last one back.",
    ]
    amy.type("/delete 7", "/delete")
    assert amy.take()[:3] == ['-> Taken back: "line 4"', '-> 4: 1 min ago "line 1"', '-> 5: 1 min ago "line 2"']


@pytest.mark.parametrize("word", ["/delete", "/redact", "/unsay", "/borrar"])
def test_the_others_are_told_that_a_line_was_taken_back(world: World, word: str) -> None:
    amy, bob, carl = world.enter("amy"), world.enter("bob"), world.enter("carl", wire="json")
    world.take_all()
    amy.type("the password is tulip")
    seq = number(carl, "the password is tulip")
    world.wait(60)
    world.take_all()
    amy.type(f"{word} {seq}")
    assert amy.take() == ['-> Taken back: "the password is tulip"']
    assert bob.take() == ["-!- amy took back a line of 10:04"]
    (gone,) = carl.take_objects()
    assert {key: gone[key] for key in ("type", "room", "seq", "target", "from")} == {
        "type": "redacted",
        "room": "#lobby",
        "seq": seq + 1,
        "target": seq,
        "from": "amy",
    }


def test_the_others_are_told_why_it_was_taken_back(world: World) -> None:
    amy, bob, carl = world.enter("amy"), world.enter("bob"), world.enter("carl", wire="json")
    world.take_all()
    amy.type("hello ops", "hello all")
    world.take_all()
    amy.type("/delete 4 wrong room", "/delete #lobby 5 3 times \x1b wrong")
    assert amy.take() == [
        '-> Taken back: "hello ops"',
        '-> Why, as all are told: "wrong room"',
        '-> Taken back: "hello all"',
        '-> Why, as all are told: "3 times ␛ wrong"',
    ]
    assert bob.take() == [
        '-!- amy took back a line of 10:04: "wrong room"',
        '-!- amy took back a line of 10:04: "3 times ␛ wrong"',
    ]
    assert [gone["why"] for gone in carl.take_objects()] == ["wrong room", "3 times ␛ wrong"]


@pytest.mark.parametrize("line", ["/delete 4 5", "/delete @ 1 sorry", f"/delete 4 {'x' * 300}"])
def test_what_is_no_reason_takes_nothing_back(world: World, line: str) -> None:
    amy, bob = world.enter("amy"), world.enter("bob")
    amy.type("/msg bob psst", "one", "two")
    world.take_all()
    amy.type(line)
    assert [told.partition(":")[0] for told in amy.take()][:1] in (["! usage"], ["! too-long"])
    assert bob.take() == []


def test_an_operator_says_why_and_the_audit_has_it(world: World) -> None:
    ana, trol, ben = moderated(world)
    trol.type("buy now", "and again", "ok")
    world.take_all()
    (seq,) = numbers(world, "buy now")
    ana.type(f"/delete trol {seq} spam")
    assert ben.take() == ['-!- ana took back a line by trol of 10:04: "spam"']
    ana.type("/delete trol all 10m more of it")
    assert ben.take() == ['-!- ana took back 2 lines by trol: "more of it"']
    staff = boss(world)
    staff.type("/admin audit")
    assert staff.take()[-2:] == [
        '-> 0 s ago ana: /delete trol in #ops, 1 line: "spam"',
        '-> 0 s ago ana: /delete trol in #ops, 2 lines: "more of it"',
    ]


@pytest.mark.parametrize("measure", ["/mute ben", "/slow 1h"])
def test_a_reason_is_a_line_where_one_may_say_none(world: World, measure: str) -> None:
    ana, trol, ben = moderated(world)
    ben.type("one", "two")
    one, two = numbers(world, "one", "two")
    ana.type(measure)
    ben.type("three")
    world.take_all()
    ben.type(f"/delete {one} look here")
    assert [line[:6] for line in ben.take()[:1]] == ["! mute" if "mute" in measure else "! slow"]
    ben.type(f"/delete {two}")
    assert trol.take() == ["-!- ben took back a line of 10:04"]


def test_a_line_of_another_day_is_named_with_its_day(world: World) -> None:
    amy, bob = world.enter("amy"), world.enter("bob")
    amy.type("tulip")
    world.wait(limits.CODE_SECONDS / 2, 600)
    world.wait(limits.CODE_SECONDS / 2, 600)
    world.take_all()
    amy.type("/delete 3")
    assert bob.take() == ["-!- amy took back a line of 2026-11-22 10:04"]


def test_whoever_comes_later_finds_it_nowhere(world: World) -> None:
    amy = world.enter("amy")
    amy.type("one", "tulip", "three", "/delete 3")
    late = world.connect("late")
    late.type("/last 10", "/grep tulip", "/since today")
    assert "tulip" not in texts(late).replace("lines with tulip", "")
    assert "<amy> one" in texts(late)


def test_who_was_behind_is_given_what_stands_in_its_place(world: World) -> None:
    amy, (eve, code) = world.enter("amy"), enter(world, "eve", wire="json")
    eve.cut()
    amy.type("one", "tulip", "/delete 4")
    back = resume(world, code, wire="json", seen={"#lobby": 2})
    assert "tulip" not in texts(back)
    told = [(keys["type"], keys["seq"], keys.get("target")) for keys in back.objects if "seq" in keys]
    assert told == [("message", 3, None), ("redacted", 4, 4), ("redacted", 5, 4)]


def test_on_the_wire_of_people_who_was_behind_is_told_once(world: World) -> None:
    amy, (eve, code) = world.enter("amy"), enter(world, "eve")
    eve.cut()
    amy.type("one", "tulip", "/delete 4")
    back = resume(world, code)
    assert [line for line in back.lines if "amy" in line and "10:04" in line] == [
        "10:04 <amy> one",
        "10:04 -!- amy took back a line of 10:04",
    ]


def test_a_page_that_the_store_has_read_just_before_shows_it_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "TAIL_EVENTS", 2)
    world = World(store := SlowStore())
    amy, (eve, code) = world.enter("amy"), enter(world, "eve", wire="json")
    eve.cut()
    amy.type("one", "tulip", "three", "four", "five")
    store.slow_to_read = True
    back = world.connect(wire="json")
    back.type(f"/resume {code}", seen={"#lobby": 2})
    read, done = store.reads.popleft()
    page = read()
    store.slow_to_read = False
    amy.type("/delete 4")
    page.addCallback(done.callback)
    world.turn()
    while store.reads:
        store.let_read()
        world.turn()
    assert "tulip" not in texts(back)
    assert "five" in texts(back)


def test_a_search_that_was_under_way_does_not_tell_it(world: World) -> None:
    world = World(store := SlowStore())
    amy, bob = world.enter("amy"), world.enter("bob")
    amy.type("tulip one", "tulip two")
    world.take_all()
    store.slow_to_read = True
    bob.type("/grep tulip")
    read, done = store.reads.popleft()
    found = read()
    store.slow_to_read = False
    amy.type("/delete 3")
    found.addCallback(done.callback)
    world.turn()
    assert "tulip one" not in texts(bob)
    assert "tulip two" in texts(bob)


def test_a_long_answer_that_is_made_page_by_page_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HISTORY_AT_ONCE", 1)
    world = World()
    amy, bob = world.enter("amy"), world.enter("bob")
    amy.type("tulip", "two", "three")
    world.take_all()
    bob.send(b"/last 3\n")
    amy.send(b"/delete 3\n")
    world.turn()
    assert "tulip" not in texts(bob)
    assert "three" in texts(bob)


def test_what_is_new_for_somebody_is_counted_without_it(world: World) -> None:
    amy, (bob, code) = world.enter("amy"), enter(world, "bob", wire="json")
    bob.cut()
    amy.type("bob: tulip", "bob: rose", "/delete 3")
    back = resume(world, code, wire="json")
    (welcome,) = [keys for keys in back.objects if keys["type"] == "welcome"]
    assert (welcome["rooms"]["#lobby"]["unread"], welcome["rooms"]["#lobby"]["mentions"]) == (1, 1)


def test_what_was_said_in_private_goes_from_both_logs(world: World) -> None:
    amy, bob = world.enter("amy"), world.enter("bob", wire="json")
    other = world.device(bob, wire="json")
    world.take_all()
    amy.type("/msg bob tulip", "/delete @")
    assert amy.take()[-2:] == ['-> 1: 0 s ago to bob "tulip"', "-> /delete @1 takes the last one back."]
    amy.type("/delete @1")
    assert amy.take() == ['-> Taken back: "tulip"']
    for device in (bob, other):
        (gone,) = [keys for keys in device.take_objects() if keys["type"] == "redacted"]
        assert (gone["room"], gone["target"], gone["to"]) == ("@amy", 1, "bob")
    bob.type("/last amy", "/grep tulip")
    amy.type("/last bob", "/grep tulip")
    assert '"text":"tulip"' not in texts(bob)
    assert "amy -> " not in texts(amy).replace("you", "amy") or "tulip" not in texts(amy).replace("with tulip", "")


def test_of_two_private_lines_that_are_the_same_the_same_one_goes_from_both(world: World) -> None:
    amy, bob = world.enter("amy", wire="json"), world.enter("bob", wire="json")
    amy.send(b'{"line": "/msg bob tulip"}\n{"line": "/msg bob tulip"}\n')
    world.turn()
    amy.type("/delete @2")
    gone = [keys for keys in bob.objects if keys["type"] == "redacted"]
    assert [keys["target"] for keys in gone] == [2]
    amy.type("/delete @1")
    gone = [keys for keys in bob.objects if keys["type"] == "redacted"]
    assert [keys["target"] for keys in gone] == [2, 1]


def test_a_program_may_name_the_conversation_beside_the_line(world: World) -> None:
    amy, bob = world.enter("amy", wire="json"), world.enter("bob", wire="json")
    amy.type("/msg bob tulip")
    amy.type("/delete 1", room="@bob", id="c1")
    assert [keys["type"] for keys in amy.take_objects()][-2:] == ["reply", "ack"]
    assert [keys["type"] for keys in bob.objects][-1] == "redacted"


def test_nobody_takes_back_what_somebody_else_said(world: World) -> None:
    amy, eve = world.enter("amy"), world.enter("eve")
    amy.type("tulip")
    world.take_all()
    eve.type("/delete 3")
    assert eve.take() == ["! gone: You said nothing here that has the number 3; see /delete."]
    eve.type("/delete amy 3", "/delete amy", "/delete amy all forever")
    assert eve.take() == ["! not-allowed: /delete NICK is for the operators of the room. Nothing was done."] * 3
    eve.type("/last 1")
    assert "10:04 <amy> tulip" in eve.take()


def test_whoever_was_written_to_does_not_take_it_back(world: World) -> None:
    amy, bob = world.enter("amy"), world.enter("bob")
    amy.type("/msg bob tulip")
    world.take_all()
    bob.type("/delete @1")
    assert bob.take() == ["! gone: You said nothing here that has the number 1; see /delete."]


@pytest.mark.parametrize("line", ["/delete x y z", "/delete 1 2", "/delete 1 all 30m", "/delete @1 2"])
def test_what_cannot_be_understood_takes_nothing_back(world: World, line: str) -> None:
    amy = world.enter("amy")
    amy.type("tulip")
    amy.take()
    amy.type(line)
    assert amy.lines[0].startswith(("! usage", "! not-allowed"))
    amy.type("/last 1")
    assert "10:04 <amy> tulip" in amy.lines


# Operators.


def operator(world: World, nick: str, room: str = "#ops") -> Client:
    """Whoever founded a room with an account."""
    client = register(world, nick)
    client.type(f"/join {room}")
    client.take()
    return client


def test_an_operator_takes_back_what_others_said_in_the_room(world: World) -> None:
    amy = operator(world, "amy")
    bob, carl = world.enter("bob", "/join #ops"), world.enter("carl", "/join #ops")
    bob.type("tulip")
    world.take_all()
    amy.type("/delete bob")
    seq = int(amy.take()[0].split()[1].rstrip(":"))
    amy.type(f"/delete bob {seq}")
    assert amy.take() == ['-> Taken back: "tulip"']
    for other in (bob, carl):
        assert other.take() == ["-!- amy took back a line by bob of 10:04"]
    carl.type("/last 5")
    assert "tulip" not in texts(carl)


def test_all_that_somebody_said_lately_goes_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REDACTED_AT_ONCE", 4)
    amy = operator(world, "amy")
    troll, carl = world.enter("troll", "/join #ops"), world.enter("carl", "/join #ops")
    troll.type("an early line")
    world.wait(3600)
    troll.type(*(f"spam {n}" for n in range(10)))
    carl.type("hello")
    world.take_all()
    amy.type("/delete troll all 30m")
    assert amy.take() == [
        "-> 10 lines were taken back; the last of them:",
        *(f'-> "spam {n}"' for n in range(6, 10)),
    ]
    assert [line.partition("-!- ")[2] for line in carl.take()] == [
        "amy took back 4 lines by troll",
        "amy took back 4 lines by troll",
        "amy took back 2 lines by troll",
    ]
    late = world.enter("late", "/join #ops")
    late.type("/last 20")
    assert "spam" not in texts(late)
    assert "an early line" in texts(late)


@pytest.mark.parametrize("gone", ["deop", "cut"])
def test_who_is_no_operator_any_more_or_gone_takes_no_more_back(gone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REDACTED_AT_ONCE", 1)
    world = World(store := SlowStore())
    amy, ora = operator(world, "amy"), operator(world, "ora")
    amy.type("/op ora")
    bob = world.enter("bob", "/join #ops", "one", "two", "three")
    world.take_all()
    store.slow_to_read = True
    ora.type("/delete #ops bob all 1h")
    store.let_read()
    world.turn()
    ora.cut() if gone == "cut" else amy.type("/deop ora")
    while store.reads:
        store.let_read()
        world.turn()
    assert sum("took back" in line for line in bob.take()) == 1
    if gone == "deop":
        assert ora.take()[-2:] == [
            "-!- amy made ora no operator of #ops any more",
            '-> Taken back: "three"',
        ]


def test_nor_a_single_line(world: World) -> None:
    world = World(store := SlowStore())
    amy, ora = operator(world, "amy"), operator(world, "ora")
    amy.type("/op ora")
    bob = world.enter("bob", "/join #ops", "one")
    seq = world.hub.rooms["#ops"].log.head
    world.hub.rooms["#ops"].log.forget()
    store.slow_to_read = True
    ora.type(f"/delete #ops bob {seq}")
    amy.type("/deop ora")
    while store.reads:
        store.let_read()
        world.turn()
    assert ora.take()[-1] == "! not-allowed: /delete NICK is for the operators of the room. Nothing was done."
    assert "took back" not in texts(bob)


def test_what_was_said_under_an_earlier_nickname_goes_too(world: World) -> None:
    amy = operator(world, "amy")
    troll = world.enter("troll", "/join #ops", "spam one", "/nick angel")
    troll.type("spam two")
    amy.take()
    amy.type("/delete angel all forever")
    assert amy.take()[0] == "-> 2 lines were taken back; the last of them:"


def test_a_rooms_operator_has_no_say_in_another_room(world: World) -> None:
    amy = operator(world, "amy")
    bob = world.enter("bob", "tulip")
    amy.type("/delete #lobby bob 1", "/join #lobby", "/delete bob all forever")
    assert "! not-allowed: /delete NICK is for the operators of the room. Nothing was done." in amy.take()
    bob.type("/last 1")
    assert "10:04 <bob> tulip" in bob.lines


def test_who_ignores_the_operator_is_told_all_the_same(world: World) -> None:
    amy = operator(world, "amy")
    bob, carl = world.enter("bob", "/join #ops"), world.enter("carl", "/join #ops", "/ignore amy", "/ignore bob")
    bob.type("tulip")
    world.take_all()
    amy.type("/delete bob all forever")
    assert ["took back a line by bob" in line for line in carl.take()] == [True]
    bob.type("rose", "/delete 8", "/delete 7")
    assert carl.take() == []


# An unrecorded room, other servers, limits.


def test_in_a_room_that_is_not_recorded_it_goes_from_memory() -> None:
    world = World(unrecorded=["#tea"])
    amy, (eve, code) = world.enter("amy", "/join #tea"), enter(world, "eve", wire="json")
    eve.type("/join #tea")
    eve.cut()
    amy.type("tulip", "/delete")
    seq = int(next(line for line in amy.lines if "ago" in line).split()[1].rstrip(":"))
    amy.type(f"/delete {seq}")
    back = resume(world, code, wire="json", seen={"#tea": 0})
    assert "tulip" not in texts(back)
    assert '"redacted"' in texts(back)


def test_a_server_that_shares_the_store_hears_of_it_and_shows_it_to_nobody_who_is_behind() -> None:
    cluster = Cluster()
    here = World(cluster.node(), tokens="near")
    there = World(cluster.node(), tokens="far", clock=here.clock)
    amy, bob = here.enter("amy"), there.enter("bob")
    eve, code = enter(there, "eve", wire="json")
    eve.cut()
    amy.type("tulip")
    bob.take()
    seq = here.hub.lobby.log.head
    amy.type(f"/delete {seq}")
    there.turn()
    assert ["amy took back a line" in line for line in bob.take()] == [True]
    back = resume(there, code, wire="json")
    bob.type("/last 5", "/grep tulip")
    assert "tulip" not in texts(back)
    assert "<amy> tulip" not in texts(bob)


def test_who_takes_back_very_much_is_told_to_wait() -> None:
    world = World(rate=10)
    amy = world.enter("amy")
    for _ in range(limits.REDACTIONS + 10):
        amy.type("tulip")
        world.wait(0.2)
        amy.type(f"/delete {world.hub.lobby.log.head}")
        world.wait(0.2)
    assert any(line.startswith("! slow-down: That was often: /delete works again in") for line in amy.lines)


def test_the_same_request_that_comes_again_is_acknowledged_again(world: World) -> None:
    amy, bob = world.enter("amy", wire="json"), world.enter("bob")
    amy.type("tulip")
    world.take_all()
    amy.type("/delete 3", id="c1")
    amy.type("/delete 3", id="c1")
    first, again = [keys for keys in amy.objects if keys["type"] == "ack"]
    assert first == again
    assert bob.take() == ["-!- amy took back a line of 10:04"]


def test_a_redaction_that_cannot_be_stored_changes_nothing(world: World) -> None:
    world = World(store := SlowStore())
    amy, bob = world.enter("amy"), world.enter("bob")
    amy.type("tulip")
    world.take_all()
    store.slow = True
    amy.send(b"/delete 3\n")
    world.turn()
    while store.commits:
        store.refuse()
        world.turn()
    assert any("not-stored" in line for line in amy.take())
    store.slow = False
    bob.type("/last 1")
    assert "10:04 <amy> tulip" in bob.take()


def test_an_operator_is_not_shown_what_was_said_in_private_before_they_belonged_there(world: World) -> None:
    amy = operator(world, "amy")
    bob = register(world, "bob")
    carl = world.enter("carl")
    amy.type("/private on", "/invite carl")
    carl.type("/join #ops", "tulip")
    seq = world.hub.rooms["#ops"].log.head
    amy.type("/invite bob")
    bob.type("/join #ops")
    amy.type("/op bob")
    bob.take()
    bob.type("/delete carl", f"/delete carl {seq}", "/delete carl all forever")
    assert "tulip" not in texts(bob)
    carl.type("rose")
    bob.type("/delete carl")
    assert '"rose"' in texts(bob)


# In all rooms.


def everywhere() -> tuple[World, KeepingStore, Client, Client]:
    """Who runs the server, and a troll who said something in three rooms, one of them private, and in private."""
    world = World(store := KeepingStore(), unrecorded=["#off"])
    amy, staff = operator(world, "amy"), boss(world)
    troll = world.enter("troll", "early")
    world.wait(3600)
    world.enter("bob", "/join #ops", "/join #off", "bob stays")
    amy.type("/private on", "/invite troll")
    troll.type("spam one", "/join #ops", "spam two", "/join #off", "spam three", "/msg bob psst", "/topic #ops spam")
    world.take_all()
    return world, store, staff, troll


def test_whoever_runs_the_server_takes_back_what_somebody_said_lately_in_every_room() -> None:
    world, store, staff, _ = everywhere()
    staff.type("/admin delete troll all 30m")
    assert [line for line in staff.take() if line.startswith("->")] == [
        "-> 3 lines were taken back; the last of them:",
        '-> "spam three"',
        '-> "spam one"',
    ]
    world.operator("/admin delete troll all 30m")
    held = str([entry.fact for log in store._logs.values() for entry in log])
    assert [word in held for word in ("spam one", "spam two", "early", "psst", "bob stays")] == [
        False,
        False,
        True,
        True,
        False,
    ]
    assert [entry.fact.text for entry in world.hub.rooms["#off"].log.oldest() if hasattr(entry.fact, "text")] == [
        "bob stays"
    ]
    staff.type("/admin audit")
    assert [line.partition(" ago ")[2] for line in staff.take()] == [
        f"boss: /delete troll in {room}, 1 line" for room in ("#off", "#lobby", "#ops")
    ]
    staff.type("/admin delete troll all 30m", "/admin delete troll 30m", "/admin delete troll all 30")
    told = staff.take()
    assert told[0] == "-> troll said nothing on this server that is kept."
    assert [line.partition(":")[0] for line in told[1:] if line[:3] != "!  "] == ["! usage"] * 2


def test_that_is_found_also_of_who_has_left_and_was_called_otherwise_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, _, _, troll = everywhere()
    troll.type("/leave #off", "/nick angel", "/quit")
    monkeypatch.setattr(limits, "REDACTED_AT_ONCE", 1)
    control = world.operator("/admin delete troll all forever")
    assert control.take_objects()[-1]["count"] == 4


@pytest.mark.parametrize("who", ["amy", "troll"])
def test_nobody_else_does_so(who: str) -> None:
    world, _, _, _ = everywhere()
    client = next(one for one in world.clients if one.session.named and one.session.person.nick == who)
    client.type("/admin delete bob all 30m")
    assert client.take()[-1].startswith("! not-allowed")


@pytest.mark.parametrize("gone", ["deop", "cut"])
def test_nor_who_ran_the_server_until_a_moment_ago(gone: str) -> None:
    world = World(store := SlowStore())
    staff = boss(world)
    bob = world.enter("bob", "one")
    store.slow_to_read = True
    staff.type("/admin delete bob all 1h")
    staff.cut() if gone == "cut" else world.operator("/admin deop boss")
    while store.reads:
        store.let_read()
        world.turn()
    assert not any("took back" in line for line in bob.take())
