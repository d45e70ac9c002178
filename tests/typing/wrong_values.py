"""Refined values that are used wrongly."""

from __future__ import annotations

from leverframe import NonEmpty, Positive
from leverframe.machines.pipeline import BranchName, GitSha, StoryId


class Attempt(Positive): ...


def number(value: Positive) -> None: ...
def attempt(value: Attempt) -> None: ...
def text(value: NonEmpty) -> None: ...
def branch(value: BranchName) -> None: ...


def literals() -> None:
    number(Positive(0))  # E: a literal zero is refused
    number(Positive(-1))  # E: a literal below zero is refused
    attempt(Attempt(0))  # E: in a subclass too
    text(NonEmpty(""))  # E: the empty literal is refused
    branch(BranchName(""))  # E: in a subclass too
    number(Positive(-10))  # R: the literals end at -9; refused when it runs
    branch(GitSha("main"))  # E: another class, whatever its text
    GitSha("main")  # R: patterns are looked at when it runs


def types() -> None:
    number(3)  # E: an integer is no Positive
    number(Positive(3) - Positive(2))  # E: a difference is a plain integer
    attempt(Positive(1))  # E: a Positive is no Attempt
    number(Attempt(1))
    branch("x")  # E: a string is no BranchName
    branch(NonEmpty("x"))  # E: a NonEmpty is no BranchName
    branch(StoryId("x"))  # E: nor is another subclass of it
    branch(BranchName("a") + "b")  # E: a concatenation is a plain string
    text(BranchName("x"))
    Positive("1")  # E: text is no integer
    Positive(1.5)  # E: nor is a float
    NonEmpty(1)  # E: a number is no string
    Positive(True)  # R: a bool is an integer to type checkers
