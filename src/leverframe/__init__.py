"""Typed, durable statecharts: states that cannot be wrong, moves that cannot be lost or doubled.

States are attrs classes, moves are typed methods, and a store keeps thousands of instances through crashes.  Start
with `Machine`; `open_store` makes instances durable.
"""

import sys
from typing import TYPE_CHECKING, Any

from statemachine import State

from leverframe.coordination.opening import open_store
from leverframe.errors import (
    AccessDenied,
    AlreadyExists,
    CannotAdopt,
    CannotCopy,
    CannotOpen,
    CodecError,
    Conflict,
    DecodeError,
    DependencyCycle,
    EncodeError,
    HandlerDied,
    HandlerError,
    InvalidField,
    InvalidKey,
    InvalidQuery,
    InvalidTime,
    InvalidURL,
    InvalidValue,
    LeaseError,
    LeaseLost,
    LeaseNotEnded,
    LeaseRequired,
    LeverframeError,
    LockFileError,
    LookupsChanged,
    MachineDefinitionError,
    MissingDatabase,
    MissingExtra,
    MissingFolder,
    NewerSchema,
    NotADatabase,
    NotFound,
    NotInState,
    NotLeased,
    PathFailed,
    PoolExhausted,
    ReadOnly,
    SimulationFailed,
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
    from leverframe.coordination.back_off import BackOff
    from leverframe.coordination.consuming import Consumer, Delivered, SetAside
    from leverframe.coordination.dependencies import Dependency
    from leverframe.coordination.failing import Failures
    from leverframe.coordination.gates import Freeze, Gates, OneAtATime, Prerequisites
    from leverframe.coordination.held import Held
    from leverframe.coordination.leased import LeaseRecord
    from leverframe.coordination.limits import Limit
    from leverframe.coordination.not_claimed import NotClaimed
    from leverframe.coordination.observing import Observed
    from leverframe.coordination.overview import Overview
    from leverframe.coordination.policies import Lease, WakeUp
    from leverframe.coordination.queues import QueueCounts
    from leverframe.coordination.retrying import Permanent, Retry, Transient
    from leverframe.coordination.staleness import Staleness, StalenessLevel
    from leverframe.coordination.store import Store
    from leverframe.coordination.worker import Handler, Worker
    from leverframe.coordination.working import WorkerEnded
    from leverframe.coordination.working_telling import WorkerHooks
    from leverframe.persistence.copying import Copied, copy_store
    from leverframe.persistence.reports import Examination, Finding, Pruned
    from leverframe.persistence.traffic import Traffic

__all__ = [
    "AccessDenied",
    "AlreadyExists",
    "BackOff",
    "CannotAdopt",
    "CannotCopy",
    "CannotOpen",
    "CodecError",
    "Conflict",
    "Consumer",
    "Copied",
    "Decision",
    "DecodeError",
    "Delivered",
    "Dependency",
    "DependencyCycle",
    "EncodeError",
    "Entry",
    "Event",
    "Examination",
    "Failures",
    "Finding",
    "Freeze",
    "Gates",
    "Handle",
    "Handler",
    "HandlerDied",
    "HandlerError",
    "Held",
    "InvalidField",
    "InvalidKey",
    "InvalidQuery",
    "InvalidTime",
    "InvalidURL",
    "InvalidValue",
    "Lease",
    "LeaseError",
    "LeaseLost",
    "LeaseNotEnded",
    "LeaseRecord",
    "LeaseRequired",
    "LeverframeError",
    "Limit",
    "LockFileError",
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
    "NotClaimed",
    "NotFound",
    "NotInState",
    "NotLeased",
    "Observed",
    "OneAtATime",
    "Overview",
    "PathFailed",
    "Payload",
    "Permanent",
    "PoolExhausted",
    "Positive",
    "Prerequisites",
    "Pruned",
    "QueueCounts",
    "ReadOnly",
    "Receipt",
    "Retry",
    "Send",
    "SetAside",
    "SimulationFailed",
    "StaleState",
    "Staleness",
    "StalenessLevel",
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
    "Traffic",
    "Transient",
    "TransitionNotAllowed",
    "UnfinishedCopy",
    "UnknownState",
    "UnreadableRow",
    "UnsupportedServer",
    "WakeUp",
    "Worker",
    "WorkerEnded",
    "WorkerHooks",
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
    "BackOff": "leverframe.coordination.back_off",
    "Consumer": "leverframe.coordination.consuming",
    "Copied": "leverframe.persistence.copying",
    "Delivered": "leverframe.coordination.consuming",
    "Dependency": "leverframe.coordination.dependencies",
    "Examination": "leverframe.persistence.reports",
    "Finding": "leverframe.persistence.reports",
    "Freeze": "leverframe.coordination.gates",
    "Gates": "leverframe.coordination.gates",
    "Handler": "leverframe.coordination.worker",
    "Held": "leverframe.coordination.held",
    "Lease": "leverframe.coordination.policies",
    "LeaseRecord": "leverframe.coordination.leased",
    "Limit": "leverframe.coordination.limits",
    "NotClaimed": "leverframe.coordination.not_claimed",
    "Observed": "leverframe.coordination.observing",
    "OneAtATime": "leverframe.coordination.gates",
    "Overview": "leverframe.coordination.overview",
    "Permanent": "leverframe.coordination.retrying",
    "Prerequisites": "leverframe.coordination.gates",
    "Pruned": "leverframe.persistence.reports",
    "QueueCounts": "leverframe.coordination.queues",
    "Failures": "leverframe.coordination.failing",
    "Retry": "leverframe.coordination.retrying",
    "SetAside": "leverframe.coordination.consuming",
    "Staleness": "leverframe.coordination.staleness",
    "StalenessLevel": "leverframe.coordination.staleness",
    "Store": "leverframe.coordination.store",
    "Traffic": "leverframe.persistence.traffic",
    "Transient": "leverframe.coordination.retrying",
    "WakeUp": "leverframe.coordination.policies",
    "Worker": "leverframe.coordination.worker",
    "WorkerEnded": "leverframe.coordination.working",
    "WorkerHooks": "leverframe.coordination.working_telling",
    "copy_store": "leverframe.persistence.copying",
}


def __getattr__(name: str) -> Any:
    if name in _LATE:
        from importlib import import_module

        return getattr(import_module(_LATE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext leverframe`: a notebook shows machines, handles and stored instances as pictures."""
    from leverframe.diagrams.notebook import show_in

    show_in(shell)


# Inside of a notebook at once; elsewhere nothing of IPython is imported for it.
if (_ipython := sys.modules.get("IPython")) and (_shell := getattr(_ipython, "get_ipython", lambda: None)()):
    load_ipython_extension(_shell)
