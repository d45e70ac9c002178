"""Everything that tests/proof proves, at random, for as long as you like.

    uv run python -m benchmarks.soak --minutes 60 [--seed 1] [--url postgresql://...]

Rounds follow one another: four processes that use a store and are killed, and whose histories are checked; power cuts;
writes that fail.  The last two are for SQLite only.  The status is 1 if any promise was broken, and then the seed of
that round is printed: with `--seed` the choices are made again, while what processes do to each other is never twice
the same.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Callable
from itertools import count
from pathlib import Path

from attrs import define, field

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from evidence import check_sound, collect, find_anomalies, find_unexplained
from herding import Plan, run_herd
from power_cut import look_after_cut, record
from write_errors import CALLS, FAULTS, strike_everywhere

from leverframe.errors import LeverframeError

CALLS_OF_A_WORKER = 3_000
WORKERS = 4
KILLS = 6
CALLS_RECORDED = 100
CUTS = 150
CHECKPOINT_PAGES = (1, 5, 20, 1000)

TALLIED = ("operations", "kills", "power cuts", "failed writes", "violations")


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
        evidence = collect(place, plan.folder)
        tally.add("operations", evidence.calls)
        tally.add("kills", KILLS)
        for told in find_anomalies(evidence):
            tally.violation(seed, told)
        for key in find_unexplained(evidence):
            tally.violation(seed, f"{key}: no order of the calls explains what they were answered")
        check_sound(place, evidence)


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


def round_of(seed: int, url: str | None) -> Round:
    """The same for the same seed; power cuts and failed writes happen to SQLite's files only."""
    if url is not None and not url.startswith("sqlite:"):
        return use_and_kill
    return ROUNDS[seed % len(ROUNDS)]


# ---------------------------------------------------------------- the command


def soak(minutes: float, seed: int, url: str | None) -> Tally:
    """Begin no more rounds after so many minutes."""
    tally = Tally()
    deadline = time.monotonic() + minutes * 60
    for number in count(seed):
        try:
            round_of(number, url)(number, url, tally)
        except (AssertionError, LeverframeError) as broken:
            tally.violation(number, repr(broken))
        if time.monotonic() > deadline:
            break
    return tally


def main() -> int:
    parser = ArgumentParser(description="all proofs, at random, for as long as you like")
    parser.add_argument("--minutes", type=float, default=1.0, help="how long: 1 by default")
    parser.add_argument("--seed", type=int, default=None, help="of the first round; the next ones count on from it")
    parser.add_argument("--url", help="an empty store for the processes; without it SQLite files are made")
    asked = parser.parse_args()
    seed = random.SystemRandom().randrange(1_000_000_000) if asked.seed is None else asked.seed
    print(f"seed {seed}", flush=True)
    tally = soak(asked.minutes, seed, asked.url)
    tally.show()
    print(f"again: python -m benchmarks.soak --minutes {asked.minutes:g} --seed {seed}")
    return 1 if tally.numbers["violations"] else 0


if __name__ == "__main__":
    sys.exit(main())
