"""Keys of ssh: the server's own, made once, and which ones of people are taken.

People trust the server's on first use, and are warned when it changes; so it is made once and lasts.
"""

import os
import stat
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twisted.logger import Logger

from chat.base.errors import Unfit
from chat.base.language import say
from chat.base.reasons import system_reason
from chat.doors import certificate

QUIET = Logger(observer=lambda event: None)  # type: ignore[arg-type]  # it says of itself no more than that it is called
"""For Conch, which would log each step of each connection, and an error for everybody who says goodbye."""

NAME = "chat-ssh-key"
"""What the server's is called, in the directory of data."""

ALGORITHMS = (
    b"ssh-ed25519",
    b"sk-ssh-ed25519@openssh.com",
    b"ecdsa-sha2-nistp256",
    b"ecdsa-sha2-nistp384",
    b"ecdsa-sha2-nistp521",
    b"sk-ecdsa-sha2-nistp256@openssh.com",
    b"rsa-sha2-512",
    b"rsa-sha2-256",
)
"""By which people may sign; ssh-rsa signs with SHA-1, and of DSA nothing is safe any more."""

_FOR_OTHERS = 0o077


def host_key(directory: Path) -> Ed25519PrivateKey:
    """The server's own, made where there is none yet; raises `Unfit`."""
    path = directory / NAME
    try:
        if not path.exists():
            certificate.write(path, _written(Ed25519PrivateKey.generate()), 0o600)
        return read(path)
    except OSError as error:
        raise Unfit(say("{path}: {reason}.", path=path, reason=system_reason(error))) from None


def read(path: Path) -> Ed25519PrivateKey:
    """A key of our own making that nobody else may read; raises `OSError`, and `Unfit` for what is none."""
    if stat.S_IMODE(os.stat(path).st_mode) & _FOR_OTHERS:
        raise Unfit(
            say(
                "Others may read {path}; it is a key, and nobody else's: {command}",
                path=path,
                command=f"chmod 600 {path}",
            )
        )
    try:
        key = serialization.load_ssh_private_key(path.read_bytes(), None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise Unfit(
            say(
                "{path} holds no ed25519 key of ssh without a password; put it back, or remove it for a new one.",
                path=path,
            )
        )
    return key


def _written(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
