"""What the chat does, the same on every wire: each test runs for people and for programs."""

from collections.abc import Callable

import pytest
from people import Person, enter
from stores import FailingStore, SlowStore
from world import World

from chat.store.memory import MemoryStore

Enter = Callable[[str], Person]
Trio = tuple[Person, Person, Person]


@pytest.fixture(params=["plain", "json"])
def wire(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def enters(world: World, wire: str) -> Enter:
    """Have somebody enter; everybody has read everything after it."""

    def enters(nick: str) -> Person:
        person = enter(world, nick, wire)
        world.take_all()
        return person

    return enters


@pytest.fixture
def trio(enters: Enter) -> Trio:
    """Amy, Bob and Carl in the lobby."""
    return enters("amy"), enters("bob"), enters("carl")


def let_all(world: World, store: SlowStore) -> None:
    while store.commits:
        store.let()
        world.turn()


def heard(*people: Person) -> list[list[tuple]]:
    return [person.heard() for person in people]


# Entering and talk.


def test_who_enters_is_announced_to_those_who_are_here(world: World, wire: str) -> None:
    amy, bob = enter(world, "amy", wire), enter(world, "bob", wire)
    assert heard(amy, bob) == [[("joined", "#lobby", "bob")], []]


def test_what_one_says_all_the_others_hear(trio: Trio) -> None:
    trio[0].type("hi")
    assert heard(*trio) == [[], [("said", "#lobby", "amy", "hi")], [("said", "#lobby", "amy", "hi")]]


def test_an_action_is_heard_as_one(trio: Trio) -> None:
    trio[0].type("/me waves")
    assert heard(*trio) == [[], [("did", "#lobby", "amy", "waves")], [("did", "#lobby", "amy", "waves")]]


def test_everybody_hears_the_same_order(trio: Trio, enters: Enter) -> None:
    dee = enters("dee")
    for person, line in zip([0, 1, 0, 2, 1], ["one", "two", "three", "four", "five"], strict=True):
        trio[person].client.send(f"{line}\n".encode())
    trio[0].client.world.turn()
    talk = dee.heard()
    assert sorted(what[3] for what in talk) == ["five", "four", "one", "three", "two"]
    for person, nick in zip(trio, ("amy", "bob", "carl"), strict=True):
        assert person.heard() == [what for what in talk if what[2] != nick]


def test_one_author_is_heard_in_the_order_of_the_lines(trio: Trio) -> None:
    lines = [f"line {number}" for number in range(200)]
    trio[0].client.send("".join(f"{line}\n" for line in lines).encode())
    trio[0].client.world.turn()
    assert [what[3] for what in trio[1].heard()] == lines


def test_leading_blanks_and_tabs_are_said(trio: Trio) -> None:
    trio[0].type("  def f():", "\treturn 1")
    assert [what[3] for what in trio[1].heard()] == ["  def f():", "\treturn 1"]


def test_an_empty_line_says_nothing(trio: Trio) -> None:
    trio[0].type("")
    assert heard(*trio) == [[], [], []]


@pytest.mark.parametrize(
    "line",
    [
        "/usr/bin/python",
        "/*",
        "/ * x",
        "// x",
        "/ ",
        "/",
        "//",
        "/2/3",
        "\uff0fusr\uff0fbin",
        "http://x",
        "quit",
        "help",
    ],
)
def test_what_only_looks_like_a_command_is_said(trio: Trio, line: str) -> None:
    trio[0].type(line)
    assert trio[1].heard() == [("said", "#lobby", "amy", line)]


def test_two_slashes_say_one(trio: Trio) -> None:
    trio[0].type("//quit now")
    assert trio[1].heard() == [("said", "#lobby", "amy", "/quit now")]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("/foo", "unknown-command"),
        ("/foo bar", "unknown-command"),
        (" /msg bob secret", "slash-space"),
        ("\t/quit", "slash-space"),
        ("x" * 2001, "too-long"),
        ("ä" * 1001, "too-long"),
        ("x" * 20_000, "too-long"),
        ("/msg", "usage"),
        ("/msg bob", "usage"),
        ("/join", "usage"),
        ("/msg nobody hi", "not-here"),
        ("/whois nobody", "not-here"),
        ("/reply hi", "gone"),
        ("/join -", "room-bad"),
        ("/contraseña tulip", "not-allowed"),
        ("/msg: nobody secret", "not-here"),
        ("/msg,nobody hi", "not-here"),
        ("/msg2 bob secret", "unknown-command"),
        ("/ msg nobody secret", "not-here"),
        ("\uff0fmsg nobody secret", "not-here"),
        ("\uff0f\u3000msg\u3000nobody\u3000secret", "not-here"),
        ("\ufeff/msg bob secret", "slash-space"),
        ("  /foo", "slash-space"),
        ("/ x", "unknown-command"),
        ("/2", "unknown-command"),
        ("/пароль tulip", "unknown-command"),
        ("/set nick bob", "not-here"),
        ("/login tulip", "needs-tls"),
        ("/msg #nowhere hi", "no-room"),
        ("/leave #nowhere", "not-in-room"),
        ("/nick bob", "nick-taken"),
        ("/nick b0b", "nick-alike"),
        ("/nick 2", "nick-bad"),
        ("/nick admin", "nick-reserved"),
    ],
)
def test_a_line_that_is_refused_is_answered_and_said_to_nobody(trio: Trio, line: str, code: str) -> None:
    trio[0].type(line)
    assert heard(*trio) == [[("error", code)], [], []]


