"""The PINs of a class: who comes in by one, as whom, and what ends it."""

import re

import pytest
from returning import KeepingStore, restarted
from test_account import SECRET
from test_staff import boss
from told import told
from world import Client, World

from chat.base import limits, resume_codes


@pytest.fixture
def store() -> KeepingStore:
    return KeepingStore()


@pytest.fixture
def world(store: KeepingStore) -> World:
    return World(store)


@pytest.fixture
def teacher(world: World) -> Client:
    teacher = boss(world)
    teacher.type("/join #lobby", "/class on")
    teacher.take()
    return teacher


def pins(teacher: Client, count: int = 3) -> list[str]:
    """PINs that were made just now."""
    teacher.take()
    teacher.type(f"/roster {count}")
    found = [pin for line in told(teacher)[1:] for pin in re.findall(r"(?<!\d)\d{6}(?!\d)", line)]
    return list(dict.fromkeys(found))


def come(world: World, line: str, wire: str = "plain") -> Client:
    client = world.connect(wire=wire)
    client.take()
    client.type(f"/nick {line}" if wire == "json" else line)
    return client


def members(world: World, key: str = "#lobby") -> list[str]:
    return world.hub.rooms[key].users


def test_as_many_as_were_asked_for_each_of_six_digits_and_none_twice(world: World, teacher: Client) -> None:
    assert len(pins(teacher, 30)) == 30
    teacher.type("/roster")
    assert told(teacher) == ["-> 30 PINs are nobody's yet."]
    teacher.type("/roster 0", f"/roster {limits.PINS + 1}", f"/roster {limits.PINS}")
    assert [line.split(":")[0] for line in told(teacher)] == ["! too-many"] * 3


def test_they_are_for_class_mode_and_the_servers_operators(world: World) -> None:
    staff, bob = boss(world), world.enter("bob")
    staff.type("/roster 3")
    assert told(staff)[-1] == "! usage: PINs are for class mode, and end with it: /class on comes first."
    bob.type("/roster 3")
    assert told(bob)[0].startswith("! not-allowed: ")
    socket = world.operator("/admin class on", "/admin roster 2")
    (reply,) = [keys for keys in socket.objects if keys.get("command") == "admin roster"]
    assert [len(pin) for pin in reply["pins"]] == [6, 6]
    assert (reply["nicks"], reply["free"]) == ([], 2)


@pytest.mark.parametrize("wire", ["plain", "json"])
def test_behind_the_nickname_it_opens_the_locked_door(world: World, teacher: Client, wire: str) -> None:
    first, second, _ = pins(teacher)
    ana = come(world, f"ana {first}", wire)
    assert members(world) == ["boss", "ana"]
    assert ana.session.current is world.hub.lobby
    come(world, f"  bob   {second} ")
    assert members(world) == ["boss", "ana", "bob"]
    carl = come(world, "carl", wire)
    assert "locked" in carl.bytes.decode()
    teacher.take()
    teacher.type("/roster")
    assert told(teacher) == ["-> These nicknames have a PIN: ana and bob.", "-> 1 PIN is nobody's yet."]


def test_an_irc_client_gives_it_as_the_password(world: World, teacher: Client) -> None:
    pin = pins(teacher)[0]
    ana = world.connect(f"PASS {pin}", "NICK ana", "USER a 0 * :Ana")
    ana.take()
    ana.type("JOIN #lobby")
    assert ":ana!chat@chat JOIN #lobby" in ana.take()
    bob = world.connect(f"PASS {pin}", "NICK bob", "USER a 0 * :Bob")
    assert any(" 464 " in line for line in bob.lines)
    assert not bob.session.named


