"""Which tables does a leverframe file have, and how did it come by them, step by step?

A step that was published is never changed; a change of the schema is a new step at the end.  This is data
only: `schema.py` hands it to sqlite-utils.
"""

from __future__ import annotations

from leverframe.persistence.migration import Migration

__all__ = ["MIGRATIONS"]

SNAPSHOT = """
CREATE TABLE snapshot (
    instance INTEGER PRIMARY KEY,
    machine TEXT NOT NULL,
    key TEXT NOT NULL,
    state TEXT NOT NULL,
    body TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT"""

JOURNAL = """
CREATE TABLE journal (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    instance INTEGER NOT NULL,
    version INTEGER NOT NULL,
    event TEXT,
    from_state TEXT,
    to_state TEXT NOT NULL,
    body TEXT NOT NULL,
    at INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL
) STRICT"""

STATE_COUNT = """
CREATE TABLE state_count (
    machine TEXT NOT NULL,
    state TEXT NOT NULL,
    type_name TEXT NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (machine, state)
) STRICT, WITHOUT ROWID"""

LOOKUP = """
CREATE TABLE lookup (
    instance INTEGER NOT NULL,
    field TEXT NOT NULL,
    machine TEXT NOT NULL,
    value TEXT NOT NULL,
    is_unique INTEGER NOT NULL CHECK (is_unique IN (0, 1)),
    PRIMARY KEY (instance, field)
) STRICT, WITHOUT ROWID"""

LOOKUP_DECLARATION = """
CREATE TABLE lookup_declaration (
    machine TEXT NOT NULL PRIMARY KEY,
    number INTEGER NOT NULL,
    declared TEXT NOT NULL
) STRICT, WITHOUT ROWID"""

DELIVERY = """
CREATE TABLE delivery (
    instance INTEGER NOT NULL,
    delivery_id TEXT NOT NULL,
    seq INTEGER,
    refusal TEXT,
    recorded_at INTEGER NOT NULL,
    PRIMARY KEY (instance, delivery_id)
) STRICT, WITHOUT ROWID"""

MESSAGE = """
CREATE TABLE message (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    instance INTEGER NOT NULL,
    version INTEGER NOT NULL,
    topic TEXT NOT NULL,
    kind TEXT NOT NULL,
    correlation_id TEXT NOT NULL,
    body TEXT NOT NULL,
    at INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL
) STRICT"""

CURSOR = """
CREATE TABLE cursor (
    name TEXT NOT NULL PRIMARY KEY,
    position INTEGER NOT NULL
) STRICT, WITHOUT ROWID"""

# A primary key cannot be changed: these two are made anew.
STATE_COUNT_OF_TENANT = """
CREATE TABLE state_count (
    machine TEXT NOT NULL,
    state TEXT NOT NULL,
    type_name TEXT NOT NULL,
    number INTEGER NOT NULL,
    tenant TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (tenant, machine, state)
) STRICT, WITHOUT ROWID"""

CURSOR_OF_TENANT = """
CREATE TABLE cursor (
    name TEXT NOT NULL,
    position INTEGER NOT NULL,
    tenant TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (tenant, name)
) STRICT, WITHOUT ROWID"""

OF_TENANT = "ADD COLUMN tenant TEXT NOT NULL DEFAULT ''"

LEASE = """
CREATE TABLE lease (
    instance INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    machine TEXT NOT NULL,
    version INTEGER NOT NULL,
    age INTEGER NOT NULL,
    ready_at INTEGER,
    priority INTEGER NOT NULL,
    subject TEXT,
    serial TEXT,
    scope TEXT,
    token INTEGER,
    worker TEXT,
    claimed_at INTEGER,
    heartbeat_at INTEGER,
    expires_at INTEGER,
    host TEXT,
    process_id INTEGER,
    process_start INTEGER
) STRICT"""

LEASE_READY = """
CREATE INDEX lease_ready ON lease (tenant, machine, priority, ready_at, instance) WHERE ready_at IS NOT NULL"""

LEASE_EXPIRES_AT = """
CREATE INDEX lease_expires_at ON lease (tenant, machine, expires_at, instance) WHERE expires_at IS NOT NULL"""

WAKE_UP = """
CREATE TABLE wake_up (
    instance INTEGER NOT NULL,
    name TEXT NOT NULL,
    tenant TEXT NOT NULL,
    machine TEXT NOT NULL,
    due_at INTEGER NOT NULL,
    PRIMARY KEY (instance, name)
) STRICT, WITHOUT ROWID"""

CONSUMER = """
CREATE TABLE consumer (
    tenant TEXT NOT NULL DEFAULT '',
    name TEXT NOT NULL,
    topic TEXT,
    position INTEGER NOT NULL,
    token INTEGER NOT NULL,
    PRIMARY KEY (tenant, name)
) STRICT, WITHOUT ROWID"""

CONSUMPTION = """
CREATE TABLE consumption (
    tenant TEXT NOT NULL DEFAULT '',
    consumer TEXT NOT NULL,
    position INTEGER NOT NULL,
    instance INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    token INTEGER NOT NULL,
    worker TEXT NOT NULL,
    due_at INTEGER NOT NULL,
    set_aside_at INTEGER,
    error TEXT NOT NULL,
    PRIMARY KEY (tenant, consumer, position)
) STRICT, WITHOUT ROWID"""

HEARTBEAT = """
CREATE TABLE heartbeat (
    instance INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT"""

