"""Keys of ssh: added, listed and ended by whoever has an account; who comes by one is them, without a password."""

from datetime import datetime

from chat.base import limits, passwords, public_keys
from chat.base.errors import Refused
from chat.base.language import say
from chat.base.named_tuples import NamedTuple
from chat.base.public_keys import PublicKey
from chat.commands.registry import Call, command, usage
from chat.commands.returning import guest_of_key
from chat.core.hub import Hub
from chat.core.keys import Key
from chat.wire import grammar, replies


class AddOrEnd(NamedTuple):
    """Add one, or end one."""

    what: str
    text: str | None


@command(
    "account",
    say("/key add|end [KEY]"),
    say(
        "let a key of ssh log you in: the one you came with, or a line as in id_ed25519.pub; or end one, by its number"
    ),
    role="account",
    by_token=False,
)
async def key(call: Call, asked: AddOrEnd) -> None:
    """Whoever else came in by one that is ended is sent away."""
    text = (asked.text or "").strip()
    match grammar.fold(asked.what):
        case "add":
            await _add(call, _meant(call, text))
        case "end" if text:
            await _end(call, text)
        case _:
            raise usage(call.command)


def _meant(call: Call, text: str) -> PublicKey:
    """The key that is to be added."""
    if text and (found := public_keys.parse(text)) is not None:
        return found
    if text or call.connection.key is None:
        raise Refused("usage", say("That is no public key of ssh: /key add, and a line as in id_ed25519.pub."))
    return call.connection.key


async def _add(call: Call, public: PublicKey) -> None:
    hub, person = call.session.hub, call.session.person
    found = hub.keys.find(public.fingerprint)
    if found is not None and found.person == person.id:
        raise Refused("usage", say("That key is yours already."))
    check_is_nobodys(hub, public)
    if call.connection.key != public and guest_of_key(hub, public) is not None:
        raise Refused(
            "not-allowed",
            say(
                "That key is a guest's, from today. If it is yours: come by ssh with it, /login {nick}, and /key add.",
                nick=person.nick,
            ),
        )
    if len(hub.keys.of(person.id)) >= limits.KEYS:
        raise Refused("too-many", say("You have {limit} keys. /key end N ends one.", limit=limits.KEYS))
    if not await hub.keys.add(public, person.id):
        raise somebody_elses()
    call.reply(replies.KeyAdded(public.kind, public.fingerprint, person.nick, False))


def check_is_nobodys(hub: Hub, public: PublicKey) -> None:
    """Raises `Refused` for a key that is somebody's account, or may not come in."""
    if hub.owner_of_key(public.fingerprint) is not None:
        raise somebody_elses()
    hub.check_key(public)


def somebody_elses() -> Refused:
    """The answer to a key that is another account's."""
    return Refused("not-allowed", say("That key is somebody else's account."))


async def _end(call: Call, text: str) -> None:
    hub, session, person = call.session.hub, call.session, call.session.person
    mine = hub.keys.of(person.id)
    named = [found for number, found in enumerate(mine, 1) if text in (str(number), found.public.fingerprint)]
    if not named:
        raise Refused("usage", say("You have no such key; /keys lists them."))
    if len(mine) == 1 and person.password == passwords.NONE:
        raise Refused("not-allowed", say("It is the only way into your account: /password chooses another one first."))
    hub.end_key(named[0], session)
    await hub.turn.flush()
    call.reply(replies.KeyEnded(named[0].public.fingerprint))


class Keys(NamedTuple):
    """Which one has."""


@command(
    "account",
    say("/keys"),
    say("list your keys of ssh: since when they log you in, and when each was used"),
    role="account",
    by_token=False,
)
def list_keys(call: Call, asked: Keys) -> None:
    """The fingerprint is what `ssh-keygen -lf` shows."""
    hub, here = call.session.hub, call.connection.key
    fingerprint = "" if here is None else here.fingerprint
    mine = enumerate(hub.keys.of(call.session.person.id), 1)
    call.reply(replies.Keys([_row(number, found, fingerprint, hub.now()) for number, found in mine]))


def _row(number: int, key: Key, here: str, now: datetime) -> replies.KeyRow:
    made, used = (int((now - (then or now)).total_seconds()) for then in (key.made_at, key.used_at))
    kind, fingerprint = key.public
    return replies.KeyRow(number, kind, fingerprint, key.made_at, key.used_at, here == fingerprint, made, used)
