"""How does an instance go for good?  With all that belongs to it, in one transaction, and off the disk."""

from __future__ import annotations

from functools import partial

from leverframe.errors import Key, NotFound
from leverframe.persistence.backend import Backend, Writer
from leverframe.persistence.keys import encode_key

__all__ = ["delete_one"]


def delete_one(backend: Backend, machine: str, key: Key) -> None:
    """Delete one instance.  Raises `NotFound`, `InvalidKey`."""
    if not backend.commit(partial(_remove, machine, encode_key(key))):
        raise NotFound(machine, key)


def _remove(machine: str, key: str, writer: Writer) -> int:
    loaded = writer.load(machine, key)
    # Others may be faster: then there is nothing left to delete.
    return 0 if loaded is None else writer.remove_instances([loaded.snapshot.instance])
