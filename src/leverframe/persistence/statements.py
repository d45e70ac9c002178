"""What is said to a database: every statement of the store, in the SQL that SQLite and PostgreSQL both speak.

They are written as SQLite takes them.  Where PostgreSQL needs something more there is a hole with a name, a comment
to SQLite: `/*clock*/`.  `Dialect.spell` fills the holes, and writes parameters as the driver wants them.  What differs
as a whole is an attribute of `Dialect`.  Statements that depend on a `Query` are put together from the parts here by
`finding.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from attrs import field, frozen

__all__ = ["SQLITE", "Dialect"]


@frozen(eq=False)
class Dialect:
    """What the two databases spell differently.

    Attributes: `by_key`, what follows `snapshot` where only the index on keys may be used, and `by_number` where only
    that on instances may; `count`, how many instances
    of a machine are in each state (parameters: tenant, machine); `newest_of_each`, the newest `limit` instances of each
    state of a machine (parameters: limit, tenant, machine, limit), which one of them can only say with LATERAL and the
    other only without; `applied`, which migrations were made; `numbers`, the highest numbers ever given to an instance,
    a line of the journal and a message; `parameter`, how a parameter is written; `holes`, what goes into each hole.
    """

    by_key: str
    count: str
    newest_of_each: str
    applied: str
    numbers: str
    by_number: str = ""
    parameter: str = "?"
    holes: Mapping[str, str] = field(factory=dict[str, str])

    @cache  # noqa: B019  # there are two dialects, and they last as long as the program
    def spell(self, statement: str) -> str:
        """The statement as this database's driver takes it."""
        for name, text in self.holes.items():
            statement = statement.replace(f"/*{name}*/", text)
        return statement if self.parameter == "?" else statement.replace("?", self.parameter)


# ---------------------------------------------------------------- reading

SNAPSHOT_COLUMNS = "s.instance, s.key, s.state, s.body, s.version, s.created_at, s.changed_at"
SNAPSHOT_WIDTH = len(SNAPSHOT_COLUMNS.split(","))
NEWEST_FIRST = "ORDER BY s.changed_at DESC, s.instance DESC"

LOAD = f"""
SELECT {SNAPSHOT_COLUMNS}, l.number /*clock*/
FROM snapshot AS s LEFT JOIN lookup_declaration AS l ON l.machine = s.machine
WHERE s.tenant = ? AND s.machine = ? AND s.key = ? /*held*/"""

LOAD_WITH_DELIVERY = f"""
SELECT {SNAPSHOT_COLUMNS}, l.number, d.instance, d.seq, d.refusal /*clock*/
FROM snapshot AS s LEFT JOIN lookup_declaration AS l ON l.machine = s.machine
LEFT JOIN delivery AS d ON d.instance = s.instance AND d.delivery_id = ?
WHERE s.tenant = ? AND s.machine = ? AND s.key = ? /*held*/"""

# Of all tenants: look-ups are declared for the whole database.
INSTANCES = f"""
SELECT {SNAPSHOT_COLUMNS} FROM snapshot AS s WHERE s.machine = ? AND s.instance > ? ORDER BY s.instance LIMIT ?"""

DECLARATION = "SELECT number, declared FROM lookup_declaration WHERE machine = ?"

# Asked line by line, and not joined: a database that joins may read all notes for a few lines.
NOTED = "(SELECT n.{column} FROM note AS n WHERE n.instance = j.instance AND n.version = j.version)"

JOURNAL_COLUMNS = f"""j.seq, j.version, j.event, j.from_state, j.to_state, j.body, j.at,
    {NOTED.format(column="by")}, {NOTED.format(column="why")}"""

JOURNAL_SELECT = f"SELECT {JOURNAL_COLUMNS} FROM journal AS j"

JOURNAL_FROM = f"{JOURNAL_SELECT} WHERE j.instance = ? AND j.version >= ? ORDER BY j.version"

JOURNAL_BETWEEN = f"{JOURNAL_SELECT} WHERE j.instance = ? AND j.version >= ? AND j.version <= ? ORDER BY j.version"

JOURNAL_AT = f"{JOURNAL_SELECT} WHERE j.instance = ? AND j.at <= ? ORDER BY j.version DESC LIMIT 1"

JOURNAL_LINE = f"{JOURNAL_SELECT} WHERE j.seq = ?"

# CROSS JOIN, because SQLite then keeps the order in which the tables are written: messages first.
MESSAGES_SELECT = """
SELECT m.position, s.machine, s.key, m.version, m.topic, m.kind, m.correlation_id, m.body, m.at
FROM message AS m CROSS JOIN snapshot AS s WHERE s.instance = m.instance"""

MESSAGES = f"{MESSAGES_SELECT} AND m.tenant = ? AND m.position > ? /*readable*/ ORDER BY m.position LIMIT ?"

