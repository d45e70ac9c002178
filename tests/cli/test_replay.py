"""What a replay makes of a log: the two real ones, and small ones for every rule."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from click.testing import Result
from logs import CLICK, DIRTY, event_line, rows_of, totals, write_log

from leverframe import Store
from leverframe.cli.reading import LONGEST_LINE
from leverframe.machines import Execution, Pipeline

Run = Callable[..., Result]
RunJSON = Callable[..., Any]
Problems = Callable[..., list[dict[str, Any]]]

NODE = "0" * 64


# ---------------------------------------------------------------- the real logs


def test_the_clean_log(run_json: RunJSON) -> None:
    """The log of click is 596 stories and 2,497 events, all of which move, and every story ends completed."""
    found = run_json("replay", "pipeline", CLICK)
    assert found == totals(stories=596, events=2497, moved=2497, states={"archived.completed": 596})


def test_the_clean_log_again(run_json: RunJSON, database: Path) -> None:
    """A second run changes nothing, and comes to the same but for the duplicates: all events are."""
    first = run_json("replay", "pipeline", CLICK)
    rows = rows_of(database)
    assert run_json("replay", "pipeline", CLICK) == first | {"duplicates": 2497}
    assert rows_of(database) == rows


def test_the_damaged_log(run_json: RunJSON) -> None:
    """Nothing in a damaged log stops a replay or loses what is good: each line is an event or malformed."""
    found = run_json("replay", "pipeline", DIRTY)
    states = found.pop("states")
    assert found == {
        "stories": 471, "events": 2060, "moved": 1693, "refused": 367, "malformed": 98, "duplicates": 0,
    }  # fmt: skip
    assert sum(states.values()) == 471
    assert found["events"] + found["malformed"] == len(DIRTY.read_bytes().splitlines())


def test_the_damaged_log_again(run_json: RunJSON, database: Path) -> None:
    """A second run of a damaged log changes nothing either, refusals included."""
    first = run_json("replay", "pipeline", DIRTY)
    rows = rows_of(database)
    assert run_json("replay", "pipeline", DIRTY) == first | {"duplicates": 2060}
    assert rows_of(database) == rows


def test_every_refused_line_of_the_damaged_log_is_told(problems: Problems) -> None:
    """The file of refused lines has each of them, in order, with all that is known of it."""
    found = problems("pipeline", DIRTY)
    assert len(found) == 367 + 98
    assert [each["line"] for each in found] == sorted(each["line"] for each in found)
    assert found[0] == {
        "line": 5,
        "kind": "refused",
        "id": "pr-3",
        "event": "Unblock",
        "state": "archived.completed",
        "reason": "no move takes it there; accepted there: nothing",
    }
    assert all(each["state"] and each["id"] and each["event"] for each in found if each["kind"] == "refused")


def test_the_same_problems_are_told_again(problems: Problems) -> None:
    """A second run tells the same lines with the same reasons."""
    assert problems("pipeline", DIRTY) == problems("pipeline", DIRTY)


def test_the_standard_input(run: Run) -> None:
    """With - for a file the log comes from the standard input."""
    result = run("replay", "pipeline", "-", "--json", input=CLICK.read_bytes())
    assert json.loads(result.stdout)["moved"] == 2497


# ---------------------------------------------------------------- events


def test_each_event_happens_at_its_own_time(run_json: RunJSON, folder: Path, opened: Callable[[], Store]) -> None:
    """The time of a line is the decision's, the instance's and the journal's."""
    log = write_log(
        folder / "log",
        event_line("a", "DepsMet", at="2020-01-01T00:00:00Z"),
        event_line("a", "Abandon", at="2020-01-02T00:00:00Z"),
    )
    run_json("replay", "pipeline", log)
    with opened() as store:
        stored = store.get(Pipeline, "a")
        entries = store.history(Pipeline, "a")
    assert (stored.created_at.day, stored.changed_at.day, stored.state.archived_at.day) == (1, 2, 2)  # type: ignore[union-attr]  # it is Abandoned
    assert [(entry.at.year, entry.at.day) for entry in entries] == [(2020, 1), (2020, 1), (2020, 2)]