def test_a_line_of_the_longest_length_is_said(trio: Trio) -> None:
    trio[0].type("x" * 2000)
    assert trio[1].heard() == [("said", "#lobby", "amy", "x" * 2000)]


def test_after_a_line_that_is_too_long_the_next_one_is_said(trio: Trio) -> None:
    trio[0].type("x" * 100_000, "hi")
    assert heard(*trio[:2]) == [[("error", "too-long")], [("said", "#lobby", "amy", "hi")]]


def test_several_lines_are_one_message(trio: Trio) -> None:
    trio[0].paste("def f():", "", "    return 1")
    assert heard(*trio[:2]) == [[], [("said", "#lobby", "amy", "def f():\n\n    return 1")]]


def test_one_who_posts_is_heard_and_never_in_the_room(world: World, trio: Trio, wire: str) -> None:
    world.connect("/post deploy all is well", wire=wire)
    assert trio[0].heard() == [("said", "#lobby", "deploy/post", "all is well")]


# Private talk.


def test_private_talk_is_heard_by_the_two(trio: Trio) -> None:
    trio[0].type("/msg bob psst")
    assert heard(*trio) == [[("sent", "bob")], [("private", "amy", "psst")], []]


def test_an_answer_goes_to_whoever_wrote_last(trio: Trio) -> None:
    amy, bob, carl = trio
    amy.type("/msg bob one")
    carl.type("/msg bob two")
    bob.type("/reply three")
    assert amy.heard() == [("sent", "bob")]
    assert carl.heard() == [("sent", "bob"), ("private", "bob", "three")]


def test_an_answer_finds_its_person_under_a_new_nickname(trio: Trio, enters: Enter) -> None:
    amy, bob, _ = trio
    amy.type("/msg bob psst", "/nick dee")
    impostor = enters("amy")
    bob.type("/reply hm")
    assert amy.heard()[-1] == ("private", "bob", "hm")
    assert impostor.heard() == []


def test_an_answer_to_somebody_who_left_is_refused(trio: Trio, enters: Enter) -> None:
    amy, bob, _ = trio
    amy.type("/msg bob psst", "/quit")
    impostor = enters("amy")
    bob.forget()
    bob.type("/reply hm")
    assert heard(bob, impostor) == [[("error", "gone")], []]


def test_private_talk_to_a_nickname_that_only_looks_like_somebodys_is_refused(trio: Trio, enters: Enter) -> None:
    lookalike = enters("emie")
    trio[0].type("/msg ernie secret")
    assert heard(trio[0], lookalike) == [[("error", "not-here")], []]


def test_case_does_not_count_in_whom_one_writes_to(trio: Trio) -> None:
    trio[0].type("/msg BOB psst")
    assert trio[1].heard() == [("private", "amy", "psst")]


def test_whoever_is_ignored_is_not_answered_by_mistake(trio: Trio) -> None:
    amy, bob, carl = trio
    bob.type("/ignore amy")
    carl.type("/msg bob dinner?")
    amy.type("/msg bob psst")
    bob.type("/reply yes")
    assert amy.heard() == [("sent", "bob")]
    assert carl.heard() == [("sent", "bob"), ("private", "bob", "yes")]


# Names.


def test_a_new_nickname_is_told_once_to_whoever_shares_several_rooms(trio: Trio) -> None:
    amy, bob, carl = trio
    for person in (amy, bob):
        person.type("/join #ops", "/join #dev")
    amy.client.world.take_all()
    amy.type("/nick dee")
    assert heard(amy, bob, carl) == [[], [("renamed", "amy", "dee")], [("renamed", "amy", "dee")]]


def test_the_same_nickname_again_is_no_announcement(trio: Trio) -> None:
    trio[0].type("/nick amy")
    assert heard(*trio) == [[], [], []]


def test_a_nickname_is_free_when_its_person_left(trio: Trio) -> None:
    trio[0].type("/quit")
    trio[1].type("/nick amy")
    assert trio[2].heard() == [("quit", "amy", ""), ("renamed", "bob", "amy")]


