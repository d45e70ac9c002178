"""Why a lease is not given, or no longer holds."""

from __future__ import annotations

from attrs import define

from leverframe.errors.root import Key
from leverframe.errors.storing import StoreError

__all__ = ["DependencyCycle", "LeaseError", "LeaseLost", "LeaseRequired", "NotLeased"]

SHOWN = 5
"""Of a long cycle, so many steps."""


class LeaseError(StoreError):
    """Somebody else has the lease, or nobody has it."""


@define(slots=False, repr=False)
class LeaseLost(LeaseError):
    """The lease that `token` stood for is over: the instance was taken over, given back or ended.  Nothing is written.

    `worker` is whose it was.
    """

    machine: str
    key: Key
    token: int
    worker: str

    def __str__(self) -> str:
        whose = f"the lease of {self.worker} on {self.machine} {self.key!r} is over (token {self.token})"
        return f"{whose}; stop, and leave it to whoever has it now"


@define(slots=False, repr=False)
class LeaseRequired(LeaseError):
    """In `path` the machine takes `event` only from whoever has the lease.  Nothing is written.

    `by_store` says that not even its owner sends it: the store does, when it gives a lease, or one is over.
    """

    machine: str
    key: Key
    path: str
    event: str
    by_store: bool = False

    def __str__(self) -> str:
        where = f"{self.machine} {self.key!r} in {self.path} takes {self.event}"
        if self.by_store:
            return (
                f"{where} from the store alone, when it gives a lease or one is over; call claim() or reap() for that"
            )
        return f"{where} only from whoever has its lease; claim it, and send through what claim() gives"


@define(slots=False, repr=False)
class NotLeased(LeaseError):
    """Nobody has a lease on the instance, which is in `path`; there is none to end.  Nothing is written."""

    machine: str
    key: Key
    path: str

    def __str__(self) -> str:
        return f"nobody has a lease on {self.machine} {self.key!r}, which is in {self.path}; leases() lists who has one"


@define(slots=False, repr=False)
class DependencyCycle(StoreError, ValueError):
    """The first of `cycle` is not to wait for the second, which waits for it already.  Nothing is written."""

    machine: str
    cycle: tuple[Key, ...]

    def __str__(self) -> str:
        ways = [f"{self.cycle[0]!r} would wait for {self.cycle[1]!r}"]
        ways += [f"that waits for {key!r}" for key in self.cycle[2:]]
        shown = (
            ways if len(ways) <= SHOWN else [*ways[: SHOWN - 1], f"and so on for {len(ways) - SHOWN} more", ways[-1]]
        )
        return f"dependencies of {self.machine} can be no cycle: {', '.join(shown)}; leave one of them out"
