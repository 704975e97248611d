"""Several sessions of one person: what each of them hears, and what the others see of them.

Only accounts will have them; until then a world makes them (`World.device`).
"""

import pytest
from returning import KeepingStore, code_of, enter, restarted, resume, texts
from stores import SlowStore
from world import Client, World

from chat.base import limits
from chat.core.presence import TABLE, Event, Presence


@pytest.fixture
def bob(world: World) -> Client:
    return world.enter("bob")


@pytest.fixture
def amy(world: World, bob: Client) -> Client:
    return world.enter("amy")


@pytest.fixture
def phone(world: World, amy: Client) -> Client:
    """Amy's other device."""
    phone = world.device(amy)
    world.take_all()
    return phone


def test_what_is_said_on_one_device_the_other_hears(amy: Client, phone: Client, bob: Client) -> None:
    amy.type("from here")
    phone.type("from there")
    bob.type("from bob")
    assert amy.take() == ["<amy> from there", "<bob> from bob"]
    assert phone.take() == ["<amy> from here", "<bob> from bob"]
    assert bob.take() == ["<amy> from here", "<amy> from there"]


def test_private_talk_is_heard_on_both_once(amy: Client, phone: Client, bob: Client) -> None:
    amy.type("/msg bob psst")
    bob.type("/reply what?")
    assert amy.take() == ["[you -> bob] psst", "[bob -> you] what?"]
    assert phone.take() == ["[you -> bob] psst", "[bob -> you] what?"]


def test_others_see_no_second_one_come(world: World, amy: Client, bob: Client) -> None:
    bob.take()
    world.device(amy)
    bob.type("/who")
    assert bob.take() == ["-> 2 people are in #lobby: bob and amy"]


def test_a_room_is_joined_and_left_on_all(amy: Client, phone: Client, bob: Client) -> None:
    amy.type("/join #ops")
    assert phone.take() == ["-> You joined #ops on another device."]
    bob.type("/join #ops", "hello ops")
    assert "#ops <bob> hello ops" in phone.take()
    phone.type("/join #ops")
    phone.take()
    amy.take()
    amy.type("/leave #ops")
    assert phone.take() == ["-> You left #ops on another device.", "-> You speak in #lobby now."]
    phone.type("in the lobby again")
    assert amy.take()[-1] == "<amy> in the lobby again"


def test_who_left_the_room_where_another_device_speaks_is_welcomed_where_they_are() -> None:
    store = KeepingStore()
    world = World(store)
    amy, _ = enter(world, "amy", "json")
    phone = world.device(amy, "json")
    code = code_of(phone)
    amy.type("/join #ops", "/join #dev")
    phone.type("/join #dev")
    phone.cut()
    amy.type("/leave #lobby", "/leave #dev")
    world = restarted(world, store)
    (welcome,) = [keys for keys in resume(world, code, "json").objects if keys["type"] == "welcome"]
    assert welcome["room"] == "#ops"
    assert list(welcome["rooms"]) == ["#ops"]


def test_one_that_comes_back_while_a_room_is_joined_elsewhere_is_welcomed_first(
    world: World, amy: Client, bob: Client
) -> None:
    phone = world.device(amy, "json")
    code = code_of(phone)
    phone.cut()
    back = world.connect(wire="json")
    back.take()
    back.send(f"/resume {code}\n".encode())
    back.socket.doRead()
    amy.send(b"/join #ops\n")
    amy.socket.doRead()
    bob.type("/join #ops", "to ops")
    kinds = [keys["type"] for keys in back.take_objects()]
    assert kinds[0] == "welcome"
    assert kinds.count("message") == 1


def test_a_new_nickname_is_that_of_all(amy: Client, phone: Client, bob: Client) -> None:
    bob.take()
    amy.type("/nick dee")
    assert phone.take() == ["-> You are dee now, by another device."]
    phone.type("hi")
    assert bob.take() == ["-!- amy is now known as dee", "<dee> hi"]
    amy.take()
    phone.type("/nick eve")
    assert amy.take() == ["-> You are eve now, by another device."]


