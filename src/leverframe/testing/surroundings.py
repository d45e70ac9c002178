"""What is about a machine's work: subjects that come and go, who waits for whom, and gates that are shut and opened."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from functools import partial
from typing import Any

from leverframe.coordination.gates import Freeze, Gates, ended_states
from leverframe.errors import Key, LeverframeError
from leverframe.persistence.keys import encode_key
from leverframe.testing.chance import Chance
from leverframe.testing.ledger import Known
from leverframe.testing.moves import Ways, sent_by_somebody
from leverframe.testing.world import Behaviour, Process

__all__ = ["MakeSubject", "behaviours_around"]

SELDOM = 0.1
"""How often something happens to a subject, or a gate, when its keeper looks."""

STARTED = "SELECT 1 FROM turn WHERE machine = ? AND subject = ?"

Actor = Generator[None, None, None]

MakeSubject = Callable[[Key, Chance], Any]
"""The state that a subject of this key begins in."""


def behaviours_around(gates: Gates | None, make: MakeSubject | None) -> Mapping[str, Mapping[str, Behaviour]]:
    """Who looks after what the gates go by; nobody where there are none."""
    if gates is None:
        return {}
    found: dict[str, Mapping[str, Behaviour]] = {"subjects": {"keep": partial(Subjects.keep, gates=gates, make=make)}}
    if gates.freeze is not None:
        found["gates"] = {"keep": partial(Barriers.keep, gates=gates, freeze=gates.freeze)}
    return found


class Subjects:
    """Makes the subjects of what there is to do, lets some wait for others, and moves them."""

    def __init__(self, process: Process, gates: Gates, make: MakeSubject | None) -> None:
        self.process = process
        self.gates = gates
        self.machine: Any = gates.of
        self.make = make
        self.ended = ended_states(self.machine)
        met = () if gates.prerequisites is None else (gates.prerequisites.met,)
        good = [leaf for leaf in self.ended if issubclass(leaf, met)]
        self.ways = Ways(self.machine, sent_by_somebody(self.machine), good, self.ended)

    @classmethod
    def keep(cls, process: Process, gates: Gates, make: MakeSubject | None) -> Actor:
        """Do one thing after another."""
        own = cls(process, gates, make)
        while True:
            there: dict[Any, Any] = {each.key: each.state for each in process.store.find(gates.of)}
            own._bring(there)
            for key, state in there.items():
                own._lead(key, state)
                yield
            if process.world.is_calm and gates.prerequisites is not None:
                own._let_go(there)
            yield

    # ------------------------------------------------------------ they come

    def _bring(self, there: dict[Any, Any]) -> None:
        wanted = [key for key in subjects_of(self.process, self.gates) if key not in there]
        if not wanted or self.machine is self.process.world.lease.machine:
            return
        key = self.process.chance.choice(wanted)
        chance = self.process.chance
        state: Any = chance.some(self.machine.initial()) if self.make is None else self.make(key, chance)
        if attempt(self.process, f"brings {key!r}", lambda: self.process.store.create(self.machine, key, state)):
            self._let_wait(key, there)

    def _let_wait(self, key: Any, there: dict[Any, Any]) -> None:
        others = [other for other, state in there.items() if not isinstance(state, self.ended)]
        chance, store = self.process.chance, self.process.store
        if self.gates.prerequisites is not None and others and chance.random() < 0.5:
            other = chance.choice(others)
            what = f"lets {key!r} wait for {other!r}"
            attempt(self.process, what, lambda: store.add_dependency(self.machine, key, on=other))

    # ------------------------------------------------------------ they go

    def _lead(self, key: Any, state: Any) -> None:
        process = self.process
        if process.world.is_calm:
            event = None if self._has_work(key) else self.ways.onward(state, process.chance)
        else:
            event = self.ways.any(state, process.chance) if process.chance.random() < SELDOM else None
        if event is not None:
            send(process, self.machine, key, event)

    def _has_work(self, key: Any) -> bool:
        """Whether somebody works on something about it, or could."""
        known = self.process.world.ledger.known.values()
        return any(self.gates.subject(each.state) == key and self._is_open(each) for each in known)

    def _is_open(self, known: Known) -> bool:
        lease = self.process.world.lease
        return isinstance(known.state, (*lease.leased, *lease.pauses, *lease.claimable))

    def _let_go(self, there: dict[Any, Any]) -> None:
        """Nobody waits for what never comes, nor once it has started: that could be in a circle."""
        store = self.process.store
        for waiting in store.dependencies(self.machine):
            if not waiting.met and (waiting.never or waiting.on not in there or self._has_started(waiting.key)):
                what = f"lets {waiting.key!r} wait for {waiting.on!r} no longer"
                attempt(self.process, what, partial(store.remove_dependency, self.machine, waiting.key, on=waiting.on))

    def _has_started(self, key: Any) -> bool:
        parameters = (self.machine.machine_name, encode_key(key))
        return self.process.world.ledger.connection.execute(STARTED, parameters).fetchone() is not None


class Barriers:
    """Makes the gates of groups, shuts them and opens them."""

    def __init__(self, process: Process, gates: Gates, freeze: Freeze) -> None:
        self.process = process
        self.gates = gates
        self.freeze = freeze
        self.machine: Any = freeze.by
        open_ones = [leaf for leaf in self.machine.leaves() if not issubclass(leaf, freeze.state)]
        self.ways = Ways(self.machine, sent_by_somebody(self.machine), open_ones)

    @classmethod
    def keep(cls, process: Process, gates: Gates, freeze: Freeze) -> Actor:
        """Do one thing after another."""
        own = cls(process, gates, freeze)
        while True:
            there: dict[Any, Any] = {each.key: each.state for each in process.store.find(freeze.by)}
            for key in own._groups():
                if key in there:
                    own._turn(key, there[key])
                else:
                    own._bring(key)
                yield
            yield

    def _groups(self) -> list[Any]:
        group = self.gates.group
        subjects = subjects_of(self.process, self.gates)
        return [] if group is None else list(dict.fromkeys(group(subject) for subject in subjects))

    def _bring(self, key: Any) -> None:
        state = self.process.chance.some(self.machine.initial())
        attempt(self.process, f"brings {key!r}", lambda: self.process.store.create(self.machine, key, state))

    def _turn(self, key: Any, state: Any) -> None:
        process = self.process
        if process.world.is_calm:
            event = self.ways.onward(state, process.chance) if isinstance(state, self.freeze.state) else None
        else:
            event = self.ways.any(state, process.chance) if process.chance.random() < SELDOM else None
        if event is not None:
            send(process, self.machine, key, event)


# ---------------------------------------------------------------- what both do


def subjects_of(process: Process, gates: Gates) -> list[Any]:
    """The subjects of all that there is to do, in an order that is always the same."""
    found = (gates.subject(each.state) for each in process.world.ledger.known.values())
    return list(dict.fromkeys(key for key in found if key is not None))


def send(process: Process, machine: Any, key: Any, event: Any) -> None:
    what = f"sends {type(event).__name__} to {key!r}"
    attempt(process, what, lambda: process.store.send(machine, key, event))


def attempt(process: Process, what: str, do: Callable[[], object]) -> bool:
    """Whether it was done, as far as is known."""
    with process.calling("outside"):
        try:
            do()
        except LeverframeError as error:
            process.tell(f"{what}: {type(error).__name__}")
            return False
    process.tell(what)
    return True
