"""Do handlers, guards and hooks look at the clock, at chance or at the world?  Read in what is written there."""

from __future__ import annotations

import ast
import builtins
import datetime
import inspect
import random
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from attrs import frozen

from leverframe.checks.finding import Finding
from leverframe.checks.reach import Reach
from leverframe.checks.sources import Written, function_node
from leverframe.typed.table import Chart

__all__ = ["find_in_code"]

CLOCK = "ask self.now(): it is the time of the decision, the same each time that it is made anew"
CHANCE = "let whoever sends the event make it, in a field of the event"
WORLD = "return a message, and do it where that is read; or do it before, and put the result into the event"

CLOCK_NAMES = {"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "localtime", "gmtime"}
DATE_NAMES = {"now", "utcnow", "today"}
UUID_NAMES = {"uuid1", "uuid4", "uuid6", "uuid7"}
WORLD_MODULES = ("subprocess", "socket", "requests", "httpx", "urllib.request", "sqlite3", "psycopg", "shutil")
WORLD_NAMES = {"os": {"getenv", "system", "remove", "mkdir", "listdir", "environ"}, "time": {"sleep"}}
BUILTINS = (open, input, print)


def find_in_code(reach: Reach) -> Iterator[Finding]:
    """All that is about what a decision must not look at."""
    told: set[tuple[str, int, str]] = set()
    for name, function in decided_by(reach):
        for call in impure_calls(function, reach.machine, set()):
            line = call.written.file, call.written.line, call.name
            if line not in told:
                told.add(line)
                problem = f"{name} calls {call.name}, and a decision may be made more than once"
                yield Finding("impure-move", reach.machine.__name__, problem, call.remedy, call.written)


def decided_by(reach: Reach) -> Iterator[tuple[str, Any]]:
    """The functions of a decision, by what they are called."""
    for edge in reach.structure.edges.values():
        yield edge.name, edge.function
        if edge.cond is not None:
            yield edge.guard_name(), edge.cond
    for hook, _ in reach.structure.hooks:
        yield hook.name, hook.function
    for name in ("announce", "announce_creation"):
        own: Any = getattr(reach.machine, name)
        if own is not vars(Chart)[name]:
            yield name, own


@frozen
class Call:
    """A call of what no decision may ask: its name as it is written, and what to write instead."""

    name: str
    remedy: str
    written: Written


def impure_calls(function: Any, machine: type, seen: set[Any]) -> Iterator[Call]:
    """In a function, and in those of the same module that it calls."""
    found = function_node(function)
    if found is None or function in seen:
        return
    seen.add(function)
    file, node = found
    for call in (each for each in ast.walk(node) if isinstance(each, ast.Call)):
        called = resolve(call.func, function, machine)
        if called is None:
            continue
        remedy = remedy_for(called)
        if remedy:
            line = call.lineno
            yield Call(f"{ast.unparse(call.func)}()", remedy, Written(file, line, line, call.end_lineno or line))
        elif inspect.isfunction(called) and called.__module__ == function.__module__:
            yield from impure_calls(called, machine, seen)


def resolve(name: ast.expr, function: Any, machine: type) -> Any:
    """What a name in a function's code is; None where only a run would tell."""
    match name:
        case ast.Name(id="self"):
            return machine
        case ast.Name(id=written):
            return names_of(function).get(written)
        case ast.Attribute(value=owner, attr=written):
            return attribute(resolve(owner, function, machine), written, machine)
        case _:
            return None


def attribute(owner: Any, name: str, machine: type) -> Any:
    """Of modules and classes alone: what another object has, it may have made."""
    if owner is machine:
        found = inspect.getattr_static(machine, name, None)
        return getattr(found, "__func__", found)
    return getattr(owner, name, None) if isinstance(owner, type | ModuleType) else None


def names_of(function: Any) -> dict[str, Any]:
    closed = zip(function.__code__.co_freevars, function.__closure__ or (), strict=False)
    cells = {name: cell.cell_contents for name, cell in closed if filled(cell)}
    local = function.__code__.co_varnames
    known = {**vars(builtins), **function.__globals__, **cells}
    return {name: value for name, value in known.items() if name not in local}


def filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


# ---------------------------------------------------------------- what no decision may ask


def remedy_for(called: Any) -> str:
    """What to write instead of a call; empty where it may stand."""
    name, module = getattr(called, "__name__", ""), getattr(called, "__module__", None) or ""
    if is_clock(called, name, module):
        return CLOCK
    if is_chance(called, name, module):
        return CHANCE
    return WORLD if is_world(called, name, module) else ""


def is_clock(called: Any, name: str, module: str) -> bool:
    owner = getattr(called, "__self__", None)
    if isinstance(owner, type) and issubclass(owner, datetime.date):
        return name in DATE_NAMES
    return module == "time" and name in CLOCK_NAMES


def is_chance(called: Any, name: str, module: str) -> bool:
    if isinstance(getattr(called, "__self__", None), random.Random) or module == "secrets":
        return True
    return (module == "uuid" and name in UUID_NAMES) or (module in ("posix", "nt") and name == "urandom")


def is_world(called: Any, name: str, module: str) -> bool:
    if any(called is each for each in BUILTINS):
        return True
    module = {"posix": "os", "nt": "os"}.get(module, module)
    return module.split(".")[0] in WORLD_MODULES or module in WORLD_MODULES or name in WORLD_NAMES.get(module, ())
