"""The store on PostgreSQL: `open_postgres` opens a database, `PostgresBackend` is what it gives.

location.py    which database a URL names
faults.py      what an error of the server means to the caller
pool.py        connections, lent for a moment each
permits.py     who may have one, in the order in which they came
statements.py  what only PostgreSQL is told
migrations.py  which tables there are, step by step
schema.py      is this schema ours, and of our age
reader.py      what is committed
rows.py        what is written, as values
writer.py      the verbs of one transaction
upkeep.py      one point in time, deleted rows, rows as they are
saying.py      what is said with every move
waking.py      who waits for messages is woken
backend.py     what is open, and how work is committed
"""

from leverframe.persistence.postgres.backend import PostgresBackend, open_postgres

__all__ = ["PostgresBackend", "open_postgres"]
