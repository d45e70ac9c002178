"""What is wrong with a worker's handler, beside what it raises itself?  A machine is told of these as of that."""

from __future__ import annotations

from attrs import define

from leverframe.errors.root import Key, LeverframeError

__all__ = ["HandlerDied", "HandlerError", "LeaseNotEnded"]


class HandlerError(LeverframeError):
    """A worker's handler did not do its part; the machine is told as its `Retry` says, and the worker goes on."""


@define(slots=False, repr=False)
class LeaseNotEnded(HandlerError):
    """The handler is done, and the instance is in `path` still, under the lease."""

    machine: str
    key: Key
    path: str

    def __str__(self) -> str:
        what = f"the handler of {self.machine} {self.key!r} is done and has left it in {self.path}, leased"
        return f"{what}; return the event that ends the lease, or send it through what the handler is given"


@define(slots=False, repr=False)
class HandlerDied(HandlerError):
    """The process that the handler ran in has ended before the handler did; `problem` says how."""

    machine: str
    key: Key
    problem: str

    def __str__(self) -> str:
        what = f"the process that handled {self.machine} {self.key!r} {self.problem}"
        return f"{what}; look for what it ran out of, or for who ended it"
