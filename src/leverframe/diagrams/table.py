"""States x events: what each event does in each state, and whose move that is; and all of it as Markdown."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from attrs import evolve, frozen

from leverframe.diagrams.looks import PLAIN, Arrow, Look, Marks
from leverframe.diagrams.picture import Field, Move, Picture, State

__all__ = [
    "FINAL",
    "INHERITED",
    "INITIAL",
    "NOT_ACCEPTED",
    "Row",
    "Table",
    "Way",
    "begins_in",
    "branch_of",
    "event_fields",
    "field_text",
    "markdown_of",
    "own_fields",
    "shared_fields",
    "short_names",
    "state_marks",
    "table_of",
]

INITIAL, FINAL, INHERITED, NOT_ACCEPTED = "◂", "◉", "↑", "·"


@frozen
class Way:
    """A move that may take an event in a state; `inherited` is the superstate whose move it is, empty for its own."""

    move: Move
    inherited: str = ""


@frozen
class Row:
    """A state, and the ways of each event there: those that are asked first stand first.

    `branch` draws the tree in front of its name; a `folded` superstate stands for all that is in it.
    """

    state: State
    branch: str
    ways: tuple[tuple[Way, ...], ...]
    folded: bool = False


@frozen
class Table:
    """A machine as a table.  A state's row has a place for each of `events`, in their order.

    >>> from leverframe.diagrams.picture import picture_of
    >>> from leverframe.machines.pipeline import Pipeline
    >>> table = table_of(picture_of(Pipeline))
    >>> merge = table.rows[4]
    >>> merge.branch + merge.state.name
    '└ merge'
    >>> [(way.move.name, way.inherited) for ways in merge.ways for way in ways][:3]
    [('merge_succeeded', ''), ('merge_failed_final', ''), ('block', 'active')]
    """

    picture: Picture
    events: tuple[str, ...]
    rows: tuple[Row, ...]
    folded: frozenset[str] = frozenset()

    def shown(self, path: str) -> str:
        """The path itself, or that of the outermost folded superstate around it."""
        parts = path.split(".")
        outer = (".".join(parts[:end]) for end in range(1, len(parts)))
        return next((each for each in outer if each in self.folded), path)

    def targets(self, move: Move) -> tuple[str, ...]:
        """The paths that a move leads to, as far as they are shown."""
        return tuple(dict.fromkeys(self.shown(target) for target in move.targets))


def table_of(picture: Picture, folded: frozenset[str] = frozenset()) -> Table:
    """The table of a machine; of superstates that are `folded`, by their paths, what is in them is not shown."""
    events = tuple(dict.fromkeys(move.event for move in picture.moves))
    table = Table(picture, events, (), folded)
    shown = {state.path: state for state in picture.states if table.shown(state.path) == state.path}
    rows = tuple(_row(table, state, branch_of(picture, state, shown)) for state in shown.values())
    return Table(picture, events, rows, folded)


def begins_in(picture: Picture) -> str:
    """The path of the state in which an instance begins."""
    path = ""
    while True:
        level = [state for state in picture.states if state.parent == path]
        found = next((state for state in level if state.initial), level[0])
        path = found.path
        if found.is_leaf:
            return path


# ---------------------------------------------------------------- rows


def _row(table: Table, state: State, branch: str) -> Row:
    folded = state.path in table.folded
    inside = [each for each in table.picture.states if folded and each.path.startswith(f"{state.path}.")]
    ways = tuple(tuple(_ways_of_all(table.picture, [state, *inside], event)) for event in table.events)
    return Row(state, branch, ways, folded)


def _ways_of_all(picture: Picture, states: Iterable[State], event: str) -> Iterator[Way]:
    """The ways of a state, and its own ones of each state in it that is not shown."""
    first = True
    for state in states:
        yield from (way for way in _ways(picture, state, event) if first or not way.inherited)
        first = False


def _ways(picture: Picture, state: State, event: str) -> Iterator[Way]:
    """Its own moves before its superstates', as declared, up to one that has no guard."""
    path = state.path
    while path:
        for move in picture.moves:
            if move.event == event and path in move.sources:
                yield Way(move, "" if path == state.path else path)
                if not move.guard:
                    return
        path = path.rpartition(".")[0]


