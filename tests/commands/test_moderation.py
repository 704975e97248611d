"""Measures: muting, sending away, banning, in a room and on the server; who may hit whom, and what becomes of it."""

import pytest
from returning import KeepingStore, restarted, resume
from stores import SlowStore
from test_account import SECRET, come
from test_roles import founded, in_room
from test_staff import boss
from twisted.internet.defer import fail
from world import Client, World

from chat.base import limits
from chat.base.errors import NotStored
from chat.base.language import say
from chat.log.events import Measured


def guest(world: World, nick: str = "trol", room: str | None = "#ops", wire: str = "plain", **where: str) -> Client:
    """A guest who is in a room, and has read everything so far."""
    client = world.connect(f"/nick {nick}", wire=wire, **where)
    if room is not None:
        client.type(f"/join {room}")
    client.take()
    return client


def moderated(world: World) -> tuple[Client, Client, Client]:
    """Whose room it is, a troll, and somebody else who is there."""
    ana = founded(world, "#ops", "ana")
    trol, ben = guest(world), guest(world, "ben")
    world.take_all()
    return ana, trol, ben


# Muting.


def test_a_muted_person_says_nothing_there_and_all_are_told_why_and_for_how_long(world: World) -> None:
    ana, trol, ben = moderated(world)
    ana.type("/mute trol 2h spam")
    assert ana.take() == ['-> Muted trol in #ops for 2 h: "spam".']
    assert ben.take() == ['-!- ana muted trol for 2 h in #ops: "spam"']
    assert trol.take() == ['-!- ana muted trol for 2 h in #ops: "spam"']
    trol.type("hello", "/me waves", "/msg #ops hello", "/topic hello", "/leave #ops bye", "/paste", "hello", "/end")
    told = trol.take()
    assert told[0] == '! muted: You are muted in #ops for 2 h: "spam".'
    assert sum(line.startswith("! muted: You are muted in #ops") for line in told) == 6
    assert ben.take() == [] == ana.take()
    trol.type("/msg #lobby hello", "/msg ben psst")
    assert ben.take() == ["#lobby <trol> hello", "[trol -> you] psst"]


def test_a_burst_of_a_muted_person_is_answered_line_by_line(world: World) -> None:
    ana, trol, ben = moderated(world)
    ana.type("/mute trol")
    world.take_all()
    trol.send(b"one\ntwo\nthree\n")
    world.turn()
    assert [line.partition(":")[0] for line in trol.take()] == ["! muted"] * 3
    assert ben.take() == []


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("/mute trol", "-> Muted trol in #ops for 1 h."),
        ("/mute trol 30s", "-> Muted trol in #ops for 30 s."),
        ("/mute trol 1w be kind", '-> Muted trol in #ops for 7 d: "be kind".'),
        ("/mute trol forever", "-> Muted trol in #ops for ever."),
        ("/silenciar trol siempre", "-> Muted trol in #ops for ever."),
        ("/mute #ops trol spam", '-> Muted trol in #ops for 1 h: "spam".'),
        ("/mute @trol: 3d", "-> Muted trol in #ops for 3 d."),
        ("/mute all 5m quiet", '-> Muted everybody in #ops for 5 min: "quiet".'),
        ("/timeout todos", "-> Muted everybody in #ops for 1 h."),
        ("/mute trol 10", "! usage: 10 of what? 10s, 10m, 10h, 10d?"),
        ("/mute trol 0s", "! usage: From 1s to 3650 d, or forever."),
        ("/mute trol 999999999w", "! usage: From 1s to 3650 d, or forever."),
        ("/mute nobody", "! not-here: Nobody here is called nobody. /who shows who is here."),
        ("/mute ana", "! usage: That is yourself."),
        ("/ban trol", "-> Banned trol in #ops for 1 d."),
        ("/kick trol be kind", '-> Kicked trol in #ops: "be kind".'),
    ],
)
def test_the_answer_says_what_was_understood(asked: str, told: str, world: World) -> None:
    ana, _, _ = moderated(world)
    ana.type(asked)
    assert [line for line in ana.take() if not line.startswith("-!-")] == [told]


