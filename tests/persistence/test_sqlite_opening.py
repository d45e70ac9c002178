"""Opening makes a file, brings an older one up to date, and leaves everything else as it is."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from leverframe.errors import (
    CannotOpen,
    InvalidURL,
    MissingFolder,
    NewerSchema,
    NotADatabase,
    ReadOnly,
    StoreFailure,
    StoreTimeout,
)
from leverframe.persistence.backend import Creation
from leverframe.persistence.migration import Migration
from leverframe.persistence.sqlite import SQLiteBackend, open_sqlite
from leverframe.persistence.sqlite.driver import sqlite3
from leverframe.persistence.sqlite.location import parse_location
from leverframe.persistence.sqlite.migrations import MIGRATIONS
from leverframe.persistence.sqlite.schema import APPLICATION_ID

NEXT = Migration("9999_next", ("CREATE TABLE next (n INTEGER PRIMARY KEY) STRICT", "INSERT INTO next VALUES (7)"))
BROKEN = Migration("9999_broken", ("CREATE TABLE next (n INTEGER PRIMARY KEY) STRICT", "INSERT INTO absent VALUES (7)"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


def url(path: Path) -> str:
    return f"sqlite:///{path}"


def files(folder: Path) -> dict[str, str]:
    """What is in a folder, to the byte; the lock file is empty, and no part of the data."""
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if path.is_file()}
    return {name: digest for name, digest in found.items() if not name.endswith("-lock")}


def make_database(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


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
from leverframe.persistence.backend import Creation
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
    older = open_sqlite(url(path), migrations=MIGRATIONS[:known])
    with older.write() as writer:
        writer.create(Creation("Order", "one", "new", "New", "{}", 1, 1))
    older.close()
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


# ---------------------------------------------------------------- what does not open


def test_a_missing_folder(tmp_path: Path) -> None:
    """A folder that is not there is not made."""
    with pytest.raises(MissingFolder, match="is not there; make it first"):
        open_sqlite(f"sqlite:///{tmp_path}/absent/store.db")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"hello", b"x" * 5000, b"SQLite format 3\0" + b"x" * 5000, b"\0" * 200])
def test_a_file_of_another_kind(path: Path, content: bytes) -> None:
    """A file that is no database, or only starts like one, is refused and left as it is."""
    path.write_bytes(content)
    with pytest.raises(NotADatabase):
        open_sqlite(url(path))
    assert path.read_bytes() == content
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    """A folder in the place of the file is refused."""
    with pytest.raises(NotADatabase, match="is a folder or a device"):
        open_sqlite(f"sqlite:///{tmp_path}")


@pytest.mark.parametrize(
    "statements",
    [
        ("CREATE TABLE theirs (x)",),
        ("PRAGMA journal_mode = WAL", "CREATE TABLE theirs (x)"),
        ("PRAGMA application_id = 7", "CREATE TABLE theirs (x)"),
        ("PRAGMA application_id = 7", "PRAGMA user_version = 1"),
    ],
)
def test_a_database_of_another_program(path: Path, statements: tuple[str, ...]) -> None:
    """Another program's database, in either journal mode, is refused; not a byte and not a file more is there."""
    make_database(path, *statements)
    before = files(path.parent)
    with pytest.raises(NotADatabase, match="is a database of another program; name a new file"):
        open_sqlite(url(path))
    assert files(path.parent) == before


def test_a_database_in_use_by_another_program(path: Path) -> None:
    """Another program's database is refused also while that program's log is all there is of its tables."""
    with closing(sqlite3.connect(path, isolation_level=None)) as theirs:
        theirs.execute("PRAGMA journal_mode = WAL")
        theirs.execute("CREATE TABLE theirs (x)")
        before = files(path.parent)
        with pytest.raises(NotADatabase, match="of another program"):
            open_sqlite(url(path))
        # The -shm file is the memory that connections share, and no part of the data.
        assert {**files(path.parent), "store.db-shm": ""} == {**before, "store.db-shm": ""}


