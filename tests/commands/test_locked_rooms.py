"""Locked rooms: who waits at the door, who is told of it, and who comes in."""

import irc_client
import pytest
from returning import KeepingStore, code_of, restarted, resume
from stores import SlowStore
from test_account import SECRET, come, register
from test_roles import founded, in_room
from test_staff import boss
from test_tokens import made
from told import told
from world import Client, World

from chat.base import limits

WAITS = "! locked: #ops is locked: you wait at its door, 10 min at most. amy was told."
STILL = "! locked: You wait at the door of #ops: nobody there hears you yet."


@pytest.fixture
def store() -> KeepingStore:
    return KeepingStore()


@pytest.fixture
def world(store: KeepingStore) -> World:
    return World(store)


@pytest.fixture
def amy(world: World) -> Client:
    """Whose locked room it is."""
    amy = founded(world)
    amy.type("/leave #lobby", "/lock on")
    amy.take()
    return amy


def at_door(world: World, nick: str, host: str = "192.0.2.7", wire: str = "plain") -> Client:
    client = world.connect(f"/nick {nick}", host=host, wire=wire)
    client.take()
    client.type("/join #ops")
    return client


def inside(world: World, key: str = "#ops") -> list[str]:
    return world.hub.rooms[key].users


# On and off.


def test_alone_it_tells_how_it_is_and_any_other_word_changes_nothing(world: World) -> None:
    amy, bob = founded(world), in_room(world, "bob")
    amy.take()
    for line in ("/lock", "/unlock", "/lock off", "/unlock on", "/lock no"):
        amy.type(line)
        assert told(amy) == ["-> #ops is open; /lock on locks it: who comes then waits at the door."]
    amy.type("/lock bob")
    assert told(amy)[0].startswith("! usage: /lock")
    assert bob.take() == []
    amy.type("/lock on", "/cerrar sí", "/lock #ops")
    assert told(amy) == ["-> #ops is locked: who comes waits at the door. /lock off opens it."] * 3
    assert bob.take() == ["-!- amy locked the door in #ops"]
    amy.type("/abrir sí")
    assert bob.take() == ["-!- amy opened the door in #ops"]
    assert not world.hub.locked.is_locked("#ops")


def test_it_is_for_operators_alone(world: World) -> None:
    founded(world)
    bob = in_room(world, "bob")
    bob.type("/lock on", "/unlock on", "/admit amy", "/refuse amy")
    assert [line.split(":")[0] for line in told(bob) if line.startswith("! ")] == ["! not-allowed"] * 4
    assert not world.hub.locked.is_locked("#ops")


def test_the_room_of_the_servers_operators_has_no_door(world: World) -> None:
    staff = boss(world)
    staff.type("/lock #staff on")
    assert told(staff) == ["! not-allowed: #staff is for whoever runs this server alone."]


# At the door.


def test_who_comes_waits_and_who_may_admit_is_told_on_all_devices_and_nobody_else(world: World, amy: Client) -> None:
    second, bob = world.device(amy, wire="json"), in_room(world, "bob")
    assert told(bob) == []  # waits, too: it came after the lock
    amy.type("/admit bob")
    world.take_all()
    carl = at_door(world, "carl")
    assert told(carl) == [WAITS]
    assert told(amy) == ["-> At the door of #ops: carl; /admit NICK or /refuse NICK."]
    assert second.take_objects() == [{"type": "waiting", "room": "#ops", "who": ["carl"]}]
    assert not [line for line in told(bob) if "door" in line]
    carl.type("/join #ops")
    assert told(carl) == [STILL]
    assert told(amy) == []


def test_where_nobody_who_could_let_in_is_here_that_is_told(world: World, amy: Client) -> None:
    amy.cut()
    told_of = told(at_door(world, "carl"))
    assert told_of[0].endswith("10 min at most. Nobody who could let you in is here now.")
    back = world.log_in(world.hub.find("amy"))
    assert "-> At the door of #ops: carl; /admit NICK or /refuse NICK." in told(back)


