"""What `play` offers, asks and shows, in a pipe and at a terminal; and that a saved log replays to the same state."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from terminals import Terminal

from leverframe import Store
from leverframe.cli.playing import Game, usual_key
from leverframe.cli.targets import SHIPPED, find_machine
from leverframe.machines import Pipeline
from leverframe.machines.orchestrator import Task
from leverframe.machines.pipeline import Abandon, Backlog, Block, DepsMet

Run = Callable[..., Result]


@pytest.fixture
def play(run: Run) -> Callable[..., Result]:
    """Plays these lines from a pipe."""

    def play(machine: str, *lines: str, options: tuple[str, ...] = ()) -> Result:
        return run("play", machine, *options, input="".join(f"{line}\n" for line in lines))

    return play


Play = Callable[..., Result]


def problems(result: Result) -> list[str]:
    return [line.removeprefix("  ! ") for line in result.stdout.splitlines() if line.startswith("  ! ")]


# ---------------------------------------------------------------- offers and moves


def test_what_is_accepted_is_offered(play: Play) -> None:
    """Each event has a number, and its fields; what the state does not take is not there."""
    shown = play("pipeline").stdout
    assert "  1 DepsMet\n" in shown
    assert "  2 Block       reason: str\n" in shown
    assert "Unblock" not in shown


def test_an_event_moves(play: Play) -> None:
    """By its name, in whatever case, or by its number; the move that took it is told."""
    result = play("pipeline", "DepsMet", "gatesstarted", "2 reason=red", "quit")
    assert result.exit_code == 0
    assert "active.backlog → active.coding  by deps_met\n" in result.stdout
    assert "active.coding → active.qa  by gates_started\n" in result.stdout
    assert "active.qa → active.coding  by gates_failed\n" in result.stdout


def test_a_final_state_says_so(play: Play) -> None:
    """Nothing is offered there."""
    assert "nothing is accepted here any more" in play("pipeline", "Abandon").stdout


def test_messages_are_told(play: Play) -> None:
    """What a move tells is shown with it."""
    shown = play("kiosks:Kiosk", "Close", options=("visits=0",)).stdout
    assert "message kiosks/closed about kiosk-1: at=night\n" in shown


def test_an_event_that_is_not_accepted_is_not_sent(play: Play) -> None:
    """It is told what is accepted instead, and the status says that something was wrong."""
    result = play("pipeline", "accepted", "state")
    assert problems(result) == [
        "Accepted is not accepted in active.backlog; accepted: DepsMet, Block, ReviewHold, Abandon, Supersede"
    ]
    assert result.stdout.count("active.backlog>") == 2
    assert result.exit_code == 1


def test_a_guard_refuses(play: Play) -> None:
    """Its name is told, nothing is changed, and the offer says so beforehand."""
    result = play("kiosks:Kiosk", "Visit", "Visit", options=("visits=0",))
    assert "Visit  (its guard says no now)" in result.stdout
    assert problems(result) == ["refused: has_room said no; nothing is changed"]


def test_a_handler_that_raises_changes_nothing(play: Play) -> None:
    """Its error is told, and one can go on."""
    result = play("kiosks:Kiosk", "Burn", "Visit", options=("visits=0",))
    assert problems(result) == ["raised RuntimeError: it is on fire; nothing is changed"]
    assert "open → open  by visit" in result.stdout


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("DepsMett", "'DepsMett' is neither an event nor a command; did you mean 'DepsMet'?"),
        ("zebra", "`state` shows what is accepted, `help` what else can be typed"),
        ('Block "x', "No closing quotation"),
        ("Block why=x", "Block has no field 'why'; known: reason"),
        ("Block x", "'x' is no FIELD=VALUE"),
        ("Block reason:=[", "reason:=[: no JSON"),
        ("undo", "there is nothing to undo"),
        ("redo", "there is nothing to redo"),
        ("undo 2", "undo takes nothing behind it"),
        ("save", "save takes the name of one file"),
        ("7", "'7' is neither an event nor a command"),
    ],
)
def test_what_is_wrong_with_a_line_is_told(play: Play, line: str, problem: str) -> None:
    """And the next line is read."""
    result = play("pipeline", line, "DepsMet")
    assert problem in problems(result)[0]
    assert "by deps_met" in result.stdout


# ---------------------------------------------------------------- asking


def test_a_field_is_asked_until_it_fits(play: Play) -> None:
    """What does not fit its type is told, and it is asked again."""
    result = play("pipeline", "DepsMet", "QaSkipped", "", "fix", "0", "many", "3")
    assert problems(result) == [
        "BranchName must be a string of at least one character, got ''",
        "Positive must be an integer of at least 1, got 0",
        "must be an integer, got str 'many'",
    ]
    assert "  feature_branch  fix\n  commits_ahead   3\n" in result.stdout


def test_a_field_that_is_given_is_not_asked_for(play: Play) -> None:
    """One that does not fit is."""
    result = play("pipeline", "DepsMet", "QaSkipped feature_branch=fix commits_ahead=no", "2")
    assert problems(result) == ["commits_ahead: must be an integer, got str 'no'"]
    assert "  commits_ahead   2\n" in result.stdout
    assert "feature_branch (" not in result.stdout


EVERYTHING = [
    *("Asked", "a", "ab"),
    *("maybe", "yes"),
    *("tomorrow", "+1h"),
    *("2026-02-30", "2026-02-28"),
    *("long", "90s"),
    *("dear", "12.50"),
    *("green", "dark_blue"),
    *("medium", "large"),
    *("one", "two", ""),
    *("x", "1", "b"),
    *("[]", '{"anna": 3}'),
    *("bolt", "0", "2"),
    *("Sleep", "sweep", "perhaps", "no"),
    *("many", ""),
    *("as it is", ""),
]


def test_every_type_is_asked_for(play: Play) -> None:
    """Wrong answers are told by the type's own words; the state has what was said."""
    result = play("kiosks:Kiosk", *EVERYTHING, "save log", options=("visits=0",))
    told = problems(result)
    assert len(told) == 14, told
    state = json.loads((Path("log")).read_text().splitlines()[1])["event"]
    assert {name: state[name] for name in state if name != "at"} == {
        "type": "Asked",
        "code": "ab",
        "flag": True,
        "day": "2026-02-28",
        "wait": "PT90S",
        "price": "12.5",
        "colour": "dark blue",
        "size": "large",
        "words": ["one", "two"],
        "pair": [1, "b"],
        "ages": {"anna": 3},
        "part": {"name": "bolt", "amount": 2},
        "chore": {"type": "Sweep", "body": {"hard": False}},
        "maybe": None,
        "note": "as it is",
        "built": "2020-01-02",
    }


