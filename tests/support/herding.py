"""Processes that all use one store at once, write down what they are answered, and are killed in the middle of it.

Or their server crashes, again and again, and they go on with the store that they have open.

The keys are few at any time, so that the processes get in each other's way, and others every moment, so that each key
has a history from its creation on that is short enough to be searched.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import count, takewhile
from pathlib import Path

from attrs import evolve, frozen
from faulty_stores import open_as
from histories import SUFFIX, Answer, Asked, History, Verb, Verdict
from postgres_server import OwnServer
from switches import Dim, Flip, Light, Off, On, Switch, Token
from waiting import until

from leverframe import AlreadyExists, Conflict, NotFound, Payload, Store
from leverframe.errors import StaleState, StoreError, StoreUnreachable

__all__ = ["Plan", "run_herd", "run_herd_through_crashes", "send"]

KEYS_AT_ONCE = 4
KEYS_CHANGE_AFTER = 250_000_000
DELIVERIES = 40

READS = 0.4
CREATIONS = 0.04
EXPECTING = 0.3

# Most are killed at their work, some while they open the store.
AT_WORK = 0.8
LONGEST_WAIT = 0.03

FAILED = 1

# What a line of a history has in it if the call was answered, and what tells the workers to stop.
ANSWERED = b'"verdict"'
ENOUGH = "enough"

EVENTS: dict[Verb, Callable[[Token], Light | Dim | Flip]] = {"light": Light, "dim": Dim, "flip": Flip}
EXPECTED: dict[str, type[Payload] | None] = {"": None, "off": Off, "on": On}


@frozen
class Plan:
    """Who does how much to which store; each worker makes so many calls, and so many workers are killed on the way.

    With `crashes` of the server each worker gets so many answers before each of them and behind the last one.  Of the
    events the share `delivered` has a delivery id.

    `folder` is where the histories go.  `fault` names a faulty store, and is empty for the real one.  Plans may follow
    one another on one store if each has another `prefix` for its keys.
    """

    url: str
    folder: Path
    seed: int
    calls: int
    workers: int = 4
    kills: int = 0
    crashes: int = 0
    fault: str = ""
    prefix: str = ""
    delivered: float = 0.3


def run_herd(plan: Plan) -> None:
    """Carry the plan out.  Raises AssertionError if a worker failed."""
    # A fresh process forks the workers: this one may have threads.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        pool.submit(_herd, plan).result()


def run_herd_through_crashes(plan: Plan, server: OwnServer) -> None:
    """Carry the plan out while the server crashes.  Raises AssertionError if a worker failed, or did not go on."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        herd = pool.submit(_herd, plan)
        try:
            _await_answers(plan)
            for _ in range(plan.crashes):
                server.crash()
                server.start()
                _await_answers(plan)
        finally:
            (plan.folder / ENOUGH).touch()
        herd.result()


def _await_answers(plan: Plan) -> None:
    """Return once each worker was answered as many calls as are planned, from now on."""
    files = [plan.folder / f"{_name(number)}{SUFFIX}" for number in range(plan.workers)]
    for file, length in [(file, _length(file)) for file in files]:
        for answers in range(1, plan.calls + 1):
            until(partial(_has_answers, file, length, answers))


def _length(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _has_answers(file: Path, behind: int, number: int) -> bool:
    return file.exists() and file.read_bytes().count(ANSWERED, behind) >= number


# ---------------------------------------------------------------- the herd


def _herd(plan: Plan) -> None:
    # Opened once before, so that what is forked has loaded all that it needs.
    open_as(plan.fault, plan.url).close()
    chance = random.Random(plan.seed)
    began = time.monotonic_ns()
    alive = {number: _fork(plan, number, began) for number in range(plan.workers)}
    for number in range(plan.workers, plan.workers + plan.kills):
        victim = chance.choice(sorted(alive))
        if chance.random() < AT_WORK:
            until((plan.folder / f"{_name(victim)}{SUFFIX}").exists)
        time.sleep(LONGEST_WAIT * chance.random())
        os.kill(alive[victim], signal.SIGKILL)
        _bury(alive.pop(victim))
        alive[number] = _fork(plan, number, began)
    for child in alive.values():
        _bury(child)


def _name(number: int) -> str:
    return f"worker-{number:04}"


def _fork(plan: Plan, number: int, began: int) -> int:
    child = os.fork()
    if child == 0:
        try:
            _work(plan, _name(number), began)
        except BaseException:
            traceback.print_exc()
            os._exit(FAILED)
        os._exit(0)
    return child


def _bury(child: int) -> None:
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) in (0, -signal.SIGKILL), "a worker failed; what it raised is printed above"


