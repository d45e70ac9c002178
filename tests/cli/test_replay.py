"""What a replay makes of a log: the two real ones, and small ones for every rule."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from lamps import Broken, Lamp
from logs import CLICK, DIRTY, create_line, event_line, rows_of, write_log

from leverframe import Decision, Store, open_store
from leverframe.cli.reading import LONGEST_LINE
from leverframe.errors import StoreFull
from leverframe.machines import Execution, Pipeline

Run = Callable[..., Result]
RunJSON = Callable[..., Any]
Problems = Callable[..., list[dict[str, Any]]]

DATABASE = "sqlite:///leverframe.db"
NODE = "0" * 64


@pytest.fixture
def database(folder: Path) -> Path:
    return folder / "leverframe.db"


@pytest.fixture
def opened() -> Callable[[], Store]:
    return lambda: open_store(DATABASE)


def totals(**numbers: Any) -> dict[str, Any]:
    zero: dict[str, Any] = {
        "stories": 0,
        "events": 0,
        "moved": 0,
        "refused": 0,
        "malformed": 0,
        "duplicates": 0,
        "states": {},
    }
    return zero | numbers


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


# ---------------------------------------------------------------- create lines


def test_a_create_line_makes_the_instance(run_json: RunJSON, folder: Path) -> None:
    """A create line is a story, and neither an event nor malformed; run again, it changes nothing."""
    log = write_log(folder / "log", create_line("p", "Waiting", label="x", city=None), event_line("p", "Loaded"))
    expected = totals(stories=1, events=1, moved=1, states={"moving.on_the_road": 1})
    assert run_json("replay", "parcels:Parcel", log) == expected
    assert run_json("replay", "parcels:Parcel", log) == expected | {"duplicates": 1}


def test_a_create_line_names_any_leaf(run_json: RunJSON, folder: Path, opened: Callable[[], Store]) -> None:
    """An instance may begin in any leaf, at the line's time, whether or not the machine's initial one has fields."""
    log = write_log(folder / "log", create_line("a", "Qa", at="2020-01-01T00:00:00Z"))
    assert run_json("replay", "pipeline", log)["states"] == {"active.qa": 1}
    with opened() as store:
        assert store.get(Pipeline, "a").created_at.year == 2020


def test_an_event_before_its_create_line(run_json: RunJSON, problems: Problems, folder: Path) -> None:
    """Where the initial state has fields, an event before its instance's create line is refused."""
    log = write_log(folder / "log", event_line("p", "Loaded"))
    (found,) = problems("parcels:Parcel", log)
    assert (found["kind"], found["reason"]) == ("refused", "no instance yet; a create line has to come first")
    assert run_json("replay", "parcels:Parcel", log) == totals(stories=1, events=1, refused=1)


def test_an_early_event_stays_refused(run_json: RunJSON, problems: Problems, folder: Path, database: Path) -> None:
    """An event that came too early is not taken by a second run, for which the instance is there."""
    log = write_log(
        folder / "log",
        event_line("p", "Loaded"),
        event_line("p", "Vanished"),
        create_line("p", "Waiting", label="x", city=None),
    )
    first = run_json("replay", "parcels:Parcel", log)
    rows = rows_of(database)
    assert first == totals(stories=1, events=2, refused=2, states={"moving.waiting": 1})
    assert run_json("replay", "parcels:Parcel", log) == first | {"duplicates": 2}
    assert rows_of(database) == rows
    assert {each["reason"] for each in problems("parcels:Parcel", log)} == {
        "no instance yet; a create line has to come first"
    }


def test_events_for_an_instance_from_elsewhere(run_json: RunJSON, folder: Path) -> None:
    """An instance that another log created needs no create line in this one."""
    run_json("replay", "parcels:Parcel", write_log(folder / "one", create_line("p", "Waiting", label="x", city=None)))
    found = run_json("replay", "parcels:Parcel", write_log(folder / "two", event_line("p", "Loaded")))
    assert found["moved"] == 1


def test_the_same_create_line_twice(run_json: RunJSON, folder: Path) -> None:
    """A second create line with the same body changes nothing, wherever the instance is by then."""
    line = create_line("p", "Waiting", label="x", city=None)
    log = write_log(folder / "log", line, event_line("p", "Loaded"), line)
    assert run_json("replay", "parcels:Parcel", log) == totals(
        stories=1, events=1, moved=1, states={"moving.on_the_road": 1}
    )


