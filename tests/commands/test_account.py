"""Accounts: a nickname of one's own by a password, which nobody reads along, shows, says or keeps."""

import json

import pytest
from returning import KeepingStore, code_of, restarted, resume
from twisted.internet.defer import Deferred
from world import Client, World

from chat.base import limits, names
from chat.base.errors import Refused
from chat.core.person import Person

SEALED = "127.0.0.1"
SECRET = "tulip and rose"


def come(world: World, *lines: str, wire: str = "plain", host: str = SEALED) -> Client:
    """Somebody on a connection where nobody reads along; what they type, with what they were told so far read."""
    client = world.connect(wire=wire, host=host)
    client.take()
    client.type(*lines)
    return client


def register(world: World, nick: str = "profe", wire: str = "plain") -> Client:
    """Somebody whose nickname is their own."""
    client = come(world, f"/nick {nick}", "/register", SECRET, SECRET, wire=wire)
    assert f"{nick} is yours now" in client.bytes.decode()
    client.take()
    return client


def test_a_nickname_becomes_ones_own(world: World) -> None:
    profe = come(world, "profe")
    profe.take()
    profe.type("/register", SECRET, SECRET)
    assert profe.take() == [
        "-> What you type now may be seen on your screen.",
        "-> Choose a password for profe, of 8 characters or more:",
        "-> What you type now may be seen on your screen.",
        "-> The same password once more:",
        "-> profe is yours now: on any device type it as your nickname, then the",
        "->   password.",
    ]


def test_it_is_given_for_its_password_alone(world: World) -> None:
    profe = register(world)
    profe.type("/quit")
    other = come(world, "profe")
    assert other.take()[-1] == "-> profe is registered. Password, or Enter to come in as profe2:"
    other.type("wrong password")
    assert other.take() == ["! login-failed: That is not the password of profe."]
    other.type("profe")
    world.wait(limits.NICK_PAUSE_SECONDS)
    other.type("")
    assert "-> Hello profe2. Nobody else is in #lobby yet; what you say is kept for them." in other.take()
    back = come(world, "profe", SECRET)
    assert any(line.startswith("-> Welcome back profe.") for line in back.take())


def test_on_a_line_that_others_may_read_it_is_not_asked_for(world: World) -> None:
    register(world).type("/quit")
    other = come(world, "profe", host="192.0.2.1")
    assert other.take() == [
        "! nick-taken: profe is registered; /login profe if it is yours. Enter takes",
        "!   profe2; /resume CODE if it is you.",
    ]
    other.type("")
    world.wait(limits.NICK_PAUSE_SECONDS)
    other.take()
    other.type("/login profe", f"/login profe {SECRET}", "/register")
    assert [line.partition(":")[0] for line in other.take() if line.startswith("! n")] == ["! needs-tls"] * 3


def test_a_program_logs_in(world: World) -> None:
    register(world).type("/quit")
    bot = come(world, wire="json")
    bot.type("/nick profe", id="1")
    assert bot.take_objects()[-1]["code"] == "nick-taken"
    bot.type("/login profe", id="2")
    asked, done = bot.take_objects()
    assert (asked["command"], asked["asks"], asked["nick"]) == ("login", "present", "profe")
    assert done["type"] == "ack"
    bot.type("/ping", id="p")
    assert [keys["type"] for keys in bot.take_objects()] == ["reply", "ack"], "what else is sent is no answer"
    bot.send(b'{"password": "wrong password", "id": "3"}\n')
    world.turn()
    assert [(keys["type"], keys.get("code"), keys["id"]) for keys in bot.take_objects()] == [
        ("error", "login-failed", "3")
    ]
    bot.type(f"/login profe {SECRET}", id="4")
    welcome, done = bot.take_objects()
    assert (welcome["type"], welcome["nick"], welcome["back"], welcome["id"]) == ("welcome", "profe", True, "4")
    assert (done["type"], done["id"]) == ("ack", "4")


def test_what_a_password_brings_has_the_id_of_its_own_line(world: World) -> None:
    bot = come(world, "/nick profe", wire="json")
    bot.take_objects()
    bot.type("/register", id="1")
    for id in "23":
        bot.send(json.dumps({"password": SECRET, "id": id}).encode() + b"\n")
        world.turn()
    told = [(keys["type"], keys.get("asks"), keys["id"]) for keys in bot.take_objects()]
    assert told == [
        ("reply", "new", "1"), ("ack", None, "1"),
        ("reply", "again", "2"), ("ack", None, "2"),
        ("reply", None, "3"), ("ack", None, "3"),
    ]  # fmt: skip


