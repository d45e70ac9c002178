"""An error with all that stands behind it."""

from __future__ import annotations

__all__ = ["chain", "told_by"]


def chain(error: BaseException) -> list[BaseException]:
    """The error, and each that it was raised from or during, also where a traceback would not show it."""
    found: list[BaseException] = []
    left: list[BaseException | None] = [error]
    while left:
        each = left.pop()
        if each is not None and each not in found:
            found.append(each)
            left += [each.__cause__, each.__context__]
    return found


def told_by(error: BaseException) -> str:
    """All that a log could show of the error."""
    return "\n".join(f"{each} {each!r} {each.args!r}" for each in chain(error))
