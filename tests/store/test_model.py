"""A store against a plain dictionary, driven by hypothesis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from parcels import (
    City,
    Found,
    HandedOver,
    Label,
    Loaded,
    Lost,
    Moving,
    OnTheRoad,
    Parcel,
    Relabelled,
    Stopped,
    Vanished,
    Waiting,
)

from leverframe import AlreadyExists, NotFound, Send, TransitionNotAllowed, decide, open_store
from leverframe.typed.table import enter

T0 = datetime(2026, 1, 1, tzinfo=UTC)
labels = st.sampled_from("ABCDE").map(Label)
cities = st.none() | st.sampled_from(["Bern", "Rome"]).map(City)
events: Any = st.one_of(
    st.builds(Loaded),
    st.builds(Stopped, cities),
    st.builds(Relabelled, labels),
    st.builds(HandedOver, st.integers(-1, 1)),
    st.builds(Vanished),
    st.builds(Found, labels),
)
times = st.integers(-5, 50).map(lambda hours: T0 + timedelta(hours=hours))
deliveries = st.none() | st.sampled_from(["d1", "d2", "d3"])


class Model:
    """What a store would be if it were a dictionary."""

    def __init__(self) -> None:
        self.histories: dict[str, list[tuple[Any, Any, datetime]]] = {}
        self.order: dict[str, int] = {}
        self.settled: dict[tuple[str, str], Any] = {}
        self.told = 0

    def state(self, key: str) -> Any:
        return self.histories[key][-1][1]

    def label_taken(self, key: str, state: Any) -> bool:
        label = getattr(state, "label", None)
        others = [getattr(h[-1][1], "label", None) for k, h in self.histories.items() if k != key]
        return label is not None and label in others

    def create(self, key: str, state: Any, at: datetime) -> str:
        if key in self.histories or self.label_taken(key, state):
            return "AlreadyExists"
        self.histories[key] = [(None, state, at)]
        self.order[key] = len(self.order)
        self.told += len(enter(Parcel, state, at))
        return "created"

    def send(self, key: str, event: Any, at: datetime, delivery: str | None) -> Any:
        if key not in self.histories:
            return "NotFound"
        if delivery is not None and (key, delivery) in self.settled:
            return self.settled[key, delivery]
        outcome = self._move(key, event, at)
        if delivery is not None:
            self.settled[key, delivery] = outcome
        return outcome

    def _move(self, key: str, event: Any, at: datetime) -> Any:
        try:
            decision = decide(Parcel, self.state(key), event, at)
        except TransitionNotAllowed as refusal:
            refusal.key = key
            return str(refusal)
        if self.label_taken(key, decision.state):
            return "AlreadyExists"
        self.told += len(decision.messages)
        self.histories[key].append((event, decision.state, at))
        return len(self.histories[key]), decision.state


def kind_of(state: object) -> type[Any]:
    return type(state)


EXAMPLES = {"memory": 60, "file": 25, "postgres": 20}
"""Each begins with a store of its own, which takes longer to make on some."""


def check_rules(machine: Callable[[], RuleBasedStateMachine], examples: int) -> None:
    run_state_machine_as_test(
        cast("type[RuleBasedStateMachine]", machine),
        settings=settings(
            max_examples=examples, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
        ),
    )


class StoreAgainstModel(RuleBasedStateMachine):
    keys = Bundle("keys")

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url

    @initialize(target=keys)
    def begin(self) -> Any:
        self.store = open_store(self.url)
        self.model = Model()
        return multiple("a", "b", "c", "d")

    @rule(key=keys, label=labels, city=cities, at=times)
    def create(self, key: str, label: Label, city: City | None, at: datetime) -> None:
        state = Waiting(label, city)
        try:
            self.store.create(Parcel, key, state, at=at)
            outcome = "created"
        except AlreadyExists:
            outcome = "AlreadyExists"
        assert outcome == self.model.create(key, state, at)

    @rule(key=keys, event=events, at=times, delivery=deliveries)
    def send(self, key: str, event: Any, at: datetime, delivery: str | None) -> None:
        outcome: Any
        try:
            receipt = self.store.send(Parcel, key, event, at=at, delivery_id=delivery)
            outcome = receipt.version, receipt.state
        except (AlreadyExists, NotFound) as error:
            outcome = type(error).__name__
        except TransitionNotAllowed as refusal:
            outcome = str(refusal)
        assert outcome == self.model.send(key, event, at, delivery)

    @rule(batch=st.lists(st.tuples(keys, events, times, deliveries), max_size=5))
    def send_many(self, batch: list[tuple[str, Any, datetime, str | None]]) -> None:
        known = [item for item in batch if item[0] in self.model.histories]
        sends: list[Send[Any]] = [Send(key, event, at, None, delivery) for key, event, at, delivery in known]
        receipts = self.store.send_many(Parcel, sends, on_refused="return")
        for receipt, (key, event, at, delivery) in zip(receipts, known, strict=True):
            outcome: Any = (receipt.version, receipt.state)
            if receipt.error is not None:
                taken = isinstance(receipt.error, AlreadyExists)
                outcome = "AlreadyExists" if taken else str(receipt.error)
            assert outcome == self.model.send(key, event, at, delivery)

    @invariant()
    def agrees(self) -> None:
        model = self.model.histories
        stored = {found.key: found for found in self.store.find(Parcel)}
        assert stored.keys() == model.keys()
        for key, history in model.items():
            entries = self.store.history(Parcel, key)
            assert [(e.event, e.state, e.at) for e in entries] == history
            assert (stored[key].state, stored[key].version) == (history[-1][1], len(history))
        assert self.store.count(Parcel) == Counter(kind_of(h[-1][1]) for h in model.values())
        assert len(self.store.messages(limit=100_000)) == self.model.told

    @invariant()
    def finds(self) -> None:
        present = {key: history[-1] for key, history in self.model.histories.items()}
        newest = sorted(present, key=lambda key: (present[key][2], self.model.order[key]), reverse=True)
        for state in (Waiting, OnTheRoad, Lost, Moving):
            expected = [key for key in newest if isinstance(present[key][1], state)]
            assert [found.key for found in self.store.find(Parcel, state)] == expected
        for city in (City("Bern"), None):
            expected = [k for k in newest if hasattr(present[k][1], "city") and present[k][1].city == city]
            assert [found.key for found in self.store.find(Parcel, where={"city": city})] == expected

    def teardown(self) -> None:
        self.store.close()


def test_store_is_as_a_dictionary(kind: str, fresh_url: Callable[[str], str]) -> None:
    """Whatever is done to a store in whatever order, it answers as a dictionary would."""
    check_rules(lambda: StoreAgainstModel(fresh_url(kind)), EXAMPLES[kind])
