"""What is drawn: folded superstates, arrows side by side, marks as words."""

from __future__ import annotations

from attrs import evolve

from leverframe.diagrams import ArrowMark, Look, Marks, StateMark, arrows_of, picture_of
from leverframe.diagrams.drawing import Box, Drawing, Wire, draw
from leverframe.machines.job import Job
from leverframe.machines.pipeline import Pipeline
from leverframe.machines.worker import Worker

PIPELINE = picture_of(Pipeline)

ARCHIVED = Look(folded=frozenset({"archived"}))


def box(drawing: Drawing, path: str) -> Box:
    return next(each for each in drawing.walk() if each.path == path)


def wires(drawing: Drawing, source: str, target: str) -> list[Wire]:
    return [each for each in drawing.wires if (each.source, each.target) == (source, target)]


def texts(drawn: Box | Wire) -> list[str]:
    return [line.text for line in drawn.lines]


def marked(states: dict[str, StateMark] | None = None, arrows: dict[str, ArrowMark] | None = None) -> Look:
    return Look(marks=Marks(states or {}, arrows or {}))


def test_every_state_and_every_arrow_is_drawn() -> None:
    """Nothing of the picture is left out of an unfolded drawing."""
    drawing = draw(PIPELINE, Look())
    assert {each.path for each in drawing.walk()} == {state.path for state in PIPELINE.states}
    assert {name for wire in drawing.wires for name in wire.arrows} == {arrow.name for arrow in arrows_of(PIPELINE)}


def test_arrows_between_the_same_states_are_one_wire() -> None:
    """Each of them has a line in the label of the wire."""
    (wire,) = wires(draw(picture_of(Job), Look()), "running", "done")
    assert texts(wire) == ["Enqueued", "Succeeded", "Released"]
    assert len(wire.arrows) == 3


def test_arrows_with_other_marks_are_not_one_wire() -> None:
    """An added arrow stays apart from those that were there."""
    job = picture_of(Job)
    added = next(arrow.name for arrow in arrows_of(job) if arrow.name.startswith("succeeded"))
    drawing = draw(job, marked(arrows={added: ArrowMark("added")}))
    assert [(wire.kind, len(wire.arrows)) for wire in wires(drawing, "running", "done")] == [("plain", 2), ("added", 1)]


def test_a_folded_superstate_is_one_box() -> None:
    """It has its own fields, says how many states are in it, and shows none of them."""
    folded = box(draw(PIPELINE, ARCHIVED), "archived")
    assert folded.boxes == ()
    assert texts(folded) == ["archived_at: datetime", "6 states"]


def test_arrows_into_a_folded_superstate_end_at_its_box() -> None:
    """Those from one state are one wire, with each event once."""
    (wire,) = wires(draw(PIPELINE, ARCHIVED), "done", "archived")
    assert texts(wire) == ["Accepted", "Abandon", "Supersede"]


def test_arrows_inside_of_a_folded_superstate_are_left_out() -> None:
    """What begins and ends in it is not to be seen."""
    drawing = draw(PIPELINE, Look(folded=frozenset({"active"})))
    assert wires(drawing, "active", "active") == []
    assert not any("deps_met" in name for wire in drawing.wires for name in wire.arrows)


def test_a_folded_superstate_shows_that_an_instance_is_in_it() -> None:
    """The mark of where an instance is does not go away with the state that it is in."""
    look = evolve(marked({"archived.blocked": StateMark("current")}), folded=frozenset({"archived"}))
    assert box(draw(PIPELINE, look), "archived").mark.kind == "current"


def test_a_folded_superstate_shows_that_something_in_it_changed() -> None:
    """What was added inside is a change of the superstate."""
    look = evolve(marked({"archived.blocked": StateMark("added")}), folded=frozenset({"archived"}))
    assert box(draw(PIPELINE, look), "archived").mark.kind == "changed"


