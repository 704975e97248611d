"""Leaving, cuts and coming back: the promises of the resume code, and nothing lost or doubled over any of it."""

from collections.abc import Callable, Sequence
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returning import KeepingStore, enter, restarted, resume, texts
from stores import FailingStore
from world import START, Client, World

from chat.base import limits, resume_codes
from chat.core.hub import Hub, Settings
from chat.log.tail import said

# Leaves and cuts.


def test_a_cut_is_not_told_until_the_grace_is_over(world: World) -> None:
    amy, _ = enter(world, "amy")
    bob, _ = enter(world, "bob")
    world.take_all()
    amy.cut()
    world.wait(limits.GRACE_SECONDS - 1)
    assert bob.take() == []
    world.wait(2)
    assert bob.take() == ["-!- amy left (3 min)"]


def test_the_end_of_the_input_is_a_leave_for_people_and_a_cut_for_programs(world: World) -> None:
    amy, _ = enter(world, "amy")
    bot, _ = enter(world, "bot", wire="json")
    bob, _ = enter(world, "bob")
    world.take_all()
    amy.close()
    bot.close()
    assert bob.take() == ["-!- amy left (0 s)"]


def test_a_nickname_is_held_while_the_line_is_down_and_free_afterwards(world: World) -> None:
    amy, _ = enter(world, "amy")
    amy.cut()
    assert world.connect("amy").lines[-1].startswith("! nick-taken: amy is here already. Enter takes amy2;")
    world.wait(limits.GRACE_SECONDS)
    assert "Hello amy." in world.connect("amy").lines[2]


def test_others_see_that_a_line_is_down(world: World) -> None:
    amy, _ = enter(world, "amy")
    bob, _ = enter(world, "bob")
    amy.cut()
    world.wait(20)
    bob.take()
    bob.type("/who")
    assert bob.take() == ["-> 2 people are in #lobby: amy (line down 20 s) and bob"]


def test_who_writes_to_somebody_whose_line_is_down_is_told_what_becomes_of_it(world: World) -> None:
    amy, _ = enter(world, "amy")
    bob, _ = enter(world, "bob")
    amy.cut()
    bob.take()
    bob.type("/msg amy psst")
    assert bob.take() == [
        "[you -> amy] psst",
        "-> amy's line is down. You are told if amy does not come back.",
    ]
    world.wait(limits.GRACE_SECONDS)
    assert "! not-delivered: amy did not come back." in bob.take()


def test_who_was_not_there_to_be_told_is_told_on_coming_back(world: World) -> None:
    amy, _ = enter(world, "amy")
    bob, code = enter(world, "bob")
    amy.cut()
    bob.type("/msg amy psst")
    bob.cut()
    world.wait(limits.GRACE_SECONDS - 1)
    back = resume(world, code)
    world.wait(2)
    assert "! not-delivered: amy did not come back." in back.lines


def test_of_who_comes_and_goes_while_nothing_can_be_stored_nothing_is_kept() -> None:
    store = FailingStore()
    world = World(store)
    _, code = enter(world, "amy")
    store.failures = 10**6
    for _ in range(20):
        world.connect("/nick bob").type("/quit")
    (session,) = world.hub.codes.values()
    stored = {session, session.person}
    assert world.hub.turn._next.touched.keys() <= stored
    resume(world, code).type("/quit")
    assert stored <= world.hub.turn._next.touched.keys(), "it is still to be taken away"


def test_a_cut_before_the_welcome_holds_no_name(world: World) -> None:
    store = FailingStore()
    world = World(store)
    amy = world.connect()
    amy.send(b"amy\n")
    amy.cut()
    world.turn()
    assert world.hub.people == {}


# Coming back.


