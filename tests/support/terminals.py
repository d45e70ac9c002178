"""A command at a terminal of a given width, and what somebody types there."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

__all__ = ["Terminal"]

COMMAND = str(Path(sys.executable).parent / "leverframe")

LONGEST_WAIT = 30.0
"""Seconds."""

CONTROL = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\x07")


class Terminal:
    """A terminal with `leverframe` in it; all that it shows is `shown`."""

    def __init__(self, *arguments: str, columns: int = 80) -> None:
        self.shown = ""
        self._given = 0
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LEVERFRAME_")}
        environment |= {"COLUMNS": str(columns), "TERM": "xterm", "NO_COLOR": "1"}
        self._process, self._lead = pty.fork()
        if self._process == 0:
            os.execve(COMMAND, ["leverframe", *arguments], environment)

    def wait_for(self, text: str) -> str:
        """All that has been shown since the last time, up to this text."""
        until = time.monotonic() + LONGEST_WAIT
        while text not in self._new():
            assert time.monotonic() < until, f"{text!r} does not come; there is {self.shown!r}"
            assert self._read(), f"it ended without {text!r}; there is {self.shown!r}"
        begun = self._given
        self._given = self.shown.index(text, begun) + len(text)
        return self.shown[begun : self._given]

    def type(self, text: str) -> None:
        """Type this as it is; a line ends with a carriage return."""
        os.write(self._lead, text.encode())

    def interrupt(self) -> None:
        """Type Ctrl-C, and an empty line: Python sees a signal that comes while it begins to wait when it goes on."""
        self.type("\x03")
        self.type("\r")

    def end(self) -> int:
        """Wait until it has ended; its exit status."""
        until = time.monotonic() + LONGEST_WAIT
        while self._read():
            if time.monotonic() > until:
                os.kill(self._process, signal.SIGKILL)
                raise AssertionError(f"it does not end; there is {self.shown!r}")
        os.close(self._lead)
        return os.waitstatus_to_exitcode(os.waitpid(self._process, 0)[1])

    def play(self, lines: Sequence[tuple[str, str]]) -> None:
        """For each pair: when the first shows, type the second as a line."""
        for awaited, typed in lines:
            self.wait_for(awaited)
            self.type(f"{typed}\r")

    def _new(self) -> str:
        return self.shown[self._given :]

    def _read(self) -> bool:
        """Read what is shown next; False at the end."""
        if select.select([self._lead], [], [], LONGEST_WAIT)[0]:
            try:
                found = os.read(self._lead, 65536)
            except OSError:  # what reading says when nobody has the terminal's other end
                return False
            self.shown += CONTROL.sub("", found.decode(errors="replace")).replace("\r\n", "\n")
            return bool(found)
        return True
