"""The way to a server through TLS: an endpoint whose connections are encrypted, and whose certificates are trusted.

A connection exists for what is above only once its handshake is done and the certificate taken: before that nothing
of ours is sent but the handshake itself.  OpenSSL compares the certificate with the system's authorities, but what it
says is only noted, and `Trust` decides; so the server has proved by then that the certificate is its own.
"""

from OpenSSL import SSL
from OpenSSL.crypto import FILETYPE_ASN1, X509, dump_certificate
from service_identity.hazmat import DNSPattern, IPAddressPattern
from service_identity.pyopenssl import extract_patterns, verify_hostname, verify_ip_address
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.error import DNSLookupError
from twisted.internet.interfaces import (
    IAddress,
    IHandshakeListener,
    IProtocol,
    IProtocolFactory,
    IReactorTime,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.ssl import optionsForClientTLS
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from chat.base import limits
from chat.base.fingerprint import fingerprint
from chat.base.language import Sentence, say
from chat.base.text import visible
from chat.client.link.link import HandshakeFailed, HandshakeTimedOut
from chat.client.link.trust import Certificate, Trust

_NO_TLS = (
    "wrong version number",
    "unexpected message",
    "packet length too long",
    "unsupported protocol",
    "protocol version",
    "handshake failure",
)
"""What OpenSSL says where the other side speaks something else, or no TLS that is safe today; parts of its words."""

_UNKNOWN_SIGNER = frozenset({2, 19, 20, 21})
_SELF_SIGNED, _NOT_YET_VALID, _EXPIRED = 18, 9, 10
"""OpenSSL's numbers (X509_V_ERR_…) of what may be wrong with a certificate."""


@implementer(IStreamClientEndpoint)
class TLSEndpoint:
    """Connects to `host` by another endpoint; fails with `Unsafe` where `trust` does not take the certificate."""

    def __init__(self, endpoint: IStreamClientEndpoint, host: str, trust: Trust, clock: IReactorTime) -> None:
        self._endpoint = endpoint
        self._host = host.partition("%")[0] if isIPv6Address(host) else host
        self._trust = trust
        self._clock = clock

    def connect(self, factory: IProtocolFactory) -> "Deferred[IProtocol]":
        """(IStreamClientEndpoint)"""
        return Deferred.fromCoroutine(self._connect(factory))

    async def _connect(self, factory: IProtocolFactory) -> IProtocol:
        try:
            options = optionsForClientTLS(self._host)
        except UnicodeError as error:
            raise DNSLookupError(str(error)) from None
        handshakes = _Handshakes(self._host, self._trust, factory, self._clock)
        tls = await self._endpoint.connect(TLSMemoryBIOFactory(options, True, handshakes, self._clock))
        assert isinstance(tls, TLSMemoryBIOProtocol)
        handshake = tls.wrappedProtocol
        assert isinstance(handshake, _Handshake)
        return await handshake.done


@implementer(IHandshakeListener)
class _Handshake(Protocol):
    """What a connection is until it is trusted; then what the factory makes takes its place."""

    transport: TLSMemoryBIOProtocol

    def __init__(self, host: str, trust: Trust, factory: IProtocolFactory, clock: IReactorTime) -> None:
        self.done: Deferred[IProtocol] = Deferred(lambda _: self.transport.abortConnection())
        self._host = host
        self._trust = trust
        self._factory = factory
        self._timer = clock.callLater(limits.TLS_SECONDS, self._fail, HandshakeTimedOut())
        self._doubts: list[Sentence] = []

    def connectionMade(self) -> None:
        """The handshake begins: what OpenSSL thinks of the certificate is noted, where Twisted would end it."""
        self.transport.getHandle().set_verify(SSL.VERIFY_PEER, self._note)

    def handshakeCompleted(self) -> None:
        """(IHandshakeListener)"""
        try:
            self._trust.check(self._certificate())
        except Exception as problem:
            self._fail(problem)
            return
        self._timer.cancel()
        protocol = self._factory.buildProtocol(self.transport.getPeer())
        assert protocol is not None
        self.transport.wrappedProtocol = protocol
        protocol.makeConnection(self.transport)
        self.done.callback(protocol)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """It came to nothing."""
        if self._timer.active():
            self._timer.cancel()
        if not self.done.called:
            self.done.errback(self._explained(reason))

    def _fail(self, problem: Exception) -> None:
        if self._timer.active():
            self._timer.cancel()
        self.transport.abortConnection()
        if not self.done.called:
            self.done.errback(Failure(problem))

    # What is wrong.

    def _note(self, connection: SSL.Connection, certificate: X509, error: int, depth: int, ok: int) -> bool:
        """(OpenSSL) Once for each certificate of the chain, and for each thing that is wrong with it."""
        if not ok and (doubt := _doubt(error)) not in self._doubts:
            self._doubts.append(doubt)
        return True

    def _certificate(self) -> Certificate:
        connection = self.transport.getHandle()
        certificate = connection.get_peer_certificate()
        if not _is_for(self._host, connection):
            names = _names(certificate)
            self._doubts.append(
                say("it is for {names}, not for {host}", names=names, host=visible(self._host))
                if names
                else say("it does not say for which computer it is")
            )
        return Certificate(fingerprint(dump_certificate(FILETYPE_ASN1, certificate)), self._doubts)

    def _explained(self, reason: Failure) -> Failure:
        """What ended the handshake; Twisted has made a plain loss of what OpenSSL says of one."""
        if not isinstance(reason.value, SSL.Error):
            return reason
        words = str(reason.value.args[0][-1][-1])
        if any(part in words for part in _NO_TLS):
            return Failure(self._trust.no_tls(words))
        return Failure(HandshakeFailed(words))


class _Handshakes(Factory):
    """Makes one for each connection."""

    noisy = False

    def __init__(self, host: str, trust: Trust, factory: IProtocolFactory, clock: IReactorTime) -> None:
        self._host = host
        self._trust = trust
        self._factory = factory
        self._clock = clock

    def buildProtocol(self, addr: IAddress | None) -> _Handshake:
        return _Handshake(self._host, self._trust, self._factory, self._clock)


def _doubt(error: int) -> Sentence:
    """What is wrong with a certificate, or with whoever signed it."""
    if error == _SELF_SIGNED:
        return say("it is signed by itself")
    if error in _UNKNOWN_SIGNER:
        return say("nobody here knows who signed it")
    if error == _EXPIRED:
        return say("it has expired, if the clock of this computer is right")
    if error == _NOT_YET_VALID:
        return say("it is not valid yet, if the clock of this computer is right")
    return say("OpenSSL found error {number} in it", number=error)


def _is_for(host: str, connection: SSL.Connection) -> bool:
    """Whether the certificate names this host; one that cannot be read names nobody."""
    numeric = isIPAddress(host) or isIPv6Address(host)
    try:
        (verify_ip_address if numeric else verify_hostname)(connection, host)
    except Exception:  # whatever comes of bytes that a stranger wrote
        return False
    return True


def _names(certificate: X509) -> tuple[str, ...]:
    """For whom a certificate is, a few of them."""
    try:
        patterns = extract_patterns(certificate)
    except Exception:  # as above
        return ()
    names = [
        pattern.pattern.decode("ascii", "replace") if isinstance(pattern, DNSPattern) else str(pattern.pattern)
        for pattern in patterns
        if isinstance(pattern, DNSPattern | IPAddressPattern)
    ]
    return tuple(visible(name[: limits.HOST]) for name in names[: limits.HOSTS_SHOWN])