def test_a_damaged_file(path: Path) -> None:
    """A leverframe file with a damaged schema is refused on opening, and left as it is."""
    open_sqlite(url(path)).close()
    content = bytearray(path.read_bytes())
    content[100:2000] = b"\xff" * 1900
    path.write_bytes(content)
    with pytest.raises(NotADatabase, match="no readable SQLite database"):
        open_sqlite(url(path))
    assert path.read_bytes() == content


def load_all(backend: SQLiteBackend) -> None:
    for number in range(500):
        backend.read().load("Order", str(number))


def test_damage_is_found_later(path: Path) -> None:
    """Damage that a statement comes upon is a StoreFailure that names the remedy."""
    backend = open_sqlite(url(path))
    with backend.write() as writer:
        for number in range(500):
            writer.create(Creation("Order", str(number), "new", "New", "x" * 200, 1, 1))
    backend.close()
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2].ljust(len(content), b"\xff"))
    backend = open_sqlite(url(path))
    with pytest.raises(StoreFailure, match=r"the file is damaged .* restore it from a backup"):
        load_all(backend)
    backend.close()


def test_an_open_that_takes_too_long(path: Path) -> None:
    """A file that another program holds is given up after the timeout."""
    with closing(sqlite3.connect(path, isolation_level=None)) as theirs:
        theirs.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreTimeout):
            open_sqlite(url(path), timeout=0.05)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that a user without rights can reach, and rights that count, for a superuser too."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        folder.chmod(0o755)
        yield folder


@pytest.fixture
def without_rights() -> Iterator[None]:
    """A superuser may write everywhere; as nobody it may not."""
    if os.geteuid() == 0:
        os.seteuid(65534)
        yield
        os.seteuid(0)
    else:
        yield


def forbid(folder: Path) -> None:
    """Take the right to write away from everything in a folder, and from the folder."""
    for path in [*folder.iterdir(), folder]:
        path.chmod(0o555 if path.is_dir() else 0o444)


@pytest.fixture
def read_only_folder(open_folder: Path) -> Path:
    forbid(open_folder)
    return open_folder


def test_a_folder_that_may_not_be_written(read_only_folder: Path, without_rights: None) -> None:
    """A new file in a folder that may not be written is ReadOnly, and no part of it is there."""
    with pytest.raises(ReadOnly, match="the file or its folder may not be written"):
        open_sqlite(f"sqlite:///{read_only_folder}/store.db")
    assert list(read_only_folder.iterdir()) == []


@pytest.fixture
def read_only_file(open_folder: Path) -> Path:
    path = open_folder / "store.db"
    open_sqlite(url(path)).close()
    forbid(open_folder)
    return path


def test_a_file_that_may_not_be_written(read_only_file: Path, without_rights: None) -> None:
    """A file that may not be written is ReadOnly, and left as it is."""
    before = files(read_only_file.parent)
    with pytest.raises(ReadOnly):
        open_sqlite(url(read_only_file))
    assert files(read_only_file.parent) == before


@pytest.fixture
def secret_file(read_only_file: Path) -> Path:
    read_only_file.chmod(0o000)
    return read_only_file


def test_a_file_that_may_not_be_read(secret_file: Path, without_rights: None) -> None:
    """A file that may not even be read is ReadOnly too, with both rights in the remedy."""
    with pytest.raises(ReadOnly, match="allow both"):
        open_sqlite(url(secret_file))


def test_rights_lost_while_open(open_folder: Path, request: pytest.FixtureRequest) -> None:
    """A store whose folder may no longer be written says ReadOnly, and can still be closed."""
    open_sqlite(f"sqlite:///{open_folder}/store.db").close()
    (open_folder / "store.db-lock").unlink()
    backend = open_sqlite(f"sqlite:///{open_folder}/store.db")
    forbid(open_folder)
    request.getfixturevalue("without_rights")
    with pytest.raises(ReadOnly, match="may not be written"), backend.write():
        pass
    backend.close()


def test_an_old_library(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A SQLite that lacks what the tables need is refused, with the remedy."""
    monkeypatch.setattr("leverframe.persistence.sqlite.driver.linked_version", lambda: (3, 36, 0))
    with pytest.raises(CannotOpen, match=r"is too old, 3\.37\.0 is needed; install pysqlite3"):
        open_sqlite(url(path))
    assert not path.exists()
