"""Which arguments and options do several commands share?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from leverframe.cli.failures import Failure
from leverframe.cli.targets import TargetType, find_machine
from leverframe.errors import LeverframeError

__all__ = [
    "StatePath",
    "database_option",
    "json_option",
    "key_argument",
    "target_argument",
    "tenant_option",
]

F = TypeVar("F", bound=Callable[..., Any])


class StatePath(click.ParamType[str]):
    """The path of a state, as an option: what it names is looked up later, when the machine is known."""

    name = "state"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002  # click calls it so
        """The paths of the machine's states that begin so."""
        from leverframe.cli.reads import states_by_path

        # While the option's own value is missing, click has not got so far as to assign the arguments.
        target = ctx.params.get("target") or next(iter(ctx.params.get("targets") or ctx.args), "")
        try:
            known = states_by_path(find_machine(target))
        except (Failure, LeverframeError):
            return []
        return [CompletionItem(path) for path in known if path.startswith(incomplete)]


def target_argument(command: F) -> F:
    return click.argument("target", metavar="MACHINE", type=TargetType())(command)


def database_option(command: F) -> F:
    return click.option(
        "--db",
        "url",
        metavar="URL",
        envvar="LEVERFRAME_DB",
        show_envvar=True,
        default="sqlite:///leverframe.db",
        show_default=True,
        help="The database.",
    )(command)


def json_option(command: F) -> F:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(command)


def key_argument(command: F) -> F:
    return click.argument("key", nargs=-1, required=True)(command)


def tenant_option(command: F) -> F:
    return click.option(
        "--tenant",
        metavar="NAME",
        envvar="LEVERFRAME_TENANT",
        show_envvar=True,
        help="Only what belongs to this tenant.  [default: what belongs to none]",
    )(command)
