"""How coming and going is told: at once in a small room, gathered in one of many, and always truly."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock

from chat.base import limits
from chat.core.room import Room
from chat.core.room_holders import RoomHolders
from chat.log.events import Author, Fact, Joined, Left, Message
from chat.log.log import Log
from chat.log.tail import Tails


class Somebody:
    """A participant."""

    def __init__(self, nick: str, id: str = "") -> None:
        self.id = id or nick
        self.host = f"host of {self.id}"
        self.nick = nick
        self.author = Author(self.id, self.id, nick)
        self.roles: dict[str, object] = {}


class World:
    """A room, and all that was told in it."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.told: list[Fact] = []
        self.log = Log("#lobby", "#lobby", Tails())
        self.holders = RoomHolders()
        self.room = Room(self.log, self.clock, self.append, self.holders, lambda id: False)
        self.here: list[Somebody] = []

    def append(self, log: Log, fact: Fact) -> None:
        assert log is self.log
        self.told.append(fact)

    def join(self, *nicks: str, person: str = "") -> None:
        for nick in nicks:
            self.here.append(Somebody(nick, person))
            self.room.join(self.here[-1])

    def leave(self, nick: str, text: str = "") -> None:
        (person,) = [person for person in self.here if person.author.nick == nick]
        self.here.remove(person)
        self.room.leave(person, text)

    def take(self) -> list[tuple]:
        """What was told, short."""
        short = [_short(fact) for fact in self.told]
        self.told.clear()
        return short


def _short(fact: Fact) -> tuple:
    verb = "joined" if isinstance(fact, Joined) else "left"
    return (verb, fact.who, fact.here, *([fact.text] if getattr(fact, "text", "") else []))


@pytest.fixture
def crowd() -> World:
    """Twelve people, all told, a long time ago; the next one is gathered."""
    world = World()
    world.join(*(f"p{number}" for number in range(limits.GATHER_FROM - 1)))
    world.clock.advance(1000)
    world.take()
    return world


def test_in_a_small_room_each_is_told_at_once() -> None:
    world = World()
    world.join("amy", "bob")
    world.clock.advance(90)
    world.leave("amy", "see you")
    assert world.take() == [("joined", ("amy",), 1), ("joined", ("bob",), 2), ("left", ("amy",), 1, "see you")]


def test_how_long_somebody_stayed_is_told() -> None:
    world = World()
    world.join("amy")
    world.clock.advance(90.7)
    world.leave("amy")
    assert world.told[-1].stayed == 90


def test_the_members_are_in_the_order_of_their_coming() -> None:
    world = World()
    world.join("bob", "amy", "carl")
    world.leave("amy")
    world.join("amy")
    assert world.room.users == ["bob", "carl", "amy"]


def test_in_a_room_of_many_those_who_come_are_told_together(crowd: World) -> None:
    crowd.join("amy")
    crowd.clock.advance(0)
    crowd.take()
    crowd.join("bob")
    crowd.clock.advance(10)
    crowd.join("carl")
    assert crowd.take() == []
    crowd.clock.advance(20)
    assert crowd.take() == [("joined", ("bob", "carl"), 15)]


def test_in_a_room_of_many_those_who_go_are_told_together(crowd: World) -> None:
    crowd.join("amy", "bob")
    crowd.clock.advance(0)
    crowd.take()
    crowd.leave("p1")
    crowd.leave("p2")
    crowd.clock.advance(30)
    assert crowd.take() == [("left", ("p1", "p2"), 12)]


def test_there_is_one_announcement_in_half_a_minute(crowd: World) -> None:
    told = 0
    for second in range(300):
        crowd.join(f"new{second}")
        crowd.clock.advance(1)
        told += len(crowd.take())
    assert 10 <= told <= 11


def test_who_came_and_went_in_between_is_not_told(crowd: World) -> None:
    crowd.join("amy")
    crowd.clock.advance(0)
    crowd.take()
    crowd.join("bob")
    crowd.leave("bob")
    crowd.clock.advance(100)
    assert crowd.take() == []


def test_who_says_something_on_leaving_is_told_at_once(crowd: World) -> None:
    crowd.join("amy")
    crowd.clock.advance(0)
    crowd.take()
    crowd.join("bob")
    crowd.leave("bob", "wrong room")
    crowd.leave("p1", "bye")
    assert crowd.take() == [
        ("joined", ("bob",), 14),
        ("left", ("bob",), 13, "wrong room"),
        ("left", ("p1",), 12, "bye"),
    ]
    crowd.clock.advance(100)
    assert crowd.take() == []


