"""Everything that tests/proof proves, at random, for as long as you like.

    uv run python -m benchmarks.soak --minutes 60 [--seed 1] [--url postgresql://... | --url own]

Rounds follow one another: four processes that use a store and are killed, and whose histories are checked; power cuts;
writes that fail.  The last two are for SQLite only.  With `--url own` a PostgreSQL server is started for the processes,
and every other round it crashes under them; a server that you name never does.

The status is 1 if any promise was broken, and then the seed of that round is printed: with `--seed` the choices are
made again, while what processes do to each other is never twice the same.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path

from attrs import define, field

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from evidence import check_settled, check_sound, collect, find_anomalies, find_unexplained
from herding import Plan, run_herd, run_herd_through_crashes
from postgres_server import OwnServer, own_server
from power_cut import look_after_cut, record
from write_errors import CALLS, FAULTS, strike_everywhere

from leverframe.errors import LeverframeError

CALLS_OF_A_WORKER = 3_000
WORKERS = 4
KILLS = 6
CALLS_BETWEEN_CRASHES = 150
CRASHES = 5
CALLS_RECORDED = 100
CUTS = 150
CHECKPOINT_PAGES = (1, 5, 20, 1000)

OWN = "own"

TALLIED = ("operations", "kills", "crashes", "power cuts", "failed writes", "violations")


@define
class Tally:
    """What was done so far."""

    numbers: Counter[str] = field(factory=Counter[str])

    def add(self, what: str, number: int = 1) -> None:
        self.numbers[what] += number

    def violation(self, seed: int, told: str) -> None:
        self.add("violations")
        print(f"VIOLATION, seed {seed}: {told}", flush=True)

    def show(self) -> None:
        for what in TALLIED:
            print(f"{what:<14}{self.numbers[what]:>14,}")


# ---------------------------------------------------------------- rounds


def use_and_kill(seed: int, url: str | None, tally: Tally) -> None:
    """Processes use one store, some are killed, and what the others saw has to have an order."""
    with tempfile.TemporaryDirectory() as folder:
        place = url or f"sqlite:///{folder}/store.db?durability={random.Random(seed).choice(['normal', 'full'])}"
        plan = Plan(place, Path(folder), seed, CALLS_OF_A_WORKER, WORKERS, KILLS, prefix=f"{time.time_ns():x}-")
        run_herd(plan)
        tally.add("kills", KILLS)
        look_at_what_is_left(plan, tally)


def use_and_crash(server: OwnServer, seed: int, url: str | None, tally: Tally) -> None:
    """Processes use one store, their server crashes under them, and they go on with it."""
    with tempfile.TemporaryDirectory() as folder:
        place = server.fresh_url("&durability=full")
        plan = Plan(place, Path(folder), seed, CALLS_BETWEEN_CRASHES, WORKERS, crashes=CRASHES, delivered=0.9)
        run_herd_through_crashes(plan, server)
        tally.add("crashes", CRASHES)
        look_at_what_is_left(plan, tally)


def look_at_what_is_left(plan: Plan, tally: Tally) -> None:
    evidence = collect(plan.url, plan.folder)
    tally.add("operations", evidence.calls)
    for told in find_anomalies(evidence):
        tally.violation(plan.seed, told)
    for key in find_unexplained(evidence):
        tally.violation(plan.seed, f"{key}: no order of the calls explains what they were answered")
    check_settled(plan.url, evidence)
    check_sound(plan.url, evidence)


def cut_power(seed: int, url: str | None, tally: Tally) -> None:
    """A store writes, and the power fails at many moments behind the one at which it was first open."""
    chance = random.Random(seed)
    recording = record(seed, CALLS_RECORDED, pragmas=[f"wal_autocheckpoint = {chance.choice(CHECKPOINT_PAGES)}"])
    tally.add("operations", len(recording.calls))
    for _ in range(CUTS):
        cut = chance.randrange(recording.calls[0].ended, len(recording.steps) + 1)
        outcome = look_after_cut(recording, cut, chance)
        tally.add("power cuts")
        if outcome.kind != "kept":
            tally.violation(seed, f"cut behind step {cut}: {outcome}")


def fail_writes(seed: int, url: str | None, tally: Tally) -> None:
    """Each write and flush of some call fails once."""
    chance = random.Random(seed)
    call, fault = chance.choice(list(CALLS)), chance.choice(list(FAULTS))
    pragmas = [f"wal_autocheckpoint = {chance.choice(CHECKPOINT_PAGES)}"]
    tally.add("failed writes", strike_everywhere(CALLS[call], FAULTS[fault], pragmas=pragmas))


Round = Callable[[int, "str | None", Tally], None]


ROUNDS: list[Round] = [use_and_kill, cut_power, fail_writes, cut_power, fail_writes]


def rounds_on(url: str | None) -> list[Round]:
    """Power cuts and failed writes happen to SQLite's files only."""
    return ROUNDS if url is None or url.startswith("sqlite:") else [use_and_kill]


@contextmanager
def place_of_rounds(url: str | None) -> Generator[tuple[str | None, list[Round]]]:
    """Which store is used, and what happens to it: in which round is said by the seed alone."""
    if url != OWN:
        yield url, rounds_on(url)
        return
    with own_server(hurried=False) as server:
        yield server.fresh_url(), [use_and_kill, partial(use_and_crash, server)]


# ---------------------------------------------------------------- the command


def soak(minutes: float, seed: int, url: str | None, rounds: list[Round]) -> Tally:
    """Begin no more rounds after so many minutes."""
    tally = Tally()
    deadline = time.monotonic() + minutes * 60
    for number in count(seed):
        try:
            rounds[number % len(rounds)](number, url, tally)
        except (AssertionError, LeverframeError) as broken:
            tally.violation(number, repr(broken))
        if time.monotonic() > deadline:
            break
    return tally


def main() -> int:
    parser = ArgumentParser(description="all proofs, at random, for as long as you like")
    parser.add_argument("--minutes", type=float, default=1.0, help="how long: 1 by default")
    parser.add_argument("--seed", type=int, default=None, help="of the first round; the next ones count on from it")
    parser.add_argument("--url", help="an empty store for the processes, or own; without it SQLite files are made")
    asked = parser.parse_args()
    seed = random.SystemRandom().randrange(1_000_000_000) if asked.seed is None else asked.seed
    print(f"seed {seed}", flush=True)
    with place_of_rounds(asked.url) as (url, rounds):
        tally = soak(asked.minutes, seed, url, rounds)
    tally.show()
    print(f"again: python -m benchmarks.soak --minutes {asked.minutes:g} --seed {seed}")
    return 1 if tally.numbers["violations"] else 0


if __name__ == "__main__":
    sys.exit(main())
