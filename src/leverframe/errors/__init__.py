"""Every error of leverframe, in one tree.  Each carries its data as attributes and says what to do.

    LeverframeError
    ├── MachineDefinitionError          a machine class is wrong; said when the class is made
    ├── InvalidValue (ValueError)       a refined value cannot be made of this
    ├── InvalidField (TypeError)        a field of a state or event was given another type
    ├── InvalidTime (ValueError)        a time without a zone, or out of range
    ├── TransitionNotAllowed            the event is not accepted in this state
    ├── NotInState                      the machine is in another state than the caller named
    │   └── StaleState                  ... and that was found in the store
    ├── UnknownState                    a class that is no state of this machine
    ├── WrongTarget (TypeError)         a handler returned what its signature does not name
    ├── SimulationFailed (AssertionError) in a simulation something happened that must not
    ├── PathFailed (AssertionError)     a path through a machine went another way, or could not be gone
    ├── LockFileError (ValueError)      a lock file of machines cannot be read
    ├── CannotAdopt                     a mapping does not fit its table or machine, or the table cannot be read
    ├── CodecError
    │   ├── EncodeError                 a value cannot be written as JSON and read back the same
    │   └── DecodeError (ValueError)    a body does not have the shape of its class
    ├── HandlerError                    a worker's handler did not do its part
    │   ├── LeaseNotEnded               it is done, and has ended no lease
    │   └── HandlerDied                 its process ended before it did
    └── StoreError
        ├── AlreadyExists               the key, or a unique look-up's value, is taken
        ├── NotFound (LookupError)      no instance has this key, or not at that version or time
        ├── InvalidKey (ValueError)     a key is empty, or not made of strings
        ├── InvalidQuery (ValueError)   a look-up that is not declared, a limit below 1, ...
        ├── UnreadableRow               a stored row no longer decodes under today's code
        ├── LookupsChanged              another program declared other look-ups meanwhile
        ├── LeaseError                  somebody else has the lease, or nobody has it
        │   ├── LeaseLost               the lease was taken over, given back or ended
        │   ├── LeaseRequired           the event is taken only from whoever has the lease
        │   └── NotLeased               there is no lease that could be ended
        ├── DependencyCycle (ValueError) one would wait for itself, by way of others
        ├── Conflict                    others kept moving the instance; tried a bounded number of times
        ├── StoreTimeout (TimeoutError) others held the store, or a row, for longer than the timeout
        │   └── PoolExhausted           ... all connections to a server were in use
        ├── StoreUnreachable (ConnectionError) the server went away; says whether the move may have happened
        ├── StoreFull                   no room left; nothing was written
        ├── StoreVanished               the file was deleted or replaced while open, or the tables were dropped
        ├── StoreClosed                 the store was closed, or belongs to another process
        ├── CannotCopy                  a store cannot be copied there, or the copy is not the same
        ├── StoreFailure                anything else the database reports
        └── CannotOpen
            ├── InvalidURL (ValueError) not a store's URL
            ├── MissingFolder           the folder of the database's file is not there
            ├── MissingDatabase         the server has no such database
            ├── MissingExtra (ImportError) a library of an extra is not installed
            ├── AccessDenied            a wrong password, or no permission
            ├── UnsupportedServer       the server is too old
            ├── NotADatabase            the file or schema is another program's
            ├── UnfinishedCopy          a copy into the database has not come to its end
            ├── NewerSchema             the file or schema was written by a newer leverframe
            └── ReadOnly                the file, or its folder, may not be written, or the server takes no writes

Catch `LeverframeError` for all of them.  Errors compare by identity and can be pickled.

>>> from leverframe import LeverframeError, Positive
>>> try:
...     Positive(int("-3"))
... except LeverframeError as error:
...     print(error)
Positive must be an integer of at least 1, got -3
"""

from __future__ import annotations

from leverframe.errors.adopting import CannotAdopt
from leverframe.errors.bodies import (
    CodecError,
    DecodeError,
    EncodeError,
)
from leverframe.errors.checking import LockFileError
from leverframe.errors.coordinating import DependencyCycle, LeaseError, LeaseLost, LeaseRequired, NotLeased
from leverframe.errors.deciding import (
    InvalidField,
    InvalidTime,
    InvalidValue,
    MachineDefinitionError,
    NotInState,
    StaleState,
    TransitionNotAllowed,
    UnknownState,
    WrongTarget,
)
from leverframe.errors.opening import (
    AccessDenied,
    CannotOpen,
    InvalidURL,
    MissingDatabase,
    MissingExtra,
    MissingFolder,
    NewerSchema,
    NotADatabase,
    ReadOnly,
    UnfinishedCopy,
    UnsupportedServer,
)
from leverframe.errors.root import (
    Key,
    LeverframeError,
)
from leverframe.errors.simulating import SimulationFailed
from leverframe.errors.storing import (
    AlreadyExists,
    CannotCopy,
    Conflict,
    InvalidKey,
    InvalidQuery,
    LookupsChanged,
    NotFound,
    PoolExhausted,
    StoreClosed,
    StoreError,
    StoreFailure,
    StoreFull,
    StoreTimeout,
    StoreUnreachable,
    StoreVanished,
    UnreadableRow,
)
from leverframe.errors.walking import PathFailed
from leverframe.errors.working import (
    HandlerDied,
    HandlerError,
    LeaseNotEnded,
)

__all__ = [
    "AccessDenied",
    "AlreadyExists",
    "CannotAdopt",
    "CannotCopy",
    "CannotOpen",
    "CodecError",
    "Conflict",
    "DecodeError",
    "DependencyCycle",
    "EncodeError",
    "HandlerDied",
    "HandlerError",
    "InvalidField",
    "InvalidKey",
    "InvalidQuery",
    "InvalidTime",
    "InvalidURL",
    "InvalidValue",
    "Key",
    "LeaseError",
    "LeaseLost",
    "LeaseNotEnded",
    "LeaseRequired",
    "LeverframeError",
    "LockFileError",
    "LookupsChanged",
    "MachineDefinitionError",
    "MissingDatabase",
    "MissingExtra",
    "MissingFolder",
    "NewerSchema",
    "NotADatabase",
    "NotFound",
    "NotInState",
    "NotLeased",
    "PathFailed",
    "PoolExhausted",
    "ReadOnly",
    "SimulationFailed",
    "StaleState",
    "StoreClosed",
    "StoreError",
    "StoreFailure",
    "StoreFull",
    "StoreTimeout",
    "StoreUnreachable",
    "StoreVanished",
    "TransitionNotAllowed",
    "UnfinishedCopy",
    "UnknownState",
    "UnreadableRow",
    "UnsupportedServer",
    "WrongTarget",
]


# Tracebacks and pickles name an error as users import it, wherever in this package it stands.
for _name in __all__:
    if _name != "Key":
        globals()[_name].__module__ = __name__
