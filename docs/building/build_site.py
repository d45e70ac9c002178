"""Builds the documentation site: `uv run --group docs python docs/building/build_site.py` makes build/site.

Nothing is fetched.  It ends with status 1 if zensical has warned of something, a link leads nowhere, or a page fetches
something from the network when it is read.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from site_links import problems
from site_pages import ROOT, stage

PAGES = ROOT / "build" / "pages"
SITE = ROOT / "build" / "site"


def main() -> int:
    """Build it, and look at its links; the exit status."""
    stage(PAGES)
    if not _built():
        return 1
    found = list(problems(SITE))
    for problem in found:
        print(problem)
    return 1 if found else 0


def _built() -> bool:
    command = [str(Path(sys.executable).with_name("zensical")), "build", "--clean", "--strict"]
    environment = {**os.environ, "NO_COLOR": "1", "PYTHONPATH": str(Path(__file__).parent)}
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
