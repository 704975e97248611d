"""A visit: one connection on its way, from the handshake to the goodbye, by whatever door it came.

What it does just now is a state, and `chat.visit.states` says what may happen in which.  Its lines are handled one
after the other and in portions, in `fair_rounds` with those of others, so that nobody's burst holds them up; and not
while one of them is waiting, it is over its rate or does not read: then the rest of the input waits in the kernel,
and nothing is lost.
"""

from collections.abc import Callable, Sequence
from socket import socket
from time import perf_counter
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from chat.base import limits
from chat.base.budget import AddressBudget, Budget, Budgets, Spot
from chat.base.errors import Refused
from chat.base.language import Sentence
from chat.base.public_keys import PublicKey
from chat.base.token_bucket import TokenBucket
from chat.commands import entering, server_password, talk
from chat.commands.rooms import tell_of_room
from chat.core.carrier import Question, Sealed
from chat.core.hub import Hub
from chat.core.room import Room
from chat.core.session import Session
from chat.log.events import Entry
from chat.visit import notices
from chat.visit.dispatch import command_of, handle, id_of
from chat.visit.door import Door, Output, Standing
from chat.visit.ending import Ending, Rest
from chat.visit.line_queue import LineQueue, affordable
from chat.visit.order import Order
from chat.visit.states import (
    DEAF,
    ENDING,
    GREETED,
    HANDLING,
    LISTENING,
    QUEUING,
    READY,
    RESTING,
    SHAKING,
    STOPPING,
    TABLE,
    Event,
)
from chat.wire.answers import Answer, History, Problem, StateOfOthers
from chat.wire.requests import END_OF_INPUT, INTERRUPT, Typed
from chat.wire.wires import Wires

logger = Logger()

_HANDLE, _HANDLED = TABLE[Event.HANDLE], TABLE[Event.HANDLED]  # twice for each packet


class Visits(Protocol):
    """All visits of a server."""

    budgets: Budgets
    """What each of them and each address may make the server do."""

    wires: Wires
    """What they may be spoken to in."""

    def made(self, visit: "Visit") -> Refused | None:
        """One begins; returns the reason if it may not last."""

    def made_again(self, visit: "Visit") -> Refused | None:
        """One that was refused says something; returns the reason if it still may not last."""

    def stir(self, visit: "Visit") -> None:
        """Something came, or goes out: it has to be looked at."""

    def lost(self, visit: "Visit") -> None:
        """It is over."""


