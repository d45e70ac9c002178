"""Claims and ends of leases that nothing else stands in the way of, written as one statement."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st
from plans import said_by, scanned
from postgres_server import Server

from by_hand import run_by_hand
from leverframe import Event, Lease, LeaseLost, Machine, Payload, Store, TransitionNotAllowed, on, open_store, state
from leverframe.coordination.held import Held
from leverframe.coordination.swift import LOOKS_UNTIL_ALONE, Picking
from leverframe.persistence.postgres.moving import MOVE_BOTH, MOVE_MANY, spell
from leverframe.persistence.postgres.saying import SpokenConnection

Patch: TypeAlias = pytest.MonkeyPatch


@frozen
class Dirty(Payload):
    what: str


@frozen
class Soaking(Payload):
    what: str


@frozen
class Clean(Payload):
    what: str


@frozen
class Taken(Event): ...


@frozen
class Forgotten(Event): ...


@frozen
class Washed(Event): ...


class Dish(Machine[Dirty | Soaking | Clean, Taken | Forgotten | Washed]):
    dirty = state(Dirty, initial=True)
    soaking = state(Soaking)
    clean = state(Clean, final=True)

    @on
    def taken(self, s: Dirty, e: Taken) -> Soaking:
        return Soaking(s.what)

    @on
    def forgotten(self, s: Soaking, e: Forgotten) -> Dirty:
        return Dirty(s.what)

    @on
    def washed(self, s: Soaking, e: Washed) -> Clean:
        return Clean(s.what)

    lease = Lease(claim=taken, expiry=forgotten)


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """With ten dishes."""
    with open_store(url) as opened:
        for number in range(10):
            opened.create(Dish, key(number), Dirty(f"plate {number}"))
        yield opened


@pytest.fixture
def other(store: Store, url: str) -> Iterator[Store]:
    """Another program on the same database, which has claimed before."""
    with open_store(url) as opened:
        opened.count(Dish)
        yield opened


def key(number: int) -> str:
    return f"{number:04}"


def claim(store: Store, worker: str = "w1") -> Held[Dish, Soaking]:
    held = store.claim(Dish.lease, worker=worker)
    assert held is not None
    return held


def everything(store: Store) -> list[Any]:
    found = store.find(Dish)
    return [(one.key, one.version, [entry.seq for entry in store.history(Dish, one.key)]) for one in found]


def coming_between(patch: Patch, call: Callable[[], object]) -> None:
    """Make a call of somebody else's once, after the next claim has picked, and before it writes."""
    decide = Picking.decide

    def decide_late(picking: Picking) -> Any:
        found = decide(picking)
        patch.setattr(Picking, "decide", decide)
        call()
        return found

    patch.setattr(Picking, "decide", decide_late)


# ---------------------------------------------------------------- arrays

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(st.lists(st.none() | texts | st.sampled_from(["NULL", "{}", '"', "\\", '\\"', ",", " ", ""]), min_size=1))
def test_texts_come_back(connection: SpokenConnection, column: list[str | None]) -> None:
    """Whatever stands in a text, the server reads the very same from its array."""
    rows = connection.say("SELECT * FROM unnest(%s::text[])", (spell(column, quoted=True),))
    assert rows == [(text,) for text in column]


def test_equal_texts_come_back(connection: SpokenConnection) -> None:
    """A text that stands in every place is read in every place."""
    rows = connection.say("SELECT * FROM unnest(%s::text[])", (spell(['"a"'] * 3, quoted=True),))
    assert rows == [('"a"',)] * 3


