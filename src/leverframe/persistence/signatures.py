"""What a store's calls look like to a type checker: how one call knows its machine, states and events, with no cast."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, Protocol

from typing_extensions import TypeVar

from leverframe.typed.handle import Handle
from leverframe.typed.machine import Machine
from leverframe.typed.payload import Payload

__all__ = ["MachineClass", "OnRefused"]

S = TypeVar("S", bound=Payload)
M_co = TypeVar("M_co", bound=Machine[Any, Any], covariant=True)
OnRefused = Literal["raise", "return"]


class MachineClass(Protocol[M_co, S]):
    """Any machine class, as a type checker sees it: it is by `start` that a call knows machine and states."""

    def start(self, payload: S, now: datetime | None = None) -> Handle[M_co, S]: ...
