"""Text for Graphviz, for those who have it and a style of their own."""

from __future__ import annotations

from collections.abc import Iterator

from leverframe.diagrams.drawing import Box, Drawing, Wire, draw
from leverframe.diagrams.looks import Look
from leverframe.diagrams.picture import Picture

__all__ = ["dot"]

COLOURS = {
    "current": 'fillcolor="#fff1c2" color="#bf6a02" penwidth=3',
    "visited": 'fillcolor="#ddf4ff" color="#0969da"',
    "added": 'fillcolor="#dafbe1" color="#1a7f37" penwidth=2',
    "removed": 'fillcolor="#ffebe9" color="#cf222e" style="rounded,filled,dashed"',
    "changed": 'fillcolor="#fbefff" color="#8250df" penwidth=2',
    "hot": 'fillcolor="#b6e3ff" color="#0969da"',
    "never": 'style="rounded,filled,dashed"',
}

LINES = {
    "visited": 'color="#0969da" penwidth=2',
    "added": 'color="#1a7f37" fontcolor="#1a7f37" penwidth=2',
    "removed": 'color="#cf222e" fontcolor="#cf222e" style=dashed',
    "changed": 'color="#8250df" fontcolor="#8250df" penwidth=2',
    "hot": 'color="#0969da"',
    "never": 'color="#8c959f" fontcolor="#59636e" style=dashed',
}


def dot(picture: Picture, look: Look) -> str:
    """A picture as text for Graphviz: superstates are clusters, whose arrows are cut off at their borders.

    >>> from leverframe.diagrams.looks import PLAIN
    >>> from leverframe.diagrams.picture import picture_of
    >>> from leverframe.machines.orchestrator import TrackerCard
    >>> print(dot(picture_of(TrackerCard), PLAIN).splitlines()[-2].strip())
    "open" -> "deleted" [label="Gone"];
    """
    return "\n".join(_text(draw(picture, look))) + "\n"


def _text(drawing: Drawing) -> Iterator[str]:
    yield f"digraph {_quoted(drawing.title)} {{"
    yield "    compound=true;"
    yield '    node [shape=box style="rounded,filled" fillcolor="#ffffff" fontname="Helvetica" fontsize=12];'
    yield '    edge [fontname="Helvetica" fontsize=11];'
    yield '    graph [fontname="Helvetica" fontsize=12 style=rounded];'
    boxes = {box.path: box for box in drawing.walk()}
    anys = {wire.source for wire in drawing.wires if _is_inside(boxes[wire.source], boxes[wire.target])}
    for box in drawing.boxes:
        yield from _box(box, anys, "    ")
    yield from _beginnings(drawing.boxes, "    ")
    for wire in drawing.wires:
        yield from _wire(wire, boxes)
    if drawing.legend:
        yield f"    label={_quoted(chr(10).join(line.text for line in drawing.legend))}; labelloc=b; labeljust=l;"
    yield "}"


def _box(box: Box, anys: set[str], indent: str) -> Iterator[str]:
    label = _quoted("\n".join([box.title, *(line.text for line in box.lines)]))
    marks = [COLOURS[box.mark.kind]] if box.mark.kind in COLOURS else []
    if not box.boxes:
        final = ["peripheries=2"] if box.final else []
        yield f"{indent}{_quoted(box.path)}{_attributes([f'label={label}', *final, *marks])};"
        return
    yield f"{indent}subgraph {_quoted(f'cluster {box.path}')} {{"
    yield f"{indent}    label={label};"
    if box.path in anys:
        yield f'{indent}    {_any(box)} [shape=plaintext style="" label="any of these"];'
    for inner in box.boxes:
        yield from _box(inner, anys, f"{indent}    ")
    yield from _beginnings(box.boxes, f"{indent}    ")
    yield f"{indent}}}"


def _beginnings(boxes: tuple[Box, ...], indent: str) -> Iterator[str]:
    for box in boxes:
        if box.begins:
            start = _quoted(f"start {box.path}")
            yield f'{indent}{start} [shape=circle style=filled fillcolor=black label="" width=0.15];'
            yield f"{indent}{start} -> {_quoted(_first(box).path)}{_attributes(_ends(None, box))};"


def _wire(wire: Wire, boxes: dict[str, Box]) -> Iterator[str]:
    source, target = boxes[wire.source], boxes[wire.target]
    label = _quoted("\n".join(line.text for line in wire.lines))
    marks = [LINES[wire.kind]] if wire.kind in LINES else []
    marks += [f"penwidth={1 + 4 * wire.share:.1f}"] if wire.share else []
    if _is_inside(source, target):
        tail = _any(source)
        ends, head = [], tail if target is source else _quoted(_first(target).path)
    else:
        tail, head = _quoted(_last(source).path), _quoted(_first(target).path)
        ends = _ends(source, target)
    yield f"    {tail} -> {head}{_attributes([f'label={label}', *ends, *marks])};"


def _is_inside(source: Box, target: Box) -> bool:
    """Whether it is a superstate's move to itself or to a state in it, for which Graphviz has no arrow."""
    return bool(source.boxes) and f"{target.path}.".startswith(f"{source.path}.")


def _any(box: Box) -> str:
    return _quoted(f"any {box.path}")


def _ends(source: Box | None, target: Box) -> list[str]:
    """Where the arrow is cut off: at the border of a cluster."""
    ends = [f"ltail={_quoted(f'cluster {source.path}')}"] if source and source.boxes else []
    return [*ends, f"lhead={_quoted(f'cluster {target.path}')}"] if target.boxes else ends


def _first(box: Box) -> Box:
    """A leaf to which an arrow to a cluster is tied, for Graphviz ties none to the cluster itself."""
    return _first(box.boxes[0]) if box.boxes else box


def _last(box: Box) -> Box:
    """A leaf to which an arrow from a cluster is tied."""
    return _last(box.boxes[-1]) if box.boxes else box


def _attributes(given: list[str]) -> str:
    return f" [{' '.join(given)}]" if given else ""


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
