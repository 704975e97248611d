"""`/json echo`: one's own lines come as those of others do, in the log's order and with their ids."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from world import Client, World

from chat.base import limits

EVENTS = ("message", "action", "joined", "left", "renamed", "topic")


def events(client: Client) -> list[dict]:
    return [keys for keys in client.take_objects() if keys["type"] in EVENTS]


def numbers(told: list[dict], log: str) -> list[int]:
    return [keys["seq"] for keys in told if ("@" if keys["room"].startswith("@") else keys["room"]) == log]


def test_own_lines_come_in_order_with_their_ids_and_those_of_others_without(world: World) -> None:
    amy, ben = world.enter("amy", wire="json echo"), world.enter("ben", wire="json echo")
    amy.take()
    amy.send(b'{"line": "one", "id": "a1"}\ntwo\n')
    world.turn()
    ben.type("three", id="b1")
    amy.type("/me waves", id="a2")
    told = [(keys["type"], keys.get("text"), keys.get("id")) for keys in amy.objects if keys["type"] != "ack"]
    assert told == [
        ("message", "one", "a1"),
        ("message", "two", None),
        ("message", "three", None),
        ("action", "waves", "a2"),
    ]
    assert [keys.get("id") for keys in events(ben)] == [None, None, "b1", None]


def test_the_ack_comes_behind_the_line(world: World) -> None:
    amy = world.enter("amy", wire="json echo")
    amy.type("hi", id="1")
    assert [(keys["type"], keys["id"], keys["seq"]) for keys in amy.objects] == [("message", "1", 2), ("ack", "1", 2)]


def test_own_private_lines_come_and_count_in_ones_own_log(world: World) -> None:
    amy, ben = world.enter("amy", wire="json echo"), world.enter("ben", wire="json")
    amy.take()
    amy.type("/msg ben psst", id="1")
    ben.type("/msg amy what?", id="2")
    amy.type("/msg amy note", id="3")
    told = [(keys["seq"], keys["room"], keys["from"], keys.get("id")) for keys in events(amy)]
    assert told == [(1, "@ben", "amy", "1"), (2, "@ben", "ben", None), (3, "@amy", "amy", "3")]


def test_without_echo_nothing_of_ones_own_comes(world: World) -> None:
    amy, ben = world.enter("amy", wire="json"), world.enter("ben", wire="json echo")
    amy.take()
    amy.type("hi", "/nick dee", "/topic tea", id="1")
    ben.type("ho")
    assert [keys["text"] for keys in events(amy)] == ["ho"]


def test_echo_can_be_asked_for_and_taken_back_at_any_time(world: World) -> None:
    amy = world.enter("amy", wire="json")
    for line, heard in (("/json echo", True), ("/json", False), ("/json ECHO", True)):
        amy.type(line)
        amy.take()
        amy.type("hi")
        assert bool(events(amy)) == heard
    amy.type("/json loud", id="1")
    assert [(keys["code"], keys["id"]) for keys in amy.objects] == [("usage", "1")]


def test_of_a_turn_each_gets_their_own_ids_and_nobody_elses(world: World) -> None:
    amy, ben = world.enter("amy", wire="json echo"), world.enter("ben", wire="json echo")
    amy.take()
    amy.send(b'{"line": "one", "id": "a1"}\n')
    ben.send(b'{"line": "two", "id": "b1"}\n')
    world.turn()
    assert [(keys["text"], keys.get("id")) for keys in events(amy)] == [("one", "a1"), ("two", None)]
    assert [(keys["text"], keys.get("id")) for keys in events(ben)] == [("one", None), ("two", "b1")]


def test_who_comes_back_gets_them_with_their_ids(world: World) -> None:
    ben = world.enter("ben", wire="json echo")
    amy = world.connect("/nick amy", wire="json echo")
    code = next(keys["resume"] for keys in amy.objects if keys["type"] == "welcome")
    for number in range(3):
        amy.type("hi", id=f"a{number}")
        ben.type("ho", id=f"b{number}")
    amy.cut()
    amy = world.connect(wire="json echo")
    amy.type(json.dumps({"line": f"/resume {code}", "seen": {"#lobby": 2, "@": 0}}))
    told = [(keys["text"], keys.get("id")) for keys in events(amy)]
    assert told == [("hi", "a0"), ("ho", None), ("hi", "a1"), ("ho", None), ("hi", "a2"), ("ho", None)]


_PLAIN = ("hi", "/me waves", "/msg ben psst", "/msg amy note")
ACTS = st.sampled_from([*_PLAIN, "/nick dee", "/nick amy", "/topic tea", "/join #ops", "/leave #ops"])


@settings(max_examples=settings.default.max_examples // 2)
@given(acts=st.lists(st.tuples(st.sampled_from(["amy", "amy", "ben", "cut", "away"]), ACTS), max_size=25))
def test_no_number_is_missing_across_cuts_and_long_absences(acts: list[tuple[str, str]]) -> None:
    """From where one joined each number of each log comes, once and in order."""
    world = World(grace=100)
    ben = world.enter("ben", "/join #ops", "/join #lobby", wire="json")
    amy = world.connect("/nick amy", wire="json echo")
    code = next(keys["resume"] for keys in amy.objects if keys["type"] == "welcome")
    seen = {
        "#lobby": next(keys["rooms"]["#lobby"]["head"] for keys in amy.objects if keys["type"] == "welcome"),
        "@": 0,
    }

    def read() -> None:
        for keys in amy.take_objects():
            assert keys["type"] != "missed"
            if keys["type"] == "reply" and keys["command"] == "join":
                seen.setdefault(keys["room"], keys["head"])
            elif keys["type"] == "reply" and keys["command"] == "leave":
                del seen[keys["room"]]
            elif keys["type"] in EVENTS:
                log = "@" if keys["room"].startswith("@") else keys["room"]
                seen[log] += 1
                assert keys["seq"] == seen[log]

    read()
    for who, act in acts:
        if who == "ben":
            ben.type(act.replace("/msg ben", "/msg amy").replace("/nick", "/away"))
        elif who == "amy":
            amy.type(act, id=f"x{len(world.clients)}-{sum(seen.values())}")
        else:
            read()
            amy.cut()
            ben.type("meanwhile")
            if who == "away":
                world.wait(limits.GRACE_SECONDS)
            amy = world.connect(wire="json echo")
            amy.type(json.dumps({"line": f"/resume {code}", "seen": seen}))
        read()
    for log, number in seen.items():
        session = world.hub.naming.holder("amy") or world.hub.naming.holder("dee")
        assert session is not None
        assert number == (session.log.head if log == "@" else world.hub.rooms[log].log.head)