def test_what_somebody_is_seen_by_everywhere_stays_as_it_was_while_they_are_muted_anywhere(world: World) -> None:
    ana, trol, ben = moderated(world)
    ana.type("/mute trol")
    world.take_all()
    trol.type("/leave", "/nick marker", "/away marker", "/join #ops")
    assert [line.partition(":")[0] for line in trol.take() if line.startswith("!")] == ["! muted"] * 2
    assert not any("marker" in line for line in ben.take())
    trol.type("/quit marker")
    assert [line[:8] for line in trol.take()] == ["! muted:", "-> Bye t"]
    assert ben.take() == ["-!- trol left (0 s)"]


def test_everybody_but_operators_is_muted(world: World) -> None:
    ana, trol, ben = moderated(world)
    cleo = in_room(world, "cleo")
    ana.type("/op cleo", "/mute all")
    world.take_all()
    trol.type("hello")
    assert trol.take() == ["! muted: Everybody but operators is muted in #ops for 60 min."]
    world.connect("/post late #ops hello")
    assert ben.take() == []
    cleo.type("hello")
    ana.type("hello")
    assert ben.take() == ["#ops <cleo> hello", "#ops <ana> hello"]
    ana.type("/unmute all")
    trol.type("hello")
    assert ben.take() == ["-!- ana unmuted everybody in #ops", "#ops <trol> hello"]


def test_a_mute_ends_by_itself_and_is_gone_from_the_store(world: World) -> None:
    store = KeepingStore()
    world = World(store)
    ana, trol, ben = moderated(world)
    ana.type("/mute trol 2h")
    world.wait(2 * 3600 - 1)
    world.take_all()
    trol.type("hello")
    assert trol.take() == ["! muted: You are muted in #ops for 1 s."]
    world.wait(1)
    trol.type("hello")
    assert ben.take() == ["#ops <trol> hello"]
    assert not trol.session.person.measured
    assert not any(record.kind == "measure" for record in store.kept().records)


def test_where_nobody_is_muted_nothing_is_looked_at(world: World) -> None:
    ana, trol, _ = moderated(world)

    def looked_at() -> tuple[bool, bool]:
        return trol.session.person.measured, world.hub.rooms["#ops"].measured

    assert looked_at() == (False, False)
    ana.type("/mute trol")
    assert looked_at() == (True, False)
    ana.type("/unmute trol", "/mute all")
    assert looked_at() == (False, True)
    ana.type("/unmute all")
    assert looked_at() == (False, False)


# Sending out, and keeping out.


def test_a_kicked_person_is_out_told_why_and_may_come_back(world: World) -> None:
    ana, trol, ben = moderated(world)
    ana.type("/kick trol spam")
    assert trol.take() == ['-!- ana kicked trol in #ops: "spam"', "-> You speak in #lobby now."]
    assert ben.take() == ['-!- ana kicked trol in #ops: "spam"', "-!- trol left #ops (0 s)"]
    trol.type("/msg #ops hello", "/join #ops")
    told = trol.take()
    assert told[0].startswith("! not-in-room")
    assert told[-1].startswith("-> With you in #ops")
    ana.type("/kick #ops trol", "/kick trol")
    assert ana.take()[-1] == "! not-here: trol is not in #ops."


def test_a_banned_person_is_out_and_does_not_come_back_until_the_ban_ends(world: World) -> None:
    ana, trol, ben = moderated(world)
    ana.type("/ban trol 2h spam")
    assert trol.take()[0] == '-!- ana banned trol for 2 h in #ops: "spam"'
    assert ben.take() == ['-!- ana banned trol for 2 h in #ops: "spam"', "-!- trol left #ops (0 s)"]
    trol.type("/join #ops", "/nick other", "/join #OPS")
    told = trol.take()
    assert told[0] == '! banned: You are banned in #ops for 2 h: "spam".'
    assert told[-1] == '! banned: You are banned in #ops for 2 h: "spam".'
    assert ben.take() == ["-!- trol is now known as other"]
    world.wait(2 * 3600)
    trol.type("/join #ops")
    assert trol.take()[-1].startswith("-> With you in #ops")


