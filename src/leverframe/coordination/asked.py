"""Who claims, and what was said beside that?  Whether it can be meant is looked at before anything is done."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from leverframe.coordination.policies import LeasePolicy
from leverframe.coordination.processes import Process
from leverframe.errors import InvalidQuery
from leverframe.persistence.arguments import check_integer, check_text
from leverframe.wording import show_value

__all__ = ["Asked"]


@frozen
class Asked:
    """Who claims, and what was said beside that."""

    worker: str
    at_most: int | None = None
    event: Any = None
    process: Process | None = None

    def check(self, lease: LeasePolicy) -> None:
        """Raises `InvalidQuery`."""
        check_text("worker", self.worker)
        name = lease.machine.machine_name
        if self.process is not None and not isinstance(self.process, Process):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
            raise InvalidQuery(name, f"process={show_value(self.process)} is none; give this_process()")
        if self.at_most is not None:
            check_integer("at_most", self.at_most, at_least=1)
            if lease.limit is None:
                problem = f"{lease.name} has no limit= that at_most= could be for; declare Limit(per=...)"
                raise InvalidQuery(name, problem)
        if self.event is not None and not isinstance(self.event, kinds := claiming_events(lease)):
            wanted = " or ".join(kind.__name__ for kind in kinds)
            raise InvalidQuery(name, f"event={show_value(self.event)} claims nothing; give {wanted}")


def claiming_events(lease: LeasePolicy) -> tuple[type, ...]:
    """The events by which somebody gets the lease."""
    return lease.claim.events if lease.takeover is None else (*lease.claim.events, *lease.takeover.events)
