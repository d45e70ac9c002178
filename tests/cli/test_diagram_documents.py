"""`leverframe diagram --check` and `--write`: the pictures of documents."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]

README = """# Shop

<!-- leverframe diagram pipeline -o pictures/pipeline.svg --theme light --fold archived -->
![The life of a story.](pictures/pipeline.svg)

Text.

<!-- leverframe diagram worker -f mermaid -->
<!-- end -->
"""

IMAGE = "docs/README.md:3: docs/pictures/pipeline.svg"
TEXT = "docs/README.md:8: the picture of worker"


@pytest.fixture
def readme(folder: Path) -> Path:
    """A document with two pictures, of which none is there yet, in a folder with another one."""
    docs = folder / "docs"
    (docs / "pictures").mkdir(parents=True)
    (docs / "README.md").write_text(README)
    (docs / "other.md").write_text("# Nothing to see\n")
    return docs / "README.md"


def test_check(run: Run, readme: Path) -> None:
    """Each picture that is out of date is told with its line, with status 1, and nothing is written."""
    result = run("diagram", "--check", "docs/README.md")
    assert (result.exit_code, result.stdout) == (1, f"{IMAGE} is not there\n{TEXT} is out of date\n")
    assert result.stderr == "To mend them: leverframe diagram --write docs/README.md\n"
    assert readme.read_text() == README
    assert os.listdir(readme.parent / "pictures") == []


def test_write(run: Run, readme: Path) -> None:
    """What is out of date is made, nothing else changes, and then all is up to date."""
    os.chmod(readme, 0o600)
    result = run("diagram", "--write", "docs/README.md")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == f"{IMAGE} is written\n{TEXT} is written\n"
    drawn = run("diagram", "worker", "-f", "mermaid").stdout
    assert readme.read_text() == README.replace("<!-- end -->", f"```mermaid\n{drawn}```\n<!-- end -->")
    assert stat.S_IMODE(readme.stat().st_mode) == 0o600
    light = run("diagram", "pipeline", "-f", "svg", "--theme", "light", "--fold", "archived").stdout
    assert (readme.parent / "pictures" / "pipeline.svg").read_text() == light
    assert sorted(os.listdir(readme.parent)) == ["README.md", "other.md", "pictures"]
    for verb in ("--check", "--write"):
        again = run("diagram", verb, "docs/README.md")
        assert (again.exit_code, again.stdout, again.stderr) == (0, "", "2 pictures up to date\n")


def test_one_machine_of_several_files(run: Run, readme: Path) -> None:
    """With a machine only its pictures count; files may follow as a shell writes them."""
    assert run("diagram", "worker", "--check", "docs/other.md", "docs/README.md").stdout == f"{TEXT} is out of date\n"
    run("diagram", "worker", "--write", "docs/README.md")
    result = run("diagram", "--check", "docs/README.md", "docs/other.md", "docs/README.md")
    assert result.stdout == f"{IMAGE} is not there\n"


def test_an_image_that_was_changed(run: Run, readme: Path) -> None:
    """An image that somebody has changed is out of date."""
    run("diagram", "--write", "docs/README.md")
    (readme.parent / "pictures" / "pipeline.svg").write_text("<svg/>")
    result = run("diagram", "--check", "docs/README.md")
    assert (result.exit_code, result.stdout) == (1, f"{IMAGE} is out of date\n")


def test_lines_as_they_end(run: Run, readme: Path) -> None:
    """A document keeps its ends of lines, and its byte order mark."""
    readme.write_bytes(b"\xef\xbb\xbf" + README.replace("\n", "\r\n").encode())
    assert run("diagram", "--write", "docs/README.md").exit_code == 0
    content = readme.read_bytes()
    assert content.startswith(b"\xef\xbb\xbf#")
    assert content.count(b"\n") == content.count(b"\r\n")
    assert run("diagram", "--check", "docs/README.md").exit_code == 0


MARKERS = {
    "<!-- leverframe diagram pipelin -->\n<!-- end -->": "docs/README.md:1: 'pipelin' is neither a shipped machine",
    "<!-- leverframe diagram -->\n<!-- end -->": "docs/README.md:1: name one machine",
    "<!-- leverframe diagram worker -->\n": "docs/README.md:1: there is no <!-- end --> behind it",
    "<!-- leverframe diagram worker -f svg -->\n<!-- end -->": "docs/README.md:1: a svg stands in a file of its own",
    "<!-- leverframe diagram worker --heat -->\n<!-- end -->": "docs/README.md:1: a picture in a document is of",
    "<!-- leverframe diagram worker --wide -->\n<!-- end -->": "docs/README.md:1: No such option",
    '<!-- leverframe diagram "worker -->\n<!-- end -->': "docs/README.md: the arguments of a marker: No closing",
    "text": "no picture in docs/README.md; mark the place of one",
}


@pytest.mark.parametrize(("text", "told"), MARKERS.items())
def test_markers_that_say_nothing(run: Run, readme: Path, text: str, told: str) -> None:
    """A marker that cannot be drawn is refused with its line, and nothing of the document is written."""
    whole = f"{text}\n{README}" if text != "text" else text
    readme.write_text(whole)
    for verb in ("--check", "--write"):
        result = run("diagram", verb, "docs/README.md")
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.startswith(f"Error: {told}")
        assert readme.read_text() == whole
    assert os.listdir(readme.parent / "pictures") == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--check", "missing.md"), "missing.md: there is no such file"),
        (("--check", "docs"), "docs: Is a directory"),
        (("--check", "docs/README.md", "--write", "docs/README.md"), "give one of them"),
        (("--check", "docs/README.md", "-f", "svg"), "leave out --format: each marker says"),
        (("--check", "docs/README.md", "--heat"), "leave out --heat: each marker says"),
        (("run", "--check", "docs/README.md"), "no picture of run in docs/README.md"),
    ],
)
@pytest.mark.usefixtures("readme")
def test_what_cannot_be_checked(run: Run, arguments: tuple[str, ...], told: str) -> None:
    """What cannot be checked is refused with status 2."""
    result = run("diagram", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert told in result.stderr


def test_a_document_is_not_overwritten(run: Run, readme: Path) -> None:
    """A document that has pictures is not replaced by one."""
    result = run("diagram", "pipeline", "-o", "docs/README.md")
    assert result.exit_code == 2
    assert "bring them up to date with --write docs/README.md" in result.stderr
    assert readme.read_text() == README


def test_no_text(run: Run, readme: Path) -> None:
    """A file that is no text is refused."""
    readme.write_bytes(b"\xff\xfe")
    assert "is no text in UTF-8" in run("diagram", "--check", "docs/README.md").stderr
