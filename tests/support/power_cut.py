"""The power fails at any moment of what a store wrote: what is on the disk then, and what does the store make of it?

A store is used, and every step of SQLite's is written down, with what the tables had after each call.  Behind any step
the power may fail: what was flushed is on the disk then, and of the rest any sectors, in the order in which they were
written.  The store has to open that, and has to have what it had after the last call that returned, or after the one
that was under way.
"""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, TypeAlias

from attrs import define, field, frozen
from parcels import City, HandedOver, Label, Loaded, Parcel, ParcelEvent, Stopped, Waiting
from soundness import check_all
from traced_disk import Cut, Flushed, Gone, Made, Step, TracedDisk, Wrote, traced

from leverframe import AlreadyExists, Send, Store, open_store
from leverframe.errors import LeverframeError
from leverframe.persistence.sqlite.driver import sqlite3

__all__ = [
    "FILE",
    "Contents",
    "Outcome",
    "Recorder",
    "Recording",
    "connection_of",
    "disk_after",
    "look_after_cut",
    "parcel",
    "put_on_disk",
    "quick_folder",
    "read_contents",
    "record",
    "record_calls",
]

FILE = "store.db"
SECTOR = 512

# Where there is one, a file system in memory: real flushes have no part in this.
MEMORY = "/dev/shm" if os.path.isdir("/dev/shm") else None
LONGEST_CITY = 1500

Contents: TypeAlias = dict[str, list[tuple[Any, ...]]]
"""All rows of all tables, but for those that say when migrations were applied."""

TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name != '_sqlite_migrations'"


@frozen
class Call:
    """One call of the store: how many steps there were before and after it, and what the tables had then."""

    began: int
    ended: int
    after: Contents


@frozen
class Recording:
    steps: Sequence[Step]
    calls: Sequence[Call]


@frozen
class Outcome:
    """What a store found after a power cut.

    "kept": all that was acknowledged.  "lost": what was there earlier, each call whole.  "damaged": anything else.
    """

    kind: Literal["kept", "lost", "damaged"]
    told: str = ""


