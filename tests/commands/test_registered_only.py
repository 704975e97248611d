"""A chat for accounts only: nobody comes in as a guest, and one registers by an invitation, once."""

import json
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returning import KeepingStore, code_of, restarted
from sealed import Sealed
from stores import SlowStore
from twisted.internet.address import IPv4Address
from world import Client, World

from chat.base import limits
from chat.base.language import language
from chat.commands.registry import TABLE
from chat.doors.sniffing import Reception
from chat.store.memory import MemoryStore
from chat.wire.join_hints import Directions

SEALED, LAN = "127.0.0.1", "192.168.1.7"
SECRET = "tulip and rose"
ASKED = [
    "-> Only who has an account comes in. Type your nickname and press Enter.",
    "-> With an invitation, type the nickname that you want.  (/help: commands,",
    "->   /quit: leave)",
]
NO_INVITATION = "! code-wrong: This is no invitation, or it was used, or its time is over."


def invitations(world: World, count: int = 1) -> list[str]:
    boss = world.operator(json.dumps({"line": f"/admin invite-code {count}", "id": "1"}))
    (reply,) = [keys for keys in boss.take_objects() if keys["type"] == "reply"]
    assert len(reply["codes"]) == count
    boss.cut()
    return reply["codes"]


def closed(store: MemoryStore | None = None, **keys: object) -> World:
    return World(store, registered_only=True, motd=["Be kind."], **keys)  # type: ignore[arg-type]


@pytest.fixture
def only() -> World:
    return closed()


def come(world: World, *lines: str, wire: str = "plain", host: str = SEALED) -> Client:
    client = world.connect(wire=wire, host=host)
    client.take()
    client.type(*lines)
    return client


def invited(world: World, nick: str, wire: str = "plain") -> Client:
    """Somebody who registered by an invitation."""
    (code,) = invitations(world)
    client = come(world, f"/register {nick} {code}", wire=wire)
    for _ in range(2):
        answer(client, SECRET)
    assert f"{nick} is yours now" in client.bytes.decode()
    client.take()
    return client


def answer(client: Client, text: str) -> None:
    if client.visit.wire.asks:
        client.type(text)
    else:
        client.send(json.dumps({"password": text, "id": "p"}).encode() + b"\n")
        client.world.turn()


# Inviting.


def test_an_invited_one_types_a_nickname_the_code_and_a_password(only: World) -> None:
    (code,) = invitations(only)
    amy = only.connect(host=SEALED)
    assert amy.take() == ["-> Welcome to the chat on pi. Nobody is here yet.", "-> Be kind.", *ASKED]
    amy.type("amy")
    assert amy.take()[-1] == "-> amy is nobody's yet. Code of your invitation, or Enter to stop:"
    amy.type(code.lower())
    assert amy.take()[-1] == "-> Choose a password for amy, of 8 characters or more:"
    amy.type(SECRET, SECRET)
    lines = amy.take()
    assert "-> Hello amy. Nobody else is in #lobby yet; what you say is kept for them." in lines
    assert any(line.startswith("-> amy is yours now") for line in lines)
    amy.type("hello", "/quit")
    back = come(only, "amy")
    assert back.take()[-1] == "-> Password of amy, or Enter to stop:"
    back.type(SECRET)
    assert any(line.startswith("-> Welcome back amy.") for line in back.lines)


def test_a_program_is_asked_the_same(only: World) -> None:
    (code,) = invitations(only)
    bot = only.connect(wire="json", host=SEALED)
    assert bot.take_objects()[0]["accounts_only"] is True
    bot.type("/nick bot", id="1")
    asked, done = bot.take_objects()
    assert (asked["asks"], asked["nick"], asked["id"]) == ("invitation", "bot", "1")
    assert (done["type"], done["id"]) == ("ack", "1")
    for text, asks in [(code, "new"), (SECRET, "again")]:
        answer(bot, text)
        assert bot.take_objects()[0]["asks"] == asks
    answer(bot, SECRET)
    assert [keys["type"] for keys in bot.take_objects()] == ["welcome", "history", "reply", "ack"]
    bot.type("/quit")
    again = come(only, wire="json")
    again.type("/nick bot", id="1")
    assert again.take_objects()[0]["asks"] == "present"
    answer(again, SECRET)
    assert again.take_objects()[0]["type"] == "welcome"


