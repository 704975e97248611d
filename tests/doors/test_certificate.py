"""Certificates and keys as files: found, made once, read, judged."""

import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from twisted.internet.task import Clock

from chat.base.language import language
from chat.doors.certificate import CERTIFICATE, KEY, BadCertificate, find, make, read

NOW = datetime(2026, 11, 22, 10, 4, tzinfo=UTC)
PEM = serialization.Encoding.PEM


def made(directory: Path, name: str = "pi", now: datetime = NOW) -> x509.Certificate:
    return read(make(directory, name, ["192.0.2.9", "2001:db8::9"], now)).first


def said(error: BadCertificate) -> str:
    return language("en").words(error.sentence)


# Our own.


def test_one_is_made_for_the_name_and_the_addresses_and_lasts_ten_years(tmp_path: Path) -> None:
    certificate = made(tmp_path)
    (name,) = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert name.value == "pi"
    assert names.get_values_for_type(x509.DNSName) == ["pi", "localhost"]
    addresses = [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    assert addresses == ["192.0.2.9", "2001:db8::9", "127.0.0.1", "::1"]
    assert certificate.not_valid_before_utc < NOW
    assert certificate.not_valid_after_utc - NOW == timedelta(days=3650)


@pytest.mark.parametrize("name", ["", "Küchen-Chat ☃", "x" * 300, "a b", "-", "\N{RIGHT-TO-LEFT OVERRIDE}"])
def test_any_name_will_do(name: str, tmp_path: Path) -> None:
    made(tmp_path, name)


def test_the_key_is_for_its_owner_alone(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        made(tmp_path)
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / KEY).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / CERTIFICATE).stat().st_mode) == 0o644
    assert {path.name for path in tmp_path.iterdir()} == {KEY, CERTIFICATE}


def test_it_is_made_once(tmp_path: Path) -> None:
    assert made(tmp_path) == made(tmp_path, "another name", NOW + timedelta(days=400))


def test_a_key_without_its_certificate_gets_one(tmp_path: Path) -> None:
    before = made(tmp_path)
    (tmp_path / CERTIFICATE).unlink()
    assert made(tmp_path).public_key() == before.public_key()


def test_a_certificate_without_its_key_is_refused(tmp_path: Path) -> None:
    made(tmp_path)
    (tmp_path / KEY).unlink()
    with pytest.raises(BadCertificate) as caught:
        made(tmp_path)
    assert said(caught.value).endswith(f"put it back, or remove {tmp_path / CERTIFICATE} too for a new pair.")


def test_half_a_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / KEY).write_bytes(b"-----BEGIN PRIVATE KEY-----\n")
    with pytest.raises(BadCertificate) as caught:
        made(tmp_path)
    assert "holds no private key" in said(caught.value)


def test_where_nothing_can_be_written_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadCertificate) as caught:
        made(tmp_path / "nowhere")
    assert said(caught.value).endswith(": No such file or directory.")


# The operator's.


def test_a_directory_is_one_of_certbots(tmp_path: Path) -> None:
    files = find(tmp_path, None)
    assert (files.certificate, files.key) == (tmp_path / "fullchain.pem", tmp_path / "privkey.pem")
    assert find(tmp_path, tmp_path / "key").key == tmp_path / "key"


def test_the_key_is_in_the_certificates_file_or_beside_it(tmp_path: Path) -> None:
    own = make(tmp_path, "pi", [], NOW)
    assert find(own.certificate, None).key == tmp_path / "privkey.pem"
    both = tmp_path / "both.pem"
    both.write_bytes(own.key.read_bytes() + own.certificate.read_bytes())
    assert find(both, None).key == both
    assert read(find(both, None)).first == read(own).first


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    files = make(tmp_path, "pi", [], NOW)
    return files.certificate, files.key


def _key(password: bytes | None = None) -> bytes:
    cipher = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(PEM, serialization.PrivateFormat.PKCS8, cipher)


BAD = {
    "another key": (None, _key(), "is not that of the first certificate in"),
    "a key with a password": (None, _key(b"secret"), "is protected by a password"),
    "no key": (None, b"", "holds no private key in PEM form"),
    "no certificate": (b"", None, "holds no certificate in PEM form"),
    "half a certificate": (b"-----BEGIN CERTIFICATE-----\nAAAA\n", None, "holds no certificate in PEM form"),
    "DER": (b"0\x82\x01", None, "holds no certificate in PEM form"),
    "the key instead": (_key(), None, "holds no certificate in PEM form"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_cannot_be_used_is_refused_with_what_would_be_right(what: str, pair: tuple[Path, Path]) -> None:
    certificate, key, words = BAD[what]
    for path, data in zip(pair, (certificate, key), strict=True):
        if data is not None:
            path.write_bytes(data)
    with pytest.raises(BadCertificate) as caught:
        read(find(*pair))
    assert words in said(caught.value)
    assert "\n" not in said(caught.value)


@pytest.mark.parametrize("number", [0, 1])
def test_a_file_that_cannot_be_read_is_named(number: int, pair: tuple[Path, Path]) -> None:
    pair[number].unlink()
    with pytest.raises(BadCertificate) as caught:
        read(find(*pair))
    assert said(caught.value) == f"{pair[number]} cannot be read: No such file or directory."


def test_an_rsa_key_that_is_too_short_is_refused_by_openssl(tmp_path: Path) -> None:
    from chat.doors.tls import Certificates

    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    (tmp_path / KEY).write_bytes(
        key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    with pytest.raises(BadCertificate) as caught:
        Certificates(make(tmp_path, "pi", [], NOW), Clock(), lambda: NOW)
    assert said(caught.value).startswith("OpenSSL cannot use the certificate: ")


@pytest.mark.parametrize(
    ("days", "words"),
    [(-2, "is not valid before"), (0, None), (3635, None), (3636.5, "ends on"), (3649, "ends on"), (3651, "ended on")],
)
def test_the_operator_is_warned_in_time(days: float, words: str | None, tmp_path: Path) -> None:
    warning = read(make(tmp_path, "pi", [], NOW)).warning(NOW + timedelta(days=days))
    assert (warning is None) == (words is None)
    assert words is None or words in language("en").words(warning)