def test_the_same_place_comes_again_from_another_device_and_the_one_of_before_is_closed(
    world: World, teacher: Client
) -> None:
    pin = pins(teacher)[0]
    ana = come(world, f"ana {pin}")
    teacher.type("/join #tea")
    ana.type("/join #tea", "/ignore boss")
    person = ana.session.person
    phone = come(world, f"ana {pin}", "json")
    assert phone.session.person is person
    assert (members(world), members(world, "#tea")) == (["boss", "ana"], ["boss", "ana"])
    assert phone.session.current.log.name == "#tea"
    assert ana.take()[-1].startswith("! taken-over: ")
    (welcome,) = [keys for keys in phone.take_objects() if keys["type"] == "welcome"]
    assert (welcome["nick"], welcome["back"], sorted(welcome["rooms"])) == ("ana", True, ["#lobby", "#tea"])
    assert len((*person.attached, *person.detached)) == 1
    teacher.take()
    phone.type("here again")
    assert "#tea <ana> here again" in teacher.take()


def test_what_they_chose_comes_with_it(world: World, teacher: Client) -> None:
    pin = pins(teacher)[0]
    ana = come(world, f"ana {pin}")
    ana.type("/language es", "/quiet on")
    phone = come(world, f"ana {pin}")
    assert told(phone)[0].startswith("-> Hola de nuevo, ana.")
    assert phone.session.quiet


def test_what_was_said_meanwhile_comes_with_it_after_a_cut_an_end_and_a_restart(
    world: World, store: KeepingStore, teacher: Client
) -> None:
    pin = pins(teacher)[0]
    ana = come(world, f"ana {pin}")
    ana.cut()
    teacher.type("while you were cut off")
    back = come(world, f"ana {pin}")
    assert any("while you were cut off" in line for line in told(back))
    back.close()
    world.wait(limits.GRACE_SECONDS)
    teacher.type("while you had left")
    again = come(world, f"ana {pin}")
    assert any("while you had left" in line for line in told(again))
    assert "ana" in members(world)
    after = restarted(world, store)
    last = come(after, f"ana {pin}")
    assert told(last)[0].startswith("-> Welcome back ana. You are in #lobby")
    assert last.session.code
    assert not [
        code
        for code, session in after.hub.codes.items()
        if session.person.nick == "ana" and session is not last.session
    ]


def test_who_has_quit_is_somebody_new_of_the_same_nickname(world: World, teacher: Client) -> None:
    pin = pins(teacher)[0]
    ana = come(world, f"ana {pin}")
    before = ana.session.person
    ana.type("/quit")
    back = come(world, f"ana {pin}")
    assert back.session.person is not before
    assert members(world) == ["boss", "ana"]
    now = back.session.person
    assert come(world, f"ana {pin}").session.person is now


def test_it_is_of_one_nickname_and_wrong_ones_count_as_codes_do(world: World, teacher: Client) -> None:
    pin = pins(teacher)[0]
    come(world, f"ana {pin}")
    eve = world.connect()
    eve.take()
    for _ in range(limits.GUESSES):
        eve.type(f"eve {pin}")
    lines = told(eve)
    assert lines[0] == "! code-wrong: This is nobody's PIN, or that of another nickname."
    assert lines[-1] == "! too-many: Connect again to try once more."
    assert eve.ended
    assert pin not in str(lines)


def test_one_address_that_tries_many_waits(world: World, teacher: Client) -> None:
    pins(teacher)
    for number in range(limits.GUESSES_PER_HOST):
        world.connect(f"eve{number % 5} {number:06d}", host="192.0.2.66")
    slow = world.connect(host="192.0.2.66")
    slow.take()
    slow.type("eve 999999")
    assert told(slow) == []
    world.wait(60, 1)
    assert told(slow)[-1] == "! code-wrong: This is nobody's PIN, or that of another nickname."


def test_a_nickname_that_is_somebodys_is_refused_and_the_pin_stays_good(world: World, teacher: Client) -> None:
    pin = pins(teacher)[0]
    ana = come(world, f"boss {pin}")
    assert "! nick-taken: boss is registered" in ana.bytes.decode()
    assert pin not in ana.bytes.decode()
    world.wait(5)  # they read that
    ana.type(f"ana {pin}")
    assert members(world) == ["boss", "ana"]


