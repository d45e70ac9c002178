"""How does the command line say that it cannot go on?  In one line, with a status that tells the kind."""

from __future__ import annotations

import click

from leverframe.cli.statuses import CANNOT, FOUND
from leverframe.cli.text import single_line
from leverframe.errors import (
    AlreadyExists,
    LeaseError,
    LeverframeError,
    NotFound,
    StaleState,
    TransitionNotAllowed,
    UnreadableRow,
)

__all__ = ["Failure", "Finding", "complain", "failure_of", "file_failure"]

ANSWERS = (AlreadyExists, LeaseError, NotFound, StaleState, TransitionNotAllowed, UnreadableRow)
"""The errors that are about the instance that was asked for."""


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
    return Finding(str(error)) if isinstance(error, ANSWERS) else Failure(str(error))


def file_failure(path: str, error: OSError) -> Failure:
    """The end of a command that cannot use a file."""
    return Failure(f"{path}: {error.strerror or error}")


def complain(message: str) -> None:
    """Tell an error of which there may be more; the command goes on."""
    click.echo(f"Error: {single_line(message)}", err=True)
