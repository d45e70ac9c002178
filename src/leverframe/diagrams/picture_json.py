"""A picture as JSON text: all that is in it."""

from __future__ import annotations

import json
from typing import Any

from leverframe.diagrams.looks import PLAIN, Look, Marks
from leverframe.diagrams.objects import picture_object
from leverframe.diagrams.picture import Picture

__all__ = ["picture_json"]


def picture_json(picture: Picture, look: Look = PLAIN) -> str:
    """All that is in a picture, and the marks on it; `read_picture` makes a picture of it again.

    >>> from leverframe.diagrams.objects import read_picture
    >>> from leverframe.diagrams.picture import picture_of
    >>> from leverframe.machines.worker import Worker
    >>> read_picture(json.loads(picture_json(picture_of(Worker)))) == picture_of(Worker)
    True
    """
    said = picture_object(picture) | marks_object(look.marks)
    return json.dumps(said, ensure_ascii=False, indent=2) + "\n"


def marks_object(marks: Marks) -> dict[str, Any]:
    """The marks as JSON values; nothing where there are none."""
    if not (marks.states or marks.arrows or marks.legend):
        return {}
    states = {path: _filled({"kind": mark.kind, "notes": mark.notes}) for path, mark in marks.states.items()}
    arrows = {name: _filled({"kind": mark.kind, "note": mark.note}) for name, mark in marks.arrows.items()}
    return {"marks": {"states": states, "arrows": arrows, "legend": marks.legend}}


def _filled(said: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if value}
