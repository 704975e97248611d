"""What was said before, as people ask for it."""

import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from world import START, Client, World

from chat.base import limits
from chat.base.errors import Refused
from chat.base.language import language
from chat.commands.history import moment
from chat.log.events import Author, Entry, Message
from chat.wire.answers import History, Matching
from chat.wire.plain import Plain, PlainFormat


@pytest.fixture
def amy(world: World) -> Client:
    amy = world.enter("amy")
    bob = world.enter("bob")
    bob.type(*(f"line {number}" for number in range(30)), "/me waves")
    amy.take()
    return amy


def said(client: Client) -> list[str]:
    return [line[6:] for line in client.take() if line[2:3] == ":"]


def test_the_last_lines_of_the_room_are_shown_in_a_frame(amy: Client) -> None:
    amy.type("/last 2")
    assert amy.take() == [
        "-- last 2 lines of #lobby, times UTC --",
        "10:04 <bob> line 29",
        "10:04 * bob waves",
        "-- now Sunday 2026-11-22 10:04, 2 of 31 --",
    ]


@pytest.mark.parametrize("asked", ["/last 2 #lobby", "/last #lobby 2", "/last #lobby", "/historial #lobby 2"])
def test_the_room_may_stand_before_the_number_or_behind_it(amy: Client, asked: str) -> None:
    amy.type("/join #ops", "/ping")
    amy.take()
    amy.type(asked)
    assert said(amy)[-2:] == ["<bob> line 29", "* bob waves"]


def test_lines_of_a_clock_that_stood_ahead_are_not_what_was_said_since(world: World) -> None:
    bob, amy = world.enter("bob"), world.enter("amy")
    world.wrong_by = timedelta(days=900)
    bob.type("from the future")
    world.wrong_by = timedelta(0)
    world.wait(120)
    amy.type("of amy")
    world.wait(1)
    bob.type("of today")
    amy.take()
    amy.type("/since 1h", "/missed")
    assert said(amy) == ["<amy> of amy", "<bob> of today", "<bob> of today"]


def test_without_a_number_there_are_twenty(amy: Client) -> None:
    amy.type("/last")
    assert len(said(amy)) == 20


def test_another_room_must_be_one_that_one_is_in(world: World, amy: Client) -> None:
    world.enter("carl", "/join #ops", "secret")
    amy.take()
    amy.type("/last #ops", "/last 5 #nowhere")
    assert amy.take() == [
        "! not-in-room: You are not in #ops. /join #ops goes there.",
        "! no-room: There is no room #nowhere. /join #nowhere makes it.",
    ]


def test_private_talk_with_somebody_is_shown_with_its_direction(world: World, amy: Client) -> None:
    carl = world.enter("carl")
    amy.type("/msg carl one", "/msg bob other")
    carl.type("/msg amy two")
    amy.take()
    amy.type("/last carl")
    assert amy.take() == [
        "-- last 2 lines with carl, times UTC --",
        "10:04 [you -> carl] one",
        "10:04 [carl -> you] two",
        "-- now Sunday 2026-11-22 10:04, 2 of 2 --",
    ]


def test_private_talk_is_for_its_two_people_only(world: World, amy: Client) -> None:
    carl = world.enter("carl")
    amy.type("/msg bob secret")
    carl.type("/last bob", "/last amy", "/last carl")
    assert "secret" not in carl.bytes.decode()


def test_the_next_holder_of_a_nickname_does_not_see_what_the_last_one_was_told(world: World, amy: Client) -> None:
    amy.type("/msg bob secret")
    world.clients[1].type("/quit")
    bob = world.enter("bob")
    bob.type("/last amy", "/last bob", "/last 500")
    assert "secret" not in bob.bytes.decode()


@pytest.mark.parametrize("count", ["0", str(limits.HISTORY_MOST + 1), "999999999"])
def test_a_number_out_of_range_is_answered_with_the_range(amy: Client, count: str) -> None:
    amy.type(f"/last {count}")
    assert amy.take() == ["! too-many: /last shows 1 to 500 lines."]


def test_where_nothing_was_said_that_is_told(amy: Client) -> None:
    amy.type("/join #quiet")
    amy.take()
    amy.type("/last")
    assert len(amy.take()) == 1


def test_presence_is_no_history(world: World) -> None:
    amy = world.enter("amy", "/nick dee", "/topic tea", "/nick amy")
    assert world.connect("bob").lines[2].startswith("-> Hello bob.")
    amy.take()
    amy.type("/last")
    assert said(amy) == []


def test_older_days_have_a_line_of_their_own(world: World) -> None:
    amy = world.enter("amy", "one")
    world.wait(86400)
    amy.type("two")
    world.wait(60)
    amy.type("/last")
    assert amy.take()[-6:] == [
        "-- last 2 lines of #lobby, times UTC --",
        "-- Sunday 2026-11-22 --",
        "10:04 <amy> one",
        "-- Monday 2026-11-23 --",
        "10:04 <amy> two",
        "-- now Monday 2026-11-23 10:05, 2 of 2 --",
    ]


