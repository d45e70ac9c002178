"""Whether what a store holds is consistent with itself: the questions that crash and race tests ask."""

from __future__ import annotations

from collections import Counter
from typing import Any

from parcels import Parcel

from leverframe import Store, decide

__all__ = ["check_all", "check_instance", "tokens"]


def check_instance(store: Store, key: str) -> int:
    """The snapshot is what the journal replays to, and versions have no gap; how many versions there are."""
    entries = store.history(Parcel, key)
    assert [entry.version for entry in entries] == list(range(1, len(entries) + 1))
    state: Any = entries[0].state
    for entry in entries[1:]:
        assert entry.event is not None
        decision = decide(Parcel, state, entry.event, entry.at)
        assert decision.state == entry.state, (key, entry)
        assert (type(state), type(entry.state)) == (entry.from_state, entry.to_state)
        state = decision.state
    stored = store.get(Parcel, key)
    assert (stored.state, stored.version, stored.changed_at) == (state, entries[-1].version, entries[-1].at)
    assert [found.key for found in store.find(Parcel, where={"label": key})] == [key]
    return len(entries)


def check_all(store: Store, keys: list[str]) -> None:
    """Each instance is sound, counts are those of the rows, and each move told what it had to tell once."""
    moves = sum(check_instance(store, key) - 1 for key in keys)
    counted = Counter(type(found.state) for found in store.find(Parcel))
    assert store.count(Parcel) == counted
    audits = Counter((m.key, m.version) for m in store.messages(topic="audit", limit=10_000_000))
    assert len(audits) == sum(audits.values()) == moves


def tokens(store: Store, key: str) -> dict[str, int]:
    """The cities that an instance stopped in, one for each event that was sent, and the version behind each."""
    found: dict[str, int] = {}
    for entry in store.history(Parcel, key):
        city = getattr(entry.event, "city", None)
        if city is not None:
            assert city not in found, f"{key} was in {city} twice"
            found[city] = entry.version
    return found