def branch_of(picture: Picture, state: State, shown: Collection[str]) -> str:
    """The lines of the tree in front of a state, where only states of these paths are shown."""
    branch = ""
    for inner, outer in _chain(picture, state):
        last = [child for child in outer.children if child in shown][-1] == inner.path
        own = ("└ " if last else "├ ") if inner is state else ("  " if last else "│ ")
        branch = own + branch
    return branch


def _chain(picture: Picture, state: State) -> Iterator[tuple[State, State]]:
    """A state and the superstate around it, outwards."""
    while state.parent:
        outer = picture.state(state.parent)
        yield state, outer
        state = outer


# ---------------------------------------------------------------- words


def short_names(picture: Picture) -> dict[str, str]:
    """What each state is called where there is little room: by its path's last part, where that is the only one.

    >>> from leverframe.diagrams.picture import picture_of
    >>> from leverframe.machines.pipeline import Pipeline
    >>> short_names(picture_of(Pipeline))["active.merge"]
    'merge'
    """
    names = [state.name for state in picture.states]
    return {state.path: state.name if names.count(state.name) == 1 else state.path for state in picture.states}


def field_text(field: Field) -> str:
    """A field as one writes it.

    >>> field_text(Field("reason", "str | None", optional=True))
    'reason: str | None = …'
    """
    return f"{field.name}: {field.type}{' = …' if field.optional else ''}"


def shared_fields(picture: Picture) -> tuple[Field, ...]:
    """The fields that every leaf has, where there are several leaves."""
    return _shared([leaf.fields for leaf in picture.leaves])


def event_fields(picture: Picture) -> tuple[tuple[Field, ...], dict[str, tuple[Field, ...]]]:
    """The fields that every event has, where there are several events; and those of each besides, if it has any.

    >>> from leverframe.diagrams.picture import picture_of
    >>> from leverframe.machines.orchestrator import Task
    >>> shared, others = event_fields(picture_of(Task))
    >>> shared, list(others)
    ((), ['SendBack', 'Cancel'])
    """
    fields = {move.event: move.fields for move in picture.moves}
    shared = _shared(list(fields.values()))
    own = {event: tuple(field for field in found if field not in shared) for event, found in fields.items()}
    return shared, {event: found for event, found in own.items() if found}


def _shared(families: Sequence[tuple[Field, ...]]) -> tuple[Field, ...]:
    """The fields that are in each of several, whether inherited or not."""
    if len(families) < 2:
        return ()
    told = [{evolve(field, inherited=False) for field in fields} for fields in families]
    return tuple(field for field in families[0] if all(evolve(field, inherited=False) in each for each in told))


def own_fields(picture: Picture, state: State) -> tuple[Field, ...]:
    """The fields that neither every leaf has, nor a superstate around it shows.

    >>> from leverframe.diagrams.picture import picture_of
    >>> from leverframe.machines.pipeline import Pipeline
    >>> picture = picture_of(Pipeline)
    >>> [field.name for field in own_fields(picture, picture.state("archived.blocked"))]
    ['reason']
    """
    shared = {field.name for field in shared_fields(picture)}
    return tuple(field for field in state.fields if not field.inherited and field.name not in shared)


# ---------------------------------------------------------------- Markdown

_KINDS = {"current": "●", "visited": "○", "added": "+", "removed": "-", "changed": "~", "hot": "▲", "never": "∅"}

_INDENT = "&emsp;"


def markdown_of(picture: Picture, look: Look = PLAIN) -> str:
    """A machine as tables in GitHub's Markdown: what each event does in each state, and the fields of both.

    >>> from leverframe.diagrams.picture import picture_of
    >>> from leverframe.machines.orchestrator import RepoGate
    >>> print(markdown_of(picture_of(RepoGate)).splitlines()[0])
    | state | Freeze | Unfreeze |
    """
    table = table_of(picture, look.folded)
    blocks = [_moves_block(table, look)]
    if look.shows_fields:
        blocks += [_fields_block("state", _state_fields(table)), _fields_block("event", _event_fields(picture))]
    if look.shows_places:
        blocks.append(_places_block(picture))
    blocks.append(_legend(table, look.marks))
    return "\n\n".join("\n".join(lines) for lines in blocks if lines) + "\n"


