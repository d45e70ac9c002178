"""How is an instance given to somebody, or why not?  The state decides first, then the gates, and the limit last.

Whoever calls holds the instance: nobody moves it before the end of the transaction.
"""

from __future__ import annotations

from typing import Any

from attrs import define, field

from leverframe.coordination.gatekeeping import Admission, Gatekeeper
from leverframe.coordination.limits import take_slot
from leverframe.coordination.not_claimed import (
    ALREADY_CLAIMED,
    CONCURRENCY_LIMIT,
    MISSING,
    NOT_CLAIMABLE,
    NOT_YET,
    NotClaimed,
)
from leverframe.coordination.passing import Unclaimable
from leverframe.coordination.policies import LeasePolicy
from leverframe.coordination.processes import Process
from leverframe.errors import Key, TransitionNotAllowed, UnreadableRow
from leverframe.persistence.backend import Writer
from leverframe.persistence.binding import Binding
from leverframe.persistence.effects import Grant
from leverframe.persistence.gating import Place
from leverframe.persistence.instants import from_microseconds
from leverframe.persistence.leases import Candidate, LeaseRow
from leverframe.persistence.lookups import check_declaration
from leverframe.persistence.rows import Move, Snapshot, UniqueTaken
from leverframe.persistence.sending import create_one
from leverframe.typed.table import decide, enter

__all__ = ["ClaimOne", "Given", "Refused", "Terms"]


@define
class Given:
    """A lease that was given; `state` is what the claim led to."""

    row: Snapshot
    state: Any
    version: int
    token: int


@define
class Decided:
    """A lease that is to be given."""

    move: Move
    row: Snapshot
    state: Any

    def given(self, seq: int) -> Given:
        """The lease, once its move is written."""
        return Given(self.row, self.state, self.row.version + 1, seq)


@define
class Terms:
    """What a claim is asked with; `now` in microseconds, None for the database's clock.

    `event` is the event of the claim, None for one without arguments; `at_most` the limit, None for the lease's own.
    """

    binding: Binding[Any, Any]
    lease: LeasePolicy
    worker: str
    now: int | None
    event: Any = None
    process: Process = field(factory=Process)
    at_most: int | None = None
    keeper: Gatekeeper | None = None
    unclaimable: Unclaimable = field(factory=Unclaimable)
    granted: tuple[int, Grant] | None = None

    def time(self, clock: int | None) -> int:
        """The time, in microseconds; `clock` is the database's."""
        if self.now is not None:
            return self.now
        assert clock is not None, "a database without a clock is told the time"
        return clock

    # ------------------------------------------------------------ giving

    def decide_candidate(self, candidate: Candidate) -> Decided | None:
        """The move of a claim, which nobody has to hold anything for; None where a guard says no, or it raises."""
        outcome = self._try_to_decide(candidate.snapshot, self.time(candidate.clock))
        return outcome if isinstance(outcome, Decided) else None

    def try_to_give(
        self, writer: Writer, row: Snapshot, lease: LeaseRow, clock: int | None
    ) -> Given | NotClaimed | None:
        """As `give`; None also where its move raises, or a unique look-up's value is another's."""
        outcome = self._try_to_decide(row, self.time(clock))
        if not isinstance(outcome, Decided):
            return outcome
        try:
            return self._give(writer, outcome, lease)
        except UniqueTaken:
            return None

    def give(self, writer: Writer, row: Snapshot, state: Any, lease: LeaseRow, now: int) -> Given | NotClaimed:
        """Give the lease, or say why not, and then nothing is written.  Raises `UniqueTaken`."""
        outcome = self._decide(row, state, self._event(state), now)
        return outcome if isinstance(outcome, NotClaimed) else self._give(writer, outcome, lease)

    def _give(self, writer: Writer, decided: Decided, lease: LeaseRow) -> Given | NotClaimed:
        admission = Admission(None) if self.keeper is None else self.keeper.admit(writer, lease)
        if isinstance(admission, NotClaimed):
            return admission
        refusal = self._limited(writer, lease)
        if refusal is not None:
            admission.take_back(writer)
            return refusal
        return self._write(writer, decided, admission)

    # ------------------------------------------------------------ deciding

    def _try_to_decide(self, row: Snapshot, now: int) -> Decided | NotClaimed | None:
        """As `_decide`; None where the row cannot be read or its move raises, which must not keep all others back."""
        try:
            state = self.binding.state_of(row)
        except UnreadableRow as error:
            self.unclaimable.note(self.binding, row, error)
            return None
        event = self._event(state)
        try:
            return self._decide(row, state, event, now)
        except Exception as error:
            self.unclaimable.note(self.binding, row, error)
            return None

    def _decide(self, row: Snapshot, state: Any, event: Any, now: int) -> Decided | NotClaimed:
        """The move of a claim, or why there is none."""
        edge = self.lease.takeover if isinstance(state, self.lease.leased) else self.lease.claim
        try:
            decision = decide(self.binding.machine, state, event, from_microseconds(now))
        except TransitionNotAllowed as refusal:
            return NotClaimed(reason=NOT_CLAIMABLE, detail=str(refusal))
        if decision.edge is not edge:
            return NotClaimed(reason=NOT_CLAIMABLE, detail=f"{decision.edge.name} takes its event there")
        move = self.binding.move(row, state, event, decision, now, now, None, self._grant(now))
        return Decided(move, row, decision.state)

    def _grant(self, now: int) -> Grant:
        """The lease that is given at that time: all that is found by one look is given at one."""
        if self.granted is None or self.granted[0] != now:
            process, ends_at = self.process, self.lease.ends_at(now)
            self.granted = (now, Grant(self.worker, ends_at, process.host, process.number, process.start))
        return self.granted[1]

    def _event(self, state: Any) -> Any:
        """The event of the claim.  Raises `MachineDefinitionError` where it cannot be made."""
        takes_over = isinstance(state, self.lease.leased)
        edge = self.lease.takeover if takes_over else self.lease.claim
        if self.event is not None and edge is not None and isinstance(self.event, edge.events):
            return self.event
        if takes_over:
            return self.lease.takeover_event()
        return self.lease.claim_event() if self.event is None else self.event

    def _limited(self, writer: Writer, lease: LeaseRow) -> NotClaimed | None:
        if self.lease.limit is None or lease.scope is None:
            return None
        at_most = self.lease.limit.at_most if self.at_most is None else self.at_most
        if take_slot(writer, Place(self.binding.name, lease.scope), lease, at_most, self.now):
            return None
        return NotClaimed(reason=CONCURRENCY_LIMIT, detail=f"{at_most} are held, and no more may be")

    def _write(self, writer: Writer, decided: Decided, admission: Admission) -> Given | NotClaimed:
        row = decided.row
        try:
            seq = writer.move(decided.move)
        except UniqueTaken:
            self._take_back(writer, row, admission)
            raise
        if seq is None:
            self._take_back(writer, row, admission)
            return NotClaimed(reason=NOT_CLAIMABLE, detail="it has moved meanwhile")
        return decided.given(seq)

    def _take_back(self, writer: Writer, row: Snapshot, admission: Admission) -> None:
        admission.take_back(writer)
        if self.lease.limit is not None:
            writer.vacate(row.instance)


