"""A machine that wants the program to end does not end a replay: its event is refused, as one that raises is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from logs import create_line, event_line, rows_of, totals, write_log

Run = Callable[..., Result]
RunJSON = Callable[..., Any]
Problems = Callable[..., list[dict[str, Any]]]

QUITTER = """
import sys
from attrs import field, frozen
from leverframe import Event, Machine, Payload, entering, on, state

@frozen
class Here(Payload): ...

@frozen
class There(Payload): ...

@frozen
class Closed(Payload): ...

@frozen
class Go(Event):
    hops: int = field(default=0, validator=lambda self, attribute, value: value and sys.exit(value))

@frozen
class Quit(Event): ...

@frozen
class Cancel(Event): ...

@frozen
class Interrupt(Event): ...

@frozen
class Close(Event): ...

class Quitter(Machine[Here | There | Closed, Go | Quit | Cancel | Interrupt | Close]):
    here = state(Here, initial=True)
    there = state(There)
    closed = state(Closed)

    @on
    def go(self, s: Here, e: Go) -> There:
        return There()

    @on
    def quit(self, s: Here | There, e: Quit) -> There:
        sys.exit(7)

    @on
    def cancel(self, s: Here, e: Cancel) -> There:
        raise GeneratorExit

    @on
    def interrupt(self, s: Here, e: Interrupt) -> There:
        raise KeyboardInterrupt

    @on
    def close(self, s: There, e: Close) -> Closed:
        return Closed()

    @entering
    def tell(self, s: Closed) -> list[object]:
        sys.exit("closed for good")
"""

MACHINE = "quitter:Quitter"


@pytest.fixture(autouse=True)
def quitter(folder: Path) -> Iterator[None]:
    """A machine in the working folder whose handlers, hook and event want the program to end."""
    (folder / "quitter.py").write_text(QUITTER)
    yield
    sys.modules.pop("quitter", None)


def test_a_handler_that_exits(run: Run, run_json: RunJSON, folder: Path) -> None:
    """An event whose handler calls `sys.exit` is refused, with its line, and nothing around it is lost."""
    log = write_log(folder / "log", event_line("a", "Go"), event_line("a", "Quit"), event_line("b", "Go"))
    result = run("replay", MACHINE, log)
    assert (result.exit_code, result.stderr) == (0, "line 2  refused a Quit in there: raised SystemExit: 7\n")
    assert run_json("replay", MACHINE, log) == totals(
        stories=2, events=3, moved=2, refused=1, duplicates=3, states={"there": 2}
    )


def test_a_handler_that_exits_is_strict(run: Run, folder: Path) -> None:
    """With --strict the status is that of a refused line, whatever status the handler wanted."""
    assert run("replay", MACHINE, write_log(folder / "log", event_line("a", "Quit")), "--strict").exit_code == 1


def test_an_event_that_exits_is_settled_once(
    run_json: RunJSON, problems: Problems, folder: Path, database: Path
) -> None:
    """A second run of an event whose handler called `sys.exit` changes nothing, and tells the same."""
    log = write_log(folder / "log", event_line("a", "Quit"), event_line("a", "Go"))
    run_json("replay", MACHINE, log)
    rows = rows_of(database)
    assert [each["reason"] for each in problems(MACHINE, log)] == ["raised SystemExit: 7"]
    assert rows_of(database) == rows


def test_a_handler_that_raises_what_is_no_exception(problems: Problems, folder: Path) -> None:
    """What a handler raises may be of any class."""
    (found,) = problems(MACHINE, write_log(folder / "log", event_line("a", "Cancel")))
    assert (found["line"], found["id"], found["event"], found["state"]) == (1, "a", "Cancel", "here")
    assert found["reason"] == "raised GeneratorExit"


def test_a_hook_that_exits(problems: Problems, folder: Path) -> None:
    """An event whose hook calls `sys.exit` is refused, and so is the creation that runs it."""
    log = write_log(folder / "log", event_line("a", "Go"), event_line("a", "Close"), create_line("b", "Closed"))
    assert [(each["line"], each["kind"], each["reason"]) for each in problems(MACHINE, log)] == [
        (2, "refused", "raised SystemExit: closed for good"),
        (3, "malformed", "create: raised SystemExit: closed for good"),
    ]


def test_an_event_that_cannot_be_made(problems: Problems, folder: Path) -> None:
    """A line whose event calls `sys.exit` when it is made is malformed."""
    (found,) = problems(MACHINE, write_log(folder / "log", event_line("a", "Go", hops=3), event_line("a", "Go")))
    assert (found["line"], found["kind"], found["reason"]) == (1, "malformed", "event: raised SystemExit: 3")


def test_an_interrupt_in_a_handler(run: Run, folder: Path) -> None:
    """Ctrl-C ends a replay also while a handler runs."""
    result = run("replay", MACHINE, write_log(folder / "log", event_line("a", "Interrupt")))
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr == "Interrupted: the same command carries on where it stopped\n"
