"""What facts of the server's are called, in whole sentences; who says them, and where, is decided elsewhere."""

from chat.base.language import Sentence, duration, say, say_n
from chat.client.talk.objects import Came, Missed
from chat.wire.phrases import some


def announcement(came: Came) -> Sentence:
    """Somebody came, went, or changed something."""
    who, room, here = some(came.who), came.room, "?" if came.here is None else came.here
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


def gone(missed: Missed) -> Sentence:
    """There is nothing to show any more."""
    if missed.room.startswith("@"):
        return say_n("{count} private line is gone", "{count} private lines are gone", missed.count)
    return say_n("{count} line of {room} is gone", "{count} lines of {room} are gone", missed.count, room=missed.room)
