"""Heartbeats, and how stale an instance is, as every store keeps them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import pytest
from agents import hire
from everything import everything
from plans import said_by, scanned
from postgres_server import Server

from by_hand import run_by_hand
from leverframe import InvalidQuery, NotFound, Store, copy_store, open_store
from leverframe.coordination.staleness import StalenessLevel
from leverframe.machines import Pipeline, Worker
from leverframe.machines.pipeline import Backlog
from leverframe.machines.worker import Assigned, Completed, ConflictFound, Fail, Failed, InReview, WorkStarted

OK, WARN, STALE, DEAD = StalenessLevel


class Clock(Protocol):
    def __call__(self) -> datetime: ...

    def advance(self, **units: float) -> datetime: ...


def level(store: Store, key: str = "a") -> StalenessLevel:
    return store.observe_one(Worker, key).level


# ---------------------------------------------------------------- heartbeats


def test_a_heartbeat_is_no_move(store: Store) -> None:
    """A heartbeat changes neither state nor version nor journal nor messages nor counts."""
    hire(store, "a")
    before = everything(store, "a", machine=Worker)
    store.beat(Worker, "a")
    assert everything(store, "a", machine=Worker) == before


def test_a_heartbeat_of_nobody(store: Store) -> None:
    """A heartbeat of an instance that is not there is `NotFound`, and leaves nothing for one that comes later."""
    with pytest.raises(NotFound):
        store.beat(Worker, "a")
    hire(store, "a")
    assert store.observe_one(Worker, "a").heartbeat_at is None


def test_nobody_is_observed(store: Store) -> None:
    """To observe an instance that is not there is `NotFound`; of no instances none are listed."""
    with pytest.raises(NotFound):
        store.observe_one(Worker, "a")
    assert store.observe(Worker) == []


def test_the_last_heartbeat_counts(store: Store, clock: Clock) -> None:
    """An instance has one heartbeat, the last one, by the store's clock."""
    hire(store, "a", "b")
    for _ in range(3):
        clock.advance(seconds=7)
        store.beat(Worker, "a")
    last = clock()
    clock.advance(seconds=7)
    observed = store.observe_one(Worker, "a")
    assert (observed.heartbeat_at, observed.read_at) == (last, clock())
    assert store.observe_one(Worker, "b").heartbeat_at is None


def test_a_machine_without_staleness(store: Store) -> None:
    """Heartbeats of a machine that declares no staleness are refused, as is to observe it."""
    store.create(Pipeline, "a", Backlog())
    calls: Sequence[Callable[[], object]] = (
        lambda: store.beat(Pipeline, "a"),
        lambda: store.observe(Pipeline),
        lambda: store.observe_one(Pipeline, "a"),
    )
    for call in calls:
        with pytest.raises(InvalidQuery, match="declares no staleness; write staleness = Staleness"):
            call()


def test_a_heartbeat_in_a_transaction(store: Store) -> None:
    """A heartbeat joins a transaction, and is taken back with it."""
    hire(store, "a")
    with suppress(ZeroDivisionError), store.transaction():
        store.beat(Worker, "a")
        raise ZeroDivisionError
    assert store.observe_one(Worker, "a").heartbeat_at is None
    with store.transaction():
        store.beat(Worker, "a")
    assert store.observe_one(Worker, "a").heartbeat_at is not None


def test_a_heartbeat_goes_with_its_instance(store: Store) -> None:
    """What is deleted leaves no heartbeat to one that comes under its key."""
    hire(store, "a")
    store.beat(Worker, "a")
    store.delete(Worker, "a")
    hire(store, "a")
    assert store.observe_one(Worker, "a").heartbeat_at is None


def test_a_heartbeat_is_copied(shared_url: str, fresh_url: Callable[[str], str], shared_kind: str) -> None:
    """A copy of a store has the heartbeats."""
    with open_store(shared_url) as store:
        hire(store, "a", "b")
        store.beat(Worker, "a")
        before = [(each.stored, each.heartbeat_at) for each in store.observe(Worker)]
    target = fresh_url(shared_kind)
    copy_store(shared_url, target)
    with open_store(target) as copy:
        assert [(each.stored, each.heartbeat_at) for each in copy.observe(Worker)] == before


def test_heartbeats_beside_moves(store: Store) -> None:
    """Heartbeats from many threads hold up no move, and no move is lost for them."""
    hire(store, "a", kind=Failed, reason="0")

    def beat(_: int) -> None:
        for _ in range(25):
            store.beat(Worker, "a")

    def fail(_: int) -> int:
        return max(store.send(Worker, "a", Fail("again")).version for _ in range(25))

    with ThreadPoolExecutor(4) as pool:
        beating = [pool.submit(beat, number) for number in range(2)]
        versions = [pool.submit(fail, number).result() for number in range(2)]
        for each in beating:
            each.result()
    assert max(versions) == 51