def test_a_refused_first_event_leaves_the_instance(run_json: RunJSON, folder: Path) -> None:
    """An instance is created at its first event, even if that is refused."""
    log = write_log(folder / "log", event_line("a", "Unblock"))
    assert run_json("replay", "pipeline", log) == totals(stories=1, events=1, refused=1, states={"active.backlog": 1})


def test_a_malformed_line_creates_nothing(run_json: RunJSON, folder: Path) -> None:
    """A line that is not well-formed leaves no trace."""
    log = write_log(folder / "log", event_line("a", "Nonsense"))
    assert run_json("replay", "pipeline", log) == totals(malformed=1)


def test_ids_of_several_parts(run_json: RunJSON, folder: Path, opened: Callable[[], Store]) -> None:
    """A list of strings is the key that the tuple of them is in Python."""
    log = write_log(folder / "log", event_line(["story-7", NODE], "SpawnRequested", agent="coder"))
    assert run_json("replay", "execution", log)["states"] == {"pending": 1}
    with opened() as store:
        assert store.get(Execution, ("story-7", NODE)).path == "pending"


def test_only_the_stories_of_the_log_are_counted(run_json: RunJSON, folder: Path) -> None:
    """What else is in the database is not counted among the states."""
    run_json("replay", "pipeline", write_log(folder / "one", event_line("a", "DepsMet")))
    assert run_json("replay", "pipeline", write_log(folder / "two", event_line("b", "DepsMet")))["states"] == {
        "active.coding": 1
    }


def test_states_are_those_at_the_end(run_json: RunJSON, folder: Path, opened: Callable[[], Store]) -> None:
    """The states are what the database says at the end, whoever moved the stories there."""
    log = write_log(folder / "log", event_line("a", "DepsMet"))
    run_json("replay", "pipeline", log)
    run_json("replay", "pipeline", write_log(folder / "more", event_line("a", "GatesStarted")))
    assert run_json("replay", "pipeline", log)["states"] == {"active.qa": 1}


def test_more_lines_than_one_batch(run_json: RunJSON, folder: Path) -> None:
    """Lines of one story may lie in several transactions, with malformed ones between."""
    moves = [event_line("a", name) for name in ("DepsMet", "GatesStarted")]
    back = event_line("a", "GatesFailed", reason="red")
    log = write_log(folder / "log", moves[0], *[moves[1], "{", back] * 250)
    found = run_json("replay", "pipeline", log)
    assert found == totals(stories=1, events=501, moved=501, malformed=250, states={"active.coding": 1})


# ---------------------------------------------------------------- delivery ids


def test_the_same_line_twice_is_two_events(run_json: RunJSON, folder: Path) -> None:
    """Without delivery ids of their own, equal lines at two places are two events."""
    log = write_log(folder / "log", event_line("a", "DepsMet"), event_line("a", "DepsMet"))
    assert run_json("replay", "pipeline", log) == totals(
        stories=1, events=2, moved=1, refused=1, states={"active.coding": 1}
    )


def test_a_repeated_delivery_id_is_a_duplicate(run_json: RunJSON, folder: Path) -> None:
    """With --delivery-id, an id that comes again for its story is answered as the first time."""
    line = event_line("a", "DepsMet", top={"delivery": "one"})
    log = write_log(folder / "log", line, line, event_line("b", "DepsMet", top={"delivery": "one"}))
    found = run_json("replay", "pipeline", log, "--delivery-id", "delivery")
    assert found == totals(stories=2, events=3, moved=3, duplicates=1, states={"active.coding": 2})


def test_delivery_ids_outlive_the_file(run_json: RunJSON, folder: Path) -> None:
    """With --delivery-id, an event is the same wherever and in whichever file it stands."""
    line = event_line("a", "DepsMet", top={"delivery": 7})
    run_json("replay", "pipeline", write_log(folder / "one", line), "--delivery-id", "delivery")
    found = run_json("replay", "pipeline", write_log(folder / "two", "", line), "--delivery-id", "delivery")
    assert (found["moved"], found["duplicates"]) == (1, 1)


