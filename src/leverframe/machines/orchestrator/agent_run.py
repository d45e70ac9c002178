"""AgentRun: one run of an agent, and what it cost.  The key is the run's id."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, TypeAlias

from attrs import Factory, field, frozen

from leverframe import Event, InvalidValue, Machine, NonEmpty, Payload, lookup, on, state
from leverframe.machines.amounts import NO_COST, ZERO, Count, check_cost, exact_sum, of_kind
from leverframe.machines.carrying import become
from leverframe.machines.execution import AgentName as AgentName
from leverframe.machines.orchestrator.task import Repository, TaskKey

# ---------------------------------------------------------------- values


class RunId(NonEmpty):
    """The name of a run."""


class ModelName(NonEmpty):
    """The language model that the agent runs on."""


class Effort(NonEmpty):
    """How hard the model is told to think."""


class OutputPath(NonEmpty):
    """The file that the run writes to."""


@frozen(kw_only=True)
class Usage:
    """What a run took.

    >>> Usage(input_tokens=Count(7), cost_usd=Decimal("0.10")) + Usage(input_tokens=Count(1), cost_usd=Decimal("0.2"))
    Usage(input_tokens=8, output_tokens=0, cache_read_tokens=0, cache_creation_tokens=0, cost_usd=Decimal('0.30'))
    """

    input_tokens: Count = field(default=ZERO, validator=of_kind(Count))
    output_tokens: Count = field(default=ZERO, validator=of_kind(Count))
    cache_read_tokens: Count = field(default=ZERO, validator=of_kind(Count))
    cache_creation_tokens: Count = field(default=ZERO, validator=of_kind(Count))
    cost_usd: Decimal = field(default=NO_COST, validator=check_cost)

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            input_tokens=Count(self.input_tokens + other.input_tokens),
            output_tokens=Count(self.output_tokens + other.output_tokens),
            cache_read_tokens=Count(self.cache_read_tokens + other.cache_read_tokens),
            cache_creation_tokens=Count(self.cache_creation_tokens + other.cache_creation_tokens),
            cost_usd=exact_sum(self.cost_usd, other.cost_usd),
        )


NO_USAGE = Usage()


# ---------------------------------------------------------------- states


def repository_of_task(run: Any) -> Repository | None:
    """The repository that the run's task is about."""
    task: TaskKey | None = run.task
    return None if task is None else task[0]


def check_repository(owner: Any, attribute: Any, value: Repository | None) -> None:
    if owner.task is not None and value != owner.task[0]:
        problem = f"be that of its task, {owner.task[0]!r}"
        raise InvalidValue(f"{type(owner).__name__}.{attribute.name}", problem, value)


@frozen(kw_only=True)
class Invocation(Payload):
    """What every run has.  `repository` is its task's; a run without a task may have one all the same."""

    agent: AgentName
    model: ModelName
    effort: Effort
    output_path: OutputPath
    task: TaskKey | None = None
    repository: Repository | None = field(
        default=Factory(repository_of_task, takes_self=True), validator=check_repository
    )
    started_at: datetime


@frozen
class Started(Invocation): ...


@frozen(kw_only=True)
class Exited(Invocation):
    exit_code: int
    finished_at: datetime
    usage: Usage


AgentRunState: TypeAlias = Started | Exited


# ---------------------------------------------------------------- events


@frozen
class Finished(Event):
    exit_code: int
    usage: Usage = NO_USAGE


AgentRunEvent: TypeAlias = Finished


# ---------------------------------------------------------------- the machine


class AgentRun(Machine[AgentRunState, AgentRunEvent]):
    """One run of an agent, and what it cost."""

    started = state(Started, initial=True)
    exited = state(Exited, final=True)

    task = lookup()
    repository = lookup()

    @on
    def finished(self, s: Started, e: Finished) -> Exited:
        return become(s, Exited, exit_code=e.exit_code, finished_at=self.now(), usage=e.usage)