def test_who_is_admitted_is_in_it_with_what_was_said_and_may_come_again(world: World, amy: Client) -> None:
    amy.type("for those who come")
    carl = at_door(world, "carl")
    world.take_all()
    amy.type("/admit carl")
    assert told(amy) == ["-!- carl joined #ops (2 here)", "-> carl is in #ops."]
    heard = told(carl)
    assert heard[0] == "-!- amy admitted carl in #ops"
    assert "10:04 <amy> for those who come" in heard
    assert heard[-2:] == [
        "-> You speak in #ops now. You still hear #lobby; /join #lobby goes back.",
        "-> With you in #ops: amy.",
    ]
    carl.type("hello", "/leave", "/join #ops")
    assert inside(world) == ["amy", "carl"]
    assert "<carl> hello" in amy.take()


def test_a_program_is_answered_as_if_its_join_had_taken_a_while(world: World, amy: Client) -> None:
    dee = world.enter("dee", wire="json")
    dee.type("/join #ops", id="j1")
    (refused,) = dee.take_objects()
    assert (refused["type"], refused["code"], refused["id"]) == ("error", "locked", "j1")
    amy.type("/admit dee")
    objects = dee.take_objects()
    assert (objects[0]["type"], objects[0]["what"], objects[0]["of"]) == ("measure", "admit", "#ops")
    (reply,) = [keys for keys in objects if keys["type"] == "reply"]
    assert (reply["command"], reply["room"], reply["users"]) == ("join", "#ops", ["amy", "dee"])


def test_an_irc_client_is_told_by_a_number_and_later_that_it_joined(world: World, amy: Client) -> None:
    eva = world.connect("NICK eva", "USER e 0 * :Eva")
    eva.take()
    eva.type("JOIN #ops")
    assert eva.take()[0].startswith(":pi 473 eva #ops :#ops is locked: you wait at its door")
    amy.type("/admit eva")
    lines = eva.take()
    assert ":eva!chat@chat JOIN #ops" in lines
    assert ":pi 353 eva = #ops :@amy eva" in lines


def test_who_is_refused_is_told_why_and_is_not_in(world: World, amy: Client) -> None:
    carl = at_door(world, "carl")
    world.take_all()
    amy.type("/refuse carl class is full")
    assert told(amy) == ['-> Not admitted to #ops: carl: "class is full".']
    assert told(carl) == ['-!- amy refused carl in #ops: "class is full"']
    assert inside(world) == ["amy"]
    amy.type("/admit carl")
    assert told(amy) == ["! usage: carl does not wait at the door of #ops."]


def test_an_operator_who_is_muted_gives_no_reason(world: World, amy: Client) -> None:
    carl = at_door(world, "carl")
    world.operator("/admin mute amy")
    world.take_all()
    amy.type("/refuse carl Marker", "/lock off")
    assert [line.split(":")[0] for line in told(amy) if line.startswith("! ")] == ["! muted", "! muted"]
    amy.type("/refuse carl")
    assert told(carl) == ["-!- amy refused carl in #ops"]


def test_all_who_wait_are_let_in_at_once(world: World, amy: Client) -> None:
    for nick in ("bob", "carl", "dee"):
        at_door(world, nick)
    amy.take()
    amy.type("/admit all", "/admit todos", "/refuse all")
    assert told(amy)[-3:] == ["-> bob, carl and dee are in #ops.", *["! usage: Nobody waits at the door of #ops."] * 2]
    assert inside(world) == ["amy", "bob", "carl", "dee"]


def test_from_anywhere_the_door_is_found_at_which_somebody_waits(world: World, amy: Client) -> None:
    at_door(world, "carl")
    amy.type("/join #tea", "/admit carl")
    assert inside(world) == ["amy", "carl"]


def test_after_ten_minutes_they_are_told_and_may_ask_once_more(world: World, amy: Client) -> None:
    carl = at_door(world, "carl")
    world.wait(limits.DOOR_SECONDS - 1)
    carl.take()
    world.wait(1)
    assert told(carl) == ["-!- Nobody admitted carl within 10 min in #ops"]
    assert not world.hub.locked.waiting("#ops")
    carl.type("/join #ops")
    assert told(carl) == [WAITS]


