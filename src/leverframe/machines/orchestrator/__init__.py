"""Stories through agents, one repository at a time: several machines that live in one store.

    task.py               a story, from analysis to deployment
    agent_job.py          a piece of work for an agent, queued, with two budgets of retries
    agent_run.py          one run of an agent, and what it cost
    repository_gate.py    whether a repository may start new tasks
    tracker_card.py       a message about a task in somebody's tracker
    deliveries.py         an event that came from outside, and what became of it

Each module has the states and events of its machine.  What one does with them on a store:

    opening.py            an external issue becomes a task, once
    tasks.py              which task is that, and how far is it
    queueing.py           jobs get to agents, and what goes on with them
    reaping.py            jobs that were left alone
    totals.py             what runs have taken
    cards.py              which messages are there
    freezing.py           who keeps a repository from starting tasks, and why

>>> from leverframe.machines.orchestrator import AgentJob, AgentRun, Delivery, RepoGate, Task, TrackerCard
>>> [machine.initial().__name__ for machine in (AgentJob, AgentRun, Delivery, RepoGate, Task, TrackerCard)]
['Queued', 'Started', 'Received', 'Open', 'Created', 'Open']
"""

from leverframe.machines.orchestrator.agent_job import AgentJob
from leverframe.machines.orchestrator.agent_run import AgentRun
from leverframe.machines.orchestrator.deliveries import Delivery
from leverframe.machines.orchestrator.repository_gate import RepoGate
from leverframe.machines.orchestrator.task import Task
from leverframe.machines.orchestrator.tracker_card import TrackerCard

__all__ = ["AgentJob", "AgentRun", "Delivery", "RepoGate", "Task", "TrackerCard"]
