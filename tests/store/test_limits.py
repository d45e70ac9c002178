"""How many may be held at one time of those that belong together: never more, and given back whatever ends it."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from errands import Errand, Finished, GivenUp, Open, Over, Resumed, Run, Waiting
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule
from plans import said_by

from leverframe import InvalidValue, Store, open_store
from leverframe.coordination.held import Held
from leverframe.coordination.limits import Limit
from leverframe.coordination.not_claimed import NotClaimed


def fill(store: Store, number: int, to: str = "town", first: int = 0) -> None:
    for each in range(first, first + number):
        store.create(Errand, f"{to}-{each}", Open(to=to))


def claim_all(store: Store, at_most: int | None = None, limit: int = 100) -> list[Held[Errand, Run]]:
    return store.claim_many(Errand.lease, worker="w", limit=limit, at_most=at_most)


def is_full(store: Store, key: str, at_most: int | None = None) -> bool:
    """Whether the limit is in the way, and then nothing is changed."""
    before = store.leases(Errand.lease)
    outcome = store.claim_or_reason(Errand.lease, worker="w", key=key, at_most=at_most)
    full = isinstance(outcome, NotClaimed) and outcome.reason == "concurrency_limit"
    assert not full or store.leases(Errand.lease) == before
    return full


# ---------------------------------------------------------------- how many


def test_no_more_than_declared(store: Store) -> None:
    """As many are held as the lease declares, and no more, however it is asked."""
    fill(store, 5)
    assert len(claim_all(store)) == 2
    assert claim_all(store) == []
    assert store.claim(Errand.lease, worker="w") is None
    assert is_full(store, "town-4")


def test_no_more_than_asked(store: Store) -> None:
    """A call's own limit takes the place of the declared one."""
    fill(store, 5)
    assert len(claim_all(store, at_most=4)) == 4
    assert is_full(store, "town-4", at_most=4)
    assert not is_full(store, "town-4", at_most=5)


def test_each_scope_for_itself(store: Store) -> None:
    """Each scope has a limit of its own, and each tenant."""
    fill(store, 3, "town")
    fill(store, 3, "sea")
    theirs = store.scoped("theirs")
    fill(theirs, 3)
    assert sorted(held.state.to for held in claim_all(store)) == ["sea", "sea", "town", "town"]
    assert len(claim_all(theirs)) == 2


def test_held_back_blocks_nobody(store: Store) -> None:
    """What a full scope holds back takes no slot, and nobody behind it waits for it."""
    fill(store, 20, "town")
    claim_all(store)
    fill(store, 2, "sea")
    assert [held.key for held in claim_all(store)] == ["sea-0", "sea-1"]
    fill(store, 1, "lake")
    held = store.claim(Errand.lease, worker="w")
    assert held is not None
    assert held.key == "lake-0"


@pytest.mark.parametrize("held_back", [10, 400])
def test_a_full_scope_is_looked_at_once(store: Store, held_back: int) -> None:
    """However many a full scope holds back, a claim says as many statements."""
    fill(store, held_back)
    claim_all(store)
    with said_by(store) as said:
        assert store.claim(Errand.lease, worker="w") is None
    assert len(said) < 25, [text for text, _ in said]


def test_limits_of_callers_differ(store: Store) -> None:
    """Nobody gets one more while as many are held as that caller allows, whoever holds them, and in whichever slots."""
    fill(store, 9)
    first = claim_all(store, at_most=5)
    assert is_full(store, "town-8", at_most=3)
    for held in first[:3]:
        held.send(Finished())
    # The two that are left are the fourth and the fifth.
    assert not is_full(store, "town-7", at_most=3)
    assert is_full(store, "town-8", at_most=3)
    assert not is_full(store, "town-8", at_most=4)


