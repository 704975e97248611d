"""TLS on the server: whose certificate it shows, and the connection with its ends.

Stock Twisted takes the end of a TLS client's input for the end of the connection, and loses what that is still owed;
here it is as on TCP.  A close_notify is the end of their input and replies still go out; TCP's own end without it is a
cut, for anybody on the way could have made it (RFC 8446, 6.1).  Whoever does not begin with TLS is answered in clear.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Protocol, cast

from OpenSSL import SSL
from twisted.internet import tcp
from twisted.internet.interfaces import (
    IDelayedCall,
    IHalfCloseableProtocol,
    IOpenSSLServerConnectionCreator,
    IProtocolFactory,
    IReactorTime,
    ITransport,
)
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from chat.base import limits
from chat.base.language import Sentence, language, say
from chat.doors import certificate
from chat.doors.certificate import BadCertificate, Certificate, Files
from chat.doors.sniffing import HANDSHAKE

logger = Logger()

_ENGLISH = language("en")

_SUITES = b"ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2: forward secret and authenticated; those of 1.3 all are."""

_GROUPS = (b"X25519MLKEM768:" if SSL.OPENSSL_VERSION_NUMBER >= 0x30500000 else b"") + b"X25519:P-256:P-384"
"""Of the key exchange, as Mozilla's "intermediate" has them: https://ssl-config.mozilla.org."""


@implementer(IOpenSSLServerConnectionCreator)
class Certificates:
    """The certificate that the server shows, which may be replaced while it runs; raises `BadCertificate`.

    One as we make them is given to OpenSSL with the first connection: many a server never has one, and their start is
    not to wait for it.
    """

    def __init__(self, files: Files, clock: IReactorTime, now: Callable[[], datetime]) -> None:
        self._files = files
        self._clock = clock
        self._now = now
        self._stamp = files.stamp()
        self._current = certificate.read(files)
        self._context = None if self._current.of_our_making else _context(self._current)
        self._look_call: IDelayedCall | None = None
        self._warned: date | None = None

    @property
    def fingerprint(self) -> str:
        """Of the certificate that newcomers are shown now."""
        return self._current.fingerprint

    def warnings(self) -> Sequence[Sentence]:
        """What the operator should know of the certificate, at most once a day."""
        now = self._now()
        if self._warned == now.date():
            return ()
        self._warned = now.date()
        warning = self._current.warning(now)
        return () if warning is None else (warning,)

    def reload(self) -> Sentence | None:
        """Read the files again; where they cannot be used, what was stays.  Returns what happened, if anything did."""
        self._stamp = self._files.stamp()
        try:
            new, context = usable(self._files)
        except BadCertificate as error:
            return say("The certificate stays as it was: {reason}", reason=error.sentence)
        old, self._current, self._context = self._current, new, context
        self._warned = None
        if new.fingerprint == old.fingerprint:
            return None
        return say(
            "New certificate: {fingerprint}, valid until {day}",
            fingerprint=new.fingerprint,
            day=f"{new.first.not_valid_after_utc:%Y-%m-%d}",
        )

    def start(self) -> None:
        """From now on look now and then whether there is a new one, and warn each day before the end of this one."""
        self._look_call = self._clock.callLater(limits.CERTIFICATE_LOOK_SECONDS, self.start)
        if self._files.stamp() != self._stamp:
            what = self.reload() or say("The certificate was written again, and is the same")
            logger.info("{what}", what=_ENGLISH.words(what))
        for warning in self.warnings():
            logger.warn("{what}", what=_ENGLISH.words(warning))

    def stop(self) -> None:
        """Look no more."""
        if self._look_call is not None:
            self._look_call.cancel()
            self._look_call = None

    # IOpenSSLServerConnectionCreator

    def serverConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """The state of one connection."""
        if self._context is None:
            self._context = _context(self._current)
        return _HalfClosing(self._context, None)


def usable(files: Files) -> tuple[Certificate, SSL.Context]:
    """What is in the files, and TLS with it; raises `BadCertificate`."""
    found = certificate.read(files)
    return found, _context(found)


def _context(certificate: Certificate) -> SSL.Context:
    """How TLS is spoken; raises `BadCertificate` where OpenSSL does not want this one.

    Not `CertificateOptions`: that of 26.10 ends the handshake of every client that offers protocols, as web browsers
    do, with an internal error.
    """
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(
        SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_TICKET | SSL.OP_CIPHER_SERVER_PREFERENCE
    )
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    # An idle connection gives its buffers back: 34 KiB.
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    try:
        context.use_certificate(certificate.first)
        for other in certificate.others:
            context.add_extra_chain_cert(other)
        context.use_privatekey(certificate.key)  # type: ignore[arg-type]  # of a kind that OpenSSL refuses, perhaps
        context.check_privatekey()
    except (SSL.Error, TypeError) as error:
        raise BadCertificate(say("OpenSSL cannot use the certificate: {reason}.", reason=str(error))) from None
    # pyOpenSSL has no public way yet.
    SSL._lib.SSL_CTX_set1_curves_list(context._context, _GROUPS)  # type: ignore[attr-defined]
    context.set_cipher_list(_SUITES)
    return context


