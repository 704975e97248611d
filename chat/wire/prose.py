"""What the service says: the sentences for what it answers and for the frames around history, whoever shows them.

The plain wire shows them, the JSON wire has those of a reply as its `text`.  Why something is refused is said where the
rule stands.  See `chat.wire.phrases` for what the client says alike.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC
from itertools import groupby
from operator import attrgetter
from typing import Any

from chat.base import limits, resume_codes
from chat.base.durations import exactly
from chat.base.language import Sentence, duration, language, say, say_n
from chat.base.text import quoted
from chat.wire import phrases, replies
from chat.wire.answers import (
    AwayNotice,
    CurrentNotice,
    Exported,
    Greeting,
    IgnoreNotice,
    Matching,
    Mentions,
    Notice,
    Problem,
    Selection,
    SinceRead,
    SinceSpoken,
    SinceTime,
    WaitingNotice,
    Welcome,
)


def sentences(facts: replies.Facts) -> Iterable[Sentence]:
    """What a reply says to people."""
    words = _REPLIES.get(type(facts))
    if words is None:
        from chat.wire import prose_for_operators  # nobody else pays for it

        words = prose_for_operators.REPLIES[type(facts)]
    return words(facts)


# Coming in.


def greeting(greeting: Greeting) -> Sentence:
    """Before anything else."""
    if not greeting.here:
        return say("Welcome to the chat on {server}. Nobody is here yet.", server=greeting.server)
    return say_n(
        "Welcome to the chat on {server}. One person is here.",
        "Welcome to the chat on {server}. {count} people are here.",
        greeting.here,
        server=greeting.server,
    )


def outside(server: str) -> Sentence:
    """The same to whom nothing more is told."""
    return say("Welcome to the chat on {server}.", server=server)


NICKNAME_WANTED = say("Type a nickname and press Enter.  (/help: commands, /quit: leave)")


def welcome(welcome: Welcome) -> Iterator[Sentence]:
    """Where one is, and how one comes back; who has come back knows how."""
    yield from phrases.welcome(welcome.nick, welcome.room, welcome.rooms, welcome.back)
    if not welcome.back:
        yield way_back(welcome.code)


def way_back(code: str) -> Sentence:
    """How one comes back."""
    if resume_codes.is_of_key(code):
        return say("If the line drops: connect again with the same key, until tomorrow.")
    return say("If the line drops: connect again and type  /resume {code}", code=code)


def proposal(problem: Problem) -> Sentence | None:
    """Behind the refusal of a nickname: one that is free."""
    if problem.proposal is None:
        return None
    if problem.code == "nick-taken":
        return say("Enter takes {nick}; /resume CODE if it is you.", nick=problem.proposal)
    return phrases.proposal(problem.proposal)


# History.


def title(asked: Selection, room: str | None, count: int, whole: bool) -> Sentence:
    """Above what was said earlier: what was asked for; not all of it was looked at, where that would take too long."""
    match asked:
        case SinceTime(at):
            found = say("{room} since {time}", room=room, time=f"{at:%Y-%m-%d %H:%M}")
        case Matching(words):
            found = phrases.lines_with(words)
        case SinceSpoken():
            found = say("{room} since you last spoke", room=room)
        case SinceRead():
            found = say("{room} since you last read", room=room)
        case Exported(whose):
            found = say("what is kept of {name}", name=whose)
        case Mentions():
            found = phrases.mentions(count)
        case _:
            found = phrases.last_lines(room or "", count)
    if whole:
        return found
    return say("{title}; not all was looked at, for that would take too long", title=found)


def frame(title: str, zones: tuple[str, ...]) -> Sentence:
    """The head of a frame; times without their zone mislead."""
    return say("{title}, times {zone}", title=title, zone=zones)


def since(time: str) -> Sentence:
    """Above what was missed."""
    return say("since {time}", time=time)


# People.


def _called(called: replies.Called) -> Iterator[Sentence]:
    yield say("You are {nick} now.", nick=called.nick)


def _nickname_due(due: replies.NicknameDue) -> Iterator[Sentence]:
    yield say("Type a nickname within {seconds} s to stay.", seconds=due.seconds)


def _account_wanted(_: replies.AccountWanted) -> Iterator[Sentence]:
    yield say("Only who has an account comes in. Type your nickname and press Enter.")
    yield say("With an invitation, type the nickname that you want.  (/help: commands, /quit: leave)")


def _password_due(due: replies.PasswordDue) -> Iterator[Sentence]:
    yield say("Type the password of this chat within {seconds} s to stay.", seconds=due.seconds)


def _here(here: replies.Here) -> Iterator[Sentence]:
    some = say_n("One person is here.", "{count} people are here.", here.here)
    yield some if here.here else say("Nobody is here yet.")


def _who(who: replies.Who) -> Iterator[Sentence]:
    users: tuple[Sentence | str, ...] = tuple(map(_marked, who.users[: limits.PEOPLE_SHOWN]))
    if who.here > limits.PEOPLE_SHOWN:
        users += (phrases.more(who.here - limits.PEOPLE_SHOWN),)
    yield say_n(
        "One person is in {room}: {users}",
        "{count} people are in {room}: {users}",
        who.here,
        room=who.room,
        users=users,
    )


def _marked(user: replies.User) -> Sentence | str:
    """A name with what others should know about it."""
    role, state = _ROLES.get(user.role), None
    if user.down:
        state = phrases.line_down(duration(user.down_for))
    elif user.bot:
        state = say("bot")
    elif user.away is not None:
        state = phrases.AWAY
    if role is not None and state is not None:
        return say("{nick} ({role}, {state})", nick=user.nick, role=role, state=state)
    mark = role or state
    return user.nick if mark is None else say("{nick} ({mark})", nick=user.nick, mark=mark)


_ROLES = {"owner": say("owner"), "operator": say("operator")}


def _whois(somebody: replies.Whois) -> Iterator[Sentence]:
    nick, came = somebody.nick, duration(somebody.here)
    if somebody.spoke:
        spoke = duration(somebody.idle)
        yield say("{nick} came {here} ago and last spoke {idle} ago.", nick=nick, here=came, idle=spoke)
    else:
        yield say("{nick} came {here} ago and has said nothing since.", nick=nick, here=came)
    if somebody.rooms:
        yield say("{nick} is in {rooms}.", nick=nick, rooms=tuple(somebody.rooms))
    if somebody.owns:
        yield say("{nick} owns {rooms}.", nick=nick, rooms=tuple(somebody.owns))
    if somebody.operates:
        yield say("{nick} is an operator of {rooms}.", nick=nick, rooms=tuple(somebody.operates))
    if somebody.runs_server:
        yield say("{nick} is an operator of {rooms}.", nick=nick, rooms=phrases.SERVER)
    if somebody.bot:
        yield say("{nick} is a bot.", nick=nick)
    if somebody.away is not None:
        yield away_now(nick, somebody.away)


def away_now(nick: str, text: str) -> Sentence:
    """Somebody is away, and what they said about it."""
    if text:
        return say("{nick} is away: {text}", nick=nick, text=quoted(text))
    return say("{nick} is away.", nick=nick)


def _away(away: replies.Away) -> Iterator[Sentence]:
    yield say("You are back.") if away.away is None else say("You are away; /back ends it.")


def _ignoring(ignoring: replies.Ignoring) -> Iterator[Sentence]:
    nicks = tuple(ignoring.ignored)
    yield say("You ignore {nicks}.", nicks=nicks) if nicks else say("You ignore nobody.")


def _ignored(ignored: replies.Ignored) -> Iterator[Sentence]:
    yield say("You hear nothing more from {nick}; /unignore {nick} ends it.", nick=ignored.nick)


def _unignored(unignored: replies.Unignored) -> Iterator[Sentence]:
    yield say("You hear {nick} again.", nick=unignored.nick)


def _quiet(quiet: replies.Quiet) -> Iterator[Sentence]:
    if quiet.quiet:
        yield say("Coming and going is not shown; /quiet off shows it.")
    else:
        yield say("Coming and going is shown; /quiet on hides it.")


def _pong(pong: replies.Pong) -> Iterator[Sentence]:
    yield say("pong {token}", token=pong.token) if pong.token else say("pong")


def _reported(reported: replies.Reported) -> Iterator[Sentence]:
    yield say("Whoever runs this server is told of {nick}; {nick} is not told.", nick=reported.nick)


# Talk.


def _absent(absent: replies.Absent) -> Iterator[Sentence]:
    yield say("{nick} is not here, and reads it on coming back.", nick=absent.nick)


def _line_down(down: replies.LineDown) -> Iterator[Sentence]:
    yield say("{nick}'s line is down. You are told if {nick} does not come back.", nick=down.nick)


def _is_away(away: replies.IsAway) -> Iterator[Sentence]:
    yield away_now(away.nick, away.away)


def _draft_begun(begun: replies.DraftBegun) -> Iterator[Sentence]:
    yield phrases.DRAFT_BEGUN


def _nothing_said(nothing: replies.NothingSaid) -> Iterator[Sentence]:
    yield phrases.NOTHING_SAID


def _dropped(dropped: replies.Dropped) -> Iterator[Sentence]:
    yield say_n("The line that waited is dropped.", "The {count} lines that waited are dropped.", dropped.dropped)


def _own_lines(own: replies.OwnLines) -> Iterator[Sentence]:
    for line in own.lines:
        ago, text = duration(line.ago), quoted(line.text)
        if line.to is not None:
            yield say("{number}: {time} ago to {nick} {text}", number=line.number, time=ago, nick=line.to, text=text)
        else:
            yield say("{number}: {time} ago {text}", number=line.number, time=ago, text=text)
    if not own.lines and own.nick is None:
        yield say("You said nothing here that is kept.")
    elif not own.lines:
        yield say("{nick} said nothing in {room} that is kept.", nick=own.nick, room=own.room)
    elif own.room == "@":
        yield say("/delete @{number} takes the last one back.", number=own.lines[-1].number)
    elif own.nick is None:
        yield say("/delete {number} takes the last one back.", number=own.lines[-1].number)
    else:
        last = own.lines[-1].number
        yield say("/delete {room} {nick} {number} takes the last one back.", room=own.room, nick=own.nick, number=last)


def _taken_back(gone: replies.TakenBack) -> Iterator[Sentence]:
    if not gone.count_:
        yield say("{nick} said nothing {place} that is kept.", nick=gone.nick, place=phrases.place(gone.room))
    elif gone.count_ == 1:
        yield say("Taken back: {text}", text=quoted(gone.lines[0].text))
    else:
        yield say("{count} lines were taken back; the last of them:", count=gone.count_)
        for line in gone.lines:
            yield Sentence("{text}", {"text": quoted(line.text)})
    if gone.why and gone.count_:
        yield say("Why, as all are told: {text}", text=quoted(gone.why))


def _exported(exported: replies.Exported) -> Iterator[Sentence]:
    yield say_n("{count} line; that is all.", "{count} lines; that is all.", exported.lines)


def _posted(posted: replies.Posted) -> Iterator[Sentence]:
    yield say("posted")


def _slowed(slowed: replies.Slowed) -> Iterator[Sentence]:
    yield say("That was fast: your lines are now said at {rate} a second, none is lost.", rate=slowed.rate)
    yield say("/cancel drops those that still wait.")


def _much_asked(_: replies.MuchAsked) -> Iterator[Sentence]:
    yield say("You, or others at your address, asked for much: your next lines wait, none is lost.")
    yield say("/cancel drops those that still wait.")


def _guess_waits(waits: replies.GuessWaits) -> Iterator[Sentence]:
    yield say("Your address tried many codes or passwords: this line waits {seconds} s.", seconds=waits.seconds)


def _still_waiting(waiting: replies.StillWaiting) -> Iterator[Sentence]:
    yield say_n(
        "Your input has ended; one line still waits to be said.",
        "Your input has ended; {count} lines still wait to be said.",
        waiting.lines,
    )


# Rooms.


def _joined(joined: replies.Joined) -> Iterator[Sentence]:
    heard = tuple(joined.still_heard)
    if heard:
        yield say(
            "You speak in {room} now. You still hear {others}; /join {last} goes back.",
            room=joined.room,
            others=heard,
            last=heard[-1],
        )
    else:
        yield phrases.speaks_in(joined.room)
    if joined.unread:
        yield _unread(joined)
    others = joined.here - 1
    if not others and joined.new and joined.role == "owner":
        yield say("{room} is new and yours; you are alone in it.", room=joined.room)
    elif not others and joined.new:
        yield say("{room} is new, you are alone in it.", room=joined.room)
    elif not others:
        yield say("Nobody else is in {room}.", room=joined.room)
    elif others > limits.COMPANY_SHOWN:
        yield say("{count} others are in {room}; /who lists them.", room=joined.room, count=others)
    else:
        users = tuple(user for user in joined.users if user != joined.nick)
        yield say("With you in {room}: {users}.", room=joined.room, users=users)
    if joined.topic:
        yield phrases.topic(joined.room, joined.topic)
    if not joined.recorded:
        yield phrases.not_recorded(joined.room)
    if joined.private:
        yield _private(joined.room)


def _unread(joined: replies.Joined) -> Sentence:
    some = say_n("{count} line since you last read here", "{count} lines since you last read here", joined.unread or 0)
    if not joined.mentions:
        return say("{lines}.", lines=some)
    return say_n("{lines}, {count} of them to you.", "{lines}, {count} of them to you.", joined.mentions, lines=some)


def _left(left: replies.Left) -> Iterator[Sentence]:
    if left.current is None:
        yield say("You left {room}. You are in no room now; /join #lobby goes back.", room=left.room)
    else:
        yield say("You left {room}. You speak in {current}.", room=left.room, current=left.current)


def _rooms(rooms: replies.Rooms) -> Iterator[Sentence]:
    if not rooms.rooms:
        yield say("No room has anybody in it.")
    for room in rooms.rooms:
        people = phrases.people(room.here)
        if room.inside:
            people = say("{people}, you too", people=people)
        if room.topic:
            yield say("{room} ({people}): {topic}", room=room.name, people=people, topic=quoted(room.topic))
        else:
            yield say("{room} ({people})", room=room.name, people=people)
    if rooms.count_ > len(rooms.rooms):
        yield say_n("And {count} room more.", "And {count} rooms more.", rooms.count_ - len(rooms.rooms))


def _topic(topic: replies.Topic) -> Iterator[Sentence]:
    if topic.topic:
        yield phrases.topic(topic.room, topic.topic)
    else:
        yield say("{room} has no topic; /topic text sets one.", room=topic.room)


def _new_topic(topic: replies.NewTopic) -> Iterator[Sentence]:
    if topic.topic:
        yield phrases.topic(topic.room, topic.topic)
    else:
        yield say("{room} has no topic now.", room=topic.room)


def _privacy(privacy: replies.Privacy) -> Iterator[Sentence]:
    if privacy.private:
        yield _private(privacy.room)
        yield say("/invite NICK asks somebody in, /word WORD lets in who says it, /public on ends it.")
    else:
        yield say("{room} is public; /private on makes it private.", room=privacy.room)


def _private(room: str) -> Sentence:
    return say("{room} is private: nobody else here sees it; who runs the server can.", room=room)


def _lock(lock: replies.Lock) -> Iterator[Sentence]:
    if lock.locked:
        yield say("{room} is locked: who comes waits at the door. /lock off opens it.", room=lock.room)
    else:
        yield say("{room} is open; /lock on locks it: who comes then waits at the door.", room=lock.room)
    if lock.waiting:
        yield phrases.at_door(lock.room, tuple(lock.waiting))


def _at_door(answered: replies.AtDoor) -> Iterator[Sentence]:
    nicks = phrases.some(tuple(answered.nicks))
    if answered.admitted:
        told = say_n(
            "{nicks} is in {room}", "{nicks} are in {room}", len(answered.nicks), nicks=nicks, room=answered.room
        )
    else:
        told = say("Not admitted to {room}: {nicks}", nicks=nicks, room=answered.room)
    yield say("{told}.", told=phrases.because(told, answered.why))


def _class_mode(mode: replies.ClassMode) -> Iterator[Sentence]:
    if mode.class_mode:
        yield say("Class mode is on; /class off ends it. /lock tells who waits at the door of #lobby.")
    else:
        yield say("Class mode is off; /class on closes to guests what a class does not need.")


def _roster(roster: replies.Roster) -> Iterator[Sentence]:
    if roster.pins:
        yield say(
            "One for each, typed behind the nickname where that is asked for, as in  ana {pin}:", pin=roster.pins[0]
        )
        for start in range(0, len(roster.pins), 10):
            yield Sentence("{pins}", {"pins": " ".join(roster.pins[start : start + 10])})
    if roster.nicks:
        yield say("These nicknames have a PIN: {nicks}.", nicks=tuple(roster.nicks))
    yield say_n("{count} PIN is nobody's yet.", "{count} PINs are nobody's yet.", roster.free)


def _waits_no_more(waits: replies.WaitsNoMore) -> Iterator[Sentence]:
    yield say("You do not wait at the door of {room} any more.", room=waits.waits_no_more)


def _invited(invited: replies.Invited) -> Iterator[Sentence]:
    yield say("{nick} is asked into {room}.", nick=invited.nick, room=invited.room)


def _word(word: replies.Word) -> Iterator[Sentence]:
    if word.word:
        yield say("{room} has a word; who says it comes in:  /join {room} WORD", room=word.room)
    else:
        yield say("{room} has no word.", room=word.room)


def _role_given(given: replies.RoleGiven) -> Iterator[Sentence]:
    yield say("{told}.", told=phrases.has_role(given.nick, given.role, given.room))


def _measured(taken: replies.Measured) -> Iterator[Sentence]:
    place = phrases.place(taken.room)
    time = phrases.for_ever() if taken.seconds is None else phrases.for_time(exactly(taken.seconds))
    names: dict[str, object] = {"nick": taken.nick or phrases.EVERYBODY, "place": place}
    if taken.what == "mute":
        told = say("Muted {nick} {place} {time}", time=time, **names)
    elif taken.what == "unmute":
        told = say("Unmuted {nick} {place}", **names)
    elif taken.what == "voice":
        told = say("{nick} may talk {place} also while all are muted", **names)
    elif taken.what == "unvoice":
        told = say("{nick} has no voice {place} any more", **names)
    elif taken.what == "kick":
        told = say("Kicked {nick} {place}", **names)
    elif taken.what == "ban":
        told = say("Banned {nick} {place} {time}", time=time, **names)
    else:
        told = say("Unbanned {nick} {place}", **names)
    yield say("{told}.", told=phrases.because(told, taken.why))
    if not taken.known:
        yield say("Nobody is called so now: whoever comes by that nickname stays out.")
    if taken.shared:
        yield say_n(
            "One other shares that address: it stays open.",
            "{count} others share that address: it stays open.",
            taken.shared,
        )


def _measures(measures: replies.Measures) -> Iterator[Sentence]:
    for row in measures.measures:
        told = phrases.measured(row.by, row.what, row.nick, row.room, row.seconds, row.why, row.most)
        if row.host:
            told = say("{told} (with the address {host})", told=told, host=row.host)
        yield told
    for address in measures.addresses:
        yield say("{address} may not connect, by --ban.", address=address)
    if not (measures.measures or measures.addresses):
        yield say("Nobody is muted or banned.")


def _slow(slow: replies.Slow) -> Iterator[Sentence]:
    if slow.seconds:
        time = exactly(slow.seconds)
        yield say("{room} is slow: everybody but operators may say one line in {time}.", room=slow.room, time=time)
    else:
        yield say("{room} is not slow.", room=slow.room)


def _limit(limit: replies.Limit) -> Iterator[Sentence]:
    if limit.most:
        yield say_n(
            "{room} has a limit of {count} person: beyond that nobody comes in but operators, and whom they ask in.",
            "{room} has a limit of {count} people: beyond that nobody comes in but operators, and whom they ask in.",
            limit.most,
            room=limit.room,
        )
    else:
        yield say("{room} has no limit of people.", room=limit.room)


def _topic_lock(lock: replies.TopicLock) -> Iterator[Sentence]:
    if lock.locked:
        yield say("The topic of {room} is locked: operators set it.", room=lock.room)
    else:
        yield say("The topic of {room} is not locked.", room=lock.room)


# Coming, going, and help.


def _password_asked(asked: replies.PasswordAsked) -> Iterator[Sentence]:
    nick = asked.nick
    if asked.asks == "server":
        yield from _server_password_asked(asked.shown)
        return
    if asked.shown:
        yield say("What you type now may be seen on your screen.")
    if asked.asks == "new":
        yield say(
            "Choose a password for {nick}, of {least} characters or more:", nick=nick, least=limits.PASSWORD_LEAST
        )
    elif asked.asks == "invitation":
        yield say("{nick} is nobody's yet. Code of your invitation, or Enter to stop:", nick=nick)
    elif asked.asks == "again":
        yield say("The same password once more:")
    elif asked.proposal is None:
        yield say("Password of {nick}, or Enter to stop:", nick=nick)
    else:
        yield say("{nick} is registered. Password, or Enter to come in as {other}:", nick=nick, other=asked.proposal)


def _server_password_asked(shown: bool) -> Iterator[Sentence]:
    if shown:
        yield say("This chat has a password. Type it and press Enter.  (/quit: leave)")
        yield say("What you type may be seen; in telnet press Enter alone first, and it is not.")
    else:
        yield say("Password of this chat, which telnet does not show now:")


def _password_kept(kept: replies.PasswordKept) -> Iterator[Sentence]:
    if kept.is_new:
        yield say("{nick} is yours now: on any device type it as your nickname, then the password.", nick=kept.nick)
    else:
        yield say("The password of {nick} is another one now; your other devices log in anew.", nick=kept.nick)
    if kept.tokens_ended:
        yield say_n(
            "Your token has ended, too; /token new makes another one.",
            "Your {count} tokens have ended, too; /token new makes others.",
            kept.tokens_ended,
        )


def _password_reset(reset: replies.PasswordReset) -> Iterator[Sentence]:
    yield say(
        "The password of {nick} is {password} now; /password changes it.", nick=reset.nick, password=reset.password
    )


def _invitation_codes(made: replies.InvitationCodes) -> Iterator[Sentence]:
    for code in made.codes:
        yield say("{code}", code=code)
    until = f"{made.until.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    yield say_n(
        "This code lets one person register, until {until}: they type a nickname, then the code.",
        "Each of these {count} codes lets one person register, until {until}: they type a nickname, then the code.",
        len(made.codes),
        until=until,
    )


def _given_up(given: replies.GivenUp) -> Iterator[Sentence]:
    yield say("{nick} is no account any more. What you said stays.", nick=given.nick)


def _devices(devices: replies.Devices) -> Iterator[Sentence]:
    for device in devices.devices:
        number, host = device.number, device.host
        if number == 1:
            yield say("{number}: this one, from {host}", number=number, host=host)
        elif device.here:
            yield say("{number}: here, from {host}", number=number, host=host)
        else:
            away = duration(device.away)
            yield say("{number}: from {host}, gone for {time}; it may come back", number=number, host=host, time=away)


def _device_ended(ended: replies.DeviceEnded) -> Iterator[Sentence]:
    yield say("Device {number} is out.", number=ended.number)


def _token_made(made: replies.TokenMade) -> Iterator[Sentence]:
    yield say("The token {name}, shown this once: {token}", name=made.name, token=made.token)
    room = next(iter(made.rooms), "#lobby")
    yield say("From a script: echo '/post {nick}:TOKEN {room} text' | nc HOST PORT", nick=made.nick, room=room)
    if made.may == "talk":
        yield say("A program comes in by  /login {nick} TOKEN", nick=made.nick)


def _token_ended(ended: replies.TokenEnded) -> Iterator[Sentence]:
    yield say("The token {name} is good no more, and who came in by it is out.", name=ended.name)


def _tokens(tokens: replies.Tokens) -> Iterator[Sentence]:
    if not tokens.tokens:
        yield say("You have no token; /token new NAME makes one.")
    for token in tokens.tokens:
        rooms: tuple[str, ...] | Sentence = tuple(token.rooms) or say("all rooms")
        what = say("post to {rooms}", rooms=rooms) if token.may == "post" else say("talk in {rooms}", rooms=rooms)
        made = duration(token.made_for)
        if token.used is None:
            yield say("{name}: may {what}; made {made} ago, never used", name=token.name, what=what, made=made)
        else:
            used = duration(token.used_for)
            yield say(
                "{name}: may {what}; made {made} ago, last used {used} ago",
                name=token.name,
                what=what,
                made=made,
                used=used,
            )


def _key_added(added: replies.KeyAdded) -> Iterator[Sentence]:
    if added.is_new:
        yield say("{nick} is yours now, by your key: with it you are {nick} by ssh, unasked.", nick=added.nick)
        yield say("For other ways in: /password chooses a password.")
    else:
        yield say(
            "By ssh you are {nick} with the key {fingerprint} now.", nick=added.nick, fingerprint=added.fingerprint
        )


def _key_ended(ended: replies.KeyEnded) -> Iterator[Sentence]:
    yield say(
        "The key {fingerprint} is good no more, and who else came in by it is out.", fingerprint=ended.fingerprint
    )


def _keys(keys: replies.Keys) -> Iterator[Sentence]:
    if not keys.keys:
        yield say("You have no key; /key add adds the one you come with by ssh, or one that stands behind it.")
    for key in keys.keys:
        made, used = duration(key.made_for), duration(key.used_for)
        facts = {"number": key.number, "kind": key.kind, "fingerprint": key.fingerprint, "made": made}
        if key.here:
            yield say("{number}: {kind} {fingerprint}, added {made} ago; you came with it", **facts)
        elif key.used is None:
            yield say("{number}: {kind} {fingerprint}, added {made} ago, never used", **facts)
        else:
            yield say("{number}: {kind} {fingerprint}, added {made} ago, last used {used} ago", **facts, used=used)


def _own_code(code: replies.OwnCode) -> Iterator[Sentence]:
    yield way_back(code.resume)


def _here_already(here: replies.HereAlready) -> Iterator[Sentence]:
    yield say("You are here already.")


def _speaks(speaks: replies.Speaks) -> Iterator[Sentence]:
    # Each of the others is named in itself, for who reads only that.
    others = [code for code in speaks.languages if code != speaks.language]
    named = ", ".join(f"/language {code}: {language(code).words(_IN_IT)}" for code in others)
    yield say("The service speaks English to you; {others}.", others=named)


_IN_IT = say("in English")


def _bye(bye: replies.Bye) -> Iterator[Sentence]:
    hint = say("Press Enter (or Ctrl-C) if your prompt does not come back.")
    yield say("Bye. {hint}", hint=hint) if bye.nick is None else say("Bye {nick}. {hint}", nick=bye.nick, hint=hint)


def _stopping(stopping: replies.Stopping) -> Iterator[Sentence]:
    yield say("The server is stopping.")


def _ways_in(ways: replies.WaysIn) -> Iterator[Sentence]:
    yield from ways.ways


def _version(version: replies.Version) -> Iterator[Sentence]:
    yield say("chat {version} on {server}", version=version.version, server=version.server)


def _motd(message: replies.Motd) -> Iterator[Sentence]:
    for line in message.motd:
        yield Sentence("{line}", {"line": line})  # the operator's own words; there is nothing to translate
    if not message.motd:
        yield say("There is no message of the day.")


def _first_help(first: replies.FirstHelp) -> Iterator[Sentence]:
    yield say("What you type, everybody in the room sees. Commands begin with a slash:")
    yield from _manuals(first.commands)
    yield say("/help all shows every command, /help tips how to live with nc and telnet.")


def _help(help: replies.Help) -> Iterator[Sentence]:
    for family, commands in groupby(help.commands, attrgetter("family")):
        yield _FAMILIES[family]
        yield from _manuals(commands)


def _manuals(commands: Iterable[replies.Manual]) -> Iterator[Sentence]:
    for command in commands:
        yield phrases.manual(command.usage, command.help)


_FAMILIES: Mapping[replies.Family, Sentence] = {
    "talk": say("Talk:"),
    "people": say("People:"),
    "rooms": say("Rooms:"),
    "history": say("What was said before:"),
    "account": say("Accounts:"),
    "staying": say("Coming, staying, going:"),
    "server": say("For whoever runs the server:"),
}
"""Over the commands of each."""


def _help_about(about: replies.HelpAbout) -> Iterator[Sentence]:
    for command in about.commands:
        yield phrases.manual(command.usage, command.help)
        if command.aliases:
            yield say("Also: {aliases}", aliases=" ".join("/" + alias for alias in command.aliases))


def _tips(tips: replies.Tips) -> Iterator[Sentence]:
    yield say("nc and telnet mix what you type with what others say; it is sent whole all the same.")
    yield say("Several lines as one message: /paste, your lines, /end.")
    yield say("A room of your own: /private on, then /invite NICK. Nobody else here sees it; who runs the server can.")
    yield say("To say a line that begins with a slash, type two: //etc says /etc.")
    yield say("From a script: echo '/post NICK #lobby text' | nc HOST PORT")
    yield say("chat-client comes with this server: when the line drops it comes back by itself. Programs say /json.")


_REPLIES: Mapping[type, Callable[[Any], Iterable[Sentence]]] = {
    replies.Called: _called,
    replies.NicknameDue: _nickname_due,
    replies.AccountWanted: _account_wanted,
    replies.PasswordDue: _password_due,
    replies.InvitationCodes: _invitation_codes,
    replies.Here: _here,
    replies.Who: _who,
    replies.Whois: _whois,
    replies.Away: _away,
    replies.Ignoring: _ignoring,
    replies.Ignored: _ignored,
    replies.Unignored: _unignored,
    replies.Quiet: _quiet,
    replies.Pong: _pong,
    replies.Reported: _reported,
    replies.Absent: _absent,
    replies.LineDown: _line_down,
    replies.IsAway: _is_away,
    replies.DraftBegun: _draft_begun,
    replies.NothingSaid: _nothing_said,
    replies.Dropped: _dropped,
    replies.OwnLines: _own_lines,
    replies.TakenBack: _taken_back,
    replies.Exported: _exported,
    replies.Posted: _posted,
    replies.Slowed: _slowed,
    replies.MuchAsked: _much_asked,
    replies.GuessWaits: _guess_waits,
    replies.StillWaiting: _still_waiting,
    replies.Joined: _joined,
    replies.Left: _left,
    replies.Rooms: _rooms,
    replies.Topic: _topic,
    replies.NewTopic: _new_topic,
    replies.RoleGiven: _role_given,
    replies.Measured: _measured,
    replies.Measures: _measures,
    replies.Slow: _slow,
    replies.Limit: _limit,
    replies.TopicLock: _topic_lock,
    replies.Privacy: _privacy,
    replies.Invited: _invited,
    replies.Lock: _lock,
    replies.AtDoor: _at_door,
    replies.WaitsNoMore: _waits_no_more,
    replies.Roster: _roster,
    replies.ClassMode: _class_mode,
    replies.Word: _word,
    replies.PasswordAsked: _password_asked,
    replies.PasswordKept: _password_kept,
    replies.PasswordReset: _password_reset,
    replies.GivenUp: _given_up,
    replies.Devices: _devices,
    replies.DeviceEnded: _device_ended,
    replies.TokenMade: _token_made,
    replies.TokenEnded: _token_ended,
    replies.Tokens: _tokens,
    replies.KeyAdded: _key_added,
    replies.KeyEnded: _key_ended,
    replies.Keys: _keys,
    replies.OwnCode: _own_code,
    replies.HereAlready: _here_already,
    replies.Speaks: _speaks,
    replies.Bye: _bye,
    replies.Stopping: _stopping,
    replies.WaysIn: _ways_in,
    replies.Version: _version,
    replies.Motd: _motd,
    replies.FirstHelp: _first_help,
    replies.Help: _help,
    replies.HelpAbout: _help_about,
    replies.Tips: _tips,
}


def notice(notice: Notice) -> Sentence | None:
    """What state something has by now; how far one has read is for programs."""
    match notice:
        case CurrentNotice(room):
            return phrases.speaks_in(room)
        case AwayNotice(None):
            return say("You are back, as you said on another device.")
        case AwayNotice():
            return say("You are away, as you said on another device; /back ends it.")
        case WaitingNotice(room, who) if who:
            return phrases.at_door(room, tuple(who))
        case IgnoreNotice(nick, True):
            return say("You hear nothing more from {nick}, as you said on another device.", nick=nick)
        case IgnoreNotice(nick):
            return say("You hear {nick} again, as you said on another device.", nick=nick)
    return None