def test_a_code_brings_back_the_nickname_the_rooms_and_what_was_missed(world: World) -> None:
    amy, code = enter(world, "amy")
    amy.type("/join #ops", "/away lunch")
    bob, _ = enter(world, "bob")
    amy.cut()
    world.wait(60)
    bob.type("while you were away", "/msg amy psst")
    back = resume(world, code)
    assert back.take() == [
        "-> Welcome back amy. Nobody else is in #ops yet; what you say is kept for them.",
        "-> You still hear #lobby.",
        "-- since 10:04, times UTC --",
        "10:05 [bob -> you] psst",
        "10:04 -!- bob joined #lobby (2 here)",
        "10:05 #lobby <bob> while you were away",
        "-- now Sunday 2026-11-22 10:05 --",
    ]
    assert world.hub.find("amy").away == "lunch"


def test_who_missed_nothing_sees_no_frame(world: World) -> None:
    amy, code = enter(world, "amy", wire="json")
    amy.cut()
    back = resume(world, code)
    assert back.take() == [
        "-> Welcome back amy. Nobody else is in #lobby yet; what you say is kept for",
        "->   them.",
    ]


def test_a_code_may_be_given_where_a_nickname_is_asked_for_in_any_case(world: World) -> None:
    amy, code = enter(world, "amy")
    amy.cut()
    assert "-> Welcome back amy." in world.connect(code.lower()).bytes.decode()


def test_a_code_may_lack_its_dash_after_the_command(world: World) -> None:
    amy, code = enter(world, "amy")
    amy.cut()
    assert "-> Welcome back amy." in resume(world, code.replace("-", "").lower()).bytes.decode()


def test_a_connection_that_still_hangs_is_taken_over(world: World) -> None:
    amy, code = enter(world, "amy")
    amy.type("/paste", "half a draft")
    amy.take()
    back = resume(world, code)
    assert amy.take()[-1] == "! taken-over: You came back on another line; this one is closed."
    assert amy.ended
    back.take()
    back.type("hi")
    assert [entry.fact.text for entry in said(world.hub.lobby.log.after(0, 100) or ())] == ["hi"]
    amy.cut()
    assert world.hub.find("amy").down_since is None


def test_somebody_else_leaves_when_their_connection_becomes_another_person(world: World) -> None:
    dee, code = enter(world, "dee")
    dee.cut()
    bob, _ = enter(world, "bob")
    amy, _ = enter(world, "amy")
    bob.take()
    amy.type(f"/resume {code}")
    assert "-> Welcome back dee." in amy.bytes.decode()
    assert bob.take() == ["-!- amy left (0 s)"]
    assert {person.author.nick for person in world.hub.people.values()} == {"dee", "bob"}


def test_after_the_grace_the_place_comes_back_under_a_free_name(world: World) -> None:
    amy, code = enter(world, "amy", wire="json")
    bob, _ = enter(world, "bob")
    amy.cut()
    world.wait(limits.GRACE_SECONDS)
    other, _ = enter(world, "amy")
    bob.take()
    bob.type("for the late")
    back = resume(world, code, wire="json", seen={"#lobby": 2})
    welcome = back.objects[0]
    assert (welcome["nick"], welcome["back"]) == ("amy2", True)
    assert texts(back) == ["for the late"]
    assert "-!- amy2 joined #lobby (3 here)" in bob.lines
    assert other.lines[-1] == "-!- amy2 joined #lobby (3 here)"


def test_a_code_ends_a_day_after_the_connection(world: World) -> None:
    amy, code = enter(world, "amy")
    amy.cut()
    world.wait(limits.CODE_SECONDS - 60, step=600)
    other, other_code = enter(world, "bob")
    other.cut()
    world.wait(120)
    assert resume(world, code).lines == ["! code-wrong: Nobody has this code, or its day is over."]
    assert "Welcome back bob" in resume(world, other_code).bytes.decode()


def test_quitting_ends_the_code(world: World) -> None:
    amy, code = enter(world, "amy")
    amy.type("/quit")
    assert resume(world, code).lines == ["! code-wrong: Nobody has this code, or its day is over."]


def test_five_wrong_codes_end_the_connection(world: World) -> None:
    guesser = world.connect(*["/resume K7F2Q-X9M4T"] * 5)
    assert guesser.lines[-1] == "! too-many: Connect again to try once more."
    assert guesser.ended


WRONG = "K7F2Q-X9M4T"


