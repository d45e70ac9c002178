"""What is drawn, whatever the format: boxes in boxes, with lines of text, and wires between them.

Here superstates are folded, arrows that run side by side become one wire, and marks become words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attrs import evolve, frozen

from leverframe.diagrams.looks import Arrow, ArrowMark, Kind, Look, StateMark, arrows_of
from leverframe.diagrams.picture import Field, Move, Picture, Place, State

__all__ = ["Box", "Drawing", "Line", "Wire", "draw"]

SIGNS: dict[str, Kind] = {"+": "added", "-": "removed", "−": "removed", "~": "changed"}
"""How a note begins that says what a change does to a field."""

SAMPLES: dict[str, Kind] = {
    "current": "current",
    "visited": "visited",
    "added": "added",
    "removed": "removed",
    "changed": "changed",
    "hot": "hot",
    "never": "never",
}
"""How a line of the legend begins that is about a mark."""

MANY = 3
"""So many states are shown without the fields that all of them have."""

LONGEST = 44
"""Characters of a line, before it goes on in the next one."""


@frozen
class Line:
    """One line of text: a field of a payload, a hook, or a note; `kind` as in marks."""

    text: str
    role: str = "field"
    kind: Kind = "plain"

    @property
    def is_bold(self) -> bool:
        return self.role == "note" or self.kind in ("added", "changed", "hot")


@frozen
class Box:
    """A state, to be drawn; `boxes` are in it.  `begins` says that an arrow from nowhere leads to it."""

    path: str
    title: str
    lines: tuple[Line, ...]
    mark: StateMark
    boxes: tuple[Box, ...]
    begins: bool
    final: bool
    folded: bool
    description: str

    def walk(self) -> Iterator[Box]:
        """The box, and all in it."""
        yield self
        for box in self.boxes:
            yield from box.walk()


@frozen
class Wire:
    """Arrows that run side by side, as one: out of the box of one path into that of another."""

    source: str
    target: str
    lines: tuple[Line, ...]
    kind: Kind
    share: float
    arrows: tuple[str, ...]
    description: str


@frozen
class Drawing:
    """All that is drawn.

    `boxes` are those of the top; `shared` are fields that every state has, shown once; `legend` explains the marks.
    """

    title: str
    description: str
    boxes: tuple[Box, ...]
    wires: tuple[Wire, ...]
    shared: tuple[Line, ...]
    legend: tuple[Line, ...]

    def walk(self) -> Iterator[Box]:
        """All boxes, each before what is in it."""
        for box in self.boxes:
            yield from box.walk()


def draw(picture: Picture, look: Look, *, shares: bool = False) -> Drawing:
    """What is drawn of a picture; with `shares`, fields that every state has are shown once, beside the states."""
    shared = _shared(picture) if shares and look.shows_fields else ()
    return Drawing(
        title=picture.machine,
        description=picture.document,
        boxes=tuple(_box(picture, look, state, shared) for state in picture.states if not state.parent),
        wires=tuple(_wires(picture, look)),
        shared=tuple(Line(field_words(each)) for each in shared),
        legend=tuple(_legend_line(line) for line in look.marks.legend),
    )


def _shared(picture: Picture) -> tuple[Field, ...]:
    """What every leaf has, where there are enough of them for it to be a burden."""
    if len(picture.leaves) < MANY:
        return ()
    first, *others = [{field_words(each): each for each in leaf.fields} for leaf in picture.leaves]
    return tuple(each for words, each in first.items() if all(words in other for other in others))


def _legend_line(text: str) -> Line:
    kind, colon, words = text.partition(": ")
    return Line(words, "legend", SAMPLES[kind]) if colon and kind in SAMPLES else Line(text, "legend")


# ---------------------------------------------------------------- boxes


def _box(picture: Picture, look: Look, state: State, shared: tuple[Field, ...]) -> Box:
    folded = state.path in look.folded and not state.is_leaf
    inner = () if folded else tuple(_box(picture, look, picture.state(path), shared) for path in state.children)
    mark = _mark_inside(picture, look, state) if folded else look.marks.states.get(state.path, StateMark())
    return Box(
        path=state.path,
        title=state.payload,
        lines=tuple(_lines(picture, look, state, mark, folded, {each.name for each in shared})),
        mark=mark,
        boxes=inner,
        begins=state.initial and _is_entered(picture, state.parent),
        final=state.final,
        folded=folded,
        description=_state_words(state, mark),
    )


def _mark_inside(picture: Picture, look: Look, state: State) -> StateMark:
    """The mark of a folded superstate, which speaks for what is in it."""
    own = look.marks.states.get(state.path, StateMark())
    if own.kind != "plain":
        return own
    inside = [each.path for each in picture.states if each.path.startswith(f"{state.path}.")]
    kinds = {look.marks.states[path].kind for path in inside if path in look.marks.states}
    if "current" in kinds or "visited" in kinds:
        return evolve(own, kind="current" if "current" in kinds else "visited")
    return evolve(own, kind="changed") if kinds & {"added", "removed", "changed"} else own


def _is_entered(picture: Picture, path: str) -> bool:
    """Whether one gets into a superstate as such, and so into what it begins with.  The top is always entered."""
    if not path or any(path in move.targets for move in picture.moves):
        return True
    state = picture.state(path)
    return state.initial and _is_entered(picture, state.parent)


def _lines(
    picture: Picture, look: Look, state: State, mark: StateMark, folded: bool, shared: set[str]
) -> Iterator[Line]:
    fields = [each for each in state.fields if not each.inherited] if look.shows_fields else []
    signed: dict[str, Kind] = {
        note[2:]: SIGNS[note[0]] for note in mark.notes if note[:1] in SIGNS and note[1:2] == " "
    }
    shown = {words: each for each in fields if (words := field_words(each)) in signed or each.name not in shared}
    for words in shown:
        yield from _wrapped(Line(words, "field", signed.get(words, "plain")))
    for hook in state.hooks:
        yield Line(f"{hook.kind} / {hook.name}", "hook")
    if look.shows_places and state.place:
        yield Line(_place_words(state.place), "place")
    if folded:
        yield Line(f"{len(picture.inside(state.path))} states", "place")
    for note in mark.notes:
        yield from _note(note, set(shown))


def _note(note: str, shown: set[str]) -> Iterator[Line]:
    sign, words = note[:1], note[2:]
    if sign not in SIGNS or note[1:2] != " ":
        yield from _wrapped(Line(note, "note"))
    elif words not in shown:
        yield from _wrapped(Line(words, "field", SIGNS[sign]))


def field_words(each: Field) -> str:
    """A field as one writes it."""
    return f"{each.name}: {each.type}"


def _state_words(state: State, mark: StateMark) -> str:
    parts = [state.path, *([state.document] if state.document else [])]
    parts += ["may begin here" for _ in [0] if state.initial]
    parts += ["final"] if state.final else []
    parts += [] if mark.kind == "plain" else [mark.kind]
    return "; ".join([*parts, *mark.notes])


# ---------------------------------------------------------------- wires


def _wires(picture: Picture, look: Look) -> Iterator[Wire]:
    """In the order of the first arrow of each."""
    ends = {state.path: _shown(state.path, look.folded) for state in picture.states}
    beside: dict[tuple[str, str, Kind], list[Arrow]] = {}
    for arrow in arrows_of(picture):
        source, target = ends[arrow.source], ends[arrow.target]
        inside = source == target and (arrow.source, arrow.target) != (source, target)
        if not inside:
            kind = look.marks.arrows.get(arrow.name, ArrowMark()).kind
            beside.setdefault((source, target, kind), []).append(arrow)
    for (source, target, kind), arrows in beside.items():
        yield _wire(look, source, target, kind, arrows)


def _shown(path: str, folded: frozenset[str]) -> str:
    """The outermost folded superstate around a state, or the state."""
    parts = path.split(".")
    above = (".".join(parts[:count]) for count in range(1, len(parts)))
    return next((each for each in above if each in folded), path)


def _wire(look: Look, source: str, target: str, kind: Kind, arrows: list[Arrow]) -> Wire:
    marks = [look.marks.arrows.get(arrow.name, ArrowMark()) for arrow in arrows]
    lines: dict[str, Line] = {}
    for arrow, mark in zip(arrows, marks, strict=True):
        for line in _arrow_lines(look, arrow.move, mark, alone=len(arrows) == 1):
            lines.setdefault(line.text, line)
    return Wire(
        source=source,
        target=target,
        lines=tuple(lines.values()),
        kind=kind,
        share=min(1.0, sum(mark.share for mark in marks)),
        arrows=tuple(arrow.name for arrow in arrows),
        description="\n".join(_long_words(arrow, mark) for arrow, mark in zip(arrows, marks, strict=True)),
    )


def _arrow_lines(look: Look, move: Move, mark: ArrowMark, *, alone: bool) -> Iterator[Line]:
    """What is said at an arrow; where several are one wire, a note stands beside what it is about."""
    words = f"{move.event} [{move.guard}]" if move.guard else move.event
    note = mark.note if alone else ""
    yield from _wrapped(Line(words if alone or not mark.note else f"{words} {mark.note}", "move", mark.kind))
    if note:
        yield from _wrapped(Line(note, "move", mark.kind))
    if look.shows_places and move.place:
        yield Line(_place_words(move.place), "place")


def _long_words(arrow: Arrow, mark: ArrowMark) -> str:
    fields = ", ".join(field_words(each) for each in arrow.move.fields)
    said = [f"{arrow.move.event}({fields}) by {arrow.move.name}: {arrow.source} to {arrow.target}"]
    said += [f"if {arrow.move.guard}"] if arrow.move.guard else []
    said += [mark.kind] if mark.kind != "plain" else []
    said += [mark.note] if mark.note else []
    said += [str(arrow.move.place)] if arrow.move.place else []
    return "; ".join(said)


# ---------------------------------------------------------------- words


def _place_words(place: Place) -> str:
    return f"{place.file.rpartition('/')[2]}:{place.line}"


def _wrapped(line: Line) -> Iterable[Line]:
    """Broken at a space, where it is long."""
    text, whole = line.text, [""]
    for word in text.split(" "):
        if whole[-1] and len(whole[-1]) + len(word) >= LONGEST:
            whole.append(word)
        else:
            whole[-1] = f"{whole[-1]} {word}".strip()
    return [evolve(line, text=each) for each in whole]
