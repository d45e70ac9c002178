"""Whether what checks histories is right itself: by hand, against every order there is, and one against the other."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import permutations

import pytest
from attrs import evolve
from histories import Answer, Asked, Operation, Verb
from linearizable import is_linearizable
from sequential import ABSENT, answer, step
from versions import Anomaly, check_versions

HISTORIES = 4_000
VERBS: list[Verb] = ["create", "get", "get", "get", "light", "dim", "flip", "flip"]

CREATED = Answer("created", 1, False, "a")
SECOND = Answer("moved", 2, True, "b")


def asked(verb: Verb, token: str = "", **more: str) -> Asked:
    return Asked(verb, "key", token, **more)


def some_history(chance: random.Random, length: int) -> list[Operation]:
    """Calls that have happened one after another, and looked as if they overlapped."""
    register = evolve(ABSENT)
    history: list[Operation] = []
    for number in range(length):
        verb = "create" if number == 0 and chance.random() < 0.8 else chance.choice(VERBS)
        expect, delivery = chance.choice(["", "", "off", "on"]), chance.choice(["", "1", "2"])
        sends = verb in ("light", "dim", "flip")
        call = asked(verb, f"token-{number}", expect=expect * sends, delivery=delivery * sends)
        register, told = answer(register, call)
        moment = 1_000 + 100 * number
        called, returned = moment - chance.randrange(250), moment + chance.randrange(250)
        history.append(Operation(call, called, returned, told))
    return history


def changed(chance: random.Random, history: Sequence[Operation]) -> list[Operation]:
    """The same with one answer or one time that is perhaps wrong, or with one answer unknown."""
    history = list(history)
    at = chance.randrange(len(history))
    operation = history[at]
    told = operation.answer or Answer("absent")
    history[at] = chance.choice(
        [
            evolve(operation, answer=evolve(told, version=max(0, told.version + chance.choice([-1, 1])))),
            evolve(operation, answer=chance.choice([o.answer for o in history])),
            evolve(operation, answer=evolve(told, duplicate=not told.duplicate)),
            evolve(operation, called=operation.called - 400, returned=operation.called - 300),
            evolve(operation, called=operation.called + 500, returned=operation.called + 600),
        ]
    )
    return history


def has_an_order(history: Sequence[Operation]) -> bool:
    """Tries them all."""
    return any(explains(order) for order in permutations(history))


def explains(order: Sequence[Operation]) -> bool:
    latest_call = 0
    register = ABSENT
    for operation in order:
        after = step(register, operation)
        if after is None or (operation.returned is not None and operation.returned < latest_call):
            return False
        register, latest_call = after, max(latest_call, operation.called)
    return True


def is_explained_by_versions(history: Sequence[Operation]) -> bool:
    journal = [o.asked.token for o in history if o.answer and is_write(o.answer)]
    versions = {o.asked.token: o.answer.version for o in history if o.answer}
    try:
        check_versions(history, sorted(journal, key=lambda token: versions[token]))
    except Anomaly:
        return False
    return True


def is_write(told: Answer) -> bool:
    return told.verdict in ("created", "moved") and not told.duplicate


def test_search_tries_every_order() -> None:
    """The search finds an order exactly where there is one, in short histories that are right or nearly right."""
    chance = random.Random(1)
    found = 0
    for _ in range(HISTORIES // 4):
        history = changed(chance, some_history(chance, chance.randrange(1, 6)))
        explained = has_an_order(history)
        found += explained
        assert is_linearizable(history, ABSENT, step) == explained, history
    assert HISTORIES // 40 < found < HISTORIES // 4


def test_versions_and_search_agree() -> None:
    """What the versions tell and what the search tells is the same, of histories that are right or nearly right."""
    chance = random.Random(2)
    right = 0
    for _ in range(HISTORIES):
        history = some_history(chance, chance.randrange(1, 30))
        assert is_explained_by_versions(history)
        history = changed(chance, history)
        explained = is_linearizable(history, ABSENT, step)
        right += explained
        assert is_explained_by_versions(history) == explained, history
    assert HISTORIES // 10 < right < HISTORIES


def test_calls_that_were_cut_off() -> None:
    """A call of which nobody knows whether it happened explains what was read, and need not have happened."""
    write = Operation(asked("create", "a"), 0, 10, CREATED)
    cut_off = Operation(asked("flip", "b"), 20)
    before = Operation(asked("get"), 100, 110, Answer("read", 1, False, "a"))
    after = Operation(asked("get"), 200, 210, Answer("read", 2, True, "b"))
    for history, journal in (([write, cut_off, before], ["a"]), ([write, cut_off, before, after], ["a", "b"])):
        assert is_linearizable(history, ABSENT, step)
        check_versions(history, journal)
    gone_again = [write, cut_off, after, evolve(before, called=300, returned=310)]
    assert not is_linearizable(gone_again, ABSENT, step)
    with pytest.raises(Anomaly, match="out of date"):
        check_versions(gone_again, ["a", "b"])


@pytest.mark.parametrize(
    ("more", "journal", "told"),
    [
        ([Operation(asked("flip", "c"), 0, 50, evolve(SECOND, token="c"))], ["a", "b"], "written twice"),
        ([Operation(asked("get"), 30, 40, Answer("read", 1, False, "a"))], ["a", "b"], "out of date"),
        ([Operation(asked("get"), 0, 1, evolve(SECOND, verdict="read"))], ["a", "b"], "too early"),
        ([Operation(asked("get"), 30, 40, Answer("read", 2, True, "c"))], ["a", "b"], "the answer should be"),
        ([Operation(asked("get"), 30, 40, Answer("read", 3, False, "c"))], ["a", "b"], "nobody wrote"),
        ([Operation(asked("dim", "c"), 30, 40, Answer("refused", 2, True, "b"))], ["a", "b"], "the answer should be"),
        ([Operation(asked("light", "c", delivery="1"), 30, 40, evolve(SECOND, duplicate=True))], ["a", "b"], "nothing"),
        ([], ["a"], "the journal has"),
        ([], [], "the journal has"),
    ],
)
def test_anomalies(more: list[Operation], journal: list[str], told: str) -> None:
    """The versions name what is wrong."""
    history = [Operation(asked("create", "a"), 0, 10, CREATED), Operation(asked("flip", "b"), 11, 20, SECOND), *more]
    with pytest.raises(Anomaly, match=told):
        check_versions(history, journal)
