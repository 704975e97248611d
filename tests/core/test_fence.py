"""What somebody does on one node while they come back on another one is not stored there: they do it again."""

import pytest
from cluster import Nodes, seen_by
from returning import enter, resume
from world import Client

from chat.base import limits
from chat.log.events import Audited, Fact, Joined, Left, Measured, Message, Private


class Moving:
    """Bob is on one node, with carl, and comes back on another one while nothing of the first one arrives."""

    def __init__(self, is_told: bool, wire: str = "plain") -> None:
        self.is_told = is_told
        """The first node hears that they came back before what was done there arrives."""
        self.nodes = Nodes(2)
        self.here, self.elsewhere = self.nodes.worlds
        self.store = self.nodes.stores[0]
        self.amy, self.carl = self.elsewhere.enter("amy"), self.here.enter("carl", wire="json")
        self.bob, self.code = enter(self.here, "bob", wire=wire)
        self.id = self.bob.session.person.id

    def begin(self) -> None:
        """From now on nothing that is done on the first node arrives; one turn is under way."""
        self.store.late = self.store.slow = True
        self.carl.type("first")

    def come_back(self) -> Client:
        """On the other node, where others are told what they do next."""
        self.carl.type("second", id="c2")
        if not self.is_told:
            self.store.arrive()
        self.amy.take()
        return resume(self.elsewhere, self.code)

    def arrive(self) -> None:
        """What was done on the first node does."""
        if self.is_told:
            self.store.arrive()
        while self.store.comes and not self.store.under_way:
            self.store.let()
            self.here.turn()
        self.store.late = False
        while self.store.under_way:
            self.store.arrive()
            self.here.turn()
        self.store.slow = False
        self.nodes.settle()

    def told(self, *kinds: type[Fact], key: str = "#lobby") -> list[Fact]:
        """What was stored of this."""
        return [entry.fact for entry in self.nodes.cluster.entries[key] if isinstance(entry.fact, kinds)]

    def check_alike(self) -> None:
        """Both have everybody alike, and the first one told nobody anything that it should not."""
        assert seen_by(self.here.hub) == seen_by(self.elsewhere.hub)
        person = self.here.hub.people[self.id]
        assert (person.connected, self.here.hub.naming.holder("bob")) == (True, person)
        assert [fact.text for fact in self.told(Message) if fact.author.nick == "carl"] == ["first", "second"]
        assert [keys["type"] for keys in self.carl.objects if keys.get("id") == "c2"] == ["ack"]
        assert not self.here.hub.turn.fence._moves
        assert self.bob.ended


@pytest.fixture(params=[False, True])
def moving(request: pytest.FixtureRequest) -> Moving:
    return Moving(request.param)


@pytest.mark.parametrize("line", ["hello", "/me hello", "/msg amy hello", "/topic hello", "/paste\nhello\nyou\n/end"])
def test_what_somebody_says_without_an_id_as_they_come_back_elsewhere_is_said_once(moving: Moving, line: str) -> None:
    before = len(moving.amy.take())
    assert before
    moving.begin()
    moving.bob.type(*line.split("\n"))
    back = moving.come_back()
    back.type(*line.split("\n"))
    moving.arrive()
    assert sum("hello" in told for told in moving.amy.take()) == 1
    moving.check_alike()


def test_a_room_that_somebody_goes_to_as_they_come_back_elsewhere_is_told_of_them_once(moving: Moving) -> None:
    moving.amy.type("/join #tea")
    moving.begin()
    moving.bob.type("/join #tea")
    back = moving.come_back()
    assert "#tea" not in back.session.person.rooms
    back.type("/join #tea")
    moving.arrive()
    assert [fact.who for fact in moving.told(Joined, key="#tea")] == [("amy",), ("bob",)]
    assert "#tea" in back.session.person.rooms
    moving.check_alike()


def test_who_went_to_a_room_as_they_came_back_elsewhere_is_not_there_unless_they_go_there_again(moving: Moving) -> None:
    moving.begin()
    moving.bob.type("/join #tea")
    back = moving.come_back()
    moving.arrive()
    assert not moving.told(Joined, key="#tea")
    assert "#tea" not in back.session.person.rooms
    moving.check_alike()


@pytest.mark.parametrize("again", [False, True])
def test_who_leaves_a_room_as_they_come_back_elsewhere_leaves_it_once_or_never(moving: Moving, again: bool) -> None:
    moving.amy.type("/join #tea")
    moving.bob.type("/join #tea")
    moving.begin()
    moving.bob.type("/leave #tea")
    back = moving.come_back()
    if again:
        back.type("/leave #tea")
    moving.arrive()
    assert len(moving.told(Left, key="#tea")) == again
    assert ("#tea" in back.session.person.rooms) is not again
    moving.check_alike()


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize("go", [lambda bob: bob.type("/quit"), Client.close, Client.cut])
def test_who_goes_as_they_come_back_elsewhere_has_not_gone(moving: Moving, go, many: bool) -> None:  # type: ignore[no-untyped-def]
    for number in range(limits.GATHER_FROM if many else 0):
        moving.elsewhere.enter(f"one{number}")
    moving.nodes.wait(2 * limits.GATHER_SECONDS)
    moving.begin()
    go(moving.bob)
    back = moving.come_back()
    moving.arrive()
    moving.nodes.wait(2 * limits.GATHER_SECONDS)
    assert not moving.told(Left)
    assert not back.ended
    assert not [line for line in moving.amy.take() if "bob" in line]
    moving.check_alike()
    back.type("/quit")
    moving.nodes.wait(2 * limits.GATHER_SECONDS)
    assert len(moving.told(Left)) == 1


