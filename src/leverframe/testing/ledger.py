"""What has to be so behind each commit: a second account of who has what, kept from the journal alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from attrs import define, field

from leverframe.coordination.policies import LeasePolicy, WakeUp
from leverframe.errors import TransitionNotAllowed
from leverframe.persistence.binding import Binding
from leverframe.persistence.instants import from_microseconds, to_microseconds
from leverframe.testing.clock import VirtualClock
from leverframe.testing.database import Database, Violation
from leverframe.typed.table import Decision, decide

__all__ = ["Call", "Known", "Ledger", "Line"]

SECOND = 1_000_000

LINES = """
SELECT j.seq, j.instance, j.version, j.event, j.to_state, j.body, j.at, s.key
FROM journal AS j JOIN snapshot AS s ON s.instance = j.instance WHERE s.machine = ? AND j.seq > ? ORDER BY j.seq"""

SNAPSHOT = "SELECT version, state, body FROM snapshot WHERE instance = ?"

COUNTS = "SELECT state, sum(number) FROM state_count WHERE machine = ? GROUP BY state HAVING sum(number) <> 0"

LEASES = """
SELECT instance, version, ready_at, token, worker, claimed_at, heartbeat_at, expires_at FROM lease WHERE machine = ?"""

WAKE_UPS = "SELECT instance, name, due_at FROM wake_up WHERE machine = ?"


@define
class Line:
    """One line of the journal; `edge` is the move that its event made out of `before`, None for a creation."""

    seq: int
    instance: int
    edge: Any
    state: Any
    before: Any = field(default=None, repr=False)


@define
class Call:
    """What somebody is about to do: one verb or more, and the tokens of the leases under which it is done."""

    verbs: tuple[str, ...]
    worker: str = ""
    tokens: frozenset[int] = frozenset()
    wrote: list[Line] = field(factory=list[Line])
    began: int = 0
    ran: frozenset[int] | None = None
    """Which of these ran when it was done; None if it never came to that."""


@define
class Known:
    """An instance, as the journal tells it: `token` is that of the lease which `worker` has, running or not.

    `lapsed` says of a pause that the lease had run out when it began: a limit's slot may be somebody else's by then.
    """

    key: str
    version: int
    state: Any
    worker: str | None = None
    token: int | None = None
    lapsed: bool = False


@define
class LeaseLine:
    """One row of leases."""

    version: int
    ready_at: int | None
    token: int | None
    worker: str | None
    claimed_at: int | None
    heartbeat_at: int | None
    expires_at: int | None

    def was_renewed(self, now: int) -> bool:
        """Whether it was given, or renewed, just now, and not over with that."""
        return self.heartbeat_at == now and self.expires_at != self.claimed_at


class Ledger:
    """Looks at the database behind each commit.  Raises `Violation`."""

    def __init__(
        self,
        database: Database,
        binding: Binding[Any, Any],
        lease: LeasePolicy,
        clock: VirtualClock,
        is_dead: Callable[[str], bool],
    ) -> None:
        self._is_dead = is_dead
        self.connection = database.connection
        self._binding = binding
        self._lease = lease
        self._clock = clock
        self._seq = 0
        self.moves = 0
        self._changes = -1
        self.known: dict[int, Known] = {}
        self.leases: dict[int, LeaseLine] = {}
        self._paths = Counter[str]()
        self.claims_in_turn = True
        self.checks: list[Callable[[Ledger, Call], None]] = []

    def observe(self, call: Call) -> None:
        """Somebody has committed, or tried to: check what is new."""
        if self.connection.in_transaction:
            raise Violation("a call has ended, and its transaction is open still")
        changes = self.connection.total_changes
        if changes != self._changes:
            self._changes = changes
            self._look(call)
        call.ran = frozenset(token for token in call.tokens if self.runs(call.worker, token))

    def _look(self, call: Call) -> None:
        leases = {row[0]: LeaseLine(*row[1:]) for row in self._rows(LEASES)}
        lines = [self._read(row) for row in self._rows(LINES, self._seq)]
        self._check_renewals(call, leases)
        for line in lines:
            self._take(line, call)
        for instance in {line.instance for line in lines}:
            self._check_snapshot(instance)
            self._check_given(instance, leases.get(instance), call)
        self.leases = leases
        self._check_all()
        for check in self.checks:
            check(self, call)

    def gives(self, line: Line) -> bool:
        """Whether somebody was given the instance with it."""
        return line.edge is not None and line.edge in (self._lease.claim, self._lease.takeover)

    def now(self) -> int:
        """The time in the simulation, in microseconds."""
        return self._clock.microseconds

    def has(self, worker: str, token: int) -> bool:
        """Whether it is a lease that the worker has, running or not."""
        return any((known.worker, known.token) == (worker, token) for known in self.known.values())

    def keeps(self, worker: str, token: int) -> bool:
        """Whether it is a lease that the worker has, and that runs or pauses."""
        pauses = any(
            known.token == token and (row := self.leases.get(instance)) is not None and row.token is None
            for instance, known in self.known.items()
        )
        return pauses or self.runs(worker, token)

    def runs(self, worker: str, token: int) -> bool:
        """Whether it is a lease that the worker has, and that has not run out, or was renewed just now."""
        now = self._clock.microseconds
        found = [row for row in self.leases.values() if (row.worker, row.token) == (worker, token)]
        return any(row.expires_at is None or row.expires_at > now or row.was_renewed(now) for row in found)

    def find(self, key: str) -> Known:
        """The instance of a key as text."""
        return next(known for known in self.known.values() if known.key == key)

    def _rows(self, statement: str, *parameters: object) -> list[Any]:
        return self.connection.execute(statement, (self._binding.name, *parameters)).fetchall()

    # ------------------------------------------------------------ the journal

    def _read(self, row: tuple[Any, ...]) -> Line:
        """A line of the journal, after the event was decided anew on the state before it."""
        seq, instance, version, event_text, path, body, at, key = row
        self._seq = seq
        self.moves += 1
        codec = self._binding.codec
        before, state = self.known.get(instance), codec.decode_state(body)
        if (0 if before is None else before.version) + 1 != version:
            raise Violation(f"{key} has version {version} behind {before and before.version}")
        if before is None or event_text is None:
            self.known[instance] = Known(key, version, state)
            edge = None
        else:
            decision = self._decide(before, codec.decode_event(event_text), at)
            if decision.state != state:
                raise Violation(f"{key} is {state} at version {version}; its events make it {decision.state}")
            self._paths[self._binding.paths[type(before.state)]] -= 1
            self.known[instance] = Known(key, version, state, before.worker, before.token, before.lapsed)
            edge = decision.edge
        self._paths[path] += 1
        return Line(seq, instance, edge, state, None if before is None else before.state)

    def _decide(self, before: Known, event: Any, at: int) -> Decision[Any]:
        try:
            return decide(self._binding.machine, before.state, event, from_microseconds(at))
        except TransitionNotAllowed as refusal:
            raise Violation(f"{before.key} has {event} in its journal, which {before.state} refuses") from refusal

    def _check_snapshot(self, instance: int) -> None:
        known = self.known[instance]
        version, path, body = self.connection.execute(SNAPSHOT, (instance,)).fetchone()
        state = self._binding.codec.decode_state(body)
        if (version, state) != (known.version, known.state) or path != self._binding.paths[type(state)]:
            raise Violation(f"the snapshot of {known.key} is {path} {version} {state}, its journal ends with {known}")

    # ------------------------------------------------------------ who may write

    def _take(self, line: Line, call: Call) -> None:
        call.wrote.append(line)
        known, lease = self.known[line.instance], self._lease
        match line.edge:
            case None:
                self._check_verb("create", known, call)
            case lease.claim:
                self._check_free(known, call)
                known.worker, known.token = call.worker, line.seq
            case lease.takeover:
                self._check_verb("claim", known, call)
                self._check_run_out(line, known)
                known.worker, known.token = call.worker, line.seq
            case lease.expiry:
                self._check_verb("reap", known, call)
                self._check_run_out(line, known)
            case _:
                self._check_sender(line, known, call)
        self._settle_owner(line, known)

    def _check_sender(self, line: Line, known: Known, call: Call) -> None:
        before = self.leases.get(line.instance)
        if before is None or before.token is None or line.edge in self._lease.free or "wake" in call.verbs:
            return
        if "send" not in call.verbs or known.worker != call.worker or known.token not in call.tokens:
            raise Violation(f"{known.key} was moved to {line.state} under {call.tokens}; its lease is {known.token}")

    def _check_verb(self, verb: str, known: Known, call: Call) -> None:
        if verb not in call.verbs:
            raise Violation(f"{known.key} was moved by {' and '.join(call.verbs)}, which only {verb} may do")

    def _check_free(self, known: Known, call: Call) -> None:
        self._check_verb("claim", known, call)
        if known.token is not None:
            raise Violation(f"{known.key} has two owners: {known.worker} had it, and {call.worker} was given it")

    def _check_run_out(self, line: Line, known: Known) -> None:
        before = self.leases.get(line.instance)
        if before is None or before.token is None:
            raise Violation(f"{known.key} was reaped, and nobody had it")
        runs = before.expires_at is None or before.expires_at > self._clock.microseconds
        if runs and not self._is_dead(known.worker or ""):
            raise Violation(f"{known.key} was reaped while the lease of {known.worker} runs")

    def _settle_owner(self, line: Line, known: Known) -> None:
        lease, row = self._lease, self.leases.get(line.instance)
        if isinstance(line.state, lease.leased):
            if known.worker is None:
                known.worker, known.token = "", line.seq
            elif line.edge not in (lease.claim, lease.takeover) and row is not None and row.token is None:
                known.token = line.seq  # a pause is over
        elif not isinstance(line.state, lease.pauses):
            known.worker = known.token = None
        elif row is not None and row.token is not None:
            known.lapsed = row.expires_at is not None and row.expires_at <= self.now()

    # ------------------------------------------------------------ leases

    def _check_renewals(self, call: Call, leases: dict[int, LeaseLine]) -> None:
        for instance, after in leases.items():
            before = self.leases.get(instance)
            if before is None or before == after or before.token != after.token or after.token is None:
                continue
            key = self.known[instance].key
            if "renew" not in call.verbs or after.token not in call.tokens:
                raise Violation(f"the lease of {key} was changed by {call.worker}, who does not have it: {after}")
            if (after.expires_at or 0) < (before.expires_at or 0):
                raise Violation(f"the lease of {key} was renewed, and ends earlier than before: {before}, {after}")

    def _check_given(self, instance: int, row: LeaseLine | None, call: Call) -> None:
        """A lease that was given just now lasts for as long as was promised, by the store's clock."""
        before = self.leases.get(instance)
        if row is None or row.token is None or (before is not None and before.token == row.token):
            return
        if self._lease.limit is not None and self.known[instance].lapsed and row.expires_at == row.claimed_at:
            return
        # A claim has its time from when it came to its turn, where it waits for one; all else from when it began.
        now = self._clock.microseconds
        in_turn = self.claims_in_turn and any(line.seq == row.token and self.gives(line) for line in call.wrote)
        first = self._lease.ends_at(now if in_turn else call.began)
        last = self._lease.ends_at(now)
        if None in (row.expires_at, first, last) and (row.expires_at, first) != (None, None):
            raise Violation(f"a lease of {self.known[instance].key} ends at {row.expires_at}, not at {last}")
        if not (first or 0) <= (row.expires_at or 0) <= (last or 0):
            off = ((row.expires_at or 0) - (last or 0)) / SECOND
            raise Violation(f"a lease of {self.known[instance].key} ends {off:+.6f} s from when it was to end")

    def _check_all(self) -> None:
        counted = {path: number for path, number in self._paths.items() if number}
        if dict(self._rows(COUNTS)) != counted:
            raise Violation(f"the counts are not those of the journal, {counted}")
        for instance, known in self.known.items():
            self._check_lease(known, self.leases.get(instance))
        self._check_wake_ups()

    def _check_lease(self, known: Known, row: LeaseLine | None) -> None:
        lease = self._lease
        if isinstance(known.state, lease.leased):
            right = row is not None and (row.token, row.worker, row.ready_at) == (known.token, known.worker, None)
        elif isinstance(known.state, lease.pauses):
            right = row is not None and (row.token, row.worker, row.ready_at) == (None, known.worker, None)
        elif isinstance(known.state, lease.claimable):
            right = row is not None and row.token is None and self._is_offered(known, row)
        else:
            right = row is None
        if not right:
            raise Violation(f"{known.key} is {known.state}, its lease {row}, and by the journal that is {known.token}")

    def _is_offered(self, known: Known, row: LeaseLine) -> bool:
        return row.version == known.version and (row.ready_at is not None or self._lease.ready is not None)

    # ------------------------------------------------------------ wake-ups

    def _check_wake_ups(self) -> None:
        rows = {(instance, name): due for instance, name, due in self._rows(WAKE_UPS)}
        wanted = self._wanted_wake_ups()
        now = self._clock.microseconds
        for place in sorted(rows.keys() | wanted.keys()):
            due = wanted.get(place)
            # What is due and was refused by a guard is dropped.
            if rows.get(place) != due and not (place not in rows and due is not None and due <= now):
                key = self.known[place[0]].key
                raise Violation(f"{key} is to be woken for {place[1]} at {due}, and stored is {rows.get(place)}")

    def _wanted_wake_ups(self) -> dict[tuple[int, str], int]:
        wanted: dict[tuple[int, str], int] = {}
        for policy in self._binding.policies:
            if isinstance(policy, WakeUp):
                for instance, known in self.known.items():
                    due = policy.at(known.state) if isinstance(known.state, policy.states) else None
                    if due is not None:
                        wanted[instance, policy.name] = to_microseconds(due)
        return wanted