def test_each_is_undone_by_its_opposite_whatever_they_are_called_by_then(world: World) -> None:
    ana, trol, ben = moderated(world)
    ana.type("/ban trol")
    trol.type("/nick other")
    world.take_all()
    ana.type("/bans", "/unban other", "/unban other", "/bans")
    assert ana.take() == [
        "-> ana banned other for 1 d in #ops",
        "-> Unbanned other in #ops.",
        "! usage: other is not banned in #ops.",
        "-> Nobody is muted or banned.",
    ]
    assert ben.take() == ["-!- ana unbanned other in #ops"]
    assert trol.take() == ["-!- ana unbanned other in #ops"]
    trol.type("/join #ops")
    assert trol.take()[-1].startswith("-> With you in #ops")


def test_somebody_who_is_not_there_can_be_kept_out(world: World) -> None:
    ana, _, _ = moderated(world)
    late = guest(world, "late", None)
    ana.type("/ban late")
    late.type("/join #ops")
    assert late.take()[-1] == "! banned: You are banned in #ops for 24 h."


# Who may hit whom.


def test_operators_hit_who_has_less_to_say_than_they_have(world: World) -> None:
    ana, trol, _ = moderated(world)
    cleo, _ = in_room(world, "cleo"), in_room(world, "dan")
    ana.type("/op cleo", "/op dan")
    world.take_all()
    cleo.type("/mute ana", "/kick dan", "/ban trol 5m", "/op trol")
    assert cleo.take() == [
        "! not-allowed: ana is the owner of the room. Nothing was done.",
        "! not-allowed: dan is an operator of the room, as you are. Nothing was done.",
        "-!- trol left #ops (0 s)",
        "-> Banned trol in #ops for 5 min.",
        "! not-allowed: /op is for the owner of the room. Nothing was done.",
    ]
    trol.type("/mute ben", "/bans")
    assert [line.partition(":")[0] for line in trol.take() if line[0] == "!"] == ["! not-allowed"] * 2
    ana.type("/kick dan")
    assert ana.take()[-1] == "-> Kicked dan in #ops."
    boss = world.operator("/admin op ben2")
    in_room(world, "ben2")
    boss.type("/admin op ben2")
    boss.take()
    ana.type("/mute ben2")
    assert ana.take()[-1] == "! not-allowed: ben2 runs this server. Nothing was done."


def test_in_another_room_an_operator_is_nobody(world: World) -> None:
    ana, trol, _ = moderated(world)
    founded(world, "#lab", "cleo")
    trol.type("/join #lab")
    ana.type("/join #lab", "/mute trol", "/mute #lab trol", "/mute #lobby trol", "/mute #ops trol", "/admin mute trol")
    told = [line for line in ana.take() if line.startswith(("!", "-> Muted"))]
    assert [line.partition(":")[0] for line in told] == [
        "! not-allowed",
        "! not-allowed",
        "! not-allowed",
        "-> Muted trol in #ops for 1 h.",
        "! not-allowed",
    ]


# On the server.


def test_a_mute_of_the_server_holds_everywhere_but_to_its_operators(world: World) -> None:
    ana, trol, ben = moderated(world)
    boss = world.operator("/admin op ana", "/admin mute trol 2h spam")
    assert boss.take_objects()[-1]["text"] == 'Muted trol on this server for 2 h: "spam".'
    assert ben.take() == ['-!- whoever runs this server muted trol for 2 h on this server: "spam"']
    world.take_all()
    trol.type("hello", "/msg #lobby hello", "/msg ben hello", "/join #new", "/msg ana please")
    assert [line.partition(":")[0] for line in trol.take()] == ["! muted"] * 4 + ["[you -> ana] please"]
    assert ana.take() == ["[trol -> you] please"]
    assert ben.take() == []
    boss.type("/admin bans", "/admin unmute trol")
    told = boss.take_objects()
    row = {
        "what": "mute",
        "nick": "trol",
        "room": "*",
        "seconds": 7200,
        "by": None,
        "why": "spam",
        "host": "",
        "most": 0,
    }
    assert told[0]["measures"] == [row]
    trol.type("hello")
    assert ben.take()[-1] == "#ops <trol> hello"


