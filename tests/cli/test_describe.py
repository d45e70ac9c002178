"""What `describe` prints: at a terminal, in a pipe, and for programs."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from random_machines import make_machine
from terminals import Terminal

from leverframe.cli.declared import declared_of, made_by_others
from leverframe.cli.describe import terminal_lines
from leverframe.cli.sheets import beside, moves_as_list, moves_as_tables, sheet_of, wrapped
from leverframe.cli.targets import SHIPPED, find_machine
from leverframe.diagrams.picture import picture_of
from leverframe.diagrams.table import table_of
from leverframe.machines import Job, Pipeline, Run
from leverframe.machines.orchestrator import AgentJob, Task

Run_ = Callable[..., Result]

WIDTHS = (40, 60, 80, 120, 200)


def sheet(machine: Any, width: int) -> list[str]:
    return [line.text for line in sheet_of(table_of(picture_of(machine)), width)]


def described(machine: Any, width: int) -> list[str]:
    picture = picture_of(machine)
    lines = terminal_lines(table_of(picture), declared_of(machine, picture), width, places=True)
    return [line.text for line in lines]


# ---------------------------------------------------------------- at a terminal


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", SHIPPED)
def test_no_line_is_wider_than_the_terminal(name: str, width: int) -> None:
    """Whatever the machine, each line fits, and none ends in blanks."""
    lines = described(find_machine(name), width)
    assert [line for line in lines if len(line) > width or line != line.rstrip()] == []


@pytest.mark.parametrize("width", WIDTHS)
def test_no_line_of_a_random_machine_is_wider_than_the_terminal(width: int) -> None:
    """Deep trees, unions and guards fit as well."""
    for seed in range(6):
        lines = described(make_machine(random.Random(seed))[0], width)
        assert [line for line in lines if len(line) > width] == []


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", SHIPPED)
def test_every_state_event_and_field_is_told(name: str, width: int) -> None:
    """No form leaves anything out."""
    machine = find_machine(name)
    picture, text = picture_of(machine), "\n".join(described(machine, width))
    told = [state.name for state in picture.states] + [move.event for move in picture.moves]
    told += [field.name for state in picture.states for field in state.fields]
    told += [field.name for move in picture.moves for field in move.fields]
    assert [each for each in told if each not in text] == []


def test_a_table_has_what_each_event_does() -> None:
    """Its own moves by where they lead, its superstate's as an arrow, and a dot for what is not accepted."""
    lines = sheet(Pipeline, 200)
    head = next(line for line in lines if line.startswith("state") and "DepsMet" in line)
    rows = {line[:17].strip(" ├└"): line.split()[-13:] for line in lines[lines.index(head) + 1 :] if "·" in line[17:]}
    cells = dict(zip(head.split()[1:], rows["coding"], strict=True))
    assert (cells["GatesStarted"], cells["QaSkipped"], cells["Block"], cells["DepsMet"]) == ("qa", "merge", "↑", "·")


def test_a_table_that_does_not_fit_is_split() -> None:
    """At 80 columns thirteen events are three tables; a state stands in those in which it takes anything."""
    tables = moves_as_tables(table_of(picture_of(Pipeline)), 80)
    assert tables is not None
    events = [table[0].text.split()[1:] for table in tables]
    assert [event for group in events for event in group] == list(table_of(picture_of(Pipeline)).events)
    assert len(tables) == 3
    first = [line.text for line in tables[0]]
    assert not any("merge " in line[:16] or "done" in line[:16] for line in first)
    assert first[-1].startswith("└ qa")


def test_a_narrow_terminal_gets_a_list() -> None:
    """One block a state, with an arrow for each of its own moves, and what its superstates take in one line."""
    lines = sheet(Pipeline, 60)
    start = lines.index("active.merge")
    assert lines[start : start + 5] == [
        "active.merge",
        "  feature_branch: BranchName, commits_ahead: Positive",
        "  MergeSucceeded   → done",
        "  MergeFailedFinal → merge_failed",
        "  ↑ active: Block, ReviewHold, Abandon, Supersede",
    ]


