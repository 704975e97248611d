"""Keys of ssh: who proves one is whom it belongs to, for a day as a guest, and for good with an account."""

import base64
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from by_ssh import BySsh, Opened, new_key
from cluster import Nodes
from hypothesis import given
from hypothesis import strategies as st
from returning import KeepingStore, restarted
from test_account import SECRET, come, register
from twisted.conch.ssh.keys import Key
from twisted.internet.defer import fail
from world import World

from chat.base import limits, passwords, public_keys
from chat.base.errors import NotStored
from chat.base.language import say
from chat.base.public_keys import PublicKey
from chat.core import keys
from chat.core.ports import Record


def by(world: World, key: Key | None, *lines: str, user: str = "amy", host: str = "192.0.2.1") -> Opened:
    """Somebody who comes by ssh with this key."""
    return BySsh(world, user, key, host).comes().talks(*lines)


def line_of(key: Key) -> str:
    """As in the file of a public key."""
    return key.public().toString("OPENSSH").decode()


def fingerprint(key: Key) -> str:
    return public_keys.fingerprint(key.public().blob())


@pytest.fixture
def key() -> Key:
    return new_key()


@pytest.fixture
def amy(world: World, key: Key) -> Opened:
    """Whose nickname is her own by her key."""
    amy = by(world, key, "amy", "/register")
    assert "amy is yours now, by your key" in " ".join(amy.take())
    return amy


# A guest's.


def test_a_guest_comes_back_by_the_key_and_is_asked_nothing(world: World, key: Key) -> None:
    bob = world.enter("bob", "/join #ops")
    amy = by(world, key, "amy", "/join #ops")
    assert any("connect again with the same key" in line for line in amy.take())
    amy.by.cut()
    bob.take()
    bob.type("while you were away")
    again = by(world, key)
    told = again.take()
    assert not any("nickname" in line for line in told)
    assert any(line.startswith("-> Welcome back amy.") for line in told)
    assert any(line.endswith("#ops <bob> while you were away") for line in told)
    assert bob.take() == []


def test_the_key_counts_though_lines_come_in_the_same_packet(world: World, key: Key) -> None:
    bob = world.enter("bob")
    for line in ("amy", "I am back"):
        session = BySsh(world, "amy", key).comes().opens()
        session.conn.sendRequest(session, b"shell", b"", wantReply=True).addErrback(lambda _: None)
        session.write(f"{line}\n".encode())
        sent = session.by.socket.sent
        together = b"".join(sent)
        sent.clear()
        sent.append(together)
        session.by.pump()
        session.by.cut()
    assert bob.take() == ["-!- amy joined #lobby (2 here)", "<amy> I am back"]


def test_who_was_here_on_another_connection_is_taken_over(world: World, key: Key) -> None:
    amy = by(world, key, "amy")
    again = by(world, key)
    assert any(line.startswith("-> Welcome back amy.") for line in again.take())
    assert "! taken-over" in " ".join(amy.take())


def test_for_a_day(world: World, key: Key) -> None:
    by(world, key, "amy").by.cut()
    world.wait(limits.CODE_SECONDS + 1)
    world.wait(limits.GREET_SECONDS)
    again = by(world, key)
    world.wait(limits.GREET_SECONDS)
    again.by.pump()
    assert "nickname" in again.take()[-1]


def test_who_quits_is_nobody_the_next_time(world: World, key: Key) -> None:
    by(world, key, "amy", "/quit")
    again = by(world, key, "zoe")
    assert any(line.startswith("-> Hello zoe.") for line in again.take())


def test_after_a_restart_too(key: Key) -> None:
    store = KeepingStore()
    world = World(store)
    by(world, key, "amy", "/join #ops")
    after = restarted(world, store)
    told = by(after, key).take()
    assert any(line.startswith("-> Welcome back amy.") for line in told), told


def test_another_key_is_somebody_else(world: World, key: Key) -> None:
    by(world, key, "amy").by.cut()
    other = by(world, new_key(), "/resume", "amy")
    assert "nick-taken" in " ".join(other.take())


def test_who_knows_the_public_key_is_not_its_owner(world: World, key: Key) -> None:
    by(world, key, "amy").by.cut()
    for text in (fingerprint(key), f"key {fingerprint(key)}", line_of(key)):
        other = world.connect(f"/resume {text}")
        assert "Welcome back" not in other.bytes.decode()


def test_a_program_by_ssh_has_a_code_of_its_own(world: World, key: Key) -> None:
    bot = by(world, key, "/json", "/nick bot")
    code = json.loads(next(line for line in bot.take() if '"welcome"' in line))["resume"]
    assert len(code) == 32


# An account's.