def test_the_first_to_ask_for_a_nickname_has_it(trio: Trio) -> None:
    amy, bob, carl = trio
    amy.client.send(b"/nick dee\n")
    bob.client.send(b"/nick DEE\n")
    amy.client.world.turn()
    assert heard(amy, bob) == [[], [("error", "nick-taken"), ("renamed", "amy", "dee")]]
    assert carl.heard() == [("renamed", "amy", "dee")]


def test_two_who_swap_nicknames_in_one_turn_are_told_apart(trio: Trio) -> None:
    amy, bob, carl = trio
    for person, line in ((amy, b"/nick dee\n"), (bob, b"/nick amy\n"), (amy, b"/nick bob\nhi\n"), (bob, b"yo\n")):
        person.client.send(line)
        amy.client.world.turn()
    assert carl.heard() == [
        ("renamed", "amy", "dee"),
        ("renamed", "bob", "amy"),
        ("renamed", "dee", "bob"),
        ("said", "#lobby", "bob", "hi"),
        ("said", "#lobby", "amy", "yo"),
    ]


# Rooms.


def test_talk_goes_to_the_room_joined_last_and_to_nobody_outside(trio: Trio) -> None:
    amy, bob, carl = trio
    bob.type("/join #ops")
    amy.type("/join #ops", "hi")
    assert bob.heard() == [("joined", "#ops", "amy"), ("said", "#ops", "amy", "hi")]
    assert carl.heard() == []


def test_the_rooms_one_is_in_are_all_heard(trio: Trio) -> None:
    amy, bob, _ = trio
    amy.type("/join #ops")
    bob.type("one", "/join #ops", "two")
    assert amy.heard() == [
        ("said", "#lobby", "bob", "one"),
        ("joined", "#ops", "bob"),
        ("said", "#ops", "bob", "two"),
    ]


def test_a_room_one_left_is_not_heard_and_not_spoken_in(trio: Trio) -> None:
    amy, bob, _ = trio
    for person in (amy, bob):
        person.type("/join #ops")
    amy.type("/leave #ops")
    amy.forget()
    bob.type("still here")
    amy.type("/msg #ops hi")
    assert amy.heard() == [("error", "not-in-room")]
    assert bob.heard() == [("left", "#ops", "amy")]


def test_whoever_is_in_no_room_is_told_that_nobody_hears(trio: Trio) -> None:
    amy, bob, _ = trio
    amy.type("/leave #lobby", "hello?")
    assert amy.heard() == [("error", "not-in-room")]
    assert bob.heard() == [("left", "#lobby", "amy")]


def test_a_room_can_be_talked_to_by_name(trio: Trio) -> None:
    amy, bob, _ = trio
    for person in (amy, bob):
        person.type("/join #ops", "/join #dev")
    bob.forget()
    amy.type("/msg #OPS hi")
    assert bob.heard()[-1] == ("said", "#ops", "amy", "hi")


def test_joining_again_is_no_announcement(trio: Trio) -> None:
    trio[0].type("/join #lobby")
    assert heard(*trio) == [[], [], []]


def test_a_topic_is_told_with_its_author(trio: Trio) -> None:
    trio[0].type("/topic release on Friday", "/topic -")
    assert trio[1].heard() == [("topic", "#lobby", "amy", "release on Friday"), ("topic", "#lobby", "amy", "")]


def test_who_leaves_is_told_once_with_their_words_to_whoever_shares_several_rooms(trio: Trio) -> None:
    amy, bob, carl = trio
    for person in (amy, bob):
        person.type("/join #ops", "/join #dev")
    amy.client.world.take_all()
    amy.type("/quit see you")
    assert heard(bob, carl) == [[("quit", "amy", "see you")], [("quit", "amy", "see you")]]


def test_what_was_said_right_before_leaving_is_heard_before_it(trio: Trio) -> None:
    trio[0].client.send(b"one\ntwo\n/quit\n")
    trio[0].client.world.turn()
    assert trio[1].heard() == [
        ("said", "#lobby", "amy", "one"),
        ("said", "#lobby", "amy", "two"),
        ("quit", "amy", ""),
    ]


# What one does not want to hear.


def test_one_who_is_ignored_is_heard_by_the_others_only(trio: Trio) -> None:
    amy, bob, carl = trio
    bob.type("/ignore amy")
    amy.type("hi", "/me waves", "/msg bob psst")
    carl.type("hello")
    assert bob.heard() == [("said", "#lobby", "carl", "hello")]
    assert amy.heard() == [("sent", "bob"), ("said", "#lobby", "carl", "hello")]


def test_one_who_is_ignored_stays_so_under_a_new_nickname(trio: Trio) -> None:
    amy, bob, _ = trio
    bob.type("/ignore amy")
    amy.type("/nick dee", "hi")
    assert [what for what in bob.heard() if what[0] == "said"] == []


