"""A server that has a password: it is asked for unseen, or taken from the environment, and kept nowhere."""

from pathlib import Path

import pytest
from connected import World as Connected
from faced import World
from memory_server import HELLO, Server, welcome
from memory_streams import Streams
from twisted.internet.task import Clock

from chat.base.language import Language
from chat.client.faces.pipe import Pipe
from chat.client.faces.plain import PlainFace
from chat.client.faces.post import Post
from chat.client.faces.stdio import Ground, Status
from chat.client.talk.objects import Problem
from chat.client.talk.state import StateFile

WANTED = {**HELLO, "acks": True, "password": "wanted"}
IN_CLEAR = {**HELLO, "acks": True, "password": "needs-tls"}
AGAIN = {**HELLO, "acks": True, "motd": ["Be kind."]}
WRONG = {"type": "error", "code": "login-failed", "text": "That is not the password of this chat."}


def person(nick: str | None = None, password: str | None = None) -> World:
    world = World(lambda ground: PlainFace(ground, nick), nick, password=password)
    world.server.accept()
    return world


def pipe(password: str | None = None, raw: bool = False) -> World:
    world = World(lambda ground: Pipe(ground, "bot", False, raw), "bot", password=password)
    world.server.accept()
    return world


def sent(server: Server) -> list[dict]:
    """What it was sent, without the question for a language."""
    return [keys for keys in server.objects if not keys.get("line", "").startswith(("/language", "/json"))]


def answer(world: World, last: dict, **keys: object) -> None:
    world.server.send({**keys, "id": last["id"]})


def test_whoever_sits_there_is_asked_and_nothing_of_it_is_shown() -> None:
    world = person()
    world.server.send(WANTED)
    assert world.shown() == ["-- connecting to pi:12345 --", "-- connected --", "Password of this chat: "]
    assert world.streams.hidden
    assert sent(world.server) == []
    world.face.typed("tulip")
    (given,) = sent(world.server)
    assert given["password"] == "tulip"
    answer(world, given, **WRONG)
    assert world.shown() == ["", "! login-failed: That is not the password of this chat.", "Password of this chat: "]
    assert world.streams.hidden
    world.face.typed("tulip time")
    (given,) = sent(world.server)
    world.server.send(AGAIN)
    answer(world, given, type="ack")
    assert not world.streams.hidden
    assert world.shown() == ["", "-- connected --", "-> Be kind.", "Nickname: "]
    world.face.typed("amy")
    (named,) = sent(world.server)
    assert named["line"] == "/nick amy"


def test_a_command_is_one_there_too() -> None:
    world = person()
    world.server.send(WANTED)
    world.face.typed("/quit")
    (left,) = sent(world.server)
    assert left["line"] == "/quit"
    answer(world, left, type="reply", command="quit", text="Bye.")
    answer(world, left, type="ack")
    world.lose()
    assert world.result == [Status.WELL]


def test_whoever_logs_in_there_is_in() -> None:
    world = person()
    world.server.send(WANTED)
    world.face.typed("/login amy tulip")
    (login,) = sent(world.server)
    assert login["line"] == "/login amy tulip"
    world.server.send(welcome())
    assert not world.streams.hidden
    world.face.typed("hello")
    assert [keys["line"] for keys in sent(world.server)] == ["hello"]


def test_after_a_login_that_failed_it_is_asked_for_again() -> None:
    world = person()
    world.server.send(WANTED)
    world.face.typed("/login amy")
    (login,) = sent(world.server)
    answer(world, login, type="reply", command="login", text="Password of amy:", asks="present", nick="amy")
    assert world.shown()[-1].endswith("Password: ")
    world.face.typed("rose")
    (given,) = sent(world.server)
    assert given["password"] == "rose"
    answer(world, given, type="error", code="login-failed", text="That is not the password of amy.")
    assert world.shown()[-1] == "Password of this chat: "
    assert world.streams.hidden
    world.face.typed("tulip time")
    (given,) = sent(world.server)
    assert given["password"] == "tulip time", "it is neither said nor kept to be said later"
    assert world.face.connection.kept == 0


