"""What an error of the server means to the caller: the one place where its codes become errors of this package."""

from __future__ import annotations

import re

import psycopg
from psycopg import errors

from leverframe.errors import (
    AccessDenied,
    CannotOpen,
    InvalidURL,
    MissingDatabase,
    ReadOnly,
    StoreError,
    StoreFailure,
    StoreFull,
    StoreTimeout,
    StoreUnreachable,
    StoreVanished,
)
from leverframe.persistence.postgres.location import Location

__all__ = ["SPOILED", "Clash", "Overtaken", "fault", "is_lost", "opening_fault", "violated"]

SPOILED = "a statement of this transaction failed, so that it can only be rolled back; leave its block with that error"
TOO_LONG = "a key, a delivery id or a look-up's value is longer than an index of PostgreSQL takes (about 2,700 bytes)"
READ_ONLY = "the server takes no writes (is it a standby?); open the one that does"

GRANT = (
    "let an administrator run CREATE SCHEMA {schema} AUTHORIZATION with this user, or the schema's owner grant "
    "USAGE and CREATE on it, and SELECT, INSERT, UPDATE and DELETE on its tables"
)

# What libpq and the server say when a connection is refused, and what becomes of it.
WORDS: tuple[tuple[str, type[CannotOpen], str], ...] = (
    (
        r"password authentication failed|no password supplied|no pg_hba.conf entry|role .* does not exist"
        r"|authentication failed",
        AccessDenied,
        "look at user and password",
    ),
    (r'database ".*" does not exist', MissingDatabase, "make it with CREATE DATABASE, or name another"),
    (r"permission denied for database", AccessDenied, "let an administrator GRANT CONNECT on it"),
    (
        r"\binvalid (\w+ value|port|connection option)|bad value for",
        InvalidURL,
        "correct the URL",
    ),
)

LOST = (errors.AdminShutdown, errors.CrashShutdown, errors.CannotConnectNow, errors.IdleSessionTimeout)


class Clash(StoreFailure):
    """The server ended this transaction in favour of another; done again, it goes through."""


class Overtaken(Clash):
    """What this transaction looked for in vain is there by now; done again, it finds it."""


def is_lost(error: psycopg.Error, connection: psycopg.Connection) -> bool:
    """Whether the connection is gone, so that nobody can say what became of a commit under way."""
    return connection.closed or isinstance(error, LOST)


def violated(error: psycopg.Error) -> str:
    """The name of the unique index that refused a row; empty if none did."""
    return (error.diag.constraint_name or "") if isinstance(error, errors.UniqueViolation) else ""


def fault(
    error: psycopg.Error, location: Location, connection: psycopg.Connection, *, committing: bool = False
) -> StoreError:
    """What to raise for an error of an open database."""
    if is_lost(error, connection):
        return StoreUnreachable(location.text, f"the connection was lost ({said(error)})", committing)
    match error:
        case errors.DiskFull():
            return StoreFull(location.text)
        case errors.LockNotAvailable() | errors.QueryCanceled():
            return StoreTimeout(location.text, location.timeout)
        case errors.DeadlockDetected() | errors.SerializationFailure() | errors.UniqueViolation():
            return Clash(location.text, f"another transaction was in the way ({said(error)}); call again")
        case errors.ReadOnlySqlTransaction():
            return ReadOnly(location.text, READ_ONLY)
        case errors.InsufficientPrivilege():
            return AccessDenied(location.text, f"{said(error)}; let the schema's owner grant it")
        case errors.UndefinedTable() | errors.InvalidSchemaName():
            return StoreVanished(location.text, f"tables of schema {location.schema} were dropped while open")
        case errors.InFailedSqlTransaction():
            return StoreFailure(location.text, SPOILED)
        case errors.ProgramLimitExceeded():
            return StoreFailure(location.text, TOO_LONG)
        case _:
            return StoreFailure(location.text, f"PostgreSQL reports: {said(error)}")


def opening_fault(error: psycopg.Error, location: Location) -> StoreError:
    """What to raise for an error on the way to an open database.

    Of a connection that was not made libpq gives no code, only words.
    """
    text = said(error)
    match error:
        case errors.ReadOnlySqlTransaction():
            return ReadOnly(location.text, READ_ONLY)
        case errors.InsufficientPrivilege():
            return AccessDenied(location.text, f"{text}; {GRANT.format(schema=location.schema)}")
        case _:
            pass
    for words, kind, remedy in WORDS:
        if re.search(words, text):
            return kind(location.text, f"{text}; {remedy}")
    if isinstance(error, LOST) or (isinstance(error, psycopg.OperationalError) and error.sqlstate is None):
        return StoreUnreachable(location.text, f"the server cannot be reached ({text})", False)
    return CannotOpen(location.text, f"PostgreSQL reports: {text}")


def said(error: psycopg.Error) -> str:
    """What the server or libpq said, on one line; neither ever repeats a password."""
    text = error.diag.message_primary or str(error).strip()
    return " ".join(text.split()) or type(error).__name__