def test_five_of_an_address_wait_and_others_wait_all_the_same() -> None:
    world = World(max_per_host=20)
    amy = founded(world)
    amy.type("/lock on")
    for number in range(limits.AT_DOOR):
        at_door(world, f"troll{'abcdefg'[number]}x", "192.0.2.66")
    sixth, other = at_door(world, "sixth", "192.0.2.66"), at_door(world, "other", "192.0.2.67")
    assert told(sixth)[:1] == [
        "! locked: #ops is locked, and 5 of your address wait at its door already: try again later."
    ]
    assert told(other) == [WAITS]


# Who comes in all the same.


def test_who_is_in_it_comes_back_after_a_cut_and_who_left_waits(world: World, amy: Client) -> None:
    amy.type("/lock off")
    bob = at_door(world, "bob")
    bob.socket.received[:0] = b""
    code = bob.session.code
    carl = at_door(world, "carl")
    amy.type("/lock on")
    bob.cut()
    world.wait(limits.GRACE_SECONDS)
    back = resume(world, code or "")
    assert inside(world) == ["amy", "carl", "bob"]
    back.type("/leave #ops", "/join #ops")
    assert told(back)[-1] == WAITS
    carl.type("/quit")
    assert at_door(world, "carl").session.person.rooms.keys() == {"#lobby"}


def test_operators_and_whoever_is_asked_in_do_not_wait(world: World, amy: Client) -> None:
    staff = boss(world)
    staff.type("/join #ops")
    bob, carl = register(world, "bob"), world.enter("carl")
    bob.type("/join #ops")
    amy.type("/admit bob", "/op bob", "/kick bob", "/invite carl")
    bob.type("/leave #ops", "/join #ops")
    carl.type("/join #ops")
    assert inside(world) == ["amy", "boss", "bob", "carl"]


def test_an_invitation_of_before_the_lock_opens_the_door_of_a_private_room_once(world: World, amy: Client) -> None:
    amy.type("/lock off", "/private on", "/word sesame")
    bob, carl, dee = world.enter("bob"), world.enter("carl"), world.enter("dee")
    amy.type("/invite bob", "/lock on")
    bob.type("/join #ops")
    carl.type("/join #ops")
    dee.type("/join #ops sesame")
    assert inside(world) == ["amy", "bob"]
    assert [one.person.nick for one in world.hub.locked.waiting("#ops")] == ["dee"], "who knows nothing of it does not"
    bob.type("/leave #ops", "/join #ops")
    assert inside(world) == ["amy"]
    amy.type("/admit dee")
    assert inside(world) == ["amy", "dee"]


def test_who_is_kicked_waits_and_who_is_banned_does_not_even(world: World, amy: Client) -> None:
    troll = at_door(world, "troll")
    amy.type("/admit troll", "/kick troll")
    troll.take()
    troll.type("/join #ops")
    assert told(troll) == [WAITS]
    amy.type("/ban troll 10m")
    assert not world.hub.locked.waiting("#ops")
    troll.take()
    troll.type("/join #ops")
    assert told(troll)[0].startswith("! banned: ")


def test_nobody_says_a_word_from_outside(world: World, amy: Client) -> None:
    outside = world.connect("/post deploy #ops done")
    assert told(outside)[0] == "! locked: #ops is locked: only who is in it says something there."
    amy.type("/lock off")
    assert "-> posted" in world.connect("/post deploy #ops done").lines


# The lobby.


def lobby(world: World) -> Client:
    staff = boss(world)
    staff.type("/join #lobby", "/lock on")
    staff.take()
    return staff


def test_a_newcomer_is_in_no_room_until_they_are_admitted(world: World) -> None:
    staff = lobby(world)
    bob = world.connect("/nick bob")
    assert told(bob) == [
        "-> Hello bob. You are in no room yet.",
        "! locked: #lobby is locked: you wait at its door, 10 min at most. boss was told.",
    ]
    bob.type("hello?", "/who", "/me waves")
    assert told(bob) == ["! locked: You wait at the door of #lobby: nobody there hears you yet."] * 3
    staff.take()
    staff.type("/admit bob")
    bob.type("hello!")
    assert "#lobby <bob> hello!" in staff.take()
    dee = world.connect("/nick dee", wire="json")
    welcome, error = (keys for keys in dee.take_objects() if keys["type"] != "hello")
    assert (welcome["rooms"], error["code"]) == ({}, "locked")


