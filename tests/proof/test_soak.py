"""The command that goes on for as long as one likes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.long
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_one_round(seed: int) -> None:
    """A round of each kind ends with status 0, and says what it has done."""
    command = [sys.executable, "-m", "benchmarks.soak", "--minutes", "0", "--seed", str(seed)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert f"seed {seed}" in ended.stdout
    assert "violations                 0" in ended.stdout
