"""Public keys of ssh: how people write one, and its fingerprint, by which it is known."""

import base64
import hashlib

from chat.base import limits
from chat.base.named_tuples import NamedTuple
from chat.base.patterns import pattern

KINDS = (
    "ssh-ed25519",
    "sk-ssh-ed25519@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ssh-rsa",
)
"""Which are taken: of DSA nothing is safe any more."""

_FINGERPRINT = pattern(r"SHA256:[A-Za-z0-9+/]{43}")


class PublicKey(NamedTuple):
    """A key: of which kind it is, and its fingerprint."""

    kind: str
    fingerprint: str


def fingerprint(blob: bytes) -> str:
    """Of a key in its binary form, as ssh shows it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def of_blob(blob: bytes) -> PublicKey:
    """A key in its binary form."""
    size = int.from_bytes(blob[:4], "big")
    return PublicKey(blob[4 : 4 + size].decode("ascii", "replace"), fingerprint(blob))


def parse(text: str) -> PublicKey | None:
    """A line as in `id_ed25519.pub`; None where it is none, or of a kind that is not taken."""
    kind, encoded, *_ = [*text.split(maxsplit=2), "", ""]
    if kind not in KINDS or len(encoded) > limits.LINE:
        return None
    try:
        key = of_blob(base64.b64decode(encoded, validate=True))
    except ValueError:
        return None
    return key if key.kind == kind else None


def is_fingerprint(text: str) -> bool:
    """Whether it is written as one."""
    return _FINGERPRINT.fullmatch(text) is not None
