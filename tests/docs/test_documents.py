"""What the documents say is so: every block of code in them is run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from documents import (
    DOCUMENTS,
    INSTALL_UV,
    ROOT,
    anchors,
    check_document,
    parse_document,
    prose,
    run_on_terminal,
    sessions,
    write_files,
)

REPLAY = "pip install uv && uv run leverframe replay pipeline examples/stories/click.jsonl"
TESTS = "pip install uv && uv run pytest"

DATABASE_URL = "DATABASE_URL"

LINK = re.compile(r"(?<!!)\[[^\]]+\]\((?P<target>[^)\s]+)\)")


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", DOCUMENTS, ids=named)
@pytest.mark.usefixtures("folder")
def test_every_block_of_a_document_runs(path: Path, request: pytest.FixtureRequest) -> None:
    """Each block of Python and each command runs, and prints what the document says."""
    if DATABASE_URL in path.read_text(encoding="utf-8"):
        request.getfixturevalue("database_url")
    check_document(parse_document(path))


@pytest.mark.parametrize("name", ["README.md", "docs/tutorial.md", "docs/storage.md", "docs/workers.md"])
@pytest.mark.usefixtures("folder")
def test_a_type_checker_accepts_the_programs_of_a_document(name: str) -> None:
    """mypy, as strict as it can be, has nothing to say but where the document shows what it says."""
    path = ROOT / name
    shown = " ".join(command for command in console_commands(path) if command.startswith("uv run mypy"))
    programs = [file for file in write_files(parse_document(path)) if file.endswith(".py") and file not in shown]
    assert programs
    assert run_on_terminal(f"mypy --strict {' '.join(programs)}")[0] == 0


def test_the_readme_has_blocks_that_run() -> None:
    """The README's commands and code are found at all."""
    assert len(list(parse_document(ROOT / "README.md").examples())) >= 10


def console_commands(path: Path) -> Iterator[str]:
    for block in re.findall(r"^```console\n(.*?)^```$", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        yield from (session.command for session in sessions(block))


def test_the_readme_gives_the_two_commands_that_do_their_own_set_up() -> None:
    """One command replays real stories and one runs the tests; each installs what it needs."""
    given = list(console_commands(ROOT / "README.md"))
    assert [command for command in given if command.startswith(INSTALL_UV)] == [REPLAY, TESTS]


@pytest.mark.parametrize("path", DOCUMENTS, ids=named)
def test_set_up_commands_are_those_of_the_readme(path: Path) -> None:
    """No document gives another way to set up than the README's."""
    for command in console_commands(path):
        assert not re.search(r"\bpip\b", command) or command in {REPLAY, TESTS}


@pytest.mark.parametrize("path", [*DOCUMENTS, ROOT / "CHANGELOG.md"], ids=named)
def test_relative_links_lead_somewhere(path: Path) -> None:
    """Each link to a file of the project finds it, and each anchor its heading."""
    for link in LINK.finditer(prose(path)):
        target = link["target"]
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        there = path.parent / name if name else path
        assert there.exists(), f"{named(path)}: {target}"
        assert not anchor or anchor in anchors(there), f"{named(path)}: {target}"


def test_every_page_can_be_reached_from_the_readme() -> None:
    """Following links from the README leads to every page of docs/."""
    reached: set[Path] = set()
    frontier = [ROOT / "README.md"]
    while frontier:
        path = frontier.pop()
        if path in reached:
            continue
        reached.add(path)
        targets = (link["target"].partition("#")[0] for link in LINK.finditer(prose(path)))
        frontier += [
            (path.parent / target).resolve() for target in targets if target.endswith(".md") and "://" not in target
        ]
    assert set(DOCUMENTS) <= reached
