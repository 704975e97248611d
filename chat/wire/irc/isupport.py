"""What the server tells of itself in numbers 004 and 005, in ASCII (modern.ircdocs.horse, RPL_ISUPPORT)."""

from collections.abc import Iterator, Sequence

from chat.base import limits

MODES = ("Bio", "biklmnostv", "bklov")
"""Letters of modes that people and rooms have, and of those that have a parameter: nobody's address is seen (`i`), and
nobody talks to a room from outside (`n`)."""

ACCOUNT_BAN = "$a:"
"""Before the name of an account that is banned from a room."""

PER_LINE = 12
"""Tokens in a message: with its own parameters it has fifteen, the most that RFC 1459 allows."""


def rows(server: str) -> Iterator[Sequence[str]]:
    """The tokens, as many as stand in one message."""
    tokens = _tokens(server)
    for start in range(0, len(tokens), PER_LINE):
        yield tokens[start : start + PER_LINE]


def _tokens(server: str) -> Sequence[str]:
    targets = ("JOIN", "PART", "PRIVMSG", "NOTICE", "NAMES", "WHOIS", "KICK")
    return (
        f"NETWORK={_ascii(server)}",
        "CASEMAPPING=ascii",
        "CHANTYPES=#",
        f"CHANLIMIT=#:{limits.ROOMS_PER_PERSON}",
        "CHANMODES=b,k,l,imnst",
        "PREFIX=(ov)@+",
        "EXTBAN=$,a",
        "ACCOUNTEXTBAN=a",
        f"NICKLEN={limits.NICKNAME}",
        f"CHANNELLEN={limits.ROOM + 1}",
        f"TOPICLEN={limits.TOPIC}",
        f"AWAYLEN={limits.WORDS}",
        f"TARGMAX={','.join(f'{verb}:{limits.IRC_TARGETS}' for verb in targets)}",
        "ELIST=MNU",
        f"MONITOR={limits.WATCHED}",
        f"NAMELEN={limits.WORDS}",
        "WHOX",
        f"CHATHISTORY={limits.HISTORY_MOST}",
        "MSGREFTYPES=msgid,timestamp",
        "BOT=B",
        "UTF8ONLY",
    )


def _ascii(name: str) -> str:
    """A name as the value of a token (`\\x20` is a blank in it)."""
    return "".join(char if char.isascii() and char.isprintable() else "_" for char in name).replace(" ", r"\x20")
