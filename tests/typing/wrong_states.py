"""States that are used wrongly."""

from __future__ import annotations

from typing import assert_never

from leverframe import Positive
from leverframe.machines.execution import AgentName, ExecutionState, RateLimited, Running
from leverframe.machines.pipeline import (
    Active,
    Archived,
    Backlog,
    Blocked,
    BranchName,
    Coding,
    Done,
    GitSha,
    Merge,
    PipelineState,
    Qa,
    StoryId,
    Superseded,
)


def missing_leaf(s: PipelineState) -> str:
    match s:
        case Backlog() | Coding() | Qa():
            return ""
        case Done() | Archived():
            return ""
        case _:
            assert_never(s)  # E: Merge is not handled


def missing_superstate(s: PipelineState) -> str:
    match s:
        case Active() | Done() | Blocked():
            return ""
        case _:
            assert_never(s)  # E: the other archive reasons are not handled


def missing_return(s: PipelineState) -> str:  # E: Archived falls through
    match s:  # P: says where
        case Active() | Done():
            return ""


def misspelt_field(s: PipelineState) -> None:
    match s:
        case Merge(branch=b):  # E: no such field
            print(b)  # P: its type follows from it
        case _:
            pass


def not_narrowed(s: PipelineState) -> None:
    print(s.feature_branch)  # E: only Merge has it


def field_of_one_leaf(s: Archived) -> None:
    print(s.by)  # E: only Superseded has it


def frozen_payload(s: Merge) -> None:
    s.commits_ahead = Positive(3)  # E: payloads are frozen


def narrowed_wrongly(s: ExecutionState) -> None:
    if isinstance(s, Running):
        print(s.resume_at)  # E: that is RateLimited's


def building() -> None:
    Merge(BranchName("x"))  # E: no commits_ahead
    Merge("x", Positive(1))  # E: a string is no BranchName
    Merge(StoryId("x"), Positive(1))  # E: a StoryId is no BranchName
    Merge(BranchName("x"), 1)  # E: an integer is no Positive
    Merge(BranchName("x"), commits=Positive(1))  # E: no such field
    Superseded(by=StoryId("x"))  # E: no archived_at, which it shares with its sisters
    Done("2030-01-01", GitSha("abc1234"))  # E: text is no time
    RateLimited(AgentName("x"), None)  # E: resume_at is not optional


def assigning(s: Active) -> Merge:
    return s  # E: Active may be another leaf
