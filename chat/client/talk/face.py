"""What a connection tells whoever shows it: standard streams, a full terminal, a window."""

from collections.abc import Sequence
from typing import Protocol

from chat.base.language import Sentence
from chat.client.link.trust import Unsafe
from chat.client.talk.me import SentLine
from chat.client.talk.objects import Object, Problem, Raw


class Face(Protocol):
    """Whoever shows what the connection brings."""

    def received(self, what: Object | None, raw: Raw, line: SentLine | None) -> None:
        """An object arrived (None: of a kind that is not known), perhaps the answer to a line."""

    def not_understood(self) -> None:
        """The server sent something that is no object, or is too long to be one."""

    def password_wanted(self, refused: Problem | None) -> None:
        """The server's password is to be given with `let_in`; the last one was wrong, if there was one."""

    def nickname_wanted(self, refused: Problem | None) -> None:
        """A nickname is to be chosen with `enter`; the last one was refused, if there was one."""

    def entered(self) -> None:
        """We are in, under `me.nick`."""

    def progressed(self) -> None:
        """Fewer lines are kept than before."""

    def not_admitted(self, refused: Problem, unsent: Sequence[SentLine]) -> None:
        """The room that we were to speak in did not let us in: lines that waited for it will not be sent."""

    def not_confirmed(self, lines: Sequence[SentLine]) -> None:
        """These lines were sent, and nobody will ever know what became of them."""

    def sent_again(self, lines: Sequence[SentLine]) -> None:
        """These lines, which an earlier run had not seen confirmed, are sent now."""

    def lost(self, reason: Sentence | None) -> None:
        """The connection is gone; without a reason it was to go."""

    def dialing(self, server: str) -> None:
        """This address of the chat is tried now, another one than before."""

    def unreachable(self, reason: Sentence) -> None:
        """An attempt to connect failed, and no other address is left for now."""

    def skipped(self, why: Sentence | Unsafe) -> None:
        """The address that was tried is of no use, or not safe, and another one is tried at once."""

    def unsafe(self, problem: Unsafe) -> None:
        """The server is not who it should be, or nobody knows: it was told nothing, and is not tried again."""

    def stranger(self, what: Sentence) -> None:
        """No chat server answers there; it is not tried again."""

    def no_hello(self) -> None:
        """Connected for some seconds, and no chat server has spoken."""

    def trying_again(self, seconds: float) -> None:
        """The next attempt is in so many seconds."""

    def not_kept(self, error: OSError) -> None:
        """What brings us back if this program is killed could not be written."""
