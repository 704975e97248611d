"""The server's key for ssh: made once, and nobody else's."""

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from chat.base.errors import Unfit
from chat.base.public_keys import fingerprint
from chat.doors.ssh_keys import NAME, host_key


def test_it_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    first = host_key(tmp_path)
    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600
    assert host_key(tmp_path).private_bytes_raw() == first.private_bytes_raw()


def test_one_that_others_may_read_is_not_taken(tmp_path: Path) -> None:
    host_key(tmp_path)
    (tmp_path / NAME).chmod(0o640)
    with pytest.raises(Unfit, match="chmod 600"):
        host_key(tmp_path)


def test_another_kind_of_file_is_told(tmp_path: Path) -> None:
    key = rsa.generate_private_key(65537, 2048)
    form = serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    for data in (b"nothing", key.private_bytes(*form)):
        (tmp_path / NAME).write_bytes(data)
        (tmp_path / NAME).chmod(0o600)
        with pytest.raises(Unfit, match="no ed25519 key"):
            host_key(tmp_path)


def test_where_no_file_can_be_the_reason_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unfit, match="No such file"):
        host_key(tmp_path / "nowhere")


def test_fingerprints_are_written_as_ssh_does(tmp_path: Path) -> None:
    assert fingerprint(b"") == "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"
