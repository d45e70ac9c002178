"""The workers of one command: processes that are started again when they end."""

from __future__ import annotations

import subprocess
import sys
import time
from types import TracebackType
from typing import Self

from .settings import Settings
from .work import PACKAGE, ROOT

__all__ = ["Crew"]

PAUSE = 1.0
"""Seconds between two starts of workers that ended: one that cannot start is no reason for haste."""

PATIENCE = 20.0
"""Seconds for which a worker may go on with what it has begun."""


class Crew:
    """So many workers, `processes`, for as long as the block runs.  They end with this process, however that ends."""

    def __init__(self, settings: Settings, number: int) -> None:
        self._settings = settings
        self.processes = [self._start(each) for each in range(number)]
        self._started_at = 0.0

    def replace_ended(self) -> None:
        """Start each worker again that has ended, by whatever cause."""
        if time.monotonic() < self._started_at + PAUSE:
            return
        for number, process in enumerate(self.processes):
            if process.poll() is not None:
                process.communicate()
                self.processes[number] = self._start(number)
                self._started_at = time.monotonic()

    def _start(self, number: int) -> subprocess.Popen[bytes]:
        program = [sys.executable, "-m", f"{PACKAGE}.workers", str(number)]
        # A session of its own: Ctrl-C is for the command, which tells the workers by the end of their input.
        process = subprocess.Popen(program, cwd=ROOT, stdin=subprocess.PIPE, start_new_session=True)
        self._settings.tell(process)
        return process

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self.processes:
            assert process.stdin is not None
            process.stdin.close()
        for process in self.processes:
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
