"""One row as a new instance: its key, its typed state and its time; or why it does not fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from attrs import define, field, frozen

from leverframe.adoption.checking import AnyBinding, Recipe, Way, status_text
from leverframe.adoption.conversions import NULL, Rule, Unfit, convert, to_time
from leverframe.checks.forms import reason_of
from leverframe.errors import DecodeError, InvalidKey, Key, LeverframeError
from leverframe.persistence.instants import to_microseconds
from leverframe.persistence.keys import encode_key
from leverframe.wording import show_value

__all__ = ["Fit", "Misfit", "RowReader", "Skipped"]


@frozen
class Misfit:
    """A row that does not fit: its own key, its status, and what is wrong, in full and without the values.

    >>> Misfit({"id": 7}, "open", ("owner: column assignee is NULL",), ("owner: column assignee is NULL",)).row
    {'id': 7}
    """

    row: dict[str, Any]
    status: str | None
    problems: tuple[str, ...]
    reasons: tuple[str, ...]


@frozen
class Skipped:
    """A row that the mapping leaves out."""

    status: str | None


@frozen
class Fit:
    """A row that fits; `at` in microseconds, None for the time of its adoption."""

    row: dict[str, Any]
    status: str | None
    key: str
    way: Way
    state: Any
    at: int | None


@define
class Problems:
    """What is wrong with one row."""

    told: list[str] = field(factory=list[str])
    reasons: list[str] = field(factory=list[str])

    def add(self, where: str, problem: str, reason: str = "") -> None:
        self.told.append(f"{where}: {problem}")
        self.reasons.append(f"{where}: {reason or problem}")


class RowReader:
    """Reads rows of a recipe's columns."""

    def __init__(self, recipe: Recipe, binding: AnyBinding, own_key: Sequence[str]) -> None:
        self._recipe = recipe
        self._codec = binding.codec.states
        self._index = {name: number for number, name in enumerate(recipe.columns)}
        columns = [rule.column for rule in recipe.mapping.key if rule.column is not None]
        # What names the row in its own table.
        self._names = tuple(own_key) or tuple(dict.fromkeys(columns))

    def read(self, row: Sequence[Any]) -> Fit | Misfit | Skipped:
        """What becomes of a row."""
        mapping, problems = self._recipe.mapping, Problems()
        status = status_text(row[self._index[mapping.status.column]])
        named = {name: row[self._index[name]] for name in self._names}
        if status not in self._recipe.ways:
            problems.add("status", f"{show_value(status)} is mapped to no state", "is mapped to no state")
            return self._misfit(named, status, problems)
        way = self._recipe.ways[status]
        if way is None:
            return Skipped(status)
        key = self._key(row, problems)
        at = self._created_at(row, problems)
        body = dict(self._body(way, row, problems))
        state = None if problems.told else self._state(way, body, problems)
        if problems.told or key is None:
            return self._misfit(named, status, problems)
        return Fit(named, status, key, way, state, at)

    def _misfit(self, named: dict[str, Any], status: str | None, problems: Problems) -> Misfit:
        return Misfit(named, status, tuple(problems.told), tuple(problems.reasons))

    # ------------------------------------------------------------ parts

    def _value(self, rule: Rule, row: Sequence[Any]) -> object:
        return None if rule.column is None else row[self._index[rule.column]]

    def _converted(self, where: str, rule: Rule, row: Sequence[Any], problems: Problems) -> Any:
        """What a column's value is; None, and it is noted, where it is not what the rule says."""
        try:
            return convert(rule, self._value(rule, row))
        except Unfit as error:
            told = f"column {rule.column}"
            problems.add(where, f"{told} {error}", f"{told} {error.problem}")
            return None

    def _key(self, row: Sequence[Any], problems: Problems) -> str | None:
        parts = [self._key_part(rule, row, problems) for rule in self._recipe.mapping.key]
        found = [part for part in parts if part is not None]
        if len(found) < len(parts):
            return None
        key: Key = found[0] if self._recipe.mapping.is_one_part else tuple(found)
        try:
            return encode_key(key)
        except InvalidKey as error:
            problems.add("key", str(error), error.problem)
            return None

    def _key_part(self, rule: Rule, row: Sequence[Any], problems: Problems) -> str | None:
        found = self._converted("key", rule, row, problems)
        if found is NULL:
            problems.add("key", f"column {rule.column} is NULL")
        elif isinstance(found, int) and not isinstance(found, bool):
            return str(found)
        elif isinstance(found, str):
            return found
        elif found is not None:
            wrong = "is neither a text nor a whole number"
            problems.add("key", f"column {rule.column} {show_value(found)} {wrong}", f"column {rule.column} {wrong}")
        return None

    def _created_at(self, row: Sequence[Any], problems: Problems) -> int | None:
        rule = self._recipe.mapping.created_at
        if rule is None:
            return None
        value, told = self._value(rule, row), f"column {rule.column}"
        if rule.constant is not None or value is None or value in rule.null_if:
            # What the file itself says is a time in any case.
            value = rule.default if rule.constant is None else rule.constant
            rule = Rule(place=rule.place, kind="time", zone=rule.zone)
        if value is None:
            problems.add("created_at", f"{told} is NULL")
            return None
        try:
            return to_microseconds(to_time(rule, value))
        except Unfit as error:
            problems.add("created_at", f"{told} {error}", f"{told} {error.problem}")
            return None

    def _body(self, way: Way, row: Sequence[Any], problems: Problems) -> Iterator[tuple[str, Any]]:
        for name, rule in way.rules.items():
            found = self._converted(name, rule, row, problems)
            if found is not NULL:
                yield name, found
            elif name in way.optional:
                yield name, None
            elif name not in way.defaults:
                problems.add(name, f"column {rule.column} is NULL, and {way.tag} has to have it")

    def _state(self, way: Way, body: dict[str, Any], problems: Problems) -> Any:
        try:
            state = self._codec.build(way.tag, body)
            self._codec.encode(state)
        except DecodeError as error:
            for path, problem in error.problems:
                rule = way.rules.get(path.partition(".")[0].partition("[")[0])
                column = "" if rule is None or rule.column is None else f" (column {rule.column})"
                reason = reason_of(DecodeError("", (("", problem),)))
                problems.add(f"{path}{column}", problem, reason)
            return None
        except LeverframeError as error:
            problems.add(way.tag, str(error))
            return None
        return state
