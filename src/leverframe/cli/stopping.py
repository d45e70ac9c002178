"""How far did a replay get that its database stopped?  What is stored stays so, and the same command carries on."""

from __future__ import annotations

from leverframe.cli.failures import Failure
from leverframe.cli.text import show_number
from leverframe.errors import StoreError, StoreFull, StoreTimeout, StoreVanished

__all__ = ["stopped_by"]

OF_ONE_CALL = "; nothing written"
"""What an error says of the one transaction that failed, and from there on what to do about that one."""


def stopped_by(error: StoreError, line: int) -> Failure:
    """The end of a replay that this error brings about, with everything up to `line` stored.

    >>> from leverframe import StoreFull
    >>> print(stopped_by(StoreFull("sqlite:///a.db"), 1400))
    sqlite:///a.db: no room left on the device; the log is stored up to line 1,400. Once there is room, the same \
command carries on from there
    """
    cause = str(error).partition(OF_ONE_CALL)[0]
    if isinstance(error, StoreVanished):
        return Failure(f"{cause}, and with it what the log had come to; the same command begins anew")
    if line == 0:
        return Failure(f"{cause}; this run has stored nothing. Once {remedied(error)}, give the same command again")
    stored = f"the log is stored up to line {show_number(line)}"
    return Failure(f"{cause}; {stored}. Once {remedied(error)}, the same command carries on from there")


def remedied(error: StoreError) -> str:
    match error:
        case StoreFull():
            return "there is room"
        case StoreTimeout():
            return "no other program keeps a transaction open"
        case _:
            return "that is mended"
