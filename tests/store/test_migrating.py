"""Rows of older code, written as today's code does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from grown import Asked, Doing, Done, Ended, Errand, OldErrand, Queued, Returned, Waiting, old

from leverframe import Store, UnreadableRow, open_store
from leverframe.checks import forms, migrating
from leverframe.checks.migrating import Plan, migrate, plan_migration
from leverframe.checks.rows import examine


@pytest.fixture
def url(shared_url: str) -> str:
    """A store as the older program left it."""
    with open_store(shared_url) as store:
        old(store, "c", "b")
        for key in ("c", "b"):
            held = store.claim(OldErrand.lease, worker="older")
            assert held is not None
            if key == "c":
                held.send(Ended())
        old(store, "a", "bad-1")
    return shared_url


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with open_store(url) as opened:
        yield opened


@pytest.fixture(params=[1, 3, 1000])
def batches(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of several sizes."""
    for module in (forms, migrating):
        monkeypatch.setattr(module, "AT_ONCE", request.param)


def told(plan: Plan) -> list[tuple[str, str, str, str, int]]:
    return [
        (each.form.path, str(each.form.tag), each.form.path_today, str(each.form.tag_today), each.rows)
        for each in plan.forms
    ]


def rows_of(store: Store) -> dict[str, tuple[str, str, int]]:
    """Path, body and version as they are stored, by key."""
    reader = store._backend.read()  # pyright: ignore[reportPrivateUsage]  # what is stored is the point
    return {each.row.key: (each.row.state, each.row.body, each.row.version) for each in reader.stored("Errand", 0, 100)}


def test_plan(store: Store) -> None:
    """A plan counts instances by what they are stored as, and says what they become and which cannot be read."""
    plan = plan_migration(store, Errand)
    assert told(plan) == [
        ("doing", "Doing", "doing", "Doing 2", 1),
        ("done", "Done", "done", "Done", 1),
        ("waiting", "Waiting", "queued", "Queued", 1),
    ]
    (fault,) = plan.faults
    assert (fault.path, fault.rows, fault.keys) == ("waiting", 1, (("", "bad-1"),))
    assert "nobody knows how urgent it was" in fault.reason


def test_a_plan_writes_nothing(store: Store, url: str) -> None:
    """A plan changes no row and declares nothing."""
    before = rows_of(store)
    plan_migration(store, Errand, journal=True)
    assert rows_of(store) == before
    with open_store(url) as older:
        assert older.send(OldErrand, "a", Asked("a2")).state == Waiting("a2")


@pytest.mark.usefixtures("batches")
def test_apply(store: Store) -> None:
    """Bodies are written in place at the same version; where the path is another one the instance is moved."""
    before = rows_of(store)
    done = migrate(store, Errand, by="anna")
    assert (done.rows, done.moves, done.lines, done.overtaken) == (1, 1, 0, 0)
    assert [fault.keys for fault in done.faults] == [(("", "bad-1"),)]
    assert rows_of(store) == {
        "a": ("queued", '{"body":{"label":"a","urgent":false},"type":"Queued"}', 2),
        "b": ("doing", '{"body":{"label":"b","steps":0},"type":"Doing","v":2}', 2),
        "c": before["c"],
        "bad-1": before["bad-1"],
    }


def test_what_is_told_of_an_instance(store: Store) -> None:
    """The journal tells who moved an instance to its path of today; its times stay, and counts follow."""
    created = store.find(Errand, keys=["a"])[0]
    migrate(store, Errand, by="anna")
    found = store.get(Errand, "a")
    assert (found.created_at, found.changed_at) == (created.created_at, created.changed_at)
    last = store.history(Errand, "a")[-1]
    assert (last.by, last.why, last.repaired) == ("anna", "written as Waiting is today", True)
    assert {leaf.__name__: number for leaf, number in store.count(Errand).items()} == {
        "Queued": 2,
        "Doing": 1,
        "Done": 1,
    }
    assert [finding for finding in store.examine().findings if finding.kind == "counts"] == []


def test_again(store: Store) -> None:
    """Another call has nothing left to do."""
    migrate(store, Errand, by="anna")
    before = rows_of(store)
    again = migrate(store, Errand, by="anna")
    assert (again.rows, again.moves, len(again.faults)) == (0, 0, 1)
    assert rows_of(store) == before
    assert plan_migration(store, Errand).outdated == 0


def test_what_waits_can_be_claimed(store: Store) -> None:
    """What could be claimed before can be claimed, in the same order."""
    migrate(store, Errand, by="anna")
    held = store.claim(Errand.lease, worker="w")
    assert held is not None
    assert (held.key, held.state) == ("a", Doing("a", 0))


def test_a_lease_of_older_code_stays(url: str) -> None:
    """Whose lease ran before still has it: it can be ended, and until then nobody else gets the instance."""
    with open_store(url) as store:
        (before,) = store.leases(Errand.lease)
        migrate(store, Errand, by="anna")
        (after,) = store.leases(Errand.lease)
        assert (after.token, after.worker, after.expires_at) == (before.token, "older", before.expires_at)
        receipt = store.end_lease(Errand.lease, after, Returned())
        assert receipt.state == Queued("b", urgent=True)


