"""Job: background work with an owner, a lease and a watermark.  The key is the pair (kind, job key).

The owner, its token and its lease are kept beside the job.  A running one has no last error: each claim clears it.

    enqueue(store, "index", "shop", Watermark(7))
    store.claim_or_reason(Job.lease, worker="builder-1", key=("index", "shop"), create=Pending(), at_most=3)
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from attrs import Factory, evolve, field, frozen

from leverframe import Event, InvalidValue, Machine, Payload, on, state
from leverframe.coordination.failing import Failures
from leverframe.coordination.limits import Limit
from leverframe.coordination.policies import Lease
from leverframe.machines.amounts import Count, of_kind
from leverframe.machines.carrying import become

if TYPE_CHECKING:
    from leverframe import Receipt, Store

# ---------------------------------------------------------------- values


class Watermark(Count):
    """How far the input has come, or how much of it a success has seen."""


class Retries(Count):
    """How often a failed job may be claimed again."""


NOTHING_SEEN = Watermark(0)
DEFAULT_RETRIES = Retries(3)
DEFAULT_DELAY = timedelta(hours=1)

JobKey: TypeAlias = tuple[str, str]
"""The kind, and the job's key within that."""

ClaimRefusal: TypeAlias = Literal["already_running", "retry_exhausted", "retry_pending", "not_dirty"]


# ---------------------------------------------------------------- states


@frozen(kw_only=True)
class Recorded(Payload):
    """What every job has.  `retry_limit` is how many retries it has when they are full."""

    input_watermark: Watermark = field(default=NOTHING_SEEN, validator=of_kind(Watermark))
    retry_limit: Retries = field(default=DEFAULT_RETRIES, validator=of_kind(Retries))


@frozen
class Pending(Recorded):
    """Never claimed: its retries are full, and nothing was seen."""

    @property
    def retry_remaining(self) -> Retries:
        return self.retry_limit

    @property
    def last_success_watermark(self) -> Watermark:
        return NOTHING_SEEN

    @property
    def is_dirty(self) -> bool:
        """Whether there is input that no success has seen."""
        return self.input_watermark > NOTHING_SEEN


def full_retries(job: Any) -> Retries:
    """As many retries as the job may have."""
    limit: Retries = job.retry_limit
    return limit


@frozen(kw_only=True)
class Started(Recorded):
    """Claimed at least once, the last time at `started_at`.  It never has more retries than it may have."""

    last_success_watermark: Watermark = field(default=NOTHING_SEEN, validator=of_kind(Watermark))
    retry_remaining: Retries = field(default=Factory(full_retries, takes_self=True), validator=of_kind(Retries))
    started_at: datetime
    retry_at: datetime | None = None

    @property
    def is_dirty(self) -> bool:
        """Whether there is input that no success has seen."""
        return self.input_watermark > self.last_success_watermark

    def __attrs_post_init__(self) -> None:
        if self.retry_remaining > self.retry_limit:
            raise InvalidValue("retry_remaining", f"be at most retry_limit, {self.retry_limit}", self.retry_remaining)


@frozen(kw_only=True)
class Running(Started):
    """Somebody has it.  `finished_at` tells when the failed attempt before this one ended."""

    finished_at: datetime | None = None


@frozen(kw_only=True)
class Done(Started):
    finished_at: datetime
    last_error: str | None = None


@frozen(kw_only=True)
class Error(Started):
    finished_at: datetime
    last_error: str | None = None


JobState: TypeAlias = Pending | Running | Done | Error


# ---------------------------------------------------------------- events


@frozen
class Enqueued(Event):
    watermark: Watermark = field(validator=of_kind(Watermark))


@frozen
class Claimed(Event): ...


@frozen
class TakenOver(Event):
    """The lease of whoever had it has run out."""


@frozen
class Succeeded(Event):
    watermark: Watermark = field(validator=of_kind(Watermark))


@frozen
class Failed(Event):
    error: str
    delay: timedelta = DEFAULT_DELAY


