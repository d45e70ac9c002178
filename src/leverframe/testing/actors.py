"""What each process of a simulation does, one call of the store after another."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from leverframe.coordination.held import Held
from leverframe.errors import Key, LeaseLost, LeaseRequired, LeverframeError, StoreError, TransitionNotAllowed
from leverframe.persistence.keys import decode_key, encode_key
from leverframe.testing.chance import Chance
from leverframe.testing.database import Violation
from leverframe.testing.moves import Moves
from leverframe.testing.world import Process

__all__ = ["Work", "create", "meddle", "reap", "renew", "wake", "work"]

Actor = Generator[None, None, None]

Work = Callable[[Any, Chance], Any]
"""What a worker does with what it holds: a generator that yields where others may come in between."""


def create(
    process: Process, number: int, make: Callable[[Chance], Any], name: Callable[[int], Key], made: list[Key]
) -> Actor:
    """Create instances until there are so many; `made` are those that are known to be there."""
    while True:
        if len(made) < number:
            key = name(len(made) + 1)
            yield from _create_one(process, key, make(process.chance), made)
        yield


def told(key: Key) -> str:
    """A key as it stands in a trace."""
    return encode_key(key)


def _create_one(process: Process, key: Key, state: Any, made: list[Key]) -> Actor:
    machine = process.world.lease.machine
    with process.calling("create"):
        try:
            process.store.create(machine, key, state)
            process.tell(f"creates {told(key)}: {type(state).__name__}")
        except StoreError as error:
            process.tell(f"creates {told(key)}: {type(error).__name__}")
    if any(known.key == encode_key(key) for known in process.world.ledger.known.values()):
        made.append(key)
    yield


def work(process: Process, do: Work) -> Actor:
    """Claim, work, and claim again."""
    while True:
        held = claim(process)
        yield
        if held is not None:
            yield from _work_on(process, held, do)


def claim(process: Process) -> Held[Any, Any] | None:
    lease: Any = process.world.lease
    with process.calling("claim") as call:
        try:
            found: list[Held[Any, Any]] = process.store.claim_many(
                lease, worker=process.name, limit=1, at_most=process.world.at_most, process=process.claims_as
            )
        except StoreError as error:
            process.tell(f"claims: {type(error).__name__}")
            return None
    if not found:
        return None
    (held,) = found
    process.tell(f"claims {held.key}, lease {held.token}")
    if held.token not in {line.seq for line in call.wrote}:
        raise Violation(f"{process.name} was given lease {held.token}, and the journal has {call.wrote}")
    return held


def _work_on(process: Process, held: Held[Any, Any], do: Work) -> Actor:
    process.held.append(held)
    try:
        with held:
            yield from do(held, process.chance)
        if held.next is not None:
            yield from _work_on(process, held.next, do)
    except (LeaseLost, StoreError) as error:
        process.tell(f"stops its work on {held.key}: {type(error).__name__}")
    finally:
        process.held.remove(held)


def renew(process: Process) -> Actor:
    """Renew what the process holds and is due, as its heartbeat does."""
    while True:
        asked = [held for held in process.held if not held.lost.is_set()]
        process.store.heartbeat.renew_due()
        for held in asked:
            if held.lost.is_set() and process.still_has(held):
                raise Violation(f"{process.name} was told that lease {held.token} on {held.key} is over, and has it")
        yield


def reap(process: Process) -> Actor:
    """Take back leases that have run out."""
    lease: Any = process.world.lease
    while True:
        with process.calling("reap") as call:
            try:
                reaped = process.store.reap(lease, limit=process.chance.choice((1, 2, 100)))
            except StoreError as error:
                process.tell(f"reaps: {type(error).__name__}")
                reaped = len(call.wrote)
        if reaped or call.wrote:
            process.tell(f"reaps {', '.join(process.world.ledger.known[line.instance].key for line in call.wrote)}")
        if reaped != len(call.wrote):
            raise Violation(f"{process.name} was told that {reaped} were reaped; the journal has {call.wrote}")
        yield


def wake(process: Process) -> Actor:
    """Wake up what is due."""
    while True:
        with process.calling("wake") as call:
            try:
                process.store.wake(process.world.lease.machine)
            except StoreError as error:
                process.tell(f"wakes: {type(error).__name__}")
        if call.wrote:
            process.tell(f"wakes {', '.join(process.world.ledger.known[line.instance].key for line in call.wrote)}")
        yield


def meddle(process: Process, moves: Moves) -> Actor:
    """Send events from outside: what anybody may send, and what only whoever has the lease may."""
    world = process.world
    while True:
        for known in list(world.ledger.known.values()):
            paused = isinstance(known.state, world.lease.pauses)
            if paused or (not world.is_calm and process.chance.random() < 0.1):
                event = _choose(moves, known.state, process.chance, onward=paused and world.is_calm)
                if event is not None:
                    _meddle_with(process, known.key, event)
                yield
        yield


def _choose(moves: Moves, state: Any, chance: Chance, *, onward: bool) -> Any:
    return moves.onward(state, chance) if onward else moves.any(state, chance)


def _meddle_with(process: Process, key: str, event: Any) -> None:
    machine = process.world.lease.machine
    told = f"sends {type(event).__name__} to {key}"
    with process.calling("outside") as call:
        try:
            receipt: Any = process.store.send(machine, decode_key(key), event)
            process.tell(f"{told}: {type(receipt.state).__name__}")
        except (LeaseRequired, TransitionNotAllowed) as error:
            process.tell(f"{told}: {type(error).__name__}")
            if call.wrote:
                raise Violation(f"{process.name} was refused, and wrote {call.wrote}") from error
        except LeverframeError as error:
            process.tell(f"{told}: {type(error).__name__}")
