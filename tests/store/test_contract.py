"""What holds for every verb."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from attrs import frozen
from parcels import (
    Delivered,
    Found,
    Label,
    Lost,
    Moving,
    OnTheRoad,
    Parcel,
    Stopped,
    Waiting,
    first_stop,
    waiting,
)

from leverframe import (
    EncodeError,
    Event,
    InvalidQuery,
    LeverframeError,
    Machine,
    MachineDefinitionError,
    Payload,
    Store,
    StoreClosed,
    on,
    state,
)
from leverframe.machines.pipeline import (
    Backlog,
    DepsMet,
    Pipeline,
)


def test_unencodable_is_refused(store: Store) -> None:
    """A state that could not be read back the same is refused before anything is written."""
    store.create(Parcel, "p", waiting("A"))
    with pytest.raises(EncodeError):
        store.create(Parcel, "q", OnTheRoad(Label("B"), None, datetime(2026, 1, 1), 0))  # a naive time is the point
    assert [s.key for s in store.find(Parcel)] == ["p"]


def test_what_is_no_machine(store: Store) -> None:
    """A class that is no machine is refused."""
    with pytest.raises(InvalidQuery):
        store.get(int, "story-7")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # the wrong class is the point


def test_two_machines_of_one_name(store: Store) -> None:
    """Two machines under one name in one store are refused, before they read each other's rows."""

    @frozen
    class Only(Payload): ...

    @frozen
    class Tick(Event): ...

    def make() -> Any:
        class Pipeline(Machine[Only, Tick]):
            only = state(Only, initial=True)

            @on
            def tick(self, s: Only, e: Tick) -> Only:
                return s

        return Pipeline

    store.create(Pipeline, "story-7", Backlog())
    with pytest.raises(MachineDefinitionError, match="machine_name"):
        store.create(make(), "story-8", Only())


def test_closed_store(store: Store) -> None:
    """A closed store refuses every verb; closing again does no harm."""
    store.create(Pipeline, "story-7", Backlog())
    store.close()
    store.close()
    for verb in (
        lambda: store.get(Pipeline, "story-7"),
        lambda: store.send(Pipeline, "story-7", DepsMet()),
        lambda: store.create(Pipeline, "story-8", Backlog()),
        lambda: store.messages(),
    ):
        with pytest.raises(StoreClosed):
            verb()


def test_every_error_is_ours(store: Store) -> None:
    """Each refusal of a verb is a `LeverframeError`."""
    store.create(Parcel, "p", waiting("A"))
    for verb in (
        lambda: store.create(Parcel, "p", waiting("B")),
        lambda: store.create(Parcel, "q", waiting("A")),
        lambda: store.get(Parcel, "nobody"),
        lambda: store.send(Parcel, "p", Found(Label("x"))),
        lambda: store.find(Parcel, Backlog),
        lambda: store.at(Parcel, "p"),
    ):
        with pytest.raises(LeverframeError) as refusal:
            verb()
        assert "\n" not in str(refusal.value)


def test_states_of_the_test_machine(store: Store) -> None:
    """A typed find gives the fields of its superstate."""
    store.create(Parcel, "p", waiting("A", "Bern"))
    assert [found.state.city for found in store.find(Parcel, Moving)] == ["Bern"]
    assert store.find(Parcel, Lost) == []
    assert store.find(Parcel, Delivered) == []
    assert isinstance(store.get(Parcel, "p").state, Waiting)
    assert isinstance(first_stop(), Stopped)
