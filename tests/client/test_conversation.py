"""What a conversation looks like, and that no server can make it look like anything else."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.base import limits
from chat.base.language import Language, Sentence
from chat.client.talk.conversation import Conversation, LineKind, Shown, beginning
from chat.client.talk.me import Me, SentLine
from chat.client.talk.objects import understand

CET = timezone(timedelta(hours=1), "CET")
NOW = datetime(2026, 11, 22, 9, 4, tzinfo=UTC)
ENGLISH = Language("en")
YESTERDAY = "2026-11-21T08:58:00.000Z"
TODAY = "2026-11-22T08:58:00.000Z"


class World:
    """A conversation of amy's, fed with objects as they come."""

    def __init__(self, recorder: bool = False, language: Language = ENGLISH) -> None:
        self.me = Me()
        self.conversation = Conversation(self.me, language, lambda: NOW, CET, recorder)
        self.hear({"type": "welcome", "nick": "amy", "room": "#lobby", "rooms": {"#lobby": {"users": ["amy"]}}})
        self.hear({"type": "comet"})

    def hear(self, raw: Mapping[str, object], line: str | None = None) -> list[Shown]:
        what = understand(raw)
        self.me.note(what)
        return self.conversation.show(what, None if line is None else SentLine("1", line))

    def lines(self, raw: Mapping[str, object], line: str | None = None) -> list[str]:
        """What is shown, with the time in front where there is one."""
        return [f"{s.at:%H:%M} {s.text}" if s.at else s.text for s in self.hear(raw, line)]


def message(text: str = "hi", **keys: object) -> dict[str, object]:
    return {"type": "message", "room": "#lobby", "seq": 17, "at": TODAY, "from": "bob", "text": text} | keys


def history(*events: Mapping[str, object], **keys: object) -> dict[str, object]:
    return {"type": "history", "room": "#lobby", "events": list(events), "more": False} | keys


@pytest.mark.parametrize(
    ("raw", "lines"),
    [
        (message(), ["09:58 <bob> hi"]),
        (message("waves", type="action"), ["09:58 * bob waves"]),
        (message(**{"as": "amy/matrix"}), ["09:58 <amy/matrix> hi"]),
        (message("waves", type="action", **{"as": "amy/\x1b[2J"}), ["09:58 * amy/\u241b[2J waves"]),
        (message(**{"as": 7}), ["09:58 <bob> hi"]),
        (message("one\ntwo\n/three"), ["09:58 <bob> one\n  | two\n  | /three"]),
        (message(room="@bob", to="amy"), ["09:58 [bob -> you] hi"]),
        (message(room="@bob", to="bob", **{"from": "amy"}), ["09:58 [you -> bob] hi"]),
        (message(at="never"), ["<bob> hi"]),
        (message("", type="joined", who=["bob"], here=3), ["09:58 bob joined #lobby (3 here)"]),
        (
            {"type": "waiting", "room": "#lobby", "who": ["bob", "dee"]},
            ["At the door of #lobby: bob and dee; /admit NICK or /refuse NICK."],
        ),
        ({"type": "waiting", "room": "#lobby", "who": []}, []),
        (
            message("", type="joined", who=list("abcdef"), here=34),
            ["09:58 a, b, c and 3 more joined #lobby (34 here)"],
        ),
        (message("see you", type="left", stayed=720, quit=True, here=1), ['09:58 bob left (12 min): "see you"']),
        (message("", type="left", stayed=720, here=1), ["09:58 bob left #lobby (12 min)"]),
        (message("", type="left", who=["a", "b"], here=1), ["09:58 a and b left #lobby (1 here)"]),
        (message("", type="renamed", to="dee"), ["09:58 bob is now known as dee"]),
        (message("release", type="topic", room="#ops"), ['09:58 bob set the topic of #ops: "release"']),
        (message("", type="topic", room="#ops"), ["09:58 bob took away the topic of #ops"]),
        ({"type": "missed", "room": "#lobby", "count": 3}, ["3 lines of #lobby are gone"]),
        ({"type": "missed", "room": "@", "count": 1}, ["1 private line is gone"]),
        ({"type": "reply", "command": "who", "text": "One person is here.\nBob"}, ["One person is here.", "Bob"]),
        ({"type": "hello", "server": "pi", "motd": ["Be kind.", "Thanks."]}, ["Be kind.", "Thanks."]),
        ({"type": "comet"}, []),
        ({"type": "ack", "id": "1", "room": "#lobby"}, []),
    ],
)
def test_objects_become_lines(raw: dict[str, object], lines: list[str]) -> None:
    assert World().lines(raw) == lines


