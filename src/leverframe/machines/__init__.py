"""The shipped machines, one system a module.

>>> from leverframe.machines import Execution, Pipeline
>>> Pipeline.initial().__name__, Execution.initial().__name__
('Backlog', 'Idle')
"""

from leverframe.machines.execution import Execution
from leverframe.machines.job import Job
from leverframe.machines.orchestrator import AgentJob, AgentRun, RepoGate, Task, TrackerCard
from leverframe.machines.pipeline import Pipeline
from leverframe.machines.run import Run
from leverframe.machines.worker import Worker

__all__ = [
    "AgentJob",
    "AgentRun",
    "Execution",
    "Job",
    "Pipeline",
    "RepoGate",
    "Run",
    "Task",
    "TrackerCard",
    "Worker",
]
