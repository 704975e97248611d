"""Reports, the audit, and the room in which they stand: for whoever runs the server now, and for nobody else."""

import pytest
from returning import KeepingStore, restarted, resume
from test_account import SECRET, come, register
from test_roles import founded
from world import Client, World

from chat.base import limits


def boss(world: World, nick: str = "boss") -> Client:
    """An account that runs the server, too."""
    client = register(world, nick)
    world.operator(f"/admin op {nick}")
    client.take()
    return client


def told(client: Client) -> list[str]:
    """What they heard in the operators' room, without it and its coming and going."""
    return [line.removeprefix("#staff ") for line in client.take() if " joined " not in line]


def test_a_report_reaches_the_operators_and_not_whom_it_is_about(world: World) -> None:
    staff, amy, troll = boss(world), world.enter("amy"), world.enter("troll")
    world.take_all()
    amy.type("/report troll he spams the room")
    assert amy.take() == ["-> Whoever runs this server is told of troll; troll is not told."]
    assert told(staff) == ['-!- amy reports troll in #lobby: "he spams the room"']
    assert troll.take() == []


def test_programs_get_the_facts_of_it(world: World) -> None:
    boss(world)
    staff = world.log_in(world.hub.find("boss"), wire="json")
    amy = world.enter("amy", wire="json")
    staff.take()
    amy.type("/report boss2 x", id="c1")
    assert amy.take_objects()[-1]["code"] == "not-here"
    world.enter("troll", "/quit")
    amy.type("/report troll he spams", id="c2")
    assert [keys["type"] for keys in amy.take_objects()][-2:] == ["reply", "ack"]
    (audited,) = [keys for keys in staff.take_objects() if keys["type"] == "audited"]
    assert {key: audited[key] for key in ("room", "from", "what", "to", "of", "for", "text")} == {
        "room": "#staff",
        "from": "amy",
        "what": "report",
        "to": "troll",
        "of": "#lobby",
        "for": None,
        "text": "he spams",
    }


def test_an_operator_who_is_reported_does_not_hear_of_it(world: World) -> None:
    bad, good, amy = boss(world, "bad"), boss(world, "good"), world.enter("amy")
    world.take_all()
    amy.type("/report bad he reads along")
    assert told(bad) == []
    assert len(told(good)) == 1
    bad.type("/admin audit")
    good.type("/admin audit")
    assert bad.take() == ["-> Nothing was reported or done."]
    assert good.take() == ['-> 0 s ago amy reports bad in #lobby: "he reads along"']


def test_nor_of_a_report_about_the_guest_they_were(world: World) -> None:
    amy, good = world.enter("amy"), boss(world, "good")
    boss(world, "bad").type("/quit")
    sneaky = come(world, "sneaky")
    amy.type("/report sneaky before")
    sneaky.type(f"/login bad {SECRET}")
    amy.type("/report sneaky after")
    device = world.device(sneaky)
    sneaky.type("/quit")
    again = come(world, f"/login bad {SECRET}")
    for client in (device, again):
        client.type("/admin audit")
    for client in (sneaky, device, again):
        assert "reports" not in client.bytes.decode()
    assert device.take()[-1] == "-> Nothing was reported or done."
    assert [line.partition(" reports ")[2] for line in told(good) if " reports " in line] == [
        'sneaky in #lobby: "before"',
        'sneaky in #lobby: "after"',
    ]


def test_who_reports_very_often_has_to_wait() -> None:
    world = World(rate=10)
    amy = world.enter("amy")
    world.enter("troll")
    for _ in range(limits.REPORTS + 1):
        amy.type("/report troll spam")
        world.wait(1)
    assert any(line.startswith("! slow-down: That was often: /report") for line in amy.lines)


def test_a_report_without_a_reason_or_of_nobody_is_none(world: World) -> None:
    staff, amy = boss(world), world.enter("amy")
    world.take_all()
    amy.type("/report", "/report troll", "/report troll x" + "y" * limits.REPORT, "/report nobody spam")
    assert [line.split(":")[0] for line in amy.take() if line.startswith("! ") and line[2] != " "] == [
        "! usage",
        "! usage",
        "! too-long",
        "! not-here",
    ]
    assert told(staff) == []


