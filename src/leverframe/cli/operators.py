"""What do the commands take that change one instance, and the one that shows what goes on?"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from leverframe.cli.options import StatePath, database_option, json_option, target_argument, tenant_option
from leverframe.cli.targets import TargetType, find_machine

if TYPE_CHECKING:
    from leverframe.cli.operate import Where, Who

__all__ = ["COMMANDS"]

F = TypeVar("F", bound=Callable[..., Any])

SHORTEST_WAIT = 0.2
"""Seconds."""


def words_argument(metavar: str) -> Callable[[F], F]:
    return click.argument("words", metavar=metavar, nargs=-1, required=True)


def who_options(*, required: bool) -> Callable[[F], F]:
    """Who does it, and why."""

    def add(command: F) -> F:
        why = click.option(
            "--why", metavar="TEXT", required=required, help="For what reason; `leverframe history` tells it."
        )
        by = click.option(
            "--by",
            metavar="NAME",
            envvar="LEVERFRAME_BY",
            show_envvar=True,
            help="Who does it.  [default: the login name]",
        )
        return by(why(command))

    return add


def body_option(command: F) -> F:
    return click.option("--body", metavar="JSON", help="All fields as one JSON object, in place of FIELD=VALUE.")(
        command
    )


def expect_option(command: F) -> F:
    return click.option(
        "--expect",
        metavar="STATE",
        type=StatePath(),
        help="Only if it is in this state, such as active.merge or active.",
    )(command)


def yes_option(command: F) -> F:
    return click.option("--yes", is_flag=True, help="Do not ask whether it is meant.")(command)


def changing(metavar: str, *, why: bool = False) -> Callable[[F], F]:
    """What every command takes that changes one instance."""

    def add(command: F) -> F:
        for option in (json_option, who_options(required=why), tenant_option, database_option):
            command = option(command)
        return target_argument(words_argument(metavar)(command))

    return add


def where_and_who(target: str, url: str, tenant: str | None, by: str | None, why: str | None) -> tuple[Where, Who]:
    from leverframe.cli.operate import Where, Who

    return Where(find_machine(target), url, tenant), Who.of(by, why)


# ---------------------------------------------------------------- commands


@click.command()
@changing("KEY... STATE [FIELD=VALUE]...")
@body_option
def create(
    target: str,
    words: tuple[str, ...],
    url: str,
    tenant: str | None,
    by: str | None,
    why: str | None,
    body: str | None,
    as_json: bool,
) -> None:
    """Create an instance in a state.

    STATE is a path, such as active.merge, or the name of its class.  A FIELD=VALUE is read as the field's type says;
    a list takes its FIELD several times, and FIELD:=JSON is for everything else: retry:=null.

    \b
    leverframe create pipeline story-7 Backlog
    leverframe create pipeline story-8 Merge feature_branch=fix commits_ahead=3
    """
    from leverframe.cli.operate import create_instance

    where, who = where_and_who(target, url, tenant, by, why)
    create_instance(where, words, body, who, as_json)


@click.command()
@changing("KEY... EVENT [FIELD=VALUE]...")
@body_option
@expect_option
def send(
    target: str,
    words: tuple[str, ...],
    url: str,
    tenant: str | None,
    by: str | None,
    why: str | None,
    body: str | None,
    expect: str | None,
    as_json: bool,
) -> None:
    """Send an event to an instance.

    EVENT is the name of its class.  A FIELD=VALUE is read as the field's type says; a list takes its FIELD several
    times, and FIELD:=JSON is for everything else: retry:=null.  Exit status 1 if it is refused.

    \b
    leverframe send pipeline story-7 DepsMet
    leverframe send pipeline story-7 Block reason="waits for a decision"
    """
    from leverframe.cli.operate import send_event

    where, who = where_and_who(target, url, tenant, by, why)
    send_event(where, words, body, expect, who, as_json)


@click.command("set-state")
@changing("KEY... STATE [FIELD=VALUE]...", why=True)
@body_option
@expect_option
@yes_option
def set_state(
    target: str,
    words: tuple[str, ...],
    url: str,
    tenant: str | None,
    by: str | None,
    why: str,
    body: str | None,
    expect: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Put an instance into any state, without an event.

    A repair, for what no event leads out of: no guard is asked, and nobody is told.  A lease that somebody had is over.

    \b
    leverframe set-state pipeline story-7 Qa --why "the gates ran elsewhere"
    """
    from leverframe.cli.operate import repair_instance

    where, who = where_and_who(target, url, tenant, by, why)
    repair_instance(where, words, body, expect, who, yes=yes, as_json=as_json)