def test_what_the_environment_says_is_given_once_and_then_one_is_asked() -> None:
    world = person("amy", "tulip")
    world.server.send(WANTED)
    (given,) = sent(world.server)
    assert given["password"] == "tulip"
    answer(world, given, **WRONG)
    assert sent(world.server) == []
    assert world.streams.hidden
    world.face.typed("tulip time")
    (given,) = sent(world.server)
    world.server.send(AGAIN)
    answer(world, given, type="ack")
    assert [keys["line"] for keys in sent(world.server)] == ["/nick amy"]


def test_a_script_gives_what_the_environment_says() -> None:
    world = pipe("tulip time")
    world.face.input_ended("hello")
    world.server.send(WANTED)
    (given,) = sent(world.server)
    world.server.send(AGAIN)
    answer(world, given, type="ack")
    (named,) = sent(world.server)
    answer(world, named, **welcome())
    assert [keys["line"] for keys in sent(world.server)] == ["hello"]


@pytest.mark.parametrize("password", [None, "tulip"])
def test_a_script_without_the_right_one_ends(password: str | None) -> None:
    world = pipe(password)
    world.face.input_ended("hello")
    world.server.send(WANTED)
    if password is not None:
        (given,) = sent(world.server)
        answer(world, given, **WRONG)
    world.lose()
    assert world.result == [Status.REFUSED]
    assert world.warned()[-2:] == [
        "! This chat has a password; CHAT_SERVER_PASSWORD gives it to a script.",
        "! Not sent: hello",
    ]


TURNED_AWAY = (
    b"-> Welcome to the chat on pi.\r\n! needs-tls: It is taken on an encrypted connection only:\r\n"
    b"!   ncat --ssl pi 12346  or  chat-client --tls pi:12346\r\n"
)


@pytest.mark.parametrize("make", [person, pipe])
def test_it_is_not_sent_where_others_may_read_it(make) -> None:  # type: ignore[no-untyped-def]
    world = make(password="tulip")
    world.server.wire.dataReceived(TURNED_AWAY)
    world.server.send(IN_CLEAR)
    assert sent(world.server) == []
    world.lose()
    assert world.result == [Status.REFUSED]
    told = [line for line in (world.streams.out + world.streams.err).splitlines() if line.startswith("!")]
    assert " ".join(told).replace("!   ", "").split() == [
        "!",
        "needs-tls:",
        "It",
        "is",
        "taken",
        "on",
        "an",
        "encrypted",
        "connection",
        "only:",
        "ncat",
        "--ssl",
        "pi",
        "12346",
        "or",
        "chat-client",
        "--tls",
        "pi:12346",
    ]


def test_who_comes_back_by_a_code_is_not_asked(tmp_path: Path) -> None:
    world = Connected(kept=StateFile.take(tmp_path / "state"))
    world.server.accept()
    world.server.send(WANTED)
    assert world.face.told == ["password wanted, the first"]
    world.connection.let_in("tulip")
    given = world.server.objects[-1]
    world.server.send({"type": "ack", "id": given["id"]})
    world.answer(welcome(resume="c0de"))
    world.face.told.clear()
    world.lose()
    world.clock.advance(60)
    world.server.accept()
    world.server.send(WANTED)
    assert [keys["line"] for keys in sent(world.server)] == ["/resume c0de"]
    assert "tulip" not in (tmp_path / "state").read_text()


def test_after_a_code_that_is_void_it_is_asked_for() -> None:
    world = come_back_with_a_void_code(b"", WANTED)
    assert world.face.told[-1] == "password wanted, the first"


def test_after_a_code_that_is_void_it_is_told_where_to_go() -> None:
    world = come_back_with_a_void_code(TURNED_AWAY, IN_CLEAR)
    world.lose()
    assert [what.code for what in world.face.objects if isinstance(what, Problem)] == ["needs-tls"]
    assert world.over.called, "and is not tried again"


def come_back_with_a_void_code(before: bytes, hello: dict) -> Connected:
    world = Connected()
    world.enter(resume="c0de")
    world.lose()
    world.clock.advance(60)
    world.server.accept()
    world.server.wire.dataReceived(before)
    world.server.send(hello)
    last = sent(world.server)[-1]
    world.server.send({"type": "error", "code": "code-wrong", "text": "no", "id": last["id"]})
    return world


