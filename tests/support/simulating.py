"""The simulations that tests run: which machines, and how one run of each is planned."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from attrs import evolve
from harbour import Cargo
from harbouring import QUAYS, Harbour
from leased_errands import Errand
from vigils import Vigil

from leverframe.errors import Key
from leverframe.machines.job import Job
from leverframe.machines.orchestrator.agent_job import AgentJob, Queued
from leverframe.machines.orchestrator.agent_run import AgentName
from leverframe.machines.orchestrator.task import task_key
from leverframe.machines.run import Run as AgentRun
from leverframe.testing.chance import Chance
from leverframe.testing.running import Plan, Run, run
from leverframe.testing.simulation import lease_of
from leverframe.testing.world import Behaviour

__all__ = ["PLANS", "plan", "play"]

DAY = timedelta(days=1) // timedelta(microseconds=1)


def plan(machine: Any, seed: int) -> Plan:
    """One run: of 3 workers and 5 instances, in 200 steps."""

    def create(chance: Chance) -> Any:
        return chance.some(machine.initial())

    lease = lease_of(machine)
    return Plan(lease=lease, seed=seed, workers=3, instances=5, steps=200, within=DAY, create=create)


def plan_harbour(seed: int) -> Plan:
    harbour = Harbour()
    releasing: dict[str, Behaviour] = {"release": harbour.release}
    bringing: dict[str, dict[str, Behaviour]] = {
        f"mates-{quay}": {"bring": partial(harbour.bring, quay)} for quay in QUAYS
    }
    beside = {**bringing, "pilot-1": releasing, "pilot-2": releasing}
    own = plan(Cargo, seed)
    return evolve(own, workers=4, instances=8, create=harbour.create, beside=beside, checks=[harbour.check])


def plan_jobs(seed: int) -> Plan:
    def key(number: int) -> Key:
        return ("index", f"job-{number}")

    return evolve(plan(Job, seed), key=key, at_most=2)


def plan_agent_jobs(seed: int) -> Plan:
    """Jobs about few tasks, of two repositories, two at a time."""

    def create(chance: Chance) -> Queued:
        task = task_key(chance.choice(("shop", "inn")), f"S-{chance.randint(1, 2)}")
        return Queued(agent=AgentName("builder"), text="build it", task=task)

    return evolve(plan(AgentJob, seed), workers=4, instances=8, create=create, at_most=2)


PLANS: dict[str, Callable[[int], Plan]] = {
    "run": lambda seed: plan(AgentRun, seed),
    "job": plan_jobs,
    "agent job": plan_agent_jobs,
    "errand": lambda seed: plan(Errand, seed),
    "vigil": lambda seed: plan(Vigil, seed),
    "harbour": plan_harbour,
}


def play(name: str, seed: int) -> Run:
    """The run of this seed."""
    planned = PLANS[name](seed)
    return run(planned, planned.schedule())
