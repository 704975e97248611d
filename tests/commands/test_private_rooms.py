"""Private rooms: for whom they are there, who comes in, and who reads what was said in them."""

import pytest
from returning import KeepingStore, code_of, restarted, resume
from stores import SlowStore
from test_account import SECRET, come, register
from test_roles import founded, in_room
from twisted.internet.defer import Deferred, fail
from world import Client, World

from chat.base import limits
from chat.base.errors import NotStored
from chat.base.language import say
from chat.core.hub import SERVER
from chat.core.ports import Batch, Record
from chat.core.privacy import PUBLIC, Privacy, of_record
from chat.wire import vocabulary


@pytest.fixture
def store() -> KeepingStore:
    return KeepingStore()


@pytest.fixture
def world(store: KeepingStore) -> World:
    return World(store)


@pytest.fixture
def amy(world: World) -> Client:
    """Whose private room it is: something was said in it before it was, and after."""
    amy = founded(world)
    amy.type("in public", "/private on", "in private")
    amy.take()
    return amy


def codes(client: Client) -> list[str]:
    return [line.split()[1].rstrip(":") for line in client.take() if line.startswith("! ") and line[2] != " "]


def history(client: Client, line: str = "/last #ops 100") -> list[str]:
    """What was said, as an answer shows it."""
    client.take()
    client.type(line)
    return [told.partition("> ")[2] for told in client.take() if " <" in told]


# On and off.


def test_whose_room_it_is_makes_it_private_and_public_and_alone_it_tells_how_it_is(world: World) -> None:
    amy, bob = founded(world), in_room(world, "bob")
    amy.take()
    amy.type("/private")
    assert amy.take() == ["-> #ops is public; /private on makes it private."]
    amy.type("/private on")
    told = amy.take()
    assert told[0] == "-> #ops is private: nobody else here sees it; who runs the server can."
    assert bob.take() == ["-!- amy made #ops private"]
    amy.type("/private", "/private on", "/public off", "/public")
    assert amy.take() == told * 4
    assert bob.take() == [], "nothing has changed"
    amy.type("/public on")
    assert amy.take() == ["-> #ops is public; /private on makes it private."]
    assert bob.take() == ["-!- amy made #ops public"]
    amy.type("/private sí", "/private no")
    assert bob.take() == ["-!- amy made #ops private", "-!- amy made #ops public"]


@pytest.mark.parametrize("line", ["/private bob hola", "/private bob", "/public now", "/word on", "/invite"])
def test_any_other_word_changes_nothing(amy: Client, line: str) -> None:
    before = amy.session.hub.rooms.privacy("#ops")
    amy.type(line)
    assert codes(amy) == ["usage"]
    assert amy.session.hub.rooms.privacy("#ops") == before


def test_who_means_to_write_to_somebody_is_told_how(amy: Client) -> None:
    amy.type("/private bob hola")
    told = " ".join(amy.take())
    assert "/msg" in told
    assert "hola" not in told


def test_it_is_for_operators_of_the_room(world: World, amy: Client) -> None:
    amy.type("/public on")
    bob = in_room(world, "bob")
    guest = world.enter("eve", "/join #ops")
    for client in (bob, guest):
        client.take()
        client.type("/private on", "/public on", "/invite carl", "/word tulip")
        assert codes(client) == ["not-allowed"] * 4
    amy.type("/op bob")
    bob.type("/private on")
    assert world.hub.rooms.is_private("#ops")


def test_the_lobby_is_for_everybody(world: World) -> None:
    boss = register(world, "boss")
    world.hub.give_role(None, boss.session.person, "operator", None)
    world.turn()
    boss.take()
    boss.type("/private #lobby on")
    assert boss.take() == ["! not-allowed: #lobby is for everybody who comes."]