@given(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_numbers_come_back(connection: SpokenConnection, column: list[int | None]) -> None:
    """Every number and every gap between them is read from its array."""
    rows = connection.say("SELECT * FROM unnest(%s::bigint[])", (spell(column, quoted=False),))
    assert rows == [(number,) for number in column]


@pytest.fixture(scope="module")
def connection(postgres_server: Server) -> Iterator[SpokenConnection]:
    with SpokenConnection.connect(postgres_server.url, autocommit=True) as opened:
        yield opened


def test_awkward_texts_are_stored(store: Store) -> None:
    """What a state says goes through a claim of many and an end of many as it is."""
    awkward = {"a": '"quoted", \\ {braces}\n', "b": "NULL", "c": "ä\t€ '%s' $1"}
    for key, what in awkward.items():
        store.create(Dish, key, Dirty(what))
    held = store.claim_many(Dish.lease, worker="w1", limit=20)
    store.send_all([(each, Washed()) for each in held])
    assert {key: store.get(Dish, key).state for key in awkward} == {key: Clean(what) for key, what in awkward.items()}


# ---------------------------------------------------------------- an end, and the next claim


def test_end_and_claim_are_one_statement(store: Store) -> None:
    """The end of one lease and the claim of what is next are written by one statement, behind a look."""
    held = claim(store)
    with said_by(store) as said:
        held.send_and_claim(Washed())
    assert [statement for statement, _ in said[1:]] == [MOVE_BOTH]
    following = held.next
    assert following is not None
    assert (held.ended, following.key, following.state) == (True, key(1), Soaking("plate 1"))
    assert store.get(Dish, key(0)).state == Clean("plate 0")
    assert following.token == store.history(Dish, key(1))[-1].seq > store.history(Dish, key(0))[-1].seq
    assert [record.key for record in store.leases(Dish.lease)] == [key(1)]


def test_what_somebody_took_meanwhile_is_not_claimed(store: Store, other: Store, monkeypatch: Patch) -> None:
    """Where somebody else gets what was picked, the end stands, and the one behind it is claimed."""
    held, others = claim(store), list[Any]()
    coming_between(monkeypatch, lambda: others.append(claim(other, "w2")))
    held.send_and_claim(Washed())
    assert store.get(Dish, key(0)).state == Clean("plate 0")
    assert held.next is not None
    assert (others[0].key, held.next.key) == (key(1), key(2))


def test_who_is_late_claims_nothing(store: Store, other: Store) -> None:
    """Who has lost the lease is told so, what would be next stays where it is, and nothing is written."""
    held = claim(store)
    other.release(Dish.lease, held.key, by="ann", why="too slow")
    before = everything(store)
    with pytest.raises(LeaseLost):
        held.send_and_claim(Washed())
    assert everything(store) == before
    assert held.next is None


def test_a_refused_end_claims_nothing(store: Store) -> None:
    """An event that the state does not take is refused, and nothing is written."""
    held = claim(store)
    before = everything(store)
    with pytest.raises(TransitionNotAllowed):
        held.send_and_claim(Taken())
    assert everything(store) == before


def test_the_last_end_claims_nothing(store: Store) -> None:
    """Where nothing is ready the end is written alone."""
    held: Held[Dish, Soaking] | None = claim(store)
    ended = 0
    while held is not None:
        held.send_and_claim(Washed())
        held, ended = held.next, ended + 1
    assert (ended, store.count(Dish)[Clean]) == (10, 10)
    assert store.leases(Dish.lease) == []


# ---------------------------------------------------------------- many claimers


def test_what_was_taken_meanwhile_is_left_out(store: Store, other: Store, monkeypatch: Patch) -> None:
    """Of what a claim picked it gets what nobody else has taken before it writes."""
    others: list[Any] = []
    coming_between(monkeypatch, lambda: others.extend(other.claim_many(Dish.lease, worker="w2", limit=3)))
    held = store.claim_many(Dish.lease, worker="w1", limit=5)
    assert [each.key for each in others] == [key(0), key(1), key(2)]
    assert [each.key for each in held] == [key(3), key(4)]


def test_behind_a_meeting_claims_wait_for_nobody(store: Store, other: Store, monkeypatch: Patch) -> None:
    """For a while after others were met a claim passes by what they are about to write."""
    coming_between(monkeypatch, lambda: claim(other, "w2"))
    assert claim(store).key == key(1)
    with other.transaction():
        assert claim(other, "w2").key == key(2)
        assert [each.key for each in store.claim_many(Dish.lease, worker="w1", limit=2)] == [key(3), key(4)]


def test_a_claim_of_many_is_one_statement_among_others(store: Store, other: Store, monkeypatch: Patch) -> None:
    """Where others were met too, all that a claim gives is written by one statement."""
    coming_between(monkeypatch, lambda: claim(other, "w2"))
    claim(store)
    with said_by(store) as said:
        assert len(store.claim_many(Dish.lease, worker="w1", limit=5)) == 5
    assert [statement for statement, _ in said].count(MOVE_MANY) == 1


def test_each_dish_is_washed_once(store: Store, other: Store) -> None:
    """However many claim at once, in threads and in programs, nothing is given twice and nothing is left."""
    for number in range(10, 400):
        store.create(Dish, key(number), Dirty(""))
    washed: list[Any] = []
    barrier = threading.Barrier(4)

    def work(place: Store, worker: str) -> None:
        barrier.wait()
        while held := place.claim_many(Dish.lease, worker=worker, limit=7):
            place.send_all([(each, Washed()) for each in held])
            washed.extend(each.key for each in held)

    def work_in_turn(place: Store, worker: str) -> None:
        barrier.wait()
        held = place.claim(Dish.lease, worker=worker)
        while held is not None:
            held.send_and_claim(Washed())
            washed.append(held.key)
            held = held.next

    works = [(work, store), (work, other), (work_in_turn, store), (work_in_turn, other)]
    threads = [threading.Thread(target=each, args=(place, f"w{n}")) for n, (each, place) in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(washed) == [key(number) for number in range(400)]
    assert store.count(Dish)[Clean] == 400
    assert [len(store.history(Dish, key(number))) for number in range(0, 400, 40)] == [3] * 10


def test_locks_are_given_up_again(store: Store, other: Store, monkeypatch: Patch) -> None:
    """After a number of claims that met nobody a claim takes no locks any more."""
    coming_between(monkeypatch, lambda: claim(other, "w2"))
    claim(store)
    for _ in range(LOOKS_UNTIL_ALONE):
        store.claim(Dish.lease, worker="w1")
    store.create(Dish, "late", Dirty("cup"))
    with said_by(store) as said:
        assert claim(store).key == "late"
    assert not any("SKIP LOCKED" in statement for statement, _ in said)


# ---------------------------------------------------------------- plans


FILL = """
INSERT INTO snapshot (tenant, machine, key, state, body, version, created_at, changed_at)
SELECT '', s.machine, 'copy-' || n, s.state, s.body, 1, n, n FROM snapshot AS s, generate_series(1, 20000) AS n
WHERE s.key = '0000'"""


def test_many_moves_find_their_rows(store: Store, url: str) -> None:
    """The rows of many moves are found by an index, however many others there are."""
    run_by_hand(url, FILL, *(f"ANALYZE {table}" for table in ("snapshot", "lease", "journal")))
    with said_by(store) as said:
        held = store.claim_many(Dish.lease, worker="w1", limit=5)
        store.send_all([(each, Washed()) for each in held])
        claim(store).send_and_claim(Washed())
    moves = [each for each in said if each[0] in (MOVE_MANY, MOVE_BOTH)]
    assert [statement for statement, _ in moves] == [MOVE_MANY, MOVE_MANY, MOVE_BOTH]
    for each in moves:
        assert "snapshot" not in scanned(url, each)