# The room.


@pytest.mark.parametrize(
    "line",
    [
        "/join #staff",
        "/join #staff word",
        "/last #staff 5",
        "/since #staff 1d",
        "/grep #staff spam",
        "/missed #staff",
        "/mentions #staff",
        "/who #staff",
        "/msg #staff hello",
        "/topic #staff",
        "/post eve #staff hello",
        "/leave #staff",
        "/delete #staff 1",
        "/op #staff eve",
        "/kick #staff boss",
        "/mute #staff boss",
        "/invite #staff eve",
        "/private #staff",
        "/word #staff x",
        "/bans #staff",
    ],
)
def test_for_anybody_else_it_is_a_room_that_is_not_there(world: World, line: str) -> None:
    staff, eve = boss(world), world.enter("eve")
    other = world.enter("other")
    other.type("/report eve spam")
    world.take_all()
    eve.type(line)
    other.type(line.replace("#staff", "#nowhere").replace("eve", "other"))
    answer = [text.replace("#staff", "#x") for text in eve.take()]
    expected = [text.replace("#nowhere", "#x").replace("other", "eve") for text in other.take()]
    if not line.startswith("/join"):
        assert answer == expected
    assert not any("spam" in text or "boss" in text for text in answer)
    assert [text for text in told(staff) if "hello" in text] == []
    assert "#staff" not in eve.session.person.rooms


def test_it_stands_in_no_list_of_rooms_and_is_nobodys_hint(world: World) -> None:
    boss(world)
    eve = world.enter("eve")
    eve.type("/rooms", "/whois boss", "/join #staf", "/last #stafff")
    assert not any("#staff" in line.replace("#stafff", "") for line in eve.take())


def test_all_of_it_is_read_by_whoever_is_an_operator_now(world: World) -> None:
    staff = boss(world)
    staff.type("/msg #staff the plan")
    late = boss(world, "late")
    late.type("/last #staff 10")
    assert any("the plan" in line for line in late.take())
    world.operator("/admin deop late")
    late.take()
    staff.type("/msg #staff the new plan")
    late.type("/last #staff 10", "/grep plan", "/msg #staff hi", "/admin audit", "/missed")
    assert not any("the" in line and "plan" in line.replace("lines with plan", "") for line in late.take())


def test_who_is_no_operator_any_more_finds_nothing_of_it_after_a_cut(world: World) -> None:
    staff, late = boss(world), boss(world, "late")
    device = world.log_in(world.hub.find("late"), wire="json")
    (code,) = [keys["resume"] for keys in device.objects if keys["type"] == "welcome"]
    device.cut()
    late.cut()
    staff.type("/msg #staff the plan")
    world.operator("/admin deop late")
    staff.type("/msg #staff the new plan")
    back = resume(world, code, wire="json", seen={"#staff": 0})
    back.type("/last #staff 10")
    assert "plan" not in back.bytes.decode()


def test_it_goes_on_after_a_restart() -> None:
    store = KeepingStore()
    world = World(store)
    staff, amy = boss(world), world.enter("amy")
    world.enter("troll")
    amy.type("/report troll spam")
    staff.cut()
    after = restarted(world, store)
    assert "#staff" in after.hub.find("boss").rooms
    again = after.log_in(after.hub.find("boss"))
    again.type("/admin audit", "/last #staff 5")
    assert any("amy reports troll" in line for line in again.take())
    other = after.enter("other")
    other.type("/report troll again")
    assert any("other reports troll" in line for line in again.take())


def test_who_gives_the_account_up_is_out_of_it(world: World) -> None:
    staff = boss(world)
    staff.type("/unregister", SECRET)
    assert "boss is no account any more" in staff.bytes.decode()
    amy = world.enter("amy")
    amy.type("/report boss spam")
    assert not any("reports boss" in line for line in staff.take())


