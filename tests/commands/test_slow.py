"""Rooms that are slow, or for so many people, and topics that are locked: what holds for a whole room, but for its
operators."""

from collections.abc import Callable

import pytest
from returning import KeepingStore, restarted, resume
from test_account import SECRET, come, register
from test_moderation import guest, moderated
from test_staff import boss
from test_tokens import made
from twisted.internet.defer import fail
from world import Client, World

from chat.base import limits
from chat.base.errors import NotStored
from chat.base.language import say

WAITS = "! slow-down: “{}” was not said: #ops is slow: one line in 30 s; say it in {} s."


def codes(client: Client) -> list[str]:
    """The errors that were told."""
    return [line.partition(":")[0] for line in errors(client)]


def errors(client: Client) -> list[str]:
    """The same with their sentences, each as one line."""
    return [line for line in "\n".join(client.take()).replace("\n!  ", "").split("\n") if line.startswith("!")]


# Slow.


def test_in_a_slow_room_everybody_says_one_line_in_so_many_seconds_and_is_told_when_the_next(world: World) -> None:
    ana, trol, ben = moderated(world)
    ana.type("/slow 30s")
    assert ana.take() == ["-> #ops is slow: everybody but operators may say one line in 30 s."]
    assert trol.take() == ["-!- ana slowed everybody to one line in 30 s in #ops"]
    trol.type("one", "two")
    assert errors(trol) == [WAITS.format("two", 30)]
    world.wait(17.5)
    trol.type("/me waves", "/msg #ops three", "/paste", "four", "five", "/end")
    assert errors(trol) == [WAITS.format(begin, 13) for begin in ("waves", "three", "four")]
    ben.type("I may")
    world.wait(13)
    trol.type("now")
    assert [line for line in ana.take() if line.startswith("#")] == [
        "#ops <trol> one",
        "#ops <ben> I may",
        "#ops <trol> now",
    ]


def test_operators_and_what_is_said_elsewhere_are_not_slow(world: World) -> None:
    ana, trol, ben = moderated(world)
    chief = boss(world, "chief")
    chief.type("/join #ops")
    ana.type("/slow 1h")
    world.take_all()
    ana.type("one", "two")
    chief.type("one", "two")
    trol.type("one", "/msg #lobby two", "/msg #lobby three", "/msg ben four", "/msg ben five")
    assert codes(ana) == codes(chief) == codes(trol) == []
    assert len(ben.take()) == 9


def test_a_burst_of_lines_is_answered_line_by_line(world: World) -> None:
    ana, trol, ben = moderated(world)
    ana.type("/slow 10s")
    world.take_all()
    trol.send(b"one\ntwo\nthree\n")
    world.turn()
    assert codes(trol) == ["! slow-down"] * 2
    assert ben.take() == ["#ops <trol> one"]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("/slow", "-> #ops is not slow."),
        ("/slow off", "-> #ops is not slow."),
        ("/slow 2m", "-> #ops is slow: everybody but operators may say one line in 2 min."),
        ("/slow #ops 2m", "-> #ops is slow: everybody but operators may say one line in 2 min."),
        ("/slow 2m #ops", "-> #ops is slow: everybody but operators may say one line in 2 min."),
        ("/lento 2m", "-> #ops is slow: everybody but operators may say one line in 2 min."),
        ("/slow 10", "! usage: 10 of what? 10s, 10m, 10h, 10d?"),
        ("/slow 0s", "! usage: One line in 1s to 6 h, or off."),
        ("/slow 7h", "! usage: One line in 1s to 6 h, or off."),
        ("/slow on", "! usage: One line in 1s to 6 h, or off."),
        ("/slow down", "! usage: A duration is written as 30s, 10m, 2h, 3d or 1w."),
    ],
)
def test_the_answer_says_what_was_understood(asked: str, told: str, world: World) -> None:
    ana, trol, ben = moderated(world)
    ana.type(asked)
    assert ana.take() == [told]
    assert len(ben.take()) == ("is slow" in told)
    trol.type("/slow 1s")
    assert codes(trol) == ["! not-allowed"]


