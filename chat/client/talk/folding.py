"""Coming and going of people who have not spoken lately, gathered until somebody says something.

Whoever comes and goes again meanwhile is not mentioned at all.
"""

from collections.abc import Iterable

from chat.base import limits
from chat.base.language import Sentence, say, say_n
from chat.client.talk.objects import Came
from chat.wire.phrases import some


class Fold:
    """Who came to a conversation, and who left it, since it was last told."""

    def __init__(self) -> None:
        self._joined: dict[str, None] = {}
        self._left: dict[str, None] = {}

    def __bool__(self) -> bool:
        return bool(self._joined or self._left)

    def take(self, came: Came) -> None:
        """Somebody came or left, or is called something else now."""
        match came.type:
            case "joined":
                _move(came.who, self._left, self._joined)
            case "left":
                _move(came.who, self._joined, self._left)
            case "renamed" if came.author in self._joined:
                self._joined = {came.to if nick == came.author else nick: None for nick in self._joined}

    def holds(self, nick: str) -> bool:
        """Whether somebody is new here."""
        return nick in self._joined

    def told(self) -> Sentence | None:
        """What is to be told now; then it begins anew."""
        sentence = self.sentence
        self._joined.clear()
        self._left.clear()
        return sentence

    @property
    def sentence(self) -> Sentence | None:
        """What there is to tell."""
        joined, left = tuple(self._joined), tuple(self._left)
        if joined and left:
            return say("{came}; {gone}", came=_joined(joined), gone=_left(left))
        return _joined(joined) if joined else _left(left) if left else None


def _move(who: Iterable[str], back: dict[str, None], there: dict[str, None]) -> None:
    """Note them, but for those who only came back from there; of very many the newest."""
    for nick in who:
        if nick in back:
            del back[nick]
        else:
            there[nick] = None
            if len(there) > limits.REMEMBERED:
                del there[next(iter(there))]


def _joined(who: tuple[str, ...]) -> Sentence:
    return say_n("{who} joined", "{who} joined", len(who), who=some(who))


def _left(who: tuple[str, ...]) -> Sentence:
    return say_n("{who} left", "{who} left", len(who), who=some(who))
