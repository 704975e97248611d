"""What a connection and an address make the server do has a price, and what is too much waits; nothing is lost."""

import json

import pytest
from twisted.internet.defer import Deferred
from world import Client, World, until

from chat.base import limits

FAST = 1000.0


@pytest.fixture(autouse=True)
def only_the_budget_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rate of lines is never met."""
    monkeypatch.setattr(limits, "BURST", 1_000_000)


WAITS = [
    "-> You, or others at your address, asked for much: your next lines wait, none is",
    "->   lost.",
    "-> /cancel drops those that still wait.",
]


def pongs(client: Client) -> int:
    return sum(line.startswith("-> pong") for line in client.lines)


PING = limits.PRICE_REQUEST + limits.PRICE_ANSWER
"""What a /ping costs, about, once it is read."""


def test_requests_that_cost_too_much_wait_and_each_is_answered() -> None:
    world = World(rate=FAST)
    amy = world.enter("amy")
    amy.send(b"/ping\n" * 1000)
    world.turn()
    at_once = pongs(amy)
    assert at_once == pytest.approx((limits.BUDGET_BURST - 1000 * limits.PRICE_LINE) / PING, rel=0.1)
    world.wait(1, step=0.05)
    assert pongs(amy) - at_once == pytest.approx(limits.BUDGET_RATE / PING, rel=0.1)
    world.wait(20, step=0.05)
    assert pongs(amy) == 1000


def test_who_waits_for_long_is_told_once() -> None:
    world = World(rate=FAST)
    amy = world.enter("amy")
    amy.send(b"/ping\n" * 2000)
    world.wait(60, step=0.05)
    assert pongs(amy) == 2000
    assert [line for line in amy.lines if "pong" not in line] == WAITS
    amy.take()
    amy.send(b"/ping\n" * 300)
    world.wait(10, step=0.05)
    assert [line for line in amy.lines if "pong" not in line] == []


def test_what_waits_can_be_dropped() -> None:
    world = World(rate=FAST)
    amy = world.enter("amy")
    amy.send(b"/topic\n" * 700)
    world.turn()
    amy.send(b"/who\n/cancel\n/ping\n")
    until(world, lambda: pongs(amy) == 1, 1, 0.01)
    who, dropped, _ = amy.take()[-3:]
    assert who.startswith("-> One person is in #lobby")
    assert "lines that waited are dropped" in dropped


def test_bytes_that_never_make_a_line_are_read_no_faster_than_they_are_paid() -> None:
    world = World(rate=2)
    amy, bob = world.enter("amy"), world.enter("bob")
    world.take_all()
    size, pieces = 64 * 1024, 100
    price = limits.PRICE_READ + limits.PRICE_BYTE * size
    for _ in range(pieces):
        amy.send(b"x" * size)
    world.turn()
    waiting = len(amy.socket.sent)
    assert pieces - waiting == pytest.approx(limits.BUDGET_BURST / price, abs=2)
    bob.type("hi")
    assert amy.take() == ["<bob> hi"]
    world.wait(5, step=0.1)
    assert waiting - len(amy.socket.sent) == pytest.approx(5 * limits.BUDGET_RATE / price, abs=2)
    world.wait(60, step=0.5)
    amy.type("", "and now a line")
    world.wait(2)
    assert bob.take() == ["<amy> and now a line"]
    assert [line for line in amy.take() if line.startswith("!")] == [
        f"! too-long: This line has {pieces * size} bytes, the limit is 16384."
    ]


def test_who_gave_too_many_bytes_and_goes_leaves_nothing_behind() -> None:
    world = World(rate=2)
    amy = world.enter("amy")
    for _ in range(64):
        amy.send(b"x" * 64 * 1024)
    world.turn()
    amy.cut()
    world.wait(1000, step=10)
    assert world.clock.getDelayedCalls() == []


@pytest.mark.parametrize("line", [b"/ping\n" * 3000, b"x" * 4 * 1024 * 1024])
def test_where_lines_have_no_rate_there_is_no_budget(line: bytes) -> None:
    world = World(rate=0)
    amy = world.enter("amy")
    for start in range(0, len(line), 64 * 1024):
        amy.send(line[start : start + 64 * 1024])
    world.turn()
    assert not amy.socket.sent
    assert pongs(amy) == line.count(b"/ping")


def crowd(world: World, size: int, host: str) -> list[Client]:
    """So many of one address, each of which asks for as much as its connection may."""
    clients = [world.connect(f"user{number}", host=host) for number in range(size)]
    for client in clients:
        client.take()
        client.send(b"/ping\n" * 250)
    return clients


def test_an_address_may_not_take_what_all_its_connections_might() -> None:
    world = World(rate=FAST, max_per_host=200)
    clients = crowd(world, 60, "192.0.2.9")
    ann = world.connect("ann", host="192.0.2.1")
    world.turn()
    burst = limits.BUDGET_BY * limits.BUDGET_BURST
    before = sum(map(pongs, clients))
    assert before * PING < burst * 1.05
    ann.take()
    ann.type("/ping")
    assert ann.take() == ["-> pong"]
    world.wait(5, step=0.01)
    assert (sum(map(pongs, clients)) - before) * PING == pytest.approx(
        5 * limits.BUDGET_BY * limits.BUDGET_RATE, rel=0.1
    )
    world.wait(60, step=0.01)
    assert set(map(pongs, clients)) == {250}


def test_in_an_address_that_took_too_much_all_go_on_alike() -> None:
    world = World(rate=FAST, max_per_host=200)
    clients = crowd(world, 60, "192.0.2.9")
    world.turn()
    before = [pongs(client) for client in clients]
    late = world.connect("/ping", host="192.0.2.9")
    world.wait(1, step=0.01)
    assert pongs(late) == 1
    gained = [now - then for now, then in zip(map(pongs, clients), before, strict=True) if then < 200]
    assert min(gained) > max(gained) / 3


def test_coming_again_gives_an_address_no_new_budget() -> None:
    world = World(rate=FAST, max_per_host=200)
    for client in crowd(world, 60, "192.0.2.9"):
        world.turn()
        client.cut()
    again = world.connect("zoe", host="192.0.2.9")
    again.take()
    again.type("/ping")
    assert again.take() == []


def test_where_an_address_may_have_any_number_of_connections_it_has_no_budget() -> None:
    world = World(rate=FAST)
    clients = crowd(world, 60, "192.0.2.9")
    world.turn()
    assert set(map(pongs, clients)) == {250}


@pytest.mark.parametrize("wire", ["plain", "json"])
def test_between_the_pages_of_a_long_answer_others_are_served(
    wire: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bob, amy = world.enter("ann"), world.enter("bob"), world.enter("amy", wire=wire)
    for number in range(400):
        ann.type(f"line {number}")
    world.take_all()
    pages = 0
    turn_to_read = world.hub.rounds.turn_to_read

    def turn() -> Deferred[None]:
        nonlocal pages
        pages += 1
        if pages == 3:
            ann.protocol.dataReceived(b"meanwhile\n")
        return turn_to_read()

    monkeypatch.setattr(world.hub.rounds, "turn_to_read", turn)
    amy.type("/last 400")
    assert pages >= 7
    assert "<ann> meanwhile" in bob.take()
    # It stands before the answer or behind it, not in it.
    if wire == "json":
        assert [keys["type"] for keys in amy.objects] in (["message", "history"], ["history", "message"])
    else:
        lines = amy.take()
        assert "<ann> meanwhile" in (lines[0], lines[-1])
        assert len(lines) == 400 + 3


def test_the_queries_of_one_who_asks_for_much_wait() -> None:
    world = World(rate=FAST)
    bot = world.enter("bot", wire="json")
    words = " ".join(["word"] * limits.GREP_WORDS)
    for number in range(20):
        bot.send(json.dumps({"line": f"/grep {words}", "id": str(number)}).encode() + b"\n")
    world.turn()
    price = limits.PRICE_QUERY + limits.PRICE_QUERY_PART * 2 * limits.GREP_WORDS
    answered = [keys for keys in bot.objects if keys["type"] == "ack"]
    assert len(answered) == pytest.approx(limits.BUDGET_BURST / price, abs=1)
    world.wait(60, step=0.1)
    assert len([keys for keys in bot.objects if keys["type"] == "ack"]) == 20
