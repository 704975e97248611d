"""The table of attacks: what one connection sends, and what must be true of it; `test_attacks` says what always must.

An attack is a row, not a program: what takes more than one connection, or one that is not read, is in `test_crowds`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

MEGABYTE = 2**20
IAC = b"\xff"


@dataclass(frozen=True, slots=True)
class Attack:
    """What somebody does to the others in the room."""

    name: str
    sends: bytes
    """In one go, after entering as mallory."""
    hears: Sequence[str] = ()
    """What they are answered, in this order; then they are there as before, and answered a ping."""
    others_hear: Sequence[str] = ()
    """In this order."""
    nobody_hears: Sequence[str] = ()
    """Of the others, before mallory has left."""
    piece: int = 0
    """So many bytes a packet, if not as many as fit."""
    enters: bool = True
    """They have a nickname first."""
    json: bool = False
    """They speak as programs do."""
    stays: bool = True
    """They are not let go for it."""
    megabytes: float = 4
    """The memory of the server grows by no more meanwhile."""


def obj(line: str, **keys: object) -> bytes:
    """A program's line."""
    return json.dumps({"line": line, **keys}).encode() + b"\n"


BYTES = [
    Attack(
        "an endless line", b"x" * 8 * MEGABYTE + b"\n", ["! too-long: This line has 8388608 bytes, the limit is 16384."]
    ),
    Attack("an endless line that never ends", b"x" * 8 * MEGABYTE, nobody_hears=["xxxx"], stays=False),
    Attack("a line of the limit", b"y" * 2000 + b"\n", others_hear=["<mallory> " + "y" * 2000 + "\r\n"]),
    Attack("a line above the limit", b"z" * 2001 + b"\n", ["! too-long: This has 2001 bytes"], nobody_hears=["zzz"]),
    Attack(
        "lines around what is read",
        b"".join(b"w" * size + b"\n" for size in (16383, 16384, 16385)),
        ["16383 bytes", "16384 bytes", "16385 bytes"],
        nobody_hears=["www"],
    ),
    Attack("a megabyte of newlines", b"\n" * MEGABYTE),
    Attack("a megabyte of CR NUL", b"\r\0" * (MEGABYTE // 2)),
    Attack("a megabyte of rub-outs", b"ab\x08\x7f" * (MEGABYTE // 4) + b"\n"),
    Attack("a line of nothing but rub-outs", (b"ab" * 4000 + b"\x7f" * 8000 + b"\n") * 20),
    Attack("a byte a packet", b"q" * 1500 + b"\n", others_hear=["<mallory> " + "q" * 1500 + "\r\n"], piece=1),
    Attack("a character cut into its bytes", "Ü☃👩‍🚀\n".encode(), others_hear=["<mallory> Ü☃👩‍🚀\r\n"], piece=1),
    Attack(
        "invalid UTF-8",
        b"\xc0\xaf \xed\xa0\x80 \xf5\x80\x80\x80 \xf8\x88\x80\x80\x80 \xc3(\n",
        others_hear=["<mallory> À¯ í\xa0€"],
    ),
    Attack("Latin-1", b"se\xf1or \x93quoted\x94\n", others_hear=["<mallory> señor “quoted”\r\n"]),
    Attack("UTF-16", "hi".encode("utf-16-le") + b"\n\0\n", others_hear=["<mallory> h␀i␀\r\n"]),
    Attack("a byte order mark later on", b"\xef\xbb\xbfhi\n", others_hear=["<mallory> \ufeffhi\r\n"]),
    Attack(
        "what terminals obey",
        b"\x1b]0;PWNED\x07\x1b[2J\x9b31m\xc2\x9b2J\x08\x1b[6n\n",
        others_hear=["␛]0;PWNED␇"],
        nobody_hears=["\x1b", "\x07", "\x9b"],
    ),
    Attack(
        "bidi, tags and separators",
        "\u202eevil\u2066 a\u2028b\U000e0041\n".encode(),
        others_hear=["<mallory> \ufffdevil\ufffd a\ufffdb\ufffd\r\n"],
    ),
    Attack("a pile of marks", b"z" + "\u0335".encode() * 500 + b"!\n", nobody_hears=["\u0335" * 7]),
    Attack(
        "marks of the service",
        b"-> x\n! y\n-!- root joined #lobby\n-- z --\n<ann> not me\n",
        others_hear=["<mallory> -> x", "<mallory> <ann> not me"],
        nobody_hears=["\n-> x", "\n! y", "\n-!- root", "\n-- z", "\n<ann> not me"],
    ),
    Attack(
        "a second line behind a CR",
        b"hi\r-!- root joined\n",
        others_hear=["<mallory> hi\r\n<mallory> -!- root joined\r\n"],
    ),
    Attack(
        "formats",
        b"{nick.__class__} {0} %s %n %(x)s $HOME\n/topic {0} %s\n",
        others_hear=["<mallory> {nick.__class__} {0} %s %n %(x)s $HOME\r\n", '"{0} %s"'],
    ),
]

TELNET = [
    Attack(
        "every option, ten thousand times",
        b"".join(IAC + bytes([verb, option]) for option in range(255) for verb in range(251, 255)) * 40
        + b"\n",  # printable ones are no options but text
    ),
    Attack("a subnegotiation of a megabyte", IAC + b"\xfa\x18" + b"x" * MEGABYTE + b"\n", ["! too-long"]),
    Attack("subnegotiations that never end", (IAC + b"\xfa\x18\x00") * 100_000 + b"x" * 1100 + b"\n"),
    Attack("a storm of IAC", IAC * MEGABYTE + b"\n", ["! too-long"]),
    Attack("a storm of are you there", IAC + b"\xf6" + (IAC + b"\xf6") * 200_000 + b"\n"),
    Attack("a storm of timing marks", (IAC + b"\xfd\x06") * 200_000 + b"\n"),
    Attack(
        "an interruption in the middle of a character",
        b"a\xe2" + IAC + b"\xf4" + IAC + b"\xfd\x06\x98\x83b\nhi\n",
        others_hear=["<mallory> hi\r\n"],
        nobody_hears=["<mallory> a", "b\r\n"],
    ),
    Attack("half a command at the end", b"hi\n" + IAC + b"\xfd", others_hear=["<mallory> hi\r\n"], stays=False),
    Attack(
        "commands byte by byte",
        b"o" + IAC + b"\xfb\x01n" + b"e" + IAC + b"\xfa\x1f\x00\x50\x00\x18" + IAC + b"\xf0\n",
        others_hear=["<mallory> one\r\n"],
        piece=1,
    ),
]

COMMANDS = [
    Attack(
        "commands that are none",
        b"/\n/ x\n/usr/bin\n/*\n// x\n//who\n",
        others_hear=["<mallory> /\r\n", "<mallory> /usr/bin\r\n", "<mallory> // x\r\n", "<mallory> /who\r\n"],
    ),
    Attack(
        "commands behind blanks",
        b" /msg bob secret\n\t/quit\n",
        ["! slash-space", "! slash-space"],
        nobody_hears=["secret"],
    ),
    Attack(
        "commands that do not exist",
        b"/foo\n/" + b"a" * 15_000 + b"\n",
        ["! unknown-command: /foo", "! unknown-command: /aaaaaaaaaaaaaaaaaaaa. "],
    ),
    Attack(
        "two hundred arguments", b"/nick" + b" a" * 200 + b"\n/join #a" + b" b" * 200 + b"\n", ["! nick-bad", "! usage"]
    ),
    Attack(
        "no arguments",
        b"/msg\n/me\n/join\n/ignore nobody\n/msg bob\n",
        ["! usage", "! usage", "! usage", "! not-here", "! usage"],
    ),
    Attack(
        "names that are none",
        b"/nick "
        + "\u0301".encode() * 1000
        + b"\n/nick \xf0\x9f\xa4\xa1\n/join ##\n/join #"
        + "\u0301a\n".encode()
        + b"/msg "
        + b"b" * 9000
        + b" hi\n",
        ["! nick-bad", "! nick-bad", "! room-bad", "! room-bad", "! not-here"],
    ),
    Attack(
        "names like those of others",
        "/nick \u0410NN\n/nick b\u00adob\n/nick \uff41nn\n/nick server\n".encode(),
        ["! nick-", "! nick-", "! nick-", "! nick-reserved"],
        nobody_hears=["is now known as"],
        megabytes=16,  # a table of what looks alike is loaded the first time
    ),
    Attack(
        "numbers that are none",
        b"/last 99999999999999999999\n/last -1\n/last 0\n/last 501\n"
        b"/since 99:99\n/since 9999-12-31\n/since 0001-01-01\n/since 9999d\n",
        ["! ", "! ", "! ", "! ", "! "],
    ),
    Attack(
        "searches without end",
        (b"/grep " + b"%_*\\'\" " * 3 + b"\n/grep " + b"a " * 15 + b"\n") * 100 + b"/grep " + b"a " * 900 + b"\n",
        ["! too-many: /grep takes"],
        megabytes=16,
    ),
    Attack("dates without end", b"/since 9999d\n/since yesterday\n/since 2026-01-01\n" * 100, megabytes=16),
    Attack(
        "a thousand nicknames",
        b"".join(b"/nick m%d\n" % number for number in range(1000)) + b"/nick mallory\n",
        megabytes=8,
    ),
    Attack(
        "a thousand rooms", b"".join(b"/join #r%d\n" % number for number in range(1000)), ["! too-many"], megabytes=8
    ),
    Attack(
        "a thousand rooms, one after the other",
        b"".join(b"/join #s%d\n/leave #s%d\n" % (number, number) for number in range(1000)) + b"/join #lobby\n",
        megabytes=16,
    ),
    Attack("a thousand topics", b"".join(b"/topic t%d\n" % number for number in range(1000)), megabytes=8),
    Attack(
        "a paste that never ends",
        b"/paste\n" + b"leaked\n" * 50_000 + b"/cancel\n",
        ["! too-long"],
        nobody_hears=["leaked"],
    ),
    Attack(
        "a paste of long lines",
        b"/paste\n" + (b"leaked" * 300 + b"\n") * 1000 + b"/cancel\n",
        ["! too-long"],
        nobody_hears=["leaked"],
    ),
    Attack(
        "codes that are guessed",
        b"".join(b"/resume AAA%d-BBB%d\n" % (number, number) for number in range(2, 9)),
        ["! code-wrong"] * 5 + ["! too-many"],
        enters=False,
        stays=False,
    ),
    Attack(
        "names that are none where one is asked for",
        b"/\n-\n" + b"n" * 5000 + b"\n" + b"\xff" * 99 + b"\n",
        ["! nick-bad", "! nick-bad"],
        enters=False,
        stays=False,
    ),
]

OBJECTS = [
    Attack(
        "depth",
        b'{"line":' + b"[" * 8000 + b"\n" + b'{"a":' * 2500 + b"\n" + b"[" * 16_000 + b"\n",
        ['"usage"', '"usage"'],
        json=True,
    ),
    Attack(
        "numbers",
        b"".join(obj("hi", before=number) for number in (-1, 2**63, 10**4000, 1.5, True))
        + b'{"line":"hi","before":1e999}\n{"line":"hi","before":NaN}\n',
        ['"usage"'] * 7,
        nobody_hears=["<mallory> hi"],
        json=True,
    ),
    Attack(
        "a number too long to read",
        b'{"line":"hi","x":' + b"9" * 10_000 + b"}\n",
        ['"usage"'],
        nobody_hears=["<mallory> hi"],
        json=True,
    ),
    Attack(
        "keys that come twice",
        b'{"line":"one","line":"two","id":"1","id":"2"}\n',
        ['"id":"2"'],
        others_hear=["<mallory> two"],
        nobody_hears=["<mallory> one"],
        json=True,
    ),
    Attack(
        "ids",
        obj("a1", id="i" * 64)
        + obj("a2", id="i" * 65)
        + obj("a3", id=7)
        + obj("a4", id=["x"])
        + obj("a5", id="")
        + obj("a6", id="same")
        + obj("a7", id="same"),
        ['"too-long"', '"usage"', '"usage"', '"ack"', '"ack"', '"ack"', '"id-used"'],
        others_hear=["<mallory> a1", "<mallory> a6"],
        nobody_hears=["a2", "a3", "a4", "a7"],
        json=True,
    ),
    Attack(
        "halves of characters",
        b'{"line":"x\\ud800y \\udfff","id":"\\ud800","room":"#lobby"}\n'
        b'{"line":"/topic \\udc00"}\n{"line":"/me z","room":"#\\ud800"}\n',
        ['"ack"'],
        others_hear=["<mallory> x\ufffdy \ufffd"],
        json=True,
    ),
    Attack(
        "what was never seen",
        obj("/resume c0de", seen={"#lobby": -1})
        + obj("/resume c0de", seen={"#lobby": 2**63})
        + obj("/resume c0de", seen={"x": []})
        + obj("/resume c0de", seen=[1])
        + obj("/resume c0de", seen={"@" * number: 1 for number in range(300)}),
        ['"usage"'] * 4,
        json=True,
    ),
    Attack(
        "lines in lines",
        obj("a\r\n-!- root joined\x1b[2J\n! no") + obj("/me x\n/quit"),
        ['"usage"'],
        others_hear=["<mallory> a␍\r\n  | -!- root joined␛[2J\r\n  | ! no\r\n"],
        json=True,
    ),
    Attack(
        "a thousand lines as one",
        obj("a\n" * 1000) + obj("\n" * 15_000),
        ['"too-long"', '"too-long"'],
        nobody_hears=["<mallory> a"],
        json=True,
    ),
    Attack(
        "rooms that are none",
        obj("hi", room="x" * 9000) + obj("hi", room="") + obj("hi", room="#nowhere") + obj("hi", room=["#lobby"]),
        ['"error"'] * 4,
        nobody_hears=["<mallory> hi"],
        json=True,
    ),
    Attack(
        "objects that are none",
        b'{}\n{"line":null}\n[]\n"x"\nnull\n{\n{"line":"hi"}}\n\xff\xfe{\n',
        ['"usage"'],
        json=True,
    ),
]


BODY = b"amy\nhello everybody\n/nick eve\nhello everybody\n"

STRANGERS = [
    Attack(name, data, nobody_hears=["everybody", "amy", "eve"], enters=False, stays=False)
    for name, data in {
        "a browser": b"GET / HTTP/1.1\r\nHost: chat\r\n\r\n",
        "a form that a web page sends": b"POST /amy HTTP/1.1\r\nContent-Length: 99\r\n\r\n" + BODY,
        "a proxy's client": b"CONNECT chat:80 HTTP/1.1\r\n\r\n" + BODY,
        "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\x12\x04\0\0\0\0\0",
        "TLS": bytes.fromhex("16030100410100003d0303")
        + bytes(32)
        + bytes.fromhex("000002c02f01000012000a00040002001d") * 8,
        "ssh": b"SSH-2.0-OpenSSH_9.2p1\r\n\0\0\x05\xdc\x07\x14" + bytes(range(256)),
        "SOCKS 4": b"\x04\x01\x00\x50\x7f\0\0\1amy\0",
        "SOCKS 5": b"\x05\x02\x00\x02",
        "a remote desktop": b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\1\0\x08\0\x03\0\0\0",
        "a file server's client": b"\0\0\0\x85\xffSMBr\0\0\0\0\x18S\xc8" + bytes(120),
        "nothing but NUL": bytes(MEGABYTE),
    }.items()
]

ATTACKS = [*BYTES, *TELNET, *COMMANDS, *OBJECTS, *STRANGERS]
"""All of them."""