def test_a_guest_who_logs_in_leaves_and_goes_on_as_the_account(world: World) -> None:
    profe, bob = register(world), world.enter("bob")
    guest = come(world, "ana", "hello")
    bob.type("/ignore ana")
    bob.take()
    guest.take()
    guest.type(f"/login profe {SECRET}")
    assert "-!- ana left (0 s)" not in bob.take(), "bob ignores them"
    assert guest.session.person is profe.session.person
    guest.type("it is me")
    assert bob.take() == [], "and goes on to ignore them"
    assert profe.take()[-1] == "<profe> it is me"


def test_who_is_away_goes_on_to_ignore_them_as_well_and_nobody_ignores_themselves() -> None:
    world = World(store := KeepingStore())
    profe, maria = register(world), register(world, "maria")
    guest = come(world, "ana")
    profe.type("/ignore ana")
    maria.type("/ignore ana", "/quit")
    guest.type(f"/login profe {SECRET}")
    world = restarted(world, store)
    maria = world.hub.account("maria")
    assert list(maria.ignored.values()) == ["ana", "profe"]
    assert list(world.hub.account("profe").ignored.values()) == ["ana"]


@pytest.mark.parametrize("line", ["one", "/me waves", "/msg bob psst", "/topic tea"])
@pytest.mark.parametrize("restart", [False, True])
def test_a_line_of_the_guest_that_comes_again_after_the_login_is_not_said_twice(line: str, restart: bool) -> None:
    world = World(store := KeepingStore())
    register(world).type("/quit")
    bob = world.enter("bob", wire="json")
    guest = come(world, "/nick ana", wire="json")
    guest.type(line, id="c1")
    guest.take()
    guest.type(f"/login profe {SECRET}", id="c2")
    code = code_of(guest)
    guest.cut()
    said = len([keys for keys in bob.take_objects() if keys.get("from") == "ana" and "text" in keys])
    assert said == 1
    if restart:
        world.wait(1)
        world = restarted(world, store)
        bob = world.enter("bea", wire="json")
    back = resume(world, code, "json")
    back.take()
    back.type(line, id="c1")
    assert [keys["type"] for keys in back.take_objects() if keys.get("id") == "c1"][-1] == "ack"
    back.type("another one", id="c1")
    assert [keys["code"] for keys in back.take_objects() if keys["type"] == "error"] == ["id-used"]
    back.type("new", id="c3")
    back.type("new", id="c3")
    assert [keys["type"] for keys in back.take_objects()] == ["ack", "ack"]
    assert [keys["text"] for keys in bob.objects if keys.get("from") == "profe"] == ["new"]


def test_the_guests_ids_are_looked_up_for_a_day(world: World) -> None:
    register(world).type("/quit")
    guest = come(world, "/nick ana", wire="json")
    guest.type(f"/login profe {SECRET}", id="c2")
    assert guest.session.former is not None
    world.wait(limits.LINE_ID_SECONDS + 20, 20)
    assert guest.session.former is None


def test_an_account_that_is_away_is_written_to_and_keeps_its_rooms(world: World) -> None:
    profe, bob = register(world), world.enter("bob")
    profe.type("/join #ops", "/quit")
    bob.type("/msg profe psst")
    assert bob.take()[-2:] == [
        "[you -> profe] psst",
        "-> profe is not here, and reads it on coming back.",
    ]
    bob.type("/whois profe", "/who")
    assert bob.take() == [
        "! not-here: profe left 0 s ago.",
        "-> One person is in #lobby: bob",
    ]
    back = come(world, "profe", SECRET)
    assert any("[bob -> you] psst" in line for line in back.lines)
    assert set(back.session.person.rooms) == {"#lobby", "#ops"}


def test_several_devices_are_listed_and_ended(world: World) -> None:
    profe = register(world)
    phone = come(world, "profe", SECRET)
    laptop = come(world, "profe", SECRET)
    laptop.cut()
    world.wait(60)
    profe.take()
    profe.type("/sessions")
    assert profe.take() == [
        "-> 1: this one, from 127.0.0.1",
        "-> 2: here, from 127.0.0.1",
        "-> 3: from 127.0.0.1, gone for 1 min; it may come back",
    ]
    profe.type("/sessions end 2", "/sessions end 7", "/sessions end")
    assert profe.take()[:2] == ["-> Device 2 is out.", "! usage: There is no device 7; /sessions lists them."]
    assert phone.ended


