"""What is on the disk before SQLite is asked: may it be opened at all, and is it still the file that was opened?"""

from __future__ import annotations

import os
import threading
from collections import Counter
from pathlib import Path

from leverframe.errors import MissingFolder, NotADatabase, ReadOnly
from leverframe.persistence.sqlite.location import Location

__all__ = [
    "NOT_WRITABLE",
    "Identity",
    "check_openable",
    "file_uri",
    "identity",
    "is_marked_by_another",
    "may_write",
]

Identity = tuple[int, int]

MAGIC = b"SQLite format 3\0"

# A rollback journal's header says how many pages the file had before.
JOURNAL_MAGIC = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"
JOURNAL_PAGES = slice(16, 20)

# Where SQLite's header keeps what `PRAGMA application_id` sets.
APPLICATION_ID = slice(68, 72)
HEADER_SIZE = 100

NOT_WRITABLE = "the file or its folder may not be written; allow it, or open a copy"

GONE = "the file was deleted or replaced while open"


def identity(path: str) -> Identity | None:
    """Which file stands at `path`; None if there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


# To read a file that SQLite has open in this process, and close it again, would end SQLite's locks on it: POSIX gives
# locks to processes, not to descriptors.  So files are looked into only while no store of this process has them open.
OPENING = threading.Lock()
_open_here: Counter[Identity] = Counter()


def is_open_here(path: str) -> bool:
    """Whether a store of this process has the file open."""
    found = identity(path)
    return found is not None and _open_here[found] > 0


def note_open(path: str) -> Identity:
    """Note that a store is about to open the file, which is made if it is not there."""
    if identity(path) is None:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o644))
    found = os.stat(path)
    _open_here[found.st_dev, found.st_ino] += 1
    return found.st_dev, found.st_ino


def note_closed(opened: Identity) -> None:
    """Note that a store has closed the file."""
    with OPENING:
        _open_here[opened] -= 1


def check_openable(location: Location) -> None:
    """Refuse what cannot become or be a database, without touching it."""
    path = location.path
    if path is None:
        return
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        raise MissingFolder(location.text, f"the folder {folder} is not there; make it first")
    if os.path.lexists(path) and not is_open_here(path):
        check_file(location, path)
    if not may_write(path):
        raise ReadOnly(location.text, NOT_WRITABLE)


def check_file(location: Location, path: str) -> None:
    if not os.path.isfile(path):
        raise NotADatabase(location.text, "is a folder or a device; name a file in it, or another one")
    header = read_header(location, path)
    if header and not header.startswith(MAGIC) and not is_half_made(path):
        raise NotADatabase(location.text, "is a file of another kind; name a new file, or a leverframe database")


def read_header(location: Location, path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(HEADER_SIZE)
    except PermissionError as error:
        raise ReadOnly(location.text, "the file may not be read or written; allow both") from error


def is_marked_by_another(path: str, application_id: int) -> bool:
    """Whether the file has content, and the header of that does not carry our mark."""
    with open(path, "rb") as file:
        header = file.read(HEADER_SIZE)
    if is_half_made(path):
        return False
    return bool(header) and int.from_bytes(header[APPLICATION_ID], "big") != application_id


def is_half_made(path: str) -> bool:
    """Whether the power failed while SQLite wrote its first page: it will take that back, whatever is in the file."""
    try:
        with open(f"{path}-journal", "rb") as file:
            header = file.read(JOURNAL_PAGES.stop)
    except OSError:
        return False
    return header.startswith(JOURNAL_MAGIC) and not any(header[JOURNAL_PAGES])


def may_write(path: str | None) -> bool:
    """Whether SQLite can write the file (if it is there) and make its companions in the folder."""
    if path is None:
        return True
    # The rights that count are those in effect, which in a set-uid program are not those of the real user.
    effective = os.access in os.supports_effective_ids
    places = [path] if os.path.exists(path) else []
    return all(os.access(place, os.W_OK, effective_ids=effective) for place in [*places, os.path.dirname(path)])


def file_uri(path: str, options: str) -> str:
    return f"{Path(path).as_uri()}?{options}"