def test_all_of_the_server_can_be_muted(world: World) -> None:
    _, trol, ben = moderated(world)
    boss = world.operator("/admin mute all 5m")
    assert boss.take_objects()[-1]["text"] == "Muted everybody on this server for 5 min."
    assert ben.take() == ["-!- whoever runs this server muted everybody for 5 min on this server"]
    trol.type("hello", "/join #new", "/msg ben hello")
    assert [line.partition(":")[0] for line in trol.take() if line[0] == "!"] == ["! muted"] * 3
    boss.type("/admin unmute all")
    trol.type("hello")
    assert ben.take()[-1] == "#ops <trol> hello"


def test_who_is_sent_away_from_the_server_is_told_and_their_codes_are_void(world: World) -> None:
    _, trol, ben = moderated(world)
    code = trol.session.code
    world.operator("/admin kick trol spam")
    assert trol.take()[-1] == '! kicked: You were sent away from this server: "spam".'
    assert trol.ended
    assert ben.take()[0] == '-!- whoever runs this server kicked trol on this server: "spam"'
    again = resume(world, code)
    assert again.take()[-1].startswith("! code-wrong")
    guest(world, "trol")


def test_a_ban_of_an_account_holds_for_all_its_devices_and_for_its_password(world: World) -> None:
    bob = in_room(world, "bob")
    phone = world.device(bob)
    world.take_all()
    world.operator("/admin ban bob 2h spam")
    for client in (bob, phone):
        assert client.take()[-1] == '! banned: You are banned on this server for 2 h: "spam".'
        assert client.ended
    late = come(world, f"/login bob {SECRET}")
    assert late.take()[-1] == '! banned: You are banned on this server for 2 h: "spam".'
    assert come(world, f"/resume {bob.session.code}").take()[-1].startswith("!")
    world.operator("/admin unban bob")
    assert "Welcome back bob" in "".join(come(world, f"/login bob {SECRET}").take())


def test_a_ban_closes_the_address_where_nobody_else_comes_from_it_for_a_day(world: World) -> None:
    trol = guest(world, "trol", None, host="192.0.2.9")
    boss = world.operator("/admin ban trol forever spam")
    assert boss.take_objects()[-1]["text"] == 'Banned trol on this server for 1 d: "spam".'
    assert trol.ended
    again = world.connect("/nick other", host="192.0.2.9")
    assert again.take()[-1] == '! banned: You are banned on this server for 24 h: "spam".'
    again.type("/post other hello")
    assert again.take()[-1].startswith("! banned")
    guest(world, "bob", None)
    world.wait(limits.ADDRESS_BAN_SECONDS)
    guest(world, "other", None, host="192.0.2.9")


def test_an_address_that_others_share_stays_open(world: World) -> None:
    trol = guest(world, "trol", None, host="192.0.2.9")
    pupils = [guest(world, f"pupil-{letter}", None, host="192.0.2.9") for letter in "abc"]
    boss = world.operator("/admin ban trol")
    told = boss.take_objects()[-1]
    assert told["text"].splitlines()[1] == "3 others share that address: it stays open."
    assert told["shared"] == 3
    assert trol.ended
    guest(world, "late", None, host="192.0.2.9").type("/quit")
    for pupil in pupils:
        pupil.type("/quit")
    again = world.connect("/nick other", host="192.0.2.9")
    assert again.take()[-1].startswith("! banned"), "judged anew at each entrance"


def test_unbanning_a_guest_who_is_gone_opens_the_address(world: World) -> None:
    guest(world, "trol", None, host="192.0.2.9")
    boss = world.operator("/admin ban trol", "/admin bans", "/admin unban trol", "/admin bans")
    told = boss.take_objects()
    assert told[-3]["measures"][0]["host"] == "192.0.2.9"
    assert told[-1]["measures"] == []
    guest(world, "other", None, host="192.0.2.9")


