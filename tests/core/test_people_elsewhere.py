"""Who is on another node is there for everybody, and what is done to them there or here holds on both."""

from datetime import timedelta

import pytest
from cluster import Nodes, seen_by
from database import person
from hypothesis import given, settings
from hypothesis import strategies as st
from returning import code_of, enter, resume, texts
from twisted.internet.defer import Deferred
from world import Client, World

from chat.base import limits
from chat.core.merging import merged
from chat.core.person import Person
from chat.core.ports import PersonRecord
from chat.core.presence import Event, Presence
from chat.log.events import Joined, Left, Message, Private, Renamed


def two() -> tuple[Nodes, World, World]:
    nodes = Nodes(2)
    return nodes, *nodes.worlds


def operator(world: World, nick: str) -> Client:
    client = with_account(world, nick)
    world.hub.give_role(None, client.session.person, "operator", None)
    world.turn()
    client.take()
    return client


def with_account(world: World, nick: str) -> Client:
    client = world.enter(nick)
    client.session.person.password = "a hash"
    world.hub.turn.touch(client.session.person)
    world.turn()
    client.take()
    return client


def there(world: World, client: Client) -> Person:
    """The same person, as another node has them."""
    return world.hub.people[client.session.person.id]


@pytest.mark.parametrize("question", ["/who", "/whois bob", "/rooms", "/who #tea", "/topic", "/whois amy"])
def test_what_is_asked_of_people_is_answered_alike_on_every_node(question: str) -> None:
    _, here, elsewhere = two()
    amy, bob = here.enter("amy"), elsewhere.enter("bob", "/away tea", "/join #tea", "/topic milk", "/join #lobby")
    carl, dee = here.enter("carl", "/join #tea", "/join #lobby"), elsewhere.enter("dee", "/join #tea", "/join #lobby")
    for client in (amy, bob, carl, dee):
        client.take()
    carl.type(question)
    dee.type(question)
    assert carl.take() == dee.take() != []


def test_who_comes_and_goes_there_is_told_here_once() -> None:
    _, here, elsewhere = two()
    amy = here.enter("amy")
    bob = elsewhere.enter("bob")
    assert amy.take() == ["-!- bob joined #lobby (2 here)"]
    bob.type("/quit tea")
    assert len(amy.take()) == 1
    assert not here.hub.is_here("bob")
    assert [*here.hub.rooms["#lobby"].members] == [amy.session.person.id]


def test_private_talk_goes_both_ways_and_reply_finds_who_wrote() -> None:
    _, here, elsewhere = two()
    amy, bob = here.enter("amy"), elsewhere.enter("bob")
    amy.take()
    amy.type("/msg bob psst")
    assert bob.take() == ["[amy -> you] psst"]
    bob.type("/reply what")
    assert amy.take()[-1] == "[bob -> you] what"


def test_who_writes_to_somebody_whose_line_is_down_there_is_told_so() -> None:
    nodes, here, elsewhere = two()
    amy, bob = here.enter("amy"), elsewhere.enter("bob")
    amy.take()
    bob.cut()
    amy.type("/msg bob psst")
    assert "line is down" in " ".join(amy.take())
    assert amy.session.person.id in bob.session.person.senders
    nodes.wait(limits.GRACE_SECONDS + 1)
    assert "bob" in amy.take()[-1]
    assert not here.hub.is_here("bob")


def test_an_operator_kicks_somebody_who_is_on_another_node() -> None:
    _, here, elsewhere = two()
    boss, bob = operator(here, "boss"), elsewhere.enter("bob")
    boss.take()
    boss.type("/kick bob")
    assert not bob.session.person.rooms
    assert "kicked" in " ".join(bob.take())
    boss.type("hello")
    assert not bob.take()


def test_whoever_is_banned_from_another_node_is_told_why_and_gone() -> None:
    _, here, elsewhere = two()
    boss, bob = operator(here, "boss"), elsewhere.enter("bob")
    boss.type("/admin ban bob 1h")
    assert bob.ended
    assert "banned" in " ".join(bob.take())
    assert not elsewhere.hub.is_here("bob")
    assert not elsewhere.hub.rooms["#lobby"].members.keys() & {bob.session.person.id}


def test_who_is_muted_on_another_node_is_muted_here() -> None:
    _, here, elsewhere = two()
    boss, bob = operator(here, "boss"), elsewhere.enter("bob")
    boss.type("/mute bob 5m")
    bob.take()
    bob.type("hello")
    assert bob.take()[0].startswith("! muted")


def test_a_role_that_is_given_there_lets_somebody_do_things_here() -> None:
    _, here, elsewhere = two()
    boss, bob, carl = with_account(here, "boss"), with_account(elsewhere, "bob"), here.enter("carl")
    for client in (boss, bob, carl):
        client.type("/join #tea")
    boss.type("/op bob")
    bob.type("/kick carl")
    assert [*carl.session.person.rooms] == ["#lobby"]


def test_a_line_taken_back_there_is_taken_back_here() -> None:
    _, here, elsewhere = two()
    amy, bob = here.enter("amy"), elsewhere.enter("bob", wire="json")
    amy.type("oops")
    amy.type(f"/delete {bob.take_objects()[-1]['seq']}")
    assert bob.take_objects()[-1]["type"] == "redacted"
    bob.type("/last 5")
    assert "oops" not in bob.bytes.decode()


def test_who_waits_at_a_locked_door_there_is_let_in_from_here() -> None:
    _, here, elsewhere = two()
    boss = operator(here, "boss")
    boss.type("/lock #lobby on")
    bob = elsewhere.enter("bob")
    assert not bob.session.person.rooms
    assert boss.take()[-1] == "-> At the door of #lobby: bob; /admit NICK or /refuse NICK."
    boss.type("/admit bob")
    assert [*bob.session.person.rooms] == ["#lobby"]
    bob.take()
    boss.type("hello")
    assert bob.take() == ["<boss> hello"]


def test_a_node_that_starts_lets_wait_who_waits_at_a_door_of_another_one() -> None:
    nodes, here, elsewhere = two()
    operator(here, "boss").type("/lock #lobby on")
    elsewhere.enter("bob")
    nodes.start()
    nodes.settle()
    assert [len(world.hub.locked.waiting("#lobby")) for world in nodes.worlds] == [1, 1, 1]
    nodes.wait(limits.DOOR_SECONDS + 1)
    assert [len(world.hub.locked.waiting("#lobby")) for world in nodes.worlds] == [0, 0, 0]


@pytest.mark.parametrize("dies", [False, True])
def test_who_came_to_a_door_on_another_node_waits_there_no_longer_than_others_and_is_told_once(dies: bool) -> None:
    nodes, here, elsewhere = two()
    operator(here, "boss").type("/lock #lobby on")
    code = code_of(elsewhere.connect("/nick bob"))
    nodes.wait(60)
    if dies:
        nodes.hang(1)
        nodes.lapse(1)
        nodes.wait(limits.BEAT_SECONDS)
    bob = resume(here, code)
    assert "You wait at the door" in " ".join(bob.take())
    nodes.wait(limits.DOOR_SECONDS - 60 + 2 * limits.LEASE_SECONDS)
    assert not here.hub.locked.waiting("#lobby")
    assert " ".join(bob.take()).count("#lobby") == 1


