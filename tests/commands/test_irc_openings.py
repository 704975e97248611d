"""How real IRC clients begin, as it was recorded: each is let in however its bytes come and in any order of what it
says, is shown what a room is, and has an answer to all that it asks by itself."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

import pytest
from irc_client import check_form, code_of, enter, numbers, told
from irc_openings import OPENINGS, Opening
from world import Client, World

from chat.wire.irc.messages import parse

CUTS = {
    "as recorded": lambda sent: sent,
    "one packet": lambda sent: [b"".join(sent)],
    "bytes": lambda sent: [bytes((byte,)) for byte in b"".join(sent)],
    "without a password": lambda sent: [re.sub(rb"PASS .*\n", b"", packet) for packet in sent],
}
WITH_PASSWORD = [name for name, opening in OPENINGS.items() if b"PASS" in b"".join(opening.sent)]


def begin(world: World, packets: Sequence[bytes]) -> Client:
    client = world.connect(greeted=False)
    for packet in filter(None, packets):
        client.send(packet)
        world.turn()
    return client


def is_in(client: Client) -> None:
    """It has the welcome, and the end of the message of the day, before which some join nothing."""
    came = [number for number in numbers(client) if number.isdecimal()]
    assert came[came.index("001") :][:5] == ["001", "002", "003", "004", "005"]
    assert came[-1] == "376"
    assert came.count("001") == 1
    assert not told(client, "ERROR")
    assert b"\xff" not in client.bytes


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("name", OPENINGS)
def test_it_is_let_in(world: World, name: str, cut: str) -> None:
    sent = CUTS[cut](OPENINGS[name].sent)
    client = begin(world, sent)
    is_in(client)
    assert client.session.person.nick == "zed"
    assert ("wants no password" in client.bytes.decode()) == (b"secret" in b"".join(sent))
    assert len(code_of(client)) == 11


def orders(commands: Sequence[bytes]) -> Iterator[list[bytes]]:
    """These commands in every order in which a client may say them: what it says of capabilities and of an account
    stays as it is, requests together, and the password comes before it is let in."""
    chain: list[bytes] = []
    others: list[bytes] = []
    for command in commands:
        words = command.decode()
        if any(word in words for word in ("CAP ", "AUTHENTICATE ", "JOIN ")):
            together = "CAP REQ" in words and chain and b"CAP REQ" in chain[-1]
            chain[-1:] = [chain[-1] + command] if together else [*chain[-1:], command]
        else:
            others.append(command)
    found: list[list[bytes]] = [chain]
    for command in others:
        found = [[*order[:at], command, *order[at:]] for order in found for at in range(len(order) + 1)]
    for order in found:
        places = {parse(part.decode()).command: at for at, part in enumerate(order)}
        # Where there is no CAP END behind them, or nothing of CAP before, NICK and USER let it in.
        begun = min((at for at, part in enumerate(order) if b"CAP LS" in part), default=len(order))
        both = max(places["NICK"], places["USER"])
        there = both if both < begun else max(places["CAP"], both)
        if places.get("PASS", -1) < there and not order[0].startswith((b"JOIN", b"AUTHENTICATE")):
            yield order


@pytest.mark.parametrize("name", OPENINGS)
def test_it_is_let_in_whatever_it_says_first(world: World, name: str) -> None:
    for order in orders(b"".join(OPENINGS[name].sent).splitlines(keepends=True)):
        client = begin(world, [b"".join(order)])
        try:
            numbers_came = numbers(client)
            assert numbers_came.count("001") == numbers_came.count("376") == 1
            assert client.session.person.nick == "zed"
            assert not told(client, "ERROR")
        except (AssertionError, AttributeError) as error:
            raise AssertionError(f"{order}: {client.lines}") from error
        client.type("QUIT")


def room(world: World) -> Client:
    """Somebody who has made something of the lobby."""
    amy = enter(world, "amy", "JOIN #lobby", "TOPIC #lobby :red and blue", "PRIVMSG #lobby :red again")
    world.wait(1)
    return amy


def asks(client: Client, opening: Opening) -> None:
    client.take()
    for line in opening.later.splitlines(keepends=True):
        client.send(line)
        client.world.turn()


@pytest.mark.parametrize("name", OPENINGS)
def test_a_join_brings_names_topic_and_what_was_said_and_nothing_it_asks_is_unknown(world: World, name: str) -> None:
    room(world)
    opening = OPENINGS[name]
    client = begin(world, opening.sent)
    asks(client, opening)
    assert [params[:1] for params in told(client, "JOIN")] == [["#lobby"]]
    assert ["zed", "#lobby", "red and blue"] in told(client, "332")
    names = " ".join(params[-1] for params in told(client, "353")).split()
    assert sorted(name.partition("!")[0] for name in names) == ["amy", "zed"]
    assert told(client, "366")[0][:2] == ["zed", "#lobby"]
    said = [params for params in [*told(client, "PRIVMSG"), *told(client, "NOTICE")] if "red again" in params[-1]]
    assert [params[0] for params in said] == ["#lobby"]
    check_form(client)
    refused = {"421", "461", "451", "482", "417", "FAIL", "WARN"} & set(numbers(client))
    assert not refused, client.lines
    expected = {b"MODE #lobby": "324", b"WHO #": "315", b"WHOIS zed": "318", b"USERHOST": "302", b"PING": "PONG"}
    for asked, number in expected.items():
        assert (asked in opening.later) <= bool(told(client, number)), asked
    amy = world.clients[0]
    amy.take()
    client.type("PRIVMSG #lobby :olá")
    assert amy.lines == [":zed!chat@chat PRIVMSG #lobby :olá"]


@pytest.mark.parametrize("name", WITH_PASSWORD)
def test_its_password_is_the_code_that_brings_it_back(world: World, name: str) -> None:
    opening = OPENINGS[name]
    client = begin(world, opening.sent)
    asks(client, opening)
    code, amy = client.session.code, room(world)
    client.cut()
    amy.type("PRIVMSG #lobby :and you missed this")
    sent = [packet.replace(b"secret", code.encode()).replace(b"NICK zed", b"NICK abc") for packet in opening.sent]
    back = begin(world, sent)
    assert told(back, "001")[0][0] == "zed"
    assert told(back, "JOIN")[0][0] == "#lobby"
    assert "and you missed this" in back.bytes.decode()
    check_form(back)
    assert ["zed", "#lobby", "red and blue"] in told(back, "332")


def test_every_order_is_tried() -> None:
    commands = [b"CAP LS\n", b"NICK a\n", b"USER a 0 * :a\n", b"CAP REQ :x\n", b"CAP REQ :y\n", b"CAP END\n"]
    tried = list(orders(commands))
    assert len(tried) == len({tuple(order) for order in tried}) == 20
    assert all(order.index(b"CAP LS\n") < order.index(b"CAP END\n") for order in tried)
    assert all(a != b for a, b in pairwise(tried))
