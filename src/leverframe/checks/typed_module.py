"""A module that knows which events each state takes, and where they lead, written for one machine.

With it a type checker refuses an event that the present state does not take, where `Handle.send` takes any event of the
machine.  What a guard says is known when it runs, as ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen

from leverframe.errors import MachineDefinitionError
from leverframe.typed.machine import Machine
from leverframe.typed.table import possible_targets

__all__ = ["typed_module"]

AnyMachine = type[Machine[Any, Any]]

LONGEST_LINE = 110

HEAD = '''"""{machine} by its states: a type checker refuses an event that the present state does not take.

Made by `leverframe typed {target}`; make it anew when the machine changes.
"""

# fmt: off
# ruff: noqa
# mypy: disable-error-code="overload-overlap"
# pyright: reportOverlappingOverload=false

from __future__ import annotations

from datetime import datetime
from typing import {typing}

from leverframe import Handle, Receipt, Store
from leverframe.errors import Key
{imports}

__all__ = ["send", "send_to", "start"]

_State = TypeVar("_State", bound="{states}")


class _Options(TypedDict, total=False):
    """What `Store.send` takes besides."""

    at: datetime | None
    delivery_id: str | None
    on_refused: Literal["raise", "return"]
    by: str | None
    why: str | None


def start(state: _State, now: datetime | None = None) -> Handle[{machine}, _State]:
    """As `{machine}.start`, and the handle is known to be in this state."""
    handle: Handle[{machine}, _State] = cast("Any", {machine}.start(state, now))
    return handle


# ---------------------------------------------------------------- a handle


'''

STORE = """

# ---------------------------------------------------------------- a store


