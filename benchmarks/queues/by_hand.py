"""A queue as a program without leverframe would write it: the floor, with the statements that leverframe runs too.

A job is claimed and completed in a transaction each.  A claim takes the oldest jobs that are ready, moves them, adds a
line to the journal for each, and puts a lease on them, whose token is the number of that line.  A completion moves them
only where that token still is, adds a line for each, and takes the lease away.

On SQLite it says the very statements that leverframe says.  On PostgreSQL its tables are as plain as such a program
would have them.  What it does without is what leverframe adds: types, decisions, JSON, turns, errors that say what to
do.
"""

from __future__ import annotations

import time
from typing import Any

from attrs import frozen

from benchmarks.queues.leverframe_side import Leverframe
from benchmarks.queues.places import FilePlace, SchemaPlace
from leverframe.persistence.leasing import CLAIMABLE, LEAVE, STAND
from leverframe.persistence.postgres.location import parse_location
from leverframe.persistence.postgres.pool import connect
from leverframe.persistence.sqlite.connection import connect as connect_file
from leverframe.persistence.sqlite.connection import set_up_writer
from leverframe.persistence.sqlite.location import parse_location as parse_file
from leverframe.persistence.statements import ADD_JOURNAL, CHANGE_COUNT, DECLARATION, MOVE_SNAPSHOT

__all__ = ["PostgresByHand", "PostgresOneTrip", "SQLiteByHand"]

WORKER = "worker-1"
LEASE = 60_000_000
"""Microseconds."""

TASK = '{"body":{"task":"build-the-thing"},"type":"'
PENDING, RUNNING, COMPLETED = (f'{TASK}{name}"}}' for name in ("Queued", "Working", "Finished"))
WORKING_BODY, FINISHED_BODY = RUNNING, COMPLETED
ACQUIRED = TAKEN = '{"body":{},"type":"Taken"}'
SUCCEEDED = DONE = '{"body":{},"type":"Done"}'


@frozen
class Held:
    """A job that was claimed."""

    job: int
    version: int
    token: int


def now() -> int:
    """Microseconds since 1970."""
    return time.time_ns() // 1000


def check_empty(finished: int, expected: int, lines: int, leases: int) -> None:
    """Raise unless every job was claimed and completed: three lines each in the journal, and no lease is left."""
    if finished != expected or lines != 3 * expected or leases:
        raise RuntimeError(f"{finished} of {expected} jobs are finished, with {lines} lines and {leases} leases left")


CHECK = """
SELECT (SELECT count(*) FROM job WHERE state = 'completed'), (SELECT count(*) FROM journal),
    (SELECT count(*) FROM lease)"""

# ---------------------------------------------------------------- SQLite

CLAIM_NEXT_ON_FILE = CLAIMABLE.format(passing="")

OF = ("", "Job")
"""The tenant, and the machine."""

HIGHEST = 2**31


