"""An open server: what guests who came just now may not, and how long that lasts."""

from dataclasses import replace

import pytest
from returning import KeepingStore, enter, resume
from test_account import register
from test_staff import boss
from world import Client, World

from chat.base import limits

SLOW = "! slow-down: “{text}” was not said: who came just now says one line in 3 s; say"


@pytest.fixture
def world() -> World:
    return World(guards_newcomers=True)


def told(client: Client) -> str:
    return " ".join(line.removeprefix("!   ") for line in client.take())


def test_one_line_in_three_seconds_and_each_too_soon_is_told_and_none_is_lost_unseen(world: World) -> None:
    bob, eve = world.enter("bob"), world.enter("eve")
    bob.take()
    bob.type("one", "two", "/me three")
    lines = told(bob)
    assert SLOW.format(text="two") in lines
    assert SLOW.format(text="three") in lines
    world.wait(limits.NEWCOMER_PACE_SECONDS)
    bob.type("two")
    assert eve.take()[-2:] == ["<bob> one", "<bob> two"]


def test_after_ten_minutes_they_are_as_everybody(world: World) -> None:
    bob = world.enter("bob")
    assert bob.session.person.measured
    world.wait(limits.NEWCOMER_SECONDS)
    bob.take()
    bob.type("one", "two", "three", "see http://example.org")
    assert told(bob) == ""
    assert not bob.session.person.measured, "nor are their lines looked at any more"


@pytest.mark.parametrize(
    "link", ["http://example.org", "see HTTPS://x.example/", "www.example.org", "irc://x", "(www.x)"]
)
@pytest.mark.parametrize("line", ["{}", "/me {}", "/topic {}", "/away {}"])
def test_no_links_in_the_first_minute_wherever_they_would_stand(world: World, link: str, line: str) -> None:
    bob = world.enter("bob")
    eve = world.enter("eve")
    bob.take()
    bob.type(line.format(link))
    assert told(bob).startswith("! not-allowed: Who came just now says no links: wait 1 min.")
    assert link not in str(eve.take())
    world.wait(limits.LINK_SECONDS)
    bob.type(line.format(link))
    assert "not-allowed" not in told(bob)


def test_what_is_no_link_is_said(world: World) -> None:
    bob, eve = world.enter("bob"), world.enter("eve")
    for text in ("a://", "www.", "10:30", "and/or", "x.y.z"):
        bob.type(text)
        world.wait(limits.NEWCOMER_PACE_SECONDS)
        assert eve.take()[-1] == f"<bob> {text}"


def test_a_goodbye_with_a_link_goes_without_it(world: World) -> None:
    bob, carl, eve = world.enter("bob"), world.enter("carl"), world.enter("eve")
    bob.type("/quit http://x.example")
    carl.type("/leave #lobby http://x.example")
    heard = str(eve.take())
    assert "bob left" in heard
    assert "carl left" in heard
    assert "x.example" not in heard


def test_no_unasked_private_talk_but_answers_and_words_to_who_runs_the_server(world: World) -> None:
    staff, amy, bob = boss(world), register(world, "amy"), world.enter("bob")
    other = world.enter("other")
    world.take_all()
    bob.type("/msg amy buy this")
    assert told(bob).startswith("! not-allowed: Who came just now writes in private to who wrote to them: wait 10 min")
    bob.type("/msg boss help")
    assert staff.take() == ["[bob -> you] help"]
    amy.type("/msg bob hello", "/msg bob again")
    other.type("/msg bob me too")
    world.wait(limits.NEWCOMER_PACE_SECONDS)
    bob.take()
    bob.type("/msg amy hi")
    assert amy.take()[-1] == "[bob -> you] hi"
    world.wait(limits.NEWCOMER_PACE_SECONDS)
    bob.type("/msg other hi")
    assert "not-allowed" in told(bob), "who is new wrote to nobody either"
    world.wait(limits.NEWCOMER_SECONDS)
    bob.type("/msg other hi", "/msg other hi")
    assert other.take()[-2:] == ["[bob -> you] hi"] * 2


def test_who_has_an_account_is_no_newcomer(world: World) -> None:
    amy = register(world, "amy")
    eve = world.enter("eve")
    amy.take()
    amy.type("one", "two", "www.example.org", "/msg eve hi")
    assert told(amy) == "[you -> eve] hi"
    assert not amy.session.person.measured
    assert eve.take()[-4:] == ["<amy> one", "<amy> two", "<amy> www.example.org", "[amy -> you] hi"]


def test_who_says_a_line_from_outside_is_always_new_by_their_address(world: World) -> None:
    eve = world.enter("eve")
    one, two = (world.connect("/post deploy done", host="192.0.2.9") for _ in range(2))
    assert "-> posted" in one.lines
    assert any("slow-down" in line for line in two.lines)
    assert "-> posted" in world.connect("/post deploy done", host="192.0.2.10").lines
    world.wait(limits.NEWCOMER_PACE_SECONDS)
    assert any("says no links" in line for line in world.connect("/post deploy www.x.org", host="192.0.2.9").lines)
    assert len(eve.take()) == 2


def test_a_program_that_sends_a_line_again_is_not_told_to_wait(world: World) -> None:
    bob = world.enter("bob", wire="json")
    bob.type("one", id="a1")
    bob.type("one", id="a1")
    assert [keys["type"] for keys in bob.take_objects()] == ["ack", "ack"]


def test_a_resume_makes_nobody_older_or_newer(world: World) -> None:
    bob, code = enter(world, "bob")
    world.wait(limits.NEWCOMER_SECONDS / 2, 60)
    bob.cut()
    back = resume(world, code)
    back.take()
    back.type("one", "two")
    assert "slow-down" in told(back)
    world.wait(limits.NEWCOMER_SECONDS / 2, 60)
    back.type("one", "two")
    assert "slow-down" not in told(back)


def test_without_it_nobody_is_looked_at_and_a_reload_turns_it_on_and_off() -> None:
    world = World(KeepingStore())
    bob = world.enter("bob")
    assert not bob.session.person.measured
    bob.type("one", "two", "www.example.org")
    assert told(bob) == ""
    world.hub.settings = replace(world.hub.settings, guards_newcomers=True)
    for person in world.hub.people.values():
        world.hub.newcomers.watch(person)
    bob.type("one", "two")
    assert "slow-down" in told(bob)
    world.hub.settings = replace(world.hub.settings, guards_newcomers=False)
    bob.type("one", "two", "www.example.org")
    assert told(bob) == ""
    assert not bob.session.person.measured, "nobody is looked at any more"
