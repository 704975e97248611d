"""Who has which nickname, so that it is known at once whether another one is taken, or too alike to one that is."""

from collections.abc import Collection
from typing import Generic, TypeVar

from chat.base.lookalikes import Look, fold, looks

P = TypeVar("P")


class Nicknames(Generic[P]):
    """Each has one nickname at most, and no two have names that are the same or alike: `claim` asks no questions.

    Looks are kept by shape, then script, then letters: a name is alike to all of its shape in another script, and in
    its own to what has the same letters.  So it costs the same however many have names of one shape.  Where the shape
    alone counts, as of nearly all, it stands for itself: less memory for each.
    """

    def __init__(self) -> None:
        self._names: dict[P, str] = {}
        self._by_key: dict[str, P] = {}
        self._shapes: dict[str, P] = {}
        self._by_shape: dict[str, dict[str, dict[str, P]]] = {}

    @property
    def holders(self) -> Collection[P]:
        """All who have one."""
        return self._names.keys()

    def called(self, holder: P) -> str | None:
        """Their nickname."""
        return self._names.get(holder)

    def find(self, nick: str) -> P | None:
        """Whoever has this nickname."""
        return self._by_key.get(fold(nick))

    def holder(self, nick: str, besides: P | None = None) -> P | None:
        """Whoever has this nickname or one that is alike; there may be several, not only `besides`."""
        holder = self._by_key.get(fold(nick))
        if holder is not None and holder is not besides:
            return holder
        return next(
            (holder for look in looks(nick) for holder in self._alike(look) if holder is not besides),
            None,
        )

    def _alike(self, look: Look) -> list[P]:
        """Of each script one, for who has a name of this look: of names of one script all are alike to it, or one."""
        found = [self._shapes[look.shape]] if look.shape in self._shapes else []
        for script, by_letters in self._by_shape.get(look.shape, {}).items():
            if script != look.script:
                # Two, for one of them may be who asks.
                found += [holder for _, holder in zip(range(2), by_letters.values(), strict=False)]
            elif look.letters in by_letters:
                found.append(by_letters[look.letters])
        return found

    def free(self, nick: str, besides: P) -> None:
        """Whoever has this nickname, or one that is alike, has it no more."""
        while (holder := self.holder(nick, besides)) is not None:
            self.release(holder)

    def claim(self, nick: str, holder: P) -> None:
        """They have this nickname, instead of theirs if they have one."""
        self.release(holder)
        self._names[holder] = nick
        key = fold(nick)
        self._by_key[nick if key == nick else key] = holder  # nobody's nickname is in the memory twice
        for look in looks(nick):
            if look.script:
                self._by_shape.setdefault(look.shape, {}).setdefault(look.script, {})[look.letters] = holder
            else:
                self._shapes[look.shape] = holder

    def release(self, holder: P) -> None:
        """Their nickname is free again."""
        nick = self._names.pop(holder, None)
        if nick is None:
            return
        del self._by_key[fold(nick)]
        for look in looks(nick):
            if not look.script:
                del self._shapes[look.shape]
                continue
            by_script = self._by_shape[look.shape]
            del by_script[look.script][look.letters]
            if not by_script[look.script]:
                del by_script[look.script]
            if not by_script:
                del self._by_shape[look.shape]