def test_a_program_pages_back_without_gap_or_repeat(world: World, amy: Client) -> None:
    program = world.enter("bot", wire="json")
    program.type("/last 7", id="1")
    page, _ = program.take_objects()
    seen = page["events"]
    while page["more"]:
        program.type("/last 7", id="1", before=seen[0]["seq"])
        page, _ = program.take_objects()
        assert page["id"] == "1"
        seen = page["events"] + seen
    assert [event["text"] for event in seen] == [*(f"line {number}" for number in range(30)), "waves"]


@pytest.mark.parametrize("before", [0, 1])
def test_before_the_first_number_there_is_nothing(world: World, amy: Client, before: int) -> None:
    program = world.enter("bot", wire="json")
    program.type("/last 7", id="1", before=before)
    assert program.take_objects()[0]["events"] == []


def test_history_on_entering_can_be_turned_off() -> None:
    world = World(history=0)
    world.enter("amy", "hi")
    bob = world.connect("bob")
    assert "hi" not in [line[-2:] for line in bob.take()]


@pytest.mark.parametrize("asked", ["-3", "3.5", "+3", "!", "#", "10000000000"])
def test_what_is_neither_a_number_nor_a_nickname_is_told_how_it_is_written(amy: Client, asked: str) -> None:
    amy.type(f"/last {asked}")
    assert amy.take()[0].startswith(("! usage: ", "! room-bad: "))


def test_talk_with_somebody_whom_nobody_knows_is_no_empty_answer(world: World, amy: Client) -> None:
    carl = world.enter("carl")
    amy.type("/msg carl one")
    carl.type("/quit")
    amy.take()
    amy.type("/last abc", "/last carl")
    assert amy.take()[0].startswith("! not-here: Nobody here is called abc.")
    assert [line[6:] for line in amy.lines] == []
    amy.type("/last carl")
    assert said(amy) == ["[you -> carl] one"]


def test_ones_own_line_was_not_missed_though_the_log_dates_it_later(world: World) -> None:
    amy, bob = world.enter("amy"), world.enter("bob")
    seconds = iter(range(100))
    world.hub.turn._now = lambda: START + timedelta(seconds=next(seconds))
    amy.type("mine")
    amy.take()
    amy.type("/missed")
    assert said(amy) == []
    bob.type("yours")
    amy.take()
    amy.type("/missed")
    assert said(amy) == ["<bob> yours"]


# --- when somebody means ---------------------------------------------------------------------------

BERLIN, SANTIAGO, LORD_HOWE = map(ZoneInfo, ("Europe/Berlin", "America/Santiago", "Australia/Lord_Howe"))


@pytest.mark.parametrize(
    ("zone", "now", "text", "meant"),
    [
        # Berlin goes back at 3:00 of 2026-10-25, and forward at 2:00 of 2026-03-29.
        (BERLIN, "2026-10-25T12:00+01:00", "today", "2026-10-25T00:00+02:00"),
        (BERLIN, "2026-10-25T12:00+01:00", "hoy", "2026-10-25T00:00+02:00"),
        (BERLIN, "2026-10-26T12:00+01:00", "yesterday", "2026-10-25T00:00+02:00"),
        (BERLIN, "2026-10-26T12:00+01:00", "ayer", "2026-10-25T00:00+02:00"),
        (BERLIN, "2026-10-25T12:00+01:00", "01:30", "2026-10-25T01:30+02:00"),
        (BERLIN, "2026-10-25T12:00+01:00", "02:30", "2026-10-25T02:30+02:00"),
        (BERLIN, "2026-10-25T02:10+01:00", "02:30", "2026-10-25T02:30+02:00"),
        (BERLIN, "2026-10-25T02:10+02:00", "02:30", "2026-10-24T02:30+02:00"),
        (BERLIN, "2026-10-26T01:00+01:00", "22:00", "2026-10-25T22:00+01:00"),
        (BERLIN, "2026-10-25T12:00+01:00", "12h", "2026-10-25T01:00+02:00"),
        (BERLIN, "2026-03-29T12:00+02:00", "today", "2026-03-29T00:00+01:00"),
        (BERLIN, "2026-03-29T12:00+02:00", "02:30", "2026-03-29T03:30+02:00"),
        (BERLIN, "2026-03-30T00:30+02:00", "01:00", "2026-03-29T01:00+01:00"),
        (BERLIN, "2026-11-22T10:00+01:00", "2026-10-24", "2026-10-24T00:00+02:00"),
        (BERLIN, "2026-11-22T10:00+01:00", "2026-10-24 22:00", "2026-10-24T22:00+02:00"),
        # In Santiago midnight of 2026-09-06 did not happen, and 2026-04-04 had its last hour twice.
        (SANTIAGO, "2026-09-06T12:00-03:00", "today", "2026-09-06T01:00-03:00"),
        (SANTIAGO, "2026-09-07T12:00-03:00", "yesterday", "2026-09-06T01:00-03:00"),
        (SANTIAGO, "2026-04-05T12:00-04:00", "today", "2026-04-05T00:00-04:00"),
        (SANTIAGO, "2026-04-05T12:00-04:00", "23:30", "2026-04-04T23:30-03:00"),
        # Where summer is half an hour.
        (LORD_HOWE, "2026-10-04T12:00+11:00", "01:00", "2026-10-04T01:00+10:30"),
        (LORD_HOWE, "2026-04-06T12:00+10:30", "yesterday", "2026-04-05T00:00+11:00"),
    ],
)
def test_a_time_is_what_the_clocks_of_its_day_showed(zone: ZoneInfo, now: str, text: str, meant: str) -> None:
    found = moment(text, datetime.fromisoformat(now).astimezone(UTC), zone)
    assert found.astimezone(UTC) == datetime.fromisoformat(meant).astimezone(UTC)
    assert found.isoformat(timespec="minutes") == meant


