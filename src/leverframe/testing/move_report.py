"""Which moves of a machine were taken, how often, and which never: as a table, as JSON, and as marks on a picture."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attrs import asdict, evolve, frozen

from leverframe.diagrams.looks import Arrow, ArrowMark, Marks, arrows_of
from leverframe.diagrams.picture import picture_of
from leverframe.testing.noticing import Taken, Watch

__all__ = ["MoveCount", "MoveReport", "marks_of", "report_of", "stays_or_goes"]

WIDTH = 80


@frozen
class MoveCount:
    """One arrow of a machine's picture, and how many times it was taken.

    `source` and `target` are paths, `place` is where the move is written.  `varies` says that the move's sources are
    its targets too: by its signature it may go from each to each.
    """

    arrow: str
    move: str
    event: str
    source: str
    target: str
    place: str
    times: int = 0
    varies: bool = False

    def __str__(self) -> str:
        return f"{self.move} ({self.event}): {self.source} -> {self.target}"


@frozen
class MoveReport:
    """How often each move of a machine was taken: `moves` has the arrows of its picture, as declared.

    A superstate's move is one arrow, whichever of its leaves it was taken from; a move with several sources, events or
    targets is several.  Those that no leaf could ever take are left out.  So are, of a move that says
    `-> Open | Closed` because it leaves each as it is, the ways between them, once it was taken from each and to each.

    >>> from leverframe.machines.pipeline import *
    >>> from leverframe.testing.noticing import Watch
    >>> watch = Watch(Pipeline)
    >>> watch.begin()
    >>> _ = Pipeline.start(Backlog()).send(DepsMet())
    >>> watch.end()
    >>> report = report_of(watch)
    >>> print(report.taken, len(report.moves), report.percent)
    1 15 6
    """

    machine: str
    all_moves: tuple[MoveCount, ...]

    @property
    def moves(self) -> tuple[MoveCount, ...]:
        """Those that count."""
        left = {(move.move, move.event, move.source) for move in self.all_moves if move.times}
        entered = {(move.move, move.event, move.target) for move in self.all_moves if move.times}
        return tuple(
            move
            for move in self.all_moves
            if move.times
            or not move.varies
            or (move.move, move.event, move.source) not in left
            or (move.move, move.event, move.target) not in entered
        )

    @property
    def taken(self) -> int:
        """How many of the moves were taken at all."""
        return sum(move.times > 0 for move in self.moves)

    @property
    def never(self) -> tuple[MoveCount, ...]:
        """The moves that were not."""
        return tuple(move for move in self.moves if not move.times)

    @property
    def percent(self) -> int:
        """How many in a hundred, rounded down: 100 is all of them."""
        return 100 * self.taken // len(self.moves) if self.moves else 100

    def __add__(self, other: MoveReport) -> MoveReport:
        """Both together, of the same machine."""
        times = {move.arrow: move.times for move in other.all_moves}
        both = (evolve(move, times=move.times + times.get(move.arrow, 0)) for move in self.all_moves)
        return evolve(self, all_moves=tuple(both))

    def lines(self, *, all_of_them: bool = False) -> Iterator[str]:
        """The moves that were never taken, or all of them, of at most 80 columns where names allow it."""
        shown = self.moves if all_of_them else self.never
        for move in shown:
            times = f"{move.times:,}" if move.times else "never"
            yield from folded(f"{times:>7}  {move}", move.place)

    def __str__(self) -> str:
        head = f"{self.machine}: {self.taken} of {len(self.moves)} moves taken, {self.percent} %"
        return "\n".join([head, *self.lines(all_of_them=True)])

    def to_json(self) -> dict[str, Any]:
        """It as JSON has it."""
        return {"machine": self.machine, "moves": [asdict(move) for move in self.all_moves]}

    @staticmethod
    def of_json(told: dict[str, Any]) -> MoveReport:
        """What `to_json` gave."""
        return MoveReport(told["machine"], tuple(MoveCount(**move) for move in told["moves"]))

    @staticmethod
    def read(path: str | Path) -> list[MoveReport]:
        """The reports of a file that `pytest --moves-json` has written, one for each machine."""
        return [MoveReport.of_json(told) for told in json.loads(Path(path).read_text(encoding="utf-8"))]


def folded(what: str, place: str) -> Iterator[str]:
    """On one line where that fits, or else on two."""
    if len(what) + 2 + len(place) <= WIDTH:
        yield f"{what}{place:>{WIDTH - len(what)}}" if place else what
    else:
        yield what
        yield f"{place:>{max(WIDTH, len(place))}}"


# ---------------------------------------------------------------- made


def report_of(watch: Watch) -> MoveReport:
    """What a watch has seen."""
    machine = watch.machine
    possible = arrow_names(machine)
    times: Counter[str] = Counter()
    for taken, number in watch.taken.items():
        times[possible[taken]] += number
    arrows = [arrow for arrow in arrows_of(picture_of(machine)) if arrow.name in set(possible.values())]
    return MoveReport(machine.machine_name, tuple(counted(machine, arrow, times[arrow.name]) for arrow in arrows))


def counted(machine: Any, arrow: Arrow, times: int) -> MoveCount:
    move = arrow.move
    place = "" if move.place is None else str(move.place)
    varies = stays_or_goes(machine, machine._structure.edges[move.name])
    return MoveCount(arrow.name, move.name, move.event, arrow.source, arrow.target, place, times, varies)


def stays_or_goes(machine: Any, edge: Any) -> bool:
    """Whether a move comes from each of several leaves, and may lead into each of the same ones."""
    leaves = {leaf for source in edge.sources for leaf in machine.leaves(source)}
    return len(leaves) > 1 and leaves == set(edge.targets)


def arrow_names(machine: Any) -> dict[Taken, str]:
    """The name of the arrow that is taken with each move of each leaf."""
    names: dict[Taken, str] = {}
    structure = machine._structure
    for leaf, row in machine._table.rows.items():
        for event, first in row.items():
            candidate = first
            while candidate is not None:
                edge = candidate.edge
                declared = {structure.node(source) for source in edge.sources}
                source = next(node.path for node in structure.leaves[leaf].chain if node in declared)
                for target in candidate.targets:
                    names[leaf, event, edge, target] = (
                        f"{edge.name}:{event.__name__}:{source}:{structure.node(target).path}"
                    )
                candidate = candidate.otherwise
    return names


def marks_of(report: MoveReport) -> Marks:
    """The report as marks on the machine's picture: how often each move was taken, and which never.

    >>> moves = (MoveCount("a", "go", "Go", "here", "there", "", 3), MoveCount("b", "stop", "Stop", "here", "end", ""))
    >>> marks = marks_of(MoveReport("Light", moves))
    >>> marks.arrows["a"].note, marks.arrows["b"].kind
    ('3', 'never')
    """
    most = max((move.times for move in report.moves), default=0)
    arrows = {move.arrow: marked(move.times, most) for move in report.moves}
    legend = f"{report.taken} of {len(report.moves)} moves taken in tests, {report.percent} %"
    return Marks(arrows=arrows, legend=(legend,))


def marked(times: int, most: int) -> ArrowMark:
    return ArrowMark("hot", f"{times:,}", times / most) if times else ArrowMark("never", "never")