def enter(**keys: object) -> dict[str, object]:
    return {"type": "welcome", "nick": "amy", "room": "#lobby", "rooms": {"#lobby": {}}} | keys


def test_the_welcome_says_who_is_there_and_what_it_is_about_below_the_history_of_the_room() -> None:
    world = World()
    rooms = {"#lobby": {"users": ["amy", "bob", "carl"], "topic": "build"}}
    assert world.lines(enter(rooms=rooms)) == []
    assert world.lines(history(message(seq=1))) == [
        "last line of #lobby",
        "09:58 <bob> hi",
        "now Sunday 2026-11-22 10:04",
        "Hello amy. You are in #lobby with bob and carl: what you type, they see.",
        'Topic of #lobby: "build"',
    ]


def test_where_no_history_follows_the_welcome_stands_before_what_does() -> None:
    world = World()
    world.hear(enter())
    assert world.lines(message()) == [
        "Hello amy. Nobody else is in #lobby yet; what you say is kept for them.",
        "09:58 <bob> hi",
    ]


def test_of_many_people_the_number_is_said() -> None:
    world = World()
    world.hear(enter(rooms={"#lobby": {"users": ["amy", *"abcdefghi"], "here": 40}}))
    assert world.lines(history()) == ["Hello amy. You are in #lobby with 39 others: what you type, they see."]


def test_who_comes_back_is_told_at_once_where_they_are() -> None:
    rooms = {"#lobby": {"users": ["amy"]}, "#ops": {"users": ["amy", "bob"]}, "#dev": {}}
    assert World().lines(enter(room="#ops", rooms=rooms, back=True)) == [
        "Welcome back amy. You are in #ops with bob: what you type, they see.",
        "You still hear #lobby and #dev.",
    ]


def test_who_comes_back_to_no_room_is_told_that() -> None:
    assert World().lines(enter(rooms={}, back=True)) == [
        "Welcome back amy. You are in no room; /join #lobby goes there."
    ]


def test_the_message_of_the_day_is_not_repeated_on_every_connection() -> None:
    world, hello = World(), {"type": "hello", "server": "pi", "motd": ["Be kind."]}
    assert world.lines(hello) == ["Be kind."]
    assert world.lines(hello) == []


def test_in_two_rooms_each_line_names_its_room() -> None:
    world = World()
    world.hear({"type": "reply", "command": "join", "text": "", "room": "#ops"})
    assert world.lines(message("a\nb")) == ["09:58 #lobby <bob> a\n#lobby   | b"]
    assert world.lines(message(type="action", room="#ops")) == ["09:58 #ops * bob hi"]
    assert world.lines(message(room="@bob", to="amy")) == ["09:58 [bob -> you] hi"]
    world.hear({"type": "reply", "command": "leave", "text": "", "room": "#ops", "current": "#lobby"})
    assert world.lines(message()) == ["09:58 <bob> hi"]


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("/msg bob did you see?", "09:58 [you -> bob] did you see?"),
        ("/w bob  a  b", "09:58 [you -> bob] a  b"),
        ("/reply yes, bob", "09:58 [you -> bob] yes, bob"),
        ("/R yes", "09:58 [you -> bob] yes"),
    ],
)
def test_what_was_said_in_private_is_shown_once_it_is_stored(line: str, shown: str) -> None:
    assert World().lines({"type": "ack", "id": "1", "at": TODAY, "room": "@bob", "seq": 1}, line) == [shown]


def test_a_fact_about_a_person_is_told_once_however_many_rooms_they_share() -> None:
    world = World()
    left = message("", type="left", stayed=5, quit=True, fact="f1")
    assert world.lines(left) == ["09:58 bob left (5 s)"]
    assert world.lines(left | {"room": "#ops"}) == []
    assert world.lines(left | {"fact": "f2"}) == ["09:58 bob left (5 s)"]


def test_an_error_quotes_the_beginning_of_its_line() -> None:
    error = {"type": "error", "code": "not-here", "text": "bob is not here.", "id": "1"}
    assert World().lines(error, "/msg bob hi") == ["not-here: bob is not here.  (/msg bob hi)"]
    assert World().lines(error) == ["not-here: bob is not here."]


@pytest.mark.parametrize(
    ("line", "quote"),
    [
        ("hi", "hi"),
        ("x" * 30, "x" * 30),
        ("x" * 31, "x" * 30 + "…"),
        ("a\nb", "a…"),
        ("\x1b[2J", "␛[2J"),
    ],
)
def test_a_line_is_known_again_by_its_beginning(line: str, quote: str) -> None:
    assert beginning(line) == quote