def guess_all(world: World) -> None:
    """Use up what an address has for guesses at once."""
    for _ in range(limits.GUESSES_PER_HOST // limits.GUESSES):
        world.connect(*[f"/resume {WRONG}"] * limits.GUESSES)


def answered(client: Client) -> bool:
    return "code-wrong" in client.bytes.decode()


def test_right_codes_are_no_guesses(world: World) -> None:
    people = [enter(world, f"user{number}") for number in range(70)]
    for _ in range(2):
        for client, _ in people:
            client.cut()
        assert all("Welcome back" in resume(world, code).bytes.decode() for _, code in people)
    assert answered(world.connect(f"/resume {WRONG}"))


def test_a_guess_too_many_waits_and_is_never_refused(world: World) -> None:
    guess_all(world)
    assert answered(world.connect(f"/resume {WRONG}", host="192.0.2.2"))
    late = world.connect(f"/resume {WRONG}")
    assert not answered(late)
    world.wait(1)
    assert answered(late)
    world.wait(60)
    assert answered(world.connect(f"/resume {WRONG}"))


def test_one_who_guesses_on_slows_others_by_a_second_and_no_more(world: World) -> None:
    amy, code = enter(world, "amy")
    amy.cut()
    guess_all(world)
    guesser = world.connect(*[f"/resume {WRONG}"] * 4)
    back = resume(world, code)
    world.wait(2, step=0.1)
    assert "Welcome back amy." in back.bytes.decode()
    assert guesser.bytes.decode().count("code-wrong") < 4


def test_a_whole_class_comes_back_at_once_after_one_guess_that_is_waited_for(world: World) -> None:
    people = [enter(world, f"user{number}") for number in range(150)]
    for client, _ in people:
        client.cut()
    guess_all(world)
    world.connect(f"/resume {WRONG}")
    back = [resume(world, code) for _, code in people]
    world.wait(2, step=0.5)
    assert all("Welcome back" in client.bytes.decode() for client in back)


def test_a_program_waits_for_no_guess(world: World) -> None:
    bot, code = enter(world, "bot", wire="json")
    bot.cut()
    guess_all(world)
    world.connect(f"/resume {WRONG}")
    assert resume(world, code, wire="json").objects[0]["back"]


def test_who_waits_for_a_guess_is_told_and_may_drop_it(world: World) -> None:
    guess_all(world)
    others = [world.connect(f"/resume {WRONG}") for _ in range(5)]
    last = world.connect(f"/resume {WRONG}")
    assert last.lines[-1] == "-> Your address tried many codes or passwords: this line waits 6 s."
    last.type("/cancel")
    assert last.lines[-1] == "-> The line that waited is dropped."
    others[0].cut()
    last.type("/version")
    assert last.lines[-1].startswith("-> chat ")
    world.wait(4.5, step=0.5)
    assert all(answered(other) for other in others[1:])
    assert not answered(last)


def test_a_program_is_told_which_line_it_dropped_and_at_the_stop_what_was_not_done(world: World) -> None:
    guess_all(world)
    bot, other = world.enter("bot", wire="json"), world.enter("other", wire="json")
    amy = world.enter("amy")
    for client in (bot, other):
        client.type(f"serial {WRONG}", id="x1")
    amy.type(f"serial {WRONG}")
    world.take_all()
    bot.type("/cancel", id="x2")
    told = [(answer["type"], answer["id"]) for answer in bot.objects]
    assert told == [("error", "x1"), ("reply", "x2"), ("ack", "x2")]
    amy.visit.hold()
    amy.visit.drain()
    world.turn()
    assert "! nothing-said: The last line was not said." in amy.take()
    world.wait(5, step=0.5)
    assert [answer["type"] for answer in other.objects] == ["ack"]


def test_a_nickname_may_be_chosen_late_where_a_guess_is_waited_for(world: World) -> None:
    guess_all(world)
    late = world.connect()
    world.wait(limits.NICK_SECONDS - 0.5, step=0.5)
    guess_all(world)
    for _ in range(3):
        world.connect(f"/resume {WRONG}")
    late.type(WRONG)
    world.wait(2, step=0.5)
    assert not late.ended
    world.wait(3, step=0.5)
    assert answered(late)


def test_of_ipv6_a_whole_network_guesses_together(world: World) -> None:
    hosts = [f"2001:db8:1:{number:x}::/64" for number in range(5)]
    for host in hosts[:-1]:
        for _ in range(limits.GUESSES_PER_HOST // limits.GUESSES):
            world.connect(*[f"/resume {WRONG}"] * limits.GUESSES, host=host)
    late = world.connect(f"/resume {WRONG}", host=hosts[-1])
    assert not answered(late)
    assert answered(world.connect(f"/resume {WRONG}", host="2001:db8:2::/64"))
    world.wait(1)
    assert answered(late)


def test_an_old_code_of_eight_signs_still_brings_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resume_codes, "for_people", lambda: "K7F2-QX9M")
    amy, _ = enter(world, "amy")
    amy.cut()
    assert "-> Welcome back amy." in world.connect("k7f2qx9m").bytes.decode()


WAYS = ["{}", "/{}", "//{}", "resume {}", "/resume {}", "//resume {}", "Resume: {}", "retomar {}", "  {}  "]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "form",
    [str, str.lower, lambda code: code.replace("-", ""), lambda code: code.replace("-", "\u2013")],
    ids=["as given", "small", "without a dash", "with a long dash"],
)
def test_where_a_nickname_is_asked_for_a_code_brings_back_however_it_is_written(
    world: World, way: str, form: Callable[[str], str]
) -> None:
    amy, code = enter(world, "amy")
    amy.cut()
    assert "-> Welcome back amy." in world.connect(way.format(form(code))).bytes.decode()


