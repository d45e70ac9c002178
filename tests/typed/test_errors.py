"""The errors: one tree, as drawn; each can be pickled and is one line."""

from __future__ import annotations

import builtins
import pickle
import re
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest

from leverframe import errors
from leverframe.errors import LeverframeError

EXAMPLES: dict[str, Any] = {
    "by_store": False,
    "machine": "Pipeline",
    "member": "block",
    "place": "orders.toml",
    "faults": ("key: missing", "fields.owner: no state has such a field"),
    "problem": "is wrong; write it right",
    "type_name": "Positive",
    "rule": "be an integer of at least 1",
    "value": 0,
    "owner": "Merge",
    "field": "commits_ahead",
    "expected": "Positive",
    "event": "Block",
    "state": "active.merge",
    "accepted": ("Abandon", "Block"),
    "reason": "no move takes it there",
    "hint": "; did you mean 'Merge'?",
    "handler": "block",
    "targets": ("Blocked",),
    "path": "commits_ahead",
    "problems": (("commits_ahead", "must be an integer"), ("", "no object")),
    "key": ("story-7", "node-1"),
    "when": "version 3",
    "column": "state",
    "attempts": 5,
    "cycle": ("story-1", "story-2", "story-1"),
    "location": "stories.db",
    "seconds": 2.5,
    "size": 10,
    "source": "sqlite:///old.db",
    "target": "postgresql://db/new",
    "may_have_happened": True,
    "token": 7,
    "worker": "builder-1",
    "seed": 17,
    "trace": ("0.000000  worker-1.1 claims story-7",),
}


def every_error() -> list[type[LeverframeError]]:
    """The tree's classes, the root first."""
    found = [LeverframeError]
    for kind in found:
        ours = [child for child in kind.__subclasses__() if child.__module__ == errors.__name__]
        found += [child for child in ours if child not in found]
    return found


def example(kind: Any, **changes: Any) -> Any:
    fields: Any = attrs.fields(kind) if attrs.has(kind) else ()
    values = {**EXAMPLES, **changes}
    return kind(*[values[field.name] for field in fields])


def drawn() -> dict[str, tuple[str, list[str]]]:
    """The tree in the docstring: each class's parent, and the built-in errors beside it."""
    assert errors.__doc__ is not None
    tree: dict[str, tuple[str, list[str]]] = {}
    above: list[tuple[int, str]] = []
    for line in errors.__doc__.splitlines():
        found = re.match(r"^    ([│├└─ ]*)([A-Z]\w+)(?: \((\w+(?:, \w+)*)\))?(?:\s|$)", line)
        if found is None:
            continue
        depth = len(found[1])
        while above and above[-1][0] >= depth:
            above.pop()
        tree[found[2]] = (above[-1][1] if above else "", found[3].split(", ") if found[3] else [])
        above.append((depth, found[2]))
    return tree


def test_tree_as_drawn() -> None:
    """The tree drawn in the docstring is the tree of the classes, built-in bases included."""
    tree = {}
    for kind in every_error():
        ours = [base.__name__ for base in kind.__bases__ if issubclass(base, LeverframeError)]
        others = [base.__name__ for base in kind.__bases__ if hasattr(builtins, base.__name__)]
        tree[kind.__name__] = (ours[0] if ours else "", others if ours else [])
    assert drawn() == tree


def test_all_errors_are_public() -> None:
    """Every class of the tree can be imported from leverframe."""
    import leverframe

    assert {kind.__name__ for kind in every_error()} <= set(leverframe.__all__)


@pytest.mark.parametrize("kind", every_error())
def test_pickle(kind: type[LeverframeError]) -> None:
    """Every error comes back from pickle with its class, attributes and text."""
    error = example(kind)
    back = pickle.loads(pickle.dumps(error))
    assert (type(back), str(back), vars(back)) == (kind, str(error), vars(error))


@pytest.mark.parametrize("kind", [kind for kind in every_error() if attrs.has(kind)])
def test_text_is_one_line(kind: type[LeverframeError]) -> None:
    """Every error's text is one line and not long, whatever value it is about."""
    for value in ("a\nb" * 1000, datetime(2030, 1, 1, tzinfo=UTC), b"\n"):
        text = str(example(kind, value=value))
        assert text
        assert "\n" not in text
        assert len(text) < 400


@pytest.mark.parametrize("kind", [kind for kind in every_error() if attrs.has(kind)])
def test_text_names_its_attributes(kind: type[LeverframeError]) -> None:
    """An error's text holds the names it carries."""
    error = example(kind)
    for name in ("member", "owner", "event", "handler", "location", "path", "type_name"):
        if hasattr(error, name) and name not in {"path"} and kind.__name__ != "DecodeError":
            assert getattr(error, name) in str(error)


def test_errors_compare_by_identity() -> None:
    """Two errors with the same attributes are not equal."""
    first, second = (example(errors.Conflict) for _ in range(2))
    assert first != second
    assert first == first
