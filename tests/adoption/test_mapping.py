"""What is wrong in the shape of a mapping's file is told all at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from leverframe import CannotAdopt
from leverframe.adoption.mapping import read_mapping

WHOLE = """
machine = "repairs:BikeRepair"
key = ["shop", { column = "ticket", as = "text" }]
created_at = { column = "created", as = "epoch_seconds" }

[source]
table = "repair"
where = "id > 3"

[status]
column = "status"
skip = ["test", 7]
null = "Received"

[status.states]
new = "Received"

[fields]
bike = "bike"

[states.Received]
urgent = { constant = true }
"""


def faults(tmp_path: Path, text: str | bytes) -> tuple[str, ...]:
    path = tmp_path / "mapping.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(CannotAdopt) as caught:
        read_mapping(str(path))
    assert caught.value.place == str(path)
    return caught.value.faults


def test_whole(tmp_path: Path) -> None:
    """A mapping is read as it says."""
    path = tmp_path / "mapping.toml"
    path.write_text(WHOLE)
    mapping = read_mapping(str(path))
    assert (mapping.machine, mapping.url, mapping.table, mapping.where) == (
        "repairs:BikeRepair",
        None,
        "repair",
        "id > 3",
    )
    assert [(rule.column, rule.kind) for rule in mapping.key] == [("shop", None), ("ticket", "text")]
    assert not mapping.is_one_part
    assert (mapping.status.skip, mapping.status.null) == (("test", "7"), "Received")
    assert mapping.states["Received"]["urgent"].constant is True


def test_all_at_once(tmp_path: Path) -> None:
    """Every fault is told, each with its place and what to write."""
    told = faults(
        tmp_path,
        """
        machin = "x"
        [source]
        tabel = "repair"
        [status]
        column = 3
        skip = "test"
        [status.states]
        new = 7
        [fields]
        a = { colum = "a" }
        b = { column = "b", constant = 1 }
        c = { column = "c", as = "epoch" }
        d = 4
        e = { column = "e", nothing = false, null_if = "x" }
        """,
    )
    assert [fault.partition(";")[0] for fault in told] == [
        "machin: nothing is called so here",
        "source.tabel: nothing is called so here",
        "names no key",
        "machine: missing",
        "source.table: missing",
        "status.states.new: 7 is no state",
        "status.skip: 'test' is no list",
        "status.column: 3 is no text",
        "fields.a.colum: nothing is called so here",
        "fields.a: give one of column, constant and nothing, not none of them",
        "fields.b: give one of column, constant and nothing, not column and constant",
        "fields.c: as = 'epoch' is no conversion",
        "fields.d: 4 is no rule",
        "fields.e: give one of column, constant and nothing, not column and nothing",
        "fields.e: nothing = False",
        "fields.e: null_if = 'x' is no list",
    ]
    assert "did you mean 'machine'?" in told[0]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("key = ", "is no TOML"),
        (b"key = '\xff'", "is no TOML: it is not in UTF-8"),
        (
            "status = 3\nfields = 1\nstates = 2\nsource = 0\nkey = 'k'\nmachine = 'm'",
            "status: 3 is no table; write [status]",
        ),
    ],
)
def test_no_mapping(tmp_path: Path, text: str | bytes, problem: str) -> None:
    """What is no TOML, or has texts where tables belong, is told as such."""
    assert any(fault.startswith(problem) for fault in faults(tmp_path, text))
