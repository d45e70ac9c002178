"""What happens, a line for each move, as the journal tells it."""

from __future__ import annotations

from typing import Any

from leverframe import Entry, Machine, Store
from leverframe.machines.orchestrator.agent_job import AgentJob, Faulted, Reaped, Throttled
from leverframe.machines.pipeline import Pipeline

from . import story_merge
from .story_merge import StoryMerge

__all__ = ["Progress"]

SHOWN: tuple[type[Machine[Any, Any]], ...] = (Pipeline, AgentJob, StoryMerge)


class Progress:
    """Prints each move of a story, and what went wrong with a job, once; those of earlier runs are not shown."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen: dict[Any, int] = {
            (machine, each.key): each.version for machine in SHOWN for each in store.find(machine)
        }

    def show(self) -> None:
        for story, entry in self._new(Pipeline):
            print(f"{entry.at:%H:%M:%S} {story}: {entry.to_path}", flush=True)
        for key, entry in self._new(AgentJob):
            if isinstance(entry.event, Faulted | Reaped | Throttled):
                print(f"{entry.at:%H:%M:%S} {key[0]}: {key[1]} {entry.to_path}: {entry.state.error}", flush=True)
        for story, entry in self._new(StoryMerge):
            if isinstance(entry.event, story_merge.Interrupted | story_merge.Faulted):
                print(f"{entry.at:%H:%M:%S} {story}: merge {entry.to_path}: {entry.event}", flush=True)

    def _new(self, machine: type[Machine[Any, Any]]) -> list[tuple[Any, Entry[Any, Any]]]:
        found: list[tuple[Any, Entry[Any, Any]]] = []
        for stored in reversed(self._store.find(machine)):
            seen = self._seen.get((machine, stored.key), 0)
            if stored.version > seen:
                entries = self._store.history(machine, stored.key)[seen:]
                self._seen[machine, stored.key] = seen + len(entries)
                found += [(stored.key, entry) for entry in entries]
        return found