class _HalfClosing(SSL.Connection):
    """The end of the other side's input is no end of ours."""

    input_ended = False
    given = 0
    """Bytes of what was said, so far."""

    def recv(self, bufsiz: int, flags: int | None = None) -> bytes:
        """(SSL.Connection) A close_notify is nothing to read, unless ours went out: then both have said goodbye."""
        try:
            data = super().recv(bufsiz, flags)
            self.given += len(data)
            return data
        except SSL.ZeroReturnError:
            self.input_ended = True
            if self.get_shutdown() & SSL.SENT_SHUTDOWN:
                raise
            raise SSL.WantReadError from None


class Sheltered(Protocol):
    """What a TLS connection needs of the protocol that it carries."""

    def readConnectionLost(self) -> None:
        """Their input has ended; they may still read."""

    def cut_off(self) -> None:
        """Their input has ended without a goodbye; they may still read."""

    def overhead(self, size: int) -> None:
        """So many bytes of TLS came, more or less (when the rest of a record has come), that say nothing."""

    def in_turn(self, work: Callable[[], None]) -> None:
        """Call this when it is their turn to be read."""

    def needs_tls(self, data: bytes) -> bytes:
        """What is answered, in clear, to somebody who began with this instead of TLS; it will be closed."""

    def close(self) -> None:
        """Let go once they had time to read it."""


@implementer(IHalfCloseableProtocol)
class TlsConnection(TLSMemoryBIOProtocol):
    """A TLS connection, as a transport.

    What may take long to open, a handshake or hundreds of records, waits for its turn: two hundred connections that
    have one packet each at the same moment would hold up everybody else.
    """

    transport: tcp.Server
    _began = False
    _held = b""
    _paused = False
    _turned_away = False
    _told = False
    _fin = False

    # IProtocol

    def makeConnection(self, transport: ITransport) -> None:
        """(IProtocol) The handshake begins with their first byte."""
        self._within = cast(Sheltered, self.wrappedProtocol)
        super().makeConnection(transport)
        self._connection = cast(_HalfClosing, self._tlsConnection)

    def dataReceived(self, data: bytes) -> None:
        """(IProtocol) Bytes from the network."""
        if not (self._began or data.startswith(HANDSHAKE)):
            if not self._turned_away:
                self._turn_away(data)
            return
        self._began = True
        if len(data) <= limits.SEALED_AT_ONCE and not self._held:
            self._open(data)
            return
        if not self._held:
            self.transport.pauseProducing()
            self._within.in_turn(self._open_held)
        self._held += data

    def _open_held(self) -> None:
        if self._held:
            data, self._held = self._held, b""
            try:
                self._open(data)
            except Exception:
                logger.failure("What came by TLS could not be read")
                self.abortConnection()
            if not self._paused:
                self.transport.resumeProducing()

    def _open(self, data: bytes) -> None:
        before = self._connection.given
        super().dataReceived(data)
        self._within.overhead(len(data) - (self._connection.given - before))
        if self._connection.input_ended and not (self._told or self.disconnecting):
            self._told = True
            self._within.readConnectionLost()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """(IProtocol) What came before that counts."""
        self._open_held()
        super().connectionLost(reason)

    # IHalfCloseableProtocol, of TCP

    def readConnectionLost(self) -> None:
        """Nothing comes any more, not even a close_notify."""
        self._open_held()
        self._fin = True
        if self.disconnecting or self._turned_away:
            self.transport.loseConnection()
        elif not self._told:
            self._told = True
            self._within.cut_off()

    def writeConnectionLost(self) -> None:
        """Our half is closed, after an answer in clear."""

    # ITransport

    def pauseProducing(self) -> None:
        """Read no more."""
        self._paused = True
        self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        """Read on."""
        self._paused = False
        if not self._held:
            self.transport.resumeProducing()

    def loseConnection(self) -> None:
        """Say goodbye once everything is written, and close when they have done so too."""
        if self._turned_away:
            self.transport.loseWriteConnection()
            return
        super().loseConnection()
        if self._fin:
            self.transport.loseConnection()

    def give_up(self) -> None:
        """The handshake takes too long; whoever sent nothing at all waits for a greeting, in clear."""
        if self._began:
            self.abortConnection()
        else:
            self._turn_away(b"")

    def _turn_away(self, data: bytes) -> None:
        self._turned_away = True
        self.transport.write(self._within.needs_tls(data))
        self._within.close()


class TlsFactory(TLSMemoryBIOFactory):
    """Lets the connections of another factory be encrypted."""

    protocol = TlsConnection

    def __init__(self, certificates: Certificates, factory: IProtocolFactory, clock: IReactorTime) -> None:
        super().__init__(certificates, False, factory, clock)