def test_a_program_of_an_operators_account_is_not_in_it(world: World) -> None:
    staff = boss(world)
    staff.type("/token new bot talk")
    (token,) = [line.split(": ")[1] for line in staff.lines if line.startswith("-> The token")]
    bot = world.connect(f"/login boss {token}", wire="json", host="127.0.0.1")
    staff.type("/msg #staff the plan")
    bot.type("/last #staff 5", "/grep plan", "/msg #staff hi", "/missed")
    assert "plan" not in bot.bytes.decode().replace('"words":"plan"', "")


@pytest.mark.parametrize("line", ["/public #staff on", "/invite #staff eve", "/word #staff x", "/private #staff off"])
def test_nobody_opens_it(world: World, line: str) -> None:
    staff = boss(world)
    world.enter("eve")
    staff.type(line)
    assert staff.take()[-1] == "! not-allowed: #staff is for whoever runs this server alone."


@pytest.mark.parametrize("line", ["/own #staff", "/op #staff eve"])
def test_nobody_owns_it(world: World, line: str) -> None:
    staff = boss(world)
    register(world, "eve")
    staff.type(line)
    assert staff.take()[-1].startswith(("! not-allowed: #staff is the server's", "! not-here"))


# The audit.


def test_each_deletion_by_an_operator_is_an_entry(world: World) -> None:
    staff, amy = boss(world), founded(world)
    troll = world.enter("troll", "/join #ops", "one", "two", "three", "/delete 5")
    amy.type("/delete troll 3", "/delete troll all 1h")
    world.take_all()
    staff.type("/admin audit")
    assert staff.take() == [
        "-> 0 s ago amy: /delete troll in #ops, 1 line",
        "-> 0 s ago amy: /delete troll in #ops, 1 line",
    ]
    assert troll.take() == []


def test_each_measure_is_an_entry_and_its_end(world: World) -> None:
    staff, amy = boss(world), founded(world)
    world.enter("troll", "/join #ops")
    amy.type("/mute troll 10m spam", "/unmute troll", "/kick troll go", "/ban troll forever", "/unban troll")
    world.operator("/admin mute troll 1h spam")
    staff.take()
    staff.type("/admin audit")
    assert staff.take() == [
        '-> 0 s ago amy: /mute troll in #ops, 10 min: "spam"',
        "-> 0 s ago amy: /unmute troll in #ops",
        '-> 0 s ago amy: /kick troll in #ops: "go"',
        "-> 0 s ago amy: /ban troll in #ops",
        "-> 0 s ago amy: /unban troll in #ops",
        '-> 0 s ago whoever runs this server: /mute troll on this server, 1 h: "spam"',
    ]


def test_the_audit_is_paged_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PAGE_EVENTS", 3)
    monkeypatch.setattr(limits, "TAIL_EVENTS", 2)
    staff, amy = boss(world), world.enter("amy")
    world.enter("troll")
    for number in range(7):
        amy.type(f"/report troll {number}")
        staff.type("/msg #staff seen")
    operator = world.operator("/json")
    operator.type("/admin audit 3")
    (reply,) = [keys for keys in operator.take_objects() if keys["type"] == "reply"]
    assert ([row["text"] for row in reply["entries"]], reply["more"]) == (["4", "5", "6"], True)
    operator.type("/admin audit 20", before=reply["entries"][0]["number"])
    (reply,) = [keys for keys in operator.take_objects() if keys["type"] == "reply"]
    assert ([row["text"] for row in reply["entries"]], reply["more"]) == (["0", "1", "2", "3"], False)


def test_the_audit_is_for_operators_of_the_server_alone(world: World) -> None:
    amy = founded(world)
    amy.type("/admin audit")
    assert amy.take()[-1].startswith("! not-allowed")


def test_whoever_is_in_it_without_being_an_operator_reads_nothing(world: World) -> None:
    """However that came: of a database, say, in which somebody changed something."""
    amy = world.enter("amy")
    room, person = world.hub.staff, amy.session.person
    person.join(room)
    assert person.reach(room.log) is None
    amy.type("/last #staff 5", "/msg #staff hi")
    assert [line[:11] for line in amy.take() if line.startswith("! ")] == ["! not-in-ro"] * 2
