"""Many moves as one statement: what is the same for all is said once, and the rest goes as rows in JSON.

It takes moves of different instances of one machine that change neither look-ups nor messages; whatever else a move
brings along is said move by move.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from leverframe.persistence.backend import Move
from leverframe.persistence.effects import Leave, Stand
from leverframe.persistence.postgres.rows import lease_values

__all__ = ["MOVE_MANY", "are_alike", "many_values"]

MOVE_COLUMNS = {
    "instance": "bigint",
    "seen": "bigint",
    "from_state": "text",
    "to_state": "text",
    "type_name": "text",
    "body": "text",
    "event": "text",
    "at": "bigint",
    "recorded_at": "bigint",
}

LEASE_COLUMNS = {
    "ready_at": "bigint",
    "priority": "bigint",
    "subject": "text",
    "serial": "text",
    "scope": "text",
    "worker": "text",
    "claimed_at": "bigint",
    "expires_at": "bigint",
    "host": "text",
    "process_id": "bigint",
    "process_start": "bigint",
}

OTHERS = {"stands": "bool", "leaves": "bool"}

COLUMNS = {**MOVE_COLUMNS, **LEASE_COLUMNS, **OTHERS}

TYPES = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())

MOVE_MANY = f"""
WITH given AS (
    SELECT * FROM json_to_recordset(%(rows)s::text::json) AS g ({TYPES})),
moved AS (
    UPDATE snapshot AS s SET state = g.to_state, body = g.body, version = s.version + 1, changed_at = g.at
    FROM given AS g
    WHERE s.instance = g.instance AND s.version = g.seen
        AND (SELECT number FROM lookup_declaration WHERE machine = %(machine)s) IS NOT DISTINCT FROM %(declaration)s
    RETURNING s.tenant, s.version, g.*),
line AS (
    INSERT INTO journal (tenant, instance, version, event, from_state, to_state, body, at, recorded_at)
    SELECT tenant, instance, version, event, from_state, to_state, body, at, recorded_at FROM moved
    RETURNING seq, instance),
counted AS (
    INSERT INTO count_change (tenant, machine, state, type_name, number)
    SELECT m.tenant, %(machine)s, c.state, max(c.type_name), sum(c.number)
    FROM moved AS m,
        LATERAL (VALUES (m.from_state, '', -1), (m.to_state, m.type_name, 1)) AS c (state, type_name, number)
    WHERE m.from_state <> m.to_state GROUP BY m.tenant, c.state),
stood AS (
    INSERT INTO lease (instance, tenant, machine, version, age, ready_at, priority, subject, serial, scope,
        token, worker, claimed_at, heartbeat_at, expires_at, host, process_id, process_start)
    SELECT m.instance, m.tenant, %(machine)s, m.version, m.recorded_at, m.ready_at, m.priority, m.subject, m.serial,
        m.scope, CASE WHEN m.worker IS NOT NULL THEN line.seq END, m.worker, m.claimed_at, m.claimed_at, m.expires_at,
        m.host, m.process_id, m.process_start
    FROM moved AS m JOIN line ON line.instance = m.instance WHERE m.stands
    ON CONFLICT (instance) DO UPDATE SET version = excluded.version,
        ready_at = CASE WHEN excluded.ready_at <= excluded.age THEN lease.age ELSE excluded.ready_at END,
        priority = excluded.priority, subject = excluded.subject, serial = excluded.serial, scope = excluded.scope,
        token = excluded.token, worker = excluded.worker, claimed_at = excluded.claimed_at,
        heartbeat_at = excluded.heartbeat_at, expires_at = excluded.expires_at, host = excluded.host,
        process_id = excluded.process_id, process_start = excluded.process_start),
departed AS (
    DELETE FROM lease WHERE instance IN (SELECT instance FROM moved WHERE leaves))
SELECT instance, seq FROM line"""


def are_alike(moves: Sequence[Move]) -> bool:
    """Whether these can be one statement."""
    first = moves[0]
    return len({move.instance for move in moves}) == len(moves) and all(is_plain(move, first.machine) for move in moves)


def is_plain(move: Move, machine: str) -> bool:
    apart = move.messages or move.lookups is not None or move.delivery_id is not None or move.machine != machine
    return not apart and all(isinstance(effect, Stand | Leave) for effect in move.effects)


def many_values(moves: Sequence[Move], tenant: str) -> dict[str, Any]:
    """The values of `MOVE_MANY`."""
    rows = json.dumps([row_of(move, tenant) for move in moves])
    return {"rows": rows, "machine": moves[0].machine, "declaration": moves[0].declaration}


def row_of(move: Move, tenant: str) -> dict[str, Any]:
    row: dict[str, Any] = {name: getattr(move, name) for name in MOVE_COLUMNS}
    for effect in move.effects:
        if isinstance(effect, Stand):
            row |= lease_values(effect, move.recorded_at, tenant)
    return row | {"stands": "priority" in row, "leaves": any(isinstance(each, Leave) for each in move.effects)}
