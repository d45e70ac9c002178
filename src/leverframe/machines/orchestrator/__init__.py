"""Stories through agents, one repository at a time: several machines that live in one store.

    task.py               a story, from analysis to deployment
    agent_job.py          a piece of work for an agent, queued, with two budgets of retries
    agent_run.py          one run of an agent, and what it cost
    repository_gate.py    whether a repository may start new tasks
    tracker_card.py       a message about a task in somebody's tracker

Each module has the states and events of its machine.

>>> from leverframe.machines.orchestrator import AgentJob, AgentRun, RepoGate, Task, TrackerCard
>>> [machine.initial().__name__ for machine in (AgentJob, AgentRun, RepoGate, Task, TrackerCard)]
['Queued', 'Started', 'Open', 'Created', 'Open']
"""

from leverframe.machines.orchestrator.agent_job import AgentJob
from leverframe.machines.orchestrator.agent_run import AgentRun
from leverframe.machines.orchestrator.repository_gate import RepoGate
from leverframe.machines.orchestrator.task import Task
from leverframe.machines.orchestrator.tracker_card import TrackerCard

__all__ = ["AgentJob", "AgentRun", "RepoGate", "Task", "TrackerCard"]
