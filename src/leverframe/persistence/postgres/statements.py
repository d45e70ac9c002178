"""What only PostgreSQL is told: the holes of the common catalogue, and a whole move as one statement.

Counts are kept as changes, appended with each move and added up by whoever comes by (`FOLD_COUNTS`): two moves that
would change one row of counts would wait for each other.  Messages are numbered by their transaction, and read only
once no older transaction can still commit: a sequence's numbers are not committed in their order.
"""

from __future__ import annotations

from functools import cache

from leverframe.persistence.leasing import INTO_LEASE, STANDS_ANEW
from leverframe.persistence.statements import NEWEST_FIRST, SNAPSHOT_COLUMNS, Dialect

__all__ = [
    "FOLD_COUNTS",
    "HELD",
    "HOLD",
    "HOLD_ALL",
    "HOLD_GRAPH",
    "HOLD_MISSING",
    "LOCKS",
    "MISSING",
    "NOW",
    "ORDINAL_BITS",
    "POSTGRES",
    "create_statement",
    "move_statement",
    "taken_statement",
]

CLOCK = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"

ORDINAL_BITS = 20
"""Of a message's position: so many messages a transaction may have, as a power of two."""

OLDEST_RUNNING = "pg_snapshot_xmin(pg_current_snapshot())::text::bigint"

HELD = "FOR NO KEY UPDATE OF s"

# What is added to a statement inside of a transaction.
LOCKS = {
    "/*held*/": HELD,
    "/*skipping*/": f"{HELD} SKIP LOCKED",
    "/*leased*/": "FOR UPDATE OF l",
    "/*skipping leased*/": "FOR UPDATE OF l SKIP LOCKED",
    "/*shared*/": "FOR SHARE OF s",
    "/*skipping shared*/": "FOR SHARE OF s SKIP LOCKED",
}

# The class that a state had when it was first entered; a move out of it names none.
FIRST_NAME = "coalesce((array_agg(c.type_name ORDER BY c.id) FILTER (WHERE c.type_name <> ''))[1], '')"

# Inside of it the name means the table, behind it the sums.
SUMMED_COUNTS = f"""
WITH state_count AS (
    SELECT tenant, machine, state, {FIRST_NAME} AS type_name, sum(number)::bigint AS number FROM (
        SELECT 0 AS id, tenant, machine, state, type_name, number FROM state_count
        UNION ALL SELECT id, tenant, machine, state, type_name, number FROM count_change
    ) AS c GROUP BY tenant, machine, state)"""

POSTGRES = Dialect(
    by_key="",
    count=f"""
WITH asked AS (SELECT ?::text AS tenant, ?::text AS machine)
SELECT c.state, {FIRST_NAME}, sum(c.number)::bigint FROM (
    SELECT 0 AS id, k.state, k.type_name, k.number FROM state_count AS k, asked
    WHERE k.tenant = asked.tenant AND k.machine = asked.machine
    UNION ALL
    SELECT k.id, k.state, k.type_name, k.number FROM count_change AS k, asked
    WHERE k.tenant = asked.tenant AND k.machine = asked.machine
) AS c GROUP BY c.state ORDER BY c.state""",
    newest_of_each=f"""
WITH asked AS (SELECT ?::bigint AS most, ?::text AS tenant, ?::text AS machine)
SELECT {SNAPSHOT_COLUMNS} FROM asked CROSS JOIN (
    SELECT k.state FROM state_count AS k, asked WHERE k.tenant = asked.tenant AND k.machine = asked.machine
    UNION
    SELECT k.state FROM count_change AS k, asked WHERE k.tenant = asked.tenant AND k.machine = asked.machine
) AS c CROSS JOIN LATERAL (
    SELECT * FROM snapshot AS n WHERE n.tenant = asked.tenant AND n.machine = asked.machine AND n.state = c.state
    ORDER BY n.changed_at DESC, n.instance DESC LIMIT asked.most
) AS s {NEWEST_FIRST} LIMIT ?""",
    applied="SELECT name FROM migration ORDER BY name",
    numbers=f"""
SELECT coalesce(pg_sequence_last_value(pg_get_serial_sequence('snapshot', 'instance')::regclass), 0),
    coalesce(pg_sequence_last_value(pg_get_serial_sequence('journal', 'seq')::regclass), 0),
    (pg_snapshot_xmax(pg_current_snapshot())::text::bigint + shift) << {ORDINAL_BITS} FROM numbering""",
    parameter="%s",
    holes={
        "clock": f", {CLOCK}",
        # A query of its own, so that it is asked once.
        "clock_once": f", (SELECT {CLOCK})",
        # Nobody can delete the instance from then on, and others can still move it.
        "kept": "FOR KEY SHARE OF s",
        "taken": "FOR UPDATE",
        # What a transaction under way is about to acknowledge is nobody else's business.
        "unheld": "FOR UPDATE SKIP LOCKED",
        # A query of its own, so that it is asked once, and an index can be used.
        "now(": "(SELECT coalesce(",
        ")now": f"::bigint, {CLOCK}))",
        "summed": f"{SUMMED_COUNTS} ",
        "readable": f"AND m.position < (({OLDEST_RUNNING} + (SELECT shift FROM numbering)) << {ORDINAL_BITS})",
    },
)

