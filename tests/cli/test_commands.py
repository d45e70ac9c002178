"""The command line as a whole: help, names of machines, terminals and pipes."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from logs import CLICK, DIRTY, event_line, write_log

Run = Callable[..., Result]

COMMAND = [sys.executable, "-c", "from leverframe.cli import main; main(prog_name='leverframe')"]


def in_terminal(*arguments: str, **environment: str) -> str:
    """What a terminal of 80 columns shows of a command; it succeeds."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    variables = {key: value for key, value in os.environ.items() if key not in {"NO_COLOR", "COLUMNS", "LINES"}}
    variables |= {"TERM": "xterm-256color"} | environment
    with subprocess.Popen([*COMMAND, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=variables) as process:
        os.close(theirs)
        shown = b"".join(iter(lambda: read_terminal(ours), b""))
    os.close(ours)
    assert process.returncode == 0, shown
    return shown.decode()


def read_terminal(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # nobody writes to it any more
        return b""


# ---------------------------------------------------------------- help


@pytest.mark.parametrize("option", ["-h", "--help"])
@pytest.mark.parametrize("command", [(), ("replay",), ("ls",), ("show",), ("history",)])
def test_help(run: Run, command: tuple[str, ...], option: str) -> None:
    """Each command has help, in 80 columns."""
    result = run(*command, option)
    assert result.exit_code == 0
    assert result.stdout.startswith("Usage:")
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_version(run: Run) -> None:
    """The version is the package's."""
    assert run("--version").stdout == "leverframe, version 0.1.0\n"


def test_help_imports_little() -> None:
    """Help is there at once: neither rich nor a database is imported for it."""
    code = "import sys; from leverframe.cli import main; main(['--help'], standalone_mode=False); print(*sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    imported = set(shown.splitlines()[-1].split())
    assert "leverframe.cli.main" in imported
    assert not imported & {"rich", "sqlite3", "pysqlite3", "sqlite_utils", "leverframe.persistence.sqlite"}


INTERRUPTED_AT = """
import os, runpy, signal, sys
module = sys.argv.pop(1)
def interrupt(event, arguments):
    if event == "import" and arguments[0] == module:
        os.kill(os.getpid(), signal.SIGINT)
sys.addaudithook(interrupt)
runpy.run_module("leverframe", run_name="__main__")
"""


@pytest.mark.parametrize("module", ["leverframe.cli.main", "click", "leverframe.cli.reads", "leverframe.cli.databases"])
def test_an_interrupt_while_modules_are_imported(module: str) -> None:
    """Ctrl-C ends a command without a word and with status 130, while its modules are imported too."""
    command = [sys.executable, "-c", INTERRUPTED_AT, module, "ls", "pipeline"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")


def test_an_unknown_command(run: Run) -> None:
    """A command that there is not is wrong usage."""
    assert run("lst").exit_code == 2


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("leverframe ls pi", "pipeline"),
        ("leverframe ls pipeline --in active.m", "active.merge"),
        ("leverframe ls x --in a", ""),
    ],
)
def test_shell_completion(words: str, expected: str) -> None:
    """A shell completes the names of shipped machines, and the paths of states."""
    variables = os.environ | {
        "_LEVERFRAME_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    shown = subprocess.run(COMMAND, env=variables, capture_output=True, text=True, check=True).stdout
    assert shown.strip().rpartition(",")[2] == expected


# ---------------------------------------------------------------- machines


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("pipelin", "'pipelin' is neither a shipped machine nor module:Class; did you mean 'pipeline'?"),
        (
            "zebra",
            "'zebra' is neither a shipped machine nor module:Class; known: agent-job, agent-run, delivery, "
            "execution, job, pipeline, repo-gate, run, task, tracker-card, worker",
        ),
        ("lamps:", "'lamps:' names no class; write module:Class"),
        (":Lamp", "':Lamp' names no class; write module:Class"),
        ("lamps:Lmap", "module lamps has no Lmap; did you mean 'Lamp'?"),
        ("os:nothing", "module os has no nothing; machines there: none"),
        ("lamps:NOT_A_MACHINE", "lamps:NOT_A_MACHINE is no class that inherits Machine; machines there: Cursed, Lamp"),
        ("lamps:Machine", "lamps:Machine is no class that inherits Machine; machines there: Cursed, Lamp"),
        ("nowhere:Lamp", "cannot import nowhere: ModuleNotFoundError: No module named 'nowhere'"),
        ("bad_syntax:Lamp", "cannot import bad_syntax: SyntaxError: "),
        ("bad_exit:Lamp", "cannot import bad_exit: SystemExit: 7"),
        ("bad_machine:Lamp", "cannot import bad_machine: MachineDefinitionError: Lamp: declares no states"),
        ("..lamps:Lamp", "cannot import ..lamps: "),
    ],
)
def test_wrong_targets(run: Run, folder: Path, target: str, told: str) -> None:
    """What names no machine is told in one line, with the nearest name where there is one."""
    (folder / "bad_syntax.py").write_text("class")
    (folder / "bad_exit.py").write_text("raise SystemExit(7)")
    (folder / "bad_machine.py").write_text("from leverframe import *\nclass Lamp(Machine[int, int]): ...")
    result = run("ls", target)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"Error: {told}")
    assert len(result.stderr.splitlines()) == 1