MESSAGES_OF_TOPIC = f"""
{MESSAGES_SELECT} AND m.tenant = ? AND m.topic = ? AND m.position > ? /*readable*/ ORDER BY m.position LIMIT ?"""

CURSOR = "SELECT position FROM cursor WHERE tenant = ? AND name = ?"

# ---------------------------------------------------------------- writing

CREATE_SNAPSHOT = """
INSERT INTO snapshot (tenant, machine, key, state, body, version, created_at, changed_at)
VALUES (?, ?, ?, ?, ?, 1, ?, ?)
ON CONFLICT (tenant, machine, key) DO NOTHING RETURNING instance"""

MOVE_SNAPSHOT = """
UPDATE snapshot SET state = ?, body = ?, version = version + 1, changed_at = ? WHERE instance = ? AND version = ?"""

MOVE_SNAPSHOT_UNLESS_SETTLED = f"""{MOVE_SNAPSHOT}
AND NOT EXISTS (SELECT 1 FROM delivery AS d WHERE d.instance = snapshot.instance AND d.delivery_id = ?)"""

ADD_JOURNAL = """
INSERT INTO journal (tenant, instance, version, event, from_state, to_state, body, at, recorded_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"""

CHANGE_COUNT = """
INSERT INTO state_count (tenant, machine, state, type_name, number) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (tenant, machine, state) DO UPDATE SET number = state_count.number + excluded.number"""

REMOVE_LOOKUPS = "DELETE FROM lookup WHERE instance = ?"

ADD_LOOKUP = """
INSERT INTO lookup (tenant, instance, field, machine, value, is_unique) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (tenant, machine, field, value) WHERE is_unique = 1 DO NOTHING"""

# To an instance of whatever tenant.
ADD_LOOKUP_LATER = """
INSERT INTO lookup (tenant, instance, field, machine, value, is_unique)
SELECT s.tenant, s.instance, ?, ?, ?, ? FROM snapshot AS s WHERE s.instance = ?
ON CONFLICT (tenant, machine, field, value) WHERE is_unique = 1 DO NOTHING"""

REMOVE_LOOKUPS_OF_MACHINE = "DELETE FROM lookup WHERE machine = ?"

DECLARE = """
INSERT INTO lookup_declaration (machine, number, declared) VALUES (?, 1, ?)
ON CONFLICT (machine) DO UPDATE SET number = lookup_declaration.number + 1, declared = excluded.declared
RETURNING number"""

ADD_MESSAGE = """
INSERT INTO message (tenant, instance, version, topic, kind, correlation_id, body, at, recorded_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"""

SETTLE_AS_MOVED = "INSERT INTO delivery (tenant, instance, delivery_id, seq, recorded_at) VALUES (?, ?, ?, ?, ?)"

SETTLE_AS_REFUSED = """
INSERT INTO delivery (tenant, instance, delivery_id, refusal, recorded_at)
SELECT s.tenant, s.instance, ?, ?, ? FROM snapshot AS s WHERE s.instance = ? AND s.version = ? /*kept*/
ON CONFLICT (instance, delivery_id) DO NOTHING"""

SAVE_CURSOR = """
INSERT INTO cursor (tenant, name, position) VALUES (?, ?, ?)
ON CONFLICT (tenant, name) DO UPDATE SET position = excluded.position"""

SAVEPOINT = "SAVEPOINT part"

ROLL_BACK_TO_SAVEPOINT = "ROLLBACK TO SAVEPOINT part"

RELEASE_SAVEPOINT = "RELEASE SAVEPOINT part"

MARK = "SAVEPOINT call"

ROLL_BACK_TO_MARK = "ROLLBACK TO SAVEPOINT call"

RELEASE_MARK = "RELEASE SAVEPOINT call"

# ---------------------------------------------------------------- dialects

SQLITE = Dialect(
    by_key=" INDEXED BY snapshot_key",
    by_number=" NOT INDEXED",
    count="SELECT state, type_name, number FROM state_count WHERE tenant = ? AND machine = ? ORDER BY state",
    newest_of_each=f"""
SELECT {SNAPSHOT_COLUMNS} FROM state_count AS c CROSS JOIN snapshot AS s ON s.instance IN (
    SELECT n.instance FROM snapshot AS n
    WHERE n.tenant = c.tenant AND n.machine = c.machine AND n.state = c.state
    ORDER BY n.changed_at DESC, n.instance DESC LIMIT ?)
WHERE c.tenant = ? AND c.machine = ? {NEWEST_FIRST} LIMIT ?""",
    applied="SELECT name FROM _sqlite_migrations WHERE migration_set = 'leverframe' ORDER BY name",
    numbers="""
SELECT coalesce((SELECT max(instance) FROM snapshot), 0),
    coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'journal'), 0),
    coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'message'), 0)""",
)
