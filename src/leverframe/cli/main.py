"""Which commands are there, and what do they take?  What they do is imported when they are run."""

from __future__ import annotations

import contextlib
import errno
import io
import sys
from collections.abc import Generator
from datetime import timedelta
from typing import Any

import click

from leverframe.cli import inspectors, operators
from leverframe.cli.failures import Failure, failure_of
from leverframe.cli.options import (
    StatePath,
    database_option,
    json_option,
    key_argument,
    target_argument,
    tenant_option,
)
from leverframe.cli.spans import Span
from leverframe.cli.statuses import INTERRUPTED
from leverframe.cli.targets import TargetType, find_machine
from leverframe.errors import LeverframeError

__all__ = ["main"]

HIGHEST_LIMIT = 2**31


class Commands(click.Group):
    """The commands, with every error of ours as one line on stderr."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that the arguments name."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                # A terminal that has no ü is shown \xfc, and the command goes on.
                stream.reconfigure(errors="backslashreplace")
        with errors_as_lines(ctx):
            return super().invoke(ctx)


@contextlib.contextmanager
def errors_as_lines(ctx: click.Context) -> Generator[None]:
    try:
        yield
    except LeverframeError as error:
        raise failure_of(error) from error
    except OSError as error:
        # A reader that has gone, as `head` does, is none of our business; click ends silently then.
        if error.errno == errno.EPIPE:
            raise
        raise Failure(error.strerror or str(error)) from error
    except KeyboardInterrupt:
        ctx.exit(INTERRUPTED)


# ---------------------------------------------------------------- commands


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="leverframe", prog_name="leverframe")
def main() -> None:
    """Typed, durable statecharts on the command line.

    MACHINE is the name of a shipped machine, such as pipeline or agent-job, or any machine as module:Class, looked
    for in the working folder too.  KEY is one word, or several for a key of several parts.

    Exit status: 0 done; 1 done, and something was found (no such instance, an unreadable row, a refused event,
    refusals with --strict); 2 could not be done; 130 interrupted.
    """


@main.command()
@target_argument
@click.argument("file", type=click.Path())
@database_option
@tenant_option
@click.option(
    "--delivery-id",
    "delivery_field",
    metavar="FIELD",
    help="The field of each line's object that holds its delivery id.  Without it, the file's name, the line's number "
    "and a digest of the line are one.",
)
@click.option(
    "--refused",
    "refused_path",
    metavar="FILE",
    type=click.Path(),
    help="Write every refused or malformed line to FILE, as JSON lines.",
)
@click.option("--strict", is_flag=True, help="Exit with status 1 if any line was refused or malformed.")
@json_option
@click.pass_context
def replay(
    ctx: click.Context,
    target: str,
    file: str,
    url: str,
    tenant: str | None,
    delivery_field: str | None,
    refused_path: str | None,
    strict: bool,
    as_json: bool,
) -> None:
    """Apply a log of events to a database.

    FILE, or - for standard input, has one JSON object a line:

    \b
    {"id": "pr-9", "at": "2014-04-24T13:21:47Z", "event": {"type": "DepsMet"}}

    An instance is created at its first event, in the machine's initial state.  A line with "create" in place of
    "event" creates it in the state that it gives; where the initial state has fields, there has to be one.

    A line is applied once, however often the log is replayed: interrupted or killed, the same command carries on.
    A line that cannot be applied is reported and passed over.
    """
    from leverframe.cli.replay import replay_log

    ctx.exit(replay_log(find_machine(target), file, url, tenant, delivery_field, refused_path, strict, as_json))


@main.command("ls")
@target_argument
@database_option
@tenant_option
@click.option(
    "--in", "state", metavar="STATE", type=StatePath(), help="Only those in a state, such as active.merge or active."
)
@click.option(
    "--prefix",
    "prefix",
    metavar="PART",
    multiple=True,
    help="Only keys that begin so, or whose first part is this; once for each part.",
)
@click.option("--limit", type=click.IntRange(1, HIGHEST_LIMIT), help="At most so many.  [default: 50; with --json all]")
@json_option
@click.pass_context
def list_instances(
    ctx: click.Context,
    target: str,
    url: str,
    tenant: str | None,
    state: str | None,
    prefix: tuple[str, ...],
    limit: int | None,
    as_json: bool,
) -> None:
    """List instances, the newest change first."""
    from leverframe.cli.reads import list_rows

    ctx.exit(list_rows(find_machine(target), url, tenant, state, prefix, limit, as_json))


@main.command()
@target_argument
@key_argument
@database_option
@tenant_option
@json_option
def show(target: str, key: tuple[str, ...], url: str, tenant: str | None, as_json: bool) -> None:
    """Show one instance.

    That is its state, the state's fields, and the events that are accepted there.
    """
    from leverframe.cli.reads import show_instance

    show_instance(find_machine(target), url, tenant, key, as_json)


@main.command()
@target_argument
@key_argument
@database_option
@tenant_option
@json_option
@click.pass_context
def history(ctx: click.Context, target: str, key: tuple[str, ...], url: str, tenant: str | None, as_json: bool) -> None:
    """Show what happened to one instance, the oldest first."""
    from leverframe.cli.reads import show_history

    ctx.exit(show_history(find_machine(target), url, tenant, key, as_json))


@main.command()
@database_option
@click.option("--journal", type=Span(), metavar="AGE", help="Lines of the journal, but for each instance's last.")
@click.option("--messages", type=Span(), metavar="AGE", help="Messages that every cursor has passed.")
@click.option("--deliveries", type=Span(), metavar="AGE", help="Delivery ids; one that comes again is new then.")
@click.option("--finished", type=Span(), metavar="AGE", help="Instances in a final state, with all they have.")
@click.option(
    "--machine",
    "targets",
    metavar="MACHINE",
    type=TargetType(),
    multiple=True,
    help="Of which machines; several times.",
)
@click.option(
    "--export",
    metavar="FILE",
    type=click.Path(),
    help="Append every row to FILE, as JSON lines, before it is deleted.",
)
@click.option("--dry-run", is_flag=True, help="Count, and delete nothing.")
@click.option("--compact", is_flag=True, help="Write the database anew behind it, so that it takes less room.")
@json_option
def prune(
    url: str,
    journal: timedelta | None,
    messages: timedelta | None,
    deliveries: timedelta | None,
    finished: timedelta | None,
    targets: tuple[str, ...],
    export: str | None,
    dry_run: bool,
    compact: bool,
    as_json: bool,
) -> None:
    """Delete what was recorded longer ago than an AGE, such as 90d.

    An AGE is a number and s, m, h, d, w or y.  Kinds that are given none are left alone.  Rows go in batches: it can
    be interrupted at any time, and run while the database is used.
    """
    from leverframe.cli.prune import Ages, prune_rows

    ages = Ages(journal, messages, deliveries, finished)
    prune_rows(url, ages, [find_machine(each) for each in targets], export, dry_run, compact, as_json)


@main.command()
@click.argument("targets", metavar="[MACHINE]...", type=TargetType(), nargs=-1)
@database_option
@json_option
@click.pass_context
def doctor(ctx: click.Context, targets: tuple[str, ...], url: str, as_json: bool) -> None:
    """Look whether a database is well.

    Sizes, versions, counts against rows, cursors left behind, transactions kept open.  Every stored row of each
    MACHINE that is given is read by today's code too.  Exit status 1 if anything is wrong.
    """
    from leverframe.cli.doctor import examine_database

    ctx.exit(examine_database(url, [find_machine(each) for each in targets], as_json=as_json))


@main.command()
@click.argument("source", metavar="SOURCE-URL")
@click.argument("target", metavar="TARGET-URL")
@click.option("--fresh", is_flag=True, help="Begin an unfinished copy anew.")
@json_option
@click.pass_context
def copy(ctx: click.Context, source: str, target: str, fresh: bool, as_json: bool) -> None:
    """Copy a database to a place that is empty, on SQLite or PostgreSQL, and compare the two.

    Interrupted or killed, the same command carries on.  Until it is done the target cannot be opened.
    """
    from leverframe.cli.copy import copy_database

    ctx.exit(copy_database(source, target, fresh=fresh, as_json=as_json))


@main.command()
@click.argument("target", metavar="WORKER")
@database_option
@tenant_option
@click.option("--concurrency", type=click.IntRange(1), help="How much is done at a time, if not what WORKER says.")
@click.option("--once", is_flag=True, help="End when nothing is ready.")
@click.pass_context
def work(ctx: click.Context, target: str, url: str, tenant: str | None, concurrency: int | None, once: bool) -> None:
    """Run a worker until it is told to stop.

    WORKER is module:name, of a function that makes a Worker of the store that it is given, or of a Worker that has a
    store of its own.  The module is looked for in the working folder too.

    SIGTERM or Ctrl-C stops it: it claims nothing more, and waits for what is under way, as long as the worker's grace
    lasts; the second one lets it wait for nothing.  Exit status: 0 stopped, and all was done that had been begun; 1
    some of it was left to others; 2 could not be done; 130 stopped by a second signal.
    """
    from leverframe.cli.work import run_worker

    typed = click.core.ParameterSource.COMMANDLINE
    given = any(ctx.get_parameter_source(name) is typed for name in ("url", "tenant"))
    ctx.exit(run_worker(target, url, tenant, store_given=given, concurrency=concurrency, once=once))


for each in (*operators.COMMANDS, *inspectors.COMMANDS):
    main.add_command(each)
