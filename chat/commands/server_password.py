"""The one password of the whole server, which comes before the nickname: until then nothing is told of who is here.

A resume code or a login replaces it.  It is a person's choice, but many know it, and it lets nobody hear more than what
goes over the same line in clear right after it: so a private network, a class with netcat, may give it in clear.  On a
line through the internet whoever listens could come in with it for ever, and it is taken encrypted only.
"""

from chat import __version__
from chat.base.errors import Refused
from chat.base.language import say
from chat.commands.registry import asks, carrier, needs_tls
from chat.core.session import Session
from chat.wire import replies
from chat.wire.answers import PasswordFirst, Problem, Reply


def is_wanted(session: Session) -> bool:
    """Whether they have to give it before anything else."""
    if session.hub.settings.password is None or session.named:
        return False
    connection = carrier(session)
    return not (connection.let_in or connection.operator)


def needed() -> Refused:
    """The answer to what comes before it."""
    return Refused("password-needed", say("This chat has a password, which comes first."))


def greet(session: Session) -> None:
    """The first thing on a connection, with no more in it than whoever is asked has to know."""
    session.answer(PasswordFirst(session.hub.settings.server, __version__, carrier(session).private))
    if asks(session):
        ask(session)


def ask(session: Session, again: bool = False) -> None:
    """Ask for it, or tell where it is taken; `again` to who pressed Enter alone, by which we know telnet."""
    connection = carrier(session)
    if not connection.private:
        refused = _needs_tls(session)
        session.answer(Problem(refused.code, refused.sentence))
    else:
        shown = not (connection.hide(True) or again)
        session.answer(Reply("password", replies.PasswordAsked("server", "", shown)))


def fits(session: Session, text: str) -> bool:
    """Whether this is it; nothing is compared where others may have read it on its way."""
    password = session.hub.settings.password
    return carrier(session).private and (password is None or password.fits(text))


def wrong(session: Session) -> Refused:
    """The answer to another one."""
    if not carrier(session).private:
        return _needs_tls(session)
    return Refused("login-failed", say("That is not the password of this chat. Try again; /quit leaves."))


def _needs_tls(session: Session) -> Refused:
    return needs_tls(carrier(session), say("The password of this chat is taken on an encrypted connection only."))