@pytest.mark.parametrize("has_account", [False, True])
def test_who_is_sent_away_from_another_node_is_told_so_and_why(has_account: bool) -> None:
    _, here, elsewhere = two()
    boss = operator(here, "boss")
    bob = with_account(elsewhere, "bob") if has_account else elsewhere.enter("bob")
    boss.type("/admin kick bob go away")
    assert bob.take()[-1] == '! kicked: You were sent away from this server: "go away".'
    assert bob.ended


def test_whose_session_or_token_is_ended_on_another_node_is_told_so() -> None:
    _, here, elsewhere = two()
    bob = here.connect("/nick bob", host="10.0.0.1", wire="json")
    bob.session.person.password = "a hash"
    here.hub.turn.touch(bob.session.person)
    bob.type("/token new deploy talk")
    token = bob.take_objects()[-1]["token"]
    again = elsewhere.log_in(there(elsewhere, bob))
    program = elsewhere.connect(f"/login bob {token}", wire="json", host="10.0.0.2")
    again.take(), program.take()
    bob.type("/token end deploy", "/sessions end 2")
    assert program.take_objects()[-1]["text"] == "The token deploy was ended."
    assert again.take()[-1] == "! taken-over: This session was ended on another device."


def test_an_account_that_is_called_otherwise_there_is_shown_here_as_there() -> None:
    _, here, elsewhere = two()
    ann = with_account(here, "amy")
    caps = ("CAP LS 302", "CAP REQ :account-notify", "NICK dee", "USER x 0 * :x", "CAP END", "JOIN #lobby")
    dee = elsewhere.connect(*caps, greeted=False)
    dee.take()
    ann.type("/nick ann")
    assert [line for line in dee.take() if "ACCOUNT" in line] == [":ann!chat@chat ACCOUNT ann"]


def test_that_a_node_stops_is_told_to_whom_it_concerns() -> None:
    nodes, here, elsewhere = two()
    boss, amy, bob = operator(here, "boss"), here.enter("amy", wire="json"), elsewhere.enter("bob")
    amy.take(), bob.take()
    boss.type("/admin shutdown 10m")
    assert [(told["type"], told["stops_in"]) for told in amy.take_objects()] == [("announced", 600)]
    nodes.wait(300)
    boss.type("/admin shutdown off")
    assert [told["stops_in"] for told in amy.take_objects()] == [300, None]
    assert not bob.take()


def irc(world: World, nick: str, *capabilities: str) -> Client:
    asked = f"CAP REQ :{' '.join(capabilities)}"
    lines = ("CAP LS 302", asked, f"NICK {nick}", "USER ident 0 * :Real", "CAP END", "JOIN #lobby")
    client = world.connect(*lines, greeted=False)
    client.take()
    return client


@pytest.mark.parametrize(
    "line",
    [
        "hello",
        "/me waves",
        "/topic milk",
        "/nick ann",
        "/away tea",
        "/leave #lobby",
        "/quit bye",
        "/mute bob 5m",
        "/unmute all",
        "/kick bob why",
        "/ban bob",
        "/voice bob",
        "/slow 5s",
        "/limit 5",
        "/lock on",
        "/private on",
        "/class on",
        "/admin mute bob 5m",
        "/admin kick bob why",
        "/admin ban bob",
        "/admin announce tea",
    ],
)
def test_what_is_done_on_one_node_is_told_on_another_one_in_the_same_words_and_order(line: str) -> None:
    nodes, here, elsewhere = two()
    amy, _ = operator(here, "amy"), elsewhere.enter("bob")
    capabilities = ("away-notify", "account-notify", "extended-join", "account-tag", "message-tags", "multi-prefix")
    programs = [world.enter(f"j{node}", wire="json") for node, world in enumerate(nodes.worlds)]
    clients = [irc(world, f"i{node}", *capabilities) for node, world in enumerate(nodes.worlds)]
    for client in programs:
        client.take()
    for client in clients:
        client.take()
    amy.type(line)
    nodes.wait(1)
    one, other = (client.take_objects() for client in programs)
    assert one == other
    mine, theirs = (client.take() for client in clients)
    assert mine == theirs
    assert one or mine or line.startswith(("/unmute", "/voice", "/private"))


def test_what_somebody_calls_themselves_besides_is_asked_for_and_shown_on_every_node() -> None:
    _, here, elsewhere = two()
    amy, dee = irc(here, "amy"), irc(elsewhere, "dee", "setname")
    dee.type("WHOIS amy")
    assert ":pi 311 dee amy ident chat * :Real" in dee.take()
    amy.type("SETNAME :Amy Real")
    assert dee.take() == [":amy!chat@chat SETNAME :Amy Real"]
    dee.type("WHOIS amy")
    assert ":pi 311 dee amy ident chat * :Amy Real" in dee.take()


def test_what_was_read_on_one_node_is_told_on_ones_devices_on_another_one() -> None:
    _, here, elsewhere = two()
    amy = irc(here, "amy", "draft/read-marker", "server-time")
    amy.session.person.password = "a hash"
    here.hub.turn.touch(amy.session.person)
    here.turn()
    again = elsewhere.connect("CAP LS 302", "CAP REQ :draft/read-marker", "NICK x", "USER x 0 * :x", greeted=False)
    again.session.enter_as(there(elsewhere, amy), "a code")
    again.session.begin()
    elsewhere.turn()
    again.take()
    amy.type("MARKREAD #lobby timestamp=2026-11-22T10:04:00.000Z")
    assert again.take() == [":pi MARKREAD #lobby timestamp=2026-11-22T10:04:00.000Z"]


def test_that_was_read_less_is_not_told_once_another_node_has_told_more() -> None:
    nodes, here, elsewhere = two()
    amy = here.enter("amy", wire="json")
    person = amy.session.person
    person.password = "a hash"
    here.hub.turn.touch(person)
    bob = here.enter("bob", "one", "two", "three")
    other, third = here.log_in(person, wire="json"), elsewhere.log_in(there(elsewhere, amy), wire="json")
    other.take()
    other.full()
    other.socket.bufferSize = 10
    bob.type("four")
    amy.type("", read={"#lobby": 3})
    third.type("", read={"#lobby": 5})
    nodes.settle()
    other.drain()
    assert [keys["seq"] for keys in other.take_objects() if keys["type"] == "read"] == [5]


def test_where_it_is_slow_nobody_waits_for_less_on_another_node() -> None:
    nodes, here, elsewhere = two()
    operator(here, "boss").type("/slow 60s")
    bob = with_account(here, "bob")
    first, again = here.device(bob, wire="json"), elsewhere.log_in(there(elsewhere, bob), wire="json")
    first.type("one", id="1")
    again.take()
    again.type("two", id="2")
    assert again.take_objects()[-1]["code"] == "slow-down"
    again.type("one", id="1")  # it was not told there that it was heard
    assert again.take_objects()[-1]["type"] == "ack"
    nodes.wait(60)
    again.type("two", id="3")
    assert again.take_objects()[-1]["type"] == "ack"


def test_who_is_new_waits_on_another_node_as_on_the_first() -> None:
    nodes = Nodes(2, guards_newcomers=True)
    here, elsewhere = nodes.worlds
    bob, code = enter(here, "bob")
    bob.type("one")
    bob.cut()
    again = resume(elsewhere, code)
    again.take()
    again.type("two")
    assert again.take()[0].startswith("! slow-down")