@given(
    zone=st.sampled_from(
        ["Europe/Berlin", "America/Santiago", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu"]
    ),
    now=st.timedeltas(timedelta(0), timedelta(days=13000)).map(lambda time: datetime(2000, 1, 1, tzinfo=UTC) + time),
    hour=st.integers(0, 23),
    minute=st.integers(0, 59),
)
def test_a_time_of_day_is_within_the_last_days_and_never_to_come(
    zone: str, now: datetime, hour: int, minute: int
) -> None:
    found = moment(f"{hour}:{minute:02}", now, ZoneInfo(zone)).astimezone(UTC)
    assert timedelta(0) <= now - found <= timedelta(hours=49)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Santiago"])
def test_without_a_zone_it_is_the_systems(monkeypatch: pytest.MonkeyPatch, zone: str) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", zone)
        time.tzset()
        now = datetime(2026, 10, 26, 11, tzinfo=UTC)
        for text in ("today", "yesterday", "02:30", "2026-10-25", "3h"):
            assert moment(text, now).isoformat() == moment(text, now, ZoneInfo(zone)).isoformat()
    time.tzset()


@pytest.mark.parametrize(
    "text", ["", "never", "24:00", "12:60", "2026-02-30", "10000d", "9999-12-31 23:59x", "0001-01-01x"]
)
def test_what_is_no_time_is_told_what_would_be(text: str) -> None:
    with pytest.raises(Refused, match="usage"):
        moment(text, START)


@pytest.mark.parametrize("text", ["0001-01-01", "9999-12-31 23:59", "9999d"])
@pytest.mark.parametrize("zone", [BERLIN, SANTIAGO])
def test_the_ends_of_the_calendar_are_no_bug_of_ours(text: str, zone: ZoneInfo) -> None:
    with suppress(Refused):
        moment(text, START, zone)


def test_a_frame_names_the_zones_of_its_lines() -> None:
    plain = Plain(PlainFormat(language("en"), BERLIN))
    facts = [(datetime(2026, 10, 24, 20, tzinfo=UTC), "summer"), (datetime(2026, 10, 25, 20, tzinfo=UTC), "winter")]
    entries = [
        ("#lobby", Entry(seq, at, Message(Author("p", "s", "amy"), text))) for seq, (at, text) in enumerate(facts)
    ]
    now = datetime(2026, 10, 26, 9, tzinfo=UTC)
    for shown, zones in ((entries, "CEST and CET"), (entries[1:], "CET"), (entries[:1], "CEST and CET")):
        history = History(Matching("tea"), "#lobby", shown, False, now)
        assert plain.answer(history).decode().splitlines()[0] == f"-- lines with tea, times {zones} --"


@pytest.mark.parametrize("words", ["-".join("a" * 21), "字" * 21, " ".join("a" * 21), "€" * 21])
def test_the_parts_of_a_search_are_counted_and_not_its_blanks(amy: Client, words: str) -> None:
    amy.type(f"/grep {words}")
    assert amy.take() == ["! too-many: /grep takes 20 words or signs."]


@pytest.mark.parametrize("words", ["...", "' -", "!?"])
def test_a_search_for_nothing_is_told_so(amy: Client, words: str) -> None:
    amy.type(f"/grep {words}")
    assert amy.take() == ["! usage: There is no letter, digit or sign in that to look for."]


def test_a_search_in_the_room_that_stands_beside_a_line(world: World) -> None:
    amy = world.enter("amy", "/join #ops", "tea in ops", "/join #lobby", "tea in the lobby", wire="json")
    amy.type("/grep tea", id="1")
    amy.type("/grep tea", id="2", room="#ops")
    amy.type("/grep #lobby tea", id="3", room="#ops")
    found = [{event["text"] for event in keys["events"]} for keys in amy.objects if keys["type"] == "history"]
    assert found == [{"tea in ops", "tea in the lobby"}, {"tea in ops"}, {"tea in the lobby"}]


@pytest.mark.parametrize("asked", ["/last 5", "/since 1h", "/grep word", "/export"])
def test_what_was_said_in_the_line_before_belongs_to_it(world: World, asked: str) -> None:
    amy = world.enter("amy")
    amy.type("a word", asked)
    assert [line for line in amy.lines if line.endswith("<amy> a word")]
