"""Is the history of one instance linearizable?  Versions say in which order writes happened: no search is needed.

Each version has one writer, none is missing, and each answer follows from the version that it names.  Then moments are
given out from the first version on, each as early as it can be: a write within its call and behind all before it, a
read within its call, behind its version's write and before the next.  If one comes too late, no order explains it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Sequence

from attrs import evolve
from histories import Answer, Operation, Verdict
from sequential import ABSENT, Register, answer

__all__ = ["Anomaly", "check_versions"]

NEVER = 1 << 63

WRITTEN = ("created", "moved")
SEEN = ("read", "refused", "stale")


class Anomaly(AssertionError):
    """Something that no order of the calls explains."""


def check_versions(operations: Sequence[Operation], journal: Sequence[str]) -> None:
    """Check all operations of one key.  `journal` has each version's token, as it was read in the end."""
    cut_off = {operation.asked.delivery for operation in operations if operation.answer is None} - {""}
    operations = _with_answers(operations, journal)
    writes = _writes(operations, journal)
    for operation in operations:
        _check_content(operation, writes)
    moments = _moments(operations, writes)
    _check_late(operations, moments, cut_off)


# ---------------------------------------------------------------- which write made which version


def _with_answers(operations: Sequence[Operation], journal: Sequence[str]) -> list[Operation]:
    """Calls that were cut off have happened if the journal has their token; of the others nothing is known."""
    versions = {token: version for version, token in enumerate(journal, start=1)}
    return [
        operation if operation.answer is not None else _found(operation, versions[operation.asked.token])
        for operation in operations
        if operation.answer is not None or operation.asked.token in versions
    ]


def _found(operation: Operation, version: int) -> Operation:
    verdict: Verdict = "created" if operation.asked.verb == "create" else "moved"
    return evolve(operation, answer=Answer(verdict, version, version % 2 == 0, operation.asked.token))


def _writes(operations: Iterable[Operation], journal: Sequence[str]) -> list[Operation]:
    """The write of each version, from version 1 on."""
    written: dict[int, Operation] = {}
    for operation in operations:
        told = _told(operation)
        if told.verdict in WRITTEN and not told.duplicate:
            if told.version in written:
                raise Anomaly(f"version {told.version} was written twice: {written[told.version]}, {operation}")
            written[told.version] = operation
    if sorted(written) != list(range(1, len(written) + 1)):
        raise Anomaly(f"versions are missing: {sorted(written)}")
    writes = [written[version] for version in sorted(written)]
    if [write.asked.token for write in writes] != list(journal):
        raise Anomaly(f"the journal has {list(journal)}, written was {[write.asked.token for write in writes]}")
    return writes


def _told(operation: Operation) -> Answer:
    assert operation.answer is not None
    return operation.answer


# ---------------------------------------------------------------- what each answer says


def _check_content(operation: Operation, writes: Sequence[Operation]) -> None:
    """The answer is the one that this call has to get where it says that it found the instance."""
    asked, told = operation.asked, _told(operation)
    if told.version > len(writes):
        raise Anomaly(f"a version that nobody wrote: {operation}")
    if not told.duplicate:
        found = 1 if told.verdict == "exists" else told.version - (told.verdict in WRITTEN)
        _, expected = answer(_register(found, writes), asked)
        if expected != told:
            raise Anomaly(f"the answer should be {expected}: {operation}")


def _register(version: int, writes: Sequence[Operation]) -> Register:
    """Every move flips the switch, and it is off at version 1."""
    if not 0 < version <= len(writes):
        return ABSENT
    return Register(version, version % 2 == 0, writes[version - 1].asked.token)


# ---------------------------------------------------------------- when it can have happened


def _moments(operations: Iterable[Operation], writes: Sequence[Operation]) -> list[int]:
    """The earliest moment of each version, version 0 included; and that reads and writes fit in between."""
    reads: defaultdict[int, list[Operation]] = defaultdict(list)
    for operation in operations:
        told = _told(operation)
        if not told.duplicate and (told.verdict in SEEN or told.verdict == "absent"):
            reads[told.version].append(operation)
    moments: list[int] = []
    now = 0
    for version in range(len(writes) + 1):
        if version:
            now = _fit(writes[version - 1], now)
        moments.append(now)
        now = max([now, *(_fit(read, now) for read in reads[version])])
    return moments


def _fit(operation: Operation, earliest: int) -> int:
    """The first moment of the call that is not before `earliest`."""
    moment = max(operation.called, earliest)
    if moment > (NEVER if operation.returned is None else operation.returned):
        raise Anomaly(f"answered out of date, or too early: {operation}")
    return moment


def _check_late(operations: Sequence[Operation], moments: Sequence[int], cut_off: Container[str]) -> None:
    """What only has to come behind something: a duplicate behind the first delivery, "exists" behind the creation.

    `cut_off` are the deliveries that may have been settled by a call that was cut off.
    """
    firsts = _first_deliveries(operations, moments)
    for operation in operations:
        asked, told = operation.asked, _told(operation)
        if told.duplicate and asked.delivery in firsts:
            first, moment = firsts[asked.delivery]
            if evolve(first, duplicate=True) != told:
                raise Anomaly(f"answered {first} at first, then {operation}")
            _fit(operation, moment)
        elif told.duplicate and asked.delivery not in cut_off:
            raise Anomaly(f"the duplicate of nothing: {operation}")
        elif told.verdict == "exists":
            if len(moments) == 1:
                raise Anomaly(f"nobody created it: {operation}")
            _fit(operation, moments[1])


def _first_deliveries(operations: Iterable[Operation], moments: Sequence[int]) -> dict[str, tuple[Answer, int]]:
    """How and when at the earliest each delivery id was settled."""
    firsts: dict[str, tuple[Answer, int]] = {}
    for operation in operations:
        asked, told = operation.asked, _told(operation)
        if asked.delivery and not told.duplicate and told.version:
            if asked.delivery in firsts:
                raise Anomaly(f"delivered twice: {firsts[asked.delivery]}, {operation}")
            firsts[asked.delivery] = told, _fit(operation, moments[told.version])
    return firsts
