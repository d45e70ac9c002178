"""Faults of the kinds that real queues had, each put into the real code for a while, for a simulation to see."""

# pyright: reportPrivateUsage=false, reportUnknownLambdaType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false
# A fault stands in the place of something private, and takes whatever that takes.

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest.mock import patch

from attrs import evolve, frozen

from leverframe.coordination import giving
from leverframe.coordination.claiming import Claiming
from leverframe.coordination.dependencies import Depending, prerequisites_of
from leverframe.coordination.gatekeeping import Admission, Gatekeeper
from leverframe.coordination.gates import OneAtATime
from leverframe.coordination.heartbeat import _Beat
from leverframe.coordination.passing import PassedBy
from leverframe.coordination.policies import WakeUp
from leverframe.coordination.processes import Process
from leverframe.coordination.reaping import Reap, Reaping
from leverframe.errors import LeaseLost
from leverframe.persistence import leasing, sending
from leverframe.persistence.backend import Reader, Writer
from leverframe.persistence.beside import Change
from leverframe.persistence.effects import Effect, Moved
from leverframe.persistence.gating import Passing, Place
from leverframe.persistence.instants import to_microseconds
from leverframe.persistence.keys import encode_key
from leverframe.persistence.leases import Candidate
from leverframe.persistence.leasing import LeasingVerbs, LeasingWriterVerbs
from leverframe.persistence.renewing import Renewing
from leverframe.persistence.rows import Move, Snapshot
from leverframe.persistence.sqlite.writer import SQLiteWriter
from leverframe.testing.world import SimulatedStore, World

__all__ = ["MUTANTS"]


@frozen
class Mutant:
    """A fault, and in the simulation of which machine it shows."""

    fault: Callable[[], AbstractContextManager[None]]
    shows_in: str


MUTANTS: dict[str, Mutant] = {}

Making = Callable[[], Generator[None]]


def mutant(shows_in: str = "run") -> Callable[[Making], Making]:
    def note(function: Making) -> Making:
        MUTANTS[function.__name__] = Mutant(contextmanager(function), shows_in)
        return function

    return note


# ---------------------------------------------------------------- who may write


@mutant()
def completion_not_fenced() -> Generator[None]:
    """Whoever once had the lease may write."""
    with patch.object(sending, "_check_lease", lambda *_: True):
        yield


@mutant()
def owner_known_by_a_name_used_again() -> Generator[None]:
    """Whose lease it is goes by a name that the next process there has, too."""

    def check(binding: Any, reader: Reader, row: Snapshot, request: Any) -> bool:
        lease, key = reader.lease(row.instance), request.lease
        if lease is None or slot(lease.worker) != slot(key.worker):
            raise LeaseLost(binding.name, request.key, key.token, key.worker)
        return lease.token is not None

    with patch.object(sending, "_check_lease", check):
        yield


def slot(worker: str | None) -> str:
    return (worker or "").partition(".")[0]


@mutant()
def version_not_compared() -> Generator[None]:
    """A move is written at whatever version the instance has by then."""
    real = SQLiteWriter.move

    def move(self: SQLiteWriter, move: Move) -> int | None:
        move.seen = self.instances(move.machine, move.instance - 1, 1)[0].version
        return real(self, move)

    with patch.object(SQLiteWriter, "move", move):
        yield


@mutant()
def token_kept_over_a_pause() -> Generator[None]:
    """A pause leaves the token where it is, and the lease seems to run."""
    with patch.object(leasing, "PAUSE", leasing.PAUSE.replace("token = NULL, ", "")):
        yield


# ---------------------------------------------------------------- leases that run out


@mutant()
def reaped_by_number_without_token() -> Generator[None]:
    """What has run out is listed in one transaction and taken back in another, whoever has it by then."""
    real = Reap._found

    def reap(self: Any, lease: Any, limit: int, process: Process | None, passed: PassedBy) -> int:
        binding = self._bindings.keeping_lookups(lease.machine)
        listed = Reap(binding, lease, limit, self._microseconds(), process, passed)
        found = [each.snapshot.key for each in self._backend.commit(lambda writer: real(listed, writer))]
        return sum(self._backend.commit(lambda writer, key=key: take_back(listed, writer, key)) for key in found)

    def take_back(listed: Reap, writer: Writer, key: str) -> bool:
        found = writer.candidate(listed.binding.name, key)
        leased = found is not None and isinstance(listed.binding.state_of(found.snapshot), listed.lease.leased)
        return found is not None and leased and listed._end(writer, found)

    with patch.object(Reaping, "_reap", reap):
        yield


