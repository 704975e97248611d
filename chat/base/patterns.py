"""Regular expressions that are compiled when they are first used.

There are sixty, most of them for what few people write; to compile all of them took a ninth of a start.  What every
line is held against is compiled at once, with `re.compile`: that saves a look-up each time.
"""

import re
from typing import Any, AnyStr, cast


class _Pattern:
    """It has what `re.Pattern` has, from the first time on that somebody asks for any of it."""

    def __init__(self, *how: Any) -> None:
        self._how = how

    def __getattr__(self, name: str) -> Any:
        compiled = re.compile(*self._how)
        self.__dict__.update({each: getattr(compiled, each) for each in dir(compiled) if each[0] != "_"})
        return getattr(compiled, name)


def pattern(text: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """One that is used as if it were compiled; what is wrong with it is found out as late."""
    return cast(re.Pattern[AnyStr], _Pattern(text, flags))
