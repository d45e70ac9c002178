"""How is a machine written so that it fits a terminal?  As a table, as several, or as a list of its states.

Everything here is lines of text for a width, and knows no terminal.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest

from attrs import frozen

from leverframe.diagrams.picture import Field, Move, State
from leverframe.diagrams.table import (
    FINAL,
    INHERITED,
    INITIAL,
    NOT_ACCEPTED,
    Row,
    Table,
    Way,
    branch_of,
    event_fields,
    field_text,
    own_fields,
    shared_fields,
    short_names,
    state_marks,
)

__all__ = [
    "Line",
    "beside",
    "beside_plainly",
    "fields_text",
    "moves_as_list",
    "moves_as_tables",
    "sheet_of",
    "state_title",
]

GAP = "  "
INDENT = "  "
KEPT = "\N{NO-BREAK SPACE}"
"""In place of a blank at which no line is to be broken."""

MOST_TABLES = 3
"""Where more would be needed, a list of the states is easier to read."""

NARROWEST_TEXT = 24


@frozen
class Line:
    """A line of text; a heading stands out where it can."""

    text: str
    heading: bool = False


Lines = list[Line]


def sheet_of(table: Table, width: int) -> Lines:
    """A machine's states, moves and events, within a width."""
    tables = moves_as_tables(table, width)
    events = events_sheet(table, width)
    if tables is None:
        return joined([moves_as_list(table, width), legend_lines(table, width, guards=False), events])
    legend = legend_lines(table, width, guards=True)
    return joined([states_sheet(table, width), *tables, legend, events, guards_sheet(table, width)])


def joined(blocks: Iterable[Lines]) -> Lines:
    """Blocks of lines, one below the other with a blank line between."""
    found: Lines = []
    for block in blocks:
        if block and found:
            found.append(Line(""))
        found += block
    return found


# ---------------------------------------------------------------- states and events


def state_title(table: Table, row: Row, branch: str) -> str:
    """A state as it stands in the tree."""
    return " ".join([branch + row.state.name, *state_marks(table.picture, row.state)])


def states_sheet(table: Table, width: int) -> Lines:
    """The tree of states, and the fields of each."""
    shared = shared_fields(table.picture)
    every = [("every state", fields_text(shared))] if shared else []
    rows = [(state_title(table, row, row.branch), state_words(table, row.state)) for row in table.rows]
    return beside([("state", "fields"), *every, *rows], width)


def state_words(table: Table, state: State) -> str:
    """A state's fields as they are written in Python, and what is said of it behind a #."""
    fields = fields_text(own_fields(table.picture, state))
    document = f"#{KEPT}{state.document}" if state.document else ""
    return "  ".join(text for text in (fields, document) if text)


def fields_text(fields: Iterable[Field]) -> str:
    """Fields, of which each stays in one line where it can."""
    return ", ".join(field_text(field).replace(" ", KEPT) for field in fields)


def events_sheet(table: Table, width: int) -> Lines:
    """The events that have fields."""
    shared, others = event_fields(table.picture)
    every = [("every event", fields_text(shared))] if shared else []
    rows = [*every, *((event, fields_text(fields)) for event, fields in others.items())]
    return beside([("event", "fields"), *rows], width) if rows else []


def beside(rows: Sequence[tuple[str, str]], width: int, hang: str = "") -> Lines:
    """A name and a text in each row, the texts below one another and broken to fit; the first row is the heading.

    Where a text is broken, `hang` stands in front of what goes on.
    """
    left = max(len(name) for name, _ in rows) + len(GAP)
    if width - left < NARROWEST_TEXT:
        return below(rows, width, hang)
    lines: Lines = []
    for number, (name, text) in enumerate(rows):
        first, *others = wrapped(text, width - left, hang) or [""]
        lines.append(Line(f"{name:{left}}{first}".rstrip(), heading=number == 0))
        lines += [Line(" " * left + other) for other in others]
    return lines


def beside_plainly(rows: Sequence[tuple[str, str]], width: int) -> Lines:
    """As `beside`, without a heading."""
    return [Line(line.text) for line in beside([("", ""), *rows], width)[1:]] if rows else []