# ---------------------------------------------------------------- one worker


def _work(plan: Plan, name: str, began: int) -> None:
    chance = random.Random(f"{plan.seed} {name}")
    history = History(plan.folder, name)
    with open_as(plan.fault, plan.url) as store:
        for number in _numbers(plan):
            moment = (time.monotonic_ns() - began) // KEYS_CHANGE_AFTER
            key = f"{plan.prefix}{moment:05}-{chance.randrange(KEYS_AT_ONCE)}"
            asked = _choose(chance, key, f"{plan.prefix}{name}-{number}", plan.delivered)
            if not _call(store, asked, history):
                assert plan.crashes, "the store cannot be reached, and nobody has crashed its server"
                _call_again(store, asked, history)


def _numbers(plan: Plan) -> Iterator[int]:
    """One for each call."""
    enough = plan.folder / ENOUGH
    return takewhile(lambda _: not enough.exists(), count()) if plan.crashes else iter(range(plan.calls))


def _choose(chance: random.Random, key: str, token: str, delivered: float) -> Asked:
    kind = chance.random()
    if kind < READS:
        return Asked("get", key, token)
    if kind < READS + CREATIONS:
        return Asked("create", key, token)
    verb = chance.choice(list(EVENTS))
    expect = chance.choice(["off", "on"]) if chance.random() < EXPECTING else ""
    delivery = f"{chance.randrange(DELIVERIES)}" if chance.random() < delivered else ""
    return Asked(verb, key, token, expect, delivery)


def _call(store: Store, asked: Asked, history: History) -> bool:
    """Whether the store could be reached."""
    history.begin(asked)
    try:
        answer = _ask(store, asked)
    except Conflict:
        history.end(None)
    except StoreError as error:
        reached = not isinstance(error, StoreUnreachable)
        if getattr(error, "may_have_happened", False):
            history.lose()
        elif reached:
            raise
        else:
            history.end(None)
        return reached
    else:
        history.end(answer)
    return True


def _call_again(store: Store, asked: Asked, history: History) -> None:
    """Until the store can be reached.  The delivery id stays; the token tells which of the calls has happened."""
    tokens = (f"{asked.token}-again-{number}" for number in count(1))
    until(lambda: _call(store, evolve(asked, token=next(tokens)), history))


def _ask(store: Store, asked: Asked) -> Answer:
    try:
        if asked.verb == "create":
            return _described("created", 1, store.create(Switch, asked.key, Off(Token(asked.token))).state)
        if asked.verb == "get":
            stored = store.get(Switch, asked.key)
            return _described("read", stored.version, stored.state)
        return send(store, asked)
    except AlreadyExists:
        return Answer("exists")
    except NotFound:
        return Answer("absent")


def send(store: Store, asked: Asked) -> Answer:
    """Send the event.  Raises `NotFound`, and what the store raises."""
    event = EVENTS[asked.verb](Token(asked.token))
    delivery, expect = asked.delivery or None, EXPECTED[asked.expect]
    receipt = store.send(Switch, asked.key, event, expect=expect, delivery_id=delivery, on_refused="return")
    refused: Verdict = "stale" if isinstance(receipt.error, StaleState) else "refused"
    return _described("moved" if receipt.moved else refused, receipt.version, receipt.state, receipt.duplicate)


def _described(verdict: Verdict, version: int, state: Off | On, duplicate: bool = False) -> Answer:
    return Answer(verdict, version, isinstance(state, On), str(state.token), duplicate)
