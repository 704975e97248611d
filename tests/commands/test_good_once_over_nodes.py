"""What is good once is good once, whichever nodes it is used on at the same moment; and so is who somebody is."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from by_ssh import BySsh, new_key
from cluster import Nodes, seen_by
from hypothesis import given, settings
from hypothesis import strategies as st
from returning import code_of, resume
from test_account import SEALED, SECRET, come, register
from test_keys import fingerprint, line_of
from test_operator_code import CODE
from world import Client, World

from chat.base import limits
from chat.core.roles import SERVER
from chat.log.events import Left
from chat.server.operator_code import OperatorCode

SCHEDULE = st.lists(st.sampled_from(["one", "other", 0, 1]), max_size=20)
"""In which order two people do something on two nodes, and these hear of what was stored."""


def played(nodes: Nodes, schedule: list[str | int], one: Callable[[], None], other: Callable[[], None]) -> None:
    """Both do it once, in this order; then everybody hears everything."""
    undone = {"one": one, "other": other}
    nodes.slow = True
    for step in (*schedule, "one", "other"):
        if isinstance(step, int):
            nodes.let(step)
        elif (act := undone.pop(step, None)) is not None:
            act()
    nodes.settle()
    assert seen_by(nodes.worlds[0].hub) == seen_by(nodes.worlds[1].hub)
    nodes.slow = False


def a_class(nodes: Nodes) -> tuple[Client, str]:
    """Whoever runs a class, and a PIN that is nobody's."""
    boss = nodes.worlds[0].operator("/admin class on", "/admin roster 1")
    (reply,) = [keys for keys in boss.objects if keys.get("command") == "admin roster"]
    return boss, reply["pins"][0]


def by_pin(world: World, nick: str, pin: str) -> Client:
    client = world.connect()
    client.take()
    client.type(f"{nick} {pin}")
    return client


def members(world: World) -> list[str]:
    return sorted(world.hub.rooms["#lobby"].users)


@settings(max_examples=60, deadline=None)
@given(SCHEDULE, st.sampled_from(["ana", "bob"]))
def test_of_two_who_use_one_pin_on_two_nodes_one_is_let_in(schedule: list[str | int], nick: str) -> None:
    nodes = Nodes(2)
    _, pin = a_class(nodes)
    came: list[Client] = []
    here, elsewhere = nodes.worlds
    played(
        nodes,
        schedule,
        lambda: came.append(by_pin(here, "ana", pin)),
        lambda: came.append(by_pin(elsewhere, nick, pin)),
    )
    inside = [client for client in came if client.session.named]
    assert len(inside) == 1
    (outside,) = [client for client in came if client not in inside]
    assert outside.ended or re.search("! (code-wrong|nick-taken): ", outside.bytes.decode())
    for world in nodes.worlds:
        assert members(world) == [inside[0].session.person.nick]
    assert [pin.person for pin in here.hub.roster.pins.values()] == [inside[0].session.person.id]


@settings(max_examples=60, deadline=None)
@given(SCHEDULE)
def test_who_comes_back_by_one_pin_on_two_nodes_is_there_once(schedule: list[str | int]) -> None:
    nodes = Nodes(2)
    _, pin = a_class(nodes)
    first = by_pin(nodes.worlds[0], "ana", pin)
    came: list[Client] = []
    here, elsewhere = nodes.worlds
    played(
        nodes,
        schedule,
        lambda: came.append(by_pin(here, "ana", pin)),
        lambda: came.append(by_pin(elsewhere, "ana", pin)),
    )
    assert first.ended
    assert sorted(client.ended for client in came) == [False, True]
    for world in nodes.worlds:
        assert members(world) == ["ana"]
        (person,) = [one for one in world.hub.people.values() if one.nick == "ana"]
        assert len(person.sessions) == 1


def invitation(world: World) -> str:
    boss = world.operator("/admin invite-code 1")
    return boss.objects[-1]["codes"][0]


def by_invitation(world: World, nick: str, code: str) -> tuple[Client, Callable[[], None]]:
    """Somebody who has only the password to type once more."""
    client = come(world, f"/register {nick} {code}", SECRET)
    return client, lambda: client.type(SECRET)


@settings(max_examples=60, deadline=None)
@given(SCHEDULE, st.sampled_from(["ana", "bob"]), st.booleans())
def test_an_invitation_registers_one_whichever_nodes_it_is_used_on(
    schedule: list[str | int], nick: str, is_one: bool
) -> None:
    nodes = Nodes(2, registered_only=True)
    here, elsewhere = nodes.worlds
    code = invitation(here)
    another = code if is_one else invitation(here)
    ana, one = by_invitation(here, "ana", code)
    bob, other = by_invitation(elsewhere, nick, another)
    played(nodes, schedule, one, other)
    inside = [client for client in (ana, bob) if client.session.named]
    assert len(inside) == (1 if is_one or nick == "ana" else 2)
    for client in {ana, bob} - {*inside}:
        assert re.search("! (code-wrong|nick-taken): ", client.bytes.decode())
    assert len(here.hub.invitations._ends) == (0 if is_one else 2 - len(inside))
    assert here.hub.accounts == len(inside)