def test_another_create_line(problems: Problems, folder: Path) -> None:
    """A second create line with another body is malformed: an instance has one beginning."""
    log = write_log(
        folder / "log",
        create_line("p", "Waiting", label="x", city=None),
        create_line("p", "Waiting", label="y", city=None),
    )
    (found,) = problems("parcels:Parcel", log)
    assert (found["line"], found["kind"], found["id"]) == (2, "malformed", "p")
    assert found["reason"].startswith("create: the instance is there already, created as Waiting(label='x'")


def test_a_create_line_behind_events(problems: Problems, folder: Path) -> None:
    """An instance that an event created cannot be created otherwise afterwards."""
    log = write_log(folder / "log", event_line("a", "DepsMet"), create_line("a", "Qa"), create_line("a", "Backlog"))
    (found,) = problems("pipeline", log)
    assert (found["line"], found["kind"]) == (2, "malformed")


def test_a_create_line_with_a_taken_value(problems: Problems, folder: Path) -> None:
    """A create line whose unique look-up another instance holds is malformed, and the others are not lost."""
    log = write_log(
        folder / "log",
        create_line("p", "Waiting", label="x", city=None),
        create_line("q", "Waiting", label="x", city=None),
        create_line("r", "Waiting", label="z", city=None),
    )
    (found,) = problems("parcels:Parcel", log)
    assert (found["line"], found["kind"]) == (2, "malformed")
    assert "label = 'x', which is unique" in found["reason"]


def test_an_event_with_a_taken_value(run_json: RunJSON, problems: Problems, folder: Path) -> None:
    """An event that would take a unique look-up's value from another instance is refused, also the second time."""
    log = write_log(
        folder / "log",
        create_line("p", "Waiting", label="x", city=None),
        create_line("q", "Waiting", label="y", city=None),
        event_line("q", "Relabelled", label="x"),
        event_line("p", "Relabelled", label="z"),
    )
    first = problems("parcels:Parcel", log)
    assert [(each["line"], each["kind"], each["state"]) for each in first] == [(3, "refused", "moving.waiting")]
    assert problems("parcels:Parcel", log) == first
    assert run_json("replay", "parcels:Parcel", log)["duplicates"] == 2


# ---------------------------------------------------------------- handlers that raise


def test_a_handler_that_raises(run_json: RunJSON, problems: Problems, folder: Path) -> None:
    """An event whose handler raises is refused with the error's words, and nothing good around it is lost."""
    lines = [event_line(f"lamp-{n}", "Switch") for n in range(300)]
    lines[150] = event_line("lamp-150", "Smash")
    log = write_log(folder / "log", *lines)
    (found,) = problems("lamps:Lamp", log)
    assert found == {
        "line": 151,
        "kind": "refused",
        "id": "lamp-150",
        "event": "Smash",
        "state": "off",
        "reason": "raised ValueError: it is dark\nin here",
    }
    assert run_json("replay", "lamps:Lamp", log)["states"] == {"off": 1, "on_": 299}


def test_an_event_that_raised_stays_refused(
    run_json: RunJSON, problems: Problems, folder: Path, database: Path
) -> None:
    """An event whose handler raised is not taken by a second run, which finds the instance in a later state."""
    log = write_log(folder / "log", event_line("lamp", "Smash"), event_line("lamp", "Switch"))
    first = run_json("replay", "lamps:Lamp", log)
    rows = rows_of(database)
    assert first == totals(stories=1, events=2, moved=1, refused=1, states={"on_": 1})
    assert run_json("replay", "lamps:Lamp", log) == first | {"duplicates": 2}
    assert rows_of(database) == rows
    assert [each["reason"] for each in problems("lamps:Lamp", log)] == ["raised ValueError: it is dark\nin here"]


