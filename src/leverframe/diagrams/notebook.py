"""Pictures in a notebook: of a machine class, and of a handle or a stored instance with its state marked.

IPython asks a class for no picture of itself, so that all of them are registered with its formatters.
"""

from __future__ import annotations

from typing import Any

from leverframe.diagrams.looks import PLAIN, Look, Marks, StateMark
from leverframe.diagrams.rendering import render
from leverframe.errors import MissingExtra
from leverframe.wording import show_value

__all__ = ["show_in"]

SHOWN = (
    ("leverframe.typed.machine", "MachineMeta"),
    ("leverframe.typed.handle", "Handle"),
    ("leverframe.persistence.records", "Stored"),
)


def show_in(shell: Any) -> None:
    """Let an IPython shell show pictures: as SVG, or without the extra as Mermaid text in Markdown."""
    formatters = shell.display_formatter.formatters
    for module, name in SHOWN:
        formatters["image/svg+xml"].for_type_by_name(module, name, as_svg)
        formatters["text/markdown"].for_type_by_name(module, name, as_markdown)


def as_svg(shown: Any) -> str | None:
    """The picture; None where nothing can be drawn, and IPython shows what else there is."""
    machine, look = _seen(shown)
    if machine is None:
        return None
    try:
        return render(machine, "svg", look)
    except MissingExtra:
        return None


def as_markdown(shown: Any) -> str | None:
    """Mermaid text in a block of Markdown, where no SVG can be drawn."""
    machine, look = _seen(shown)
    if machine is None or as_svg(shown) is not None:
        return None
    return f"```mermaid\n{render(machine, 'mermaid', look)}```"


def _seen(shown: Any) -> tuple[Any, Look]:
    """The machine, and how it is shown; None for a class that has no states, such as `Machine` itself."""
    if isinstance(shown, type):
        return (shown if hasattr(shown, "_structure") else None), PLAIN
    machine = shown._machine
    path: str = getattr(shown, "path", "") or machine.path(type(shown.state))
    legend = f"current: {getattr(shown, 'key', '')} {_state_of(shown)}".replace(":  ", ": ")
    return machine, Look(marks=Marks(states={path: StateMark("current")}, legend=(legend,)))


def _state_of(shown: Any) -> str:
    try:
        return show_value(shown.state)
    except Exception as error:  # a row of older code: where it is can be shown, what it says cannot
        return f"{shown.path}, {type(error).__name__}"
