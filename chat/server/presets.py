"""`--for class`: values of options for a use, in place of the usual ones; what the operator chooses by itself wins.

They are words in front of all others, as those of a file are in front of the command line's.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from chat.base.language import Sentence, say

PRESETS: Mapping[str, Mapping[str, str]] = {
    # Forty behind one address, with up to three devices each; a break costs nobody the nickname.
    "class": {"grace": "900", "max-per-host": "120"},
    # Who lives together is not slowed down.
    "home": {"rate": "0"},
}
"""For each use the options, as they are given."""


def told(options: Mapping[str, Any]) -> Iterator[Sentence]:
    """What the start says: for which use it is, and how those options are now."""
    if options["for"] is not None:
        values = tuple(f"{name} {options[name]:g}" for name in PRESETS[options["for"]])
        yield say("Set up for {use} (--for): {values}.", use=options["for"], values=values)
