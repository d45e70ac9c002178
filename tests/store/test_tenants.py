"""Tenants of one database: the same keys and values in each, and nothing of one in another."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from parcels import (
    City,
    Exploded,
    Found,
    HandedOver,
    Label,
    Loaded,
    Lost,
    OnTheRoad,
    Parcel,
    Relabelled,
    Vanished,
    Waiting,
    first_stop,
    waiting,
)
from roads import DAY, everything

from leverframe import AlreadyExists, InvalidQuery, NotFound, Pruned, Send, Store, StoreClosed, copy_store, open_store
from leverframe.persistence.tables import TABLES

TENANTS = ("", "a", "b")


@pytest.fixture
def stores(store: Store) -> dict[str, Store]:
    """The store of no tenant, and those of two."""
    return of_tenants(store)


def of_tenants(store: Store) -> dict[str, Store]:
    return {tenant: store.scoped(tenant) if tenant else store for tenant in TENANTS}


def fill(store: Store, cities: int = 0) -> None:
    """Two parcels with a journal, look-ups, delivery ids settled both ways, messages and a cursor."""
    store.create(Parcel, "p", waiting("P"))
    store.send(Parcel, "p", Loaded(), delivery_id="load")
    store.send(Parcel, "p", Loaded(), delivery_id="refused", on_refused="return")
    for number in range(cities):
        store.send(Parcel, "p", first_stop(f"city {number}"))
    store.create(Parcel, "q", waiting("Q", "Ulm"))
    store.save_cursor("mailer", store.messages()[0].position)


def told(store: Store) -> list[Any]:
    """All that a store tells of itself."""
    keys = [found.key for found in store.find(Parcel)]
    return [
        everything(store),
        store.count(Parcel),
        [(s.key, s.state) for s in store.find(Parcel, Waiting)],
        [s.key for s in store.find(Parcel, prefix="q")],
        [s.key for s in store.find(Parcel, where={"label": "P"})],
        [[(e.seq, e.version, e.event, e.state) for e in store.history(Parcel, key)] for key in keys],
        store.messages(limit=1000),
        store.messages(topic="audit"),
        store.messages("mailer"),
        store.cursor("mailer"),
    ]


# ---------------------------------------------------------------- what a tenant sees


def test_what_one_tenant_does_no_other_sees(stores: dict[str, Store]) -> None:
    """With the same keys in each, whatever one tenant's store writes or deletes changes nothing that others tell."""
    for store in stores.values():
        fill(store)
    for tenant, store in stores.items():
        others = [other for name, other in stores.items() if name != tenant]
        before = [told(other) for other in others]
        store.send(Parcel, "p", first_stop("Bern"), delivery_id="bern")
        store.send_many(Parcel, [("q", Loaded()), Send("r", Loaded())], create=waiting(f"R{tenant}"))
        store.save_cursor("mailer", store.messages()[-1].position)
        store.send(Parcel, "q", HandedOver(tip=-1), delivery_id="no", on_refused="return")
        store.delete(Parcel, "p")
        assert [told(other) for other in others] == before
        with pytest.raises(NotFound):
            store.get(Parcel, "p")


@pytest.mark.parametrize("tenant", TENANTS)
def test_a_tenant_sees_nothing_of_others(stores: dict[str, Store], tenant: str) -> None:
    """A store of a tenant without instances finds, counts and reads nothing, whatever others have."""
    for other, store in stores.items():
        if other != tenant:
            fill(store)
    empty = stores[tenant]
    assert empty.find(Parcel) == empty.find(Parcel, limit=5) == empty.find(Parcel, Waiting) == []
    assert empty.find(Parcel, Waiting, limit=3) == empty.find(Parcel, prefix="p") == []
    assert empty.find(Parcel, where={"label": "P"}) == empty.messages() == empty.messages(topic="audit") == []
    assert (empty.count(Parcel), empty.cursor("mailer")) == (Counter(), 0)
    for call in (
        lambda: empty.get(Parcel, "p"),
        lambda: empty.history(Parcel, "p"),
        lambda: empty.at(Parcel, "p", version=1),
        lambda: empty.send(Parcel, "p", Loaded()),
        lambda: empty.send(Parcel, "p", Loaded(), delivery_id="load"),
        lambda: empty.delete(Parcel, "p"),
    ):
        with pytest.raises(NotFound):
            call()