"""

TYPING = ("Any", "Literal", "TypedDict", "TypeVar", "Unpack", "cast", "overload")

TAKEN = {*TYPING, "Handle", "Key", "Receipt", "Store", "datetime"}
"""Names that the module uses itself."""

SEND = '''    """The handle after `event`, as `Handle.send` gives it; only for an event that its state takes."""
    after: {result} = {taken}handle.send(event, now){given}
    return after
'''

SEND_TO = '''    """As `Store.send` with `expect`; only for an event that this state takes."""
    receipt: {result} = {taken}store.send({machine}, key, event, expect=expect, **options){given}
    return receipt
'''


@frozen
class Way:
    """What an event does in some leaves, all the same: it leads to one of `targets`."""

    event: type
    sources: tuple[type, ...]
    targets: tuple[type, ...]


def typed_module(machine: AnyMachine, target: str) -> str:
    """The text of the module; `target` is how the command line finds the machine.

    Raises `MachineDefinitionError` for classes that no module can import.

    >>> from leverframe.machines.pipeline import Pipeline
    >>> "handle: Handle[Pipeline, Active | Done],\\n    event: Abandon," in typed_module(Pipeline, "pipeline")
    True
    """
    ways = list(ways_of(machine))
    names = Names(machine)
    send, send_to = [names.send(way) for way in ways], [names.send_to(way) for way in ways]
    machine_name = names.of(machine)
    head = HEAD.format(
        machine=machine_name,
        target=target,
        imports=names.imports(),
        states=names.union(machine.leaves()),
        typing=", ".join(name for name in TYPING if name != "overload" or len(ways) > 1),
    )
    return "".join(
        (head, overloaded(send, SEND), STORE, overloaded(send_to, SEND_TO.replace("{machine}", machine_name)))
    )


@frozen
class Signature:
    """What stands behind `def`, up to the colon; and the type that is returned."""

    text: str
    result: str


GENERAL = {
    "send": "send(handle: Any, event: Any, now: datetime | None = None) -> Any",
    "send_to": "send_to(store: Store, key: Key, event: Any, *, expect: Any, **options: Unpack[_Options]) -> Any",
}


def overloaded(signatures: Sequence[Signature], body: str) -> str:
    """A function with these overloads; one signature alone is none."""
    if len(signatures) == 1:
        return f"def {signatures[0].text}:\n{said(body, signatures[0].result)}"
    overloads = "".join(f"@overload\ndef {each.text}: ...\n" for each in signatures)
    name = signatures[0].text.partition("(")[0]
    return f"{overloads}def {GENERAL[name]}:\n{said(body, 'Any')}"


def said(body: str, result: str) -> str:
    """What is known in general is cast to what is known here; Any needs no cast."""
    taken, given = ("", "") if result == "Any" else ('cast("Any", ', ")")
    return body.format(result=result, taken=taken, given=given)


# ---------------------------------------------------------------- which events where


def ways_of(machine: AnyMachine) -> Iterator[Way]:
    """What each event does: in the leaves where it does the same, in superstates, and wherever it is taken."""
    structure = machine._structure  # pyright: ignore[reportPrivateUsage]  # it is what the module is made of
    order = {leaf: number for number, leaf in enumerate(machine.leaves())}
    for event in structure.events:
        taken = {
            leaf: tuple(sorted(targets[event], key=lambda each: order[each]))
            for leaf in order
            if event in (targets := possible_targets(machine, leaf))
        }
        groups: dict[tuple[type, ...], list[type]] = {}
        for leaf, targets_there in taken.items():
            groups.setdefault(targets_there, []).append(leaf)
        yield from (Way(event, tuple(leaves), reached) for reached, leaves in groups.items())
        if len(groups) > 1:
            wider = [*superstates(machine, taken), tuple(taken)]
            yield from (joined(event, leaves, taken, order) for leaves in dict.fromkeys(wider))


def superstates(machine: AnyMachine, taken: Mapping[type, tuple[type, ...]]) -> Iterator[tuple[type, ...]]:
    """The leaves of each superstate in which the event is taken throughout, and not the same; inner ones first."""
    structure = machine._structure  # pyright: ignore[reportPrivateUsage]  # as above
    for base in sorted(structure.superstates, key=lambda each: -structure.node(each).path.count(".")):
        leaves: tuple[Any, ...] = machine.leaves(base)
        if all(leaf in taken for leaf in leaves) and len({taken[leaf] for leaf in leaves}) > 1:
            yield leaves


def joined(
    event: type, leaves: tuple[type, ...], taken: Mapping[type, tuple[type, ...]], order: Mapping[type, int]
) -> Way:
    reached = {target for leaf in leaves for target in taken[leaf]}
    return Way(event, leaves, tuple(sorted(reached, key=lambda each: order[each])))


# ---------------------------------------------------------------- how they are written


class Names:
    """What the module calls the machine's classes, and which of them it has to import."""

    def __init__(self, machine: AnyMachine) -> None:
        self.machine = machine
        self.used: dict[type, str] = {}
        self.of(machine)

    def of(self, cls: type) -> str:
        """The name of a class, which is imported then."""
        if cls not in self.used:
            if "." in cls.__qualname__ or cls.__module__ == "__main__":
                problem = f"{cls.__name__} cannot be imported from anywhere; write it at the top of a module"
                raise MachineDefinitionError(self.machine.__name__, "", problem)
            self.used[cls] = f"{cls.__name__}_" if cls.__name__ in TAKEN else cls.__name__
        return self.used[cls]

    def union(self, classes: Iterable[type]) -> str:
        return " | ".join(map(self.of, classes))

    def folded(self, leaves: Sequence[type]) -> tuple[type, ...]:
        """These leaves, and superstates in place of all that are in them."""
        structure = self.machine._structure  # pyright: ignore[reportPrivateUsage]  # it is what the module is made of
        found = list(leaves)
        for base, node in sorted(structure.superstates.items(), key=lambda item: -item[1].path.count(".")):
            inside = [leaf for leaf, each in structure.leaves.items() if node in each.chain]
            if set(inside) <= set(leaves):
                place = min(found.index(each) for each in found if issubclass(each, base))
                found = [
                    base if number == place else each
                    for number, each in enumerate(found)
                    if number == place or not issubclass(each, base)
                ]
        return tuple(found)

    def send(self, way: Way) -> Signature:
        machine = self.of(self.machine)
        parameters = (
            f"handle: Handle[{machine}, {self.union(self.folded(way.sources))}]",
            f"event: {self.of(way.event)}",
            "now: datetime | None = None",
        )
        return signature("send", parameters, f"Handle[{machine}, {self.union(way.targets)}]")

    def send_to(self, way: Way) -> Signature:
        # A refusal that is returned has the state that it was in.
        reached = dict.fromkeys((*way.sources, *way.targets))
        parameters = (
            "store: Store",
            "key: Key",
            f"event: {self.of(way.event)}",
            "*",
            f"expect: {' | '.join(f'type[{self.of(each)}]' for each in self.folded(way.sources))}",
            "**options: Unpack[_Options]",
        )
        return signature("send_to", parameters, f"Receipt[{self.union(reached)}]")

    def imports(self) -> str:
        """Import statements for all that was used."""
        by_module: dict[str, list[str]] = {}
        for cls, name in self.used.items():
            said = cls.__name__ if name == cls.__name__ else f"{cls.__name__} as {name}"
            by_module.setdefault(cls.__module__, []).append(said)
        return "\n".join(
            f"from {module} import (\n" + "".join(f"    {name},\n" for name in sorted(names)) + ")"
            for module, names in sorted(by_module.items())
        )


def signature(name: str, parameters: Sequence[str], result: str) -> Signature:
    line = f"{name}({', '.join(parameters)}) -> {result}"
    if len(line) > LONGEST_LINE - len("def : ..."):
        line = f"{name}(\n" + "".join(f"    {each},\n" for each in parameters) + f") -> {result}"
    return Signature(line, result)
