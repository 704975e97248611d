"""Bytes to lines, pure: what any netcat, telnet or script sends becomes text, one line at a time.

Three steps, each over a whole packet at once, so that a packet of short lines costs little more than its decoding:

1. Telnet commands (RFC 854) leave the data and are answered.  0xFF never stands in UTF-8.  It begins a command only
   if a command's byte follows; else it is data, so that the ÿ of a Latin-1 user takes no line end with it.  Of a
   command that is none, two bytes go and the rest is text: what somebody typed is never taken for an option, and a
   line end ends a subnegotiation.
2. LF, CR LF, CR NUL and a bare CR each end a line, also when a packet's border lies in between.
3. A line is decoded as UTF-8, or else all of it as CP1252, and then edited as its author's terminal would have:
   08 and 7F rub out a character, 17 (^W) a word, 03 and 15 (^C, ^U) the line so far, and the sequences of keys (arrows,
   F1) are dropped whole.

A line that telnet may have damaged is `Garbled`, not guessed at: Debian's sends some bytes of letters as commands until
we have asked for BINARY (83 as Ctrl-C, 9C as a break), and what a broken subnegotiation was is anybody's guess.

Every other control character stays, NUL and ESC too: `text.visible` shows it, for nothing is cut silently.  04 (^D)
at the very start of a line is the end of input: it is a line of its own, at once, for telnet sends no line end with it,
and so are telnet's own words for the end of input and for Ctrl-C.
However the bytes are cut into packets, the lines, answers and `telnet` are the same.
"""

import re
import unicodedata

from chat.base.limits import LINE, SUBNEGOTIATION, TELNET_ANSWERS
from chat.base.patterns import pattern
from chat.wire.requests import END_OF_INPUT, INTERRUPT, Garbled, Overlong, Typed

_BINARY, _ECHO, _TIMING_MARK = 0, 1, 6
_WILL, _WONT, _DO, _DONT = 0xFB, 0xFC, 0xFD, 0xFE
_END_OF_FILE, _INTERRUPT, _ARE_YOU_THERE = b"\xec", b"\xf4", b"\xf6"
_IAC = b"\xff"

NOP = b"\xff\xf1"
"""The telnet command that does nothing (RFC 854)."""

_TO_LINE_START = b"\r\0"
"""(RFC 854) To a terminal the NUL is nothing."""

_REFUSAL = {_DO: _WONT, _WILL: _DONT}  # WONT and DONT are never answered: nothing can loop
_DATA = {_IAC: _IAC, b"\xf7": b"\x7f", b"\xf8": b"\x15"}  # an escaped 0xFF, erase character, erase line

_PRINTABLE = 32
_TELNET = pattern(
    # What programs send by themselves ends with NEW-ENVIRON (39).  Of the rest of the registry, LF, CR and / (10, 13,
    # 47) are far more likely typed behind half a command, and so are the options above, all of them letters.
    rb"""\xff(?:
        (?P<verb>[\xfb-\xfe]) (?P<option>[\0-\x09\x0b\x0c\x0e-\x27])
        | \xfa \x1f [\0-\x03]. [\0-\x03]. \xff\xf0      # NAWS: a window of 10 or 13 rows holds a line end
        | \xfa %(inside)s{0,%(most)d} \xff\xf0
        | (?P<unfinished>
            [\xfb-\xfe]? \Z
            | \xfa \x1f (?: [\0-\x03] (?: . (?: [\0-\x03] (?: . \xff? )? )? )? )? \Z
            | \xfa %(inside)s{0,%(most)d} \xff? \Z
        )
        | (?P<broken> \xfa )
        | [\xfb-\xfe]
        | (?P<single>[\xec-\xf9\xff])
    )"""
    % {b"inside": rb"(?:[^\xff\r\n]|\xff\xff)", b"most": SUBNEGOTIATION},
    re.DOTALL | re.VERBOSE,
)

