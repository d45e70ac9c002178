"""What a journal says of a whole machine, laid over its picture."""

from __future__ import annotations

from datetime import timedelta

import pytest
from attrs import evolve
from lamps import Lamp

from leverframe.diagrams import Look, arrows_of, picture_of, render
from leverframe.diagrams.heat import heat_marks
from leverframe.diagrams.lengths import short_length
from leverframe.diagrams.picture import Move, Picture
from leverframe.diagrams.ways import Ways
from leverframe.machines.pipeline import Pipeline
from leverframe.persistence.traffic import Passed, Stay, Traffic

PIPELINE = picture_of(Pipeline)

HOUR = timedelta(hours=1)


def traffic(*moves: Passed, **stays: Stay) -> Traffic:
    return Traffic(moves, stays, sum(each.number for each in moves), {"off": 2})


def test_numbers_and_shares() -> None:
    """Each arrow tells how often its move was made, and of all moves which share; the most frequent is the widest."""
    marks = heat_marks(
        picture_of(Lamp), traffic(Passed("off", "Switch", "on_", 3), Passed("on_", "Smash", "broken", 1))
    )
    often, seldom = marks.arrows["switch:Switch:off:on_"], marks.arrows["smash:Smash:on_:broken"]
    assert (often.kind, often.note, often.share) == ("hot", "3 (75%)", 1.0)
    assert (seldom.note, seldom.share) == ("1 (25%)", 1 / 3)


def test_what_never_happened() -> None:
    """An arrow that was never taken says so, and a state that nobody was in."""
    marks = heat_marks(picture_of(Lamp), traffic(Passed("off", "Switch", "on_", 3)))
    assert marks.arrows["smash:Smash:on_:broken"].kind == "never"
    assert marks.arrows["smash:Smash:on_:broken"].note == "never"
    assert marks.states["broken"].kind == "never"
    assert "never: never, by the journal" in marks.legend


def test_states() -> None:
    """A state tells how many are there now, and how long it was held."""
    marks = heat_marks(picture_of(Lamp), traffic(Passed("off", "Switch", "on_", 3), off=Stay(3, HOUR, 50 * HOUR)))
    assert marks.states["off"].notes == ("2 now", "median 60min, p95 2.1d")
    assert marks.states["on_"].share == 1.0


def test_a_move_of_a_superstate() -> None:
    """A move that a leaf has from its superstate counts for the superstate's arrow."""
    passed = (
        Passed("active.qa", "Block", "archived.blocked", 2),
        Passed("active.coding", "Block", "archived.blocked", 1),
    )
    marks = heat_marks(PIPELINE, traffic(*passed))
    assert marks.arrows["block:Block:active:archived.blocked"].note == "3 (100%)"


def guarded(first: str, second: str) -> Picture:
    """Two moves by one event between the same states, behind these guards."""
    picture = picture_of(Lamp)
    moves = [Move(f"move{number}", "Switch", ("off",), ("on_",), guard) for number, guard in enumerate((first, second))]
    return evolve(picture, moves=tuple(moves))


@pytest.mark.parametrize(("guards", "possible"), [(("a", "b"), 2), (("a", ""), 2), (("", "b"), 1)])
def test_guards_decide(guards: tuple[str, str], possible: int) -> None:
    """Of moves that differ by their guards alone any may have been made, up to the first one without a guard."""
    picture = guarded(*guards)
    assert len(Ways(picture).taken("off", "Switch", "on_")) == possible
    marks = heat_marks(picture, traffic(Passed("off", "Switch", "on_", 7)))
    told = "7 × off to on_ by Switch: may be move0 or move1; counted as move0"
    assert (told in marks.legend) == (possible > 1)


def test_a_leafs_own_move_is_the_one() -> None:
    """Where a leaf has a move of its own without a guard, that of its superstate was not made."""
    own = Move("own", "Block", ("active.qa",), ("archived.blocked",))
    picture = evolve(PIPELINE, moves=(*PIPELINE.moves, own))
    assert [arrow.move for arrow in Ways(picture).taken("active.qa", "Block", "archived.blocked")] == [own]


def test_older_code_is_told() -> None:
    """What the picture does not have, since it was made by older code, stands in the legend with its number."""
    marks = heat_marks(picture_of(Lamp), traffic(Passed("dim", "Turn", "off", 4), Passed("", "", "dim", 1)))
    assert "not in the picture, of older code: 4 × dim to off by Turn" in marks.legend
    assert "not in the picture, of older code: 1 × created to dim" in marks.legend
    assert all(marks.arrows[arrow.name].kind == "never" for arrow in arrows_of(picture_of(Lamp)))


def test_many_of_older_code() -> None:
    """Where there is much of older code, the most frequent is told, and how much there is besides."""
    marks = heat_marks(picture_of(Lamp), traffic(*(Passed(f"s{n}", "E", "off", 2) for n in range(8))))
    assert "not in the picture, of older code: 6 more, of 3 kinds" in marks.legend


def test_by_hand() -> None:
    """A state that was set by hand has no arrow, and is told in the legend."""
    marks = heat_marks(picture_of(Lamp), traffic(Passed("off", "", "broken", 1)))
    assert "by hand: 1 × off to broken" in marks.legend
    assert marks.states["broken"].kind == "hot"


def test_an_empty_journal() -> None:
    """A machine without any instance has a picture too."""
    marks = heat_marks(picture_of(Lamp), Traffic((), {}, 0))
    assert "Lamp: 0 lines of the journal" in marks.legend
    assert "off --> on_ : Switch" in render(Lamp, "mermaid", Look(marks=marks))


@pytest.mark.parametrize("seconds", [0.000_004, 0.5, 61.0, 3599.0, 86_399.0, 172_800.0])
def test_lengths_are_short(seconds: float) -> None:
    """A length of time takes a few characters, whatever it is."""
    assert len(short_length(timedelta(seconds=seconds))) <= 6
