"""The store on PostgreSQL: `open_postgres` opens a database, `PostgresBackend` is what it gives.

location.py    which database a URL names
faults.py      what an error of the server means to the caller
pool.py        connections, lent for a moment each
permits.py     who may have one, in the order in which they came
statements.py  what only PostgreSQL is told
migrations.py  which tables there are, step by step
row_security.py  which rows the server lets anybody see
scope.py       whose rows a connection is set to
schema.py      is this schema ours, and of our age
reader.py      what is committed
rows.py        what is written, as values
writer.py      the verbs of one transaction
moving.py      many moves as one statement
upkeep.py      one point in time, deleted rows, rows as they are
saying.py      what is said with every move
waking.py      who waits for messages is woken
joined.py      a transaction as the store of another tenant sees it
session.py     what is open, for the stores of all tenants
backend.py     how a database is opened, and work committed
"""

from leverframe.persistence.postgres.backend import PostgresBackend, open_postgres

__all__ = ["PostgresBackend", "open_postgres"]
