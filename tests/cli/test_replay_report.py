"""What a replay tells of itself, and what it tells of a log or a database that cannot be used."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from io import BytesIO
from pathlib import Path

import pytest
from click.testing import Result
from logs import DIRTY, event_line, write_log

Run = Callable[..., Result]


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
        ("mysql://host/x", "mysql://host/x: names no store; known: "),
        ("sqlite:///none/x.db", "is not there; make it first"),
        ("sqlite:///log", "are one file"),
        ("SQLite:///log", "are one file"),
        ("sqlite:///", "names no file"),
    ],
)
def test_a_database_that_cannot_be_opened(run: Run, folder: Path, url: str, told: str) -> None:
    """A database that cannot be opened is an error, and the log is as it was."""
    log = write_log(folder / "log", event_line("a", "DepsMet"))
    check_failed(run("replay", "pipeline", log, "--db", url), told)
    assert log.read_text() == event_line("a", "DepsMet") + "\n"


def test_refused_lines_do_not_go_into_the_log(run: Run, folder: Path) -> None:
    """The file of refused lines is neither the log nor the database."""
    log = write_log(folder / "log", event_line("a", "DepsMet"))
    check_failed(run("replay", "pipeline", log, "--refused", "./log"), "are one file")
    check_failed(run("replay", "pipeline", log, "--refused", "leverframe.db"), "are one file")
    assert log.read_text() == event_line("a", "DepsMet") + "\n"


def test_refused_lines_of_an_earlier_run(run: Run, folder: Path) -> None:
    """A replay that begins writes the file of refused lines anew; one that cannot open the database leaves it."""
    log = write_log(folder / "log", event_line("a", "DepsMet"))
    refused = write_log(folder / "refused", "what an earlier run found")
    check_failed(run("replay", "pipeline", log, "--refused", refused, "--db", "sqlite:///none/x.db"), "is not there")
    assert refused.read_text() == "what an earlier run found\n"
    assert run("replay", "pipeline", log, "--refused", refused).exit_code == 0
    assert refused.read_text() == ""


def test_refused_lines_that_cannot_be_written(run: Run, folder: Path) -> None:
    """A file of refused lines that cannot be made is an error."""
    log = write_log(folder / "log", event_line("a", "DepsMet"))
    check_failed(run("replay", "pipeline", log, "--refused", "none/refused"), "none/refused: No such file")
