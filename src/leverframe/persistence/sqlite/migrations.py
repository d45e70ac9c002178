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
)