def test_a_nickname_is_registered_by_the_key_alone(world: World, key: Key, amy: Opened) -> None:
    assert world.hub.account("amy").password == passwords.NONE
    amy.ends()
    again = by(world, key, user="root")
    assert any(line.startswith("-> Welcome back amy.") for line in again.take())


def test_nobody_else_comes_in_by_any_password(world: World, amy: Opened) -> None:
    for text in (passwords.NONE, "!!!!!!!!", ""):
        other = come(world, f"/login amy {text}")
        assert "Welcome back" not in other.bytes.decode()
    other = come(world, "amy", "anything at all")
    assert "login-failed" in other.bytes.decode()


def test_it_takes_as_long_as_where_there_is_nobody(world: World, amy: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str | None] = []
    verify = world.passwords.verify
    monkeypatch.setattr(world.passwords, "verify", lambda kept, text: asked.append(kept) or verify(kept, text))
    come(world, "/login amy anything")
    come(world, "/login nobody anything")
    assert asked == [None, None]


def test_the_same_person_by_key_by_password_and_as_a_program(world: World, key: Key, amy: Opened) -> None:
    amy.type("/password", SECRET, SECRET)
    phone = come(world, "amy", SECRET)
    bot = come(world, wire="json")
    bot.type(f"/login amy {SECRET}")
    bob = world.enter("bob")
    for device in (phone, bot):
        device.take()
    amy.take()
    amy.type("from ssh")
    phone.type("from tls")
    amy.by.pump()
    assert bob.take() == ["<amy> from ssh", "<amy> from tls"]
    assert [line for line in amy.take() if "from" in line] == ["<amy> from tls"]
    assert "<amy> from ssh" in phone.take()
    assert [keys["text"] for keys in bot.objects if keys["type"] == "message"] == ["from ssh", "from tls"]


def test_a_key_is_added_where_one_came_by_another_way(world: World, key: Key) -> None:
    profe = register(world)
    profe.type(f"/key add {line_of(key)} profe@laptop", "/keys")
    added, listed = " ".join(profe.take()).split("-> 1:")
    assert fingerprint(key) in added.replace("->   ", "")
    assert "never used" in listed
    laptop = by(world, key)
    assert any(line.startswith("-> Welcome back profe.") for line in laptop.take())
    world.wait(90)
    profe.take()
    profe.type("/keys")
    assert "last used 1 min ago" in " ".join(profe.take())
    laptop.type("/keys")
    assert "you came with it" in " ".join(laptop.take())


def test_the_key_one_came_with_is_added(world: World, key: Key) -> None:
    register(world)
    laptop = by(world, key, "profe", SECRET, "/key add")
    assert any("you are profe with the key" in line for line in laptop.take())
    laptop.ends()
    assert any("Welcome back profe" in line for line in by(world, key).take())


def test_a_key_that_is_ended_logs_nobody_in_and_who_came_by_it_is_out(world: World, key: Key) -> None:
    profe = register(world)
    profe.type(f"/key add {line_of(key)}")
    laptop = by(world, key)
    laptop.take()
    profe.take()
    profe.type("/key end 1")
    laptop.by.pump()
    assert "! taken-over: The key you came with was ended." in laptop.take()
    again = by(world, key, "zoe")
    assert any(line.startswith("-> Hello zoe.") for line in again.take())
    profe.take()
    profe.type("/keys")
    assert profe.take()[0].startswith("-> You have no key;")


def test_a_key_that_is_ended_on_another_server_puts_out_who_came_by_it_here(key: Key) -> None:
    elsewhere, here = Nodes(2).worlds
    profe = register(elsewhere)
    profe.type(f"/key add {line_of(key)}")
    laptop = by(here, key)
    assert "Welcome back profe" in " ".join(laptop.take())
    profe.type("/key end 1")
    assert "! taken-over: The key you came with was ended." in laptop.take()
    assert not laptop.by.link.seats
    assert profe.session.person.sessions == (profe.session,)


def test_the_only_way_in_is_not_ended(world: World, key: Key, amy: Opened) -> None:
    amy.type("/key end 1")
    assert "! not-allowed: It is the only way" in " ".join(amy.take())
    amy.type("/password", SECRET, SECRET, f"/key end {fingerprint(key)}")
    assert any("is good no more" in line for line in amy.take())


def test_what_was_an_accounts_is_no_guests_way_back(world: World, key: Key, amy: Opened) -> None:
    """The session began as a guest's, whose code the key was."""
    amy.type("/password", SECRET, SECRET, "/key end 1")
    amy.by.cut()
    other = by(world, key, "zoe")
    assert any(line.startswith("-> Hello zoe.") for line in other.take())
    other.by.cut()
    assert any("Welcome back zoe" in line for line in by(world, key).take()) is False
    assert any("Welcome back amy" in line for line in come(world, "amy", SECRET).take())


