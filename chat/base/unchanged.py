"""Mappings that are never changed, only replaced by others: so whoever has one may share it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")

NOTHING: Mapping[Any, Any] = MappingProxyType({})
"""An empty one takes 64 bytes; of most people there are several."""


def all_but(mapping: Mapping[Key, Value], key: Key) -> Mapping[Key, Value]:
    """The same mapping, where it has no such key, else one that has all others."""
    if key not in mapping:
        return mapping
    return {other: value for other, value in mapping.items() if other != key} or NOTHING
