"""The generated module: what it does when it runs; what checkers make of it is seen in tests/typing."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest
from attrs import frozen
from shop_files import load_shop

from leverframe import (
    Event,
    Machine,
    MachineDefinitionError,
    Payload,
    StaleState,
    TransitionNotAllowed,
    on,
    open_store,
    state,
)
from leverframe.checks.typed_module import Way, typed_module, ways_of
from leverframe.cli.targets import SHIPPED, find_machine
from leverframe.machines import Job, Pipeline
from leverframe.machines.pipeline import Abandon, Backlog, Block, Coding, DepsMet, GatesStarted


@pytest.fixture
def generated(folder: Path) -> ModuleType:
    """The module of the pipeline, imported."""
    (folder / "generated_pipeline.py").write_text(typed_module(Pipeline, "pipeline"))
    return importlib.import_module("generated_pipeline")


def test_a_handle(generated: ModuleType) -> None:
    """`start` and `send` do what those of the machine and its handles do."""
    handle = generated.start(Backlog())
    assert handle == Pipeline.start(Backlog())
    assert generated.send(handle, DepsMet()) == Pipeline.start(Backlog()).send(DepsMet())
    with pytest.raises(TransitionNotAllowed):
        generated.send(handle, GatesStarted())


def test_a_store(generated: ModuleType) -> None:
    """`send_to` sends to a store, and only where the stored state is the one that is named."""
    with open_store("sqlite://") as store:
        store.create(Pipeline, "story-7", Backlog())
        receipt = generated.send_to(store, "story-7", DepsMet(), expect=Backlog, why="it is time")
        assert receipt.state == Coding()
        assert store.history(Pipeline, "story-7")[-1].why == "it is time"
        with pytest.raises(StaleState):
            generated.send_to(store, "story-7", DepsMet(), expect=Backlog)


@pytest.mark.parametrize("target", SHIPPED)
def test_what_is_taken(target: str) -> None:
    """For each leaf there is a way for each event that it takes, and for no other."""
    machine = find_machine(target)
    ways = list(ways_of(machine))
    for leaf in machine.leaves():
        taken = {way.event for way in ways if leaf in way.sources}
        assert taken == set(machine._table.rows[leaf])  # pyright: ignore[reportPrivateUsage]  # what it really takes


def test_ways_of_a_superstate() -> None:
    """An event that does the same in several leaves has one way; all of a superstate are named by that."""
    [block] = [way for way in ways_of(Pipeline) if way.event is Block]
    assert [leaf.__name__ for leaf in block.sources] == ["Backlog", "Coding", "Qa", "Merge"]
    assert "handle: Handle[Pipeline, Active]" in typed_module(Pipeline, "pipeline")
    [abandon] = [way for way in ways_of(Pipeline) if way.event is Abandon]
    assert len(abandon.sources) == 5


@frozen
class Cold(Payload): ...


@frozen
class Warm(Payload): ...


@frozen
class Hot(Payload): ...


@frozen
class Heat(Event): ...


class Kettle(Machine[Cold | Warm | Hot, Heat]):
    cold = state(Cold, initial=True)
    warm = state(Warm)
    hot = state(Hot, final=True)

    @on
    def warm_up(self, s: Cold, e: Heat) -> Warm:
        return Warm()

    @on
    def boil(self, s: Warm, e: Heat) -> Hot:
        return Hot()


def test_ways_of_several_states() -> None:
    """An event that leads elsewhere from each state has a way for each, and one for all of them."""
    assert list(ways_of(Kettle)) == [
        Way(Heat, (Cold,), (Warm,)),
        Way(Heat, (Warm,), (Hot,)),
        Way(Heat, (Cold, Warm), (Warm, Hot)),
    ]


@pytest.mark.parametrize("target", SHIPPED)
def test_the_same_bytes_on_each_run(target: str) -> None:
    """The text is the same each time, and names no place of this machine."""
    text = typed_module(find_machine(target), target)
    assert text == typed_module(find_machine(target), target)
    assert str(Path(__file__).parents[2]) not in text


def test_names_that_the_module_uses_itself(folder: Path) -> None:
    """A state that is called as something of the module's own is imported by another name."""
    machine = load_shop(folder, ("Sent", "Receipt"), ("Cancelled", "Store"))
    text = typed_module(machine, "shop:Order")
    assert "    Receipt as Receipt_," in text
    (folder / "shop_typed.py").write_text(text)
    module = importlib.import_module("shop_typed")
    shop = importlib.import_module("shop")
    assert module.send(module.start(shop.Draft("ann", ())), shop.Cancel("late")).state == shop.Store("late")


def test_classes_that_cannot_be_imported() -> None:
    """A machine that is made inside a function has no module."""

    class Local(Machine[Cold | Warm, Heat]):
        cold = state(Cold, initial=True)
        warm = state(Warm, final=True)

        @on
        def warm_up(self, s: Cold, e: Heat) -> Warm:
            return Warm()

    with pytest.raises(
        MachineDefinitionError, match="cannot be imported from anywhere; write it at the top of a module"
    ):
        typed_module(Local, "here:Local")


def test_moves_in_place() -> None:
    """What a signature says is all that is known: a move that may lead to each state leads to any of them."""
    ways = [way for way in ways_of(Job) if way.event.__name__ == "Enqueued"]
    assert [len(way.targets) for way in ways] == [4]
