"""What is simulated: one database, one clock, and processes that go on step by step, are killed, and start anew."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, TypeVar

from attrs import define, field, frozen

from leverframe.coordination.heartbeat import Heartbeat, Renewal
from leverframe.coordination.held import Held
from leverframe.coordination.keeping import Leases
from leverframe.coordination.policies import LeasePolicy
from leverframe.coordination.processes import Process as Identity
from leverframe.coordination.store import Store
from leverframe.errors import LeaseLost, StoreError, StoreTimeout, StoreUnreachable, TransitionNotAllowed
from leverframe.persistence.backend import Writer
from leverframe.persistence.binding import Binding
from leverframe.persistence.records import Receipt
from leverframe.persistence.sqlite.backend import SQLiteBackend
from leverframe.testing.chance import Chance
from leverframe.testing.clock import SECOND, VirtualClock
from leverframe.testing.database import Database, Killed, Violation
from leverframe.testing.ledger import Call, Ledger

__all__ = ["UNTROUBLED", "Behaviour", "Process", "SimulatedStore", "Trouble", "World"]

T = TypeVar("T")

Actor = Generator[None, None, None]
Behaviour = Callable[["Process"], Actor]


@frozen
class Trouble:
    """What befalls a process in its next step.

    It is killed after `statements` statements, or at the step's end if there are fewer.  At its first commit (or
    behind it, if `late`) `others` come in between, each a step of an actor or microseconds that pass; and that commit
    `fails`: it is not tried, or its answer is lost.
    """

    statements: int | None = None
    others: tuple[str | int, ...] = ()
    fails: bool = False
    late: bool = False


UNTROUBLED = Trouble()

HOST = "here"


@define(eq=False)
class Process:
    """One process: `name` is fresh with each start, `slot` is used again, as host names and process ids are."""

    slot: str
    name: str
    identity: Identity
    world: World
    chance: Chance
    actors: dict[str, Actor] = field(factory=dict[str, Actor])
    held: list[Held[Any, Any]] = field(factory=list[Held[Any, Any]])
    claims_as: Identity | None = None
    unanswered: set[int] = field(factory=set[int])
    trouble: Trouble = UNTROUBLED
    call: Call = field(factory=lambda: Call(()))
    store: SimulatedStore = field(init=False)

    def tell(self, what: str) -> None:
        """Write into the trace."""
        self.world.tell(f"{self.name} {what}")

    def still_has(self, held: Held[Any, Any]) -> bool:
        """Whether this lease runs, or pauses, and nothing that was done about it went without an answer."""
        return held.token not in self.unanswered and self.world.ledger.keeps(self.name, held.token)

    @contextmanager
    def calling(self, *verbs: str, held: Sequence[Held[Any, Any]] = ()) -> Generator[Call]:
        """The calls of the store in this block are this one."""
        outer = self.call
        tokens = frozenset(each.token for each in held)
        self.call = Call(verbs, self.name, tokens, began=self.world.clock.microseconds)
        try:
            yield self.call
        finally:
            self.call = outer


class SimulatedBackend(SQLiteBackend):
    """A process's backend: others come in between before and behind each commit, and each commit is checked.

    Where it does not decide in turn, a send reads and decides before its transaction begins, as on PostgreSQL.
    """

    def __init__(self, process: Process, in_turn: bool) -> None:
        super().__init__(process.world.database.session)
        self._process = process
        self.decides_in_turn = in_turn

    def commit(self, work: Callable[[Writer], T]) -> T:
        process = self._process
        self._befall(late=False)
        try:
            result = super().commit(work)
        finally:
            process.world.ledger.observe(process.call)
        self._befall(late=True)
        return result

    def _befall(self, *, late: bool) -> None:
        trouble = self._process.trouble
        if trouble.late != late:
            return
        self._process.trouble = UNTROUBLED
        self._process.world.come_between(trouble)
        if trouble.fails and late:
            raise StoreUnreachable(self.location, "the answer was lost", True)
        if trouble.fails:
            raise StoreTimeout(self.location, 30)


class SimulatedStore(Store):
    """A process's store: what is done under a lease is compared with who has it."""

    def __init__(self, process: Process, clock: Callable[[], datetime], in_turn: bool) -> None:
        self._process = process
        super().__init__(SimulatedBackend(process, in_turn), clock)

    def _make_leases(self) -> Leases:
        return SimulatedLeases(self, self._process)

    def _make_heartbeat(self) -> Heartbeat:
        return SimulatedHeartbeat(self._process.world.clock.seconds)

    @property
    def heartbeat(self) -> Heartbeat:
        """What renews the leases of this process, when it is its turn."""
        return self._shared.heartbeat

    def _gone(self, policy: LeasePolicy) -> list[Identity]:
        """The simulated processes that are gone, in place of those of this host."""
        named = self._backend.read().processes(policy.machine.machine_name, HOST)
        return [found for number, start in named if self._process.world.is_gone(found := Identity(HOST, number, start))]


