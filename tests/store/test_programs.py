"""Several versions of a program on one store: look-ups are kept by all of them alike, or by one at a time."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pytest
from attrs import frozen
from things import Dropped, Handed, New, Taken, hand_by_turns, hand_until_refused, make_program
from waiting import until

from leverframe import (
    AlreadyExists,
    LookupsChanged,
    Machine,
    MachineDefinitionError,
    Payload,
    UnknownState,
    lookup,
    on,
    open_store,
    state,
)


@pytest.fixture
def url(shared_url: str) -> str:
    return shared_url


def test_other_program_declares_other_lookups(url: str) -> None:
    """A program whose look-ups another one has changed is refused: it would keep, and find, what is out of date."""
    older, newer = make_program(looked_up=False), make_program(looked_up=True)
    with open_store(url) as first, open_store(url) as second:
        first.create(older, "a", New("ann"))
        second.create(newer, "b", New("bob"))
        before = [(found.key, found.version) for found in second.find(newer)]
        for verb in (
            lambda: first.send(older, "a", Handed("eve")),
            lambda: first.send_many(older, [("a", Handed("eve"))]),
            lambda: first.create(older, "c", New("cid")),
        ):
            with pytest.raises(LookupsChanged) as refusal:
                verb()
            assert refusal.value.machine == "Thing"
        assert [(found.key, found.version) for found in second.find(newer)] == before
        assert [found.key for found in second.find(newer, where={"owner": "ann"})] == ["a"]


def test_reading_changes_no_lookups(url: str) -> None:
    """A program that only reads leaves the look-ups of another one as they are."""
    older, newer = make_program(looked_up=False), make_program(looked_up=True)
    with open_store(url) as first, open_store(url) as second:
        first.create(newer, "a", New("ann"))
        assert second.get(older, "a").state == New("ann")
        assert len(second.find(older)) == len(second.history(older, "a")) == 1
        assert [found.key for found in first.find(newer, where={"owner": "ann"})] == ["a"]


def test_finding_after_another_declared(url: str) -> None:
    """A program whose look-ups were dropped by another finds nothing wrong: it is refused."""
    older, newer = make_program(looked_up=False), make_program(looked_up=True)
    with open_store(url) as first, open_store(url) as second:
        first.create(newer, "a", New("ann"))
        second.send(older, "a", Handed("eve"))
        with pytest.raises(LookupsChanged):
            first.find(newer, where={"owner": "ann"})


def test_declared_while_another_process_moves(url: str) -> None:
    """Processes of an older program move while a newer one declares look-ups: they are refused, nothing is lost."""
    older, newer = make_program(looked_up=False), make_program(looked_up=True)
    keys = [f"thing-{number}" for number in range(20)]
    with open_store(url) as store:
        for key in keys:
            store.create(older, key, New("ann"))
        with ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("spawn")) as pool:
            moving = [pool.submit(hand_until_refused, url, name, keys) for name in ("first", "second")]
            until(lambda: any(each.version > 1 for each in store.find(older)))
            declaring = pool.submit(hand_by_turns, url, "newer", keys)
            refused = [each.result() for each in moving]
            acknowledged = [*(move for each in refused for move in each.moves), *declaring.result()]
        assert [each.machine for each in refused] == ["Thing", "Thing"]
        there = [(key, line.version, line.state.owner) for key in keys for line in store.history(newer, key)[1:]]
        assert sorted(there) == sorted(acknowledged)
        assert [store.get(newer, key).version for key in keys] == [
            1 + sum(at == key for at, _, _ in acknowledged) for key in keys
        ]
        for found in store.find(newer):
            assert [each.key for each in store.find(newer, where={"owner": found.state.owner})] == [found.key]


def test_same_program_twice(url: str) -> None:
    """Two processes of one program agree on the look-ups, whoever is first."""
    program = make_program(looked_up=True, unique=True)
    with open_store(url) as first, open_store(url) as second:
        first.create(program, "a", New("ann"))
        second.create(program, "b", New("bob"))
        first.send(program, "a", Dropped())
        assert second.send(program, "b", Handed("ann")).moved
        with pytest.raises(AlreadyExists):
            first.create(program, "c", New("ann"))


def test_upcaster_changes_a_lookup(url: str) -> None:
    """An upcaster that changes a looked-up value changes where the instance is found."""
    with open_store(url) as store:
        store.create(make_program(looked_up=True), "a", New("ann"))
    newer = make_program(looked_up=True, initials=True)
    with open_store(url) as store:
        assert [found.key for found in store.find(newer, where={"owner": "a"})] == ["a"]
        assert store.find(newer, where={"owner": "ann"}) == []


def test_lookup_of_two_types(url: str) -> None:
    """A look-up whose field has several types is refused: equal values would be stored unlike."""

    @frozen
    class Whole(Payload):
        size: int

    @frozen
    class Part(Payload):
        size: float

    class Mixed(Machine[Whole | Part, Dropped]):
        whole = state(Whole, initial=True)
        part = state(Part)
        size = lookup()

        @on
        def dropped(self, s: Whole, e: Dropped) -> Part:
            return Part(0.5)

    with open_store(url) as store, pytest.raises(MachineDefinitionError, match="several types"):
        store.create(Mixed, "a", Whole(1))


def test_path_that_was_anothers(url: str) -> None:
    """A path that instances of another class are stored under is refused, and not read as the class that has it now."""
    with open_store(url) as store:
        store.create(make_program(looked_up=False), "a", Taken("ann"))

    class Thing(Machine[New | Taken, Handed]):
        taken = state(New, initial=True)
        owned = state(Taken)

        @on
        def handed(self, s: New | Taken, e: Handed) -> Taken:
            return Taken(e.owner)

    with open_store(url) as store:
        for verb in (lambda: store.count(Thing), lambda: store.find(Thing, New)):
            with pytest.raises(UnknownState, match="instances of Taken are stored under it"):
                verb()


@frozen
class Alpha(Payload): ...


@frozen
class Omega(Payload): ...


@pytest.mark.parametrize("order", [(Alpha, Omega), (Omega, Alpha)])
def test_path_that_two_classes_had(url: str, order: tuple[type[Payload], type[Payload]]) -> None:
    """A path is known by the class that it had when it was first entered, whichever entered it later."""

    def program(first: Any, second: Any) -> Any:
        class Thing(Machine[Alpha | Omega, Dropped]):
            spot = state(first, initial=True)
            elsewhere = state(second)

            @on
            def dropped(self, s: Alpha | Omega, e: Dropped) -> Alpha | Omega:
                return Alpha() if second is Alpha else Omega()

        return Thing

    names: list[list[tuple[str, str, int]]] = []
    for first, second in (order, order[::-1]):
        with open_store(url) as store:
            store.create(program(first, second), first.__name__, first())
            store.send(program(first, second), first.__name__, Dropped())
            rows = store._backend.read().count("Thing")  # pyright: ignore[reportPrivateUsage]  # the classes' names stand in the rows
            names.append([(row.state, row.type_name, row.number) for row in rows])
    in_spot, in_elsewhere = (each.__name__ for each in order)
    assert names == [
        [("elsewhere", in_elsewhere, 1), ("spot", in_spot, 0)],
        [("elsewhere", in_elsewhere, 2), ("spot", in_spot, 0)],
    ]