def test_the_addresses_of_the_options_are_listed_too(world: World) -> None:
    world = World(bans=["192.0.2.7", "198.51.100.0/24"])
    boss = world.operator("/admin bans")
    told = boss.take_objects()[-1]
    assert told["addresses"] == ["192.0.2.7", "198.51.100.0/24"]
    assert told["text"].splitlines()[0] == "192.0.2.7 may not connect, by --ban."


def test_behind_a_proxy_no_address_is_closed(world: World) -> None:
    world = World(proxies=["10.9.9.9"])
    guest(world, "trol", None, host="10.9.9.9")
    world.operator("/admin ban trol")
    guest(world, "other", None, host="10.9.9.9")


# Nobody sheds one.


def test_a_login_takes_the_guests_measures_along(world: World) -> None:
    store = KeepingStore()
    world = World(store)
    ana, _, ben = moderated(world)
    bob = in_room(world, "bob")
    bob.type("/quit")
    late = come(world, "/nick late", "/join #ops")
    ana.type("/mute late", "/ban late")
    late.type(f"/login bob {SECRET}")
    assert "#ops" not in late.session.person.rooms
    world.take_all()
    late.type("/join #ops", "/nick marker")
    assert [line.partition(":")[0] for line in late.take()] == ["! banned", "! muted"]
    assert not any("marker" in line for line in ben.take())
    after = restarted(world, store)
    bob = come(after, f"/login bob {SECRET}")
    bob.take()
    bob.type("/join #ops")
    assert bob.take()[-1].startswith("! banned")


def test_an_owner_who_was_a_guest_is_not_kept_out_of_their_room(world: World) -> None:
    ana = founded(world, "#ops", "ana")
    cleo = in_room(world, "cleo")
    ana.type("/op cleo")
    ana.type("/quit")
    late = come(world, "/nick late", "/join #ops")
    cleo.type("/ban late")
    late.type(f"/login ana {SECRET}")
    assert "#ops" in late.session.person.rooms


def test_neither_a_resume_nor_a_second_device_nor_the_code_of_an_account_sheds_one(world: World) -> None:
    ana, _, ben = moderated(world)
    bob = in_room(world, "bob")
    ana.type("/mute bob")
    phone = world.device(bob)
    phone.take()
    phone.type("/msg #ops hello")
    assert phone.take()[-1].startswith("! muted")
    phone.cut()
    code = bob.session.code
    bob.cut()
    back = come(world, f"/resume {code}")
    back.take()
    assert not back.session.person.has_account
    back.type("/msg #ops hello", "/nick marker")
    assert [line.partition(":")[0] for line in back.take()] == ["! muted"] * 2
    assert not any("hello" in line for line in ben.take())


def test_measures_survive_a_restart_and_those_of_people_who_are_gone_do_not(world: World) -> None:
    store = KeepingStore()
    before = World(store)
    ana, trol, _ = moderated(before)
    code = trol.session.code
    gone = guest(before, "gone")
    ana.type("/mute trol", "/mute gone", "/mute all forever quiet")
    gone.type("/quit")
    after = restarted(before, store)
    assert [measure.nick for measure in after.hub.measures.all()] == ["", "trol"]
    back = resume(after, code)
    back.take()
    back.type("hello")
    assert back.take()[0].startswith("! muted: You are muted in #ops")
    other = guest(after, "other")
    other.type("hello")
    assert other.take() == ['! muted: Everybody but operators is muted in #ops for ever: "quiet".']


def test_a_room_that_was_forgotten_comes_back_with_its_measures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ROOMS", 3)
    world = World(KeepingStore())
    ana = founded(world, "#ops", "ana")
    trol = guest(world, "trol", None)
    ana.type("/mute all", "/ban trol", "/leave", "/join #lab", "/leave", "/join #more")
    assert "#ops" not in world.hub.rooms
    trol.type("/join #ops")
    assert trol.take()[-1].startswith("! banned")
    ben = guest(world, "ben", "#ops")
    ben.type("hello")
    assert ben.take()[0].startswith("! muted: Everybody")