def test_another_password_ends_the_other_devices_and_their_codes(world: World) -> None:
    profe = register(world)
    phone = come(world, "profe", SECRET, wire="json")
    phone = come(world, f"/login profe {SECRET}", wire="json")
    code = code_of(phone)
    profe.type("/password", SECRET, "another secret", "another secret")
    assert profe.take()[-1] == "-> The password of profe is another one now; your other devices log in anew."
    assert phone.ended
    assert resume(world, code, "json").objects[-1]["code"] == "code-wrong"
    assert "login-failed" in come(world, "profe", SECRET).bytes.decode()
    assert "Welcome back profe" in come(world, "profe", "another secret").bytes.decode()


def test_whoever_sits_there_needs_the_present_password(world: World) -> None:
    profe = register(world)
    profe.type("/password", "wrong password", "/unregister", "wrong password")
    assert [line for line in profe.take() if line.startswith("!")] == [
        "! login-failed: That is not the password of profe."
    ] * 2
    assert profe.session.person.has_account


def test_an_account_is_given_up(world: World) -> None:
    profe = register(world)
    profe.type("/unregister", SECRET)
    assert profe.take()[-1] == "-> profe is no account any more. What you said stays."
    profe.type("/quit")
    assert "Hello profe." in come(world, "profe").bytes.decode()


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("short", "A password has at least 8 characters."),
        ("aaaaaaaaaaaa", "Anybody would guess that password."),
        ("x" * (limits.PASSWORD_MOST + 1), "A password has at most 512 bytes."),
        ("", "Nothing was done: no password came."),
    ],
)
def test_a_password_that_can_be_none_is_refused_and_not_repeated(world: World, typed: str, why: str) -> None:
    profe = come(world, "/nick profe", "/register")
    profe.take()
    profe.type(typed)
    (answer,) = [line for line in profe.take() if line.startswith("!")]
    assert why in answer
    profe.type("hello")
    assert world.hub.lobby.log.head == 2, "what comes next is talk again"


def test_two_different_ones_change_nothing(world: World) -> None:
    profe = come(world, "/nick profe", "/register", SECRET, "tulip and lily")
    assert profe.take()[-1] == "! usage: That was another password than before; nothing was changed."
    assert not profe.session.person.has_account


def test_a_password_is_compared_as_it_looks(world: World) -> None:
    come(world, "/nick profe", "/register", "contrase\u00f1a\u00a0dos", "contrasen\u0303a dos").type("/quit")
    assert "Welcome back" in come(world, "profe", "contrasen\u0303a dos").bytes.decode()


def test_what_looks_like_a_command_is_a_password(world: World) -> None:
    profe = come(world, "/nick profe", "/register", "/who is there", "/who is there")
    assert "profe is yours now" in profe.bytes.decode()
    profe.type("/password", "/cancel", "hello")
    assert profe.take()[-1] == "-> Nothing was said."
    assert world.hub.lobby.log.head == 2, "what comes next is talk again"


def test_a_password_that_nobody_asked_for_is_refused_and_not_repeated(world: World) -> None:
    bot = come(world, "/nick bot", wire="json")
    bot.take()
    bot.send(b'{"password": "tulip", "id": "1"}\n')
    world.turn()
    (error,) = bot.take_objects()
    assert (error["code"], error["text"], error["id"]) == ("usage", "No password was asked for.", "1")


def test_telnet_hides_it(world: World) -> None:
    profe = come(world)
    profe.send(b"\xff\xfb\x00/nick profe\r\n")
    world.turn()
    profe.send(b"/register\r\n")
    world.turn()
    assert b"\xff\xfb\x01" in profe.bytes
    assert "seen on your screen" not in profe.bytes.decode(errors="replace")
    profe.send(b"\xff\xfd\x01" + SECRET.encode() + b"\r\n")
    world.turn()
    assert b"\xff\xfc\x01" in profe.bytes
    assert profe.bytes.count(b"\xff\xfc\x01") == 1


def test_nothing_of_it_is_shown_said_or_kept(world: World) -> None:
    store = KeepingStore()
    world = World(store)
    bob = world.enter("bob")
    profe = register(world)
    profe.type("/password", "tulip and wrong", f"/login profe {SECRET}", "hello")
    come(world, "profe", "tulip twice")
    seen = b"".join(bytes(client.socket.received) for client in (bob, profe, *world.clients))
    assert b"tulip" not in seen
    assert "tulip" not in str(store._logs)
    assert "tulip" not in str(store.remembered)


