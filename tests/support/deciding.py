"""What the tests of decisions share: small states and events, and one event run on either driver."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from attrs import frozen

from leverframe import Event, Payload, decide

__all__ = ["DRIVERS", "NOW", "Beat", "Busy", "Decide", "Ended", "Idle", "Live", "Step"]

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


@frozen
class Live(Payload):
    number: int = 0


@frozen
class Idle(Live): ...


@frozen
class Busy(Live): ...


@frozen
class Ended(Payload):
    at: datetime = NOW


@frozen
class Step(Event):
    number: int = 0


@frozen
class Beat(Event): ...


Decide = Callable[..., Any]


def by_table(machine: Any, payload: Any, event: Any, now: datetime | None = NOW) -> Any:
    return decide(machine, payload, event, now)


def by_engine(machine: Any, payload: Any, event: Any, now: datetime | None = NOW) -> Any:
    native = machine.native(payload, NOW)
    before = (native.payload, native.messages, native.configuration)
    try:
        return native.deliver(event, now)
    except BaseException:
        assert (native.payload, native.messages, native.configuration) == before
        raise


DRIVERS: tuple[Decide, ...] = (by_table, by_engine)
