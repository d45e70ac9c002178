"""The server itself keeps tenants apart, whatever it is asked, and by whom."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from attrs import frozen
from parcels import Label, Loaded, Parcel, Relabelled, Waiting, first_stop, waiting
from plans import said_by
from postgres_server import Server
from roads import DAY
from soundness import check_all

from leverframe import (
    AccessDenied,
    CannotOpen,
    Event,
    Machine,
    NotFound,
    Payload,
    Send,
    Store,
    copy_store,
    lookup,
    on,
    open_store,
    state,
)
from leverframe.persistence.postgres import session

TABLES = (
    "snapshot",
    "journal",
    "state_count",
    "count_change",
    "lookup",
    "delivery",
    "message",
    "cursor",
)
"""All that have tenants: `test_every_table_with_tenants_is_secured` finds the ones of later steps."""

Connection = psycopg.Connection[Any]


@frozen
class Place:
    """A schema with a role that owns it, one that may use it, and one that is bound to tenant a."""

    server: Server
    schema: str
    owned: str
    free: str
    bound: str

    def role(self, url: str) -> str:
        return url.partition("&user=")[2]

    def connect(self, url: str) -> Connection:
        options = f"-csearch_path={self.schema}"
        plain = self.server.url
        return psycopg.connect(plain, user=self.role(url), options=options, autocommit=True)


# Those of docs/tenants.md.
GRANTS = (
    "GRANT USAGE ON SCHEMA {schema} TO {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}",
    "REVOKE INSERT, UPDATE, DELETE ON {kept} FROM {role}",
)
KEPT = ("migration", "numbering", "lookup_declaration", "tenant_role")


WITH_TENANTS = """
SELECT c.relname FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'tenant'
WHERE c.relnamespace = '{schema}'::regnamespace AND c.relkind = 'r' AND c.relname <> 'tenant_role'"""


@pytest.fixture
def place(postgres_server: Server) -> Place:
    """One for a test that changes it."""
    return make_place(postgres_server)


@pytest.fixture(scope="module")
def shared(postgres_server: Server) -> Place:
    """One for all tests in which everything is refused."""
    return make_place(postgres_server)


def make_place(postgres_server: Server) -> Place:
    """Every tenant has a parcel on the road and one that waits, delivery ids, messages and a cursor."""
    owned = postgres_server.owned_url()
    base, _, owner = owned.partition("&user=")
    schema = owner.removeprefix("owner_")
    with open_store(owned) as store:
        for tenant in ("", "a", "b"):
            fill(store.scoped(tenant) if tenant else store)
    roles = {name: f"{name}_{schema}" for name in ("free", "bound")}
    kept = ", ".join(f"{schema}.{table}" for table in KEPT)
    for role in roles.values():
        postgres_server.run(f"CREATE ROLE {role} LOGIN")
        for statement in GRANTS:
            postgres_server.run(statement.format(schema=schema, role=role, kept=kept))
    place = Place(postgres_server, schema, owned, f"{base}&user={roles['free']}", f"{base}&user={roles['bound']}")
    with place.connect(owned) as connection:
        connection.execute("INSERT INTO tenant_role (role, tenant) VALUES (%s, 'a')", (roles["bound"],))
    return place


def fill(store: Store) -> None:
    store.create(Parcel, "p", waiting("p"))
    store.send(Parcel, "p", Loaded(), delivery_id="load")
    store.create(Parcel, "q", waiting("q", "Ulm"))
    store.save_cursor("mailer", store.messages()[0].position)


def rows(place: Place) -> list[Any]:
    """All rows of all tables, as who may see everything sees them."""
    tables = (f"SELECT t.* FROM {place.schema}.{table} AS t ORDER BY t" for table in TABLES)
    return [place.server.run(statement) for statement in tables]


@pytest.fixture
def connection(shared: Place) -> Iterator[Connection]:
    """Of the role that is bound to tenant a, past leverframe."""
    with shared.connect(shared.bound) as opened:
        yield opened


# ---------------------------------------------------------------- a bound role, past leverframe

SETTINGS = {
    "as it is": (),
    "set to its own": ("SET leverframe.tenant = 'a'",),
    "set to another": ("SET leverframe.tenant = 'b'",),
    "set to none": ("SET leverframe.tenant = ''",),
    "set to all": ("SET leverframe.whole = 'on'",),
    "set to both": ("SET leverframe.tenant = 'b'", "SET leverframe.whole = 'on'"),
    "set to its own and all": ("SET leverframe.tenant = 'a'", "SET leverframe.whole = 'on'"),
    "reset": ("RESET ALL", "SET leverframe.tenant = 'b'"),
    "with a table in front": (
        "CREATE TEMP TABLE tenant_role (role text, tenant text)",
        "INSERT INTO tenant_role VALUES (current_user, 'b')",
        "SET search_path = pg_temp, {schema}",
        "SET leverframe.tenant = 'b'",
    ),
}


@pytest.fixture(params=SETTINGS.values(), ids=list(SETTINGS))
def setting(request: pytest.FixtureRequest, shared: Place, connection: Connection) -> Connection:
    for statement in request.param:
        connection.execute(statement.format(schema=shared.schema).encode())
    return connection


def test_a_bound_role_sees_nothing_of_others(setting: Connection) -> None:
    """Whatever it sets, it reads and counts no row of another tenant in any table."""
    for table in TABLES:
        assert setting.execute(f"SELECT count(*) FROM {table} WHERE tenant <> 'a'".encode()).fetchall() == [(0,)]
        seen = setting.execute(f"SELECT DISTINCT tenant FROM {table}".encode()).fetchall()
        assert seen in ([], [("a",)])


def test_a_bound_role_sees_its_own(connection: Connection) -> None:
    """Set to its tenant, it reads its rows in every table that has some."""
    connection.execute("SET leverframe.tenant = 'a'")
    for table in TABLES:
        number = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchall()
        assert (number == [(0,)]) == (table == "state_count"), table  # its changes are yet to be folded


def test_a_bound_role_changes_nothing_of_others(shared: Place, setting: Connection) -> None:
    """Whatever it sets, it updates and deletes no row of another tenant, and moves none of its own to another."""
    before = rows(shared)
    for table in TABLES:
        setting.execute(f"UPDATE {table} SET tenant = tenant WHERE tenant <> 'a'".encode())
        assert attempt(setting, f"UPDATE {table} SET tenant = 'b'") in (0, None)
        assert attempt(setting, f"DELETE FROM {table} WHERE tenant <> 'a'") == 0
    assert rows(shared) == before


def others(tables: list[Any]) -> list[Any]:
    return [[row for row in table if "a" not in row] for table in tables]


def attempt(connection: Connection, statement: str) -> int | None:
    """How many rows it has written; None if it was refused."""
    try:
        return connection.execute(statement.encode()).rowcount
    except psycopg.errors.InsufficientPrivilege:
        return None


INSERTS = {
    "snapshot": "(machine, key, state, body, version, created_at, changed_at, tenant)"
    " VALUES ('M', 'k', 's', '', 1, 1, 1, %s)",
    "journal": "(instance, version, to_state, body, at, recorded_at, tenant) VALUES (7, 70, 's', '', 1, 1, %s)",
    "state_count": "(machine, state, type_name, number, tenant) VALUES ('M', 's', 'S', 1, %s)",
    "count_change": "(machine, state, type_name, number, tenant) VALUES ('M', 's', 'S', 1, %s)",
    "lookup": "(instance, field, machine, value, is_unique, tenant) VALUES (7, 'f', 'M', 'v', 0, %s)",
    "delivery": "(instance, delivery_id, refusal, recorded_at, tenant) VALUES (7, 'new', '', 1, %s)",
    "message": "(position, instance, version, topic, kind, correlation_id, body, at, recorded_at, tenant)"
    " VALUES (1, 7, 1, 't', 'k', '', '{}', 1, 1, %s)",
    "cursor": "(name, position, tenant) VALUES ('new', 1, %s)",
}


@pytest.mark.parametrize("tenant", ["b", "", "a'"])
def test_a_bound_role_adds_nothing_to_others(shared: Place, setting: Connection, tenant: str) -> None:
    """Whatever it sets, the server refuses a row for another tenant in any table, and none has changed."""
    before = rows(shared)
    for table in TABLES:
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="violates row-level security policy"):
            setting.execute(f"INSERT INTO {table} {INSERTS[table]}".encode(), (tenant,))
    assert rows(shared) == before


@pytest.mark.parametrize("table", TABLES)
def test_a_bound_role_adds_to_its_own(connection: Connection, table: str) -> None:
    """What the test above refuses is accepted for its own tenant."""
    connection.execute("SET leverframe.tenant = 'a'")
    with connection.transaction(force_rollback=True):
        assert connection.execute(f"INSERT INTO {table} {INSERTS[table]}".encode(), ("a",)).rowcount == 1


BINDING = {
    "be bound no more": "DELETE FROM tenant_role",
    "be bound to another": "UPDATE tenant_role SET tenant = 'b'",
    "be bound to another too": "INSERT INTO tenant_role VALUES (current_user, 'b')",
    "take the table away": "DROP TABLE tenant_role",
    "empty the table": "TRUNCATE tenant_role",
    "take a policy away": "DROP POLICY of_tenant ON snapshot",
    "switch it off": "ALTER TABLE snapshot DISABLE ROW LEVEL SECURITY",
    "become the owner": "SET ROLE {owner}",
    "become another": "SET SESSION AUTHORIZATION {owner}",
    "put a table in front": "CREATE TABLE {schema}.mine ()",
    "declare look-ups": "UPDATE lookup_declaration SET number = number + 1",
}


@pytest.mark.parametrize("statement", BINDING.values(), ids=BINDING)
def test_a_bound_role_stays_bound(shared: Place, connection: Connection, statement: str) -> None:
    """Nothing that it may say makes it see more, and what it may not say is refused."""
    text = statement.format(owner=shared.role(shared.owned), schema=shared.schema).encode()
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(text)
    connection.execute("SET leverframe.tenant = 'b'")
    assert connection.execute("SELECT count(*) FROM snapshot").fetchall() == [(0,)]
    listed = shared.server.run(f"SELECT role, tenant FROM {shared.schema}.tenant_role")
    assert listed == [(shared.role(shared.bound), "a")]


def test_row_security_off(connection: Connection) -> None:
    """A query that is to see all rows, as of a program that makes backups, is refused."""
    connection.execute("SET row_security = off")
    for table in TABLES:
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="would be affected by row-level security"):
            connection.execute(f"SELECT * FROM {table}".encode())


def test_whose_binding_is_seen(place: Place) -> None:
    """A role sees to what it is bound itself, and nobody else's name or tenant."""
    place.server.run(f"INSERT INTO {place.schema}.tenant_role VALUES ('somebody else', 'b')")
    own = [(place.role(place.bound), "a")]
    with place.connect(place.bound) as connection:
        assert connection.execute("SELECT role, tenant FROM tenant_role").fetchall() == own