def test_accounts_are_there_after_a_restart() -> None:
    store = KeepingStore()
    world = World(store)
    profe = register(world)
    profe.type("/join #ops", "/quit")
    world = restarted(world, store)
    assert come(world, "profe").lines[-1].startswith("-> profe is registered.")
    back = come(world, "profe", SECRET)
    assert set(back.session.person.rooms) == {"#lobby", "#ops"}


def test_nobody_takes_the_nickname_of_an_account_that_is_away(world: World) -> None:
    register(world).type("/quit")
    amy = world.enter("amy")
    amy.type("/nick profe", "/nick prof\u0435", "/post profe hello")
    refused = [line.split()[1] for line in amy.take() if line.startswith("! ")]
    assert [code for code in refused if code.startswith("nick")] == ["nick-taken:", "nick-alike:"]
    assert "nick-taken" in come(world, "/post profe hello").bytes.decode()


def test_a_code_that_can_be_guessed_brings_back_the_place_and_not_the_account(world: World) -> None:
    register(world).type("/quit")
    bob = world.enter("bob")
    profe = come(world, "profe", SECRET)
    profe.type("/join #ops")
    profe.take()
    code = profe.session.code or ""
    bob.type("/msg profe psst", "/join #ops", "hello ops")
    profe.cut()
    bob.type("meanwhile")
    back = resume(world, code)
    assert any(line.startswith("-> Welcome back profe2.") for line in back.lines)
    assert "meanwhile" in back.bytes.decode()
    assert "psst" not in back.bytes.decode()
    assert not back.session.person.has_account
    back.type("/last profe", "/unregister")
    assert "psst" not in back.bytes.decode()
    back.cut()
    assert any(line.startswith("-> Welcome back profe2.") for line in resume(world, code).lines), "it stays good"


def test_the_long_code_of_a_program_brings_back_the_account(world: World) -> None:
    register(world).type("/quit")
    bot = come(world, f"/login profe {SECRET}", wire="json")
    code = code_of(bot)
    bot.cut()
    assert resume(world, code, "json").session.person.has_account


def test_a_ban_ends_the_sessions_and_not_the_account(world: World) -> None:
    profe = register(world)
    profe.session.banish()
    world.turn()
    assert profe.ended
    assert "Welcome back profe" in come(world, "profe", SECRET).bytes.decode()


# Who guesses.


def test_wrong_passwords_make_the_next_one_wait_longer_and_longer(world: World) -> None:
    register(world).type("/quit")
    mallory = come(world)
    for _ in range(limits.LOGIN_TRIES):
        mallory.type("/login profe wrong password")
    tried = world.passwords.verified
    mallory.take()
    mallory.type("/login profe wrong password")
    assert world.passwords.verified == tried
    world.wait(1)
    assert world.passwords.verified == tried + 1
    mallory.type("/login profe wrong password")
    world.wait(1)
    assert world.passwords.verified == tried + 1
    world.wait(1)
    assert world.passwords.verified == tried + 2


class Stranger:
    """Somebody who tries a password from an address."""

    def __init__(self, host: str) -> None:
        self.host = host

    def waits(self, seconds: float) -> None:
        """They do."""


def test_who_tries_from_elsewhere_makes_the_owner_wait_for_nothing(world: World) -> None:
    register(world)
    for number in range(limits.LOGIN_TRIES_OF_STRANGERS + 5):
        failed = Deferred.fromCoroutine(
            world.hub.logins.log_in("profe", "wrong password", Stranger(f"2001:db8::{number}"))
        )
        failed.addErrback(lambda failure: failure.trap(Refused))
    tried = world.passwords.verified
    Deferred.fromCoroutine(world.hub.logins.log_in("profe", SECRET, Stranger("2001:db8::ffff")))
    assert world.passwords.verified == tried, "somebody from yet another address waits"
    assert "Welcome back profe" in come(world, "profe", SECRET).bytes.decode()


