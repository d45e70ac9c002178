"""The machines that a store has met: each bound once, and none mistaken for another."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

from leverframe.errors import InvalidQuery, MachineDefinitionError
from leverframe.persistence.backend import Backend
from leverframe.persistence.binding import Binding, is_machine
from leverframe.persistence.lookups import keep_declared_lookups

__all__ = ["Bindings"]


class Bindings:
    """The bindings of one store, by machine."""

    def __init__(self, backend: Backend, clock: Callable[[], datetime] | None) -> None:
        self._backend = backend
        self._clock = clock
        self._known: dict[Any, Binding[Any, Any]] = {}
        self._lock = threading.Lock()
        # What a transaction has declared holds for nobody else before it is committed.
        self._joined = threading.local()

    def of(self, machine: Any) -> Binding[Any, Any]:
        """The machine as this store sees it.  Raises `InvalidQuery`, `MachineDefinitionError`."""
        binding = self._known.get(machine)
        return binding if binding is not None and binding.current() else self._bind(machine)

    def _bind(self, machine: Any) -> Binding[Any, Any]:
        if not is_machine(machine):
            raise InvalidQuery("", f"{machine!r} is no machine; give a class that inherits Machine")
        for other in tuple(self._known):
            if other is not machine and other.machine_name == machine.machine_name:
                _refuse_namesake(machine, other)
        binding: Binding[Any, Any] = Binding(machine)
        self._known[machine] = binding
        return binding

    def keeping_lookups(self, machine: Any) -> Binding[Any, Any]:
        """The machine's binding, once the look-ups that are kept are known to be those that it declares."""
        binding = self._known.get(machine)
        if binding is None or not binding.confirmed or binding.upcasters_read != len(binding.upcasters):
            binding = self.of(machine)
            if self._backend.is_joined():
                return self._keeping_in_transaction(binding)
            with self._lock:
                keep_declared_lookups(self._backend, binding, self._clock)
        return binding

    def _keeping_in_transaction(self, binding: Binding[Any, Any]) -> Binding[Any, Any]:
        # Without the lock: who has it may wait for the end of this very transaction.
        known: dict[str, Binding[Any, Any]] = self._joined.__dict__
        own = known.get(binding.name)
        if own is None or not own.current():
            own = Binding(binding.machine)
            keep_declared_lookups(self._backend, own, self._clock)
            known[binding.name] = own
        return own

    def leave_transaction(self) -> None:
        """What the transaction of this thread has declared is asked for anew from here on."""
        self._joined.__dict__.clear()


def _refuse_namesake(machine: Any, other: Any) -> None:
    # The same class made anew, by a reload or in a notebook, is no other machine.
    if (machine.__module__, machine.__qualname__) != (other.__module__, other.__qualname__):
        problem = (
            f"{other.__module__} has a machine stored under {machine.machine_name!r} too; set another machine_name"
        )
        raise MachineDefinitionError(machine.__name__, "machine_name", problem)
