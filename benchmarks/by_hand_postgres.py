"""One move on PostgreSQL as a program without leverframe would write it: the other side of `postgres.py move`.

    uv run python -m benchmarks.postgres move

Its connection is set up as the store's are, and psycopg prepares its statements as it does the store's.  It writes the
same rows, which `check_same_rows` compares.  `OneTrip` knows beforehand what the state is, and lets the database check
that, so that nothing has to be read; `TwoTrips` reads first, as whoever has to decide does.
"""

from __future__ import annotations

import time
from typing import Any

from benchmarks.by_hand import BACK, FORTH, MACHINE, Step
from leverframe.persistence.postgres.location import parse_location
from leverframe.persistence.postgres.pool import connect

__all__ = ["OneTrip", "TwoTrips"]

MOVE = """
WITH moved AS (
    UPDATE snapshot SET state = %(entered)s, body = %(body)s, version = version + 1, changed_at = %(at)s
    WHERE {which} RETURNING instance, version),
line AS (
    INSERT INTO journal (instance, version, event, from_state, to_state, body, at, recorded_at)
    SELECT instance, version, %(event)s, %(left)s, %(entered)s, %(body)s, %(at)s, %(at)s FROM moved RETURNING seq),
counted AS (
    INSERT INTO count_change (machine, state, type_name, number)
    SELECT %(machine)s, c.state, c.type_name, c.number
    FROM moved, (VALUES (%(left)s, '', -1), (%(entered)s, %(type_name)s, 1)) AS c (state, type_name, number))
SELECT seq FROM line"""

MOVE_BY_STATE = MOVE.format(
    which="tenant = '' AND machine = %(machine)s AND key = %(key)s AND state = %(left)s"
).encode()

READ = (
    b"SELECT instance, state, body, version FROM snapshot WHERE tenant = '' AND machine = %(machine)s AND key = %(key)s"
)

MOVE_BY_VERSION = MOVE.format(which="instance = %(instance)s AND version = %(version)s").encode()

JOURNAL = b"""
SELECT j.version, j.event, j.from_state, j.to_state, j.body, s.state, s.body, s.version
FROM journal AS j JOIN snapshot AS s USING (instance) WHERE machine = %s AND key = %s ORDER BY j.version"""


class OneTrip:
    """Moves one story, which is there and being coded, to QA and back, with one statement each."""

    def __init__(self, url: str, key: str) -> None:
        self.connection = connect(parse_location(url))
        self.key = key

    def send(self, number: int) -> None:
        """Even numbers go forth, odd ones back."""
        step = BACK if number % 2 else FORTH
        if self.connection.execute(MOVE_BY_STATE, self.values(step)).fetchone() is None:
            raise RuntimeError("somebody else wrote")

    def values(self, step: Step) -> dict[str, Any]:
        return {
            "machine": MACHINE,
            "key": self.key,
            "event": step.event,
            "left": step.left,
            "entered": step.entered,
            "type_name": step.type_name,
            "body": step.body,
            "at": time.time_ns() // 1000,
        }

    def check_same_rows(self, other_key: str) -> None:
        """Raise unless this story's rows read as the other's do."""
        mine, others = (self.connection.execute(JOURNAL, (MACHINE, key)).fetchall() for key in (self.key, other_key))
        if mine != others:
            raise RuntimeError("the rows by hand are not those of the store")

    def close(self) -> None:
        self.connection.close()


class TwoTrips(OneTrip):
    """The same, but reads the row first, and writes it if it is still at that version."""

    def send(self, number: int) -> None:
        step = BACK if number % 2 else FORTH
        values = self.values(step)
        row = self.connection.execute(READ, values).fetchone()
        if row is None or row[1] != step.left:
            raise RuntimeError("somebody else wrote")
        values |= {"instance": row[0], "version": row[3]}
        if self.connection.execute(MOVE_BY_VERSION, values).fetchone() is None:
            raise RuntimeError("somebody else wrote")