def test_rooms_that_are_made_and_left_on_another_node_take_no_more_memory_than_ones_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "ROOMS", 10)
    nodes, here, elsewhere = two()
    amy = here.enter("amy")
    for number in range(20):
        amy.type(f"/join #r{number}", f"/leave #r{number}")
        nodes.wait(limits.NEW_ROOM_SECONDS)
    assert [len(world.hub.rooms) for world in nodes.worlds] == [10, 10]
    bob = elsewhere.enter("bob", "/join #r3")
    assert bob.session.current.log.head == here.hub.store.cluster.logs["#r3"].head  # type: ignore[attr-defined]


def test_a_login_there_makes_somebody_one_person_on_two_nodes() -> None:
    nodes, here, elsewhere = two()
    bob = with_account(here, "bob")
    again = elsewhere.log_in(there(elsewhere, bob))
    carl = here.enter("carl")
    bob.take(), again.take()
    again.type("/join #tea")
    assert [*bob.session.person.rooms] == ["#lobby", "#tea"]
    again.type("hi")
    assert " ".join(bob.take()).endswith("<bob> hi")
    bob.cut()
    nodes.wait(limits.GRACE_SECONDS + 1)
    assert here.hub.is_here("bob")
    assert "bob left" not in " ".join(carl.take())
    again.cut()
    nodes.wait(limits.GRACE_SECONDS + 1)
    assert not here.hub.is_here("bob")
    assert " ".join(carl.take()).count("bob left") == 1


def test_two_devices_cut_at_the_same_moment_on_two_nodes_are_held_and_leave_once() -> None:
    nodes, here, elsewhere = two()
    bob, carl = with_account(here, "bob"), here.enter("carl")
    again = elsewhere.log_in(there(elsewhere, bob))
    carl.take()
    nodes.slow = True
    bob.cut()
    again.cut()
    nodes.settle()
    assert [len(world.hub.down) for world in nodes.worlds] == [0, 1]
    nodes.wait(limits.GRACE_SECONDS - 1)
    nodes.settle()
    assert here.hub.is_here("bob")
    nodes.wait(2)
    nodes.settle()
    assert not here.hub.is_here("bob")
    assert " ".join(carl.take()).count("bob") == 1


# Where nothing is recorded.


def unrecorded() -> tuple[Nodes, Client, Client]:
    nodes = Nodes(2, unrecorded=["#tea"])
    amy = nodes.worlds[0].enter("amy", "/join #tea", wire="json")
    bob = nodes.worlds[1].enter("bob", "/join #tea", wire="json")
    amy.take(), bob.take()
    return nodes, amy, bob


def told(client: Client) -> list[object]:
    return [
        keys.get("text") or keys["count"] for keys in client.take_objects() if keys["type"] in ("message", "missed")
    ]


def test_what_is_said_where_nothing_is_recorded_is_heard_on_every_node() -> None:
    _, amy, bob = unrecorded()
    bob.type("psst")
    assert told(amy) == ["psst"]


def test_what_comes_behind_a_hole_tells_of_the_hole() -> None:
    nodes, amy, bob = unrecorded()
    nodes.stores[0].deaf, nodes.stores[0].knows_heads = True, False
    bob.type("one", "two")
    assert told(amy) == []
    nodes.stores[0].deaf = False
    bob.type("three")
    assert told(amy) == [2, "three"]


@pytest.mark.parametrize("hears_again", [True, False])
def test_what_a_node_did_not_hear_of_it_is_missed(hears_again: bool) -> None:
    nodes, amy, bob = unrecorded()
    bob.type("one")
    nodes.stores[0].deaf = True
    bob.type("two", "three")
    assert sum(map(int, told(amy)[1:])) == 2  # type: ignore[arg-type]
    nodes.stores[0].deaf = not hears_again
    bob.type("four")
    assert told(amy) == ["four" if hears_again else 1]
    nodes.stores[0].deaf = False
    amy.type("five")
    bob.take()
    bob.type("six")
    assert told(amy) == ["six"]
    assert nodes.worlds[0].hub.rooms["#tea"].log.head == nodes.worlds[1].hub.rooms["#tea"].log.head


# Resuming on another node.


def test_a_code_brings_somebody_back_on_another_node_with_what_they_missed() -> None:
    nodes, here, elsewhere = two()
    bob, code = enter(here, "bob")
    amy = elsewhere.enter("amy")
    bob.cut()
    amy.type("hello")
    back = resume(elsewhere, code)
    assert "Welcome back bob." in " ".join(back.lines)
    assert "hello" in back.bytes.decode()
    nodes.wait(limits.GRACE_SECONDS + 1)
    assert elsewhere.hub.is_here("bob")
    assert not amy.take()
    assert seen_by(here.hub) == seen_by(elsewhere.hub)


@pytest.mark.parametrize("knows", ["nobody", "here", "elsewhere"])
@pytest.mark.parametrize("how", ["held", "left", "one of two"])
def test_a_date_that_is_set_forward_takes_nobodys_code(how: str, knows: str) -> None:
    """Each node asks for the date now and then: one of them may have it already when somebody goes."""
    nodes, here, elsewhere = two()
    bob = with_account(here, "bob")
    device = here.device(bob, "json")
    code = code_of(device)
    if how != "one of two":
        bob.type("/quit")
    for world, name in ((here, "here"), (elsewhere, "elsewhere")):
        world.wrong_by = timedelta(days=2 if knows == name else 0)
    device.cut()
    if how == "left":
        nodes.wait(limits.GRACE_SECONDS + 1)
    here.wrong_by = elsewhere.wrong_by = timedelta(days=2)
    here.enter("amy").close()  # at which it is looked for codes that are old
    assert '"nick":"bob"' in resume(elsewhere, code, "json").bytes.decode()


def test_a_node_that_is_started_while_the_date_is_wrong_takes_back_who_is_held() -> None:
    nodes, here, _ = two()
    bob, code = enter(here, "bob")
    bob.cut()
    ((digest, row),) = nodes.cluster.sessions.items()
    assert row.record is not None
    nodes.cluster.sessions[digest] = row._replace(record=row.record._replace(ended_at=here.now() - timedelta(days=2)))
    nodes.hang(1)
    again = nodes.start(again=1)
    assert "Welcome back bob." in " ".join(resume(again, code).lines)


def test_a_connection_that_still_hangs_on_another_node_is_told_that_it_was_taken_over() -> None:
    _, here, elsewhere = two()
    bob, code = enter(here, "bob")
    back = resume(elsewhere, code)
    assert "Welcome back bob." in " ".join(back.lines)
    assert bob.take()[-1].startswith("! taken-over")
    assert bob.ended
    back.type("hi")
    assert back.take()


@pytest.mark.parametrize("what", ["cut", "read", "quit"])
def test_who_comes_back_there_before_it_is_told_what_became_of_their_line_here_is_not_taken_over(what: str) -> None:
    nodes, here, elsewhere = two()
    bob, code = enter(here, "bob")
    nodes.slow = True
    if what == "cut":
        bob.cut()
    elif what == "read":
        here.hub.turn.touch(bob.session)
    else:
        bob.type("/quit")
    here.turn()
    back = resume(elsewhere, code)
    nodes.settle()
    assert not back.ended
    assert "taken-over" not in " ".join(back.lines)
    assert ("code-wrong" in " ".join(back.lines)) is (what == "quit")
    assert here.hub.is_here("bob") is elsewhere.hub.is_here("bob") is (what != "quit")
    nodes.wait(limits.GRACE_SECONDS + 1)
    assert elsewhere.hub.is_here("bob") is (what != "quit")
    assert seen_by(here.hub) == seen_by(elsewhere.hub)


