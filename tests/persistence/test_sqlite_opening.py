"""Opening makes a file, brings an older one up to date, and leaves everything else as it is."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_files import files, make_database, url

from leverframe.errors import (
    InvalidURL,
    NewerSchema,
    StoreFailure,
)
from leverframe.persistence.migration import Migration
from leverframe.persistence.sqlite import open_sqlite
from leverframe.persistence.sqlite.driver import sqlite3
from leverframe.persistence.sqlite.location import parse_location
from leverframe.persistence.sqlite.migrations import MIGRATIONS
from leverframe.persistence.sqlite.schema import APPLICATION_ID

ORDER = """
INSERT INTO snapshot (machine, key, state, body, version, created_at, changed_at)
VALUES ('Order', 'one', 'new', '{}', 1, 1, 1)"""
"""A row as code of any step has written it."""

NEXT = Migration("9999_next", ("CREATE TABLE next (n INTEGER PRIMARY KEY) STRICT", "INSERT INTO next VALUES (7)"))
BROKEN = Migration("9999_broken", ("CREATE TABLE next (n INTEGER PRIMARY KEY) STRICT", "INSERT INTO absent VALUES (7)"))


def ask(path: Path, statement: str) -> list[object]:
    with closing(sqlite3.connect(path)) as connection:
        return [value for (value,) in connection.execute(statement)]


def migrations_of(path: Path) -> list[object]:
    return ask(path, "SELECT name FROM _sqlite_migrations WHERE migration_set = 'leverframe' ORDER BY id")


# ---------------------------------------------------------------- URLs


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sqlite:///x.db", os.path.realpath("x.db")),
        ("sqlite:///a/../x.db", os.path.realpath("x.db")),
        ("sqlite:////srv/x.db", "/srv/x.db"),
        ("SQLite:////srv/x.db", "/srv/x.db"),
        ("sqlite:////srv/a%20b%3F%23.db?timeout=1", "/srv/a b?#.db"),
        ("sqlite:////srv/%C3%A9.db", "/srv/é.db"),
        ("sqlite://", None),
        ("sqlite:///:memory:", None),
        ("sqlite://?timeout=1", None),
    ],
)
def test_urls_name_files(text: str, expected: str | None) -> None:
    """Three slashes are relative, four absolute, none or `:memory:` is memory; %-signs are decoded."""
    assert parse_location(text).path == expected


def test_defaults_and_options() -> None:
    """Options come from the call, else from the URL, else they are full and 30 seconds."""
    plain, told = parse_location("sqlite://"), parse_location("sqlite://?durability=normal&timeout=2.5")
    assert (plain.durability, plain.timeout) == ("full", 30.0)
    assert (told.durability, told.timeout) == ("normal", 2.5)
    called = parse_location("sqlite://?durability=normal&timeout=2.5", durability="full", timeout=1)
    assert (called.durability, called.timeout, called.text) == ("full", 1, "sqlite://")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is no SQLite URL: write sqlite:///relative.db"),
        ("store.db", "is no SQLite URL"),
        ("sqlite:/x.db", "is no SQLite URL"),
        ("postgres://me:secret@host/x", "is no SQLite URL"),
        ("sqlite://me:secret@host/x.db", "names a host; for a file write a slash more"),
        ("sqlite://x.db", "names a host"),
        ("sqlite:///", "names no file: write sqlite:///relative.db"),
        ("sqlite:///%00", "names no file"),
        ("sqlite:///x.db#y", "write %23"),
        ("sqlite://?durablity=full", "has an unknown option 'durablity'; did you mean 'durability'?"),
        ("sqlite://?durability=ful", "has durability='ful'; did you mean 'full'?"),
        ("sqlite://?timeout=soon", "has timeout='soon'; give a number of seconds, such as timeout=5"),
        ("sqlite://?timeout=-1", "has timeout=-1.0; give a number of seconds, 0 or more"),
        ("sqlite://?timeout=nan", "give a number of seconds"),
        ("sqlite://?timeout=inf", "give a number of seconds"),
        ("sqlite://?timeout", "write name=value, with & between"),
        ("sqlite://?timeout=1&timeout=2", "gives timeout twice; give it once"),
    ],
)
def test_urls_that_name_nothing(text: str, problem: str) -> None:
    """A URL that cannot be understood is refused with what to write instead, and without a password in it."""
    with pytest.raises(InvalidURL) as refused:
        open_sqlite(text)
    assert problem in str(refused.value)
    assert "secret" not in str(refused.value)


# ---------------------------------------------------------------- what opens


def test_a_new_file(path: Path) -> None:
    """A new file gets the mark, the write-ahead log and every migration in order."""
    open_sqlite(url(path)).close()
    assert ask(path, "PRAGMA application_id") == [APPLICATION_ID]
    assert ask(path, "PRAGMA journal_mode") == ["wal"]
    assert migrations_of(path) == [migration.name for migration in MIGRATIONS]


def test_an_empty_file(path: Path) -> None:
    """A file of no bytes is new, and so is a database without a table."""
    path.touch()
    open_sqlite(url(path)).close()
    other = path.with_name("other.db")
    make_database(other, "PRAGMA user_version = 3")
    open_sqlite(url(other)).close()
    assert migrations_of(path) == migrations_of(other)


def test_a_file_is_opened_again(path: Path) -> None:
    """Opening a file that is up to date changes not a byte of it."""
    open_sqlite(url(path)).close()
    before = files(path.parent)
    open_sqlite(url(path)).close()
    assert files(path.parent) == before


def test_strange_names(tmp_path: Path) -> None:
    """A file may have spaces, question marks, %-signs and letters of any script in its name."""
    open_sqlite(f"sqlite:///{tmp_path}/a%20b%3Fmode=ro%25é.db").close()
    assert [path.name for path in tmp_path.glob("*.db")] == ["a b?mode=ro%é.db"]


@pytest.mark.parametrize(("durability", "expected"), [("full", 2), ("normal", 1)])
def test_durability_reaches_the_writer(path: Path, durability: str, expected: int) -> None:
    """ "full" flushes at each commit, "normal" at checkpoints."""
    backend = open_sqlite(url(path), durability=durability)
    assert backend.connection.execute("PRAGMA synchronous").fetchone() == (expected,)
    backend.close()


def test_tables_of_the_users_own(path: Path) -> None:
    """Tables, and migrations by sqlite-utils, of the user's own in a leverframe file are left alone."""
    open_sqlite(url(path)).close()
    make_database(
        path,
        "CREATE TABLE mine (x)",
        "INSERT INTO mine VALUES (1)",
        "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('mine', '9_mine', 'now')",
    )
    open_sqlite(url(path), migrations=(*MIGRATIONS, NEXT)).close()
    assert ask(path, "SELECT x FROM mine") == [1]
    assert ask(path, "SELECT n FROM next") == [7]


