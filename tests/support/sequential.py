"""What one instance of a switch answers if calls come one after another: what a store has to look like from outside."""

from __future__ import annotations

from attrs import evolve, field, frozen
from histories import Answer, Asked, Operation

__all__ = ["ABSENT", "Register", "accepts", "answer", "step"]


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


def accepts(lit: bool, asked: Asked) -> Answer | None:
    """None if an event is accepted in this state, and the refusal, of no version yet, if it is not."""
    if asked.expect and (asked.expect == "on") != lit:
        return Answer("stale", lit=lit)
    if asked.verb == ("light" if lit else "dim"):
        return Answer("refused", lit=lit)
    return None


def _create(register: Register, asked: Asked) -> tuple[Register, Answer]:
    if register.version:
        return register, Answer("exists")
    return evolve(register, version=1, token=asked.token), Answer("created", 1, False, asked.token)


def _send(register: Register, asked: Asked) -> tuple[Register, Answer]:
    for delivery, first in register.settled if asked.delivery else ():
        if delivery == asked.delivery:
            return register, evolve(first, duplicate=True)
    refusal = accepts(register.lit, asked)
    if refusal is not None:
        after, told = register, evolve(refusal, version=register.version, token=register.token)
    else:
        after = evolve(register, version=register.version + 1, lit=not register.lit, token=asked.token)
        told = Answer("moved", after.version, after.lit, after.token)
    if asked.delivery:
        after = evolve(after, settled=after.settled | {(asked.delivery, told)})
    return after, told