def test_who_comes_back_there_while_the_grace_ends_here_has_left_and_comes_in_again() -> None:
    nodes, here, elsewhere = two()
    bob, code = enter(here, "bob")
    amy = here.enter("amy", wire="json")
    bob.cut()
    amy.take()
    nodes.wait(limits.GRACE_SECONDS - 1)
    nodes.slow = True
    nodes.wait(2)
    back = resume(elsewhere, code)
    nodes.settle()
    assert here.hub.is_here("bob")
    assert [keys["type"] for keys in amy.take_objects()] == ["left", "joined"]
    back.take()
    amy.type("hello")
    nodes.settle()
    assert "hello" in back.bytes.decode()
    assert seen_by(here.hub) == seen_by(elsewhere.hub)


@pytest.mark.parametrize("room", ["#tea", "#lobby"])
def test_who_goes_to_a_room_as_another_node_has_them_leave_comes_in_again_there_too(room: str) -> None:
    nodes, here, elsewhere = two()
    bob, code = enter(here, "bob")
    bob.cut()
    nodes.wait(limits.GRACE_SECONDS - 1)
    nodes.stores[0].slow = True
    back = resume(elsewhere, code)
    nodes.stores[1].slow = True
    here.hub.happened(here.hub.people[bob.session.person.id], Event.GRACE_OVER)
    here.turn()
    while nodes.stores[0].comes:
        nodes.let(0)
    back.type(f"/join {room}")
    nodes.settle()
    assert not back.ended
    assert bob.session.person.id in here.hub.rooms[room].members
    assert seen_by(here.hub) == seen_by(elsewhere.hub)


def test_whoever_comes_in_again_is_given_nothing_twice() -> None:
    nodes, here, elsewhere = two()
    bob, code = enter(here, "bob", wire="json")
    amy = elsewhere.enter("amy")
    bob.cut()
    nodes.wait(limits.GRACE_SECONDS - 1)
    nodes.stores[0].slow = True
    back = resume(elsewhere, code, "json", seen={"#lobby": here.hub.lobby.log.head})
    amy.type("hello")
    here.hub.happened(here.hub.people[bob.session.person.id], Event.GRACE_OVER)
    here.turn()
    nodes.settle()
    facts = [type(entry.fact).__name__ for entry in nodes.cluster.entries["#lobby"]]
    assert facts[-3:] == ["Message", "Left", "Joined"]
    assert texts(back) == ["hello"]


def test_two_who_resume_at_the_same_moment_are_not_both_there() -> None:
    nodes, here, elsewhere = two()
    bob, code = enter(here, "bob")
    bob.cut()
    nodes.slow = True
    one, other = resume(here, code), resume(elsewhere, code)
    nodes.settle()
    assert sorted([one.ended, other.ended]) == [False, True]
    assert seen_by(here.hub) == seen_by(elsewhere.hub)


def test_who_comes_back_as_a_guest_by_the_code_of_an_account_is_here_as_that_guest_on_every_node() -> None:
    nodes, here, elsewhere = two()
    bob, code = enter(here, "bob")
    bob.session.person.password = "a hash"
    here.hub.turn.touch(bob.session.person)
    here.turn()
    back = resume(here, code)
    assert "Welcome back bob2." in " ".join(back.lines)
    assert bob.ended
    assert there(elsewhere, back).presence is Presence.HERE
    assert seen_by(here.hub) == seen_by(elsewhere.hub)
    nodes.wait(limits.GRACE_SECONDS + 1)
    again = resume(elsewhere, code)
    assert "Welcome back bob2." in " ".join(again.lines)
    assert seen_by(here.hub) == seen_by(elsewhere.hub)


def test_of_two_who_come_in_by_one_key_at_the_same_moment_on_two_nodes_who_was_first_is_here() -> None:
    nodes, here, elsewhere = two()
    one, other = here.connect(), elsewhere.connect()
    for client, nick in ((one, "amy"), (other, "bob")):
        Deferred.fromCoroutine(client.world.hub.naming.win(nick, client.session.person))
        client.world.turn()
    nodes.slow = True
    for client, nick in ((one, "amy"), (other, "bob")):
        client.session.enter(nick, "what is made of the key")
        client.session.welcomed = True
        client.session.begin()
        client.world.turn()
    nodes.settle()
    nodes.slow = False
    assert (one.ended, other.ended) == (False, True)
    assert [person.nick for person in elsewhere.hub.people.values()] == ["amy"]
    assert elsewhere.hub.people[one.session.person.id].connected
    assert seen_by(here.hub) == seen_by(elsewhere.hub)
    assert nodes.cluster.names.find("bob") is None


def test_two_nodes_that_outdate_each_other_come_to_an_end() -> None:
    nodes, here, elsewhere = two()
    people = [with_account(here, nick).session.person.id for nick in ("amy", "bob")]
    nodes.slow = True
    for world, id in ((here, people[0]), (elsewhere, people[1])):
        world.hub.turn.touch(world.hub.people[id])
        world.turn()
    for world in (here, elsewhere):
        for id in people:
            world.hub.turn.touch(world.hub.people[id])
    before = nodes.cluster.tick
    for _ in range(20):
        nodes.let(0)
        nodes.let(1)
    assert not nodes.stores[0].comes
    assert nodes.cluster.tick - before < 6


def test_a_code_that_another_node_gave_just_now_is_good_here_as_soon_as_that_is_heard() -> None:
    nodes, here, elsewhere = two()
    nodes.stores[1].slow = True
    _, code = enter(here, "bob")
    back = resume(elsewhere, code)
    assert not back.take()
    nodes.settle()
    assert "Welcome back bob." in " ".join(back.lines)
    assert not back.ended


def test_whoever_has_seen_on_another_node_what_is_not_heard_here_yet_comes_back_when_it_is() -> None:
    nodes, here, elsewhere = two()
    bob, code = enter(here, "bob", wire="json")
    amy = here.enter("amy")
    nodes.stores[1].slow = True
    amy.type("hello", "again")
    seen = {"#lobby": bob.objects[-1]["seq"]}
    bob.cut()
    back = resume(elsewhere, code, "json", seen=seen)
    nodes.settle()
    assert [keys["type"] for keys in back.objects if keys["type"] in ("welcome", "error")] == ["welcome"]
    assert not back.ended
    nodes.slow = False
    amy.type("later")
    assert texts(back) == ["later"]
    assert seen_by(here.hub) == seen_by(elsewhere.hub)


def test_while_the_store_is_away_a_code_that_is_not_known_here_is_not_called_wrong() -> None:
    nodes, here, elsewhere = two()
    amy = elsewhere.enter("amy")
    nodes.stores[1].away = True
    amy.type("in doubt")
    _, code = enter(here, "bob")
    refused = resume(elsewhere, code, "json").objects[-1]
    assert refused["code"] == "not-stored"
    assert code not in refused["text"]


