"""Limits and gates: is no more held than may be, and nothing claimed that a gate holds back?

An account of its own: who has started, and what each lease counts for, is known from the claims in the journal, and
what a gate says from the states of today.  Nothing is read of what the store keeps of turns and slots.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from attrs import define, field

from leverframe.coordination.gates import Gates, ended_states
from leverframe.coordination.limits import Limit
from leverframe.coordination.policies import LeasePolicy
from leverframe.persistence.keys import decode_key
from leverframe.testing.database import Violation
from leverframe.testing.ledger import Call, Ledger, Line

__all__ = ["Account"]

STATE = "SELECT state FROM snapshot WHERE machine = ? AND key = ?"

PREREQUISITES = "SELECT prerequisite FROM dependency WHERE machine = ? AND dependent = ?"


@define
class Account:
    """What one machine's lease holds back; `at_most` is what its workers say, None for what the lease says.

    `turns` are the subjects that have started, by their groups; `scopes` what the lease of an instance counts for.
    """

    lease: LeasePolicy
    at_most: int | None = None
    turns: dict[str, str] = field(factory=dict[str, str])
    scopes: dict[int, str] = field(factory=dict[int, str])
    seen: int = 0

    def __call__(self, ledger: Ledger, call: Call) -> None:
        """Behind a commit.  Raises `Violation`."""
        self._end_turns(ledger)
        for line in call.wrote:
            if line.seq > self.seen and ledger.gives(line):
                self._take(ledger, line)
        self.seen = max([self.seen, *(line.seq for line in call.wrote)])
        self._check_limit(ledger)

    def _take(self, ledger: Ledger, line: Line) -> None:
        if self.lease.limit is not None:
            self.scopes[line.instance] = self.lease.limit.scope_of(line.before, ledger.known[line.instance].key)
        if self.lease.gates is not None:
            Asked(self, ledger, self.lease.gates, line).check()

    # ------------------------------------------------------------ the limit

    def _check_limit(self, ledger: Ledger) -> None:
        at_most = most(self.lease.limit, self.at_most)
        if at_most is None:
            return
        held = Counter(scope for instance, scope in self.scopes.items() if self._counts(ledger, instance))
        for scope, number in held.items():
            if number > at_most:
                raise Violation(f"{number} are held of {decode_key(scope)!r}, of which {at_most} may be")

    def _counts(self, ledger: Ledger, instance: int) -> bool:
        """Whether its lease is live, or pauses and was live when it began to."""
        row = ledger.leases.get(instance)
        if row is None or ledger.known[instance].token is None:
            return False
        if row.token is None:
            known = ledger.known[instance]
            return isinstance(known.state, self.lease.pauses) and not known.lapsed
        return row.expires_at is None or row.expires_at > ledger.now()

    # ------------------------------------------------------------ turns

    def _end_turns(self, ledger: Ledger) -> None:
        gates = self.lease.gates
        if gates is not None:
            self.turns = {
                group: subject for group, subject in self.turns.items() if is_there(ledger, gates.of, subject)
            }


@define
class Asked:
    """One claim, that was let through just now."""

    account: Account
    ledger: Ledger
    gates: Gates
    line: Line

    def check(self) -> None:
        """Raises `Violation` where something holds it back."""
        subject, group = self.gates.place(self.line.before)
        if subject is None or not is_there(self.ledger, self.gates.of, subject):
            return
        self._check_prerequisites(subject)
        if group is not None:
            self._check_group(subject, group)

    def _check_prerequisites(self, subject: str) -> None:
        prerequisites, of = self.gates.prerequisites, self.gates.of
        if prerequisites is None:
            return
        for (awaited,) in self.ledger.connection.execute(PREREQUISITES, (of.machine_name, subject)):
            if not is_in(self.ledger, of, awaited, prerequisites.met):
                self._fail(subject, f"that waits for {decode_key(awaited)!r}")

    def _check_group(self, subject: str, group: str) -> None:
        turn = self.account.turns.get(group)
        if turn == subject:
            return
        if turn is not None:
            self._fail(subject, f"while {decode_key(turn)!r} has the turn of {decode_key(group)!r}")
        freeze = self.gates.freeze
        if freeze is not None and is_in(self.ledger, freeze.by, group, freeze.state):
            self._fail(subject, f"while {freeze.by.machine_name} {decode_key(group)!r} is shut")
        if self.gates.serial is not None:
            self.account.turns[group] = subject

    def _fail(self, subject: str, why: str) -> None:
        key = self.ledger.known[self.line.instance].key
        raise Violation(f"{key} was claimed, which is about {decode_key(subject)!r}, {why}")


# ---------------------------------------------------------------- what is so


def most(limit: Limit | None, at_most: int | None) -> int | None:
    """How many may be held of each scope; None for as many as there are."""
    if limit is None:
        return None
    return limit.at_most if at_most is None else at_most


def is_there(ledger: Ledger, machine: Any, key_text: str) -> bool:
    """Whether the instance is in the store, in a state that takes an event."""
    leaves = [leaf for leaf in machine.leaves() if leaf not in ended_states(machine)]
    return state_of(ledger, machine, key_text) in {machine.path(leaf) for leaf in leaves}


def is_in(ledger: Ledger, machine: Any, key_text: str, kind: type) -> bool:
    """Whether the instance is in the store, in this leaf or superstate."""
    leaves = [leaf for leaf in machine.leaves() if issubclass(leaf, kind)]
    return state_of(ledger, machine, key_text) in {machine.path(leaf) for leaf in leaves}


def state_of(ledger: Ledger, machine: Any, key_text: str) -> str | None:
    row = ledger.connection.execute(STATE, (machine.machine_name, key_text)).fetchone()
    return None if row is None else str(row[0])