def below(rows: Sequence[tuple[str, str]], width: int, hang: str) -> Lines:
    """As `beside`, each text below its name."""
    (name, text), *others = rows
    lines = [Line(f"{name}, {text}", heading=True)]
    for name, text in others:
        names = [Line(name)] if name else []
        lines += [*names, *(Line(f"{INDENT}{line}") for line in wrapped(text, width - len(INDENT), hang))]
    return lines


def wrapped(text: str, width: int, hang: str = "") -> list[str]:
    """The text in lines; what is kept together is broken only where it would not fit a line of its own."""
    parts = (part if len(part) <= width else part.replace(KEPT, " ") for part in text.split(" "))
    lines = textwrap.wrap(" ".join(parts), width, subsequent_indent=hang, break_on_hyphens=False)
    return [line.replace(KEPT, " ") for line in lines]


# ---------------------------------------------------------------- what each event does, as tables


def moves_as_tables(table: Table, width: int) -> list[Lines] | None:
    """What each event does in each state, in as many tables as it takes; None if those are too many."""
    names = short_names(table.picture)
    titles = [state_title(table, row, row.branch) for row in table.rows]
    columns = [Column.of(table, number, names) for number in range(len(table.events))]
    groups = balanced(columns, width - max(map(len, titles)))
    if groups is None or len(groups) > MOST_TABLES:
        return None
    return [one_table(table, group, whole=len(groups) == 1) for group in groups]


@frozen
class Column:
    """An event: its name, and what it does in each state, in lines."""

    event: str
    cells: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, table: Table, number: int, names: dict[str, str]) -> Column:
        return cls(table.events[number], tuple(cell(table, row, row.ways[number], names) for row in table.rows))

    @property
    def width(self) -> int:
        return max(len(self.event), *(len(line) for lines in self.cells for line in lines))


def cell(table: Table, row: Row, ways: tuple[Way, ...], names: dict[str, str]) -> tuple[str, ...]:
    """What an event does in a state: where its own moves lead to, and whether a superstate's take it."""
    own = [line for way in ways if not way.inherited for line in way_lines(table, way, names)]
    inherited = [INHERITED] if any(way.inherited for way in ways) else []
    return (*own, *inherited) or ((NOT_ACCEPTED,) if row.state.is_leaf else ("",))


def way_lines(table: Table, way: Way, names: dict[str, str]) -> Iterator[str]:
    targets = [names[target] for target in table.targets(way.move)]
    *others, last = [*targets[:1], *(f"| {target}" for target in targets[1:])]
    yield from others
    yield f"{last}{' ?' if way.move.guard else ''}"


def balanced(columns: list[Column], room: int) -> list[list[Column]] | None:
    """The columns in as few groups as there have to be, none of them much wider than the others."""
    groups = grouped(columns, room)
    while groups is not None and room > 0:
        room -= 1
        narrower = grouped(columns, room)
        if narrower is None or len(narrower) > len(groups):
            break
        groups = narrower
    return groups


def grouped(columns: list[Column], room: int) -> list[list[Column]] | None:
    """The columns in groups that each have room; None if one is too wide alone."""
    groups: list[list[Column]] = []
    left = 0
    for column in columns:
        needed = len(GAP) + column.width
        if needed > room:
            return None
        if needed > left:
            groups.append([])
            left = room
        groups[-1].append(column)
        left -= needed
    return groups


def one_table(table: Table, columns: list[Column], *, whole: bool) -> Lines:
    """A table of some events; states that take none of them are left out, unless these are all events there are."""
    taking = [row.state.path for row in table.rows if whole or takes_any(table, row, columns)]
    shown = {row.state.path for row in table.rows if any(is_inside(path, row.state.path) for path in taking)}
    titles = ["state", *(title_among(table, row, shown) for row in table.rows)]
    widths = [max(map(len, titles)), *(column.width for column in columns)]
    lines = [Line(row_text(["state", *(column.event for column in columns)], widths), heading=True)]
    for number, row in enumerate(table.rows):
        if row.state.path in shown:
            title = [titles[number + 1]]
            cells = (column.cells[number] for column in columns)
            lines += [Line(row_text(parts, widths)) for parts in zip_longest(title, *cells, fillvalue="")]
    return lines


