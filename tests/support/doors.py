"""A machine in three versions: as it was, renamed with upcasters, and renamed without."""

from __future__ import annotations

from typing import Any, TypeAlias

from attrs import frozen

from leverframe import Event, Machine, Payload, State, on, state

__all__ = ["Closed", "Knocked", "OldDoor", "Opened", "Pulled", "Pushed", "Shut", "make_new_door"]


@frozen
class Closed(Payload): ...


@frozen
class Standing(Payload): ...


@frozen
class Opened(Standing):
    width: int


@frozen
class Pushed(Event):
    width: int


@frozen
class Knocked(Event):
    told: str


@frozen
class Shut(Event): ...


OldState: TypeAlias = Closed | Opened


class OldDoor(Machine[OldState, Pushed | Knocked | Shut]):
    """A door that can be pushed, knocked at, which changes nothing, and shut."""

    machine_name = "Door"

    closed = state(Closed, initial=True)

    class standing(State.Compound):
        opened = state(Opened)

    @on
    def pushed(self, s: Closed, e: Pushed) -> Opened:
        return Opened(e.width)

    @on
    def knocked(self, s: Closed, e: Knocked) -> Closed:
        return Closed()

    @on
    def shut(self, s: Standing, e: Shut) -> Closed:
        return Closed()


@frozen
class Ajar(Payload):
    width: int


@frozen
class Pulled(Event):
    width: int


def make_new_door(*, upcast: bool) -> Any:
    """The door of today: `Opened` is `Ajar`, in no superstate, and `Pushed` is `Pulled`; nobody knocks any more."""

    class NewDoor(Machine[Closed | Ajar, Pulled | Shut]):
        machine_name = "Door"

        closed = state(Closed, initial=True)
        ajar = state(Ajar)

        @on
        def pulled(self, s: Closed, e: Pulled) -> Ajar:
            return Ajar(e.width)

        @on
        def shut(self, s: Ajar, e: Shut) -> Closed:
            return Closed()

    if upcast:

        @NewDoor.upcast("Opened", version=1, to=Ajar)
        def opened(body: dict[str, Any]) -> dict[str, Any]:
            return body

        @NewDoor.upcast("Pushed", version=1, to=Pulled)
        def pushed(body: dict[str, Any]) -> dict[str, Any]:
            return body

    return NewDoor
