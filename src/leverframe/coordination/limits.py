"""How many may be worked on at one time, of those that belong together?

Nothing is counted: who claims one takes one of so many slots, and gives it back with the move that ends the lease.  The
slot of a lease that has run out is free for others; that lease is renewed no more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from leverframe.errors import InvalidValue, Key
from leverframe.persistence.gating import Place
from leverframe.persistence.keys import decode_key, encode_key

if TYPE_CHECKING:
    from leverframe.persistence.backend import Writer
    from leverframe.persistence.leases import LeaseRow

__all__ = ["Limit", "take_slot"]

UNLIMITED = 2**31 - 1


def check_number(_owner: object, _attribute: Any, value: int | None) -> None:
    if value is not None and (type(value) is not int or not 1 <= value <= UNLIMITED):
        rule = f"be an integer from 1 to {UNLIMITED}, or None for as many as a call says"
        raise InvalidValue("Limit.at_most", rule, value)


def check_function(_owner: object, _attribute: Any, value: Callable[[Any, Any], Key]) -> None:
    if not callable(value):
        raise InvalidValue("Limit.per", "be a function of a state and its key", value)


@frozen(kw_only=True)
class Limit:
    """At most so many leases at one time for each scope.

    `per` says of a state and its key what the limit is for, as a key: all for which it says the same share one limit.
    `at_most` is the limit where a call says no other; None for none.  Callers may differ: none of them gets one more
    while as many as it says are held.

    A lease counts while it is live, and while its machine pauses it.  Raises `InvalidValue` for an `at_most` that is no
    integer from 1 on, and a `per` that is no function.

    >>> kind = Limit(per=lambda job, key: key[0], at_most=3)
    >>> kind.at_most
    3
    """

    per: Callable[[Any, Any], Key] = field(validator=check_function)
    at_most: int | None = field(default=None, validator=check_number)

    def scope_of(self, state: Any, key_text: str) -> str:
        """What the limit is for, as text."""
        return encode_key(self.per(state, decode_key(key_text)))


def take_slot(writer: Writer, place: Place, lease: LeaseRow, at_most: int | None, now: int | None) -> bool:
    """Take a slot for the instance of a lease; False if there is none."""
    most = UNLIMITED if at_most is None else min(at_most, UNLIMITED)
    while (number := writer.take_slot(place, lease.instance, most)) is None:
        if not writer.reclaim_slot(place, now) and not writer.add_slots(place, most):
            return False
    if lease.token is not None:
        # The lease that has run out may have another one still.
        writer.let_go(lease.instance, number)
    return True
