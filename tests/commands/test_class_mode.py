"""Class mode: what it closes to guests, who is told of it, and that its opposite opens all of it again."""

import pytest
from returning import KeepingStore, restarted, resume
from test_account import SECRET, register
from test_staff import boss
from told import told
from world import Client, World

from chat.base import limits

CLOSED = (
    "-!- boss began class mode: #lobby has a door and is slow; guests have no private talk with each other, make no "
    "rooms and accounts, keep their nicknames, and set no topics, away and goodbye texts"
)
OPEN = "-!- boss ended class mode: nothing is closed to guests any more"


@pytest.fixture
def store() -> KeepingStore:
    return KeepingStore()


@pytest.fixture
def world(store: KeepingStore) -> World:
    return World(store)


@pytest.fixture
def teacher(world: World) -> Client:
    """Who runs the server."""
    teacher = boss(world)
    teacher.type("/join #lobby")
    teacher.take()
    return teacher


def on(world: World) -> bool:
    return world.hub.measures.class_mode is not None


def test_everybody_is_told_what_is_closed_and_that_it_is_open_again(world: World, teacher: Client) -> None:
    bob, dee = world.enter("bob"), world.enter("dee", wire="json")
    world.take_all()
    teacher.type("/class")
    assert told(teacher) == ["-> Class mode is off; /class on closes to guests what a class does not need."]
    teacher.type("/class on")
    assert told(bob) == [CLOSED]
    (measure,) = dee.take_objects()
    assert {key: measure[key] for key in ("type", "room", "from", "what", "to", "of")} == {
        "type": "measure",
        "room": "*",
        "from": "boss",
        "what": "class",
        "to": "",
        "of": "*",
    }
    assert told(teacher)[-1].startswith("-> Class mode is on; /class off ends it.")
    teacher.type("/clase sí", "/class bob")
    assert told(bob) == [], "it is so already"
    teacher.type("/class off")
    assert told(bob) == [OPEN]
    assert not on(world)


def test_it_is_for_the_servers_operators_and_the_control_socket(world: World, teacher: Client) -> None:
    bob, zoe = world.enter("bob"), register(world, "zoe")
    for client in (bob, zoe):
        client.take()
        client.type("/class on")
        assert told(client)[0].startswith("! not-allowed: /class is for whoever runs this server.")
    assert not on(world)
    socket = world.operator("/admin class on")
    assert '"class_mode":true' in socket.bytes.decode()
    assert told(bob)[0].startswith("-!- whoever runs this server began class mode: ")


@pytest.mark.parametrize("wire", ["plain", "json"])
@pytest.mark.parametrize(
    ("line", "refusal"),
    [
        ("/msg eve psst", "guests have no private talk with each other"),
        ("/join #new", "guests make no rooms"),
        ("/nick bobby", "guests keep their nicknames, and set no away and goodbye texts"),
        ("/away tea", "guests keep their nicknames, and set no away and goodbye texts"),
        ("/topic #tea mine", "guests set no topics"),
        ("/topic #tea -", "guests set no topics"),
        ("/register", "guests make no accounts"),
    ],
)
def test_each_refusal_is_one_sentence(world: World, teacher: Client, line: str, refusal: str, wire: str) -> None:
    world.enter("eve")
    bob = world.enter("bob", "/join #tea", wire=wire)
    teacher.type("/class on")
    bob.take()
    bob.type(line)
    if wire == "plain":
        assert told(bob) == [f"! not-allowed: Class mode is on: {refusal}."]
    else:
        (error,) = bob.take_objects()
        assert (error["code"], error["text"]) == ("not-allowed", f"Class mode is on: {refusal}.")
    teacher.type("/class off")
    bob.take()
    bob.type(line)
    assert "not-allowed" not in bob.bytes.decode()


@pytest.mark.parametrize("wire", ["plain", "json", "irc"])
def test_who_goes_goes_without_a_word(world: World, teacher: Client, wire: str) -> None:
    if wire == "irc":
        bob = world.connect("NICK bob", "USER b 0 * :Bob", "JOIN #lobby,#tea")
    else:
        bob = world.enter("bob", "/join #tea", wire=wire)
    eve = world.enter("eve", "/join #tea")
    teacher.type("/class on")
    world.take_all()
    bob.type(*(("PART #tea :Marker", "QUIT :Marker") if wire == "irc" else ("/leave #tea Marker", "/quit Marker")))
    assert "Class mode is on: guests" in bob.bytes.decode()
    heard = told(eve)
    assert any("bob left #tea" in line for line in heard)
    assert any("bob left (" in line for line in heard)
    assert "Marker" not in str(heard)


def test_an_irc_client_is_told_too(world: World, teacher: Client) -> None:
    world.enter("eve")
    bob = world.connect("CAP REQ :standard-replies", "NICK bob", "USER b 0 * :Bob", "CAP END", "JOIN #lobby")
    teacher.type("/class on")
    for line in ("PRIVMSG eve :psst", "NICK bobby", "JOIN #new", "AWAY :tea", "SETNAME :Marker", "TOPIC #lobby :x"):
        bob.take()
        bob.type(line)
        refused = [text for text in bob.take() if "Class mode is on: guests" in text]
        assert len(refused) == 1, line
        numbered = refused[0].startswith(":pi 482 bob #lobby :")
        assert numbered or refused[0].startswith(f":pi FAIL {line.split()[0]} NOT_ALLOWED"), refused


