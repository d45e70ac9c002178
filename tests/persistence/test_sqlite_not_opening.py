"""What is no leverframe file, or may not be used, is refused on opening, and left as it is."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_files import files, make_database, url

from leverframe.errors import (
    CannotOpen,
    MissingFolder,
    NotADatabase,
    ReadOnly,
    StoreFailure,
    StoreTimeout,
)
from leverframe.persistence.rows import Creation
from leverframe.persistence.sqlite import SQLiteBackend, open_sqlite
from leverframe.persistence.sqlite.driver import sqlite3


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