def test_a_key_is_one_persons(world: World, key: Key, amy: Opened) -> None:
    profe = register(world)
    profe.type(f"/key add {line_of(key)}")
    assert profe.take() == ["! not-allowed: That key is somebody else's account."]
    amy.type("/key add")
    assert amy.take()[-1] == "! usage: That key is yours already."


@pytest.mark.parametrize(
    "lines",
    [
        ["/key"],
        ["/key add"],
        ["/key add ssh-dss AAAA"],
        ["/key add ssh-ed25519"],
        ["/key add ssh-ed25519 !!!!"],
        ["/key add ssh-ed25519 " + base64.b64encode(b"\0\0\0\x07ssh-rsa").decode()],
        ["/key end"],
        ["/key end 1"],
        ["/key new"],
    ],
)
def test_what_is_no_key_is_told_and_nothing_is_done(world: World, lines: Sequence[str]) -> None:
    profe = register(world)
    profe.type(*lines)
    assert profe.take()[0].startswith("! usage: ")
    assert not world.hub.keys.of(profe.session.person.id)


def test_who_knows_the_key_of_a_guest_does_not_take_it(world: World, key: Key) -> None:
    """Who comes by it would find themselves in somebody else's account, and nothing of their own."""
    zoe = by(world, key, "zoe")
    zoe.by.cut()
    mallory = register(world, "mallory")
    mallory.type(f"/key add {line_of(key)}")
    assert "! not-allowed: That key is a guest's, from today." in " ".join(mallory.take())
    assert any("Welcome back zoe" in line for line in by(world, key).take())


def test_a_guest_who_turns_out_to_have_an_account_adds_the_key(world: World, key: Key) -> None:
    register(world)
    zoe = by(world, key, "zoe", "/login profe", SECRET, "/key add")
    assert any("you are profe with the key" in line for line in zoe.take())
    zoe.ends()
    assert any("Welcome back profe" in line for line in by(world, key).take())


def test_there_is_an_end_to_keys(world: World) -> None:
    profe = register(world)
    profe.type(*(f"/key add {line_of(new_key())}" for _ in range(limits.KEYS + 1)))
    assert profe.take()[-1].startswith(f"! too-many: You have {limits.KEYS} keys.")


def test_guests_and_programs_have_none(world: World, key: Key) -> None:
    bob = world.enter("bob")
    bob.type("/keys", f"/key add {line_of(key)}")
    assert [line.partition(":")[0] for line in bob.take() if ":" in line] == ["! not-allowed"] * 2


def test_a_registered_nickname_posts_by_its_key_alone(world: World, key: Key, amy: Opened) -> None:
    bob = world.enter("bob")
    stranger = BySsh(world, "amy", new_key()).comes().opens().runs("it was me")
    assert stranger.errors.startswith(b"! nick-taken: ")
    assert stranger.status == 1
    assert bob.take() == []
    for user in ("amy", "root"):
        posted = BySsh(world, user, key).comes().opens().runs("deployed")
        assert (posted.errors, posted.status) == (b"", 0)
    assert bob.take() == ["<amy/post> deployed"] * 2


def test_it_is_kept_over_a_restart(key: Key) -> None:
    store = KeepingStore()
    world = World(store)
    by(world, key, "amy", "/register").ends()
    after = restarted(world, store)
    assert any("Welcome back amy" in line for line in by(after, key).take())


def test_where_it_cannot_be_stored_it_is_no_account(world: World, key: Key, monkeypatch: pytest.MonkeyPatch) -> None:
    amy = by(world, key, "amy")
    monkeypatch.setattr(world.store, "commit", lambda batch: fail(NotStored(say("The disk is full."))))
    amy.type("/register")
    monkeypatch.undo()
    assert "not-stored" in " ".join(amy.take())
    assert world.hub.account("amy") is None
    assert world.hub.owner_of_key(fingerprint(key)) is None


def test_an_account_that_is_given_up_has_no_keys(world: World, key: Key, amy: Opened) -> None:
    amy.type("/unregister")
    assert any("amy is no account any more" in line for line in amy.take())
    assert world.hub.keys.find(fingerprint(key)) is None


def test_elsewhere_an_account_without_a_password_is_not_given_up(world: World, key: Key, amy: Opened) -> None:
    phone = world.log_in(world.hub.account("amy"))
    phone.take()
    phone.type("/unregister", "/password")
    assert [line.partition(":")[0] for line in phone.take() if ":" in line] == ["! not-allowed"] * 2


