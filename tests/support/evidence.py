"""What a herd has left: the histories of its workers, and what the store has in the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import frozen
from histories import Answer, Asked, Operation, by_key, read_histories
from linearizable import is_linearizable
from sequential import ABSENT, step
from switches import On, Switch, check_switch, tokens_of
from versions import Anomaly, check_versions

from leverframe import NotFound, Store, open_store

__all__ = ["Evidence", "check_sound", "collect", "find_anomalies", "find_unexplained"]

END = 1 << 62
CURSOR = "evidence"


@frozen
class Evidence:
    """The operations on each key, and the token behind each version of it as the journal has them."""

    operations: Mapping[str, list[Operation]]
    journals: Mapping[str, list[str]]

    @property
    def calls(self) -> int:
        return sum(map(len, self.operations.values()))


def collect(url: str, folder: Path) -> Evidence:
    """Read everything back; a last read of each key ends its history."""
    with open_store(url) as store:
        histories = {key: [*found, _last_read(store, key)] for key, found in by_key(read_histories(folder)).items()}
        return Evidence(histories, {key: _journal(store, key) for key in histories})


def find_anomalies(evidence: Evidence) -> list[str]:
    """What the versions tell, exactly, of every key."""
    return list(_anomalies(evidence))


def find_unexplained(evidence: Evidence) -> list[str]:
    """The keys of which the search finds no order, knowing only what an instance does if calls come one by one."""
    return [key for key, operations in evidence.operations.items() if not is_linearizable(operations, ABSENT, step)]


def check_sound(url: str, evidence: Evidence) -> None:
    """Each journal replays to its snapshot, each move was told once, and the counts are those of the rows.

    A cursor remembers which messages were looked at, so that the next herd on this store is asked for its own.
    """
    with open_store(url) as store:
        present = {key: journal for key, journal in evidence.journals.items() if journal}
        for key in present:
            check_switch(store, key)
        messages = store.messages(CURSOR, topic="moves", limit=10_000_000)
        moves = [(key, version) for key, journal in present.items() for version in range(2, len(journal) + 1)]
        assert Counter((message.key, message.version) for message in messages) == Counter(moves)
        for last in messages[-1:]:
            store.save_cursor(CURSOR, last.position)
        assert store.count(Switch) == Counter(type(found.state) for found in store.find(Switch))


def _last_read(store: Store, key: str) -> Operation:
    asked = Asked("get", key, "")
    try:
        stored = store.get(Switch, key)
    except NotFound:
        return Operation(asked, END, END, Answer("absent"))
    lit, token = isinstance(stored.state, On), str(stored.state.token)
    return Operation(asked, END, END, Answer("read", stored.version, lit, token))


def _journal(store: Store, key: str) -> list[str]:
    try:
        return tokens_of(store, key)
    except NotFound:
        return []


def _anomalies(evidence: Evidence) -> Iterator[str]:
    for key, operations in evidence.operations.items():
        try:
            check_versions(operations, evidence.journals[key])
        except Anomaly as anomaly:
            yield f"{key}: {anomaly}"