def test_a_word_like_a_code_is_no_nickname_and_that_is_told(world: World) -> None:
    assert world.connect(WRONG).lines[-2:] == [
        "! code-wrong: Nobody has this code, or its day is over; and a nickname must not",
        "!   look like a code.",
    ]
    for nick in (WRONG, f"resume-{WRONG}"):
        other = world.enter("other")
        other.type(f"/nick {nick}")
        assert any(line.startswith("! nick-reserved: ") for line in other.lines)
        other.type("/quit")


@pytest.mark.parametrize("wire", ["plain", "json"])
@pytest.mark.parametrize(
    "line",
    [
        *("resume {}", "//resume {}", "{}", "my code: {}.", "/me types {}", "/topic {}", "/away {}", "/msg bob {}"),
        *("/nick {}", "/quit {}", "/join #{}", "/reply {}", "/grep {}"),
    ],
)
@pytest.mark.parametrize("form", [str, str.lower, lambda code: code.replace("-", "")])
def test_a_code_that_somebody_has_is_said_by_nobody(
    world: World, wire: str, line: str, form: Callable[[str], str]
) -> None:
    amy, code = enter(world, "amy")
    amy.cut()
    bob, _ = enter(world, "bob")
    again = world.enter("amy2", wire=wire)
    world.take_all()
    again.type(line.format(form(code)), **({"id": "x1"} if wire == "json" else {}))
    (answer,) = again.take()
    assert "code-private" in answer
    assert bob.take() == []


def test_in_a_draft_and_in_a_post_too(world: World) -> None:
    amy, code = enter(world, "amy")
    amy.cut()
    bob = world.enter("bob")
    bob.take()
    bob.type("/paste", "one", f"resume {code}", "two", "/end")
    assert next(line for line in bob.take() if line.startswith("!")).startswith("! code-private: ")
    assert [entry.fact.text for entry in said(world.hub.lobby.log.after(0, 100) or ())] == ["one\ntwo"]
    poster = world.connect(f"/post cron {code}")
    assert "code-private" in poster.bytes.decode()
    assert "posted" not in poster.bytes.decode()


def test_numbers_and_hashes_stay_talk_at_whatever_pace(world: World) -> None:
    amy, bob = world.enter("amy"), world.enter("bob")
    bob.take()
    texts = [f"serial {SIGNS_OF_TALK[n % 22]}2345-678{SIGNS_OF_TALK[n // 22]}9 failed" for n in range(100)]
    amy.type(*texts)
    world.wait(200, step=0.5)
    assert [line.partition("> ")[2] for line in bob.take()] == texts