def test_whoever_runs_the_server_gives_a_password_and_ends_the_keys(world: World, key: Key, amy: Opened) -> None:
    world.operator("/admin reset amy")
    assert world.hub.keys.find(fingerprint(key)) is None


def test_where_only_accounts_come_in_a_key_is_enough(key: Key) -> None:
    store = KeepingStore()
    world = World(store)
    by(world, key, "amy", "/register").ends()
    world.hub.settings = World(registered_only=True, password="sesame").hub.settings
    assert any("Welcome back amy" in line for line in by(world, key).take())
    other = by(world, new_key(), "zoe")
    assert "Hello" not in " ".join(other.take())


# Bans.


def test_who_is_banned_does_not_come_back_by_the_key_from_anywhere(world: World, key: Key) -> None:
    boss = world.operator()
    amy = by(world, key, "amy")
    boss.type("/admin ban amy 1h spam")
    assert "! banned: " in " ".join(amy.take())
    again = by(world, key, host="198.51.100.7")
    told = " ".join(again.take())
    assert "! banned: " in told
    assert again.over
    posted = BySsh(world, "zoe", key, "198.51.100.7").comes().opens().runs("hello")
    assert posted.errors.startswith(b"! banned: ")
    assert not any("banned" in line for line in by(world, new_key(), "zoe", host="198.51.100.7").take())


def _bans_zoe(world: World) -> None:
    boss = world.operator()
    boss.type("/admin ban zoe 1h spam")


def test_who_is_banned_after_a_restart_does_not_come_back_by_the_key(key: Key) -> None:
    store = KeepingStore()
    world = World(store)
    by(world, key, "zoe").by.cut()
    after = restarted(world, store)
    _bans_zoe(after)
    assert "! banned: " in " ".join(by(after, key, host="198.51.100.7").take())
    assert "Hello bob" in " ".join(by(after, new_key(), "bob", host="198.51.100.7").take())


def test_who_is_banned_from_another_server_does_not_come_back_by_the_key(key: Key) -> None:
    elsewhere, here = Nodes(2).worlds
    by(here, key, "zoe")
    _bans_zoe(elsewhere)
    for world in (here, elsewhere):
        assert "! banned: " in " ".join(by(world, key, host="198.51.100.7").take())


def test_an_account_that_is_banned_does_not_come_in_by_its_key(world: World, key: Key, amy: Opened) -> None:
    boss = world.operator()
    boss.type("/admin ban amy 1h spam")
    again = by(world, key, host="198.51.100.7")
    assert "! banned: " in " ".join(again.take())
    assert again.over


def test_a_key_that_is_closed_posts_nothing_though_it_is_an_accounts(world: World, key: Key) -> None:
    boss = world.operator()
    profe = register(world)
    zoe = by(world, key, "/json", '{"line":"/nick zoe"}')  # whose way back is another code
    assert '"welcome"' in " ".join(zoe.take())
    profe.type(f"/key add {line_of(key)}")
    boss.type("/admin ban zoe 1h spam")
    boss.take()
    assert "! banned: " in " ".join(by(world, key).take())
    posted = BySsh(world, "profe", key).comes().opens().runs("hello")
    assert posted.errors.startswith(b"! banned: ")
    assert not any("hello" in line for line in boss.take())


# How they are read.


@given(st.text(max_size=60))
def test_a_record_that_is_none_is_no_key(text: str) -> None:
    assert keys._read("SHA256:x", text) is None


def test_records_of_others_are_no_keys(world: World) -> None:
    for value in ('{"kind": 1, "person": "a", "made": "2026-01-01T00:00:00+00:00", "used": null}', "[]", "null", "{}"):
        world.hub.keys.stored(Record("key", "SHA256:x", value))
    assert world.hub.keys.find("SHA256:x") is None


@given(st.text(max_size=100), st.binary(max_size=80))
def test_whatever_is_written_is_a_key_or_none(text: str, blob: bytes) -> None:
    for kind in public_keys.KINDS:
        for line in (text, f"{kind} {text}", f"{kind} {base64.b64encode(blob).decode()}"):
            found = public_keys.parse(line)
            assert found is None or found.kind == kind


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_fingerprints_are_those_of_ssh_keygen(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "key"
    try:
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", path], check=True)
    except FileNotFoundError:
        pytest.skip("ssh-keygen is not installed")
    shown = subprocess.run(["ssh-keygen", "-lf", path], check=True, capture_output=True, text=True).stdout
    found = public_keys.parse(path.with_suffix(".pub").read_text())
    assert isinstance(found, PublicKey)
    assert found.fingerprint == shown.split()[1]
