"""Addresses by which people come to a server: `https://HOST/` of its page, `tls://HOST` and `chat://HOST` for programs.

They go into the headers of the page, so they hold no sign that means something there.
"""

import re
from urllib.parse import urlsplit

from chat.base import limits
from chat.base.patterns import pattern

_PORTS = {"http": 80, "https": 443}
_HOST = r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\]"
_ADDRESS = pattern(
    rf"(?P<scheme>https?|chat|tls)://(?P<host>{_HOST})(?::(?P<port>[1-9]\d{{0,4}}))?(?P<path>(?:/[A-Za-z0-9._~-]+)*)/?",
    re.IGNORECASE,
)


def normal(text: str) -> str | None:
    """One as it is told, that of a page with a slash at its end; None is none."""
    found = _ADDRESS.fullmatch(text) if len(text) <= limits.ADDRESS else None
    if found is None or int(found["port"] or 1) > 65535:
        return None
    scheme, host, path = found["scheme"].lower(), found["host"].lower(), found["path"]
    port = "" if found["port"] is None or int(found["port"]) == _PORTS.get(scheme) else f":{found['port']}"
    if scheme in _PORTS:
        return f"{scheme}://{host}{port}{path}/"
    return None if path else f"{scheme}://{host}{port}"


def is_page(address: str) -> bool:
    """Whether it is that of a page."""
    return address.startswith("http")


def origin(address: str) -> str:
    """What a browser says of a page that it has from there."""
    return "/".join(address.split("/", 3)[:3])


def socket(address: str) -> str:
    """Where such a page talks."""
    return address.replace("http", "ws", 1) + "ws"


def host(address: str) -> str:
    """The name in it."""
    return urlsplit(address).hostname or ""
