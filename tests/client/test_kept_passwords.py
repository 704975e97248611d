"""Passwords that a server asks for: typed, or from the keyring where somebody wants that; never anywhere else."""

import sys
from collections.abc import Callable, Iterator
from typing import Any

import keyring
import pytest
from faced import World
from keyring.backends import fail
from memory_keyring import Keyring
from memory_server import HELLO, welcome
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import ConnectionLost
from twisted.internet.task import Clock

from chat.base import limits
from chat.client.faces.plain import PlainFace
from chat.client.kept_passwords import KeptPasswords
from chat.client.settings import Settings

SERVER = "tls://pi:12346"
PASSWORD = "tulips and roses"
LOOKING = "-- looking for the password of amy in the keyring --"


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> Iterator[Keyring]:
    """What the package keyring takes for the system's."""
    before, system = keyring.get_keyring(), Keyring()
    keyring.set_keyring(system)
    yield system
    keyring.set_keyring(before)


def person(on: bool = True, run: Callable[..., Any] = maybeDeferred, safe: bool = True) -> World:
    settings = Settings()
    settings.put("keyring", on)
    world = World(lambda ground: PlainFace(ground, "amy", settings), "amy")
    if safe:
        world.face.passwords.kept = KeptPasswords([SERVER], run, world.clock)
    return world


def at_home(**how: Any) -> World:
    world = person(**how)
    world.enter()
    return world


def asks(wanted: str) -> dict[str, object]:
    return {"type": "reply", "command": "login", "text": f"{wanted}?", "asks": wanted, "nick": "amy"}


def test_one_that_was_typed_and_taken_is_kept(system: Keyring) -> None:
    world = at_home()
    world.face.typed("/login amy")
    world.answer(asks("present"))
    assert world.shown() == ["-> present?", LOOKING, "Password: "]
    world.face.typed(PASSWORD)
    assert system.kept == {}
    world.answer(welcome(back=True))
    assert system.kept == {(f"chat-client {SERVER}", "amy"): PASSWORD}
    assert "-- The password of amy is in the keyring now. --" in world.shown()


def test_so_is_one_that_stands_behind_the_command(system: Keyring) -> None:
    world = at_home()
    world.face.typed(f"/login amy {PASSWORD}")
    world.answer(welcome(back=True))
    assert [*system.kept.values()] == [PASSWORD]


def test_one_that_was_not_sent_is_not_kept(system: Keyring) -> None:
    world = at_home()
    world.lose(ConnectionLost())
    world.face.typed(f"/login amy {PASSWORD}")
    assert world.shown()[-1] == "-- not connected: that was not sent, for it may hold a password --"
    world.come_again(welcome(back=True))
    assert system.kept == {}


def test_of_two_that_were_sent_the_one_is_kept_that_was_taken(system: Keyring) -> None:
    world = at_home()
    world.face.typed(f"/login amy {PASSWORD}")
    world.face.typed("/login amy another")
    (_, first), (_, second) = world.server.requests
    world.server.send(welcome(back=True, id=first))
    world.server.send({"type": "error", "code": "login-failed", "text": "It is another one.", "id": second})
    assert [*system.kept.values()] == [PASSWORD]


@pytest.mark.parametrize("kept", [True, False])
def test_what_the_keyring_says_when_the_question_is_gone_counts_no_more(system: Keyring, kept: bool) -> None:
    answers: list[tuple[Deferred[Any], Callable[[], Any]]] = []

    def later(what: Callable[[], Any]) -> Deferred[Any]:
        answers.append((Deferred(), what))
        return answers[-1][0]

    if kept:
        system.set_password(f"chat-client {SERVER}", "amy", PASSWORD)
    world = at_home(run=later)
    world.face.typed("/login amy")
    world.answer(asks("present"))
    world.lose(ConnectionLost())
    world.come_again(welcome(back=True))
    ((answer, what),) = answers
    answer.callback(what())
    world.face.typed("this is talk")
    assert (world.server.lines, world.face.question) == (["this is talk"], None)


def test_one_that_no_server_reads_is_asked_for_again(system: Keyring) -> None:
    world = at_home()
    world.face.typed("/login amy " + "x" * limits.LINE)
    assert "the limit is" in world.shown()[-1]
    world.face.typed("/login amy")
    world.answer(asks("present"))
    world.face.typed("x" * limits.LINE)
    *_, told, question = world.shown()
    assert ("the limit is" in told, question) == (True, "Password: ")
    assert world.streams.hidden
    world.face.typed(PASSWORD)
    assert world.server.lines == [PASSWORD]