def test_of_a_line_with_very_many_such_words_some_are_looked_for(world: World) -> None:
    amy, code = enter(world, "amy")
    amy.cut()
    bob = world.enter("bob")
    world.take_all()
    table = " ".join(f"{a}2345678{b}9" for a in SIGNS_OF_TALK for b in SIGNS_OF_TALK[:5])
    bob.type(table)
    assert bob.take() == []
    bob.type(f"{table} {code}")
    (answer,) = bob.take()
    assert answer.startswith("! code-private: ")


SIGNS_OF_TALK = "ABCDEFGHJKMNPQRSTVWXYZ"


@pytest.mark.parametrize("line", ["{}", "my code is {}!", "/me types {}", "/topic {}", "/away {}", "/msg bob {}"])
@pytest.mark.parametrize("form", [str, str.lower, lambda code: code.replace("-", "")])
def test_ones_own_code_is_not_said(world: World, line: str, form: type[str]) -> None:
    bob, _ = enter(world, "bob")
    amy, code = enter(world, "amy")
    world.take_all()
    amy.type(line.format(form(code)))
    assert amy.take()[0].startswith("! code-private: ")
    assert bob.take() == []


def test_what_cannot_have_been_seen_is_refused(world: World) -> None:
    amy, code = enter(world, "amy", wire="json")
    amy.cut()
    back = resume(world, code, wire="json", seen={"#lobby": 1000})
    assert back.objects[-1]["code"] == "seen-ahead"
    back.type(f"/resume {code}", seen={"#lobby": 1})
    assert back.objects[-1]["type"] == "welcome"


def test_the_last_line_before_the_cut_may_be_sent_again(world: World) -> None:
    amy, code = enter(world, "amy", wire="json")
    bob, _ = enter(world, "bob", wire="json")
    amy.type("once", id="1")
    amy.cut()
    back = resume(world, code, wire="json", seen={"#lobby": 1})
    back.take()
    back.type("once", id="1")
    (ack,) = back.take_objects()
    assert (ack["type"], ack["id"], ack["seq"]) == ("ack", "1", 3)
    assert texts(bob) == ["once"]


def test_people_whose_line_is_down_are_bounded_per_address(world: World) -> None:
    with patch.object(limits, "HELD_PER_HOST", 3):
        world = World()
        for number in range(5):
            world.connect(f"/nick user{number}", wire="json", host="192.0.2.9").cut()
        enter(world, "bob")[0].cut()
    assert sorted(person.author.nick for person in world.hub.people.values()) == ["bob", "user2", "user3", "user4"]


# Over a restart.


def test_after_a_restart_everybody_is_in_grace_and_comes_back_to_their_place() -> None:
    store = KeepingStore()
    world = World(store)
    amy, code = enter(world, "amy", wire="json")
    bob, bob_code = enter(world, "bob", wire="json")
    amy.type("/join #ops", "/topic tea", "/ignore bob", id="1")
    bob.type("/msg amy one", "hello")
    world = restarted(world, store)
    assert [room.topic for room in world.hub.rooms.values()] == ["", "tea", ""]
    assert sorted(person.author.nick for person in world.hub.people.values()) == ["amy", "bob"]
    back = resume(world, bob_code, wire="json", seen={"#lobby": 2, "@": 1})
    assert [keys["type"] for keys in back.take_objects()] == ["welcome"]
    amy = resume(world, code, wire="json", seen={"#lobby": 1})
    assert sorted(amy.objects[0]["rooms"]) == ["#lobby", "#ops"]
    assert "hello" not in texts(amy), "whom she ignores she ignores still"


def test_after_a_restart_only_who_can_come_back_is_remembered() -> None:
    store = KeepingStore()
    world = World(store)
    amy, code = enter(world, "amy", wire="json")
    enter(world, "bob", wire="json")
    amy.type("/msg bob one")
    world.enter("carl", "/msg amy two", "/quit")
    assert len([log for log in store.kept().logs if log.key.startswith("@")]) == 3
    world = restarted(world, store)
    assert not world.hub._heads
    back = resume(world, code, wire="json", seen={"@": 1})
    assert texts(back) == ["two"]