def test_who_was_on_another_node_does_not_come_back_on_one_that_cannot_reach_the_store() -> None:
    """What they said there is in doubt perhaps: here it would be refused, and stored all the same."""
    nodes, here, elsewhere = two()
    bob, code = enter(here, "bob", wire="json")
    amy = elsewhere.enter("amy")
    nodes.stores[1].away = True
    amy.type("in doubt")
    back = resume(elsewhere, code, "json")
    assert back.objects[-1]["code"] == "not-stored"
    assert not bob.ended
    nodes.stores[1].back()
    nodes.settle()
    back.type(f"/resume {code}")
    assert "welcome" in [keys["type"] for keys in back.objects]


def test_who_has_registered_on_another_node_just_now_logs_in_here() -> None:
    nodes, here, elsewhere = two()
    bob = here.enter("bob")
    nodes.stores[1].slow = True
    bob.session.person.password = "a hash"
    here.hub.turn.touch(bob.session.person)
    here.turn()
    back = elsewhere.connect("/login bob any password")
    nodes.settle()
    assert "! login-failed" not in " ".join(back.lines)


# A line that is under way on one node while who said it comes back on another one, and says it again.


def answers(client: Client, id: str) -> list[str]:
    return [keys.get("code", keys["type"]) for keys in client.objects if keys.get("id") == id]


def come_back(world: World, code: str, *lines: str) -> Client:
    """Somebody whose next lines come with that by which they come back."""
    client = world.connect(wire="json")
    first = f'{{"line": "/resume {code}", "take": true}}'
    client.send("".join(f"{line}\n" for line in (first, *lines)).encode())
    world.turn()
    return client


def said(nodes: Nodes) -> list[str]:
    entries = [entry for some in nodes.cluster.entries.values() for entry in some]
    return sorted(entry.fact.text for entry in entries if isinstance(entry.fact, Message | Private))


def test_what_was_refused_on_another_node_is_not_stored_after_that_and_all_else_of_the_turn_is() -> None:
    nodes, here, elsewhere = two()
    bob, code = enter(here, "bob", wire="json")
    carl, amy = here.enter("carl", wire="json"), elsewhere.enter("amy")
    slow = nodes.stores[0]
    slow.late = slow.slow = True
    carl.type("first")
    bob.type("/msg amy hi", id="c1")
    carl.type("second", id="c2")
    slow.arrive()
    slow.let()
    here.turn()
    amy.type("/quit")
    back = resume(elsewhere, code, "json")
    back.type("/msg amy hi", id="c1")
    assert answers(back, "c1") == ["not-here"]
    slow.late = False
    slow.arrive()
    here.turn()
    assert bob.ended  # before it is told that they are there
    nodes.settle()
    assert said(nodes) == ["first", "second"]
    assert (answers(bob, "c1"), answers(carl, "c2")) == ([], ["ack"])
    assert seen_by(here.hub) == seen_by(elsewhere.hub)


@pytest.mark.parametrize("refused", [0, 3])
def test_what_was_stored_before_is_acknowledged_on_another_node_even_where_it_would_be_refused(refused: int) -> None:
    """Also where for a while it cannot be stored there that they are there."""
    nodes, here, elsewhere = two()
    bob, code = enter(here, "bob", wire="json")
    amy = elsewhere.enter("amy")
    one, other = nodes.stores
    one.late = True
    bob.type("/msg amy hi", id="c1")
    amy.type("/quit")
    other.late = True
    back = come_back(elsewhere, code, '{"line": "/msg amy hi", "id": "c1"}')
    other.arrive()
    elsewhere.turn()
    other.late = False
    if refused:
        nodes.cluster.refusals = refused
        other.arrive()
        elsewhere.turn()
        assert "welcome" not in [keys["type"] for keys in back.objects]
        nodes.cluster.refusals = 0
    one.late = False
    one.arrive()
    if not refused:
        other.arrive()
    nodes.settle()
    nodes.wait(limits.RECONNECT_MOST_SECONDS)
    assert answers(back, "c1") == ["ack"]
    assert said(nodes) == ["hi", "hi"]  # in the logs of both


# The same of who logs in there instead.


def of_account(nodes: Nodes) -> tuple[Client, Client, Client]:
    """Somebody on two devices, each on a node of its own, and whom they write to."""
    here, elsewhere = nodes.worlds[:2]
    bob = here.enter("bob", wire="json")
    bob.session.person.password = "a hash"
    here.hub.turn.touch(bob.session.person)
    here.turn()
    again = elsewhere.log_in(there(elsewhere, bob), "json")
    return bob, again, elsewhere.enter("amy")


@pytest.mark.parametrize("gathers", [False, True])
@pytest.mark.parametrize("heard", [False, True])
def test_what_is_refused_to_who_logged_in_there_is_not_stored_here_after_that(gathers: bool, heard: bool) -> None:
    nodes = Nodes(2)
    here, elsewhere = nodes.worlds
    bob, again, amy = of_account(nodes)
    carl = here.enter("carl", wire="json")
    slow = nodes.stores[0]
    slow.late = slow.slow = True
    if gathers:
        carl.type("first")
    bob.type("/msg amy hi", id="c1")
    carl.type("second", id="c2")
    amy.type("/quit")
    again.type("/msg amy hi", id="c1")
    assert answers(again, "c1") == ["not-here"]
    slow.late = False
    while heard and slow.comes:
        slow.let()
    slow.arrive()
    here.turn()
    nodes.settle()
    assert (answers(bob, "c1"), answers(carl, "c2")) == (["not-stored"], ["ack"])
    assert said(nodes) == ["first", "second"][not gathers :]
    assert not bob.ended
    assert seen_by(here.hub) == seen_by(elsewhere.hub)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from(["says", "says again", "amy", "late", "arrives", "other", "let 0", "let 1"]), max_size=25)
)
def test_whoever_says_a_line_again_where_they_logged_in_is_told_the_truth_of_it(steps: list[str]) -> None:
    nodes = Nodes(2)
    bob, again, amy = of_account(nodes)
    carl = nodes.worlds[0].enter("carl")
    nodes.slow = True
    one = nodes.stores[0]
    said_on: list[Client] = []
    for step in (*steps, "says", "says again"):
        if step == "late":
            one.late = True
        elif step == "arrives" and one.under_way:
            one.arrive()
            nodes.worlds[0].turn()
        elif step == "other":
            carl.type("hello")
        elif step.startswith("let"):
            nodes.let(int(step[-1]))
        elif step == "amy":
            amy.type("/quit") if amy.session.named else None
        elif step == ("says" if not said_on else "says again" if said_on == [bob] else ""):
            said_on.append(again if said_on else bob)
            said_on[-1].type("/msg amy hi", id="c1")
    one.late = False
    while one.under_way or any(store.comes for store in nodes.stores):
        if one.under_way:
            one.arrive()
        nodes.settle()
    (answer,) = answers(again, "c1")
    assert len(answers(bob, "c1")) == 1
    assert said(nodes).count("hi") == (2 if answer == "ack" else 0)
    assert seen_by(nodes.worlds[0].hub) == seen_by(nodes.worlds[1].hub)