class SimulatedLeases(Leases):
    """The leases of a process: what is told of them is compared with who has them."""

    def __init__(self, store: SimulatedStore, process: Process) -> None:
        super().__init__(store)
        self._process = process

    def send(self, held: Held[Any, Any], event: Any, at: datetime | None) -> Receipt[Any]:
        with self._watch_sending(held, event, "send") as call:
            receipt = super().send(held, event, at)
        self._process.world.check_written(self._process, receipt, call)
        return receipt

    def send_and_claim(
        self, held: Held[Any, Any], event: Any, at: datetime | None, at_most: int | None
    ) -> tuple[Receipt[Any], Held[Any, Any] | None]:
        with self._watch_sending(held, event, "send", "claim") as call:
            receipt, following = super().send_and_claim(held, event, at, at_most)
        self._process.world.check_written(self._process, receipt, call)
        if following is not None:
            self._process.tell(f"claims {following.key} with that, lease {following.token}")
        return receipt, following

    @contextmanager
    def _watch_sending(self, held: Held[Any, Any], event: Any, *verbs: str) -> Generator[Call]:
        process, told = self._process, f"sends {type(event).__name__} to {held.key}"
        with process.calling(*verbs, held=[held]) as call:
            try:
                yield call
                process.tell(f"{told}: {self._told_state(call)}")
            except LeaseLost:
                process.tell(f"{told}: lease {held.token} is lost")
                process.world.check_lost(process, held, call)
                raise
            except TransitionNotAllowed as error:
                process.world.check_refused(process, held, error)
                raise
            except StoreError as error:
                process.tell(f"{told}: {type(error).__name__}")
                process.unanswered.add(held.token)
                raise

    def _told_state(self, call: Call) -> str:
        return next((type(line.state).__name__ for line in call.wrote), "nothing")

    def _renew(self, held: Sequence[Held[Any, Any]], *, waits: bool) -> Renewal:
        process = self._process
        asked = [(each.instance, each.token, each.key) for each in held]
        with process.calling("renew", held=held) as call:
            process.unanswered |= call.tokens
            renewal = super()._renew(held, waits=waits)
            if call.ran is None:
                # Those that last without being renewed are looked at, which is no commit.
                process.world.ledger.observe(call)
            process.unanswered -= call.tokens
        for instance, token, key in asked:
            process.tell(f"renews lease {token} of {key}: {'yes' if instance in renewal.renewed else 'no'}")
        had = {instance for instance, token, _ in asked if token in (call.ran or ())}
        if had != renewal.renewed or renewal.standing:
            raise Violation(f"{process.name} was told {renewal}, and had {call.ran}")
        return renewal


class SimulatedHeartbeat(Heartbeat):
    """A heartbeat without a thread: an actor does what is due."""

    def _start(self) -> None:
        return None


