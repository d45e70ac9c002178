"""A folder in which a document's blocks, or an example program, are run."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from documents import ROOT
from postgres_server import Server


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder but for the examples; the working folder, and where modules are looked for first."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))  # pyright: ignore[reportUnknownMemberType]  # pytest's own
    monkeypatch.delenv("LEVERFRAME_DB", raising=False)
    return tmp_path


@pytest.fixture
def database_url(postgres_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment names an empty place on a PostgreSQL server."""
    monkeypatch.setenv("DATABASE_URL", postgres_server.fresh_url())
