"""What SQLite does to files, written down step by step; and writes and flushes that fail when they are told to.

SQLite asks a "VFS" for everything it wants of the system.  Here the real one is copied, with four of its functions
replaced: each writes down what is asked, and has the real one do it.  So it is the very SQLite that the store uses,
with all of its locks and its shared memory.
"""

from __future__ import annotations

import ctypes
import importlib
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from ctypes import CFUNCTYPE, POINTER, Structure, byref, c_char_p, c_int, c_int64, c_void_p, cast, string_at
from typing import Any, Literal, TypeAlias

from attrs import define, field, frozen

from leverframe.persistence.sqlite.driver import sqlite3

__all__ = [
    "FLUSH_FAILED",
    "FULL",
    "WRITE_FAILED",
    "Cut",
    "Fault",
    "Flushed",
    "Gone",
    "Made",
    "Step",
    "TracedDisk",
    "Wrote",
    "traced",
]

# SQLite's result codes.
OK = 0
FULL = 13
WRITE_FAILED = 10 | 3 << 8
FLUSH_FAILED = 10 | 4 << 8

# What SQLite says of a file when it opens it.
CREATE = 0x4
JOURNALS = 0x800 | 0x4000 | 0x80000


# ---------------------------------------------------------------- what is written down


@frozen
class Made:
    """A file, numbered because a name may be used again, has come to stand under a name."""

    name: str
    file: int


@frozen
class Gone:
    """A name was removed; `at_once` if that was on the disk when the call returned."""

    name: str
    at_once: bool


@frozen
class Wrote:
    file: int
    offset: int
    content: bytes


@frozen
class Cut:
    file: int
    length: int


@frozen
class Flushed:
    """All that was done to the file is on the disk; with `folder`, what happened to names is too."""

    file: int
    folder: bool


Step: TypeAlias = Made | Gone | Wrote | Cut | Flushed


@define
class Fault:
    """The write or flush with this number, from 0 on, fails with a code of SQLite's; if `lasting`, all behind it too.

    `count` is how many there have been.
    """

    of: Literal["write", "flush"]
    number: int
    code: int
    lasting: bool = False
    count: int = 0

    @property
    def struck(self) -> bool:
        return self.count > self.number

    def strikes(self, kind: str) -> bool:
        if kind != self.of:
            return False
        self.count += 1
        return self.count == self.number + 1 or (self.lasting and self.struck)


@define
class TracedDisk:
    """All steps since it was made, and the fault that is to come, if there is one."""

    steps: list[Step] = field(factory=list[Step])
    fault: Fault | None = None
    _names: dict[str, int] = field(factory=dict[str, int])
    _files: int = 0

    def opened(self, name: str) -> int:
        if name not in self._names:
            self._files += 1
            self._names[name] = self._files
            self.steps.append(Made(name, self._files))
        return self._names[name]

    def removed(self, name: str, at_once: bool) -> None:
        if self._names.pop(name, None) is not None:
            self.steps.append(Gone(name, at_once))

    def code_for(self, kind: str) -> int:
        """How a write or flush ends."""
        return self.fault.code if self.fault is not None and self.fault.strikes(kind) else OK


# ---------------------------------------------------------------- SQLite's structures

CLOSE = CFUNCTYPE(c_int, c_void_p)
WRITE = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
TRUNCATE = CFUNCTYPE(c_int, c_void_p, c_int64)
SYNC = CFUNCTYPE(c_int, c_void_p, c_int)
OPEN = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, c_void_p)
DELETE = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int)


class Methods(Structure):
    """`sqlite3_io_methods`: what can be done to an open file."""

    _fields_ = (
        ("iVersion", c_int),
        ("xClose", CLOSE),
        ("xRead", c_void_p),
        ("xWrite", WRITE),
        ("xTruncate", TRUNCATE),
        ("xSync", SYNC),
        ("others", c_void_p * 13),
    )


class OpenFile(Structure):
    """`sqlite3_file`: its first field is all that SQLite itself knows of it."""

    _fields_ = (("pMethods", POINTER(Methods)),)


