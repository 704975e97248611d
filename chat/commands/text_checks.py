"""Checks of what people say: never too much, nothing that a screen would obey."""

from collections.abc import Iterable
from itertools import takewhile

from chat.base import limits, resume_codes, tokens
from chat.base.errors import Refused
from chat.base.language import say
from chat.base.text import is_empty, visible
from chat.core.session import Session


def nothing_said() -> Refused:
    """The answer to a text of which nobody would see anything."""
    return Refused("nothing-said", say("An empty line says nothing."))


def message(text: str, most: int = limits.TEXT) -> str:
    """A text as it may be stored and shown, of several lines perhaps; raises `Refused` where it may not be."""
    if is_empty(text):
        raise nothing_said()
    lines = text.split("\n")
    if len(lines) > limits.PASTE_LINES:
        raise Refused(
            "too-long",
            say("This has {count} lines, the limit is {limit}.", count=len(lines), limit=limits.PASTE_LINES),
        )
    _short(text, most if len(lines) == 1 else limits.PASTE_TEXT)
    return "\n".join(map(visible, lines))


def unremarkable(session: Session, lines: Iterable[object]) -> list[str]:
    """Those of these lines, from the first on, of which `message` would change or refuse nothing, and which are neither
    empty nor begin as a command might."""
    texts = []
    for line in lines:
        if not (
            isinstance(line, str)
            and line[:1] not in _BEGINNINGS
            and line.isascii()
            and line.isprintable()
            and len(line) <= limits.TEXT
        ):
            break
        texts.append(line)
    if session.hub.roster.pins and session.hub.roster.is_own(session.person, "\n".join(texts)):
        return list(takewhile(lambda text: not session.hub.roster.is_own(session.person, text), texts))
    if resume_codes.may_hold_one(joined := "\n".join(texts)) and _may_be_secret(session, joined):
        return list(takewhile(lambda text: not _may_be_secret(session, text), texts))
    return texts


def check_holds_no_secret(session: Session, text: str) -> None:
    """Raises `Refused` where others are about to read what may be a code, or a token."""
    if tokens.stands_in(text):
        raise holds_token()
    if resume_codes.may_hold_one(text) and _may_be_secret(session, text):
        raise holds_code()


def holds_token() -> Refused:
    """The answer to what would show a token to others."""
    return Refused("code-private", say("That holds a token, which is secret. It was not said."))


def holds_code() -> Refused:
    """The same of a code."""
    return Refused("code-private", say("That holds a code, which is secret. It was not said."))


def _may_be_secret(session: Session, text: str) -> bool:
    """Whether it holds their own code, what may be somebody's, or a token."""
    return bool(resume_codes.shorts_in(text)) or holds_own_code(session, text) or tokens.stands_in(text)


def holds_own_code(session: Session, text: str) -> bool:
    """Whether they are about to show their own resume code to others."""
    return session.code is not None and resume_codes.holds(text, session.code)


_BEGINNINGS = ("", "/", " ")


def brief(text: str, most: int) -> str:
    """Words that stand behind others, such as a topic; raises `Refused` where they may not."""
    _short(text, most)
    return visible(text)


def _short(text: str, most: int) -> None:
    # A character is four bytes at most, so most texts need not be encoded to be measured.
    if len(text) * 4 > most and (size := len(text.encode("utf-8", "replace"))) > most:
        raise Refused("too-long", say("This has {size} bytes, the limit is {limit}.", size=size, limit=most))
