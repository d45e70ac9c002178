"""Pictures in a Markdown document: where they are, and how the document changes with them."""

from __future__ import annotations

import pytest

from leverframe.diagrams.embedding import fenced, markers_in, with_contents

DOCUMENT = """# A
<!-- leverframe diagram pipeline -f mermaid -->
old
```text
<!-- end -->
```
<!-- end -->
<!-- leverframe diagram run -o "a b.svg" -->
````markdown
```
<!-- leverframe diagram job -->
````
  <!--leverframe diagram task --fold x-->
<!-- end -->
"""


def test_markers() -> None:
    """Each marker outside of code has a line, a shell's words, and an end if there is one before the next."""
    assert [(marker.line, marker.arguments, marker.last) for marker in markers_in(DOCUMENT)] == [
        (2, ("pipeline", "-f", "mermaid"), 6),
        (8, ("run", "-o", "a b.svg"), None),
        (13, ("task", "--fold", "x"), 13),
    ]


def test_what_stands_between() -> None:
    """What stands between the markers changes, and not one character besides."""
    first, _, last = markers_in(DOCUMENT)
    changed = with_contents(DOCUMENT, {first: "new\n", last: "also\n"})
    assert changed == DOCUMENT.replace("old\n```text\n<!-- end -->\n```\n", "new\n").replace(
        "--fold x-->\n", "--fold x-->\nalso\n"
    )
    assert with_contents(DOCUMENT, {}) == DOCUMENT


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_ends_of_lines(ending: str) -> None:
    """New lines end as the document's do, and a last line without an end keeps having none."""
    text = "<!-- leverframe diagram a -->\n<!-- end -->\nlast\x0cline".replace("\n", ending)
    (marker,) = markers_in(text)
    assert with_contents(text, {marker: "b\nc\n"}) == text.replace("<!-- end", f"b{ending}c{ending}<!-- end")


def test_words_that_do_not_end() -> None:
    """An open quote in a marker is refused."""
    with pytest.raises(ValueError, match="quotation"):
        markers_in('<!-- leverframe diagram "a -->\n')


@pytest.mark.parametrize(
    "text",
    ["<!-- leverframe diagrams -->", "text <!-- leverframe diagram a -->", "<!-- leverframe -->", "<!-- end -->"],
)
def test_what_is_no_marker(text: str) -> None:
    """Other comments, and one in the middle of a line, are no markers."""
    assert markers_in(text) == ()


def test_blocks_of_code() -> None:
    """What is drawn stands in a block that it cannot end, and Markdown stands by itself."""
    assert fenced("a\n```\n", "x") == "````x\na\n```\n````\n"
    assert fenced("| a |", "md") == "\n| a |\n\n"


def test_made_twice() -> None:
    """A document that was brought up to date is found to be so."""
    (marker,) = markers_in("<!-- leverframe diagram a -->\n<!-- end -->")
    text = with_contents("<!-- leverframe diagram a -->\n<!-- end -->", {marker: fenced("````", "x")})
    (again,) = markers_in(text)
    assert with_contents(text, {again: fenced("````", "x")}) == text