# ---------------------------------------------------------------- one by its key


class Refused(Exception):
    """An instance that was made to be claimed is not made, for it was not claimed."""

    def __init__(self, why: NotClaimed) -> None:
        super().__init__(why)
        self.why = why


@define
class ClaimOne:
    """Claim the instance of this key; with `create` it is made in that state where it is missing.

    `created_at` is the time of that, in microseconds.
    """

    terms: Terms
    key: Key
    key_text: str
    create: Any = None
    created_at: int = 0

    def __call__(self, writer: Writer) -> Given | NotClaimed:
        """Raises `Refused`, and `UniqueTaken`."""
        binding = self.terms.binding
        if self.create is not None:
            writer.hold(binding.name, [self.key_text])
        check_declaration(writer, binding)
        loaded = writer.load(binding.name, self.key_text)
        if loaded is not None:
            return self._claim(writer, loaded.snapshot, loaded.clock)
        if self.create is None:
            return NotClaimed(reason=MISSING, detail=f"there is no {binding.name} {self.key!r}")
        outcome = self._claim(writer, self._made(writer), self.created_at)
        if isinstance(outcome, NotClaimed):
            raise Refused(outcome)
        return outcome

    def _made(self, writer: Writer) -> Snapshot:
        binding, at = self.terms.binding, self.created_at
        messages = enter(binding.machine, self.create, from_microseconds(at))
        creation = binding.creation(self.key_text, self.create, messages, at, at)
        instance = create_one(binding, self.key, creation, writer)
        return Snapshot(instance, self.key_text, creation.state, creation.body, 1, at, at)

    def _claim(self, writer: Writer, row: Snapshot, clock: int | None) -> Given | NotClaimed:
        state, now = self.terms.binding.state_of(row), self.terms.time(clock)
        lease = writer.lease(row.instance)
        refusal = refuse_state(self.terms.lease, state, lease, now)
        if refusal is not None:
            return refusal
        assert lease is not None, "what can be claimed has a row"
        return self.terms.give(writer, row, state, lease, now)


def refuse_state(policy: LeasePolicy, state: Any, lease: LeaseRow | None, now: int) -> NotClaimed | None:
    """Why an instance cannot be claimed in this state; None if it can."""
    if isinstance(state, policy.leased) and policy.takeover is not None and has_run_out(lease, now):
        return None
    usual, until = usual_reason(policy, state, lease, now)
    own = None if policy.reason is None else policy.reason(state, from_microseconds(now))
    reason = own or usual
    if reason is None:
        return None
    path = policy.machine.path(type(state))
    return NotClaimed(
        reason=reason, detail=f"it is in {path}", until=None if until is None else from_microseconds(until)
    )


def usual_reason(policy: LeasePolicy, state: Any, lease: LeaseRow | None, now: int) -> tuple[str | None, int | None]:
    """Why not, in words that all machines share, and until when."""
    if isinstance(state, (*policy.leased, *policy.pauses)):
        return ALREADY_CLAIMED, None if lease is None else lease.expires_at
    if lease is None or lease.ready_at is None:
        return NOT_CLAIMABLE, None
    return (NOT_YET, lease.ready_at) if lease.ready_at > now else (None, None)


def has_run_out(lease: LeaseRow | None, now: int) -> bool:
    return lease is not None and lease.expires_at is not None and lease.expires_at <= now