def test_what_cannot_be_stored_is_not_done_and_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ana, trol, ben = moderated(world)
    full = lambda batch: fail(NotStored(say("the disk is full")))  # noqa: E731
    with monkeypatch.context() as patch:
        patch.setattr(world.store, "commit", full)
        ana.type("/mute trol", "/ban trol")
    assert [line.partition(":")[0] for line in ana.take() if line.startswith("! n")] == ["! not-stored"] * 2
    assert not world.hub.measures.all()
    trol.type("/join #ops", "hello")
    assert ben.take()[-1] == "#ops <trol> hello"


# As programs see it.


def test_a_measure_is_a_numbered_fact(world: World) -> None:
    ana, _, _ = moderated(world)
    carl = guest(world, "carl", wire="json")
    head = world.hub.rooms["#ops"].log.head
    ana.type("/mute trol 2h spam")
    entry = world.hub.rooms["#ops"].log.oldest()[-1]
    assert entry.seq == head + 1
    assert entry.fact == Measured(ana.session.author, "mute", "trol", "#ops", 7200, "spam")
    (told,) = carl.take_objects()
    del told["at"], told["seq"]
    keys = {"what": "mute", "to": "trol", "of": "#ops", "seconds": 7200, "why": "spam"}
    assert told == {"type": "measure", "room": "#ops", "from": "ana", **keys}
    ana.type("/json", "/kick #ops carl")
    reply = ana.take_objects()[-1]
    assert [reply[key] for key in ("what", "nick", "room", "seconds", "why")] == ["kick", "carl", "#ops", None, ""]
    told = carl.take_objects()
    assert [(keys["type"], keys["room"]) for keys in told] == [("measure", "@"), ("current", "#lobby")]


def test_what_is_told_of_the_server_is_told_once(world: World) -> None:
    _, trol, ben = moderated(world)
    alone = guest(world, "alone", None)
    world.operator("/admin mute trol", "/admin mute alone")
    for client in (trol, ben, alone):
        assert len([line for line in client.take() if "muted trol" in line]) == 1
    alone.type("/leave")
    alone.take()
    world.operator("/admin unmute alone")
    assert alone.take() == ["-!- whoever runs this server unmuted alone on this server"]


def test_nobody_ends_what_was_done_to_them_whatever_they_are_in_the_room(world: World) -> None:
    ana, _, ben = moderated(world)
    ora = in_room(world, "ora")
    ana.type("/op ora", "/mute ora 1d spam")
    world.take_all()
    ora.type("/unmute ora", "/unmute #ops ora", "hello")
    assert [line.partition(" You")[0] for line in ora.take()] == [*["! usage: That is yourself."] * 2, "! muted:"]
    ana.type("/ban ora forever out")
    world.take_all()
    ora.type("/unban #ops ora", "/join #ops")
    assert [line.partition(":")[0] for line in ora.take()] == ["! usage", "! banned"]
    ana.type("/unmute ora", "/unban ora")
    ora.type("/join #ops", "hello")
    assert ben.take()[-1] == "#ops <ora> hello"


def test_neither_does_the_owner_but_whoever_runs_the_server(world: World) -> None:
    ana, _, ben = moderated(world)
    boss = in_room(world, "boss")
    world.operator("/admin op boss")
    boss.type("/mute #ops ana forever stop")
    world.take_all()
    ana.type("/unmute ana", "hello")
    assert [line.partition(":")[0] for line in ana.take()] == ["! usage", "! muted"]
    friend = in_room(world, "friend")
    ana.type("/op friend")
    friend.take()
    friend.type("/unmute ana")
    assert friend.take()[-1] == "! not-allowed: ana is the owner of the room. Nothing was done."
    boss.type("/unmute #ops ana")
    ana.type("hello")
    assert ben.take()[-1] == "#ops <ana> hello"


def test_a_muted_operator_says_nothing_by_the_reasons_of_what_they_do(world: World) -> None:
    ana, _, ben = moderated(world)
    world.operator("/admin mute ana 1h")
    world.take_all()
    ana.type("/mute ben 1m marker", "/mute all 1m marker", "/kick ben marker", "/ban ben marker")
    assert [line.partition(":")[0] for line in ana.take()] == ["! muted"] * 4
    assert ben.take() == []
    ana.type("/mute trol 1m", "/kick trol")
    assert [line for line in ana.take() if line[:2] == "->"] == [
        "-> Muted trol in #ops for 1 min.",
        "-> Kicked trol in #ops.",
    ]


