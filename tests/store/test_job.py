"""Job, on every store, sentence by sentence of its page: owner, lease, retries, watermarks, and the limit of a kind."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeAlias

import pytest
from attrs import evolve

from leverframe import LeaseLost, LeaseRequired, Store
from leverframe.coordination.held import Held
from leverframe.coordination.not_claimed import NotClaimed
from leverframe.machines.job import (
    Done,
    Enqueued,
    Error,
    Failed,
    Job,
    JobState,
    Pending,
    Released,
    Retries,
    Running,
    Succeeded,
    TakenOver,
    Watermark,
    enqueue,
)

HeldJob: TypeAlias = Held[Job, Running]

KEY = ("index", "shop")
HOUR = timedelta(hours=1)
ZERO, ONE, FIVE, SEVEN = Watermark(0), Watermark(1), Watermark(5), Watermark(7)


def ask(store: Store, key: tuple[str, str] = KEY, at_most: int | None = None, worker: str = "w1") -> Any:
    """Claim as the page has it: a missing job is created."""
    return store.claim_or_reason(Job.lease, worker=worker, key=key, create=Pending(), at_most=at_most)


def claim(store: Store, key: tuple[str, str] = KEY, at_most: int | None = None, worker: str = "w1") -> HeldJob:
    claimed: HeldJob | NotClaimed = ask(store, key, at_most, worker)
    assert isinstance(claimed, Held)
    return claimed


def refusal(store: Store, key: tuple[str, str] = KEY, at_most: int | None = None) -> str:
    """Why a claim is refused, and nothing is changed."""
    before = everything(store)
    claimed = ask(store, key, at_most, "w2")
    assert isinstance(claimed, NotClaimed)
    assert everything(store) == before
    return claimed.reason


def everything(store: Store) -> Any:
    jobs = [(job.key, job.state, job.version) for job in store.find(Job)]
    return jobs, [(lease.key, lease.worker, lease.token, lease.expires_at) for lease in store.leases(Job.lease)]


def state_of(store: Store, key: tuple[str, str] = KEY) -> JobState:
    return store.get(Job, key).state


# ---------------------------------------------------------------- enqueue


def test_enqueue_creates(store: Store) -> None:
    """A job that is missing is created Pending, with full retries and this input watermark."""
    state = enqueue(store, *KEY, SEVEN).state
    assert state == Pending(input_watermark=SEVEN)
    assert (state.retry_remaining, state.last_success_watermark) == (3, 0)


def test_enqueue_raises_the_watermark(store: Store) -> None:
    """Of the watermark that is there and the new one, the larger is kept."""
    enqueue(store, *KEY, FIVE)
    assert enqueue(store, *KEY, SEVEN).state.input_watermark == SEVEN
    assert enqueue(store, *KEY, ONE).state.input_watermark == SEVEN


def in_pending(store: Store) -> None:
    enqueue(store, *KEY, ONE)


def in_running(store: Store) -> None:
    claim(store)


def in_done(store: Store) -> None:
    claim(store).send(Succeeded(ZERO))


def in_error(store: Store) -> None:
    claim(store).send(Failed("it broke"))


def in_error_without_retries(store: Store) -> None:
    store.create(Job, KEY, Pending(retry_limit=Retries(0)))
    claim(store).send(Released("error"))


STATES: list[Callable[[Store], None]] = [in_pending, in_running, in_done, in_error, in_error_without_retries]


@pytest.mark.parametrize("bring", STATES)
def test_enqueue_changes_no_state(store: Store, bring: Callable[[Store], None]) -> None:
    """Enqueueing leaves a job in the state that it is in, whichever that is, and whoever has it."""
    bring(store)
    before = state_of(store)
    after = enqueue(store, *KEY, SEVEN).state
    assert type(after) is type(before)
    assert after.input_watermark == SEVEN


def test_enqueue_leaves_the_lease_alone(store: Store) -> None:
    """Who has a job that is enqueued again has it still, and ends it under the same token."""
    held = claim(store)
    enqueue(store, *KEY, SEVEN)
    assert held.renew()
    done = held.send(Succeeded(FIVE)).state
    assert isinstance(done, Done)
    assert done.is_dirty


# ---------------------------------------------------------------- claim


def test_missing_is_created_running(store: Store, clock: Any) -> None:
    """A missing job is created Running: retries full, watermarks 0, started now."""
    held = claim(store)
    assert held.state == Running(started_at=clock.time)
    assert (held.state.retry_remaining, held.state.input_watermark, held.state.last_success_watermark) == (3, 0, 0)


def test_pending(store: Store, clock: Any) -> None:
    """A Pending job becomes Running; its input watermark stays."""
    enqueue(store, *KEY, SEVEN)
    clock.advance(minutes=1)
    assert claim(store).state == Running(input_watermark=SEVEN, started_at=clock.time)


def test_lease_lasts_an_hour(store: Store, clock: Any) -> None:
    """A lease lasts 3600 seconds, and is renewed every 30."""
    claim(store)
    [lease] = store.leases(Job.lease)
    assert lease.expires_at == clock.time + HOUR
    policy: Any = Job.lease
    assert policy.heartbeat == timedelta(seconds=30)


def test_each_claim_has_a_fresh_token(store: Store, clock: Any) -> None:
    """Each success carries a token that is larger than all before it."""
    tokens: list[int] = []
    for _ in range(3):
        held = claim(store)
        tokens.append(held.token)
        held.send(Released("error"))
    claim(store, ("other", "a"))
    claimed = claim(store, ("other", "b"))
    clock.advance(hours=1)
    tokens += [claimed.token, claim(store, ("other", "b")).token]
    assert tokens == sorted(set(tokens))


def test_live_lease_is_refused(store: Store, clock: Any) -> None:
    """A Running job whose lease is live is refused: already_running, until that may be over."""
    claim(store)
    clock.advance(seconds=3599)
    assert refusal(store) == "already_running"
    refused = ask(store)
    assert refused.until == clock.time + timedelta(seconds=1)


def test_lease_run_out_is_taken_over(store: Store, clock: Any) -> None:
    """At the end of its lease a Running job is taken over, in one step, and that costs no retry."""
    claim(store).send(Failed("it broke"))
    clock.advance(hours=1)
    late = claim(store)
    assert late.state.retry_remaining == 2
    clock.advance(hours=1)
    held = claim(store, worker="w2")
    assert held.state == evolve(late.state, started_at=clock.time)
    assert (held.version, held.token > late.token) == (late.version + 1, True)
    assert store.history(Job, KEY)[-1].event == TakenOver()
    with pytest.raises(LeaseLost):
        late.send(Succeeded(ONE))


def test_error_spends_a_retry(store: Store, clock: Any) -> None:
    """An Error job whose time has come becomes Running; one retry is spent, and the failure alone costs none."""
    failed = claim(store).send(Failed("it broke")).state
    assert isinstance(failed, Error)
    assert failed.retry_remaining == 3
    clock.advance(hours=1)
    assert claim(store).state.retry_remaining == 2


def test_error_before_its_time(store: Store, clock: Any) -> None:
    """An Error job before retry_at is refused: retry_pending, until then; at that time it can be claimed."""
    claim(store).send(Failed("it broke", timedelta(minutes=10)))
    clock.advance(minutes=9)
    assert refusal(store) == "retry_pending"
    assert ask(store).until == clock.time + timedelta(minutes=1)
    clock.advance(minutes=1)
    assert claim(store).key == KEY


def test_error_without_retries(store: Store, clock: Any) -> None:
    """An Error job without retries is refused, whatever the time: retry_exhausted."""
    for _ in range(4):
        claim(store).send(Failed("it broke"))
        clock.advance(hours=2)
    assert refusal(store) == "retry_exhausted"
    assert isinstance(state_of(store), Error)


def test_dirty_job(store: Store, clock: Any) -> None:
    """A Done job with input that no success has seen becomes Running, its retries full and finished_at cleared."""
    claim(store).send(Released("error"))
    claim(store).send(Succeeded(FIVE))
    enqueue(store, *KEY, SEVEN)
    clock.advance(minutes=1)
    held = claim(store)
    assert held.state == Running(
        input_watermark=SEVEN, last_success_watermark=FIVE, started_at=clock.time, retry_remaining=Retries(3)
    )
    assert held.state.finished_at is None


def test_is_it_dirty(store: Store) -> None:
    """In each of its states a job says whether there is input that no success has seen."""
    answers: list[tuple[type, bool]] = []

    def note() -> None:
        state = store.get(Job, KEY).state
        answers.append((type(state), state.is_dirty))

    enqueue(store, *KEY, ZERO)
    note()
    enqueue(store, *KEY, FIVE)
    note()
    held = claim(store)
    note()
    held.send(Failed("it broke", timedelta()))
    note()
    held = claim(store)
    held.send(Succeeded(FIVE))
    note()
    enqueue(store, *KEY, SEVEN)
    note()
    assert answers == [(Pending, False), (Pending, True), (Running, True), (Error, True), (Done, False), (Done, True)]


def test_clean_job(store: Store) -> None:
    """A Done job without new input is refused: not_dirty."""
    enqueue(store, *KEY, FIVE)
    claim(store).send(Succeeded(FIVE))
    assert refusal(store) == "not_dirty"
    enqueue(store, *KEY, ONE)
    assert refusal(store) == "not_dirty"


def test_claim_of_any(store: Store, clock: Any) -> None:
    """Without a key, a worker gets what can be claimed, one after the other, and never what cannot."""
    in_done(store)
    claim(store, ("a", "running"))
    claim(store, ("a", "waiting")).send(Failed("it broke"))
    for key in ("one", "two"):
        enqueue(store, "b", key, ONE)
    keys = [held.key for held in store.claim_many(Job.lease, worker="w", limit=10)]
    assert keys == [("b", "one"), ("b", "two")]
    clock.advance(hours=1)
    keys = [held.key for held in store.claim_many(Job.lease, worker="w", limit=10)]
    assert keys == [("a", "running"), ("b", "one"), ("b", "two"), ("a", "waiting")]


# ---------------------------------------------------------------- the limit


def test_limit_of_a_kind(store: Store) -> None:
    """While as many jobs of a kind are Running as the caller says, others of it are refused, missing ones too."""
    for name in ("a", "b", "c"):
        claim(store, ("index", name), at_most=3)
    enqueue(store, "index", "d", ONE)
    assert refusal(store, ("index", "d"), at_most=3) == "concurrency_limit"
    assert refusal(store, ("index", "new"), at_most=3) == "concurrency_limit"
    claim(store, ("mail", "a"), at_most=3)
    claim(store, ("index", "d"), at_most=4)


def test_state_comes_before_the_limit(store: Store) -> None:
    """The state's own reason comes first, the limit last."""
    in_done(store)
    claim(store, ("index", "a"), at_most=1)
    assert refusal(store, KEY, at_most=1) == "not_dirty"
    assert refusal(store, ("index", "a"), at_most=1) == "already_running"