_HALF_A_LETTER = pattern(rb"(?:[\xc2-\xf4]|[\xe0-\xf4][\x80-\xbf]|[\xf0-\xf4][\x80-\xbf]{2})\Z")

_LINE_END = pattern(rb"\n|\r[\n\0]?")

_EDITING = b"\x03\x04\x08\x15\x17\x1b\x7f"
# A key's sequence: CSI (the Linux console's F1 is ESC [ [ A, rxvt's Shift-Delete ESC [ 3 $), or SS3 and one character.
_EDIT = pattern("\x1b\\[\\[?[0-?]*[@-~$]|\x1bO[ -~]|[\x03\x08\x15\x17\x7f]")
_ZWJ = "\u200d"


class LineDecoder:
    """The lines of one connection; keeps less than two lines' bytes, whatever is sent."""

    __slots__ = (
        "_after_cr", "_answered", "_answers", "_at_first_end", "_at_start", "_first_by_cr", "_garbled", "_held",
        "_length", "_partial", "commands", "in_doubt", "telnet",
    )  # fmt: skip

    frames = 0
    """Parts in which the last bytes came, where each takes work of its own."""

    telnet: bool
    """The peer speaks telnet: it has sent a command, or its first line ended in CR LF or CR NUL.  Else there are no
    `answers` to give it."""

    commands: bool
    """The peer has sent a telnet command, so it takes ours for what they are.  CR LF alone, `nc -C` sends too."""

    in_doubt: bool
    """The peer was asked for BINARY and has not answered: what is no UTF-8 may have been damaged."""

    def __init__(self) -> None:
        self.telnet = self.commands = self.in_doubt = False
        self._answers = b""
        self._answered: tuple[bytes, ...] = ()  # a set has 200 bytes, of everybody and for ever
        self._held = b""  # the beginning of a telnet command
        self._after_cr = False
        self._at_first_end = True  # how the first line ends is not known yet
        self._first_by_cr = False  # the first line ended in a CR, of a telnet perhaps
        self._at_start = True  # a byte order mark may still come
        self._garbled = False  # the line without an end yet is
        self._partial = bytearray()  # the line without an end yet, empty once it is too long
        self._length = 0

    @property
    def untouched(self) -> bool:
        """Nothing has come yet."""
        return not (self._length or self._held or self.commands)

    @property
    def begun(self) -> bytes:
        """The line without an end yet, as far as it is kept."""
        return bytes(self._partial)

    def alone(self, data: bytes) -> str | None:
        """The line that these bytes are, where they are one, from its beginning to its end, and nothing but plain
        letters; None where they are to be fed."""
        if self._length or self._held or self._after_cr or self._garbled or data[-1:] != b"\n" or not data.isascii():
            return None
        line = data[: -2 if data[-2:-1] == b"\r" else -1].decode()
        return line if line.isprintable() else None

    def feed(self, data: bytes) -> list[Typed]:
        """The lines that these bytes complete."""
        if self._held or _IAC in data:
            return self._without_telnet(self._release() + data)
        return self._take(data)

    def end(self) -> list[Typed]:
        """Input has ended: the last line counts without its end, and half a telnet command is none."""
        held = self._release()
        lines: list[Typed] = []
        if held[:2] == b"\xff\xfa":
            self._garbled = True
            lines = self._take(held[2:])
        elif held == _IAC:
            lines = self._take(held)
        return lines + self._end_line()

    def _end_line(self) -> list[Typed]:
        return self._take(b"\n") if self._length or self._garbled else []

    def _drop_line(self) -> None:
        self._partial.clear()
        self._length = 0
        self._garbled = False

    def trust(self) -> None:
        """The peer had time to answer: whatever it is, its letters are what they are."""
        self.in_doubt = False

    def ask_nothing(self) -> None:
        """The peer is a program: unless it has sent a telnet command, none of ours is anything to it."""
        if not self.commands:
            self._answers = b""
            self.trust()

    def hide(self, hidden: bool) -> None:
        """Ask the peer to show no more what is typed, as though we did (RFC 857); or to show it again."""
        answer = bytes((0xFF, _WILL if hidden else _WONT, _ECHO))
        # What it answers to that is no request.
        refusal = bytes((0xFF, _WONT, _ECHO))
        if refusal not in self._answered:
            self._answered += (refusal,)
        self._answers += answer

    @property
    def ended(self) -> bool:
        """What came says that nothing more does, or broke the rules of how it is sent."""
        return False

    def kept_open(self, person: bool) -> bool:
        """Whether there is a `keepalive` for a person, or for a program, when the connection is idle."""
        return person and self.commands

    def keepalive(self, now: float, idle: bool) -> bytes:
        """What is nothing to the peer, and keeps the connection open, where it is `idle` or needs it anyway."""
        return NOP if idle and self.commands else b""

    def goodbye(self, stopping: bool, faulty: bool) -> bytes:
        """The last that is sent, where there is such a thing: that the server stops, or had a fault."""
        return b""

    def answers(self) -> bytes:
        """The bytes that telnet wants to hear from us, once."""
        answers, self._answers = self._answers, b""
        return answers

    # telnet

    def _release(self) -> bytes:
        held, self._held = self._held, b""
        return held

    def _without_telnet(self, data: bytes) -> list[Typed]:
        """The lines of data that may hold telnet's commands: they are obeyed, and leave what they mean as data."""
        lines: list[Typed] = []
        kept: list[bytes] = []

        def take() -> None:
            lines.extend(self._take(b"".join(kept)))
            kept.clear()

        done = 0
        for command in _TELNET.finditer(data):
            if command.start() > done:
                kept.append(data[done : command.start()])
            done = command.end()
            if command["unfinished"] is not None:
                self._held = command[0]
                break
            single = command["single"]
            if single == _IAC:
                kept.append(_IAC)
                continue
            if not self.telnet:
                take()
            self.commands = True
            self._speak_telnet()
            before = b"".join((self._partial[-3:], *kept[-3:]))  # none of `kept` is empty
            in_letter = _HALF_A_LETTER.search(before[-3:]) is not None
            if in_letter or command["broken"] is not None:
                take()
                self._garbled = True
            if single is not None and in_letter:
                pass  # it stands for a byte of the letter
            elif single == _END_OF_FILE:
                take()
                lines += [*self._end_line(), END_OF_INPUT]
            elif single == _INTERRUPT:
                take()
                self._drop_line()
                lines.append(INTERRUPT)
            elif single is not None:
                if single == _ARE_YOU_THERE:
                    self._answer_again(b"-> [Yes]\r\n")  # what BSD's telnetd says, behind the mark of the service
                elif single in _DATA:
                    kept.append(_DATA[single])
            elif command["verb"] is not None:
                if command["verb"][0] in (_WILL, _WONT) and command["option"][0] == _BINARY:
                    take()
                    self.in_doubt = False
                kept += self._negotiate(command["verb"][0], command["option"][0])
        if not self._held:
            kept.append(data[done:])
        take()
        return lines

    def _speak_telnet(self) -> None:
        """Debian's telnet breaks Ü and ” until it is asked for BINARY; nc shows the request as garbage.

        What ends lines in CR LF may be `nc -C`, and nothing tells it from telnet: there our next line covers that.
        """
        if not self.telnet:
            self.telnet = self.in_doubt = True
            self._answers += bytes((0xFF, _DO, _BINARY)) + (b"" if self.commands else _TO_LINE_START)

    def _negotiate(self, verb: int, option: int) -> list[bytes]:
        """Agree to BINARY both ways and refuse the rest, each once; what can be no option is text again."""
        if verb == _DO and option == _TIMING_MARK:
            self._answer_again(bytes((0xFF, _WILL, option)))  # telnet discards all output from ^C until this comes
        elif verb in _REFUSAL:
            if verb == _WILL and option == _BINARY:
                return []
            answer = bytes((0xFF, _WILL if option == _BINARY else _REFUSAL[verb], option))
            if answer not in self._answered:
                self._answered += (answer,)
                self._answers += answer
        elif option >= _PRINTABLE and bytes((0xFF, _WONT + _DONT - verb, option)) not in self._answered:
            return [bytes((option,))]
        return []

    def _answer_again(self, answer: bytes) -> None:
        """Answer what may be asked any number of times, unless too many answers wait already."""
        if len(self._answers) < TELNET_ANSWERS:
            self._answers += answer

    # line ends

    def _take(self, data: bytes) -> list[Typed]:
        """The lines that this data, free of telnet, completes."""
        if not data:
            return []
        if self._after_cr or self._at_first_end or b"\r" in data:
            data = self._with_lf_only(data)
        lines: list[Typed] = []
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
            self._first_by_cr = end[0] != b"\n"
            if len(end[0]) == 2:
                self._speak_telnet()
            self._at_first_end = self._after_cr and end.end() == len(data)
        return data.replace(b"\r\n", b"\n").replace(b"\r\0", b"\n").replace(b"\r", b"\n")

    def _complete(self, data: bytes, lines: list[Typed]) -> None:
        """Add the lines of data whose last line end was taken off."""
        if self._length > LINE or self._garbled:
            rest, more, data = data.partition(b"\n")
            length = self._length + len(rest)
            line = bytes(self._partial) + rest
            lines.append(Overlong(length, LINE) if length > LINE else Garbled(_edited(_decoded(line)[0])))
            self._drop_line()
            self._first_by_cr = False
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
                    self._first_by_cr = False
                    lines += texts
                    return
        for line in data.split(b"\n"):
            lines.append(self._line(_without_ends_of_input(line, lines)))
            self._first_by_cr = False

    def _line(self, line: bytes) -> Typed:
        if len(line) > LINE:
            return Overlong(len(line), LINE)
        text, is_utf8 = _decoded(line)
        text = _edited(text)
        return text if is_utf8 or not (self.in_doubt or self._first_by_cr) else Garbled(text)

    def _begin(self, data: bytes, lines: list[Typed]) -> None:
        """Keep the beginning of a line, or only its length once it is too long."""
        if not (self._length or self._garbled):
            data = _without_ends_of_input(data, lines)
        self._length += len(data)
        if self._length <= LINE:
            self._partial += data
        else:
            self._partial.clear()


