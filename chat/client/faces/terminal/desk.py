"""Who the line editor works for: it asks what stands around the line that is typed, and tells what became of it."""

from collections.abc import Sequence
from typing import Protocol

from chat.client.faces.streams import InputReader
from chat.client.talk.completing import Offer


class Desk(InputReader, Protocol):
    """Who decides what stands at the bottom of the screen, and is told which keys were pressed."""

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
