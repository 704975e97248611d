"""The storm's checker against histories made by hand, and short storms; the long ones are started by hand.

See `python -m tests.storm --help`.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest

from tests.storm.checker import Evidence, check
from tests.storm.client import Client, Op
from tests.storm.company import Company
from tests.storm.link import Object
from tests.storm.record import PRIVATE, Event, Heard, Line, Outcome, Record, Stay, event_of
from tests.storm.report import Forecast, Report
from tests.storm.weather import run

ROOM = "#lobby"


def text(name: str, number: int) -> str:
    return f"({name}:{number}) hello"


def said(seq: int, name: str, number: int, room: str = ROOM) -> Event:
    return Event(room, seq, "message", name, text(name, number))


def joined(seq: int, name: str) -> Event:
    return Event(ROOM, seq, "joined", name, "{}")


def line(number: int, name: str, seq: int | None, room: str = ROOM, outcome: Outcome = "acknowledged") -> Line:
    return Line(number, room, text(name, number), outcome, seq)


def record(name: str, lines: Sequence[Line] = (), shown: Sequence[Event] = (), base: int = 0) -> Record:
    return Record(name, {name}, list(lines), [Stay(ROOM, base, list(shown))])


def good() -> Evidence:
    """Ann said two lines and bob one, with somebody coming in between."""
    history = [said(1, "ann", 1), said(2, "bob", 1), said(4, "ann", 2)]
    ann = record("ann", [line(1, "ann", 1), line(2, "ann", 4)], [said(2, "bob", 1), joined(3, "cid")])
    bob = record("bob", [line(1, "bob", 2)], [said(1, "ann", 1), joined(3, "cid"), said(4, "ann", 2)])
    return Evidence([ann, bob], {ROOM: history})


def private(outcome: Outcome = "acknowledged") -> Evidence:
    """Ann wrote to bob: it stands in both their logs."""
    ann = record("ann", [line(1, "ann", 1, "@bob", outcome)])
    bob = record("bob")
    bob.private.events.append(said(1, "ann", 1, PRIVATE))
    talks = {"ann": [said(1, "ann", 1, PRIVATE)], "bob": [said(1, "ann", 1, PRIVATE)]}
    return Evidence([ann, bob], {ROOM: []}, (), talks)


def rules(evidence: Evidence) -> set[str]:
    return {fault.rule for fault in check(evidence)}


def test_a_history_in_which_all_is_well_has_no_fault() -> None:
    assert not check(good())
    assert not check(private())


def test_an_acknowledged_line_that_is_not_in_the_history_is_lost() -> None:
    evidence = good()
    evidence.history[ROOM].pop()
    assert "lost" in rules(evidence)


def test_an_acknowledged_line_that_stands_elsewhere_is_lost() -> None:
    evidence = good()
    evidence.records[0].lines[1].seq = 3
    assert rules(evidence) == {"lost"}


def test_a_line_that_was_never_answered_may_be_there_or_not() -> None:
    evidence = good()
    evidence.records[0].lines[1].outcome = "unknown"
    evidence.records[0].lines.append(line(3, "ann", None, outcome="unknown"))
    assert not check(evidence)


def test_a_line_may_not_stand_there_twice() -> None:
    evidence = good()
    evidence.history[ROOM].append(said(5, "ann", 2))
    evidence.records[1].stays[0].events.append(said(5, "ann", 2))
    assert rules(evidence) == {"twice", "lost"}


@pytest.mark.parametrize("stranger", [said(5, "cid", 1), said(5, "ann", 3), Event(ROOM, 5, "message", "ann", "what?")])
def test_nothing_may_stand_there_that_nobody_said(stranger: Event) -> None:
    evidence = good()
    for shown in (evidence.history[ROOM], evidence.records[0].stays[0].events, evidence.records[1].stays[0].events):
        shown.append(stranger)
    assert "nowhere" in rules(evidence)


@pytest.mark.parametrize(
    "change", [{"text": "(ann:2) hullo"}, {"author": "bob"}, {"kind": "action", "text": "(ann:2) hello, all"}]
)
def test_what_was_said_stands_there_as_it_was_said(change: dict[str, str]) -> None:
    evidence = good()
    changed = replace(evidence.history[ROOM][2], **change)
    evidence.history[ROOM][2] = evidence.records[1].stays[0].events[2] = changed
    assert "nowhere" in rules(evidence)


def test_a_line_may_not_turn_up_in_another_room() -> None:
    evidence = good()
    evidence.history["#ops"] = [said(1, "ann", 3, "#ops")]
    evidence.records[0].lines.append(line(3, "ann", None, outcome="unknown"))
    assert rules(evidence) == {"nowhere"}


def test_a_refused_line_may_not_be_there() -> None:
    evidence = good()
    evidence.records[0].lines[1].outcome = "refused"
    assert rules(evidence) == {"refused"}
    assert "refused" in rules(private("refused"))


def test_everybody_sees_the_same_under_the_same_number() -> None:
    evidence = good()
    evidence.records[0].stays[0].events[1] = joined(3, "dan")
    assert rules(evidence) == {"order"}


def test_nobody_is_shown_anything_out_of_order_or_again() -> None:
    evidence = good()
    shown = evidence.records[1].stays[0].events
    shown.append(shown[1])
    assert rules(evidence) == {"order"}


def test_the_lines_of_an_author_stand_in_the_order_in_which_they_were_said() -> None:
    ann = record("ann", [line(1, "ann", 2), line(2, "ann", 1)])
    assert rules(Evidence([ann], {ROOM: [said(1, "ann", 2), said(2, "ann", 1)]})) == {"author"}


@pytest.mark.parametrize(("several", "broken"), [(False, {"author"}), (True, set())])
def test_so_do_the_lines_of_who_has_no_ids_on_one_server(several: bool, broken: set[str]) -> None:
    """Of several servers the old one may store what it was told after the new one did."""
    pia = record("pia", [line(1, "pia", 2), line(2, "pia", 1)])
    history = [said(1, "pia", 2), said(2, "pia", 1)]
    heard = Heard(pia, {ROOM: 0}, [(event.token, event.text) for event in history])
    found = rules(Evidence([pia], {ROOM: history}, [heard], several_servers=several))
    assert found & {"author"} == broken


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_client_that_was_not_shown_something_has_a_gap(missing: int) -> None:
    evidence = good()
    del evidence.records[1].stays[0].events[missing]
    assert rules(evidence) == {"gap"}


def test_what_came_before_a_stay_and_after_it_is_not_missed() -> None:
    evidence = good()
    stay = evidence.records[1].stays[0]
    stay.base, stay.over = 1, True
    stay.events[:] = [joined(3, "cid")]
    assert not check(evidence)


def test_one_that_is_dead_misses_nothing_any_more() -> None:
    evidence = good()
    evidence.records[1].stays[0].events.pop()
    evidence.records[1].dead = True
    assert not check(evidence)


def test_a_clients_own_lines_do_not_come_back_to_it() -> None:
    evidence = good()
    evidence.records[0].stays[0].events.append(said(4, "ann", 2))
    assert rules(evidence) == {"gap"}


def test_coming_and_going_is_missed_where_the_log_itself_shows_it() -> None:
    evidence = good()
    for one in evidence.records:
        one.stays[0].events.remove(joined(3, "cid"))
    assert not check(evidence)
    whole = [*evidence.history[ROOM][:2], joined(3, "cid"), evidence.history[ROOM][2]]
    assert rules(replace(evidence, logs={ROOM: whole})) == {"gap"}


def test_a_private_line_that_was_acknowledged_is_shown_to_whom_it_was_for() -> None:
    evidence = private()
    evidence.records[1].private.events.clear()
    assert "lost" in rules(evidence)


def test_a_private_line_comes_once() -> None:
    evidence = private()
    evidence.records[1].private.events.append(said(2, "ann", 1, PRIVATE))
    assert "twice" in rules(evidence)


def test_a_hole_in_the_private_log_is_a_gap() -> None:
    evidence = private()
    evidence.records[1].private.events[0] = said(2, "ann", 1, PRIVATE)
    assert "gap" in rules(evidence)


def test_that_somebody_did_not_come_back_has_a_number_of_the_private_log_and_no_place_in_history() -> None:
    evidence = private()
    bob = evidence.records[1].private.events
    bob[0] = said(2, "ann", 1, PRIVATE)
    bob.insert(0, event_of({"type": "not-delivered", "room": "@", "seq": 1, "at": "", "to": "cid"}))
    talk = [said(2, "ann", 1, PRIVATE)]
    assert rules(replace(evidence, talks={**evidence.talks, "bob": talk})) == set()


@pytest.mark.parametrize("who", ["ann", "bob"])
def test_private_history_shows_both_sides_all_of_it(who: str) -> None:
    evidence = private()
    assert rules(replace(evidence, talks={**evidence.talks, who: []})) == {"lost"}


def test_private_history_shows_nothing_that_was_not_shown() -> None:
    evidence = private()
    evidence.records[0].lines.append(line(2, "ann", None, "@cid", "unknown"))
    talk = [*evidence.talks["bob"], said(2, "ann", 2, PRIVATE)]
    assert rules(replace(evidence, talks={**evidence.talks, "bob": talk})) == {"nowhere"}


def devices() -> Evidence:
    """Ann said a line on one device; bob one, which both were shown."""
    history = [said(1, "ann-a", 1), said(2, "bob", 1)]
    history[0] = replace(history[0], author="ann")
    one = record("ann-a", [line(1, "ann-a", 1)], [history[1]])
    other = record("ann-b", [], history)
    for device in (one, other):
        device.nicks, device.account = {"ann"}, "ann"
    return Evidence([one, other, record("bob", [line(1, "bob", 2)], history[:1])], {ROOM: history})


def test_what_one_device_was_shown_or_said_all_were_and_did() -> None:
    assert not check(devices())
    evidence = devices()
    del evidence.records[1].stays[0].events[0]
    assert rules(evidence) == {"devices"}
    evidence = devices()
    del evidence.records[0].stays[0].events[0]
    assert rules(evidence) == {"devices", "gap"}


def test_a_device_that_is_dead_misses_nothing_any_more() -> None:
    evidence = devices()
    del evidence.records[1].stays[0].events[0]
    evidence.records[1].dead = True
    assert not check(evidence)


def test_who_cannot_come_back_by_their_code_is_a_fault_however_long_they_were_away() -> None:
    client = Client("ann", [], [], Random(0), Company())
    client.code = "K7F2Q-X9M4T"
    client.received({"type": "error", "code": "code-wrong", "id": "resume"})
    assert [fault.rule for fault in client.record.faults] == ["resume"]
    assert client.record.dead


def test_what_was_said_before_one_of_the_devices_was_there_is_not_missed() -> None:
    evidence = devices()
    evidence.records[1].stays[0] = Stay(ROOM, 1, evidence.records[1].stays[0].events[1:])
    assert not check(evidence)


def person(*shown: tuple[str, int]) -> Evidence:
    """The good history, with somebody on the plain wire who was shown this of it."""
    heard = Heard(Record("pia", {"pia"}), {ROOM: 0}, [(token, text(*token)) for token in shown])
    return replace(good(), heard=[heard])


def gone(seq: int, *who: str) -> Event:
    return Event(ROOM, seq, "left", who[0], json.dumps({"who": who, "quit": True}))


def came(seq: int, *who: str) -> Event:
    return Event(ROOM, seq, "joined", who[0], json.dumps({"who": who}))


def renamed(seq: int, before: str, to: str) -> Event:
    return Event(ROOM, seq, "renamed", before, json.dumps({"to": to}))


@pytest.mark.parametrize(
    ("log", "is_told"),
    [
        ([came(1, "cid"), gone(2, "cid")], True),
        ([came(1, "cid"), renamed(2, "cid", "cyd"), gone(3, "cyd"), came(4, "cid"), gone(5, "cid")], True),
        ([came(1, "cid"), gone(2, "cid"), gone(3, "cid")], False),
        ([came(1, "cid"), renamed(2, "cid", "cyd"), gone(3, "cid")], False),
        ([came(1, "cid", "ann")], False),
    ],
)
def test_that_somebody_did_not_come_back_is_told_once(log: list[Event], is_told: bool) -> None:
    cid = replace(record("cid"), nicks={"cid", "cyd"}, dead=True)
    rules_broken = rules(Evidence([cid, record("ann")], {ROOM: []}, logs={ROOM: log}, several_servers=True))
    assert rules_broken == (set() if is_told else {"presence"})


def test_on_the_plain_wire_lines_may_be_repeated() -> None:
    assert not check(person(("ann", 1), ("bob", 1), ("ann", 1), ("bob", 1), ("ann", 2)))


def test_on_the_plain_wire_what_came_before_them_is_not_missed() -> None:
    assert not check(person(("bob", 1), ("ann", 2)))


def test_on_the_plain_wire_no_line_may_be_missing() -> None:
    assert rules(person(("ann", 1), ("ann", 2))) == {"gap"}


def test_on_the_plain_wire_new_lines_come_in_order() -> None:
    assert rules(person(("ann", 1), ("ann", 2), ("bob", 1))) == {"order"}


@pytest.mark.parametrize(
    ("behind", "broken"),
    [
        ([("bob", 1), ("ann", 1), ("bob", 1), ("ann", 2), ("ann", 3)], set()),
        ([("bob", 1), ("ann", 1), ("ann", 3), ("ann", 2)], {"order"}),
        ([("bob", 1), ("ann", 1), ("ann", 3)], {"gap"}),
    ],
)
def test_on_the_plain_wire_what_came_before_they_heard_that_they_are_there_is_repeated_as_well(
    behind: list[tuple[str, int]], broken: set[str]
) -> None:
    evidence = person(("ann", 1), *behind)
    evidence.history[ROOM].append(said(5, "ann", 3))
    evidence.records[0].lines.append(line(3, "ann", 5))
    evidence.records[1].stays[0].events.append(said(5, "ann", 3))
    evidence.heard[0].rooms[ROOM] = 1
    assert rules(evidence) == broken


def test_on_the_plain_wire_nothing_comes_that_nobody_said() -> None:
    assert rules(person(("ann", 1), ("bob", 1), ("ann", 2), ("cid", 1))) == {"nowhere"}


def test_a_report_names_the_broken_promises_and_shows_what_their_clients_saw() -> None:
    evidence = good()
    evidence.history[ROOM].pop()
    evidence.records[0].note("sends", "the line that was lost")
    report = Report(Forecast(7), faults=check(evidence), records=list(evidence.records))
    shown = report.text()
    assert "seed 7" in shown
    assert "lost: ann line 2 was acknowledged" in shown
    assert "the line that was lost" in shown


# Real storms, on real sockets, with a real server.

PEOPLE = 3 if sys.platform == "linux" else 0


def storm(**how: object) -> Report:
    return run(Forecast(**{"seed": 2026, "seconds": 4, "people": PEOPLE, **how}))


@pytest.mark.slow
def test_every_promise_holds_while_lines_are_cut_and_the_server_is_killed() -> None:
    report = storm(seconds=8, kills=8, commit_seconds=0.03, options=("--grace", "3"))
    assert not report.faults, report.text()
    assert report.ends["SIGKILL"] > 4, report.text()
    assert report.tally["resumes"] > 10, report.text()


class Forgetful(Client):
    """Sends a line again under another id, so that the server cannot know it."""

    def id_for(self, op: Op) -> str:
        return f"{op.id}/{op.sends}"

    def id_of(self, what: Object) -> str:
        return super().id_of(what).partition("/")[0]


class Boastful(Client):
    """Says that it has seen one message more than it has."""

    def seen(self) -> dict[str, int]:
        return {room: seq + 1 for room, seq in super().seen().items()}


@pytest.mark.slow
def test_a_client_that_forgets_the_ids_of_its_lines_is_found_out() -> None:
    report = storm(kind=Forgetful, people=0, patience=5, faults=("swallow",), options=("--database", "memory:"))
    assert "twice" in {fault.rule for fault in report.faults}, report.text()


@pytest.mark.slow
def test_a_client_that_claims_to_have_seen_too_much_is_found_out() -> None:
    report = storm(kind=Boastful, people=0, patience=5, faults=("reset",), options=("--database", "memory:"))
    assert {"gap", "resume"} & {fault.rule for fault in report.faults}, report.text()
