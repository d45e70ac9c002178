"""How many instances are in each state, over all tenants: for those who look after the whole database."""

from __future__ import annotations

from collections.abc import Iterator

from leverframe.persistence.backend import Reader
from leverframe.persistence.rows import StateCount
from leverframe.persistence.tables import STATE_COUNT
from leverframe.persistence.upkeep import Row

__all__ = ["counts_of_all_tenants", "kept_counts"]

AT_ONCE = 1000


def kept_counts(reader: Reader) -> Iterator[tuple[str, str, StateCount]]:
    """Tenant, machine and count of every state that ever held an instance."""
    after: Row = ()
    while rows := reader.rows_after(STATE_COUNT, after, AT_ONCE):
        after = rows[-1][: STATE_COUNT.keys]
        for tenant, machine, *count in rows:
            yield tenant, machine, StateCount(*count)


def counts_of_all_tenants(reader: Reader, machine: str) -> list[tuple[str, StateCount]]:
    """The same of one machine."""
    return [(tenant, count) for tenant, name, count in kept_counts(reader) if name == machine]
