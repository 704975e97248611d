"""Somebody with an IRC client: the same network, and echoes, by which they know where their lines stand.

A label says nothing about a line on another connection: what was not echoed is never said again.
"""

import re

from chat.wire.irc.messages import Message, parse
from tests.storm.client import LOBBY
from tests.storm.person import Person
from tests.storm.record import TOKEN
from tests.storm.words import text_of

_CODE = re.compile(r"with ([A-Z2-9]{5}-[A-Z2-9]{5}) as the server password")
_CAPABILITIES = "batch draft/multiline echo-message labeled-response message-tags server-time"
_ACTION = "\x01ACTION "


class IrcPerson(Person):
    """One who talks and listens as the others of the plain wire."""

    _batches: dict[str, list[str]]
    _first = Message("", ())
    """What was said in several messages began with this one."""

    def _way_in(self) -> bytes:
        self._batches = {}
        said = [f"CAP REQ :{_CAPABILITIES}"]
        said += [] if self._code is None else [f"PASS {self._code.decode()}"]
        said += [f"NICK {self.nick}", f"USER {self.nick} 0 * :{self.nick}", "CAP END"]
        said += [f"JOIN {room}" for room in (LOBBY, *self._rooms) if room not in self.heard.rooms]
        return "".join(f"{line}\r\n" for line in said).encode()

    def _something(self) -> bytes:
        line = self.record.say(LOBBY, text_of(self.record.name, len(self.record.lines) + 1, self._random)[:400])
        line.text = line.text.encode()[:400].decode(errors="ignore").rstrip()
        self._company.tally["lines on IRC"] += 1
        return f"@label={line.number} PRIVMSG {LOBBY} :{line.text}\r\n".encode()

    def _shown(self, line: bytes) -> None:
        message = parse(line.decode())
        self.record.note("shown", line.decode())
        if message.command == "PING" and self._handle is not None:
            self._handle.send(b"PONG :" + message.params[-1].encode() + b"\r\n")
        elif message.command == "BATCH":
            self._batch(message)
        elif message.command == "PRIVMSG":
            self._said(message)
        elif message.command == "JOIN" and message.source.startswith(f"{self.nick}!"):
            self.heard.rooms.setdefault(message.params[0], len(self.heard.shown))
        elif message.command == "433":
            self._rename()
        elif message.command in ("NOTICE", "FAIL"):
            self._told(message)

    def _told(self, message: Message) -> None:
        if code := _CODE.search(message.params[-1]):
            if self._code not in (None, code[1].encode()):
                self._is_gone()
                raise ConnectionError("came as somebody new")
            self._code, self._is_in = code[1].encode(), True
            self._company.nicks[self.record.name] = self.nick
        elif "not-stored" in message.params[-1] and not self._is_in:
            raise ConnectionError("comes again later")

    def _batch(self, message: Message) -> None:
        name = message.params[0]
        if name[0] == "+" and message.params[1] == "draft/multiline":
            self._batches[name[1:]] = []
            self._first = message
        elif name[0] == "-" and name[1:] in self._batches:
            self._heard(self._first, "".join(self._batches.pop(name[1:])))

    def _said(self, message: Message) -> None:
        text, parts = message.params[-1], self._batches.get(message.tags.get("batch", ""))
        if parts is not None:
            goes_on = "draft/multiline-concat" in message.tags or not parts
            parts.append(text if goes_on else f"\n{text}")
        elif "msgid" in message.tags:
            self._heard(message, text)
        elif self.heard.shown and text.startswith(_ACTION):  # the next part of a long one
            token, words = self.heard.shown.pop()
            self.heard.shown.append((token, words + text[len(_ACTION) :].rstrip("\x01")))

    def _heard(self, message: Message, text: str) -> None:
        text = text.removeprefix(_ACTION).rstrip("\x01").split("\n")[0]
        if match := TOKEN.match(text):
            self.heard.shown.append(((match[1], int(match[2])), text))
            if match[1] == self.record.name and "label" in message.tags:
                line = self.record.lines[int(match[2]) - 1]
                line.outcome, line.seq = "acknowledged", int(message.tags["msgid"].partition("-")[0])
                self._company.tally["acknowledged on IRC"] += 1
