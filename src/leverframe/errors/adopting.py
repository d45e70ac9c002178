"""Why rows of another table cannot become instances."""

from __future__ import annotations

from attrs import define

from leverframe.errors.root import LeverframeError

__all__ = ["CannotAdopt"]


@define(slots=False, repr=False)
class CannotAdopt(LeverframeError):
    """A mapping does not fit its table or its machine, or the table cannot be read; nothing was written.

    Attributes: `place`, the mapping's file, or where the table is; `faults`, all that is wrong, each with what to do.
    """

    place: str
    faults: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.place}: {'; '.join(self.faults)}"
