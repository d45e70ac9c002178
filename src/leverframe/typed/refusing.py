"""Why is an event not accepted?  What is raised where the table has no move, or a handler breaks its word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from leverframe.errors import TransitionNotAllowed, UnknownState, WrongTarget
from leverframe.typed.annotations import foreign_hint
from leverframe.wording import join_names

if TYPE_CHECKING:
    from leverframe.typed.table import Candidate, Chart, Table

__all__ = ["never_taken", "raise_refusal", "raise_unknown_state", "raise_wrong_target"]


def raise_refusal(table: Table, state: object, event: object) -> NoReturn:
    """Say why the event is not accepted in this state."""
    if state.__class__ not in table.rows:
        raise_unknown_state(table, state.__class__)
    row = table.rows[state.__class__]
    accepted = tuple(kind.__name__ for kind in row)
    reason = _reason(table, row.get(event.__class__), event)
    raise TransitionNotAllowed(
        table.machine, type(event).__name__, table.paths[type(state)], accepted, reason
    ) from None


def never_taken(machine: type[Chart[Any, Any]], named: type, event: object) -> TransitionNotAllowed | None:
    """Why the event is not accepted in a leaf or superstate, whatever is in it; None if it may be."""
    table = machine._table  # pyright: ignore[reportPrivateUsage]  # Chart's own
    rows = [row for leaf, row in table.rows.items() if issubclass(leaf, named)]
    if not rows or any(type(event) in row for row in rows):
        return None
    accepted = dict.fromkeys(kind.__name__ for row in rows for kind in row)
    where = table.paths.get(named, named.__name__)
    return TransitionNotAllowed(
        table.machine, type(event).__name__, where, tuple(accepted), _reason(table, None, event)
    )


def _reason(table: Table, candidate: Candidate | None, event: object) -> str:
    if candidate is not None:
        return f"{join_names(_guards(candidate))} said no"
    known = {kind for row in table.rows.values() for kind in row}
    if type(event) not in known:
        return f"it is no event of {table.machine}{foreign_hint(type(event), known)}"
    return "no move takes it there"


def _guards(candidate: Candidate | None) -> list[str]:
    names: list[str] = []
    while candidate is not None:
        names.append(candidate.edge.guard_name())
        candidate = candidate.otherwise
    return names


def raise_unknown_state(table: Table, kind: type) -> NoReturn:
    """Say that a class is no state of the machine."""
    raise UnknownState(table.machine, kind.__name__, foreign_hint(kind, table.paths)) from None


def raise_wrong_target(machine: str, edge: Any, value: object) -> NoReturn:
    """Say that a handler returned a class that its signature does not name."""
    raise WrongTarget(machine, edge.name, tuple(target.__name__ for target in edge.targets), value) from None