def posting(password: str | None, hello: dict, before: bytes = b"") -> tuple[Post, Server, Streams]:
    clock, server, streams = Clock(), Server(), Streams()
    ground = Ground(streams, Language("en"), None, "pi:12345", None, password)  # type: ignore[arg-type]
    post = Post(ground, server, clock, "run", "pi", None)
    post.start(None)  # type: ignore[arg-type]
    post.input_ended("backup done")
    server.accept()
    server.wire.dataReceived(before)
    server.send(hello)
    return post, server, streams


def test_a_post_gives_it_before_its_line() -> None:
    post, server, streams = posting("tulip time", WANTED)
    given, line = sent(server)
    assert (given["password"], line["line"]) == ("tulip time", "/post pi #lobby backup done")
    server.send({"type": "ack", "id": given["id"]}, {"type": "ack", "id": line["id"]})
    server.close()
    assert (post.status, streams.err) == (Status.WELL, "")


def test_a_post_with_a_wrong_one_tells_that() -> None:
    post, server, streams = posting("tulip", WANTED)
    given, _ = sent(server)
    server.send({**WRONG, "id": given["id"]})
    server.close()
    assert post.status is Status.REFUSED
    assert streams.err == "! login-failed: That is not the password of this chat.  (backup done)\n"


def test_a_post_without_it_tells_what_to_do() -> None:
    post, server, streams = posting(None, WANTED)
    (line,) = sent(server)
    server.send({"type": "error", "code": "password-needed", "text": "first", "id": line["id"]})
    server.close()
    assert post.status is Status.REFUSED
    assert "CHAT_SERVER_PASSWORD gives it to a script." in streams.err


def test_a_post_where_others_may_read_it_is_not_sent() -> None:
    post, server, streams = posting("tulip", IN_CLEAR, TURNED_AWAY)
    assert sent(server) == []
    server.close()
    assert post.status is Status.REFUSED
    assert "chat-client --tls pi:12346" in streams.err
    assert "chat-client --tls pi:12345" not in streams.err


# A server for accounts only.


def asks(world: World, line: dict, what: str) -> None:
    answer(world, line, type="reply", command="register", text="?", asks=what, nick="amy")
    answer(world, line, type="ack")


def test_where_only_accounts_come_in_whoever_sits_there_is_asked_one_thing_after_the_other() -> None:
    world = person()
    world.server.send({**AGAIN, "accounts_only": True})
    world.face.typed("amy")
    (named,) = sent(world.server)
    asks(world, named, "invitation")
    assert world.shown()[-1] == "Code: "
    assert world.streams.hidden
    for text, what in [("K7F2Q-X9M4T", "new"), ("tulip and rose", "again")]:
        world.face.typed(text)
        (given,) = sent(world.server)
        assert given["password"] == text
        asks(world, given, what)
        assert world.shown()[-1] == "Password: "
    world.face.typed("tulip and rose")
    (given,) = sent(world.server)
    answer(world, given, **welcome())
    answer(world, given, type="ack")
    assert not world.streams.hidden
    world.face.typed("hello")
    assert [keys["line"] for keys in sent(world.server)] == ["hello"]


@pytest.mark.parametrize("nick", [None, "amy"])
def test_after_a_wrong_code_the_nickname_is_asked_for_again(nick: str | None) -> None:
    world = person(nick)
    world.server.send({**AGAIN, "accounts_only": True})
    if nick is None:
        world.face.typed("amy")
    (named,) = sent(world.server)
    asks(world, named, "invitation")
    world.face.typed("K7F2Q-X9M4T")
    (given,) = sent(world.server)
    answer(world, given, type="error", code="code-wrong", text="This is no invitation.")
    assert world.shown()[-1] == "Nickname: "
    world.face.typed("ben")
    assert [keys["line"] for keys in sent(world.server)] == ["/nick ben"]
    assert world.face.connection.kept == 0


def test_where_only_accounts_come_in_a_script_ends() -> None:
    world = pipe()
    world.face.input_ended("hello")
    world.server.send({**AGAIN, "accounts_only": True})
    (named,) = sent(world.server)
    asks(world, named, "present")
    world.lose()
    assert world.result == [Status.REFUSED]