def test_an_invitation_is_good_once(only: World) -> None:
    (code,) = invitations(only)
    amy, bob = come(only, "amy", code, SECRET), come(only, "bob", code, SECRET)
    amy.type(SECRET)
    assert "Hello amy" in amy.bytes.decode()
    bob.type(SECRET)
    assert bob.take()[-1] == NO_INVITATION
    assert NO_INVITATION in come(only, "eva", code).lines
    assert [person.nick for person in only.hub.people.values()] == ["amy"]
    assert only.hub.account("bob") is None


def test_what_is_given_up_on_the_way_costs_no_invitation(only: World) -> None:
    (code,) = invitations(only)
    come(only, "amy", code, SECRET).cut()
    come(only, "amy", code, SECRET, "another one")
    eva = come(only, "eva", code, "")
    assert eva.take()[-3:] == ASKED
    come(only, "amy", code, SECRET, SECRET)
    assert only.hub.account("amy") is not None


def test_it_ends_after_a_week(only: World) -> None:
    (code,) = invitations(only)
    only.wait(limits.INVITATION_SECONDS - 60)
    assert NO_INVITATION not in come(only, "amy", code).lines
    only.wait(60)
    assert NO_INVITATION in come(only, "amy", code).lines


@pytest.mark.parametrize("used", [False, True])
def test_it_lives_through_a_restart(used: bool) -> None:
    store = KeepingStore()
    world = closed(store)
    (code,) = invitations(world)
    if used:
        come(world, "amy", code, SECRET, SECRET, "/quit")
    world = restarted(world, store)
    world.hub.settings = replace(world.hub.settings, registered_only=True)
    assert (NO_INVITATION in come(world, "bob", code).lines) is used
    assert (world.hub.account("amy") is not None) is used
    assert code not in str(store.records)


@pytest.mark.parametrize("kept", range(3))
def test_it_has_made_an_account_or_is_good_still_where_the_server_died_at_whatever_moment(kept: int) -> None:
    store = KeepingStore()
    world = closed(store)
    (code,) = invitations(world)
    amy = come(world, "amy", code, SECRET)
    commits = iter([store.commit] * kept)
    store.commit = lambda batch: next(commits, partial(MemoryStore.commit, store))(batch)  # type: ignore[method-assign]
    amy.type(SECRET)
    del store.commit
    world = restarted(world, store)
    world.hub.settings = replace(world.hub.settings, registered_only=True)
    assert (NO_INVITATION in come(world, "bob", code).lines) is (world.hub.account("amy") is not None)


def test_it_is_good_still_where_somebody_else_came_in_by_that_nickname_meanwhile() -> None:
    store = SlowStore()
    world = closed(store)
    one, other = invitations(world, 2)
    amy, bob = come(world, "amy", one, SECRET), come(world, "amy", other, SECRET)
    store.slow = True
    for client in (amy, bob):
        client.type(SECRET)
    while store.commits:
        store.let()
        world.turn()
    assert "! nick-taken" in bob.bytes.decode()
    store.slow = False
    assert NO_INVITATION not in come(world, "bob", other).lines


def test_of_those_that_are_open_there_are_not_endless_many(only: World) -> None:
    boss = only.operator(*[json.dumps({"line": f"/admin invite-code {limits.INVITATIONS_AT_ONCE}"})] * 21)
    assert boss.take_objects()[-1]["text"] == "1000 invitations are open already."
    boss.type("/admin invite-code 51", "/admin invite-code 0", "/admin invite-code x")
    assert [keys["code"] for keys in boss.take_objects()] == ["too-many", "too-many", "usage"]
    only.wait(limits.INVITATION_SECONDS + 1)
    boss.type("/admin invite-code")
    assert len(boss.take_objects()[0]["codes"]) == 1


