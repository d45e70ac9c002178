"""Two pictures of one machine as one."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from lamps import Lamp

from leverframe.diagrams import Look, picture_of, render
from leverframe.diagrams.differences import both_pictures, differences
from leverframe.diagrams.picture import Field, HookMark, Move, Picture, Place, State
from leverframe.machines.pipeline import Pipeline

LAMP = picture_of(Lamp)
PIPELINE = picture_of(Pipeline)


def with_state(picture: Picture, path: str, **changes: Any) -> Picture:
    states = tuple(evolve(state, **changes) if state.path == path else state for state in picture.states)
    return evolve(picture, states=states)


def without(picture: Picture, path: str) -> Picture:
    states = tuple(
        evolve(state, children=tuple(each for each in state.children if each != path))
        for state in picture.states
        if state.path != path
    )
    moves = tuple(move for move in picture.moves if path not in (*move.sources, *move.targets))
    return evolve(picture, states=states, moves=moves)


def told(old: Picture, new: Picture) -> list[str]:
    return [str(each) for each in differences(old, new)]


def test_the_same() -> None:
    """A picture does not differ from itself, wherever it is written and whatever its comments say."""
    moved = tuple(evolve(move, place=Place("elsewhere.py", 1), document="x") for move in LAMP.moves)
    assert told(LAMP, evolve(LAMP, moves=moved)) == []
    assert both_pictures(LAMP, LAMP, ("v1", "now"))[1].legend == ("Lamp: v1 to now", "no difference")


def test_states() -> None:
    """States that are new or gone are told, and both stand in the picture, each in its superstate."""
    old = without(PIPELINE, "active.qa")
    assert "+ state active.qa" in told(old, PIPELINE)
    assert "- state active.qa" in told(PIPELINE, old)
    both, marks = both_pictures(PIPELINE, old, ("v1", "now"))
    assert "active.qa" in both.state("active").children
    assert marks.states["active.qa"].kind == "removed"
    assert "gates_passed:GatesPassed:active.qa:active.merge" in marks.arrows


def test_fields() -> None:
    """Fields that are new, gone or of another type are told, and stand in the state with a sign."""
    old = with_state(LAMP, "on_", fields=(Field("a", "int"), Field("b", "int")))
    new = with_state(LAMP, "on_", fields=(Field("b", "str"), Field("c", "int", optional=True)))
    assert told(old, new) == [
        "~ on_: field b: str (was int)",
        "+ on_: field c: int, may be left out",
        "- on_: field a: int",
    ]
    mark = both_pictures(old, new, ("v1", "now"))[1].states["on_"]
    assert (mark.kind, mark.notes) == ("changed", ("~ b: str", "+ c: int", "- a: int"))


def test_what_a_state_is() -> None:
    """A state that is final now, has another class or another hook, is a changed one."""
    new = with_state(LAMP, "broken", final=True, payload="Gone", hooks=(HookMark("tell", "enter"),))
    assert told(LAMP, new) == [
        "~ broken: class Broken is now Gone",
        "~ broken: is now final",
        "+ broken: hook enter / tell",
    ]
    assert told(new, LAMP)[1:] == ["~ broken: is no longer final", "- broken: hook enter / tell"]


def test_moves() -> None:
    """A move that leads elsewhere is one arrow more and one less."""
    new = evolve(
        LAMP, moves=tuple(evolve(move, targets=("off",)) if move.name == "smash" else move for move in LAMP.moves)
    )
    assert told(LAMP, new) == ["+ smash: on_ to off by Smash", "- smash: on_ to broken by Smash"]
    both, marks = both_pictures(LAMP, new, ("v1", "now"))
    assert marks.arrows["smash:Smash:on_:off"].kind == "added"
    assert marks.arrows["smash:Smash:on_:broken"].kind == "removed"
    assert len(both.moves) == len(LAMP.moves) + 1


def test_guards_and_events() -> None:
    """Another guard, and another field of an event, are told once, and mark every arrow that they are about."""
    moves = tuple(
        evolve(move, guard="is_dark", fields=(Field("n", "int"),)) if move.event == "Switch" else move
        for move in LAMP.moves
    )
    new = evolve(LAMP, moves=moves)
    assert told(LAMP, new) == ["~ switch: guard none is now is_dark", "+ Switch: field n: int"]
    assert both_pictures(LAMP, new, ("v1", "now"))[1].arrows["switch:Switch:off:on_"].kind == "changed"


def test_a_leaf_that_became_a_superstate() -> None:
    """Where a leaf has states in it now, they stand in it."""
    inner = State("on_.bright", "Bright", "on_", (), True, False, ())
    new = with_state(LAMP, "on_", children=("on_.bright",))
    new = evolve(new, states=(*new.states, inner), moves=(*new.moves, Move("dim", "Dim", ("on_.bright",), ("off",))))
    both, _ = both_pictures(LAMP, new, ("v1", "now"))
    assert [state.path for state in both.states] == ["off", "on_", "on_.bright", "broken"]
    assert "+ state on_.bright" in told(LAMP, new)


def test_everything_is_another() -> None:
    """Two machines that have nothing in common make a picture, and a legend that ends."""
    both, marks = both_pictures(LAMP, PIPELINE, ("v1", "now"))
    assert len(both.states) == len(LAMP.states) + len(PIPELINE.states)
    assert len(marks.legend) < 40
    assert "removed" in render(both, "mermaid", Look(marks=marks))
