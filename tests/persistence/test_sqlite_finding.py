"""What a query finds on SQLite, and by which index."""

from __future__ import annotations

import pytest
from sqlite_orders import creation, keys, write_creations

from leverframe.persistence.finding import find_statement, merge_ranges
from leverframe.persistence.rows import KeyRange, LookupValue, Query
from leverframe.persistence.sqlite import SQLiteBackend
from leverframe.persistence.statements import (
    CURSOR,
    JOURNAL_AT,
    JOURNAL_BETWEEN,
    JOURNAL_FROM,
    JOURNAL_LINE,
    LOAD,
    LOAD_WITH_DELIVERY,
    MESSAGES,
    MESSAGES_OF_TOPIC,
    MOVE_SNAPSHOT,
    MOVE_SNAPSHOT_UNLESS_SETTLED,
    REMOVE_LOOKUPS,
    SETTLE_AS_REFUSED,
    SQLITE,
)

# ---------------------------------------------------------------- find


@pytest.fixture
def filled(backend: SQLiteBackend) -> SQLiteBackend:
    """a1 to a6 and b1 to b6, states by turns, the newest last; those with 1 or 4 belong to ann."""
    for number in range(1, 7):
        ann = (LookupValue("who", "ann", False), LookupValue("what", str(number), False)) if number in (1, 4) else ()
        state = ("new", "paid", "sent")[number % 3]
        write_creations(
            backend, creation(f"a{number}", state, number, lookups=ann), creation(f"b{number}", state, number)
        )
    write_creations(backend, creation("a1", machine="Parcel"))
    return backend


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (Query("Order"), "b6 a6 b5 a5 b4 a4 b3 a3 b2 a2 b1 a1"),
        (Query("Order", limit=3), "b6 a6 b5"),
        (Query("Order", ()), ""),
        (Query("Order", limit=0), ""),
        (Query("Order", ("paid",)), "b4 a4 b1 a1"),
        (Query("Order", ("paid",), limit=2), "b4 a4"),
        (Query("Order", ("paid", "sent"), limit=3), "b5 a5 b4"),
        (Query("Order", ("paid", "paid"), limit=9), "b4 a4 b1 a1"),
        (Query("Order", ("paid", "sent", "absent")), "b5 a5 b4 a4 b2 a2 b1 a1"),
        (Query("Order", (*(f"s{number}" for number in range(900)), "paid"), limit=2), "b4 a4"),
        (Query("Order", ranges=(KeyRange("a", "b"),), limit=2), "a6 a5"),
        (Query("Order", ("paid",), (KeyRange("a", "b"),)), "a4 a1"),
        (Query("Order", ranges=(KeyRange("a5", None), KeyRange("a6", "b2"))), "b6 a6 b5 a5 b4 b3 b2 b1"),
        (Query("Order", ranges=(KeyRange("a1", "a2"), KeyRange("b6", None)), limit=1), "b6"),
        (Query("Order", ranges=(KeyRange("b", "a"),)), ""),
        (Query("Order", ranges=tuple(KeyRange(f"a{n}", f"a{n}!") for n in range(300))), "a6 a5 a4 a3 a2 a1"),
        (Query("Order", lookups=(("who", "ann"),)), "a4 a1"),
        (Query("Order", lookups=(("who", "ann"),), limit=1), "a4"),
        (Query("Order", lookups=(("who", "ann"), ("what", "1"))), "a1"),
        (Query("Order", lookups=(("who", "ann"), ("what", "2"))), ""),
        (Query("Order", ("paid",), (KeyRange("a2", "b"), KeyRange("b2", None)), (("who", "ann"),)), "a4"),
        (Query("Nothing"), ""),
    ],
)
def test_find(filled: SQLiteBackend, query: Query, expected: str) -> None:
    """A query finds what satisfies all its parts, the newest first, and the same inside a transaction."""
    assert keys(filled.read().find(query)) == expected.split()
    with filled.write() as writer:
        assert keys(writer.find(query)) == expected.split()


def test_keys_are_compared_by_code_point(backend: SQLiteBackend) -> None:
    """A range of keys ends where Python's comparison of strings ends it, beyond the first plane as well."""
    names = ["a", "a\x00", "a\x1f", "aé", "a\uffff", "a\U0001f600", "b", "A"]
    write_creations(backend, *(creation(name, at=number) for number, name in enumerate(names)))
    found = backend.read().find(Query("Order", ranges=(KeyRange("a\x00", "a\U0001f600"),)))
    assert sorted(keys(found)) == [name for name in sorted(names) if "a\x00" <= name < "a\U0001f600"]