def test_an_invitation_and_a_pin_are_good_still_where_nobody_came_in_by_them() -> None:
    nodes = Nodes(2, registered_only=True)
    here, elsewhere = nodes.worlds
    code = invitation(here)
    ana, type_again = by_invitation(here, "ana", code)
    nodes.slow = True
    type_again()
    nodes.let(0)
    assert not here.hub.invitations._ends
    ana.cut()
    nodes.settle()
    nodes.slow = False
    assert seen_by(here.hub) == seen_by(elsewhere.hub)
    bob, type_again = by_invitation(elsewhere, "bob", code)
    type_again()
    assert bob.session.named

    nodes = Nodes(2)
    here, elsewhere = nodes.worlds
    _, pin = a_class(nodes)
    nodes.slow = True
    ana = by_pin(here, "ana", pin)
    nodes.let(0)
    ana.cut()
    nodes.settle()
    nodes.slow = False
    assert seen_by(here.hub) == seen_by(elsewhere.hub)
    assert by_pin(elsewhere, "bob", pin).session.named


@settings(max_examples=40, deadline=None)
@given(SCHEDULE)
def test_one_becomes_an_operator_by_the_code_whichever_nodes_it_is_used_on(schedule: list[str | int]) -> None:
    nodes = Nodes(2)
    people = []
    for world, nick in zip(nodes.worlds, ("ana", "bob"), strict=True):
        world.hub.operator_code = OperatorCode(Path("/nowhere/operator-code"), CODE)
        people.append(register(world, nick))
    ana, bob = people
    played(nodes, schedule, lambda: ana.type(f"/operator {CODE}"), lambda: bob.type(f"/operator {CODE}"))
    told = sorted(line.split(" ")[1] for client in people for line in client.take() if "perator" in line)
    assert told[0] in ("ana", "bob")
    assert told[1:] == ["code-wrong:"]
    assert [world.hub.operator_code for world in nodes.worlds] == [None, None]
    assert len(nodes.worlds[0].hub.roles.holders(SERVER)) == 1


def dies(nodes: Nodes, act: Callable[[], object], heard: int) -> None:
    """Somebody does something on the first node, which dies when it has been told of so many turns more."""
    nodes.slow = True
    act()
    for _ in range(heard):
        nodes.let(0)
    nodes.hang(0)
    nodes.lapse(0)
    nodes.stores[1].slow = False
    nodes.settle()
    nodes.wait(limits.BEAT_SECONDS + 1)


@pytest.mark.parametrize("heard", range(4))
def test_a_pin_lets_them_in_elsewhere_where_the_node_died_at_whatever_moment(heard: int) -> None:
    nodes = Nodes(2)
    _, pin = a_class(nodes)
    dies(nodes, lambda: by_pin(nodes.worlds[0], "ana", pin), heard)
    assert by_pin(nodes.worlds[1], "ana", pin).session.named


@pytest.mark.parametrize("heard", range(4))
def test_an_invitation_has_made_an_account_or_is_good_still_where_the_node_died_at_whatever_moment(heard: int) -> None:
    nodes = Nodes(2, registered_only=True)
    here, elsewhere = nodes.worlds
    code = invitation(here)
    _, type_again = by_invitation(here, "ana", code)
    dies(nodes, type_again, heard)
    is_made = elsewhere.hub.account("ana") is not None
    again, type_again = by_invitation(elsewhere, "bob", code)
    type_again()
    assert again.session.named is not is_made


@pytest.mark.parametrize("heard", range(4))
def test_the_code_has_made_an_operator_or_is_good_still_where_the_node_died_at_whatever_moment(heard: int) -> None:
    nodes = Nodes(2)
    people = []
    for world, nick in zip(nodes.worlds, ("ana", "bob"), strict=True):
        world.hub.operator_code = OperatorCode(Path("/nowhere/operator-code"), CODE)
        people.append(register(world, nick))
    ana, bob = people
    dies(nodes, lambda: ana.type(f"/operator {CODE}"), heard)
    is_made = bool(nodes.worlds[1].hub.roles.holders(SERVER))
    bob.type(f"/operator {CODE}")
    assert (SERVER in bob.session.person.roles) is not is_made