def test_a_handler_that_was_mended(
    problems: Problems, run_json: RunJSON, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event that raised in an earlier run stays refused, though today's handler would take it."""
    log = write_log(folder / "log", event_line("lamp", "Smash"))
    run_json("replay", "lamps:Lamp", log)

    def mended(*_: object) -> Decision[Any]:
        return Decision.of(Broken(), Lamp.smash_unseen, ())

    monkeypatch.setattr("leverframe.cli.settling.decide", mended)
    assert [each["reason"] for each in problems("lamps:Lamp", log)] == ["its handler raised an error in an earlier run"]


def test_an_instance_that_cannot_be_made(run_json: RunJSON, problems: Problems, folder: Path) -> None:
    """Where the first state's hook raises, each event is refused with its words, and there is no instance."""
    log = write_log(folder / "log", event_line("lamp", "Switch"), event_line("lamp", "Smash"))
    assert [each["reason"] for each in problems("lamps:Cursed", log)] == ["raised RuntimeError: no lamp today"] * 2
    assert run_json("replay", "lamps:Cursed", log) == totals(stories=1, events=2, refused=2)


def test_a_create_line_whose_hook_raises(problems: Problems, folder: Path) -> None:
    """A create line whose state's hook raises is malformed, and the next one is not lost."""
    log = write_log(folder / "log", create_line("lamp", "Off"), create_line("lamp", "On"))
    (found,) = problems("lamps:Cursed", log)
    assert (found["line"], found["kind"], found["reason"]) == (
        1,
        "malformed",
        "create: raised RuntimeError: no lamp today",
    )


def test_a_row_that_cannot_be_read(
    run_json: RunJSON, problems: Problems, folder: Path, damage: Callable[[str], None]
) -> None:
    """Events of an instance whose row no longer decodes are refused, and it is counted where it was."""
    run_json("replay", "pipeline", write_log(folder / "one", event_line("a", "DepsMet"), event_line("ab", "DepsMet")))
    damage("a")
    log = write_log(folder / "two", event_line("ab", "GatesStarted"), event_line("a", "GatesStarted"))
    (found,) = problems("pipeline", log)
    assert (found["line"], found["kind"]) == (2, "refused")
    assert "does not decode" in found["reason"]
    assert run_json("replay", "pipeline", log)["states"] == {"active.coding": 1, "active.qa": 1}


def test_early_events_of_a_row_that_cannot_be_read(
    run_json: RunJSON, problems: Problems, folder: Path, damage: Callable[[str], None]
) -> None:
    """An instance whose row no longer decodes is there all the same: its events do not come too early."""
    run_json("replay", "parcels:Parcel", write_log(folder / "one", create_line("p", "Waiting", label="x", city=None)))
    damage("p")
    (found,) = problems("parcels:Parcel", write_log(folder / "two", event_line("p", "Loaded")))
    assert "does not decode" in found["reason"]


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


# ---------------------------------------------------------------- exit status and reports


def test_refusals_do_not_fail_a_replay(run: Run, folder: Path) -> None:
    """A replay that finished is a success, also with refusals."""
    assert run("replay", "pipeline", write_log(folder / "log", "{", event_line("a", "Unblock"))).exit_code == 0


@pytest.mark.parametrize(
    ("line", "status"), [("{", 1), (event_line("a", "Unblock"), 1), (event_line("a", "DepsMet"), 0)]
)
def test_strict(run: Run, folder: Path, line: str, status: int) -> None:
    """With --strict a refused or a malformed line is exit status 1."""
    assert run("replay", "pipeline", write_log(folder / "log", line), "--strict").exit_code == status


def test_the_report(run: Run, folder: Path) -> None:
    """The totals are on stdout, the lines that moved nothing on stderr, one a line."""
    log = write_log(folder / "log", event_line("a", "DepsMet"), event_line("a", "Unblock"), "{")
    result = run("replay", "pipeline", log)
    facts = [line.split() for line in result.stdout.splitlines() if line]
    assert facts[:6] == [
        ["stories", "1"],
        ["events", "2"],
        ["moved", "1"],
        ["refused", "1"],
        ["malformed", "1"],
        ["duplicates", "0"],
    ]
    assert facts[6][:3] == ["events", "a", "second"]
    assert facts[7] == ["active.coding", "1"]
    assert result.stderr.splitlines() == [
        "line 2  refused a Unblock in active.coding: no move takes it there; "
        "accepted there: GatesStarted, QaSkipped, Block, ReviewHold, Abandon, Supersede",
        "line 3  malformed: not JSON: Expecting property name enclosed in double quotes: column 2",
    ]


def test_a_long_report_is_cut(run: Run) -> None:
    """Twenty of many lines that moved nothing are told, and how many more there are."""
    lines = run("replay", "pipeline", DIRTY).stderr.splitlines()
    assert len(lines) == 21
    assert lines[-1] == "... and 445 more, all with --refused FILE"


def test_a_long_report_with_a_file(run: Run) -> None:
    """Where a file has all of them, the report says so."""
    result = run("replay", "pipeline", DIRTY, "--refused", "refused.jsonl")
    assert result.stderr.splitlines()[-1] == "... and 445 more, all in refused.jsonl"


def test_a_report_takes_one_line_each(run: Run, folder: Path) -> None:
    """Nothing in a log can break the report's lines, or drive a terminal."""
    log = write_log(folder / "log", event_line("a\nb\x1b[2J", "Unblock"), event_line("c", "\x1b]0;title\x07"))
    stderr = run("replay", "pipeline", log).stderr
    assert len(stderr.splitlines()) == 2
    assert "\x1b" not in stderr
    assert r"'a\nb\x1b[2J' Unblock in active.backlog" in stderr


# ---------------------------------------------------------------- wrong usage


@pytest.fixture
def unreadable(folder: Path) -> Iterator[Path]:
    """A file that may not be read, by root neither."""
    file = write_log(folder / "secret", event_line("a", "DepsMet"))
    file.chmod(0)
    folder.chmod(0o755)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    yield file
    if user == 0:
        os.seteuid(0)


def check_failed(result: Result, told: str) -> None:
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert len(result.stderr.splitlines()) == 1
    assert told in result.stderr


@pytest.mark.parametrize(
    ("name", "told"), [("nothing.jsonl", "nothing.jsonl: No such file"), (".", ".: Is a directory")]
)
def test_no_log(run: Run, name: str, told: str, database: Path) -> None:
    """No file, or a folder, is an error, and no database is made."""
    check_failed(run("replay", "pipeline", name), told)
    assert not database.exists()


def test_a_log_that_may_not_be_read(run: Run, unreadable: Path) -> None:
    """A file without the right to read it is an error."""
    check_failed(run("replay", "pipeline", unreadable), "secret: Permission denied")


class Failing(BytesIO):
    """A file on a disk that fails."""

    def readline(self, size: int | None = -1, /) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_a_log_that_fails_while_it_is_read(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that cannot be read on is an error that names it."""

    def open_log(_: str) -> AbstractContextManager[BytesIO]:
        return nullcontext(Failing())

    monkeypatch.setattr("leverframe.cli.replay.open_log", open_log)
    check_failed(run("replay", "pipeline", "log.jsonl"), "log.jsonl: Input/output error")


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgre://host/x", "no store has the scheme 'postgre'"),
        ("sqlite:///none/x.db", "is not there; make it first"),
        ("sqlite:///log", "is a file of another kind"),
        ("sqlite:///", "names no file"),
    ],
)
def test_a_database_that_cannot_be_opened(run: Run, folder: Path, url: str, told: str) -> None:
    """A database that cannot be opened is an error, and the log is as it was."""
    log = write_log(folder / "log", event_line("a", "DepsMet"))
    check_failed(run("replay", "pipeline", log, "--db", url), told if url != "sqlite:///log" else "are one file")
    assert log.read_text() == event_line("a", "DepsMet") + "\n"


def test_refused_lines_do_not_go_into_the_log(run: Run, folder: Path) -> None:
    """The file of refused lines is neither the log nor the database."""
    log = write_log(folder / "log", event_line("a", "DepsMet"))
    check_failed(run("replay", "pipeline", log, "--refused", "./log"), "are one file")
    check_failed(run("replay", "pipeline", log, "--refused", "leverframe.db"), "are one file")
    assert log.read_text() == event_line("a", "DepsMet") + "\n"


def test_refused_lines_that_cannot_be_written(run: Run, folder: Path) -> None:
    """A file of refused lines that cannot be made is an error."""
    log = write_log(folder / "log", event_line("a", "DepsMet"))
    check_failed(run("replay", "pipeline", log, "--refused", "none/refused"), "none/refused: No such file")


def test_a_store_that_fails_on_the_way(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the store, which every other line would meet as well, ends the replay."""

    def full(*_: Any, **__: Any) -> None:
        raise StoreFull("the database")

    monkeypatch.setattr(Store, "send_many", full)
    log = write_log(folder / "log", event_line("a", "DepsMet"))
    check_failed(run("replay", "pipeline", log), "no room left")
