"""Many moves as one statement: what is the same for all is said once, and each column of the rest is one array.

It takes moves of different instances of one machine that change neither look-ups nor messages; whatever else a move
brings along is said move by move.  The arrays are spelled here: as lists they take psycopg longer than the server takes
for the moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from leverframe.persistence.effects import Grant, Leave, Stand
from leverframe.persistence.leasing import INTO_LEASE
from leverframe.persistence.rows import Move

__all__ = ["MOVE_BOTH", "MOVE_MANY", "are_alike", "many_values"]

NUMBER, TEXT = "bigint", "text"

MOVE_COLUMNS = {
    "instance": NUMBER,
    "seen": NUMBER,
    "from_state": TEXT,
    "to_state": TEXT,
    "type_name": TEXT,
    "body": TEXT,
    "event": TEXT,
    "at": NUMBER,
    "recorded_at": NUMBER,
}

STAND_COLUMNS = {"ready_at": NUMBER, "priority": NUMBER, "subject": TEXT, "serial": TEXT, "scope": TEXT}

GRANT_COLUMNS = {
    "worker": TEXT,
    "expires_at": NUMBER,
    "host": TEXT,
    "process_id": NUMBER,
    "process_start": NUMBER,
}

FATES = {"stands": "boolean", "leaves": "boolean"}

COLUMNS = {**MOVE_COLUMNS, **STAND_COLUMNS, **GRANT_COLUMNS, **FATES}

PARAMETERS = {name: f"{name}_of_each" for name in COLUMNS}

ARRAYS = ", ".join(f"%({PARAMETERS[name]})s::{kind}[]" for name, kind in COLUMNS.items())

GIVEN = f"""
WITH given AS (
    SELECT * FROM unnest({ARRAYS}) WITH ORDINALITY AS g ({", ".join(COLUMNS)}, ordinal))"""

MOVED = """,
{name} AS (
    UPDATE snapshot AS s SET state = g.to_state, body = g.body, version = s.version + 1, changed_at = g.at
    FROM given AS g
    WHERE s.instance = g.instance AND s.version = g.seen
        AND (SELECT number FROM lookup_declaration WHERE machine = %(machine)s) IS NOT DISTINCT FROM %(declaration)s
        {which}
    RETURNING s.tenant, s.version, g.*)"""

# No join but a full one is never done by comparing each row with each, which is what a planner chooses who expects few.
# Nobody else changes who stands there before the snapshot is free again; a row that is there is changed in place, which
# takes half of what it takes to find that it cannot be inserted.
BESIDE = f""",
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
standing AS (
    SELECT m.*, line.seq, CASE WHEN m.worker IS NOT NULL THEN m.recorded_at END AS claimed_at
    FROM moved AS m FULL JOIN line ON line.instance = m.instance WHERE coalesce(m.stands, FALSE)),
kept AS (
    UPDATE lease AS l SET version = m.version,
        ready_at = CASE WHEN m.ready_at <= m.recorded_at THEN l.age ELSE m.ready_at END,
        priority = m.priority, subject = m.subject, serial = m.serial, scope = m.scope,
        token = CASE WHEN m.worker IS NOT NULL THEN m.seq END, worker = m.worker, claimed_at = m.claimed_at,
        heartbeat_at = m.claimed_at, expires_at = m.expires_at, host = m.host, process_id = m.process_id,
        process_start = m.process_start
    FROM standing AS m WHERE l.instance = m.instance
    RETURNING l.instance),
stood AS ({INTO_LEASE}
    SELECT m.instance, m.tenant, %(machine)s, m.version, m.recorded_at, m.ready_at, m.priority, m.subject, m.serial,
        m.scope, CASE WHEN m.worker IS NOT NULL THEN m.seq END, m.worker, m.claimed_at, m.claimed_at,
        m.expires_at, m.host, m.process_id, m.process_start
    FROM standing AS m WHERE m.instance NOT IN (SELECT instance FROM kept)),
departed AS (
    DELETE FROM lease WHERE instance IN (SELECT instance FROM moved WHERE leaves))
SELECT instance, seq FROM line"""

MOVE_MANY = GIVEN + MOVED.format(name="moved", which="") + BESIDE

# A statement sees the rows as they were before it: two updates of it may not be of one row, and these never are.
MOVE_BOTH = (
    GIVEN
    + MOVED.format(name="first", which="AND g.ordinal = 1")
    + MOVED.format(name="second", which="AND g.ordinal = 2 AND EXISTS (SELECT 1 FROM first)")
    + ",\nmoved AS (SELECT * FROM first UNION ALL SELECT * FROM second)"
    + BESIDE
)
"""The second move holds only if the first one does."""


def are_alike(moves: Sequence[Move]) -> bool:
    """Whether these can be one statement."""
    first = moves[0]
    return len({move.instance for move in moves}) == len(moves) and all(is_plain(move, first.machine) for move in moves)


def is_plain(move: Move, machine: str) -> bool:
    apart = move.messages or move.lookups is not None or move.delivery_id is not None or move.machine != machine
    return not apart and PLAIN.issuperset([type(effect) for effect in move.effects])


PLAIN = frozenset((Stand, Leave))


def many_values(moves: Sequence[Move]) -> dict[str, Any]:
    """The values of `MOVE_MANY`."""
    columns = zip(*[row_of(move) for move in moves], strict=True)
    values: dict[str, Any] = {
        parameter: spell(column, quoted) for (parameter, quoted), column in zip(KINDS, columns, strict=True)
    }
    values["machine"], values["declaration"] = moves[0].machine, moves[0].declaration
    return values


# ---------------------------------------------------------------- one row

move_columns = attrgetter(*MOVE_COLUMNS)
stand_columns = attrgetter(*STAND_COLUMNS)
grant_columns = attrgetter(*GRANT_COLUMNS)

NO_GRANT = (None, *grant_columns(Grant("", None))[1:])
NO_STAND = ((None,) * len(STAND_COLUMNS), NO_GRANT)

STANDS, LEAVES, STAYS = (True, False), (False, True), (False, False)


def row_of(move: Move) -> tuple[Any, ...]:
    (stand, grant), fate = NO_STAND, STAYS
    for effect in move.effects:
        if isinstance(effect, Stand):
            stand, fate = stand_columns(effect), STANDS
            grant = NO_GRANT if effect.grant is None else grant_columns(effect.grant)
        else:
            fate = LEAVES
    return (*move_columns(move), *stand, *grant, *fate)


# ---------------------------------------------------------------- arrays


def spell(column: Sequence[Any], quoted: bool) -> str:
    """An array of texts, of numbers or of truth values."""
    first = column[0]
    if column.count(first) == len(column):
        # Most say the same for all.
        return f"{{{','.join([spell_one(first, quoted)] * len(column))}}}"
    return f"{{{','.join([spell_one(value, quoted) for value in column])}}}"


def spell_one(value: Any, quoted: bool) -> str:
    if value is None:
        return "NULL"
    if not quoted:
        return str(value)
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


KINDS = tuple((PARAMETERS[name], kind == TEXT) for name, kind in COLUMNS.items())