class SQLiteByHand:
    """On a connection that is set up as the store's is, the very statements that leverframe says, on its tables."""

    def __init__(self, place: FilePlace) -> None:
        self.store = Leverframe(place)
        location = parse_file(place.url)
        self.connection: Any = connect_file(location, create=False)
        set_up_writer(self.connection, location)

    def enqueue(self, jobs: int) -> None:
        self.store.enqueue(jobs)

    def claim(self, limit: int) -> list[Held]:
        run, at = self.connection.execute, now()
        run("BEGIN IMMEDIATE")
        run(DECLARATION, ("Job",)).fetchall()
        found = run(CLAIM_NEXT_ON_FILE, (*OF, *OF, HIGHEST, at, limit)).fetchall()
        held = [self._claim_one(row[0], row[4], at) for row in found]
        self._count("queued", "working", "Working", len(held))
        run("COMMIT")
        return held

    def complete(self, held: list[Held]) -> None:
        run, at = self.connection.execute, now()
        run("BEGIN IMMEDIATE")
        for one in held:
            self._move(one.job, one.version, "working", "finished", (FINISHED_BODY, DONE), at)
            run(LEAVE, (one.job,))
        self._count("working", "finished", "Finished", len(held))
        run("COMMIT")

    def check(self) -> None:
        self.store.check()

    def close(self) -> None:
        self.connection.close()
        self.store.close()

    def _claim_one(self, job: int, version: int, at: int) -> Held:
        token = self._move(job, version, "queued", "working", (WORKING_BODY, TAKEN), at)
        lease = (token, WORKER, at, at, at + LEASE, "", 0, 0)
        self.connection.execute(STAND, (job, *OF, version + 1, at, None, 0, None, None, None, *lease))
        return Held(job, version + 1, token)

    def _move(self, job: int, version: int, left: str, entered: str, bodies: tuple[str, str], at: int) -> int:
        run, (body, event) = self.connection.execute, bodies
        if run(MOVE_SNAPSHOT, (entered, body, at, job, version)).rowcount != 1:
            raise RuntimeError("somebody else has it")
        line = ("", job, version + 1, event, left, entered, body, at, at)
        return int(run(ADD_JOURNAL, line).lastrowid)

    def _count(self, left: str, entered: str, name: str, number: int) -> None:
        self.connection.execute(CHANGE_COUNT, (*OF, left, "", -number))
        self.connection.execute(CHANGE_COUNT, (*OF, entered, name, number))


# ---------------------------------------------------------------- PostgreSQL

POSTGRES_TABLES = b"""
CREATE TABLE job (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, state TEXT COLLATE "C" NOT NULL, body TEXT NOT NULL,
    version BIGINT NOT NULL, changed_at BIGINT NOT NULL
);
CREATE INDEX job_state ON job (state, changed_at, id);
CREATE TABLE lease (job BIGINT PRIMARY KEY, ready_at BIGINT, token BIGINT, worker TEXT, until BIGINT);
CREATE INDEX lease_ready ON lease (ready_at, job) WHERE ready_at IS NOT NULL;
CREATE INDEX lease_until ON lease (until) WHERE until IS NOT NULL;
CREATE TABLE journal (
    seq BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, job BIGINT NOT NULL, version BIGINT NOT NULL, event TEXT,
    from_state TEXT, to_state TEXT NOT NULL, body TEXT NOT NULL, at BIGINT NOT NULL
);
CREATE UNIQUE INDEX journal_version ON journal (job, version)"""

ENQUEUE = b"""
WITH made AS (
    INSERT INTO job (state, body, version, changed_at)
    SELECT 'pending', %(body)s, 1, %(at)s FROM generate_series(1, %(jobs)s) RETURNING id),
line AS (
    INSERT INTO journal (job, version, to_state, body, at) SELECT id, 1, 'pending', %(body)s, %(at)s FROM made)
INSERT INTO lease (job, ready_at) SELECT id, %(at)s FROM made"""

LOCK_NEXT = b"""
SELECT j.id, j.version, j.body FROM lease AS l JOIN job AS j ON j.id = l.job
WHERE l.ready_at IS NOT NULL AND l.ready_at <= %s ORDER BY l.ready_at, l.job LIMIT %s FOR UPDATE SKIP LOCKED"""

CLAIM = b"""
WITH moved AS (
    UPDATE job SET state = 'running', body = %(body)s, version = job.version + 1, changed_at = %(at)s
    FROM unnest(%(jobs)s::bigint[], %(versions)s::bigint[]) AS g (id, version)
    WHERE job.id = g.id AND job.version = g.version RETURNING job.id, job.version),
line AS (
    INSERT INTO journal (job, version, event, from_state, to_state, body, at)
    SELECT id, version, %(event)s, 'pending', 'running', %(body)s, %(at)s FROM moved RETURNING job, version, seq)
UPDATE lease SET ready_at = NULL, token = line.seq, worker = %(worker)s, until = %(until)s
FROM line WHERE lease.job = line.job RETURNING line.job, line.version, line.seq"""

