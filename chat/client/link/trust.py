"""Whether a server is who it should be: its certificate is taken, refused, or a person is asked.

The first of these that applies decides:

1. With `--fingerprint` exactly that certificate is taken, whatever else there is to say about it.
2. One that the system's authorities vouch for is taken.  It is not remembered, for it is renewed every few weeks; and
   it is taken also where another one was remembered, for that is how a server comes by its first real certificate, and
   whoever can make authorities vouch for a wrong one could deceive a newcomer as well.
3. One that was remembered is taken, expired or not; a server that has shown another one before is refused.
4. One that was remembered of another address of the same chat is taken: whoever has its key is who was accepted
   there.
5. Where something is remembered of the chat, or one of its addresses was taken in this run, any other is refused.
6. Anything else is unknown: a person may accept it, a script may not.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Self

from chat.base.language import Sentence, say, say_n
from chat.base.reasons import unreadable
from chat.base.text import visible
from chat.client.link.known_servers import KnownServer, KnownServers


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a server showed; `doubts` say why no authority vouches for it, and where there are none, one does."""

    fingerprint: str
    doubts: Sequence[Sentence] = ()


class Unsafe(Exception):
    """No connection to this server is safe, and trying again would not change that; `told` says why, line by line."""

    def __init__(self, *told: Sentence) -> None:
        super().__init__(*told)
        self.told = told


class Unknown(Unsafe):
    """Nothing speaks for this certificate or against it; `accept` takes it from now on.

    That raises `OSError` where it cannot be remembered, and then it is taken until the end of this run.
    """

    def __init__(self, fingerprint: str, accept: Callable[[], None], *told: Sentence) -> None:
        super().__init__(*told)
        self.fingerprint = fingerprint
        self.accept = accept


class Trust:
    """What is trusted as this server, which is named as people name it, HOST:PORT; `pinned` is a fingerprint."""

    def __init__(self, server: str, known: KnownServers, pinned: str | None = None) -> None:
        self.server = server
        self._known = known
        self._pinned = pinned
        self._accepted: str | None = None
        self._taken = False
        self._others: Sequence[Trust] = ()
        """Those of the chat's other addresses."""

    @classmethod
    def of_chat(cls, servers: Sequence[str], known: KnownServers, pinned: str | None = None) -> list[Self]:
        """One for each address of a chat."""
        all_of_them = [cls(server, known, pinned) for server in servers]
        for trust in all_of_them:
            trust._others = [other for other in all_of_them if other is not trust]
        return all_of_them

    def check(self, certificate: Certificate) -> None:
        """Return if this certificate is taken, else raise `Unsafe`."""
        self._decide(certificate)
        self._taken = True

    def no_tls(self, reason: str) -> Unsafe:
        """What is to be raised where the server speaks no TLS; to one that did, nobody is sent in clear."""
        try:
            spoke = self._taken or self._pinned is not None or bool(self._entries())
        except Unsafe as problem:
            return problem
        server, reason = self.server, visible(reason)
        if spoke:
            return Unsafe(
                say("{server} SPEAKS NO TLS ANY MORE ({reason}).", server=server, reason=reason),
                say("Somebody between you and it may want to read what you say: ask whoever runs it."),
            )
        return Unsafe(
            say("{server} speaks no TLS, or none that is safe ({reason}).", server=server, reason=reason),
            say("Ask for its encrypted port, or leave out --tls, and everybody on the way can read what you say."),
        )

    def _decide(self, certificate: Certificate) -> None:
        shown = certificate.fingerprint
        if self._pinned is not None:
            if shown != self._pinned:
                raise Unsafe(
                    say("The certificate of {server} is not the one that --fingerprint names.", server=self.server),
                    say("It is {fingerprint}", fingerprint=shown),
                )
            return
        if not certificate.doubts:
            return
        entries = self._entries()
        if shown in [entry.fingerprint for entry in entries] or (not entries and shown == self._accepted):
            return
        if entries or self._accepted is not None:
            raise Unsafe(*self._changed(shown, entries))
        if any(other._is_known_as(shown) for other in self._others):
            return
        if any(other._is_known_as() for other in self._others):
            raise Unsafe(*self._another(shown))
        doubts = tuple(certificate.doubts)
        raise Unknown(
            shown,
            partial(self._accept, shown),
            say("The certificate of {server} cannot be verified: {doubts}.", server=self.server, doubts=doubts),
            say("Its fingerprint is {fingerprint}", fingerprint=shown),
        )

    def _is_known_as(self, fingerprint: str | None = None) -> bool:
        """Whether it was accepted as this address's; None: whether anything was taken as this address."""
        known = {self._accepted, *(entry.fingerprint for entry in self._entries())} - {None}
        return fingerprint in known if fingerprint is not None else self._taken or bool(known)

    def _entries(self) -> Sequence[KnownServer]:
        try:
            return self._known.find(self.server)
        except OSError as error:
            raise Unsafe(unreadable(visible(str(self._known.path)), error)) from None

    def _accept(self, fingerprint: str) -> None:
        self._accepted = fingerprint
        self._known.add(self.server, fingerprint)

    def _another(self, shown: str) -> list[Sentence]:
        return [
            say(
                "The certificate of {server} is none that you know of this chat: nothing was sent to it.",
                server=self.server,
            ),
            say("Its fingerprint is {fingerprint}", fingerprint=shown),
            say(
                "Servers of one chat share one. If whoever runs it says that this is right, accept it once: {command}",
                command=f"chat-client --tls {self.server}",
            ),
        ]

    def _changed(self, shown: str, entries: Sequence[KnownServer]) -> list[Sentence]:
        before = [entry.fingerprint for entry in entries] or [self._accepted or ""]
        told = [
            say("THE CERTIFICATE OF {server} HAS CHANGED.", server=self.server),
            say("It was renewed, or somebody between you and the server reads what you say: ask whoever runs it."),
            *(say("It was {fingerprint}", fingerprint=visible(fingerprint)) for fingerprint in before),
            say("It is {fingerprint}", fingerprint=shown),
        ]
        if entries:
            told.append(
                say_n(
                    "If that is the new one, take line {lines} out of {path} and connect again.",
                    "If that is the new one, take the lines {lines} out of {path} and connect again.",
                    len(entries),
                    lines=tuple(entry.line for entry in entries),
                    path=visible(str(self._known.path)),
                )
            )
        return told
