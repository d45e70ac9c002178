"""Two drivers of one definition: the compiled table, and python-statemachine's own engine as the reference.

Random machines get random events on both.  Compared after every event: the state and its payload, the edge, the
messages, the order in which guards, handlers and hooks ran, and errors word for word.
"""

# Classes made at run time are partly unknown to pyright.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from typing import Any

import pytest
from attrs import frozen
from random_machines import CALLS, Calls, GuardFailed, HandlerFailed, Tree, make_machine, make_payload

from leverframe import Event, Handle, LeverframeError, TransitionNotAllowed, decide
from leverframe.typed.declare import Edge, leaf_payload
from leverframe.typed.table import accepted_events

MACHINES, AT_ONCE, EVENTS = 320, 20, 40
START = datetime(2030, 1, 1, tzinfo=UTC)
ZONES = [UTC, UTC, timezone(timedelta(hours=2)), None]


@frozen
class Foreign(Event):
    number: int


@frozen
class Outcome:
    """What one driver made of one event."""

    kind: str
    result: tuple[object, ...]
    calls: Calls


def outcome(run: Callable[[], tuple[object, ...]]) -> Outcome:
    CALLS.clear()
    try:
        return Outcome("moved", run(), CALLS[:])
    except TransitionNotAllowed as refusal:
        return Outcome("refused", (str(refusal),), CALLS[:])
    except (GuardFailed, HandlerFailed, LeverframeError) as error:
        return Outcome("failed", (type(error), str(error)), CALLS[:])


def by_table(machine: Any, before: Any, event: Any, now: datetime) -> Outcome:
    def run() -> tuple[object, ...]:
        decision = decide(machine, before, event, now)
        return decision.state, decision.edge, decision.messages

    return outcome(run)


def by_engine(native: Any, event: Any, now: datetime) -> Outcome:
    def run() -> tuple[object, ...]:
        decision = native.deliver(event, now)
        return decision.state, decision.edge, decision.messages

    return outcome(run)


def standing(native: Any) -> tuple[object, ...]:
    leaf = [kind for active in native.configuration if (kind := leaf_of(native, active)) is not None]
    return native.payload, native.messages, leaf


def leaf_of(native: Any, active: Any) -> type | None:
    return leaf_payload(type(native).states_map[active.value])


def start_both(machine: Any, tree: Tree, rng: random.Random) -> tuple[Handle[Any, Any], Any]:
    """Start on both drivers; where a hook says no, try the next number."""
    kind, now = rng.choice(tree.leaves), START + timedelta(seconds=rng.randrange(60))
    for number in range(60):
        first = make_payload(kind, number)
        table, engine = (outcome(partial(start_one, start, first, now)) for start in (machine.start, machine.native))
        assert table == engine
        if table.kind == "moved":
            return machine.start(first, now), machine.native(first, now)
    raise AssertionError("every start fails")


def start_one(start: Callable[[Any, datetime], Any], first: Any, now: datetime) -> tuple[object, ...]:
    return (start(first, now).messages,)


def check_seed(seed: int, count: Counter[str]) -> None:
    rng = random.Random(seed)
    machine, tree, events = make_machine(rng)
    handle, native = start_both(machine, tree, rng)
    for step in range(EVENTS):
        kind = Foreign if rng.random() < 0.02 else rng.choice(events)
        event, now = kind(rng.randrange(60)), START.replace(tzinfo=rng.choice(ZONES)) + timedelta(seconds=step)
        before = standing(native)
        table, engine = by_table(machine, handle.state, event, now), by_engine(native, event, now)
        where = f"seed {seed}, step {step}, {event!r} in {handle.state!r}"
        assert table == engine, where
        after = table.result if table.kind == "moved" else (before[0], None, before[1])
        assert standing(native) == (after[0], after[2], [type(after[0])]), where
        check_handle(handle, event, now, table, where)
        note(count, machine, handle.state, table)
        if table.kind == "moved":
            handle = handle.send(event, now)
            assert (handle.state, handle.messages) == (table.result[0], table.result[2]), where


def check_handle(handle: Handle[Any, Any], event: Any, now: datetime, expected: Outcome, where: str) -> None:
    """`can` and `accepts` say what the drivers did."""
    could = outcome(lambda: (handle.can(event, now),))
    guard_failed = could.kind == "failed" and could.result == expected.result
    assert guard_failed or could.result == (expected.kind != "refused",), where
    assert handle.can(type(event)) == (type(event) in handle.accepts()), where
    assert handle.can(type(event)) or expected.kind == "refused", where


def note(count: Counter[str], machine: Any, before: Any, seen: Outcome) -> None:
    count[seen.kind] += 1
    if seen.kind == "failed":
        count[str(seen.result[0])] += 1
    if seen.kind != "moved":
        return
    after, edge, messages = seen.result
    assert isinstance(edge, Edge)
    guards = sum(name.startswith("guard") for name, _ in seen.calls)
    count["in place"] += type(after) is type(before)
    count["by a superstate"] += type(before) not in edge.sources
    count["inside a superstate"] += any(issubclass(type(after), s) for s in edge.sources) and after != before
    count["a choice"] += len(edge.targets) > 1
    count["messages"] += bool(messages)
    count["fell through"] += guards > 1
    count["into a nested final leaf"] += "." in machine.path(type(after)) and not accepted_events(machine, after)


@pytest.mark.parametrize("first", range(0, MACHINES, AT_ONCE))
def test_same_outcome_on_both_drivers(first: int) -> None:
    """Whatever one driver makes of an event, the other makes of it too, word for word and call for call."""
    for seed in range(first, first + AT_ONCE):
        check_seed(seed, Counter())


def test_random_machines_go_everywhere() -> None:
    """The random machines do every kind of thing that is compared, and not by chance: the seeds are fixed."""
    count: Counter[str] = Counter()
    for seed in range(40):
        check_seed(seed, count)
    kinds = ["moved", "refused", "failed", "in place", "by a superstate", "inside a superstate", "a choice", "messages"]
    kinds += ["fell through", "into a nested final leaf"]
    kinds += [str(kind) for kind in (GuardFailed, HandlerFailed)]
    assert {kind: count[kind] for kind in kinds if count[kind] < 5} == {}, count