# What is next is found and moved in one go.  MATERIALIZED, lest the planner look for it more than once; an array, which
# it takes for ten rows: of a LIMIT that it does not know it thinks so many that it would read whole tables.
CLAIM_NEXT = b"""
WITH next AS MATERIALIZED (
    SELECT j.id, j.version FROM lease AS l JOIN job AS j ON j.id = l.job
    WHERE l.ready_at IS NOT NULL AND l.ready_at <= %(at)s ORDER BY l.ready_at, l.job LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED),
moved AS (
    UPDATE job SET state = 'running', body = %(body)s, version = job.version + 1, changed_at = %(at)s
    WHERE job.id = ANY (ARRAY(SELECT id FROM next)) RETURNING job.id, job.version),
line AS (
    INSERT INTO journal (job, version, event, from_state, to_state, body, at)
    SELECT id, version, %(event)s, 'pending', 'running', %(body)s, %(at)s FROM moved RETURNING job, version, seq)
UPDATE lease SET ready_at = NULL, token = line.seq, worker = %(worker)s, until = %(until)s
FROM line WHERE lease.job = line.job RETURNING line.job, line.version, line.seq"""

COMPLETE = b"""
WITH moved AS (
    UPDATE job SET state = 'completed', body = %(body)s, version = job.version + 1, changed_at = %(at)s
    FROM unnest(%(jobs)s::bigint[], %(versions)s::bigint[], %(tokens)s::bigint[]) AS g (id, version, token)
    WHERE job.id = g.id AND job.version = g.version
        AND EXISTS (SELECT 1 FROM lease AS l WHERE l.job = g.id AND l.token = g.token)
    RETURNING job.id, job.version),
line AS (
    INSERT INTO journal (job, version, event, from_state, to_state, body, at)
    SELECT id, version, %(event)s, 'running', 'completed', %(body)s, %(at)s FROM moved)
DELETE FROM lease WHERE job IN (SELECT id FROM moved)"""


class PostgresByHand:
    """On a connection that is set up as the store's are; psycopg prepares the statements."""

    def __init__(self, place: SchemaPlace) -> None:
        location = parse_location(place.url)
        self.connection: Any = connect(location)
        self.connection.execute(f"CREATE SCHEMA {location.schema}".encode())
        self.connection.execute(POSTGRES_TABLES)
        self.made = 0

    def enqueue(self, jobs: int) -> None:
        self.connection.execute(ENQUEUE, {"body": PENDING, "at": now(), "jobs": jobs})
        self.made += jobs

    def claim(self, limit: int) -> list[Held]:
        run, at = self.connection.execute, now()
        run(b"BEGIN")
        found = run(LOCK_NEXT, (at, limit)).fetchall()
        values = {
            "jobs": [job for job, _, _ in found],
            "versions": [version for _, version, _ in found],
            "event": ACQUIRED,
            "body": RUNNING,
            "at": at,
            "worker": WORKER,
            "until": at + LEASE,
        }
        held = [Held(job, version, token) for job, version, token in run(CLAIM, values)] if found else []
        run(b"COMMIT")
        if len(held) != len(found):
            raise RuntimeError("somebody else wrote")
        return held

    def complete(self, held: list[Held]) -> None:
        values = {
            "jobs": [one.job for one in held],
            "versions": [one.version for one in held],
            "tokens": [one.token for one in held],
            "event": SUCCEEDED,
            "body": COMPLETED,
            "at": now(),
        }
        if self.connection.execute(COMPLETE, values).rowcount != len(held):
            raise RuntimeError("somebody else has one of them")

    def check(self) -> None:
        finished, lines, leases = self.connection.execute(CHECK.encode()).fetchone()
        check_empty(finished, self.made, lines, leases)

    def close(self) -> None:
        self.connection.close()


class PostgresOneTrip(PostgresByHand):
    """The same, but a claim is one statement: it writes the same whatever it finds, and nothing has to be decided."""

    def claim(self, limit: int) -> list[Held]:
        at = now()
        values = {"limit": limit, "event": ACQUIRED, "body": RUNNING, "at": at, "worker": WORKER, "until": at + LEASE}
        return [Held(*row) for row in self.connection.execute(CLAIM_NEXT, values)]
