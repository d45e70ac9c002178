"""Why a store cannot be opened."""

from __future__ import annotations

from attrs import define

from leverframe.errors.storing import StoreError

__all__ = [
    "AccessDenied",
    "CannotOpen",
    "InvalidURL",
    "MissingDatabase",
    "MissingExtra",
    "MissingFolder",
    "NewerSchema",
    "NotADatabase",
    "ReadOnly",
    "UnfinishedCopy",
    "UnsupportedServer",
]


@define(slots=False, repr=False)
class CannotOpen(StoreError):
    """The store cannot be opened, and nothing was changed; `problem` says why and what to do."""

    location: str
    problem: str

    def __str__(self) -> str:
        return f"{self.location}: {self.problem}"


class InvalidURL(CannotOpen, ValueError):
    """The URL names no store."""


class MissingFolder(CannotOpen):
    """The folder that the file should be in is not there."""


class MissingDatabase(CannotOpen):
    """The server has no database of this name."""


class MissingExtra(CannotOpen, ImportError):
    """A library is not installed: that which talks to such a database, or draws in such a format."""


class AccessDenied(CannotOpen):
    """The server does not let this user in, or not do what opening needs."""


class UnsupportedServer(CannotOpen):
    """The server is of a version that leverframe does not work with."""


class NotADatabase(CannotOpen):
    """The file is no leverframe database, or the schema has tables of another program."""


class NewerSchema(CannotOpen):
    """The file or schema was written by a newer leverframe than this one."""


class UnfinishedCopy(CannotOpen):
    """A copy into this database has begun, and has not come to its end."""


class ReadOnly(CannotOpen):
    """The file, or its folder, may not be written; or the server takes no writes."""