def test_whoever_takes_the_nickname_of_one_who_is_ignored_is_heard(trio: Trio, enters: Enter) -> None:
    amy, bob, _ = trio
    bob.type("/ignore amy")
    amy.type("/nick dee")
    enters("amy").type("hi")
    assert ("said", "#lobby", "amy", "hi") in bob.heard()


def test_one_who_is_no_longer_ignored_is_heard_from_then_on(trio: Trio) -> None:
    amy, bob, _ = trio
    bob.type("/ignore amy")
    amy.type("one")
    bob.type("/unignore amy")
    amy.type("two")
    assert bob.heard() == [("said", "#lobby", "amy", "two")]


def test_a_quiet_person_hears_talk_topics_and_names_but_not_who_comes_and_goes(trio: Trio, enters: Enter) -> None:
    amy, bob, carl = trio
    bob.type("/quiet on")
    enters("dee")
    amy.type("hi", "/nick eve", "/topic tea", "/quit")
    assert bob.heard() == [
        ("said", "#lobby", "amy", "hi"),
        ("renamed", "amy", "eve"),
        ("topic", "#lobby", "eve", "tea"),
    ]
    bob.type("/quiet off")
    carl.type("/quit")
    assert bob.heard() == [("quit", "carl", "")]


def test_one_who_is_away_gets_private_talk_all_the_same(trio: Trio) -> None:
    amy, bob, _ = trio
    bob.type("/away lunch")
    amy.type("/msg bob psst")
    assert "lunch" in " ".join(amy.client.lines)
    assert heard(amy, bob) == [[("sent", "bob")], [("private", "amy", "psst")]]


# The store.


def test_nothing_is_heard_or_confirmed_before_it_is_stored(wire: str) -> None:
    store = SlowStore()
    world = World(store)
    amy, bob = enter(world, "amy", wire), enter(world, "bob", wire)
    world.take_all()
    store.slow = True
    amy.type("hi", "/msg bob psst")
    assert heard(amy, bob) == [[], []]
    let_all(world, store)
    assert heard(amy, bob) == [[("sent", "bob")], [("said", "#lobby", "amy", "hi"), ("private", "amy", "psst")]]


def test_what_could_not_be_stored_is_heard_by_nobody_and_its_author_is_told(wire: str) -> None:
    store = FailingStore()
    world = World(store)
    amy, bob = enter(world, "amy", wire), enter(world, "bob", wire)
    world.take_all()
    store.failures = 1
    amy.type("the first line")
    amy.type("the second line")
    assert "the first line" in " ".join(amy.client.lines)
    assert heard(amy, bob) == [[("error", "not-stored")], [("said", "#lobby", "amy", "the second line")]]


@pytest.mark.parametrize("line", ["/msg bob psst", "/topic tea", "/me waves", "hi"])
def test_a_command_whose_effect_could_not_be_stored_has_none(wire: str, line: str) -> None:
    store = FailingStore()
    world = World(store)
    amy, bob = enter(world, "amy", wire), enter(world, "bob", wire)
    world.take_all()
    store.failures = 1
    amy.type(line)
    assert heard(amy, bob) == [[("error", "not-stored")], []]
    bob.type("/topic")
    assert "tea" not in " ".join(bob.client.lines)


def test_who_enters_while_nothing_can_be_stored_is_here_all_the_same(wire: str) -> None:
    store = FailingStore()
    world = World(store)
    amy = enter(world, "amy", wire)
    store.failures = 1
    bob = enter(world, "bob", wire)
    bob.type("hi")
    assert amy.heard() == [("said", "#lobby", "bob", "hi")]


# Readers.


def test_a_slow_reader_gets_everything_in_order_and_nobody_waits_for_them(trio: Trio) -> None:
    amy, bob, carl = trio
    lines = [f"{number} " + "x" * 1000 for number in range(600)]
    bob.client.full(100)
    for line in lines:
        amy.client.send(line.encode() + b"\n")
    amy.client.world.turn()
    expected = [("said", "#lobby", "amy", line) for line in lines]
    assert carl.heard() == expected
    bob.client.drain()
    assert bob.heard() == expected


def test_a_slow_reader_is_told_how_much_is_gone(wire: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat.base.limits.TAIL_EVENTS", 20)
    world = World(MemoryStore(events=50))
    amy, bob = enter(world, "amy", wire), enter(world, "bob", wire)
    world.take_all()
    bob.client.full()
    for number in range(200):
        amy.type(f"{number} {'x' * 1000}")
    bob.client.drain()
    got = bob.heard()
    (gap,) = [place for place, what in enumerate(got) if what[0] == "missed"]
    numbers = [int(what[3].split()[0]) for what in got if what[0] == "said"]
    assert numbers == [*range(gap), *range(150, 200)]
    assert got[gap] == ("missed", "#lobby", 150 - gap)