def test_a_leaf_cannot_be_folded() -> None:
    """There is nothing in it to leave out."""
    assert draw(PIPELINE, Look(folded=frozenset({"done"}))) == draw(PIPELINE, Look())


def test_fields_of_a_superstate_are_shown_once() -> None:
    """A leaf has only those of its own."""
    drawing = draw(PIPELINE, Look())
    assert texts(box(drawing, "archived")) == ["archived_at: datetime"]
    assert texts(box(drawing, "archived.blocked")) == ["reason: str"]


def test_fields_that_every_state_has_are_shared() -> None:
    """They stand beside the states, and in none of them."""
    drawing = draw(picture_of(Worker), Look(), shares=True)
    assert [line.text for line in drawing.shared][:2] == ["task_id: TaskId", "branch: BranchName"]
    assert texts(box(drawing, "failed")) == ["reason: str"]


def test_fields_can_be_left_out() -> None:
    """A look without fields has none in its states, and none beside them."""
    drawing = draw(picture_of(Worker), Look(shows_fields=False), shares=True)
    assert drawing.shared == ()
    assert all(each.lines == () for each in drawing.walk())


def test_places_are_shown_when_asked_for() -> None:
    """A state and an arrow say in which file and line they are written."""
    drawing = draw(PIPELINE, Look(shows_places=True))
    assert texts(box(drawing, "done"))[-1].startswith("pipeline.py:")
    assert texts(drawing.wires[0])[-1].startswith("pipeline.py:")


def test_a_note_about_a_field_marks_its_line() -> None:
    """A field that was added is not shown twice, and one that was removed is."""
    notes = ("+ commits_ahead: Positive", "- commits: int", "since Monday")
    lines = box(draw(PIPELINE, marked({"active.merge": StateMark("changed", notes)})), "active.merge").lines
    assert [(line.text, line.kind) for line in lines] == [
        ("feature_branch: BranchName", "plain"),
        ("commits_ahead: Positive", "added"),
        ("commits: int", "removed"),
        ("since Monday", "plain"),
    ]


def test_a_note_of_an_arrow_is_a_line_of_its_own() -> None:
    """The label does not become wider by it."""
    arrow = arrows_of(PIPELINE)[0]
    drawing = draw(PIPELINE, marked(arrows={arrow.name: ArrowMark("hot", "18 (12%)", 0.5)}))
    assert texts(drawing.wires[0]) == ["DepsMet", "18 (12%)"]
    assert drawing.wires[0].share == 0.5


def test_notes_of_several_arrows_stand_beside_their_events() -> None:
    """Where one wire is several arrows, it stays clear which note is whose."""
    job = picture_of(Job)
    counts = {arrow.name: ArrowMark("hot", "2") for arrow in arrows_of(job)}
    (wire,) = wires(draw(job, marked(arrows=counts)), "running", "done")
    assert texts(wire) == ["Enqueued 2", "Succeeded 2", "Released 2"]


def test_a_beginning_is_drawn_only_where_one_begins() -> None:
    """Nothing enters Archived as such, so that no arrow leads to its first state; into Active one does."""
    drawing = draw(PIPELINE, Look())
    assert [each.path for each in drawing.walk() if each.begins] == ["active", "active.backlog"]


def test_a_line_of_the_legend_begins_with_a_sample() -> None:
    """The mark's name before a colon is not shown as a word."""
    drawing = draw(PIPELINE, Look(marks=Marks(legend=("hot: often", "note: nothing"))))
    assert [(line.text, line.kind) for line in drawing.legend] == [("often", "hot"), ("note: nothing", "plain")]


def test_long_lines_are_broken() -> None:
    """No line is much longer than the others of its state."""
    long = "a note that goes on and on and says more than fits into the width of one state"
    lines = box(draw(PIPELINE, marked({"done": StateMark("plain", (long,))})), "done").lines
    assert max(len(line.text) for line in lines) <= 44
    assert " ".join(line.text for line in lines[-2:]) == long
