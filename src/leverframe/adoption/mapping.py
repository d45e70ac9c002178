"""What becomes of each column?  A mapping, as a TOML file says it; what is wrong in its shape is told all at once."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from attrs import field, frozen

from leverframe.adoption.conversions import KINDS, Rule
from leverframe.errors import CannotAdopt
from leverframe.wording import did_you_mean, show_value

__all__ = ["AdoptionMapping", "Statuses", "read_mapping"]

TOP = ("machine", "key", "source", "status", "created_at", "fields", "states")
SOURCE = ("url", "table", "where")
STATUS = ("column", "states", "skip", "null", "skip_null")
RULE = (
    "column",
    "as",
    "constant",
    "default",
    "nothing",
    "format",
    "zone",
    "null_if",
    "values",
    "prefix",
    "trim",
    "comma",
)


@frozen
class Statuses:
    """Which column says the state: what each of its values means, as the file names it.

    Attributes: `states`, from the column's value, as text, to a state's class or path; `skip`, the values whose rows
    are left out; `null`, the state of rows that have none, and `skip_null`, whether these are left out.
    """

    column: str
    states: Mapping[str, str]
    skip: tuple[str, ...] = ()
    null: str | None = None
    skip_null: bool = False


@frozen
class AdoptionMapping:
    """How rows become instances, as a file says it.

    Attributes: `path`, of the file; `machine`, as the command line names one; `url`, None where the file leaves it to
    the call; `table`; `where`, a condition in SQL; `key`, a rule for each part; `status`; `created_at`; `fields`, for
    all states that have one of that name; `states`, those of one state alone, by its name.
    """

    path: str
    machine: str
    url: str | None
    table: str
    where: str
    key: tuple[Rule, ...]
    is_one_part: bool
    status: Statuses
    created_at: Rule | None
    fields: Mapping[str, Rule]
    states: Mapping[str, Mapping[str, Rule]]


def read_mapping(path: str) -> AdoptionMapping:
    """The mapping that a file says.  Raises `CannotAdopt` with all that is wrong in it, `OSError`."""
    with open(path, "rb") as file:
        try:
            raw = tomllib.load(file)
        except tomllib.TOMLDecodeError as error:
            raise CannotAdopt(path, (f"is no TOML: {error}",)) from error
        except UnicodeDecodeError as error:
            raise CannotAdopt(path, ("is no TOML: it is not in UTF-8",)) from error
    reading = Reading(path)
    mapping = reading.mapping(raw)
    if reading.problems:
        raise CannotAdopt(path, tuple(reading.problems))
    return mapping


@frozen
class Reading:
    """The file, and what was found wrong so far."""

    path: str
    problems: list[str] = field(factory=list[str])

    def mapping(self, raw: dict[str, Any]) -> AdoptionMapping:
        self.known("", raw, TOP)
        source = self.table("source", raw)
        self.known("source", source, SOURCE)
        key = raw.get("key")
        if key is None or key == []:
            self.problems.append('names no key; write key = "id", or key = ["shop", "number"] for one of several parts')
        parts: Sequence[object] = cast("list[object]", key) if isinstance(key, list) else [] if key is None else [key]
        states = self.table("states", raw)
        return AdoptionMapping(
            self.path,
            self.text("", raw, "machine", needed=True),
            self.text("source", source, "url") or None,
            self.text("source", source, "table", needed=True),
            self.text("source", source, "where"),
            tuple(self.rule(f"key[{number}]", part) for number, part in enumerate(parts)),
            not isinstance(key, list),
            self.statuses(self.table("status", raw, needed=True)),
            self.rule("created_at", raw["created_at"]) if "created_at" in raw else None,
            self.rules("fields", self.table("fields", raw)),
            {name: self.rules(f"states.{name}", self.table(name, states, of="states.")) for name in states},
        )

    def statuses(self, raw: dict[str, Any]) -> Statuses:
        self.known("status", raw, STATUS)
        states = self.table("states", raw, of="status.")
        for status, state in states.items():
            if not isinstance(state, str):
                problem = f"{show_value(state)} is no state; write its name in quotes"
                self.problems.append(f"status.states.{status}: {problem}")
        skip: Any = raw.get("skip", [])
        if not isinstance(skip, list):
            self.problems.append(f'status.skip: {show_value(skip)} is no list; write skip = ["test"]')
            skip = []
        column = self.text("status", raw, "column", needed=bool(raw))
        null = self.text("status", raw, "null")
        self.check_true("status", raw, ("skip_null",))
        if null and raw.get("skip_null") is True:
            self.problems.append("status: null and skip_null are two ways to say what rows without one are; give one")
        named = {key: str(state) for key, state in states.items()}
        return Statuses(column, named, texts(cast("list[object]", skip)), null or None, raw.get("skip_null") is True)

    def rules(self, place: str, raw: dict[str, Any]) -> dict[str, Rule]:
        return {name: self.rule(f"{place}.{name}", value) for name, value in raw.items()}

    def rule(self, place: str, raw: object) -> Rule:
        """What a column's name alone says, or a table of several things."""
        if isinstance(raw, str):
            return Rule(place=place, column=raw)
        if not isinstance(raw, dict):
            problem = f"{show_value(raw)} is no rule; write a column's name, or {{ constant = ... }}"
            self.problems.append(f"{place}: {problem}")
            return Rule(place=place, nothing=True)
        told = cast("dict[str, Any]", raw)
        self.known(place, told, RULE)
        self.check_sources(place, told)
        kind = self.text(place, told, "as") or None
        if kind is not None and kind not in KINDS:
            self.problems.append(f"{place}: as = {kind!r} is no conversion{did_you_mean(kind, KINDS)}")
        values = self.table("values", told, of=f"{place}.")
        return Rule(
            place=place,
            column=self.text(place, told, "column") or None,
            kind=kind if kind in KINDS else None,
            constant=told.get("constant"),
            default=told.get("default"),
            nothing=told.get("nothing") is True,
            format=self.text(place, told, "format") or None,
            zone=self.text(place, told, "zone") or None,
            null_if=tuple(cast("list[object]", told["null_if"])) if isinstance(told.get("null_if"), list) else (),
            values=values or None,
            prefix=self.text(place, told, "prefix"),
            trim=told.get("trim") is True,
            comma=told.get("comma") is True,
        )

    def check_sources(self, place: str, raw: dict[str, Any]) -> None:
        given = [name for name in ("column", "constant", "nothing") if name in raw]
        if len(given) != 1:
            told = " and ".join(given) or "none of them"
            self.problems.append(f"{place}: give one of column, constant and nothing, not {told}")
        self.check_true(place, raw, ("nothing", "trim", "comma"))
        if "null_if" in raw and not isinstance(raw["null_if"], list):
            self.problems.append(f'{place}: null_if = {show_value(raw["null_if"])} is no list; write null_if = [""]')

    def check_true(self, place: str, raw: dict[str, Any], names: Iterable[str]) -> None:
        for name in names:
            if name in raw and raw[name] is not True:
                self.problems.append(f"{place}: {name} = {show_value(raw[name])}; write {name} = true, or leave it out")

    # ------------------------------------------------------------ parts

    def known(self, place: str, raw: dict[str, Any], names: Iterable[str]) -> None:
        for name in raw:
            if name not in names:
                where = f"{place}.{name}" if place else name
                self.problems.append(f"{where}: nothing is called so here{did_you_mean(name, names)}")

    def text(self, place: str, raw: dict[str, Any], name: str, *, needed: bool = False) -> str:
        found: object = raw.get(name, "")
        where = f"{place}.{name}" if place else name
        if not isinstance(found, str):
            self.problems.append(f"{where}: {show_value(found)} is no text; put it in quotes")
            return str(found)
        if needed and not found:
            self.problems.append(f"{where}: missing")
        return found

    def table(self, name: str, raw: dict[str, Any], *, needed: bool = False, of: str = "") -> dict[str, Any]:
        found = raw.get(name, {})
        if not isinstance(found, dict):
            self.problems.append(f"{of}{name}: {show_value(found)} is no table; write [{of}{name}]")
            return {}
        if needed and not found:
            self.problems.append(f"{of}{name}: missing; write [{of}{name}]")
        return cast("dict[str, Any]", found)


def texts(values: Iterable[object]) -> tuple[str, ...]:
    return tuple(str(value) for value in values)
