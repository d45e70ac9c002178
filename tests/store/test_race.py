"""Many writers at once."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

from parcels import City, Label, Loaded, Parcel, Relabelled, Stopped, Waiting
from racing import race
from soundness import check_all, tokens

from leverframe import AlreadyExists, Send, Store, open_store

KEYS = [f"parcel-{n}" for n in range(50)]


def fill(store: Store) -> None:
    for key in KEYS:
        store.create(Parcel, key, Waiting(Label(key), None))
        store.send(Parcel, key, Loaded())


def test_four_processes(shared_url: str) -> None:
    """Four processes on fifty instances: versions without gaps, and exactly one winner for each."""
    with open_store(shared_url) as store:
        fill(store)
    with ProcessPoolExecutor(4, mp_context=multiprocessing.get_context("spawn")) as pool:
        racers = [pool.submit(race, shared_url, name, KEYS, 400) for name in "abcd"]
        won = [win for racer in racers for win in racer.result()]
    assert len({(key, version) for key, _, version in won}) == len(won) == 1600
    with open_store(shared_url) as store:
        check_all(store, KEYS)
        for key in KEYS:
            assert tokens(store, key) == {city: version for at, city, version in won if at == key}


def test_threads_of_one_store(store: Store) -> None:
    """Eight threads on one store and one instance: every event is applied once."""
    store.create(Parcel, "p", Waiting(Label("p"), None))
    store.send(Parcel, "p", Loaded())

    def stop(name: int) -> list[int]:
        return [store.send(Parcel, "p", Stopped(City(f"{name}-{n}"))).version for n in range(50)]

    with ThreadPoolExecutor(8) as pool:
        versions = [version for found in pool.map(stop, range(8)) for version in found]
    assert sorted(versions) == list(range(3, 403))
    check_all(store, ["p"])


def test_one_delivery_from_many_threads(store: Store) -> None:
    """One delivery id from many threads at once is applied once, and all are answered alike."""
    store.create(Parcel, "p", Waiting(Label("p"), None))
    store.send(Parcel, "p", Loaded())

    def deliver(number: int) -> list[tuple[int, bool]]:
        receipts = [store.send(Parcel, "p", Stopped(City(f"city-{n}")), delivery_id=f"city-{n}") for n in range(30)]
        more = store.send_many(Parcel, [Send("p", Stopped(City("x")), delivery_id="shared")])
        return [(receipt.version, receipt.duplicate) for receipt in receipts + more]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(deliver, range(8)))
    assert store.get(Parcel, "p").version == 2 + 31
    for same in zip(*answers, strict=True):
        assert len({version for version, _ in same}) == 1
        assert [duplicate for _, duplicate in same].count(False) == 1
    check_all(store, ["p"])


def test_unique_value_from_many_threads(store: Store) -> None:
    """Many instances race for one unique value: one has it, the others are refused and as they were."""
    for number in range(16):
        store.create(Parcel, f"p{number}", Waiting(Label(f"p{number}"), None))

    def claim(number: int) -> bool:
        try:
            return store.send(Parcel, f"p{number}", Relabelled(Label("prize"))).moved
        except AlreadyExists:
            return False

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(claim, range(16))).count(True) == 1
    assert len(store.find(Parcel, where={"label": "prize"})) == 1
    assert sorted(found.version for found in store.find(Parcel)) == [1] * 15 + [2]


def test_one_creation_from_many_threads(store: Store) -> None:
    """Many threads create one key: one has created it, the others are told that it exists."""

    def create(number: int) -> bool:
        try:
            store.create(Parcel, "p", Waiting(Label(f"label-{number}"), None))
        except AlreadyExists:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(create, range(16))).count(True) == 1
    assert len(store.find(Parcel)) == 1
