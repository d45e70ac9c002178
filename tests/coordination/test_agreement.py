"""Policies that do not fit a machine's moves, or each other, are refused when the class is made."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeAlias, cast

import pytest
from attrs import frozen

from leverframe import (
    Event,
    Lease,
    Machine,
    MachineDefinitionError,
    OneAtATime,
    Payload,
    Permanent,
    Prerequisites,
    Retry,
    WakeUp,
    on,
    state,
)


@frozen
class Ready(Payload): ...


@frozen
class Working(Payload): ...


@frozen
class Asking(Payload): ...


@frozen
class Done(Payload): ...


@frozen
class Take(Event): ...


@frozen
class RanOut(Event): ...


@frozen
class Seized(Event): ...


@frozen
class Failed(Event):
    error: str = ""


@frozen
class Ask(Event):
    question: str


@frozen
class Answer(Event): ...


@frozen
class Finish(Event): ...


class Other(Machine[Ready | Working, Take]):
    ready = state(Ready, initial=True)
    working = state(Working)

    @on
    def take(self, s: Ready, e: Take) -> Working:
        return Working()


Make: TypeAlias = Callable[[Any], Any]
"""Policies, made of the names in a class body."""


def declare(make: Make) -> Any:
    """A machine with the policies that `make` gives, called with the class body's names."""

    class Work(Machine[Ready | Working | Asking | Done, Take | RanOut | Seized | Failed | Ask | Answer | Finish]):
        ready = state(Ready, initial=True)
        working = state(Working)
        asking = state(Asking)
        done = state(Done)

        @on
        def take(self, s: Ready, e: Take) -> Working:
            return Working()

        @on
        def ran_out(self, s: Working, e: RanOut) -> Ready:
            return Ready()

        @on
        def seized(self, s: Working, e: Seized) -> Working:
            return Working()

        @on
        def failed(self, s: Working, e: Failed) -> Ready:
            return Ready()

        @on
        def ask(self, s: Working, e: Ask) -> Asking:
            return Asking()

        @on
        def answer(self, s: Asking, e: Answer) -> Working:
            return Working()

        @on
        def finish(self, s: Working, e: Finish) -> Done:
            return Done()

        policies = tuple(make(dict(locals())))
        policy0 = policies[0]
        policy1 = policies[1] if len(policies) > 1 else None

    return Work


def refusal(make: Make) -> str:
    with pytest.raises(MachineDefinitionError) as caught:
        declare(make)
    return str(caught.value)


# ---------------------------------------------------------------- two of a kind


def test_one_lease() -> None:
    """A machine has one lease."""
    said = refusal(lambda m: (Lease(claim=m["take"]), Lease(claim=m["take"], expiry=m["ran_out"])))
    assert said == "Work.policy0: is not the only Lease, and an instance has one owner at a time; keep one of them"


GATES: list[tuple[Callable[[], Any], str]] = [
    (lambda: Prerequisites(met=Done), "Prerequisites"),
    (lambda: OneAtATime(group=lambda key: key), "OneAtATime"),
]


@pytest.mark.parametrize(("make", "kind"), GATES)
def test_one_of_each_gate(make: Any, kind: str) -> None:
    """A machine has one Prerequisites and one OneAtATime."""
    said = refusal(lambda m: (make(), make()))
    assert f"is not the only {kind}" in said
    assert "keep one of them" in said


def test_one_retry() -> None:
    """A failure becomes one event, so that a machine with a lease has one Retry."""
    with pytest.raises(MachineDefinitionError, match="first is not the only Retry, and a failure becomes one event"):

        class Twice(Machine[Ready | Working, Take | Failed]):  # pyright: ignore[reportUnusedClass]  # it is not made
            ready = state(Ready, initial=True)
            working = state(Working)

            @on
            def take(self, s: Ready, e: Take) -> Working:
                return Working()

            @on
            def failed(self, s: Working, e: Failed) -> Ready:
                return Ready()

            lease = Lease(claim=take)
            first = Retry(fault=lambda error: Failed(), permanent=lambda error: Failed())
            second = Retry(fault=lambda error: Failed(), permanent=lambda error: Failed())


# ---------------------------------------------------------------- what a failure becomes


def ran_out(error: BaseException) -> RanOut:
    return RanOut()


def either(error: BaseException) -> RanOut | Failed:
    return RanOut() if isinstance(error, Permanent) else Failed()


def unsaid(error: BaseException) -> Any:
    return Failed()


LIKE_EXPIRY: list[Make] = [lambda error: RanOut(), ran_out, cast(Any, RanOut)]


@pytest.mark.parametrize("made", LIKE_EXPIRY)
@pytest.mark.parametrize("which", ["fault", "permanent", "transient"])
def test_a_failure_is_no_expiry(made: Any, which: str) -> None:
    """What a handler's failure becomes is no event that the store alone sends, whichever way it is made."""
    functions: dict[str, Make] = {"fault": lambda error: Failed(), "permanent": lambda error: Failed(), which: made}
    said = refusal(lambda m: (Lease(claim=m["take"], expiry=m["ran_out"]), Retry(**functions)))
    assert f"policy1 makes RanOut of a failure ({which}=), which whoever has the lease cannot send" in said
    assert "give it an event that a move out of Working takes, other than the lease's own" in said


@pytest.mark.parametrize("event", [Take, Answer])
def test_a_failure_has_a_move(event: Any) -> None:
    """An event that nothing takes while somebody works is refused; what a pause takes is not."""
    functions: dict[str, Make] = {"fault": event, "permanent": lambda error: Failed()}
    assert "cannot send" in refusal(lambda m: (Lease(claim=m["take"]), Retry(**functions)))
    if event is Answer:
        declare(lambda m: (Lease(claim=m["take"], pauses=[Asking]), Retry(**functions)))


