"""Rows of a table with a status column, as instances."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from bug_tickets import Ticket, Waiting
from postgres_server import Server
from repair_tables import clean_rows, make_file, make_on_server, mapping_of

from adopting.make_database import rows
from adopting.repairs import BikeRepair, Cancelled, InRepair, Received
from leverframe import CannotAdopt, InvalidQuery, NonEmpty, Store, open_store
from leverframe.adoption import adopting as module
from leverframe.adoption import source as sources
from leverframe.adoption.adopting import Adopted, adopt, plan_adoption
from leverframe.adoption.conversions import Rule
from leverframe.adoption.mapping import AdoptionMapping, Statuses
from leverframe.adoption.rows import Misfit
from leverframe.adoption.source import open_source
from leverframe.persistence.sqlite.driver import sqlite3

SMALL = 400


@pytest.fixture
def dirty(tmp_path: Path) -> str:
    """A file with some hundred rows of the example."""
    return make_file(tmp_path, list(rows(SMALL)))


def taken(
    store: Store, url: str, mapping: AdoptionMapping | None = None, machine: Any = BikeRepair, **also: Any
) -> Adopted:
    mapping = mapping or mapping_of()
    with open_source(url, mapping.table) as source:
        return adopt(store, machine, mapping, source, by="anna", **also)


def planned(store: Store | None, url: str, mapping: AdoptionMapping | None = None, **also: Any) -> Adopted:
    mapping = mapping or mapping_of()
    with open_source(url, mapping.table) as source:
        return plan_adoption(store, BikeRepair, mapping, source, **also)


def check_sums(done: Adopted) -> None:
    assert done.rows == done.fit + done.skipped + done.unfit
    assert done.rows == sum(count.rows for count in done.statuses)
    assert done.fit == sum(count.fit for count in done.statuses)


def test_adopted(store: Store, dirty: str) -> None:
    """Each row that fits is an instance in the state of its status, as old as the row."""
    done = taken(store, dirty, why="new program")
    check_sums(done)
    assert done.adopted == done.fit == store.count(BikeRepair).total() > SMALL * 0.9
    first = store.get(BikeRepair, ("old-town", "4"))
    assert first.created_at == first.changed_at
    (line,) = store.history(BikeRepair, ("old-town", "4"))
    assert (line.version, line.event, line.by, line.why) == (1, None, "anna", "adopted from repair: new program")
    assert store.examine([BikeRepair]).findings == ()
    assert len(store.find(BikeRepair, where={"mechanic": "m-01"})) > 0


def test_a_plan_tells_the_same(store: Store, dirty: str) -> None:
    """A plan counts what adoption then does, reason by reason, and writes nothing, with a store or without one."""
    before = planned(None, dirty)
    assert planned(store, dirty) == before
    assert store.count(BikeRepair).total() == 0
    assert evolve(taken(store, dirty), adopted=0) == before


def test_again(store: Store, dirty: str) -> None:
    """What is adopted is recognized, also where it has moved since, and is not doubled or changed."""
    done = taken(store, dirty)
    found = store.find(BikeRepair, Received)[0]
    store.set_state(BikeRepair, found.key, Cancelled(found.state.bike, found.state.customer, "x"), by="a", why="b")
    again = taken(store, dirty)
    assert (again.adopted, again.there, again.changed) == (0, done.adopted, 0)
    assert store.get(BikeRepair, found.key).version == 2
    assert store.count(BikeRepair).total() == done.adopted


def test_changed_since(store: Store, tmp_path: Path) -> None:
    """A row that says something else than it did when it was adopted is counted, and its instance stays."""
    made = clean_rows(3)
    taken(store, make_file(tmp_path, made))
    (tmp_path / "later").mkdir()
    made[1]["status"] = "cancelled"
    done = taken(store, make_file(tmp_path / "later", made))
    assert (done.there, done.changed) == (3, 1)
    assert isinstance(store.get(BikeRepair, ("harbour", "2")).state, Received)


def test_a_key_that_is_taken(store: Store, tmp_path: Path) -> None:
    """A row whose key is that of an instance of other origin does not fit."""
    url = make_file(tmp_path, clean_rows(3))
    store.create(BikeRepair, ("harbour", "2"), Received(*bike_and_customer()))
    expected = "key: is that of an instance that was not adopted from this table"
    assert [reason.reason for reason in planned(store, url).reasons] == [expected]
    done = taken(store, url)
    assert (done.adopted, done.unfit, done.reasons[0].reason) == (2, 1, expected)


def bike_and_customer() -> tuple[NonEmpty, NonEmpty]:
    return NonEmpty("tandem"), NonEmpty("C1")


def test_interrupted(store: Store, dirty: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupted behind a batch, the next call adopts the rest."""
    monkeypatch.setattr(sources, "AT_ONCE", 50)

    def interrupt(_all: int, _more: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        taken(store, dirty, progress=interrupt)
    there = store.count(BikeRepair).total()
    assert 0 < there <= 50
    done = taken(store, dirty)
    assert (done.there, done.there + done.adopted) == (there, done.fit)
    assert planned(store, dirty).there == done.fit


def test_a_batch_is_whole(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch in which something fails leaves nothing."""
    url = make_file(tmp_path, clean_rows(5))
    create: Callable[..., Any] = module.create_one
    calls: list[object] = []

    def fail(creation: Any, writer: Any) -> Any:
        calls.append(creation)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return create(creation, writer)

    monkeypatch.setattr(module, "create_one", fail)
    with pytest.raises(KeyboardInterrupt):
        taken(store, url)
    assert store.count(BikeRepair).total() == 0


def test_server(store: Store, postgres_server: Server) -> None:
    """A table on a server is read like one in a file; both give the same, but for what their columns can hold."""
    url, table = make_on_server(postgres_server, clean_rows(30))
    done = taken(store, url, mapping_of(table))
    assert (done.adopted, done.unfit) == (30, 0)
    assert store.history(BikeRepair, ("harbour", "7"))[0].why == f"adopted from {table}"


def test_report(store: Store, dirty: str) -> None:
    """Every row that does not fit is told, by its own key, with all that is wrong."""
    told: list[Misfit] = []
    done = planned(store, dirty, report=told.append)
    assert len(told) == done.unfit > 5
    assert all(set(each.row) == {"id"} for each in told)
    reasons = sum(reason.rows for reason in done.reasons)
    assert reasons == sum(len(each.problems) for each in told)


def test_unique_look_ups(store: Store, tmp_path: Path) -> None:
    """A row whose unique look-up has another's value does not fit, in a plan as in adoption."""
    made = clean_rows(4)
    made[2]["bike"] = made[0]["bike"] = "one of its kind"
    for number in (1, 3):
        made[number]["bike"] = f"bike {number}"
    store.create(Ticket, "other", Waiting("bike 3"))
    mapping = mapping_of(
        status=Statuses("status", {"new": "Waiting"}),
        fields={"label": Rule(place="fields.label", column="bike")},
        created_at=None,
    )
    url = make_file(tmp_path, made)
    with open_source(url, "repair") as source:
        plan = plan_adoption(store, Ticket, mapping, source)
    done = taken(store, url, mapping, Ticket)
    expected = [("label: is unique, and another one has the same value", 2)]
    assert [(each.reason, each.rows) for each in plan.reasons] == expected
    assert [(each.reason, each.rows) for each in done.reasons] == expected
    assert (plan.fit, done.adopted) == (2, 2)
    assert store.count(Ticket)[Waiting] == 3


def test_nobody_is_told(store: Store, tmp_path: Path) -> None:
    """No message is told of what was there before; a lease can be claimed from then on."""
    mapping = mapping_of(
        status=Statuses("status", {"new": "Waiting"}),
        fields={"label": Rule(place="fields.label", column="id", kind="text")},
    )
    taken(store, make_file(tmp_path, clean_rows(2)), mapping, Ticket)
    assert store.messages("mailer") == []
    assert store.queue(Ticket.lease).ready == 2


def test_what_does_not_fit_the_machine(store: Store, dirty: str) -> None:
    """All that is wrong is told at once, with suggestions, and nothing is written."""
    mapping = mapping_of(
        status=Statuses("status", {"new": "Recieved", "ready": "", "in work": "InRepair"}, ("test",)),
        fields={
            "bike": Rule(place="fields.bike", column="bikes"),
            "customr": Rule(place="fields.customr", column="customer_no"),
            "mechanic": Rule(place="fields.mechanic", constant=""),
        },
        states={"InRepair": {"prise": Rule(place="states.InRepair.prise", column="price")}},
        created_at=Rule(place="created_at", column="created", kind="time", zone="Mars"),
    )
    with pytest.raises(CannotAdopt) as caught:
        taken(store, dirty, mapping)
    told = "\n".join(caught.value.faults)
    for expected in (
        "fields.bike: table repair has no column 'bikes'; did you mean 'bike'?",
        "created_at: zone 'Mars' is not known here",
        "status 'new': 'Recieved' is no state of BikeRepair; did you mean 'Received'?",
        "status 'ready': is mapped to no state; give one of Received",
        "fields.customr: no state has such a field; did you mean 'customer'?",
        "states.InRepair.prise: InRepair has no such field",
        "InRepair.customer: nothing says what it is",
        "InRepair.promised: nothing says what it is",
        "fields.mechanic: '' does not fit InRepair",
        "status 'collected': ",
    ):
        assert expected in told
    assert store.count(BikeRepair).total() == 0


def test_tables(dirty: str, tmp_path: Path) -> None:
    """A table, a file or a condition that is not there is told."""
    with pytest.raises(CannotAdopt, match="has no table 'repairs'; did you mean 'repair'"):
        planned(None, dirty, mapping_of("repairs"))
    with pytest.raises(CannotAdopt, match="cannot be opened"):
        planned(None, f"sqlite:///{tmp_path}/none.db")
    with pytest.raises(CannotAdopt, match=r"source\.where: .*no such column: staus"):
        planned(None, dirty, mapping_of(where="staus = 1"))
    with pytest.raises(CannotAdopt, match="names no database"):
        planned(None, "mysql://shop")


def test_the_source_stays(store: Store, dirty: str) -> None:
    """The table is only read: a condition that would write is refused."""
    path = Path(dirty.removeprefix("sqlite:///"))
    before = path.read_bytes()
    taken(store, dirty)
    assert path.read_bytes() == before


def test_tenants(store: Store, tmp_path: Path) -> None:
    """What is adopted for a tenant is that tenant's."""
    url = make_file(tmp_path, clean_rows(2))
    taken(store.scoped("north"), url)
    assert store.count(BikeRepair).total() == 0
    assert store.scoped("north").count(BikeRepair)[Received] == 2


def test_who(store: Store, dirty: str) -> None:
    """Who adopts has to be said in words."""
    with open_source(dirty, "repair") as source, pytest.raises(InvalidQuery):
        adopt(store, BikeRepair, mapping_of(), source, by=" ")
    assert store.count(BikeRepair).total() == 0


def test_large(url: str, tmp_path: Path) -> None:
    """The whole example is adopted: 10,000 rows, of which few do not fit."""
    source = make_file(tmp_path, list(rows()))
    with open_store(url) as store:
        done = taken(store, source)
        assert (done.rows, done.fit, done.unfit, done.skipped) == (10_000, 9_479, 433, 88)
        assert store.count(BikeRepair)[InRepair] == 800


def test_a_table_in_the_same_database(shared_url: str) -> None:
    """The table may stand in the store's own database."""
    with open_store(shared_url) as store:
        with store.transaction() as connection:
            connection.execute("CREATE TABLE old_ticket (id INTEGER, label TEXT, status TEXT)")
            connection.execute("INSERT INTO old_ticket VALUES (1, 'a', 'open'), (2, 'b', 'open'), (3, NULL, 'open')")
        mapping = mapping_of(
            "old_ticket",
            key=(Rule(place="key[0]", column="id"),),
            is_one_part=True,
            status=Statuses("status", {"open": "Waiting"}),
            fields={"label": Rule(place="fields.label", column="label")},
            created_at=None,
        )
        done = taken(store, shared_url, mapping, Ticket)
        assert (done.adopted, done.unfit) == (2, 1)
        assert store.get(Ticket, "2").state == Waiting("b")
        assert done.reasons[0].reason == "label: column label is NULL, and Waiting has to have it"


def test_what_is_no_text(store: Store, tmp_path: Path) -> None:
    """A text that is not in UTF-8, and a key that is too long, do not fit, and keep no other row from being adopted."""
    made = clean_rows(4)
    made[1]["bike"] = b"\xff\xfe"
    made[2]["shop"] = "x" * 20_000
    url = make_file(tmp_path, made)
    run = f"UPDATE repair SET bike = CAST(bike AS TEXT) WHERE id = {made[1]['id']}"
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        connection.execute(run)
        connection.commit()
    done = taken(store, url)
    is_short = store.location.startswith("postgresql")
    assert (done.adopted, done.unfit) == ((2, 2) if is_short else (3, 1))


def test_two_at_once(shared_url: str, tmp_path: Path) -> None:
    """Two that adopt the same table at the same time adopt each row once."""
    url = make_file(tmp_path, clean_rows(200))
    with open_store(shared_url) as first, open_store(shared_url) as second:
        for store in (first, second):
            store.find(BikeRepair, where={"mechanic": "m-01"})
        with ThreadPoolExecutor(2) as pool:
            done = list(pool.map(partial(taken, url=url), (first, second)))
        assert sum(each.adopted for each in done) == 200
        assert [each.unfit for each in done] == [0, 0]
        assert first.count(BikeRepair).total() == 200
