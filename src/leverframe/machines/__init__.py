"""The shipped machines, one system a module.

>>> from leverframe.machines import Execution, Pipeline
>>> Pipeline.initial().__name__, Execution.initial().__name__
('Backlog', 'Idle')
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from leverframe.machines.execution import Execution
    from leverframe.machines.job import Job
    from leverframe.machines.orchestrator import AgentJob, AgentRun, Delivery, RepoGate, Task, TrackerCard
    from leverframe.machines.pipeline import Pipeline
    from leverframe.machines.run import Run
    from leverframe.machines.worker import Worker

__all__ = [
    "AgentJob",
    "AgentRun",
    "Delivery",
    "Execution",
    "Job",
    "Pipeline",
    "RepoGate",
    "Run",
    "Task",
    "TrackerCard",
    "Worker",
]

# Late: a machine takes some milliseconds to make, and a program uses one or two of them.
_MODULES = {
    "AgentJob": "orchestrator.agent_job",
    "AgentRun": "orchestrator.agent_run",
    "Delivery": "orchestrator.deliveries",
    "Execution": "execution",
    "Job": "job",
    "Pipeline": "pipeline",
    "RepoGate": "orchestrator.repository_gate",
    "Run": "run",
    "Task": "orchestrator.task",
    "TrackerCard": "orchestrator.tracker_card",
    "Worker": "worker",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
