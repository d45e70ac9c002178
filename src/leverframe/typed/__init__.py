"""Typed states over python-statemachine: pure, no IO.

values.py       refined values: Positive, NonEmpty
fields.py       the check of fields that hold them
payload.py      the bases of states and events
message.py      what hooks return
declare.py      the words a machine is written in: state, on, entering, leaving, lookup
policy.py       the base of what is declared for those who run a machine
reserved.py     names that a machine's members cannot have
annotations.py  annotations as objects, and as one writes them
signatures.py   what the signature of a move or hook says
reading.py      a class body, read
structure.py    what a machine class says, as data
checks.py       what in it contradicts something else
native.py       the adapter to python-statemachine
compilation.py  from structure to table
table.py        the table that runs, and `decide`
refusing.py     why an event is not accepted
upcasting.py    how bodies of older code are read
machine.py      Machine, the class that users inherit
inference.py    how a call settles its machine's types
handle.py       a machine known to be in a state, as a value
"""