MAY_BE_SENT: list[Make] = [Failed, either, unsaid, print, lambda error: make_event(RanOut, Failed)]


@pytest.mark.parametrize("made", MAY_BE_SENT)
def test_a_failure_that_may_be_sent(made: Any) -> None:
    """What may be an event of the owner's is left to the function, and so is what does not say what it makes."""
    lease = declare(lambda m: (Lease(claim=m["take"], expiry=m["ran_out"]), Retry(fault=made, permanent=made)))
    assert lease.policy1.name == "policy1"


def make_event(*kinds: Any) -> Any:
    return kinds[-1]()


# ---------------------------------------------------------------- moves of a lease


UNFIT_LEASES: list[tuple[Make, str]] = [
    (lambda m: Lease(claim=Other.take), "claim= names <edge Other.take>, which is no move of this machine"),
    (lambda m: Lease(claim=m["take"], free=[Other.take]), "free= names <edge Other.take>"),
    (lambda m: Lease(claim=m["take"], expiry=m["ran_out"], free=[m["ran_out"]]), "free names ran_out"),
    (lambda m: Lease(claim=m["take"], free=[m["take"]]), "free names take, which is the lease's own move"),
    (lambda m: Lease(claim=m["take"], expiry=m["answer"]), "expiry=answer is no move out of Working"),
    (lambda m: Lease(claim=m["take"], release=m["answer"]), "release=answer is no move out of Working"),
    (lambda m: Lease(claim=m["take"], expiry=m["seized"]), "expiry may lead to Working, where it is held still"),
    (lambda m: Lease(claim=m["take"], release=m["seized"]), "release may lead to Working, where it is held still"),
    (lambda m: Lease(claim=m["take"], takeover=m["answer"]), "takeover=answer is no move out of Working"),
    (lambda m: Lease(claim=m["take"], takeover=m["failed"]), "takeover=failed leads to Ready, where nobody holds"),
    (lambda m: Lease(claim=m["take"], pauses=[Working]), "pauses in Working, where it is held"),
    (lambda m: Lease(claim=m["take"], pauses=[Ready]), "pauses in Ready, where it is held or can be claimed"),
    (lambda m: Lease(claim=m["take"], pauses=[cast(Any, Other)]), "pauses names Other, which is the class of none"),
    (lambda m: Lease(claim=m["take"], expiry=m["ask"]), "ask takes Ask, which is not made without arguments"),
    (lambda m: Lease(claim=m["take"], release=m["ask"]), "ask takes Ask, which is not made without arguments"),
    (
        lambda m: Lease(claim=m["take"], expiry=m["ran_out"], expired=lambda why: Failed()),
        "expired makes Failed, which ran_out does not take; make RanOut",
    ),
]


@pytest.mark.parametrize(("make", "problem"), UNFIT_LEASES)
def test_a_lease_that_does_not_fit(make: Make, problem: str) -> None:
    """Moves that can only be refused when they are made are refused when they are declared."""
    assert problem in refusal(lambda m: (make(m),))


def test_a_lease_that_fits() -> None:
    """A lease may name all of them."""
    machine = declare(
        lambda m: (
            Lease(
                claim=m["take"],
                expiry=m["ask"],
                expired=lambda why: Ask(why),
                takeover=m["seized"],
                release=m["failed"],
                free=[m["finish"]],
                pauses=[Asking],
            ),
        )
    )
    assert machine.policy0.leased == (Working,)


# ---------------------------------------------------------------- wake-ups


def at_any_time(s: Any) -> datetime | None:
    return None


UNFIT_WAKE_UPS: list[tuple[Make, str]] = [
    (lambda m: WakeUp(Other.take, at=at_any_time), "move= names <edge Other.take>"),
    (lambda m: WakeUp(m["finish"], states=[Working, Ready], at=at_any_time), "names a time in Ready, out of which"),
    (lambda m: WakeUp(m["ask"], at=at_any_time), "ask takes Ask, which is not made without arguments"),
]


@pytest.mark.parametrize(("make", "problem"), UNFIT_WAKE_UPS)
def test_a_wake_up_that_does_not_fit(make: Make, problem: str) -> None:
    """A wake-up's move leads out of each state that names a time, and is made without anybody who could say more."""
    assert problem in refusal(lambda m: (make(m),))


@pytest.mark.parametrize("move", ["take", "seized"])
def test_nobody_is_given_a_lease_by_a_wake_up(move: str) -> None:
    """A wake-up does not make the move that gives a lease: nobody would have it."""
    said = refusal(lambda m: (Lease(claim=m["take"], takeover=m["seized"]), WakeUp(m[move], at=at_any_time)))
    assert f"{move} gives a lease, and nobody would have it" in said


def test_a_wake_up_that_fits() -> None:
    """A wake-up may end a lease, at another time than the lease itself does."""
    machine = declare(
        lambda m: (Lease(claim=m["take"], ttl=timedelta(hours=1)), WakeUp(m["failed"], at=at_any_time)),
    )
    assert machine.policy1.states == (Working,)


def test_what_is_waited_for_is_a_state() -> None:
    """Prerequisites name a state of their machine."""
    assert "Other'> is no state of it; give a leaf or superstate class" in refusal(
        lambda m: (Prerequisites(met=cast(Any, Other)),)
    )