SLOT = """
CREATE TABLE slot (
    tenant TEXT NOT NULL,
    machine TEXT NOT NULL,
    scope TEXT NOT NULL,
    number INTEGER NOT NULL,
    instance INTEGER,
    PRIMARY KEY (tenant, machine, scope, number)
) STRICT, WITHOUT ROWID"""

TURN = """
CREATE TABLE turn (
    tenant TEXT NOT NULL,
    machine TEXT NOT NULL,
    serial TEXT NOT NULL,
    subject TEXT NOT NULL,
    instance INTEGER NOT NULL,
    PRIMARY KEY (tenant, machine, serial)
) STRICT, WITHOUT ROWID"""

DEPENDENCY = """
CREATE TABLE dependency (
    tenant TEXT NOT NULL,
    machine TEXT NOT NULL,
    dependent TEXT NOT NULL,
    prerequisite TEXT NOT NULL,
    instance INTEGER NOT NULL,
    met INTEGER NOT NULL CHECK (met IN (0, 1)),
    PRIMARY KEY (tenant, machine, dependent, prerequisite)
) STRICT, WITHOUT ROWID"""

NOTE = """
CREATE TABLE note (
    instance INTEGER NOT NULL,
    version INTEGER NOT NULL,
    tenant TEXT NOT NULL,
    by TEXT NOT NULL,
    why TEXT NOT NULL,
    PRIMARY KEY (instance, version)
) STRICT, WITHOUT ROWID"""

MIGRATIONS = (
    Migration(
        "0001_snapshots_and_journal",
        (
            SNAPSHOT,
            "CREATE UNIQUE INDEX snapshot_key ON snapshot (machine, key)",
            "CREATE INDEX snapshot_state ON snapshot (machine, state, changed_at, instance)",
            JOURNAL,
            "CREATE UNIQUE INDEX journal_version ON journal (instance, version)",
            STATE_COUNT,
        ),
    ),
    Migration(
        "0002_lookups",
        (
            LOOKUP,
            "CREATE INDEX lookup_value ON lookup (machine, field, value, instance)",
            "CREATE UNIQUE INDEX lookup_unique ON lookup (machine, field, value) WHERE is_unique = 1",
            LOOKUP_DECLARATION,
        ),
    ),
    Migration(
        "0003_deliveries",
        (DELIVERY, "CREATE INDEX delivery_recorded_at ON delivery (recorded_at)"),
    ),
    Migration(
        "0004_messages_and_cursors",
        (MESSAGE, "CREATE INDEX message_topic ON message (topic, position)", CURSOR),
    ),
    Migration(
        "0005_messages_of_an_instance",
        ("CREATE INDEX message_instance ON message (instance)",),
    ),
    Migration(
        "0006_tenants",
        (
            *(f"ALTER TABLE {name} {OF_TENANT}" for name in ("snapshot", "journal", "lookup", "delivery", "message")),
            "DROP INDEX snapshot_key",
            "CREATE UNIQUE INDEX snapshot_key ON snapshot (tenant, machine, key)",
            "DROP INDEX snapshot_state",
            "CREATE INDEX snapshot_state ON snapshot (tenant, machine, state, changed_at, instance)",
            "DROP INDEX lookup_value",
            "CREATE INDEX lookup_value ON lookup (tenant, machine, field, value, instance)",
            "DROP INDEX lookup_unique",
            "CREATE UNIQUE INDEX lookup_unique ON lookup (tenant, machine, field, value) WHERE is_unique = 1",
            "DROP INDEX message_topic",
            "CREATE INDEX message_topic ON message (tenant, topic, position)",
            "CREATE INDEX message_tenant ON message (tenant, position)",
            "ALTER TABLE state_count RENAME TO state_count_before",
            STATE_COUNT_OF_TENANT,
            "INSERT INTO state_count SELECT machine, state, type_name, number, '' FROM state_count_before",
            "DROP TABLE state_count_before",
            "ALTER TABLE cursor RENAME TO cursor_before",
            CURSOR_OF_TENANT,
            "INSERT INTO cursor SELECT name, position, '' FROM cursor_before",
            "DROP TABLE cursor_before",
        ),
    ),
    Migration(
        "0007_leases_and_wake_ups",
        (
            LEASE,
            LEASE_READY,
            LEASE_EXPIRES_AT,
            "CREATE INDEX lease_token ON lease (tenant, machine, token) WHERE token IS NOT NULL",
            WAKE_UP,
            "CREATE INDEX wake_up_due_at ON wake_up (tenant, machine, due_at, instance)",
        ),
    ),
    Migration(
        "0008_consumers",
        (
            CONSUMER,
            CONSUMPTION,
            """
            CREATE INDEX consumption_due ON consumption (tenant, consumer, due_at, position)
            WHERE set_aside_at IS NULL""",
            """
            CREATE INDEX consumption_set_aside ON consumption (tenant, consumer, position)
            WHERE set_aside_at IS NOT NULL""",
            "CREATE INDEX consumption_instance ON consumption (instance)",
        ),
    ),
    Migration(
        "0009_gates",
        (
            SLOT,
            "CREATE INDEX slot_instance ON slot (instance) WHERE instance IS NOT NULL",
            TURN,
            "CREATE INDEX turn_instance ON turn (instance)",
            DEPENDENCY,
            "CREATE INDEX dependency_prerequisite ON dependency (tenant, machine, prerequisite)",
            "CREATE INDEX dependency_instance ON dependency (instance)",
        ),
    ),
    Migration("0010_heartbeats", (HEARTBEAT,)),
    Migration("0011_notes", (NOTE,)),
)
