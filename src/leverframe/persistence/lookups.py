"""Look-ups and policies that were declared, or dropped, since a store last saw the machine.

What is kept of each instance because of them is made, or removed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, cast

from leverframe.errors import AlreadyExists, Key, LookupsChanged, UnreadableRow
from leverframe.persistence.backend import Backend, Reader, Writer
from leverframe.persistence.beside import Change, MovePolicy
from leverframe.persistence.binding import Binding
from leverframe.persistence.codec import read_json
from leverframe.persistence.effects import Effect, EndTurn, Leave, Meet, Moved, Rouse, Stand
from leverframe.persistence.instants import to_microseconds
from leverframe.persistence.keys import decode_key
from leverframe.persistence.rows import Declaration, LookupValue, Snapshot, UniqueTaken

__all__ = ["check_declaration", "keep_declared_lookups"]

READ_AT_ONCE = 1000


def keep_declared_lookups(
    backend: Backend, binding: Binding[Any, Any], clock: Callable[[], datetime] | None = None
) -> None:
    """Make what is kept of the machine's instances what it declares today, in one transaction.

    Look-ups are made anew for all instances of all tenants where anything differs from which a look-up's value is made:
    the fields, the states that have them, the upcasters.  So is what can be claimed, and when it is to be woken up;
    what somebody has stays.  Where other states than before meet what waits for them, or end a turn, those follow.
    `clock` is the store's, None for the database's own.

    Raises `AlreadyExists` if a look-up is unique and two instances of a tenant have the same value; nothing is changed
    then.
    """
    if not _is_kept(backend.read().declaration(binding.name), binding):
        now = backend.now() if clock is None else to_microseconds(clock())
        backend.whole().commit(partial(_declare, binding, now))
    binding.confirmed = True


def _declare(binding: Binding[Any, Any], now: int, writer: Writer) -> None:
    writer.hold_all()
    # Another program of the same code may have been faster.
    kept = writer.declaration(binding.name)
    if not _is_kept(kept, binding):
        changed = _changed_policies(kept, binding)
        binding.declaration = writer.declare(binding.name, binding.declared)
        writer.forget_ready(binding.name)
        _fill(writer, binding, now, changed)
        writer.put_to_tenants(binding.name)


def _changed_policies(kept: Declaration | None, binding: Binding[Any, Any]) -> list[MovePolicy]:
    """The policies that say something else than they did; all, where states may be read as others than they were."""
    before, after = read_declaration("" if kept is None else kept.text), read_declaration(binding.declared)
    if before.get("upcasters") != after.get("upcasters"):
        return list(binding.policies)
    return [policy for policy in binding.policies if [policy.name, policy.kept()] not in before.get("policies", [])]


def read_declaration(text: str) -> dict[str, Any]:
    return cast("dict[str, Any]", read_json(text)) if text else {}


def check_declaration(reader: Reader, binding: Binding[Any, Any]) -> None:
    """Raise `LookupsChanged` if another program keeps other look-ups of the machine by now."""
    kept = reader.declaration(binding.name)
    if (None if kept is None else kept.number) != binding.declaration:
        raise LookupsChanged(binding.name)


def _is_kept(kept: Declaration | None, binding: Binding[Any, Any]) -> bool:
    binding.declaration = None if kept is None else kept.number
    return binding.declared == ("" if kept is None else kept.text)


def _fill(writer: Writer, binding: Binding[Any, Any], now: int, changed: Sequence[MovePolicy]) -> None:
    last = 0
    while binding.declared and (rows := writer.instances(binding.name, last, READ_AT_ONCE)):
        for row in rows:
            _add(writer, binding, row, now, changed)
        last = rows[-1].instance


def _add(writer: Writer, binding: Binding[Any, Any], row: Snapshot, now: int, changed: Sequence[MovePolicy]) -> None:
    try:
        state = binding.state_of(row)
    except UnreadableRow:
        return  # It says so when it is read; that must not keep all others from being used.
    _add_lookups(writer, binding, row, binding.lookup_values(state, row.key))
    if binding.policies:
        _stand(writer, binding, row, state, now)
    for policy in changed:
        _hold_others_back(writer, policy, Change(binding.name, row.key, None, state, now, repaired=True), row)


def _hold_others_back(writer: Writer, policy: MovePolicy, change: Change, row: Snapshot) -> None:
    """Whether others have to wait for it: it may be in a state that was none to wait for, or is none any more."""
    for effect in policy.effects(change):
        if isinstance(effect, Meet):
            writer.meet_anew(change.machine, row, met=effect.met)
        elif isinstance(effect, EndTurn):
            writer.leave_turn(row.instance)


def _add_lookups(writer: Writer, binding: Binding[Any, Any], row: Snapshot, values: tuple[LookupValue, ...]) -> None:
    for value in values:
        try:
            writer.add_lookup(binding.name, row.instance, value)
        except UniqueTaken as taken:
            raise already_exists(binding, decode_key(row.key), taken) from None


def already_exists(binding: Binding[Any, Any], key: Key, taken: UniqueTaken) -> AlreadyExists:
    """What a caller is told of a key, or a unique look-up's value, that is another's."""
    return AlreadyExists(binding.name, key, taken.field, read_json(taken.value) if taken.field else None)


def _stand(writer: Writer, binding: Binding[Any, Any], row: Snapshot, state: Any, now: int) -> None:
    """As if it was created so: it has waited since then, or nobody has it, and that runs out from now on."""
    held = writer.lease(row.instance) is not None
    waiting = binding.effects(Change(binding.name, row.key, None, state, row.created_at))
    given = any(isinstance(effect, Stand) and effect.grant is not None for effect in waiting)
    at = now if given else row.created_at
    effects = binding.effects(Change(binding.name, row.key, None, state, at)) if given else waiting
    # What a policy keeps of an instance, and does not follow from its state alone, is as it was.
    kept: list[Effect] = [effect for effect in effects if isinstance(effect, Rouse)]
    standing = [effect for effect in effects if isinstance(effect, Stand)]
    if held and not standing:
        kept.append(Leave())
    writer.affect(Moved(row.instance, row.version, 0, at), kept if held else [*kept, *standing])
