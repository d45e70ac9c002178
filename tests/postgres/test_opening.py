"""What keeps a store from being opened is one clear error, leaves the server as it was, and tells no password."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from chains import told_by
from postgres_server import OwnServer, own_server
from server_watch import relations

import leverframe.persistence.postgres.schema as schema
from leverframe import open_store
from leverframe.errors import (
    AccessDenied,
    CannotOpen,
    InvalidURL,
    LeverframeError,
    MissingDatabase,
    NewerSchema,
    NotADatabase,
    ReadOnly,
    StoreUnreachable,
    UnsupportedServer,
)

SECRET = "hunter2"

HBA = "local all postgres trust\nlocal all all scram-sha-256\n"

SET_UP = (
    f"CREATE ROLE ann LOGIN PASSWORD '{SECRET}'",
    f"CREATE ROLE reader LOGIN PASSWORD '{SECRET}'",
    "ALTER ROLE reader SET default_transaction_read_only = on",
    "CREATE DATABASE closed",
    "REVOKE CONNECT ON DATABASE closed FROM PUBLIC",
    "CREATE SCHEMA hidden",
    "CREATE SCHEMA others",
    "CREATE TABLE others.message (text TEXT)",
    "CREATE SCHEMA strangers",
    "CREATE TABLE strangers.migration (version INTEGER)",
    "INSERT INTO strangers.migration VALUES (7)",
)


@pytest.fixture(scope="module")
def server() -> Iterator[OwnServer]:
    """One that asks everybody for a password but its administrator."""
    with own_server(hurried=True) as server:
        for statement in SET_UP:
            server.run(statement)
        Path(server.run("SHOW hba_file")[0][0]).write_text(HBA)
        server.crash()
        server.start()
        yield server


def url_of(server: OwnServer, user: str, password: str = "", database: str = "postgres", options: str = "") -> str:
    folder = server.run("SHOW unix_socket_directories")[0][0]
    return f"postgresql://{user}:{password}@/{database}?host={folder}{options}"


Url = Callable[[OwnServer], str]

REFUSED: dict[str, tuple[Url, type[CannotOpen], str]] = {
    "wrong password": (lambda s: url_of(s, "ann", SECRET + "x"), AccessDenied, "look at user and password"),
    "no password": (lambda s: url_of(s, "ann"), AccessDenied, "look at user and password"),
    "nobody": (lambda s: url_of(s, "nobody", SECRET), AccessDenied, "look at user and password"),
    "missing database": (
        lambda s: url_of(s, "ann", SECRET, "absent"),
        MissingDatabase,
        'database "absent" does not exist; make it with CREATE DATABASE',
    ),
    "closed database": (lambda s: url_of(s, "ann", SECRET, "closed"), AccessDenied, "GRANT CONNECT"),
    "may make no schema": (
        lambda s: url_of(s, "ann", SECRET),
        AccessDenied,
        "let an administrator run CREATE SCHEMA leverframe AUTHORIZATION",
    ),
    "may not look into the schema": (
        lambda s: url_of(s, "ann", SECRET, options="&schema=hidden"),
        AccessDenied,
        "the schema's owner grant USAGE and CREATE on it",
    ),
    "may not write": (lambda s: url_of(s, "reader", SECRET), ReadOnly, "takes no writes"),
    "another program's table": (
        lambda s: url_of(s, "postgres", options="&schema=others"),
        NotADatabase,
        r"schema others has tables of another program \(message\)",
    ),
    "another program's migrations": (
        lambda s: url_of(s, "postgres", options="&schema=strangers"),
        NotADatabase,
        r"schema strangers has tables of another program \(migration\)",
    ),
}


@pytest.mark.parametrize(("url", "kind", "words"), REFUSED.values(), ids=REFUSED)
def test_server_refuses(
    server: OwnServer, url: Url, kind: type[CannotOpen], words: str, caplog: pytest.LogCaptureFixture
) -> None:
    """What the server refuses is one error of its own class, which says what to do; nothing is made."""
    caplog.set_level("DEBUG")
    before = relations(server)
    with pytest.raises(kind, match=words) as refusal:
        open_store(url(server))
    assert type(refusal.value) is kind
    assert SECRET not in told_by(refusal.value)
    assert SECRET not in caplog.text
    assert "\n" not in str(refusal.value)
    assert relations(server) == before


def test_right_password(server: OwnServer) -> None:
    """Who gives the right password, and owns the schema, may work; the password is in nothing that the store shows."""
    server.run("CREATE SCHEMA story AUTHORIZATION ann")
    with open_store(url_of(server, "ann", SECRET, options="&schema=story")) as store:
        assert store.messages() == []
        assert SECRET not in f"{store!r} {store.location}"
    assert "&schema=story" in url_of(server, "ann", options="&schema=story")


def test_newer_schema(server: OwnServer) -> None:
    """A schema that a newer program has changed is refused, and named."""
    url = url_of(server, "postgres", options="&schema=newer")
    open_store(url).close()
    server.run("INSERT INTO newer.migration VALUES ('0099_from_the_future', now())")
    before = relations(server)
    with pytest.raises(NewerSchema, match="it has 0099_from_the_future, which this one does not know"):
        open_store(url)
    assert relations(server) == before


def test_old_server(server: OwnServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is too old is told so, and nothing is made in it."""
    before = relations(server)
    monkeypatch.setattr(schema, "OLDEST", 990000)
    with pytest.raises(UnsupportedServer, match=r"the server is PostgreSQL \d+; 99 or newer is needed"):
        open_store(url_of(server, "postgres", options="&schema=old"))
    assert relations(server) == before


