"""The way of one instance, laid over its machine's picture: where it is, and how it came there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import frozen

from leverframe.diagrams.looks import ArrowMark, Marks, StateMark
from leverframe.diagrams.picture import Picture
from leverframe.diagrams.ways import Ways, outwards

__all__ = ["Track", "track_marks"]

MOST_NUMBERS = 4
"""How many numbers of moves stand at an arrow."""

MOST_TOLD = 8
"""How many moves are told that no arrow shows."""


@frozen
class Track:
    """A line of an instance's journal.  `from_path` is empty for its creation, `event` for that and for a repair.

    `version` is the instance's behind it; `said` is who did it and why, if somebody has said so.
    """

    version: int
    from_path: str
    event: str
    to_path: str
    said: str = ""


def track_marks(picture: Picture, name: str, current: str, tracks: Sequence[Track]) -> Marks:
    """The marks for the instance called `name`, which is in the state `current`.

    >>> from leverframe.diagrams.picture import picture_of
    >>> from leverframe.machines.pipeline import Pipeline
    >>> tracks = [Track(1, "", "", "active.backlog"), Track(2, "active.backlog", "DepsMet", "active.coding")]
    >>> marks = track_marks(picture_of(Pipeline), "story-7", "active.coding", tracks)
    >>> marks.states["active.coding"].kind, marks.arrows["deps_met:DepsMet:active.backlog:active.coding"].note
    ('current', '(1)')
    """
    ways = Ways(picture)
    moves: dict[str, list[int]] = {}
    unseen: list[str] = []
    for number, track in enumerate(tracks):
        taken = ways.taken(track.from_path, track.event, track.to_path) if track.event else ()
        if taken:
            moves.setdefault(taken[0].name, []).append(track.version - 1)
        elif track.from_path or number:
            unseen.append(told(track))
    return Marks(
        states=dict(state_marks(picture, current, tracks)),
        arrows={arrow: ArrowMark("visited", numbered(found)) for arrow, found in moves.items()},
        legend=tuple(legend(picture, name, current, tracks, unseen)),
    )


def state_marks(picture: Picture, current: str, tracks: Sequence[Track]) -> Iterator[tuple[str, StateMark]]:
    visited = {each for track in tracks for path in (track.from_path, track.to_path) for each in outwards(path)}
    for state in picture.states:
        if state.path == current:
            yield state.path, StateMark("current")
        elif state.is_leaf and state.path in visited:
            yield state.path, StateMark("visited")


def legend(picture: Picture, name: str, current: str, tracks: Sequence[Track], unseen: Sequence[str]) -> Iterator[str]:
    known = {state.path for state in picture.states}
    there = current if current in known else f"{current}, which the machine no longer has"
    yield f"current: {name} is in {there}"
    if len(tracks) > 1:
        yield "visited: where it was. (1) is its first move"
    if tracks and tracks[0].from_path:
        yield f"the journal begins at version {tracks[0].version}: what was before is pruned"
    yield from unseen[:MOST_TOLD]
    if unseen[MOST_TOLD:]:
        yield f"and {len(unseen) - MOST_TOLD} more that are no arrows"


def told(track: Track) -> str:
    """A move that no arrow shows: by hand, or one of older code."""
    how = (
        f"by {track.event}, a move of older code"
        if track.event
        else f"by hand{f', {track.said}' if track.said else ''}"
    )
    return f"({track.version - 1}): {track.from_path} to {track.to_path} {how}"


def numbered(found: Sequence[int]) -> str:
    """Which moves of the instance: the first ones, and how many.

    >>> numbered([1]), numbered([2, 5, 9]), numbered([2, 5, 9, 11, 13])
    ('(1)', '(2, 5, 9)', '(2, 5, 9 … ×5)')
    """
    if len(found) <= MOST_NUMBERS:
        return f"({', '.join(map(str, found))})"
    return f"({', '.join(map(str, found[: MOST_NUMBERS - 1]))} … ×{len(found)})"
