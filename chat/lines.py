"""Bytes to lines, pure: what any netcat, telnet or script sends becomes text, one line at a time.

Three steps, each over a whole packet at once, so that a packet of short lines costs little more than its decoding:

1. Telnet commands (RFC 854) leave the data and are answered.  0xFF never stands in UTF-8.  It begins a command only
   if a command's byte follows; else it is data, so that the ÿ of a Latin-1 user takes no line end with it.
2. LF, CR LF, CR NUL and a bare CR each end a line, also when a packet's border lies in between.
3. A line is decoded as UTF-8, or else all of it as CP1252, and then edited as its author's terminal would have:
   08 and 7F rub out a character, 15 (^U) the line so far, and the sequences of keys (arrows, F1) are dropped whole.

Every other control character stays, NUL and ESC too: `text.visible` shows it, for nothing is cut silently.  04 (^D)
at the very start of a line is the end of input: it is a line of its own, at once, for telnet sends no line end with it.
However the bytes are cut into packets, the lines, answers and `telnet` are the same.
"""

import re
import unicodedata
from dataclasses import dataclass

from chat.limits import LINE, SUBNEGOTIATION, TELNET_ANSWERS

END_OF_INPUT = "\x04"
"""A line that is nothing but ^D: its author has ended the input."""

_BINARY, _TIMING_MARK = b"\x00", b"\x06"
_AYT = b"\xf6"
_WILL, _DO, _DONT = b"\xfb", b"\xfd", b"\xfe"
_IAC = b"\xff"

NOP = b"\xff\xf1"
"""The telnet command that does nothing (RFC 854)."""

_REFUSAL = {_DO: b"\xfc", _WILL: _DONT}  # WONT and DONT are never answered: nothing can loop
_DATA = {_IAC: _IAC, b"\xf7": b"\x7f", b"\xf8": b"\x15"}  # an escaped 0xFF, erase character, erase line

_IN_SUBNEGOTIATION = rb"(?:[^\xff]|\xff[^\xf0])"
_TELNET = re.compile(
    rb"""\xff(?:
        (?P<verb>[\xfb-\xfe])(?P<option>.)
        | \xfa %(inside)s{0,%(most)d} \xff\xf0
        | (?P<unfinished>[\xfb-\xfe]?\Z | \xfa %(inside)s{0,%(most)d} \xff?\Z)
        | \xfa %(inside)s{%(most)d}             # nobody needs one this long: what follows is text again
        | (?P<single>[\xec-\xf9\xff])
    )"""
    % {b"inside": _IN_SUBNEGOTIATION, b"most": SUBNEGOTIATION},
    re.DOTALL | re.VERBOSE,
)

_LINE_END = re.compile(rb"\n|\r[\n\0]?")

_EDITING = b"\x04\x08\x15\x1b\x7f"
# A key's sequence: CSI (the Linux console's F1 is ESC [ [ A), or SS3 and one character.
_EDIT = re.compile("\x1b\\[\\[?[0-?]*[ -/]*[@-~]|\x1bO[ -~]|[\x08\x15\x7f]")
_ZWJ = "\u200d"


@dataclass(frozen=True, slots=True)
class Overlong:
    """A line of more than `limit` bytes; nothing of it was kept."""

    length: int
    limit: int