def test_who_takes_a_bound_role_on_is_bound(place: Place) -> None:
    """A role that sets a bound one is bound as long as that is set, and one that has logged in bound stays bound."""
    free, bound = place.role(place.free), place.role(place.bound)
    place.server.run(f"GRANT {bound} TO {free}")
    with place.connect(place.free) as connection:
        connection.execute("SET leverframe.tenant = 'b'")
        assert connection.execute("SELECT count(*) FROM snapshot").fetchall() == [(2,)]
        connection.execute(f"SET ROLE {bound}".encode())
        assert connection.execute("SELECT count(*) FROM snapshot").fetchall() == [(0,)]
    place.server.run(f"REVOKE {bound} FROM {free}; GRANT {free} TO {bound}")
    with place.connect(place.bound) as connection:
        connection.execute(f"SET ROLE {free}".encode())
        connection.execute("SET leverframe.tenant = 'b'")
        assert connection.execute("SELECT count(*) FROM snapshot").fetchall() == [(0,)]


def test_a_role_with_two_tenants(place: Place) -> None:
    """A role that is listed with several tenants sees the one that it sets, and none that is not listed."""
    place.server.run(f"INSERT INTO {place.schema}.tenant_role VALUES ('{place.role(place.bound)}', '')")
    with place.connect(place.bound) as connection:
        for tenant, number in (("a", 2), ("", 2), ("b", 0)):
            connection.execute("SELECT set_config('leverframe.tenant', %s, false)", (tenant,))
            assert connection.execute("SELECT count(*) FROM snapshot").fetchall() == [(number,)]


