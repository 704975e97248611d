"""Making one's nickname one's own, as clients have it (IRCv3 draft/account-registration)."""

from collections.abc import Awaitable, Mapping

from chat.base.errors import Code, Refused, no_nick
from chat.base.language import Sentence, say
from chat.base.names import fold
from chat.commands.account import register_with
from chat.commands.irc.sasl import LOGGED_IN
from chat.commands.irc.verbs import Asked, verb
from chat.commands.registry import TABLE, Call, accounts_only, done
from chat.wire.irc.messages import word
from chat.wire.requests import Request

_CODES: Mapping[Code, str] = {"usage": "WEAK_PASSWORD"}
"""Why it is refused, in the words of IRCv3; all else may be otherwise another time."""


@verb("REGISTER", nameless=True)
def register(asked: Asked, *params: str) -> Awaitable[None] | None:
    """With an account, an address and a password; with less it is the command of the chat, which asks for it."""
    if len(params) >= 3:
        return _register(asked, params[0], params[2])
    if not (asked.session.named or accounts_only(asked.session)):
        raise no_nick()
    return asked.do("register", " ".join(params))


async def _register(asked: Asked, account: str, password: str) -> None:
    session = asked.session
    if not session.named:
        _fail(asked, "COMPLETE_CONNECTION_REQUIRED", account, say("Come in first: with NICK and USER."))
    elif session.person.has_account:
        _fail(asked, "ALREADY_AUTHENTICATED", account, LOGGED_IN)
    elif account != "*" and fold(account) != fold(session.person.nick):
        _fail(asked, "ACCOUNT_NAME_MUST_BE_NICK", account, say("An account is called as you are: take that nickname."))
    else:
        call = Call(session, Request(""), TABLE["register"], asked.connection, "")
        try:
            await done(register_with(call, password))
        except Refused as error:
            _fail(asked, _CODES.get(error.code, "TEMPORARILY_UNAVAILABLE"), account, error.sentence)


def _fail(asked: Asked, code: str, account: str, told: Sentence) -> None:
    asked.tell("FAIL", "REGISTER", code, word(account), asked.wire.words(told))
