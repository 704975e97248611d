"""Named tuples that are quickly made do what Python's do."""

import copy
import inspect
import typing
from collections.abc import Callable
from typing import Any

import pytest

from chat.base import named_tuples


class Ours(named_tuples.NamedTuple):
    """Three fields."""

    one: int
    two: str = "b"
    three: tuple[int, ...] = ()
    """What it is."""

    @property
    def double(self) -> int:
        """A property."""
        return 2 * self.one


class Theirs(typing.NamedTuple):
    """Three fields."""

    one: int
    two: str = "b"
    three: tuple[int, ...] = ()
    """What it is."""

    @property
    def double(self) -> int:
        """A property."""
        return 2 * self.one


class Nothing(named_tuples.NamedTuple):
    """No field."""


class More(Ours):
    """One that inherits."""

    def sum(self) -> int:
        """A method."""
        return self.one + sum(self.three)


USES: dict[str, Callable[[Any], object]] = {
    "made with one": lambda kind: kind(1),
    "made with all": lambda kind: kind(1, "x", (2,)),
    "made by names": lambda kind: kind(three=(1,), one=2),
    "first field": lambda kind: kind(1).one,
    "second field": lambda kind: kind(1, "x").two,
    "property": lambda kind: kind(3).double,
    "values": lambda kind: tuple(kind(1)),
    "equal": lambda kind: kind(1) == (1, "b", ()),
    "hash": lambda kind: hash(kind(1)),
    "make": lambda kind: kind._make([1, "x", ()]),
    "replace": lambda kind: kind(1)._replace(two="y"),
    "as dict": lambda kind: kind(1)._asdict(),
    "fields": lambda kind: kind._fields,
    "defaults": lambda kind: kind._field_defaults,
    "match": lambda kind: kind.__match_args__,
    "doc": lambda kind: kind.__doc__,
    "hints": lambda kind: typing.get_type_hints(kind),
    "signature": lambda kind: inspect.signature(kind).parameters,
    "copied": lambda kind: copy.copy(kind(1, "x")),
    "deeply copied": lambda kind: copy.deepcopy(kind(1, "x")),
    "a tuple": lambda kind: isinstance(kind(1), tuple),
    "slots": lambda kind: hasattr(kind(1), "__dict__"),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_they_are_used_alike(use: Callable[[Any], object]) -> None:
    ours, theirs = use(Ours), use(Theirs)
    assert ours == theirs
    assert repr(ours) == repr(theirs).replace("Theirs", "Ours")


@pytest.mark.parametrize(
    ("use", "error"),
    [
        (lambda kind: kind(), TypeError),
        (lambda kind: kind(1, "x", (), 4), TypeError),
        (lambda kind: kind(1, four=4), TypeError),
        (lambda kind: kind._make([1]), TypeError),
        (lambda kind: kind(1)._replace(four=4), (TypeError, ValueError)),  # the latter before Python 3.13
        (lambda kind: setattr(kind(1), "one", 2), AttributeError),
        (lambda kind: setattr(kind(1), "four", 2), AttributeError),
    ],
    ids=["none", "too many", "unknown", "made of few", "unknown replaced", "field set", "attribute set"],
)
def test_they_refuse_alike(use: Callable[[Any], object], error: Any) -> None:
    for kind in (Ours, Theirs):
        with pytest.raises(error):
            use(kind)


def test_one_without_fields_and_one_that_inherits() -> None:
    assert Nothing() == ()
    assert repr(Nothing()) == "Nothing()"
    assert More(1, "x", (2,)).sum() == 3
    assert More(1)._replace(one=2) == (2, "b", ())
    assert isinstance(More(1), Ours)


def test_two_with_as_many_fields_do_not_share_their_names() -> None:
    class Other(named_tuples.NamedTuple):
        four: int
        five: int
        six: int = 6

    assert Other(five=2, four=1) == (1, 2, 6)
    assert not hasattr(Ours(1), "four")
    with pytest.raises(TypeError, match="one"):
        Other(one=1, five=2)  # type: ignore[call-arg]


def test_a_field_without_a_default_does_not_stand_behind_one_with_one() -> None:
    with pytest.raises(TypeError, match="late"):

        class Wrong(named_tuples.NamedTuple):
            early: int = 1
            late: int  # type: ignore[misc]