# ---------------------------------------------------------------- a bound role, through leverframe


@pytest.fixture
def bound(place: Place) -> Iterator[Store]:
    with open_store(place.bound) as store:
        yield store


def test_a_bound_role_does_all_verbs(place: Place, bound: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that such a role has opened does for its tenant whatever a store does, counts folded in between."""
    monkeypatch.setattr(session, "MOVES_BETWEEN_FOLDS", 2)
    before = others(rows(place))
    ours = bound.scoped("a")
    for city in ("Bern", "Rome", "Oslo"):
        ours.send(Parcel, "p", first_stop(city))
    assert ours.send(Parcel, "p", Loaded(), delivery_id="load").duplicate
    assert ours.send(Parcel, "q", Relabelled(Label("p")), on_refused="return").refused
    assert ours.send(Parcel, "p", Loaded(), delivery_id="no", on_refused="return").refused
    ours.send_many(Parcel, [("q", Loaded()), Send("r", Loaded(), delivery_id="d")], create=waiting("r"))
    with ours.transaction():
        ours.create(Parcel, "s", waiting("s"))
        ours.send(Parcel, "s", Loaded())
    assert [found.key for found in ours.find(Parcel, where={"label": "s"})] == ["s"]
    assert [found.key for found in ours.find(Parcel, prefix="r")] == ["r"]
    ours.save_cursor("mailer", ours.messages("mailer")[-1].position)
    check_all(ours, ["p", "q", "r", "s"])
    ours.delete(Parcel, "s")
    check_all(ours, ["p", "q", "r"])
    assert others(rows(place)) == before


@pytest.mark.parametrize("tenant", ["", "b"])
def test_a_bound_role_does_nothing_elsewhere(place: Place, bound: Store, tenant: str) -> None:
    """For another tenant its store finds nothing, and is denied what it would write; nothing has changed."""
    before = rows(place)
    theirs = bound.scoped(tenant) if tenant else bound
    assert theirs.find(Parcel) == theirs.messages() == theirs.find(Parcel, where={"label": "p"}) == []
    assert not theirs.count(Parcel)
    assert theirs.cursor("mailer") == 0
    absent: tuple[Callable[[], object], ...] = (
        lambda: theirs.get(Parcel, "p"),
        lambda: theirs.send(Parcel, "p", first_stop("Bern")),
        lambda: theirs.delete(Parcel, "p"),
    )
    for call in absent:
        with pytest.raises(NotFound):
            call()
    denied: tuple[Callable[[], object], ...] = (
        lambda: theirs.create(Parcel, "new", waiting("new")),
        lambda: theirs.save_cursor("mailer", 1),
        lambda: theirs.send_many(Parcel, [("new", Loaded())], create=waiting("new")),
    )
    for call in denied:
        with pytest.raises(AccessDenied, match="row-level security"):
            call()
    assert rows(place) == before


def test_a_bound_role_inside_of_a_transaction(place: Place, bound: Store) -> None:
    """Inside of a transaction of its tenant another tenant's store finds nothing, and its own goes on."""
    before = others(rows(place))
    ours, theirs = bound.scoped("a"), bound.scoped("b")
    with ours.transaction():
        assert theirs.find(Parcel) == []
        ours.send(Parcel, "p", first_stop("Bern"))
        with pytest.raises(AccessDenied):
            theirs.save_cursor("mailer", 1)
        with pytest.raises(NotFound):
            theirs.send(Parcel, "p", first_stop("Bern"))
        ours.send(Parcel, "p", first_stop("Rome"))
    assert ours.get(Parcel, "p").version == 4
    assert others(rows(place)) == before


WHOLE: dict[str, Callable[[Store], object]] = {
    "prune": lambda s: s.prune(journal=DAY),
    "examine": lambda s: s.examine(),
}


@pytest.mark.parametrize("call", WHOLE.values(), ids=WHOLE)
@pytest.mark.parametrize("who", ["free", "bound"])
def test_the_whole_database_is_its_owners(place: Place, who: str, call: Callable[[Store], object]) -> None:
    """Work on all tenants' rows is denied to a role that the server would hide some from; nothing is done."""
    with open_store(getattr(place, who)) as store:
        before = rows(place)
        with pytest.raises(AccessDenied, match=r"rows of all tenants.*owns"):
            call(store)
        assert rows(place) == before


def test_a_copy_by_who_does_not_see_all(place: Place) -> None:
    """A role that the server would hide rows from copies nothing, rather than a part."""
    with pytest.raises(AccessDenied, match="rows of all tenants"):
        copy_store(place.bound, place.server.fresh_url())


@frozen
class Open(Payload):
    number: int


@frozen
class Change(Event): ...


class Ticket(Machine[Open, Change]):
    open = state(Open, initial=True)
    number = lookup()

    @on
    def change(self, s: Open, e: Change) -> Open:
        return s


@pytest.mark.parametrize("who", ["free", "bound"])
def test_look_ups_are_declared_by_the_owner(place: Place, who: str) -> None:
    """Look-ups belong to the code, and so to all tenants: a role that does not see all may not declare them."""
    with open_store(getattr(place, who)) as store:
        ours = store.scoped("a")
        with pytest.raises(AccessDenied, match="rows of all tenants"):
            ours.create(Ticket, "t", Open(7))
        with open_store(place.owned) as owners:
            assert owners.scoped("b").find(Ticket, where={"number": 7}) == []
        ours.create(Ticket, "t", Open(7))
        assert [found.key for found in ours.find(Ticket, where={"number": 7})] == ["t"]


def test_an_older_schema_is_not_migrated_by_a_bound_role(place: Place) -> None:
    """A role that may not change tables is denied the opening of a schema that is not of our age."""
    place.server.run(f"DELETE FROM {place.schema}.migration WHERE name = '0006_tenants'")
    with pytest.raises(CannotOpen):
        open_store(place.bound)


# ---------------------------------------------------------------- other roles


def test_a_role_that_is_not_bound(place: Place) -> None:
    """Who is neither bound nor the owner sees the tenant that is set, and never all of them."""
    with open_store(place.free) as store:
        for each in (store, store.scoped("a"), store.scoped("b")):
            each.send(Parcel, "p", first_stop("Bern"))
            check_all(each, ["p", "q"])
    with place.connect(place.free) as connection:
        connection.execute("SET leverframe.whole = 'on'")
        assert connection.execute("SELECT DISTINCT tenant FROM snapshot").fetchall() == [("",)]


def test_the_owner(place: Place) -> None:
    """The tables' owner too sees one tenant, until it says that it wants all of them."""
    with place.connect(place.owned) as connection:
        for statement, seen in (
            ("SELECT 1", [("",)]),
            ("SET leverframe.tenant = 'b'", [("b",)]),
            ("SET leverframe.whole = 'on'", [("",), ("a",), ("b",)]),
        ):
            connection.execute(statement.encode())
            assert connection.execute("SELECT DISTINCT tenant FROM snapshot ORDER BY 1").fetchall() == seen


def test_a_member_of_the_owner(place: Place) -> None:
    """A role with the owner's rights does the work on the whole database, and cannot be bound: it could end it."""
    free, owner = place.role(place.free), place.role(place.owned)
    place.server.run(f"GRANT {owner} TO {free}")
    with open_store(place.free) as store:
        assert store.examine([Parcel]).rows["snapshot"] == 6
    place.server.run(f"INSERT INTO {place.schema}.tenant_role VALUES ('{free}', 'a')")
    with open_store(place.free) as store:
        assert store.examine([Parcel]).rows["snapshot"] == 6
        assert len(store.scoped("b").find(Parcel)) == 2


def test_a_member_that_has_to_take_the_owners_role_on(place: Place) -> None:
    """A member that does not inherit the owner's rights is like any other role, until it sets that role."""
    free, owner = place.role(place.free), place.role(place.owned)
    place.server.run(f"ALTER ROLE {free} NOINHERIT; GRANT {owner} TO {free}")
    with place.connect(place.free) as connection:
        connection.execute("SET leverframe.whole = 'on'")
        assert connection.execute("SELECT count(*) FROM snapshot").fetchall() == [(2,)]
        connection.execute(f"SET ROLE {owner}".encode())
        assert connection.execute("SELECT count(*) FROM snapshot").fetchall() == [(6,)]


def test_every_table_with_tenants_is_secured(place: Place) -> None:
    """No table has a column `tenant` without row-level security that holds for its owner too."""
    tables = place.server.run(WITH_TENANTS.format(schema=place.schema))
    assert {name for (name,) in tables} >= set(TABLES)
    bare = "AND NOT (c.relrowsecurity AND c.relforcerowsecurity)"
    assert place.server.run(f"{WITH_TENANTS.format(schema=place.schema)} {bare}") == []


# ---------------------------------------------------------------- what it costs

SET = "set_config('leverframe.tenant'"


def test_a_connection_is_set_once(place: Place) -> None:
    """As long as a connection is lent for one tenant, nothing is said about tenants."""
    with open_store(place.owned) as store:
        ours = store.scoped("a")
        ours.send(Parcel, "p", first_stop())  # the first one asks which look-ups are kept
        with said_by(store) as said:
            for city in ("Bern", "Rome", "Oslo"):
                ours.send(Parcel, "p", first_stop(city))
                ours.get(Parcel, "p")
            ours.create(Parcel, "new", waiting("new"))
        assert [text for text, _ in said if SET in text] == []
        with said_by(store) as said:
            store.get(Parcel, "p")
            store.get(Parcel, "p")
            ours.get(Parcel, "p")
    assert len([text for text, _ in said if SET in text]) == 2


def test_who_sets_it_in_a_transaction(place: Place) -> None:
    """Whatever statements of one's own set in a transaction, the calls behind it are each their tenant's."""
    with open_store(place.owned) as store:
        for ending in (None, ZeroDivisionError):
            try:
                with store.scoped("a").transaction() as connection:
                    connection.execute("SET leverframe.tenant = 'b'")
                    if ending is not None:
                        raise ending
            except ZeroDivisionError:
                pass
            assert len(store.scoped("a").find(Parcel, Waiting)) == len(store.scoped("b").find(Parcel, Waiting)) == 1
            store.scoped("a").save_cursor("mailer", 1)
