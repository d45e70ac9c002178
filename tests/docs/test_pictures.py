"""The pictures in the documents are those of today's machines."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from documents import DOCUMENTS, ROOT

from leverframe.cli import main
from leverframe.diagrams.embedding import markers_in


def test_pictures_are_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each picture that a document marks is what `leverframe diagram` draws now."""
    monkeypatch.chdir(ROOT)
    names = [str(path.relative_to(ROOT)) for path in DOCUMENTS]
    result = CliRunner(catch_exceptions=False).invoke(main, ["diagram", "--check", *names])
    assert (result.exit_code, result.stdout) == (0, ""), result.stderr


def test_the_readme_has_the_pipelines_picture() -> None:
    """The README shows the pipeline, light and dark."""
    found = [marker.arguments for marker in markers_in((ROOT / "README.md").read_text(encoding="utf-8"))]
    assert [(arguments[0], arguments[-1]) for arguments in found] == [("pipeline", "light"), ("pipeline", "dark")]


def test_the_picture_of_a_journal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The page on pictures shows what the journal of the stories says."""
    monkeypatch.chdir(tmp_path)
    run = CliRunner(catch_exceptions=False).invoke
    run(main, ["replay", "pipeline", str(ROOT / "examples" / "stories" / "xstate-dirty.jsonl")])
    assert run(main, ["diagram", "pipeline", "--heat", "-o", "heat.svg"]).exit_code == 0
    assert (tmp_path / "heat.svg").read_bytes() == (ROOT / "docs" / "pictures" / "heat.svg").read_bytes()