# ---------------------------------------------------------------- no server


def test_nobody_listens() -> None:
    """A port that nobody listens on is told at once, and that nothing was written."""
    with pytest.raises(StoreUnreachable, match="the server cannot be reached") as refusal:
        open_store(f"postgresql://ann:{SECRET}@127.0.0.1:1/stories")
    assert not refusal.value.may_have_happened
    assert refusal.value.location == "postgresql://ann@127.0.0.1:1/stories"
    assert SECRET not in told_by(refusal.value)


def test_nobody_answers() -> None:
    """A host that takes the connection and never says a word is given up."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(StoreUnreachable, match="the server cannot be reached"):
            open_store(f"postgresql://127.0.0.1:{port}/stories?connect_timeout=2&sslmode=disable")


# ---------------------------------------------------------------- URLs

NOWHERE = "postgresql://127.0.0.1:1/stories"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (f"{NOWHERE}?schma=main", "has an unknown option 'schma'; did you mean 'schema'"),
        (f"{NOWHERE}?schema=Main", "has schema='Main'; give small letters"),
        (f"{NOWHERE}?schema=a-b", "has schema='a-b'"),
        (f"{NOWHERE}?schema={'a' * 64}", "at most 63"),
        (f"{NOWHERE}?schema=pg_mine", "has schema='pg_mine'"),
        (f"{NOWHERE}?schema=information_schema", "has schema='information_schema'"),
        (f"{NOWHERE}?schema=", "has schema=''"),
        (f"{NOWHERE}?schema=a&schema=b", "gives schema twice"),
        (f"{NOWHERE}?schema", "has an option without a name or a value"),
        (f"{NOWHERE}?pool_size=0", "has pool_size='0'; give a whole number from 1 to 1000"),
        (f"{NOWHERE}?pool_size=many", "has pool_size='many'"),
        (f"{NOWHERE}?durability=ful", "has durability='ful'; did you mean 'full'"),
        (f"{NOWHERE}?timeout=0", "give a number of seconds above 0"),
        (f"{NOWHERE}?timeout=soon", "has timeout='soon'"),
        (f"{NOWHERE}?sslmode=perhaps", "correct the URL"),
        ("postgresql://127.0.0.1:port/stories", "correct the URL"),
        (f"{NOWHERE}?connect_timeout=soon", "correct the URL"),
        ("postgresql:stories", r"is no PostgreSQL URL; write postgresql://user:password@host:5432/database"),
        ("postgresql://127.0.0.1:1/stories#main", "is no PostgreSQL URL"),
    ],
)
def test_url(url: str, words: str) -> None:
    """A URL that cannot be right is refused, with what to write in its place."""
    with pytest.raises(InvalidURL, match=words):
        open_store(url)


# ---------------------------------------------------------------- nothing to talk with

WITHOUT = """
import sys
sys.modules["psycopg"] = None
from leverframe import MissingExtra, open_store
open_store("sqlite://").close()
try:
    open_store("postgresql://ann:hunter2@127.0.0.1:1/stories")
except MissingExtra as error:
    print(error)
"""


def test_missing_extra() -> None:
    """Without the library that talks to the server, the error says how to install it; other stores are opened."""
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True)
    assert "pip install 'leverframe[postgres]'" in done.stdout
    assert SECRET not in done.stdout


BROKEN = """
import sys
sys.modules["leverframe.persistence.postgres.permits"] = None
from leverframe import MissingExtra, open_store
try:
    open_store("postgresql://ann:hunter2@127.0.0.1:1/stories")
except ImportError as error:
    print(type(error).__name__, error.name)
"""


def test_another_import_that_fails() -> None:
    """A module of our own that cannot be imported is no missing extra: the error goes through as it is."""
    done = subprocess.run([sys.executable, "-c", BROKEN], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["ModuleNotFoundError", "leverframe.persistence.postgres.permits"]


def test_missing_libpq() -> None:
    """Where psycopg is there, and finds no libpq, the extra is missing, and the message has one line."""
    without = {**os.environ, "PSYCOPG_IMPL": "c"}
    code = WITHOUT.replace('sys.modules["psycopg"] = None', "")
    done = subprocess.run([sys.executable, "-c", code], env=without, capture_output=True, text=True, check=True)
    assert "couldn't import requested psycopg 'c' implementation" in done.stdout
    assert "pip install 'leverframe[postgres]'" in done.stdout
    assert len(done.stdout.splitlines()) == 1


def test_every_refusal_is_ours(server: OwnServer) -> None:
    """Whoever catches `LeverframeError` catches them all."""
    for url, _, _ in REFUSED.values():
        with pytest.raises(LeverframeError):
            open_store(url(server))
