"""Every path of a machine in a store, killed at every statement of every commit, and then gone to its end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from attrs import frozen

from leverframe.coordination.opening import open_store
from leverframe.errors import AlreadyExists, InvalidQuery, TransitionNotAllowed
from leverframe.testing.killing import Killed, Killer, watched
from leverframe.testing.noticing import unnoticed
from leverframe.testing.path import Path, Step
from leverframe.testing.path_search import Paths, as_paths
from leverframe.testing.walking import Line, Walk

if TYPE_CHECKING:
    from leverframe.coordination.store import Store

__all__ = ["Crashes", "crash_paths"]


@frozen
class Crashes:
    """What `crash_paths` has tried: how many paths, how many different moves on them, and how many crashes.

    >>> print(Crashes(paths=24, moves=20, crashes=1314))
    24 paths, 20 moves, 1,314 crashes
    """

    paths: int
    moves: int
    crashes: int

    def __str__(self) -> str:
        return f"{self.paths:,} paths, {self.moves:,} moves, {self.crashes:,} crashes"


def crash_paths(machine: Any, store: Store, **options: Any) -> Crashes:
    """Go every path of a machine in a store; at each statement of each commit the writer is killed, and goes on.

    After each crash the store has to hold what was before the move, or what is behind it: snapshot, journal without a
    gap, count of the state, messages.  Then the event is sent again, as whoever got no answer does, and the path is
    gone to its end.  A file is looked at through a second opening, too.

    Each crash has a tenant of its own, which stays there: give a store of the tests' own.  It must not be scoped, and
    on PostgreSQL its user has to see what it wrote alone.  `machine` is a machine, or what `paths` has found;
    `options` are those of `paths`.

    Raises `PathFailed`, which names the path; `InvalidQuery` for a scoped store.

    >>> from leverframe import open_store
    >>> from leverframe.machines.execution import Execution
    >>> from leverframe.testing import crash_paths
    >>> with open_store("sqlite://") as store:
    ...     print(crash_paths(Execution, store))
    24 paths, 20 moves, 178 crashes
    """
    if store.tenant:
        raise InvalidQuery("", "this store is scoped, and each crash needs a tenant of its own; give the whole store")
    found: Paths[Any] = as_paths(machine, options)
    moves = list(different_moves(found))
    with watched(store) as killer:
        crashes = sum(Crashing(store, killer, path, number).run() for path, number in moves)
    return Crashes(len(found), len(moves), crashes)


def different_moves(found: Iterable[Path[Any]]) -> Iterator[tuple[Path[Any], int]]:
    """Each move of a path, by its number, the creation's being 0; those that a longer path repeats only there."""
    seen: set[str] = set()
    for path in sorted(found, key=lambda each: -len(each.steps)):
        for number in range(len(path.steps) + 1):
            before = repr((path.begin, [(step.event, step.at) for step in path.steps[:number]]))
            if before not in seen:
                seen.add(before)
                yield path, number


class Crashing:
    """One move of one path, killed at each moment of it; number 0 is the creation."""

    def __init__(self, store: Store, killer: Killer, path: Path[Any], number: int) -> None:
        self.store = store
        self.killer = killer
        self.path = path
        self.number = number
        self.step: Step[Any] | None = path.steps[number - 1] if number else None

    def run(self) -> int:
        """How many moments it has."""
        moments = 0
        while self._is_killed_at(moments):
            moments += 1
        return moments

    def _is_killed_at(self, moment: int) -> bool:
        """Go the whole path with one crash on it; False where the move is over before that comes."""
        where = f"{self.path.name}, killed at moment {moment} of step {self.number}"
        walk = Walk(self.store.scoped(f"crash-{uuid4()}"), self.path.goal.machine, self.path.name, where)
        if self.number:
            walk.create(self.path.begin, self.path.at)
            for step in self.path.steps[: self.number - 1]:
                walk.send(step.event, step.at)
        send, line = self._sending(walk), self._line(walk)
        is_killed = self._kill(moment, send)
        is_kept = walk.versions() == len(walk.lines) + 1
        if not is_killed and is_kept is (line is None):
            walk.fail("it was answered otherwise than it is kept")
        walk.lines += [line] if is_kept and line is not None else []
        self._look(walk)
        if is_killed:
            self._send_again(walk, send, line, is_kept)
        for step in self.path.steps[self.number :]:
            walk.send(step.event, step.at)
        walk.check_alone()
        return is_killed

    # ------------------------------------------------------------ the move

    def _sending(self, walk: Walk) -> partial[Any]:
        step = self.step
        if step is None:
            return partial(walk.store.create, walk.machine, walk.key, self.path.begin, at=self.path.at)
        return partial(walk.sender(step.event, step.at), step.event, step.at, "crashed")

    def _line(self, walk: Walk) -> Line | None:
        """What it is to leave; None where it is refused."""
        with unnoticed():
            step = self.step
            return walk.begun(self.path.begin, self.path.at) if step is None else walk.decided(step.event, step.at)

    def _kill(self, moment: int, send: Callable[[], object]) -> bool:
        self.killer.kill_after(moment)
        try:
            send()
        except Killed:
            return True
        except TransitionNotAllowed:
            # What else should be refused would be missing afterwards.
            return False
        finally:
            self.killer.spare()
        return False

    def _look(self, walk: Walk) -> None:
        walk.check_alone()
        path = getattr(self.store._backend.session.where, "path", None)  # type: ignore[attr-defined]  # pyright: ignore  # each backend has one
        if path is not None:
            with open_store(self.store.location) as other:
                walk.check_alone(other.scoped(walk.store.tenant))

    def _send_again(self, walk: Walk, send: partial[Any], line: Line | None, is_kept: bool) -> None:
        """As who got no answer does: nothing is made twice, and what was not made is made now."""
        if is_kept and send.func == walk.move_without_lease:
            # That has no delivery id by which it would be known again.
            return
        try:
            receipt: Any = send()
        except (AlreadyExists, TransitionNotAllowed) as refusal:
            if line is not None and not (is_kept and self.step is None):
                walk.fail(f"sent once more it is refused: {refusal}")
            return
        if is_kept and not receipt.duplicate:
            walk.fail("sent once more it is done a second time")
        walk.lines += [line] if line is not None and not is_kept else []
