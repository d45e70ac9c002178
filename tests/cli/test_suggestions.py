"""Which name does a message suggest for one that is not known?  One that may have been meant, or none."""

from __future__ import annotations

import pytest

from leverframe.wording import did_you_mean


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("QaSkiped", "QaSkipped"),
        ("Mergee", "Merge"),
        ("evnt", "event"),
        ("pipelime", "pipeline"),
        ("Lmap", "Lamp"),
        ("feature_brnach", "feature_branch"),
        ("PIPELINE", "pipeline"),
        ("featureBranch", "feature_branch"),
        ("depsmet", "DepsMet"),
        ("story", "stories"),
        ("stories", "story"),
        ("items", "item"),
        ("boxes", "box"),
        ("archive", "archived"),
    ],
)
def test_a_slip_is_mended(name: str, meant: str) -> None:
    """A letter too many, too few or wrong, two that changed places, another case, and a plural are suggested for."""
    assert did_you_mean(name, [meant, "something else"]) == f"; did you mean {meant!r}?"


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("Coding", "Working"),
        ("Stride", "Step"),
        ("agent", "event"),
        ("GatesPassed", "GatesFailed"),
        ("created_at", "changed_at"),
        ("archived.completed", "archived.abandoned"),
        ("active.qa", "active.coding"),
        ("", "event"),
    ],
)
def test_another_name_is_not_suggested(name: str, known: str) -> None:
    """A name that has a beginning, an ending or some letters in common with another one was not meant for it."""
    assert did_you_mean(name, [known]) == f"; known: {known}"


def test_the_nearest_is_suggested() -> None:
    """Of several names that are near, the nearest one is suggested."""
    assert did_you_mean("archivd", ["archiver", "archived", "archive"]) == "; did you mean 'archived'?"


def test_nothing_is_known() -> None:
    """Where there is no name at all, the message says so."""
    assert did_you_mean("anything", []) == "; known: nothing"
