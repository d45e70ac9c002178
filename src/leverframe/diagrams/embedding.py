"""Pictures that stand in a Markdown document: where they are, and the document with others in their places.

    <!-- leverframe diagram pipeline -f mermaid -->
    what is between the two lines is made anew
    <!-- end -->

    <!-- leverframe diagram pipeline -o pipeline.svg -->

Of the second kind is a file beside the document.  What stands in a block of code is an example, and left alone.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence

from attrs import frozen

__all__ = ["Marker", "fenced", "markers_in", "with_contents"]

BEGINNING = re.compile(r"[ \t]*<!--+[ \t]*leverframe[ \t]+diagram\b(?P<arguments>.*?)[ \t]*--+>[ \t]*")
END = re.compile(r"[ \t]*<!--+[ \t]*end[ \t]*--+>[ \t]*")
FENCE = re.compile(r" {0,3}(?P<fence>`{3,}|~{3,})(?P<rest>.*)")

RAW = ("md", "markdown", "html")
"""Formats that are Markdown themselves; all others stand in a block of code."""


@frozen
class Marker:
    """One picture in a document: `line`, from 1, says where, and `arguments` what is drawn.

    Between the lines `first` and `last`, from 0, stands what was drawn; None where there is no end to it.
    """

    line: int
    arguments: tuple[str, ...]
    first: int
    last: int | None


def markers_in(text: str) -> tuple[Marker, ...]:
    r"""Every picture of a document.  Raises `ValueError` for arguments that are no shell's words.

    >>> markers_in("# A\n<!-- leverframe diagram pipeline -f mermaid -->\n<!-- end -->\n")
    (Marker(line=2, arguments=('pipeline', '-f', 'mermaid'), first=2, last=2),)
    """
    found: list[Marker] = []
    for number, line in outside_of_code(text):
        beginning = BEGINNING.fullmatch(line)
        if beginning:
            found.append(Marker(number + 1, tuple(shlex.split(beginning["arguments"])), number + 1, None))
        elif found and found[-1].last is None and END.fullmatch(line):
            found[-1] = Marker(found[-1].line, found[-1].arguments, found[-1].first, number)
    return tuple(found)


def outside_of_code(text: str) -> Iterator[tuple[int, str]]:
    """The lines that are in no block of code, numbered from 0."""
    fence = ""
    for number, line in enumerate(lines_of(text)):
        found = FENCE.fullmatch(line)
        if not fence and (found is None or (found["fence"][0] == "`" and "`" in found["rest"])):
            yield number, line
        elif not fence and found:
            fence = found["fence"]
        elif found and found["fence"].startswith(fence) and not found["rest"].strip():
            fence = ""


def lines_of(text: str) -> Sequence[str]:
    """The lines, as Markdown counts them."""
    return re.split(r"\r\n|\n|\r", text)


def fenced(drawing: str, format: str) -> str:
    r"""What was drawn, as it stands in a document.

    >>> fenced("stateDiagram-v2\n", "mermaid")
    '```mermaid\nstateDiagram-v2\n```\n'
    """
    body = drawing if drawing.endswith("\n") else f"{drawing}\n"
    if format in RAW:
        return f"\n{body}\n"
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", body)), default=0))
    return f"{fence}{format}\n{body}{fence}\n"


def with_contents(text: str, contents: Mapping[Marker, str]) -> str:
    r"""The document with these texts between its markers; its lines end as they did, and all else is as it was.

    >>> text = "<!-- leverframe diagram pipeline -->\nold\n<!-- end -->\n"
    >>> with_contents(text, {markers_in(text)[0]: "new\n"})
    '<!-- leverframe diagram pipeline -->\nnew\n<!-- end -->\n'
    """
    lines = re.findall(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+\Z", text)
    for marker in sorted(contents, key=lambda marker: marker.first, reverse=True):
        ending = line_end(lines[marker.first - 1])
        lines[marker.first : marker.last] = [contents[marker].replace("\n", ending)]
    return "".join(lines)


def line_end(line: str) -> str:
    return line[len(line.rstrip("\r\n")) :]