def test_what_was_stored_before_is_acknowledged_to_who_logged_in_there() -> None:
    nodes = Nodes(2)
    bob, again, amy = of_account(nodes)
    one, other = nodes.stores
    one.late = True
    bob.type("/msg amy hi", id="c1")
    amy.type("/quit")
    other.late = True
    again.type("/msg amy hi", id="c1")
    one.late = other.late = False
    one.arrive()
    other.arrive()
    nodes.settle()
    assert (answers(again, "c1"), answers(bob, "c1"), said(nodes)) == (["ack"], ["ack"], ["hi", "hi"])


def test_what_was_refused_may_be_said_again_on_every_node() -> None:
    nodes = Nodes(3)
    bob, again, amy = of_account(nodes)
    amy.type("/quit")
    again.type("/msg amy hi", id="c1")
    third = nodes.worlds[2].log_in(there(nodes.worlds[2], bob), "json")
    nodes.worlds[1].enter("amy")
    for client in (again, third, bob):
        client.type("/msg amy hi", id="c1")
    assert (answers(again, "c1"), answers(third, "c1"), answers(bob, "c1")) == (["not-here", "ack"], ["ack"], ["ack"])
    assert said(nodes) == ["hi", "hi"]


def test_while_the_store_is_away_it_is_not_said_that_a_line_was_refused_which_another_node_may_store() -> None:
    nodes = Nodes(2)
    _, again, amy = of_account(nodes)
    amy.type("/quit")
    nodes.cluster.refusals = 1
    again.type("/msg amy hi", id="c1")
    assert answers(again, "c1") == ["not-stored"]


def test_for_whom_all_sessions_are_here_nothing_is_kept_of_a_refusal() -> None:
    nodes = Nodes(2)
    bob, _ = enter(nodes.worlds[0], "bob", wire="json")
    bob.type("/msg amy hi", id="c1")
    assert answers(bob, "c1") == ["not-here"]
    assert not nodes.cluster.refused


@pytest.mark.parametrize("comes", ["here", "there"])
def test_where_two_nodes_write_of_a_session_what_it_says_is_stored_where_it_is(comes: str) -> None:
    nodes, here, elsewhere = two()
    one, other = nodes.stores
    bob, code = enter(elsewhere if comes == "here" else here, "bob", wire="json")
    one.late = True
    if comes == "there":
        here.hub.turn.touch(bob.session)
        here.turn()
        bob.type("hello", id="c1")
        here.hub.turn.touch(bob.session)
        one.arrive()
        here.turn()
        one.slow = True
        back = come_back(elsewhere, code)
    else:
        back = come_back(here, code, '{"line": "hello", "id": "c1"}')
        one.slow = other.slow = True
        one.arrive()
        one.let()
        here.turn()
        elsewhere.hub.turn.touch(bob.session)
        elsewhere.turn()
        one.arrive()  # it is the other node's still
        one.let()
        one.let()
        here.turn()
        while other.comes:
            other.let()
        elsewhere.hub.turn.touch(bob.session)
        elsewhere.turn()
    one.late = False
    one.arrive()
    here.turn()
    nodes.settle()
    assert bob.ended
    assert not back.ended
    assert (answers(back, "c1"), said(nodes)) == ((["ack"], ["hello"]) if comes == "here" else ([], []))
    assert seen_by(here.hub) == seen_by(elsewhere.hub)


# What two nodes made of the same person at the same moment.


def test_what_is_done_to_somebody_on_two_nodes_at_the_same_moment_holds_on_both() -> None:
    nodes, here, elsewhere = two()
    bob = with_account(here, "bob")
    again = elsewhere.log_in(there(elsewhere, bob))
    nodes.slow = True
    bob.type("/join #tea")
    again.type("/join #milk")
    again.type("/away tea")
    nodes.settle()
    for world in nodes.worlds:
        person = world.hub.people[bob.session.person.id]
        assert (set(person.rooms), person.away) == ({"#lobby", "#tea", "#milk"}, "tea")


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("before", [0, 1, None])
@pytest.mark.parametrize(
    "done",
    [
        ("/topic milk", "/topic tea"),
        ("/slow 10s", "/slow 20s"),
        ("/limit 5", "/limit off"),
        ("/lock on", "/unlock"),
        ("/mute bob 5m", "/mute bob 9m"),
        ("/mute bob 5m", "/unmute bob"),
        ("/mute all 5m", "/unmute all"),
        ("/voice bob", "/unvoice bob"),
        ("/ban bob 5m", "/unban bob"),
        ("/topic lock on", "/topic lock off"),
        ("/private on", "/public on"),
        ("/word abcdefgh", "/word off"),
        ("/admin mute bob 5m", "/admin unmute bob"),
        ("/admin ban bob 5m", "/admin kick bob"),
        ("/class on", "/class off"),
        ("/roster 3", "/class off"),
    ],
)
def test_what_is_done_on_two_nodes_at_the_same_moment_holds_on_both_as_it_is_stored(
    done: tuple[str, str], before: int | None, order: tuple[int, int]
) -> None:
    nodes, here, elsewhere = two()
    bosses = [operator(here, "boss"), operator(elsewhere, "other")]
    bob = elsewhere.enter("bob", "/join #tea")
    for boss in bosses:
        boss.type("/join #tea")
    if before is not None:
        bosses[0].type(done[before])
    nodes.slow = True
    for node in order:
        bosses[node].type(done[node])
    nodes.settle()
    assert seen_by(here.hub) == seen_by(elsewhere.hub)
    records = [record for record in nodes.cluster.records.values() if record.value is not None]
    assert sorted(record for record in records if record.kind == "measure") == seen_by(here.hub)["measures"]
    topics = [record.value for record in records if record.kind == "topic"]
    assert here.hub.rooms["#tea"].topic in (topics or [""])
    assert not bob.world.hub.turn.is_changing


def test_what_another_node_stored_holds_where_what_was_on_its_way_here_is_refused() -> None:
    nodes, here, elsewhere = two()
    boss, other, bob = operator(here, "boss"), operator(elsewhere, "other"), here.enter("bob")
    nodes.slow = True
    other.type("/mute bob 9m")
    nodes.cluster.refusals = 1
    boss.type("/mute bob 5m")
    nodes.settle()
    assert "! not-stored" in " ".join(boss.take())
    assert seen_by(here.hub) == seen_by(elsewhere.hub)
    bob.take()
    bob.type("hello")
    assert "9 min" in bob.take()[0]


def test_what_was_read_last_is_it_whichever_node_says_so_last() -> None:
    nodes, here, elsewhere = two()
    nodes.slow = True
    here.hub.read_markers.move("p", "#lobby", "2026-01-02")
    elsewhere.hub.read_markers.move("p", "#lobby", "2026-01-01")
    nodes.settle()
    assert [world.hub.read_markers.of("p", "#lobby") for world in nodes.worlds] == ["2026-01-02"] * 2


def test_of_what_both_changed_ours_is_it_and_what_one_took_away_is_gone() -> None:
    world = World()
    amy = world.enter("amy")
    people: dict[str, PersonRecord | None] = {}
    amy.session.person.remember(people, {})
    (before,) = people.values()
    assert before is not None
    before = before._replace(rooms={"#a": 1, "#b": 1}, ignored={"1": "x"})
    ours = before._replace(rooms={"#a": 1, "#c": 1}, nick="ann", away="tea")
    theirs = before._replace(rooms={"#a": 1, "#b": 1, "#d": 2}, nick="eve", ignored={})
    both = merged(before, ours, theirs)
    assert (dict(both.rooms), both.nick, both.away, both.ignored) == ({"#a": 1, "#d": 2, "#c": 1}, "ann", "tea", {})


