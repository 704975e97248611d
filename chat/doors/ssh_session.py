"""A session by ssh: a channel of a connection, which is a visit of people, or of a single line that is posted.

A reader who takes nothing is a cursor here as everywhere: nothing is sent while the window is used up, the connection
takes no more or keys are being exchanged, for Conch would keep all of it.
"""

import re
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from twisted.conch.ssh.channel import SSHChannel
from twisted.conch.ssh.common import getNS
from twisted.conch.ssh.connection import EXTENDED_DATA_STDERR
from twisted.conch.ssh.transport import DISCONNECT_BY_APPLICATION

from chat.base import limits
from chat.base.language import say
from chat.base.patterns import pattern
from chat.base.public_keys import PublicKey
from chat.commands import entering, returning
from chat.core.hub import Hub
from chat.doors import sockets
from chat.doors.lines import LineDecoder
from chat.doors.sockets import Caller, Progress
from chat.doors.ssh_editing import Edited
from chat.doors.ssh_keys import QUIET
from chat.doors.ssh_terminal import can_be_drawn_on
from chat.visit.door import Door, Standing
from chat.visit.states import ENDING, STRANGE
from chat.visit.visit import Visit, Visits
from chat.wire import grammar
from chat.wire.answers import Answer, Greeting, PasswordFirst, Problem
from chat.wire.plain import Plain
from chat.wire.requests import Expected, Invoke, Parsed, Request, Typed

_FILES = pattern(
    r"(?:\S*/)?(?:scp\s+-|rsync\s+--server|git-[a-z]+-[a-z]+\b|sftp-server\b|internal-sftp\b|mosh-server\b)"
)
"""What programs ask for that send files, or want a shell."""

_NO_FILES = say("This is a chat: no files are taken or sent here, and there is no shell. Nothing was done.")

_NO_COMMAND = say(
    "That looks like a command, and this way one line is said and no more: nothing was done. "
    "Two slashes, as in //help, say it."
)

_ROOM = pattern(r"(#\S+)\s+(.*)", re.DOTALL)


class Editors:
    """How many sessions are edited here."""

    def __init__(self) -> None:
        self._count = 0

    def take(self) -> bool:
        """One more; returns whether there is place for it."""
        if self._count >= limits.SSH_EDITORS:
            return False
        self._count += 1
        return True

    def give_back(self) -> None:
        """One less."""
        self._count -= 1


class Link(Protocol):
    """The connection (`chat.doors.ssh`)."""

    hub: Hub
    caller: Caller
    socket: Any
    transport: Any
    blocked: bool
    user: str
    editors: "Editors"

    @property
    def chat(self) -> Visits:
        """All visits."""

    @property
    def seats(self) -> "Sequence[Seat]":
        """Those who came by it."""

    @property
    def key(self) -> PublicKey | None:
        """The key that they proved."""

    @property
    def broken(self) -> bool:
        """They are gone without a word."""

    @property
    def entered(self) -> bool:
        """They have logged in."""

    def leave(self, seat: "Seat") -> None:
        """A session is over."""

    def disconnect(self, reason: int, words: str) -> None:
        """Let them go, and tell them why."""

    def abort(self) -> None:
        """Let go of them now."""


