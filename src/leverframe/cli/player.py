"""Who plays?  A person at a terminal, with completion of names, or a script on standard input."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Sequence
from typing import Any, TextIO

import click

from leverframe.cli.sheets import wrapped
from leverframe.cli.text import single_line

__all__ = ["Player"]

MARK = "  ! "


class Player:
    """Reads lines; `went_wrong` says whether anything that was said had to be answered with what is wrong."""

    def __init__(self) -> None:
        stdin: TextIO | None = sys.stdin
        self.is_person = stdin is not None and stdin.isatty() and sys.stdout.isatty()
        self.went_wrong = False
        self._choices: Sequence[str] = ()
        if self.is_person:
            self._complete_names()

    def ask(self, question: str, choices: Sequence[str] = ()) -> str:
        """What is said, without blanks around it; `choices` complete it.  Raises `EOFError` at the end."""
        self._choices = choices
        if self.is_person:
            return self._input(question)
        line = sys.stdin.readline() if sys.stdin is not None else ""  # pyright: ignore[reportUnnecessaryComparison]  # it may be closed
        if not line:
            raise EOFError
        # As it would stand on a terminal: what was asked, and what was said.
        click.echo(question + single_line(line.strip()))
        return line.strip()

    def _input(self, question: str) -> str:
        try:
            return input(question).strip()
        except (EOFError, KeyboardInterrupt):
            # What comes next begins a line of its own.
            click.echo()
            raise

    def tell(self, text: str) -> None:
        """Say what is wrong."""
        self.went_wrong = True
        room = shutil.get_terminal_size().columns - len(MARK) if self.is_person else sys.maxsize
        first, *others = wrapped(single_line(text), room) or [""]
        click.echo("\n".join([MARK + first, *(" " * len(MARK) + line for line in others)]))

    # ------------------------------------------------------------ completion

    def _complete_names(self) -> None:
        with contextlib.suppress(ImportError):  # not every Python has it, and it is a convenience
            import readline

            readline.set_completer(self._completion)
            readline.set_completer_delims(" ")
            from_libedit = "libedit" in (readline.__doc__ or "")
            readline.parse_and_bind("bind ^I rl_complete" if from_libedit else "tab: complete")

    def _completion(self, begun: str, number: int) -> Any:
        found = [each for each in self._choices if each.casefold().startswith(begun.casefold())]
        return f"{found[number]} " if number < len(found) else None
