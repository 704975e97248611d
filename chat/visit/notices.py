"""What a visit says of itself, whatever was asked: that lines wait or were not said, how long is left, goodbye."""

from math import ceil

from chat.base import limits
from chat.base.errors import Refused
from chat.base.language import say, say_n
from chat.wire import replies
from chat.wire.answers import Problem, Reply


def may_not_stay(refused: Refused) -> Problem:
    """That there is no place for them, and why."""
    return Problem(refused.code, refused.sentence)


def choose(seconds: float, password_first: bool) -> Reply:
    """They have had two of three minutes."""
    if password_first:
        return Reply("password", replies.PasswordDue(int(seconds)))
    return Reply("nick", replies.NicknameDue(int(seconds)))


def not_chosen(password_first: bool) -> Problem:
    """They have had all of them."""
    minutes = int(limits.NICK_SECONDS // 60)
    if password_first:
        return Problem(
            "nick-timeout", say("The password of this chat was not given in {minutes} min.", minutes=minutes)
        )
    return Problem("nick-timeout", say("No nickname was chosen in {minutes} min.", minutes=minutes))


def slowed(rate: float) -> Reply:
    """Lines come too fast; they are told when it begins."""
    return Reply("slow-down", replies.Slowed(f"{rate:g}"))


def much_asked() -> Reply:
    """They, or others of their address, made the server do much, and lines of theirs wait for it."""
    return Reply("slow-down", replies.MuchAsked())


def waits(seconds: float) -> Reply:
    """A line may hold a code, and others of their address tried many."""
    return Reply("slow-down", replies.GuessWaits(ceil(seconds)))


def still_waiting(count: int) -> Reply:
    """For who is there and sends no more."""
    return Reply("slow-down", replies.StillWaiting(count))


def dropped(count: int) -> Reply:
    """They pressed what stops."""
    return Reply("cancel", replies.Dropped(count))


def dropped_by_them(id: str) -> Problem:
    """(Of a program) One of the lines that /cancel drops."""
    return Problem("nothing-said", say("You dropped this line."), id)


def too_late(id: str) -> Problem:
    """(Of a program) One of the lines that wait when the connection ends."""
    return Problem("nothing-said", say("The connection ends before this line was handled: nothing of it was done."), id)


def unsaid(count: int) -> Problem:
    """The same of people, of all of them."""
    return Problem("nothing-said", say_n("The last line was not said.", "The last {count} lines were not said.", count))


def no_nickname(count: int) -> Problem:
    """A nickname was refused, and then so many lines came and no other one."""
    if not count:
        return Problem("nothing-said", say("No nickname, so nothing was said."))
    sentence = say_n(
        "No nickname, so the line after it was not said.",
        "No nickname, so the {count} lines after it were not said.",
        count,
    )
    return Problem("nothing-said", sentence)


def draft_unsaid(count: int) -> Problem:
    """The input has ended within a draft."""
    sentence = say_n(
        "The line since /paste was not said.",
        "The {count} lines since /paste were not said.",
        count,
    )
    return Problem("nothing-said", sentence)


def broken(id: str | None) -> Problem:
    """A bug of ours."""
    return Problem("internal", say("Something went wrong here; it was logged. Come again."), id)


def silent() -> Problem:
    """A program that pings stopped doing so."""
    sentence = say("Nothing came from you for {seconds} s; send a /ping in time.", seconds=int(limits.SILENT_SECONDS))
    return Problem("stalled", sentence)


def stopping() -> Reply:
    """The last word of a server."""
    return Reply("quit", replies.Stopping())