def test_another_day_is_announced() -> None:
    world = World()
    assert world.lines(message(at="2026-11-22T23:30:00Z")) == ["Monday 2026-11-23", "00:30 <bob> hi"]
    assert world.lines(message(at="2026-11-22T23:31:00Z")) == ["00:31 <bob> hi"]


def test_history_has_a_frame_with_its_days() -> None:
    assert World().lines(history(message(at=YESTERDAY, seq=1), message("looks", type="action", seq=2))) == [
        "last 2 lines of #lobby",
        "Saturday 2026-11-21",
        "09:58 <bob> hi",
        "Sunday 2026-11-22",
        "09:58 * bob looks",
        "now Sunday 2026-11-22 10:04",
    ]


def test_history_of_private_talk_says_who_wrote() -> None:
    mine, theirs = message(room="@bob", to="bob", **{"from": "amy"}), message(room="@bob", to="amy")
    assert World().lines(history(mine, theirs, room="@bob"), "/last bob") == [
        "last 2 lines with bob",
        "09:58 [you -> bob] hi",
        "09:58 [bob -> you] hi",
        "now Sunday 2026-11-22 10:04",
    ]


def test_what_was_found_names_the_rooms_and_says_how_many_of_how_many() -> None:
    found = history(message(), message(room="@bob", to="amy"), room=None, total=120)
    assert World().lines(found, "/grep log disk") == [
        "lines with log disk",
        "09:58 #lobby <bob> hi",
        "09:58 [bob -> you] hi",
        "now Sunday 2026-11-22 10:04, 2 of 120",
    ]


def test_no_history_has_no_frame() -> None:
    assert World().lines(history()) == []


def test_who_looks_for_what_there_is_not_is_told() -> None:
    assert World().lines(history(total=0), "/grep zebra") == ["Nothing was found."]
    world = World()
    world.hear(history(message(seq=1)))
    older = world.conversation.show(understand(history(total=0)), SentLine("2", "/last 20", before=1))
    assert [shown.text for shown in older] == ["Nothing was said before that."]


def test_the_history_of_another_connection_shows_only_what_was_not_shown() -> None:
    world = World()
    world.hear(history(message("one", seq=1)))
    world.hear(message("two", seq=2))
    again = history(message("one", seq=1), message("two", seq=2), message("three", seq=3))
    assert world.lines(again)[1:-1] == ["09:58 <bob> three"]
    assert world.lines(again) == []


def test_history_that_was_asked_for_is_shown_whole() -> None:
    world = World()
    world.hear(message("one", seq=1))
    assert world.lines(history(message("one", seq=1)), "/last")[1:-1] == ["09:58 <bob> one"]


def test_a_server_that_counts_anew_after_a_restart_is_not_taken_for_repeating_itself() -> None:
    world = World()
    world.hear(message("old", seq=100))
    fresh = history(message("new", seq=1, at="2026-11-22T08:59:00Z"))
    assert world.lines(fresh)[-2] == "09:59 <bob> new"


def test_a_gap_after_a_lost_connection_is_said() -> None:
    world = World()
    world.hear(message("old", seq=3))
    later = message("late", seq=50, at="2026-11-22T08:59:00Z")
    assert world.lines(history(later, more=True))[0] == "lines of #lobby may be missing here"
    world.hear(message("old", seq=51, at="2026-11-22T08:59:30Z"))
    assert "missing" not in world.lines(history(message("next", seq=52, at="2026-11-22T09:00:00Z"), more=True))[0]


def test_a_recorder_leaves_out_what_was_said_before_it_came() -> None:
    world = World(recorder=True)
    assert world.lines(history(message(seq=1))) == []


def test_a_recorder_has_what_was_said_while_it_was_away_line_by_line() -> None:
    world = World(recorder=True)
    world.hear(history(message("one", seq=1)))
    missed = message("two", seq=2, at="2026-11-23T09:00:00Z")
    assert world.lines(history(message("one", seq=1), missed)) == ["10:00 #lobby <bob> two"]


def test_a_recorder_has_what_was_said_while_it_was_away_from_an_empty_room() -> None:
    world = World(recorder=True)
    world.hear(history())
    assert world.lines(history(message("one", seq=1))) == ["09:58 #lobby <bob> one"]


def test_a_recorder_shows_the_history_that_was_asked_for() -> None:
    world = World(recorder=True)
    world.hear(history(message("one", seq=1)))
    assert world.lines(history(message("one", seq=1)), "/last 5") == ["09:58 #lobby <bob> one"]


