"""What a journal says of a whole machine, laid over its picture: how often, how long, and what never happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from attrs import field, frozen

from leverframe.diagrams.lengths import short_length, short_share
from leverframe.diagrams.looks import Arrow, ArrowMark, Marks, StateMark, arrows_of
from leverframe.diagrams.picture import Picture, State
from leverframe.diagrams.ways import Ways
from leverframe.persistence.traffic import Passed, Stay, Traffic

__all__ = ["heat_marks"]

MOST_TOLD = 5
"""How many of those ways are told one by one that the picture does not have."""


def heat_marks(picture: Picture, traffic: Traffic, span: str = "") -> Marks:
    """The marks for `traffic`; `span` says of what time it is.

    >>> from leverframe import open_store
    >>> from leverframe.diagrams.picture import picture_of
    >>> from leverframe.machines.pipeline import *
    >>> with open_store("sqlite://") as store:
    ...     _ = store.create(Pipeline, "story-7", Backlog())
    ...     _ = store.send(Pipeline, "story-7", DepsMet())
    ...     marks = heat_marks(picture_of(Pipeline), store.traffic(Pipeline))
    >>> marks.arrows["deps_met:DepsMet:active.backlog:active.coding"].note
    '1 (100%)'
    """
    return Heat(picture, traffic, span).marks()


@frozen
class Heat:
    """The numbers of one picture."""

    picture: Picture
    traffic: Traffic
    span: str
    _taken: Counter[str] = field(init=False, factory=Counter[str])
    _entered: Counter[str] = field(init=False, factory=Counter[str])
    _by_hand: list[Passed] = field(init=False, factory=list[Passed])
    _unknown: list[Passed] = field(init=False, factory=list[Passed])
    _either: list[tuple[Passed, tuple[Arrow, ...]]] = field(init=False, factory=list[tuple[Passed, tuple[Arrow, ...]]])

    def __attrs_post_init__(self) -> None:
        ways = Ways(self.picture)
        known = {state.path for state in self.picture.states}
        for passed in self.traffic.moves:
            self._count(passed, ways, known)

    def _count(self, passed: Passed, ways: Ways, known: set[str]) -> None:
        if passed.to_path != passed.from_path:
            self._entered[passed.to_path] += passed.number
        if not passed.event:
            told = self._by_hand if passed.from_path else []
            (told if passed.to_path in known else self._unknown).append(passed)
            return
        taken = ways.taken(passed.from_path, passed.event, passed.to_path)
        if not taken:
            self._unknown.append(passed)
            return
        self._taken[taken[0].name] += passed.number
        if len(taken) > 1:
            self._either.append((passed, taken))

    # ------------------------------------------------------------ marks

    def marks(self) -> Marks:
        """All of them, and what explains them."""
        return Marks(
            states={state.path: self._of_state(state) for state in self.picture.states},
            arrows={arrow.name: self._of_arrow(arrow) for arrow in arrows_of(self.picture)},
            legend=tuple(self._legend()),
        )

    def _of_arrow(self, arrow: Arrow) -> ArrowMark:
        number = self._taken[arrow.name]
        if not number:
            return ArrowMark("never", "never")
        note = f"{number:,} ({short_share(number, self._taken.total())})"
        return ArrowMark("hot", note, number / max(self._taken.values()))

    def _of_state(self, state: State) -> StateMark:
        inside = [leaf.path for leaf in self.picture.inside(state.path)]
        present = sum(self.traffic.present.get(path, 0) for path in inside)
        stay = self.traffic.stays.get(state.path)
        notes = (*([f"{present:,} now"] if present else []), *([said_of(stay)] if stay else []))
        if not present and not any(self._entered[path] for path in inside) and stay is None:
            return StateMark("never")
        if not state.is_leaf:
            return StateMark("plain", notes)
        return StateMark("hot", notes, self._entered[state.path] / max(self._entered.values(), default=1))

    # ------------------------------------------------------------ legend

    def _legend(self) -> Iterator[str]:
        lines = f"{self.traffic.lines:,} {'line' if self.traffic.lines == 1 else 'lines'} of the journal"
        yield f"{self.picture.machine}: {lines}{f', {self.span}' if self.span else ''}"
        yield "hot: how many times, and the share of all moves. The more, the stronger"
        if any(not self._taken[arrow.name] for arrow in arrows_of(self.picture)):
            yield "never: never, by the journal"
        if self.traffic.stays:
            yield "median, p95: time from entering a state to leaving it, to three digits"
        yield from self._unclear()
        yield from told("by hand", self._by_hand)
        yield from told("not in the picture, of older code", self._unknown)

    def _unclear(self) -> Iterator[str]:
        for passed, arrows in self._either:
            names = " or ".join(dict.fromkeys(arrow.move.name for arrow in arrows))
            first = arrows[0].move.name
            yield f"{way_of(passed)}: may be {names}; counted as {first}"


def said_of(stay: Stay) -> str:
    return f"median {short_length(stay.median)}, p95 {short_length(stay.p95)}"


def told(what: str, ways: list[Passed]) -> Iterator[str]:
    """Those ways, the most frequent first, and how many there are behind them."""
    for passed in ways[:MOST_TOLD]:
        yield f"{what}: {way_of(passed)}"
    rest = sum(passed.number for passed in ways[MOST_TOLD:])
    if rest:
        yield f"{what}: {rest:,} more, of {len(ways) - MOST_TOLD} kinds"


def way_of(passed: Passed) -> str:
    by = f" by {passed.event}" if passed.event else ""
    return f"{passed.number:,} × {passed.from_path or 'created'} to {passed.to_path}{by}"
