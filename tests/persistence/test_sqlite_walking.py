"""How SQLite reads a journal from end to end."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from leverframe import open_store
from leverframe.persistence.sqlite.driver import sqlite3
from leverframe.persistence.statements import SQLITE
from leverframe.persistence.walking import WALK


def test_no_page_is_sorted(tmp_path: Path) -> None:
    """A page of the journal is found by two indexes, in their order: nothing is sorted for it."""
    open_store(f"sqlite:///{tmp_path}/store.db").close()
    text = f"EXPLAIN QUERY PLAN {WALK.format(by_number=SQLITE.by_number)}"
    with closing(sqlite3.connect(str(tmp_path / "store.db"))) as connection:
        steps = [row[3] for row in connection.execute(text, ("", "Pipeline", 5, 5, 5, 1, 10))]
    assert steps == [
        "SEARCH s USING INTEGER PRIMARY KEY (rowid>?)",
        "SEARCH j USING INDEX journal_version (instance=? AND version>?)",
    ]
