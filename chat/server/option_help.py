"""What `twistd chat --help` says: each option in a sentence or two, in groups."""

from collections.abc import Mapping, Sequence

from chat.base import limits
from chat.base.language import Sentence, known_languages, say
from chat.doors import control
from chat.wire.join_hints import DEFAULT_PORT, DEFAULT_SSH_PORT, DEFAULT_TLS_PORT

GRACE_MOST = 86400
CLIENTS_MOST = 10**6

LONG = say(
    "A chat that people join with netcat, telnet or chat-client. Without options it listens on port {port} of all "
    "interfaces, IPv4 and IPv6, and encrypted on {tls_port}. twistd chat goes into the background; twistd -n chat and "
    "chat-server stay on the screen. chat-server check, with the same options, says all that is wrong with them, and "
    "starts nothing.",
    port=DEFAULT_PORT,
    tls_port=DEFAULT_TLS_PORT,
)

_ENDPOINT = "tcp:4000:interface=127.0.0.1"

GROUPS: Sequence[tuple[Sentence, Mapping[str, Sentence]]] = (
    (
        say("Where people come in:"),
        {
            "port": say(
                "Where to listen: a number, for all interfaces, or a Twisted endpoint such as {endpoint}. May be "
                "given several times; {port} if not at all. none opens only what --tls-port and --ssh-port say.",
                endpoint=_ENDPOINT,
                port=DEFAULT_PORT,
            ),
            "tls-port": say(
                "Where to listen with TLS: a number or an endpoint as for --port, without TLS in it. May be given "
                "several times; {port} if not at all, beside a --port that is a number. none opens none.",
                port=DEFAULT_TLS_PORT,
            ),
            "ssh-port": say(
                "Where to listen for ssh: a number, such as {port}, or an endpoint as for --port. May be given several "
                "times; nowhere if not at all. It needs the extra ssh.",
                port=DEFAULT_SSH_PORT,
            ),
            "control": say(
                "The file of the control socket: whoever may open it is the server's operator, as chat-server admin "
                "does. It is {name} in the directory of --data, and yours alone; none opens none.",
                name=control.NAME,
            ),
            "metrics-port": say(
                "Where monitoring reads metrics (Prometheus'), at /metrics: a number, for this machine alone, or an "
                "endpoint. It needs the extra metrics."
            ),
            "web": say("A page for browsers at the same ports: on or off; on if not given."),
            "web-name": say(
                "A name under which browsers come, such as chat.example.org; addresses, names without a dot and those "
                "that end with .local are known anyhow. May be given several times."
            ),
            "public-log": say(
                "A room, such as #news, whose transcript everybody may read in a browser, at /log/news, while it is "
                "public. May be given several times."
            ),
            "shared-computers": say("Browsers keep nothing beyond a tab: many people use one computer."),
            "certificate": say("For TLS: a PEM file, or a directory as certbot's; if not given, one is made."),
            "private-key": say("Its key; if not given, it is in the certificate's file or directory."),
            "discoverable": say(
                "Make it known on the local network, so that chat-client --find lists it. It needs the extra lan."
            ),
            "proxy": say(
                "The address of a proxy that hands people on without a PROXY header, such as 127.0.0.1. When a line "
                "from there ends, the nickname is held for the grace, as after a cut; of browsers, the last "
                "X-Forwarded-For and X-Forwarded-Proto count. May be given several times."
            ),
        },
    ),
    (
        say("Who comes in:"),
        {
            "password-file": say(
                "A file with one line: a password that everybody has to give before all else, unless they come with a "
                "resume code or log in."
            ),
            "registered-only": say(
                "Only who has an account comes in; one registers with a code that chat-server admin invite-code makes."
            ),
            "max-clients": say(
                "How many may be connected, at most {most}; 0 is what the system allows.", most=CLIENTS_MOST
            ),
            "max-per-host": say("How many may be connected from one address; 0 is no limit."),
            "ban": say(
                "An address or network, such as 192.0.2.7 or 2001:db8::/48, that may not connect. May be given "
                "several times; of IPv6, what is smaller than a network of 64 bits bans that."
            ),
            "reserved": say(
                "A nickname, such as caretaker, that nobody may take, as those of the service. May be given several "
                "times."
            ),
        },
    ),
    (
        say("What is kept:"),
        {
            "data": say(
                "The directory of database, certificate and key; $STATE_DIRECTORY or the current one if not given."
            ),
            "database": say(
                "Where talk is kept: a file, or {address} for PostgreSQL, which needs the extra postgres; memory: "
                "keeps it only until the server ends.",
                address="postgresql://chat@db1/chat",
            ),
            "node": say(
                "What this server is called where several use one database of PostgreSQL: they are one chat, and "
                "people of one that is gone are held by another."
            ),
            "address": say(
                "With --node, how people come to this one: https://HOST/ for browsers, tls://HOST for programs. The "
                "other nodes tell it to theirs, whose page goes there by itself when its own is gone. May be given "
                "several times."
            ),
            "sync": say("What is acknowledged survives a power cut (full), or kill -9 (normal, faster)."),
            "keep": say(
                "What is kept: all, 30d (a month; also 12h, 8w), 5000lines (what people said last in each room), or "
                "10GB (in all: of the largest rooms the oldest lines go first)."
            ),
            "min-free": say(
                "How much of the disk stays free: the log warns in time, and below it no line is stored. 1GB if not "
                "given, of a small disk a fiftieth; 0 is none."
            ),
            "backup-to": say("A directory for a copy of the database each night; seven are kept."),
            "skip-damaged": say("Start without the rows of the database that are damaged; they stay in the file."),
            "history": say(
                "How many lines people see of what was said before they came, at most {most}.",
                most=limits.HISTORY_MOST,
            ),
            "unrecorded": say(
                "A room, such as #coffee, of which nothing is kept; who enters it is told. May be given several times."
            ),
        },
    ),
    (
        say("What it says:"),
        {
            "name": say("What the server calls itself; the host's name if not given."),
            "motd": say("A file with a message of the day, five lines at most."),
            "language": say(
                "The language of the server's sentences: {languages}.", languages=", ".join(known_languages())
            ),
        },
    ),
    (
        say("How it behaves:"),
        {
            "for": say(
                "Values of other options for a use: class (many from one address, class mode), open (guests who came "
                "just now may less) or home (nobody is slowed, a word is asked for). The start tells them; an option "
                "that is given by itself wins."
            ),
            "grace": say("How many seconds a nickname is held after a line dropped, at most {most}.", most=GRACE_MOST),
            "rate": say("Lines a second that one may say after a burst of {burst}; 0 is no limit.", burst=limits.BURST),
        },
    ),
    (
        say("Other:"),
        {
            "log-json": say("The log has one JSON object a line, for programs."),
            "log-connections": say("The log says who connects from which address, as whom, and who goes."),
            "config": say(
                "A file of options, one a line, as  name value  without dashes; # begins a comment. The command line "
                "wins over it, and adds to what may be given several times. SIGHUP reads it again."
            ),
            "version": say("Show the version."),
            "help": say("Show this."),
        },
    ),
)
