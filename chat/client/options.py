"""The command line of `chat-client`: what can be chosen, and what is wrong with what was."""

import os
import re
from collections.abc import Callable, Mapping
from ipaddress import IPv6Address, ip_address
from typing import Any, ClassVar

from chat.base import fingerprint, tokens
from chat.base.command_line import CommandLine, Wrong, language_of
from chat.base.language import Language, known_languages, language, say
from chat.base.named_tuples import NamedTuple
from chat.client.settings import Saved
from chat.wire.join_hints import DEFAULT_PORT, DEFAULT_TLS_PORT, join

HELP = say(
    """\
Usage: chat-client [options] [HOST[:PORT] ...]

Talk with everybody on a chat server; without HOST, with the one on this
computer (localhost:12345), or at a terminal with the one that you are asked
for once. HOST may be tls://HOST, or a name given with --save. Several are
addresses of one chat: where one is gone the next is tried. At a terminal you
type and read. With input or output not a terminal, each line of input is
said, what others say goes to standard output with its date, everything else
to standard error.

  -n, --nick NICK      Your nickname; you are asked for it if you give none.
  -r, --room ROOM      The room to talk in, beside #lobby.
  -f, --follow         Record until stopped, whatever happens to the
                       connection: chat-client --follow host >> file
      --since WHEN     Write what was said in the room since 2026-11-21, or
                       22:00, 30m, yesterday, and end:
                       chat-client --since yesterday -r ops host > ops.txt
      --json           Write the server's objects, one JSON object a line; a
                       line of input may be one, too. With --follow, two pipes
                       make any program a bot that lives through restarts.
      --post           Say each line of standard input without staying, as
                       the --nick you give: uptime | chat-client --post -n pi
      --tls            Encrypt; without a port it is {encrypted}. A server whose
                       certificate no authority vouches for is asked about
                       at a terminal the first time, and remembered.
      --fingerprint F  Encrypt, and take exactly the certificate with this
                       SHA-256 fingerprint.
      --color WHEN     auto, on or off; auto heeds NO_COLOR.
      --on-mention CMD A command that gets each line that calls you on its
                       standard input, one at a time.
      --find           List the servers that make themselves known on the local
                       network (started with --discoverable), and end.
      --save NAME      Remember this server, with --nick, --room and --tls:
                       chat-client NAME is the same from then on.
      --gui            The same in a window, which asks for the server and
                       your nickname; it needs Tk and the extra `gui`.
      --plain          Nothing is drawn: lines come as they come, for whoever
                       listens to a screen, or wants it so. CHAT_PLAIN=1 is
                       the same.
      --language CODE  The language of this program: {languages}.
                       Yours, if it is one of these.
      --version        Show the version.
  -h, --help           Show this.

A server that has a password asks for it; to a script it is given by the
environment, as CHAT_SERVER_PASSWORD.

In the chat, /help lists what you can do; Ctrl-D, Ctrl-C or /quit leaves.
When the connection drops it comes back by itself, with what you missed, and
each of your lines is said once. At a terminal, and with --follow, that is so
even if this program is killed: your place and what was not confirmed are kept
for the next start in $XDG_STATE_HOME/chat (~/.local/state/chat) until you
leave, which takes them away.

A program of an account has a token, which /token new tells in the chat. With
it in the variable CHAT_TOKEN, --nick NICK comes in, or posts, as that account.

Exit codes: 0  everything was said and confirmed, or you just left
            1  no connection to the server
            2  a mistake on the command line
            3  the server, or a limit, refused something: it was not said
            4  the connection ended before everything was confirmed
            5  the output could not be written, a full disk for one
            6  the server's certificate is not trusted, or it speaks no TLS
            7  a fault of this program; where it is written down is said
""",
    encrypted=DEFAULT_TLS_PORT,
    languages=", ".join(known_languages()),
)

DEFAULT_HOST = "localhost"

