"""Each path as a test of its own, under a name that one can read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from leverframe.testing.path_search import Paths, as_paths

__all__ = ["all_paths"]

F = TypeVar("F", bound=Callable[..., Any])


def all_paths(machine: Any, *, argument: str = "path", **options: Any) -> Callable[[F], F]:
    """Run a test once for each path: to the beginning, to each move, and to each guard that says no.

    The test gets the `Path` as its argument `path`, or what `argument` names, beside its fixtures.  `machine` is a
    machine, or what `paths` has found; `options` are those of `paths`.  A state or a move that no path was found to is
    a test too, and fails with the reason.

    >>> from leverframe.machines.pipeline import *
    >>> from leverframe.testing import Path, all_paths
    >>> @all_paths(Pipeline)
    ... def test_the_time_is_kept(path: Path[PipelineState]) -> None:
    ...     state = path.run()
    ...     assert not isinstance(state, Archived) or state.archived_at == path.steps[-1].at
    """
    found: Paths[Any] = as_paths(machine, options)
    moving: list[Any] = [path for path in found if path.goal.kind != "state" or not path.steps]
    missing = [each for each in found.unreached if each.goal.kind != "guard"]
    tested: list[Any] = [*moving, *missing]
    return pytest.mark.parametrize(argument, tested, ids=[each.name for each in tested])
