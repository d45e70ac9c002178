"""What a store does for those who keep it small and well: `prune`, `delete`, `compact` and `examine`."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any

from attrs import define

from leverframe.errors import InvalidQuery, Key, StoreError, StoreFailure
from leverframe.persistence.arguments import moment_before
from leverframe.persistence.backend import Backend
from leverframe.persistence.bindings import Bindings
from leverframe.persistence.deletion import delete_one
from leverframe.persistence.examining import examine
from leverframe.persistence.exporting import Export
from leverframe.persistence.instants import to_microseconds
from leverframe.persistence.reports import Examination, Pruned
from leverframe.persistence.retention import Limits, Pruning, final_places
from leverframe.typed.machine import Machine

__all__ = ["Housekeeping", "Wiping"]


@define
class Wiping:
    """Whether something was deleted that the disk is yet to forget, by the store of any tenant."""

    due: bool = False


class Housekeeping(ABC):
    """The verbs of a store that look after it."""

    _backend: Backend
    _bindings: Bindings
    _wiping: Wiping

    @abstractmethod
    def _now(self) -> datetime: ...

    def prune(
        self,
        *,
        journal: timedelta | None = None,
        messages: timedelta | None = None,
        deliveries: timedelta | None = None,
        finished: timedelta | None = None,
        machines: Sequence[type[Machine[Any, Any]]] = (),
        export: str | os.PathLike[str] | None = None,
        dry_run: bool = False,
    ) -> Pruned:
        """Delete what was recorded longer ago than this, by the store's clock, of all tenants; how much that was.

        `journal`: lines of the journal, but for the last one of each instance.  `messages`: those that every cursor
        has passed, and every consumer is done with.  `deliveries`: delivery ids; one that comes again is then sent as
        if for the first time.
        `finished`: instances of `machines` that are in a state which takes no event, with all that belongs to them,
        unless a cursor or consumer still needs one of their messages.  None leaves that kind alone.

        Rows go in batches, each a transaction.  With `export`, a file, each batch is appended to that as JSON lines,
        and is on the disk, before it is deleted.  `dry_run` only counts.

        Raises `InvalidQuery`, `InvalidTime`; `OSError` if the file cannot be written: then that batch and all that
        would have followed is still there.

        >>> from datetime import timedelta
        >>> from leverframe import open_store
        >>> from leverframe.machines.pipeline import *
        >>> with open_store("sqlite://") as store:
        ...     _ = store.create(Pipeline, "story-7", Backlog())
        ...     _ = store.send(Pipeline, "story-7", DepsMet(), delivery_id="webhook-981")
        ...     store.prune(journal=timedelta(0), deliveries=timedelta(days=30))
        Pruned(journal=1, messages=0, deliveries=0, instances=0)
        """
        self._check_whole("prune")
        check_machines(finished, machines)
        now = self._now()
        spans = {"journal": journal, "messages": messages, "deliveries": deliveries, "finished": finished}
        given = {name: to_microseconds(moment_before(now, span)) for name, span in spans.items() if span is not None}
        if not given:
            raise InvalidQuery("", "prune() is told no age; give journal=, messages=, deliveries= or finished=")
        bindings = [self._bindings.of(machine) for machine in machines]
        backend = self._backend.whole()
        finals = [place for binding in bindings for place in final_places(binding, backend.read())]
        with ExitStack() as resources:
            file = None if export is None or dry_run else resources.enter_context(Export(export))
            return Pruning(backend, Limits(to_microseconds(now), **given), finals, file, dry_run).run()

    def delete(self, machine: type[Machine[Any, Any]], key: Key) -> None:
        """Delete one instance and all that belongs to it: journal, look-ups, delivery ids, messages, its count.

        It is one transaction; whoever asks for the instance afterwards, or moves it at the same time, gets `NotFound`.
        What stood in the rows is overwritten on the disk too; to be certain that no piece is left in what was
        rearranged before, `compact` afterwards.  Raises `NotFound`, `InvalidKey`.

        >>> from leverframe import open_store
        >>> from leverframe.machines.pipeline import *
        >>> with open_store("sqlite://") as store:
        ...     _ = store.create(Pipeline, "story-7", Backlog())
        ...     store.delete(Pipeline, "story-7")
        ...     store.find(Pipeline)
        []
        """
        delete_one(self._backend, self._bindings.of(machine).name, key)
        self._wiping.due = True
        self._wipe()

    def compact(self) -> None:
        """Write the whole database anew: it takes no more room than its rows need, and nothing else is in its files.

        Nobody writes meanwhile, on PostgreSQL nobody reads either, and as much room as the database has is needed once
        more.  It cannot be part of a transaction: raises `StoreFailure` there.

        >>> from leverframe import open_store
        >>> with open_store("sqlite://") as store:
        ...     store.compact()
        """
        self._check_whole("compact")
        if self._backend.is_joined():
            raise StoreFailure(self._backend.location, "a database cannot be compacted inside of a transaction")
        self._backend.compact()

    def examine(self, machines: Sequence[type[Machine[Any, Any]]] = ()) -> Examination:
        """Look whether all is well: sizes, counts against rows, readers left behind, transactions kept open.

        Every stored row of `machines` is decoded by today's code, in batches; none is without them.

        >>> from leverframe import open_store
        >>> from leverframe.machines.pipeline import *
        >>> with open_store("sqlite://") as store:
        ...     _ = store.create(Pipeline, "story-7", Backlog())
        ...     seen = store.examine([Pipeline])
        >>> seen.rows["snapshot"], seen.findings
        (1, ())
        """
        self._check_whole("examine")
        return examine(self._backend.whole(), [self._bindings.of(machine) for machine in machines])

    def _check_whole(self, verb: str) -> None:
        if self._backend.tenant:
            problem = f"{verb}() is for the database with all tenants; call it on the store that scoped() was called on"
            raise InvalidQuery("", problem)

    def _wipe(self) -> None:
        """Have the disk forget what was deleted, which cannot be done inside of a transaction."""
        if self._wiping.due and not self._backend.is_joined():
            try:
                self._backend.wipe()
            except StoreError:
                return  # It is deleted all the same; the next deletion makes up for this.
            self._wiping.due = False


def check_machines(finished: timedelta | None, machines: Sequence[object]) -> None:
    if finished is not None and not machines:
        raise InvalidQuery("", "finished= says how old, but not of which machines; give machines=(Pipeline, ...)")
    if finished is None and machines:
        raise InvalidQuery("", "machines= are given without finished=; say how old their instances must be")
