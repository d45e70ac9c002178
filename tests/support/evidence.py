"""What a herd has left: the histories of its workers, and what the store has in the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import frozen
from herding import send
from histories import Answer, Asked, Operation, by_key, read_histories
from linearizable import is_linearizable
from sequential import ABSENT, step
from switches import On, Switch, check_switch, tokens_of
from versions import Anomaly, check_versions

from leverframe import NotFound, Store, open_store

__all__ = [
    "Evidence",
    "check_settled",
    "check_sound",
    "collect",
    "find_anomalies",
    "find_doubled",
    "find_lost",
    "find_unasked",
    "find_unexplained",
]

END = 1 << 62
CURSOR = "evidence"

WRITTEN = ("created", "moved")


@frozen
class Evidence:
    """The operations on each key, and the token behind each version of it as the journal has them."""

    operations: Mapping[str, list[Operation]]
    journals: Mapping[str, list[str]]

    @property
    def calls(self) -> int:
        return sum(map(len, self.operations.values()))

    @property
    def cut_off(self) -> list[Operation]:
        """The calls of which nobody was told whether they have happened."""
        return [operation for found in self.operations.values() for operation in found if operation.answer is None]


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


def find_lost(evidence: Evidence) -> set[str]:
    """The tokens of writes that somebody was told of, and that are not there."""
    answers = [operation.answer for found in evidence.operations.values() for operation in found]
    told = {answer.token for answer in answers if answer is not None and answer.verdict in WRITTEN}
    return told - _written(evidence)


def find_unasked(evidence: Evidence) -> set[str]:
    """The tokens that are there, though no call wrote them that can have happened."""
    asked = {operation.asked.token for found in evidence.operations.values() for operation in found}
    return _written(evidence) - asked


def find_doubled(evidence: Evidence) -> list[tuple[str, str]]:
    """The keys and delivery ids that have moved an instance more than once."""
    moves = Counter((asked.key, asked.delivery) for asked in _deliveries(evidence))
    return [delivery for delivery, number in moves.items() if number > 1]


def check_settled(url: str, evidence: Evidence) -> None:
    """Each move that came with a delivery id has settled it: sent again, it is answered by what is there."""
    versions = {token: version for journal in evidence.journals.values() for version, token in enumerate(journal, 1)}
    with open_store(url) as store:
        for asked in _deliveries(evidence):
            version = versions[asked.token]
            assert send(store, asked) == Answer("moved", version, version % 2 == 0, asked.token, True), asked


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


def _written(evidence: Evidence) -> set[str]:
    return {token for journal in evidence.journals.values() for token in journal}


def _deliveries(evidence: Evidence) -> list[Asked]:
    """The calls with a delivery id whose move is there."""
    written = _written(evidence)
    calls = [operation.asked for found in evidence.operations.values() for operation in found]
    return [asked for asked in calls if asked.delivery and asked.token in written]


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