def test_after_a_restart_those_who_do_not_come_back_have_left() -> None:
    store = KeepingStore()
    world = World(store)
    enter(world, "amy", wire="json")
    _, code = enter(world, "bob", wire="json")
    world = restarted(world, store)
    bob = resume(world, code, wire="json", seen={"#lobby": 2})
    world.wait(limits.GRACE_SECONDS)
    assert [keys["who"] for keys in bob.objects if keys["type"] == "left"] == [["amy"]]


def test_a_record_that_is_missing_costs_that_one_person_their_place_only() -> None:
    store = KeepingStore()
    world = World(store)
    enter(world, "amy", wire="json")
    _, code = enter(world, "bob", wire="json")
    damaged = next(id for id, person in store.remembered.people.items() if person is not None and person.nick == "amy")
    del store.remembered.people[damaged]  # type: ignore[attr-defined]
    world = restarted(world, store)
    assert "welcome" in resume(world, code, wire="json").bytes.decode()


# Whatever happens.

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.integers(1, 4)),
        st.tuples(st.just("fail"), st.integers(1, 2)),
        st.tuples(st.just("cut"), st.booleans()),
        st.tuples(st.just("resume"), st.just(0)),
        st.tuples(st.just("full"), st.sampled_from([0, 200, 2000])),
        st.tuples(st.just("drain"), st.just(0)),
        st.tuples(st.just("restart"), st.just(0)),
        st.tuples(st.just("last"), st.integers(1, 5)),
    ),
    max_size=40,
)


class Failing(KeepingStore):
    """Also fails as often as it is told to, and holds only the last few entries of a log."""

    def __init__(self) -> None:
        super().__init__()
        self._events = 6
        self.failures = 0

    def commit(self, batch):  # type: ignore[no-untyped-def]
        """Keep a batch, or not."""
        if self.failures:
            self.failures -= 1
            return FailingStore.commit(_FAILING, batch)
        return super().commit(batch)


class _Always(FailingStore):
    failures = property(lambda self: 1, lambda self, value: None)  # type: ignore[assignment]


_FAILING = _Always()


@given(STEPS)
def test_over_any_cuts_pauses_restarts_refusals_and_retention_the_log_is_read_once_with_its_gaps_told(
    steps: Sequence[tuple[str, int]],
) -> None:
    """What a reader got is, number by number, the log: every entry once, or told as missing, in order."""
    with patch.multiple(limits, TAIL_EVENTS=3, PAGE_EVENTS=4, PAGE_BYTES=1500):
        store = Failing()
        world = World(store)
        writer, writer_code = enter(world, "writer", wire="json")
        reader, code = enter(world, "reader", wire="json")
        seen = {"#lobby": world.hub.lobby.log.head}
        begin = seen["#lobby"]
        got: list[int] = []
        told = 0
        count = 0

        def take() -> None:
            nonlocal told
            for keys in reader.take_objects():
                if keys["type"] == "missed":
                    told += keys["count"]
                    last = got[-1] if got else begin
                    got.extend(range(last + 1, last + 1 + keys["count"]))
                elif keys.get("room") == "#lobby" and "seq" in keys and keys["type"] != "ack":
                    got.append(keys["seq"])
                elif keys["type"] == "history":
                    heads = [event["seq"] for event in keys["events"]]
                    assert heads == sorted(set(heads))
                    assert not heads or heads[-1] <= world.hub.lobby.log.head
            seen["#lobby"] = got[-1] if got else begin

        connected = True
        for step, amount in steps:
            if step == "say":
                for _ in range(amount):
                    count += 1
                    writer.type(f"line {count} " + "x" * 100)
            elif step == "fail":
                store.failures = amount
                writer.type("lost")
                store.failures = 0
            elif step == "cut" and connected:
                if amount:
                    reader.drain()
                    take()
                reader.cut()
                connected = False
            elif step == "resume" and not connected:
                reader = resume(world, code, wire="json", seen=seen)
                reader.drain()
                connected = True
                take()
            elif step == "full" and connected:
                reader.full(amount)
            elif step == "drain" and connected:
                reader.drain()
                take()
            elif step == "last" and connected:
                reader.type(f"/last {amount}", id=f"q{count}")
            elif step == "restart":
                if connected:
                    reader.drain()
                    take()
                world = restarted(world, store)
                writer = resume(world, writer_code, wire="json", seen={"#lobby": world.hub.lobby.log.head})
                reader = resume(world, code, wire="json", seen=seen)
                connected = True
                take()
        if not connected:
            reader = resume(world, code, wire="json", seen=seen)
        reader.drain()
        take()
        assert got == list(range(begin + 1, world.hub.lobby.log.head + 1))
        assert told < max(1, len(got))
        assert world.now() >= START


