"""Does a mapping fit its machine and its table?  All that does not is told at once, before anything is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import NOTHING, define, field, fields, frozen

from leverframe.adoption.conversions import Rule, Unfit, convert, find_zone, to_time
from leverframe.adoption.mapping import AdoptionMapping
from leverframe.adoption.source import Source
from leverframe.errors import CannotAdopt
from leverframe.persistence.binding import Binding
from leverframe.persistence.codec.containers import OptionalForm
from leverframe.persistence.codec.scalars import Form
from leverframe.wording import did_you_mean, join_names, show_value

__all__ = ["Recipe", "Way", "check_mapping", "status_text"]

AnyBinding = Binding[Any, Any]

MOST_STATUSES = 200
"""Different ones; a column of more says something else."""

TOLD = 10
"""Of what is wrong with each of many."""


@frozen
class Way:
    """How rows of one status become states of one class: `rules` by field; `optional` fields may have nothing."""

    leaf: type[Any]
    path: str
    rules: Mapping[str, Rule]
    optional: frozenset[str]
    defaults: frozenset[str]

    @property
    def tag(self) -> str:
        """The class's name."""
        return self.leaf.__name__


@frozen
class Recipe:
    """A mapping that fits: the way of each status, None for those that are left out; and how many rows have which."""

    mapping: AdoptionMapping
    ways: Mapping[str | None, Way | None]
    statuses: Mapping[str | None, int]
    columns: tuple[str, ...]

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return sum(self.statuses.values())


def status_text(value: object) -> str | None:
    """A status as a mapping names it."""
    return None if value is None else str(value)


def check_mapping(mapping: AdoptionMapping, binding: AnyBinding, source: Source) -> Recipe:
    """What the mapping says, where it fits.  Raises `CannotAdopt` with all that does not."""
    checking = Checking(mapping, binding, source)
    recipe = checking.recipe()
    if checking.problems:
        raise CannotAdopt(mapping.path, tuple(dict.fromkeys(checking.problems)))
    return recipe