def test_a_program_is_told_as_of_itself(world: World, amy: Client) -> None:
    bot = world.device(amy, "json")
    bot.take()
    amy.type("/join #ops", "/nick dee", "/leave #ops")
    own = [keys for keys in bot.take_objects() if keys.get("self")]
    assert (own[1]["from"], own[1]["to"]) == ("amy", "dee")
    assert [(keys["type"], keys["room"], keys["seq"]) for keys in own] == [
        ("joined", "#ops", 1),
        ("renamed", "@", 2),
        ("left", "#ops", 3),
    ]


def test_what_is_a_state_is_told_at_the_end_of_the_turn_and_only_the_last(amy: Client, phone: Client) -> None:
    amy.type("/away lunch")
    assert phone.take() == ["-> You are away, as you said on another device; /back ends it."]
    phone.full()
    while not phone.session.connection.blocked:
        amy.type("x" * limits.TEXT)
    amy.type("/back", "/away", "/away tea", "/back")
    phone.drain()
    assert [line for line in phone.take() if line.startswith("->")] == [
        "-> You are back, as you said on another device."
    ]


def test_who_is_ignored_is_ignored_on_all(amy: Client, phone: Client, bob: Client) -> None:
    amy.type("/ignore bob")
    assert phone.take() == ["-> You hear nothing more from bob, as you said on another device."]
    bob.type("hello?")
    assert phone.take() == []
    phone.type("/unignore bob")
    bob.type("hello!")
    assert amy.take()[-1] == "<bob> hello!"


def test_however_many_are_ignored_and_heard_again_a_device_that_reads_nothing_waits_for_few(
    world: World, amy: Client, phone: Client, bob: Client
) -> None:
    amy.type("/ignore bob")
    phone.take()
    phone.full()
    while not phone.session.connection.blocked:
        amy.type("x" * limits.TEXT)
    for number in range(10):
        world.enter(f"carl{number}")
        amy.type(f"/ignore carl{number}", f"/unignore CARL{number}")
    amy.type("/ignore carl3", "/unignore bob")
    phone.drain()
    assert [line for line in phone.take() if line.startswith("->")] == [
        "-> You hear nothing more from carl3, as you said on another device.",
        "-> You hear bob again, as you said on another device.",
    ]


def test_only_the_last_cut_is_a_line_that_is_down(world: World, amy: Client, phone: Client, bob: Client) -> None:
    amy.cut()
    bob.take()
    bob.type("/who")
    assert bob.take() == ["-> 2 people are in #lobby: bob and amy"]
    phone.cut()
    bob.type("/who")
    assert bob.take() == ["-> 2 people are in #lobby: bob and amy (line down 0 s)"]
    world.wait(limits.GRACE_SECONDS + 1)
    assert bob.take() == ["-!- amy left (3 min)"]


def test_each_code_brings_its_own_session_back(world: World, amy: Client, bob: Client) -> None:
    phone = world.device(amy, "json")
    code = code_of(phone)
    phone.take()
    phone.cut()
    amy.type("/join #ops")
    bob.type("/join #ops", "/msg amy psst", "to ops")
    back = resume(world, code, "json", seen={"#lobby": 2})
    assert texts(back) == ["psst", "to ops"]
    amy.take()
    back.type("hi")
    assert amy.take() == ["#lobby <amy> hi"]


def test_who_goes_on_with_the_session_of_another_device_has_not_left(world: World, amy: Client, bob: Client) -> None:
    phone = world.device(amy)
    code = phone.session.code or ""
    phone.cut()
    world.take_all()
    amy.type(f"/resume {code}", "still here")
    assert bob.take() == ["<amy> still here"]
    assert list(world.hub.codes.values()) == [bob.session, amy.session]


def test_a_session_that_quits_ends_its_own_code_alone(world: World, amy: Client, bob: Client) -> None:
    phone = world.device(amy)
    code = phone.session.code or ""
    world.take_all()
    phone.type("/quit")
    assert resume(world, code).lines[-1].startswith("! code-wrong")
    assert bob.take() == []
    amy.type("/quit bye")
    assert bob.take() == ['-!- amy left (0 s): "bye"']