def test_none_at_all(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a number there is no limit; what is held counts for those who have one."""
    policy: Any = Errand.lease
    monkeypatch.setattr(policy, "limit", Limit(per=policy.limit.per))
    fill(store, 30)
    assert len(claim_all(store, limit=20)) == 20
    assert is_full(store, "town-25", at_most=20)
    assert not is_full(store, "town-25", at_most=21)


def test_below_one() -> None:
    """A limit of none at all would hold back everything for ever; it cannot be declared."""
    with pytest.raises(InvalidValue, match="at_most"):
        Limit(per=lambda state, key: "all", at_most=0)


# ---------------------------------------------------------------- given back


def finish(store: Store, clock: Any, held: Held[Errand, Run]) -> None:
    held.send(Finished())


def leave(store: Store, clock: Any, held: Held[Errand, Run]) -> None:
    clock.advance(minutes=2)
    store.reap(Errand.lease)


def give_up(store: Store, clock: Any, held: Held[Errand, Run]) -> None:
    store.send(Errand, held.key, GivenUp())


def delete(store: Store, clock: Any, held: Held[Errand, Run]) -> None:
    store.delete(Errand, held.key)


def set_by_hand(store: Store, clock: Any, held: Held[Errand, Run]) -> None:
    store.set_state(Errand, held.key, Over(), by="ann", why="it was lost")


def release(store: Store, clock: Any, held: Held[Errand, Run]) -> None:
    store.release(Errand.lease, held.key)
    store.set_state(Errand, held.key, Over(), by="ann", why="it was lost")


ENDS: list[Callable[[Store, Any, Held[Errand, Run]], None]] = [
    finish,
    leave,
    give_up,
    delete,
    set_by_hand,
    release,
]


@pytest.mark.parametrize("end", ENDS)
def test_given_back(store: Store, clock: Any, end: Callable[[Store, Any, Held[Errand, Run]], None]) -> None:
    """Whatever ends the lease makes room for one, and no more than one."""
    fill(store, 1, "first")
    [held] = claim_all(store, at_most=1)
    store.create(Errand, "b", Open(to="first"))
    store.create(Errand, "c", Open(to="first"))
    assert is_full(store, "b", at_most=1)
    end(store, clock, held)
    assert not is_full(store, "b", at_most=1)
    assert is_full(store, "c", at_most=1)


def test_a_pause_keeps_it(store: Store, clock: Any) -> None:
    """What pauses counts for as long as it does, and has its slot when it goes on; then an end gives that back."""
    fill(store, 2)
    [held] = claim_all(store, at_most=1)
    held.send(Waiting())
    clock.advance(hours=1)
    assert is_full(store, "town-1", at_most=1)
    held.send(Resumed())
    assert is_full(store, "town-1", at_most=1)
    assert held.renew()
    held.send(Waiting())
    store.send(Errand, held.key, GivenUp())
    assert not is_full(store, "town-1", at_most=1)


# ---------------------------------------------------------------- leases that have run out


def test_run_out_counts_no_more(store: Store, clock: Any) -> None:
    """The slot of a lease that has run out is free for others, and the late owner renews no more, but may end it."""
    fill(store, 2)
    [late] = claim_all(store, at_most=1)
    clock.advance(seconds=59)
    assert is_full(store, "town-1", at_most=1)
    clock.advance(seconds=1)
    assert not is_full(store, "town-1", at_most=1)
    assert not late.renew()
    assert late.send(Finished()).moved
    fill(store, 1, first=2)
    assert is_full(store, "town-2", at_most=1)


def test_run_out_and_renewed(store: Store, clock: Any) -> None:
    """A late owner whose slot nobody has taken meanwhile renews, and counts again."""
    fill(store, 2)
    [late] = claim_all(store, at_most=1)
    clock.advance(minutes=5)
    assert late.renew()
    assert is_full(store, "town-1", at_most=1)


def test_one_slot_is_taken_of_many(store: Store, clock: Any) -> None:
    """Of several that have run out as many lose their slot as are claimed."""
    fill(store, 3)
    late = claim_all(store, at_most=2)
    clock.advance(minutes=5)
    assert not is_full(store, "town-2", at_most=2)
    assert sorted(held.renew() for held in late) == [False, True]


def test_a_pause_behind_the_end(store: Store, clock: Any) -> None:
    """Who has lost the slot and pauses gets no lease that counts: it has run out when the pause is over."""
    fill(store, 2)
    [late] = claim_all(store, at_most=1)
    clock.advance(minutes=5)
    assert not is_full(store, "town-1", at_most=1)
    late.send(Waiting())
    store.send(Errand, late.key, Resumed())
    assert store.resume(Errand.lease, late.key, worker="w") is not None
    live = [lease.key for lease in store.leases(Errand.lease) if not lease.stale]
    assert live == ["town-1"]
    assert store.reap(Errand.lease) == 1


def test_reaping_the_late_one_frees_no_slot_of_another(store: Store, clock: Any) -> None:
    """The move of a lease that has run out gives back what that lease had, and not what another has taken since."""
    fill(store, 3)
    claim_all(store, at_most=1)
    clock.advance(minutes=5)
    assert not is_full(store, "town-1", at_most=1)
    assert store.reap(Errand.lease) == 1
    assert is_full(store, "town-2", at_most=1)


# ---------------------------------------------------------------- many at once


@pytest.mark.parametrize("limits", [(3, 3), (2, 4)])
def test_many_at_once(shared_url: str, limits: tuple[int, int]) -> None:
    """However many claim and end at once, never are more held than any of them allows, and in the end none is."""
    with open_store(shared_url) as store, open_store(shared_url) as other:
        fill(store, 60)
        held: set[object] = set()
        most, guard = [0], threading.Lock()

        def work(number: int) -> None:
            place, at_most = (store, other)[number % 2], limits[number % 2]
            for _ in range(15):
                one = place.claim(Errand.lease, worker=f"w{number}", at_most=at_most)
                if one is None:
                    continue
                with guard:
                    held.add(one.key)
                    most[0] = max(most[0], len(held))
                place.get(Errand, one.key)
                with guard:
                    held.remove(one.key)
                one.send(Finished())

        with ThreadPoolExecutor(6) as pool:
            list(pool.map(work, range(6)))
        assert 1 < most[0] <= max(limits)
        assert store.leases(Errand.lease) == []
        fill(store, 9, first=60)
        assert len(claim_all(store, at_most=max(limits))) == max(limits)


# ---------------------------------------------------------------- any order


class Limited(RuleBasedStateMachine):
    """Claims with different limits, ends, renewals and time, in any order."""

    held = Bundle("held")

    @initialize()
    def open(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)
        self.store = open_store("sqlite://", clock=lambda: self.time)
        self.numbers = itertools.count()

    def live(self) -> int:
        return sum(not lease.stale for lease in self.store.leases(Errand.lease))

    @rule(target=held, at_most=st.integers(1, 4))
    def claim(self, at_most: int) -> Any:
        self.store.create(Errand, f"{next(self.numbers)}", Open())
        before = self.live()
        claimed = self.store.claim(Errand.lease, worker="w", at_most=at_most)
        assert (claimed is not None) == (before < at_most)
        assert self.live() == before + (claimed is not None)
        return cast("Any", multiple()) if claimed is None else claimed

    @rule(one=consumes(held))
    def finish(self, one: Held[Errand, Run]) -> None:
        if self.is_theirs(one):
            one.send(Finished())

    @rule(one=held)
    def renew(self, one: Held[Errand, Run]) -> None:
        one.renew()

    @rule(one=consumes(held))
    def give_up(self, one: Held[Errand, Run]) -> None:
        if self.is_theirs(one):
            self.store.send(Errand, one.key, GivenUp())

    @rule(seconds=st.sampled_from([10, 30, 60]))
    def pass_time(self, seconds: int) -> None:
        self.time += timedelta(seconds=seconds)

    @rule()
    def reap(self) -> None:
        self.store.reap(Errand.lease)
        assert self.live() == len(self.store.leases(Errand.lease))

    def is_theirs(self, one: Held[Errand, Run]) -> bool:
        return any(lease.token == one.token for lease in self.store.leases(Errand.lease))

    @invariant()
    def is_never_more_than_anybody_allows(self) -> None:
        assert self.live() <= 4

    def teardown(self) -> None:
        self.store.close()


TestLimited = Limited.TestCase
TestLimited.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