def test_a_log_that_has_grown(run_json: RunJSON, folder: Path) -> None:
    """A log that got more lines since is carried on, and a last line without an end is the same with one."""
    log = folder / "log"
    log.write_text(event_line("a", "DepsMet"))
    run_json("replay", "pipeline", log)
    write_log(log, event_line("a", "DepsMet"), event_line("a", "GatesStarted"))
    found = run_json("replay", "pipeline", log)
    assert found == totals(stories=1, events=2, moved=2, duplicates=1, states={"active.qa": 1})


def test_two_logs_of_one_name(run_json: RunJSON, folder: Path) -> None:
    """Lines of different content are different events, though their files have one name."""
    for name, event in (("x", "DepsMet"), ("y", "GatesStarted")):
        (folder / name).mkdir()
        found = run_json("replay", "pipeline", write_log(folder / name / "log", event_line("a", event)))
        assert (found["moved"], found["duplicates"]) == (1, 0)


# ---------------------------------------------------------------- bad input


def test_a_cut_off_last_line(run_json: RunJSON, folder: Path) -> None:
    """A last line without its end is read, or malformed, like any other."""
    log = folder / "log"
    log.write_text(event_line("a", "DepsMet") + "\n" + event_line("b", "DepsMet"))
    assert run_json("replay", "pipeline", log)["moved"] == 2
    log.write_text(event_line("a", "DepsMet") + "\n" + event_line("b", "DepsMet")[:-5])
    assert run_json("replay", "pipeline", log)["malformed"] == 1


def test_an_empty_log(run_json: RunJSON, folder: Path) -> None:
    """A log with nothing in it comes to nothing."""
    assert run_json("replay", "pipeline", write_log(folder / "log")) == totals()


def test_blank_lines(run_json: RunJSON, problems: Problems, folder: Path) -> None:
    """Blank lines are passed over, and are counted where lines are numbered."""
    log = write_log(folder / "log", "", "  ", event_line("a", "DepsMet"), "", "{")
    assert run_json("replay", "pipeline", log) == totals(
        stories=1, events=1, moved=1, malformed=1, states={"active.coding": 1}
    )
    assert [each["line"] for each in problems("pipeline", log)] == [5]


def test_a_log_from_windows(run_json: RunJSON, folder: Path) -> None:
    """A byte order mark, and carriage returns before the line feeds, do no harm."""
    log = folder / "log"
    log.write_bytes(b"\xef\xbb\xbf" + f"{event_line('a', 'DepsMet')}\r\n\r\n{event_line('b', 'DepsMet')}\r\n".encode())
    assert run_json("replay", "pipeline", log) == totals(stories=2, events=2, moved=2, states={"active.coding": 2})


def test_a_line_of_ten_megabytes(problems: Problems, run_json: RunJSON, folder: Path) -> None:
    """A line that is too long is malformed, and those around it are not lost."""
    long = event_line("a", "Block", reason="x" * 10 * LONGEST_LINE)
    log = write_log(folder / "log", event_line("a", "DepsMet"), long, event_line("a", "GatesStarted"))
    (found,) = problems("pipeline", log)
    assert (found["line"], found["reason"]) == (2, "longer than 1,000,000 bytes")
    assert run_json("replay", "pipeline", log)["states"] == {"active.qa": 1}


def test_large_lines_make_small_batches(run_json: RunJSON, folder: Path) -> None:
    """Lines just short enough are all applied, however many would make up a batch."""
    lines = [event_line(f"a-{n}", "Block", reason="x" * (LONGEST_LINE - 200)) for n in range(9)]
    assert run_json("replay", "pipeline", write_log(folder / "log", *lines))["moved"] == 9


def test_a_log_whose_name_is_no_text(run_json: RunJSON, folder: Path) -> None:
    """A log under a name that UTF-8 cannot hold is replayed, and a second time changes nothing."""
    log = folder / os.fsdecode(b"log\xff.jsonl")
    log.write_text(event_line("a", "DepsMet") + "\n", encoding="utf-8")
    assert run_json("replay", "pipeline", log)["moved"] == 1
    assert run_json("replay", "pipeline", log)["duplicates"] == 1