TOKEN = "CHAT_TOKEN"
"""The variable that holds a token; it is no option, for anybody can read those of a running program."""


class Server(NamedTuple):
    """Where the server is."""

    host: str
    port: int
    tls: bool = False

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def address(self) -> str:
        """All of it in one word."""
        return f"tls://{self}" if self.tls else str(self)

    @property
    def is_safe(self) -> bool:
        """Whether nobody else can answer in its place."""
        return self.tls or self.host.lower() == "localhost" or _is_loopback(self.host)


class Servers(tuple[Server, ...]):
    """The addresses of one chat, at least one, in the order in which they are tried: all encrypted, or none."""

    __slots__ = ()

    def __str__(self) -> str:
        return ", ".join(map(str, self))

    @property
    def address(self) -> str:
        """All of it in one line."""
        return " ".join(server.address for server in self)

    @property
    def tls(self) -> bool:
        """They are encrypted."""
        return self[0].tls

    @property
    def is_safe(self) -> bool:
        """Whether nobody else can answer in the place of any."""
        return all(server.is_safe for server in self)


class Options(CommandLine):
    """What can be chosen; `environ` knows the language of whoever chooses."""

    program = command = "chat-client"

    optParameters: ClassVar[list[list[Any]]] = [
        ["nick", "n", None],
        ["room", "r", None],
        ["since", None, None],
        ["fingerprint", None, None],
        ["color", None, None],
        ["on-mention", None, None],
        ["save", None, None],
    ]
    optFlags: ClassVar[list[list[Any]]] = [
        ["follow", "f"],
        ["json", None],
        ["post", None],
        ["tls", None],
        ["plain", None],
        ["find", None],
        ["gui", None],
    ]

    def __init__(
        self,
        environ: Mapping[str, str] = os.environ,
        saved: Callable[[str], Saved | None] = lambda name: None,
    ) -> None:
        super().__init__()
        self.language = locale_language(environ)
        self.servers = Servers([Server(DEFAULT_HOST, DEFAULT_PORT)])
        self.names_server = False
        """Whether one was named, or it is the usual one."""

        self._saved = saved
        self._environ = environ
        self.token: str | None = None
        """By which a program comes in as an account."""

    def opt_language(self, code: str) -> None:
        """(usage.Options)"""
        self.language = language_of(code)

    def __str__(self) -> str:
        """The help."""
        return self.language.words(HELP)

    def parseArgs(self, *servers: str) -> None:
        """(usage.Options)"""
        if len(servers) == 2 and servers[0] and servers[1].isdecimal():
            # As nc and telnet have it.
            host, port = servers
            servers = (join(host, int(port)) if _is_ipv6(host) else f"{host}:{port}",)
        for word in servers:
            # Empty it is a variable that is not set, perhaps.
            if not word or (word.isdecimal() and len(servers) > 1):
                raise Wrong(word or "''", say("a server is HOST or HOST:PORT, as in {example}.", example=_EXAMPLE))
        self["tls"] = bool(self["tls"]) or self["fingerprint"] is not None
        self.names_server = bool(servers)
        addresses = []
        for word in servers:
            saved = self._saved(word) or Saved(word)
            addresses.append(saved.address)
            self["nick"] = self["nick"] or saved.nick
            self["room"] = self["room"] or saved.room
        self.take(parse_addresses(" ".join(addresses), bool(self["tls"])))

    def take(self, servers: Servers) -> None:
        """Let it be these."""
        self.servers = servers
        self["tls"] = servers.tls

    def postOptions(self) -> None:
        """(usage.Options)"""
        if self["color"] not in (None, "auto", "on", "off"):
            raise Wrong(f"--color {self['color']!r}", say("it takes auto, on or off."))
        for name in ("nick", "room", "save"):
            if self[name] is not None and (not self[name] or re.search(r"\s", self[name])):
                raise Wrong(f"--{name} {self[name]!r}", say("it is one word, without blanks."))
        if self["fingerprint"] is not None:
            self["fingerprint"] = _parse_fingerprint(self["fingerprint"])
        if self["room"] is not None:
            self["room"] = "#" + self["room"].removeprefix("#")
        if self["since"] is not None and not re.fullmatch(r"\S+( \S+)?", self["since"]):
            raise Wrong("--since", say("it takes a date or a time, as in {example}.", example="2026-11-21 22:00"))
        if self["since"] is not None and (self["follow"] or self["post"]):
            raise Wrong("--since", say("it ends when all is written, so it does not go with --follow or --post."))
        if self["gui"]:
            for name in ("follow", "json", "post", "since", "plain"):
                if self[name]:
                    raise Wrong("--gui", say("it does not go with {option}.", option=f"--{name}"))
        if given := self._environ.get(TOKEN):
            self.token = tokens.normal(given)
            if self.token is None:
                raise Wrong(TOKEN, say("it is what /token new told: {begin} and 32 signs.", begin=tokens.BEGINNING))
        if self["post"] and not self["nick"]:
            raise Wrong("--post", say("it says it as somebody: add --nick NICK."))
        if self["post"] and (self["follow"] or self["json"]):
            raise Wrong("--post", say("it does not stay, so it does not go with --follow or --json."))


