"""Create lines, and handlers that raise: every line of a log is settled once, however often it is replayed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lamps import Broken, Lamp
from logs import create_line, event_line, rows_of, totals, write_log

from leverframe import Decision, Store
from leverframe.machines import Pipeline

RunJSON = Callable[..., Any]
Problems = Callable[..., list[dict[str, Any]]]


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
