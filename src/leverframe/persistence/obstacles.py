"""Why can nothing be said to a store now?  The words that all databases have for it."""

from __future__ import annotations

__all__ = ["CLOSED", "ENDED", "FORKED", "NESTED", "OVER"]

CLOSED = "was closed"

FORKED = "was opened in another process"

NESTED = "is inside of a transaction already; one block is enough"

OVER = "this transaction is over; begin another"

ENDED = "the transaction was ended inside of its block; leave COMMIT and ROLLBACK to the end of the block"