def test_who_was_kicked_keeps_the_place_elsewhere_and_waits_at_the_door(world: World, teacher: Client) -> None:
    pin = pins(teacher)[0]
    troll = come(world, f"troll {pin}")
    teacher.type("/kick troll")
    troll.type("/quit")
    back = come(world, f"troll {pin}")
    assert members(world) == ["boss"]
    assert told(back)[-1].startswith("! locked: #lobby is locked: you wait at its door")


@pytest.mark.parametrize("line", ["/admin kick troll", "/admin ban troll"])
def test_who_is_sent_away_from_the_server_has_no_pin_any_more(world: World, teacher: Client, line: str) -> None:
    pin = pins(teacher)[0]
    come(world, f"troll {pin}")
    teacher.type(line)
    back = come(world, f"troll {pin}")
    assert told(back) == ["! code-wrong: This is nobody's PIN, or that of another nickname."]


def test_they_end_with_the_class(world: World, store: KeepingStore, teacher: Client) -> None:
    pin, other, _ = pins(teacher)
    ana = come(world, f"ana {pin}")
    teacher.type("/class off")
    assert len(world.hub.roster) == 0
    assert "pin" not in {record.kind for record in store.kept().records}
    ana.type("still here")
    assert "#lobby <ana> still here" in teacher.take()
    bob = come(world, f"bob {other}")
    assert told(bob)[0].startswith("! nick-bad: ")


def test_of_a_guest_who_is_forgotten_there_is_none(world: World, store: KeepingStore, teacher: Client) -> None:
    first, second, _ = pins(teacher)
    come(world, f"ana {first}").type("/quit")
    come(world, f"bob {second}").type("/quit")
    teacher.type("/admin forget ana ana")
    assert world.hub.roster.nicks == ["bob"]
    assert "ana" not in str([record for record in store.kept().records if record.kind == "pin"])
    assert not come(world, f"ana {first}").session.named


def test_what_is_kept_is_a_hash_and_nobody_says_their_own(world: World, store: KeepingStore, teacher: Client) -> None:
    pin = pins(teacher)[0]
    ana = come(world, f"ana {pin}")
    teacher.type("/slow off", "/join #tea")
    ana.type("/join #tea")
    kept = [record for record in store.kept().records if record.kind == "pin"]
    assert resume_codes.digest(pin) in [record.key for record in kept]
    assert pin not in str(kept)
    ana.take()
    teacher.take()
    ana.type(f"mine is {pin}!", f"/msg boss {pin}", f"/me has {pin}", "hello", f"not {pin}1")
    assert [line for line in told(ana) if line.startswith("!")] == [
        "! code-private: That holds a code, which is secret. It was not said."
    ] * 3
    ana.type(f"hello\nhi\n{pin}\nbye")
    heard = teacher.take()
    assert f"#tea <ana> not {pin}1" in heard
    assert not [line for line in heard if pin in line and f"{pin}1" not in line]
    assert "#tea <ana> bye" in heard


def test_it_gives_nobody_the_account_that_its_holder_made(world: World) -> None:
    socket = world.operator("/admin class on", "/admin roster 1")
    (pin,) = next(keys["pins"] for keys in socket.objects if keys.get("command") == "admin roster")
    ana = world.connect(f"ana {pin}", host="127.0.0.1")
    ana.type("/register", SECRET, SECRET)
    assert ana.session.person.has_account
    thief = come(world, f"ana {pin}")
    assert told(thief) == ["! not-allowed: Who has an account comes in by the password: /login ana."]
    assert not thief.session.named


def test_two_at_once_do_not_both_take_one(world: World, teacher: Client) -> None:
    pin = pins(teacher)[0]
    one, two = world.connect(), world.connect()
    for client, nick in ((one, "ana"), (two, "bob")):
        client.take()
        client.send(f"{nick} {pin}\n".encode())
    world.turn()
    world.turn()
    assert sum(client.session.named for client in (one, two)) == 1


def test_where_there_is_no_roster_a_nickname_with_a_number_is_what_it_was(world: World) -> None:
    ana = come(world, "ana 123456")
    assert told(ana)[0].startswith("! nick-bad: ")