def test_a_list_names_guards_and_unions() -> None:
    """A guard stands in brackets behind where its move leads to."""
    lines = [line.text for line in moves_as_list(table_of(picture_of(Job)), 60)]
    assert "  Claimed  → running [claimable]" in lines
    assert any("pending | running | done" in line for line in lines)


def test_a_table_marks_what_has_a_guard() -> None:
    """A question mark, and below the table what guards it."""
    lines = sheet(Job, 80)
    assert any("running ?" in line for line in lines)
    assert any(line.split() == ["claimable", "Claimed", "in", "pending,", "done,", "error"] for line in lines)
    assert any("? if its guard allows it" in line for line in lines)


def test_only_the_marks_that_occur_are_explained() -> None:
    """A machine without superstates, guards and final states has no marks for them."""
    legend = next(line for line in sheet(find_machine("execution"), 80) if line.startswith("◂"))
    assert legend == "◂ begins here  · not accepted"


def test_a_field_is_not_broken_where_it_has_room() -> None:
    """A type with blanks in it stays in one line."""
    assert any("task: tuple[Repository, WorkItemId] | None = …" in line for line in sheet(AgentJob, 80))


def test_what_is_broken_hangs() -> None:
    """The second line of a text is told from the first line of the next one."""
    assert wrapped("one two three", 8, "  ") == ["one two", "  three"]
    lines = [line.text for line in beside([("name", "says"), ("a", "one two three four five six seven")], 30, "  ")]
    assert lines == ["name  says", "a     one two three four five", "        six seven"]


def test_describe_at_a_terminal() -> None:
    """It goes by the terminal's width, and ends with status 0."""
    terminal = Terminal("describe", "worker", "--places", columns=60)
    assert terminal.end() == 0
    assert max(len(line) for line in terminal.shown.splitlines()) <= 60
    assert "Worker: One coding agent on one branch." in terminal.shown
    assert "leverframe/machines/worker.py:" in terminal.shown


# ---------------------------------------------------------------- in a pipe


def words_of(result: Result, kind: str) -> list[list[str]]:
    assert result.exit_code == 0, result.stderr
    return [line.split()[1:] for line in result.stdout.splitlines() if line.split()[0] == kind]


def test_a_pipe_gets_one_line_a_move(run: Run_) -> None:
    """State, event, targets, move, guard, and the superstate whose move it is: each one word."""
    moves = words_of(run("describe", "pipeline"), "move")
    assert ["active.merge", "MergeSucceeded", "done", "merge_succeeded", "-", "-"] in moves
    assert ["active.merge", "Block", "archived.blocked", "block", "-", "active"] in moves
    assert not any(words[0] == "active" for words in moves)
    assert ["pending", "Claimed", "running", "claimed", "claimable", "-"] in words_of(run("describe", "job"), "move")


def test_a_pipe_gets_states_and_events_with_their_fields(run: Run_) -> None:
    """A field is one word; what may be left out has an ellipsis."""
    result = run("describe", "execution")
    assert ["pending", "Pending", "leaf", "agent:AgentName", "since:datetime"] in words_of(result, "state")
    assert ["idle", "Idle", "initial"] in words_of(result, "state")
    assert ["Exited", "exit_code:int"] in words_of(result, "event")
    task = words_of(run("describe", "agent-job"), "state")[0]
    assert "task:tuple[Repository,WorkItemId]|None=..." in task


def test_places_are_the_last_word(run: Run_) -> None:
    """With --places states and moves say where they are written."""
    moves = words_of(run("describe", "pipeline", "--places"), "move")
    assert all(words[-1].startswith("leverframe/machines/pipeline.py:") for words in moves)


def test_describe_an_own_machine(run: Run_, folder: Path) -> None:
    """A machine of the working folder is described as a shipped one is, with its hooks."""
    (folder / "wickets.py").write_text(DOORS)
    result = run("describe", "wickets:Door")
    assert words_of(result, "declared") == [["ring", "messages", "told", "when", "open", "is", "entered"]]
    assert words_of(run("describe", "wickets:Door", "--places"), "move")[0][-1] == "wickets.py:21"


