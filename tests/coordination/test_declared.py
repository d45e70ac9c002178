"""Arguments of a policy that are of another kind than they have to be are refused when the class is made."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from attrs import frozen

from leverframe import (
    BackOff,
    Event,
    InvalidValue,
    Lease,
    Limit,
    Machine,
    MachineDefinitionError,
    Payload,
    WakeUp,
    state,
)
from leverframe import on as move

SECOND = timedelta(seconds=1)


@frozen
class Ready(Payload): ...


@frozen
class Working(Payload): ...


@frozen
class Take(Event): ...


@frozen
class RanOut(Event): ...


def declare(policy: type[Any], **arguments: Any) -> Any:
    """A machine with a policy of these arguments, `policy`."""
    given = arguments

    class Work(Machine[Ready | Working, Take | RanOut]):
        ready = state(Ready, initial=True)
        working = state(Working)

        @move
        def take(self, s: Ready, e: Take) -> Working:
            return Working()

        @move
        def ran_out(self, s: Working, e: RanOut) -> Ready:
            return Ready()

        policy_ = policy(**({"claim": take} | given if policy is Lease else given))

    return Work


def refusal(policy: type[Any], **arguments: Any) -> str:
    with pytest.raises(MachineDefinitionError) as caught:
        declare(policy, **arguments)
    return str(caught.value)


SPAN = "give a timedelta of more than nothing"

LEASES: list[tuple[dict[str, Any], str]] = [
    ({"claim": "take"}, "claim='take' is no move; name one of this machine"),
    ({"claim": None}, "claim=None is no move; name one of this machine"),
    ({"expiry": 3}, "expiry=3 is no move; name one of this machine"),
    ({"takeover": Take}, "is no move; name one of this machine"),
    ({"release": "take"}, "release='take' is no move; name one of this machine"),
    ({"free": 3}, "free=3 is no sequence; give the moves as (one, another)"),
    ({"free": ("take",)}, "free= names 'take', which is no move of this machine; name one of its own"),
    ({"pauses": Ready}, "is no sequence; give the classes as (One, Another)"),
    ({"pauses": ("Ready",)}, "pauses names 'Ready', which is no class; name states by their classes"),
    ({"ttl": 60}, f"ttl is 60; {SPAN}"),
    ({"ttl": "60"}, f"ttl is '60'; {SPAN}"),
    ({"ttl": timedelta()}, f"ttl is 0:00:00; {SPAN}"),
    ({"ttl": -SECOND}, f"ttl is -1 day, 23:59:59; {SPAN}"),
    ({"heartbeat": 5}, f"heartbeat is 5; {SPAN}"),
    ({"heartbeat": timedelta()}, f"heartbeat is 0:00:00; {SPAN}"),
    ({"heartbeat": timedelta(), "ttl": None}, f"heartbeat is 0:00:00; {SPAN}"),
    ({"max_runtime": 5}, f"max_runtime is 5; {SPAN}"),
    ({"expiry": None, "expired": RanOut()}, "expired=RanOut() is no function; give one"),
    ({"ready": SECOND}, "is no function; give one"),
    ({"priority": 3}, "priority=3 is no function; give one"),
    ({"reason": "busy"}, "reason='busy' is no function; give one"),
    ({"limit": 3}, "limit=3 is none; write Limit(per=...)"),
    ({"gates": 3}, "gates=3 is none; write Gates(subject=..., of=...)"),
]


@pytest.mark.parametrize(("arguments", "problem"), LEASES, ids=str)
def test_a_lease_of_other_kinds(arguments: dict[str, Any], problem: str) -> None:
    """Each argument of a lease that is of another kind is refused, and named."""
    said = refusal(Lease, **arguments)
    assert said.startswith("Work.policy_: ")
    assert problem in said


WAKE_UPS: list[tuple[dict[str, Any], str]] = [
    ({"move": "take", "at": len}, "move='take' is no move; name one of this machine"),
    ({"at": None, "states": [Ready]}, "at=None is no function; give one"),
    ({"at": SECOND, "states": [Ready]}, "is no function; give one"),
    ({"at": len, "states": Ready}, "is no sequence; give the classes as (One, Another)"),
    ({"at": len, "states": ["Ready"]}, "states names 'Ready', which is no class; name states by their classes"),
]


@pytest.mark.parametrize(("arguments", "problem"), WAKE_UPS, ids=str)
def test_a_wake_up_of_other_kinds(arguments: dict[str, Any], problem: str) -> None:
    """So is each argument of a wake-up."""
    assert problem in refusal(WakeUp, **arguments)


@pytest.mark.parametrize("at_most", [0, -1, 2.5, True, "3", 2**31])
def test_a_limit_is_a_number(at_most: Any) -> None:
    """A limit is an integer from 1 on."""
    with pytest.raises(InvalidValue, match=r"Limit\.at_most must be an integer from 1 to 2147483647, or None"):
        Limit(per=lambda state, key: "all", at_most=at_most)


def test_a_limit_has_a_function() -> None:
    """What a limit is for is said by a function."""
    with pytest.raises(InvalidValue, match=r"Limit\.per must be a function of a state and its key, got 'kind'"):
        Limit(per="kind")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # the wrong value is the point


BACK_OFFS: list[tuple[dict[str, Any], str]] = [
    ({"base": 10}, "BackOff.base must be a timedelta of more than nothing, got 10"),
    ({"factor": "2"}, "BackOff.factor must be an integer of at least 1, got '2'"),
    ({"factor": 1.5}, "BackOff.factor must be an integer of at least 1, got 1.5"),
    ({"factor": 0}, "BackOff.factor must be an integer of at least 1, got 0"),
    ({"jitter": "x"}, "BackOff.jitter must be a share from 0 to 1, got 'x'"),
    ({"jitter": 2}, "BackOff.jitter must be a share from 0 to 1, got 2"),
]


@pytest.mark.parametrize(("arguments", "problem"), BACK_OFFS, ids=str)
def test_a_back_off_of_other_kinds(arguments: dict[str, Any], problem: str) -> None:
    """So is each argument of a back-off."""
    with pytest.raises(InvalidValue) as caught:
        BackOff(**arguments)
    assert str(caught.value) == problem


# ---------------------------------------------------------------- how often a lease is renewed


HEARTBEATS: list[tuple[dict[str, Any], timedelta]] = [
    ({"ttl": 90 * SECOND}, 30 * SECOND),
    ({"ttl": 90 * SECOND, "heartbeat": 5 * SECOND}, 5 * SECOND),
    ({"ttl": None}, 20 * SECOND),
    ({"ttl": None, "heartbeat": 5 * SECOND}, 5 * SECOND),
]


@pytest.mark.parametrize(("arguments", "heartbeat"), HEARTBEATS, ids=str)
def test_how_often_a_lease_is_renewed(arguments: dict[str, Any], heartbeat: timedelta) -> None:
    """A third of its time; where it lasts without being renewed, 20 seconds; and what is said, where it is said."""
    assert declare(Lease, **arguments).policy_.heartbeat == heartbeat
