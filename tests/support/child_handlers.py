"""Handlers that run in processes of their own: what they do is what the chore is called."""

from __future__ import annotations

import os
import signal
import time
from datetime import timedelta

from chores import Chore, ChoreEvent, Doing, Ended, Fetched, Noted
from waiting import LONG

from leverframe import Held, LeaseLost, Permanent, Transient, TransitionNotAllowed

__all__ = ["do", "go_on", "wait_until_lost"]


class Odd(Exception):
    """Cannot be read by whom it is sent to."""

    def __init__(self, one: str, other: str) -> None:
        super().__init__(f"{one} and {other}")


def do(held: Held[Chore, Doing]) -> ChoreEvent | None:
    match held.state.name:
        case "pid":
            return Ended(str(os.getpid()))
        case "note":
            receipt = held.send(Noted("half way"))
            assert held.renew()
            return Ended(f"{held.now.error}, version {receipt.version}")
        case "by itself":
            held.send(Ended("by itself"))
        case "refused":
            return refused(held)
        case "taken away":
            return taken_away(held)
        case "fault":
            raise ZeroDivisionError("of nothing")
        case "odd":
            raise Odd("this", "that")
        case "permanent":
            raise Permanent("never")
        case "transient":
            raise Transient("busy", retry_after=timedelta(seconds=90))
        case "exit":
            os._exit(3)
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case _:
            pass
    return None


def refused(held: Held[Chore, Doing]) -> ChoreEvent:
    try:
        held.send(Fetched())
    except TransitionNotAllowed as refusal:
        return Ended(f"refused in {refusal.state}")
    raise AssertionError


def taken_away(held: Held[Chore, Doing]) -> ChoreEvent:
    try:
        held.send(Noted("too late"))
    except LeaseLost:
        return Ended("too late")
    raise AssertionError


def wait_until_lost(held: Held[Chore, Doing]) -> ChoreEvent:
    assert held.lost.wait(LONG)
    return Ended("told")


def go_on(held: Held[Chore, Doing]) -> ChoreEvent:
    while True:
        time.sleep(LONG)