def test_who_waits_may_still_go_elsewhere_and_stop_waiting(world: World) -> None:
    lobby(world)
    bob = world.connect("/nick bob")
    bob.take()
    bob.type("/join #tea", "talk", "/leave #lobby", "/leave #lobby")
    assert inside(world, "#tea") == ["bob"]
    assert told(bob)[-2:] == [
        "-> You do not wait at the door of #lobby any more.",
        "! not-in-room: You are not in #lobby, but in #tea.",
    ]


def test_who_leaves_waits_no_more_and_who_is_cut_off_does_and_is_let_in_meanwhile(world: World) -> None:
    staff = lobby(world)
    bob, carl = world.connect("/nick bob"), world.connect("/nick carl")
    code = code_of(carl)
    bob.type("/quit")
    carl.cut()
    assert [one.person.nick for one in world.hub.locked.waiting("#lobby")] == ["carl"]
    back = resume(world, code)
    assert told(back)[1] == "! locked: You wait at the door of #lobby: nobody there hears you yet."
    back.cut()
    staff.type("/admit carl")
    assert "carl" in inside(world, "#lobby")
    again = resume(world, code)
    assert told(again)[0].startswith("-> Welcome back carl. You are in #lobby with boss")
    again.cut()
    world.connect("/nick dee").cut()
    world.wait(limits.GRACE_SECONDS)
    assert not world.hub.locked.waiting("#lobby")


def test_a_guest_who_waits_and_logs_in_is_who_they_are(world: World) -> None:
    zoe = register(world, "zoe")
    zoe.type("/quit")
    lobby(world)
    guest = come(world, "/nick guestly", "/login zoe", SECRET)
    assert guest.session.person.nick == "zoe"
    assert not world.hub.locked.waiting("#lobby")
    assert inside(world, "#lobby") == ["boss", "zoe"]


# What is kept.


def test_the_lock_who_waits_and_who_may_come_survive_a_restart(world: World, store: KeepingStore) -> None:
    staff = lobby(world)
    bob, carl = world.connect("/nick bob"), world.connect("/nick carl")
    staff.type("/admit bob")
    bob.type("/join #tea", "/leave #lobby")
    codes = code_of(bob), code_of(carl)
    world.wait(60)
    after = restarted(world, store)
    assert after.hub.locked.is_locked("#lobby")
    bob, carl = (resume(after, code) for code in codes)
    bob.type("/join #lobby")
    assert inside(after, "#lobby") == ["boss", "bob"]
    assert [one.person.nick for one in after.hub.locked.waiting("#lobby")] == ["carl"]
    carl.take()
    after.wait(limits.DOOR_SECONDS - 60, 60)
    assert "-!- Nobody admitted carl within 10 min in #lobby" in told(carl)
    again = restarted(after, store)
    assert not again.hub.locked.waiting("#lobby")


def test_who_waits_keeps_their_place_over_a_restart(world: World, store: KeepingStore) -> None:
    lobby(world)
    names = ["bob", "carl", "dora", "eva", "finn"]
    for nick in names:
        world.connect(f"/nick {nick}")
        world.wait(1)
    store.records = dict(sorted(store.records.items(), reverse=True))  # a database gives them as it likes
    after = restarted(world, store)
    assert [one.person.nick for one in after.hub.locked.waiting("#lobby")] == names


def test_unlocked_all_who_wait_are_in_and_nothing_of_it_is_kept(world: World, store: KeepingStore) -> None:
    staff = lobby(world)
    bob, carl = world.connect("/nick bob"), world.connect("/nick carl")
    staff.type("/admit bob", "/unlock on")
    assert inside(world, "#lobby") == ["boss", "bob", "carl"]
    assert told(carl)[-2:] == ["-> You speak in #lobby now.", "-> With you in #lobby: boss and bob."]
    kept = {record.kind for record in store.kept().records}
    assert not kept & {"measure", "waiting", "pass"}
    assert bob.session.person.rooms.keys() == {"#lobby"}


def test_what_guests_had_goes_with_them(world: World, store: KeepingStore) -> None:
    staff = lobby(world)
    bob, _ = world.connect("/nick bob"), world.connect("/nick carl", "/quit")
    staff.type("/admit bob")
    bob.type("/quit")
    assert not {record.kind for record in store.kept().records} & {"waiting", "pass"}