def test_a_copy_without_a_log(path: Path, tmp_path: Path) -> None:
    """A copy made by VACUUM INTO, which keeps no write-ahead log, gets one again."""
    open_sqlite(url(path)).close()
    copy = tmp_path / "copy.db"
    make_database(path, f"VACUUM INTO '{copy}'")
    open_sqlite(url(copy)).close()
    assert ask(copy, "PRAGMA journal_mode") == ["wal"]


TEN = """
import sys
from leverframe.persistence.rows import Creation
from leverframe.persistence.sqlite import SQLiteBackend, open_sqlite

backend = open_sqlite(sys.argv[1])
with backend.write() as writer:
    writer.create(Creation("Order", sys.argv[2], "new", "New", "{}", 1, 1))
backend.close()
"""


def test_ten_processes_open_a_new_file_at_once(path: Path) -> None:
    """Ten that open a new file together make it once, and all can write."""
    command = [sys.executable, "-W", "error::ResourceWarning", "-c", TEN, url(path)]
    processes = [subprocess.Popen([*command, str(n)], stderr=subprocess.PIPE, text=True) for n in range(10)]
    ends = [(process.communicate(timeout=120)[1], process.returncode) for process in processes]
    assert [code for _, code in ends] == [0] * 10, ends
    assert migrations_of(path) == [migration.name for migration in MIGRATIONS]
    backend = open_sqlite(url(path))
    assert backend.read().count("Order")[0].number == 10
    backend.close()


def test_an_up_to_date_file_needs_no_sqlite_utils(path: Path) -> None:
    """sqlite-utils, slow to import, is imported only where there is something to migrate."""
    open_sqlite(url(path)).close()
    code = (
        "import sys; from leverframe.persistence.sqlite import open_sqlite; "
        "open_sqlite(sys.argv[1]).close(); print('sqlite_utils' in sys.modules)"
    )
    program = [sys.executable, "-c", code, url(path)]
    assert subprocess.run(program, capture_output=True, check=True, timeout=120).stdout == b"False\n"


# ---------------------------------------------------------------- migrations


@pytest.mark.parametrize("known", range(1, len(MIGRATIONS) + 1))
def test_an_older_file_is_migrated(path: Path, known: int) -> None:
    """A file of any earlier step gets the steps that it lacks, and keeps its rows."""
    open_sqlite(url(path), migrations=MIGRATIONS[:known]).close()
    make_database(path, ORDER)
    backend = open_sqlite(url(path), migrations=(*MIGRATIONS, NEXT))
    assert backend.read().load("Order", "one") is not None
    backend.close()
    assert migrations_of(path) == [*(migration.name for migration in MIGRATIONS), "9999_next"]


def test_a_newer_file_is_refused(path: Path) -> None:
    """A file with a step that this code does not know is refused by that name, and left as it is."""
    open_sqlite(url(path), migrations=(*MIGRATIONS, NEXT)).close()
    before = files(path.parent)
    with pytest.raises(NewerSchema, match="newer leverframe: it has 9999_next, which this one does not know; install"):
        open_sqlite(url(path))
    assert files(path.parent) == before


def test_a_newer_file_without_a_log_is_refused(path: Path, tmp_path: Path) -> None:
    """A newer file is refused before its journal mode would be changed."""
    open_sqlite(url(path), migrations=(*MIGRATIONS, NEXT)).close()
    copy = tmp_path / "folder" / "copy.db"
    copy.parent.mkdir()
    make_database(path, f"VACUUM INTO '{copy}'")
    before = files(copy.parent)
    with pytest.raises(NewerSchema):
        open_sqlite(url(copy))
    assert files(copy.parent) == before


def test_a_migration_that_fails(path: Path) -> None:
    """Steps are made all together: when one fails, none of them is there, and the old code still works."""
    open_sqlite(url(path), migrations=MIGRATIONS[:1]).close()
    before = ask(path, "SELECT sql FROM sqlite_master ORDER BY name")
    with pytest.raises(StoreFailure, match="no such table: absent"):
        open_sqlite(url(path), migrations=(*MIGRATIONS, BROKEN))
    assert ask(path, "SELECT sql FROM sqlite_master ORDER BY name") == before
    assert migrations_of(path) == [MIGRATIONS[0].name]
    open_sqlite(url(path), migrations=MIGRATIONS[:1]).close()
