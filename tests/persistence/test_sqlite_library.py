"""Which SQLite library is used, and what is done with one that has the WAL-reset fault."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from leverframe.persistence.rows import Creation
from leverframe.persistence.sqlite import SQLiteBackend, driver, open_sqlite
from leverframe.persistence.sqlite.driver import has_wal_reset_fix


@pytest.mark.parametrize(
    ("version", "fixed"),
    [
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 45, 0), False),
        ((3, 50, 6), False),
        ((3, 50, 7), True),
        ((3, 51, 0), False),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 53, 4), True),
        ((4, 0, 0), True),
    ],
)
def test_which_versions_have_the_fix(version: tuple[int, int, int], fixed: bool) -> None:
    """The fault was mended in 3.51.3, and in 3.50.7 and 3.44.6 for those who stay."""
    assert has_wal_reset_fix(version) is fixed


def test_one_library_in_the_process() -> None:
    """sqlite-utils uses the same library as we do."""
    from sqlite_utils import db

    assert db.sqlite3.connect is driver.sqlite3.connect  # type: ignore[attr-defined]  # not one of its public names


FALLBACK = """
import sys, warnings
sys.modules["pysqlite3"] = None
import sqlite3
from leverframe.persistence.rows import Creation
from leverframe.persistence.sqlite import driver, open_sqlite

assert driver.sqlite3 is sqlite3
with warnings.catch_warnings(record=True) as given:
    warnings.simplefilter("always")
    for _ in range(2):
        backend = open_sqlite(sys.argv[1])
        with backend.write() as writer:
            writer.save_cursor("name", writer.cursor("name") + 1)
        assert backend.connection.__class__.__module__ == "sqlite3"
        backend.close()
told = [str(warning.message) for warning in given if warning.category is RuntimeWarning]
fixed = driver.has_wal_reset_fix(sqlite3.sqlite_version_info)
assert len(told) == (0 if fixed else 1), told
"""


def test_pythons_own_library_does_as_well(tmp_path: Path) -> None:
    """Without pysqlite3 Python's own SQLite is used; if it has the fault, that is said once."""
    url = f"sqlite:///{tmp_path}/store.db"
    subprocess.run([sys.executable, "-c", FALLBACK, url], check=True, timeout=120)
    backend = open_sqlite(url)
    assert backend.read().cursor("name") == 2
    backend.close()


# ---------------------------------------------------------------- with the fault


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "linked_version", lambda: (3, 40, 1))
    monkeypatch.setattr(driver.Once, "given", False)


def open_with_warning(path: Path) -> SQLiteBackend:
    with pytest.warns(RuntimeWarning, match="can damage a WAL database"):
        return open_sqlite(f"sqlite:///{path}?durability=normal")


def autocheckpoint(backend: SQLiteBackend) -> int:
    return int(backend.connection.execute("PRAGMA wal_autocheckpoint").fetchone()[0])


@pytest.mark.usefixtures("faulty")
def test_the_warning_is_given_once(tmp_path: Path) -> None:
    """A library with the fault is warned of when the first store is opened, and not again."""
    open_with_warning(tmp_path / "one.db").close()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        backend = open_sqlite(f"sqlite:///{tmp_path}/two.db")
    assert autocheckpoint(backend) == 0
    backend.close()


@pytest.mark.usefixtures("faulty")
def test_a_faulty_library_checkpoints_with_the_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite does not checkpoint by itself; we do, inside our turn, after so many commits and at the end."""
    monkeypatch.setattr("leverframe.persistence.sqlite.session.COMMITS_BETWEEN_CHECKPOINTS", 3)
    path = tmp_path / "store.db"
    backend = open_with_warning(path)
    assert autocheckpoint(backend) == 0
    backend.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    empty = path.read_bytes()
    seen = list[bool]()
    for number in range(3):
        with backend.write() as writer:
            writer.create(Creation("Order", str(number), "new", "New", "{}", 1, 1))
        seen.append(path.read_bytes() != empty)
    assert seen == [False, False, True]
    backend.close()
    assert not path.with_name("store.db-wal").exists()


def test_a_sound_library_checkpoints_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the fault is mended, SQLite keeps its own measure, and nothing is said."""
    monkeypatch.setattr(driver, "linked_version", lambda: (3, 51, 3))
    backend = open_sqlite(f"sqlite:///{tmp_path}/store.db")
    assert autocheckpoint(backend) == 1000
    backend.close()