def test_accounts_do_all_of_it_and_guests_write_to_them_and_they_to_guests(world: World, teacher: Client) -> None:
    amy, bob = register(world, "amy"), world.enter("bob")
    teacher.type("/class on")
    amy.take()
    bob.type("/msg boss help", "/msg amy hi", "/msg bob note", "/report amy x")
    assert not [line for line in told(bob) if line.startswith("! ")]
    amy.type("/msg bob hello", "/join #new", "/topic tea", "/away tea", "/nick amelia", "/leave #new bye")
    assert not [line for line in told(amy) if line.startswith("! ")]


def test_a_guest_makes_no_account_with_a_password_that_was_asked_for_before(world: World, teacher: Client) -> None:
    bob = world.connect("/nick bob", host="127.0.0.1")
    bob.type("/register")
    teacher.type("/class on")
    bob.take()
    bob.type(SECRET, SECRET)
    assert told(bob)[-1] == "! not-allowed: Class mode is on: guests make no accounts."
    assert not bob.session.person.has_account


def test_the_first_who_will_run_the_server_makes_an_account_all_the_same(world: World) -> None:
    world.operator("/admin class on")
    amy = register(world, "amy")
    world.operator("/admin op amy")
    amy.type("/class off")
    assert not on(world)


def test_the_lobby_has_a_door_and_is_slow_and_both_end_with_it(world: World, teacher: Client) -> None:
    bob = world.enter("bob")
    teacher.type("/class on")
    bob.type("one", "two")
    assert told(bob)[-1].startswith("! slow-down: ")
    late = world.connect("/nick late")
    assert told(late)[-1].startswith("! locked: #lobby is locked: you wait at its door")
    teacher.type("/admit late", "one", "two")
    assert not [line for line in told(teacher) if line.startswith("! ")]
    later = world.connect("/nick later")
    teacher.type("/class off")
    assert "-> You speak in #lobby now." in told(later)
    bob.take()
    bob.type("one", "two")
    assert told(bob) == []


def test_what_was_so_before_stays_so(world: World, teacher: Client) -> None:
    teacher.type("/lock on", "/slow 30s", "/class on", "/class off")
    assert world.hub.locked.is_locked("#lobby")
    assert world.hub.measures.of_all("slow", "#lobby").every == 30
    teacher.type("/lock off", "/class on", "/lock off", "/lock on", "/class off")
    assert world.hub.locked.is_locked("#lobby"), "it was locked anew meanwhile, by itself"


def test_it_survives_a_restart_and_ends_after_it(world: World, store: KeepingStore, teacher: Client) -> None:
    bob = world.enter("bob")
    code = bob.session.code
    teacher.type("/class on")
    after = restarted(world, store)
    assert on(after)
    back = resume(after, code or "")
    back.take()
    back.type("/nick bobby")
    assert told(back) == [
        "! not-allowed: Class mode is on: guests keep their nicknames, and set no away and goodbye texts."
    ]
    again = after.log_in(after.hub.find("boss"))
    again.take()
    again.type("/class off")
    assert not on(after)
    assert not after.hub.locked.is_locked("#lobby")
    assert not {record.kind for record in store.kept().records} & {"measure"}


def test_what_was_done_stands_in_the_audit_and_the_list(world: World, teacher: Client) -> None:
    teacher.type("/class on")
    teacher.take()
    teacher.type("/admin bans")
    listed = told(teacher)
    assert any(line.startswith("-> boss began class mode: ") for line in listed)
    assert any("locked the door in #lobby" in line for line in listed)
    teacher.type("/class off", "/admin audit")
    heard = [line.partition(" ago ")[2] for line in told(teacher) if " ago " in line]
    assert heard == ["boss: /class on on this server", "boss: /class off on this server"]


def test_nobody_talks_more_slowly_elsewhere_and_no_room_is_looked_at(world: World, teacher: Client) -> None:
    world.enter("bob", "/join #tea")
    teacher.type("/class on")
    assert world.hub.rooms["#lobby"].measured
    assert not world.hub.rooms["#tea"].measured


def test_where_it_cannot_be_stored_nothing_is_closed(
    world: World, teacher: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from twisted.internet.defer import fail

    from chat.base.errors import NotStored
    from chat.base.language import say

    monkeypatch.setattr(world.store, "commit", lambda batch: fail(NotStored(say("disk full"))))
    teacher.type("/class on")
    assert "not-stored" in str(told(teacher))
    assert not on(world)
    assert not world.hub.locked.is_locked("#lobby")
    assert limits.CLASS_PACE_SECONDS > 0


def test_what_somebody_else_did_for_the_reason_class_holds_on(world: World, teacher: Client) -> None:
    teacher.type("/mute #lobby all forever class", "/class on", "/class off")
    assert [measure.kind for measure in world.hub.measures.all("#lobby")] == ["mute"]
