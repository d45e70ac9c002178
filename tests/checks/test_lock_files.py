"""The lock file: the same bytes on each run, read back as it was written, and not believed where it was edited."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from shop_files import load_shop

from leverframe import LockFileError
from leverframe.checks.loading import type_loads
from leverframe.checks.lock import fingerprint, lock_text, locks_in, read_lock
from leverframe.checks.locked import lock_of
from leverframe.cli.targets import SHIPPED, find_machine
from leverframe.diagrams.picture import picture_of


def whole_text() -> str:
    return lock_text(lock_of(find_machine(target), target) for target in SHIPPED)


def test_read_back() -> None:
    """What is read is what was locked, of each shipped machine."""
    read = locks_in(whole_text(), "machines.lock")
    assert sorted(read) == sorted(find_machine(target).machine_name for target in SHIPPED)
    for target in SHIPPED:
        machine = find_machine(target)
        assert read[machine.machine_name] == lock_of(machine, target)


def test_the_same_bytes_on_each_run() -> None:
    """The order in which machines are named makes no difference, nor does a second run."""
    machines = [lock_of(find_machine(target), target) for target in SHIPPED]
    assert lock_text(machines) == lock_text(reversed(machines)) == whole_text()


def test_pictures(tmp_path: Path) -> None:
    """The pictures in a file have the states and moves of the machines, and the fields; not where they are written."""
    path = tmp_path / "machines.lock"
    path.write_text(whole_text())
    picture, machine = read_lock(path)["Pipeline"], picture_of(find_machine("pipeline"))
    assert [state.path for state in picture.states] == [state.path for state in machine.states]
    assert [move.fields for move in picture.moves] == [move.fields for move in machine.moves]
    assert [state.fields for state in picture.states] == [state.fields for state in machine.states]
    assert picture.states[0].children == machine.states[0].children
    assert not any(state.place or state.document for state in picture.states)
    assert not any(move.place or move.document for move in picture.moves)


def test_an_item_is_a_line() -> None:
    """Each move and each field has a line of its own, and no line is long."""
    lines = whole_text().splitlines()
    assert '        {"name": "deps_met", "event": "DepsMet", "sources": ["active.backlog"], ' in "\n".join(lines)
    assert '            {"name": "feature_branch", "type": "BranchName"},' in lines
    assert max(map(len, lines)) <= 140


def test_a_comment_changes_nothing(folder: Path) -> None:
    """Neither documents nor line numbers nor the bodies of handlers are locked."""
    before = lock_of(load_shop(folder), "shop:Order")
    longer = ("@frozen\nclass Sent(Payload):", '@frozen\nclass Sent(Payload):\n    """On its way."""\n')
    body = ("return Sent(e.parcel)", "return Sent(str(e.parcel))")
    after = lock_of(load_shop(folder, longer, body), "shop:Order")
    assert before == after
    assert fingerprint(before) == fingerprint(after)


def test_the_fingerprint_is_of_what_is_locked(folder: Path) -> None:
    """One move less is another fingerprint; another target is not."""
    before = lock_of(load_shop(folder), "shop:Order")
    assert fingerprint(before) == fingerprint(lock_of(load_shop(folder), "another:Order"))
    assert fingerprint(before) != fingerprint(lock_of(load_shop(folder, ("lookup()", "lookup(unique=True)")), ""))


def edited(old: str, new: str) -> Callable[[str], str]:
    def edit(text: str) -> str:
        assert old in text
        return text.replace(old, new)

    return edit


def halved(text: str) -> str:
    return json.dumps({**json.loads(text), "machines": [{}]})


BROKEN = {
    "a merge": (edited("{\n", "<<<<<<< ours\n{\n"), "is no JSON"),
    "another file": (edited("leverframe_lock", "other_lock"), "is no lock file"),
    "a later form": (edited('"leverframe_lock": 1', '"leverframe_lock": 2'), "is of form 2"),
    "an edited move": (edited('"event": "GatesStarted"', '"event": "GatesBegun"'), "as leverframe writes it"),
    "an edited field": (edited('"type": "BranchName"', '"type": "str"'), "fingerprint"),
    "half of it": (halved, "as leverframe writes it"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file(case: str) -> None:
    """What is no lock file is refused, and what to do is said."""
    broken, problem = BROKEN[case]
    with pytest.raises(LockFileError, match=problem) as refused:
        locks_in(broken(lock_text([lock_of(find_machine("pipeline"), "pipeline")])), "machines.lock")
    assert "write it anew with: leverframe lock MACHINE... -o machines.lock" in str(refused.value)


LOADING = [
    ("int", "int | None", True),
    ("int | None", "int", False),
    ("int", "str", False),
    ("A", "A | B", False),
    ("A | B", "A | B | C", True),
    ("A | B | None", "A | C | None", False),
    ("Literal['a']", "Literal['a', 'b']", True),
    ("Literal['a', 'b']", "Literal['a']", False),
    ("Positive", "int", True),
    ("NonEmpty | None", "str | None", True),
    ("int", "Positive", False),
    ("tuple[int, ...]", "list[int]", False),
]


@pytest.mark.parametrize(("old", "new", "loads"), LOADING)
def test_types_that_load(old: str, new: str, loads: bool) -> None:
    """A type that takes all that the older one took loads it; of any other that is not sure."""
    assert type_loads(old, new, {}, {}) is loads