def test_the_last_one_that_quits_leaves_the_others_codes_good(world: World, amy: Client, bob: Client) -> None:
    phone = world.device(amy)
    code = phone.session.code or ""
    phone.cut()
    bob.take()
    amy.type("/quit bye")
    assert bob.take() == ['-!- amy left (0 s): "bye"']
    assert "-> Welcome back amy. You are in #lobby with bob: what you type, they see." in resume(world, code).lines
    assert bob.take() == ["-!- amy joined #lobby (2 here)"]


def test_one_that_is_left_hears_as_everybody_does(world: World, amy: Client, phone: Client, bob: Client) -> None:
    amy.cut()
    bob.type("hi")
    assert phone.take() == ["<bob> hi"]
    assert not phone.session.picky
    phone.type("/join #ops")
    assert not [line for line in phone.take() if "joined" in line or "another device" in line]


def test_a_new_device_is_given_what_was_not_read(world: World, bob: Client) -> None:
    amy = world.enter("amy", wire="json")
    bob.type("one", "two", "three")
    amy.type("", read={"#lobby": 4})
    assert texts(world.device(amy, "json")) == ["three"]


def test_what_was_read_long_ago_is_left_to_history(world: World, bob: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "GIVEN_BACK", 2)
    amy = world.enter("amy", wire="json")
    bob.type("one", "two", "three")
    assert texts(world.device(amy, "json")) == ["two", "three"]


def test_what_was_shown_to_a_person_is_read(world: World, amy: Client, bob: Client) -> None:
    bob.type("one", "two", "three")
    person = amy.session.person
    assert person.read_up_to(world.hub.lobby.log) == 1, "nothing is acknowledged yet"
    amy.session.mark_seen()
    assert person.read_up_to(world.hub.lobby.log) == world.hub.lobby.log.head
    amy.type("/join #ops")
    bob.type("four")
    assert person.read_up_to(world.hub.lobby.log) == world.hub.lobby.log.head - 1


@pytest.mark.parametrize("then", ["cut", "json", "taken over"])
def test_what_was_read_stays_read_whatever_becomes_of_the_connection(world: World, bob: Client, then: str) -> None:
    amy, code = enter(world, "amy")
    bob.type("one", "/msg amy two")
    amy.session.mark_seen()
    person = amy.session.person
    before = [person.read_up_to(log) for log in person.logs.values()]
    assert before == [log.head for log in person.logs.values()]
    if then == "cut":
        amy.cut()
    elif then == "json":
        amy.type("/json")
    else:
        resume(world, code, "json")
    assert [person.read_up_to(log) for log in person.logs.values()] == before


def test_a_marker_only_grows_and_is_told_on_the_other_devices(world: World, bob: Client) -> None:
    amy = world.enter("amy", wire="json")
    other = world.device(amy, "json")
    bob.type("one", "two")
    other.take()
    amy.take()
    amy.type("", read={"#lobby": 4}, id="1")
    amy.type("", read={"#lobby": 3, "@": 0}, id="2")
    amy.type("", read={"#lobby": 99}, id="3")
    amy.type("", read={"#nowhere": 1}, id="4")
    assert [keys for keys in other.take_objects() if keys["type"] == "read"] == [
        {"type": "read", "room": "#lobby", "seq": 4}
    ]
    answers = [(keys["type"], keys.get("code"), keys["id"]) for keys in amy.take_objects() if "id" in keys]
    assert answers == [
        ("ack", None, "1"), ("ack", None, "2"), ("error", "seen-ahead", "3"), ("error", "no-room", "4")
    ]  # fmt: skip


def test_whoever_comes_while_a_marker_is_being_stored_is_not_told_an_earlier_one_than_they_know() -> None:
    store = SlowStore()
    world = World(store)
    amy = world.enter("amy", wire="json")
    first, second = world.device(amy, "json"), world.device(amy, "json")
    world.enter("bob").type("one", "two", "three")
    world.take_all()
    store.slow = True
    first.type("", read={"#lobby": 3})
    second.type("", read={"#lobby": 5})
    assert amy.session.person.read_up_to(world.hub.lobby.log) == 5  # so whoever comes now is told
    while store.commits:
        store.let()
        world.turn()
    told = [keys["seq"] for keys in amy.take_objects() if keys["type"] == "read"]
    assert set(told) == {5}


