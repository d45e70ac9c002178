"""What a column's value means."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from leverframe.adoption.conversions import NULL, Rule, Unfit, convert

NOON = "2024-01-02T12:00:00+00:00"


def rule(**given: Any) -> Rule:
    return Rule(place="fields.x", column="x", **given)


@pytest.mark.parametrize(
    ("kind", "value", "meant"),
    [
        ("text", 17, "17"),
        ("text", "a", "a"),
        ("integer", " 17 ", 17),
        ("integer", 17.0, 17),
        ("integer", Decimal("17"), 17),
        ("number", "1.5e3", 1500.0),
        ("number", Decimal("0.5"), 0.5),
        ("decimal", 3, "3"),
        ("decimal", "12.50", "12.5"),
        ("boolean", 1, True),
        ("boolean", "N", False),
        ("boolean", "On", True),
        ("time", "2024-01-02 12:00:00Z", NOON),
        ("time", "2024-01-02T14:00:00+02:00", NOON),
        ("time", datetime(2024, 1, 2, 14, tzinfo=timezone(timedelta(hours=2))), NOON),
        ("epoch_seconds", 1704196800, NOON),
        ("epoch_seconds", "1704196800", NOON),
        ("epoch_seconds", 1704196800.5, "2024-01-02T12:00:00.500000+00:00"),
        ("epoch_milliseconds", 1704196800000, NOON),
        ("epoch_microseconds", 1704196800000001, "2024-01-02T12:00:00.000001+00:00"),
        ("date", "2024-01-02", "2024-01-02"),
        ("date", date(2024, 1, 2), "2024-01-02"),
        ("seconds", 90.5, "PT90.5S"),
        ("seconds", timedelta(minutes=1), "PT60S"),
        ("json", '["a", 1]', ["a", 1]),
        ("json", {"a": 1}, {"a": 1}),
        (None, Decimal("1.50"), "1.5"),
        (None, datetime(2024, 1, 2, 12, tzinfo=UTC), NOON),
        (None, UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (None, b"ab", "YWI="),
        (None, True, True),
    ],
)
def test_meant(kind: str | None, value: object, meant: object) -> None:
    """Each kind turns what databases give into the JSON that a field is read from."""
    found = convert(rule(kind=kind), value)
    assert (type(found), found) == (type(meant), meant)


@pytest.mark.parametrize(
    ("kind", "value", "problem"),
    [
        ("text", True, "True is no text"),
        ("integer", "1.5", "'1.5' is no whole number"),
        ("integer", True, "True is no whole number"),
        ("integer", float("nan"), "nan is no whole number"),
        ("number", "12,50", "'12,50' is no number"),
        ("number", float("inf"), "inf is no number"),
        ("decimal", "n/a", "'n/a' is no number"),
        ("decimal", "NaN", "'NaN' is no number"),
        ("boolean", 2, "2 is neither true nor false"),
        ("boolean", "maybe", "'maybe' is neither true nor false"),
        ("time", "yesterday", "'yesterday' is no time like 2024-01-02 03:04:05"),
        ("time", "2024-01-02", "'2024-01-02' is a date without a time"),
        ("time", "2024-01-02 12:00", "'2024-01-02 12:00:00' has no zone"),
        ("time", 3, "3 is no time in text"),
        ("epoch_seconds", "soon", "'soon' is no number since 1970"),
        ("epoch_seconds", 10**18, "is no time: it is out of range"),
        ("epoch_seconds", True, "True is no number since 1970"),
        ("date", "00.00.0000", "'00.00.0000' is no date like 2024-01-02"),
        ("date", 3, "3 is no date in text"),
        ("seconds", "1h", "'1h' is no number"),
        ("seconds", 1e300, "is no span of time"),
        ("json", "[1,", "'[1,' is no JSON"),
    ],
)
def test_unfit(kind: str, value: object, problem: str) -> None:
    """What is not of its kind is told with the value; its reason leaves the value out."""
    with pytest.raises(Unfit) as caught:
        convert(rule(kind=kind), value)
    assert problem in str(caught.value)
    assert repr(value) not in caught.value.problem


def test_null() -> None:
    """NULL is nothing, or the default; and null_if says what else counts as NULL, behind trim."""
    assert convert(rule(), None) is NULL
    assert convert(rule(default="none"), None) == "none"
    assert convert(rule(null_if=("", "-")), "-") is NULL
    assert convert(rule(null_if=("",), trim=True, default="x"), "   ") == "x"
    assert convert(rule(nothing=True), 3) is NULL


def test_zones_and_formats() -> None:
    """A time without a zone is of the one that is named, and is read as the format says."""
    there = rule(kind="time", zone="Europe/Berlin")
    assert convert(there, "2024-01-02 13:00:00") == NOON
    assert convert(rule(kind="time", zone="+02:00"), datetime(2024, 1, 2, 14)) == NOON
    assert convert(rule(kind="time", zone="UTC", format="%d.%m.%Y %H:%M"), "02.01.2024 12:00") == NOON
    assert convert(rule(kind="date", format="%d.%m.%Y"), "02.01.2024") == "2024-01-02"
    with pytest.raises(Unfit, match=r"is no time as %d\.%m"):
        convert(rule(kind="time", zone="UTC", format="%d.%m.%Y"), "2024-01-02")


def test_values_and_prefix() -> None:
    """Values are exchanged one by one, and a text gets its prefix."""
    assert convert(rule(values={"1": "low", "2": "high"}), 2) == "high"
    with pytest.raises(Unfit, match="3 is none of values"):
        convert(rule(values={"1": "low"}), 3)
    assert convert(rule(kind="text", prefix="order-"), 7) == "order-7"
    assert convert(Rule(place="x", constant=7), None) == 7