def _without_ends_of_input(line: bytes, lines: list[Typed]) -> bytes:
    """The line without ^D at its start; each is a line of its own."""
    rest = line.lstrip(b"\x04")
    lines += [END_OF_INPUT] * (len(line) - len(rest))
    return rest


def _decoded(line: bytes) -> tuple[str, bool]:
    """The text of a line, and whether it is UTF-8."""
    try:
        return line.decode(), True
    except UnicodeDecodeError:
        return line.decode("cp1252", "replace"), False


def _edited(text: str) -> str:
    """What the author of a line meant to send."""
    kept: list[str] = []
    done = 0
    for edit in _EDIT.finditer(text):
        kept += text[done : edit.start()]
        done = edit.end()
        if edit[0] in "\x03\x15":
            kept.clear()
        elif edit[0] == "\x17":
            _rub_out_word(kept)
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


def _rub_out_word(characters: list[str]) -> None:
    """Remove the last word, with the blanks behind it."""
    while characters and characters[-1] in " \t":
        characters.pop()
    while characters and characters[-1] not in " \t":
        characters.pop()


def _extends(char: str) -> bool:
    """Whether a character only changes the one before it: marks, selectors, joiners, skin tones."""
    return char == _ZWJ or unicodedata.category(char) in ("Mn", "Me", "Mc") or "\U0001f3fb" <= char <= "\U0001f3ff"
