"""How often was each move made, and how long did instances stay in each state?  Counted from the journal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from functools import cache
from itertools import accumulate

from attrs import define, field, frozen

from leverframe.persistence.walking import Line

__all__ = ["Passed", "Stay", "Stays", "Traffic", "count_lines"]

MICROSECOND = timedelta(microseconds=1)

DIGITS = 3
"""How many digits of a length of time are kept: then there are a few thousand lengths, however long the journal is."""

TYPE = ',"type":"'
"""What stands before an event's type, behind its body, in the text that codecs write."""


@frozen
class Passed:
    """How often instances went from one state to another by an event, or stayed by it: `event` is its class's name.

    `event` is empty for those that were created (`from_path` is empty then) or put there by hand.

    >>> Passed("active.qa", "GatesFailed", "active.coding", 3).number
    3
    """

    from_path: str
    event: str
    to_path: str
    number: int


@frozen
class Stay:
    """How long instances were in a state before they left it: `number` of stays, and lengths to three digits.

    Half of the stays were no longer than `median`, and 95 of a hundred no longer than `p95`.

    >>> from datetime import timedelta
    >>> Stay(2, timedelta(hours=1), timedelta(hours=4)).median
    datetime.timedelta(seconds=3600)
    """

    number: int
    median: timedelta
    p95: timedelta


@frozen
class Traffic:
    """What went on in a machine, by its journal.

    Attributes: `moves`, by number, the most first; `stays`, by the path of each state or superstate that was left;
    `lines`, how many lines of the journal that is; `present`, how many instances are in each state now.  Paths and
    events are those of today, as far as upcasters tell what became of older ones.

    >>> Traffic((Passed("", "", "active.backlog", 1),), {}, 1).lines
    1
    """

    moves: tuple[Passed, ...]
    stays: Mapping[str, Stay]
    lines: int
    present: Mapping[str, int] = field(factory=dict[str, int])


@define
class Stays:
    """Lengths of stays in one state, each to so many digits."""

    lengths: Counter[int] = field(factory=Counter[int])

    def add(self, length: int) -> None:
        """Count a length, in microseconds; clocks that went backwards make it none."""
        self.lengths[shortened(length)] += 1

    def summed(self) -> Stay:
        """What can be said of all of them, of which there is one at least."""
        lengths = sorted(self.lengths)
        reached = list(accumulate(self.lengths[each] for each in lengths))

        def within(percent: int) -> timedelta:
            wanted = reached[-1] * percent
            return (
                next(each for each, number in zip(lengths, reached, strict=True) if number * 100 >= wanted)
                * MICROSECOND
            )

        return Stay(reached[-1], within(50), within(95))


def shortened(length: int) -> int:
    """A length to three digits.

    >>> [shortened(each) for each in (-5, 999, 123_456, 99_960)]
    [0, 999, 123000, 100000]
    """
    if length < 1000:
        return max(length, 0)
    unit: int = 10 ** (len(str(length)) - DIGITS)
    return (length + unit // 2) // unit * unit


# ---------------------------------------------------------------- counting


def count_lines(
    lines: Iterable[Line], since: int | None, state: Callable[[str], str], event: Callable[[str], str]
) -> Traffic:
    """What lines of a journal say, one instance's behind the other's; of those `since` a time, if one is given.

    `state` and `event` give today's path and class for an older one.
    """
    moves: Counter[tuple[str | None, str, str]] = Counter()
    stays: dict[str, Stays] = {}
    entered: dict[str, int] = {}
    steps = cache(step)
    today = cache(state)
    instance = None
    for number, _, left, text, reached, at in lines:
        source, target = left and today(left), today(reached)
        if number != instance:
            # The beginning of a state that a line was pruned of is not known.
            instance, entered = number, {}
        gone, come = steps(source, target)
        counted = since is None or at >= since
        for path in gone:
            began = entered.pop(path, None)
            if began is not None and counted:
                stays.setdefault(path, Stays()).add(at - began)
        for path in come:
            entered[path] = at
        if counted:
            moves[source, tag_of(text), target] += 1
    return Traffic(passed(moves, event), {path: found.summed() for path, found in sorted(stays.items())}, moves.total())


def passed(moves: Mapping[tuple[str | None, str, str], int], event: Callable[[str], str]) -> tuple[Passed, ...]:
    named: Counter[tuple[str, str, str]] = Counter()
    for (source, tag, target), number in moves.items():
        named[source or "", tag and event(tag), target] += number
    return tuple(Passed(*way, number) for way, number in sorted(named.items(), key=lambda item: (-item[1], item[0])))


def step(source: str | None, target: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Which states are left, and which entered: none where a state stays the same.

    >>> step("active.qa", "active.merge"), step("active.qa", "done"), step(None, "active.qa")
    ((('active.qa',), ('active.merge',)), (('active', 'active.qa'), ('done',)), ((), ('active', 'active.qa')))
    """
    before, after = chain(source), chain(target)
    return tuple(each for each in before if each not in after), tuple(each for each in after if each not in before)


def chain(path: str | None) -> tuple[str, ...]:
    """The state and its superstates, from the outside in."""
    return tuple(accumulate(path.split("."), "{}.{}".format)) if path else ()


def tag_of(text: str | None) -> str:
    """The type that the text of an event ends with; empty for no event, and a question mark for no such text.

    >>> tag_of('{"body":{"type":"x"},"type":"Block","v":2}'), tag_of(None), tag_of("{}")
    ('Block', '', '?')
    """
    if text is None:
        return ""
    _, found, rest = text.rpartition(TYPE)
    name, quote, _ = rest.partition('"')
    return name if found and quote else "?"