def test_what_a_class_refuses_is_asked_again(play: Play) -> None:
    """Its own check may look at several fields: it is asked which is to be given anew, and all others are kept."""
    said = [*EVERYTHING[:-1], "1999-01-02", "bild", "built", "2001-01-02"]
    result = play("kiosks:Kiosk", *said, options=("visits=0",))
    assert "ab is younger than that" in problems(result)[-2]
    assert "must be one of code, flag" in problems(result)[-1]
    assert "  built   2001-01-02\n" in result.stdout


def test_what_may_be_left_out_is_asked_for_when_it_is_wanted(play: Play) -> None:
    """Of more than two such fields it is asked first whether any is given."""
    said = ["shop", "now", "no", "Cancel", "y", "1.5", "", "", ""]
    shown = play("run", *said).stdout
    assert "any of max_attempts, attempt_count, cost_usd, step_count, error_code, error_detail? [y/N]: no" in shown
    assert "added_step_count (Count) [0]: \n" in shown
    assert "  cost_usd       1.5\n" in shown


def test_the_end_of_a_pipe_ends_it_in_the_middle_of_a_question(play: Play) -> None:
    """Nothing is sent then."""
    result = play("pipeline", "Block")
    assert result.exit_code == 0
    assert "by block" not in result.stdout


# ---------------------------------------------------------------- where it begins


def test_it_begins_in_the_state_that_is_given(play: Play) -> None:
    """By its path or its class, with fields; what is missing is asked for."""
    shown = play("pipeline", "3", options=("--from", "active.merge", "feature_branch=fix")).stdout
    assert "commits_ahead (Positive: 1 or more): 3\n" in shown
    assert "1 MergeSucceeded" in shown
    assert "archived.blocked\n" in play("pipeline", options=("--from", "Blocked", "archived_at=now", "reason=x")).stdout


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--from", "active"), "active is a superstate of Pipeline; give one of active.backlog"),
        (("--from", "merg"), "Pipeline has no state 'merg'"),
        (("--from", "active.merge", "branch=x"), "Merge has no field 'branch'"),
        (("fix",), "'fix' is no FIELD=VALUE"),
    ],
)
def test_a_beginning_that_is_none(play: Play, options: tuple[str, ...], problem: str) -> None:
    """It is told as every error is, with status 2."""
    result = play("pipeline", options=options)
    assert result.exit_code == 2
    assert problem in result.stderr


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_machine_can_be_played(play: Play, name: str) -> None:
    """Its title is shown, and what it begins with is asked for."""
    result = play(name)
    assert (result.exit_code, result.stderr) == (0, "")
    assert find_machine(name).__name__ in result.stdout


# ---------------------------------------------------------------- backwards and forwards


def test_undo_and_redo() -> None:
    """A step back and forth leads to the same state; a new event forgets what was undone."""
    game = Game.of(Pipeline, Backlog())
    game.send(DepsMet())
    game.send(Block("waiting"))
    blocked = game.step
    assert game.undo()
    assert game.path == "active.coding"
    assert game.redo()
    assert game.step is blocked
    assert not game.redo()
    assert game.undo()
    game.send(Abandon())
    assert not game.redo()
    assert [type(step.event) for step in game.played] == [type(None), DepsMet, Abandon]


