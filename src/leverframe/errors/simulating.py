"""What a simulation found."""

from __future__ import annotations

from attrs import define

from leverframe.errors.root import LeverframeError

__all__ = ["SimulationFailed"]


@define(slots=False, repr=False)
class SimulationFailed(LeverframeError, AssertionError):
    """In the simulation of a machine something happened that must not: `problem`.

    `trace` says how it came to that, a line each; a traceback prints it, too.  The same `seed` gives the same run, as
    long as the machine and the other arguments are the same.
    """

    machine: str
    seed: int
    problem: str
    trace: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.machine}: {self.problem}; see the trace, and simulate it again with seed={self.seed}"
