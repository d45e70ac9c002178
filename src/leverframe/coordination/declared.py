"""Is each argument of a policy of the kind that it has to be?  What a type checker would say is said here too.

Each function returns what is wrong and what to do, empty if nothing is.  Whether the arguments agree with the machine
is asked in `agreement.py`, behind this.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from leverframe.coordination.gates import Gates
from leverframe.coordination.limits import Limit
from leverframe.typed.declare import Edge
from leverframe.wording import show_value

if TYPE_CHECKING:
    from leverframe.coordination.policies import LeasePolicy, WakeUp

__all__ = ["lease_arguments_problem", "several", "wake_up_arguments_problem"]

MOVES = ("claim", "expiry", "takeover", "release")
SPANS = ("ttl", "heartbeat", "max_runtime")
FUNCTIONS = ("expired", "ready", "priority", "reason")

NOTHING = timedelta()


def several(given: Any) -> tuple[Any, ...]:
    """What was given as a sequence, as a tuple; anything else as it is, to be refused when its owner is known."""
    try:
        return tuple(given)
    except TypeError:
        return cast("tuple[Any, ...]", given)


def lease_arguments_problem(lease: LeasePolicy) -> str:
    """What is wrong with the arguments of a lease."""
    given = vars(lease)
    return (
        first(move_problem(name, given[name], optional=name != "claim") for name in MOVES)
        or first(span_problem(name, given[name]) for name in SPANS)
        or first(function_problem(name, given[name], optional=True) for name in FUNCTIONS)
        or moves_problem(given["free"])
        or states_problem("pauses", given["pauses"])
        or kind_problem("limit", given["limit"], Limit, "Limit(per=...)")
        or kind_problem("gates", given["gates"], Gates, "Gates(subject=..., of=...)")
    )


def wake_up_arguments_problem(wake_up: WakeUp) -> str:
    """What is wrong with the arguments of a wake-up."""
    given = vars(wake_up)
    return (
        move_problem("move", given["move"], optional=True)
        or function_problem("at", given["at"], optional=False)
        or states_problem("states", given["states"])
    )


# ---------------------------------------------------------------- one argument


def move_problem(name: str, given: object, *, optional: bool) -> str:
    fits = is_one(given, Edge) or (given is None and optional)
    return "" if fits else f"{name}={show_value(given)} is no move; name one of this machine"


def moves_problem(given: object) -> str:
    fits = isinstance(given, tuple)
    return "" if fits else f"free={show_value(given)} is no sequence; give the moves as (one, another)"


def states_problem(name: str, given: object) -> str:
    if not isinstance(given, tuple):
        return f"{name}={show_value(given)} is no sequence; give the classes as (One, Another)"
    wrong = [each for each in cast("tuple[object, ...]", given) if not isinstance(each, type)]
    return f"{name} names {show_value(wrong[0])}, which is no class; name states by their classes" if wrong else ""


def span_problem(name: str, given: object) -> str:
    if given is None or (isinstance(given, timedelta) and given > NOTHING):
        return ""
    told = given if isinstance(given, timedelta) else show_value(given)
    return f"{name} is {told}; give a timedelta of more than nothing"


def function_problem(name: str, given: object, *, optional: bool) -> str:
    fits = callable(given) or (given is None and optional)
    return "" if fits else f"{name}={show_value(given)} is no function; give one"


def kind_problem(name: str, given: object, kind: type, form: str) -> str:
    fits = given is None or is_one(given, kind)
    return "" if fits else f"{name}={show_value(given)} is none; write {form}"


def is_one(given: object, kind: type) -> bool:
    return isinstance(given, kind)


def first(problems: Iterable[str]) -> str:
    return next((problem for problem in problems if problem), "")
