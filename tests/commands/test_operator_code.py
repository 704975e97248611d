"""The first operator: an account that redeems the code of the server's start, once, where nobody far reads along."""

import pytest
from returning import KeepingStore, restarted
from test_account import SEALED, SECRET, come, register
from world import Client, World

from chat.base import limits
from chat.base.token_bucket import Allowance
from chat.core.roles import SERVER
from chat.server.operator_code import OperatorCode, make

CODE = "K7F2Q-X9M4T"
WRONG = "A2B3C-D4E5F"


@pytest.fixture
def world(world: World, tmp_path) -> World:
    """A chat that nobody runs yet."""
    path = tmp_path / "operator-code"
    path.write_text(CODE)
    world.path = path
    world.hub.operator_code = OperatorCode(path, CODE)
    return world


def runs(client: Client) -> bool:
    """Whether they may what operators may."""
    client.take()
    client.type("/admin who")
    return not client.take()[0].startswith("! not-allowed")


@pytest.mark.parametrize("line", [f"/operator {CODE}", "/oper k7f2qx9m4t", f"/OPERATOR  {CODE.lower()} "])
def test_an_account_redeems_it_once(line: str, world: World) -> None:
    amy, bob = register(world, "amy"), register(world, "bob")
    amy.take()
    amy.type(line)
    assert amy.take() == ["-> amy is an operator of this server now."]
    assert runs(amy)
    assert not world.path.exists()
    bob.type(f"/operator {CODE}")
    assert bob.take()[-1] == "! code-wrong: That is not the operator's code, or it was used already."
    assert not runs(bob)
    amy.type(f"/operator {CODE}")
    assert amy.take() == ["! usage: You run this server already."]


def test_a_guest_is_told_how_and_the_code_stays_good(world: World) -> None:
    guest = come(world, "ana")
    guest.take()
    guest.type(f"/operator {CODE}")
    assert guest.take()[0].startswith("! not-allowed: You have no account; /register makes one, /login NICK")
    guest.type("/register", SECRET, SECRET, f"/operator {CODE}")
    assert runs(guest)


@pytest.mark.parametrize(
    ("host", "proxied", "taken"),
    [
        ("127.0.0.1", (), True),
        ("192.168.1.7", (), True),
        ("10.0.0.1", (), True),
        ("fd00::1", (), True),
        ("fe80::1", (), True),
        ("192.168.1.7", ("192.168.1.0/24",), False),
        ("192.0.2.1", (), False),
        ("172.32.0.1", (), False),
        ("100.64.0.1", (), False),
        ("2001:db8::1", (), False),
    ],
)
def test_in_clear_it_is_taken_from_private_addresses_that_are_no_proxys(
    host: str, proxied: tuple[str, ...], taken: bool, tmp_path
) -> None:
    world = World(proxies=proxied)
    world.hub.operator_code = OperatorCode(tmp_path / "operator-code", CODE)
    far = come(world, "/nick amy", host=host)
    far.session.person.password = "hashed"  # as of a login that lasts
    far.take()
    far.type(f"/operator {CODE}")
    assert far.take()[0].startswith("-> amy is an operator" if taken else "! needs-tls: ")
    assert (world.hub.operator_code is None) is taken


def test_it_is_guessed_at_as_slowly_as_resume_codes(world: World) -> None:
    amy = register(world, "amy")
    for _ in range(limits.GUESSES):
        amy.type(f"/operator {WRONG}")
    assert amy.take()[-2:] == [
        "! code-wrong: That is not the operator's code, or it was used already.",
        "! too-many: Connect again to try once more.",
    ]
    assert amy.ended
    other = come(world, "amy", SECRET)
    guesses = Allowance("guess", limits.GUESSES_PER_HOST, 60 / limits.GUESSES_PER_HOST)
    for _ in range(limits.GUESSES_PER_HOST):
        world.hub.rates.take(guesses, SEALED, world.clock.seconds())
    other.take()
    other.type(f"/operator {CODE}")
    assert "this line waits" in other.take()[0]
    world.wait(limits.GUESSES_PER_HOST)
    assert other.take()[-1] == "-> amy is an operator of this server now."


@pytest.mark.parametrize(
    "line",
    [
        f"operator {CODE}",
        f"/opertor {CODE}",
        f"the code is {CODE.lower()}",
        f"/msg amy {CODE}",
        f"/me has {CODE}",
        f"/topic {CODE}",
        f"/away {CODE}",
        f"/nick {CODE}",
        f"/operator {CODE} now",
        f"/admin {CODE}",
    ],
)
def test_it_is_never_said_nor_quoted(line: str, world: World) -> None:
    amy, bob, bot = register(world, "amy"), world.enter("bob"), world.enter("bot", wire="json")
    for client in (bob, bot):
        client.type(line)
    heard = b"".join(client.bytes for client in world.clients).decode().upper()
    assert CODE not in heard
    assert CODE.replace("-", "") not in heard
    amy.type(f"/operator {CODE}")
    assert runs(amy), "and it is still good"


def test_any_other_operator_ends_it(world: World) -> None:
    register(world, "amy")
    world.operator("/admin op amy")
    assert world.hub.operator_code is None
    assert not world.path.exists()


def test_two_devices_that_redeem_it_at_once_are_one_operator(world: World) -> None:
    amy, bob = register(world, "amy"), register(world, "bob")
    amy.send(f"/operator {CODE}\n".encode())
    bob.send(f"/operator {CODE}\n".encode())
    world.turn()
    assert [person.nick for person in world.hub.roles.holders(SERVER)] == ["amy"]


def test_it_lasts_over_a_restart(tmp_path) -> None:
    store = KeepingStore()
    before = World(store)
    before.hub.operator_code = make(tmp_path / "operator-code")
    amy = register(before, "amy")
    amy.type(f"/operator {(tmp_path / 'operator-code').read_text()}".strip())
    assert runs(amy)
    after = restarted(before, store)
    back = come(after, "amy", SECRET)
    assert runs(back)
    back.type("/unregister", SECRET)
    assert not runs(back)


def test_a_persons_code_brings_no_right_back_and_a_programs_does(world: World) -> None:
    amy = register(world, "amy")
    amy.type(f"/operator {CODE}")
    code = amy.session.code
    amy.cut()
    assert not runs(come(world, f"/resume {code}"))
    bot = come(world, f"/login amy {SECRET}", wire="json")
    code = bot.session.code
    bot.cut()
    back = come(world, wire="json")
    back.type(f"/resume {code}")
    back.take()
    back.type("/admin who", id="1")
    assert [keys["type"] for keys in back.take_objects()] == ["reply", "ack"]


def test_another_password_and_the_end_of_a_session_take_the_right_from_that_device(world: World) -> None:
    amy, other = register(world, "amy"), come(world, f"/login amy {SECRET}")
    amy.type(f"/operator {CODE}")
    assert runs(other)
    amy.type("/password", SECRET, "another secret", "another secret")
    other.send(b"/admin announce still here\n")
    world.turn()
    assert b"still here" not in amy.bytes
