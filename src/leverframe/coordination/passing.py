"""What becomes of one instance that cannot be handled, among many?  It is passed by, and told behind all others."""

from __future__ import annotations

import logging
from typing import Any

from attrs import define, field

from leverframe.errors import AlreadyExists, StoreError, UnreadableRow
from leverframe.persistence.backend import Writer
from leverframe.persistence.binding import Binding
from leverframe.persistence.keys import decode_key
from leverframe.persistence.lookups import already_exists
from leverframe.persistence.rows import Move, Snapshot, UniqueTaken

__all__ = ["PassedBy", "Unclaimable", "is_of_one_row", "move_by_itself"]

LOGGER = logging.getLogger("leverframe")

TOLD_AT_MOST = 10_000


@define
class PassedBy:
    """The instances that could not be handled, and why: rows that cannot be read, handlers that raise, values taken."""

    errors: dict[int, Exception] = field(factory=dict[int, Exception])

    def note(self, instance: int, error: Exception) -> None:
        """Pass it by; raise what concerns more than this instance."""
        if not is_of_one_row(error):
            raise error
        self.errors[instance] = error

    def tell(self) -> None:
        """Raise the first error, if there are any."""
        for error in self.errors.values():
            more = len(self.errors) - 1
            if more:
                error.add_note(f"{more} more could not be handled")
            raise error


@define
class Unclaimable:
    """What claims pass by because its move raises: it is told in the log, once for each version of an instance."""

    told: set[tuple[int, int]] = field(factory=set[tuple[int, int]])

    def note(self, binding: Binding[Any, Any], row: Snapshot, error: Exception) -> None:
        """Pass it by; raise what concerns more than this instance."""
        if not is_of_one_row(error):
            raise error
        if (row.instance, row.version) in self.told:
            return
        if len(self.told) >= TOLD_AT_MOST:
            self.told.clear()
        self.told.add((row.instance, row.version))
        what = f"{binding.name} {decode_key(row.key)!r} cannot be claimed, and is passed by until it is moved or mended"
        LOGGER.warning("%s: %s: %s", what, type(error).__name__, error, exc_info=error)


def is_of_one_row(error: Exception) -> bool:
    """Whether it is one instance that is in the way, and not the store."""
    return isinstance(error, UnreadableRow | AlreadyExists) or not isinstance(error, StoreError)


def move_by_itself(writer: Writer, binding: Binding[Any, Any], row: Snapshot, move: Move) -> bool:
    """Write a move that nobody has sent; False if the instance has moved.  Raises `AlreadyExists`, nothing written."""
    try:
        return writer.move(move) is not None
    except UniqueTaken as taken:
        raise already_exists(binding, decode_key(row.key), taken) from None
