"""What the processes are told: one text, handed from the command to its workers, and on to their agents."""

from __future__ import annotations

import json
from pathlib import Path

from attrs import asdict, frozen

from .repository import Repository

__all__ = ["Settings"]


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

    def to_text(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Settings:
        given = json.loads(text)
        return cls(**given | {"gates": tuple(given["gates"])})
