"""How a call settles its machine's types before it looks at the values given with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Never, TypeAlias, final

from typing_extensions import TypeVar

__all__ = ["Settled"]

V = TypeVar("V")
V_co = TypeVar("V_co", covariant=True)


@final
class Nothing(Generic[V_co]):
    """A type that no value has."""


# mypy settles a call's other type variables before it looks at an argument whose type has a callable in it.  Without
# that it would join two events of one list to their common base, and then find no machine that takes that.
Settled: TypeAlias = V | Nothing[Callable[[Never], V]]
"""A value of this type, which has no say in what the type is."""