@pytest.mark.parametrize(
    ("before", "ours", "theirs", "both"),
    [
        (None, None, "b", "b"),
        (None, "a", None, "a"),
        (None, "a", "b", "b"),
        ("x", "x", "b", "b"),
        ("x", "a", "x", "a"),
        ("x", "a", "b", "b"),
        ("x", None, "x", None),
        ("x", "x", None, None),
        ("x", None, "b", None),
        ("x", "a", None, None),
    ],
)
def test_of_two_passwords_the_first_is_it_and_who_gave_the_account_up_has_none(
    before: str | None, ours: str | None, theirs: str | None, both: str | None
) -> None:
    record = person("amy")
    kept = merged(
        *(record._replace(password=one, away=away) for one, away in ((before, "x"), (ours, "a"), (theirs, "x")))
    )
    assert (kept.password, kept.away) == (both, "a")


def test_of_two_who_make_a_room_at_the_same_moment_on_two_nodes_one_owns_it() -> None:
    nodes, here, elsewhere = two()
    amy, bob = with_account(here, "amy"), with_account(elsewhere, "bob")
    nodes.slow = True
    for client in (amy, bob):
        client.world.hub.roles.give(client.session.person, "#tea", "owner")
    nodes.settle()
    for world in nodes.worlds:
        assert [person.nick for person in world.hub.roles.holders("#tea")] == ["amy"]
    assert seen_by(here.hub) == seen_by(elsewhere.hub)


def test_what_was_outdated_is_stored_again_with_what_the_other_node_did() -> None:
    nodes, here, elsewhere = two()
    bob = with_account(here, "bob")
    again = elsewhere.log_in(there(elsewhere, bob))
    nodes.slow = True
    bob.type("/away tea")
    again.type("/ignore nobody", "/join #milk")
    nodes.settle()
    row = nodes.cluster.people[bob.session.person.id]
    assert row.record is not None
    assert (row.record.away, set(row.record.rooms)) == ("tea", {"#lobby", "#milk"})


def test_somebody_is_held_by_the_node_where_their_line_dropped_last() -> None:
    nodes, here, elsewhere = two()
    bob = with_account(here, "bob")
    carl, dee = here.enter("carl"), elsewhere.enter("dee")
    person = there(elsewhere, bob)
    nodes.slow = True
    dee.type("hello")  # what comes then goes with the next turn, as a whole
    again = elsewhere.log_in(person)
    again.session.welcomed = True
    bob.cut()
    nodes.wait(1)
    again.cut()
    assert [len(world.hub.down) for world in nodes.worlds] == [1, 0]
    nodes.settle()
    assert [len(world.hub.down) for world in nodes.worlds] == [0, 1]
    carl.take()
    nodes.slow = False
    nodes.wait(limits.GRACE_SECONDS + 1)
    assert sum("bob left" in line for line in carl.take()) == 1


def test_who_is_forgotten_on_one_node_is_in_the_memory_of_none() -> None:
    nodes = Nodes(2)
    here, there = nodes.worlds
    amy, bob = here.enter("amyzanzibar", "tulip"), there.enter("bob", wire="json")
    bob.type("hello amyzanzibar", "/join #ops")
    amy.type("/join #ops", "/topic tuliptoo", "tulips", "/nick dorazanzibar", "/msg bob more tulips")
    nodes.settle()
    carl = there.enter("carlzanzibar", "/ignore dorazanzibar", "bye", "/quit")
    nodes.settle()
    assert carl.ended
    bob.take()
    operator = here.operator("/admin forget dorazanzibar dorazanzibar")
    nodes.settle()
    assert any("dorazanzibar is forgotten" in str(keys.get("text")) for keys in operator.take_objects())
    assert amy.ended
    for world in nodes.worlds:
        logs = [world.hub.log, *(room.log for room in world.hub.rooms.values())]
        logs += [person.log for person in (*world.hub.people.values(), *world.hub.absent.values())]
        held = str([entry.fact for log in logs for entry in log.oldest()])
        assert "dorazanzibar" not in held.replace("hello amyzanzibar", "")
        assert "tulip" not in held
        assert "dorazanzibar" not in str(world.hub.departed)
        assert "carlzanzibar" in str(world.hub.departed)
        assert "hello amyzanzibar" in held
    targets = [keys.get("targets") or [keys["target"]] for keys in bob.take_objects() if keys["type"] == "redacted"]
    assert sum(map(len, targets)) == 3
    assert not any(kind == "forgotten" and record.value for (kind, _), record in nodes.cluster.records.items())


def test_a_node_that_heard_nothing_for_long_reads_what_there_is_and_its_people_miss_nothing() -> None:
    nodes = Nodes(2)
    here, there = nodes.worlds
    ann, bob = here.enter("ann", "/join #ops"), there.enter("bob", "/join #ops", wire="json")
    gone, boss = here.enter("gone"), operator(here, "boss")
    boss.type("/mute ann 1m noisy")
    nodes.settle()
    assert there.hub.measures.all()
    bob.take()
    nodes.stores[1].slow = True
    ann.type("one", "/topic tea", "/nick anna", "two", "/msg bob psst")
    gone.type("/quit")
    carl = here.enter("carl", "three")
    carl.type("/away lunch")
    boss.type("/unmute ann", "/mute bob 1m noisy")
    nodes.read_anew(1)
    nodes.stores[1].slow = False
    nodes.settle()
    assert seen_by(there.hub) == seen_by(here.hub)
    heard = bob.take_objects()
    texts = [keys["text"] for keys in heard if keys["type"] in ("message", "private")]
    assert sorted(texts) == ["one", "psst", "three", "two"]
    assert not any(keys["type"] == "missed" for keys in heard)
    assert there.hub.rooms["#ops"].topic == "tea"
    assert [measure.whom for measure in there.hub.measures.all()] == [bob.session.person.id]
    ann.type("/msg bob again")
    assert bob.take_objects()[-1]["text"] == "again"


def test_whose_node_was_taken_for_gone_meanwhile_is_taken_back_as_all_is_read() -> None:
    nodes = Nodes(2)
    here, there = nodes.worlds
    ann = here.enter("ann")
    bob, late = there.enter("bob"), there.enter("late")
    nodes.settle()
    nodes.stores[1].slow = True
    nodes.lapse(1)
    here.clock.advance(limits.BEAT_SECONDS)
    assert {person.nick for person in here.hub.people.values() if person.presence is Presence.DOWN} == {"bob", "late"}
    late.cut()
    nodes.read_anew(1)
    nodes.stores[1].slow = False
    nodes.settle()
    assert seen_by(there.hub) == seen_by(here.hub)
    assert {person.nick for person in here.hub.people.values() if person.presence is Presence.DOWN} == {"late"}
    bob.type("still here")
    nodes.settle()
    assert "<bob> still here" in ann.take()
    nodes.wait(limits.GRACE_SECONDS + limits.BEAT_SECONDS)
    assert seen_by(there.hub) == seen_by(here.hub)
    assert "late" not in {person.nick for person in here.hub.people.values()}
    assert [line for line in bob.take() if "late" in line and "left" in line] != []


# Whoever comes in on one node while that is ended on another.

ORDERS = [(0, 1), (1, 0)]