@click.command()
@changing("KEY... [FIELD=VALUE]...")
@click.option("--event", "name", metavar="EVENT", help="The event that leads back, where there are several.")
@click.option("--priority", type=int, help="In place of what the machine's policy says; larger is claimed first.")
def requeue(
    target: str,
    words: tuple[str, ...],
    url: str,
    tenant: str | None,
    by: str | None,
    why: str | None,
    name: str | None,
    priority: int | None,
    as_json: bool,
) -> None:
    """Bring an instance to where a worker can claim it now.

    What waits until later waits no longer.  For anything else the machine needs an event that leads there: the only
    one there is, or the only one that can be made of the given fields.

    \b
    leverframe requeue run run-7 --priority 9 --why "the customer waits"
    """
    from leverframe.cli.requeue import requeue_instance

    where, who = where_and_who(target, url, tenant, by, why)
    requeue_instance(where, words, name, priority, who, as_json)


@click.command()
@changing("KEY...")
@yes_option
def release(
    target: str,
    words: tuple[str, ...],
    url: str,
    tenant: str | None,
    by: str | None,
    why: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """End the lease that a worker has on an instance, as if it had run out.

    Whatever the worker still sends is refused.

    \b
    leverframe release run run-7 --why "its worker hangs"
    """
    from leverframe.cli.operate import release_instance

    where, who = where_and_who(target, url, tenant, by, why)
    release_instance(where, words, who, yes=yes, as_json=as_json)


@click.command()
@changing("KEY... [FIELD=VALUE]...")
@body_option
def freeze(
    target: str,
    words: tuple[str, ...],
    url: str,
    tenant: str | None,
    by: str | None,
    why: str | None,
    body: str | None,
    as_json: bool,
) -> None:
    """Send the event Freeze to a gate, such as one of repo-gate.

    A gate that is not there is created first.

    \b
    leverframe freeze repo-gate shop reason="main is broken" task=shop task=SHOP-7
    """
    from leverframe.cli.operate import send_to_gate

    where, who = where_and_who(target, url, tenant, by, why)
    send_to_gate(where, "Freeze", words, body, who, as_json)


@click.command()
@changing("KEY... [FIELD=VALUE]...")
@body_option
def unfreeze(
    target: str,
    words: tuple[str, ...],
    url: str,
    tenant: str | None,
    by: str | None,
    why: str | None,
    body: str | None,
    as_json: bool,
) -> None:
    """Send the event Unfreeze to a gate, such as one of repo-gate.

    \b
    leverframe unfreeze repo-gate shop
    """
    from leverframe.cli.operate import send_to_gate

    where, who = where_and_who(target, url, tenant, by, why)
    send_to_gate(where, "Unfreeze", words, body, who, as_json)


@click.command()
@click.argument("targets", metavar="[MACHINE]...", type=TargetType(), nargs=-1)
@database_option
@tenant_option
@click.option("--once", is_flag=True, help="Print it once, as in a pipe.")
@click.option(
    "--every",
    "seconds",
    metavar="SECONDS",
    type=click.FloatRange(SHORTEST_WAIT),
    default=2.0,
    show_default=True,
    help="How often it is read anew.",
)
@json_option
def top(targets: tuple[str, ...], url: str, tenant: str | None, once: bool, seconds: float, as_json: bool) -> None:
    """Show what waits, who works, and what has ended, and go on showing it.

    Of each MACHINE, or of all that the database has.  Ctrl-C ends it.  In a pipe it is printed once.
    """
    from leverframe.cli.top import show_top

    show_top(url, tenant, [find_machine(each) for each in targets], seconds, once=once, as_json=as_json)


COMMANDS = (create, send, set_state, requeue, release, freeze, unfreeze, top)
