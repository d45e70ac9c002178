"""`leverframe describe`: what a machine is, in words.

At a terminal as sheets that fit it; in a pipe one line for each thing, whose first word says which kind it is.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from leverframe.cli.declared import Declared, declared_of
from leverframe.cli.output import Column, aligned, at_terminal, print_json
from leverframe.cli.sheets import Line, beside, joined, sheet_of, wrapped
from leverframe.cli.targets import AnyMachine
from leverframe.diagrams.objects import picture_object
from leverframe.diagrams.picture import Picture, Place, picture_of
from leverframe.diagrams.table import Table, begins_in, field_text, table_of

if TYPE_CHECKING:
    from rich.text import Text

__all__ = ["describe_machine"]

NARROWEST = 40

NOTHING = "-"


def describe_machine(machine: AnyMachine, *, places: bool, as_json: bool) -> None:
    """Print what a machine is."""
    picture = picture_of(machine)
    declared = declared_of(machine, picture)
    if as_json:
        print_json(machine_object(picture, declared))
    elif at_terminal():
        width = max(NARROWEST, shutil.get_terminal_size().columns)
        print_lines(terminal_lines(table_of(picture), declared, width, places=places))
    else:
        print_plainly(piped_lines(table_of(picture), declared, places=places))


def machine_object(picture: Picture, declared: list[Declared]) -> dict[str, Any]:
    """A machine for programs: its picture, where it begins, and what it declares besides."""
    found = picture_object(picture)
    return found | {"begins_in": begins_in(picture), "declared": [each.as_object() for each in declared]}


# ---------------------------------------------------------------- at a terminal


def terminal_lines(table: Table, declared: list[Declared], width: int, *, places: bool) -> list[Line]:
    """All that there is to say, within a width."""
    blocks = [title_lines(table.picture, width), sheet_of(table, width), declared_lines(declared, width)]
    return joined([*blocks, place_lines(table.picture, width) if places else []])


def title_lines(picture: Picture, width: int) -> list[Line]:
    text = f"{picture.machine}: {picture.document}" if picture.document else picture.machine
    first, *others = wrapped(text, width)
    return [Line(first, heading=True), *map(Line, others)]


def declared_lines(declared: list[Declared], width: int) -> list[Line]:
    rows = [
        (title_of(each) if number == 0 else "", text)
        for each in declared
        for number, text in enumerate(each.says or ("",))
    ]
    return beside([("declared", "what it says"), *rows], width, hang="  ") if rows else []


def title_of(declared: Declared) -> str:
    """What it is called, and of which kind it is where the name does not say so."""
    same = declared.name.replace("_", "") == declared.kind.casefold()
    return declared.name if same else f"{declared.name} ({declared.kind})"


def place_lines(picture: Picture, width: int) -> list[Line]:
    """Where each move, state and hook is written."""
    rows = [(name, str(place)) for name, place in places_of(picture)]
    return beside([("written", "where"), *rows], width) if rows else []


def places_of(picture: Picture) -> Iterator[tuple[str, Place]]:
    moves = {move.name: move.place for move in picture.moves}
    hooks = {hook.name: hook.place for state in picture.states for hook in state.hooks}
    states = {state.path: state.place for state in picture.states}
    for name, place in (states | moves | hooks).items():
        if place is not None:
            yield name, place


def print_lines(lines: list[Line]) -> None:
    """Print lines at a terminal, with what matters less in the background."""
    from rich.console import Console

    console = Console(highlight=False)
    for line in lines:
        console.print(styled(line), soft_wrap=True)


def styled(line: Line) -> Text:
    from rich.text import Text

    text = Text(line.text, style="bold" if line.heading else "")
    text.highlight_regex(r"[·↑│├└]|# .*", "dim")
    return text


# ---------------------------------------------------------------- in a pipe

Rows = list[list[str]]


def piped_lines(table: Table, declared: list[Declared], *, places: bool) -> list[Rows]:
    """Rows in groups, of each kind one."""
    picture = table.picture
    states = [
        ["state", state.path, state.payload, kind, fields, *place_word(state.place, places)]
        for state, kind, fields in described_states(picture)
    ]
    events = {move.event: " ".join(map(word_of, move.fields)) for move in picture.moves}
    said = [["declared", each.name, each.kind, text] for each in declared for text in each.says or ("",)]
    return [
        [["machine", picture.machine, picture.document]],
        states,
        [["event", event, fields] for event, fields in events.items()],
        list(move_rows(table, places)),
        said,
    ]


def described_states(picture: Picture) -> Iterator[tuple[Any, str, str]]:
    first = begins_in(picture)
    for state in picture.states:
        kind = "final" if state.final else "initial" if state.path == first else "leaf"
        yield state, kind if state.is_leaf else "superstate", " ".join(map(word_of, state.fields))


def word_of(field: Any) -> str:
    """A field as one word."""
    return field_text(field).replace(" ", "").replace("…", "...")


def move_rows(table: Table, places: bool) -> Iterator[list[str]]:
    """What each event does in each leaf: leaf, event, targets, move, guard, and the superstate whose move it is."""
    for row in table.rows:
        for event, ways in zip(table.events, row.ways, strict=True):
            for way in ways if row.state.is_leaf else ():
                move = way.move
                said = ["|".join(move.targets), move.name, move.guard or NOTHING, way.inherited or NOTHING]
                yield ["move", row.state.path, event, *said, *place_word(move.place, places)]


def place_word(place: Place | None, wanted: bool) -> list[str]:
    return [str(place or NOTHING)] if wanted else []


def print_plainly(groups: list[Rows]) -> None:
    import click

    for rows in groups:
        if rows:
            click.echo("\n".join(aligned([Column("")] * len(rows[0]), rows)))