@contextmanager
def quick_folder() -> Generator[Path]:
    """An empty folder for as long as the block lasts."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        yield Path(folder)


# ---------------------------------------------------------------- recording


def record(seed: int, calls: int, *, durability: str = "full", pragmas: Sequence[str] = ()) -> Recording:
    """Use a new store, and write down what it does; `pragmas` are set on its connection on top of its own."""
    chance = random.Random(seed)
    return record_calls(lambda recorder: workload(recorder, chance, calls), durability=durability, pragmas=pragmas)


def record_calls(
    calls: Callable[[Recorder], Iterable[Callable[[], object]]],
    *,
    durability: str = "full",
    pragmas: Sequence[str] = (),
) -> Recording:
    """Make these calls of a new store, and write down what it does."""
    disk = TracedDisk()
    with quick_folder() as folder, traced(disk):
        recorder = Recorder(disk, f"sqlite:///{folder / FILE}?durability={durability}", pragmas)
        recorder.run(recorder.open)
        # Look-ups are declared by the first call that needs them, in a transaction of their own.
        recorder.run(lambda: recorder.store.find(Parcel, where={"label": "none"}))
        for call in calls(recorder):
            recorder.run(call)
        recorder.store.close()
    return Recording(disk.steps, recorder.calls)


class Recorder:
    """A store, and what became of each call."""

    store: Store

    def __init__(self, disk: TracedDisk, url: str, pragmas: Sequence[str]) -> None:
        self.calls: list[Call] = []
        self._disk = disk
        self._url = url
        self._pragmas = pragmas

    def open(self) -> None:
        self.store = open_store(self._url)
        for pragma in self._pragmas:
            connection_of(self.store).execute(f"PRAGMA {pragma}").fetchall()

    def open_again(self) -> None:
        self.store.close()
        self.open()

    def run(self, call: Callable[[], object]) -> None:
        began = len(self._disk.steps)
        call()
        ended = len(self._disk.steps)
        self.calls.append(Call(began, ended, read_contents(connection_of(self.store))))


def workload(recorder: Recorder, chance: random.Random, calls: int) -> Iterable[Callable[[], object]]:
    """All that a store can be asked to write, in any order."""
    keys: list[str] = []

    def create() -> object:
        keys.append(f"parcel-{len(keys)}")
        return recorder.store.create(Parcel, keys[-1], parcel(keys[-1]))

    def create_again() -> None:
        try:
            recorder.store.create(Parcel, chance.choice(keys), parcel("another"))
        except AlreadyExists:
            return

    def send() -> object:
        delivery = f"delivery-{chance.randrange(20)}" if chance.random() < 0.5 else None
        key, event = chance.choice(keys), any_event(chance)
        return recorder.store.send(Parcel, key, event, delivery_id=delivery, on_refused="return")

    def send_many() -> object:
        events = [Send(chance.choice(keys), any_event(chance)) for _ in range(chance.randrange(2, 8))]
        return recorder.store.send_many(Parcel, events, on_refused="return")

    def create_and_send() -> object:
        keys.append(f"parcel-{len(keys)}")
        events: list[ParcelEvent] = [Loaded(), any_stop(chance)]
        return recorder.store.send_many(Parcel, [(keys[-1], event) for event in events], create=parcel(keys[-1]))

    def save_cursor() -> None:
        recorder.store.save_cursor("mailer", chance.randrange(1000))

    def prune() -> object:
        return recorder.store.prune(deliveries=timedelta(0))

    often = [create, send, send, send, send, send, send_many]
    seldom = [create_again, create_and_send, save_cursor, prune, recorder.open_again]
    yield create
    for _ in range(calls):
        yield chance.choice(often if chance.random() < 0.8 else seldom)


def parcel(label: str) -> Waiting:
    return Waiting(Label(label), None)


def any_event(chance: random.Random) -> ParcelEvent:
    events: list[ParcelEvent] = [Loaded(), any_stop(chance), any_stop(chance), HandedOver()]
    return chance.choice(events)


def any_stop(chance: random.Random) -> Stopped:
    return Stopped(City("x" * chance.randrange(1, LONGEST_CITY)))


def connection_of(store: Store) -> sqlite3.Connection:
    """The connection that writes."""
    backend: Any = store._backend  # pyright: ignore[reportPrivateUsage]  # what is below the store is the matter here
    connection: sqlite3.Connection = backend.connection
    return connection


def read_contents(connection: sqlite3.Connection) -> Contents:
    tables = sorted(name for (name,) in connection.execute(TABLES).fetchall())
    return {table: sorted(connection.execute(f"SELECT * FROM {table}").fetchall(), key=repr) for table in tables}


# ---------------------------------------------------------------- what is on the disk


@define
class Disk:
    """What is on the disk, and what the system has been told of and may have put there or not."""

    files: dict[int, bytearray] = field(factory=dict[int, bytearray])
    names: dict[str, int] = field(factory=dict[str, int])
    waiting: dict[int, list[Wrote | Cut]] = field(factory=dict[int, list[Wrote | Cut]])
    waiting_names: list[Made | Gone] = field(factory=list[Made | Gone])

    def take(self, step: Step) -> None:
        match step:
            case Wrote() | Cut():
                self.waiting.setdefault(step.file, []).append(step)
            case Made():
                self.waiting_names.append(step)
            case Gone():
                self.waiting_names.append(step)
                if step.at_once:
                    self.flush_names()
            case Flushed():
                for change in self.waiting.pop(step.file, []):
                    self.change(change)
                if step.folder:
                    self.flush_names()

    def change(self, change: Wrote | Cut) -> None:
        content = self.files.setdefault(change.file, bytearray())
        if isinstance(change, Cut):
            del content[change.length :]
            return
        content.extend(bytes(max(0, change.offset - len(content))))
        content[change.offset : change.offset + len(change.content)] = change.content

    def flush_names(self) -> None:
        for change in self.waiting_names:
            self.rename(change)
        self.waiting_names.clear()

    def rename(self, change: Made | Gone) -> None:
        if isinstance(change, Made):
            self.names[change.name] = change.file
        else:
            self.names.pop(change.name, None)

    def lose_power(self, chance: random.Random, share: float) -> None:
        """About this share of what waits reaches the disk, sector by sector."""
        for changes in self.waiting.values():
            for part in (part for change in changes for part in sectors(change)):
                if chance.random() < share:
                    self.change(part)
        for name in self.waiting_names:
            if chance.random() < share:
                self.rename(name)


def disk_after(steps: Iterable[Step], chance: random.Random, share: float) -> dict[str, bytes]:
    """The files that are there when the power fails behind these steps, where `share` of what was not flushed is."""
    disk = Disk()
    for step in steps:
        disk.take(step)
    disk.lose_power(chance, share)
    return {name: bytes(disk.files.get(file, b"")) for name, file in disk.names.items()}


def sectors(change: Wrote | Cut) -> Iterable[Wrote | Cut]:
    if isinstance(change, Cut):
        return [change]
    starts = range(0, len(change.content), SECTOR)
    return [Wrote(change.file, change.offset + start, change.content[start : start + SECTOR]) for start in starts]


def put_on_disk(files: dict[str, bytes], folder: Path) -> str:
    """Lay the files into an empty folder; the URL of the store in it."""
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return f"sqlite:///{folder / FILE}"


# ---------------------------------------------------------------- what the store makes of it


def look_after_cut(recording: Recording, cut: int, chance: random.Random) -> Outcome:
    """The power fails behind so many steps; the store is opened on what is left."""
    share = chance.choice([0.0, 1.0, chance.random()])
    left = disk_after(recording.steps[:cut], chance, share)
    with quick_folder() as folder:
        try:
            with open_store(put_on_disk(left, folder)) as store:
                return look_into(store, recording, cut)
        except (LeverframeError, sqlite3.Error, AssertionError) as error:
            return Outcome("damaged", repr(error))


def look_into(store: Store, recording: Recording, cut: int) -> Outcome:
    connection = connection_of(store)
    (checked,) = connection.execute("PRAGMA integrity_check").fetchone()
    if checked != "ok":
        return Outcome("damaged", checked)
    outcome = judge(recording, cut, read_contents(connection))
    check_and_go_on(store)
    return outcome


def judge(recording: Recording, cut: int, found: Contents) -> Outcome:
    returned = sum(call.ended <= cut for call in recording.calls)
    states = [call.after for call in recording.calls]
    # Whoever opens a store makes its tables, so that before the first call is as after it.
    if found in states[max(returned - 1, 0) : returned + 1]:
        return Outcome("kept")
    if found in states[:returned]:
        return Outcome("lost", f"had {states.index(found)} calls of {returned}")
    return Outcome("damaged", "a part of a call is there")


def check_and_go_on(store: Store) -> None:
    """What is there is sound, and can be worked with."""
    keys = [str(found.key) for found in store.find(Parcel)]
    check_all(store, keys)
    store.send_many(Parcel, [("one more", Loaded())], create=parcel("one more"))
    check_all(store, [*keys, "one more"])
