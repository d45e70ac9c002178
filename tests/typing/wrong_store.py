"""A store used wrongly."""

from __future__ import annotations

from leverframe import Receipt, Send, Store, Stored, open_store
from leverframe.machines import Execution, Pipeline
from leverframe.machines.execution import Heartbeat, Idle, Running
from leverframe.machines.pipeline import (
    Active,
    Backlog,
    Block,
    BranchName,
    Coding,
    DepsMet,
    Merge,
    PipelineState,
    Superseded,
)


def writes(store: Store) -> None:
    store.create(Pipeline, "story-7", Idle())  # E: a state of another machine
    store.create(Pipeline, "story-7", Backlog)  # E: a class is no state
    store.create(Pipeline, "story-7")  # E: no state
    store.create(Pipeline, 7, Backlog())  # E: a key is a string
    store.create(Pipeline, ["story-7"], Backlog())  # E: or a tuple of strings
    store.create(Pipeline, ("story-7", 1), Backlog())  # E: of strings only
    store.create(int, "story-7", Backlog())  # E: no machine
    store.send(Pipeline, "story-7", Heartbeat())  # E: an event of another machine
    store.send(Pipeline, "story-7", "DepsMet")  # E: a string is no event
    store.send(Pipeline, "story-7", DepsMet)  # E: a class is no event
    store.send(Pipeline, "story-7", Backlog())  # E: a state is no event
    store.send(Pipeline, "story-7", Block())  # E: a field is missing
    store.send(Pipeline, "story-7", DepsMet(), "yesterday")  # E: what else there is to say has a name
    store.send(Pipeline, "story-7", DepsMet(), at="2026-01-01")  # E: a time is a datetime
    store.send(Pipeline, "story-7", DepsMet(), expect=Backlog())  # E: a state where a class belongs
    store.send(Pipeline, "story-7", DepsMet(), on_refused="ignore")  # E: no such choice
    store.create(Pipeline, "story-7", Superseded)  # E: a class is no state, though it can be called
    store.send(Pipeline, "story-7", Block)  # E: a class is no event, though it can be called
    store.send_many(Pipeline, [("story-7", Block)])  # E: nor among many
    store.send(Pipeline, "", DepsMet())  # R: an empty key


def writes_many(store: Store) -> None:
    store.send_many(Pipeline, [("a", DepsMet()), ("b", Heartbeat())])  # E: an event of another machine
    store.send_many(Pipeline, [("a", Backlog())])  # E: a state is no event
    store.send_many(Pipeline, [DepsMet()])  # E: no key
    store.send_many(Pipeline, [(1, DepsMet())])  # E: a key is a string
    store.send_many(Pipeline, [Send("a", Heartbeat())])  # E: an event of another machine
    store.send_many(Pipeline, [("a", DepsMet())], create=Idle())  # E: a state of another machine
    store.send(Pipeline, "story-7", DepsMet(), by=7)  # E: a name is a string


def repairs(store: Store) -> None:
    store.set_state(Pipeline, "story-7", Idle(), by="anna", why="wrong")  # E: a state of another machine
    store.set_state(Pipeline, "story-7", Backlog(), why="wrong")  # E: who does it has to be said
    store.set_state(Pipeline, "story-7", Backlog(), by="anna")  # E: so has the reason
    store.release(Pipeline, "story-7")  # E: a lease, not a machine


def reads(store: Store) -> None:
    print(store.get(Pipeline, "story-7").state.feature_branch)  # E: only a Merge has it
    print(store.find(Pipeline, Active)[0].state.feature_branch)  # E: not every Active has it
    print(store.find(Pipeline, Merge)[0].state.branch)  # E: no such field
    store.find(Pipeline, "active.merge")  # E: a path where a class belongs
    store.find(Pipeline, BranchName)  # E: no state at all
    store.find(Pipeline, Running)  # R: a state of another machine
    store.find(Pipeline, where=[("feature_branch", "x")])  # E: a dictionary
    store.at(Pipeline, "story-7", 3)  # E: a version or a time, by name
    store.count("pipeline")  # E: no machine
    store.get(Pipeline, "story-7").version = 2  # R: what was read is a value of its own
    store.get(Pipeline, "story-7").state = Coding()  # E: what was read does not change
    store.messages(topic=3)  # E: a topic is a string
    store.save_cursor("mailer", "3")  # E: a position is a number


def assigns(store: Store) -> None:
    narrow: Stored[Pipeline, Coding] = store.get(Pipeline, "story-7")  # E: which state it is in is not known yet
    foreign: Stored[Execution, PipelineState] = store.get(Pipeline, "story-7")  # E: of another machine
    receipt: Receipt[Coding] = store.send(Pipeline, "story-7", DepsMet())  # E: where it went is known when it runs
    print(narrow, foreign, receipt)


open_store("sqlite://", durability="some")  # E: no such durability
open_store(path="stories.db")  # E: a URL
