"""What a role or a database is set to does not change what the store promises."""

from __future__ import annotations

import pytest
from parcels import City, Label, Loaded, Parcel, Relabelled, Stopped, Waiting
from postgres_server import Server
from soundness import check_all

from leverframe import Store, open_store
from leverframe.errors import AccessDenied, NotFound, ReadOnly, StoreVanished

DURABLE = {"": "on", "&durability=full": "on", "&durability=normal": "off"}


def setting(store: Store, name: str) -> str:
    with store.transaction() as connection:
        return str(connection.execute(f"SHOW {name}").fetchone()[0])


@pytest.mark.parametrize(("options", "expected"), DURABLE.items())
@pytest.mark.parametrize("before", ["on", "off"])
def test_durability(postgres_server: Server, options: str, expected: str, before: str) -> None:
    """`normal` does not wait for the server's disk; `full` does, whatever the server was set to."""
    with open_store(postgres_server.fresh_url(f"{options}&options=-csynchronous_commit%3D{before}")) as store:
        assert setting(store, "synchronous_commit") == expected


def test_stricter_durability_stays(postgres_server: Server) -> None:
    """`full` leaves a server that waits for its standbys as it is."""
    with open_store(postgres_server.fresh_url("&options=-csynchronous_commit%3Dremote_apply")) as store:
        assert setting(store, "synchronous_commit") == "remote_apply"


@pytest.mark.parametrize("level", ["serializable", "repeatable%5C%20read"])
def test_isolation(postgres_server: Server, level: str) -> None:
    """Where transactions are serializable by default, the store's are read committed, and none is refused for it."""
    with open_store(postgres_server.fresh_url(f"&options=-cdefault_transaction_isolation%3D{level}")) as store:
        assert setting(store, "transaction_isolation") == "read committed"
        store.create(Parcel, "p", Waiting(Label("p"), None))
        store.send(Parcel, "p", Loaded())
        check_all(store, ["p"])


# ---------------------------------------------------------------- who may read only


@pytest.fixture
def url_of_reader(url: str, store: Store) -> str:
    """The URL of a store with two parcels, for whom the server takes no writes, as a standby does."""
    return f"{url}&options=-cdefault_transaction_read_only%3Don"


def test_read_only(url_of_reader: str) -> None:
    """A store whose server takes no writes can be read; each write is `ReadOnly`, and nothing has changed."""
    with open_store(url_of_reader) as reader:
        assert reader.get(Parcel, "p").version == 1
        assert len(reader.find(Parcel)) == reader.count(Parcel)[Waiting] == 2
        for call in (
            lambda: reader.send(Parcel, "p", Loaded()),
            lambda: reader.send(Parcel, "p", Stopped(City("a")), delivery_id="d"),
            lambda: reader.send_many(Parcel, [("p", Loaded())]),
            lambda: reader.create(Parcel, "r", Waiting(Label("r"), None)),
            lambda: reader.save_cursor("mailer", 1),
        ):
            with pytest.raises(ReadOnly, match="the server takes no writes"):
                call()
        assert reader.get(Parcel, "p").version == 1


def test_read_only_and_not_made(postgres_server: Server) -> None:
    """A schema that is not there cannot be made where the server takes no writes, and that is told."""
    with pytest.raises(ReadOnly, match="open the one that does"):
        open_store(postgres_server.fresh_url("&options=-cdefault_transaction_read_only%3Don"))


def test_role_that_may_only_look(postgres_server: Server, url: str, store: Store) -> None:
    """A role that was granted SELECT alone can read; a write is `AccessDenied`, and nothing has changed."""
    schema = url.partition("schema=")[2]
    role = f"looker_{schema}"
    for statement in (
        f"CREATE ROLE {role} LOGIN",
        f"GRANT USAGE ON SCHEMA {schema} TO {role}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role}",
    ):
        postgres_server.run(statement)
    with open_store(f"{url}&user={role}") as looker:
        assert looker.get(Parcel, "p").version == 1
        with pytest.raises(AccessDenied, match="permission denied"):
            looker.create(Parcel, "r", Waiting(Label("r"), None))
        with pytest.raises(AccessDenied, match="permission denied"):
            looker.send(Parcel, "p", Relabelled(Label("x")))
    assert store.get(Parcel, "p").version == 1
    check_all(store, ["p", "q"])


# ---------------------------------------------------------------- what is gone


def test_schema_that_was_dropped(postgres_server: Server, url: str, store: Store) -> None:
    """A schema that somebody dropped while the store was open is told, and not made anew behind everybody's back."""
    schema = url.partition("schema=")[2]
    postgres_server.run(f"DROP SCHEMA {schema} CASCADE")
    with pytest.raises(StoreVanished, match=f"tables of schema {schema} were dropped while open; nothing written"):
        store.get(Parcel, "p")
    with pytest.raises(StoreVanished):
        store.create(Parcel, "r", Waiting(Label("r"), None))
    with open_store(url) as anew, pytest.raises(NotFound):
        anew.get(Parcel, "p")