def test_delivery_ids_are_each_tenants_own(stores: dict[str, Store]) -> None:
    """An id that one tenant has settled is new for another, and each gets its own answer again."""
    for number, store in enumerate(stores.values()):
        store.create(Parcel, "p", waiting("P"))
        for _ in range(number):
            store.send(Parcel, "p", Relabelled(Label("P")))
        first = store.send(Parcel, "p", Loaded(), delivery_id="d")
        again = store.send(Parcel, "p", Loaded(), delivery_id="d")
        assert (first.duplicate, again.duplicate, again.version, again.seq) == (False, True, 2 + number, first.seq)


def test_unique_look_ups_are_unique_in_a_tenant(stores: dict[str, Store]) -> None:
    """Each tenant may have a value once: another tenant's is no obstacle, and one's own is refused as ever."""
    for store in stores.values():
        store.create(Parcel, "p", waiting("P"))
        before = told(store)
        with pytest.raises(AlreadyExists):
            store.create(Parcel, "q", waiting("P"))
        with pytest.raises(AlreadyExists):
            store.create(Parcel, "p", waiting("other"))
        assert told(store) == before
        assert store.find(Parcel, where={"label": "P"})[0].key == "p"


def test_counts_are_each_tenants_own(stores: dict[str, Store]) -> None:
    """A state's count is that of one tenant's instances, also after hundreds of moves."""
    for number, (tenant, store) in enumerate(stores.items()):
        for key in range(number + 1):
            store.create(Parcel, str(key), waiting(f"{tenant}{key}"))
    for _ in range(70):
        for store in stores.values():
            store.send(Parcel, "0", Vanished())
            store.send(Parcel, "0", Loaded(), on_refused="return")
            store.send_many(Parcel, [("0", Found(Label("x")))])
    for number, store in enumerate(stores.values()):
        assert store.count(Parcel) == Counter({Waiting: number + 1})
        assert len(store.find(Parcel, Waiting, limit=10)) == number + 1
        assert store.find(Parcel, Lost) == []


def test_a_cursor_passes_only_its_tenants_messages(stores: dict[str, Store]) -> None:
    """A tenant's reader gets all of its messages by a cursor of its own, and none of others."""
    for _ in range(3):
        for tenant, store in stores.items():
            key = f"{tenant}{len(store.find(Parcel))}"
            store.create(Parcel, key, waiting(key))
            store.send(Parcel, key, Loaded())
    for store in stores.values():
        read: list[str] = []
        while messages := store.messages("reader", topic="audit", limit=2):
            read += [str(message.key) for message in messages]
            store.save_cursor("reader", messages[-1].position)
        assert sorted(read) == sorted(str(stored.key) for stored in store.find(Parcel))


# ---------------------------------------------------------------- how a tenant is named


def test_names_that_are_refused(store: Store) -> None:
    """A tenant's name is a text of at most 200 bytes that a database can hold; any other is refused."""
    fill(store)
    before = told(store)
    names: list[Any] = ["", None, 7, b"a", "a\0b", "\ud800", "x" * 201, "ä" * 101]
    for name in names:
        with pytest.raises(InvalidQuery, match="a tenant's name"):
            store.scoped(name)
    assert told(store) == before


@pytest.mark.parametrize("name", ["'; DROP TABLE snapshot; --", "a b", "ä\U0001f4e6", "%s", "x" * 200, "\n", "A", " "])
def test_any_text_is_a_name(store: Store, name: str) -> None:
    """Whatever the text, it names a tenant of its own, that keeps what it is given."""
    fill(store.scoped(name))
    assert store.find(Parcel) == store.scoped(f"{name[1:]}.").find(Parcel) == []
    assert {found.key for found in store.scoped(name).find(Parcel)} == {"p", "q"}


