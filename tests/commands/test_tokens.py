"""Tokens: a program says something as somebody who has an account, or comes in as them, by what the server made."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from proxy_headers import binary, connect
from returning import KeepingStore, code_of, restarted, resume
from sealed import Sealed
from test_account import SEALED, SECRET, come, register
from twisted.internet.defer import Deferred, fail
from twisted.logger import globalLogPublisher
from world import Client, World

from chat.base import limits, tokens
from chat.base.errors import NotStored
from chat.base.language import say

FAR = "192.0.2.1"
"""An address that is of no private network."""


def made(client: Client, asked: str) -> str:
    """Have a token made; returns it."""
    client.take()
    client.type(f"/token new {asked}")
    found = re.search(r"chat_token_[0-9a-f]{32}", client.bytes.decode())
    assert found is not None, client.lines
    client.take()
    return found[0]


def post(world: World, line: str, host: str = SEALED) -> list[str]:
    """What somebody is told who says a line from outside."""
    client = world.connect(f"/post {line}", host=host)
    world.turn()
    assert client.ended
    return [line for line in client.lines if not line.startswith(("-> Welcome", "-> Type a nick"))]


def test_it_is_told_once_and_how_it_is_used(world: World) -> None:
    profe = register(world)
    profe.type("/token new deploy #ops post")
    told, token, how = profe.take()
    assert told == "-> The token deploy, shown this once:"
    assert re.fullmatch(r"->   chat_token_[0-9a-f]{32}", token)
    assert how == "-> From a script: echo '/post profe:TOKEN #ops text' | nc HOST PORT"
    world.wait(3600)
    profe.type("/tokens")
    assert profe.take() == ["-> deploy: may post to #ops; made 60 min ago, never used"]


def test_a_line_is_said_by_it_from_outside(world: World) -> None:
    profe, bob = register(world), world.enter("bob", "/join #ops")
    token = made(profe, "deploy #ops")
    profe.take(), bob.take()
    assert post(world, f"profe:{token} #ops deploy done") == ["-> posted"]
    assert bob.take() == ["#ops <profe/post> deploy done"]
    world.wait(60)
    profe.type("/tokens")
    assert profe.take() == ["-> deploy: may post to #ops; made 1 min ago, last used 1 min ago"]


def test_without_a_room_it_is_said_in_the_first_that_the_token_is_for(world: World) -> None:
    profe, bob = register(world), world.enter("bob", "/join #ops")
    post(world, f"profe:{made(profe, 'deploy #ops')} deploy done")
    assert bob.take()[-1] == "#ops <profe/post> deploy done"
    post(world, f"profe:{made(profe, 'any')} hello")
    assert bob.take()[-1] == "#lobby <profe/post> hello"


@pytest.mark.parametrize("nick", ["profe", "PROFE", "@profe"])
def test_a_registered_nickname_is_not_posted_as_without_its_token(world: World, nick: str) -> None:
    profe = register(world)
    token = made(profe, "deploy")
    profe.take()
    assert post(world, f"{nick} hello") == [
        "! nick-taken: profe is registered: /post profe:TOKEN, with one that /token new",
        "!   told.",
    ]
    for wrong in ("x", "chat_token_", "chat_token_" + "0" * 32, token[:-1], token + "0", SECRET.partition(" ")[0]):
        (answer,) = post(world, f"{nick}:{wrong} hello")
        assert answer.startswith("! login-failed: That is no token of "), answer
        assert wrong not in answer
    assert profe.take() == []


def test_a_token_is_of_one_nickname(world: World) -> None:
    token = made(register(world), "deploy")
    register(world, "dora")
    for nick in ("dora", "ana", "prof\u0435"):
        assert post(world, f"{nick}:{token} hello") == [f"! login-failed: That is no token of {nick}."]


def test_it_is_for_the_rooms_that_were_named(world: World) -> None:
    profe = register(world)
    world.enter("bob", "/join #ops", "/join #red")
    token = made(profe, "deploy #ops dev talk")
    assert post(world, f"profe:{token} #red hello") == ["! not-allowed: The token deploy is for #ops and #dev."]
    assert post(world, f"profe:{token} #lobby hello") == ["! not-allowed: The token deploy is for #ops and #dev."]
    assert post(world, f"profe:{token} #OPS hello") == ["-> posted"]


def test_it_is_taken_in_clear_from_private_networks_alone(world: World) -> None:
    profe = register(world)
    token = made(profe, "deploy talk")
    for host in ("10.1.2.3", "192.168.1.7", "fd00::1", "::ffff:172.16.0.1"):
        assert post(world, f"profe:{token} hello", host) == ["-> posted"]
    for host in (FAR, "172.32.0.1", "2001:db8::1", "100.64.0.1"):
        assert post(world, f"profe:{token} hello", host)[0].startswith("! needs-tls: ")
        client = come(world, f"/login profe {token}", host=host)
        assert client.take()[0].startswith("! needs-tls: ")
        assert not client.session.named


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("/token new", "usage"),
        ("/token make deploy", "usage"),
        ("/token end deploy now", "usage"),
        ("/token end nothing", "usage: You have no token nothing; /tokens lists them."),
        ("/token new deploy", "usage: You have a token deploy already; /token end deploy ends it."),
        ("/token new Deploy", "usage: You have a token Deploy already; /token end Deploy ends it."),
        (f"/token new {'x' * 21}", "usage: A token's name is a word of 1 to 20 letters."),
        ("/token new a\u202eb", "usage: A token's name is a word of 1 to 20 letters."),
        ("/token new other #a/b talk", "room-bad"),
        (f"/token new other {' '.join(f'#r{n}' for n in range(limits.TOKEN_ROOMS + 1))}", "too-many"),
    ],
)
def test_what_can_be_no_token_is_answered(world: World, line: str, why: str) -> None:
    profe = register(world)
    made(profe, "deploy")
    profe.type(line)
    assert profe.take()[0].startswith(f"! {why}")


def test_an_account_has_so_many(world: World) -> None:
    profe = register(world)
    for number in range(limits.TOKENS):
        made(profe, f"t{number}")
    profe.type("/token new more")
    assert profe.take() == ["! too-many: You have 10 tokens. /token end NAME ends one."]
    profe.type("/token end T3")
    made(profe, "more")


def test_guests_have_none(world: World) -> None:
    amy = world.enter("amy")
    amy.type("/token new deploy", "/tokens")
    refused = ["! not-allowed: You have no account; /register makes one, /login NICK is for one", "!   you have."]
    assert amy.take() == refused * 2


def test_one_that_is_ended_is_good_no_more(world: World) -> None:
    profe = register(world)
    token = made(profe, "deploy")
    profe.type("/token end deploy", "/tokens")
    assert profe.take() == [
        "-> The token deploy is good no more, and who came in by it is out.",
        "-> You have no token; /token new NAME makes one.",
    ]
    assert post(world, f"profe:{token} hello")[0].startswith("! login-failed: ")


# Coming in.


def test_a_program_comes_in_by_one_that_is_for_talk(world: World) -> None:
    profe, bob = register(world), world.enter("bob")
    bot = come(world, wire="json")
    bot.type(f"/login profe {made(profe, 'bot talk')}", id="1")
    welcome, *_, done = bot.take_objects()
    assert (welcome["type"], welcome["nick"], welcome["rooms"].keys()) == ("welcome", "profe", {"#lobby"})
    assert (done["type"], done["id"]) == ("ack", "1")
    bob.take()
    bot.type("hello", id="2")
    assert bob.take() == ["<profe> hello"]


def test_one_for_posting_lets_nobody_in(world: World) -> None:
    profe = register(world)
    bot = come(world, f"/login profe {made(profe, 'deploy')}")
    assert bot.take() == ["! not-allowed: The token deploy is for /post alone."]
    assert not bot.session.named


def test_it_answers_the_question_for_a_password_too(world: World) -> None:
    token = made(register(world), "bot talk")
    assert "Welcome back profe" in come(world, "profe", token).bytes.decode()


def test_who_came_in_by_one_that_is_ended_is_sent_away_and_does_not_come_back(world: World) -> None:
    profe = register(world)
    token = made(profe, "bot talk")
    bot = come(world, f"/login profe {token}", wire="json")
    away = come(world, f"/login profe {token}", wire="json")
    other = come(world, f"/login profe {made(profe, 'other talk')}", wire="json")
    codes = [code_of(bot), code_of(away)]
    away.cut()
    profe.type("/token end bot")
    error = bot.objects[-1]
    assert (error["code"], error["text"]) == ("taken-over", "The token bot was ended.")
    assert bot.ended
    assert [resume(world, code, "json").objects[-1]["code"] for code in codes] == ["code-wrong"] * 2
    other.take()
    profe.type("still there?")
    assert other.objects[-1]["text"] == "still there?"


def test_it_does_nothing_but_what_programs_may(world: World) -> None:
    profe = register(world)
    bot = come(world, f"/login profe {made(profe, 'bot talk')}")
    bot.take()
    bot.type(
        "/token new other", "/token end bot", "/tokens", "/password", "/unregister", "/sessions end 2", "/nick dee"
    )
    assert [line.partition(":")[0] for line in bot.take() if not line.startswith("!  ")] == ["! not-allowed"] * 7
    bot.type("/export")
    assert bot.take()[0] == "! not-allowed: /export is not for programs: log in with the password."
    assert list(profe.session.person.tokens) == ["bot"]


def test_in_rooms_that_it_is_not_for_nothing_is_read_or_said(world: World) -> None:
    profe, bob = register(world), world.enter("bob", "/join #ops", "red lamp in ops")
    profe.type("/join #red", "/join #ops", "/msg bob red lamp in private")
    bob.type("/msg profe red lamp to profe")
    bot = come(world, f"/login profe {made(profe, 'bot #ops talk')}")
    assert bot.session.current.log.name == "#ops"
    bot.take(), bob.take()
    for line in ("/msg bob psst", "/msg #red psst", "/join #red", "/join #new", "/last bob", "/last #red", "/who #red"):
        bot.type(line)
        assert re.match("! (not-allowed|not-in-room|no-room)", bot.take()[0]), line
    bot.type("/grep lamp")
    assert [line for line in bot.take() if "lamp" in line][1:] == ["10:04 #ops <bob> red lamp in ops"]
    bob.type("/msg profe psst", "/msg #lobby in the lobby", "/msg #ops in ops")
    assert bot.take() == ["<bob> in ops"], "in one room its name is not told"
    bot.type("hello ops")
    assert bob.take()[-1] == "#ops <profe> hello ops"


def test_by_one_for_a_room_nothing_private_is_read_or_taken_back(world: World) -> None:
    profe, bob = register(world), world.enter("bob")
    profe.type("/join #ops", "/msg bob red lamp in private")
    bot = come(world, f"/login profe {made(profe, 'bot #ops talk')}")
    bot.take(), bob.take()
    for line in ("/delete @", "/delete @ 1", "/delete @1", "/export"):
        bot.type(line)
        told = bot.take()
        assert told[0].startswith("! not-allowed"), line
        assert "lamp" not in str(told)
    assert bob.take() == []


def test_after_a_cut_and_a_restart_it_is_what_it_was() -> None:
    store = KeepingStore()
    world = World(store)
    profe = register(world)
    profe.type("/join #ops")
    token, gone = made(profe, "bot #ops talk"), made(profe, "gone talk")
    bot = come(world, f"/login profe {token}", wire="json")
    code = code_of(bot)
    bot.cut()
    profe.type("/token end gone", "/quit")
    world = restarted(world, store)
    assert post(world, f"profe:{gone} hello")[0].startswith("! login-failed: ")
    assert post(world, f"profe:{token} hello") == ["-> posted"]
    back = resume(world, code, "json")
    (welcome,) = [keys for keys in back.objects if keys["type"] == "welcome"]
    assert welcome["rooms"].keys() == {"#ops"}
    back.take()
    back.type("/token new other", id="1")
    assert back.objects[-1]["code"] == "not-allowed"
    come(world, f"/login profe {SECRET}", "/token end bot")
    assert back.ended


# What ends all of them.


def test_another_password_ends_all_and_says_so(world: World) -> None:
    profe = register(world)
    token = made(profe, "bot talk")
    bot = come(world, f"/login profe {token}", wire="json")
    profe.type("/password", SECRET, "another secret", "another secret")
    assert profe.take()[-1] == "-> Your token has ended, too; /token new makes another one."
    assert bot.ended
    assert post(world, f"profe:{token} hello")[0].startswith("! login-failed: ")


def test_who_gives_the_account_up_gives_them_up(world: World) -> None:
    profe = register(world)
    token = made(profe, "bot talk")
    profe.type("/unregister", SECRET)
    assert post(world, f"profe:{token} hello")[0].startswith("! login-failed: ")
    profe.type("/register", SECRET, SECRET, "/tokens")
    assert profe.take()[-1] == "-> You have no token; /token new NAME makes one."


def test_a_password_of_the_operators_ends_them(world: World) -> None:
    token = made(register(world), "bot talk")
    bot = come(world, f"/login profe {token}", wire="json")
    world.operator("/admin reset profe")
    assert bot.ended
    assert post(world, f"profe:{token} hello")[0].startswith("! login-failed: ")


# A secret.


@pytest.mark.parametrize(
    "line",
    ["it is {}", "/me has {}", "/msg bob {}", "/topic {}", "/away {}", "/nick {}", "/grep {}", "/post profe:{0} {0}",
     "/poost profe:{}", "/quit {}", "//{}", "it is {}.", "({})"],
)  # fmt: skip
@pytest.mark.parametrize(
    "how",
    [str, str.upper, lambda token: token[:30], lambda token: f"\uff43{token[1:]}"],
    ids=["as it is", "in capitals", "its beginning", "with a wide letter"],
)
def test_a_line_that_holds_one_is_not_said(world: World, line: str, how) -> None:  # type: ignore[no-untyped-def]
    profe, bob = register(world), world.enter("bob")
    token = how(made(profe, "deploy"))
    profe.take(), bob.take()
    profe.type(line.format(token))
    assert profe.take() == ["! code-private: That holds a token, which is secret. It was not said."]
    assert bob.take() == []


def test_nor_is_it_with_others_at_once_or_in_a_draft(world: World) -> None:
    profe, bob = register(world), world.enter("bob")
    token = made(profe, "deploy")
    profe.take(), bob.take()
    profe.type("/paste", "one", token, "two", "/end")
    profe.send(f"three\n{token}\nfour\n".encode())
    world.turn()
    assert bob.take() == ["<profe> one", "  | two", "<profe> three", "<profe> four"]


@given(
    st.text("chat_oken0123456789abcdef:# \n", max_size=60),
    st.sampled_from(["", "chat_token_" + "0123456789abcdef" * 2]),
)
def test_what_holds_one_is_known_wherever_it_stands(text: str, token: str) -> None:
    if token:
        assert tokens.stands_in(f"{text[:20]}{token}{text[20:]}")
    assert tokens.normal(text) is None or tokens.stands_in(text)


@given(st.text(max_size=80))
def test_whatever_is_typed_for_a_token_is_answered_and_not_quoted(text: str) -> None:
    world = World()
    made(register(world), "deploy")
    line = "".join(char for char in text if char.isprintable())
    client = come(world, f"/post profe:x{line} hello")
    assert client.take()[0].startswith("! login-failed: That is no token of profe")


class Refusing(KeepingStore):
    """A store that may refuse."""

    refuses = False

    def commit(self, batch):  # type: ignore[no-untyped-def]
        """Keep a batch, or not."""
        return fail(NotStored(say("disk full"))) if self.refuses else super().commit(batch)


def test_one_that_could_not_be_stored_is_not_told() -> None:
    store = Refusing()
    world = World(store)
    profe = register(world)
    store.refuses = True
    profe.type("/token new deploy", "/tokens")
    refused, *others = profe.take()
    assert refused.startswith("! not-stored: ")
    assert others[-1] == "-> You have no token; /token new NAME makes one."
    store.refuses = False
    profe.type("hello")
    assert world.hub.tokens._holders == {}
    made(profe, "deploy")


SECRETS = "tulip-and-rose"


@pytest.mark.parametrize("refuses", [False, True], ids=["the store keeps all", "the store refuses"])
@pytest.mark.parametrize("wire", ["plain", "json"])
def test_no_secret_is_shown_kept_or_logged_whatever_happens_with_it(wire: str, refuses: bool) -> None:
    store, logged = Refusing(), []
    world = World(store)
    globalLogPublisher.addObserver(logged.append)
    try:
        bob, profe = world.enter("bob", "/join #ops"), come(world, "/nick profe", "/register", SECRETS, SECRETS)
        profe.type("/join #ops")
        token = made(profe, "deploy talk")
        mallory = world.enter("mallory", wire=wire)
        everybody = (bob, mallory)
        for client in (*everybody, profe):
            client.take()
        store.refuses = refuses
        lines = [
            f"/login profe {SECRETS}",
            f"/login profe {token}",
            f"/login profe {token} {token}",
            f"/logn profe {token}",
        ]
        lines += [
            f"/post profe:{token} hi",
            f"/post profe:{token} #nowhere hi",
            f"/post profe {token}",
            f"/post profe:{token}",
        ]
        lines += [
            f"/login {token}",
            f"/login {token} x",
            f"/post {token} hi",
            f"/post {token}:{token} hi",
            f"{token}",
            f"/me {token}",
            f"/nick {token}",
            f"/join #{token}",
            f"/token end {token}",
            f"/token new {token}",
        ]
        lines += [
            f"/topic {token}",
            f"/msg bob {token}",
            f"/away {token}",
            f"/grep {token}",
            f"/{token}",
            f"/ignore {token}",
        ]
        for line in lines:
            for speaker in (mallory, come(world, wire=wire), come(world, wire=wire, host=FAR)):
                speaker.type(line, **({"id": "1"} if wire == "json" else {}))
                assert token[11:].encode() not in speaker.bytes, line
                assert SECRETS.encode() not in speaker.bytes, line
            if not refuses:
                profe.type(line)
            assert token[11:].encode() not in bob.bytes + mallory.bytes + profe.bytes, line
        kept = f"{store._logs}{store.remembered}{store.records}{store._ids}"
        for text in (kept, str(logged)):
            assert token[11:] not in text
            assert SECRETS not in text
    finally:
        globalLogPublisher.removeObserver(logged.append)


# A registered nickname, on every door.


DOORS = {
    "a plain line": lambda world: world.connect(host=FAR),
    "a plain line of this machine": lambda world: world.connect(host=SEALED),
    "JSON": lambda world: world.connect(wire="json", host=FAR),
    "JSON of this machine": lambda world: world.connect(wire="json", host=SEALED),
    "TLS": lambda world: Sealed(world),
    "the control socket": lambda world: world.operator(),
    "a proxy": lambda world: connect(world, binary("192.0.2.7")),
    "a proxy that tells of TLS": lambda world: connect(world, binary("192.0.2.7", more=TOLD_OF_TLS)),
}
TOLD_OF_TLS = b"\x20\0\x05\x01" + bytes(4)


@pytest.mark.parametrize("door", DOORS)
def test_under_a_registered_nickname_nothing_is_said_shown_or_posted_without_its_secret(
    world: World, door: str
) -> None:
    register(world).type("/quit")
    bob = world.enter("bob")
    for lines in (
        ["/nick profe", "hello"],
        ["profe", "wrong password", "hello", "hello again"],
        ["/login profe wrong-password", "hello"],
        [f"/login profe chat_token_{'0' * 32}", "hello"],
        ["/post profe hello"],
        ["/post PROFE: hello"],
        ["/post profe:wrong-password hello"],
        [f"/post profe:chat_token_{'0' * 32} hello"],
        ["/nick prof\u0435", "hello"],
        ["/nick ana", "/nick profe", "/me is profe", "/quit"],
    ):
        client = DOORS[door](world)
        world.wait(limits.GREET_SECONDS)
        for line in lines:
            (client.say if isinstance(client, Sealed) else client.send)(f"{line}\n".encode())
            world.wait(limits.NICK_PAUSE_SECONDS)
    world.wait(limits.NICK_READ_SECONDS)
    names = re.findall(r"<(\w+)|\* (\w+)|-!- (\w+) |now known as (\w+)", bob.bytes.decode())
    shown = {name for found in names for name in found if name}
    assert "ana" in shown
    assert not shown & {"profe", "prof\u0435", "PROFE"}


def test_one_that_ends_while_somebody_comes_in_by_it_lets_nobody_in(world: World) -> None:
    profe = register(world)
    token = made(profe, "bot talk")
    loading: Deferred[None] = Deferred()
    world.hub.recall = lambda person: loading
    bot = come(world, wire="json")
    bot.type(f"/login profe {token}", id="1")
    profe.type("/token end bot")
    loading.callback(None)
    world.turn()
    assert (bot.objects[-1]["code"], bot.objects[-1]["id"]) == ("login-failed", "1")
    assert not bot.session.named


def test_a_token_is_no_password(world: World) -> None:
    profe = register(world)
    token = made(profe, "bot talk")
    profe.type("/password", SECRET, token)
    assert profe.take()[-1] == "! usage: That is a token, for programs. Choose a password."


def test_a_program_is_told_of_no_private_room_that_its_token_is_not_for(world: World) -> None:
    profe, bob = register(world), world.enter("bob")
    profe.type("/join #secret", "/topic of ours alone", "/private on", "/invite bob", "/join #a")
    bob.type("/join #secret")
    bot = come(world, f"/login profe {made(profe, 'bot #a talk')}")
    bot.take()
    bot.type("/whois", "/whois bob", "/rooms", "/who #secret", "/topic #secret", "/who #nowhere")
    told = bot.take()
    assert [line for line in told if "#secret" in line and "There is no room" not in line] == []
    assert [line.partition(":")[0] for line in told[-3:]] == ["! no-room"] * 3


@pytest.mark.parametrize("stored", [True, False])
def test_one_that_ended_before_it_was_told_is_told_to_be_none(
    world: World, monkeypatch: pytest.MonkeyPatch, stored: bool
) -> None:
    profe = register(world)
    profe.take()
    gate: Deferred[None] = Deferred()
    with monkeypatch.context() as patched:
        patched.setattr(world.hub.turn, "change", lambda *_: gate)
        profe.type("/token new x talk")
    person = world.hub.account("profe")
    assert person is not None
    world.hub.tokens.end(person, list(person.tokens))
    if stored:
        gate.callback(None)
    else:
        gate.errback(NotStored(say("disk full")))
    world.turn()
    line, *_ = profe.take()
    assert line.startswith("! taken-over: The token x was ended." if stored else "! not-stored: ")