NOW = f"SELECT {CLOCK}"

HOLD = """
SELECT 1 FROM snapshot WHERE tenant = %s AND machine = %s AND key = ANY(%s) ORDER BY key FOR NO KEY UPDATE"""

# Rows that are not there cannot be held: who is about to make some holds one of so many locks for each, which are few,
# however many keys there are, and takes them before any row.
MISSING = """
SELECT DISTINCT hashtext(%s || k.key) & 63 AS number FROM unnest(%s::text[]) AS k (key)
WHERE NOT EXISTS (SELECT 1 FROM snapshot AS s WHERE s.tenant = %s AND s.machine = %s AND s.key = k.key)
ORDER BY number"""

HOLD_MISSING = "SELECT pg_advisory_xact_lock('snapshot'::regclass::oid::int, m) FROM unnest(%s::int[]) AS m"

# One of so many locks for the dependencies of a tenant's machine.
HOLD_GRAPH = "SELECT pg_advisory_xact_lock('dependency'::regclass::oid::int, hashtext(%s))"

# Waits for all who write, and keeps others from it, but for those who read.
HOLD_ALL = "LOCK TABLE snapshot IN SHARE ROW EXCLUSIVE MODE"

FOLD_COUNTS = f"""
WITH folded AS (
    DELETE FROM count_change WHERE id IN (
        SELECT id FROM count_change WHERE (SELECT pg_try_advisory_xact_lock('count_change'::regclass::bigint))
        ORDER BY id LIMIT 20000 FOR UPDATE SKIP LOCKED)
    RETURNING id, tenant, machine, state, type_name, number)
INSERT INTO state_count AS c (tenant, machine, state, type_name, number)
SELECT tenant, machine, state, {FIRST_NAME}, sum(number) FROM folded AS c
GROUP BY tenant, machine, state ORDER BY tenant, machine, state
ON CONFLICT (tenant, machine, state) DO UPDATE SET number = c.number + excluded.number,
    type_name = CASE WHEN c.type_name = '' THEN excluded.type_name ELSE c.type_name END"""

# ---------------------------------------------------------------- a move

SAME_DECLARATION = """
(SELECT number FROM lookup_declaration WHERE machine = %(machine)s) IS NOT DISTINCT FROM %(declaration)s"""

MOVED = f"""
WITH moved AS (
    UPDATE snapshot SET state = %(to_state)s, body = %(body)s, version = version + 1, changed_at = %(at)s
    WHERE instance = %(instance)s AND version = %(seen)s AND {SAME_DECLARATION}{{settled}}
    RETURNING tenant, instance, version),
line AS (
    INSERT INTO journal (tenant, instance, version, event, from_state, to_state, body, at, recorded_at)
    SELECT tenant, instance, version, %(event)s, %(from_state)s, %(to_state)s, %(body)s, %(at)s, %(recorded_at)s
    FROM moved
    RETURNING seq)"""

NOT_SETTLED = """
    AND NOT EXISTS (
        SELECT 1 FROM delivery AS d WHERE d.instance = snapshot.instance AND d.delivery_id = %(delivery_id)s)"""

SETTLED = """,
settled AS (
    INSERT INTO delivery (tenant, instance, delivery_id, seq, recorded_at)
    SELECT moved.tenant, moved.instance, %(delivery_id)s, line.seq, %(recorded_at)s FROM moved, line)"""

# The two counts in one order, whoever moves: nobody waits, for nothing is changed in place.
COUNTED = """,
counted AS (
    INSERT INTO count_change (tenant, machine, state, type_name, number)
    SELECT moved.tenant, %(machine)s, c.state, c.type_name, c.number
    FROM moved, (VALUES (%(from_state)s, '', -1), (%(to_state)s, %(type_name)s, 1)) AS c (state, type_name, number))"""