class SshLines(LineDecoder):
    """The lines of a session: nothing in them is telnet's."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__()
        self._at_first_end = False  # CR LF is nothing but the end of a line

    def feed(self, data: bytes) -> list[Typed]:
        """The lines that these bytes complete."""
        return self._take(data)


def _addressed(line: str) -> tuple[str | None, str]:
    """For which room a line is, if it begins with one, and the text that is said."""
    found = _ROOM.fullmatch(line)
    return (None, line) if found is None else (found[1], found[2])


class PostWire(Plain):
    """What comes is the text of one /post; only what becomes of that is told."""

    __slots__ = ("_nick", "failed")

    def __init__(self, format: Any, nick: str) -> None:
        super().__init__(format)
        self._nick = nick
        self.failed = False

    def read(self, line: str, expected: Expected = Expected.TALK) -> Parsed:
        """(Wire)"""
        room, text = _addressed(line)
        arguments = [self._nick, room, grammar.spoken(text)]
        return Invoke("post", "post", arguments, Request(line))

    def answer(self, answer: Answer) -> bytes:
        """(Wire)"""
        if isinstance(answer, Greeting | PasswordFirst):
            return b""
        self.failed = self.failed or isinstance(answer, Problem)
        return super().answer(answer)


class Channel(SSHChannel):
    """What carries a session."""

    _log = QUIET
    name = b"session"
    conn: Any

    def __init__(self, connection: Any, seat: "Seat", window: int, packet: int) -> None:
        super().__init__(limits.SSH_WINDOW, 0, window, packet, connection)
        self.paused = False
        self._seat = seat
        self._begun = False

    def logPrefix(self) -> str:
        """(ILoggingContext)"""
        return "ssh"

    @property
    def full(self) -> bool:
        """Nothing more is taken: what is written waits for the window to be opened."""
        return bool(not self.areWriting or self.buf or self.extBuf)

    def pause(self, paused: bool) -> None:
        """Let them send no more than the window still holds, or again."""
        self.paused = paused
        if not paused and self.localWindowLeft < self.localWindowSize // 2:
            self.conn.adjustWindow(self, self.localWindowSize - self.localWindowLeft)

    # SSHChannel

    def channelOpen(self, specificData: bytes) -> None:
        """It is open; what for is asked next."""
        self._seat.open()

    def addWindowBytes(self, data: int) -> None:
        """They take so much more."""
        super().addWindowBytes(data)
        self._seat.look_whether_full()

    def stopWriting(self) -> None:
        """They take no more."""
        self._seat.look_whether_full()

    def dataReceived(self, data: bytes) -> None:
        """They sent this."""
        if self._begun:
            self._seat.received(data)

    def extReceived(self, dataType: int, data: bytes) -> None:
        """There is no such thing from this side."""

    def eofReceived(self) -> None:
        """They send no more."""
        self._seat.ends()

    def closeReceived(self) -> None:
        """They want no more either."""
        self._seat.ends()
        super().closeReceived()

    def closed(self) -> None:
        """It is over."""
        self._seat.lost()

    def requestReceived(self, requestType: bytes, data: bytes) -> bool:
        """They ask for this; returns whether it is done."""
        asked = _REQUESTS.get(requestType)
        try:
            return asked is not None and asked(self, data)
        except (struct.error, IndexError):  # it is not as long as it should be
            return False

    def _pty(self, data: bytes) -> bool:
        """A terminal; where it is refused it does by itself what a line needs: echo and editing."""
        term, rest = getNS(data)
        columns, rows = struct.unpack(">2L", rest[:8])
        return not self._begun and self._seat.draw(term.decode("ascii", "replace"), columns, rows)

    def _shell(self, data: bytes) -> bool:
        return self._begin(self._seat.talk)

    def _exec(self, data: bytes) -> bool:
        command = getNS(data)[0].decode("utf-8", "replace").replace("\r\n", "\n").rstrip("\n")
        return self._begin(lambda: self._seat.post(command))

    def _subsystem(self, data: bytes) -> bool:
        return self._begin(self._seat.refuse_files)

    def _window_change(self, data: bytes) -> bool:
        self._seat.resize(*struct.unpack(">2L", data[:8]))
        return True

    def _begin(self, session: Callable[[], None]) -> bool:
        """Of a channel once.  It begins when that is answered: plink takes no answer for a channel that was closed."""
        if self._begun:
            return False
        self._begun = True
        self._seat.clock.callLater(0, session)
        return True

    def refuse(self, text: bytes) -> None:
        """Say why not, where errors are shown."""
        self.writeExtended(EXTENDED_DATA_STDERR, text)

    def end(self, status: int) -> None:
        """It is over, with this status, once they took all that was sent."""
        self.conn.sendRequest(self, b"exit-status", struct.pack(">L", status))
        if not self.full:
            self.conn.sendEOF(self)
        self.loseConnection()

    def abort(self) -> None:
        """It is over now."""
        self.buf, self.extBuf = b"", []
        self.conn.sendClose(self)


_REQUESTS: Mapping[bytes, Callable[[Channel, bytes], bool]] = {
    b"pty-req": Channel._pty,
    b"shell": Channel._shell,
    b"exec": Channel._exec,
    b"subsystem": Channel._subsystem,
    b"window-change": Channel._window_change,
}
"""What can be asked for."""


class Seat(Door):
    """A visit by ssh: its door, and its one way out.  Its session may be still to come."""

    sealed = private = True
    direct = None

    def __init__(self, link: Link) -> None:
        self.channel: Channel | None = None
        self.clock = link.hub.clock
        self.blocked = link.blocked
        self._link = link
        self._decoder = SshLines()
        self._paused = self._busy = False
        self._begun = self._talks = self._ended = self._shut = self._gone = False
        self._words = self._early = b""
        self._size: tuple[str, int, int] | None = None
        self._edited: Edited | None = None
        self._progress = Progress(link.socket, self.clock.seconds())
        # No proxy on the way can say in their name that they leave.
        self.visit = Visit(link.hub, link.chat, self, link.caller.host, proxied=False)

    def begin(self) -> None:
        """They have a place."""
        self._begun = True
        self.visit.begin(self, shaking=True, within=limits.SSH_LOGIN_SECONDS, known=True)

    # Of the channel.

    def open(self) -> None:
        """Their session is open; where it is one more, it has to have a place as well."""
        if not self._begun:
            self.begin()

    def draw(self, term: str, columns: int, rows: int) -> bool:
        """They have a terminal of this name and size; returns whether it is drawn on."""
        if self._size is None and can_be_drawn_on(term) and self._link.editors.take():
            self._size = term, columns, rows
        return self._size is not None

    def resize(self, columns: int, rows: int) -> None:
        """It is larger or smaller now."""
        if self._edited is not None:
            self._edited.resize(columns, rows)
        elif self._size is not None:
            self._size = self._size[0], columns, rows

    def talk(self) -> None:
        """They want to chat; whose key is known here is asked nothing."""
        visit, known = self.visit, False
        self._talks = True
        visit.key = self._link.key
        visit.shaken()
        if visit.state in STRANGE:
            known = returning.is_known(visit.session)
            if self._size is not None:
                self._edit(self._size)
            if known or self._size is not None:
                visit.meet(known)
        if known:
            visit.received(["/login"], 0)
        elif self._edited is not None and (nick := entering.proposed(visit.session, self._link.user)):
            self._edited.propose(nick)
        if early := self._early:
            self._early = b""
            self.received(early)
        if self._ended:
            self.visit.ends(self._decoder.end())

    def _edit(self, size: tuple[str, int, int]) -> None:
        assert self.channel is not None
        self._edited = Edited(self.visit, self.clock, size, self.channel.write, self._leaves, self._keys_wait)

    def _keys_wait(self, wait: bool) -> None:
        """They typed more than is handled."""
        self._busy = wait
        if self.channel is not None:
            self.channel.pause(wait or self._paused)

    def _leaves(self) -> None:
        """They pressed Ctrl-D, or nothing more can be typed."""
        if self.visit.state not in ENDING:
            self.visit.ends(())

    def post(self, text: str) -> None:
        """They say one line, and go."""
        if _FILES.match(text):
            self.refuse_files()
            return
        if grammar.command_in(_addressed(text)[1]) is not None:  # it may hold a password
            self._refuse(Problem("usage", _NO_COMMAND))
            return
        visit, key = self.visit, self._link.key
        visit.key = key
        owner = None if key is None else self._link.hub.owner_of_key(key.fingerprint)
        visit.wire = PostWire(visit.wire.format, self._link.user if owner is None else owner.nick)
        visit.meet()
        visit.received([text], len(text))

    def refuse_files(self) -> None:
        """They want what there is not here."""
        self._refuse(Problem("not-here", _NO_FILES))

    def _refuse(self, problem: Problem) -> None:
        wire = self.visit.wire = PostWire(self.visit.wire.format, "")
        self.visit.turn_away(wire.answer(problem))

    def received(self, data: bytes) -> None:
        """They typed this."""
        visit = self.visit
        if visit.state in ENDING or isinstance(visit.wire, PostWire):
            return
        if not self._talks:  # that they want to was said in the same packet, and is answered first
            self._early += data
            return
        if self._edited is not None:
            visit.hears()
            self._edited.feed(data)
            return
        lines = self._decoder.feed(data)
        if lines and visit.state in STRANGE:
            visit.meet()
        visit.received(lines, len(data))

    def ends(self) -> None:
        """They send no more; who only posts a line never did, and may say so before it is known what they want."""
        self._ended = True
        if self._talks and self.visit.state not in ENDING:
            self.visit.ends(self._decoder.end())

    def lost(self) -> None:
        """There is no session any more."""
        if not self._gone:
            self._gone = self._shut = True
            if self._size is not None:
                self._link.editors.give_back()
            if self._edited is not None:
                self._edited.close()
            self.visit.lost()
            self._link.leave(self)

    def look_whether_full(self) -> None:
        """They may take no more, or more again."""
        full = self._shut or self._link.blocked or (self.channel is not None and self.channel.full)
        if full != self.blocked:
            self.blocked = full
            self._progress.at = self.clock.seconds()
            if self._edited is not None and not self._shut:
                self._edited.hold(full)
            if full:
                self.visit.full()
            else:
                self.visit.writable()

    # chat.visit.door.Output

    @property
    def broken(self) -> bool:
        """They are gone without a word."""
        return self._link.broken

    def send(self, chunk: bytes) -> None:
        """Let these bytes go out, after all that went before."""
        if self._shut:
            return
        if self.channel is None:
            self._words += chunk
        elif isinstance(self.visit.wire, PostWire) and self.visit.wire.failed:
            self.channel.refuse(chunk)
        elif self._edited is not None:
            self._edited.show(chunk)
        else:
            self.channel.write(chunk)

    def shut(self) -> None:
        """Nothing more goes out than what has been sent."""
        self._shut = self.blocked = True

    # chat.visit.door.Door

    def give_up_shaking(self) -> None:
        """They have not logged in; who has may come without a session, and with one has to say what for."""
        if self.channel is not None:
            self.abort()
        elif not self._link.entered:
            self._link.disconnect(
                DISCONNECT_BY_APPLICATION, f"not logged in within {limits.SSH_LOGIN_SECONDS:.0f} seconds"
            )

    def pause(self, paused: bool) -> None:
        """Let them send no more for a while, or again."""
        self._paused = paused
        if self.channel is not None:
            self.channel.pause(paused or self._busy)
        if self._edited is not None:
            self._edited.pause(paused)

    def hide(self, hidden: bool) -> bool:
        """Stars stand for what they type, or no more, where it is edited here."""
        if self._edited is None:
            return False
        self._edited.hide(hidden)
        return True

    def hang_up(self) -> None:
        """Close once all that was sent is taken."""
        channel, wire = self.channel, self.visit.wire
        if channel is not None:
            failed = wire.failed if isinstance(wire, PostWire) else self.visit.faulty
            if self._edited is not None:
                self._edited.close().addBoth(lambda _: channel.end(int(failed)))
            else:
                channel.end(int(failed))
        else:
            self._link.disconnect(DISCONNECT_BY_APPLICATION, self._words.decode().strip())

    def abort(self) -> None:
        """Close now; of a connection that carries nobody else, all of it."""
        if self.channel is not None:
            self.channel.abort()
            self.lost()
        if not self._link.seats or self.channel is None:
            self._link.abort()

    def still_read(self) -> bool:
        """Whether they took something since this was asked last, and there is more for them."""
        return self._progress.is_made()

    def all_read(self) -> bool:
        """Whether all that was sent has reached their machine."""
        gathered = self._edited is not None and self._edited.waits_to_be_shown
        return not gathered and sockets.all_has_come(self._link.transport)

    def standing(self) -> Standing:
        """How the connection stands."""
        return sockets.standing(self._link.socket)

    def look(self, now: float) -> bool:
        """Whether they are still there: no machine that is gone, nor one that takes nothing."""
        return not self._progress.is_hopeless(now, self.blocked)