def test_ranges_are_merged() -> None:
    """Ranges that touch or overlap become one, so that no instance is found twice."""
    ranges = [KeyRange("d", "f"), KeyRange("a", "b"), KeyRange("b", "c"), KeyRange("e", None), KeyRange("x", "y")]
    assert merge_ranges(ranges) == [KeyRange("a", "c"), KeyRange("d", None)]


# ---------------------------------------------------------------- plans


def plan(backend: SQLiteBackend, statement: str, parameters: list[object]) -> list[str]:
    rows = backend.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
    return [detail for *_, detail in rows]


@pytest.mark.parametrize(
    "statement",
    [
        SQLITE.count,
        CURSOR,
        JOURNAL_AT,
        JOURNAL_BETWEEN,
        JOURNAL_FROM,
        JOURNAL_LINE,
        LOAD,
        LOAD_WITH_DELIVERY,
        MESSAGES,
        MESSAGES_OF_TOPIC,
        MOVE_SNAPSHOT,
        MOVE_SNAPSHOT_UNLESS_SETTLED,
        REMOVE_LOOKUPS,
        SETTLE_AS_REFUSED,
    ],
)
def test_statements_search_by_index(backend: SQLiteBackend, statement: str) -> None:
    """Every statement of the catalogue that looks for rows finds them by an index, and sorts nothing."""
    steps = plan(backend, statement, [1] * statement.count("?"))
    assert any(step.startswith("SEARCH") for step in steps)
    assert not [step for step in steps if step.startswith("SCAN") or "TEMP B-TREE" in step]


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (Query("M"), "(tenant=? AND machine=?)"),
        (Query("M", limit=5), "snapshot_state (tenant=? AND machine=? AND state=?)"),
        (Query("M", ("a",), limit=5), "snapshot_state (tenant=? AND machine=? AND state=?)"),
        (Query("M", ("a", "b"), limit=5), "snapshot_state (tenant=? AND machine=? AND state=?)"),
        (Query("M", ("a", "b")), "snapshot_state (tenant=? AND machine=? AND state=?)"),
        (
            Query("M", ("a",), (KeyRange("a", "b"),), limit=5),
            "snapshot_key (tenant=? AND machine=? AND key>? AND key<?)",
        ),
        (Query("M", ranges=(KeyRange("a", None),)), "snapshot_key (tenant=? AND machine=? AND key>?)"),
        (
            Query("M", ("a",), (KeyRange("a", "b"),), (("f", "v"),)),
            "lookup_value (tenant=? AND machine=? AND field=? AND value=?)",
        ),
        (Query("M", lookups=(("f", "v"), ("g", "v"))), "lookup_value (tenant=? AND machine=? AND field=? AND value=?)"),
    ],
)
def test_find_searches_by_index(backend: SQLiteBackend, query: Query, index: str) -> None:
    """Whatever is looked for is found by the index for it; only a limited part is ever scanned."""
    statement = find_statement(query, SQLITE)
    assert statement is not None
    steps = plan(backend, *statement)
    assert any(index in step for step in steps if step.startswith("SEARCH"))
    assert not [step for step in steps if step.startswith("SCAN") and step != "SCAN part"]


def test_the_newest_of_a_state_are_not_sorted(backend: SQLiteBackend) -> None:
    """The index gives a state's newest in order, so that a limit ends the walk: no sort comes before it."""
    one = find_statement(Query("M", ("a",), limit=5), SQLITE)
    several = find_statement(Query("M", ("a", "b", "c"), limit=5), SQLITE)
    assert one is not None
    assert several is not None
    assert not [step for step in plan(backend, *one) if "TEMP B-TREE" in step]
    rows = backend.connection.execute(f"EXPLAIN QUERY PLAN {several[0]}", several[1]).fetchall()
    parts = [number for number, _, _, detail in rows if detail in ("CO-ROUTINE part", "MATERIALIZE part")]
    assert len(parts) == 3
    assert {detail.split()[0] for _, parent, _, detail in rows if parent in parts} == {"SEARCH"}
