"""Which statement answers a `Query`: the plan is chosen here, so that an index carries each of them.

look-ups given      the first by its index, the others checked on what it finds
keys given          the index on keys, all at once
key ranges given    the same, range by range
else                the index on states: the newest of each state, then the newest of those
"""

from __future__ import annotations

from collections.abc import Iterable

from leverframe.persistence.rows import KeyRange, Query
from leverframe.persistence.statements import NEWEST_FIRST, SNAPSHOT_COLUMNS, Dialect

__all__ = ["Statement", "find_statement", "keys_in", "merge_ranges"]

Statement = tuple[str, list[object]]

# SQLite takes at most 500 SELECTs in a compound one.
MOST_SELECTS = 200

EXACTLY_ONE = 1

NO_CONDITION: Statement = ("", [])


def find_statement(query: Query, dialect: Dialect, tenant: str = "") -> Statement | None:
    """The statement and its parameters, for the instances of one tenant; None if nothing can match."""
    if query.states == () or query.limit == 0 or query.keys == ():
        return None
    if query.lookups:
        return limited(by_lookup(query, tenant), query.limit)
    if query.keys:
        return limited(by_keys(query, dialect, tenant), query.limit)
    if query.ranges:
        return by_ranges(query, dialect, tenant)
    return by_states(query, dialect, tenant)


def by_lookup(query: Query, tenant: str) -> Statement:
    """The instances of the first look-up (CROSS JOIN keeps SQLite from starting at the snapshots)."""
    (field, value), *others = query.lookups
    text = f"""SELECT {SNAPSHOT_COLUMNS} FROM lookup AS l CROSS JOIN snapshot AS s
WHERE s.instance = l.instance AND l.tenant = ? AND l.machine = ? AND l.field = ? AND l.value = ?"""
    parameters: list[object] = [tenant, query.machine, field, value]
    for other_field, other_value in others:
        text += " AND EXISTS (SELECT 1 FROM lookup AS o WHERE o.instance = l.instance AND o.field = ? AND o.value = ?)"
        parameters += [other_field, other_value]
    text += also(ranges_condition(query.ranges), states_condition(query.states), parameters)
    return text + also(keys_condition(query.keys), NO_CONDITION, parameters), parameters


def by_keys(query: Query, dialect: Dialect, tenant: str) -> Statement:
    """The instances that are named."""
    parameters: list[object] = [tenant, query.machine]
    text = f"SELECT {SNAPSHOT_COLUMNS} FROM snapshot AS s{dialect.by_key} WHERE s.tenant = ? AND s.machine = ?"
    return text + also(keys_condition(query.keys), states_condition(query.states), parameters), parameters


def by_ranges(query: Query, dialect: Dialect, tenant: str) -> Statement | None:
    """The instances of each range; ranges are disjoint after merging, so none comes twice."""
    ranges = merge_ranges(query.ranges)
    if not ranges:
        return None
    if len(ranges) > MOST_SELECTS:
        return limited(one_range(query, tuple(ranges), tenant, ""), query.limit)
    return union([one_range(query, (one,), tenant, dialect.by_key) for one in ranges], query.limit)


def one_range(query: Query, ranges: tuple[KeyRange, ...], tenant: str, hint: str) -> Statement:
    parameters: list[object] = [tenant, query.machine]
    text = f"SELECT {SNAPSHOT_COLUMNS} FROM snapshot AS s{hint} WHERE s.tenant = ? AND s.machine = ?"
    return text + also(ranges_condition(ranges), states_condition(query.states), parameters), parameters


def keys_in(one: KeyRange, machine: str, tenant: str) -> Statement:
    """The keys of a range, from the index on them."""
    parameters: list[object] = [tenant, machine]
    text = "SELECT s.key FROM snapshot AS s WHERE s.tenant = ? AND s.machine = ?"
    return text + also(ranges_condition((one,)), NO_CONDITION, parameters), parameters


