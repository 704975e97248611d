"""Certificates and their keys as files: found, made once where there are none, read, and judged.

A certificate of our own making is signed by itself.  People trust it on first use, as they do with ssh, and are warned
when it changes; so it is made once and lasts ten years, for an end after one would only teach them to say yes.
"""

import ipaddress
import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes, PrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from chat.base import limits
from chat.base.fingerprint import fingerprint
from chat.base.language import Sentence, say
from chat.base.named_tuples import NamedTuple
from chat.base.patterns import pattern
from chat.base.reasons import system_reason, unreadable

CERTIFICATE, KEY = "chat-certificate.pem", "chat-private-key.pem"
"""What our own are called, in the run directory."""

_HOST_NAME = pattern(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*")


class BadCertificate(Exception):
    """A certificate or its key cannot be used; the sentence says why and what would be right."""

    def __init__(self, sentence: Sentence) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class Files(NamedTuple):
    """Where a certificate, with those that stand between it and an authority, and its key are; one file perhaps."""

    certificate: Path
    key: Path

    def stamp(self) -> object:
        """Another one when the files have changed."""
        return [_stamp(path) for path in (self.certificate, self.key)]


class Certificate(NamedTuple):
    """A certificate that goes with its key, and those between it and an authority."""

    first: x509.Certificate
    others: Sequence[x509.Certificate]
    key: PrivateKeyTypes

    @property
    def fingerprint(self) -> str:
        """What people compare."""
        return fingerprint(self.first.public_bytes(serialization.Encoding.DER))

    @property
    def of_our_making(self) -> bool:
        """As `make` makes them, which OpenSSL takes for certain."""
        key = self.key
        ours = isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1)
        return ours and self.signed_by_itself and not self.others

    @property
    def signed_by_itself(self) -> bool:
        """No authority vouches for it."""
        return self.first.issuer == self.first.subject

    def warning(self, now: datetime) -> Sentence | None:
        """What the operator should know of it today."""
        begin, end = self.first.not_valid_before_utc, self.first.not_valid_after_utc
        if now < begin:
            return say("The certificate is not valid before {date}: clients refuse it.", date=f"{begin:%Y-%m-%d}")
        if now >= end:
            return say("The certificate ended on {date}: clients refuse it.", date=f"{end:%Y-%m-%d}")
        if now >= end - timedelta(days=limits.CERTIFICATE_WARNING_DAYS):
            return say("The certificate ends on {date}; a new one is taken without a restart.", date=f"{end:%Y-%m-%d}")
        return None

    def is_valid(self, now: datetime) -> bool:
        """Whether clients take it today."""
        return self.first.not_valid_before_utc <= now < self.first.not_valid_after_utc


def find(certificate: Path, key: Path | None) -> Files:
    """The files that `--certificate` and `--private-key` mean: single ones, or a directory as certbot's `live/NAME`."""
    if certificate.is_dir():
        return Files(certificate / "fullchain.pem", key or certificate / "privkey.pem")
    if key is None:
        with suppress(OSError):  # told when it is read
            if b"PRIVATE KEY-----" in certificate.read_bytes():
                return Files(certificate, certificate)
    return Files(certificate, key or certificate.parent / "privkey.pem")


def read(files: Files) -> Certificate:
    """What is in the files; raises `BadCertificate`."""
    first, *others = read_chain(files.certificate)
    key = read_key(files.key)
    if _public(first) != _public(key):
        raise BadCertificate(
            say(
                "The key in {key} is not that of the first certificate in {certificate}.",
                key=files.key,
                certificate=files.certificate,
            )
        )
    return Certificate(first, others, key)


def read_chain(path: Path) -> Sequence[x509.Certificate]:
    """A certificate and those between it and an authority; raises `BadCertificate`."""
    try:
        return x509.load_pem_x509_certificates(_bytes(path))
    except ValueError:
        raise BadCertificate(
            say("{path} holds no certificate in PEM form (-----BEGIN CERTIFICATE-----).", path=path)
        ) from None


def own(directory: Path) -> Files:
    """Where our own are, or will be; raises `BadCertificate` where one is there without its key."""
    files = Files(directory / CERTIFICATE, directory / KEY)
    if files.certificate.exists() and not files.key.exists():
        raise BadCertificate(
            say(
                "{key} is missing: put it back, or remove {certificate} too for a new pair.",
                key=files.key,
                certificate=files.certificate,
            )
        )
    return files


def make(directory: Path, name: str, addresses: Sequence[str], now: datetime) -> Files:
    """Our own certificate in this directory, made where there is none yet; raises `BadCertificate`.

    The key is written first: where only that is there, the certificate is still to come.
    """
    try:
        files = own(directory)
        if not files.key.exists():
            write(files.key, _pem(ec.generate_private_key(ec.SECP256R1())), 0o600)
        if not files.certificate.exists():
            key = read_key(files.key)
            certificate = _signed_by_itself(key, name, addresses, now)  # type: ignore[arg-type]  # all that we make can
            write(files.certificate, certificate.public_bytes(serialization.Encoding.PEM), 0o644)
    except OSError as error:
        raise cannot_make(directory, error) from None
    return files


def cannot_make(directory: Path, error: OSError) -> BadCertificate:
    """Our own certificate has no place."""
    reason = system_reason(error)
    return BadCertificate(say("No certificate can be made in {path}: {reason}.", path=directory, reason=reason))


def _stamp(path: Path) -> object:
    try:
        found = path.stat()
    except OSError as error:
        return error.errno
    return found.st_ino, found.st_size, found.st_mtime_ns


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadCertificate(unreadable(path, error)) from None


def read_key(path: Path) -> PrivateKeyTypes:
    """A key without a password; raises `BadCertificate`."""
    data = _bytes(path)
    try:
        return serialization.load_pem_private_key(data, None)
    except TypeError:
        raise BadCertificate(
            say(
                "The key in {path} is protected by a password, and a service has nobody to type it; without: {command}",
                path=path,
                command=f"openssl pkey -in {path} -out NEW",
            )
        ) from None
    except Exception:  # of kinds of keys that are not supported, too
        raise BadCertificate(
            say("{path} holds no private key in PEM form (-----BEGIN PRIVATE KEY-----).", path=path)
        ) from None


def _public(owner: x509.Certificate | PrivateKeyTypes) -> bytes:
    return owner.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _signed_by_itself(
    key: CertificateIssuerPrivateKeyTypes, name: str, addresses: Sequence[str], now: datetime
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64] or "chat")])
    every = dict.fromkeys([*addresses, "127.0.0.1", "::1"])
    names: list[x509.GeneralName] = [x509.IPAddress(ipaddress.ip_address(address)) for address in every]
    names += [x509.DNSName(host) for host in (name, "localhost") if _HOST_NAME.fullmatch(host)]
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # Of clients whose clock is a little slow, too.
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=limits.CERTIFICATE_DAYS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )


def write(path: Path, data: bytes, mode: int) -> None:
    """A whole file or none, with these permissions from the first byte on; raises `OSError` where it is there."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}-") as file:  # 0600
        file.write(data)
        file.flush()
        os.fchmod(file.fileno(), mode)
        os.fsync(file.fileno())
        os.link(file.name, path)
