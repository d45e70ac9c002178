"""What the processes are told: one line, handed from the command to its workers, and on to their agents.

It is the first line of their standard input.  Everybody on the host sees what stands in a command, and the store's URL
may have a password in it.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from subprocess import Popen

from attrs import asdict, evolve, frozen

from .repository import Repository

__all__ = ["STANDARD_INPUT", "Settings"]

STANDARD_INPUT = 0


@frozen(kw_only=True)
class Settings:
    """`faults`, `rate_limits` and `mistakes` are how often an agent has one, from 0 to 1; `seed` picks which."""

    repository: str
    into: str
    url: str
    seed: int = 1
    faults: float = 0.0
    rate_limits: float = 0.0
    mistakes: float = 0.0
    attempts: int = 10
    rounds: int = 3
    gates: tuple[str, ...] = ()

    def open_repository(self) -> Repository:
        return Repository(Path(self.repository), self.into)

    def tell(self, process: Popen[bytes]) -> None:
        """Hand it to a process; its standard input is left open, for the process to see when this one ends."""
        assert process.stdin is not None
        # One that has ended already is seen to by whoever waits for it.
        with suppress(BrokenPipeError):
            os.write(process.stdin.fileno(), f"{self.to_text()}\n".encode())

    @classmethod
    def told(cls) -> Settings:
        """What this process was handed."""
        line = bytearray()
        # Not sys.stdin, which would read on: what comes behind it is for whoever waits for the end.
        while (byte := os.read(STANDARD_INPUT, 1)) not in (b"", b"\n"):
            line += byte
        return cls.from_text(line.decode())

    def without_store(self) -> Settings:
        """For an agent, which has no business there."""
        return evolve(self, url="")

    def to_text(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Settings:
        given = json.loads(text)
        return cls(**given | {"gates": tuple(given["gates"])})