@settings(max_examples=40, deadline=None)
@given(SCHEDULE)
def test_a_key_is_of_one_account_whichever_nodes_it_is_added_on(schedule: list[str | int]) -> None:
    nodes, key = Nodes(2), new_key()
    ana, bob = (register(world, nick) for world, nick in zip(nodes.worlds, ("ana", "bob"), strict=True))
    line = f"/key add {line_of(key)}"
    played(nodes, schedule, lambda: ana.type(line), lambda: bob.type(line))
    (owner,) = [one for one in (ana, bob) if "! not-allowed: That key is somebody else's" not in one.bytes.decode()]
    found = nodes.worlds[0].hub.keys.find(fingerprint(key))
    assert found is not None
    assert found.person == owner.session.person.id


@settings(max_examples=40, deadline=None)
@given(SCHEDULE)
def test_a_key_that_is_ended_on_one_node_is_not_brought_back_by_a_login_on_another_one(
    schedule: list[str | int],
) -> None:
    nodes, key = Nodes(2), new_key()
    here, elsewhere = nodes.worlds
    ana = register(here, "ana")
    ana.type(f"/key add {line_of(key)}")
    came: list[BySsh] = []
    played(
        nodes,
        schedule,
        lambda: ana.type("/key end 1"),
        lambda: came.append(BySsh(elsewhere, "ana", key).comes()),
    )
    assert here.hub.keys.find(fingerprint(key)) is None
    assert ("key", fingerprint(key)) not in {
        (record.kind, record.key) for record in nodes.cluster.records.values() if record.value is not None
    }
    assert not [one for one in here.hub.people[ana.session.person.id].sessions if one.digest != ana.session.digest]


NEW = "lilac and fern"


@settings(max_examples=60, deadline=None)
@given(SCHEDULE)
def test_of_two_passwords_that_are_chosen_on_two_nodes_who_is_told_of_theirs_logs_in_by_it(
    schedule: list[str | int],
) -> None:
    nodes = Nodes(2)
    here, elsewhere = nodes.worlds
    ana = register(here, "ana")
    again = come(elsewhere, "ana", SECRET)
    assert "Welcome back ana" in again.bytes.decode()
    for client, password in ((ana, NEW), (again, f"{NEW} 2")):
        client.type("/password", SECRET, password)
        client.take()
    played(nodes, schedule, lambda: ana.type(NEW), lambda: again.type(f"{NEW} 2"))
    kept = ["password of ana is another one now" in client.bytes.decode() for client in (ana, again)]
    for password, is_kept in ((NEW, kept[0]), (f"{NEW} 2", kept[1])):
        back = come(elsewhere, "ana", password, host=SEALED)
        assert ("Welcome back ana" in back.bytes.decode()) is is_kept
    assert sum(kept) == 1


@settings(max_examples=40, deadline=None)
@given(SCHEDULE)
def test_the_password_that_an_operator_was_told_is_good_whatever_they_choose_on_another_node(
    schedule: list[str | int],
) -> None:
    nodes = Nodes(2)
    here, elsewhere = nodes.worlds
    ana, boss = register(here, "ana"), elsewhere.operator()
    ana.type("/password", SECRET, NEW)
    played(nodes, schedule, lambda: ana.type(NEW), lambda: boss.type("/admin reset ana"))
    (given_,) = [keys["password"] for keys in boss.objects if keys.get("command") == "admin reset"]
    is_told = "another one now" in ana.bytes.decode()
    back = [come(here, "ana", password).session.named for password in (given_, NEW)]
    assert back == [True, False] or (is_told and back == [False, True])
    assert ana.ended or back[1]


@settings(max_examples=40, deadline=None)
@given(SCHEDULE)
def test_of_two_tokens_with_one_name_the_one_that_was_told_is_good(schedule: list[str | int]) -> None:
    nodes = Nodes(2)
    here, elsewhere = nodes.worlds
    register(here, "ana")
    ana = come(here, f"/login ana {SECRET}", wire="json")
    again = come(elsewhere, f"/login ana {SECRET}", wire="json")
    made = "/token new deploy talk"
    played(nodes, schedule, lambda: ana.type(made), lambda: again.type(made))
    told = [keys["token"] for client in (ana, again) for keys in client.objects if "token" in keys]
    assert len(told) == 1
    for world in nodes.worlds:
        assert come(world, f"/login ana {told[0]}", wire="json").session.named


@settings(max_examples=60, deadline=None)
@given(SCHEDULE, st.sampled_from(["/unregister", "/admin forget ana ana", "/admin ban ana", "/admin reset ana"]))
def test_who_logs_in_as_their_account_ends_on_another_node_is_out(schedule: list[str | int], ends: str) -> None:
    nodes = Nodes(2)
    here, elsewhere = nodes.worlds
    ana, boss = register(here, "ana"), here.operator()
    id = ana.session.person.id
    if ends == "/unregister":
        ana.type("/unregister")
    came: list[Client] = []
    played(
        nodes,
        schedule,
        lambda: ana.type(SECRET) if ends == "/unregister" else boss.type(ends),
        lambda: came.append(come(elsewhere, "ana", SECRET)),
    )
    client = came[0]
    assert client.ended or not client.session.named or client.session.person.id != id
    assert ends in ("/admin ban ana", "/admin reset ana") or not here.hub.accounts


