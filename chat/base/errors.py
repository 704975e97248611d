"""The few errors that people are told of, each with a stable code.

Two are raised on purpose: `BadInput` for bytes that cannot be understood, `Refused` for a request that is not
possible now.  Both are answered to whoever sent the line and to nobody else.  `NotStored` is the store's.  `Unfit` is
the operator's, at the start, and has no code.  Every other exception is a bug: it is logged with its traceback and
costs that one client its connection.
"""

from typing import Literal

from chat.base.language import Sentence, language, say

Code = Literal[
    "nick-taken",
    "nick-alike",
    "nick-bad",
    "nick-reserved",
    "nick-timeout",
    "no-nick",
    "nothing-said",
    "unknown-command",
    "usage",
    "slash-space",
    "not-here",
    "gone",
    "not-delivered",
    "no-room",
    "not-in-room",
    "room-bad",
    "too-long",
    "too-many",
    "slow-down",
    "not-stored",
    "busy",
    "code-wrong",
    "code-private",
    "taken-over",
    "in-use",
    "seen-ahead",
    "no-place",
    "stalled",
    "internal",
    "not-allowed",
    "needs-tls",
    "login-failed",
    "password-needed",
    "muted",
    "banned",
    "locked",
    "full",
    "kicked",
    "id-used",
    "unavailable",
]


class ChatError(Exception):
    """What a person is told: a code that programs rely on and a sentence that people read."""

    def __init__(self, code: Code, sentence: Sentence) -> None:
        super().__init__(code, sentence)
        self.code: Code = code
        self.sentence = sentence


class BadInput(ChatError):
    """The bytes are no line, or no object, that this wire knows; `id` is that of the line, if so much can be told."""

    def __init__(self, code: Code, sentence: Sentence, id: str | None = None) -> None:
        super().__init__(code, sentence)
        self.id = id


class Refused(ChatError):
    """The request is understood, and not possible."""


class NotStored(ChatError):
    """The store could not keep what was said: nothing of it was shown to anybody."""

    def __init__(self, reason: Sentence) -> None:
        super().__init__("not-stored", say("The server could not store it ({reason}).", reason=reason))
        self.reason = reason


class StoreAway(NotStored):
    """The same where the store was not asked, for it cannot be reached: it would have taken it."""


class TakenForGone(NotStored):
    """The same where other servers had taken this one for gone, and it was not told so before: by now it was."""

    def __init__(self) -> None:
        super().__init__(say("this server was taken for gone"))


class Unfit(Exception):
    """What somebody chose for an option cannot be; the sentence says what would be right."""

    def __init__(self, sentence: Sentence) -> None:
        super().__init__(sentence)
        self.sentence = sentence

    def __str__(self) -> str:
        """In English, as the log has it."""
        return language("en").words(self.sentence)


def about(what: str, reason: Sentence) -> Sentence:
    """What is wrong with something that somebody wrote."""
    return say("{what}: {reason}", what=what, reason=reason)


def banned() -> Refused:
    """What those hear who may not connect."""
    return Refused("banned", say("The operator of this server has banned your address."))


def seen_ahead(seq: int) -> Refused:
    """What a program hears that claims to have seen, or read, what there is not yet."""
    return Refused("seen-ahead", say("You cannot have seen number {seq}.", seq=seq))


def taken_over() -> Refused:
    """What a connection hears whose session goes on on another one."""
    return Refused("taken-over", say("You came back on another line; this one is closed."))


def session_ended() -> Refused:
    """The same where that was done on another device of theirs."""
    return Refused("taken-over", say("This session was ended on another device."))


def token_ended(name: str) -> Refused:
    """What a program hears that came in by a token."""
    return Refused("taken-over", say("The token {name} was ended.", name=name))


def key_ended() -> Refused:
    """Of somebody who came by a key of ssh."""
    return Refused("taken-over", say("The key you came with was ended."))


def no_nick() -> Refused:
    """What those hear who ask for something before they are anybody."""
    return Refused("no-nick", say("Choose a nickname first: /nick NAME"))


def refused_elsewhere() -> NotStored:
    """What those hear whose line was refused on another node meanwhile, where they sent it again."""
    return NotStored(say("it was refused on another device of yours"))


def id_used() -> Refused:
    """What those hear whose id stands for something else already; acknowledged, the line would be lost."""
    return Refused("id-used", say("Its id belongs to another line of yours. Let ids begin with random letters."))