def test_it_is_undone_by_its_opposite_and_each_is_an_entry_of_the_audit(world: World) -> None:
    ana, trol, ben = moderated(world)
    ana.type("/slow 1h", "/slow 1h", "/bans")
    assert ana.take()[-1] == "-> ana slowed everybody to one line in 1 h in #ops"
    trol.type("one")
    ben.take()
    ana.type("/slow off", "/slow off", "/bans")
    assert ana.take()[-1] == "-> Nobody is muted or banned."
    assert ben.take() == ["-!- ana ended the slow pace in #ops"]
    trol.type("two", "three")
    assert codes(trol) == []
    assert not world.hub.rooms["#ops"].measured
    staff = boss(world)
    staff.type("/admin audit")
    assert staff.take()[-2:] == ["-> 0 s ago ana: /slow in #ops, 1 h", "-> 0 s ago ana: /slow off in #ops"]


def test_a_shorter_time_counts_at_once(world: World) -> None:
    ana, trol, _ = moderated(world)
    ana.type("/slow 1h")
    trol.type("one")
    world.wait(20)
    ana.type("/slow 10s")
    trol.take()
    trol.type("two")
    assert codes(trol) == []


@pytest.mark.parametrize("line", ["/slow 30s", "/slow off", "/slow 20s", "/topic lock on", "/limit 5"])
def test_what_cannot_be_stored_is_not_so(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(store := KeepingStore())
    ana, _, _ = moderated(world)
    if line != "/slow 30s":
        ana.type("/slow 30s")
    before = world.hub.measures.all()
    with monkeypatch.context() as patched:
        patched.setattr(store, "commit", lambda batch: fail(NotStored(say("the disk is full"))))
        ana.type(line)
        assert codes(ana) == ["! not-stored"]
    assert world.hub.measures.all() == before
    assert world.hub.rooms["#ops"].measured is bool(before)


def test_it_survives_a_restart() -> None:
    world = World(store := KeepingStore())
    ana, trol, _ = moderated(world)
    ana.type("/slow 30s", "/topic lock on")
    code = trol.session.code
    after = restarted(world, store)
    trol = resume(after, code)
    trol.take()
    trol.type("one", "two", "/topic mine")
    assert codes(trol) == ["! slow-down", "! not-allowed"]


def _other_device(world: World, trol: Client) -> Client:
    return world.device(trol)


def _resumed(world: World, trol: Client) -> Client:
    code = trol.session.code
    trol.cut()
    return resume(world, code)


def _renamed(world: World, trol: Client) -> Client:
    trol.type("/nick other")
    return trol


def _there_again(world: World, trol: Client) -> Client:
    trol.type("/leave #ops", "/join #ops")
    return trol


def _logged_in(world: World, trol: Client) -> Client:
    trol.type(f"/login known {SECRET}", "/join #ops")
    return trol


def _came_back_as_guest(world: World, trol: Client) -> Client:
    trol.type(f"/login known {SECRET}", "/join #ops")
    code = trol.session.code
    trol.cut()
    return resume(world, code)


@pytest.mark.parametrize("way", [_other_device, _resumed, _renamed, _there_again, _logged_in, _came_back_as_guest])
def test_nobody_gets_round_it(way: Callable[[World, Client], Client], world: World) -> None:
    register(world, "known").type("/quit")
    ana, _, ben = moderated(world)
    trol = come(world, "sly")
    trol.type("/join #ops")
    ana.type("/slow 30s")
    trol.type("one")
    trol = way(world, trol)
    trol.take(), ben.take()
    trol.type("/msg #ops two")
    assert codes(trol) == ["! slow-down"]
    assert not any("two" in line for line in ben.take())


def test_a_line_that_is_sent_again_with_its_id_was_waited_for(world: World) -> None:
    ana, _, ben = moderated(world)
    ana.type("/slow 30s")
    bot = guest(world, "bot", wire="json")
    ben.take()
    bot.type("hello", id="1")
    code = bot.session.code
    bot.cut()
    bot = resume(world, code)
    bot.type("/json")
    bot.take()
    bot.type("hello", id="1")
    assert [(told["type"], told["id"]) for told in bot.take_objects() if "id" in told] == [("ack", "1")]
    bot.type("hello", id="2")
    assert [told["code"] for told in bot.take_objects()] == ["slow-down"]
    assert sum("<bot>" in line for line in ben.take()) == 1


def test_who_posts_waits_too_by_address(world: World) -> None:
    ana, _, ben = moderated(world)
    profe = register(world, "profe")
    profe.type("/join #ops")
    ana.type("/slow 30s")
    token = made(profe, "deploy #ops")
    ben.take()
    posts = ["script #ops one", "other #ops two", f"profe:{token} three", f"profe:{token} four"]
    for post in posts:
        world.connect(f"/post {post}", host="127.0.0.1")
    world.connect("/post elsewhere #ops five", host="192.0.2.9")
    assert [line.rpartition(" ")[2] for line in ben.take()] == ["one", "three", "five"]


def test_of_the_latest_alone_is_remembered_when_they_spoke(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PACES", 3)
    ana, _, _ = moderated(world)
    ana.type("/slow 30s")
    for number in range(5):
        guest(world, f"g{number}x").type("hello")
    assert len(world.hub.slow_mode) == 3
    world.wait(31)
    guest(world, "last").type("hello")
    assert len(world.hub.slow_mode) == 1


# A locked topic.


def test_a_locked_topic_is_set_by_operators_alone(world: World) -> None:
    ana, trol, ben = moderated(world)
    ana.type("/topic lock on")
    assert ana.take() == ["-> The topic of #ops is locked: operators set it."]
    assert ben.take() == ["-!- ana locked the topic in #ops"]
    trol.take()
    trol.type("/topic mine", "/topic -")
    assert trol.take() == ["! not-allowed: /topic is for the operators of the room. Nothing was done."] * 2
    ana.type("/topic Tuesday", "/topic lock", "/bans", "/topic lock off")
    assert [line for line in ana.take() if line.startswith("->")] == [
        '-> Topic of #ops: "Tuesday"',
        "-> The topic of #ops is locked: operators set it.",
        "-> ana locked the topic in #ops",
        "-> The topic of #ops is not locked.",
    ]
    trol.take()
    trol.type("/topic mine")
    assert ben.take()[-2:] == ["-!- ana unlocked the topic in #ops", '-!- trol set the topic of #ops: "mine"']
    staff = boss(world)
    staff.type("/admin audit")
    assert staff.take()[-2:] == ["-> 0 s ago ana: /topic lock on in #ops", "-> 0 s ago ana: /topic lock off in #ops"]


def test_it_is_locked_by_operators_alone_and_a_topic_may_begin_so(world: World) -> None:
    _, trol, ben = moderated(world)
    for line in ("/topic lock", "/topic lock on", "/topic #ops LOCK off"):
        trol.type(line)
        assert trol.take() == ["! not-allowed: /topic lock is for the operators of the room. Nothing was done."]
    assert ben.take() == []
    trol.type("/topic lock picking", "/topic lock the door")
    assert world.hub.rooms["#ops"].topic == "lock the door"


# What is read as well as a line is.


@pytest.mark.parametrize("line", ["/leave #ops spam", "/quit spam", "/topic #ops spam"])
def test_what_somebody_says_on_going_and_a_topic_are_lines_too(world: World, line: str) -> None:
    ana, trol, ben = moderated(world)
    ana.type("/slow 30s")
    trol.type("one")
    world.take_all()
    trol.type(line)
    assert errors(trol)[0] == WAITS.format("spam", 30)
    assert not any("spam" in heard for heard in ben.take())
    assert ("trol" in world.hub.rooms["#ops"].users) is line.startswith("/topic")


@pytest.mark.parametrize("line", ["/leave #ops bye", "/topic #ops bye"])
def test_after_them_they_wait_as_after_a_line(world: World, line: str) -> None:
    ana, trol, ben = moderated(world)
    ana.type("/slow 30s")
    world.take_all()
    trol.type(line)
    assert any("bye" in heard for heard in ben.take())
    trol.type("/join #ops", "two")
    assert errors(trol) == [WAITS.format("two", 30)]


def test_where_it_is_slower_by_now_an_earlier_line_counts_for_longer(world: World) -> None:
    ana, trol, ben = moderated(world)
    ana.type("/slow 10s")
    trol.type("one")
    world.wait(5)
    ana.type("/slow 30s")
    world.wait(6)
    ben.type("hi")
    trol.take()
    trol.type("two")
    assert errors(trol) == [WAITS.format("two", 19)]


# A limit of people.


def test_into_a_full_room_nobody_comes_and_who_is_in_it_stays(world: World) -> None:
    ana, trol, ben = moderated(world)
    carl = guest(world, "carl", room=None)
    world.take_all()
    ana.type("/limit 2")
    assert ana.take() == [
        "-> #ops has a limit of 2 people: beyond that nobody comes in but operators, and",
        "->   whom they ask in.",
    ]
    assert ben.take() == ["-!- ana set a limit of 2 people in #ops"]
    trol.type("hello")
    carl.type("/join #ops")
    assert carl.take() == ["! full: #ops is full: it has a limit of 2 people. Try again later."]
    for left in (trol, ben):
        carl.type("/join #ops")
        assert codes(carl) == ["! full"]
        left.type("/leave #ops")
    carl.type("/join #ops")
    assert codes(carl) == []
    trol.take()
    trol.type("/join #ops")
    assert codes(trol) == ["! full"]
    assert "#ops <trol> hello" in ben.take()


def test_operators_and_whom_they_ask_in_come_into_a_full_room(world: World) -> None:
    ana, _, _ = moderated(world)
    chief, carl, dee = boss(world, "chief"), guest(world, "carl", room=None), guest(world, "dee", room=None)
    ana.type("/limit 1", "/invite carl", "/private", "/invite dee")
    for client in (chief, carl, dee):
        client.take()
        client.type("/join #ops")
        assert codes(client) == []
    ana.type("/kick trol", "/kick carl")
    carl.take()
    carl.type("/join #ops")
    assert codes(carl) == ["! full"]


def test_who_was_asked_in_before_the_limit_or_before_a_restart_comes_in_as_long_as_there_is_one() -> None:
    world = World(store := KeepingStore())
    ana, _, _ = moderated(world)
    carl, dee = guest(world, "carl", room=None), guest(world, "dee", room=None)
    ana.type("/limit 1", "/limit 2", "/invite carl")
    codes_of = [client.session.code for client in (carl, dee)]
    after = restarted(world, store)
    carl, dee = (resume(after, code) for code in codes_of)
    for client in (carl, dee):
        client.type("/join #ops")
    assert (codes(carl), codes(dee)) == ([], ["! full"])
    after.hub.measures.end(after.hub.measures.of_all("limit", "#ops"))
    after.hub.locked.end_passes("#ops")
    assert not after.hub.locked.needs_pass("#ops")
    dee.type("/join #ops")
    assert codes(dee) == []


def test_who_waits_at_a_door_that_opens_comes_in_as_far_as_there_is_place_and_is_told(world: World) -> None:
    ana, _, _ = moderated(world)
    carl, dee = guest(world, "carl", room=None), guest(world, "dee", room=None)
    ana.type("/limit 4", "/lock on")
    for client in (carl, dee):
        client.type("/join #ops")
        client.take()
    ana.type("/unlock on")
    assert codes(carl) == []
    assert codes(dee) == ["! full"]


def test_whoever_comes_when_the_lobby_is_full_is_in_the_chat_and_in_no_room(world: World) -> None:
    chief = boss(world, "chief")
    chief.type("/limit #lobby 1")
    amy = world.connect("amy")
    assert codes(amy) == ["! full"]
    amy.type("/who", "/join #lobby", "/join #tea")
    assert codes(amy) == ["! not-in-room", "! full"]
    assert amy.session.current.log.name == "#tea"


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("/limit", "-> #ops has no limit of people."),
        ("/limit off", "-> #ops has no limit of people."),
        ("/limit #ops", "-> #ops has no limit of people."),
        ("/límite no", "-> #ops has no limit of people."),
        ("/limit 0", "! usage: From 1 to 100000 people, or off."),
        ("/limit 100001", "! usage: From 1 to 100000 people, or off."),
        ("/limit on", "! usage: From 1 to 100000 people, or off."),
        ("/limit ²", "! usage: From 1 to 100000 people, or off."),
    ],
)
def test_of_a_limit_too_the_answer_says_what_was_understood(asked: str, told: str, world: World) -> None:
    ana, trol, ben = moderated(world)
    ana.type(asked)
    assert ana.take() == [told]
    assert ben.take() == []
    trol.type("/limit 1")
    assert codes(trol) == ["! not-allowed"]


def test_a_limit_stands_among_the_measures_in_the_audit_and_in_what_programs_get(world: World) -> None:
    ana, _, _ = moderated(world)
    bot = guest(world, "bot", wire="json")
    ana.type("/limit #ops 20", "/limit 20", "/bans")
    assert ana.take()[-1] == "-> ana set a limit of 20 people in #ops"
    ana.type("/limit off", "/bans")
    assert ana.take()[-1] == "-> Nobody is muted or banned."
    told = [event for event in bot.take_objects() if event["type"] == "measure"]
    assert [(event["what"], event.get("most")) for event in told] == [("limit", 20), ("unlimit", None)]
    assert not world.hub.rooms["#ops"].measured
    staff = boss(world)
    staff.type("/admin audit")
    assert staff.take()[-2:] == ['-> 0 s ago ana: /limit in #ops: "20"', "-> 0 s ago ana: /limit off in #ops"]