@mutant(shows_in="vigil")
def process_known_by_a_number_used_again() -> Generator[None]:
    """A process counts as there while any process has its number."""

    def is_gone(self: World, identity: Process) -> bool:
        return all(process.identity.number != identity.number for process in self.processes.values())

    with patch.object(World, "is_gone", is_gone):
        yield


@mutant()
def leases_of_a_number_used_again() -> Generator[None]:
    """With the leases of a process that is gone go those of the next one of its number."""
    real = Reap._found

    def found(self: Reap, writer: Writer) -> list[Candidate]:
        if self.process is None:
            return real(self, writer)
        held = writer.leased(self.binding.name, self.limit)
        return [each for each in held if each.lease.process_id == self.process.number]

    with patch.object(Reap, "_found", found):
        yield


@mutant()
def time_by_the_workers_own_clock() -> Generator[None]:
    """How long a lease lasts goes by the clock of the worker that asks."""

    def microseconds(self: SimulatedStore) -> int:
        return to_microseconds(self._process.chance.own_time())

    with patch.object(SimulatedStore, "_microseconds", microseconds):
        yield


@mutant()
def time_of_before_its_turn() -> Generator[None]:
    """A lease begins to run while its worker still waits for its turn to claim it."""
    real: Any = Claiming.claim_many

    def claim_many(self: Any, *arguments: Any, **keywords: Any) -> Any:
        now = self._microseconds()
        with patch.object(type(self), "_microseconds", lambda _: now):
            return real(self, *arguments, **keywords)

    with patch.object(Claiming, "claim_many", claim_many):
        yield


# ---------------------------------------------------------------- renewals


@mutant()
def renewed_without_token() -> Generator[None]:
    """Who once had the lease renews it, whoever has it now."""
    real: Any = LeasingWriterVerbs.renew

    def renew(self: Any, renewing: Renewing, *, waits: bool) -> Any:
        rows = [(instance, self.lease(instance)) for instance, _ in renewing.leases]
        leases = [(instance, row.token) for instance, row in rows if row and row.token] or renewing.leases
        return real(self, evolve(renewing, leases=leases), waits=waits)

    with patch.object(LeasingWriterVerbs, "renew", renew):
        yield


@mutant()
def pause_taken_for_the_end() -> Generator[None]:
    """What is not renewed because it pauses counts as lost."""
    with patch.object(_Beat, "begin", lambda *_: True), patch.object(_Beat, "is_over", lambda *_: True):
        yield


# ---------------------------------------------------------------- beside the instance


@mutant()
def lease_written_in_a_transaction_of_its_own() -> Generator[None]:
    """Who is killed between a move and what belongs to it leaves only half of it."""
    real: Any = SQLiteWriter._affect

    def affect(self: SQLiteWriter, moved: Moved, effects: Sequence[Effect]) -> None:
        self._connection.execute("COMMIT")
        self._connection.execute("BEGIN IMMEDIATE")
        real(self, moved, effects)

    with patch.object(SQLiteWriter, "_affect", affect):
        yield


@mutant()
def wake_up_not_taken_back() -> Generator[None]:
    """A wake-up outlives the state that named it."""
    real = WakeUp.effects

    def effects(self: WakeUp, change: Change) -> Sequence[Effect]:
        return real(self, change) if isinstance(change.after, self.states) else ()

    with patch.object(WakeUp, "effects", effects):
        yield


@mutant()
def ready_work_lost() -> Generator[None]:
    """What is taken back from a lost worker does not become ready again."""
    real: Any = leasing.stand_values

    def stand_values(stand: Any, tenant: str, moved: Moved) -> Any:
        values = list(real(stand, tenant, moved))
        if moved.version > 1 and stand.grant is None:
            values[3] -= 1
        return values

    with patch.object(leasing, "stand_values", stand_values):
        yield


