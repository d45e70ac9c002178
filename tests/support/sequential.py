"""What one instance of a switch answers if calls come one after another: what a store has to look like from outside."""

from __future__ import annotations

from attrs import evolve, field, frozen
from histories import Answer, Asked, Operation

__all__ = ["ABSENT", "Register", "answer", "step"]


@frozen
class Register:
    """One instance: absent at version 0; `settled` is how each delivery id was answered."""

    version: int = 0
    lit: bool = False
    token: str = ""
    settled: frozenset[tuple[str, Answer]] = field(factory=frozenset[tuple[str, Answer]])


ABSENT = Register()


def step(register: Register, operation: Operation) -> Register | None:
    """The register behind the operation; None if it could not have been answered as it was."""
    after, told = answer(register, operation.asked)
    return after if operation.answer is None or operation.answer == told else None


def answer(register: Register, asked: Asked) -> tuple[Register, Answer]:
    """What the call leaves behind, and what it is told."""
    if asked.verb == "create":
        return _create(register, asked)
    if register.version == 0:
        return register, Answer("absent")
    if asked.verb == "get":
        return register, Answer("read", register.version, register.lit, register.token)
    return _send(register, asked)


def _create(register: Register, asked: Asked) -> tuple[Register, Answer]:
    if register.version:
        return register, Answer("exists")
    return evolve(register, version=1, token=asked.token), Answer("created", 1, False, asked.token)


def _send(register: Register, asked: Asked) -> tuple[Register, Answer]:
    for delivery, first in register.settled if asked.delivery else ():
        if delivery == asked.delivery:
            return register, evolve(first, duplicate=True)
    after, told = _decide(register, asked)
    if asked.delivery:
        after = evolve(after, settled=after.settled | {(asked.delivery, told)})
    return after, told


def _decide(register: Register, asked: Asked) -> tuple[Register, Answer]:
    if asked.expect and (asked.expect == "on") != register.lit:
        return register, Answer("stale", register.version, register.lit, register.token)
    if asked.verb == ("light" if register.lit else "dim"):
        return register, Answer("refused", register.version, register.lit, register.token)
    after = evolve(register, version=register.version + 1, lit=not register.lit, token=asked.token)
    return after, Answer("moved", after.version, after.lit, after.token)
