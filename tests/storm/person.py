"""Somebody with netcat: the plain wire, no ids, no acknowledgements, and a resume code.

The server takes for seen what this machine's kernel has acknowledged, so the cut is made here and not in a proxy: a
filter on the socket drops whatever comes from that moment on, unacknowledged, as if the network had been taken away.
What had come before is still read, as a terminal shows it.  Linux only.
"""

import asyncio
import ctypes
import re
import socket
import struct
from collections.abc import Sequence
from contextlib import suppress
from random import Random

from tests.storm.client import LOBBY
from tests.storm.company import Company
from tests.storm.proxy import Place
from tests.storm.record import TOKEN, Heard, Record
from tests.storm.words import LETTERS, text_of

_ATTACH_FILTER = 26  # SO_ATTACH_FILTER, which the module socket does not name
_DROP_ALL = struct.pack("HBBI", 0x06, 0, 0, 0)  # one instruction of classic BPF: return 0 bytes of each packet
_CODE = re.compile(rb"/resume ([A-Z2-9]{5}-[A-Z2-9]{5})")
_LIFE = 4.0  # seconds that a connection lives on average


def _unplug(handle: socket.socket) -> None:
    """No packet reaches this socket any more."""
    program = ctypes.create_string_buffer(_DROP_ALL)
    handle.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, struct.pack("HL", 1, ctypes.addressof(program)))


class Person:
    """One who talks and listens in the lobby and other rooms until `stop`."""

    def __init__(
        self, name: str, places: Sequence[Place], rooms: Sequence[str], random: Random, company: Company
    ) -> None:
        self.calm = False
        self.heard = Heard(Record(name, {name}))
        self.nick = name
        self._places = places
        self._rooms = [room for room in rooms if room != LOBBY]
        self._random = random
        self._company = company
        self._code: bytes | None = None
        self._rest = b""
        self._ended = asyncio.Event()
        self._handle: socket.socket | None = None
        self._is_in = False
        self._hanging: list[socket.socket] = []
        self._stopped = False

    @property
    def record(self) -> Record:
        """What they remember but for what they were shown."""
        return self.heard.record

    async def run(self) -> None:
        """Connect again and again."""
        while not self._stopped:
            with suppress(OSError):
                await self._connection()
            await asyncio.sleep(self._random.uniform(0.02, 0.5))

    def stop(self) -> None:
        """It is over."""
        self._stopped = self.calm = True
        self._ended.set()
        for handle in self._hanging:
            handle.close()

    async def _connection(self) -> None:
        loop = asyncio.get_running_loop()
        self._handle = handle = socket.socket()
        handle.setblocking(False)
        ended = self._ended = asyncio.Event()
        self._rest = b""
        self._is_in = False
        if self._code is None:
            self.heard.shown.clear()
        place = self._random.choice(self._places)
        try:
            await loop.sock_connect(handle, place)
        except OSError:
            handle.close()
            return
        try:
            self.record.note("connected", place)
            # Not sock_recv, which loses what it has read when a timeout comes at the same moment.
            loop.add_reader(handle, self._readable, handle, ended)
            self._company.tally["resumes"] += self._code is not None
            handle.send(way_in := self._way_in())
            self.record.note("sends", way_in)
            ends_at = loop.time() + self._random.expovariate(1 / _LIFE)
            while not (self._stopped or ended.is_set()) and (self.calm or loop.time() < ends_at):
                with suppress(TimeoutError):
                    await asyncio.wait_for(ended.wait(), self._random.uniform(0.1, 0.5))
                if self.heard.rooms and not self.calm and self._random.random() < 0.1:
                    handle.send(self._something())
        finally:
            loop.remove_reader(handle)
            self._cut(handle, ended.is_set())

    def _readable(self, handle: socket.socket, ended: asyncio.Event) -> None:
        try:
            data = handle.recv(65536)
            self._received(data)
        except OSError as error:
            self.record.note("lost", error)
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(handle)
            ended.set()

    def _way_in(self) -> bytes:
        first = self.nick.encode() if self._code is None else b"/resume " + self._code
        joins = [f"/join {room}".encode() for room in self._rooms if room not in self.heard.rooms]
        return b"\n".join([first, *joins, b""])

    def _cut(self, handle: socket.socket, ended: bool) -> None:
        """Unplug, read what had come, and let the server know by a reset: now, or after they have come back."""
        _unplug(handle)
        with suppress(OSError):
            while data := handle.recv(65536):
                self._received(data)
        self.record.note("cut")
        self._company.tally["cuts on the plain wire"] += not ended
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if self._stopped or self._random.random() < 0.6:
            handle.close()
        else:
            self._hanging.append(handle)
            asyncio.get_running_loop().call_later(3.0, handle.close)

    def _something(self) -> bytes:
        line = self.record.say(LOBBY, text_of(self.record.name, len(self.record.lines) + 1, self._random))
        # In which room they speak depends on which of their joins arrived; so it is said.
        return f"/msg {LOBBY} {line.text}\n".encode()

    def _received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._shown(line.rstrip(b"\r"))

    def _shown(self, line: bytes) -> None:
        text = line.decode()
        if (match := TOKEN.search(text)) and not text.startswith(("!", "-")):
            self.record.note("shown", text)
            self.heard.shown.append(((match[1], int(match[2])), text[match.start() :]))
            return
        self.record.note("shown", text)
        if not line.startswith(b"!") and (code := _CODE.search(line)):
            self._code, self._is_in = code[1], True
            self._company.nicks[self.record.name] = self.nick
            self.heard.rooms.setdefault(LOBBY, 0)
        elif line.startswith((b"! nick-taken", b"! nick-alike")):
            self._rename()
        elif line.startswith((b"! not-stored", b"! slow-down")) and not self._is_in:
            raise ConnectionError("comes again later")
        elif line.startswith(b"! code-wrong"):
            self._is_gone()
        elif room := re.match(r"-> You speak in (#\w+) now", text):
            self.heard.rooms.setdefault(room[1], len(self.heard.shown))

    def _rename(self) -> None:
        self.nick = f"{self.record.name}-{''.join(self._random.choices(LETTERS, k=3))}"
        self.record.nicks.add(self.nick)
        raise ConnectionError("comes again under another nickname")

    def _is_gone(self) -> None:
        """They cannot come back any more."""
        self.record.fault("resume", "it could not resume")
        self.record.dead = self._stopped = True
        self._company.nicks.pop(self.record.name, None)
