"""How do processes take turns?  By a lock on a file beside the database, waited for where the kernel queues waiters.

The lock gives fairness and nothing else: SQLite's own locks keep the data right.  A *blocking* lock cannot be
given a timeout, so a helper thread waits for it while the caller waits for the helper.  A caller that gives up
leaves the descriptor to the helper, which closes it once the lock comes: no descriptor ever has two users.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from io import FileIO
from weakref import WeakSet

__all__ = ["LockFile"]

POLL_SECONDS = 0.002

if sys.platform == "win32":
    import contextlib
    import msvcrt

    def try_lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def wait_for_lock(descriptor: int) -> None:
        while not try_lock(descriptor):
            time.sleep(POLL_SECONDS)

    def unlock(descriptor: int) -> None:
        # To give back what is not held is an error here, and none elsewhere.
        with contextlib.suppress(OSError):
            msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    AT_ONCE = fcntl.LOCK_EX | fcntl.LOCK_NB

    def try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, AT_ONCE)
        except BlockingIOError:
            return False
        return True

    def wait_for_lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX)

    def unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


class LockFile:
    """A lock between processes.  One thread at a time may use it: the one whose turn it is."""

    def __init__(self, path: str) -> None:
        OPEN_HERE.add(self)
        self.path = path
        self._file: FileIO | None = None
        self._abandoned: Wait | None = None
        self._held = False

    def lock_at_once(self) -> bool:
        """Take the lock if nobody has it."""
        file = self._file
        if file is None:
            file = self._file = open_lock_file(self.path)
        # Said first: an interrupt between lock and note would leave a lock that nobody gives back.
        self._held = True
        held = self._held = try_lock(file.fileno())
        return held

    def lock(self, seconds: float) -> bool:
        """Take the lock, waiting at most so long."""
        if self.lock_at_once() or seconds <= 0:
            return self._held
        wait = self._abandoned = self._go_on_waiting() or self._begin_to_wait()
        try:
            wait.until_locked(seconds)
        finally:
            if wait.settle():
                self.close()
                self._file, self._held, self._abandoned = wait.file, True, None
        return self._held

    def unlock(self) -> None:
        """Give the lock back; no harm if it is not held."""
        if self._held and self._file is not None:
            unlock(self._file.fileno())
        self._held = False

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file, self._held = None, False

    def _go_on_waiting(self) -> Wait | None:
        """The wait that was given up last, if it still lasts: however often one gives up, there is one helper."""
        wait = self._abandoned
        return wait if wait is not None and wait.take_up() else None

    def _begin_to_wait(self) -> Wait:
        file, self._file = self._file, None
        assert file is not None
        return Wait(file)


class Wait:
    """One wait for the lock.  The file is the helper's until `settle` has said that it is not."""

    def __init__(self, file: FileIO) -> None:
        self.file = file
        self._guard = threading.Lock()
        self._locked = threading.Event()
        self._given_up = False
        helper = threading.Thread(target=self._run, name="leverframe-lock", daemon=True)
        try:
            helper.start()
        except RuntimeError:  # no more threads can be had, so there is nobody to close it later
            file.close()
            raise

    def until_locked(self, seconds: float) -> None:
        self._locked.wait(min(seconds, threading.TIMEOUT_MAX))

    def settle(self) -> bool:
        """Whether the lock came; if not, the helper is told to close the file when it comes."""
        with self._guard:
            self._given_up = not self._locked.is_set()
            return not self._given_up

    def take_up(self) -> bool:
        """Wait for it after all, unless the helper has closed the file."""
        with self._guard:
            self._given_up = False
            return not self.file.closed

    def _run(self) -> None:
        wait_for_lock(self.file.fileno())
        with self._guard:
            if self._given_up:
                self.file.close()
            else:
                self._locked.set()


def close_inherited() -> None:
    """In a process that was forked off: it shares its parent's lock, and would keep it when the parent has ended."""
    for lock_file in tuple(OPEN_HERE):
        lock_file.close()


OPEN_HERE: WeakSet[LockFile] = WeakSet()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=close_inherited)


def open_lock_file(path: str) -> FileIO:
    try:
        return FileIO(path, "ab")
    except PermissionError:
        if not os.path.exists(path):
            raise
        # Another user made it; to lock it, reading is right enough.
        return FileIO(path, "rb")
