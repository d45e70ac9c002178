"""The machine `Worker` in a store: what its page says, sentence by sentence; `test_staleness.py` has the heartbeats."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import datetime
from threading import Barrier
from typing import Any, Protocol

import pytest
from agents import THEN, agent, hire, race_of_a_process, send_racing
from everything import everything

from leverframe import Message, NotFound, StaleState, Store, TransitionNotAllowed, open_store
from leverframe.machines.worker import (
    Approved,
    Assigned,
    BranchName,
    Completed,
    Conflicted,
    ConflictFound,
    Fail,
    Failed,
    InReview,
    Retry,
    ReviewApproved,
    ReviewRequested,
    TaskId,
    WorkCompleted,
    Worker,
    Working,
    WorkStarted,
    Worktree,
    move,
)

MOVES: list[tuple[type[Any], Any, type[Any]]] = [
    *((left, WorkStarted(), Working) for left in (Assigned, Conflicted, InReview, Approved)),
    *((left, ReviewRequested(), InReview) for left in (Working, Conflicted)),
    (Working, ConflictFound(), Conflicted),
    (InReview, ReviewApproved(), Approved),
    (Approved, WorkCompleted(), Completed),
    (Failed, Retry(), Assigned),
]
"""All but failing: the state, the event, the next state."""

STATES = (Assigned, Working, Conflicted, InReview, Approved, Completed, Failed)

EVENTS: list[Any] = [
    *(WorkStarted(), ReviewRequested(), ConflictFound(), ReviewApproved(), WorkCompleted(), Retry()),
]

NEVER = [(left, event) for left in STATES for event in EVENTS if (left, event) not in [(s, e) for s, e, _ in MOVES]]


class Clock(Protocol):
    def __call__(self) -> datetime: ...

    def advance(self, **units: float) -> datetime: ...


def named(value: Any) -> str:
    return str(value.__name__ if isinstance(value, type) else type(value).__name__)


def put(store: Store, state: type[Any], key: str = "a") -> None:
    """A worker in a state."""
    hire(store, key, kind=state, **({"reason": "it broke"} if state is Failed else {}))


def told(store: Store) -> list[tuple[str, str, str, dict[str, Any]]]:
    """Topic, kind, correlation id and body of each message."""
    return [(m.topic, m.kind, m.correlation_id, dict(m.body)) for m in store.messages(limit=1000)]


# ---------------------------------------------------------------- moves


@pytest.mark.parametrize(("left", "event", "reached"), MOVES, ids=named)
def test_a_move_that_names_its_state(
    store: Store, clock: Clock, left: type[Any], event: Any, reached: type[Any]
) -> None:
    """Each move is made where the caller names the state that the worker is in; what all states carry goes along."""
    put(store, left)
    clock.advance(seconds=5)
    receipt = move(store, "a", event, believed=left)
    assert (receipt.from_state, receipt.to_state, receipt.version) == (left, reached, 2)
    assert store.get(Worker, "a").state == agent("a", reached, state_changed_at=clock())


@pytest.mark.parametrize(("named_state", "event"), NEVER, ids=named)
def test_a_move_that_is_not_in_the_table(store: Store, named_state: type[Any], event: Any) -> None:
    """It is not allowed, whether the worker is in the named state, in another, or is not there; nothing is written."""
    put(store, named_state, "there")
    put(store, next(left for left, moved, _ in MOVES if type(moved) is type(event)), "elsewhere")
    before = everything(store, "there", "elsewhere", machine=Worker)
    for key in ("there", "elsewhere", "nowhere"):
        with pytest.raises(TransitionNotAllowed) as refusal:
            move(store, key, event, believed=named_state)
        assert (refusal.value.state, refusal.value.key) == (Worker.path(named_state), key)
    assert everything(store, "there", "elsewhere", machine=Worker) == before


@pytest.mark.parametrize(("named_state", "event", "reached"), MOVES, ids=named)
def test_a_worker_that_is_not_there(store: Store, named_state: type[Any], event: Any, reached: type[Any]) -> None:
    """A move of the table for a worker that does not exist is `NotFound`; nothing is written."""
    put(store, named_state)
    before = everything(store, "a", machine=Worker)
    with pytest.raises(NotFound):
        move(store, "b", event, believed=named_state)
    assert everything(store, "a", machine=Worker) == before


@pytest.mark.parametrize(("named_state", "event", "reached"), MOVES, ids=named)
def test_a_worker_in_another_state(store: Store, named_state: type[Any], event: Any, reached: type[Any]) -> None:
    """A move of the table for a worker that is in any other state is stale, naming both; nothing is written."""
    others = [state for state in STATES if state is not named_state]
    for state in others:
        put(store, state, state.__name__)
    before = everything(store, *[state.__name__ for state in others], machine=Worker)
    for state in others:
        with pytest.raises(StaleState) as stale:
            move(store, state.__name__, event, believed=named_state)
        assert (stale.value.expected, stale.value.state) == (named_state.__name__, Worker.path(state))
    assert everything(store, *[state.__name__ for state in others], machine=Worker) == before


def test_the_three_refusals_are_three_errors() -> None:
    """None of the three is a kind of another."""
    kinds = (TransitionNotAllowed, NotFound, StaleState)
    assert not any(issubclass(one, other) for one in kinds for other in kinds if one is not other)


def test_whoever_names_no_state_is_told_of_the_present_one(store: Store) -> None:
    """Without a named state a move is judged by the stored one."""
    put(store, Working)
    with pytest.raises(TransitionNotAllowed) as refusal:
        store.send(Worker, "a", WorkStarted())
    assert refusal.value.state == "working"


# ---------------------------------------------------------------- failing


@pytest.mark.parametrize("state", [state for state in STATES if state is not Completed], ids=named)
def test_every_unfinished_worker_can_fail(store: Store, clock: Clock, state: type[Any]) -> None:
    """Failing needs no named state, and replaces the reason of a worker that had failed."""
    put(store, state)
    store.send(Worker, "a", Fail("why"))
    assert store.get(Worker, "a").state == agent("a", Failed, state_changed_at=clock(), reason="why")


def test_a_completed_worker_does_not_fail(store: Store) -> None:
    """Failing a Completed worker is refused, and nothing is written."""
    put(store, Completed)
    before = everything(store, "a", machine=Worker)
    with pytest.raises(TransitionNotAllowed):
        store.send(Worker, "a", Fail("why"))
    assert everything(store, "a", machine=Worker) == before


# ---------------------------------------------------------------- two at once

RACES = 25

WAYS_OUT: list[tuple[str, Any]] = [("one", ConflictFound()), ("other", ReviewRequested())]
"""Two racers, and what each sends to a worker that is Working."""


def check_outcomes(store: Store, keys: list[str], outcomes: list[tuple[str, str]]) -> None:
    for key, (first, second) in zip(keys, outcomes, strict=True):
        [won] = [said for said in (first, second) if said.startswith("won to ")]
        [stale] = [said for said in (first, second) if said.startswith("expected Working, stale in ")]
        path = won.removeprefix("won to ")
        assert (stale.rpartition(" in ")[2], store.get(Worker, key).path) == (path, path)
        assert [entry.version for entry in store.history(Worker, key)] == [1, 2]


def test_two_threads_move_one_worker(store: Store) -> None:
    """Two threads that move one worker at once: exactly one wins, and the other is told that it is stale."""
    keys = [f"w{number}." for number in range(RACES)]
    hire(store, *keys, kind=Working)
    gate = Barrier(2)

    def race(event: Any) -> list[str]:
        return [send_racing(store, key, event) for key in keys if gate.wait() >= 0]

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(race, [event for _, event in WAYS_OUT])
    check_outcomes(store, keys, list(zip(first, second, strict=True)))


def test_two_processes_move_one_worker(shared_url: str) -> None:
    """Two processes that move one worker at once: exactly one wins, and the other is told that it is stale."""
    keys = [f"w{number}." for number in range(RACES)]
    with open_store(shared_url) as store:
        hire(store, *keys, kind=Working)
    (one, first), (other, second) = WAYS_OUT
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        racers = [
            pool.submit(race_of_a_process, shared_url, one, other, first, keys),
            pool.submit(race_of_a_process, shared_url, other, one, second, keys),
        ]
        outcomes = list(zip(racers[0].result(), racers[1].result(), strict=True))
    with open_store(shared_url) as store:
        check_outcomes(store, keys, outcomes)


# ---------------------------------------------------------------- messages


def test_creating_tells_of_the_assignment_once(store: Store) -> None:
    """Creating publishes task_assign once, on topic orchestrator; no move and no retry does it again."""
    hire(store, "a", description="make it so")
    assign = {"task_id": "a", "branch": "feat/a", "worktree": "/trees/a", "description": "make it so"}
    assert told(store) == [("orchestrator", "task_assign", "a", assign)]
    store.send(Worker, "a", Fail("why"))
    store.send(Worker, "a", Retry(), expect=Failed)
    assert [kind for _, kind, _, _ in told(store)] == ["task_assign", "task_failed", "state_change"]


def test_a_worker_may_have_no_description(store: Store) -> None:
    """Without a description the message says null."""
    hire(store, "a")
    assert told(store)[0][3]["description"] is None


@pytest.mark.parametrize(("left", "event", "reached"), MOVES, ids=named)
def test_a_move_tells_of_itself(store: Store, left: type[Any], event: Any, reached: type[Any]) -> None:
    """Each move publishes one message, on topic worker, with the task as correlation id: from where to where."""
    put(store, left)
    move(store, "a", event, believed=left)
    body = {"from": Worker.path(left), "to": Worker.path(reached), "task_id": "a"}
    assert told(store)[1:] == [("worker", "state_change", "a", body)]


@pytest.mark.parametrize("left", [state for state in STATES if state is not Completed], ids=named)
def test_failing_tells_of_the_failure_instead(store: Store, left: type[Any]) -> None:
    """Failing publishes task_failed instead, with the reason."""
    put(store, left)
    store.send(Worker, "a", Fail("why"))
    body = {"from": Worker.path(left), "task_id": "a", "reason": "why"}
    assert told(store)[1:] == [("worker", "task_failed", "a", body)]


def test_messages_are_of_the_same_transaction(store: Store) -> None:
    """A move that is taken back has told nothing, and a creation neither."""
    hire(store, "a")

    def taken_back() -> None:
        with store.transaction():
            store.send(Worker, "a", WorkStarted(), expect=Assigned)
            hire(store, "b")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        taken_back()
    assert [kind for _, kind, _, _ in told(store)] == ["task_assign"]
    assert store.get(Worker, "a").state == agent("a")


def test_a_creation_among_moves_tells_too(store: Store) -> None:
    """A worker that `send_many` creates is assigned as any other."""
    store.send_many(Worker, [("a", WorkStarted())], create=agent("a"))
    assert [kind for _, kind, _, _ in told(store)] == ["task_assign", "state_change"]


# ---------------------------------------------------------------- what is carried


def test_all_states_carry_the_assignment(store: Store) -> None:
    """Task, branch, worktree, description and the time of creation are the same through all states."""
    hire(store, "a", description="make it so")
    way: list[tuple[Any, type[Any] | None]] = [
        *((WorkStarted(), Assigned), (ConflictFound(), Working), (ReviewRequested(), Conflicted)),
        *((ReviewApproved(), InReview), (Fail("x"), None), (Retry(), Failed), (WorkStarted(), Assigned)),
        *((ReviewRequested(), Working), (ReviewApproved(), InReview), (WorkCompleted(), Approved)),
    ]
    for event, expected in way:
        store.send(Worker, "a", event, expect=expected)
    for entry in store.history(Worker, "a"):
        carried = entry.state
        assert (carried.task_id, carried.branch) == (TaskId("a"), BranchName("feat/a"))
        assert (carried.worktree, carried.description) == (Worktree("/trees/a"), "make it so")
        assert carried.created_at == THEN
    assert store.get(Worker, "a").path == "completed"


def test_assignments_are_announced_by_either_way_of_starting() -> None:
    """A worker that is no store's tells of its assignment too."""
    assert Worker.start(agent("a")).messages == Worker.native(agent("a")).messages
    assert isinstance(Worker.start(agent("a")).messages[0], Message)