def test_only_whoever_runs_the_server_makes_them(only: World) -> None:
    amy = invited(only, "amy")
    amy.type("/invite-code", "/help invite-code")
    assert [line.split(":")[0] for line in amy.take() if line[0] == "!"] == ["! not-allowed", "! unknown-command"]
    only.operator('{"line": "/admin op amy"}')
    amy.take()
    amy.type("/invite-code 2")
    lines = amy.take()
    assert len([line for line in lines if len(line) == len("-> K7F2Q-X9M4T")]) == 2
    assert "2026-11-29" in " ".join(lines)
    bob = Sealed(only, "hello")
    assert "code" not in str(bob.take())


def test_where_everybody_may_come_in_there_are_none(world: World) -> None:
    boss = world.operator('{"line": "/admin invite-code"}')
    assert boss.take_objects()[-1]["code"] == "usage"
    amy = world.enter("amy")
    amy.type("/register amy K7F2Q-X9M4T")
    assert amy.take() == ["! usage: No invitation is needed here: /register makes amy yours."]
    assert "no-nick" in come(world, "/register amy K7F2Q-X9M4T").bytes.decode()


# Nobody else comes in.


@pytest.mark.parametrize("wire", ["plain", "json"])
def test_no_guest_comes_in(only: World, wire: str) -> None:
    bob = invited(only, "bob")
    bob.take()
    guest = come(only, "/nick amy", "", "hello", "/join #x", "/me waves", "/post amy hello", wire=wire)
    assert [person.nick for person in only.hub.people.values()] == ["bob"]
    assert bob.take() == []
    assert guest.ended, "after the last line, which hangs up"


def test_a_line_without_joining_needs_a_token(only: World) -> None:
    bob = invited(only, "bob")
    assert come(only, "/post amy hello").take()[-1] == (
        "! not-allowed: Only who has an account says something here: /post NICK:TOKEN."
    )
    bob.type("/token new ci")
    token = next(word.rstrip(".") for word in bob.bytes.decode().split() if word.startswith("chat_token_"))
    assert "-> posted" in come(only, f"/post bob:{token} hello").take()


@pytest.mark.parametrize("host", [LAN, "192.0.2.1"])
def test_in_clear_one_is_told_where_to_go(only: World, host: str) -> None:
    at = Directions((), [IPv4Address("TCP", "0.0.0.0", 12346)])
    only.factory.reception = Reception(language("en"), at)
    invited(only, "bob")
    amy = only.connect(host=host)
    assert amy.take()[2:] == [
        "! needs-tls: Only who has an account comes in, by a password. Join with: ncat",
        "!   --ssl 10.0.0.1 12346  or  chat-client --tls 10.0.0.1:12346",
    ]
    amy.type("amy", "bob", "", "/register amy K7F2Q-X9M4T", "/login bob x")
    assert [line.split(":")[0] for line in amy.take() if not line.startswith("!  ")] == ["! needs-tls"] * 5
    program = come(only, wire="json", host=host)
    program.type("/nick bob", "/nick amy", id="1")
    assert [keys["code"] for keys in program.take_objects()] == ["needs-tls"] * 2


def test_a_persons_code_does_not_bring_back_a_guest() -> None:
    world = World()
    guest, bob = world.enter("guest-amy"), come(world, "bob", "/register", SECRET, SECRET)
    world.hub.settings = replace(world.hub.settings, registered_only=True)
    codes = [client.session.code or "" for client in (guest, bob)]
    guest.cut()
    bob.cut()
    for code in codes:
        assert "not-allowed" in come(world, code).bytes.decode()
    bot = come(world, f"/login bob {SECRET}", wire="json")
    long = code_of(bot)
    bot.cut()
    assert '"welcome"' in come(world, f"/resume {long}", wire="json").bytes.decode()


def test_whoever_is_here_as_a_guest_when_it_begins_stays(world: World) -> None:
    amy = world.enter("amy")
    world.hub.settings = replace(world.hub.settings, registered_only=True)
    amy.type("hello", "/nick eva")
    assert "-> You are eva now." in amy.take()


