"""A machine as it was, and as it is: a state that is called otherwise, a body that has one field more, and a lease."""

from __future__ import annotations

import itertools
import os
import signal
from datetime import timedelta
from typing import Any

from attrs import frozen
from not_grown import Asked, Begun, Done, Ended, OldErrand, Returned, Waiting, old

from leverframe import Machine, Payload, lookup, on, open_store, state
from leverframe.checks import forms
from leverframe.checks.migrating import migrate
from leverframe.coordination.policies import Lease
from leverframe.persistence.rewriting import RewritingWriterVerbs

__all__ = [
    "Asked",
    "Begun",
    "Doing",
    "Done",
    "Ended",
    "Errand",
    "OldErrand",
    "Queued",
    "Returned",
    "Waiting",
    "migrate_and_die",
    "old",
]


@frozen
class Queued(Payload):
    label: str
    urgent: bool


@frozen
class Doing(Payload):
    label: str
    steps: int


class Errand(Machine[Queued | Doing | Done, Begun | Returned | Ended | Asked]):
    """The machine of today: `Waiting` is called `Queued`, and `Doing` counts its steps."""

    queued = state(Queued, initial=True)
    doing = state(Doing)
    done = state(Done, final=True)

    label = lookup()

    @on
    def begun(self, s: Queued, e: Begun) -> Doing:
        return Doing(s.label, 0)

    @on
    def returned(self, s: Doing, e: Returned) -> Queued:
        return Queued(s.label, urgent=True)

    @on
    def asked(self, s: Queued, e: Asked) -> Queued:
        return Queued(e.label, s.urgent)

    @on
    def stepped(self, s: Doing, e: Asked) -> Doing:
        return Doing(e.label, s.steps + 1)

    @on
    def ended(self, s: Doing, e: Ended) -> Done:
        return Done(s.label)

    lease = Lease(claim=begun, expiry=returned, ttl=timedelta(seconds=60))


@Errand.upcast("Waiting", version=1, to=Queued)
def was_waiting(body: dict[str, Any]) -> dict[str, Any]:
    """What waited was not urgent; of a label that begins with `bad` nobody can tell."""
    if body["label"].startswith("bad"):
        raise ValueError("nobody knows how urgent it was")
    return {**body, "urgent": False}


@Errand.upcast("Doing", version=1)
def had_no_steps(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "steps": 0}


def migrate_and_die(url: str, batches: int, *, inside: bool) -> None:
    """Migrate in batches of two, and be killed behind so many of them, or inside of the next one's transaction."""
    forms.AT_ONCE = 2
    done = itertools.count(1)

    def die(_all: int, _more: int) -> None:
        if next(done) == batches:
            if inside:
                RewritingWriterVerbs.rewrite_bodies = be_killed  # type: ignore[method-assign, assignment]  # by the test
                RewritingWriterVerbs.carry_ready = be_killed  # type: ignore[method-assign, assignment]  # by the test
            else:
                be_killed()

    with open_store(url) as store:
        migrate(store, Errand, by="anna", progress=die)


def be_killed(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)