DOORS = """\
from attrs import frozen
from leverframe import Event, Machine, Message, Payload, entering, on, state

@frozen
class Locked(Payload): ...

@frozen
class Open(Payload): ...

@frozen
class Coin(Event): ...

class Door(Machine[Locked | Open, Coin]):
    locked = state(Locked)
    open = state(Open)

    @entering
    def ring(self, s: Open) -> list[Message]:
        return [Message("doors", "opened")]

    @on
    def coin(self, s: Locked, e: Coin) -> Open:
        return Open()
"""


def test_an_unknown_machine(run: Run_) -> None:
    """It is told as by every command, with status 2."""
    result = run("describe", "pipelin")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "did you mean 'pipeline'?" in result.stderr


# ---------------------------------------------------------------- for programs


def test_json_has_the_whole(run_json: Callable[..., Any]) -> None:
    """The picture as JSON, where an instance begins, and all that is declared besides."""
    found = run_json("describe", "run")
    assert (found["machine"], found["begins_in"]) == ("Run", "pending")
    assert [state["path"] for state in found["states"]] == [state.path for state in picture_of(Run).states]
    assert found["moves"][0]["event"] == "LeaseAcquired"
    assert [(each["name"], each["kind"]) for each in found["declared"]][:1] == [("lease", "Lease")]


# ---------------------------------------------------------------- what is declared


def said(machine: Any) -> dict[str, tuple[str, ...]]:
    return {each.name: each.says for each in declared_of(machine, picture_of(machine))}


def test_a_lease_says_how_it_is_given_and_ended() -> None:
    """Its moves by their events, its times in one unit, and what others may do meanwhile."""
    assert said(Run)["lease"] == (
        "claimed by LeaseAcquired (pending → running)",
        "lasts 1m unless renewed, which is done every 15s",
        "when it has run out, the store makes LeaseExpired (running → pending or failed)",
        "open to anybody meanwhile: Cancel",
        "paused in waiting_tool or waiting_approval",
    )


def test_a_lease_says_what_holds_it_back() -> None:
    """Readiness, limits and gates."""
    words = said(AgentJob)["lease"]
    assert "lasts until it is ended; looked after every 20s" in words
    assert "held at one time, for each all_agents: as many as a claim says" in words
    assert "held back by the gates of its Task, and while its RepoGate is in frozen" in words
    assert "taken over, when it has run out, by TakenOver (running → running)" in said(Job)["lease"]


def test_other_policies_say_what_they_are_about() -> None:
    """Wake-ups, retries, silence, prerequisites, turns, and in which states work has failed."""
    assert said(AgentJob)["retry"][:2] == ("a handler's error becomes Faulted", "Transient becomes Throttled")
    assert "the store makes DeadlinePassed" in said(Run)["deadline"][0]
    assert "nothing is sent" in said(find_machine("execution"))["resume"][0]
    silence = "watched in assigned or working; silent: warn after 5m, stale after 15m, dead after 30m"
    assert said(find_machine("worker"))["staleness"] == (silence,)
    assert said(Task)["prerequisites"] == ("may wait for others of its machine until they are in done",)
    assert said(Task)["one_at_a_time"] == ("one at a time of each repository_of, until it is in done or cancelled",)
    assert said(Run)["failures"] == ("work has failed in failed or timed_out",)


def test_look_ups_and_messages_are_told() -> None:
    """By what an instance is found, and what tells messages."""
    assert said(Pipeline)["feature_branch"] == ("the field in active.merge",)
    assert said(Task)["external_issue_id"] == ("the field in every state; no two have the same",)
    assert said(Task)["work_item"] == ("part 1 of the key",)
    assert said(find_machine("worker"))["announce"] == ("told with every move",)


def test_moves_that_are_for_others_are_known() -> None:
    """Claims, and what a store makes by itself."""
    assert made_by_others(Run) == {
        "lease_acquired": "made by a claim",
        "lease_expired": "made by the store when a lease has run out",
        "deadline_passed": "made by the store when the time has come",
    }
    assert made_by_others(Pipeline) == {}
