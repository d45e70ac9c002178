"""A harbour in a simulation: who brings ships and lets them go, and what must never be seen there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator
from functools import partial
from typing import Any

from harbour import CRANES, Aboard, Afloat, Ashore, Cargo, Emptied, Ship

from leverframe.errors import AlreadyExists, StoreError, TransitionNotAllowed
from leverframe.persistence.keys import decode_key
from leverframe.testing.chance import Chance
from leverframe.testing.database import Violation
from leverframe.testing.ledger import Call, Ledger
from leverframe.testing.world import Process

__all__ = ["QUAYS", "Harbour"]

QUAYS = ("north", "south")

SHIPS = [(quay, f"ship-{number}") for quay in QUAYS for number in range(4)]

DEPENDENCIES = "SELECT dependent, prerequisite, met FROM dependency"

Actor = Generator[None, None, None]


class Harbour:
    """What is known of one harbour beside its database."""

    def __init__(self) -> None:
        self.moored: list[tuple[str, str]] = []
        self.started: set[tuple[str, str]] = set()
        self.gone: set[tuple[str, str]] = set()
        self.seen = 0

    # ------------------------------------------------------------ who is there

    def create(self, chance: Chance) -> Aboard:
        """A cargo of a ship that is there, or will be."""
        return Aboard(chance.choice(self.moored or SHIPS[:1]))

    def bring(self, quay: str, process: Process) -> Actor:
        """Bring one ship after another; each waits for all that came before it."""
        ships = [ship for ship in SHIPS if ship[0] == quay]
        for place, ship in enumerate(ships):
            yield from self._until_done(process, partial(self._create, process, ship))
            for before in reversed(ships[:place]):
                yield from self._until_done(process, partial(self._add, process, ship, before))
            if ship not in self.moored:
                self.moored.append(ship)
        while True:
            yield

    def _until_done(self, process: Process, do: Callable[[], None]) -> Actor:
        done = False
        while not done:
            with process.calling("outside"):
                try:
                    do()
                    done = True
                except AlreadyExists:
                    done = True
                except StoreError as error:
                    process.tell(f"waits: {type(error).__name__}")
            yield

    def _create(self, process: Process, ship: tuple[str, str]) -> None:
        process.store.create(Ship, ship, Afloat())
        process.tell(f"brings {ship}")

    def _add(self, process: Process, ship: tuple[str, str], on: tuple[str, str]) -> None:
        process.store.add_dependency(Ship, ship, on=on)
        process.tell(f"lets {ship} wait for {on}")

    def release(self, process: Process) -> Actor:
        """Let ships go: empty ones, and now and then another one."""
        while True:
            empty = [ship for ship in self.moored if ship not in self.gone and self._is_empty(process, ship)]
            if empty and (process.world.is_calm or process.chance.random() < 0.5):
                self._release(process, process.chance.choice(empty))
            yield

    def _is_empty(self, process: Process, ship: tuple[str, str]) -> bool:
        known = process.world.ledger.known.values()
        return all(each.state.ship != ship or isinstance(each.state, Ashore) for each in known)

    def _release(self, process: Process, ship: tuple[str, str]) -> None:
        with process.calling("outside"):
            try:
                process.store.send(Ship, ship, Emptied())
                process.tell(f"lets {ship} go")
                self.gone.add(ship)
            except TransitionNotAllowed:
                self.gone.add(ship)
            except StoreError as error:
                process.tell(f"lets {ship} go: {type(error).__name__}")

    # ------------------------------------------------------------ what must not be

    def check(self, ledger: Ledger, call: Call) -> None:
        """What must never be seen behind a commit."""
        ships = self._ships(ledger)
        self._check_cranes(ledger)
        self._check_dependencies(ledger, ships)
        for line in call.wrote:
            if line.seq > self.seen and line.edge is Cargo.hoisted:
                self._check_start(ledger, line.state.ship, ships)
        self.seen = max([self.seen, *(line.seq for line in call.wrote)])

    def _check_cranes(self, ledger: Ledger) -> None:
        now = ledger.now()
        live = {instance for instance, row in ledger.leases.items() if row.token and (row.expires_at or 0) > now}
        used = Counter(known.state.ship[0] for number, known in ledger.known.items() if number in live)
        for quay, number in used.items():
            if number > CRANES:
                raise Violation(f"{number} cranes are at work at {quay}, which has {CRANES}")

    def _check_start(self, ledger: Ledger, ship: tuple[str, str], ships: dict[Any, str]) -> None:
        if ships.get(ship) != "afloat":
            return
        for other in self.started:
            if other[0] == ship[0] and other != ship and ships[other] == "afloat":
                raise Violation(f"{ship} was started while {other} has its turn")
        for prerequisite in self._prerequisites(ledger, ship):
            if ships.get(prerequisite) == "afloat":
                raise Violation(f"{ship} was started, and waits for {prerequisite}")
        self.started.add(ship)

    def _ships(self, ledger: Ledger) -> dict[Any, str]:
        rows = ledger.connection.execute("SELECT key, state FROM snapshot WHERE machine = 'Ship'")
        return {decode_key(key): state for key, state in rows}

    def _check_dependencies(self, ledger: Ledger, ships: dict[Any, str]) -> None:
        for dependent, prerequisite, met in ledger.connection.execute(DEPENDENCIES):
            if bool(met) is not (ships[decode_key(prerequisite)] == "gone"):
                raise Violation(f"{dependent} waits for {prerequisite}, met: {met}; that is {ships}")

    def _prerequisites(self, ledger: Ledger, ship: tuple[str, str]) -> list[Any]:
        rows = ledger.connection.execute(DEPENDENCIES)
        return [decode_key(prerequisite) for dependent, prerequisite, _ in rows if decode_key(dependent) == ship]