def test_each_tenant_has_its_own(store: Store) -> None:
    """A tenant sees its own instances and heartbeats, and cannot beat for another's."""
    ours, theirs = store.scoped("ours"), store.scoped("theirs")
    hire(ours, "a", "b")
    hire(theirs, "a")
    ours.beat(Worker, "a")
    assert theirs.observe_one(Worker, "a").heartbeat_at is None
    assert [each.stored.key for each in theirs.observe(Worker)] == ["a"]
    with pytest.raises(NotFound):
        theirs.beat(Worker, "b")
    assert ours.observe_one(Worker, "b").heartbeat_at is None
    assert store.observe(Worker) == []


# ---------------------------------------------------------------- levels


def test_levels_by_age(store: Store, clock: Clock) -> None:
    """Up to 5 minutes are OK, over them WARN, over 15 STALE, over 30 DEAD, to the microsecond; nothing is written."""
    hire(store, "a")
    store.beat(Worker, "a")
    before = everything(store, "a", machine=Worker)
    found = [level(store)]
    for minutes in (5, 10, 15):
        clock.advance(minutes=minutes)
        found.append(level(store))
        clock.advance(microseconds=1)
        found.append(level(store))
        clock.advance(microseconds=-1)
    assert found == [OK, OK, WARN, WARN, STALE, STALE, DEAD]
    assert everything(store, "a", machine=Worker) == before


def test_who_never_beat_is_dead(store: Store) -> None:
    """A watched instance without a heartbeat is DEAD, from its creation on."""
    hire(store, "a")
    assert level(store) is DEAD


def test_who_is_not_watched_is_ok(store: Store, clock: Clock) -> None:
    """In a state that is not watched it is OK without a heartbeat, and however old the last one is."""
    hire(store, "a")
    hire(store, "b", kind=InReview)
    store.beat(Worker, "a")
    store.send(Worker, "a", WorkStarted())
    clock.advance(days=1)
    assert [level(store, "a"), level(store, "b")] == [DEAD, OK]
    store.send(Worker, "a", ConflictFound())
    assert level(store, "a") is OK


def test_a_move_is_no_heartbeat(store: Store, clock: Clock) -> None:
    """A move into a watched state does not count as one: the last heartbeat does."""
    hire(store, "a")
    store.beat(Worker, "a")
    clock.advance(minutes=10)
    store.send(Worker, "a", WorkStarted())
    assert level(store) is WARN
    store.beat(Worker, "a")
    assert level(store) is OK


def test_what_was_read_does_not_age(store: Store, clock: Clock) -> None:
    """What was read says how stale it was then; to know it now, read again."""
    hire(store, "a")
    store.beat(Worker, "a")
    observed = store.observe_one(Worker, "a")
    clock.advance(days=1)
    assert (observed.level, level(store)) == (OK, DEAD)


def test_the_store_s_own_clock(url: str) -> None:
    """Without a clock of the caller's, heartbeats and their ages are by the one that all share."""
    with open_store(url) as store:
        hire(store, "a")
        assert level(store) is DEAD
        store.beat(Worker, "a")
        observed = store.observe_one(Worker, "a")
        assert observed.heartbeat_at is not None
        assert timedelta(0) <= observed.read_at - observed.heartbeat_at < timedelta(minutes=1)
        assert observed.level is OK


# ---------------------------------------------------------------- listing


def fill(store: Store, clock: Clock) -> None:
    """Four workers, changed one after another: d, then b, a and c, the last one."""
    hire(store, "a", "b", "c")
    hire(store, "d", kind=Completed)
    for key in "bac":
        clock.advance(seconds=1)
        store.send(Worker, key, WorkStarted())
    clock.advance(minutes=6)
    store.beat(Worker, "b")


def test_a_list_is_of_all_newest_change_first(store: Store, clock: Clock) -> None:
    """Every instance is listed with its last heartbeat, newest state change first; a heartbeat is no change."""
    fill(store, clock)
    listed = [(each.stored.key, each.heartbeat_at, each.level) for each in store.observe(Worker)]
    assert listed == [("c", None, DEAD), ("a", None, DEAD), ("b", clock(), OK), ("d", None, OK)]
    assert [each.stored for each in store.observe(Worker)] == store.find(Worker)


