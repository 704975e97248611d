"""Somebody on either wire, of whom a test need not know which: what they hear is told in the same words."""

import re
from itertools import count

from world import Client, World

_SAYS = re.compile(r"(?:(#\S+) )?(<|\* )(\S+?)>? (.*)")
_MORE = re.compile(r"(?:#\S+ )?  \| (.*)")
_SENT = re.compile(r"\[you -> (\S+)\] (.*)")
_PRIVATE = re.compile(r"\[(\S+) -> you\] (.*)")
_JOINED = re.compile(r"-!- (\S.*) joined (#\S+) \(\d+ here\)")
_LEFT = re.compile(r"-!- (\S.*) left (#\S+) \(.*\)")
_QUIT = re.compile(r'-!- (\S+) left \([^)]*\)(?:: "(.*)")?')
_RENAMED = re.compile(r"-!- (\S+) is now known as (\S+)")
_TOPIC = re.compile(r'-!- (\S+) set the topic of (#\S+): "(.*)"')
_NO_TOPIC = re.compile(r"-!- (\S+) took away the topic of (#\S+)")
_ERROR = re.compile(r"! ([a-z-]+): .*")
_GONE = re.compile(r"-- (\d+) lines? of (#\S+) (?:is|are) gone --")
_NOT_HEARD = re.compile(r"->|--|\d\d:\d\d |! (?![a-z-]+: )")
"""Answers, history and the rest of an error, which the wires' own tests read."""


class Person:
    """Somebody in the chat; `heard` tells what others did, and what was refused, as tuples that begin with a verb."""

    def __init__(self, client: Client, wire: str) -> None:
        self.client = client
        self.wire = wire
        self._rooms = {"#lobby": "#lobby"}
        self._facts: set[str] = set()
        self._numbers = count()

    def type(self, *lines: str) -> None:
        for line in lines:
            self._say(line)
            command, _, room = line.partition(" ")
            if command == "/join" and room.startswith("#"):
                self._rooms[room.lower()] = room
            elif command == "/leave":
                self._rooms.pop(room.lower(), None)

    def paste(self, *lines: str) -> None:
        """Say several lines as one message, as one does on this wire."""
        if self.wire == "json":
            self._say("\n".join(lines))
        else:
            self.client.type("/paste", *lines, "/end")

    def _say(self, line: str) -> None:
        """Send a line, of a program with an id, so that it is acknowledged."""
        if self.wire == "json" and line:
            self.client.type(line, id=f"{next(self._numbers)}")
        else:
            self.client.type(line)

    def heard(self) -> list[tuple]:
        """What they heard since the last time."""
        return self._objects() if self.wire == "json" else self._lines()

    def forget(self) -> None:
        self.client.take()

    # The wire of people.

    def _lines(self) -> list[tuple]:
        heard: list[tuple] = []
        for line in self.client.take():
            if more := _MORE.fullmatch(line):
                *rest, text = heard[-1]
                heard[-1] = (*rest, f"{text}\n{more[1]}")
            elif match := _GONE.fullmatch(line):
                heard.append(("missed", match[2], int(match[1])))
            elif not _NOT_HEARD.match(line):
                heard.append(self._line(line))
        return heard

    def _line(self, line: str) -> tuple:
        if match := _SAYS.fullmatch(line):
            verb = "said" if match[2] == "<" else "did"
            return (verb, self._room(match[1]), match[3], match[4])
        if match := _SENT.fullmatch(line):
            return ("sent", match[1])
        if match := _PRIVATE.fullmatch(line):
            return ("private", match[1], match[2])
        for verb, pattern, order in _VERBS:
            if match := pattern.fullmatch(line):
                return (verb, *((match[number] or "").replace(" and ", ", ") for number in order))
        if match := _NO_TOPIC.fullmatch(line):
            return ("topic", match[2], match[1], "")
        raise AssertionError(f"what is this? {line!r}")

    def _room(self, named: str | None) -> str:
        """The room of a line, which is named only where there are several."""
        if named is not None:
            assert len(self._rooms) > 1, "a room that needs no name has one"
            return named
        (only,) = self._rooms.values()
        return only

    # The wire of programs.

    def _objects(self) -> list[tuple]:
        heard = [self._object(keys) for keys in self.client.take_objects()]
        return [one for one in heard if one is not None]

    def _object(self, keys: dict) -> tuple | None:
        if (fact := keys.get("fact")) is not None:
            if fact in self._facts:
                return None
            self._facts.add(fact)
        room = keys.get("room", "")
        match keys["type"]:
            case "message" if room.startswith("@"):
                return ("private", keys["from"], keys["text"])
            case "message":
                return ("said", room, keys.get("as", keys["from"]), keys["text"])
            case "action":
                return ("did", room, keys.get("as", keys["from"]), keys["text"])
            case "joined":
                return ("joined", room, ", ".join(keys["who"]))
            case "left" if keys["quit"]:
                return ("quit", keys["from"], keys.get("text", ""))
            case "left":
                return ("left", room, ", ".join(keys["who"]))
            case "renamed":
                return ("renamed", keys["from"], keys["to"])
            case "topic":
                return ("topic", room, keys["from"], keys["text"])
            case "missed":
                return ("missed", room, keys["count"])
            case "error":
                return ("error", keys["code"])
            case "ack" if room.startswith("@"):
                return ("sent", room[1:])
            case "ack" | "reply" | "history" | "hello" | "welcome":
                return None
        raise AssertionError(f"what is this? {keys}")


def enter(world: World, nick: str, wire: str) -> Person:
    """Somebody who has just entered, and has read what they were told then."""
    return Person(world.enter(nick, wire=wire), wire)


_VERBS = [
    ("joined", _JOINED, (2, 1)),
    ("left", _LEFT, (2, 1)),
    ("quit", _QUIT, (1, 2)),
    ("renamed", _RENAMED, (1, 2)),
    ("topic", _TOPIC, (2, 1, 3)),
    ("error", _ERROR, (1,)),
]
