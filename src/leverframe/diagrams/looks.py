"""What is laid over a picture, and how it is shown: marks on its states and arrows, its colours, what is folded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from attrs import field, frozen

from leverframe.diagrams.picture import Move, Picture

__all__ = ["PLAIN", "Arrow", "ArrowMark", "Look", "Marks", "StateMark", "arrows_of"]

Kind = Literal["plain", "current", "visited", "added", "removed", "changed", "hot", "never"]
"""What a mark says: where an instance is, where it has been, what a change does, how often, or never."""


@frozen
class StateMark:
    """What is said of a state, beside its fields: `notes` are lines of text; `share` is how full it is, from 0 to 1.

    A note that begins with "+ ", "- " or "~ " is a field that a change adds, removes or changes.

    >>> StateMark("changed", notes=("+ reason: str", "since version 2")).kind
    'changed'
    """

    kind: Kind = "plain"
    notes: tuple[str, ...] = ()
    share: float = 0.0


@frozen
class ArrowMark:
    """What is said of an arrow: `note` follows its label; `share` is how wide it is, from 0 to 1.

    >>> ArrowMark("hot", note="18 (12%)", share=0.5).note
    '18 (12%)'
    """

    kind: Kind = "plain"
    note: str = ""
    share: float = 0.0


@frozen
class Arrow:
    """One way of a move: out of one source into one target.  `name` tells it from all others of the picture.

    >>> from leverframe.diagrams.picture import picture_of
    >>> from leverframe.machines.pipeline import Pipeline
    >>> arrow = arrows_of(picture_of(Pipeline))[0]
    >>> arrow.source, arrow.move.event, arrow.target
    ('active.backlog', 'DepsMet', 'active.coding')
    """

    source: str
    target: str
    move: Move

    @property
    def name(self) -> str:
        return f"{self.move.name}:{self.move.event}:{self.source}:{self.target}"


@frozen
class Marks:
    """Marks by a state's path, and by an arrow's name; `legend` explains them, one line each.

    A line `"hot: often"` begins with a sample of that mark.

    >>> Marks(states={"active.qa": StateMark("current")}, legend=("current: where story-7 is",)).arrows
    {}
    """

    states: Mapping[str, StateMark] = field(factory=dict[str, StateMark])
    arrows: Mapping[str, ArrowMark] = field(factory=dict[str, ArrowMark])
    legend: tuple[str, ...] = ()


@frozen
class Look:
    """How a picture is shown.

    `theme` "auto" follows the reader's system; `folded` are paths of superstates that are shown without what is in
    them; `shows_fields` and `shows_places` say whether payload fields, and where moves are written, are shown;
    `scale` is how many dots of a "png" there are for a pixel.

    >>> from leverframe.diagrams import render
    >>> from leverframe.machines.pipeline import Pipeline
    >>> "Merge" in render(Pipeline, "mermaid", Look(folded=frozenset({"active", "archived"}), shows_fields=False))
    True
    """

    theme: Literal["auto", "light", "dark"] = "auto"
    folded: frozenset[str] = frozenset()
    shows_fields: bool = True
    shows_places: bool = False
    scale: float = 1.0
    marks: Marks = field(factory=Marks)


PLAIN = Look()
"""Nothing folded, nothing marked."""


def arrows_of(picture: Picture) -> tuple[Arrow, ...]:
    """Every way of every move, in the order in which the moves are declared.

    >>> from leverframe.diagrams.picture import picture_of
    >>> from leverframe.machines.pipeline import Pipeline
    >>> [arrow.name for arrow in arrows_of(picture_of(Pipeline))][:2]
    ['deps_met:DepsMet:active.backlog:active.coding', 'gates_started:GatesStarted:active.coding:active.qa']
    """
    return tuple(
        Arrow(source, target, move) for move in picture.moves for source in move.sources for target in move.targets
    )