@frozen
class Released(Event):
    outcome: Literal["done", "error"]
    error: str | None = None


JobEvent: TypeAlias = Enqueued | Claimed | TakenOver | Succeeded | Failed | Released


# ---------------------------------------------------------------- the machine


def claim_refusal(job: JobState, now: datetime) -> ClaimRefusal | None:
    """Why a job cannot be claimed; None if it can.  One whose lease has run out is not claimed but taken over.

    >>> from datetime import UTC
    >>> now = datetime(2026, 1, 2, tzinfo=UTC)
    >>> claim_refusal(Pending(), now), claim_refusal(Running(started_at=now), now)
    (None, 'already_running')
    """
    match job:
        case Pending():
            return None
        case Running():
            return "already_running"
        case Error(retry_remaining=0):
            return "retry_exhausted"
        case Error(retry_at=retry_at):
            return None if retry_at is None or retry_at <= now else "retry_pending"
        case Done():
            return None if job.is_dirty else "not_dirty"


def claimable_from(job: Pending | Done | Error, now: datetime) -> datetime | None:
    """From when on a job can be claimed; None: not as it is."""
    match claim_refusal(job, now):
        case None:
            return now
        case "retry_pending":
            return job.retry_at if isinstance(job, Error) else None
        case _:
            return None


def kind_of(_job: JobState, key: JobKey) -> str:
    """What a limit is for."""
    return key[0]


class Job(Machine[JobState, JobEvent]):
    """Background work with an owner, a lease and a watermark."""

    pending = state(Pending, initial=True)
    running = state(Running)
    done = state(Done)
    error = state(Error)

    @on
    def enqueued(self, s: JobState, e: Enqueued) -> JobState:
        return evolve(s, input_watermark=e.watermark) if e.watermark > s.input_watermark else s

    def claimable(self, s: Pending | Done | Error, e: Claimed) -> bool:
        return claim_refusal(s, self.now()) is None

    @on(cond=claimable)
    def claimed(self, s: Pending | Done | Error, e: Claimed) -> Running:
        match s:
            case Pending():
                return become(s, Running, started_at=self.now())
            case Done():
                return become(s, Running, started_at=self.now(), finished_at=None, retry_remaining=s.retry_limit)
            case Error():
                return become(s, Running, started_at=self.now(), retry_remaining=Retries(s.retry_remaining - 1))

    @on
    def taken_over(self, s: Running, e: TakenOver) -> Running:
        return evolve(s, started_at=self.now())

    @on
    def succeeded(self, s: Running, e: Succeeded) -> Done:
        return become(s, Done, finished_at=self.now(), last_success_watermark=e.watermark)

    @on
    def failed(self, s: Running, e: Failed) -> Error:
        return become(s, Error, finished_at=self.now(), retry_at=self.now() + e.delay, last_error=e.error)

    @on
    def released(self, s: Running, e: Released) -> Done | Error:
        ended: type[Done | Error] = Done if e.outcome == "done" else Error
        return become(s, ended, finished_at=self.now(), last_error=e.error)

    lease = Lease(
        claim=claimed,
        takeover=taken_over,
        ttl=timedelta(hours=1),
        heartbeat=timedelta(seconds=30),
        free=(enqueued,),
        ready=claimable_from,
        reason=claim_refusal,
        limit=Limit(per=kind_of),
    )

    failures = Failures(Error)


# ---------------------------------------------------------------- on a store


def enqueue(store: Store, kind: str, key: str, watermark: Watermark) -> Receipt[JobState]:
    """Make the job, or raise its input watermark to this one, never lower; that changes no state.

    Raises as `Store.send_many` does.

    >>> from leverframe import open_store
    >>> from leverframe.machines.job import *
    >>> with open_store("sqlite://") as store:
    ...     _ = enqueue(store, "index", "shop", Watermark(7))
    ...     enqueue(store, "index", "shop", Watermark(5)).state.input_watermark
    7
    """
    [receipt] = store.send_many(Job, [((kind, key), Enqueued(watermark))], create=Pending())
    return receipt
