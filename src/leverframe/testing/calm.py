"""Nothing fails any more: does all the work come to an end?"""

from __future__ import annotations

from leverframe.testing.database import Violation
from leverframe.testing.ledger import Known
from leverframe.testing.schedule import spans_of
from leverframe.testing.world import World

__all__ = ["come_to_rest", "is_at_rest"]

STEPS = 3
"""How often each goes on before time passes."""

IDLE_ROUNDS = 200
"""How often time may pass with no move at all: while somebody works, that is to the next renewal each time."""

DUE = """
SELECT min(at) FROM (
    SELECT ready_at AS at FROM lease WHERE ready_at IS NOT NULL
    UNION ALL SELECT expires_at FROM lease WHERE expires_at IS NOT NULL
    UNION ALL SELECT due_at FROM wake_up) WHERE at > ?"""


def come_to_rest(world: World, instances: int, within: int) -> None:
    """Let everybody go on, undisturbed, for at most so many microseconds.  Raises `Violation` for what never ends."""
    world.tell("from here on nothing fails")
    world.is_calm = True
    for slot in list(world.behaviours):
        world.thaw(slot)
        if world.lease.ttl is None:
            # Only the end of its process ends a lease: also one that a process does not know it has.
            world.kill(slot)
    ends, idle = world.clock.microseconds + within, 0
    while True:
        moves = world.ledger.moves
        # Once in any case: somebody may still believe that it has what is done.
        for actor in world.actor_names() * STEPS:
            world.step(actor)
        if is_at_rest(world, instances):
            return
        idle = idle + 1 if world.ledger.moves == moves else 0
        if idle > IDLE_ROUNDS or world.clock.microseconds >= ends:
            raise Violation(f"waits for ever: {', '.join(waiting(world))}")
        world.advance(until_next(world))


def is_at_rest(world: World, instances: int) -> bool:
    """Whether all instances are there, and nobody has work with one, or can have."""
    return len(world.ledger.known) == instances and not waiting(world)


def waiting(world: World) -> list[str]:
    """The instances that somebody has, or that wait for somebody."""
    known = world.ledger.known
    return [
        f"{each.key} in {type(each.state).__name__}" for number, each in known.items() if waits(world, number, each)
    ]


def waits(world: World, instance: int, known: Known) -> bool:
    """Whether somebody has it, or can have it sooner or later: what cannot be claimed as it is may stay so."""
    lease, row = world.lease, world.ledger.leases.get(instance)
    if isinstance(known.state, lease.claimable):
        return row is not None and row.ready_at is not None
    return isinstance(known.state, (*lease.leased, *lease.pauses))


def until_next(world: World) -> int:
    """Microseconds until something is due; while somebody works, no longer than it is between two renewals."""
    now, beat = world.clock.microseconds, spans_of(world.lease)[2]
    (due,) = world.database.connection.execute(DUE, (now,)).fetchone()
    wait = beat if due is None else due - now
    is_held = any(row.token is not None for row in world.ledger.leases.values())
    return min(wait, beat) if is_held else wait