def told_of(nodes: Nodes, key: str, person: Person) -> list[str]:
    """How often a room was told that they came and went."""
    facts = [entry.fact for entry in nodes.cluster.entries[key]]
    return [type(fact).__name__ for fact in facts if isinstance(fact, Joined | Left) and fact.author == person.author]


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize("done", ["", "/join #tea", "/leave #lobby", "/leave #tea"])
def test_what_somebody_does_on_two_devices_on_two_nodes_at_once_is_told_once(done: str, many: bool) -> None:
    """They come in, or come to a room, or go; in a room of many that is told later."""
    nodes, here, elsewhere = two()
    for number in range(limits.GATHER_FROM + 1 if many else 0):
        here.enter(f"p{number}x", "/join #tea")
    bob = with_account(here, "bob")
    person, same = bob.session.person, there(elsewhere, bob)
    again = elsewhere.log_in(same)
    if done == "/leave #tea":
        bob.type("/join #tea")
    elif not done:
        bob.type("/quit")
        again.type("/quit")
    nodes.wait(limits.GATHER_SECONDS + 1)
    before = {key: len(nodes.cluster.entries[key]) for key in ("#lobby", "#tea")}
    nodes.slow = True
    if done:
        bob.type(done)
        again.type(done)
    else:
        here.log_in(person)
        elsewhere.log_in(same)
    nodes.settle()
    nodes.slow = False
    nodes.wait(limits.GATHER_SECONDS + 1)
    told = [entry.fact for key, seen in before.items() for entry in nodes.cluster.entries[key][seen:]]
    assert [type(fact) for fact in told if isinstance(fact, Joined | Left)] == [Left if "leave" in done else Joined]
    assert seen_by(here.hub) == seen_by(elsewhere.hub)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.sampled_from(["one", "other", "late 0", "late 1", 0, 1]), max_size=20),
    st.sampled_from(["/nick zed", "/nick eve"]),
)
def test_who_is_called_otherwise_on_two_devices_on_two_nodes_at_once_is_called_as_all_have_it(
    schedule: list[str | int], other: str
) -> None:
    """And others are told of it without a gap: who was called so before is called so now."""
    nodes, here, elsewhere = two()
    bob = with_account(here, "bob")
    again = elsewhere.log_in(there(elsewhere, bob))
    undone = {"one": (bob, "/nick eve"), "other": (again, other)}
    nodes.slow = nodes.late = True
    for step in (*schedule, "one", "other"):
        if isinstance(step, int):
            nodes.let(step)
        elif step.startswith("late"):
            nodes.arrive(int(step[-1]))
        elif (does := undone.pop(step, None)) is not None:
            does[0].type(does[1])
    nodes.settle()
    id, nick = bob.session.person.id, bob.session.person.nick
    assert nodes.cluster.names._names[id] == nick
    assert seen_by(here.hub) == seen_by(elsewhere.hub)
    names = ["bob"]
    for entry in nodes.cluster.entries["#lobby"]:
        if isinstance(entry.fact, Renamed):
            assert entry.fact.author.nick == names[-1]
            names.append(entry.fact.to)
    assert names[-1] == nick
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("order", ORDERS)
def test_who_goes_to_a_room_while_they_are_banned_from_it_elsewhere_is_out_again(order: tuple[int, int]) -> None:
    nodes, here, elsewhere = two()
    boss, bob = operator(here, "boss"), elsewhere.enter("bob")
    boss.type("/join #tea")
    nodes.slow = True
    for node in order:
        (boss, bob)[node].type(("/ban #tea bob", "/join #tea")[node])
    nodes.settle()
    assert "#tea" not in bob.session.person.rooms
    assert seen_by(here.hub) == seen_by(elsewhere.hub)
    assert told_of(nodes, "#tea", bob.session.person) == ["Joined", "Left"]


@pytest.mark.parametrize("order", ORDERS)
def test_who_goes_to_a_room_while_it_becomes_private_elsewhere_is_in_it_only_if_they_were_first(
    order: tuple[int, int],
) -> None:
    nodes, here, elsewhere = two()
    boss, bob, carl = operator(here, "boss"), elsewhere.enter("bob"), elsewhere.enter("carl", "/join #tea")
    boss.type("/join #tea")
    nodes.slow = True
    for node in order:
        (boss, bob)[node].type(("/private on", "/join #tea")[node])
    nodes.settle()
    boss.type("for us")
    nodes.settle()
    is_first = order == (1, 0)
    assert ("#tea" in bob.session.person.rooms) is is_first
    assert ("for us" in bob.bytes.decode()) is is_first
    assert "for us" in carl.bytes.decode()
    assert seen_by(here.hub) == seen_by(elsewhere.hub)
    assert told_of(nodes, "#tea", bob.session.person) == (["Joined"] if is_first else ["Joined", "Left"])
    bob.type("/leave #tea")
    nodes.settle()
    bob.type("/join #tea")
    nodes.settle()
    assert ("#tea" in bob.session.person.rooms) is is_first


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("is_here", [True, False])
@pytest.mark.parametrize("done", ["/admin ban bob", "/admin reset bob"])
def test_who_logs_in_while_that_is_closed_to_them_elsewhere_is_out_again(
    done: str, is_here: bool, order: tuple[int, int]
) -> None:
    nodes, here, elsewhere = two()
    boss, bob = here.operator(), with_account(elsewhere, "bob")
    if not is_here:
        bob.type("/quit")
    person = elsewhere.hub.account("bob")
    assert person is not None
    nodes.slow = True
    for node in order:
        if node == 0:
            boss.type(done)
        else:
            again = elsewhere.log_in(person)
    nodes.settle()
    assert again.ended
    assert person.id in here.hub.absent
    assert seen_by(here.hub) == seen_by(elsewhere.hub)


@pytest.mark.parametrize("order", ORDERS)
def test_a_program_that_logs_in_while_its_token_is_ended_elsewhere_is_out_again(order: tuple[int, int]) -> None:
    nodes, here, elsewhere = two()
    bob = here.connect("/nick bob", host="10.0.0.1", wire="json")
    bob.session.person.password = "a hash"
    here.hub.turn.touch(bob.session.person)
    bob.type("/token new deploy talk")
    token = bob.take_objects()[-1]["token"]
    nodes.slow = True
    for node in order:
        if node == 0:
            bob.type("/token end deploy")
        else:
            program = elsewhere.connect(f"/login bob {token}", wire="json", host="10.0.0.2")
    nodes.settle()
    assert program.ended or not program.session.named
    assert not bob.ended
    assert seen_by(here.hub) == seen_by(elsewhere.hub)


@pytest.mark.parametrize("order", ORDERS)
def test_who_goes_while_something_is_done_to_them_elsewhere_is_gone_on_every_node(order: tuple[int, int]) -> None:
    nodes, here, elsewhere = two()
    bob, boss = here.enter("bob", "/join #tea"), operator(elsewhere, "boss")
    boss.type("/join #tea")
    nodes.slow = True
    for node in order:
        (bob, boss)[node].type(("/quit", "/kick #tea bob")[node])
    nodes.settle()
    assert seen_by(here.hub) == seen_by(elsewhere.hub)
    assert not here.hub.is_here("bob")
    assert {id for id, row in nodes.cluster.people.items() if row.record is not None} == {boss.session.person.id}
