"""What is to be written, as the values of a statement."""

from __future__ import annotations

from typing import Any

from leverframe.persistence.effects import Grant, Note, Stand
from leverframe.persistence.rows import Creation, LookupValue, Move, NewMessage, Refusal

NO_GRANT = Grant("", None)

__all__ = ["creation_values", "move_values", "refusal_values"]


def move_values(move: Move, told_before: int, tenant: str) -> dict[str, Any]:
    """The values of `move_statement`; `told_before` is how many messages the transaction has told already."""
    values: dict[str, Any] = {
        "machine": move.machine,
        "instance": move.instance,
        "seen": move.seen,
        "declaration": move.declaration,
        "from_state": move.from_state,
        "to_state": move.to_state,
        "body": move.body,
        "event": move.event,
        "at": move.at,
        "recorded_at": move.recorded_at,
        "delivery_id": move.delivery_id,
        "type_name": move.type_name,
    }
    if move.lookups is not None:
        values |= lookup_values(move.lookups)
    if move.messages:
        values |= message_values(move.messages, told_before)
    for effect in move.effects:
        if isinstance(effect, Stand):
            values |= lease_values(effect, move.recorded_at, tenant)
        elif isinstance(effect, Note):
            values |= {"by": effect.by, "why": effect.why}
    return values


def lease_values(stand: Stand, now: int, tenant: str) -> dict[str, Any]:
    grant = stand.grant or NO_GRANT
    return {
        "tenant": tenant,
        "ready_at": stand.ready_at,
        "priority": stand.priority,
        "subject": stand.subject,
        "serial": stand.serial,
        "scope": stand.scope,
        "worker": None if stand.grant is None else grant.worker,
        "claimed_at": None if stand.grant is None else now,
        "expires_at": grant.expires_at,
        "host": grant.host,
        "process_id": grant.process_id,
        "process_start": grant.process_start,
    }


def creation_values(creation: Creation, told_before: int, tenant: str) -> dict[str, Any]:
    """The values of `create_statement`."""
    values: dict[str, Any] = {
        "tenant": tenant,
        "machine": creation.machine,
        "key": creation.key,
        "state": creation.state,
        "type_name": creation.type_name,
        "body": creation.body,
        "at": creation.at,
        "recorded_at": creation.recorded_at,
        "declaration": creation.declaration,
    }
    if creation.lookups:
        values |= lookup_values(creation.lookups)
    if creation.messages:
        values |= message_values(creation.messages, told_before)
    return values


def refusal_values(refusal: Refusal) -> tuple[object, ...]:
    """The parameters of `SETTLE_AS_REFUSED`."""
    return (refusal.delivery_id, refusal.refusal, refusal.recorded_at, refusal.instance, refusal.seen)


def lookup_values(lookups: tuple[LookupValue, ...]) -> dict[str, Any]:
    return {
        "fields": [lookup.field for lookup in lookups],
        "values": [lookup.value for lookup in lookups],
        "uniques": [int(lookup.unique) for lookup in lookups],
    }


def message_values(messages: tuple[NewMessage, ...], told_before: int) -> dict[str, Any]:
    return {
        "told_before": told_before,
        "topics": [message.topic for message in messages],
        "kinds": [message.kind for message in messages],
        "correlation_ids": [message.correlation_id for message in messages],
        "bodies": [message.body for message in messages],
    }
