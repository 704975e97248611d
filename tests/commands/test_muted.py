"""Whoever is muted reaches nobody: by no command, on no device, after no resume, login or new connection of theirs."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_account import SECRET, register
from test_roles import founded
from world import Client, World

from chat.commands.registry import TABLE

MARK = "Marker"

WAYS = {
    "msg": ["/msg ben Marker", "/msg #ops Marker", "/msg #lobby Marker"],
    "reply": ["/reply Marker"],
    "me": ["/me Marker"],
    "paste": ["/paste"],
    "end": ["/end"],
    "cancel": ["/cancel"],
    "delete": ["/delete", "/delete Marker", "/delete @1", "/delete ben all forever"],
    "post": ["/post Marker Marker", "/post Marker #ops Marker"],
    "nick": ["/nick Marker"],
    "who": ["/who"],
    "whois": ["/whois ben"],
    "away": ["/away Marker"],
    "back": ["/back"],
    "ignore": ["/ignore ben"],
    "unignore": ["/unignore ben"],
    "quiet": ["/quiet on"],
    "ping": ["/ping Marker"],
    "join": ["/join #Marker", "/join #ops", "/join #lobby"],
    "leave": ["/leave #ops Marker", "/leave #lobby Marker", "/leave"],
    "rooms": ["/rooms"],
    "topic": ["/topic Marker", "/topic #ops Marker", "/topic lock on"],
    "last": ["/last"],
    "since": ["/since 1h"],
    "missed": ["/missed"],
    "grep": ["/grep Marker"],
    "mentions": ["/mentions"],
    "language": ["/language es", "/language en"],
    "resume": ["/resume"],
    "json": ["/json", "/json echo"],
    "version": ["/version"],
    "help": ["/help"],
    "motd": ["/motd"],
    "quit": ["/quit Marker"],
    "register": ["/register"],
    "login": [f"/login other {SECRET}", "/login other Marker"],
    "password": ["/password"],
    "logout": [],  # whoever does so is nobody then, and not muted
    "unregister": ["/unregister"],
    "sessions": ["/sessions"],
    "operator": ["/operator Marker"],
    "token": ["/token new Marker #ops"],
    "tokens": ["/tokens"],
    "key": ["/key add Marker"],
    "keys": ["/keys"],
    "invite-code": ["/invite-code"],
    "op": ["/op Marker"],
    "deop": ["/deop Marker"],
    "give": ["/give Marker"],
    "own": ["/own #Marker"],
    "private": ["/private on"],
    "public": ["/public on"],
    "invite": ["/invite ben", "/invite #Marker ben"],
    "word": ["/word Marker"],
    "mute": ["/mute ben Marker", "/mute all 1h Marker"],
    "unmute": ["/unmute ben"],
    "class": ["/class on"],
    "roster": ["/roster 3"],
    "lock": ["/lock on"],
    "unlock": ["/unlock on"],
    "admit": ["/admit ben"],
    "refuse": ["/refuse ben Marker", "/refuse all Marker"],
    "voice": ["/voice ben"],
    "unvoice": ["/unvoice ben"],
    "kick": ["/kick ben Marker"],
    "ban": ["/ban ben Marker"],
    "unban": ["/unban ben"],
    "bans": ["/bans"],
    "slow": ["/slow 1s", "/slow off"],
    "limit": ["/limit 1", "/limit off"],
    "export": ["/export"],
    "report": ["/report ben Marker"],
    "admin": ["/admin announce Marker"],
}
"""What somebody who is muted may try; a new command has to be thought about here."""

TALK = ["Marker", "//Marker", '{"say": "Marker", "room": "@ben"}', '{"line": "Marker", "id": "1", "room": "#ops"}']
GOING = ["CUT", "DEVICE", "SECRET"]


def test_each_command_is_thought_about() -> None:
    assert set(TABLE) == set(WAYS)


@pytest.mark.parametrize("line", [*TALK, *(line for ways in WAYS.values() for line in ways)])
@pytest.mark.parametrize("wire", ["plain", "json"])
@pytest.mark.parametrize("owner", ["ana", "trol"])
def test_whatever_a_muted_person_types_nobody_sees_it(line: str, wire: str, owner: str) -> None:
    _try([line, "Marker", "/end", "/quit Marker"], wire, owner)


@given(
    tried=st.lists(st.sampled_from([*TALK, *GOING, *(line for ways in WAYS.values() for line in ways)]), max_size=12),
    wire=st.sampled_from(["plain", "json"]),
    owner=st.sampled_from(["ana", "trol"]),
)
@settings(max_examples=60, deadline=None)
def test_nor_whatever_they_do_one_after_the_other(tried: list[str], wire: str, owner: str) -> None:
    _try([line for line in tried if line != "/quit Marker"], wire, owner)


def _try(tried: list[str], wire: str, owner: str) -> None:
    """The muted one is a guest in somebody's room, or it is theirs."""
    world = World()
    holder = founded(world, "#ops", owner)
    if owner == "trol" and wire == "json":
        holder.type("/json")
    register(world, "other").type("/quit")
    ana = holder if owner == "ana" else world.enter("ana", "/join #ops")
    others = [ana, world.enter("ben", "/join #ops"), world.enter("cleo", "/join #ops", "/msg trol hi", wire="json")]
    trol = holder if owner == "trol" else world.enter("trol", "/join #ops", wire=wire)
    ana.type("/msg trol hi")
    world.operator("/admin mute trol forever")
    world.take_all()
    for line in tried:
        trol = _do(world, trol, line)
    for client in others:
        client.type("/rooms", "/who", "/whois trol", "/topic #ops", "/topic #lobby", "/last", "/last #lobby")
        assert MARK.casefold() not in client.bytes.decode().casefold(), (tried, client.lines)


def _do(world: World, trol: Client, line: str) -> Client:
    session = trol.session
    match line:
        case "CUT" if session.named and session.code is not None:
            code = session.code
            trol.cut()
            return world.connect(f"/resume {code}")
        case "DEVICE" if session.named and session.person.has_account:
            return world.device(trol)
        case "SECRET":
            trol.type(SECRET)
        case "CUT" | "DEVICE":
            pass
        case _ if not trol.ended and session.named:
            trol.type(line)
    return trol
