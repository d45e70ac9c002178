"""The table of states x events says what the machine does."""

from __future__ import annotations

import random
from typing import Any

import pytest
from random_machines import make_machine

from leverframe import machines
from leverframe.diagrams import ArrowMark, Look, Marks, StateMark, picture_of, render
from leverframe.diagrams.picture import Picture
from leverframe.diagrams.table import (
    Way,
    begins_in,
    branch_of,
    event_fields,
    markdown_of,
    own_fields,
    shared_fields,
    short_names,
    table_of,
)
from leverframe.machines import Execution, Job, Pipeline, Run, Worker
from leverframe.machines.orchestrator import AgentJob, AgentRun, Delivery, RepoGate, Task, TrackerCard

SHIPPED: list[Any] = [
    AgentJob,
    AgentRun,
    Delivery,
    Execution,
    Job,
    Pipeline,
    RepoGate,
    Run,
    Task,
    TrackerCard,
    Worker,
]


def candidates(machine: Any, leaf: type) -> dict[str, list[str]]:
    """By the machine's own compiled table: the moves that are asked for each event, in order."""
    found: dict[str, list[str]] = {}
    for event, first in machine._table.rows.get(leaf, {}).items():
        candidate = first
        while candidate is not None:
            found.setdefault(event.__name__, []).append(candidate.edge.name)
            candidate = candidate.otherwise
    return found


def check_agrees(machine: Any) -> None:
    """Each row of the table has the candidates of that leaf, and no others."""
    table = table_of(picture_of(machine))
    rows = {row.state.path: row for row in table.rows}
    for leaf in machine.leaves():
        ways = zip(table.events, rows[machine.path(leaf)].ways, strict=True)
        assert {event: [way.move.name for way in each] for event, each in ways if each} == candidates(machine, leaf)


@pytest.mark.parametrize("machine", SHIPPED)
def test_a_row_has_the_moves_that_decide_asks(machine: Any) -> None:
    """For each leaf and event the table has the moves that a decision asks, in its order."""
    check_agrees(machine)


def test_rows_of_random_machines_have_the_moves_that_decide_asks() -> None:
    """Nested superstates, guards, unions: the table and the driver agree on whose move takes an event."""
    for seed in range(30):
        check_agrees(make_machine(random.Random(seed))[0])


def pipeline() -> Picture:
    return picture_of(Pipeline)


def ways_of(path: str, event: str, folded: frozenset[str] = frozenset()) -> tuple[Way, ...]:
    table = table_of(pipeline(), folded)
    row = next(row for row in table.rows if row.state.path == path)
    return row.ways[table.events.index(event)]


def test_a_move_of_a_superstate_is_inherited_by_what_is_in_it() -> None:
    """It is said whose move it is."""
    assert [way.inherited for way in ways_of("active.qa", "Block")] == ["active"]
    assert [way.inherited for way in ways_of("active", "Block")] == [""]
    assert ways_of("done", "Block") == ()


def test_a_folded_superstate_stands_for_what_is_in_it() -> None:
    """Its row has the moves of its leaves, and moves into these lead to it."""
    folded = frozenset({"active", "archived"})
    table = table_of(pipeline(), folded)
    assert [row.state.path for row in table.rows] == ["active", "done", "archived"]
    assert [way.move.name for way in ways_of("active", "MergeSucceeded", folded)] == ["merge_succeeded"]
    assert [way.move.name for way in ways_of("active", "Block", folded)] == ["block"]
    assert table.targets(ways_of("archived", "Unblock", folded)[0].move) == ("active",)


def test_the_tree_ends_at_the_last_state_that_is_shown() -> None:
    """Lines in front of a state fit the states around it that are shown."""
    picture = pipeline()
    shown = {"active", "active.backlog", "active.qa"}
    assert branch_of(picture, picture.state("active.qa"), shown) == "└ "
    assert branch_of(picture, picture.state("active.qa"), {state.path for state in picture.states}) == "├ "
    assert branch_of(picture, picture.state("active"), shown) == ""


def test_an_instance_begins_in_one_leaf() -> None:
    """Of all states that their level begins in, it is the one that an instance is created in."""
    for machine in SHIPPED:
        assert begins_in(picture_of(machine)) == machine.path(machine.initial())


