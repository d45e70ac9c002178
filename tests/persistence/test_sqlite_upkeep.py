"""What pruning, deleting and copying ask of SQLite: by an index, whatever a table holds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from leverframe.persistence.sqlite import SQLiteBackend, open_sqlite
from leverframe.persistence.tables import BELONGINGS, DELIVERY, JOURNAL, LOOKUP, MESSAGE, SNAPSHOT, TABLES, marks
from leverframe.persistence.tending import DELIVERIES_BEFORE, DELIVERIES_BETWEEN, FINISHED, REMOVE_SNAPSHOTS, VERSIONS


@pytest.fixture
def backend() -> Iterator[SQLiteBackend]:
    opened = open_sqlite("sqlite://")
    yield opened
    opened.close()


def plan(backend: SQLiteBackend, statement: str) -> list[str]:
    rows = backend.connection.execute(f"EXPLAIN QUERY PLAN {statement}", [1] * statement.count("?"))
    return [detail for *_, detail in rows]


@pytest.mark.parametrize(
    "statement",
    [
        DELIVERIES_BEFORE,
        DELIVERIES_BETWEEN,
        FINISHED,
        *(table.walk(after=True) for table in TABLES),
    ],
)
def test_walks_go_along_an_index(backend: SQLiteBackend, statement: str) -> None:
    """A batch of a walk is searched for by an index that gives it in its order: nothing is sorted or passed over."""
    steps = plan(backend, statement)
    assert any(step.startswith("SEARCH") for step in steps)
    assert not [step for step in steps if step.startswith("SCAN") or "TEMP B-TREE" in step]


@pytest.mark.parametrize(
    "statement",
    [
        VERSIONS.format(marks=marks(2)),
        REMOVE_SNAPSHOTS.format(marks=marks(2)),
        *(table.of_instances(2) for table in (SNAPSHOT, *BELONGINGS)),
        *(table.remove_instances(2) for table in BELONGINGS),
        *(table.remove(2) for table in (JOURNAL, LOOKUP, DELIVERY, MESSAGE)),
    ],
)
def test_rows_are_found_by_an_index(backend: SQLiteBackend, statement: str) -> None:
    """What belongs to some instances, and rows with some keys, are searched for by an index."""
    steps = [step for step in plan(backend, statement) if not step.startswith("SCAN 2-ROW VALUES")]
    assert any(step.startswith("SEARCH") for step in steps)
    assert not [step for step in steps if step.startswith("SCAN")]
