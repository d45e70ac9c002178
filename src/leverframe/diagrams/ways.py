"""Which arrow of a picture was it, where a journal says from which state, by which event, and to which?"""

from __future__ import annotations

from attrs import field, frozen

from leverframe.diagrams.looks import Arrow, arrows_of
from leverframe.diagrams.picture import Move, Picture

__all__ = ["Ways"]


@frozen
class Ways:
    """The arrows of a picture, by what instances did.

    >>> from leverframe.diagrams.picture import picture_of
    >>> from leverframe.machines.pipeline import Pipeline
    >>> [arrow.name for arrow in Ways(picture_of(Pipeline)).taken("active.qa", "Block", "archived.blocked")]
    ['block:Block:active:archived.blocked']
    """

    picture: Picture
    _by_source: dict[tuple[str, str], list[Arrow]] = field(init=False, factory=dict[tuple[str, str], list[Arrow]])

    def __attrs_post_init__(self) -> None:
        for arrow in arrows_of(self.picture):
            self._by_source.setdefault((arrow.source, arrow.move.event), []).append(arrow)

    def taken(self, from_path: str, event: str, to_path: str) -> tuple[Arrow, ...]:
        """The arrows that lead there, in the order in which they are tried; several only where guards decide."""
        found: list[Arrow] = []
        for source in outwards(from_path):
            beside = self._by_source.get((source, event), [])
            certain = next((arrow.move for arrow in beside if not arrow.move.guard), None)
            found += [arrow for arrow in tried(beside, certain) if arrow.target in outwards(to_path)]
            if certain is not None:
                break
        return tuple(found)


def tried(beside: list[Arrow], certain: Move | None) -> list[Arrow]:
    """The arrows of moves up to the first one without a guard: what stands behind that is never asked."""
    moves = list(dict.fromkeys(arrow.move for arrow in beside))
    asked = moves if certain is None else moves[: moves.index(certain) + 1]
    return [arrow for arrow in beside if arrow.move in asked]


def outwards(path: str) -> list[str]:
    """The state and its superstates, from the inside out.

    >>> outwards("active.qa")
    ['active.qa', 'active']
    """
    parts = path.split(".")
    return [".".join(parts[:number]) for number in range(len(parts), 0, -1)]