class System(Structure):
    """`sqlite3_vfs`."""

    _fields_ = (
        ("iVersion", c_int),
        ("szOsFile", c_int),
        ("mxPathname", c_int),
        ("pNext", c_void_p),
        ("zName", c_char_p),
        ("pAppData", c_void_p),
        ("xOpen", OPEN),
        ("xDelete", DELETE),
        ("others", c_void_p * 14),
    )


def load_library() -> ctypes.CDLL:
    """The SQLite that the store uses, and no second one."""
    package = "pysqlite3._sqlite3" if sqlite3.__name__.startswith("pysqlite3") else "_sqlite3"
    library = ctypes.CDLL(getattr(importlib.import_module(package), "__file__", None))
    library.sqlite3_vfs_find.restype = POINTER(System)
    library.sqlite3_vfs_find.argtypes = [c_char_p]
    return library


# ---------------------------------------------------------------- between SQLite and the system


@contextmanager
def traced(disk: TracedDisk) -> Generator[None]:
    """Whatever this process opens in the block, it opens through `disk`; it has to be closed in the block too."""
    library = load_library()
    tracer = Tracer(disk, library.sqlite3_vfs_find(None).contents)
    library.sqlite3_vfs_register(byref(tracer.system), 1)
    try:
        yield
    finally:
        library.sqlite3_vfs_unregister(byref(tracer.system))


@define
class Traced:
    """An open file: its number, the real methods, and whether its next flush is to put its name on the disk too."""

    file: int
    real: Methods
    new: bool


class Tracer:
    """A copy of the real system that writes down what it is asked."""

    def __init__(self, disk: TracedDisk, real: System) -> None:
        self._disk = disk
        self._real = real
        self._open: dict[int, Traced] = {}
        self._methods: dict[int, Methods] = {}
        self.system = System.from_buffer_copy(real)
        self.system.zName = b"traced"
        self.system.xOpen = OPEN(self._on_open)
        self.system.xDelete = DELETE(self._on_delete)

    def _on_open(self, system: Any, name: int | None, file: int, flags: int, flags_out: Any) -> int:
        code = int(self._real.xOpen(system, name, file, flags, flags_out))
        if code == OK and name is not None:
            opened = cast(file, POINTER(OpenFile)).contents
            real = opened.pMethods.contents
            is_new_journal = bool(flags & CREATE and flags & JOURNALS)
            self._open[file] = Traced(self._disk.opened(base_name(name)), real, is_new_journal)
            opened.pMethods = ctypes.pointer(self._traced_methods(real))
        return code

    def _on_delete(self, system: Any, name: int, at_once: int) -> int:
        code = int(self._real.xDelete(system, name, at_once))
        if code == OK:
            self._disk.removed(base_name(name), bool(at_once))
        return code

    def _traced_methods(self, real: Methods) -> Methods:
        address = ctypes.addressof(real)
        if address not in self._methods:
            methods = Methods.from_buffer_copy(real)
            methods.xClose = CLOSE(self._on_close)
            methods.xWrite = WRITE(self._on_write)
            methods.xTruncate = TRUNCATE(self._on_truncate)
            methods.xSync = SYNC(self._on_sync)
            self._methods[address] = methods
        return self._methods[address]

    def _on_close(self, file: int) -> int:
        return int(self._open.pop(file).real.xClose(file))

    def _on_write(self, file: int, content: int, length: int, offset: int) -> int:
        found = self._open[file]
        return self._do(
            "write",
            lambda: int(found.real.xWrite(file, content, length, offset)),
            lambda: Wrote(found.file, offset, string_at(content, length)),
        )

    def _on_truncate(self, file: int, length: int) -> int:
        found = self._open[file]
        code = int(found.real.xTruncate(file, length))
        self._disk.steps.append(Cut(found.file, length))
        return code

    def _on_sync(self, file: int, flags: int) -> int:
        found = self._open[file]
        with_folder, found.new = found.new, False
        # The real system is not asked: a real flush takes long, and no real power fails here.
        return self._do("flush", lambda: OK, lambda: Flushed(found.file, with_folder))

    def _do(self, kind: str, real: Callable[[], int], step: Callable[[], Step]) -> int:
        code = self._disk.code_for(kind) or real()
        if code == OK:
            self._disk.steps.append(step())
        return code


def base_name(name: int) -> str:
    return os.path.basename(os.fsdecode(string_at(name)))