def test_where_it_could_not_be_stored_all_is_as_it_was(
    world: World, store: KeepingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    amy = founded(world)

    def refuse(batch: object) -> None:
        raise NotStored(say("the disk is full"))

    with monkeypatch.context() as patched:
        patched.setattr(store, "commit", refuse)
        amy.type("/private on")
        assert codes(amy) == ["not-stored"]
    assert world.hub.rooms["#ops"].privacy == PUBLIC
    assert "#ops" in world.enter("eve", "/join #ops").session.rooms


def test_public_and_a_word_that_could_not_be_stored_change_nothing(
    store: KeepingStore, world: World, amy: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = world.hub.rooms.privacy("#ops")
    commit = store.commit

    def refuse(batch: Batch) -> object:
        return fail(NotStored(say("the disk is full"))) if batch.records else commit(batch)

    with monkeypatch.context() as patched:
        patched.setattr(store, "commit", refuse)
        amy.type("/word tulip", "/public on")
        assert codes(amy) == ["not-stored"] * 2
    assert world.hub.rooms.privacy("#ops") == before


def test_a_word_that_is_set_while_the_room_is_made_public_does_not_make_it_private_again() -> None:
    world = World(store := SlowStore())
    amy = founded(world)
    amy.type("/private on")
    other = world.device(amy)
    world.take_all()
    store.slow = True
    amy.type("/public #ops on")
    store.let()  # the fact is stored, its record is on its way
    world.turn()
    other.type("/word #ops tulips")
    while store.commits:
        store.let()
        world.turn()
    assert not world.hub.rooms.privacy("#ops").private
    assert codes(other) == ["usage"]


def test_there_is_a_limit_of_them(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PRIVATE_ROOMS", 0)
    amy = founded(world)
    amy.type("/private on")
    assert amy.take() == ["! too-many: There are 0 private rooms already."]


def test_what_is_kept_comes_back_and_what_cannot_be_read_is_private() -> None:
    for privacy in (PUBLIC, Privacy(True, 7, "hash"), Privacy(False, 9)):
        assert of_record(privacy.record("#ops")) == privacy
    for value in ("x", "[1]", '{"door": 1}', "null"):
        assert of_record(Record("privacy", "#ops", value)).private


# It is not there.

ASKING = [
    "/who {room}",
    "/topic {room}",
    "/topic {room} tea",
    "/last {room}",
    "/since {room} 1h",
    "/missed {room}",
    "/grep {room} private",
    "/mentions {room}",
    "/msg {room} hi",
    "/leave {room}",
    "/op {room} eve",
    "/private {room}",
    "/invite {room} eve",
    "/word {room} tulip",
]


@pytest.mark.parametrize("line", ASKING)
def test_whoever_is_not_in_it_is_answered_as_of_a_room_that_is_not_there(world: World, amy: Client, line: str) -> None:
    eve = founded(world, "#mine", "eve")  # so that what owners may is not refused for that alone
    eve.type(line.format(room="#opt"))
    of_none = [told.replace("#opt", "#ops") for told in eve.take()]
    eve.type(line.format(room="#ops"))
    assert eve.take() == of_none
    assert of_none[0].split()[1] in ("no-room:", "not-in-room:")


def test_it_is_in_no_list_and_nobodys_description(world: World, amy: Client) -> None:
    eve = world.enter("eve", wire="json")
    amy.type("/op amy")
    eve.type("/rooms", "/whois amy", "/who ops", "/who #op", "/join #opss", "/leave #opss")
    assert '#ops"' not in eve.bytes.decode()
    (whois,) = [keys for keys in eve.take_objects() if keys.get("command") == "whois"]
    assert (whois["rooms"], whois["owns"], whois["operates"]) == (["#lobby"], [], [])
    amy.type("/whois amy")
    told = " ".join(amy.take())
    assert "amy owns #ops" in told
    assert "is in #lobby and #ops" in told
    amy.type("/rooms")
    assert any("#ops (1 person, you too)" in line for line in amy.take())


def test_a_person_is_found_whose_name_is_that_of_a_private_room(world: World, amy: Client) -> None:
    eve = world.enter("eve")
    world.enter("ops")
    eve.take()
    eve.type("/who ops")
    assert eve.take()[0].startswith("-> ops came ")


def test_irc_shows_it_to_nobody_else(world: World, amy: Client) -> None:
    eve = world.connect("NICK eve", "USER eve 0 * :Eve", wire="plain", greeted=False)
    assert " 001 " in eve.bytes.decode()
    eve.take()
    eve.type("LIST", "LIST #ops", "WHOIS amy", "NAMES #ops", "WHO #ops", "LUSERS", "MODE #ops", "TOPIC #ops")
    told = [line for line in eve.take() if "#ops" in line]
    assert [line.split()[1] for line in told] == ["366", "315", "403", "403"]
    eve.type("JOIN #ops", "PRIVMSG #ops :hi")
    assert [line.split()[1] for line in eve.take()] == ["473", "403"]
    amy.type("/invite eve")
    assert [line.split(" ", 1)[1] for line in eve.take()] == ["INVITE eve #ops"]
    eve.type("JOIN #ops")
    assert any(" JOIN #ops" in line for line in eve.take())
    eve.type("MODE #ops")
    assert eve.take()[0].endswith("324 eve #ops +ins")


def test_irc_pages_through_what_is_theirs_alone(world: World, amy: Client) -> None:
    eve = world.connect("CAP REQ :draft/chathistory", "NICK eve", "USER eve 0 * :Eve", "CAP END", greeted=False)
    amy.type("before", "/invite eve", "after")
    eve.type("JOIN #ops")
    for line in ("LATEST #ops * 50", "BEFORE #ops msgid=99-#ops 50", "TARGETS timestamp=2000 timestamp=2100 50"):
        eve.type(f"CHATHISTORY {line}")
    told = eve.bytes.decode()
    assert told.count(":after") == 2
    assert ":before" not in told
    assert "private" not in told


def test_irc_says_its_word(world: World, amy: Client) -> None:
    amy.type("/word tulip")
    eve = world.connect("NICK eve", "USER eve 0 * :Eve", "JOIN #lab,#ops x,tulip", greeted=False)
    assert set(eve.session.rooms) >= {"#lab", "#ops"}


def test_nothing_is_posted_to_it_from_outside_but_by_who_is_in_it(world: World, amy: Client) -> None:
    script = world.connect("/post deploy #ops done", greeted=False)
    assert script.take()[-1] == "! no-room: There is no room #ops. /join #ops makes it."
    amy.type("/token new deploy")
    token = next(word for line in amy.take() for word in line.split() if word.startswith("chat_token_"))
    script = world.connect(f"/post amy:{token} #ops done", host="127.0.0.1", greeted=False)
    assert script.take()[-1] == "-> posted"
    assert amy.take() == ["#ops <amy/post> done"]


# Who comes in.


def test_who_is_not_asked_in_learns_no_more_than_that_it_cannot_be_had(
    world: World, amy: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    eve = world.enter("eve")
    eve.type("/join #ops")
    told = eve.take()
    assert told == ["! locked: You cannot go to #ops: it is not for everybody."]
    amy.type("/leave #ops", "/word #ops tulip")
    monkeypatch.setattr(limits, "ROOMS_PER_HOST", 1)
    eve.type("/join #ops", "/join #ops rose")
    assert eve.take() == told * 2, "nobody learns whether anybody is in it, or whether it has a word"


def test_an_invitation_is_found_by_who_is_away_and_lets_them_in(world: World, amy: Client) -> None:
    bob = register(world, "bob")
    bob.type("/quit")
    amy.type("/invite bob")
    assert amy.take()[-1] == "-> bob is asked into #ops."
    back = world.log_in(world.hub.account("bob"))
    assert "-!- amy asks you into #ops; /join #ops goes there" in "\n".join(back.take())
    back.type("/join #ops")
    assert "-> #ops is private: nobody else here sees it; who runs the server can." in back.take()


def test_those_in_it_are_told_whom_somebody_asked_in(world: World, amy: Client) -> None:
    world.enter("eve")
    bob = in_the_room(world, amy, "bob", wire="json")
    amy.type("/invite eve")
    (told,) = bob.take_objects()
    del told["at"], told["seq"]
    assert told == {"type": "invited", "room": "#ops", "from": "amy", "to": "eve", "of": "#ops"}
    amy.type("/invite bob", "/invite nobody")
    assert codes(amy) == ["usage", "not-here"]


def in_the_room(world: World, amy: Client, nick: str, wire: str = "plain") -> Client:
    """Somebody who was asked in, and has come."""
    client = register(world, nick)
    amy.type(f"/invite #ops {nick}")
    client.type("/join #ops", *(["/json"] if wire == "json" else []))
    for one in (client, amy):
        one.take()
    return client


def test_who_is_muted_on_the_server_asks_nobody_in(world: World, amy: Client) -> None:
    eve = world.enter("eve")
    world.operator("/admin mute amy forever")
    for one in (amy, eve):
        one.take()
    amy.type("/invite eve", "/public on")
    assert codes(amy) == ["muted"] * 2
    assert eve.take() == []
    assert not eve.session.person.admitted


def test_to_a_public_room_one_may_be_asked_and_nothing_is_kept(world: World) -> None:
    amy, eve = founded(world), world.enter("eve")
    amy.type("early", "/invite eve")
    assert eve.take() == ["-!- amy asks you into #ops; /join #ops goes there"]
    assert not eve.session.person.admitted
    eve.type("/join #ops")
    assert history(eve) == ["early"]


def test_invitations_have_a_limit(world: World, amy: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(rate=2)
    amy = founded(world)
    world.enter("eve")
    for _ in range(limits.INVITES):
        amy.type("/invite eve")
    assert codes(amy) == []
    amy.type("/invite eve")
    assert codes(amy) == ["slow-down"]


def test_of_very_many_rooms_the_oldest_invitation_is_forgotten_that_nobody_followed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "ADMISSIONS", 3)
    person = world.enter("eve").session.person
    person.admit("#one", 1, came=True)
    for number, key in enumerate(("#two", "#three", "#four"), 2):
        person.admit(key, number, came=False)
    assert list(person.admitted) == ["#one", "#three", "#four"]
    person.admit("#three", 9, came=True)
    assert person.admitted["#three"] == (3, True), "from where on one reads stays"


def test_who_says_the_word_comes_in_and_belongs_to_it(world: World, amy: Client) -> None:
    amy.type("/word")
    assert amy.take() == ["-> #ops has no word."]
    amy.type("/word Tulip")
    assert amy.take() == ["-> #ops has a word; who says it comes in:  /join #ops WORD"]
    eve = world.enter("eve")
    eve.type("/join #ops tulip", "/join #ops Tulip")
    assert codes(eve) == ["locked"]
    assert "#ops" in eve.session.rooms
    eve.type("/leave #ops")
    amy.type("/word off")
    assert amy.take()[-1] == "-> #ops has no word."
    eve.type("/join #ops")
    assert "#ops" in eve.session.rooms
    world.enter("carl").type("/join #ops Tulip")
    assert len(world.hub.rooms["#ops"].members) == 2


def test_who_says_it_on_two_devices_at_once_comes_in_once(world: World, amy: Client) -> None:
    amy.type("/word tulips")
    bob = register(world, "bob")
    other = world.device(bob)
    held: list[Deferred[bool]] = []

    def verify(kept: str | None, password: str) -> Deferred[bool]:
        held.append(Deferred())
        return held[-1]

    world.passwords.verify = verify  # type: ignore[method-assign]
    bob.type("/join #ops tulips")
    other.type("/join #ops tulips")
    amy.take()
    for one in held:
        one.callback(True)
    world.turn()
    assert [line for line in amy.take() if "joined" in line] == ["-!- bob joined #ops (2 here)"]
    assert "#ops" in bob.session.rooms
    assert not any(line.startswith("!") for line in (*bob.lines, *other.lines))


def test_who_guesses_it_is_sent_away(world: World, amy: Client) -> None:
    amy.type("/word tulip")
    eve = world.enter("eve")
    for number in range(limits.GUESSES):
        eve.type(f"/join #ops rose{number}")
    assert codes(eve) == ["locked"] * limits.GUESSES + ["too-many"]
    assert eve.ended


def test_the_word_is_nowhere(world: World, store: KeepingStore, amy: Client) -> None:
    amy.type("/word tulipán", "/word")
    eve = world.enter("eve", wire="json")
    eve.type("/join #ops tulipán", "/json")
    assert "tulip" not in "".join(map(str, store.records.values()))
    assert "tulip" not in amy.bytes.decode() + eve.bytes.decode()
    for line in ("/word tulip", "/word #ops tulip", "/join #ops tulip", "/sala #ops tulip", "/J #ops tulip"):
        assert "tulip" not in vocabulary.quotable(line)
    assert vocabulary.quotable("/join #ops") == "/join #ops"


def test_a_word_is_long_enough_and_of_a_private_room(world: World, amy: Client) -> None:
    amy.type("/word abc")
    assert amy.take() == ["! usage: A word has at least 4 characters."]
    amy.type("/word tulip", "/public on", "/word rose")
    assert amy.take()[-1] == "! usage: #ops is public: everybody comes in without a word."
    amy.type("/private on", "/word")
    assert amy.take()[-1] == "-> #ops has no word.", "/public ended it"


def test_who_runs_the_server_may_go_there_and_all_are_told(world: World, amy: Client) -> None:
    boss = register(world, "boss")
    world.hub.give_role(None, boss.session.person, "operator", None)
    assert SERVER in boss.session.person.roles
    boss.type("/join #ops")
    assert "-!- boss joined #ops (2 here)" in "\n".join(amy.take())
    assert history(boss) == []


# What one reads.


def test_members_read_all_and_who_is_asked_in_reads_from_then_on(world: World) -> None:
    amy, bob = founded(world), in_room(world, "bob")
    carl = register(world, "carl")
    amy.type("one", "/private on", "two")
    amy.send(b"three\n/invite carl\nfour\n")
    world.turn()
    carl.type("/join #ops")
    amy.type("five")
    assert history(bob) == ["one", "two", "three", "four", "five"]
    for line in ("/last #ops 100", "/since #ops 1h"):
        assert history(carl, line) == ["four", "five"]
    for word, count in (("one", 0), ("three", 0), ("four", 1)):
        assert len(history(carl, f"/grep {word}")) == count
    carl.type("/json")
    carl.take()
    carl.type("/last #ops", before=history_seq(world, "four"), id="1")
    assert carl.take_objects()[0]["events"] == []


def history_seq(world: World, text: str) -> int:
    entries = world.hub.rooms["#ops"].log.oldest()
    return next(entry.seq for entry in entries if getattr(entry.fact, "text", "") == text)


def test_what_one_is_called_in_before_one_came_is_not_told(world: World, amy: Client) -> None:
    eve = world.enter("eve")
    amy.type("eve must not know", "/invite eve", "hello eve")
    eve.type("/join #ops")
    assert history(eve, "/mentions") == ["hello eve"]
    assert history(eve, "/mentions #ops") == ["hello eve"]
    assert "must not" not in "\n".join(history(eve, "/missed #ops"))


def test_who_says_the_word_reads_from_then_on_also_what_was_said_in_the_same_moment(world: World, amy: Client) -> None:
    amy.type("/word tulip")
    eve = world.enter("eve")
    amy.send(b"psst\n")
    eve.send(b"/join #ops tulip\n")
    world.turn()
    amy.type("hello")
    assert "psst" not in eve.bytes.decode()
    assert history(eve) == ["hello"]


def test_who_was_banned_belongs_to_it_no_more(world: World, store: KeepingStore, amy: Client) -> None:
    bob = register(world, "bob")
    amy.type("/invite bob")
    bob.type("/join #ops")
    amy.type("while bob is in it", "/ban bob 1h", "while bob is banned")
    after = restarted(world, store)
    assert "#ops" not in after.hub.find("bob").admitted
    world.wait(3700)
    bob.type("/join #ops")
    assert codes(bob) == ["locked"]
    amy.type("/invite bob")
    bob.type("/join #ops")
    assert history(bob) == []


def test_what_a_guest_is_banned_for_holds_for_the_account_that_belongs_to_it(world: World, amy: Client) -> None:
    bob = register(world, "bob")
    amy.type("/invite bob")
    bob.type("/join #ops", "/quit")
    guest = come(world, "guest")
    amy.type("/ban guest 1h")
    guest.type(f"/login bob {SECRET}")
    world.wait(3700)
    guest.take()
    guest.type("/join #ops")
    assert codes(guest) == ["locked"]


def test_public_does_not_open_what_was_said_in_private(world: World, amy: Client) -> None:
    bob = in_the_room(world, amy, "bob")
    amy.type("secret", "/public on", "open")
    eve = world.enter("eve")
    eve.type("/join #ops")
    assert "secret" not in eve.bytes.decode()
    assert history(eve) == ["open"]
    assert history(bob) == ["secret", "open"]
    assert history(amy) == ["in public", "in private", "secret", "open"]
    bob.type("/leave #ops", "/join #ops")
    assert history(bob) == ["secret", "open"], "what one was there for stays"


def test_who_was_not_there_when_it_became_private_again_belongs_to_it_no_more(world: World, amy: Client) -> None:
    bob = in_the_room(world, amy, "bob")
    amy.type("/public on")
    bob.type("/leave #ops")
    amy.type("/private on", "anew")
    bob.take()
    bob.type("/join #ops")
    assert codes(bob) == ["locked"]


def test_what_is_said_live_reaches_only_who_is_in_it(world: World, amy: Client) -> None:
    bob, eve = in_the_room(world, amy, "bob"), world.enter("eve")
    bob.type("/leave #ops")
    for one in (bob, eve):
        one.take()
    amy.type("nobody else")
    assert bob.take() == eve.take() == []


def test_all_devices_of_somebody_read_the_same(world: World, amy: Client) -> None:
    bob = in_the_room(world, amy, "bob")
    phone = world.device(bob)
    phone.take()
    amy.type("hello")
    assert phone.take() == ["#ops <amy> hello"]
    assert history(phone) == ["hello"]


def test_an_unrecorded_private_room_tells_nobody_what_was_said_before() -> None:
    world = World(unrecorded=["#ops"])
    amy, bob = founded(world), register(world, "bob")
    amy.type("/private on", "before", "/invite bob", "between")
    bob.type("/join #ops")
    amy.type("after")
    told = bob.bytes.decode()
    assert "after" in told
    assert "before" not in told
    assert "between" not in told


# Coming back.


def test_it_stays_private_when_it_empties_is_forgotten_and_over_a_restart(
    world: World, store: KeepingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    amy = founded(world)
    amy.type("/private on", "secret", "/word tulip", "/leave #ops")
    eve = world.enter("eve")
    monkeypatch.setattr(limits, "ROOMS", 2)
    eve.type("/join #lab")
    assert "#ops" not in world.hub.rooms
    eve.take()
    eve.type("/who #ops", "/join #ops")
    assert codes(eve) == ["no-room", "locked"]
    eve.type("/leave #lab")
    amy.type("/join #ops")
    assert history(amy) == ["secret"]
    monkeypatch.setattr(limits, "ROOMS", 100)
    world = restarted(world, store)
    carl = world.enter("carl")
    carl.type("/join #ops", "/rooms")
    assert codes(carl) == ["locked"]
    carl.type("/join #ops tulip")
    assert history(carl) == []
    back = world.log_in(world.hub.account("amy"))
    back.take()
    assert history(back) == ["secret"]


def test_a_guest_comes_back_by_their_code_and_another_one_of_that_name_does_not(world: World, amy: Client) -> None:
    eve = world.connect("/nick eve")
    code = code_of(eve)
    amy.type("/invite eve")
    eve.type("/join #ops")
    eve.cut()
    amy.type("wait for eve")
    back = resume(world, code)
    assert "#ops <amy> wait for eve" in "\n".join(back.take())
    back.cut()
    world.wait(limits.GRACE_SECONDS + 1)
    back = resume(world, code)
    assert "#ops" in back.session.rooms
    back.type("/quit")
    other = world.enter("eve")
    other.type("/join #ops")
    assert codes(other) == ["locked"]


def test_a_code_that_could_be_guessed_brings_nobody_into_the_private_rooms_of_an_account(
    world: World, amy: Client
) -> None:
    bob = world.connect("/nick bob", host="127.0.0.1")
    code = code_of(bob)
    bob.type("/register", SECRET, SECRET)
    amy.type("/invite bob")
    bob.type("/join #ops", "/join #lab")
    bob.cut()
    back = resume(world, code)
    assert back.session.person is not bob.session.person
    assert set(back.session.rooms) == {"#lobby", "#lab"}
    assert "#ops" not in back.bytes.decode()


def test_who_was_in_it_by_a_record_of_before_but_does_not_belong_to_it_is_not_back(
    world: World, store: KeepingStore
) -> None:
    amy, eve = founded(world), world.connect("/nick eve", "/join #ops")
    code = code_of(eve)
    amy.type("/private on")
    person = eve.session.person
    store.remembered.people[person.id] = store.remembered.people[person.id]._replace(admitted={})  # type: ignore[index]
    world = restarted(world, store)
    assert "#ops" not in resume(world, code).session.rooms


# What an account alone may.


def test_help_shows_what_an_account_may_to_accounts_alone(world: World) -> None:
    guest, amy = world.enter("guest-one"), register(world, "amy")
    names = ("/password", "/logout", "/unregister", "/sessions", "/token", "/tokens", "/operator")
    for client, shown in ((guest, False), (amy, True)):
        client.type("/help all")
        told = {line.split()[1].rstrip(":") for line in client.take()}
        assert all((name in told) is shown for name in names)
    sentence = "! not-allowed: You have no account; /register makes one, /login NICK is for one"
    guest.type("/help logout", *("/operator x" if name == "/operator" else name for name in names if name != "/token"))
    assert [line for line in guest.take() if line.startswith("! ") and line[2] != " "] == [sentence] * len(names)
