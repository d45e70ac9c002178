"""Orders, as rows for a backend: small ones, and such that have a row in every table."""

from __future__ import annotations

from leverframe.persistence.rows import Creation, LookupValue, Move, NewMessage, Snapshot
from leverframe.persistence.sqlite import SQLiteBackend

__all__ = ["creation", "full_creation", "full_move", "keys", "move", "version", "write_creations"]


def creation(
    key: str = "one",
    state: str = "new",
    at: int = 10,
    lookups: tuple[LookupValue, ...] = (),
    messages: tuple[NewMessage, ...] = (),
    machine: str = "Order",
) -> Creation:
    return Creation(machine, key, state, state.title(), f'"{key}"', at, at + 1, lookups, messages)


def move(
    seen: int = 1,
    instance: int = 1,
    from_state: str = "new",
    to_state: str = "paid",
    at: int = 20,
    lookups: tuple[LookupValue, ...] | None = None,
    messages: tuple[NewMessage, ...] = (),
    delivery_id: str | None = None,
) -> Move:
    type_name = to_state.title()
    said = (from_state, to_state, type_name, f'"{to_state}"', '"event"', at, at + 1)
    return Move("Order", instance, seen, *said, lookups, messages, delivery_id)


def full_creation(key: str) -> Creation:
    """A creation with all that one can have: a look-up and a message."""
    said = (NewMessage("t", "k", "c", "{}"),)
    return Creation("Order", key, "new", "New", "{}", 1, 1, (LookupValue("f", key, True),), said)


def full_move(seen: int = 1, body: str = "{}") -> Move:
    """A move that writes to every table."""
    lookups = (LookupValue("f", "v", True), LookupValue("g", "w", False))
    said = (NewMessage("t", "k", "c", "{}"),)
    return Move("Order", 1, seen, "new", "paid", "Paid", body, "{}", 2, 2, lookups, said, f"d{seen}")


def version(backend: SQLiteBackend) -> int:
    loaded = backend.read().load("Order", "one")
    assert loaded is not None
    return loaded.snapshot.version


def write_creations(backend: SQLiteBackend, *creations: Creation) -> None:
    with backend.write() as writer:
        for one in creations:
            writer.create(one)


def keys(found: list[Snapshot]) -> list[str]:
    return [row.key for row in found]
