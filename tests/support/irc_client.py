"""Somebody with an IRC client, in a `World`."""

import re
from base64 import b64encode
from collections.abc import Sequence

from world import Client, World

from chat.base import limits
from chat.wire.irc.messages import parse


def irc(world: World, *lines: str, host: str = "192.0.2.1") -> Client:
    """Somebody connects with an IRC client, which sends these lines as one packet."""
    client = world.connect(greeted=False, host=host)
    client.send("".join(f"{line}\r\n" for line in lines).encode())
    world.turn()
    return client


def enter(world: World, nick: str, *lines: str, caps: str = "") -> Client:
    """The same, and is in; these lines are said, and all was read."""
    asked = ["CAP LS 302", f"CAP REQ :{caps}", "CAP END"] if caps else []
    client = irc(world, *asked, f"NICK {nick}", f"USER {nick} 0 * :{nick.title()} Real")
    assert numbers(client)[-1] in ("376", "NOTICE"), client.lines
    client.take()
    client.type(*lines)
    if lines:
        client.take()
    return client


def check_form(client: Client) -> None:
    """All that came is whole messages, as the longest-lived clients read them."""
    received = bytes(client.socket.received)
    assert received.endswith(b"\r\n") or not received
    for line in received.decode().split("\r\n")[:-1]:
        assert not re.search("[\r\n\0]", line), line
        tags, _, message = line[1:].partition(" ") if line.startswith("@") else ("", "", line)
        assert len(message.encode()) <= limits.IRC_LINE, line
        assert len(tags.encode()) <= limits.IRC_TAGS, line
        keys = [tag.partition("=")[0] for tag in tags.split(";")]
        assert len(set(keys)) == len(keys), line
        read = parse(line)
        assert re.fullmatch("[A-Z]+|[0-9]{3}", read.command), line
        assert len(read.params) <= 15, line
        # Pidgin and Finch show nothing that comes from nobody.
        assert read.source or read.command in ("ERROR", "PING"), line


def numbers(client: Client) -> list[str]:
    """The commands of what came."""
    return [parse(line).command for line in client.lines]


def told(client: Client, command: str) -> list[Sequence[str]]:
    """The parameters of what came with this command."""
    return [parse(line).params for line in client.lines if parse(line).command == command]


def code_of(client: Client) -> str:
    return re.search(r"connect again with (\S+) as", client.bytes.decode())[1]


def plain(*parts: str) -> str:
    return b64encode("\0".join(parts).encode()).decode()


def registered() -> World:
    """A chat in which bob has an account and a room, and is away."""
    world = World()
    bob = irc(world, "NICK bob", "USER bob 0 * :Bob", host="127.0.0.1")
    bob.type("REGISTER", "PASS :tulip time 7", "PASS :tulip time 7", "JOIN #ops", "QUIT")
    assert "bob is yours now" in bob.bytes.decode(), bob.lines
    return world


def log_in(world: World, *credentials: str, host: str = "127.0.0.1", nick: str = "bob") -> Client:
    asked = ["CAP LS 302", f"NICK {nick}", "USER b 0 * :B", "CAP REQ :sasl", "AUTHENTICATE PLAIN"]
    return irc(world, *asked, *(f"AUTHENTICATE {part}" for part in credentials), "CAP END", host=host)