class World:
    """One database, one clock, and processes.  Nothing in it is left to chance but what processes do by themselves."""

    def __init__(
        self,
        lease: LeasePolicy,
        seed: int,
        behaviours: Mapping[str, Mapping[str, Behaviour]],
        in_turn: bool = True,
        at_most: int | None = None,
    ) -> None:
        self.seed = seed
        self.lease = lease
        self.at_most = at_most
        self.in_turn = in_turn
        self.behaviours = behaviours
        self.clock = VirtualClock()
        self.database = Database()
        self.ledger = Ledger(self.database, Binding(lease.machine), lease, self.clock, self.is_dead)
        self.ledger.claims_in_turn = in_turn
        self.processes: dict[str, Process] = {}
        self.starts: dict[str, int] = {}
        self.frozen: set[str] = set()
        self.trace: list[str] = []
        self.is_calm = False
        self._running: list[Actor] = []

    def tell(self, what: str) -> None:
        """Write into the trace."""
        seconds = self.clock.passed / SECOND
        self.trace.append(f"{seconds:14.6f}  {'    ' * max(0, len(self._running) - 1)}{what}")

    # ------------------------------------------------------------ what happens

    def actor_names(self) -> list[str]:
        """Whoever can go on: "worker-1.work", "worker-1.renew"..."""
        return [f"{slot}.{role}" for slot, roles in self.behaviours.items() for role in roles]

    def step(self, actor: str, trouble: Trouble = UNTROUBLED) -> None:
        """Let an actor go on to where others may come in between; a process that is dead is started anew."""
        slot, _, role = actor.partition(".")
        process = self.processes.get(slot) or self._start(slot)
        generator = process.actors[role]
        if slot in self.frozen or generator in self._running:
            return
        process.trouble = trouble
        self._running.append(generator)
        self.database.kill_after(trouble.statements)
        try:
            next(generator)
        except Killed:
            pass
        finally:
            dies = self.database.is_dying()
            self.database.kill_after(None)
            self._running.pop()
            process.trouble = UNTROUBLED
        if dies:
            self.kill(slot)

    def advance(self, microseconds: int) -> None:
        """Let time pass."""
        self.clock.advance(microseconds)

    def kill(self, slot: str) -> None:
        """End a process; one that is in the middle of a step goes on."""
        process = self.processes.get(slot)
        if process is None or any(actor in self._running for actor in process.actors.values()):
            return
        process.tell("is killed")
        del self.processes[slot]
        self.frozen.discard(slot)
        for actor in process.actors.values():
            actor.close()

    def freeze(self, slot: str) -> None:
        """Let a process stand still, as one that is suspended does."""
        if slot in self.processes and slot not in self.frozen:
            self.tell(f"{self.processes[slot].name} stands still")
            self.frozen.add(slot)

    def thaw(self, slot: str) -> None:
        """Let it go on, with all that it believed."""
        if slot in self.frozen:
            self.tell(f"{self.processes[slot].name} goes on")
            self.frozen.discard(slot)

    def come_between(self, trouble: Trouble) -> None:
        """Others go on while somebody is in the middle of a call."""
        left = self.database.spare()
        for other in trouble.others:
            if isinstance(other, int):
                self.advance(other)
            else:
                self.step(other)
        self.database.kill_after(left)

    def close(self) -> None:
        """End all of it."""
        for process in self.processes.values():
            for actor in process.actors.values():
                actor.close()
        self.database.close()

    # ------------------------------------------------------------ what must not happen

    def check_written(self, process: Process, receipt: Receipt[Any], call: Call) -> None:
        """Who was told that it has moved an instance has written that, and nothing else."""
        wrote = [line.seq for line in call.wrote if not self.ledger.gives(line)]
        if wrote != [receipt.seq]:
            raise Violation(f"{process.name} was told {receipt}, and the journal has {call.wrote}")

    def check_lost(self, process: Process, held: Held[Any, Any], call: Call) -> None:
        """Who was told that its lease is over has written nothing, and does not have it."""
        if call.wrote:
            raise Violation(f"{process.name} was told that lease {held.token} is over, and wrote {call.wrote}")
        if self.ledger.has(process.name, held.token):
            raise Violation(f"{process.name} was told that lease {held.token} on {held.key} is over, and has it")

    def check_refused(self, process: Process, held: Held[Any, Any], error: TransitionNotAllowed) -> None:
        """Who does not have the lease is told so, and nothing else."""
        if not self.ledger.has(process.name, held.token):
            raise Violation(f"{process.name} has lost lease {held.token} on {held.key}, and was told: {error}")

    # ------------------------------------------------------------ processes

    def _start(self, slot: str) -> Process:
        number = self.starts[slot] = self.starts.get(slot, 0) + 1
        chance = Chance(f"{self.seed} {slot} {number}")
        chance.clock = self.clock
        lasts = (self.lease.ttl or timedelta(seconds=60)).total_seconds()
        chance.skew = timedelta(seconds=round(chance.uniform(-2, 2) * lasts))
        # The number is used again, as those of processes are.
        identity = Identity(HOST, 1 + list(self.behaviours).index(slot), number)
        process = Process(slot, f"{slot}.{number}", identity, self, chance)
        # A worker need not say which process it is.
        process.claims_as = identity if self.lease.ttl is None or chance.random() < 0.5 else None
        process.store = self.open_store(process)
        process.actors = {role: behave(process) for role, behave in self.behaviours[slot].items()}
        self.processes[slot] = process
        return process

    def is_dead(self, worker: str) -> bool:
        """Whether a process of this name is not there any more."""
        return all(process.name != worker for process in self.processes.values())

    def is_gone(self, identity: Identity) -> bool:
        """Whether that process is not there any more."""
        return all(process.identity != identity for process in self.processes.values())

    def open_store(self, process: Process) -> SimulatedStore:
        """A process's store, by the clock that all share."""
        return SimulatedStore(process, self.clock, self.in_turn)
