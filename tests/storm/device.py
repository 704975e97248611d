"""A client that is one device of an account: it logs in instead of choosing a nickname, and says how far it has read.

The account stays where it is: what one device joins, all do, and that is another test's.
"""

import asyncio
import json
from collections.abc import Sequence
from random import Random

from tests.storm.client import Client
from tests.storm.company import Company, Op
from tests.storm.link import TLS, Object, Wire
from tests.storm.proxy import Place
from tests.storm.record import PRIVATE, Event

PASSWORD = "tulip and rose"


async def register(place: Place, nick: str, rooms: Sequence[str]) -> None:
    """Make an account that is in these rooms, in calm weather; by TLS, as a password wants it."""
    reader, writer = await asyncio.open_connection(*place, ssl=TLS)
    writer.write(b"/json\n")
    asked: list[Object] = [{"line": f"/nick {nick}"}, *({"line": f"/join {room}"} for room in rooms)]
    asked += [{"line": "/register"}, {"password": PASSWORD}, {"password": PASSWORD}, {"line": "/quit"}]
    for number, keys in enumerate(asked):
        writer.write(json.dumps({**keys, "id": str(number)}).encode() + b"\n")
        while '"type":"ack"' not in (line := (await reader.readline()).decode()):
            assert line, "the server ended"
            assert '"type":"error"' not in line, line
    writer.close()


class Device(Client):
    """One of those that share a nickname; each record has a name of its own."""

    def __init__(
        self, name: str, places: Sequence[Place], random: Random, company: Company, wire: Wire, account: str
    ) -> None:
        super().__init__(name, places, (), random, company, wire)
        self.record.account = self.nick = account

    def way_in(self) -> Object:
        """The first object on a new connection."""
        if self.code is None:
            return {"line": f"/login {self.record.account} {PASSWORD}", "id": "login"}
        return super().way_in()

    def id_for(self, op: Op) -> str:
        """The id that a line is sent under, which no other device of the same person takes."""
        return f"{self.record.name} {op.id}"

    def id_of(self, what: Object) -> str:
        """Which line an answer is for."""
        return super().id_of(what).removeprefix(f"{self.record.name} ")

    def received(self, what: Object) -> None:
        """The server said something."""
        if what["type"] == "error" and what.get("id") == "login":  # very many wait, or the database does
            self._link.hang_up()
            return
        super().received(what)

    def _on_welcome(self, what: Object) -> None:
        if self.code is None:
            self.record.private.base = what["private"]["last"]
        super()._on_welcome(what)
        for room, state in {**what["rooms"], PRIVATE: what["private"]}.items():
            self._told(room, state["read"])

    def _on_read(self, what: Object) -> None:
        self._told(what["room"], what["seq"])

    def _told(self, room: str, seq: int) -> None:
        """What the server says of a marker only grows."""
        told = self.record.marks.get(room, 0)
        self.record.note("marker", f"{room} {seq}")
        if seq < told:
            self.record.fault("marker", f"its marker of {room} went back from {told} to {seq}")
        self.record.marks[room] = max(told, seq)

    def _on_event(self, event: Event) -> None:
        super()._on_event(event)
        if self._random.random() < 0.2:
            self._company.tally["read markers"] += 1
            self._link.write({"read": {event.room: event.seq}})

    def _wander(self) -> None:
        self._say_something()

    def _rename(self) -> None:
        self._say_something()
