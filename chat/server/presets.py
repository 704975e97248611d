"""`--for class`: values of options for a use, in place of the usual ones; what the operator chooses by itself wins.

They are words in front of all others, as those of a file are in front of the command line's.  What is no option comes
with the use alone.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from chat.base import limits
from chat.base.durations import exactly
from chat.base.language import Sentence, say
from chat.base.named_tuples import NamedTuple


class Beside(NamedTuple):
    """What comes with a use, and is no option."""

    class_mode: bool = False
    """It is on from the start."""
    guards_newcomers: bool = False
    """Guests who came just now may less (`chat.core.newcomers`)."""
    asks_for_word: bool = False
    """At the first start (`chat.server.first_word`)."""


PRESETS: Mapping[str, Mapping[str, str]] = {
    # Forty behind one address, with up to three devices each; a break costs nobody the nickname.
    "class": {"grace": "900", "max-per-host": "120"},
    "open": {},
    # Who lives together is not slowed down.
    "home": {"rate": "0"},
}
"""For each use the options, as they are given."""

_BESIDE = {
    "class": Beside(class_mode=True),
    "open": Beside(guards_newcomers=True),
    "home": Beside(asks_for_word=True),
}


def beside(options: Mapping[str, Any]) -> Beside:
    """What comes with the use that was chosen, if one was."""
    return _BESIDE.get(options["for"], Beside())


def told(options: Mapping[str, Any]) -> Iterator[Sentence]:
    """What the start says: for which use it is, how those options are now, and what comes with it."""
    if options["for"] is not None:
        values: list[object] = [f"{name} {options[name]:g}" for name in PRESETS[options["for"]]]
        values += _told_beside(beside(options))
        yield say("Set up for {use} (--for): {values}.", use=options["for"], values=tuple(values))


def _told_beside(beside: Beside) -> Iterator[Sentence]:
    if beside.class_mode:
        yield say("/class on at the start")
    if beside.guards_newcomers:
        yield say(
            "guests who came less than {young} ago say one line in {pace}, no links in the first {links}, and nothing "
            "unasked in private",
            young=exactly(limits.NEWCOMER_SECONDS),
            pace=exactly(limits.NEWCOMER_PACE_SECONDS),
            links=exactly(limits.LINK_SECONDS),
        )
    if beside.asks_for_word:
        yield say("a word that is asked for at the first start")
