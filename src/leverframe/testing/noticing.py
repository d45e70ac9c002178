"""Which moves are taken, however they come about?  Noticed in the compiled table itself, and only while somebody asks.

A machine that nobody watches runs the table that it was made with: `decide` knows nothing of this.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import Any, TypeAlias

from attrs import evolve

from leverframe.typed.table import Candidate, Table

__all__ = ["Taken", "Watch", "unnoticed"]

Taken: TypeAlias = tuple[type, type, Any, type]
"""A leaf, an event, a move, and the leaf that it led into."""

_unnoticed: ContextVar[bool] = ContextVar("unnoticed", default=False)


class Watch:
    """Counts the moves that a machine takes in this process, from `begin` to `end`, in `taken`.

    >>> from leverframe.machines.pipeline import *
    >>> watch = Watch(Pipeline)
    >>> watch.begin()
    >>> _ = Pipeline.start(Backlog()).send(DepsMet())
    >>> watch.end()
    >>> _ = Pipeline.start(Backlog()).send(DepsMet())
    >>> watch.taken[Backlog, DepsMet, Pipeline.deps_met, Coding]
    1
    """

    def __init__(self, machine: Any) -> None:
        self.machine = machine
        self.taken: Counter[Taken] = Counter()
        self._lock = Lock()
        self._table: Table | None = None

    def begin(self) -> None:
        """Put a table in place that notices."""
        if self._table is None:
            table: Table = self.machine._table
            self._table = table
            self.machine._table = evolve(table, rows=self._noticed_rows(table))

    def end(self) -> None:
        """Put the machine's own table back."""
        if self._table is not None:
            self.machine._table, self._table = self._table, None

    def _noticed_rows(self, table: Table) -> Mapping[type, Mapping[type, Candidate]]:
        return {
            leaf: {event: self._noticed(leaf, event, candidate) for event, candidate in row.items()}
            for leaf, row in table.rows.items()
        }

    def _noticed(self, leaf: type, event: type, candidate: Candidate) -> Candidate:
        build, targets, edge = candidate.build, candidate.targets, candidate.edge

        def build_and_notice(machine: Any, state: Any, sent: Any) -> Any:
            after = build(machine, state, sent)
            if type(after) in targets and not _unnoticed.get():
                with self._lock:
                    self.taken[leaf, event, edge, type(after)] += 1
            return after

        following = candidate.otherwise
        otherwise = None if following is None else self._noticed(leaf, event, following)
        return evolve(candidate, build=build_and_notice, otherwise=otherwise)


@contextmanager
def unnoticed() -> Generator[None]:
    """Moves that are taken in the block are nobody's test."""
    token = _unnoticed.set(True)
    try:
        yield
    finally:
        _unnoticed.reset(token)