@settings(max_examples=40, deadline=None)
@given(SCHEDULE)
def test_a_pin_of_somebody_who_is_banned_is_not_brought_back_by_who_puts_them_out_elsewhere(
    schedule: list[str | int],
) -> None:
    nodes = Nodes(2)
    here, elsewhere = nodes.worlds
    boss, pin = a_class(nodes)
    other = elsewhere.operator()
    by_pin(here, "ana", pin)
    played(nodes, schedule, lambda: boss.type("/admin ban ana"), lambda: other.type("/kick #lobby ana"))
    assert not here.hub.roster.pins
    assert not by_pin(elsewhere, "ana", pin).session.named


@settings(max_examples=60, deadline=None)
@given(SCHEDULE)
def test_a_device_that_is_ended_on_one_node_does_not_come_back_on_another_one(schedule: list[str | int]) -> None:
    nodes = Nodes(2)
    here, elsewhere = nodes.worlds
    ana = register(here, "ana")
    phone = come(here, f"/login ana {SECRET}", wire="json")
    code = code_of(phone)
    phone.cut()
    came: list[Client] = []
    played(
        nodes,
        schedule,
        lambda: ana.type("/sessions end 2"),
        lambda: came.append(resume(elsewhere, code, "json")),
    )
    assert "Device 2 is out" in ana.bytes.decode()
    assert came[0].ended or not came[0].session.named
    assert not ana.ended


@settings(max_examples=60, deadline=None)
@given(
    SCHEDULE,
    st.sampled_from(["/admin kick ana", "/admin reset ana", "/password"]),
    st.booleans(),
    st.sampled_from(["json", "plain"]),
)
def test_who_is_put_out_on_one_node_does_not_come_back_on_another_one(
    schedule: list[str | int], ends: str, cut: bool, wire: str
) -> None:
    """By a people's code they are a guest there, if that was heard of in time."""
    nodes = Nodes(2)
    here, elsewhere = nodes.worlds
    ana, boss = register(here, "ana"), here.operator()
    phone = come(here, f"/login ana {SECRET}", wire=wire)
    code = phone.session.code
    if cut:
        phone.cut()
    if ends == "/password":
        ana.type("/password", SECRET, NEW)
    came: list[Client] = []
    played(
        nodes,
        schedule,
        lambda: ana.type(NEW) if ends == "/password" else boss.type(ends),
        lambda: came.append(resume(elsewhere, code, wire)),
    )
    assert ana.ended is (ends != "/password")
    is_guest = came[0].session.named and not came[0].ended
    assert not is_guest or wire == "plain"
    for world in nodes.worlds:
        assert world.hub.is_here("ana2") is is_guest
        assert {person.nick for person in world.hub.absent.values()} <= {"ana"}
        assert not world.hub.ended


def test_whose_key_is_ended_on_one_node_does_not_come_back_on_another_one() -> None:
    nodes = Nodes(2)
    here, elsewhere = nodes.worlds
    ana, key = register(here, "ana"), new_key()
    ana.type(f"/key add {line_of(key)}")
    BySsh(here, "ana", key).comes().talks()
    code = ana.session.person.attached[-1].code
    nodes.stores[0].slow = True
    back = resume(elsewhere, code, "json")
    assert back.session.named  # a people's code brings back a guest
    ana.type("/key end 1")
    nodes.stores[0].slow = False
    nodes.settle()
    assert back.ended
    assert seen_by(here.hub) == seen_by(elsewhere.hub)


@settings(max_examples=60, deadline=None)
@given(SCHEDULE, st.booleans())
def test_a_guest_who_is_put_out_on_one_node_does_not_come_back_on_another_one(
    schedule: list[str | int], cut: bool
) -> None:
    nodes = Nodes(2)
    here, elsewhere = nodes.worlds
    ana, boss = come(here, "/nick ana", wire="json"), here.operator()
    code = code_of(ana)
    if cut:
        ana.cut()
    came: list[Client] = []
    played(
        nodes,
        schedule,
        lambda: boss.type("/admin kick ana"),
        lambda: came.append(resume(elsewhere, code, "json")),
    )
    assert came[0].ended or not came[0].session.named
    gone = [entry.fact.who for entry in nodes.cluster.entries["#lobby"] if isinstance(entry.fact, Left)]
    assert gone == [("ana",)]
    for world in nodes.worlds:
        assert not world.hub.is_here("ana")
        assert not world.hub.absent
        assert not world.hub.ended
