"""Who is let through?  Asked under locks, before anything is given: a search has passed by what it saw held back.

What is asked about stays as it is until the end of the transaction: the subject, and the gate of its group.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import define

from leverframe.coordination.dependencies import describe
from leverframe.coordination.gates import Gates, ended_states
from leverframe.coordination.not_claimed import DEPENDENCY, FROZEN, SERIAL, NotClaimed
from leverframe.persistence.backend import Reader, Writer
from leverframe.persistence.binding import Binding
from leverframe.persistence.bindings import Bindings
from leverframe.persistence.gating import Passing, TurnRow
from leverframe.persistence.keys import decode_key
from leverframe.persistence.leases import LeaseRow
from leverframe.persistence.rows import Snapshot

__all__ = ["Admission", "Gatekeeper"]


@define
class Gatekeeper:
    """The gates as they are in one store."""

    gates: Gates
    subjects: Binding[Any, Any]
    ended: frozenset[str]
    gate: Binding[Any, Any] | None
    shut: frozenset[str]

    @classmethod
    def of(cls, gates: Gates, bindings: Bindings, reader: Reader) -> Gatekeeper:
        """For those who claim: what is kept of the subjects is what their machine declares today."""
        bindings.keeping_lookups(gates.of)
        return cls.as_kept(gates, bindings, reader)

    @classmethod
    def as_kept(cls, gates: Gates, bindings: Bindings, reader: Reader) -> Gatekeeper:
        """For those who look: nothing is written."""
        subjects = learned(bindings.of(gates.of), reader)
        leaves = ended_states(gates.of)
        ended = frozenset(path for path, leaf in subjects.classes.items() if leaf in leaves)
        if gates.freeze is None:
            return cls(gates, subjects, ended, None, frozenset())
        gate = learned(bindings.of(gates.freeze.by), reader)
        return cls(gates, subjects, ended, gate, frozenset(gate.paths_of(gates.freeze.state) or ()))

    def passing(self, full: Sequence[str]) -> Passing:
        """What a search passes by."""
        gate = "" if self.gate is None else self.gate.name
        in_turn = self.gates.serial is not None
        return Passing(full, self.subjects.name, sorted(self.ended), gate, sorted(self.shut), in_turn)

    def admit(self, writer: Writer, lease: LeaseRow) -> NotClaimed | Admission:
        """Whether work is let through now; what it is about is held until the end of the transaction."""
        row = None if lease.subject is None else writer.look_at(self.subjects.name, lease.subject)
        if row is None or row.state in self.ended:
            return Admission(None)
        return self._unmet(writer, row) or self._admit_in_turn(writer, row, lease.serial)

    def _unmet(self, writer: Writer, subject: Snapshot) -> NotClaimed | None:
        if self.gates.prerequisites is None:
            return None
        rows = writer.unmet(self.subjects.name, subject.key)
        if not rows:
            return None
        found = [describe(row, self.ended) for row in rows]
        detail = f"{decode_key(subject.key)!r} waits for {', '.join(map(str, found))}"
        return NotClaimed(reason=DEPENDENCY, detail=detail, waits_for=tuple(each.on for each in found))

    def _admit_in_turn(self, writer: Writer, subject: Snapshot, serial: str | None) -> NotClaimed | Admission:
        if serial is None:
            return Admission(None)
        if self.gates.serial is None:
            return self._frozen(writer, serial) or Admission(None)
        turn = writer.turn(self.subjects.name, serial)
        if turn is None:
            return self._frozen(writer, serial) or self._start(writer, subject, serial)
        return Admission(None) if turn.subject == subject.key else has_started(turn)

    def _frozen(self, writer: Writer, serial: str) -> NotClaimed | None:
        if self.gates.freeze is None or self.gate is None:
            return None
        row = writer.look_at(self.gate.name, serial)
        if row is None or row.state not in self.shut:
            return None
        why = self.gates.freeze.why(self.gate.state_of(row))
        return NotClaimed(reason=FROZEN, detail=f"{self.gate.name} {decode_key(serial)!r} is shut: {why}")

    def _start(self, writer: Writer, subject: Snapshot, serial: str) -> NotClaimed | Admission:
        own = TurnRow(subject.key, subject.instance)
        while not writer.take_turn(self.subjects.name, serial, own):
            # Somebody else was faster, by a moment; or has ended already.
            turn = writer.turn(self.subjects.name, serial)
            if turn is not None:
                return Admission(None) if turn == own else has_started(turn)
        return Admission(subject.instance)


@define
class Admission:
    """Work is let through; `started` is the instance that has started with it, if one has."""

    started: int | None

    def take_back(self, writer: Writer) -> None:
        """It came to nothing after all."""
        if self.started is not None:
            writer.leave_turn(self.started)


def has_started(turn: TurnRow) -> NotClaimed:
    key = decode_key(turn.subject)
    return NotClaimed(reason=SERIAL, detail=f"it is the turn of {key!r}, which has started", waits_for=(key,))


def learned(binding: Binding[Any, Any], reader: Reader) -> Binding[Any, Any]:
    """The binding, once it knows the paths of older code."""
    if not binding.learned:
        binding.learn_spellings(reader.count(binding.name))
    return binding