def test_run_out_leases_do_not_count(store: Store, clock: Any) -> None:
    """A lease that has run out counts no more; at the very end of it already."""
    claim(store, ("index", "a"), at_most=1)
    clock.advance(seconds=3599)
    assert refusal(store, at_most=1) == "concurrency_limit"
    clock.advance(seconds=1)
    claim(store, at_most=1)


@pytest.mark.parametrize("event", [Succeeded(ONE), Failed("it broke"), Released("done"), Released("error")])
def test_an_end_makes_room(store: Store, event: Any) -> None:
    """Each way to end a job makes room for another one of its kind."""
    held = claim(store, ("index", "a"), at_most=1)
    assert refusal(store, at_most=1) == "concurrency_limit"
    held.send(event)
    claim(store, at_most=1)


# ---------------------------------------------------------------- only with the token


EVENTS: list[Any] = [Succeeded(ONE), Failed("it broke"), Released("done")]


@pytest.mark.parametrize("event", EVENTS)
def test_without_a_token_nothing_ends(store: Store, event: Any) -> None:
    """Whoever has no token is refused, and nothing is changed."""
    claim(store)
    before = everything(store)
    with pytest.raises(LeaseRequired):
        store.send(Job, KEY, event)
    assert everything(store) == before


@pytest.mark.parametrize("event", EVENTS)
def test_with_an_old_token_nothing_ends(store: Store, clock: Any, event: Any) -> None:
    """Who had it before the job was taken over is refused, and told so; nothing is changed."""
    late = claim(store)
    clock.advance(hours=1)
    claim(store, worker="w2")
    before = everything(store)
    assert not late.renew()
    with pytest.raises(LeaseLost):
        late.send(event)
    assert everything(store) == before


