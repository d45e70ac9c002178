"""Typed states over python-statemachine: pure, no IO.

values.py       refined values: Positive, NonEmpty
payload.py      the bases of states and events, and the check of their refined fields
message.py      what hooks return
declare.py      the words a machine is written in: state, on, entering, leaving, lookup
structure.py    what a machine class says, read from its body and annotations
checks.py       what in it contradicts something else
native.py       the adapter to python-statemachine
compilation.py  from structure to table
table.py        the table that runs, and `decide`
upcasting.py    how bodies of older code are read
machine.py      Machine, the class that users inherit
handle.py       a machine known to be in a state, as a value
"""