def test_the_longest_names_of_tenant_and_key(store: Store) -> None:
    """A tenant's name of the greatest length leaves room for a key as long as the store says it may be."""
    scoped = store.scoped("ü" * 100)
    longest = scoped._backend.longest_indexed or 10_000  # pyright: ignore[reportPrivateUsage]  # what a key may have
    key = "".join(chr(0x4E00 + (number * 7919) % 20000) for number in range(longest // 3))
    scoped.create(Parcel, key, waiting("long"))
    assert [stored.key for stored in scoped.find(Parcel, prefix=key)] == [key]


def test_scoped_twice(store: Store) -> None:
    """A scoped store is not scoped again, and is as it was."""
    scoped = store.scoped("a")
    fill(scoped)
    before = told(scoped)
    with pytest.raises(InvalidQuery, match="scoped already; call scoped"):
        scoped.scoped("b")
    assert told(scoped) == before
    assert repr(scoped) == f"<store {store.location}, tenant a>"


WHOLE: dict[str, Callable[[Store], object]] = {
    "prune": lambda s: s.prune(journal=DAY),
    "compact": lambda s: s.compact(),
    "examine": lambda s: s.examine(),
}


@pytest.mark.parametrize("call", WHOLE.values(), ids=WHOLE)
def test_work_on_the_whole_database(store: Store, clock: Any, call: Callable[[Store], object]) -> None:
    """What is for the whole database is refused on a scoped store, which says where to call it; nothing is done."""
    scoped = store.scoped("a")
    fill(scoped)
    clock.advance(days=10)
    before = told(scoped)
    with pytest.raises(InvalidQuery, match=r"is for the database with all tenants; call it on the store that scoped"):
        call(scoped)
    assert told(scoped) == before


@pytest.mark.parametrize("closing", TENANTS)
def test_to_close_one_closes_all(stores: dict[str, Store], closing: str) -> None:
    """Closing the store of any tenant closes the database for all of them, and a second time does no harm."""
    for store in stores.values():
        fill(store)
    stores[closing].close()
    for store in stores.values():
        with pytest.raises(StoreClosed):
            store.get(Parcel, "p")
        store.close()


# ---------------------------------------------------------------- transactions


def test_stores_of_several_tenants_join_one_transaction(stores: dict[str, Store]) -> None:
    """Inside of one store's `transaction()` every tenant's store sees its own rows, and all is committed together."""
    for tenant, store in stores.items():
        with store.transaction():
            for other in stores.values():
                other.create(Parcel, f"in {tenant}", waiting(f"in {tenant}"))
                other.send(Parcel, f"in {tenant}", Loaded(), delivery_id="d")
                assert other.get(Parcel, f"in {tenant}").version == 2
                assert other.count(Parcel)[OnTheRoad] == len(other.find(Parcel))
                assert other.send(Parcel, f"in {tenant}", Loaded(), delivery_id="d").duplicate
            assert {other.count(Parcel)[OnTheRoad] for other in stores.values()} == {1 + TENANTS.index(tenant)}
    for store in stores.values():
        assert {str(found.key) for found in store.find(Parcel)} == {f"in {tenant}" for tenant in TENANTS}
        assert len(store.messages(topic="audit")) == len(TENANTS)


def test_a_transaction_that_is_rolled_back_is_so_for_all_tenants(stores: dict[str, Store]) -> None:
    """An exception takes back what was written for every tenant, and each goes on as itself afterwards."""
    for store in stores.values():
        fill(store)
    before = [told(store) for store in stores.values()]
    with pytest.raises(ZeroDivisionError):
        write_and_fail(stores)
    # The numbers of messages and lines may go on; nothing else may.
    assert [told(store) for store in stores.values()] == before
    check_each_writes_its_own(stores)


def write_and_fail(stores: dict[str, Store]) -> None:
    with stores["a"].transaction():
        for store in stores.values():
            store.send(Parcel, "p", first_stop("Bern"))
            store.create(Parcel, "new", waiting("new"))
        raise ZeroDivisionError


def test_a_call_that_fails_leaves_the_tenant_as_it_was(stores: dict[str, Store]) -> None:
    """A call of one tenant that raises inside of another's transaction takes back itself, and not whose turn it is."""
    for store in stores.values():
        fill(store)
    with stores["a"].transaction():
        for store in stores.values():
            with pytest.raises(AlreadyExists):
                store.create(Parcel, "new", waiting("P"))
            with pytest.raises(RuntimeError):
                store.send(Parcel, "p", Exploded())
            with pytest.raises(NotFound):
                store.get(Parcel, "nobody")
            stores["a"].send(Parcel, "p", first_stop("Bern"))
    assert [store.get(Parcel, "p").version for store in stores.values()] == [2, 5, 2]
    check_each_writes_its_own(stores)


def check_each_writes_its_own(stores: dict[str, Store]) -> None:
    for tenant, store in stores.items():
        store.create(Parcel, f"of {tenant}", waiting(f"of {tenant}"))
    for tenant, store in stores.items():
        assert [str(found.key) for found in store.find(Parcel, prefix="of ")] == [f"of {tenant}"]


def test_look_ups_that_are_declared_inside_of_a_tenants_transaction(url: str) -> None:
    """Look-ups that a scoped store is the first to declare, in a transaction, are there for every tenant."""
    with open_store(url) as store:
        stores = of_tenants(store)
        with stores["b"].transaction():
            for each in stores.values():
                each.create(Parcel, "p", waiting("P", "Ulm"))
        for each in stores.values():
            assert [found.key for found in each.find(Parcel, where={"city": City("Ulm")})] == ["p"]


def test_threads_of_several_tenants(stores: dict[str, Store]) -> None:
    """Threads that write for several tenants at once write each for its own, however commits are shared."""
    threads = [
        threading.Thread(target=write_many, args=(tenant, store, which))
        for tenant, store in stores.items()
        for which in "12"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for tenant, store in stores.items():
        keys = {str(found.key) for found in store.find(Parcel)}
        assert len(keys) == 2 * ROUNDS
        assert all(key.startswith(f"{tenant}-") for key in keys)
        assert store.count(Parcel) == Counter({OnTheRoad: 2 * ROUNDS})
        assert Counter(str(m.key) for m in store.messages(topic="audit", limit=1000)) == Counter(keys)


ROUNDS = 30


def write_many(tenant: str, store: Store, which: str) -> None:
    for number in range(ROUNDS):
        key = f"{tenant}-{which}-{number}"
        store.create(Parcel, key, waiting(key))
        store.send(Parcel, key, Loaded(), delivery_id="d")


# ---------------------------------------------------------------- the whole database


@pytest.mark.usefixtures("batches")
def test_prune_is_for_all_tenants(stores: dict[str, Store], clock: Any) -> None:
    """`prune` takes what is old of every tenant, instances in a final state as well."""
    for store in stores.values():
        fill(store, cities=2)
        store.send(Parcel, "p", HandedOver())
        store.save_cursor("mailer", store.messages(limit=1000)[-1].position)
    told = sum(len(store.messages(limit=1000)) for store in stores.values())
    clock.advance(days=10)
    pruned = stores[""].prune(journal=DAY, messages=DAY, deliveries=DAY, finished=DAY, machines=[Parcel])
    assert pruned == Pruned(journal=3 * 4, messages=told, deliveries=3 * 2, instances=3)
    for store in stores.values():
        assert [found.key for found in store.find(Parcel)] == ["q"]
        assert store.count(Parcel) == Counter({Waiting: 1})
        assert store.messages() == []


@pytest.fixture
def slow(stores: dict[str, Store], clock: Any) -> dict[str, Store]:
    """Each tenant has finished an instance long ago; the cursor of tenant b has passed none of its messages."""
    for tenant, store in stores.items():
        fill(store)
        store.send(Parcel, "p", HandedOver())
        store.save_cursor("mailer", 0 if tenant == "b" else store.messages(limit=1000)[-1].position)
    clock.advance(days=10)
    return stores


@pytest.mark.usefixtures("batches")
def test_a_slow_cursor_keeps_only_its_tenants_messages(slow: dict[str, Store]) -> None:
    """Messages go once the cursors of their own tenant have passed them; a tenant without a cursor keeps none."""
    fill(slow[""].scoped("without"))
    kept = slow["b"].messages(limit=1000)
    slow[""].prune(messages=DAY)
    assert slow["b"].messages(limit=1000) == kept
    assert slow[""].messages() == slow["a"].messages() == []


@pytest.mark.usefixtures("batches")
def test_a_slow_cursor_keeps_only_its_tenants_instances(slow: dict[str, Store]) -> None:
    """A finished instance stays as long as a cursor of its own tenant has yet to pass its messages."""
    kept = told(slow["b"])
    assert slow[""].prune(finished=DAY, machines=[Parcel], dry_run=True) == Pruned(instances=2)
    assert slow[""].prune(finished=DAY, machines=[Parcel]) == Pruned(instances=2)
    assert told(slow["b"]) == kept
    assert [len(store.find(Parcel)) for store in slow.values()] == [1, 1, 2]


def test_an_examination_is_of_all_tenants(stores: dict[str, Store]) -> None:
    """`examine` counts the rows of all tenants, reads each, and knows whose cursor is whose."""
    for store in stores.values():
        fill(store)
    seen = stores[""].examine([Parcel])
    assert seen.findings == ()
    assert seen.rows["snapshot"] == 6
    assert set(seen.behind) == {"mailer", "mailer of tenant a", "mailer of tenant b"}
    assert len(set(seen.behind.values())) == 1


def test_what_is_wrong_with_one_tenant_is_told_with_its_name(stores: dict[str, Store]) -> None:
    """A count that is wrong, and a row that cannot be read, are told as that tenant's."""
    for store in stores.values():
        fill(store)
    with stores["b"].transaction() as connection:
        connection.execute("UPDATE snapshot SET body = '{}' WHERE tenant = 'b' AND key = 'q'")
    with stores["a"].transaction() as connection:
        connection.execute("UPDATE snapshot SET state = 'lost' WHERE tenant = 'a' AND key = 'q'")
    problems = [finding.problem for finding in stores[""].examine([Parcel]).findings]
    assert [problem for problem in problems if "counts 1 in moving.waiting of tenant a, where there are 0" in problem]
    assert [problem for problem in problems if problem.startswith("tenant b: ") and "snapshot.body" in problem]
    assert not [problem for problem in problems if "tenant" not in problem]


def test_a_copy_has_all_tenants(shared_url: str, shared_kind: str, fresh_url: Callable[[str], str]) -> None:
    """A copied database tells the same for each tenant, and goes on for each of them."""
    target = fresh_url(shared_kind)
    with open_store(shared_url) as store:
        for each in of_tenants(store).values():
            fill(each)
        before = [told(each) for each in of_tenants(store).values()]
    assert copy_store(shared_url, target).rows["snapshot"] == 6
    with open_store(target) as store:
        assert [told(each) for each in of_tenants(store).values()] == before
        for each in of_tenants(store).values():
            assert each.send(Parcel, "p", Loaded(), delivery_id="load").duplicate
            each.send(Parcel, "p", first_stop("Bern"))


def test_deleted_rows_are_of_one_tenant(stores: dict[str, Store]) -> None:
    """What is deleted goes from every table, and no table loses a row of another tenant."""
    for store in stores.values():
        fill(store)
    before = rows_by_tenant(stores[""])
    stores["a"].delete(Parcel, "p")
    after = rows_by_tenant(stores[""])
    assert {place: number for place, number in before.items() if place[1] != "a"} == {
        place: number for place, number in after.items() if place[1] != "a"
    }
    assert all(
        after[table, "a"] < before[table, "a"] for table in ("snapshot", "journal", "lookup", "delivery", "message")
    )


def rows_by_tenant(store: Store) -> Counter[tuple[str, str]]:
    backend = store._backend  # pyright: ignore[reportPrivateUsage]  # the rows as they are
    found: Counter[tuple[str, str]] = Counter()
    with backend.whole().at_one_time() as reader:
        for table in TABLES:
            if "tenant" in table.columns:
                found.update((table.name, table.reads("tenant")(row)) for row in reader.rows_after(table, (), 10_000))
    return found