def test_restart(play: Play) -> None:
    """It goes back to the start, and what was played can be done again."""
    shown = play("pipeline", "DepsMet", "Abandon", "restart", "history", "redo").stdout
    history = shown[shown.index("→ 0 ") :].splitlines()[:3]
    assert [line.split() for line in history] == [
        ["→", "0", "active.backlog", "start"],
        ["1", "active.coding", "DepsMet", "(undone)"],
        ["2", "archived.abandoned", "Abandon", "(undone)"],
    ]
    assert shown.rstrip().splitlines()[-1].startswith("  6 Supersede")


# ---------------------------------------------------------------- saving


def test_a_saved_log_replays_to_the_same_state(play: Play, run: Run, opened: Callable[[], Store]) -> None:
    """Every line of it moves, at the time at which it was played; what was undone is not there."""
    play("pipeline", "DepsMet", "Abandon", "undo", 'Block reason="waits for anna"', "save log")
    assert run("replay", "pipeline", "log", "--strict").exit_code == 0
    lines = [json.loads(line) for line in Path("log").read_text().splitlines()]
    assert [line.get("event", line.get("create"))["type"] for line in lines] == ["Backlog", "DepsMet", "Block"]
    with opened() as store:
        stored = store.get(Pipeline, "play")
        entries = store.history(Pipeline, "play")
    assert (stored.path, stored.state.reason) == ("archived.blocked", "waits for anna")  # type: ignore[union-attr]  # it is Blocked
    assert [entry.at.isoformat() for entry in entries] == [line["at"] for line in lines]
    assert stored.state.archived_at == entries[-1].at  # type: ignore[union-attr]  # it is Blocked


def test_every_type_is_saved_so_that_it_replays(play: Play, run: Run) -> None:
    """A log with a field of every kind is read back."""
    play("kiosks:Kiosk", *EVERYTHING, "save log", options=("visits=0",))
    assert run("replay", "kiosks:Kiosk", "log", "--strict").exit_code == 0


def test_a_log_has_the_key_that_is_given(play: Play, run: Run) -> None:
    """Once for each part; without one it has as many parts as the machine looks up."""
    assert usual_key(Task) == ("play", "1")
    play("pipeline", "DepsMet", "save log", options=("--key", "shop", "--key", "7"))
    assert run("replay", "pipeline", "log", "--strict").exit_code == 0
    assert "active.coding" in run("show", "pipeline", "shop", "7").stdout


def test_a_file_that_is_there_is_left_as_it_is(play: Play) -> None:
    """Another name is asked for."""
    Path("log").write_text("mine")
    assert problems(play("pipeline", "save log")) == ["log is there already, and is left as it is; give another name"]
    assert Path("log").read_text() == "mine"
    assert "No such file or directory" in problems(play("pipeline", "save nowhere/log"))[0]


def test_moves_of_a_lease_are_told_when_a_log_is_saved(play: Play, run: Run) -> None:
    """A replay has no lease: it refuses these lines, each time, and goes on with the others."""
    said = play("run", "shop", "now", "no", "LeaseAcquired", "no", "Cancel", "no", "save log").stdout
    assert "a replay refuses LeaseAcquired, and what follows from that" in said.replace("\n", " ")
    for _ in range(2):
        result = run("replay", "run", "log")
        assert result.exit_code == 0
        assert "takes LeaseAcquired from the store alone" in result.stderr.replace("\n", " ")
        assert "cancelled" in result.stdout


def test_nothing_is_stored(play: Play, database: Path) -> None:
    """Playing makes no database."""
    play("pipeline", "DepsMet")
    assert not database.exists()


# ---------------------------------------------------------------- at a terminal


def test_a_terminal_completes_names() -> None:
    """Tab writes the rest of an event's name; Ctrl-C takes a question back, Ctrl-D ends it."""
    terminal = Terminal("play", "pipeline")
    terminal.play([("active.backlog> ", "dep\t"), ("active.coding> ", "blo\t")])
    terminal.wait_for("reason (str): ")
    terminal.interrupt()
    terminal.wait_for("nothing is sent")
    terminal.play([("active.coding> ", "7"), ("active.coding> ", "gates\t")])
    terminal.wait_for("active.qa> ")
    terminal.type("\x04")
    assert terminal.end() == 0
    assert "by deps_met" in terminal.shown
    assert "by gates_started" in terminal.shown


def test_what_a_terminal_shows_fits_it() -> None:
    """No line is wider than the terminal, also where something is wrong."""
    terminal = Terminal("play", "run", columns=60)
    terminal.play(
        [
            ("project_id (ProjectId): ", "shop"),
            ("): ", "now"),
            ("[y/N]: ", "n"),
            ("pending> ", "Approved"),
            ("pending> ", "LeaseAcquired added_cost_usd=1"),
            ("running> ", "help"),
            ("running> ", "quit"),
        ]
    )
    assert terminal.end() == 0
    asked = ("]: ", "): ", "> ")
    lines = [line for line in terminal.shown.splitlines() if not any(each in line for each in asked)]
    assert [line for line in lines if len(line) > 60] == []


def test_ctrl_c_at_the_prompt_ends_it() -> None:
    """With the status that every interrupted command has."""
    terminal = Terminal("play", "pipeline")
    terminal.wait_for("active.backlog> ")
    terminal.interrupt()
    assert terminal.end() == 130