def test_both_come_back_after_a_restart() -> None:
    store = KeepingStore()
    world = World(store)
    amy, code = enter(world, "amy", "json")
    phone = world.device(amy, "json")
    codes = [code, code_of(phone)]
    bob, _ = enter(world, "bob")
    amy.type("", read={"#lobby": 2})
    world = restarted(world, store)
    bob = world.enter("carl")
    bob.type("after")
    for own in codes:
        back = resume(world, own, "json", seen={"#lobby": 2})
        assert texts(back) == ["after"]
    (person,) = [person for person in world.hub.people.values() if person.nick == "amy"]
    assert len(person.attached) == 2
    assert person.read[world.hub.lobby.log.key] == 2


def test_whoever_is_banned_is_so_on_all(world: World, amy: Client, phone: Client) -> None:
    amy.session.banish()
    world.turn()
    assert amy.ended
    assert phone.ended
    assert [person.nick for person in world.hub.people.values()] == ["bob"]


def test_what_the_server_tells_everybody_is_heard_by_all_and_by_who_comes_back(
    world: World, amy: Client, phone: Client, bob: Client
) -> None:
    carl, code = enter(world, "carl", "json")
    carl.cut()
    world.take_all()
    world.hub.announce("backup at noon")
    world.turn()
    assert [client.take() for client in (amy, phone, bob)] == [['-!- Announcement: "backup at noon"']] * 3
    dee = world.enter("dee")
    world.hub.announce("now", amy.session.author)
    world.turn()
    assert dee.take() == ['-!- Announcement by amy: "now"']
    back = resume(world, code, "json", seen={"#lobby": 2})
    told = [(keys["room"], keys["seq"], keys["text"]) for keys in back.objects if keys["type"] == "announced"]
    assert told == [("*", 1, "backup at noon"), ("*", 2, "now")]


def test_what_the_server_tells_while_somebody_comes_in_or_back_reaches_them_once(world: World) -> None:
    amy, code = enter(world, "amy", "json")
    bob = world.connect(wire="json")
    world.hub.announce("one")
    bob.send(b"/nick bob\n")
    bob.socket.doRead()
    world.turn()
    amy.cut()
    world.hub.announce("two")
    back = world.connect(wire="json")
    back.send(f"/resume {code}\n".encode())
    back.socket.doRead()
    world.hub.announce("three")
    world.turn()
    for client in (bob, back):
        assert [keys["text"] for keys in client.objects if keys["type"] == "announced"] == ["one", "two", "three"]
        kinds = [keys["type"] for keys in client.objects]
        assert kinds.index("welcome") < kinds.index("announced")


def test_the_servers_log_is_read_so_far_as_well(world: World) -> None:
    amy = world.enter("amy", wire="json")
    world.hub.announce("backup at noon")
    world.turn()
    amy.take()
    amy.type("", read={"*": 1}, id="1")
    assert [keys["type"] for keys in amy.objects] == ["ack"]
    assert amy.session.person.read_up_to(world.hub.log) == 1


def test_what_is_announced_is_heard_by_who_ignores_its_author(world: World, amy: Client, bob: Client) -> None:
    bob.type("/ignore amy")
    bob.take()
    world.hub.announce("now", amy.session.author)
    world.turn()
    assert bob.take() == ['-!- Announcement by amy: "now"']


def test_what_the_server_tells_is_numbered_on_after_a_restart() -> None:
    store = KeepingStore()
    world = World(store)
    amy, code = enter(world, "amy", "json")
    world.hub.announce("one")
    world.turn()
    amy.cut()
    world.hub.announce("two")
    world.turn()
    world = restarted(world, store)
    world.hub.announce("three")
    world.turn()
    back = resume(world, code, "json", seen={"#lobby": 1, "*": 1})
    assert [(keys["seq"], keys["text"]) for keys in back.objects if keys["type"] == "announced"] == [
        (2, "two"), (3, "three")
    ]  # fmt: skip


def test_the_table_leads_everywhere_and_nobody_comes_back_from_the_end() -> None:
    reached = {after for after, _ in TABLE.values()}
    assert reached == set(Presence) - {Presence.ENTERING}
    assert not [at for at, _ in TABLE if at is Presence.LEFT]
    assert {event for _, event in TABLE} == set(Event)
