"""Who came just now to an open server: guests who are new say little, write to nobody unasked, and point nowhere.

Whoever fills rooms with what nobody wants comes as a guest, does it at once, and comes again as another one.
"""

import re
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from math import ceil

from twisted.internet.interfaces import IReactorTime

from chat.base import limits
from chat.base.durations import exactly
from chat.base.errors import Refused
from chat.base.language import Sentence, duration, say
from chat.base.patterns import pattern
from chat.core.measures import Measures
from chat.core.person import Person
from chat.core.posting import not_said
from chat.core.roles import SERVER

_LINK = pattern(r"[a-z][a-z0-9+.-]*://\S|\bwww\.\S|\bmailto:\S", re.IGNORECASE)


class Newcomers:
    """Those of them who are looked at, where the server is `open` in this way."""

    def __init__(
        self, clock: IReactorTime, now: Callable[[], datetime], measures: Measures, open: Callable[[], bool]
    ) -> None:
        self._clock = clock
        self._now = now
        self._measures = measures
        self._open = open
        self._spoke: OrderedDict[str, tuple[float, str | None]] = OrderedDict()
        """When who is new said something last (in the clock's seconds), and the id of that line; by their ids, or by
        the address of who is not there."""
        self._asked: OrderedDict[str, dict[str, None]] = OrderedDict()
        """Who wrote to somebody who is new, by their ids."""

    def watch(self, person: Person) -> None:
        """Somebody came, or was here when the server was opened in this way."""
        if self._open() and not person.has_account:
            self._measures.watch(person, True)

    def asked(self, person: Person, by: str) -> None:
        """Somebody of this id wrote to this person, who may answer."""
        if self._open() and self.left(person) > 0:
            self._asked.setdefault(person.id, {})[by] = None
            if len(self._asked) > limits.PACES:
                self._asked.popitem(last=False)

    def left(self, person: Person | None) -> int:
        """For how many seconds more they are new; None is somebody from outside, who always is."""
        if person is None:
            return limits.NEWCOMER_SECONDS if self._open() else 0
        if not self._open() or person.has_account or SERVER in person.roles:
            if person.measured:
                self._measures.watch(person, False)
            return 0
        left = ceil(limits.NEWCOMER_SECONDS - self._age(person))
        if left <= 0:
            self._measures.watch(person, False)
        return max(0, left)

    def check_may_say(self, person: Person | None, host: str, text: str, id: str | None = None) -> None:
        """Raises `Refused` where somebody who is new says a second line too soon, or a link; None is not there, and
        known by the address.  A line that is sent again with its id was waited for."""
        if not self.left(person):
            return
        self.check_holds_no_link(person, text)
        who, now = host if person is None else person.id, self._clock.seconds()
        if (last := self._spoke.get(who)) is not None:
            if id is not None and id == last[1]:
                return
            if (wait := ceil(last[0] + limits.NEWCOMER_PACE_SECONDS - now - _HAIR)) > 0:
                told = say(
                    "who came just now says one line in {time}; say it in {left}.",
                    time=exactly(limits.NEWCOMER_PACE_SECONDS),
                    left=duration(wait),
                )
                raise Refused("slow-down", not_said(Refused("slow-down", told), text, None).sentence)
        self._note(who, id, now)

    def heard(self, person: Person, id: str | None) -> None:
        """Somebody said something on another node: they wait here as there."""
        if self._open() and self.left(person):
            self._note(person.id, id, self._clock.seconds())

    def _note(self, who: str, id: str | None, now: float) -> None:
        self._spoke.pop(who, None)
        self._spoke[who] = now, id
        if len(self._spoke) > limits.PACES:
            self._spoke.popitem(last=False)

    def check_holds_no_link(self, person: Person | None, text: str) -> None:
        """Raises `Refused` where somebody who came within the last minute points elsewhere."""
        if self.left(person) and _LINK.search(text):
            left = limits.LINK_SECONDS - (0 if person is None else self._age(person))
            if person is None:
                raise _closed(say("Who is not here says no links."))
            if left > 0:
                raise _closed(say("Who came just now says no links: wait {time}.", time=duration(ceil(left))))

    def check_may_write(self, person: Person, to: Person) -> None:
        """Raises `Refused` where somebody who is new writes in private to somebody who did not write to them."""
        if person is to or SERVER in to.roles or not (left := self.left(person)):
            return
        if to.id != person.last_from and to.id not in self._asked.get(person.id, ()):
            raise _closed(
                say(
                    "Who came just now writes in private to who wrote to them: wait {time}, or talk in a room.",
                    time=duration(left),
                )
            )

    def _age(self, person: Person) -> float:
        return (self._now() - person.entered_at).total_seconds()


_HAIR = 1e-3
"""What adding up may have lost: after the wait that was told one may."""


def _closed(sentence: Sentence) -> Refused:
    return Refused("not-allowed", sentence)
