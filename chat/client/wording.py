"""What facts of the server's are called, in whole sentences; who says them, and where, is decided elsewhere."""

from chat import limits
from chat.client.objects import Came, Missed, Room
from chat.language import Sentence, duration, say, say_n


def announcement(came: Came) -> Sentence:
    """Somebody came, went, or changed something."""
    who, room, here = _some(came.who), came.room, "?" if came.here is None else came.here
    match came.type, came.stayed:
        case "joined", _:
            return say_n(  # one or many is the same in English, not everywhere
                "{who} joined {room} ({here} here)",
                "{who} joined {room} ({here} here)",
                len(came.who),
                who=who,
                room=room,
                here=here,
            )
        case "left", None:
            return say_n(
                "{who} left {room} ({here} here)",
                "{who} left {room} ({here} here)",
                len(came.who),
                who=who,
                room=room,
                here=here,
            )
        case "left", int(stayed) if came.quit:
            return say("{who} left ({time})", who=who, time=duration(stayed))
        case "left", int(stayed):
            return say("{who} left {room} ({time})", who=who, room=room, time=duration(stayed))
        case "renamed", _:
            return say("{nick} is now known as {to}", nick=came.author, to=came.to)
    if came.text:
        return say("{nick} set the topic of {room}", nick=came.author, room=room)
    return say("{nick} took away the topic of {room}", nick=came.author, room=room)


def _some(who: tuple[str, ...]) -> tuple[object, ...]:
    """All the names where they are few, else the first and how many more."""
    if len(who) <= limits.NAMES_SHOWN + 1:
        return who
    return (*who[: limits.NAMES_SHOWN], say("{count} more", count=len(who) - limits.NAMES_SHOWN))


def company(nick: str, room: Room, back: bool) -> Sentence:
    """Whom one can talk to here."""
    hello = say("Welcome back {nick}.", nick=nick) if back else say("Hello {nick}.", nick=nick)
    others = tuple(user for user in room.users if user != nick)
    if not others:
        return say("{hello} Nobody else is in {room} yet; what you say is kept for them.", hello=hello, room=room.name)
    if room.here > limits.COMPANY_SHOWN + 1:
        return say(
            "{hello} You are in {room} with {count} others: what you type, they see.",
            hello=hello,
            room=room.name,
            count=room.here - 1,
        )
    return say(
        "{hello} You are in {room} with {others}: what you type, they see.",
        hello=hello,
        room=room.name,
        others=others,
    )


def gone(missed: Missed) -> Sentence:
    """There is nothing to show any more."""
    if missed.room.startswith("@"):
        return say_n("{count} private line is gone", "{count} private lines are gone", missed.count)
    return say_n("{count} line of {room} is gone", "{count} lines of {room} are gone", missed.count, room=missed.room)
