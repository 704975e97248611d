"""Phrases that the plain wire and the client say alike, so that both conversations read the same."""

from collections.abc import Sequence
from datetime import date

from chat.base import limits
from chat.base.language import Sentence, say

_DAYS = (
    say("Monday"),
    say("Tuesday"),
    say("Wednesday"),
    say("Thursday"),
    say("Friday"),
    say("Saturday"),
    say("Sunday"),
)


def weekday(day: date) -> Sentence:
    """The name of a day."""
    return _DAYS[day.weekday()]


def some(who: tuple[str, ...]) -> tuple[object, ...]:
    """All the names where they are few, else the first and how many more."""
    if len(who) <= limits.NAMES_SHOWN + 1:
        return who
    return (*who[: limits.NAMES_SHOWN], say("{count} more", count=len(who) - limits.NAMES_SHOWN))


def company(nick: str, room: str, here: int, users: Sequence[str], back: bool, recorded: bool) -> Sentence:
    """Whom one can talk to in a room, on entering it or coming back to it."""
    hello = say("Welcome back {nick}.", nick=nick) if back else say("Hello {nick}.", nick=nick)
    others = tuple(user for user in users if user != nick)
    if not (others or recorded):
        return say("{hello} Nobody else is in {room} yet.", hello=hello, room=room)
    if not others:
        return say("{hello} Nobody else is in {room} yet; what you say is kept for them.", hello=hello, room=room)
    if here > limits.COMPANY_SHOWN + 1:
        return say(
            "{hello} You are in {room} with {count} others: what you type, they see.",
            hello=hello,
            room=room,
            count=here - 1,
        )
    return say(
        "{hello} You are in {room} with {others}: what you type, they see.", hello=hello, room=room, others=others
    )