def test_to_fail_again_is_a_change(store: Store, clock: Clock) -> None:
    """A worker that fails again comes first, as the time of its last change says."""
    fill(store, clock)
    store.send(Worker, "a", Fail("once"))
    clock.advance(seconds=1)
    store.send(Worker, "b", Fail("once"))
    clock.advance(seconds=1)
    store.send(Worker, "a", Fail("twice"))
    listed = store.observe(Worker)
    assert [each.stored.key for each in listed] == ["a", "b", "c", "d"]
    times = [each.stored.state.state_changed_at for each in listed]
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize("limit", [1, 2, 4, 9])
def test_a_list_can_be_cut(store: Store, clock: Clock, limit: int) -> None:
    """With a limit they are the first ones of the whole list."""
    fill(store, clock)
    whole, cut = store.observe(Worker), store.observe(Worker, limit=limit)
    assert [(each.stored, each.heartbeat_at) for each in cut] == [
        (each.stored, each.heartbeat_at) for each in whole[:limit]
    ]


@pytest.mark.parametrize("wrong", [0, -1, 1.5, "1"])
def test_a_limit_is_a_number(store: Store, wrong: Any) -> None:
    """A limit is an integer of at least 1."""
    with pytest.raises(InvalidQuery):
        store.observe(Worker, limit=wrong)


@pytest.mark.parametrize("limit", [None, 2])
def test_a_list_is_one_query(store: Store, clock: Clock, limit: int | None) -> None:
    """However many there are, they are listed by one statement."""
    fill(store, clock)
    store.observe(Worker)
    with said_by(store) as said:
        listed = store.observe(Worker, limit=limit)
        assert len([each.level for each in listed]) == (limit or 4)
    assert len(said) == 1


# ---------------------------------------------------------------- how they are found

ROWS = 20_000

NUMBERS = f"WITH RECURSIVE n (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM n WHERE n < {ROWS})"

BODY = """'{"body":{"branch":"b","created_at":"2026-01-01T00:00:00+00:00","description":null,' ||
    '"state_changed_at":"2026-01-01T00:00:00+00:00","task_id":"t","worktree":"w"},"type":"Working"}'"""

FILL = (
    f"""{NUMBERS} INSERT INTO snapshot (tenant, instance, machine, key, state, body, version, created_at, changed_at)
    SELECT '', n, 'Worker', 'worker-' || n, CASE WHEN n % 2 = 0 THEN 'working' ELSE 'assigned' END, {BODY}, 2, n, n
    FROM n""",
    f"{NUMBERS} INSERT INTO heartbeat (tenant, instance, at) SELECT '', n, n FROM n",
    f"""{NUMBERS} INSERT INTO state_count (tenant, machine, state, type_name, number)
    SELECT '', 'Worker', 'working', 'Working', count(*) FROM n""",
)


@pytest.fixture(scope="module", params=["file", "postgres"])
def large_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store with as many workers, each with a heartbeat."""
    if request.param == "file":
        folder: Path = tmp_path_factory.mktemp("heartbeats")
        url = f"sqlite:///{folder / 'store.db'}?durability=normal"
    else:
        server: Server = request.getfixturevalue("postgres_server")
        url = server.fresh_url()
    with open_store(url) as store:
        hire(store, "worker-1")
    run_by_hand(url, *FILL)
    if request.param == "postgres":
        run_by_hand(url, "ANALYZE snapshot", "ANALYZE heartbeat", "ANALYZE state_count")
    return url


CALLS: dict[str, Callable[[Store], object]] = {
    "beat": lambda s: s.beat(Worker, "worker-77"),
    "beat of nobody": lambda s: observe_missing(s),
    "the newest": lambda s: s.observe(Worker, limit=10),
    "the silent": lambda s: s.overview([Worker]),
    "one": lambda s: s.observe_one(Worker, "worker-77"),
}


def observe_missing(store: Store) -> None:
    with pytest.raises(NotFound):
        store.beat(Worker, "nobody")


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_no_table_is_scanned(large_url: str, call: Callable[[Store], object]) -> None:
    """Each statement of the call finds its rows by an index, however many there are."""
    with open_store(large_url) as store, said_by(store) as said:
        call(store)
    assert said
    big = {"snapshot", "heartbeat"}
    assert not {text: tables for text, values in said if (tables := scanned(large_url, (text, values)) & big)}


def test_a_list_looks_each_heartbeat_up(large_url: str) -> None:
    """A list of all reads all instances, and no heartbeat but theirs."""
    with open_store(large_url) as store, said_by(store) as said:
        assert len(store.observe(Worker)) == ROWS
    [(text, values)] = said
    assert "heartbeat" not in scanned(large_url, (text, values))


def test_assigned_workers_are_watched_from_the_start(store: Store) -> None:
    """A worker that was assigned and shows no sign is DEAD, not OK."""
    hire(store, "a")
    observed = store.observe_one(Worker, "a")
    assert isinstance(observed.stored.state, Assigned)
    assert (observed.level, observed.level.is_stale) == (DEAD, True)