@pytest.mark.parametrize("path", ["", "working"])
@pytest.mark.parametrize("moves", [0, 1, 3])
def test_an_owner_goes_on(store: Store, moves: int, path: str) -> None:
    """Who has a lease while bodies are written, or paths, keeps it, whether he has moved the instance since or not."""
    store.create(Errand, "m", Queued("m", urgent=True))
    held = store.claim(Errand.lease, key="m", worker="w")
    assert held is not None
    for _ in range(moves):
        held.send(Asked("m"))
    age(store, "m", '{"body":{"label":"m"},"type":"Doing"}', path, was="doing")
    assert migrate(store, Errand, by="anna").moves == (2 if path else 1)
    with held:
        assert held.renew()
        assert held.send(Ended()).state == Done("m")
    assert [finding for finding in store.examine().findings if finding.kind == "counts"] == []


def test_a_waiting_owner_goes_on(store: Store) -> None:
    """Who decides on an instance that he remembers decides anew where that was moved to its path of today."""
    store.create(Errand, "m", Queued("m", urgent=True))
    for label in ("m1", "m2", "m3"):
        store.send(Errand, "m", Asked(label))
    age(store, "m", '{"body":{"label":"m3"},"type":"Waiting"}', "waiting")
    assert migrate(store, Errand, by="anna").moves == 2
    assert store.send(Errand, "m", Asked("m4")).version == 6
    assert [finding for finding in store.examine().findings if finding.kind == "counts"] == []


def age(store: Store, key: str, body: str, path: str = "", was: str = "queued") -> None:
    """Write a row as an older program would have."""
    with store.transaction() as connection:
        mark, counts = ("?", "state_count") if "sqlite" in type(connection).__module__ else ("%s", "count_change")
        connection.execute(f"UPDATE snapshot SET body = {mark} WHERE key = {mark}", (body, key))
        if path:
            connection.execute(f"UPDATE snapshot SET state = {mark} WHERE key = {mark}", (path, key))
            for state, change in ((was, -1), (path, 1)):
                connection.execute(count_change(counts, mark), (state, change))


def count_change(counts: str, mark: str) -> str:
    if counts == "state_count":
        told = "INSERT INTO state_count (tenant, machine, state, type_name, number) VALUES ('', 'Errand', ?, '', ?)"
        return f"{told} ON CONFLICT (tenant, machine, state) DO UPDATE SET number = number + excluded.number"
    return f"INSERT INTO {counts} (machine, state, type_name, number) VALUES ('Errand', {mark}, '', {mark})"


def test_journal(store: Store) -> None:
    """Without being asked to, the journal stays; with journal= its lines are as today's code writes them."""
    lines = [(entry.event, entry.state) for entry in store.history(Errand, "c")]
    assert migrate(store, Errand, by="anna").lines == 0
    assert plan_migration(store, Errand, journal=True).lines == 6
    done = migrate(store, Errand, by="anna", journal=True)
    assert done.lines == 6
    assert [fault.table for fault in done.faults] == ["snapshot", "journal"]
    assert [(entry.event, entry.state) for entry in store.history(Errand, "c")] == lines
    assert [entry.to_path for entry in store.history(Errand, "c")] == ["queued", "doing", "done"]
    assert plan_migration(store, Errand, journal=True).lines == 0


def test_tenants(url: str) -> None:
    """All tenants' rows are written, each in its own place; or those of one."""
    with open_store(url) as store:
        for name in ("north", "south"):
            old(store.scoped(name), "n")
    with open_store(url) as store:
        assert migrate(store, Errand, by="anna", tenant="north").moves == 1
        assert [row.path for row in store.scoped("south").find(Errand)] == ["waiting"]
        done = migrate(store, Errand, by="anna")
        assert (done.rows, done.moves) == (1, 2)
        assert [row.path for row in store.scoped("south").find(Errand)] == ["queued"]
        assert store.scoped("south").history(Errand, "n")[-1].by == "anna"
        assert examine(store, Errand).rows == 6
        assert store.examine().findings == ()


def test_unreadable_stay(store: Store) -> None:
    """What cannot be read still cannot, and is as it was."""
    migrate(store, Errand, by="anna")
    with pytest.raises(UnreadableRow):
        store.get(Errand, "bad-1")


def test_an_upcaster_can_go(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """When rows and journal are written, a program without the upcaster of a class of old reads all of it."""
    with open_store(url) as store:
        store.delete(OldErrand, "bad-1")
    with open_store(url) as store:
        before = {str(found.key): found.state for found in store.find(Errand)}
        migrate(store, Errand, by="anna", journal=True)
    declared = Errand._upcasters  # pyright: ignore[reportPrivateUsage]  # one cannot be taken back otherwise
    monkeypatch.delitem(declared, ("Waiting", 1))
    with open_store(url) as store:
        assert {str(found.key): found.state for found in store.find(Errand)} == before
        assert examine(store, Errand, journal=True).findings == ()
        assert store.count(Errand).total() == len(before)
        for key in before:
            assert [entry.from_state for entry in store.history(Errand, key)][:1] == [None]
