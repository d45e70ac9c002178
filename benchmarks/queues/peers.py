"""Other queues, each in a virtual environment and a process of its own, which work off jobs when they are told to."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from attrs import frozen

__all__ = ["HAREL", "HUEY", "PGQUEUER", "PROCRASTINATE", "Peer", "PeerProcess"]

ROOT = Path(__file__).parents[2]


@frozen
class Peer:
    """A library, the module here that runs it, and what is installed for it."""

    name: str
    module: str
    packages: tuple[str, ...]


PROCRASTINATE = Peer("procrastinate 3.10", "procrastinate_side", ("procrastinate==3.10.0", "psycopg[binary]==3.3.9"))
PGQUEUER = Peer("pgqueuer 1.6", "pgqueuer_side", ("pgqueuer==1.6.0", "asyncpg==0.32.0", "uvloop==0.23.0"))
HUEY = Peer("huey 3.5", "huey_side", ("huey==3.5.4",))
HAREL = Peer("harel 0.9", "harel_side", ("harel==0.9.0", "psycopg[binary]==3.3.9"))


class PeerProcess:
    """A peer that has made its tables, and waits for jobs."""

    def __init__(self, peer: Peer, arguments: Sequence[str]) -> None:
        self._name = peer.name
        packages = [part for package in peer.packages for part in ("--with", package)]
        uv = ["uv", "run", "--quiet", "--no-project", "--python", sys.executable, *packages]
        # Imported, and not run as a program: procrastinate warns of tasks that stand in one.
        program = f"import sys; from benchmarks.queues.{peer.module} import main; main(*sys.argv[1:])"
        command = [*uv, "python", "-c", program, *arguments]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._read()

    def enqueue(self, jobs: int) -> None:
        self._ask(f"enqueue {jobs}")

    def drain(self, jobs: int) -> float:
        """Seconds from the first claim to the last completion of so many jobs."""
        return float(self._ask(f"drain {jobs}"))

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        if self._process.wait() != 0:
            raise RuntimeError(f"{self._name} failed; what it said is above")

    def _ask(self, line: str) -> str:
        assert self._process.stdin is not None
        print(line, file=self._process.stdin, flush=True)
        return self._read()

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._name} ended; what it said is above")
        return line