def test_with_a_password_of_the_server_that_comes_first() -> None:
    world = closed(password="word")
    (code,) = invitations(world)
    amy = come(world, "/register amy K7F2Q-X9M4T", "word")
    assert amy.take()[0].startswith("! password-needed")
    amy.type("amy", code, SECRET, SECRET)
    assert "Hello amy" in amy.bytes.decode()


# Guesses, and what leaks.


def test_wrong_codes_end_the_connection_and_wait(only: World) -> None:
    amy = come(only)
    for _ in range(limits.GUESSES):
        amy.type("amy", "K7F2Q-X9M4T")
    assert amy.take()[-1] == "! too-many: Connect again to try once more."
    for _ in range(limits.GUESSES_PER_HOST // limits.GUESSES):
        come(only, *["/register amy K7F2Q-X9M4T"] * limits.GUESSES)
    assert NO_INVITATION not in come(only, "/register amy K7F2Q-X9M4T").lines


def test_a_line_with_an_invitation_is_not_said(only: World) -> None:
    bob = invited(only, "bob")
    (code,) = invitations(only)
    head = only.hub.lobby.log.head
    bob.type(f"come in with {code}")
    assert bob.take() == ["! code-private: That holds a code, which is secret. It was not said."]
    assert only.hub.lobby.log.head == head


def test_no_code_and_no_password_is_kept_or_shown() -> None:
    store = KeepingStore()
    world = closed(store)
    (code,) = invitations(world)
    amy = come(world, "amy", code, SECRET, SECRET, "hello")
    other = come(world, f"/register bob {code}")
    kept = str(store._logs) + str(store.remembered) + str(store.records) + repr(world.hub.settings)
    for secret in (code, "tulip"):
        assert secret not in kept
        assert secret.encode() not in bytes(amy.socket.received) + bytes(other.socket.received)


def test_telnet_hides_the_code_too(only: World) -> None:
    (code,) = invitations(only)
    amy = come(only)
    for line in ("amy", code):
        amy.send(line.encode() + b"\r\n")
        only.turn()
    assert amy.bytes.count(b"\xff\xfb\x01") == 2


LINES = (
    st.text()
    | st.sampled_from(["amy", "bob", "", "K7F2Q-X9M4T", "password", "/register amy", "/nick amy"])
    | st.builds("/{} {}".format, st.sampled_from(sorted(TABLE)), st.sampled_from(["bob", "amy x", "#x 5", "bob pass"]))
    | st.builds(lambda text: json.dumps({"password": text, "id": "1"}), st.text())
)


@given(st.lists(LINES, max_size=8), st.sampled_from(["plain", "json"]))
def test_whatever_is_typed_nobody_comes_in_without_account_or_invitation(lines: list[str], wire: str) -> None:
    world = closed()
    bob = invited(world, "bob")
    head = world.hub.lobby.log.head
    amy = come(world, wire=wire)
    for line in lines:
        amy.send(line.encode("utf-8", "surrogatepass") + b"\n")
    world.turn()
    world.wait(5)
    amy.close()
    world.wait(5)
    assert bob.take() == []
    assert world.hub.lobby.log.head == head
    assert len(world.hub.people) == 1
    assert b"internal" not in bytes(amy.socket.received)


def test_whoever_registers_by_an_invitation_has_all_that_an_account_has(only: World) -> None:
    (code,) = invitations(only)
    amy = come(only, f"/register amy {code}")
    for _ in range(2):
        answer(amy, SECRET)
    assert amy.session.author.account
    assert list(only.hub.logins._known) == ["127.0.0.1"]


def test_an_invitation_does_not_open_an_address_that_is_closed(only: World) -> None:
    code, other = invitations(only, 2)
    troll = come(only, f"/register troll {code}")
    for _ in range(2):
        answer(troll, SECRET)
    only.operator().type("/admin ban troll 1h")
    again = come(only, f"/register joe {other}")
    for _ in range(2):
        answer(again, SECRET)
    assert again.take()[-1].startswith("! banned: ")
    assert not again.session.named
