"""Look-ups of parts of the key: by index, whatever the state, and made for what is there already."""

from __future__ import annotations

import pytest
from attrs import frozen

from leverframe import (
    AlreadyExists,
    Event,
    InvalidQuery,
    Machine,
    MachineDefinitionError,
    Payload,
    Store,
    lookup,
    on,
    open_store,
    state,
)
from leverframe.errors import Key


@frozen
class Shut(Payload):
    colour: str = "red"


@frozen
class Wide(Payload):
    colour: str = "red"


@frozen
class Opened(Event):
    colour: str = "red"


class Door(Machine[Shut | Wide, Opened]):
    shut = state(Shut, initial=True)
    wide = state(Wide)

    colour = lookup()
    floor = lookup(part=1)
    number = lookup(part=2, unique=True)

    @on
    def opened(self, s: Shut | Wide, e: Opened) -> Wide:
        return Wide(e.colour)


def keys(store: Store, **where: object) -> list[Key]:
    return sorted(stored.key for stored in store.find(Door, where=where))


def test_found_by_a_part(store: Store) -> None:
    """An instance is found by a part of its key, alone or with other look-ups, in whichever state it is."""
    for key in (("north", "1", "a"), ("south", "1", "b"), ("south", "2", "c")):
        store.create(Door, key, Shut())
    assert keys(store, floor="1") == [("north", "1", "a"), ("south", "1", "b")]
    store.send(Door, ("south", "1", "b"), Opened("blue"))
    assert keys(store, floor="1") == [("north", "1", "a"), ("south", "1", "b")]
    assert keys(store, floor="1", colour="blue") == [("south", "1", "b")]
    store.send(Door, ("south", "1", "b"), Opened("blue"))
    store.set_state(Door, ("south", "1", "b"), Shut("green"), by="anna", why="painted")
    assert keys(store, floor="1", colour="green") == [("south", "1", "b")]
    assert keys(store, number="c") == [("south", "2", "c")]
    assert [each.key for each in store.find(Door, Shut, prefix=("south",), where={"floor": "2"})] == [
        ("south", "2", "c")
    ]
    store.delete(Door, ("south", "2", "c"))
    assert keys(store, number="c") == []


def test_a_key_without_the_part(store: Store) -> None:
    """A key that has no such part, or is no tuple, is not found by it."""
    store.create(Door, ("north", "1"), Shut())
    store.create(Door, "north", Shut())
    store.create(Door, "south", Shut())
    assert keys(store, floor="1") == [("north", "1")]
    assert len(store.find(Door)) == 3


def test_a_unique_part(store: Store) -> None:
    """With `unique`, a second instance with that part is refused, and nothing is written."""
    store.create(Door, ("north", "1", "a"), Shut())
    with pytest.raises(AlreadyExists) as caught:
        store.create(Door, ("south", "2", "a"), Shut())
    assert (caught.value.field, len(store.find(Door))) == ("number", 1)


def test_what_is_no_text(store: Store) -> None:
    """Parts of keys are texts, and nothing else is one."""
    for wrong in (1, None, ""):
        with pytest.raises(InvalidQuery):
            store.find(Door, where={"floor": wrong})


def test_declared_later(shared_url: str) -> None:
    """A look-up that is declared when instances are there is made for them."""

    class Plain(Machine[Shut | Wide, Opened]):
        machine_name = "Door"

        shut = state(Shut, initial=True)
        wide = state(Wide)

        @on
        def opened(self, s: Shut | Wide, e: Opened) -> Wide:
            return Wide(e.colour)

    with open_store(shared_url) as store:
        store.create(Plain, ("north", "1", "a"), Shut())
    with open_store(shared_url) as store:
        assert keys(store, floor="1") == [("north", "1", "a")]


def test_a_field_is_no_part() -> None:
    """What is a field of a state cannot be a part of the key too."""
    with pytest.raises(MachineDefinitionError, match="colour"):

        class Ambiguous(Machine[Shut | Wide, Opened]):  # pyright: ignore[reportUnusedClass]  # it is not made
            shut = state(Shut, initial=True)
            wide = state(Wide)

            colour = lookup(part=0)

            @on
            def opened(self, s: Shut | Wide, e: Opened) -> Wide:
                return Wide(e.colour)