# Whom they do not want to hear, and who is faster.


@pytest.mark.parametrize("wire", ["plain", "json"])
def test_who_ignores_an_operator_is_told_all_the_same_what_is_done_in_the_room(world: World, wire: str) -> None:
    ana, ben = founded(world, "#ops", "ana"), guest(world, "ben", wire=wire)
    ben.type("/ignore ana")
    ben.take()
    ana.type("/slow 5s", "ignored", "/kick ben out")
    if wire == "json":
        assert [keys.get("what") for keys in ben.take_objects()] == ["slow", "kick", None]
    else:
        assert ben.take() == [
            "-!- ana slowed everybody to one line in 5 s in #ops",
            '-!- ana kicked ben in #ops: "out"',
            "-> You speak in #lobby now.",
        ]


@pytest.mark.parametrize(
    ("end", "anew"), [("/unmute trol", "/mute #ops trol 2h"), ("/unban trol", "/ban #ops trol 2h")]
)
def test_what_one_operator_ends_and_another_takes_anew_holds(end: str, anew: str) -> None:
    world = World(store := SlowStore())
    ana, trol, _ = moderated(world)
    chief = boss(world)
    ana.type(anew.replace("2h", "1h"))
    world.take_all()
    store.slow = True
    ana.type(end)
    chief.type(anew)
    while store.commits:
        store.let()
        world.turn()
    store.slow = False
    trol.take()
    trol.type("/msg #ops hello" if "mute" in end else "/join #ops")
    assert trol.take()[0].startswith(
        ("! muted: You are muted in #ops for 2 h", "! banned: You are banned in #ops for 2 h")
    )


def test_what_could_not_be_ended_holds_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ana, trol, ben = moderated(world)
    ana.type("/mute trol 1h")
    world.take_all()
    monkeypatch.setattr(world.hub.store, "commit", lambda batch: fail(NotStored(say("disk full"))))
    ana.type("/unmute trol")
    assert ana.take()[0].startswith("! not-stored")
    monkeypatch.undo()
    trol.type("hello")
    assert trol.take()[0].startswith("! muted")
    assert ben.take() == []


# A voice.


def test_who_has_a_voice_talks_while_all_are_muted_but_not_where_they_are_themselves(world: World) -> None:
    ana, trol, ben = moderated(world)
    ana.type("/mute all", "/voice ben")
    assert ana.take()[-1] == "-> ben may talk in #ops also while all are muted."
    assert trol.take()[-1] == "-!- ana gave ben a voice in #ops"
    ben.type("may I?", "/topic tea")
    trol.type("and I?")
    assert [line for line in ana.take() if "ben" in line] == [
        "#ops <ben> may I?",
        '-!- ben set the topic of #ops: "tea"',
    ]
    assert trol.take()[-1].startswith("! muted: Everybody but operators is muted in #ops")
    ana.type("/bans")
    assert "-> ana gave ben a voice in #ops" in ana.take()
    ana.type("/mute ben", "/unmute ben", "/voice ben", "/unvoice ben", "/unvoice ben")
    assert ana.take()[-2:] == ["-> ben has no voice in #ops any more.", "! usage: ben has no voice in #ops."]
    ben.take()
    ben.type("still?")
    assert ben.take()[-1].startswith("! muted")
    ana.type("/voice ben", "/mute ben")
    ben.take()
    ben.type("still?")
    assert ben.take()[-1].startswith("! muted: You are muted")


def test_on_the_whole_server_a_voice_is_none_and_nobody_gives_it_to_themselves_but_operators(world: World) -> None:
    ana, trol, ben = moderated(world)
    world.operator("/admin mute all")
    ana.type("/voice ben", "/voice ana", "/voice nemo")
    assert ana.take()[-1].startswith("! not-here")
    trol.type("/voice trol")
    assert trol.take()[-1].startswith("! not-allowed")
    ben.take()
    ben.type("hello")
    assert ben.take()[-1].startswith("! muted: Everybody but operators is muted on this server")


