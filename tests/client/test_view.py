"""The view of all conversations: what is printed, held, counted, folded, and what calls somebody.

Its cases stand in `view_cases.json`, so that whatever else shows these conversations can be held against them: each
is a list of steps, which do something (hear an object of the server's, go somewhere, press a key, let time pass) or
tell what must be so by then.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.base import limits
from chat.base.language import Language
from chat.client.faces.stdio import MARKS
from chat.client.talk.conversation import LineKind, Shown
from chat.client.talk.me import Me, SentLine
from chat.client.talk.objects import Reply, understand
from chat.client.talk.view import Choices, View
from chat.wire import jsonl

CASES = json.loads(Path(__file__).with_name("view_cases.json").read_text("utf-8"))


class World:
    """A view of amy's, and the time."""

    def __init__(self, choices: Mapping[str, Any]) -> None:
        self.now = datetime(2026, 11, 22, 9, 4, tzinfo=UTC)
        self.me = Me()
        words = tuple(choices.get("words", ()))
        self.choices = Choices(**{**choices, "words": words})
        self.view = View(self.me, Language("en"), lambda: self.now, self.choices, UTC)

    def hear(self, raw: Mapping[str, Any], line: Mapping[str, Any] | None = None) -> None:
        what = understand(raw)
        self.me.note(what)
        self.view.take(what, None if line is None else SentLine(**line))

    def printed(self) -> list[str]:
        times = [(f"{shown.at:%H:%M} " if shown.at else "", shown) for shown in self.view.printed()]
        return [f"{time}{MARKS[shown.kind]}{shown.text}" for time, shown in times]

    def asked(self, text: str) -> dict[str, object]:
        keys: dict[str, object] = json.loads(jsonl.encode_request(self.view.asked(text)))
        return {key: value for key, value in keys.items() if value is not None}

    def step(self, step: Mapping[str, Any]) -> None:
        what, value = next(iter(step.items()))
        view = self.view
        match what:
            case "hear":
                self.hear(value, step.get("line"))
            case "go":
                view.go(value)
            case "next":
                view.go(view.next(value) or "")
            case "key":
                view.attended()
            case "pass":
                self.now += timedelta(seconds=value)
            case "printed":
                assert (printed := self.printed()) == value or value is None, printed
            case "glance":
                assert [[glance.name, glance.unread, glance.mentions] for glance in view.glance] == value
            case "away":
                assert [glance.name for glance in view.glance if glance.away] == value
            case "waiting":
                assert view.waiting([SentLine(**keys) for keys in step["lines"]]) == value
            case "alerts":
                assert [[alert.room, alert.author, alert.private] for alert in view.alerts()] == value
            case "folded":
                folded = view.folded
                assert (None if folded is None else Language("en").words(folded)) == value
            case "open":
                assert view.open == value
            case "found":
                assert view.found(value[0]) == value[1]
            case "asked":
                assert self.asked(value[0]) == value[1]
            case "settled":
                view.settled = value
            case "marks":
                assert view.marks() == value
            case "nicknames":
                assert view.nicknames == value
            case _:
                pytest.fail(f"{what} is no step")


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_view_is_as_its_cases_say(case: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    if "held" in case:
        monkeypatch.setattr(limits, "LINES_HELD", case["held"])
    world = World(case.get("choices", {}))
    for step in case["steps"]:
        world.step(step)


@given(st.text(), st.sampled_from(["#lobby", "#ops", "@bob"]))
def test_whatever_is_typed_is_asked_as_it_stands_or_as_talk(text: str, room: str) -> None:
    world = World({})
    world.hear(CASES[0]["steps"][0]["hear"])
    world.view.go(room)
    asked = world.view.asked(text)
    assert asked.said or asked.line == text
    assert "\n" not in asked.line or asked.said


OBJECTS = st.fixed_dictionaries(
    {"type": st.sampled_from(["message", "action", "joined", "left", "renamed", "topic", "missed", "history", "ack"])},
    optional={
        "room": st.sampled_from(["#lobby", "#ops", "@bob", "@", "", "#nowhere"]),
        "from": st.sampled_from(["amy", "bob", ""]),
        "to": st.sampled_from(["amy", "bob", ""]),
        "who": st.lists(st.sampled_from(["amy", "bob", "carl"]), max_size=3),
        "text": st.text(max_size=20),
        "seq": st.integers(0, 30),
        "count": st.integers(0, 30),
    },
)


def test_a_state_is_told_once_while_nothing_else_comes() -> None:
    world = World({})
    lost, back = (Shown(LineKind.STATE, text) for text in ("the connection is lost", "it is back"))
    for shown in (lost, lost, back, lost, lost):
        world.view.put(shown)
    assert [shown.text for shown in world.view.printed()] == [lost.text, back.text, lost.text]


@given(st.lists(st.one_of(OBJECTS, st.sampled_from([1, -1, "@bob", "#ops", True])), max_size=30), st.booleans())
def test_no_server_and_no_key_breaks_it(steps: list[Any], paged: bool) -> None:
    world = World({"paged": paged})
    world.hear(CASES[0]["steps"][0]["hear"])
    for step in steps:
        if isinstance(step, dict):
            world.hear(step)
        elif step is True:
            world.view.close()
        elif isinstance(step, int):
            world.view.go(world.view.next(step) or "#lobby")
        else:
            world.view.go(step)
        assert world.view.open is None or world.view.open in world.view.talks
        for row in world.printed():
            assert not any(char < " " and char not in "\n\t" for char in row)


# Each conversation on a page of its own.

AT = "2026-11-22T09:04:00Z"


def heard(seq: int, text: str, room: str = "#lobby", **keys: object) -> dict[str, object]:
    return {"type": "message", "room": room, "seq": seq, "at": AT, "from": "bob", "text": text, **keys}


def page(world: World) -> list[str]:
    """What stands on the page that is open, without its days."""
    return [shown.text for shown in world.view.page.lines if shown.day is None]


@pytest.fixture
def paged() -> World:
    """amy is in two rooms, and sees #lobby."""
    world = World({"paged": True})
    world.hear(CASES[0]["steps"][0]["hear"])
    world.hear({"type": "comet"})
    world.view.page.empty()
    return world


def test_a_page_keeps_what_was_said_while_another_one_is_open(paged: World) -> None:
    paged.hear(heard(11, "one"))
    paged.view.go("#ops")
    paged.hear(heard(12, "two, amy"))
    assert page(paged) == []
    assert [(glance.unread, glance.mentions) for glance in paged.view.glance] == [(1, 1), (0, 0)]
    paged.view.go("#lobby")
    assert page(paged) == ["<bob> one", "new", "<bob> two, amy"]
    paged.view.go("#ops")
    paged.hear(heard(13, "three"))
    paged.view.go("#lobby")
    assert page(paged) == ["<bob> one", "<bob> two, amy", "new", "<bob> three"]


def test_older_history_goes_above_all_else_and_ends(paged: World) -> None:
    paged.hear(heard(11, "eleven"))
    asked = {"id": "x", "text": "/last 100", "room": "#lobby", "before": 11}
    older = {"type": "history", "room": "#lobby", "events": [heard(9, "nine"), heard(10, "ten")], "more": True}
    paged.hear(older, asked)
    assert page(paged) == ["<bob> nine", "<bob> ten", "<bob> eleven"]
    paged.hear(older, asked)  # it came twice, over another connection
    assert page(paged) == ["<bob> nine", "<bob> ten", "<bob> eleven"]
    assert not paged.view.page.whole
    paged.hear({"type": "history", "room": "#lobby", "events": [], "more": False}, asked | {"before": 9})
    assert paged.view.page.whole


def test_what_one_says_in_private_opens_that_conversation(paged: World) -> None:
    paged.hear(heard(1, "psst", "@bob", to="bob", **{"from": "amy"}), {"id": "x", "text": "/msg bob psst"})
    assert paged.view.open == "@bob"
    assert page(paged) == ["[you -> bob] psst"]


def test_what_was_taken_back_leaves_its_page(paged: World) -> None:
    paged.hear(heard(11, "oops"))
    paged.hear({"type": "redacted", "room": "#lobby", "seq": 12, "at": AT, "from": "bob", "target": 11})
    assert "<bob> oops" not in page(paged)


def test_who_is_there_is_known_with_what_was_told_of_them(paged: World) -> None:
    users = [
        {"nick": "bob", "away": "tea", "down": False, "role": "member", "bot": False},
        {"nick": "amy", "away": None, "down": False, "role": "owner", "bot": False},
        {"nick": "carl", "away": None, "down": True, "role": "operator", "bot": True},
        {"nick": 3},
    ]
    what = understand({"type": "reply", "command": "who", "text": "", "room": "#lobby", "users": users})
    assert isinstance(what, Reply)
    paged.view.take_people(what)
    assert page(paged) == []
    assert [(one.nick, one.away, one.down) for one in paged.view.people] == [
        ("amy", None, False),
        ("carl", None, True),
        ("bob", "tea", False),
    ]
    keys = {"seq": 11, "at": AT, "from": "amy", "to": "bob", "of": "#lobby", "what": "kick", "seconds": None}
    paged.hear({"type": "measure", "room": "#lobby", **keys})
    assert [one.nick for one in paged.view.people] == ["amy", "carl"]