def test_who_is_about_to_speak_is_told_first(crowd: World) -> None:
    crowd.join("amy")
    crowd.clock.advance(0)
    crowd.take()
    crowd.join("bob", "carl")
    crowd.room.introduce(crowd.here[0])
    assert crowd.take() == []
    crowd.room.introduce(crowd.here[-1])
    assert crowd.take() == [("joined", ("bob", "carl"), 15)]
    crowd.clock.advance(100)
    assert crowd.take() == []


def test_somebody_who_is_told_again_in_a_room_that_became_small_is_still_here(crowd: World) -> None:
    crowd.join("amy")
    crowd.clock.advance(0)
    crowd.leave("p1")
    crowd.leave("p2")
    crowd.leave("p3")
    crowd.join("p1")
    crowd.clock.advance(100)
    assert known(crowd.told, crowd_nicks()) == {person.author.nick for person in crowd.here}


def test_who_went_and_came_back_in_between_is_not_told(crowd: World) -> None:
    crowd.join("amy")
    crowd.clock.advance(0)
    crowd.take()
    crowd.leave("p1")
    crowd.join("p1")
    crowd.clock.advance(100)
    assert crowd.take() == []


def test_another_person_under_the_nickname_of_one_who_left_is_told(crowd: World) -> None:
    crowd.join("amy")
    crowd.clock.advance(0)
    crowd.take()
    crowd.leave("p1")
    crowd.join("p1", person="somebody else")
    crowd.clock.advance(100)
    assert crowd.take() == [("left", ("p1",), 13), ("joined", ("p1",), 13)]


def test_who_takes_the_nickname_of_one_who_left_is_told_after_that(crowd: World) -> None:
    crowd.join("amy")
    crowd.clock.advance(0)
    crowd.take()
    crowd.leave("p1")
    crowd.room.introduce(crowd.here[0], "p2")
    assert crowd.take() == []
    crowd.room.introduce(crowd.here[0], "p1")
    assert crowd.take() == [("left", ("p1",), 12)]


def crowd_nicks() -> set[str]:
    return {f"p{number}" for number in range(limits.GATHER_FROM - 1)}


def known(told: list[Fact], before: set[str]) -> set[str]:
    """Who is here, as far as somebody knows who only heard what was told; raises where that makes no sense."""
    here = set(before)
    for fact in told:
        if isinstance(fact, Joined):
            assert not here & set(fact.who), f"{fact.who} joined, of whom some were here"
            here |= set(fact.who)
        elif isinstance(fact, Left):
            assert here >= set(fact.who), f"{fact.who} left, of whom some were not here"
            here -= set(fact.who)
        else:
            assert fact.author.nick in here, f"{fact.author.nick}, a stranger, spoke"
    return here


STEPS = st.one_of(
    st.tuples(st.just("join"), st.integers(0, 4)),
    st.tuples(st.just("leave"), st.integers(0, 4)),
    st.tuples(st.just("leave with words"), st.integers(0, 4)),
    st.tuples(st.just("speak"), st.integers(0, 4)),
    st.tuples(st.just("wait"), st.integers(0, 40)),
)


@settings(max_examples=3 * settings.default.max_examples)
@given(st.lists(STEPS, max_size=40), st.integers(2, 4), st.booleans())
def test_whoever_listens_knows_in_the_end_who_is_here_and_hears_no_stranger(
    steps: list[tuple[str, int]], gather_from: int, returning: bool
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "GATHER_FROM", gather_from)
        world = World()
        here: dict[str, Somebody] = {}
        sessions = 0
        acts: dict[str, Callable[[str], object]] = {
            "leave": lambda nick: world.room.leave(here.pop(nick), ""),
            "leave with words": lambda nick: world.room.leave(here.pop(nick), "bye"),
            "speak": lambda nick: (
                world.room.introduce(here[nick]),
                world.told.append(Message(here[nick].author, "hi")),
            ),
        }
        for act, number in steps:
            nick = f"n{number}"
            if act == "wait":
                world.clock.advance(number)
            elif act == "join" and nick not in here:
                sessions += 1
                here[nick] = Somebody(nick, nick if returning else f"s{sessions}")
                world.room.join(here[nick])
            elif act != "join" and nick in here:
                acts[act](nick)
        world.clock.advance(100)
        assert known(world.told, set()) == set(here) == set(world.room.users)


@given(st.lists(st.sampled_from(["amy", "bob", "carl"])))
def test_a_room_is_held_by_whoever_found_it_empty_until_it_is_again(steps: list[str]) -> None:
    world = World()
    holder = ""
    for nick in steps:
        here = [somebody.author.nick for somebody in world.here]
        if nick in here:
            world.leave(nick)
        else:
            world.join(nick)
            holder = holder if here else nick
        assert world.holders[f"host of {holder}"] == len(world.holders) == bool(world.here)