def test_a_recorder_names_the_room_always() -> None:
    assert World(recorder=True).lines(message(at=YESTERDAY)) == ["09:58 #lobby <bob> hi"]


class Shouting(Language):
    """A language of its own."""

    def words(self, sentence: Sentence) -> str:
        return super().words(sentence).upper()


def test_what_the_service_says_is_in_the_persons_language_and_what_people_say_is_not() -> None:
    world = World(language=Shouting("en"))
    assert world.lines(message("", type="joined", who=["bob"], here=3)) == ["09:58 BOB JOINED #LOBBY (3 HERE)"]
    assert world.lines(message()) == ["09:58 <bob> hi"]


@pytest.mark.parametrize(
    "raw",
    [
        message("\x1b]0;PWNED\a\x9b2J"),
        message("x\r-!- root joined"),
        message(room="#a\n! b", **{"from": "e\n-> vil\x1b[31m"}),
        message("bye\x1b[2J\n-- fake --", type="left", stayed=1, fact="f"),
        message("", type="joined", who=["a\nb"], here=1),
        {"type": "error", "code": "x\ny", "text": "a\x1bb\nc"},
        {"type": "reply", "command": "who", "text": "a\x1b[5m\rb"},
        {"type": "missed", "room": "#a\n<root> hi", "count": 1},
        {"type": "ack", "room": "@e\n<root> hi", "id": "1"},
        {"type": "hello", "server": "\x1b", "motd": ["\x1b[2J\n-!- x"]},
    ],
)
def test_nothing_of_a_servers_is_obeyed_by_a_terminal(raw: dict[str, object]) -> None:
    for shown in World().hear(raw, "/msg e hi"):
        first, *rest = shown.text.split("\n")
        assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", first.replace("\t", ""))
        assert all(line.startswith("  | ") for line in rest)


TYPES = [
    "hello",
    "welcome",
    "message",
    "action",
    "joined",
    "left",
    "renamed",
    "topic",
    "missed",
    "ack",
    "error",
    "history",
    "reply",
]
words = st.text(alphabet="ab#@ \n\r\x1b\x9b\u202e{}%\ud800", max_size=6)
numbers = st.integers() | st.sampled_from([0, 1, 2, 2**62, -1])
dates = st.sampled_from([TODAY, YESTERDAY, "1970-01-01T00:00:00+14:00", "9998-12-31T23:59:59-14:00", "x"])
names = st.lists(words, max_size=3)
event = st.fixed_dictionaries(
    {"type": st.sampled_from(TYPES)},
    optional={
        "room": words | st.none(),
        "total": numbers,
        "rooms": st.dictionaries(words, st.fixed_dictionaries({}, optional={"users": names, "topic": words})),
        "seq": numbers,
        "at": dates,
        "from": words,
        "text": words,
        "to": words,
        "who": names,
        "here": numbers,
        "stayed": numbers,
        "quit": st.booleans(),
        "fact": words,
        "count": numbers,
        "code": words,
        "nick": words,
        "command": st.sampled_from(["join", "leave", "nick", "quit"]) | words,
        "current": words | st.none(),
        "motd": names,
        "more": st.booleans(),
    },
)
anything = event | st.builds(lambda keys, events: keys | {"events": events}, event, st.lists(event, max_size=3))


@given(st.lists(st.tuples(anything, st.none() | words), max_size=6), st.booleans())
def test_whatever_a_server_sends_lines_come_out_that_are_safe(
    heard: list[tuple[dict[str, object], str | None]], recorder: bool
) -> None:
    world = World(recorder)
    for raw, line in heard:
        for shown in world.hear(raw, line):
            assert isinstance(shown.kind, LineKind)
            first, *rest = shown.text.split("\n")
            assert not re.search(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]", first)
            assert all(re.match(r"\S*[^|]*  \| ", line) for line in rest)


def test_the_memory_of_what_was_shown_is_bounded() -> None:
    world = World()
    for number in range(limits.REMEMBERED + 50):
        world.hear(message(room=f"#{number}"))
        world.hear(message("", type="left", stayed=1, fact=str(number)))
        world.hear(history(room=f"#h{number}"))
        world.hear({"type": "reply", "command": "join", "room": f"#{number}"})
    assert len(world.conversation._seen) <= limits.REMEMBERED
    assert len(world.conversation._facts) <= limits.REMEMBERED
    assert len(world.me.rooms) <= limits.ROOMS_PER_PERSON + 1
