"""What runs have taken, added up by one query; and cards in a tracker, recorded once and gone once."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve
from plans import said_by
from storytelling import THEN, key, started

from leverframe import InvalidValue, NotFound, Store
from leverframe.machines.amounts import Count
from leverframe.machines.carrying import become
from leverframe.machines.orchestrator import agent_run as u
from leverframe.machines.orchestrator.agent_run import AgentRun, Usage
from leverframe.machines.orchestrator.cards import current_card, lose_card, open_cards, record_card
from leverframe.machines.orchestrator.task import Repository, TaskKey
from leverframe.machines.orchestrator.totals import Totals, repository_totals, task_totals
from leverframe.machines.orchestrator.tracker_card import Deleted, Open, TrackerCard


def exited(of: TaskKey | None, usage: Usage) -> u.Exited:
    return become(started(of), u.Exited, exit_code=0, finished_at=THEN, usage=usage)


def some_usage(chance: random.Random) -> Usage:
    # More digits than a float has, and than the usual precision of sums.
    cost = Decimal(f"{chance.randrange(10**21)}.{chance.randrange(10**9):09}")
    tokens = (Count(chance.randrange(10**9)) for _ in range(4))
    first, second, third, fourth = tokens
    return usage_of(first, second, third, fourth, cost)


def usage_of(first: Count, second: Count, third: Count, fourth: Count, cost: Decimal) -> Usage:
    return Usage(
        input_tokens=first,
        output_tokens=second,
        cache_read_tokens=third,
        cache_creation_tokens=fourth,
        cost_usd=cost,
    )


# ---------------------------------------------------------------- totals


def test_totals(store: Store) -> None:
    """Totals are of the runs of a task, or of a whole repository; what still runs is counted and has taken nothing."""
    one, two = usage_of(Count(1), Count(2), Count(3), Count(4), Decimal("0.1")), Usage(cost_usd=Decimal("0.2"))
    store.create(AgentRun, "a", exited(key(1), one))
    store.create(AgentRun, "b", exited(key(1), two))
    store.create(AgentRun, "c", exited(key(2), two))
    store.create(AgentRun, "d", started(key(1)))
    store.create(AgentRun, "e", exited(key(1, "forge"), one))
    store.create(AgentRun, "f", started(None, repository=Repository("shop")))
    assert task_totals(store, key(1)) == Totals(Count(3), Count(2), one + two)
    assert task_totals(store, key(1)).usage.cost_usd == Decimal("0.3")
    assert repository_totals(store, "shop") == Totals(Count(5), Count(3), one + two + two)
    assert repository_totals(store, "forge").usage == one
    assert task_totals(store, key(7)) == repository_totals(store, "mill") == Totals(Count(0), Count(0), Usage())


def test_a_run_is_of_its_tasks_repository(store: Store) -> None:
    """A run's repository is that of its task; one that names another cannot be written down."""
    assert started(key(1)).repository == "shop"
    assert started(None).repository is None
    with pytest.raises(InvalidValue):
        started(key(1), repository=Repository("forge"))
    store.create(AgentRun, "run", started(key(1)))
    ended = store.send(AgentRun, "run", u.Finished(0)).state
    assert ended.repository == "shop"
    with pytest.raises(InvalidValue):
        evolve(ended, repository=None)


def test_thousands_of_runs(store: Store) -> None:
    """However many runs there are, their rows come by one statement, and are added up to the last digit."""
    chance = random.Random(7)
    usages = [some_usage(chance) for _ in range(3000)]
    with store.transaction():
        for number, usage in enumerate(usages):
            store.create(AgentRun, f"run-{number}", exited(key(number % 2), usage))
    # After this it is known that the look-ups are kept.
    task_totals(store, key(9))
    said = [statements(store, lambda: task_totals(store, key(9)))]
    cases: list[tuple[Callable[[], Totals], list[Usage]]] = [
        (lambda: repository_totals(store, "shop"), usages),
        (lambda: task_totals(store, key(1)), usages[1::2]),
    ]
    for found, expected in cases:
        said.append(statements(store, found))
        totals = found()
        assert totals.exited == len(expected)
        assert exact(totals.usage.cost_usd) == sum(exact(usage.cost_usd) for usage in expected)
        assert totals.usage.input_tokens == sum(usage.input_tokens for usage in expected)
    assert said == [said[0]] * 3
    assert sum("FROM snapshot" in text or "JOIN snapshot" in text for text in said[0]) == 1


def exact(cost: Decimal) -> int:
    """In units that are smaller than any of the digits."""
    sign, digits, exponent = cost.as_tuple()
    assert sign == 0
    assert isinstance(exponent, int)
    assert exponent >= -9
    units: int = 10 ** (exponent + 9)
    return int("".join(map(str, digits))) * units


def statements(store: Store, call: Any) -> list[str]:
    with said_by(store) as said:
        call()
    return [text for text, _ in said]


# ---------------------------------------------------------------- cards


def names(cards: list[Any]) -> list[str]:
    return [card.key[-1] for card in cards]


def test_recorded_once(store: Store, clock: Any) -> None:
    """Recording a card twice changes nothing, and says so; the key is the task's, and the message's id."""
    first, recorded = record_card(store, key(1), "m-1")
    assert (first.key, first.state, recorded) == ((*key(1), "m-1"), Open(), True)
    clock.advance(seconds=1)
    assert record_card(store, key(1), "m-1") == (first, False)
    assert record_card(store, key(2), "m-1")[1]
    assert names(open_cards(store, key(1))) == ["m-1"]


def test_a_card_that_is_gone(store: Store, clock: Any) -> None:
    """A card is Deleted once and keeps that time; recording it again brings it not back."""
    record_card(store, key(1), "m-1")
    gone_at = clock.advance(seconds=1)
    assert lose_card(store, key(1), "m-1")
    clock.advance(seconds=1)
    assert not lose_card(store, key(1), "m-1")
    again, recorded = record_card(store, key(1), "m-1")
    assert (again.state, again.version, recorded) == (Deleted(gone_at), 2, False)
    assert (open_cards(store, key(1)), current_card(store, key(1))) == ([], None)
    with pytest.raises(NotFound):
        lose_card(store, key(1), "m-2")


def test_oldest_first(store: Store, clock: Any) -> None:
    """The open cards of a task come oldest first, also those of one moment; the current one is the last recorded."""
    for message in ("m-5", "m-3", "m-4"):
        record_card(store, key(1), message)
    clock.advance(seconds=1)
    record_card(store, key(1), "m-1")
    record_card(store, key(2), "m-9")
    lose_card(store, key(1), "m-3")
    assert names(open_cards(store, key(1))) == ["m-5", "m-4", "m-1"]
    assert names([current_card(store, key(1))]) == ["m-1"]
    lose_card(store, key(1), "m-1")
    assert names([current_card(store, key(1))]) == ["m-4"]


def test_cards_at_once(store: Store) -> None:
    """However many record, or lose, a card at once, one of them has done it."""
    with ThreadPoolExecutor(6) as pool:
        recorded = [pool.submit(record_card, store, key(1), "m-1") for _ in range(6)]
        assert sum(each.result()[1] for each in recorded) == 1
        lost = [pool.submit(lose_card, store, key(1), "m-1") for _ in range(6)]
        assert sum(each.result() for each in lost) == 1
    assert store.get(TrackerCard, (*key(1), "m-1")).version == 2
