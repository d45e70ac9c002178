"""Rows that are about to be deleted, kept in a file: JSON lines, on the disk before anything is gone."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable
from types import TracebackType
from typing import BinaryIO, Self

from leverframe.persistence.tables import Table
from leverframe.persistence.upkeep import Row

__all__ = ["Export"]

BEGINNING = b'{"table": '
BLOCK = 65536


class Export:
    """A file to which rows are appended, one JSON object a line: the table's name, and the columns by theirs.

    The end of a line that a kill or a full disk left unfinished is cut off: its row was not deleted.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open the file, or make it.  Raises `OSError`."""
        is_new = not os.path.exists(path)
        self._file = open(path, "r+b" if not is_new else "x+b")  # noqa: SIM115  # closed by `close`
        end_with_whole_line(self._file)
        if is_new:
            sync_folder(path)

    def add(self, table: Table, rows: Iterable[Row]) -> None:
        """Append rows, and wait until the disk has them.  Raises `OSError`."""
        for row in rows:
            line = {"table": table.name, **dict(zip(table.columns, row, strict=True))}
            self._file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def end_with_whole_line(file: BinaryIO) -> None:
    """Go to where the next line begins.  A last line that is no line of ours is left, and ended."""
    size = file.seek(0, os.SEEK_END)
    start = last_line_start(file, size)
    if start == size:
        file.seek(size)
        return
    file.seek(start)
    if file.read(len(BEGINNING)) in (BEGINNING, BEGINNING[: size - start]):
        file.truncate(start)
        file.seek(start)
    else:
        file.seek(size)
        file.write(b"\n")


def last_line_start(file: BinaryIO, size: int) -> int:
    """Where what stands behind the last line end begins."""
    start = size
    while start > 0:
        step = min(BLOCK, start)
        file.seek(start - step)
        found = file.read(step).rfind(b"\n")
        if found >= 0:
            return start - step + found + 1
        start -= step
    return 0


def sync_folder(path: str | os.PathLike[str]) -> None:
    """Have the disk know the file's name as well; systems where folders cannot be opened do that by themselves."""
    with contextlib.suppress(OSError):
        folder = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
