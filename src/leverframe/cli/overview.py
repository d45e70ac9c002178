"""What does `leverframe top` show?  An overview as sections of rows: for a terminal, for a pipe, and for programs."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from attrs import asdict, frozen

from leverframe import LeaseRecord, Observed, Overview, QueueCounts, StalenessLevel, Stored
from leverframe.cli.bodies import show_fields, state_fields
from leverframe.cli.output import Column, Rows
from leverframe.cli.reads import UNREADABLE, stored_object
from leverframe.cli.spans import show_span
from leverframe.cli.targets import AnyMachine
from leverframe.cli.text import show_key, show_number, single_line
from leverframe.coordination.operating import COUNTED
from leverframe.coordination.overview import MachineOverview
from leverframe.errors import UnreadableRow

__all__ = ["Section", "overview_object", "plain_rows", "sections"]

Known = Mapping[str, AnyMachine]
"""The machines' classes, by the names under which they are stored."""

NOTHING = "-"

TELLING = re.compile("error|reason|exit|superseded|^by$")
"""What is in the name of a field that says how it came to an end."""

MOST_ENDED = 10
"""Of all machines together; of failures as many again."""

Outcomes: TypeAlias = list[tuple[MachineOverview, Stored[Any, Any]]]


@frozen
class Section:
    """A table with a heading; rows that are `marked`, by their number, want somebody to look."""

    columns: Sequence[Column]
    rows: Rows
    marked: Collection[int] = ()


def sections(seen: Overview, known: Known) -> list[Section]:
    """What there is to show, for people; a section without rows is none."""
    ends = (failed(seen, known), ended(seen, known))
    made = (queues(seen), leases(seen), silent(seen), *ends, consumers(seen), states(seen))
    return [section for section in made if section.rows]


# ---------------------------------------------------------------- queues

QUEUE_COLUMNS = [
    Column("queue", elastic=True),
    *(Column(name, right=True) for name in ("ready", "held back", "later", "leased", "stale")),
]


def queues(seen: Overview) -> Section:
    found = [(machine.name, machine.queue) for machine in seen.machines if machine.queue is not None]
    rows = [[single_line(name), *queue_numbers(queue)] for name, queue in found]
    return Section(QUEUE_COLUMNS, rows, {number for number, (_, queue) in enumerate(found) if queue.stale})


def queue_numbers(queue: QueueCounts) -> list[str]:
    numbers = (queue.ready, queue.held_back, queue.later, queue.leased, queue.stale)
    return [show_count(number, exact=queue.exact) for number in numbers]


def show_count(number: int, *, exact: bool) -> str:
    """A number; one that was not counted to its end has a + behind it.

    >>> show_count(12, exact=False), show_count(10_000, exact=False)
    ('12', '10,000+')
    """
    return show_number(number) + ("" if exact or number < COUNTED else "+")


# ---------------------------------------------------------------- leases

LEASE_COLUMNS = [
    Column("worker", elastic=True),
    Column("works on", elastic=True),
    Column("key", elastic=True),
    Column("for", right=True),
    Column("heartbeat", right=True),
    Column("ends", right=True),
]


def leases(seen: Overview) -> Section:
    found = [(machine.name, lease) for machine in seen.machines for lease in machine.leases]
    found.sort(key=lambda each: (not each[1].stale, each[1].claimed_at))
    rows = [
        [show_worker(lease), single_line(name), show_key(lease.key), *times(lease, seen.at)] for name, lease in found
    ]
    return Section(LEASE_COLUMNS, rows, {number for number, (_, lease) in enumerate(found) if lease.stale})


def show_worker(lease: LeaseRecord) -> str:
    return single_line(lease.worker) or "(nobody)"


def times(lease: LeaseRecord, now: datetime) -> list[str]:
    return [
        show_span(now - lease.claimed_at),
        NOTHING if lease.heartbeat_at is None else f"{show_span(now - lease.heartbeat_at)} ago",
        show_end(lease.expires_at, now),
    ]


