"""`copy_store`: a store with all that is in it, in a second place, number for number, on the same database or another.

Tables are copied one behind the other, each along its primary key, in batches that are a transaction each.  So what
stands in the target says by itself how far a copy has come, and a second call goes on there.  Until it is complete the
target carries a mark, by which `open_store` refuses it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING

from attrs import frozen

from leverframe.errors import CannotCopy, InvalidURL, UnfinishedCopy
from leverframe.persistence.migration import COPYING
from leverframe.persistence.opening import open_backend
from leverframe.persistence.presence import tell_absence
from leverframe.persistence.tables import TABLES, Table
from leverframe.wording import join_names, without_secrets

if TYPE_CHECKING:
    from leverframe.persistence.backend import Backend, Reader, Writer
    from leverframe.persistence.upkeep import Row

__all__ = ["Copied", "Progress", "copy_store"]

AT_ONCE = 1000

Progress = Callable[[int, int], None]
"""Called with how many rows more were done, and how many there are to do in all."""

STEPS = 2
"""A row is copied, and compared."""

IN_USE = "holds a store already, which is left as it is; name a database, or a schema, that is not there yet"
OF_ANOTHER = "is the unfinished copy of {other}; finish that, or begin anew with --fresh (fresh=True)"
DIFFERS = (
    "{tables} there and in {source} differ: one of the two was written to since the copy began. The copy stays "
    "unfinished; stop what writes, and begin anew with --fresh (fresh=True)"
)


@frozen
class Copied:
    """What `copy_store` has copied, and compared: the number of rows of each table.

    >>> from leverframe import Copied
    >>> Copied({"snapshot": 2, "journal": 5}).rows["journal"]
    5
    """

    rows: Mapping[str, int]


def copy_store(source: str, target: str, *, fresh: bool = False, progress: Progress | None = None) -> Copied:
    """Copy the store that one URL names to the place that another names, and compare what is there in the end.

    Everything keeps its number: instances, lines of the journal, positions of messages, so that cursors and delivery
    ids go on in the target.  What is copied is the source as it was when this call began; it can be used meanwhile.

    If a call is interrupted, the same call goes on where it stopped.  If the source was written to in between, that
    shows in the end, and `fresh` begins anew.  Only what an unfinished copy left is ever overwritten.

    Raises `CannotCopy` if the source is not there, the target is in use or the unfinished copy of another store, or if
    the two differ in the end; and as `open_store` does.

    >>> from leverframe import copy_store, open_store
    >>> from leverframe.machines.pipeline import *
    >>> with open_store("sqlite:///stories.db") as store:
    ...     _ = store.create(Pipeline, "story-7", Backlog())
    >>> copy_store("sqlite:///stories.db", "sqlite:///archive.db").rows["snapshot"]
    1
    >>> with open_store("sqlite:///archive.db") as store:
    ...     store.get(Pipeline, "story-7").state
    Backlog()
    """
    path = source_file(source, target)
    with closing(open_backend(source)) as origin, origin.whole().at_one_time() as reader:
        with unfinished(target, path or origin.location, fresh) as goal:
            report = partial(progress or ignore, total(reader))
            report(total(goal.read()) // STEPS)
            for table in TABLES:
                copy_table(reader, goal, table, report)
            rows = compare(reader, goal, origin.location, report)
            # A number that was given while the rows were copied is none too many.
            numbers = reader.numbers()
            goal.commit(lambda writer: writer.finish_copy(numbers))
    return Copied(rows)


# ---------------------------------------------------------------- the two places


def source_file(source: str, target: str) -> str | None:
    """The source's file, if it is one.  Raises `CannotCopy`, `InvalidURL` for what would be made by being opened."""
    absence = tell_absence(source)
    if absence:
        raise CannotCopy(without_secrets(target), f"there is nothing to copy: {absence}")
    if source.partition(":")[0].lower() != "sqlite":
        return None
    from leverframe.persistence.sqlite.location import parse_location

    location = parse_location(source)
    if location.path is None:
        raise InvalidURL(location.text, "is a new database in memory, which holds nothing to copy; name a file")
    return location.path


@contextmanager
def unfinished(target: str, source: str, fresh: bool) -> Generator[Backend]:
    """The target, marked as the unfinished copy of the source.  Raises `CannotCopy`, and then it is as it was."""
    with closing(open_unfinished(target, source)) as opened:
        goal = opened.whole()
        if fresh:
            goal.commit(partial(begin_anew, source))
        other = goal.read().copied_from()
        if other != source:
            raise CannotCopy(goal.location, OF_ANOTHER.format(other=other))
        yield goal


def open_unfinished(target: str, source: str) -> Backend:
    try:
        goal = open_backend(target)
    except UnfinishedCopy:
        return open_backend(target, also=(COPYING,))
    try:
        if not goal.whole().commit(partial(begin, source)):
            raise CannotCopy(goal.location, IN_USE)
    except BaseException:
        goal.close()
        raise
    return goal


def begin(source: str, writer: Writer) -> bool:
    """Mark an empty database; False, and it is left alone, if it is not empty."""
    if any(writer.last_key(table) for table in TABLES):
        return False
    writer.begin_copy(source)
    return True


def begin_anew(source: str, writer: Writer) -> None:
    writer.clear()
    writer.name_source(source)


# ---------------------------------------------------------------- rows


def copy_table(reader: Reader, goal: Backend, table: Table, report: Callable[[int], None]) -> None:
    """Copy what is behind the target's last row."""
    last = goal.read().last_key(table)
    for rows in walk(reader, table, last):
        goal.commit(partial(add, table, rows))
        report(len(rows))


def add(table: Table, rows: list[Row], writer: Writer) -> None:
    writer.add_rows(table, rows)


def walk(reader: Reader, table: Table, after: Row = ()) -> Iterator[list[Row]]:
    while rows := reader.rows_after(table, after, AT_ONCE):
        after = rows[-1][: table.keys]
        yield rows


def compare(reader: Reader, goal: Backend, source: str, report: Callable[[int], None]) -> dict[str, int]:
    """The number of each table's rows.  Raises `CannotCopy` unless they are the same on both sides."""
    counts: dict[str, int] = {}
    different: list[str] = []
    for table in TABLES:
        here, there = digest(reader, table, report), digest(goal.read(), table)
        counts[table.name] = here[0]
        if here != there:
            different.append(table.name)
    if different:
        raise CannotCopy(goal.location, DIFFERS.format(tables=join_names(different), source=source))
    return counts


def digest(reader: Reader, table: Table, report: Callable[[int], None] = lambda _: None) -> tuple[int, str]:
    """How many rows there are, and a hash of all of them in the order of their primary key."""
    number, state = 0, hashlib.sha256()
    for rows in walk(reader, table):
        number += len(rows)
        for row in rows:
            state.update(json.dumps(row).encode() + b"\n")
        report(len(rows))
    return number, state.hexdigest()


def total(reader: Reader) -> int:
    return STEPS * sum(reader.number(table) for table in TABLES)


def ignore(_total: int, _more: int) -> None:
    """Nobody wants to know."""