class LineDecoder:
    """The lines of one connection; keeps less than two lines' bytes, whatever is sent."""

    __slots__ = (
        "_after_cr", "_answered", "_answers", "_at_first_end", "_at_start", "_held", "_length", "_partial", "commands",
        "telnet",
    )  # fmt: skip

    telnet: bool
    """The peer speaks telnet: it has sent a command, or its first line ended in CR LF or CR NUL.  Else there are no
    `answers` to give it."""

    commands: bool
    """The peer has sent a telnet command, so it takes ours for what they are.  CR LF alone, `nc -C` sends too."""

    def __init__(self) -> None:
        self.telnet = self.commands = False
        self._answers = b""
        self._answered: tuple[bytes, ...] = ()  # a set has 200 bytes, of everybody and for ever
        self._held = b""  # the beginning of a telnet command
        self._after_cr = False
        self._at_first_end = True  # how the first line ends is not known yet
        self._at_start = True  # a byte order mark may still come
        self._partial = bytearray()  # the line without an end yet, empty once it is too long
        self._length = 0

    def feed(self, data: bytes) -> list[str | Overlong]:
        """The lines that these bytes complete."""
        if self._held or _IAC in data:
            data = _TELNET.sub(self._obey, self._release() + data)
        return self._take(data)

    def end(self) -> list[str | Overlong]:
        """Input has ended: the last line counts without its end, and half a telnet command is none."""
        lines = self._take(_IAC) if self._release() == _IAC else []
        return lines + self._take(b"\n") if self._length else lines

    def answers(self) -> bytes:
        """The bytes that telnet wants to hear from us, once."""
        answers, self._answers = self._answers, b""
        return answers

    # telnet

    def _release(self) -> bytes:
        held, self._held = self._held, b""
        return held

    def _obey(self, command: re.Match[bytes]) -> bytes:
        """Answer a command and leave in its place what it means as data."""
        if command["unfinished"] is not None:
            self._held = command[0]
            return b""
        self.commands = True
        self._speak_telnet()
        if command["verb"]:
            self._negotiate(command["verb"], command["option"])
        elif command["single"] == _AYT:
            self._answer_again(b"-> [Yes]\r\n")  # what BSD's telnetd says, behind the mark of the service
        return _DATA.get(command["single"], b"")

    def _speak_telnet(self) -> None:
        """Debian's telnet breaks Ü and ” until it is asked for BINARY; nc shows the request as garbage."""
        if not self.telnet:
            self.telnet = True
            self._answers += _IAC + _DO + _BINARY

    def _negotiate(self, verb: bytes, option: bytes) -> None:
        """Agree to BINARY both ways and refuse the rest, each once."""
        if verb == _DO and option == _TIMING_MARK:
            self._answer_again(_IAC + _WILL + option)  # telnet discards all output from ^C until this comes
            return
        if verb not in _REFUSAL or (verb == _WILL and option == _BINARY):
            return
        answer = _IAC + (_WILL if option == _BINARY else _REFUSAL[verb]) + option
        if answer not in self._answered:
            self._answered += (answer,)
            self._answers += answer

    def _answer_again(self, answer: bytes) -> None:
        """Answer what may be asked any number of times, unless too many answers wait already."""
        if len(self._answers) < TELNET_ANSWERS:
            self._answers += answer

    # line ends

    def _take(self, data: bytes) -> list[str | Overlong]:
        """The lines that this data, free of telnet, completes."""
        if not data:
            return []
        if self._after_cr or self._at_first_end or b"\r" in data:
            data = self._with_lf_only(data)
        lines: list[str | Overlong] = []
        end = data.rfind(b"\n")
        if end >= 0:
            self._complete(data[:end], lines)
            data = data[end + 1 :]
        if data:
            self._begin(data, lines)
        if self._at_start and lines:
            self._at_start = False
            if isinstance(lines[0], str):
                lines[0] = lines[0].removeprefix("\ufeff")
        return lines

    def _with_lf_only(self, data: bytes) -> bytes:
        """The data with LF for every line end; the rest of one that began in the last packet is left out."""
        if self._after_cr:
            if data[0] in b"\n\0":
                data = data[1:]
                if self._at_first_end:
                    self._speak_telnet()
            self._at_first_end = False
        self._after_cr = data.endswith(b"\r")
        if self._at_first_end and (end := _LINE_END.search(data)):
            if len(end[0]) == 2:
                self._speak_telnet()
            self._at_first_end = self._after_cr and end.end() == len(data)
        return data.replace(b"\r\n", b"\n").replace(b"\r\0", b"\n").replace(b"\r", b"\n")

    def _complete(self, data: bytes, lines: list[str | Overlong]) -> None:
        """Add the lines of data whose last line end was taken off."""
        if self._length > LINE:
            rest, more, data = data.partition(b"\n")
            lines.append(Overlong(self._length + len(rest), LINE))
            self._length = 0
            if not more:
                return
        elif self._length:
            data = bytes(self._partial) + data
            self._partial.clear()
            self._length = 0
        if len(data.translate(None, _EDITING)) == len(data):  # the usual case: all at once
            try:
                texts = data.decode().split("\n")
            except UnicodeDecodeError:
                pass
            else:
                # No character has more than four bytes.
                if len(data) <= LINE or 4 * max(map(len, texts)) <= LINE:
                    lines += texts
                    return
        for line in data.split(b"\n"):
            line = _without_ends_of_input(line, lines)
            lines.append(_text(line) if len(line) <= LINE else Overlong(len(line), LINE))

    def _begin(self, data: bytes, lines: list[str | Overlong]) -> None:
        """Keep the beginning of a line, or only its length once it is too long."""
        if not self._length:
            data = _without_ends_of_input(data, lines)
        self._length += len(data)
        if self._length <= LINE:
            self._partial += data
        else:
            self._partial.clear()


def _without_ends_of_input(line: bytes, lines: list[str | Overlong]) -> bytes:
    """The line without ^D at its start; each is a line of its own."""
    rest = line.lstrip(b"\x04")
    lines += [END_OF_INPUT] * (len(line) - len(rest))
    return rest


def _text(line: bytes) -> str:
    """What the author of a line meant to send."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        text = line.decode("cp1252", "replace")
    kept: list[str] = []
    done = 0
    for edit in _EDIT.finditer(text):
        kept += text[done : edit.start()]
        done = edit.end()
        if edit[0] == "\x15":
            kept.clear()
        elif len(edit[0]) == 1:
            _rub_out(kept)
    return "".join(kept) + text[done:] if done else text


def _rub_out(characters: list[str]) -> None:
    """Remove the last character with its marks and with what a zero-width joiner ties to it."""
    while characters:
        last = characters.pop()
        if _extends(last) or (characters and characters[-1] == _ZWJ):
            continue
        return


def _extends(char: str) -> bool:
    """Whether a character only changes the one before it: marks, selectors, joiners, skin tones."""
    return char == _ZWJ or unicodedata.category(char) in ("Mn", "Me", "Mc") or "\U0001f3fb" <= char <= "\U0001f3ff"
