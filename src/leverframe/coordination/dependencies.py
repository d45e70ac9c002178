"""Which instance waits for which?  "B waits for A" holds work about B back until A is done.

Dependencies are kept beside the instances.  Whether one is met is written by the move that brings A to its end, and is
read when B is to wait for A, while A is held: so that no end is lost between the two.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence, Set
from typing import Any

from attrs import define, frozen

from leverframe.coordination.gates import Prerequisites, ended_states
from leverframe.errors import DependencyCycle, InvalidQuery, Key, NotFound
from leverframe.persistence.backend import Writer
from leverframe.persistence.binding import Binding
from leverframe.persistence.gating import DependencyRow
from leverframe.persistence.keys import decode_key, encode_key
from leverframe.persistence.lookups import check_declaration
from leverframe.persistence.rows import Snapshot
from leverframe.persistence.store import SnapshotStore
from leverframe.typed.machine import Machine
from leverframe.typed.policy import policy_of

__all__ = ["Dependency", "Depending", "describe"]


@frozen
class Dependency:
    """`key` waits for `on`; `met` if it has to no longer.

    `path` is how the state of `on` is spelled, empty if it is not there; `never` says that it does not meet it as
    things are: it has come to another end, or was deleted.

    >>> print(Dependency("story-2", "story-1", met=False, path="cancelled", never=True))
    'story-1' (cancelled, and so for ever)
    """

    key: Key
    on: Key
    met: bool
    path: str
    never: bool

    def __str__(self) -> str:
        return f"{self.on!r} ({self.path or 'not there'}{', and so for ever' if self.never else ''})"


def describe(row: DependencyRow, ended: Set[str]) -> Dependency:
    """A row as it is shown."""
    met, path = bool(row.met), row.state or ""
    never = not met and (not path or path in ended)
    return Dependency(decode_key(row.dependent), decode_key(row.prerequisite), met, path, never)


class Depending(SnapshotStore):
    """The verbs about dependencies."""

    def add_dependency(self, machine: type[Machine[Any, Any]], key: Key, *, on: Key) -> bool:
        """Let the instance wait for another; False, and nothing is changed, if it does already.

        Raises `DependencyCycle` where the other waits for it in turn, by whatever way; `NotFound`, `InvalidKey`; and
        `InvalidQuery` where the machine declares no `Prerequisites`.

        >>> from leverframe import open_store
        >>> from leverframe.machines.orchestrator.task import *
        >>> def story(number):
        ...     title, issue = NonEmpty(f"Story {number}"), ExternalIssueId(str(number))
        ...     return Created(title=title, branch=BranchName(f"story-{number}"), external_issue_id=issue)
        >>> with open_store("sqlite://") as store:
        ...     _ = store.create(Task, ("shop", "SHOP-001"), story(1))
        ...     _ = store.create(Task, ("shop", "SHOP-002"), story(2))
        ...     store.add_dependency(Task, ("shop", "SHOP-002"), on=("shop", "SHOP-001"))
        True
        """
        binding = self._binding_with_prerequisites(machine)
        return self._backend.commit(AddDependency(binding, prerequisites_of(machine), key, on))

    def remove_dependency(self, machine: type[Machine[Any, Any]], key: Key, *, on: Key) -> bool:
        """Let the instance wait for the other no longer; False if it does not.  Raises `InvalidKey`, `InvalidQuery`.

        >>> from leverframe import open_store
        >>> from leverframe.machines.orchestrator.task import *
        >>> with open_store("sqlite://") as store:
        ...     store.remove_dependency(Task, ("shop", "SHOP-002"), on=("shop", "SHOP-001"))
        False
        """
        name, keys = self._binding_with_prerequisites(machine).name, (encode_key(key), encode_key(on))
        return self._backend.commit(lambda writer: writer.remove_dependency(name, *keys))

    def dependencies(self, machine: type[Machine[Any, Any]], key: Key | None = None) -> list[Dependency]:
        """What the instance waits for, or all that wait for anything; those that are met too.

        Raises `InvalidKey`, `InvalidQuery`.

        >>> from leverframe import open_store
        >>> from leverframe.machines.orchestrator.task import *
        >>> with open_store("sqlite://") as store:
        ...     store.dependencies(Task)
        []
        """
        binding = self._binding_with_prerequisites(machine)
        of = None if key is None else encode_key(key)
        return self._described(binding, self._backend.read().dependencies(binding.name, of))

    def unmet_dependencies(self, machine: type[Machine[Any, Any]], key: Key) -> list[Dependency]:
        """What the instance has to wait for still.  Raises `InvalidKey`, `InvalidQuery`.

        >>> from leverframe import open_store
        >>> from leverframe.machines.orchestrator.task import *
        >>> with open_store("sqlite://") as store:
        ...     [found.on for found in store.unmet_dependencies(Task, ("shop", "SHOP-002"))]
        []
        """
        binding = self._binding_with_prerequisites(machine)
        return self._described(binding, self._backend.read().unmet(binding.name, encode_key(key)))

    def _binding_with_prerequisites(self, machine: Any) -> Binding[Any, Any]:
        binding = self._bindings.keeping_lookups(machine)
        prerequisites_of(machine)
        if not binding.learned:
            binding.learn_spellings(self._backend.read().count(binding.name))
        return binding

    def _described(self, binding: Binding[Any, Any], rows: list[DependencyRow]) -> list[Dependency]:
        ended = {path for path, leaf in binding.classes.items() if leaf in ended_states(binding.machine)}
        return [describe(row, ended) for row in rows]


def prerequisites_of(machine: Any) -> Prerequisites:
    """What the machine declares.  Raises `InvalidQuery` if it does not."""
    policy = policy_of(machine, Prerequisites)
    if policy is not None:
        return policy
    problem = "declares no Prerequisites; write prerequisites = Prerequisites(met=...) in the machine's body"
    raise InvalidQuery(machine.__name__, problem)


@define
class AddDependency:
    """Let one instance wait for another."""

    binding: Binding[Any, Any]
    policy: Prerequisites
    key: Key
    on: Key

    def __call__(self, writer: Writer) -> bool:
        name, dependent, prerequisite = self.binding.name, encode_key(self.key), encode_key(self.on)
        # Two that are added at once could be a cycle together.
        writer.hold_graph(name)
        # Neither comes to its end, or goes, meanwhile.
        writer.hold(name, [dependent, prerequisite])
        check_declaration(writer, self.binding)
        waiting, awaited = self._find(writer, self.key, dependent), self._find(writer, self.on, prerequisite)
        self._check_cycle(writer, dependent, prerequisite)
        met = issubclass(self.binding.class_at(awaited.state), self.policy.met)
        return writer.add_dependency(name, waiting, prerequisite, met=met)

    def _find(self, writer: Writer, key: Key, text: str) -> Snapshot:
        loaded = writer.load(self.binding.name, text)
        if loaded is None:
            raise NotFound(self.binding.name, key)
        return loaded.snapshot

    def _check_cycle(self, writer: Writer, dependent: str, prerequisite: str) -> None:
        ways: dict[str, list[str]] = {}
        for start, end in writer.reached_from(self.binding.name, prerequisite):
            ways.setdefault(start, []).append(end)
        way = find_way(ways, prerequisite, dependent)
        if way:
            raise DependencyCycle(self.binding.name, tuple(decode_key(each) for each in (dependent, *way)))


def find_way(ways: Mapping[str, Sequence[str]], start: str, end: str) -> tuple[str, ...]:
    """A shortest way, both ends included; empty if there is none.

    >>> find_way({"a": ["b", "c"], "c": ["d"]}, "a", "d")
    ('a', 'c', 'd')
    """
    waiting, seen = deque[tuple[str, ...]]([(start,)]), {start}
    while waiting:
        way = waiting.popleft()
        if way[-1] == end:
            return way
        new = [each for each in ways.get(way[-1], ()) if each not in seen]
        seen.update(new)
        waiting += [(*way, each) for each in new]
    return ()
