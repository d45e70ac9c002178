"""Which process is this, and is that one still there?

A number alone says little: numbers are used again, and others count from one in containers of their own.  So a process
is told by its host, the host's boot, its space of numbers, its number, and when it was started.
"""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from attrs import frozen

__all__ = ["Process", "is_gone", "started_at", "this_process", "was_left_behind"]

STAT = Path("/proc/stat")
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
NUMBERS = "/proc/self/ns/pid"

STATE = 0
START = 19
"""Places in /proc/PID/stat behind the process's name, which may hold anything."""

ENDED = ("Z", "X")
"""A process that has ended, and whose parent has not looked yet."""


@frozen
class Process:
    """A process, as others of its host can find it; an empty `host` where nobody can.

    `host` stands for the boot of the host, and the space of numbers, too; `start` counts from that boot.
    """

    host: str = ""
    number: int = 0
    start: int = 0


NOBODY = Process()


def this_process() -> Process:
    """The process that asks.  On Linux; elsewhere one that nobody can find.

    >>> is_gone(this_process())
    False
    """
    return read_own(os.getpid())


@cache
def read_own(number: int) -> Process:
    found = read_stat(number)
    return NOBODY if found is None or not this_host() else Process(this_host(), number, found[1])


@cache
def this_host() -> str:
    """The host, its boot and its space of numbers; empty where the system does not tell them."""
    try:
        return f"{socket.gethostname()}/{BOOT_ID.read_text().strip()}/{os.readlink(NUMBERS)}"
    except OSError:
        return ""


def is_gone(process: Process) -> bool | None:
    """Whether a process is not there any more; None where that cannot be told: another host, or another boot."""
    if not process.host or process.host != this_host():
        return None
    found = read_stat(process.number)
    if found is None:
        # Nothing is shown of it: it is not there, or belongs to somebody of whom nothing is shown.
        return None if has_number(process.number) else True
    state, start = found
    return start != process.start or state in ENDED


def was_left_behind(process: Process, own: Process, *, alone: bool = False) -> bool:
    """Whether a process was one of the host of `own`, and is not there any more.

    Of a later boot the host knows nothing but that it is over.  With `alone`, `own` is the only one of the host's name.

    >>> own = Process("node-1/boot-2/pid:[1]", 7, 100)
    >>> was_left_behind(Process("node-1/boot-1/pid:[1]", 7, 100), own)
    True
    >>> was_left_behind(Process("node-2/boot-1/pid:[1]", 7, 100), own)
    False
    """
    if not process.host or not own.host or process == own:
        return False
    name, boot = process.host.split("/")[:2]
    own_name, own_boot = own.host.split("/")[:2]
    if name != own_name:
        return False
    return alone or boot != own_boot or bool(is_gone(process))


def started_at(process: Process) -> datetime | None:
    """When a process of this boot was started, in UTC; None where that cannot be told."""
    if not process.host or process.host != this_host():
        return None
    [boot] = [line for line in STAT.read_text(encoding="utf-8").splitlines() if line.startswith("btime ")]
    ticks = os.sysconf("SC_CLK_TCK")
    return datetime.fromtimestamp(int(boot.split()[1]), UTC) + timedelta(seconds=process.start / ticks)


def read_stat(number: int) -> tuple[str, int] | None:
    """The state and the start of the process that has this number now."""
    try:
        text = Path(f"/proc/{number}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return fields[STATE], int(fields[START])


def has_number(number: int) -> bool:
    """Whether any process has this number."""
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
