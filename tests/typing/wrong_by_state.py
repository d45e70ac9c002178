"""Generated modules used wrongly: an event that the present state does not take is an error."""

from __future__ import annotations

import job_typed
import run_typed
from pipeline_typed import send, send_to, start

from leverframe import Handle, Positive, Store
from leverframe.machines import Job, Pipeline, Run
from leverframe.machines.job import Claimed, Pending, Running, Succeeded, Watermark
from leverframe.machines.pipeline import (
    Abandon,
    Abandoned,
    Accepted,
    Active,
    Archived,
    Backlog,
    Block,
    Blocked,
    BranchName,
    Coding,
    DepsMet,
    Done,
    GatesPassed,
    GatesStarted,
    Merge,
    PipelineState,
    Qa,
    Unblock,
)
from leverframe.machines.run import Pending as PendingRun
from leverframe.machines.run import Running as RunningRun
from leverframe.machines.run import Succeeded as RunSucceeded
from leverframe.machines.run import ToolFinished, WaitingTool


def beginning() -> None:
    send(start(Backlog()), GatesStarted())  # E: a backlog has no gates yet
    start(Pending())  # E: a state of another machine
    start(Active())  # E: a superstate is no state to be in


def walking(coding: Handle[Pipeline, Coding], blocked: Handle[Pipeline, Blocked]) -> None:
    send(coding, DepsMet())  # E: they are met already
    send(coding, GatesPassed(BranchName("fix"), Positive(1)))  # E: not started
    send(coding, Unblock())  # E: it is not blocked
    send(coding, Accepted())  # E: it is not done
    send(coding, GatesStarted)  # E: a class, not an object
    send(send(coding, GatesStarted()), GatesStarted())  # E: they run already
    send(blocked, Block("again"))  # E: it is blocked
    send(blocked, Abandon())  # E: only what is active or done
    print(send(coding, GatesStarted()).state.feature_branch)  # E: Qa has none


def ended(abandoned: Handle[Pipeline, Abandoned]) -> None:
    send(abandoned, Unblock())  # E: that was the end
    send(abandoned, Abandon())  # E: that was the end


def not_known(handle: Handle[Pipeline, PipelineState], active: Handle[Pipeline, Active]) -> None:
    send(handle, DepsMet())  # E: in which state is it?
    send(handle, Block("waits"))  # E: it may be done
    send(active, DepsMet())  # E: it may be beyond
    send(active, Accepted())  # E: nothing active is done


def of_several(either: Handle[Pipeline, Coding | Qa], archived: Handle[Pipeline, Archived]) -> None:
    send(either, GatesStarted())  # E: it may be in Qa
    send(archived, Unblock())  # E: it may be another reason
    wrong: Handle[Pipeline, Merge] = send(either, Block("waits"))  # E: that leads to Blocked
    print(wrong)


def other_machines(job: Handle[Job, Running], pending: Handle[Job, Pending]) -> None:
    send(job, DepsMet())  # E: a handle of another machine
    job_typed.send(job, Claimed())  # E: it is claimed
    job_typed.send(pending, Succeeded(Watermark(1)))  # E: nobody has begun
    job_typed.send(pending, DepsMet())  # E: an event of another machine


def runs(run: Handle[Run, RunningRun], waiting: Handle[Run, WaitingTool], pending: Handle[Run, PendingRun]) -> None:
    run_typed.send(run, ToolFinished())  # E: it waits for none
    run_typed.send(waiting, RunSucceeded())  # E: the tool first
    run_typed.send(pending, RunSucceeded())  # E: nobody has it


def stored(store: Store) -> None:
    send_to(store, "story-7", GatesStarted(), expect=Backlog)  # E: a backlog has no gates yet
    send_to(store, "story-7", Block("waits"), expect=Done)  # E: done is not active
    send_to(store, "story-7", DepsMet(), expect=Active)  # E: it may be beyond
    send_to(store, "story-7", DepsMet())  # E: in which state?
    send_to(store, "story-7", Unblock(), expect=Archived)  # E: it may be another reason
    send_to(store, "story-7", DepsMet(), expect=Backlog, becuase="typo")  # E: no such option
    receipt = send_to(store, "story-7", DepsMet(), expect=Backlog)
    print(receipt.state.feature_branch)  # E: neither has one
