"""By which addresses people come to the nodes of a chat: each tells its own, and all know them."""

import json

from cluster import Nodes
from world import World

from chat.base import limits
from chat.core.ports import Record

NORTH, SOUTH = ["https://north.example/", "tls://north.example"], ["https://south.example/"]


def two() -> tuple[Nodes, World, World]:
    nodes = Nodes(2)
    return nodes, *nodes.worlds


def tell(nodes: Nodes, number: int, addresses: list[str]) -> None:
    """A node has these."""
    nodes.worlds[number].hub.addresses.tell(nodes.stores[number].name, addresses)
    nodes.worlds[number].turn()


def hello(world: World) -> dict[str, object]:
    client = world.connect()
    client.type("/json")
    return json.loads(client.take()[-1])


def test_each_node_tells_those_of_all_its_own_first() -> None:
    nodes, here, elsewhere = two()
    tell(nodes, 0, NORTH)
    tell(nodes, 1, SOUTH)
    assert here.hub.addresses.all == NORTH + SOUTH
    assert elsewhere.hub.addresses.all == SOUTH + NORTH


def test_a_program_is_told_them_before_it_is_in(world: World) -> None:
    assert "addresses" not in hello(world)
    nodes, here, elsewhere = two()
    tell(nodes, 0, NORTH)
    assert hello(elsewhere)["addresses"] == hello(here)["addresses"] == NORTH


def test_one_that_starts_knows_them_and_one_that_is_started_again_may_have_others_or_none() -> None:
    nodes, here, _ = two()
    tell(nodes, 0, NORTH)
    assert nodes.start().hub.addresses.all == NORTH
    tell(nodes, 0, SOUTH)
    assert nodes.worlds[1].hub.addresses.all == SOUTH
    tell(nodes, 0, [])
    assert nodes.worlds[1].hub.addresses.all == []
    assert here.hub.addresses.all == []


def test_they_are_told_again_each_day_and_one_that_was_not_for_a_month_is_nobodys() -> None:
    nodes, here, elsewhere = two()
    tell(nodes, 0, NORTH)
    tell(nodes, 1, SOUTH)
    nodes.away.add(1)
    for _ in range(40):
        here.clock.advance(limits.ADDRESSES_TOLD_SECONDS)
        here.turn()
    assert here.hub.addresses.all == NORTH
    record = here.hub.addresses
    elsewhere.clock.advance(0)
    assert record.all == NORTH


def test_what_another_version_wrote_otherwise_is_left_out(world: World) -> None:
    addresses = world.hub.addresses
    for value in (
        "",
        "[]",
        "{}",
        '{"at": "x", "addresses": []}',
        '{"at": "2026-11-22T09:00:00+00:00", "addresses": 7}',
    ):
        addresses.stored(Record("address", "north", value))
        assert addresses.all == []
    told = {"at": world.now().isoformat(), "addresses": ["https://north/", "https://x; script-src *", "south"]}
    addresses.stored(Record("address", "north", json.dumps(told)))
    assert addresses.all == ["https://north/"]
