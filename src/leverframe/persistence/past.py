"""What was an instance before?  The verbs of a store that read its journal."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from contextlib import suppress
from datetime import datetime
from typing import Any, cast

from attrs import evolve
from typing_extensions import TypeVar

from leverframe.errors import Key, NotFound, UnknownState
from leverframe.persistence.arguments import check_integer
from leverframe.persistence.backend import Backend
from leverframe.persistence.binding import Binding
from leverframe.persistence.bindings import Bindings
from leverframe.persistence.instants import to_microseconds
from leverframe.persistence.records import Entry
from leverframe.persistence.rows import Snapshot
from leverframe.persistence.traffic import Traffic, count_lines
from leverframe.persistence.walking import walk
from leverframe.typed.machine import Machine
from leverframe.typed.payload import Event, Payload

__all__ = ["Remembering"]

S = TypeVar("S", bound=Payload)
E = TypeVar("E", bound=Event)


class Remembering(ABC):
    """The verbs of a store that are about the past of one instance."""

    _backend: Backend
    _bindings: Bindings

    @abstractmethod
    def _load(self, binding: Binding[Any, Any], key: Key) -> Snapshot: ...

    def history(self, machine: type[Machine[S, E]], key: Key, *, limit: int | None = None) -> list[Entry[S, E]]:
        """The journal of one instance, oldest first, its creation included; at most its last `limit` lines.

        Raises `NotFound`, `InvalidQuery`.

        >>> from leverframe import open_store
        >>> from leverframe.machines.pipeline import *
        >>> with open_store("sqlite://") as store:
        ...     _ = store.create(Pipeline, "story-7", Backlog())
        ...     _ = store.send(Pipeline, "story-7", Block("waiting"))
        ...     [entry.event for entry in store.history(Pipeline, "story-7")]
        [None, Block(reason='waiting')]
        """
        binding = self._bindings.of(machine)
        if limit is not None:
            check_integer("limit", limit, at_least=1)
        row = self._load(binding, key)
        reader = self._backend.read()
        lines = reader.journal(row.instance, 1 if limit is None else max(1, row.version - limit + 1))
        if not lines:  # deleted since
            raise NotFound(binding.name, key)
        if lines[0].from_state is not None:  # what was left stood in the line before it
            binding.learn_spellings(reader.count(binding.name))
        entries = binding.entries(row.key, lines)
        return entries if limit is None else entries[-limit:]

    def at(
        self, machine: type[Machine[S, E]], key: Key, *, version: int | None = None, at: datetime | None = None
    ) -> S:
        """The typed state that an instance had at a version, or at a time.

        At a time, it is the state behind the last move, in order of arrival, whose time is not after `at`.  Raises
        `NotFound`, also where it did not exist then; `InvalidQuery` unless exactly one of the two is given.

        >>> from leverframe import open_store
        >>> from leverframe.machines.pipeline import *
        >>> with open_store("sqlite://") as store:
        ...     _ = store.create(Pipeline, "story-7", Backlog())
        ...     _ = store.send(Pipeline, "story-7", DepsMet())
        ...     store.at(Pipeline, "story-7", version=1)
        Backlog()
        """
        binding = self._bindings.of(machine)
        if (version is None) == (at is None):
            binding.refuse_query("give at() either version= or at=")
        row = self._load(binding, key)
        reader = self._backend.read()
        if version is not None:
            check_integer("version", version)
            line = next(iter(reader.journal(row.instance, version, version)), None)
        else:
            line = reader.journal_at(row.instance, to_microseconds(cast("datetime", at)))
        if line is None:
            raise NotFound(binding.name, key, f"version {version}" if version is not None else f"{at}")
        return cast("S", binding.journal_state(row.key, line))

    def traffic(self, machine: type[Machine[S, E]], *, since: datetime | None = None) -> Traffic:
        """How often each move was made, and how long instances stayed in each state, by the journal.

        With `since` those moves count whose time is not before it, and the stays that they ended.  The whole journal is
        read all the same, some hundred thousand lines a second, page by page: nobody waits for it.  Raises
        `InvalidTime`.

        >>> from leverframe import open_store
        >>> from leverframe.machines.pipeline import *
        >>> with open_store("sqlite://") as store:
        ...     _ = store.create(Pipeline, "story-7", Backlog())
        ...     _ = store.send(Pipeline, "story-7", DepsMet())
        ...     traffic = store.traffic(Pipeline)
        >>> traffic.moves[1]
        Passed(from_path='active.backlog', event='DepsMet', to_path='active.coding', number=1)
        """
        binding = self._bindings.of(machine)
        reader = self._backend.read()
        counts = reader.count(binding.name)
        with suppress(UnknownState):  # of paths that cannot be told apart, the journal's own words are counted
            binding.learn_spellings(counts)
        begin = None if since is None else to_microseconds(since)
        present: Counter[str] = Counter()
        for count in counts:
            present[binding.path_today(count.state)] += count.number
        counted = count_lines(walk(reader, binding.name), begin, binding.path_today, binding.event_today)
        return evolve(counted, present=+present)
