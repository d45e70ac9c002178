"""Claims used wrongly."""

from __future__ import annotations

from leverframe import Limit, Store
from leverframe.coordination.held import Held
from leverframe.machines import Job, Run
from leverframe.machines.job import Claimed, Pending, Running, Succeeded, Watermark
from leverframe.machines.orchestrator import Task
from leverframe.machines.run import LeaseAcquired, ToolRequested
from leverframe.machines.run import Running as RunningRun


def claims(store: Store) -> None:
    store.claim(Job, worker="w")  # E: a machine where its lease belongs
    store.claim(Job.claimed, worker="w")  # E: a move where the lease belongs
    store.claim(Job.lease)  # E: nobody asks
    store.claim(Job.lease, worker="w", create=Pending())  # E: what is made has to be named
    store.claim(Job.lease, worker="w", key=7)  # E: a key is a string
    store.claim(Job.lease, worker="w", at_most="3")  # E: a limit is a number
    store.claim_or_reason(Job.lease, worker="w", create=Pending())  # E: with a reason it has to be named too
    store.claim_or_reason(Job.lease, worker="w", key="k", create=Pending)  # E: a class is no state
    store.claim_or_reason(Job.lease, worker="w", key="k", create=ToolRequested())  # E: an event is no state
    store.claim_or_reason(Job.lease, worker="w", key="k", create=Claimed())  # E: nor is one of its own
    store.claim_many(Job.lease, worker="w")  # E: how many
    store.claim(Job.lease, worker="w", event=ToolRequested())  # E: an event of another machine
    store.claim(Job.lease, worker="w", event=Claimed)  # E: a class is no event
    store.claim(Job.lease, worker="w", key="k", event=LeaseAcquired())  # E: by a key too
    store.claim_or_reason(Job.lease, worker="w", key="k", event=LeaseAcquired())  # E: or with a reason
    store.claim_many(Job.lease, worker="w", limit=3, event="claimed")  # E: a string is no event
    store.claim(Job.lease, worker="w", event=Succeeded(Watermark(1)))  # R: nobody gets it by that
    store.requeue(Job.lease, "k", ToolRequested())  # E: an event of another machine
    store.add_dependency(Task, "b", "a")  # E: what it waits for has a name
    store.add_dependency("Task", "b", on="a")  # E: a string is no machine


def uses(store: Store) -> None:
    store.claim(Job.lease, worker="w").send(Succeeded(Watermark(1)))  # E: there may be none
    store.claim_or_reason(Job.lease, worker="w", key="k").send(Succeeded(Watermark(1)))  # E: it may be refused
    run: Held[Run, RunningRun] | None = store.claim(Job.lease, worker="w")  # E: of another machine
    job = store.claim(Job.lease, worker="w")
    if job is not None:
        job.send_and_claim(ToolRequested())  # E: an event of another machine
        job.send_and_claim(Succeeded)  # E: a class is no event
        job.next.send(Succeeded(Watermark(1)))  # E: there may be none
        print(job.state.finished)  # E: no such field
        job.next = None  # E: what was claimed does not change
    pending: Held[Job, Pending] | None = store.claim(Job.lease, worker="w")  # E: a claim leads to Running
    print(run, pending, Running)


Limit(per="kind")  # E: a function says what the limit is for
Limit(at_most=3)  # E: for what
Limit(per=lambda job, key: "all", at_most="3")  # E: a number
