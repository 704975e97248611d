"""Who a window works for: it asks what stands on it, and tells what became of it."""

from collections.abc import Sequence
from typing import Protocol

from chat.base.language import Sentence
from chat.client.link.lines import TooLong
from chat.client.talk.view import View
from chat.editing.completing import Deed, Offer


class Desk(Protocol):
    """Who decides what is shown, and is told what was done."""

    view: View

    @property
    def nick(self) -> str | None:
        """As whom one is in."""

    @property
    def server(self) -> str:
        """With which server, as people call it."""

    @property
    def trouble(self) -> Sentence | None:
        """How the connection is, where it is not as it should be."""

    @property
    def over(self) -> bool:
        """It does not come back by itself."""

    @property
    def title(self) -> str:
        """Of the window."""

    @property
    def on_their_way(self) -> Sequence[str]:
        """Lines that were typed and do not stand in their place yet."""

    @property
    def question(self) -> Sentence | None:
        """What is typed next answers this."""

    @property
    def hides(self) -> bool:
        """What is typed is not shown."""

    @property
    def timed(self) -> bool:
        """Each line has its time."""

    def words(self, sentence: Sentence) -> str:
        """In the language of whoever looks."""

    def typed(self, line: str | TooLong) -> None:
        """Somebody typed that."""

    def dropped(self) -> None:
        """What somebody typed was the rest of an answer to a question that is gone."""

    def keeps(self, line: str) -> bool:
        """Whether this line may stand in the history."""

    def hint(self, text: str) -> str:
        """How the command that is typed is used."""

    def offers(self, text: str) -> Sequence[Offer]:
        """What the text before the cursor may go on with."""

    def deeds(self, nick: str) -> Sequence[Deed]:
        """What one may do about somebody."""

    def drawn(self) -> None:
        """Lines that came are seen now."""

    def changed(self) -> None:
        """There is another amount of room."""

    def attended(self) -> None:
        """There was a key, or the mouse."""

    def open(self, name: str) -> None:
        """Go to this conversation."""

    def go_to(self, number: int) -> None:
        """To the conversation of this number."""

    def go_on(self, step: int) -> None:
        """To what is new."""

    def step(self, step: int) -> None:
        """To the conversation below, or above."""

    def older(self) -> None:
        """Somebody looks for what was said earlier."""

    def follow_link(self, link: str) -> None:
        """Open a page of the web."""

    def connect_anew(self) -> None:
        """Somebody wants another connection, or another server."""

    def leave(self) -> None:
        """It is over."""