def test_nor_is_one_of_the_keyring_sent_that_no_server_reads(system: Keyring) -> None:
    system.set_password(f"chat-client {SERVER}", "amy", "x" * limits.LINE)
    world = at_home()
    world.face.typed("/login amy")
    world.answer(asks("present"))
    assert world.shown()[-1] == "Password: "


def test_what_was_begun_to_be_typed_goes_with_the_question() -> None:
    world = at_home(on=False)
    world.face.typed("/login amy")
    world.answer(asks("present"))
    world.face.typed(PASSWORD)
    assert world.streams.dropped == 0
    world.answer(asks("present"))
    world.lose(ConnectionLost())
    assert (world.streams.dropped, world.streams.hidden) == (1, False)


def test_a_new_one_is_kept_once_the_server_has_it(system: Keyring) -> None:
    world = at_home()
    world.face.typed("/register")
    world.answer(asks("new"))
    world.face.typed("a mistake")
    world.answer(asks("again"))
    world.face.typed("another")
    world.answer({"type": "error", "code": "usage", "text": "That was another password than before."})
    assert system.kept == {}
    world.face.typed("/register")
    world.answer(asks("new"))
    world.face.typed(PASSWORD)
    world.answer(asks("again"))
    world.face.typed(PASSWORD)
    world.answer({"type": "reply", "command": "register", "text": "It is yours.", "nick": "amy", "is_new": True})
    assert [*system.kept.values()] == [PASSWORD]


def test_a_login_takes_it_from_there(system: Keyring) -> None:
    system.set_password(f"chat-client {SERVER}", "amy", PASSWORD)
    world = at_home()
    world.face.typed("/login Amy")
    world.answer(asks("present"))
    assert world.server.lines == [PASSWORD]
    assert "Password: " not in world.shown()


def test_whoever_comes_in_under_a_nickname_of_ones_own_is_not_asked(system: Keyring) -> None:
    system.set_password(f"chat-client {SERVER}", "amy", PASSWORD)
    world = person()
    world.server.accept()
    world.server.send(HELLO)
    world.answer({"type": "error", "code": "nick-taken", "text": "amy is registered.", "proposal": "amy2"})
    ((line, id),) = world.server.requests
    assert line == "/login amy"
    world.shown()
    world.server.send(asks("present") | {"id": id})
    assert (world.server.lines, world.shown()) == ([PASSWORD], [])


def test_where_it_is_not_kept_the_nickname_is_asked_for(system: Keyring) -> None:
    world = person()
    world.server.accept()
    world.server.send(HELLO)
    world.shown()
    world.answer({"type": "error", "code": "nick-taken", "text": "amy is here already.", "proposal": "amy2"})
    assert world.shown() == [LOOKING, "! nick-taken: amy is here already. Enter takes amy2.", "Nickname: "]


@pytest.mark.parametrize("command", ["/password", "/unregister"])
def test_what_only_the_owner_may_do_asks_the_owner(system: Keyring, command: str) -> None:
    """Somebody else may sit there."""
    system.set_password(f"chat-client {SERVER}", "amy", PASSWORD)
    world = at_home()
    world.face.typed(command)
    world.answer(asks("present"))
    assert (world.shown()[-1], world.server.lines) == ("Password: ", [])


def test_an_account_that_is_given_up_is_forgotten(system: Keyring) -> None:
    system.set_password(f"chat-client {SERVER}", "amy", PASSWORD)
    world = at_home()
    world.face.typed("/unregister")
    world.answer(asks("present"))
    world.face.typed(PASSWORD)
    world.answer({"type": "reply", "command": "unregister", "text": "It is anybody's.", "nick": "amy"})
    assert system.kept == {}


def test_one_that_is_wrong_by_now_is_asked_for(system: Keyring) -> None:
    system.set_password(f"chat-client {SERVER}", "amy", PASSWORD)
    world = at_home()
    world.face.typed("/login amy")
    world.answer(asks("present"))
    world.shown()
    world.answer({"type": "error", "code": "login-failed", "text": "That is not the password of amy."})
    assert world.shown()[-1] == "-- It was the password in the keyring. Type /login amy, and the right one. --"
    world.face.typed("/login amy")
    world.answer(asks("present"))
    world.face.typed("the right one")
    world.answer(welcome(back=True))
    assert [*system.kept.values()] == ["the right one"]


