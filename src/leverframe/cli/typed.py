"""Which module knows what each state takes, and is it up to date?  `leverframe typed`."""

from __future__ import annotations

from pathlib import Path

import click

from leverframe.checks.typed_module import typed_module
from leverframe.cli.failures import Failure, complain, file_failure
from leverframe.cli.files import put_whole
from leverframe.cli.output import print_note
from leverframe.cli.statuses import FOUND
from leverframe.cli.targets import AnyMachine

__all__ = ["check_typed", "write_typed"]

STANDARD_OUTPUT = "-"


def write_typed(machine: AnyMachine, target: str, path: str) -> None:
    """Write the module of a machine."""
    text = typed_module(machine, target)
    if path == STANDARD_OUTPUT:
        click.echo(text, nl=False)
    else:
        put_whole(path, text.encode())


def check_typed(machine: AnyMachine, target: str, path: str) -> int:
    """Tell whether a file is the module of a machine as it is now; the exit status."""
    again = f"leverframe typed {target} -o {path}"
    try:
        written = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise Failure(f"{path}: there is no such file; write it with: {again}") from error
    except OSError as error:
        raise file_failure(path, error) from error
    except UnicodeDecodeError as error:
        raise Failure(f"{path}: is no text; write it anew with: {again}") from error
    if written == typed_module(machine, target):
        print_note(f"{path}: {machine.__name__} is as it was")
        return 0
    complain(f"{path}: {machine.__name__} has changed since; write it anew with: {again}")
    return FOUND
