"""Typed, durable statecharts: states that cannot be wrong, moves that cannot be lost or doubled.

States are attrs classes, moves are typed methods, and a store keeps thousands of instances through crashes.  Start
with `Machine`; `open_store` makes instances durable.
"""

from typing import TYPE_CHECKING, Any

from statemachine import State

from leverframe.errors import (
    AccessDenied,
    AlreadyExists,
    CannotCopy,
    CannotOpen,
    CodecError,
    Conflict,
    DecodeError,
    EncodeError,
    InvalidField,
    InvalidKey,
    InvalidQuery,
    InvalidTime,
    InvalidURL,
    InvalidValue,
    LeverframeError,
    LookupsChanged,
    MachineDefinitionError,
    MissingDatabase,
    MissingExtra,
    MissingFolder,
    NewerSchema,
    NotADatabase,
    NotFound,
    NotInState,
    PoolExhausted,
    ReadOnly,
    StaleState,
    StoreClosed,
    StoreError,
    StoreFailure,
    StoreFull,
    StoreTimeout,
    StoreUnreachable,
    StoreVanished,
    TransitionNotAllowed,
    UnfinishedCopy,
    UnknownState,
    UnreadableRow,
    UnsupportedServer,
    WrongTarget,
)
from leverframe.persistence.opening import open_store
from leverframe.persistence.records import (
    Entry,
    Receipt,
    Send,
    Stored,
    StoredMessage,
)
from leverframe.typed.declare import entering, leaving, lookup, on, state
from leverframe.typed.handle import Handle, in_state
from leverframe.typed.machine import Machine
from leverframe.typed.message import Message
from leverframe.typed.payload import Event, Payload
from leverframe.typed.table import Decision, decide
from leverframe.typed.values import NonEmpty, Positive

if TYPE_CHECKING:
    from leverframe.persistence.copying import Copied, copy_store
    from leverframe.persistence.reports import Examination, Finding, Pruned
    from leverframe.persistence.store import Store

__all__ = [
    "AccessDenied",
    "AlreadyExists",
    "CannotCopy",
    "CannotOpen",
    "CodecError",
    "Conflict",
    "Copied",
    "Decision",
    "DecodeError",
    "EncodeError",
    "Entry",
    "Event",
    "Examination",
    "Finding",
    "Handle",
    "InvalidField",
    "InvalidKey",
    "InvalidQuery",
    "InvalidTime",
    "InvalidURL",
    "InvalidValue",
    "LeverframeError",
    "LookupsChanged",
    "Machine",
    "MachineDefinitionError",
    "Message",
    "MissingDatabase",
    "MissingExtra",
    "MissingFolder",
    "NewerSchema",
    "NonEmpty",
    "NotADatabase",
    "NotFound",
    "NotInState",
    "Payload",
    "PoolExhausted",
    "Positive",
    "Pruned",
    "ReadOnly",
    "Receipt",
    "Send",
    "StaleState",
    "State",
    "Store",
    "StoreClosed",
    "StoreError",
    "StoreFailure",
    "StoreFull",
    "StoreTimeout",
    "StoreUnreachable",
    "StoreVanished",
    "Stored",
    "StoredMessage",
    "TransitionNotAllowed",
    "UnfinishedCopy",
    "UnknownState",
    "UnreadableRow",
    "UnsupportedServer",
    "WrongTarget",
    "copy_store",
    "decide",
    "entering",
    "in_state",
    "leaving",
    "lookup",
    "on",
    "open_store",
    "state",
]


# Late, so that machines can be used without the time that a store's libraries take to import.
_LATE = {
    "Copied": "leverframe.persistence.copying",
    "Examination": "leverframe.persistence.reports",
    "Finding": "leverframe.persistence.reports",
    "Pruned": "leverframe.persistence.reports",
    "Store": "leverframe.persistence.store",
    "copy_store": "leverframe.persistence.copying",
}


def __getattr__(name: str) -> Any:
    if name in _LATE:
        from importlib import import_module

        return getattr(import_module(_LATE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
