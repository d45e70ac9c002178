"""How does the command line say that it cannot go on?  In one line, with a status that tells the kind.

0    done
1    done, and something was found: no such instance, a row that cannot be read, refusals with `--strict`
2    could not be done: wrong usage, a file or a database that cannot be used
130  interrupted
"""

from __future__ import annotations

import click

from leverframe.cli.text import single_line
from leverframe.errors import LeverframeError, NotFound, UnreadableRow

__all__ = ["CANNOT", "FOUND", "INTERRUPTED", "Failure", "Finding", "complain", "failure_of", "file_failure"]

FOUND = 1
CANNOT = 2
INTERRUPTED = 130


class Failure(click.ClickException):
    """An error that ends the command: click prints it as `Error: ...` in one line, and exits."""

    exit_code = CANNOT

    def __init__(self, message: str) -> None:
        super().__init__(single_line(message))


class Finding(Failure):
    """An error that is the answer to what was asked."""

    exit_code = FOUND


def failure_of(error: LeverframeError) -> Failure:
    """The end of a command that this error brings about."""
    return Finding(str(error)) if isinstance(error, (NotFound, UnreadableRow)) else Failure(str(error))


def file_failure(path: str, error: OSError) -> Failure:
    """The end of a command that cannot use a file."""
    return Failure(f"{path}: {error.strerror or error}")


def complain(message: str) -> None:
    """Tell an error of which there may be more; the command goes on."""
    click.echo(f"Error: {single_line(message)}", err=True)