def test_with_the_token_of_a_job_that_has_ended(store: Store) -> None:
    """A token is good for one end."""
    held = claim(store)
    again = store.resume(Job.lease, KEY, worker="w1")
    assert again is not None
    held.send(Succeeded(ONE))
    before = everything(store)
    assert not again.renew()
    for each in (held, again):
        with pytest.raises(LeaseLost):
            each.send(Failed("it broke"))
    assert everything(store) == before


def test_heartbeat(store: Store, clock: Any) -> None:
    """A heartbeat lets the lease last for its whole time from then on, and moves nothing."""
    held = claim(store)
    clock.advance(minutes=50)
    assert held.renew()
    [lease] = store.leases(Job.lease)
    assert (lease.expires_at, lease.heartbeat_at) == (clock.time + HOUR, clock.time)
    assert store.get(Job, KEY).version == held.version
    clock.advance(minutes=50)
    assert refusal(store) == "already_running"


# ---------------------------------------------------------------- the ends


@pytest.mark.parametrize("event", EVENTS)
def test_an_end_drops_the_lease(store: Store, clock: Any, event: Any) -> None:
    """Each end but a heartbeat sets finished_at, and drops lease, token and worker."""
    held = claim(store)
    clock.advance(minutes=1)
    state: Any = held.send(event).state
    assert state.finished_at == clock.time
    assert store.leases(Job.lease) == []


