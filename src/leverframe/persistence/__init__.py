"""Machines that outlive the process: typed instances in a database, moved in transactions.

opening.py     from a URL to the database
presence.py    is there one
store.py       the store: its verbs
signatures.py  what these look like to a type checker
arguments.py   what may be given to them
listening.py   those about messages
listing.py     the one about keys
past.py        those about the past of an instance
sending.py     the path of an event: load, decide, commit
answering.py   what was answered when it came first
refusals.py    refusals as text, for the same event sent again
records.py     what a store answers
reports.py     what it tells of its own state
binding.py     typed values as rows, and back
bindings.py    the machines that a store has met
undoing.py     what is forgotten where a transaction is taken back
lookups.py     look-ups that were declared or dropped meanwhile
codec/         states and events as JSON, and back
keys.py        keys as text
instants.py    times as integers
rows.py        what the two hand each other
effects.py     what a move changes beside its instance
notes.py       who made a move, and why
beside.py      what a machine's policies are asked about it
known.py       a move from a state that its owner knows
leases.py      rows of leases and wake-ups
leasing.py     the verbs for those who share the work
renewing.py    those about leases that are to last longer
gating.py      those about what holds a claim back
heartbeats.py  those for who shows that it lives, and who watches
backend.py     what a database has to do
obstacles.py   why it can do nothing now
asking.py      the reading verbs, over anything that runs a statement
migration.py   a step by which a database comes to its tables
retention.py   what is old enough to go
exporting.py   rows that go, kept in a file
deletion.py    one instance, gone for good
counting.py    how many instances are where, over all tenants
copying.py     `copy_store`, a store in a second place
examining.py   is a store well
tidying.py     the store's verbs for all of these
upkeep.py      what a database has to do for them
tending.py     that, over anything that runs a statement
rewriting.py   what it has to do for those who read all rows, and write older ones anew
overseeing.py  the verbs for those who look on
walking.py     the one for who reads a journal from end to end
traffic.py     what is counted from it
consumers.py   what a database has to do for consumers of messages
handing.py     that, over anything that runs a statement
tables.py      the tables, and what is said to any of them
options.py     what a URL may say on any database
statements.py  what is said to a database, in SQL
finding.py     which statement answers a query
sqlite/        the store on SQLite
postgres/      the store on PostgreSQL
"""
