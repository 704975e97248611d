"""Who watches for whom to come and go, by nicknames; whoever has that nickname then."""

from collections import defaultdict
from collections.abc import Iterable

from chat.base import limits, names
from chat.base.errors import Refused
from chat.base.language import say
from chat.core.person import Device
from chat.wire.answers import Watched


class Watchers:
    """All who watch, and what for."""

    def __init__(self) -> None:
        self._watching: defaultdict[str, dict[str, Device]] = defaultdict(dict)
        self._watched: dict[str, dict[str, str]] = {}

    def watch(self, session: Device, nick: str) -> None:
        """From now on tell this session of that nickname; raises `Refused` where it watches for very many."""
        key, watched = names.fold(nick), self._watched.setdefault(session.id, {})
        if key not in watched and len(watched) >= limits.WATCHED:
            raise Refused("too-many", say("You watch for {limit} people already.", limit=limits.WATCHED))
        watched[key] = nick
        self._watching[key][session.id] = session

    def stop(self, session: Device, nick: str) -> None:
        """Tell it no more."""
        key = names.fold(nick)
        if self._watched.get(session.id, {}).pop(key, None) is not None:
            self._watching[key].pop(session.id, None)
            if not self._watching[key]:
                del self._watching[key]

    def stop_all(self, session: Device) -> None:
        """Tell it nothing any more."""
        for nick in [*self.watched(session)]:
            self.stop(session, nick)
        self._watched.pop(session.id, None)

    def watched(self, session: Device) -> Iterable[str]:
        """The nicknames that it watches for, as it wrote them."""
        return self._watched.get(session.id, {}).values()

    def of(self, nick: str) -> Iterable[Device]:
        """The sessions that watch for this nickname."""
        key = names.fold(nick)
        return tuple(self._watching[key].values()) if key in self._watching else ()

    def tell(self, nick: str, here: bool) -> None:
        """Somebody has this nickname now, or nobody any more."""
        for session in self.of(nick):
            session.notice(f"watched {names.fold(nick)}", Watched(nick, here))
