"""TLS on the server: whose certificate it shows, and how it is spoken.

By pyOpenSSL, for Python's own `ssl` has no way to say which groups the key exchange may use but one alone (before
3.15): those that are here would be lost, of which the first keeps what is said today from tomorrow's quantum computers.
It would take the same time, and 6 KiB less of a connection with OpenSSL 3.0, which is not the one of later systems
(measured: 17 instead of 23, and 33 where that first group is used).
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime

from OpenSSL import SSL
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from chat.base import limits
from chat.base.language import Sentence, language, say
from chat.doors import certificate
from chat.doors.certificate import BadCertificate, Certificate, Files
from chat.doors.handshakes import Handshakes

logger = Logger()

_ENGLISH = language("en")

_SUITES = b"ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2: forward secret and authenticated; those of 1.3 all are."""

_GROUPS = (b"X25519MLKEM768:" if SSL.OPENSSL_VERSION_NUMBER >= 0x30500000 else b"") + b"X25519:P-256:P-384"
"""Of the key exchange, as Mozilla's "intermediate" has them: https://ssl-config.mozilla.org."""


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
        self.handshakes = Handshakes()
        self._look_call: IDelayedCall | None = None
        self._warned: date | None = None

    @property
    def fingerprint(self) -> str:
        """Of the certificate that newcomers are shown now."""
        return self._current.fingerprint

    @property
    def shown(self) -> str:
        """What people compare who trust it by itself; of one that an authority vouches for that it does."""
        return self.fingerprint if self._current.signed_by_itself else "signed by an authority"

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

    def connection(self) -> SSL.Connection:
        """The state of a new connection."""
        if self._context is None:
            self._context = _context(self._current)
        connection = SSL.Connection(self._context, None)
        connection.set_accept_state()
        return connection


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
