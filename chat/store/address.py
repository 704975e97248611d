"""Where a database is that a server keeps: its address, as it may be shown."""

import re

_BEGINNINGS = ("postgresql://", "postgres://")


def is_address(database: str) -> bool:
    """Whether this names a database of PostgreSQL, and not a file."""
    return database.startswith(_BEGINNINGS)


def shown(address: str) -> str:
    """The address without what is secret in it; of one that is none, rather too little."""
    scheme, separator, rest = address.partition("://")
    before, at, place = rest.rpartition("@")
    user = re.split("[:/?]", before)[0]
    path, _, query = place.partition("?")
    settings = [setting for setting in query.split("&") if setting and "password" not in setting.lower()]
    named = f"{user}{at}" if user else ""
    return f"{scheme}{separator}{named}{path}" + (f"?{'&'.join(settings)}" if settings else "")
