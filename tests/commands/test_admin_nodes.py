"""`/admin nodes` and `/admin stats` where several servers are one chat."""

import json

from cluster import Nodes
from world import Client, World

from chat.base import limits


def ask(client: Client, line: str) -> dict:
    client.take()
    client.type(line, id="1")
    return next(keys for keys in client.take_objects() if keys["type"] in ("reply", "error"))


def test_each_node_is_told_of_with_its_people_and_what_differs_there() -> None:
    nodes = Nodes(2)
    here, there = nodes.worlds
    nodes.stores[0].options = {"language": "en", "web": "on"}
    nodes.stores[1].options = {"language": "es", "web": "on", "ssh-key": "MD5"}
    nodes.stores[0].written, nodes.stores[1].written = {"grace": "180"}, {"grace": "60"}
    here.enter("ann")
    there.enter("bob")
    there.enter("carl")
    nodes.wait(limits.BEAT_SECONDS)
    reply = ask(here.operator(), "/admin nodes")
    assert [(row["node"], row["this"], row["people"], row["lease"]) for row in reply["nodes"]] == [
        ("node0", True, 1, 9),
        ("node1", False, 2, 9),
    ]
    assert [row["differs"] for row in reply["nodes"]] == [
        [],
        [
            {"option": "language", "there": "es", "here": "en", "written": False},
            {"option": "grace", "there": "60", "here": "180", "written": True},
        ],
    ]
    assert (reply["here"], reply["down"]) == (3, 0)
    lines = reply["text"].splitlines()
    assert lines[0].startswith("node0 (this one): chat 1, since 2026-")
    assert lines[1].endswith("; 2 people; lease 9 s; 0 turns behind")
    assert lines[2:] == [
        "node1: language differs: es there, en here",
        "node1: grace is written as 60 there and 180 here; one holds for all",
        "In all 3 here, 0 with their line down",
    ]


def test_a_node_that_is_not_there_is_named_as_such() -> None:
    nodes = Nodes(2)
    nodes.hang(1)
    nodes.lapse(1)
    reply = ask(nodes.worlds[0].operator(), "/admin nodes")
    assert reply["nodes"][1]["lease"] is None
    assert reply["text"].splitlines()[1].startswith("node1: not there; it said so last at 2026-")


def test_how_far_a_node_is_behind_is_told() -> None:
    nodes = Nodes(2)
    here, there = nodes.worlds
    nodes.stores[1].slow = True
    here.enter("ann", "one", "two")
    there.clock.advance(limits.BEAT_SECONDS)
    assert ask(here.operator(), "/admin nodes")["nodes"][1]["behind"] == len(nodes.stores[1].comes) > 2


def test_stats_tell_of_the_node_and_count_people_of_all() -> None:
    nodes = Nodes(2)
    here, there = nodes.worlds
    here.enter("ann")
    bob = there.enter("bob")
    there.enter("carl")
    bob.cut()
    nodes.settle()
    stats = ask(here.operator(), "/admin stats")
    assert (stats["node"], stats["node_people"], stats["here"], stats["down"]) == ("node0", 1, 2, 1)
    assert "Node node0: 1 person has a connection to it; sessions, lines, turns and log are its own." in stats["text"]
    assert ask(there.operator(), "/admin stats")["down"] == 1


def test_a_server_alone_says_that_it_is_one() -> None:
    world = World()
    reply = ask(world.operator(), "/admin nodes")
    assert (reply["code"], reply["text"]) == (
        "unavailable",
        "This server is a chat alone; --node makes several of them one.",
    )
    assert json.dumps(ask(world.operator(), "/admin stats")["node"]) == "null"