@define
class Checking:
    """What was found wrong so far."""

    mapping: AdoptionMapping
    binding: AnyBinding
    source: Source
    problems: list[str] = field(factory=list[str])

    def recipe(self) -> Recipe:
        self.check_rules()
        named = self.states_named()
        ways = {name: self.way(leaf) for name, leaf in named.items() if leaf is not None}
        statuses = self.statuses()
        told: dict[str | None, Way | None] = dict.fromkeys(self.mapping.status.skip)
        for status, name in self.mapping.status.states.items():
            told[status] = ways.get(name)
        if self.mapping.status.skip_null:
            told[None] = None
        if self.mapping.status.null is not None:
            told[None] = ways.get(self.mapping.status.null)
        self.check_statuses(statuses, told)
        return Recipe(self.mapping, told, statuses, tuple(dict.fromkeys(self.columns())))

    # ------------------------------------------------------------ columns

    def columns(self) -> Iterator[str]:
        """All that are read: those of the table's own key first."""
        yield from self.source.key
        yield self.mapping.status.column
        for rule in self.rules():
            if rule.column is not None:
                yield rule.column

    def rules(self) -> Iterator[Rule]:
        yield from self.mapping.key
        if self.mapping.created_at is not None:
            yield self.mapping.created_at
        yield from self.mapping.fields.values()
        for rules in self.mapping.states.values():
            yield from rules.values()

    def check_rules(self) -> None:
        names = self.source.names()
        column = self.mapping.status.column
        if column not in names:
            self.problems.append(self.no_column("status.column", column))
        for rule in self.rules():
            if rule.column is not None and rule.column not in names:
                self.problems.append(self.no_column(rule.place, rule.column))
            if rule.zone is not None:
                try:
                    find_zone(rule.zone)
                except ValueError as error:
                    self.problems.append(f"{rule.place}: {error}")
        self.check_created_at()

    def no_column(self, place: str, column: str) -> str:
        return f"{place}: table {self.source.table} has no column {column!r}{did_you_mean(column, self.source.names())}"

    def check_created_at(self) -> None:
        rule = self.mapping.created_at
        for value in () if rule is None else (rule.constant, rule.default):
            if rule is not None and value is not None:
                try:
                    to_time(Rule(place="", kind="time", zone=rule.zone), value)
                except Unfit as error:
                    self.problems.append(f"{rule.place}: {error}")

    # ------------------------------------------------------------ states

    def states_named(self) -> dict[str, type[Any] | None]:
        """The class of each state that the mapping names."""
        null = self.mapping.status.null
        named = [*self.mapping.status.states.items(), *(() if null is None else [("null", null)])]
        found: dict[str, type[Any] | None] = {}
        for status, name in named:
            found[name] = self.state(name)
            if found[name] is None:
                self.problems.append(f"status {status!r}: {self.no_state(name)}")
        for name in self.mapping.states:
            if self.state(name) is None:
                self.problems.append(f"states.{name}: {self.no_state(name)}")
        return found

    def state(self, name: str) -> type[Any] | None:
        for leaf, path in self.binding.paths.items():
            if name in (leaf.__name__, path):
                return leaf
        return None

    def no_state(self, name: str) -> str:
        below = [leaf.__name__ for leaf, path in self.binding.paths.items() if path.startswith(f"{name}.")]
        if not name:
            return f"is mapped to no state; give one of {join_names(self.names())}, or add it to status.skip"
        if below:
            return f"{name} is a superstate; give one of {join_names(below)}"
        return f"{name!r} is no state of {self.binding.name}{did_you_mean(name, self.names())}"

    def names(self) -> list[str]:
        return [leaf.__name__ for leaf in self.binding.paths]

    def way(self, leaf: type[Any]) -> Way:
        """The rules of a state's fields: its own go before those for all."""
        known: Mapping[str, Form] = self.binding.codec.states.fields_of(leaf.__name__)
        own = self.rules_of(leaf)
        rules = {name: rule for name, rule in {**self.mapping.fields, **own}.items() if name in known}
        for name, rule in own.items():
            if name not in known:
                self.problems.append(f"{rule.place}: {leaf.__name__} has no such field{did_you_mean(name, known)}")
        every = self.binding.codec.states.field_names()
        for name, rule in self.mapping.fields.items():
            if name not in every:
                self.problems.append(f"{rule.place}: no state has such a field{did_you_mean(name, every)}")
        defaults = frozenset(each.name for each in fields(leaf) if each.default is not NOTHING)
        optional = frozenset(name for name, form in known.items() if isinstance(form, OptionalForm))
        self.check_fields(leaf, known, rules, defaults, optional)
        return Way(leaf, self.binding.paths[leaf], rules, optional, defaults)

    def rules_of(self, leaf: type[Any]) -> Mapping[str, Rule]:
        names = (leaf.__name__, self.binding.paths[leaf])
        for name in names:
            if name in self.mapping.states:
                return self.mapping.states[name]
        return {}

    def check_fields(
        self,
        leaf: type[Any],
        known: Mapping[str, Form],
        rules: Mapping[str, Rule],
        defaults: frozenset[str],
        optional: frozenset[str],
    ) -> None:
        for name in known:
            if name not in rules and name not in defaults:
                problem = f"{leaf.__name__}.{name}: nothing says what it is"
                self.problems.append(f'{problem}; write [fields] {name} = "COLUMN", or {{ constant = ... }}')
        for name, rule in rules.items():
            if rule.nothing and name not in optional | defaults:
                self.problems.append(f"{rule.place}: {leaf.__name__}.{name} has to have a value")
            for value in self.given_values(rule):
                try:
                    known[name].read(convert(Rule(place=rule.place, constant=value), None), None)
                except Exception as error:
                    self.problems.append(f"{rule.place}: {show_value(value)} does not fit {leaf.__name__}: {error}")

    def given_values(self, rule: Rule) -> Iterable[object]:
        """What the file itself gives."""
        plain = rule.constant is not None or rule.default is not None
        given = [value for value in (rule.constant, rule.default) if value is not None] if plain else []
        return [*given, *(rule.values or {}).values()]

    # ------------------------------------------------------------ statuses

    def statuses(self) -> dict[str | None, int]:
        """How many rows have which status."""
        column = self.mapping.status.column
        if column not in self.source.names():
            return {}
        try:
            found = self.source.values(column, self.mapping.where, MOST_STATUSES + 1)
        except CannotAdopt as error:
            where = "source.where" if self.mapping.where else self.source.table
            self.problems += [f"{where}: {problem}" for problem in error.faults]
            return {}
        counts: dict[str | None, int] = {}
        for value, rows in found:
            counts[status_text(value)] = counts.get(status_text(value), 0) + rows
        if len(counts) > MOST_STATUSES:
            self.problems.append(f"status.column: {column} has more than {MOST_STATUSES} values; is that the status?")
            return {}
        return counts

    def check_statuses(self, counts: Mapping[str | None, int], told: Mapping[str | None, Way | None]) -> None:
        """Every status that a row has is mapped, or left out on purpose."""
        missing = [(status, rows) for status, rows in counts.items() if status not in told]
        for status, rows in missing[:TOLD]:
            number = f"{rows:,} row has it" if rows == 1 else f"{rows:,} rows have it"
            problem = f"{number}, and nothing says which state that is{self.hint(status)}"
            self.problems.append(f"{self.no_status(status)}: {problem}")
        if len(missing) > TOLD:
            self.problems.append(f"and {len(missing) - TOLD} more statuses that are not mapped")

    def no_status(self, status: str | None) -> str:
        return "status NULL" if status is None else f"status {status!r}"

    def hint(self, status: str | None) -> str:
        if status is None:
            return '; write null = "STATE", or skip_null = true, in [status]'
        near = did_you_mean(status, [name for name in self.mapping.status.states if name])
        return near if "did you mean" in near else "; map it, or add it to status.skip"
