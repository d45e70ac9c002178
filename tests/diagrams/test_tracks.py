"""The way of one instance, laid over the picture of its machine."""

from __future__ import annotations

from leverframe.diagrams import picture_of
from leverframe.diagrams.tracks import Track, track_marks
from leverframe.machines.pipeline import Pipeline

PICTURE = picture_of(Pipeline)

ROUND = [
    Track(1, "", "", "active.backlog"),
    Track(2, "active.backlog", "DepsMet", "active.coding"),
    Track(3, "active.coding", "GatesStarted", "active.qa"),
    Track(4, "active.qa", "GatesFailed", "active.coding"),
    Track(5, "active.coding", "GatesStarted", "active.qa"),
]


def test_the_way() -> None:
    """Arrows tell which moves of the instance they were, states whether it was there, and where it is now."""
    marks = track_marks(PICTURE, "Pipeline story-7", "active.qa", ROUND)
    assert marks.arrows["gates_started:GatesStarted:active.coding:active.qa"].note == "(2, 4)"
    assert {path: mark.kind for path, mark in marks.states.items()} == {
        "active.backlog": "visited",
        "active.coding": "visited",
        "active.qa": "current",
    }
    assert marks.legend == ("current: Pipeline story-7 is in active.qa", "visited: where it was. (1) is its first move")


def test_a_long_way() -> None:
    """An arrow that was taken many times tells the first ones, and how many there are."""
    back_and_forth = [
        Track(number, "active.qa", "GatesFailed", "active.coding")
        if number % 2
        else Track(number, "active.coding", "GatesStarted", "active.qa")
        for number in range(2, 42)
    ]
    marks = track_marks(PICTURE, "x", "active.coding", back_and_forth)
    assert marks.arrows["gates_failed:GatesFailed:active.qa:active.coding"].note == "(2, 4, 6 … ×20)"
    assert "the journal begins at version 2: what was before is pruned" in marks.legend


def test_what_no_arrow_shows() -> None:
    """A state set by hand, and a move of older code, are told in the legend."""
    tracks = [
        *ROUND[:2],
        Track(3, "active.coding", "Turned", "active.old"),
        Track(4, "active.old", "", "done", "by ada: lost"),
    ]
    marks = track_marks(PICTURE, "x", "done", tracks)
    assert "(2): active.coding to active.old by Turned, a move of older code" in marks.legend
    assert "(3): active.old to done by hand, by ada: lost" in marks.legend


def test_a_state_of_older_code() -> None:
    """An instance in a state that the machine no longer has is nowhere in the picture, and the legend says so."""
    marks = track_marks(PICTURE, "x", "active.old", [Track(1, "", "", "active.old")])
    assert marks.states == {}
    assert marks.legend == ("current: x is in active.old, which the machine no longer has",)


def test_many_that_no_arrow_shows() -> None:
    """However many moves no arrow shows, the legend stays short."""
    tracks = [Track(number, "a", "E", "b") for number in range(2, 40)]
    legend = list(track_marks(PICTURE, "x", "b", tracks).legend)
    assert len(legend) < 15
    assert legend[-1] == "and 30 more that are no arrows"
