"""Roles in rooms and on the server: who founds a room owns it, who may give what, and what becomes of it."""

import pytest
from returning import KeepingStore, restarted
from test_account import SECRET, come, register
from world import Client, World

from chat.base import limits
from chat.core.roles import SERVER
from chat.log.events import RoleGiven


def founded(world: World, room: str = "#ops", nick: str = "amy") -> Client:
    """Somebody with an account, who has made a room."""
    client = register(world, nick)
    client.type(f"/join {room}")
    client.take()
    return client


def roles(world: World, key: str = "#ops") -> dict[str, str]:
    return {person.nick: person.roles[key] for person in world.hub.roles.holders(key)}


def in_room(world: World, nick: str, room: str = "#ops", wire: str = "plain") -> Client:
    client = register(world, nick)
    client.type(f"/join {room}", *(["/json"] if wire == "json" else []))
    client.take()
    return client


# Who founds a room.


def test_who_makes_a_room_with_an_account_owns_it(world: World) -> None:
    amy = register(world, "amy")
    amy.type("/join #ops")
    assert amy.take()[-1] == "-> #ops is new and yours; you are alone in it."
    assert roles(world) == {"amy": "owner"}
    amy.type("/leave", "/join #ops")
    assert amy.take()[-1] == "-> Nobody else is in #ops."
    assert in_room(world, "bob").session.person.roles == {}


def test_a_room_that_a_guest_makes_is_the_servers_whoever_comes_then(world: World) -> None:
    guest = world.enter("guest-one")
    guest.type("/join #typo")
    assert guest.take()[-1] == "-> #typo is new, you are alone in it."
    guest.type("/leave #typo")
    amy = in_room(world, "amy", "#typo")
    assert roles(world, "#typo") == {}
    amy.type("/op amy")
    assert amy.take() == ["! not-allowed: /op is for the owner of the room. Nothing was done."]


def test_a_guest_who_registers_later_owns_nothing(world: World) -> None:
    amy = come(world, "/nick amy", "/join #ops", "/register", SECRET, SECRET)
    assert amy.session.person.roles == {}


def test_the_lobby_is_nobodys(world: World) -> None:
    amy, boss = register(world, "amy"), world.operator("/nick boss")
    boss.take()
    boss.type("/admin owner #lobby amy", "/op #lobby amy")
    assert [keys["code"] for keys in boss.take_objects()] == ["not-allowed"] * 2
    amy.type("/op #lobby amy")
    assert amy.take()[-1].startswith("! not-allowed: /op is for the owner")


def test_a_program_is_told_whose_room_it_is(world: World) -> None:
    amy, bot = founded(world), world.enter("bot", wire="json")
    bot.type("/join #ops")
    told = bot.take_objects()[-1]
    assert (told["new"], told["owner"], told["role"]) == (False, "amy", "member")
    amy.type("/json", "/join #ops")
    told = amy.take_objects()[-1]
    assert (told["owner"], told["role"]) == ("amy", "owner")