def _moves_block(table: Table, look: Look) -> list[str]:
    names = short_names(table.picture)
    body = [
        [
            _state_cell(table.picture, row, look.marks),
            *(_cell(table, row, ways, names, look.marks) for ways in row.ways),
        ]
        for row in table.rows
    ]
    return _lines(["state", *table.events], body)


def _state_cell(picture: Picture, row: Row, marks: Marks) -> str:
    state = row.state
    name = state.name if state.is_leaf and not row.folded else f"**{state.name}**"
    mark = marks.states.get(state.path)
    kind = "" if mark is None else _KINDS.get(mark.kind, "")
    said = [_INDENT * (len(row.branch) // 2) + name, *state_marks(picture, state), kind]
    notes = "" if mark is None else "".join(f"<br>{_escaped(note)}" for note in mark.notes)
    return " ".join(each for each in said if each) + notes


def state_marks(picture: Picture, state: State) -> list[str]:
    """Where an instance begins, and where it ends."""
    return [INITIAL] * (state.path == begins_in(picture)) + [FINAL] * state.final


def _cell(table: Table, row: Row, ways: tuple[Way, ...], names: dict[str, str], marks: Marks) -> str:
    return "<br>".join(_way_text(table, row, way, names, marks) for way in ways)


def _way_text(table: Table, row: Row, way: Way, names: dict[str, str], marks: Marks) -> str:
    mark = f"{INHERITED} " if way.inherited else ""
    guard = f" [{_escaped(way.move.guard)}]" if way.move.guard else ""
    source = way.inherited or row.state.path
    shown = dict.fromkeys(
        names[table.shown(target)] + _arrow_note(marks, Arrow(source, target, way.move)) for target in way.move.targets
    )
    return f"{mark}{' or '.join(shown)}{guard}"


def _arrow_note(marks: Marks, arrow: Arrow) -> str:
    mark = marks.arrows.get(arrow.name)
    said = () if mark is None else (_KINDS.get(mark.kind, ""), _escaped(mark.note))
    return "".join(f" {each}" for each in said if each)


def _state_fields(table: Table) -> Iterator[tuple[str, str, tuple[Field, ...]]]:
    yield "every state", "", shared_fields(table.picture)
    for row in table.rows:
        yield f"`{row.state.path}`", row.state.document, own_fields(table.picture, row.state)


def _event_fields(picture: Picture) -> Iterator[tuple[str, str, tuple[Field, ...]]]:
    shared, others = event_fields(picture)
    yield "every event", "", shared
    for event, fields in others.items():
        yield f"`{event}`", "", fields


def _fields_block(kind: str, described: Iterable[tuple[str, str, tuple[Field, ...]]]) -> list[str]:
    body = [
        [name, "<br>".join([*(f"`{_escaped(field_text(field))}`" for field in fields), *_documents(document)])]
        for name, document, fields in described
        if fields or document
    ]
    return _lines([kind, "fields"], body) if body else []


def _documents(document: str) -> list[str]:
    return [_escaped(document)] if document else []


def _places_block(picture: Picture) -> list[str]:
    body = [[f"`{move.name}`", move.event, f"`{move.place}`"] for move in picture.moves if move.place is not None]
    return _lines(["move", "event", "written in"], body) if body else []


def _legend(table: Table, marks: Marks) -> list[str]:
    inherits = any(way.inherited for row in table.rows for ways in row.ways for way in ways)
    guards = any(move.guard for move in table.picture.moves)
    finals = any(row.state.final for row in table.rows)
    said = [
        f"{INITIAL} begins here",
        *([f"{FINAL} final"] if finals else []),
        *([f"{INHERITED} a superstate's move"] if inherits else []),
        *(["[...] if this guard allows it"] if guards else []),
    ]
    return [" · ".join(said), *(f"<br>{_escaped(_legend_line(line))}" for line in marks.legend)]


def _legend_line(text: str) -> str:
    """`added: what is new` is the sign of the mark, with its words."""
    kind, _, words = text.partition(": ")
    return f"{_KINDS[kind]} {words}" if words and kind in _KINDS else text


def _lines(head: list[str], body: list[list[str]]) -> list[str]:
    return [_line(head), _line(["---"] * len(head)), *map(_line, body)]


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _escaped(text: str) -> str:
    """Text as one cell takes it: a bar would end that, and a tag would be one."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