def test_forty_owners_behind_one_router_are_not_locked_out_by_a_forty_first() -> None:
    world = World()
    owners = [f"child-{number}" for number in range(40)]
    for nick in owners:
        person = register(world, nick)
        person.type("/quit")
    guessers = [come(world, f"/login {owners[0]} wrong password") for _ in range(60)]
    for number, nick in enumerate(owners[1:]):
        guessers.append(come(world, *[f"/login {nick} wrong password"] * (number % 10)))
    world.wait(limits.LOGIN_PAUSE_MOST)
    arrived = [come(world, f"/nick a-{nick}", f"/login {nick} {SECRET}") for nick in owners]
    for _ in range(2 * int(limits.LOGIN_PAUSE_MOST)):
        for guesser in guessers:
            if "login-failed" in guesser.bytes.decode():
                guesser.take()
                guesser.type(f"/login {owners[0]} wrong password")
        world.wait(1)
    assert all("Welcome back" in client.bytes.decode() for client in arrived)
    world.wait(10 * limits.LOGIN_PAUSE_MOST, 1)  # until the last try is over


def test_an_unknown_nickname_costs_as_much(world: World) -> None:
    nobody = come(world, "amy")
    nobody.take()
    nobody.type(f"/login nobody {SECRET}")
    assert nobody.take() == ["! login-failed: That is not the password of nobody."]
    assert world.passwords.verified == 1


@pytest.mark.parametrize("nick", ["\u200d", "\u200c", "\u00ad", "x" * 3000])
def test_what_can_be_no_nickname_is_answered_and_holds_nobody_up(world: World, nick: str) -> None:
    register(world).type("/quit")
    answers = come(world, f"/login {nick} {SECRET}").bytes.decode().splitlines()
    assert answers[0].startswith("! login-failed: That is not the password of")
    assert len("".join(answers)) < 500
    assert "Welcome back profe" in come(world, f"/login profe {SECRET}").bytes.decode()


def test_a_try_ends_with_its_connection_and_nobody_waits_less_for_it(world: World) -> None:
    """Who connects, tries and cuts again and again is slowed as whoever stays."""
    register(world)
    tried = world.passwords.verified
    for number in range(60):
        come(world, f"/login profe wrong password {number}").cut()
        world.wait(1)
    assert world.passwords.verified - tried <= limits.LOGIN_TRIES + 10
    assert not world.hub.logins._waiting
    line = world.hub.logins._line((names.fold("profe"), SEALED))
    assert line.waiting == 0


def slow_passwords(world: World) -> list[Deferred[None]]:
    """From now on what is kept of a password is known only when the test says so, by these."""
    waiting: list[Deferred[None]] = []
    once = world.hub.passwords.hash

    async def hash(password: str) -> str:
        waiting.append(Deferred())
        await waiting[-1]
        return await once(password)

    world.hub.passwords.hash = lambda password: Deferred.fromCoroutine(hash(password))  # type: ignore[method-assign]
    return waiting


def test_whoever_was_thrown_out_changes_the_password_no_more(world: World) -> None:
    profe = register(world)
    profe.type("/password", SECRET, "another secret")
    waiting = slow_passwords(world)
    profe.type("another secret")
    profe.full()  # their connection is still there while something waits to be read
    boss = world.operator()
    boss.type("/admin reset profe")
    (changed, reset) = waiting
    reset.callback(None)
    kept = world.hub.account("profe")
    assert kept is not None
    of_operator = kept.password
    changed.callback(None)
    world.turn()
    assert kept.password == of_operator


def test_a_login_that_waits_while_the_password_is_changed_fails(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    profe = register(world)
    gate: Deferred[None] = Deferred()
    load = world.hub.recall

    async def slowly(person: Person) -> None:
        await gate
        await load(person)

    monkeypatch.setattr(world.hub, "recall", slowly)
    intruder = come(world, f"/login profe {SECRET}")
    profe.type("/password", SECRET, "another secret", "another secret")
    gate.callback(None)
    world.turn()
    assert intruder.take()[-1] == "! login-failed: profe is not to be had by that any more."
    assert not intruder.session.named


def test_who_was_sent_away_comes_into_no_room_any_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    bob, amy = world.enter("bob"), world.enter("amy")
    gate: Deferred[None] = Deferred()
    load = world.hub.rooms.load

    async def slowly(name: str) -> bool:
        await gate
        return await load(name)

    monkeypatch.setattr(world.hub.rooms, "load", slowly)
    amy.type("/join #new")
    amy.full()
    world.operator().type("/admin kick amy")
    gate.callback(None)
    world.turn()
    bob.type("/join #new", "/who #new")
    assert "amy" not in bob.bytes.decode().rpartition("#new is new")[2]
    assert not bob.gone
