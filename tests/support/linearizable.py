"""Could these overlapping operations have happened one after another, each at one moment between its call and return?

The search of Wing and Gong, with Lowe's memory of where it has been: it tries each operation that may come next, and
never goes on twice from the same operations done and the same state.  It knows nothing of what the operations mean.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Generic, Protocol

from attrs import evolve, frozen
from typing_extensions import TypeVar

__all__ = ["Timed", "is_linearizable"]


class Timed(Protocol):
    """An operation; `returned` is None where it is not known whether and when it happened."""

    @property
    def called(self) -> int: ...

    @property
    def returned(self) -> int | None: ...


O = TypeVar("O", bound=Timed)  # noqa: E741  # an operation
S = TypeVar("S", bound=Hashable)

NEVER = 1 << 63


@frozen
class _Place(Generic[S]):
    """All answered operations before `first` are done, and those at the bits of `beyond` behind it.

    `unanswered` has the bits of those that were taken to have happened, though nobody knows.
    """

    first: int
    beyond: int
    unanswered: int
    state: S


def is_linearizable(operations: Iterable[O], start: S, step: Callable[[S, O], S | None]) -> bool:
    """Whether an order explains every answer; `step` gives the state behind an operation, None if it cannot be."""
    return _Search(list(operations), step).succeeds(_Place(0, 0, 0, start))


class _Search(Generic[S, O]):
    def __init__(self, operations: Sequence[O], step: Callable[[S, O], S | None]) -> None:
        self._answered = sorted((o for o in operations if o.returned is not None), key=lambda o: o.called)
        self._unanswered = [o for o in operations if o.returned is None]
        self._step = step

    def succeeds(self, start: _Place[S]) -> bool:
        seen = {start}
        ahead = [start]
        while ahead:
            place = ahead.pop()
            if place.first == len(self._answered):
                return True
            for after in self._places_after(place):
                if after not in seen:
                    seen.add(after)
                    ahead.append(after)
        return False

    def _places_after(self, place: _Place[S]) -> Iterator[_Place[S]]:
        """Those to be tried last come first."""
        candidates, deadline = self._candidates(place)
        for number, operation in enumerate(self._unanswered):
            if operation.called <= deadline and not place.unanswered >> number & 1:
                state = self._step(place.state, operation)
                if state is not None:
                    yield evolve(place, unanswered=place.unanswered | 1 << number, state=state)
        for index in reversed(candidates):
            state = self._step(place.state, self._answered[index])
            if state is not None:
                yield _done(place, index, state)

    def _candidates(self, place: _Place[S]) -> tuple[list[int], int]:
        """What may come next: nothing else that is still to be done returned before it was called."""
        candidates: list[int] = []
        deadline = NEVER
        for index in range(place.first, len(self._answered)):
            operation = self._answered[index]
            if operation.called > deadline:
                break
            if not place.beyond >> (index - place.first) & 1:
                candidates.append(index)
                deadline = min(deadline, operation.returned or 0)
        return candidates, deadline


def _done(place: _Place[S], index: int, state: S) -> _Place[S]:
    first, beyond = place.first, place.beyond | 1 << (index - place.first)
    while beyond & 1:
        first, beyond = first + 1, beyond >> 1
    return _Place(first, beyond, place.unanswered, state)
