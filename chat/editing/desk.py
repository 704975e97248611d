"""Who the line editor works for: it asks what stands around the line that is typed, and tells what became of it."""

from collections.abc import Sequence
from typing import Protocol

from chat.base.language import Sentence, say, say_n
from chat.editing.completing import Offer

MANY_PASTED = say("Enter says them as one message, Esc drops them.")


def pasted(lines: int) -> Sentence:
    """What stands for so many pasted lines."""
    return say_n("[{count} line]", "[{count} lines]", lines)


class Source(Protocol):
    """Where comes from what is written above."""

    def written(self) -> None:
        """All of it is written; go on."""


class Desk(Protocol):
    """Who decides what stands at the bottom of the screen, and is told which keys were pressed."""

    def typed(self, line: str) -> None:
        """A line of input."""

    def dropped(self) -> None:
        """A line of input was the rest of an answer to a question that is gone, and is nobody's."""

    def input_ended(self, rest: str) -> None:
        """There is no more."""

    def output_closed(self, failed: bool) -> None:
        """Nobody reads the output any more."""

    def prompt(self) -> str:
        """What stands before the line that is typed."""

    def above(self) -> Sequence[str]:
        """Rows above it."""

    def below(self, columns: int) -> Sequence[tuple[bool, str]]:
        """The row below it: parts, and whether each stands out."""

    def hint(self, text: str) -> str:
        """What helps with this text; empty where nothing does."""

    def paste(self, lines: int) -> tuple[str, str]:
        """What stands for so many pasted lines, and what may be done with them."""

    def offers(self, text: str) -> Sequence[Offer]:
        """What the text before the cursor may go on with."""

    @property
    def hides(self) -> bool:
        """Whether stars stand for what is typed."""

    def keeps(self, line: str) -> bool:
        """Whether this line may stand in the history."""

    def waits(self) -> bool:
        """Whether what stands there changes with the time."""

    def attended(self) -> None:
        """There was a key."""

    def go_to(self, number: int) -> None:
        """Alt and a digit."""

    def go_on(self, step: int) -> None:
        """Ctrl-N, or (-1) Ctrl-P."""

    def page_up(self) -> None:
        """What was said earlier is wanted."""

    def interrupted(self) -> None:
        """Ctrl-C, and nothing is typed."""
