"""Handles that are used wrongly."""

from __future__ import annotations

from attrs import frozen

from leverframe import Event, Handle, Positive, decide, in_state
from leverframe.machines import Execution, Pipeline
from leverframe.machines.execution import AgentName, Heartbeat, Idle, SpawnRequested
from leverframe.machines.pipeline import (
    Abandon,
    Abandoned,
    Active,
    Archived,
    Backlog,
    Block,
    Blocked,
    BranchName,
    Coding,
    DepsMet,
    Done,
    GatesFailed,
    GatesPassed,
    GatesStarted,
    GitSha,
    MergeSucceeded,
    PipelineState,
    Qa,
    QaSkipped,
    Supersede,
    Unblock,
)

H = Handle[Pipeline, PipelineState]


@frozen
class ForeignEvent(Event): ...


def starting() -> None:
    Pipeline.start(Idle())  # E: not a state of this machine
    Pipeline.start(Backlog)  # E: a class, not an object
    Pipeline.start()  # E: in which state?
    Pipeline.start(Backlog(), 12)  # E: a number is no time
    Pipeline.native(Idle())  # E: not a state of this machine
    print(Execution.start(Idle()).state.agent)  # E: Idle has none


def sending(h: H) -> None:
    h.send(ForeignEvent())  # E: not an event of this machine
    h.send(Heartbeat())  # E: an event of another one
    h.send("gates_started")  # E: text
    h.send(GatesStarted)  # E: a class, not an object
    h.send(GatesFailed())  # E: missing field
    h.send(GatesPassed("feat", Positive(2)))  # E: a string is no BranchName
    h.send(Supersede(BranchName("x")))  # E: a BranchName is no StoryId
    h.send(QaSkipped(BranchName("x"), 0))  # E: an integer is no Positive
    h.send(QaSkipped(BranchName("x"), Positive(0)))  # E: a literal zero
    h.send(DepsMet(), "now")  # E: text is no time
    h.send(Unblock())  # R: which state it is in is known when it runs
    print(h.send(DepsMet()).state.reason)  # E: not known to be blocked


def asking(h: H) -> None:
    h.can(ForeignEvent())  # E: not an event of this machine
    h.can(Heartbeat)  # E: a class of another one
    h.as_("Coding")  # E: text
    h.as_(ForeignEvent)  # E: an event
    h.as_(Idle)  # R: a state of another machine is found out when it runs
    print(h.as_(Coding).state.reason)  # E: Coding has none
    if in_state(h, Blocked):
        print(h.state.by)  # E: that is Superseded's


def firing(h: H) -> None:
    c = h.as_(Coding)
    c.fire(Pipeline.merge_succeeded, MergeSucceeded(GitSha("abc1234")))  # E: does not start from Coding
    c.fire(Pipeline.gates_started, Block("x"))  # E: another event
    c.fire("gates_started", GatesStarted())  # E: text
    c.fire(GatesStarted())  # E: which move?
    h.fire(Pipeline.gates_started, GatesStarted())  # E: not narrowed
    h.as_(Done).fire(Pipeline.block, Block("x"))  # E: Done is not Active
    h.as_(Active).fire(Pipeline.gates_started, GatesStarted())  # E: only Coding
    h.as_(Archived).fire(Pipeline.unblock, Unblock())  # E: only Blocked
    h.as_(Abandoned).fire(Pipeline.unblock, Unblock())  # E: only Blocked
    print(h.as_(Active).fire(Pipeline.abandon, Abandon()).state.reason)  # E: Abandoned has none
    print(c.fire(Pipeline.gates_started, GatesStarted()).fire(Pipeline.deps_met, DepsMet()))  # E: Qa has no such move


def variance(h: H, active: Handle[Pipeline, Active]) -> None:
    q: Handle[Pipeline, Qa] = h  # E: not narrowed
    a: Handle[Pipeline, Coding] = active  # E: Active may be another leaf
    other: Handle[Execution, Idle] = h  # E: another machine
    print(q, a, other)


def changing(h: H) -> None:
    h.state = Qa()  # E: a handle does not change
    h.messages = ()  # E: nor do its messages
    h.next()  # E: no such method
    decide(Pipeline, Backlog(), DepsMet(), None).state = Qa()  # E: a decision does not change


def deciding() -> None:
    decide(Pipeline, Backlog(), Heartbeat(), None)  # E: an event of another machine
    decide(Pipeline, Idle(), DepsMet(), None)  # E: a state of another machine
    decide(Pipeline, Backlog(), DepsMet())  # E: the time is said, if only as None
    decide(Pipeline(Backlog()), Backlog(), DepsMet(), None)  # E: the class, not an instance
    print(decide(Pipeline, Backlog(), DepsMet(), None).state.reason)  # E: not known to be blocked
    SpawnRequested(AgentName("x"), 1)  # E: no such field
