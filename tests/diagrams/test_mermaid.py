"""Mermaid and dot: text that other programs draw."""

from __future__ import annotations

import re

from attrs import evolve
from workshops import WORKSHOP

from leverframe.diagrams import Look, Marks, StateMark, picture_of, render
from leverframe.diagrams.looks import PLAIN
from leverframe.diagrams.picture import Field, Picture, State
from leverframe.machines.job import Job
from leverframe.machines.pipeline import Pipeline

PIPELINE = picture_of(Pipeline)


def mermaid(picture: Picture = PIPELINE, look: Look = PLAIN) -> list[str]:
    return [line.strip() for line in render(picture, "mermaid", look).splitlines()]


def test_superstates_are_nested() -> None:
    """A superstate has its leaves in braces, and its fields in its title."""
    text = mermaid()
    assert 'state "Archived (archived_at: datetime)" as archived {' in text
    assert text.index('state "Active" as active {') < text.index('state "Merge" as active_merge') < text.index("}")


def test_fields_are_lines_of_their_state() -> None:
    """A field is written with its type, and its colon as it is."""
    assert "active_merge : commits_ahead: Positive" in mermaid()
    assert "#58;" not in "".join(mermaid())


def test_beginnings_and_ends_are_arrows() -> None:
    """Where one begins, and which states are final, is said as Mermaid says it."""
    text = mermaid()
    assert text.count("[*] --> active") == 1
    assert "archived_completed --> [*]" in text
    assert "done --> [*]" not in text


def test_guards_stand_in_brackets() -> None:
    """Arrows side by side have one label, whose lines are the events."""
    assert "done --> running : Enqueued<br/>Claimed [claimable]" in mermaid(picture_of(Job))


def test_long_fields_of_a_superstate_are_named_only() -> None:
    """Its title stays one line that is not too wide."""
    fields = tuple(Field(f"field_{number}", "SomeLongType") for number in range(4))
    states = tuple(evolve(each, fields=fields) if each.path == "archived" else each for each in PIPELINE.states)
    text = mermaid(evolve(PIPELINE, states=states))
    assert 'state "Archived (field_0, field_1, field_2, field_3)" as archived {' in text


def test_names_that_mermaid_keeps_for_itself_are_changed() -> None:
    """States called state, end and a_b, a.b get names that are theirs alone."""
    paths = ("state", "end", "a_b", "a", "a.b")
    states = tuple(
        State(path, path.title(), path.rpartition(".")[0], ("a.b",) if path == "a" else (), False, False, ())
        for path in paths
    )
    text = render(Picture("Odd", "", states, ()), "mermaid")
    assert re.findall(r" as (\w+)", text) == ["state_", "end_", "a_b", "a", "a_b_"]


def test_what_ends_a_statement_is_spelled_otherwise() -> None:
    """Text of people cannot break what is drawn."""
    states = tuple(
        evolve(each, fields=(Field("odd", 'a;b#c"d%%e<br/>'),)) if each.path == "done" else each
        for each in PIPELINE.states
    )
    (line,) = (each for each in mermaid(evolve(PIPELINE, states=states)) if "odd" in each)
    assert not set(line) & set(';#"%<>')


def test_marks_are_classes() -> None:
    """States with a mark are coloured."""
    text = mermaid(look=Look(marks=Marks({"active.qa": StateMark("current")})))
    assert "class active_qa current" in text
    assert any(line.startswith("classDef current fill:") for line in text)


def test_dot_ties_arrows_to_clusters() -> None:
    """An arrow out of a superstate begins at its border."""
    text = render(PIPELINE, "dot")
    assert 'subgraph "cluster active" {' in text
    assert '"active.merge" -> "archived.blocked" [label="Block" ltail="cluster active"];' in text
    assert text.count("{") == text.count("}")


def test_dot_says_that_a_move_is_of_any_state() -> None:
    """A superstate's move to a state in it, for which Graphviz has no arrow, comes from words in the cluster."""
    text = render(WORKSHOP, "dot")
    assert '"any active" -> "active.blocked" [label="Block"];' in text
    assert '"any active.build" -> "any active.build" [label="Again"];' in text


def test_dot_escapes_what_it_must() -> None:
    """A quotation mark in a text does not end it."""
    states = tuple(
        evolve(each, fields=(Field("odd", 'Literal["\\\\"]'),)) if each.path == "done" else each
        for each in PIPELINE.states
    )
    assert 'odd: Literal[\\"\\\\\\\\\\"]' in render(evolve(PIPELINE, states=states), "dot")