def is_inside(path: str, outer: str) -> bool:
    return path == outer or path.startswith(f"{outer}.")


def title_among(table: Table, row: Row, shown: set[str]) -> str:
    branch = branch_of(table.picture, row.state, shown) if row.state.path in shown else ""
    return state_title(table, row, branch)


def takes_any(table: Table, row: Row, columns: list[Column]) -> bool:
    events = {column.event for column in columns}
    return any(ways for event, ways in zip(table.events, row.ways, strict=True) if event in events)


def row_text(cells: Sequence[str], widths: Sequence[int]) -> str:
    return GAP.join(f"{text:{width}}" for text, width in zip(cells, widths, strict=True)).rstrip()


# ---------------------------------------------------------------- what each event does, as a list


def moves_as_list(table: Table, width: int) -> Lines:
    """One block for each state: its fields, then what each event does there."""
    shared = shared_fields(table.picture)
    fields = wrapped(fields_text(shared), width - len(INDENT))
    every = [Line("every state", heading=True), *(Line(INDENT + line) for line in fields)] if shared else []
    return joined([every, *(state_block(table, row, width) for row in table.rows)])


def state_block(table: Table, row: Row, width: int) -> Lines:
    title = " ".join([row.state.path, *state_marks(table.picture, row.state)])
    words = [Line(INDENT + line) for line in wrapped(state_words(table, row.state), width - len(INDENT))]
    names = short_names(table.picture)
    taken = list(zip(table.events, row.ways, strict=True))
    longest = max((len(event) for event, ways in taken if own_ways(ways)), default=0)
    own = [
        Line(line)
        for event, ways in taken
        for way in own_ways(ways)
        for line in arrow_lines(event, longest, way_words(table, way.move, names), width)
    ]
    return [Line(title, heading=True), *words, *own, *inherited_lines(taken, width)]


def own_ways(ways: tuple[Way, ...]) -> list[Way]:
    return [way for way in ways if not way.inherited]


def arrow_lines(event: str, longest: int, words: str, width: int) -> list[str]:
    front = f"{INDENT}{event:{longest}} → "
    if len(front) + len(words) <= width:
        return [front + words]
    return [f"{INDENT}{event}", *(f"{INDENT}{line}" for line in wrapped(f"{INDENT}→ {words}", width - 2, " " * 4))]


def way_words(table: Table, move: Move, names: dict[str, str]) -> str:
    """Where a move leads to, and under which condition."""
    guard = f" [{move.guard}]" if move.guard else ""
    return f"{' | '.join(names[target] for target in table.targets(move))}{guard}"


def inherited_lines(taken: list[tuple[str, tuple[Way, ...]]], width: int) -> Lines:
    """The events that superstates take, by superstate."""
    found: dict[str, list[str]] = {}
    for event, ways in taken:
        for superstate in dict.fromkeys(way.inherited for way in ways if way.inherited):
            found.setdefault(superstate, []).append(event)
    texts = [f"{INHERITED} {superstate}: {', '.join(events)}" for superstate, events in found.items()]
    return [Line(INDENT + line) for text in texts for line in wrapped(text, width - len(INDENT), INDENT)]


# ---------------------------------------------------------------- what the marks mean


def guards_sheet(table: Table, width: int) -> Lines:
    """The guards, each with what it guards."""
    rows = [(move.guard, f"{move.event} in {', '.join(move.sources)}") for move in table.picture.moves if move.guard]
    return beside([("guard", "of"), *rows], width) if rows else []


def legend_lines(table: Table, width: int, *, guards: bool) -> Lines:
    """The marks that occur; a list names guards, and has no mark for them."""
    ways = [way for row in table.rows for found in row.ways for way in found]
    said = {
        f"{INITIAL} begins here": True,
        f"{FINAL} final": any(row.state.final for row in table.rows),
        f"{INHERITED} as its superstate": any(way.inherited for way in ways),
        f"{NOT_ACCEPTED} not accepted": any(not found for row in table.rows for found in row.ways),
        "? if its guard allows it": guards and any(way.move.guard for way in ways),
    }
    text = "  ".join(text.replace(" ", KEPT) for text, occurs in said.items() if occurs)
    return [Line(line) for line in wrapped(text, width)]