def show_end(at: datetime | None, now: datetime) -> str:
    if at is None:
        return NOTHING
    return f"in {show_span(at - now)}" if at > now else f"{show_span(now - at)} ago"


# ---------------------------------------------------------------- who is silent

SILENT_COLUMNS = [
    Column("silent", elastic=True),
    Column("key", elastic=True),
    Column("state"),
    Column("heartbeat", right=True),
    Column("level"),
]


def silent(seen: Overview) -> Section:
    found = [(machine.name, each) for machine in seen.machines for each in machine.silent]
    rows = [
        [single_line(name), show_key(each.stored.key), each.stored.path, show_heartbeat(each), show_level(each)]
        for name, each in found
    ]
    return Section(SILENT_COLUMNS, rows, {number for number, (_, each) in enumerate(found) if is_stale(each)})


def show_heartbeat(seen: Observed[Any, Any]) -> str:
    return "never" if seen.heartbeat_at is None else f"{show_span(seen.read_at - seen.heartbeat_at)} ago"


def show_level(seen: Observed[Any, Any]) -> str:
    try:
        return seen.level.value
    except UnreadableRow:
        return UNREADABLE


def is_stale(seen: Observed[Any, Any]) -> bool:
    return show_level(seen) not in (StalenessLevel.OK.value, StalenessLevel.WARN.value)


# ---------------------------------------------------------------- what has failed, and what has ended otherwise

OUTCOME_COLUMNS = [
    Column("key", elastic=True),
    Column("state"),
    Column("ago", right=True),
    Column("how", elastic=True),
]


def failed(seen: Overview, known: Known) -> Section:
    rows = outcomes(seen, known, last_failed(seen))
    return Section([Column("failed", elastic=True), *OUTCOME_COLUMNS], rows, range(len(rows)))


def ended(seen: Overview, known: Known) -> Section:
    return Section([Column("ended", elastic=True), *OUTCOME_COLUMNS], outcomes(seen, known, last_ended(seen)))


def outcomes(seen: Overview, known: Known, found: Outcomes) -> list[list[str]]:
    return [
        [single_line(machine.name), show_key(stored.key), stored.path, show_span(seen.at - stored.changed_at), why]
        for machine, stored in found
        for why in [outcome(known[machine.name], stored)]
    ]


def outcome(machine: AnyMachine, stored: Stored[Any, Any]) -> str:
    """Those fields of a state that something has ended in which say how it came to that."""
    try:
        fields = state_fields(machine, stored.state)
    except UnreadableRow:
        return UNREADABLE
    return show_fields({name: value for name, value in fields.items() if TELLING.search(name) and value is not None})


def last_failed(seen: Overview) -> Outcomes:
    return newest([(machine, stored) for machine in seen.machines for stored in machine.failed])


def last_ended(seen: Overview) -> Outcomes:
    return newest([(machine, stored) for machine in seen.machines for stored in machine.ended])


def newest(found: Outcomes) -> Outcomes:
    return sorted(found, key=lambda each: each[1].changed_at, reverse=True)[:MOST_ENDED]


# ---------------------------------------------------------------- consumers and states

CONSUMER_COLUMNS = [
    Column("consumer", elastic=True),
    Column("topic", elastic=True),
    *(Column(name, right=True) for name in ("behind", "in flight", "set aside")),
]


def consumers(seen: Overview) -> Section:
    rows: list[list[str]] = []
    for each in seen.consumers:
        numbers = (each.behind, each.in_flight, each.set_aside)
        shown = [show_count(number, exact=each.exact) for number in numbers]
        rows.append([single_line(each.name), single_line(each.topic or "(all)"), *shown])
    return Section(CONSUMER_COLUMNS, rows, {number for number, each in enumerate(seen.consumers) if each.set_aside})


STATE_COLUMNS = [Column("machine", elastic=True), Column("states", wrapped=True)]


def states(seen: Overview) -> Section:
    rows = [[single_line(machine.name), show_states(machine.states)] for machine in seen.machines]
    return Section(STATE_COLUMNS, [row for row in rows if row[1]])


