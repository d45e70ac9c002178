"""From a table with a status column to instances of a machine.

mapping.py      what becomes of each column, as a TOML file says it
conversions.py  what a column's value means
source.py       the table, on SQLite or PostgreSQL
checking.py     does a mapping fit its machine and its table
rows.py         one row as a new instance, or why it does not fit
adopting.py     all rows: what would become of them, and writing them
drafting.py     a first mapping, guessed from the table
"""
