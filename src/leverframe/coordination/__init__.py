"""Who works on what: claims, leases, retries, gates and wake-ups, over the store.

What a machine does about a claim or a lost lease is an event in its own table; a policy on the machine's class says
which one.  The store picks whom, and keeps the tokens.

opening.py    `open_store`, from a URL to a store
store.py      the store, with all of its verbs
policies.py   what a machine declares: leases and wake-ups
claiming.py   the verbs of claims
asked.py      who claims, and what was said beside that
claims.py     who gets which instance
giving.py     how one is given, or why not
not_claimed.py  why not
nothing.py    why nothing at all
declared.py   whether each argument of a policy is of the kind that it has to be
agreement.py  whether a machine's policies fit its moves, and each other
limits.py     how many at one time
gates.py      what a machine declares about work that waits
gatekeeping.py  who is let through
dependencies.py  which instance waits for which
swift.py      a claim of leases that nothing else stands in the way of
held.py       a lease that somebody has
owning.py     what the owner of a lease sends
keeping.py    how a lease is kept: what is sent under it, and renewed
together.py   events under several leases
heartbeat.py  who renews what is held
resuming.py   what a worker takes up again behind a pause
reaping.py    leases that have run out
passing.py    one instance that cannot be handled, among many
waking.py     times that have come
staleness.py  how long an instance may be silent, as a machine declares it
observing.py  the verbs of heartbeats, and of those who watch them
consuming.py  consumers of messages
taking.py     which messages a worker is given
settling.py   what becomes of them
operating.py  the verbs for those who look after it
by_hand.py    what they do to one instance
leased.py     which lease somebody has
queues.py     how much waits
overview.py   what goes on
processes.py  which process has a lease, and whether it is there still
attending.py  what a worker asks of a store, beside all that
worker.py     who does the work: what a program says of its worker
working.py    what that does all day
working_claims.py  what it claims, and whether it knows of that
working_place.py  where one piece of work is done after the other
working_piece.py  what becomes of one piece of work
working_upkeep.py  what it does for all who share the work
working_signals.py  who wakes it, and who stops it
working_telling.py  who is told what it does
working_trouble.py  what may be otherwise a moment later
working_children.py  who runs handlers in processes of their own
working_child.py  what such a process does
retrying.py   what becomes of an instance when the work on it fails
failing.py    in which states that is
back_off.py   how long is waited before something is tried again
"""