def show_states(numbers: Mapping[str, int]) -> str:
    """How many are in each state, the most first.

    >>> show_states({"failed": 2, "pending": 1200})
    'pending 1,200, failed 2'
    """
    ordered = sorted(numbers.items(), key=lambda each: -each[1])
    return ", ".join(f"{path} {show_number(number)}" for path, number in ordered)


# ---------------------------------------------------------------- in a pipe


def plain_rows(seen: Overview) -> Iterator[Sequence[Sequence[str]]]:
    """Each kind of rows, with the kind as its first word, times in full, and numbers without commas."""
    yield [["queue", single_line(name), *map(str, numbers_of(queue))] for name, queue in named_queues(seen)]
    yield [
        ["lease", single_line(machine.name), show_worker(lease), show_key(lease.key), *map(show_moment, moments(lease))]
        for machine in seen.machines
        for lease in machine.leases
    ]
    yield [
        ["silent", single_line(machine.name), show_key(each.stored.key), each.stored.path, *silence(each)]
        for machine in seen.machines
        for each in machine.silent
    ]
    for kind, found in (("failed", last_failed(seen)), ("ended", last_ended(seen))):
        yield [
            [kind, single_line(machine.name), show_key(stored.key), stored.path, stored.changed_at.isoformat()]
            for machine, stored in found
        ]
    yield [
        ["consumer", single_line(each.name), single_line(each.topic or NOTHING), *map(str, numbers)]
        for each in seen.consumers
        for numbers in [(each.behind, each.in_flight, each.set_aside)]
    ]
    yield [
        ["state", single_line(machine.name), single_line(path), str(number)]
        for machine in seen.machines
        for path, number in machine.states.items()
    ]


def silence(seen: Observed[Any, Any]) -> tuple[str, str]:
    return show_moment(seen.heartbeat_at), show_level(seen)


def named_queues(seen: Overview) -> Iterator[tuple[str, QueueCounts]]:
    for machine in seen.machines:
        if machine.queue is not None:
            yield machine.name, machine.queue


def numbers_of(queue: QueueCounts) -> list[int]:
    return [queue.ready, queue.held_back, queue.later, queue.leased, queue.stale]


def moments(lease: LeaseRecord) -> list[datetime | None]:
    return [lease.claimed_at, lease.heartbeat_at, lease.expires_at]


def show_moment(time: datetime | None) -> str:
    return NOTHING if time is None else time.isoformat()


# ---------------------------------------------------------------- for programs


def overview_object(seen: Overview, known: Known) -> dict[str, Any]:
    """The same as JSON has it."""
    return {
        "at": seen.at.isoformat(),
        "location": seen.location,
        "tenant": seen.tenant or None,
        "machines": [machine_object(machine, known) for machine in seen.machines],
        "consumers": [asdict(each) for each in seen.consumers],
    }


def machine_object(machine: MachineOverview, known: Known) -> dict[str, Any]:
    return {
        "name": machine.name,
        "states": dict(machine.states),
        "queue": None if machine.queue is None else asdict(machine.queue),
        "leases": [lease_object(lease) for lease in machine.leases],
        "silent": [silent_object(each) for each in machine.silent],
        "failed": [stored_object(known[machine.name], stored) for stored in machine.failed],
        "ended": [stored_object(known[machine.name], stored) for stored in machine.ended],
    }


def silent_object(seen: Observed[Any, Any]) -> dict[str, Any]:
    key, at = seen.stored.key, seen.heartbeat_at
    heartbeat = None if at is None else at.isoformat()
    return {"key": key, "state": seen.stored.path, "heartbeat_at": heartbeat, "level": show_level(seen)}


def lease_object(lease: LeaseRecord) -> dict[str, Any]:
    times = ("claimed_at", "heartbeat_at", "expires_at")
    found = {("state" if name == "path" else name): value for name, value in asdict(lease).items()}
    return found | {name: found[name] and found[name].isoformat() for name in times}