# A statement sees the rows as they were before it: a field that stays is changed in place, not removed and added.
LOOKED_UP = """,
forgotten AS (
    DELETE FROM lookup WHERE instance IN (SELECT instance FROM moved) AND field <> ALL(%(fields)s::text[])),
looked_up AS (
    INSERT INTO lookup (tenant, instance, field, machine, value, is_unique)
    SELECT moved.tenant, moved.instance, l.field, %(machine)s, l.value, l.is_unique
    FROM moved, unnest(%(fields)s::text[], %(values)s::text[], %(uniques)s::int[]) AS l (field, value, is_unique)
    ON CONFLICT (instance, field) DO UPDATE SET value = excluded.value, is_unique = excluded.is_unique)"""

TOLD = f""",
told AS (
    INSERT INTO message (tenant, position, instance, version, topic, kind, correlation_id, body, at, recorded_at)
    SELECT moved.tenant, ((pg_current_xact_id()::text::bigint + (SELECT shift FROM numbering)) << {ORDINAL_BITS})
            + %(told_before)s + m.number,
        moved.instance, moved.version, m.topic, m.kind, m.correlation_id, m.body, %(at)s, %(recorded_at)s
    FROM moved, unnest(%(topics)s::text[], %(kinds)s::text[], %(correlation_ids)s::text[], %(bodies)s::text[])
        WITH ORDINALITY AS m (topic, kind, correlation_id, body, number))"""


# The token is the number of the line.
STOOD = f""",
stood AS ({INTO_LEASE}
    SELECT moved.instance, %(tenant)s, %(machine)s, moved.version, %(recorded_at)s, %(ready_at)s, %(priority)s,
        %(subject)s, %(serial)s, %(scope)s, CASE WHEN %(worker)s::text IS NULL THEN NULL ELSE line.seq END,
        %(worker)s, %(claimed_at)s, %(claimed_at)s, %(expires_at)s, %(host)s, %(process_id)s, %(process_start)s
    FROM moved, line{STANDS_ANEW})"""

LEFT = """,
departed AS (DELETE FROM lease WHERE instance IN (SELECT instance FROM moved))"""

NOTED = """,
noted AS (
    INSERT INTO note (instance, version, tenant, by, why)
    SELECT instance, version, tenant, %(by)s, %(why)s FROM moved)"""


@cache
def move_statement(
    *,
    settles: bool,
    changes_state: bool,
    changes_lookups: bool,
    tells: bool,
    stands: bool = False,
    leaves: bool = False,
    is_noted: bool = False,
) -> str:
    """A move and all that belongs to it; gives its `seq`, or no row if it does not hold."""
    text = MOVED.format(settled=NOT_SETTLED if settles else "")
    text += SETTLED if settles else ""
    text += COUNTED if changes_state else ""
    text += LOOKED_UP if changes_lookups else ""
    text += TOLD if tells else ""
    text += STOOD if stands else ""
    text += LEFT if leaves else ""
    text += NOTED if is_noted else ""
    return f"{text}\nSELECT seq FROM line"


# ---------------------------------------------------------------- a creation

MADE = f"""
WITH moved AS (
    INSERT INTO snapshot (tenant, machine, key, state, body, version, created_at, changed_at)
    SELECT %(tenant)s, %(machine)s, %(key)s, %(state)s, %(body)s, 1, %(at)s, %(at)s WHERE {SAME_DECLARATION}
    ON CONFLICT (tenant, machine, key) DO NOTHING RETURNING tenant, instance, version),
line AS (
    INSERT INTO journal (tenant, instance, version, to_state, body, at, recorded_at)
    SELECT tenant, instance, version, %(state)s, %(body)s, %(at)s, %(recorded_at)s FROM moved
    RETURNING instance, seq),
counted AS (
    INSERT INTO count_change (tenant, machine, state, type_name, number)
    SELECT tenant, %(machine)s, %(state)s, %(type_name)s, 1 FROM moved)"""


@cache
def create_statement(*, has_lookups: bool, tells: bool) -> str:
    """A new instance; gives its number and `seq`, or no row if the key is taken."""
    return f"{MADE}{LOOKED_UP if has_lookups else ''}{TOLD if tells else ''}\nSELECT instance, seq FROM line"


def taken_statement() -> str:
    """Which of these unique values another instance has."""
    return """
SELECT l.field, l.value FROM lookup AS l
JOIN unnest(%(fields)s::text[], %(values)s::text[], %(uniques)s::int[]) AS n (field, value, is_unique)
    ON l.field = n.field AND l.value = n.value AND n.is_unique = 1
WHERE l.tenant = %(tenant)s AND l.machine = %(machine)s AND l.is_unique = 1 AND l.instance <> %(instance)s LIMIT 1"""
