"""Stores with one fault each, of kinds that real ones had: what checks stores has to catch every one of them.

Each is the real store with another backend in between.  They decide before their transaction begins, as stores do in
which several write at once.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any, TypeVar, cast

from attrs import evolve

from leverframe import Store, open_store
from leverframe.persistence.backend import Backend, Reader, Writer
from leverframe.persistence.rows import Loaded, Move, Refusal

__all__ = ["FAULTS", "open_as"]

T = TypeVar("T")

STALE_FOR = 0.02
LOSES_ONE_IN = 20


def open_as(kind: str, url: str) -> Store:
    """The real store if `kind` is empty, or the one with this fault."""
    store = open_store(url)
    if not kind:
        return store
    real = store._backend  # pyright: ignore[reportPrivateUsage]  # the fault goes between a store and its backend
    return Store(FAULTS[kind](real), None)


class Between:
    """Everything as the real one does it, but for what a subclass does otherwise."""

    def __init__(self, real: object) -> None:
        self._real: Any = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class FaultyBackend(Between):
    """Hands out readers and writers that stand between the store and the real ones."""

    decides_in_turn = False

    def read(self) -> Reader:
        return self.faulty_reader(self._real.read())

    def commit(self, work: Callable[[Writer], T]) -> T:
        def faulty_work(writer: Writer) -> T:
            return work(self.faulty_writer(writer))

        return cast("T", self._real.commit(faulty_work))

    def recall(self, machine: str, key: str) -> None:
        """Every decision goes by the faulty reader."""

    def move(self, move: Move) -> int | None:
        return self.commit(lambda writer: writer.move(move))

    def refuse(self, refusal: Refusal) -> bool:
        return self.commit(lambda writer: writer.refuse(refusal))

    def faulty_reader(self, reader: Reader) -> Reader:
        return reader

    def faulty_writer(self, writer: Writer) -> Writer:
        return writer


# ---------------------------------------------------------------- the last one wins


class BlindWriter(Between):
    def move(self, move: Move) -> int | None:
        now = self._real.instances(move.machine, move.instance - 1, 1)[0].version
        return cast("int | None", self._real.move(evolve(move, seen=now)))


class Blind(FaultyBackend):
    """Writes a move at whatever version the instance has by then."""

    def faulty_writer(self, writer: Writer) -> Writer:
        return cast("Writer", BlindWriter(writer))


# ---------------------------------------------------------------- a cache


class CachingReader(Between):
    def __init__(self, real: Reader, cache: dict[tuple[str, str], tuple[float, Loaded]]) -> None:
        super().__init__(real)
        self._cache = cache

    def load(self, machine: str, key: str, delivery_id: str | None = None) -> Loaded | None:
        known = self._cache.get((machine, key))
        if delivery_id is None and known is not None and time.monotonic() - known[0] < STALE_FOR:
            return known[1]
        loaded = cast("Loaded | None", self._real.load(machine, key, delivery_id))
        if loaded is not None:
            self._cache[machine, key] = time.monotonic(), loaded
        return loaded


class Stale(FaultyBackend):
    """Reads what it has read a moment ago."""

    def __init__(self, real: object) -> None:
        super().__init__(real)
        self._cache: dict[tuple[str, str], tuple[float, Loaded]] = {}

    def faulty_reader(self, reader: Reader) -> Reader:
        return cast("Reader", CachingReader(reader, self._cache))


# ---------------------------------------------------------------- said, not done


class NotCommitted(Exception):
    """Rolls a transaction back; `result` is what its caller is told all the same."""

    def __init__(self, result: object) -> None:
        super().__init__(result)
        self.result = result


class Losing(FaultyBackend):
    """Says that it has committed, and now and then has not."""

    def __init__(self, real: object) -> None:
        super().__init__(real)
        self._chance = random.Random(1)

    def commit(self, work: Callable[[Writer], T]) -> T:
        def lose_some(writer: Writer) -> T:
            result = work(writer)
            if self._chance.randrange(LOSES_ONE_IN) == 0:
                raise NotCommitted(result)
            return result

        try:
            return super().commit(lose_some)
        except NotCommitted as said:
            return cast("T", said.result)


# ---------------------------------------------------------------- delivered again


class ForgetfulReader(Between):
    def load(self, machine: str, key: str, delivery_id: str | None = None) -> Loaded | None:
        return cast("Loaded | None", self._real.load(machine, key))


class ForgetfulWriter(ForgetfulReader):
    def move(self, move: Move) -> int | None:
        return cast("int | None", self._real.move(evolve(move, delivery_id=None)))

    def refuse(self, refusal: Refusal) -> bool:
        return True


class Doubling(FaultyBackend):
    """Keeps no delivery id, so that what is delivered twice is done twice."""

    def faulty_reader(self, reader: Reader) -> Reader:
        return cast("Reader", ForgetfulReader(reader))

    def faulty_writer(self, writer: Writer) -> Writer:
        return cast("Writer", ForgetfulWriter(writer))


FAULTS: dict[str, Callable[[object], Backend]] = {
    "blind": lambda real: cast("Backend", Blind(real)),
    "stale": lambda real: cast("Backend", Stale(real)),
    "losing": lambda real: cast("Backend", Losing(real)),
    "doubling": lambda real: cast("Backend", Doubling(real)),
}