def test_succeed(store: Store, clock: Any) -> None:
    """A success records the watermark and clears the error; retries stay as they are."""
    claim(store).send(Failed("it broke"))
    clock.advance(hours=1)
    done = claim(store).send(Succeeded(FIVE)).state
    assert isinstance(done, Done)
    assert (done.last_success_watermark, done.last_error, done.retry_remaining) == (FIVE, None, 2)


def test_fail(store: Store, clock: Any) -> None:
    """A failure records the error and sets retry_at, an hour from now unless it says otherwise."""
    failed = claim(store).send(Failed("it broke")).state
    assert isinstance(failed, Error)
    assert (failed.last_error, failed.retry_at, failed.retry_remaining) == ("it broke", clock.time + HOUR, 3)
    clock.advance(hours=1)
    failed = claim(store).send(Failed("again", timedelta(seconds=5))).state
    assert isinstance(failed, Error)
    assert failed.retry_at == clock.time + timedelta(seconds=5)


@pytest.mark.parametrize(("outcome", "kind"), [("done", Done), ("error", Error)])
def test_release(store: Store, outcome: Any, kind: type[Done | Error]) -> None:
    """A release ends as Done or Error, with an error if one is given, and touches neither watermark nor retry_at."""
    enqueue(store, *KEY, FIVE)
    released = claim(store).send(Released(outcome, "why")).state
    assert type(released) is kind
    assert isinstance(released, Done | Error)
    assert (released.last_error, released.last_success_watermark, released.retry_at) == ("why", ZERO, None)


def test_a_released_error_can_be_claimed_at_once(store: Store) -> None:
    """No time has to pass behind a release."""
    claim(store).send(Released("error", "the host goes down"))
    assert claim(store).state.retry_remaining == 2


# ---------------------------------------------------------------- queries


def test_queries(store: Store) -> None:
    """One job is read by its key, jobs are listed by kind and state, and one says whether it is dirty."""
    enqueue(store, "index", "a", ONE)
    claim(store, ("index", "b"))
    claim(store, ("mail", "c"))
    enqueue(store, "index", "d", FIVE)
    claim(store, ("index", "d")).send(Succeeded(ONE))
    assert state_of(store, ("index", "a")).input_watermark == ONE
    assert [job.key for job in store.find(Job, Running, prefix=("index",))] == [("index", "b")]
    assert {job.key for job in store.find(Job, prefix=("index",))} == {("index", name) for name in "abd"}
    [done] = store.find(Job, Done)
    assert done.state.is_dirty


def test_enqueued_is_an_event_for_all(store: Store) -> None:
    """That there is more input is nothing that a lease keeps anybody from saying."""
    claim(store)
    assert store.send(Job, KEY, Enqueued(SEVEN)).moved