def parse_addresses(text: str, tls: bool = False) -> Servers:
    """The addresses of a chat, with blanks or commas between them; where one is encrypted, all are.  Raises `Wrong`."""
    words = re.split(r"[\s,]+", text.strip(" \t,"))
    tls = tls or any(word.startswith("tls://") for word in words)
    return Servers(dict.fromkeys(parse_address(word, tls) for word in words))


def parse_address(text: str, tls: bool = False) -> Server:
    """The same with `tls://` before it, or `chat://`; raises `Wrong`."""
    scheme, mark, rest = text.partition("://")
    if mark and scheme not in ("tls", "chat"):
        raise Wrong(text, say("a server is HOST or HOST:PORT, as in {example}.", example=_EXAMPLE))
    tls = tls or (mark != "" and scheme == "tls")
    server = parse_server(rest.rstrip("/") if mark else text, DEFAULT_TLS_PORT if tls else DEFAULT_PORT)
    return server._replace(tls=tls)


def parse_server(text: str, usual_port: int = DEFAULT_PORT) -> Server:
    """HOST, HOST:PORT, [IPv6]:PORT or a bare IPv6 address; raises `Wrong` for anything else."""
    match = re.fullmatch(r"\[([^\[\]\s]+)\](?::(.*))?|([^:\[\]\s]*)(?::([^:]*))?", text)
    if match:
        host, port = match[1] or match[3], match[2] if match[1] else match[4]
    elif _is_ipv6(text):
        host, port = text, None
    else:
        raise Wrong(text, say("a server is HOST or HOST:PORT, as in {example}.", example=_EXAMPLE))
    if port is None:
        return Server(host or DEFAULT_HOST, usual_port)
    if not (port.isascii() and port.isdecimal() and len(port) < 6 and 0 < int(port) < 65536):
        raise Wrong(text, say("a port is a number from 1 to 65535, as in {example}.", example=_EXAMPLE))
    return Server(host or DEFAULT_HOST, int(port))


_EXAMPLE = "pi.local:12345"


def _parse_fingerprint(text: str) -> str:
    """As `chat.base.fingerprint` writes it; raises `Wrong`."""
    if (found := fingerprint.normal(text.strip())) is None:
        raise Wrong(f"--fingerprint {text!r}", say("it is SHA256: and 32 numbers of two digits, 0 to 9 and A to F."))
    return found


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True


def locale_language(environ: Mapping[str, str]) -> Language:
    """The language that a user's locale says, English where there is no catalogue for it."""
    locale = next(filter(None, map(environ.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "en")
    try:
        return language(re.split(r"[.@]", locale)[0])
    except LookupError:
        return language("en")