class Returning:
    """Bob was on one node, went to another one and comes back to the first, which hears of that as late as it can: what
    they do there meanwhile, on the connection that still hangs, has only gathered."""

    def __init__(self, wire: str, *lines: str, **keys: object) -> None:
        self.nodes = Nodes(2)
        self.here, self.elsewhere = self.nodes.worlds
        store = self.nodes.stores[0]
        self.amy = self.elsewhere.enter("amy", "/join #tea", "/join #lobby")
        self.bob, code = enter(self.here, "bob", wire=wire)
        self.amy.take()
        store.late = store.slow = True
        there = resume(self.elsewhere, code, wire=wire)
        self.back = resume(self.here, code, wire=wire)
        assert store.under_way  # they wait until it is known what happened elsewhere
        self.bob.type(*lines, **keys)
        there.type("there")
        while store.under_way or store.comes:
            self.nodes.arrive(0)
            self.nodes.let(0)
        store.late = store.slow = False
        assert "Welcome back" in self.back.bytes.decode() or '"welcome"' in self.back.bytes.decode()

    def said(self) -> list[str]:
        """What was, in the lobby."""
        return [entry.fact.text for entry in self.nodes.cluster.entries["#lobby"] if isinstance(entry.fact, Message)]


def test_what_gathered_as_somebody_went_elsewhere_is_not_said_when_they_come_back() -> None:
    returning = Returning("plain", "old")
    returning.back.type("new")
    assert returning.said() == ["there", "new"]
    assert returning.bob.ended
    assert not [line for line in returning.back.take() if "old" in line]


def test_a_program_says_what_gathered_as_it_went_elsewhere_again_and_in_order() -> None:
    returning = Returning("json", "two", id="2")
    assert not [keys for keys in returning.back.objects if keys["type"] == "ack"]
    for number, line in enumerate(("one", "two", "three"), 1):
        returning.back.type(line, id=str(number))
    assert returning.said() == ["there", "one", "two", "three"]


@pytest.mark.parametrize("go", ["/join #tea", "/leave #lobby"])
def test_where_somebody_went_as_they_went_elsewhere_they_have_not_gone_when_they_come_back(go: str) -> None:
    returning = Returning("plain", go)
    assert {*returning.back.session.person.rooms} == {"#lobby"}
    assert seen_by(returning.here.hub) == seen_by(returning.elsewhere.hub)
    assert not [line for line in returning.amy.take() if "left" in line or "joined" in line]
    returning.back.type("/join #tea")
    assert sum("joined #tea" in line for line in returning.amy.take()) == 1


def test_who_quit_as_they_went_elsewhere_is_there_when_they_come_back() -> None:
    returning = Returning("plain", "/quit")
    returning.back.type("new")
    assert returning.said() == ["there", "new"]
    assert not [line for line in returning.amy.take() if "left" in line or "joined" in line]
    assert seen_by(returning.here.hub) == seen_by(returning.elsewhere.hub)


@pytest.mark.parametrize(
    ("take", "end"),
    [("/mute carl 1m", "/unmute carl"), ("/voice carl", "/unvoice carl"), ("/slow 1m", "/slow off")],
)
@pytest.mark.parametrize("ends", [False, True])
@pytest.mark.parametrize("is_told", [False, True])
def test_what_somebody_does_to_others_as_they_come_back_elsewhere_is_done_once_and_ends_there(
    take: str, end: str, ends: bool, is_told: bool
) -> None:
    moving = Moving(is_told, wire="json")
    boss = moving.bob.session.person
    boss.password = "a hash"
    moving.here.hub.give_role(None, boss, "operator", None)
    moving.nodes.settle()
    moving.begin()
    moving.bob.type(take)
    back = moving.come_back()
    back.type(take)
    if ends:
        back.type(end)
    moving.arrive()
    assert len(moving.told(Measured)) == 1 + ends
    assert len(moving.told(Audited, key="#staff")) == 1 + ends
    assert [len(world.hub.measures.all()) for world in moving.nodes.worlds] == [not ends] * 2
    assert [
        sum(
            kind == "measure" and record.value is not None for (kind, _), record in moving.nodes.cluster.records.items()
        )
    ] == [not ends]
    assert seen_by(moving.here.hub) == seen_by(moving.elsewhere.hub)


def test_what_was_done_on_another_device_on_the_first_node_holds(moving: Moving) -> None:
    person = moving.bob.session.person
    person.password = "a hash"
    moving.here.hub.turn.touch(person)
    moving.nodes.settle()
    other, moving.bob = moving.bob, moving.here.log_in(person, wire="json")
    moving.code = moving.bob.session.code
    moving.begin()
    moving.bob.type("/join #tea", "one")
    other.type("/join #milk", "two")
    back = moving.come_back()
    moving.arrive()
    assert not moving.told(Joined, key="#tea")
    assert len(moving.told(Joined, key="#milk")) == 1
    assert {*back.session.person.rooms} == {"#lobby", "#milk"}
    said = [fact.text for key in ("#lobby", "#tea", "#milk") for fact in moving.told(Message, Private, key=key)]
    assert sorted(said) == ["first", "second", "two"]
    moving.check_alike()
