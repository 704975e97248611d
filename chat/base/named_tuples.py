"""Named tuples that are quickly made.

`typing.NamedTuple` has the constructor of each class compiled, and there are three hundred: that took a tenth of a
start.  Here all that have as many fields share one, in which only the names of the fields are others.  To the type
checker, and to whoever uses one, they are the same.
"""

from collections import namedtuple
from collections.abc import Iterable
from functools import cache
from types import FunctionType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from typing import NamedTuple as NamedTuple
else:

    class _Made(type):
        """A class whose annotations are its fields, and their values the defaults."""

        def __new__(kind, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> type:
            if not isinstance(bases[0], kind) or hasattr(bases[0], "_fields"):  # the one below, or nothing new
                return super().__new__(kind, name, bases, body)
            made = super().__new__(kind, name, bases, {**body, "__slots__": ()})
            types = made.__annotations__
            fields = tuple(types)
            defaults = {field: body[field] for field in fields if field in body}
            if tuple(defaults) != fields[len(fields) - len(defaults) :]:
                raise TypeError(f"{name}: {fields[-1]} stands behind one with a default, and has none")
            shared = _of_as_many(len(fields))
            new = FunctionType(
                shared.__new__.__code__.replace(co_varnames=("_cls", *fields)),
                shared.__new__.__globals__,
                "__new__",
                tuple(defaults.values()),
            )
            new.__annotations__, new.__qualname__ = types, f"{name}.__new__"
            made.__new__ = staticmethod(new)
            made._fields = made.__match_args__ = fields
            made._field_defaults = defaults
            for field, other in zip(fields, shared._fields, strict=True):
                setattr(made, field, vars(shared)[other])
            return made

    @cache
    def _of_as_many(count: int) -> type[tuple[object, ...]]:
        return namedtuple("_Shared", [f"field{number}" for number in range(count)])

    class NamedTuple(tuple, metaclass=_Made):
        """See `typing.NamedTuple`."""

        __slots__ = ()

        @classmethod
        def _make(cls, values: Iterable[object]) -> Self:
            made = tuple.__new__(cls, values)
            if len(made) != len(cls._fields):
                raise TypeError(f"{cls.__name__} has {len(cls._fields)} fields, and not {len(made)}")
            return made

        def _replace(self, /, **changed: object) -> Self:
            made = self._make(map(changed.pop, self._fields, self))
            if changed:
                raise TypeError(f"{type(self).__name__} has no field {next(iter(changed))}")
            return made

        def _asdict(self) -> dict[str, object]:
            return dict(zip(self._fields, self, strict=True))

        def __repr__(self) -> str:
            return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self._asdict().items())})"

        def __getnewargs__(self) -> tuple[object, ...]:
            return tuple(self)