def test_nobody_is_asked_for_it_unless_somebody_said_so(system: Keyring) -> None:
    system.locked = True
    world = at_home(on=False)
    world.face.typed("/login amy")
    world.answer(asks("present"))
    assert world.shown() == ["-> present?", "Password: "]
    world.face.typed(PASSWORD)
    world.answer(welcome(back=True))
    assert not any("keyring" in row for row in world.shown())


def _locked(system: Keyring, patch: pytest.MonkeyPatch) -> str:
    system.locked = True
    return "The keyring fails: KeyringLocked"


def _not_there(system: Keyring, patch: pytest.MonkeyPatch) -> str:
    keyring.set_keyring(fail.Keyring())
    return "There is no keyring of the system that can be used here."


def _not_installed(system: Keyring, patch: pytest.MonkeyPatch) -> str:
    patch.setitem(sys.modules, "keyring", None)
    return "The keyring needs a package: pip install 'twisted-chat[keyring]'"


def _in_a_file(system: Keyring, patch: pytest.MonkeyPatch) -> str:
    patch.setattr(Keyring, "priority", 0.5)
    return "There is no keyring of the system that can be used here."


@pytest.mark.parametrize("trouble", [_locked, _not_there, _not_installed, _in_a_file])
def test_a_keyring_that_fails_is_one_sentence(
    system: Keyring, monkeypatch: pytest.MonkeyPatch, trouble: Callable[..., str]
) -> None:
    told = trouble(system, monkeypatch)
    world = at_home()
    world.face.typed("/login amy")
    world.answer(asks("present"))
    assert world.shown() == ["-> present?", LOOKING, f"-- {told} --", "Password: "]
    world.face.typed(PASSWORD)
    world.answer(welcome(back=True))
    assert [row for row in world.shown() if told in row] == [f"-- {told} --"]


def test_one_that_does_not_answer_is_waited_for_no_longer_than_a_while() -> None:
    world = at_home(run=lambda what: Deferred())
    world.face.typed("/login amy")
    world.answer(asks("present"))
    assert world.shown()[-1] == LOOKING
    world.face.typed("this is talk")
    assert world.server.lines[-1] == "this is talk"
    world.clock.advance(limits.KEYRING_SECONDS)
    assert world.shown() == ["-- The keyring fails: TimeoutError --", "Password: "]


def test_whoever_wants_one_that_cannot_be_had_is_told_at_once(system: Keyring, monkeypatch: pytest.MonkeyPatch) -> None:
    world = at_home(on=False)
    world.face.typed("/set keyring on")
    assert [row for row in world.shown() if row.startswith("--")] == []
    told = _not_installed(system, monkeypatch)
    world.face.typed("/set keyring on")
    assert f"-- {told} --" in world.shown()


def test_none_is_kept_where_another_server_could_ask_for_it(system: Keyring) -> None:
    world = at_home(safe=False)
    world.face.typed("/set keyring on")
    assert world.shown()[0].startswith("-- Passwords are kept for encrypted connections")
    world.face.typed("/login amy")
    world.answer(asks("present"))
    world.face.typed(PASSWORD)
    world.answer(welcome(back=True))
    assert system.kept == {}


def test_a_question_ends_with_its_connection() -> None:
    world = at_home(on=False)
    world.face.typed("/login amy")
    world.answer(asks("present"))
    world.lose(ConnectionLost())
    world.come_again(welcome(back=True))
    world.face.typed("this is talk")
    assert (world.server.lines, world.face.question) == (["this is talk"], None)


def test_a_nickname_is_the_same_in_capitals(system: Keyring) -> None:
    kept, got = KeptPasswords([SERVER], maybeDeferred, Clock()), list[object]()
    kept.put("Ámy", PASSWORD)
    kept.get("áMY").addCallback(got.append)
    kept.forget("ÁMY")
    kept.forget("ámy")
    kept.get("ámy").addCallback(got.append)
    assert got == [PASSWORD, None]


def test_of_a_chat_with_several_addresses_it_is_kept_once_and_found_under_any(system: Keyring) -> None:
    got = list[object]()
    KeptPasswords(["pi:2"], maybeDeferred, Clock()).put("amy", "old")
    chat = KeptPasswords(["pi:1", "pi:2"], maybeDeferred, Clock())
    chat.get("amy").addCallback(got.append)
    chat.put("amy", PASSWORD)
    chat.get("amy").addCallback(got.append)
    KeptPasswords(["pi:1"], maybeDeferred, Clock()).get("amy").addCallback(got.append)
    chat.forget("amy")
    chat.get("amy").addCallback(got.append)
    assert got == ["old", PASSWORD, PASSWORD, None]
    assert system.kept == {}
