"""What a change of a machine does, before it is deployed.

locked.py            what of a machine is locked
values.py            the classes that stand inside of fields
lock.py              the lock file
changes.py           what became of a machine since, in words
fields.py            what became of its fields
said.py              one change, and how its parts are put into words
loading.py           whether what is stored of an old class loads as its new one
findings.py          all that is wrong with a machine, as far as it can be seen without running it
finding.py           one finding, and all codes
finding_moves.py     what never happens, and what never ends
finding_policies.py  leases, retries, heartbeats
finding_fields.py    fields and look-ups
finding_code.py      what handlers must not ask
reach.py             what of a machine's table can happen
sources.py           where it is written, and what a comment there accepts
typed_module.py      a module by which a type checker knows what each state takes
rows.py              whether what is stored would load
forms.py             as what it is stored, and as what it would be today
migrating.py         rows of older code written as today's code does
"""