# ---------------------------------------------------------------- what holds back


@mutant(shows_in="harbour")
def counted_then_claimed() -> Generator[None]:
    """How many are held is counted in one transaction, and the next one claims."""
    real: Any = Claiming.claim_many
    held: Counter[str | None] = Counter()

    def claim_many(self: Any, lease: Any, **keywords: Any) -> Any:
        now = self._microseconds()
        rows = self._backend.commit(lambda writer: writer.leased(lease.machine.machine_name, 1000))
        held.clear()
        held.update(row.lease.scope for row in rows if row.lease.expires_at > now)
        return real(self, lease, **keywords)

    def take_slot(writer: Writer, place: Place, instance: int, at_most: int, now: int) -> bool:
        return held[place.scope] < at_most

    with (
        patch.object(Claiming, "claim_many", claim_many),
        patch.object(giving, "take_slot", take_slot),
        patch.object(SQLiteWriter, "keeping_slots", lambda _, leases, *, waits: leases),
    ):
        yield


@mutant(shows_in="harbour")
def end_of_a_dependency_lost() -> Generator[None]:
    """Whether the other has ended is read in one transaction, and written down in the next."""

    def add_dependency(self: Any, machine: Any, key: Any, *, on: Any) -> bool:
        binding = self._binding_with_prerequisites(machine)
        of, prerequisite = encode_key(key), encode_key(on)
        awaited = self._backend.commit(lambda writer: writer.load(binding.name, prerequisite))
        met = issubclass(binding.class_at(awaited.snapshot.state), prerequisites_of(machine).met)

        def add(writer: Writer) -> bool:
            waiting = writer.load(binding.name, of)
            assert waiting is not None
            return writer.add_dependency(binding.name, waiting.snapshot, prerequisite, met=met)

        return bool(self._backend.commit(add))

    with patch.object(Depending, "add_dependency", add_dependency):
        yield


@mutant(shows_in="harbour")
def turn_not_given_back() -> Generator[None]:
    """What has ended keeps the turn of its group."""
    with patch.object(OneAtATime, "effects", lambda *_: ()):
        yield


@contextmanager
def looks_past_nothing() -> Generator[None]:
    """A search finds also what is held back: what is asked behind it has to hold."""
    with patch.object(Gatekeeper, "passing", lambda _, full: Passing(full)):
        yield


@mutant(shows_in="agent job")
def slot_not_asked_for() -> Generator[None]:
    """A limit is declared, and nobody asks whether there is room."""
    with patch.object(giving, "take_slot", lambda *_: True):
        yield


@mutant(shows_in="agent job")
def turn_not_asked_for() -> Generator[None]:
    """Work is let through whoever's turn it is."""
    with patch.object(Gatekeeper, "_admit_in_turn", lambda *_: Admission(None)):
        yield


@mutant(shows_in="agent job")
def dependencies_not_asked_for() -> Generator[None]:
    """Work is let through whatever it is about waits for."""
    with looks_past_nothing(), patch.object(Gatekeeper, "_unmet", lambda *_: None):
        yield


@mutant(shows_in="agent job")
def gate_not_asked_for() -> Generator[None]:
    """A subject is started whether or not its group's gate is shut."""
    with looks_past_nothing(), patch.object(Gatekeeper, "_frozen", lambda *_: None):
        yield


@mutant(shows_in="job")
def taken_over_while_it_runs() -> Generator[None]:
    """Whoever looks for what was left takes what somebody has."""

    def run_out(self: Any, machine: str, now: int, limit: int, *_: Any) -> list[Candidate]:
        return list(self.leased(machine, limit))

    with patch.object(LeasingVerbs, "run_out", run_out):
        yield


@mutant(shows_in="vigil")
def process_not_passed_on() -> Generator[None]:
    """What is claimed together with a move does not know whose process has it."""
    real: Any = Claiming._held

    def held(self: Any, lease: Any, worker: str, given: Any, process: object = None, *more: Any) -> Any:
        return real(self, lease, worker, given, None, *more)

    with patch.object(Claiming, "_held", held):
        yield
