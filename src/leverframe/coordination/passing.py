"""What becomes of one instance that cannot be handled, among many?  It is passed by, and told behind all others."""

from __future__ import annotations

from attrs import define, field

from leverframe.errors import StoreError, UnreadableRow

__all__ = ["PassedBy", "is_of_one_row"]


@define
class PassedBy:
    """The instances that could not be handled, and why: rows that cannot be read, handlers that raise."""

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


def is_of_one_row(error: Exception) -> bool:
    """Whether it is one instance that is in the way, and not the store."""
    return isinstance(error, UnreadableRow) or not isinstance(error, StoreError)
