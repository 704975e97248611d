"""The fingerprint of a certificate: by what people compare the one they were told of with the one they meet.

It stands below both programs, so that what a server announces and what a client shows is written alike: as
`openssl x509 -fingerprint -sha256` prints it, behind the name of the hash.
"""

import hashlib
import re

from chat.base.patterns import pattern

_HASH = pattern(r"(?:sha-?256(?: fingerprint)?[:=])?((?:[0-9a-f]{2}:?){31}[0-9a-f]{2})", re.IGNORECASE)


def fingerprint(der: bytes) -> str:
    """`SHA256:AA:BB:…` of a certificate in its DER encoding."""
    return _written(hashlib.sha256(der).digest())


def normal(text: str) -> str | None:
    """The same from how somebody wrote it, in any case, without colons, as openssl prints it; None if it is none."""
    match = _HASH.fullmatch(text)
    return None if match is None else _written(bytes.fromhex(match[1].replace(":", "")))


def _written(digest: bytes) -> str:
    return "SHA256:" + digest.hex(":").upper()
