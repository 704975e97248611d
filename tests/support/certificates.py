"""Certificates for the client's tests, made when they are asked for."""

import datetime as dt
import ipaddress
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from zope.interface import implementer

from chat.base.fingerprint import fingerprint

_authorities = count(1)
_DER, _PEM = serialization.Encoding.DER, serialization.Encoding.PEM


@implementer(IOpenSSLServerConnectionCreator)
@dataclass(frozen=True)
class Made:
    """A certificate with its key."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    versions: tuple[int, int] = (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION)
    """The oldest and the newest TLS that its server speaks."""

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.certificate.public_bytes(_DER))

    @property
    def pem(self) -> bytes:
        """Both, as one file holds them."""
        key = self.key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return key + self.certificate.public_bytes(_PEM)

    def serverConnectionForTLS(self, protocol: object) -> SSL.Connection:
        """(IOpenSSLServerConnectionCreator) What a server of Twisted's is made with."""
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.set_min_proto_version(self.versions[0])
        context.set_max_proto_version(self.versions[1])
        context.use_certificate(self.certificate)
        context.use_privatekey(self.key)
        return SSL.Connection(context)

    def for_name(self, new: bytes, old: bytes) -> Self:
        """With these bytes for the last of its names, as many, which its signature does not know of."""
        before, name, after = self.certificate.public_bytes(_DER).rpartition(old)
        assert len(name) == len(new)
        return replace(self, certificate=x509.load_der_x509_certificate(before + new + after))

    def write(self, path: Path) -> Path:
        """Put both into a file."""
        path.write_bytes(self.pem)
        return path


def make(*names: str, days: tuple[float, float] = (-1, 3650), issuer: Made | None = None) -> Made:
    """A certificate for these names and addresses, valid from and to so many days from now; self-signed, or issued.

    Without names it is one that issues others.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    common_name = names[0] if names else f"authority {next(_authorities)}"
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + dt.timedelta(days=days[0]))
        .not_valid_after(now + dt.timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=not names, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
    return Made(key, builder.sign(issuer.key if issuer else key, hashes.SHA256()))


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