# Who may read what.


def test_the_next_holder_of_a_nickname_sees_nothing_of_the_earlier_ones_private_talk(world: World) -> None:
    amy, _ = enter(world, "amy")
    bob, _ = enter(world, "bob")
    bob.type("/msg amy the password is swordfish")
    amy.type("/quit")
    other, _ = enter(world, "amy")
    other.type("/last bob", "/grep swordfish", "/missed")
    assert "the password" not in other.bytes.decode()
    assert other.lines[0] == "-> Nothing was found."
    bob.take()
    bob.type("/last amy")
    assert "10:04 [you -> amy] the password is swordfish" in bob.lines


def test_a_room_that_is_not_recorded_says_so_and_keeps_nothing() -> None:
    store = KeepingStore()
    world = World(store)
    numbers = iter(range(10**3))
    settings = Settings("pi", (), 20, unrecorded=frozenset({"#coffee"}))
    world.hub = Hub(world.clock, world.now, store, lambda: f"token{next(numbers)}", settings)
    world.factory.hub = world.hub
    amy, bob = enter(world, "amy")[0], enter(world, "bob")[0]
    amy.type("/join #coffee", "between us")
    bob.take()
    bob.type("/join #coffee", "/last", "/grep between")
    assert "-> #coffee is not recorded." in bob.lines
    assert "! not-allowed: #coffee is not recorded." in bob.lines
    assert "between us" not in bob.bytes.decode()
    amy.type("again")
    assert bob.lines[-1] == "#coffee <amy> again"
    assert store.heads["#coffee"].head == world.hub.rooms["#coffee"].log.head


@pytest.mark.parametrize("line", ["hello", "/me waves", "/msg bob psst", "/topic tea"])
def test_a_line_that_was_stored_is_confirmed_again_even_where_it_would_be_refused_by_now(
    world: World, line: str
) -> None:
    bob, _ = enter(world, "bob")
    amy, code = enter(world, "amy", wire="json")
    amy.type("/join #ops")
    amy.type(line, id="1", room="#ops")
    amy.type("/leave #ops", id="2")
    bob.type("/quit")
    amy.cut()
    back = resume(world, code, wire="json")
    back.take()
    back.type(line, id="1", room="#ops")
    assert [(keys["type"], keys["id"]) for keys in back.take_objects()] == [("ack", "1")]
    back.type(line, id="3", room="#ops")
    assert [(keys["type"], keys["id"]) for keys in back.take_objects()] == [("error", "3")]


def test_when_people_came_and_last_spoke_is_known_after_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat.doors.sockets.all_has_come", lambda socket: True)
    store = KeepingStore()
    world = World(store)
    amy, code = enter(world, "amy")
    enter(world, "bob")
    world.wait(600)
    amy.type("hi")
    world.wait(600, step=limits.SWEEP_SECONDS)
    world = restarted(world, store)
    back = resume(world, code)
    back.take()
    back.type("/whois", "/whois bob")
    assert [line for line in back.take() if " came " in line] == [
        "-> amy came 20 min ago and last spoke 10 min ago.",
        "-> bob came 20 min ago and has said nothing since.",
    ]