def by_states(query: Query, dialect: Dialect, tenant: str) -> Statement:
    """The newest of each state (a short walk down an index each), then the newest of those."""
    if query.states is None and query.limit is not None:
        return dialect.newest_of_each, [query.limit, tenant, query.machine, query.limit]
    states = list(dict.fromkeys(query.states or ()))
    if query.limit is None or len(states) > MOST_SELECTS:
        return limited(all_of_states(query, tenant), query.limit)
    return union([one_state(tenant, query.machine, state) for state in states], query.limit)


def all_of_states(query: Query, tenant: str) -> Statement:
    parameters: list[object] = [tenant, query.machine]
    text = f"SELECT {SNAPSHOT_COLUMNS} FROM snapshot AS s WHERE s.tenant = ? AND s.machine = ?"
    return text + also(("", []), states_condition(query.states), parameters), parameters


def one_state(tenant: str, machine: str, state: str) -> Statement:
    text = f"SELECT {SNAPSHOT_COLUMNS} FROM snapshot AS s WHERE s.tenant = ? AND s.machine = ? AND s.state = ?"
    return text, [tenant, machine, state]


# ---------------------------------------------------------------- parts


def union(parts: list[Statement], limit: int | None) -> Statement:
    """The newest of all parts; where there is a limit, each part is cut to it by itself first."""
    if len(parts) == EXACTLY_ONE:
        return limited(parts[0], limit)
    cut = [limited(part, limit) for part in parts]
    parts_text = " UNION ALL ".join(f"SELECT * FROM ({part}) AS part" for part, _ in cut)
    parameters = [value for _, values in cut for value in values]
    return limited((f"SELECT {SNAPSHOT_COLUMNS} FROM ({parts_text}) AS s", parameters), limit)


def limited(statement: Statement, limit: int | None) -> Statement:
    text, parameters = statement
    if limit is None:
        return f"{text} {NEWEST_FIRST}", parameters
    return f"{text} {NEWEST_FIRST} LIMIT ?", [*parameters, limit]


def also(ranges: Statement, states: Statement, parameters: list[object]) -> str:
    """Both conditions as a tail of WHERE; their values are put behind `parameters`."""
    parameters += [*ranges[1], *states[1]]
    return ranges[0] + states[0]


def states_condition(states: tuple[str, ...] | None) -> Statement:
    if states is None:
        return "", []
    names = list(dict.fromkeys(states))
    return f" AND s.state IN ({', '.join('?' * len(names))})", list(names)


def keys_condition(keys: tuple[str, ...] | None) -> Statement:
    return NO_CONDITION if keys is None else (f" AND s.key IN ({', '.join('?' * len(keys))})", list(keys))


def ranges_condition(ranges: Iterable[KeyRange]) -> Statement:
    conditions: list[str] = []
    parameters: list[object] = []
    for one in ranges:
        conditions.append("s.key >= ?" if one.stop is None else "s.key >= ? AND s.key < ?")
        parameters += [one.first] if one.stop is None else [one.first, one.stop]
    if len(conditions) == EXACTLY_ONE:
        return f" AND {conditions[0]}", parameters
    return (f" AND ({' OR '.join(conditions)})" if conditions else ""), parameters


def merge_ranges(ranges: Iterable[KeyRange]) -> list[KeyRange]:
    """The same keys in ranges that do not overlap; empty ones are left out.

    >>> merge_ranges([KeyRange("b", "d"), KeyRange("a", "c"), KeyRange("x", "x"), KeyRange("d", None)])
    [KeyRange(first='a', stop=None)]
    """
    merged: list[KeyRange] = []
    for one in sorted(ranges, key=lambda each: each.first):
        if one.stop is not None and one.stop <= one.first:
            continue
        if merged and (merged[-1].stop is None or one.first <= merged[-1].stop):
            merged[-1] = KeyRange(merged[-1].first, later(merged[-1].stop, one.stop))
        else:
            merged.append(one)
    return merged


def later(one: str | None, other: str | None) -> str | None:
    return None if one is None or other is None else max(one, other)