def test_a_voice_goes_along_under_another_name_survives_a_restart_and_ends_with_a_guest() -> None:
    world = World(store := KeepingStore())
    ana, trol, ben = moderated(world)
    ana.type("/mute all forever", "/voice ben", "/voice trol")
    ben.type("/nick benny")
    trol.type("/quit")
    code = ben.session.code
    after = restarted(world, store)
    ben = resume(after, code)
    ben.type("here still")
    assert not any(line.startswith("!") for line in ben.take())
    assert [measure.nick for measure in after.hub.measures.all("#ops") if measure.kind == "voice"] == ["ben"]


# Nicknames that nobody has.


def test_whoever_comes_by_a_banned_nickname_stays_out_each_time(world: World) -> None:
    ana, trol, ben = moderated(world)
    trol.type("/quit")
    world.take_all()
    ana.type("/ban trol 2h spam")
    assert ana.take() == [
        '-> Banned trol in #ops for 2 h: "spam".',
        "-> Nobody is called so now: whoever comes by that nickname stays out.",
    ]
    assert ben.take() == ['-!- ana banned trol for 2 h in #ops: "spam"']
    for nick in ("trol", "TROL"):
        trol = guest(world, nick, None)
        trol.type("/join #ops")
        assert trol.take() == ['! banned: You are banned in #ops for 2 h: "spam".']
        trol.type("/join #tea", "/nick other", "/join #ops", "/quit")
        assert not any(line.startswith("!") for line in trol.take())
    ana.take()
    ana.type("/bans", "/unban trol", "/bans")
    assert ana.take()[-3:] == [
        '-> ana banned trol for 2 h in #ops: "spam"',
        "-> Unbanned trol in #ops.",
        "-> Nobody is muted or banned.",
    ]
    trol = guest(world)
    assert trol.session.current.log.name == "#ops"


def test_a_nickname_that_may_be_a_slip_is_not_banned_nor_one_that_is_none(world: World) -> None:
    ana, _, _ = moderated(world)
    ana.type("/ban tro", "/ban a!b", "/mute nemo", "/ban #lobby nemo")
    assert [line.split(".")[0] for line in ana.take() if line.startswith("!")] == [
        "! not-here: Nobody here is called tro; is it trol?",
        "! nick-bad: A name has no ! in it: letters, digits, - _ ",
        "! not-here: Nobody here is called nemo",
        "! not-allowed: /ban is for the operators of the room",
    ]


def test_it_is_known_after_a_restart_and_forgotten_with_the_nickname() -> None:
    world = World(store := KeepingStore())
    ana, _, _ = moderated(world)
    ana.type("/ban nemo forever")
    after = restarted(world, store)
    nemo = guest(after, "nemo", None)
    nemo.type("/join #ops")
    assert nemo.take() == ["! banned: You are banned in #ops for ever."]


def test_of_nicknames_no_more_are_banned_than_the_limit(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "NICKNAMES_BANNED", 2)
    ana, _, _ = moderated(world)
    ana.type("/ban nemo", "/ban otto", "/ban zara")
    assert ana.take()[-2].startswith("! too-many: 2 nicknames that nobody has are banned there already")
    ana.type("/unban nemo", "/ban zara", "/ban trol")
    assert not any(line.startswith("!") for line in ana.take())


def test_whoever_comes_by_a_nickname_banned_in_the_lobby_is_in_the_chat_and_in_no_room(world: World) -> None:
    chief = boss(world, "chief")
    chief.type("/ban #lobby nemo")
    nemo = world.connect("nemo")
    assert nemo.take()[-1] == "! locked: You are banned in #lobby for 24 h."
    nemo.type("/join #tea")
    assert nemo.session.current.log.name == "#tea"


def test_who_has_a_role_there_comes_by_any_nickname(world: World) -> None:
    ana, _, _ = moderated(world)
    ana.type("/ban nemo")
    ana.type("/leave #ops", "/nick nemo", "/join #ops")
    assert ana.session.current.log.name == "#ops"