def test_fields_that_all_states_have_are_told_once() -> None:
    """What every leaf has is no state's own; nor is what a superstate around it has."""
    picture = picture_of(Task)
    assert [field.name for field in shared_fields(picture)] == ["title", "branch", "external_issue_id"]
    assert own_fields(picture, picture.state("unfinished")) == ()
    assert [field.name for field in own_fields(picture, picture.state("cancelled"))] == ["reason"]
    assert shared_fields(pipeline()) == ()


def test_fields_that_all_events_have_are_told_once() -> None:
    """So that a machine whose events report the same thing is readable."""
    shared, others = event_fields(picture_of(Delivery))
    assert [field.name for field in shared] == ["path", "version"]
    assert {event: [field.name for field in fields] for event, fields in others.items()} == {"TurnedDown": ["reason"]}


def test_a_state_is_called_by_its_last_name_where_that_is_its_own() -> None:
    """Two states that are called alike in two superstates are called by their paths."""
    for seed in range(8):
        names = short_names(picture_of(make_machine(random.Random(seed))[0]))
        assert len(set(names.values())) == len(names)
    assert short_names(pipeline())["archived.blocked"] == "blocked"


# ---------------------------------------------------------------- Markdown


def rows_of(text: str) -> list[list[str]]:
    return [line.strip("|").split(" | ") for line in text.splitlines() if line.startswith("|")]


@pytest.mark.parametrize("machine", SHIPPED)
def test_every_row_of_a_table_in_markdown_has_its_columns(machine: Any) -> None:
    """No bar in a type, or in a document, ends a cell."""
    for block in render(machine, "md").split("\n\n"):
        widths = {len(row) for row in rows_of(block.replace("\\|", "or"))}
        assert len(widths) <= 1, block


def test_markdown_marks_what_is_inherited_initial_and_final() -> None:
    """The legend names the marks that occur."""
    text = markdown_of(pipeline())
    head, _, *body = rows_of(text)
    cells = {row[0].strip(): dict(zip(head, row, strict=True)) for row in body if len(row) == len(head)}
    assert cells["&emsp;backlog ◂"]["DepsMet"].strip() == "coding"
    assert cells["&emsp;qa"]["Block"].strip() == "↑ blocked"
    assert "&emsp;completed ◉" in cells
    assert text.endswith("◂ begins here · ◉ final · ↑ a superstate's move\n")


def test_markdown_has_guards_and_unions() -> None:
    """A guard stands in brackets, and targets with an "or" between them."""
    assert "running [claimable]" in markdown_of(picture_of(Job))
    assert "queued or succeeded or failed" in markdown_of(picture_of(AgentJob))


def test_markdown_leaves_out_what_a_look_does_not_show() -> None:
    """Fields and places are there when they are asked for."""
    without = markdown_of(pipeline(), Look(shows_fields=False))
    assert "commits_ahead" not in without
    assert "pipeline.py" not in without
    assert "leverframe/machines/pipeline.py:" in markdown_of(pipeline(), Look(shows_places=True))


def test_markdown_shows_what_is_laid_over() -> None:
    """Marks of states and arrows, their notes, and the legend that explains them."""
    move = ways_of("active.backlog", "DepsMet")[0].move
    arrow = f"{move.name}:DepsMet:active.backlog:active.coding"
    marks = Marks(
        {"active.qa": StateMark("current", ("since <noon>",))}, {arrow: ArrowMark("hot", "40 %")}, ("current: here",)
    )
    text = markdown_of(pipeline(), Look(marks=marks))
    assert "&emsp;qa ●<br>since &lt;noon>" in text
    assert "coding ▲ 40 %" in text
    assert text.endswith("<br>● here\n")


def test_markdown_is_the_same_each_time() -> None:
    """The same machine, the same bytes."""
    assert render(Pipeline, "md") == render(Pipeline, "md")


def test_every_shipped_machine_is_looked_at() -> None:
    """None of the package's machines is left out of these tests."""
    known = {*SHIPPED}
    assert {each for each in vars(machines).values() if isinstance(each, type) and hasattr(each, "_table")} <= known
