"""Whatever workers do, and whatever the clock does, each message is settled once; driven by hypothesis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from mail import CUSTODY, SECOND, tell

from leverframe import BackOff, Consumer, Delivered, LeaseLost, Store, open_store

ATTEMPTS = 3
LEASE = 10 * SECOND
RETRY = BackOff(base=SECOND, cap=8 * SECOND)
WORKERS = ("ann", "bob", "eve")

workers = st.sampled_from(WORKERS)


class Schedule(RuleBasedStateMachine):
    """Three workers of one consumer, on two stores where there can be two; what they got, and what came of it."""

    make_url: Callable[[], str]

    def __init__(self) -> None:
        super().__init__()
        self.time = datetime(2026, 1, 1, tzinfo=UTC)
        url = self.make_url()
        self.stores: list[Store] = [open_store(url, clock=lambda: self.time)]
        if url != "sqlite://":
            self.stores.append(open_store(url, clock=lambda: self.time))
        self.told: list[str] = []
        self.given: list[Delivered] = []
        self.current: dict[int, Delivered] = {}
        self.attempts: Counter[int] = Counter()
        self.acknowledged: set[int] = set()
        self.failed: set[int] = set()

    def teardown(self) -> None:
        self.settle_all()
        for store in self.stores:
            store.close()

    def consumer(self, worker: str) -> Consumer:
        store = self.stores[WORKERS.index(worker) % len(self.stores)]
        return store.consumer("mailer", topic=CUSTODY, attempts=ATTEMPTS, lease=LEASE, retry=RETRY, worker=worker)

    # ------------------------------------------------------------ what happens

    @initialize(number=st.integers(0, 4))
    def begin(self, number: int) -> None:
        for _ in range(number):
            self.tell()

    @rule()
    def tell(self) -> None:
        name = f"p{len(self.told)}"
        tell(self.stores[0], name)
        self.told.append(name)

    @rule(seconds=st.sampled_from([0, 1, 5, 9, 10, 60]))
    def pass_time(self, seconds: int) -> None:
        self.time += timedelta(seconds=seconds)

    @rule(worker=workers, limit=st.integers(1, 4))
    def take(self, worker: str, limit: int) -> None:
        taken = self.consumer(worker).take(limit)
        assert len(taken) <= limit
        for delivery in taken:
            self.check_given(delivery)

    def check_given(self, delivery: Delivered) -> None:
        position = delivery.message.position
        assert position not in self.acknowledged | self.failed, "it was settled"
        before = self.current.get(position)
        assert before is None or before.until <= self.time, "it is in somebody's hands"
        assert before is None or delivery.token > before.token
        self.attempts[position] += 1
        assert delivery.attempt == self.attempts[position] <= ATTEMPTS
        self.current[position] = delivery
        self.given.append(delivery)

    @precondition(lambda self: self.given)
    @rule(data=st.data(), well=st.booleans())
    def answer(self, data: st.DataObject, well: bool) -> None:
        """Somebody says what became of a message, in time or late, perhaps not for the first time."""
        self.settle(data.draw(st.sampled_from(self.given)), well)

    def settle(self, delivery: Delivered, well: bool) -> None:
        position = delivery.message.position
        # One whose lease ran out for the last time is set aside by whoever takes next: then its token is over too.
        holds = self.current.get(position) is delivery and position not in self.set_aside()
        try:
            if well:
                delivery.acknowledge()
            else:
                delivery.fail("no")
        except LeaseLost:
            assert not holds
            return
        assert holds
        # Who fails is out of it; nobody has the message until it is handed out again.
        del self.current[position]
        if well:
            self.acknowledged.add(position)
        elif delivery.attempt == ATTEMPTS:
            self.failed.add(position)

    # ------------------------------------------------------------ what holds

    def set_aside(self) -> set[int]:
        return {each.message.position for each in self.consumer("ann").set_aside()}

    @invariant()
    def nothing_is_both(self) -> None:
        aside = self.set_aside()
        assert not aside & self.acknowledged
        assert self.failed <= aside
        assert all(self.attempts[position] == ATTEMPTS for position in aside)

    def settle_all(self) -> None:
        """In the end each message was acknowledged once, or is set aside: none was lost."""
        for number in range(len(self.told) * ATTEMPTS + 1):
            self.time += 60 * SECOND
            self.take(WORKERS[number % len(WORKERS)], 4)
            for delivery in list(self.current.values()):
                if self.current.get(delivery.message.position) is delivery and delivery.until > self.time:
                    self.settle(delivery, number % 2 == 0)
        positions = {message.position for message in self.stores[0].messages(topic=CUSTODY, limit=1000)}
        assert self.acknowledged | self.set_aside() == positions
        assert len(positions) == len(self.told)
        assert self.stores[0].examine().rows["consumption"] == len(self.set_aside())


def test_any_schedule(kind: str, fresh_url: Callable[[str], str]) -> None:
    """Each message ends acknowledged exactly once or set aside, none is lost, and none is in two hands at once."""

    class Here(Schedule):
        make_url = staticmethod(lambda: fresh_url(kind))

    examples = {"file": 60, "memory": 100, "postgres": 12}[kind]
    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