class Visit:
    """A visit (`chat.core.carrier.Carrier`) from a `host` as limits count it; one that is `proxied` ends as its proxy
    likes."""

    __slots__ = (
        "_address", "_budget", "_clock", "_deadline", "_door", "_dropped", "_ending", "_handled_at", "_heard_at",
        "_hub", "_in_hand", "_out", "_pace", "_paused", "_placing", "_queue", "_resting", "_slowed", "_spent",
        "_visits", "_waited_at", "_waits_since", "astir", "draft", "faulty", "heard", "host", "key", "let_in", "pings",
        "proposal", "question", "refused", "send", "session", "state", "talks", "tries", "wire",
    )  # fmt: skip

    astir: bool
    """They are looked at now and then; else all that was sent to them is acknowledged, and nothing came."""

    faulty: bool
    """It ends for a bug of ours."""

    talks: bool
    """Their last line was talk, and nothing held it up: the next one may be said as it comes (see `says`)."""

    heard: bool
    """Something came since they were looked at last."""

    refused: Refused | None
    """Why they may not stay."""

    def __init__(self, hub: Hub, visits: Visits, door: Door, host: str, proxied: bool) -> None:
        now, rate = hub.clock.seconds(), hub.settings.rate
        self.state = SHAKING
        self.host = host
        self.wire = visits.wires.first()
        self.session = Session(hub, self)
        self.draft: list[str] | None = None
        self.proposal: str | None = None
        self.question: Question | None = None
        self.key: PublicKey | None = None
        self.refused = None
        self.tries = 0
        self.pings = self.heard = self.let_in = self.faulty = self.astir = self.talks = False
        self._hub = hub
        self._clock = hub.clock
        self._visits = visits
        self._door = door
        self._ending = Ending(proxied)
        self._queue = LineQueue()
        self._in_hand: Typed = ""
        self._dropped = 0
        self._pace = TokenBucket(limits.BURST, rate, now)
        limited = rate > 0
        self._budget: Budget = visits.budgets.of_connection(limited)
        self._address: AddressBudget = visits.budgets.of_address(host, limited and hub.settings.max_per_host > 0)
        self._deadline: IDelayedCall | None = None
        self._resting: IDelayedCall | None = None  # until the next line may be handled
        self._spent: IDelayedCall | Spot | None = None  # until the server may be made to do more
        self._paused = self._slowed = self._placing = False
        self._handled_at = self._waits_since = self._waited_at = 0.0
        self._heard_at = now

    # What their door tells.

    def begin(
        self, out: Output, shaking: bool, within: float = limits.HANDSHAKE_SECONDS, *, known: bool = False
    ) -> None:
        """They have come; while they shake hands, for which they have so many seconds, nothing is said.

        Where it is not known what they speak, why they may not stay is told in it, as soon as they say something.
        """
        self._out = out
        self.send = out.send
        self.spend(limits.PRICE_HANDSHAKE if shaking else limits.PRICE_REQUEST)
        self.refused = self._visits.made(self)
        if self.refused is not None and self._address.wait(self._clock.seconds()):
            # To tell each of those who come as fast as they can takes more than all else that they could do.
            self.abort()
        elif self.refused is not None and known:
            self._refuse(self.refused)
        elif shaking:
            self._wait_at_most(within, self._door.give_up_shaking)
        else:
            self.shaken()

    def shaken(self) -> None:
        """The handshake is done: now they can be greeted, if they do not speak first."""
        if self._enter(Event.SHAKEN):
            self._wait_at_most(limits.GREET_SECONDS, self._silent)

    def listen_longer(self, seconds: float) -> None:
        """They may be a browser, which would take a greeting for the answer."""
        if self.state is LISTENING:
            self._wait_at_most(seconds, self._silent)

    def meet(self, known: bool = False) -> None:
        """They have said their first line, or will say none; who is `known` is asked nothing."""
        greeted = self.state is GREETED
        if self._enter(Event.MET):
            self._ending.begin(self._clock.seconds())
            if not greeted:
                self._greet(known)

    def received(self, lines: Sequence[Typed], size: int) -> None:
        """These lines came, and so many bytes; from the first line on (see `meet`) they are handled."""
        self.hears()
        price = limits.PRICE_READ + limits.PRICE_BYTE * size + limits.PRICE_LINE * len(lines)
        self._budget.left -= price
        self._address.left -= price
        dropped = self._queue.add(lines, size, self.state is QUEUING)
        if dropped is not None or self._queue.rest:
            self._placed(dropped)
        self.work()

    def says(self, line: str, size: int) -> bool:
        """Nearly every line: it came by itself, as it is said, from somebody who `talks`.

        It is said with no more than that needs; returns False where anything stands in its way, for `received` to find
        out what.  What it is charged, and what may be said, is the same.
        """
        hub, price = self._hub, limits.PRICE_READ + limits.PRICE_BYTE * size + limits.PRICE_LINE
        if (
            self.state is not READY
            or line[:1] == "/"
            or self._out.blocked
            or hub.rounds.busy
            or hub.turn.crowded
            or len(line) > limits.LINE_CHEAP
            or self._budget.left < price
            or self._address.left < price
            or not self._pace.take_one(self._clock.seconds())
        ):
            return False
        try:
            if not talk.say_lines(self.session, *self.wire.talk((line,))):
                self._pace.take(-1)
                return False
        except Exception:
            self._broken()
            return True
        self.hears()
        self._budget.left -= price
        self._address.left -= price
        return True

    def hears(self) -> None:
        """Something came."""
        self.heard = True
        if not self.astir:
            self._visits.stir(self)

    def worked(self, price: float) -> None:
        """What came made the server do this, though it is no line."""
        self.spend(price)
        if self.state not in DEAF:
            self.work()

    def ends(self, lines: Sequence[Typed]) -> None:
        """Nothing more comes but these last lines: what came is handled, and they still get what they are owed."""
        self._ends(Event.END, lines)

    def cut_off(self) -> None:
        """The same, but it was not their will: half a line is none, and nobody has left."""
        self._ends(Event.CUT)

    def _ends(self, event: Event, lines: Sequence[Typed] = ()) -> None:
        self._ending.happens(event)
        if self.state not in ENDING:
            self.meet()
            self._placed(self._queue.add(lines, 0, self.state is QUEUING))
            self.work()

    def lost(self) -> None:
        """The connection is gone, for whatever reason."""
        if not self._enter(Event.LOST):
            return
        _cancel(self._deadline)
        self._stop_handling()
        self._hub.guesses.drop(self)
        self._hub.logins.drop(self)
        try:
            self.session.cut()
        finally:
            self._visits.lost(self)

    def full(self) -> None:
        """They take no more."""
        self._visits.stir(self)
        self.session.subscriptions.fall_behind()

    def writable(self) -> None:
        """They take more again."""
        self.session.go_on()
        self.work()

    def unreachable(self) -> None:
        """What they are sent from now on does not reach them: for when they come back it counts as unread."""
        self.session.subscriptions.stop_all()

    def turn_away(self, answer: bytes) -> None:
        """They take us for something else, and nothing of what they send is for us: tell them so."""
        self._queue.forget()
        self.send(answer)
        self.close()

    @property
    def ended(self) -> bool:
        """Nothing more comes."""
        return self._ending.over

    def heard_within(self, seconds: float) -> bool:
        """(Carrier) Whether something came so lately, more or less: that is looked at now and then."""
        return self.heard or self._clock.seconds() - self._heard_at < seconds

    @property
    def leaving(self) -> bool:
        """(Carrier) Nothing more comes, or is heard."""
        return self._ending.over or self.state in ENDING

    @property
    def is_cut(self) -> bool:
        """Whether the end of their input is known not to be their own doing."""
        return self._ending.is_cut(self._out.broken)

    # Coming in.

    def still_refused(self) -> Refused | None:
        """Why they may not stay, now that this is told: there may be room again."""
        if self.refused is not None:
            self.refused = self._visits.made_again(self)
        return self.refused

    def _enter(self, event: Event) -> bool:
        """Go where this event leads; returns whether it means anything now."""
        to = TABLE[event].get(self.state)
        if to is None:
            return False
        self.state = to
        return True

    def _wait_at_most(self, seconds: float, then: Callable[[], None]) -> None:
        """The one timer of a visit as such: what it waits for next."""
        _cancel(self._deadline)
        self._deadline = self._clock.callLater(seconds, then)

    def _silent(self) -> None:
        # In turn, for a thousand may be silent at the same moment.
        self._hub.rounds.read_in_line(self._break_silence)

    def _break_silence(self) -> None:
        if self._enter(Event.SILENCE):
            self._greet()

    def _greet(self, known: bool = False) -> None:
        """Give them some time to say who they are, or tell them why they may not stay."""
        if (refused := self.still_refused()) is not None:
            self._refuse(refused)
            return
        if self.operator:  # they need no nickname
            _cancel(self._deadline)
        else:
            self._wait_at_most(limits.NICK_REMINDER_SECONDS, self._remind)
        if not known:
            entering.greet(self.session)

    def _refuse(self, refused: Refused) -> None:
        self.session.answer(notices.may_not_stay(refused))
        self.close()

    def _remind(self) -> None:
        """They have had two of three minutes to choose a nickname."""
        rest = limits.NICK_SECONDS - limits.NICK_REMINDER_SECONDS
        self.session.answer(notices.choose(rest, server_password.is_wanted(self.session)))
        self._wait_at_most(rest, self._time_is_up)

    def _time_is_up(self) -> None:
        if self.state is QUEUING:  # they have come back perhaps, and wait for us
            self._wait_at_most(limits.NICK_SECONDS - limits.NICK_REMINDER_SECONDS, self._time_is_up)
        else:
            self.session.answer(notices.not_chosen(server_password.is_wanted(self.session)))
            self.close()

    # One line after another.

    def work(self) -> None:
        """Handle lines until there are none, or something has to happen first; then read no more than is handled."""
        state = self.state
        if state is READY and self._queue.lines:
            if self._hub.rounds.busy:
                self._stand_in_line(for_more=False)
            elif self.session.named:
                self.state = _HANDLE[state]
                self._handle_some()
            else:
                self._enter(Event.STAND)
                self._hub.rounds.let_in(self._have_turn)
        elif state in DEAF:
            return
        self._see_to_the_rest()

    def _stand_in_line(self, for_more: bool) -> None:
        self._enter(Event.STAND)
        self._hub.rounds.stand_in_line(self._have_turn, for_more)

    def _have_turn(self) -> None:
        if self._enter(Event.HANDLE):
            self._handle_some()
            self._see_to_the_rest()

    def _handle_some(self) -> None:
        """Handle a portion of the lines."""
        lines, out = self._queue.lines, self._out
        budget, begun = limits.LINES_PER_READ, perf_counter()
        while lines and self.state is HANDLING and not out.blocked:
            if not budget or perf_counter() - begun > limits.PORTION_SECONDS:
                self._stand_in_line(for_more=True)
                return
            allowed = self._allowed(budget)
            if not allowed:
                return
            budget -= self._handle(allowed)
        self.state = _HANDLED.get(self.state, self.state)

    def _allowed(self, most: int) -> int:
        """How many of the next lines may be handled now; if none, `work` is called when one may."""
        now = self._clock.seconds()
        if self._hub.turn.crowded:
            self._enter(Event.WAIT)
            self._hub.turn.when_calm(self._go_on)
            return 0
        if self.proposal is not None and self._pondering and now - self._handled_at < limits.NICK_READ_SECONDS:
            # Only once: they had no time to read the answer to their last line before they sent the next.
            self._handled_at = now - limits.NICK_READ_SECONDS
            self._rest(limits.NICK_PAUSE_SECONDS)
            return 0
        if (self._budget.left < 0 or self._address.left < 0) and self._must_wait():
            self._begin_to_wait()
            self._enter(Event.REST)
            return 0
        allowed = self._pace.allows(most, now)
        if not allowed:
            if not self._slowed:
                self._slowed = True
                self.session.answer(notices.slowed(self._pace.rate))
            self._begin_to_wait()
            self._rest(self._pace.wait())
        elif self._slowed and self._pace.rested and now - self._waited_at >= limits.WAIT_TOLD_SECONDS:
            self._slowed = False
        return allowed

    @property
    def _pondering(self) -> bool:
        """A nickname was refused: what comes next may be a script's talk, which is no nickname.

        So the answer waits for the end of input, which is looked for meanwhile.
        """
        return self.wire.asks and self.proposal is not None and self.question is None and not self.session.named

    def _handle(self, most: int) -> int:
        """Handle one line, or up to so many that can be said together; returns how many these were."""
        queue = self._queue
        lines = queue.lines[: -most - 1 : -1]
        prices = affordable(lines, most) if max(map(len, lines)) > limits.LINE_CHEAP else None
        talked = 0
        if self.draft is None and self.proposal is None and self.question is None:
            # Nearly all lines are nothing but talk, and together they cost half of what they do one by one in `handle`.
            try:
                talked = talk.say_lines(self.session, *self.wire.talk(lines))
            except Exception:
                self._broken()
                return len(lines)
        self.talks = talked > 0 and not (self._slowed or queue.in_order)
        self._pace.take(sum(prices[: talked or 1]) if prices else talked or 1)
        if talked:
            del queue.lines[-talked:]
            return talked
        line = queue.pop()
        if line == END_OF_INPUT:
            self._ending.happens(Event.SIGN_OFF)
            self._tell_unsaid(queue.forget())
        elif line == INTERRUPT:
            if (dropped := self.take_dropped()) > 0:
                self.session.answer(notices.dropped(dropped))
        else:
            self._handled_at = self._clock.seconds()
            self._ask(line)
        return 1

    def _ask(self, line: Typed) -> None:
        """Do what one line asks, and handle no other before that is done: replies keep the order of lines."""
        self._in_hand = line
        try:
            done = handle(self, line)
        except Exception:
            self._broken()
        else:
            if done is not None:
                done.addErrback(self._broken)
                if not done.called:
                    self._enter(Event.WAIT)
                    done.addCallback(lambda _: self._done())
                    return
        self._in_hand = ""

    def _done(self) -> None:
        self._in_hand = ""
        self._go_on()

    def _go_on(self) -> None:
        if self._enter(Event.DONE):
            self.work()

    def _rest(self, seconds: float) -> None:
        """The next line waits so long."""
        self._enter(Event.REST)
        _cancel(self._resting)
        self._resting = self._clock.callLater(seconds, self._rested)

    def _rested(self) -> None:
        if self._enter(Event.RESTED):
            if self._queue.in_order and self._queue and self._nobody_is_there():
                self._queue.forget()
                self._ending.happens(Event.END)
            self.work()

    def _broken(self, failure: Failure | None = None) -> None:
        """A bug of ours: it is logged, and costs this one client its connection."""
        logger.failure("A line could not be handled", failure)
        self.faulty = True
        try:
            self.session.answer(notices.broken(id_of(self, self._in_hand)))
        except Exception:
            logger.failure("It could not even be told")
        self.close()

    def _see_to_the_rest(self) -> None:
        """Of the lines that were not handled, and of the input's end."""
        if self._budget.left < 0 or self._address.left < 0:
            self._must_wait()
        queue = self._queue
        if not (queue.lines or queue.rest or self._paused or self._spent or self._ending.over):
            return
        if self._is_over and self._enter(Event.OVER):
            self._finish()
        ahead = self._pondering or (
            queue.in_order and (self.state is RESTING or self.state is QUEUING) and queue.has_room_ahead(self._paused)
        )
        self._pause(not ahead if queue else self._spent is not None)

    @property
    def _is_over(self) -> bool:
        """The input has ended; so it has, in effect, where more lines wait for a nickname than anybody types."""
        if self._pondering:
            return self._ending.over or len(self._queue) > limits.LINES_PER_READ
        return self._ending.over and not self._queue

    def _pause(self, paused: bool) -> None:
        if paused != self._paused and self.state not in ENDING:
            self._paused = paused
            self._door.pause(paused)

    # What they make the server do.

    def spend(self, price: float) -> None:
        """(Carrier) They made the server do this; where that is too much, nothing of theirs is read for a while."""
        self._budget.left -= price
        self._address.left -= price

    def _must_wait(self) -> bool:
        """Whether they, or all of their address, made the server do too much: then they go on as soon as they may."""
        if self._spent is not None or self.state in ENDING:
            return True
        now = self._clock.seconds()
        if seconds := self._budget.wait(now):
            self._spent = self._clock.callLater(seconds, self._may_go_on)
        elif seconds := self._address.wait(now):
            self._spent = self._address.stand(self._may_go_on)
        else:
            return False
        if now - self._waited_at >= limits.WAIT_TOLD_SECONDS:
            self._waits_since = now
        self._waited_at = now + seconds
        self._tell_wait(self._waited_at)
        return True

    def _tell_wait(self, until: float) -> None:
        """Once, where it is long: most waits are of a moment, one after the other."""
        if not self._slowed and self._queue and until - self._waits_since >= limits.WAIT_TOLD_SECONDS:
            self._slowed = True
            self.session.answer(notices.much_asked())

    def _may_go_on(self) -> None:
        self._spent = None
        if self.state is RESTING:
            self._rested()
        elif self.state not in DEAF:
            self.work()

    # What may overtake, and drop, what waits.

    def waits(self, seconds: float) -> None:
        """(Carrier) The line that is handled waits for its turn, at least for so long."""
        self._enter(Event.QUEUE)
        self._begin_to_wait()
        if seconds >= limits.WAIT_TOLD_SECONDS:
            self.session.answer(notices.waits(seconds))

    def _begin_to_wait(self) -> None:
        """From now on lines wait for their time."""
        if not self._queue.in_order:
            self._ending.wait(self._clock.seconds())
            order = Order(lambda line: command_of(self, line), self.draft is not None)
            self._placed(self._queue.begin_to_wait(order, self.state is QUEUING))

    def _placed(self, dropped: Sequence[Typed] | None) -> None:
        """Some lines were put in order, and these dropped; of very many the others are when it is their turn."""
        if dropped is not None:
            self._drop(dropped)
        if self._queue.rest and not self._placing:
            self._placing = True
            self._hub.rounds.read_in_line(self._place)

    def _place(self) -> None:
        self._placing = False
        if self._queue.rest and self.state not in ENDING:
            self._placed(self._queue.place(self.state is QUEUING))
            self.work()

    def _drop(self, lines: Sequence[Typed]) -> None:
        """How many they are is told by what drops them; a program is told of each that has an id."""
        if self in self._hub.guesses:
            lines = [self._in_hand, *lines]
        self._dropped += len(lines)
        if not self.wire.people:
            self._tell_each(lines, notices.dropped_by_them)
        self._hub.guesses.drop(self)

    def _tell_each(self, lines: Sequence[Typed], notice: Callable[[str], Problem]) -> int:
        """Tell of those of these lines that have an id; returns how many have none."""
        ids = [id_of(self, line) for line in lines]
        for id in ids:
            if id is not None:
                self.session.answer(notice(id))
        return ids.count(None)

    def take_dropped(self) -> int:
        """(Carrier) How many lines were dropped that was not told yet."""
        dropped, self._dropped = self._dropped, 0
        return dropped

    def _nobody_is_there(self) -> bool:
        """Whether nobody is there any more who wants to say the lines that wait."""
        ending, standing = self._ending, self._door.standing()
        if (ending.over or standing is not Standing.OPEN) and ending.rest is Rest.OPEN:
            ending.look(self._door, standing, self._out.broken)
            self.session.answer(notices.still_waiting(len(self._queue)))
        return ending.rest is Rest.STOPPED and standing is Standing.CLOSED

    # What core and commands need (`chat.core.carrier.Carrier`).

    @property
    def sealed(self) -> bool:
        """Nobody on the way reads what they say."""
        return self._door.sealed

    @property
    def private(self) -> bool:
        """They come from a private network, or nobody on the way reads what they say."""
        return self._door.private

    @property
    def encrypted_way(self) -> Sentence | None:
        """How one joins by an encrypted connection."""
        return self._door.encrypted_way

    @property
    def operator(self) -> bool:
        """They run the server."""
        return self._door.operator

    @property
    def blocked(self) -> bool:
        """Nothing more is taken just now."""
        return self._out.blocked

    @property
    def direct(self) -> socket | Sealed | None:
        """Their socket, where bytes may be given to it as they are, or what encrypts for it."""
        return self._out.direct

    def answer(self, answer: Answer) -> None:
        """Send what the service says to them alone."""
        if chunk := self.wire.answer(answer):
            if not isinstance(answer, StateOfOthers):  # whoever brought that about has paid for it
                self.spend(limits.PRICE_ANSWER + limits.PRICE_ANSWER_BYTE * len(chunk))
            if not self.astir:
                self._visits.stir(self)
            self.send(chunk)

    async def answer_in_pages(self, history: History) -> None:
        """The same of a long answer: a page in each round, and sent as one, for nothing else may stand in it."""
        pages: list[bytes] = []
        shown: list[tuple[str, Entry]] | None = None
        while shown != (entries := list(history.entries)):  # what was taken back meanwhile is in no page
            pages, shown = [], entries
            for page in self.wire.pages(history):
                self.spend(limits.PRICE_ANSWER + limits.PRICE_PAGE_BYTE * len(page))
                pages.append(page)
                if len(pages) > 1:
                    await self._hub.rounds.turn_to_read()
        if chunk := b"".join(pages):
            self.send(chunk)

    def counts_as(self, lines: int) -> None:
        """(Carrier) The line that is handled, for which one was taken, says as much as so many."""
        self._pace.take(max(lines - 1, 0))

    def carry(self, session: Session) -> None:
        """From now on they are this one's."""
        self.session, self.draft, self.proposal, self.question = session, None, None, None

    def hide(self, hidden: bool) -> bool:
        """(Carrier) What they type is seen no more, or again."""
        return self._door.hide(hidden)

    def ask(self, question: Question) -> bool:
        """The next line is the answer, a secret."""
        self.question = question
        return self.hide(True)

    def answered(self) -> None:
        """What they type may be seen again."""
        if self.question is not None:
            self.question = None
            self.hide(False)

    def entered(self) -> None:
        """(Carrier) They have a nickname now: nothing is waited for."""
        self.hide(False)
        if self.state not in ENDING:
            _cancel(self._deadline)
            self._deadline = None

    def come_in(self, room: Room) -> Deferred[Any]:
        """(Carrier) It was somebody on another node who did what brings them in."""
        position = self.session.person.joined[room.log.key]
        return Deferred.fromCoroutine(tell_of_room(self.session, room, position))

    def speak(self, wire: str = "", code: str = "") -> None:
        """Go on in another way."""
        now = self.wire.format
        self.wire = self._visits.wires.find(wire or now.name, code or now.language.code, self.wire)

    # Going.

    def _finish(self) -> None:
        """The end of the input was reached: deliver what is owed and hang up.

        Of people it is their leave, unless a proxy may have made it.
        """
        session, pondering, unsaid = self.session, self._pondering, len(self._queue.forget())
        if pondering:
            session.answer(notices.no_nickname(unsaid))
        elif self.draft is not None:
            session.answer(notices.draft_unsaid(len(self.draft)))
        if self.wire.people and self._ending.is_own(self._out.broken):
            self.look_what_is_seen()
            session.end()
        session.posting.settled().addCallback(lambda _: self.close())

    def close(self) -> None:
        """Let go once everything sent is read; who does not read is not waited for."""
        if not self._enter(Event.CLOSE):
            return
        self._stop_handling()
        self._drop_guess()
        try:
            self._tell_unsaid(self._queue.forget(), self.take_dropped())
        finally:
            self.session.subscriptions.stop_all()
            self._wait_at_most(limits.CLOSE_SECONDS, self._hang_up)
            self._out.shut()
            if self._paused:
                self._door.pause(False)
            self._door.hang_up()

    def _stop_handling(self) -> None:
        """Nothing waits for its time any more."""
        _cancel(self._resting)
        _cancel(self._spent)

    def _drop_guess(self) -> None:
        """A line that waits for its turn is one of those that are not handled."""
        line = self._in_hand
        if self._hub.guesses.drop(self):
            self._queue.put_back(line)

    def _tell_unsaid(self, lines: Sequence[Typed], dropped: int = 0) -> None:
        """These lines, and so many others, came and will not be handled any more.

        Where the server stops, a program is told of none with an id: it sends to the next one what was not answered.
        """
        if self.state is STOPPING and not self.wire.people:
            dropped += [id_of(self, line) for line in lines].count(None)
        elif not self.wire.people:
            dropped += self._tell_each(lines, notices.too_late)
        else:
            dropped += len(lines)
        if dropped:
            self.session.answer(notices.unsaid(dropped))

    def _hang_up(self) -> None:
        """They had time to read their last words; who still takes some of them has more, unless the server stops.

        With a reset: plain nc does not look at the end of our half, and would wait for Enter.
        """
        if self.state is not STOPPING and self._door.still_read():
            self._wait_at_most(limits.CLOSE_SECONDS, self._hang_up)
        else:
            self.abort()

    def abort(self) -> None:
        """Let go now."""
        if self._enter(Event.ABORT):
            self._out.shut()
            self._door.abort()

    def hold(self) -> None:
        """The server stops: no further line is handled."""
        self._pause(True)
        if self._enter(Event.HOLD):
            self._drop_guess()

    def drain(self) -> None:
        """The server has stored the last line: let them read what they are owed, and close."""
        self.session.subscriptions.caught_up().addCallback(lambda _: self._say_goodbye())

    def _say_goodbye(self) -> None:
        self.session.answer(notices.stopping())
        self.look_what_is_seen()
        self.close()

    # What is looked at now and then.

    def look(self, now: float) -> bool:
        """Whether they are still there; where they stand is stored.  Returns whether to look again though nothing comes
        and nothing goes out."""
        if self.heard or self._paused or self._queue:
            self._heard_at, self.heard = now, False
        if self._spent is not None:
            self._tell_wait(now)
        pings = self.pings and not self.wire.asks
        if not self._door.look(now):
            self.abort()
        elif self.state in ENDING:
            return True
        elif pings and now - self._heard_at >= limits.SILENT_SECONDS:
            self._give_up_silent()
        elif self.wire.keepalive and now - self._heard_at >= limits.IRC_IDLE_SECONDS:
            self.send(self.wire.keepalive)
        seen = self.look_what_is_seen()
        self.session.keep_seen()
        waits = self._paused or bool(self._queue) or self._spent is not None or self._out.blocked
        kept = pings or bool(self.wire.keepalive) or self._door.kept_open
        return waits or kept or not (seen and self._door.all_read())

    def _give_up_silent(self) -> None:
        """Only a proxy knows that their machine is gone, and it says nothing."""
        logger.info("Closing a connection that pinged, and was silent for {seconds} s", seconds=limits.SILENT_SECONDS)
        self.session.answer(notices.silent())
        self.close()

    def look_what_is_seen(self) -> bool:
        """Whether their machine has acknowledged everything that they were given."""
        subscriptions = self.session.subscriptions
        if subscriptions.is_seen():
            return True
        if not (self._out.blocked or self._out.broken or self.state in ENDING) and self._door.all_read():
            self.session.mark_seen()
        return subscriptions.is_seen()


def _cancel(call: IDelayedCall | Spot | None) -> None:
    if call is not None and call.active():
        call.cancel()