def test_a_machine_of_the_working_folder(run: Run, folder: Path) -> None:
    """A module of the working folder is found, whatever the command was started from."""
    (folder / "my_lamps.py").write_text("from lamps import Lamp")
    log = write_log(folder / "log", event_line("lamp", "Switch"))
    assert json.loads(run("replay", "my_lamps:Lamp", log, "--json").stdout)["states"] == {"on_": 1}


# ---------------------------------------------------------------- terminals


def test_a_replay_in_a_terminal() -> None:
    """At a terminal the report is made of tables that fit it, with the columns' names."""
    shown = in_terminal("replay", "pipeline", str(DIRTY), NO_COLOR="1")
    assert "stories" in shown
    assert "and 445 more" in shown
    assert max(map(len, shown.rpartition("more, all with --refused FILE")[2].splitlines())) <= 80


def test_a_list_in_a_terminal(run: Run) -> None:
    """At a terminal a list has a head, and each instance takes one line of at most 80 columns."""
    run("replay", "pipeline", DIRTY)
    lines = in_terminal("ls", "pipeline", "--in", "active.merge", NO_COLOR="1", TERM="dumb").splitlines()
    assert lines[0].split() == ["key", "state", "version", "changed", "(UTC)", "payload"]
    assert len(lines) == 19
    assert max(map(len, lines)) <= 80
    assert "…" in lines[1]


def test_history_in_a_terminal(run: Run) -> None:
    """At a terminal nothing of the history is cut."""
    run("replay", "pipeline", CLICK)
    shown = in_terminal("history", "pipeline", "pr-9", NO_COLOR="1", TERM="dumb")
    assert "active.coding → active.merge" in shown
    assert max(map(len, shown.splitlines())) <= 80
    assert "…" not in shown


def test_no_colour(run: Run, folder: Path) -> None:
    """NO_COLOR leaves no colour, and a pipe has no escapes at all."""
    run("replay", "pipeline", write_log(folder / "log", event_line("a", "DepsMet")))
    assert "\x1b[3" not in in_terminal("show", "pipeline", "a", NO_COLOR="1")
    assert "\x1b" not in run("show", "pipeline", "a").output


# ---------------------------------------------------------------- pipes


def test_a_reader_that_has_gone(run: Run) -> None:
    """Where nobody reads any more, as behind head, a command ends without a word."""
    run("replay", "pipeline", CLICK)
    with subprocess.Popen(
        [*COMMAND, "ls", "pipeline", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        told = process.stderr.read()
    assert told == b""


def test_a_full_disk(run: Run) -> None:
    """Output that cannot be written is told in one line."""
    run("replay", "pipeline", CLICK)
    with open("/dev/full", "w") as full:
        ended = subprocess.run(
            [*COMMAND, "ls", "pipeline"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[0].startswith("Error: ")


def test_an_output_without_cyrillic(run: Run, folder: Path) -> None:
    """What an output's encoding does not have is written as an escape."""
    run("replay", "pipeline", write_log(folder / "log", event_line("жук", "DepsMet")))
    variables = os.environ | {"PYTHONIOENCODING": "latin-1"}
    shown = subprocess.run([*COMMAND, "ls", "pipeline"], env=variables, capture_output=True, check=True).stdout
    assert shown.startswith(rb"\u0436\u0443\u043a ")


@pytest.mark.parametrize("stream", ["1", "2", "0"])
def test_a_stream_that_is_closed(folder: Path, stream: str) -> None:
    """A command that is started with a stream closed does its work, or says in one line that it cannot."""
    log = write_log(folder / "log", event_line("a", "DepsMet"))
    name = "-" if stream == "0" else str(log)
    command = f'"{sys.executable}" -m leverframe replay pipeline "{name}" {stream}>&-'
    done = subprocess.run(["sh", "-c", command], cwd=folder, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert done.returncode == (2 if stream == "0" else 0)
