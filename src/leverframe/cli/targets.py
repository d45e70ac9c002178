"""Which machine does a name on the command line mean?  A shipped one, or any class as `module:Class`."""

from __future__ import annotations

import importlib
import os
import sys
from types import ModuleType
from typing import Any, cast

import click
from click.shell_completion import CompletionItem

from leverframe import Machine
from leverframe.cli.failures import Failure
from leverframe.wording import did_you_mean

__all__ = ["SHIPPED", "AnyMachine", "TargetType", "find_machine"]

AnyMachine = type[Machine[Any, Any]]

SHIPPED = {
    "agent-job": "leverframe.machines.orchestrator:AgentJob",
    "agent-run": "leverframe.machines.orchestrator:AgentRun",
    "delivery": "leverframe.machines.orchestrator:Delivery",
    "execution": "leverframe.machines.execution:Execution",
    "job": "leverframe.machines.job:Job",
    "pipeline": "leverframe.machines.pipeline:Pipeline",
    "repo-gate": "leverframe.machines.orchestrator:RepoGate",
    "run": "leverframe.machines.run:Run",
    "task": "leverframe.machines.orchestrator:Task",
    "tracker-card": "leverframe.machines.orchestrator:TrackerCard",
    "worker": "leverframe.machines.worker:Worker",
}


class TargetType(click.ParamType[str]):
    """The name of a machine, as an argument: what it names is looked up by `find_machine`, later."""

    name = "machine"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002  # click calls it so
        """The shipped machines that begin so."""
        return [CompletionItem(name) for name in SHIPPED if name.startswith(incomplete)]


def find_machine(target: str) -> AnyMachine:
    """The machine class that `target` names.  Raises `Failure`.

    >>> find_machine("pipeline").__name__
    'Pipeline'
    """
    module_name, colon, class_name = SHIPPED.get(target, target).partition(":")
    if not colon:
        raise Failure(f"{target!r} is neither a shipped machine nor module:Class{did_you_mean(target, SHIPPED)}")
    if not module_name or not class_name:
        raise Failure(f"{target!r} names no class; write module:Class")
    return find_class(import_module(module_name), class_name)


def import_module(name: str) -> ModuleType:
    """Import a module as Python itself would in the working folder."""
    folder = os.getcwd()
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        return importlib.import_module(name)
    # Whatever a module does while it is imported, SystemExit included: it is the module's fault, and told as such.
    except (Exception, SystemExit) as error:
        raise Failure(f"cannot import {name}: {type(error).__name__}: {error}") from error


def find_class(module: ModuleType, name: str) -> AnyMachine:
    """The machine class of this name in a module."""
    # Late, for the codec behind it is of no use to --help.
    from leverframe.persistence.binding import is_machine

    machines: dict[str, AnyMachine] = {key: value for key, value in vars(module).items() if is_machine(value)}
    # Not every module has its names before somebody asks for them.
    found: Any = getattr(module, name, None)
    if is_machine(found):
        return cast("AnyMachine", found)
    if hasattr(module, name):
        raise Failure(f"{module.__name__}:{name} is no class that inherits Machine{others(machines)}")
    raise Failure(
        f"module {module.__name__} has no {name}{did_you_mean(name, machines) if machines else others(machines)}"
    )


def others(machines: dict[str, AnyMachine]) -> str:
    return f"; machines there: {', '.join(sorted(machines)) or 'none'}"
