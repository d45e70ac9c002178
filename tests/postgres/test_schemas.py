"""Schemas are made once, whole, and one beside the other."""

from __future__ import annotations

import multiprocessing
import threading
from concurrent.futures import ProcessPoolExecutor

import pytest
from parcels import Label, Loaded, Parcel, Waiting
from postgres_server import Server
from racing import race
from server_watch import relations, terminate, until_waiting
from soundness import check_all
from waiting import LONG

from leverframe import Store, open_store
from leverframe.errors import LeverframeError, StoreUnreachable
from leverframe.persistence.migration import Migration
from leverframe.persistence.postgres import open_postgres
from leverframe.persistence.postgres.migrations import MIGRATIONS

BROKEN = Migration("9999_broken", ("CREATE TABLE next (n INTEGER)", "INSERT INTO absent VALUES (7)"))
HELD_UP = Migration("9999_held_up", ("CREATE TABLE next (n INTEGER)", "SELECT pg_advisory_xact_lock(77)"))


def fill(store: Store) -> None:
    store.create(Parcel, "p", Waiting(Label("p"), None))
    store.send(Parcel, "p", Loaded())


def test_several_programs_in_one_database(postgres_server: Server) -> None:
    """Programs with a schema each keep the same keys and values, and see nothing of one another."""
    first_url, second_url = postgres_server.fresh_url(), postgres_server.fresh_url()
    with open_store(first_url) as first, open_store(second_url) as second:
        fill(first)
        assert second.find(Parcel) == []
        assert second.messages() == []
        fill(second)
        check_all(first, ["p"])
        check_all(second, ["p"])


def test_ten_processes_open_a_fresh_schema(url: str, postgres_server: Server) -> None:
    """Ten processes that open a schema which is not there yet all work in it; each step was made once."""
    names = "abcdefghij"
    with ProcessPoolExecutor(10, mp_context=multiprocessing.get_context("spawn")) as pool:
        racers = [pool.submit(race, url, name, [], 0) for name in names]
        assert [racer.result() for racer in racers] == [[] for _ in names]
    schema = url.partition("schema=")[2]
    applied = postgres_server.run(f"SELECT name FROM {schema}.migration ORDER BY name")
    assert [name for (name,) in applied] == [migration.name for migration in MIGRATIONS]


@pytest.mark.parametrize("known", [(BROKEN,), (*MIGRATIONS, BROKEN)])
def test_migration_that_fails(postgres_server: Server, url: str, known: tuple[Migration, ...]) -> None:
    """A step that fails leaves nothing of any step, and no schema."""
    before = relations(postgres_server)
    with pytest.raises(LeverframeError):
        open_postgres(url, migrations=known)
    assert relations(postgres_server) == before
    open_store(url).close()


def test_migration_that_is_killed(postgres_server: Server) -> None:
    """A connection that is lost in the midst of the steps leaves nothing, and the next opening makes them."""
    url = postgres_server.fresh_url("&application_name=killed_migration")
    before = relations(postgres_server)
    raised: list[BaseException] = []

    def migrate() -> None:
        try:
            open_postgres(url, migrations=(*MIGRATIONS, HELD_UP))
        except StoreUnreachable as error:
            raised.append(error)

    with open_store(postgres_server.fresh_url()) as other, other.transaction() as connection:
        connection.execute("SELECT pg_advisory_xact_lock(77)")
        thread = threading.Thread(target=migrate)
        thread.start()
        until_waiting(postgres_server, "killed_migration")
        terminate(postgres_server, "killed_migration")
        thread.join(LONG)
    assert len(raised) == 1
    schema = url.partition("schema=")[2].partition("&")[0]
    assert [row for row in relations(postgres_server) if row[0] == schema] == []
    assert [row for row in before if row[0] == schema] == []
    with open_store(url) as store:
        fill(store)
        check_all(store, ["p"])


def test_tables_of_the_users_own(url: str) -> None:
    """A temporary table of the name of one of the store's hides nothing from it, and the user's are in reach."""
    with open_store(url) as store:
        fill(store)
        with store.transaction() as connection:
            connection.execute("CREATE TEMP TABLE snapshot (nothing INTEGER) ON COMMIT DROP")
            connection.execute("CREATE TEMP TABLE mine (nothing INTEGER) ON COMMIT DROP")
            assert store.get(Parcel, "p").version == 2
            assert connection.execute("SELECT * FROM mine").fetchall() == []


def test_empty_search_path(postgres_server: Server) -> None:
    """A role whose search path is empty can open a store."""
    with open_store(postgres_server.fresh_url("&options=-csearch_path%3D")) as store:
        fill(store)
        check_all(store, ["p"])