def test_there_is_a_limit_of_roles(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ROLES", 1)
    amy, bob = founded(world), founded(world, "#lab", "bob")
    amy.type("/join #more")
    assert amy.take()[-1] == "! too-many: amy has 1 roles already; /give hands a room on."
    assert "#more" not in world.hub.rooms
    bob.type("/join #ops")
    amy.type("/op bob")
    assert "! too-many: bob has 1 roles already; /give hands a room on." in amy.take()


# Operators of a room, and handing it on.


def test_an_owner_makes_and_unmakes_operators_and_all_are_told(world: World) -> None:
    amy, bob, carl = founded(world), in_room(world, "bob"), in_room(world, "carl", wire="json")
    amy.take()
    bob.take()
    amy.type("/op bob")
    assert amy.take() == ["-> bob is an operator of #ops now."]
    assert bob.take() == ["-!- amy made bob an operator of #ops"]
    (told,) = carl.take_objects()
    del told["at"], told["seq"]
    assert told == {"type": "role", "room": "#ops", "from": "amy", "to": "bob", "role": "operator", "of": "#ops"}
    amy.type("/op bob")
    assert amy.take() == ["-> bob is an operator of #ops now."]
    assert bob.take() == [], "nothing has changed"
    amy.type("/deop bob", "/deop bob")
    assert amy.take() == ["-> bob is no operator of #ops any more.", "! usage: bob is no operator of #ops."]
    assert bob.take() == ["-!- amy made bob no operator of #ops any more"]
    assert roles(world) == {"amy": "owner"}


def test_an_owner_hands_the_room_on_and_has_no_role_then(world: World) -> None:
    amy, bob = founded(world), in_room(world, "bob")
    amy.take()
    amy.type("/give bob", "/op bob")
    assert amy.take() == [
        "-> bob is the owner of #ops now.",
        "! not-allowed: /op is for the owner of the room. Nothing was done.",
    ]
    assert bob.take() == ["-!- amy made bob the owner of #ops"]
    assert roles(world) == {"bob": "owner"}


@pytest.mark.parametrize("line", ["/op #ops bob", "/op ops bob", "/op bob #ops", "/op @bob: #ops"])
def test_the_room_stands_first_or_last_and_may_be_another_one(line: str, world: World) -> None:
    amy = founded(world)
    in_room(world, "bob")
    amy.type("/leave", line)
    if line == "/op ops bob":  # two nicknames, as far as can be told
        assert any(told.startswith("! usage: ") for told in amy.take())
    else:
        assert amy.take()[-1] == "-> bob is an operator of #ops now."


def test_roles_are_of_accounts_who_want_to_be_there(world: World) -> None:
    amy, guest, bob = founded(world), world.enter("ana"), register(world, "bob")
    guest.type("/join #ops")
    amy.take()
    amy.type("/op ana", "/give ana", "/op bob", "/op nobody", "/op amy", "/give amy")
    assert amy.take() == [
        "! not-allowed: ana has no account. Roles are of accounts only; /register makes",
        "!   one.",
        "! not-allowed: ana has no account. Roles are of accounts only; /register makes",
        "!   one.",
        "! not-here: bob is not in #ops.",
        "! not-here: Nobody here is called nobody. /who shows who is here.",
        "! usage: amy is the owner of #ops.",
        "-> amy is the owner of #ops now.",
    ]
    assert roles(world) == {"amy": "owner"}
    assert bob.take() == []


def test_an_operator_of_a_room_makes_no_others(world: World) -> None:
    amy, bob = founded(world), in_room(world, "bob")
    in_room(world, "carl")
    amy.type("/op bob")
    bob.take()
    bob.type("/op carl", "/deop bob", "/give carl", "/own #ops")
    assert [line.partition(":")[0] for line in bob.take()] == ["! not-allowed"] * 4
    assert roles(world) == {"amy": "owner", "bob": "operator"}


def test_an_owner_of_one_room_is_told_of_others_as_everybody_is(world: World) -> None:
    founded(world)
    bob = founded(world, "#lab", "bob")
    bob.type("/op #ops amy", "/op #nowhere amy", "/op #lobby amy")
    assert [line.partition(":")[0] for line in bob.take() if line.startswith("! n")] == [
        "! not-in-room",
        "! no-room",
        "! not-allowed",
    ]


def test_who_and_whois_show_roles(world: World) -> None:
    amy, bob = founded(world), in_room(world, "bob")
    amy.type("/op bob", "/away")
    world.operator("/admin op bob")
    bob.take()
    bob.type("/who", "/whois bob", "/whois amy")
    told = bob.take()
    assert told[0] == "-> 2 people are in #ops: amy (owner, away) and bob (operator)"
    assert "-> bob is an operator of #ops." in told
    assert "-> bob is an operator of this server." in told
    assert "-> amy owns #ops." in told
    bob.type("/json", "/who")
    users = bob.take_objects()[-1]["users"]
    assert [user["role"] for user in users] == ["owner", "operator"]


# What becomes of roles.


def test_roles_survive_a_restart_and_the_room_that_nobody_is_in(world: World) -> None:
    store = KeepingStore()
    before = World(store)
    amy, bob = founded(before), in_room(before, "bob")
    amy.type("/op bob", "/leave #ops")
    bob.type("/leave #ops")
    after = restarted(before, store)
    assert roles(after) == {"amy": "owner", "bob": "operator"}
    amy = come(after, f"/login amy {SECRET}", "/join #ops")
    assert amy.take()[-1] == "-> Nobody else is in #ops."


def test_an_account_that_ends_leaves_its_rooms_to_the_servers_operators_for_good(world: World) -> None:
    amy = founded(world)
    in_room(world, "bob")
    amy.type("/op bob", "/unregister", SECRET)
    assert roles(world) == {"bob": "operator"}
    amy.take()
    amy.type("/op bob", "/register", SECRET, SECRET, "/give bob")
    assert [line.partition(":")[0] for line in amy.take() if line[0] == "!"] == ["! not-allowed"] * 2
    amy.type("/quit")
    again = in_room(world, "amy2")
    again.type("/op bob")
    assert again.take()[-1].startswith("! not-allowed")
    boss = world.operator("/admin owner #ops amy2")
    assert boss.take_objects()[-1]["role"] == "owner"
    assert roles(world) == {"amy2": "owner", "bob": "operator"}


def test_whoever_takes_the_nickname_of_an_account_that_ended_has_nothing_of_it(world: World) -> None:
    founded(world).type("/unregister", SECRET, "/quit")
    other = in_room(world, "amy")
    other.type("/give #ops amy")
    assert other.take() == ["! not-allowed: /give is for the owner of the room. Nothing was done."]


def test_a_room_that_was_forgotten_comes_back_with_its_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ROOMS", 3)
    world = World(KeepingStore())
    amy = founded(world)
    amy.type("/leave", "/join #lab", "/leave", "/join #more")
    assert "#ops" not in world.hub.rooms
    bob = register(world, "bob")
    bob.type("/join #ops")
    told = bob.take()[-1]
    assert told == "-> Nobody else is in #ops."
    assert roles(world) == {"amy": "owner"}


def test_a_persons_short_code_brings_no_role_back(world: World) -> None:
    amy = founded(world)
    code = amy.session.code
    amy.cut()
    back = come(world, f"/resume {code}")
    back.take()
    back.type("/op #ops amy2")
    assert back.take()[0].startswith("! not-allowed")


def test_a_role_that_was_lost_or_won_elsewhere_is_told_in_ones_own_log(world: World) -> None:
    amy, bob = founded(world), in_room(world, "bob", wire="json")
    amy.type("/op bob")
    bob.type("/leave #ops")
    bob.take()
    amy.type("/deop bob")
    (told,) = bob.take_objects()
    assert (told["room"], told["of"], told["role"]) == ("@", "#ops", "member")
    amy.type("/leave #ops")
    amy.take()
    world.operator("/admin owner #ops bob")
    assert amy.take() == ["-!- bob is the owner of #ops now"]
    assert bob.take_objects()[0]["role"] == "owner"


# On the server.


def test_an_operator_of_the_server_may_what_the_control_socket_may(world: World) -> None:
    amy = register(world, "amy")
    amy.type("/admin who")
    assert amy.take()[0].startswith("! not-allowed")
    boss = world.operator("/admin op amy")
    assert boss.take_objects()[-1]["text"] == "amy is an operator of this server now."
    assert amy.take() == ["-!- amy is an operator of this server now"]
    amy.type("/admin who", "/help admin")
    assert amy.take()[0] == "-> 1 here, 0 with their line down, 0 without a nickname; times UTC"
    amy.type("/admin deop amy", "/admin who")
    assert amy.take()[-1].startswith("! not-allowed")


def test_an_operator_takes_a_room_without_owner_and_no_other(world: World) -> None:
    guest, amy = world.enter("ana"), founded(world)
    guest.type("/join #typo")
    world.operator("/admin op amy")
    amy.type("/own #typo")
    assert amy.take()[-1] == "-> amy is the owner of #typo now."
    assert guest.take()[-1] == "#typo -!- amy is the owner of #typo now" or roles(world, "#typo") == {"amy": "owner"}
    in_room(world, "bob", "#lab")
    amy.take()
    amy.type("/own #lab", "/own #nowhere")
    assert amy.take() == [
        "! usage: bob is the owner of #lab.",
        "! no-room: There is no room #nowhere. /join #nowhere makes it.",
    ]


def test_only_accounts_run_the_server(world: World) -> None:
    world.enter("ana")
    boss = world.operator("/nick boss")
    boss.take()
    boss.type("/admin op ana", "/admin op nobody", "/own #lobby")
    assert [keys["code"] for keys in boss.take_objects()] == ["not-here", "not-here", "not-allowed"]
    assert not world.hub.roles.holders(SERVER)


def test_help_shows_only_what_one_may(world: World) -> None:
    amy, bob = founded(world), world.enter("bob")
    for client, names in ((amy, {"op", "deop", "give"}), (bob, set())):
        client.type("/json", "/help all")
        told = {command["name"] for command in client.take_objects()[-1]["commands"]}
        assert told & {"op", "deop", "give", "own", "admin"} == names
    bob.type("/help op")
    assert bob.take_objects()[-1]["code"] == "unknown-command"


def test_a_change_of_roles_is_a_numbered_fact(world: World) -> None:
    amy, bob = founded(world), in_room(world, "bob")
    head = world.hub.rooms["#ops"].log.head
    amy.type("/op bob")
    entry = world.hub.rooms["#ops"].log.oldest()[-1]
    assert entry.seq == head + 1
    assert entry.fact == RoleGiven(amy.session.author, "bob", "operator", "#ops")
    bob.cut()
    amy.type("/deop bob")
    assert [entry.seq for entry in world.hub.rooms["#ops"].log.oldest()] == list(range(1, head + 3))