def test_what_was_done_stands_in_the_audit_and_the_list(world: World) -> None:
    staff = lobby(world)
    for nick in ("bob", "carl"):
        world.connect(f"/nick {nick}")
    staff.type("/admit bob", "/refuse carl full")
    staff.take()
    staff.type("/bans")
    assert told(staff) == ["-> boss locked the door in #lobby"]
    staff.type("/unlock on", "/admin audit")
    heard = [line.partition(" ago ")[2] for line in told(staff) if " ago " in line]
    assert heard == [
        "boss: /lock on in #lobby",
        "boss: /admit bob in #lobby",
        'boss: /refuse carl in #lobby: "full"',
        "boss: /lock off in #lobby",
    ]


def test_of_very_many_the_oldest_pass_ends(world: World, amy: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PASSES", 2)
    guests = [at_door(world, nick) for nick in ("bob", "carl", "dee")]
    for guest in guests:
        amy.type(f"/admit {guest.session.person.nick}")
        guest.type("/leave #ops")
    for guest in guests:
        guest.type("/join #ops")
    assert inside(world) == ["amy", "carl", "dee"]


# Whose devices are programs, and rooms that are forgotten.


def program(world: World, client: Client, asked: str) -> Client:
    """One more device of somebody, by a token."""
    bot = world.connect("/json", host="127.0.0.1")
    bot.type(f"/login {client.session.person.nick} {made(client, asked)}")
    bot.take()
    return bot


@pytest.mark.parametrize("ending", ["cut", "quit"])
def test_a_program_whose_token_is_for_another_room_is_told_nothing_of_the_one_they_are_let_into(
    world: World, amy: Client, ending: str
) -> None:
    bob = register(world, "bob")
    bot = program(world, bob, "bot #lobby talk")
    bob.type("/join #ops")
    if ending == "cut":
        bob.cut()
    else:
        bob.type("/quit")
    amy.type("/topic secret plans", "/admit bob")
    assert ("bob" in inside(world)) is (ending == "cut")
    assert not any("#ops" in line for line in bot.take())
    bot.type("still in the lobby?", id="1")
    assert [keys["type"] for keys in bot.take_objects()] == ["ack"]
    if ending == "cut":
        back = world.log_in(world.hub.find("bob"))
        assert any("secret plans" in line for line in back.take())
    else:
        assert told(amy)[-1] == "! too-many: bob may come into #ops now, but could not yet."


def test_a_list_of_who_is_here_is_told_to_no_program_that_may_not_be_there(world: World, amy: Client) -> None:
    amy.type("/topic secret plans")
    bob = register(world, "bob")
    bot = irc_client.log_in(world, irc_client.plain("", "bob", made(bob, "bot #lobby talk")))
    bot.take()
    bob.type("/join #ops")
    amy.type("/admit bob")
    assert "bob" in inside(world)
    assert not any("#ops" in line for line in bot.take())


def test_where_they_are_in_too_many_rooms_by_now_they_are_let_in_later(world: World, amy: Client) -> None:
    bob = at_door(world, "bob")
    at_door(world, "carl")
    bob.type(*(f"/join #room{number}" for number in range(limits.ROOMS_PER_PERSON - 1)))
    world.take_all()
    amy.type("/admit all")
    assert told(amy)[-2:] == [
        "! too-many: bob may come into #ops now, but could not yet.",
        "-> carl is in #ops.",
    ]
    assert any(line.startswith("! too-many") for line in told(bob))
    bob.type("/leave #room1", "/join #ops")
    assert inside(world) == ["amy", "carl", "bob"]


def test_a_room_at_whose_door_somebody_waits_is_not_forgotten_to_make_place(
    world: World, amy: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = at_door(world, "bob")
    amy.type("/join #lobby", "/leave #ops")
    room = world.hub.rooms["#ops"]
    monkeypatch.setattr(limits, "ROOMS", len(world.hub.rooms) - 1)
    carl = world.enter("carl")
    carl.take()
    carl.type("/join #other")
    assert told(carl)[-1].startswith("! too-many: There are ")
    amy.type("/admit bob", "/join #ops")
    assert bob.session.person.rooms["#ops"] is world.hub.rooms["#ops"] is room
    bob.take()
    amy.type("hello bob")
    assert bob.take()[-1] == "#ops <amy> hello bob"


def test_who_comes_to_a_door_that_another_operator_locks_anew_meanwhile_waits_there() -> None:
    world = World(store := SlowStore())
    amy, chief = founded(world), boss(world)
    amy.type("/lock on")
    bob = world.enter("bob")
    store.slow = True
    amy.type("/unlock on")
    chief.type("/lock #ops on")
    bob.type("/join #ops")
    while store.commits:
        store.let()
        world.turn()
    assert world.hub.locked.is_locked("#ops")
    assert [one.person.nick for one in world.hub.locked.waiting("#ops")] == ["bob"]


def test_who_ignores_an_operator_is_told_all_the_same_that_they_are_refused(world: World, amy: Client) -> None:
    bob = at_door(world, "bob")
    bob.type("/ignore amy")
    bob.take()
    amy.type("/refuse bob class is full")
    assert told(bob) == ['-!- amy refused bob in #ops: "class is full"']


def test_who_waits_at_the_door_of_a_room_that_becomes_private_or_has_a_pass_does_not_belong_to_it(
    world: World, amy: Client, store: KeepingStore
) -> None:
    carl, dee, bob = at_door(world, "carl"), at_door(world, "dee"), at_door(world, "bob")
    amy.type("/admit carl", "/admit dee")
    carl.type("/leave #ops")
    world.take_all()
    amy.type("/private on")
    assert told(bob) == ["-!- amy refused bob in #ops"]
    assert {record.key.split(" ")[0] for record in store.kept().records if record.kind in ("waiting", "pass")} == {
        dee.session.person.id
    }
    carl.type("/join #ops")
    amy.type("/unlock on")
    assert inside(world) == ["amy", "dee"]


def test_who_is_let_into_the_lobby_before_they_are_welcomed_is_not_told_that_they_wait() -> None:
    world = World(store := SlowStore())
    staff = lobby(world)
    store.slow = True
    bob = world.connect("/nick bob", wire="json")
    staff.type("/admit #lobby all")
    while store.commits:
        store.let()
        world.turn()
    store.slow = False
    world.wait(1)
    kinds = [keys["type"] for keys in bob.take_objects()]
    assert "welcome" in kinds
    assert "error" not in kinds
    assert "bob" in inside(world, "#lobby")


def test_after_a_stop_on_the_way_nobody_waits_at_an_open_door_and_no_pass_is_left(
    world: World, store: KeepingStore
) -> None:
    staff = lobby(world)
    world.connect("/nick bob")
    code = code_of(world.connect("/nick carl"))
    staff.type("/admit bob")
    (key,) = (key for key in store.records if key[0] == "measure")
    store.records[key] = store.records[key]._replace(value=None)
    after = restarted(world, store)
    after.turn()
    carl = resume(after, code)
    assert not any("door" in line for line in carl.take())
    assert not {record.kind for record in store.kept().records} & {"waiting", "pass"}


def test_a_kept_date_that_is_none_does_not_keep_the_server_from_starting(world: World, store: KeepingStore) -> None:
    lobby(world)
    code = code_of(world.connect("/nick carl"))
    (key,) = (key for key in store.records if key[0] == "waiting")
    for value in ("2026-11-22T10:04:00", "yesterday", None):
        store.records[key] = store.records[key]._replace(value=value)
        after = restarted(world, store)
        assert not after.hub.locked.waiting("#lobby")
        assert resume(after, code).session.person.nick == "carl"


@pytest.mark.parametrize("line", ["JOIN #ops", "JOIN #ops key"])
def test_an_irc_client_that_waits_is_told_so_and_goes_away_by_part(world: World, amy: Client, line: str) -> None:
    eva = irc_client.enter(world, "eva")
    eva.type(line)
    assert irc_client.numbers(eva) == ["473"]
    eva.take()
    eva.type("PART #ops")
    assert any("You do not wait at the door of #ops any more" in heard for heard in eva.lines)
    assert not world.hub.locked.waiting("#ops")
    eva.take()
    eva.type("PART #ops")
    assert irc_client.numbers(eva) == ["442"]
