"""What do the commands take that look at a machine and change no instance by an event?"""

from __future__ import annotations

import click

from leverframe.cli.options import StatePath, database_option, json_option, target_argument, tenant_option
from leverframe.cli.pictures import diagram
from leverframe.cli.targets import TargetType, find_machine

__all__ = ["COMMANDS"]

targets_argument = click.argument("targets", metavar="[MACHINE]...", type=TargetType(), nargs=-1)


@click.command()
@target_argument
@click.option("--places", is_flag=True, help="Where each state, move and hook is written too.")
@json_option
def describe(target: str, places: bool, as_json: bool) -> None:
    """Say what a machine is: its states, what each event does in them, and what it declares besides.

    At a terminal it fits that; in a pipe each line begins with what it is about: machine, state, event, move, declared.
    A line of a move has the state, the event, where it leads to, the move's name, its guard, and the superstate whose
    move it is.
    """
    from leverframe.cli.describe import describe_machine

    describe_machine(find_machine(target), places=places, as_json=as_json)


@click.command()
@targets_argument
@click.option("-o", "--output", "path", metavar="FILE", type=click.Path(), help="What to write, - for standard output.")
@click.option("--check", "checked", metavar="FILE", type=click.Path(), help="Compare with FILE, and write nothing.")
@json_option
@click.pass_context
def lock(ctx: click.Context, targets: tuple[str, ...], path: str | None, checked: str | None, as_json: bool) -> None:
    """Write down what machines are, and tell what of it has changed.

    The file has states, fields, events, moves, guards by name, look-ups, policies and versions of each MACHINE, one
    item a line; without MACHINE, of those that are in it.  --check exits with status 1 if a machine is not as its
    FILE says, and marks with ! what makes stored rows unreadable.

    \b
    leverframe lock pipeline shop.orders:Order -o machines.lock
    leverframe lock --check machines.lock
    """
    from leverframe.cli.lock import check_lock, write_lock

    if (path is None) == (checked is None):
        raise click.UsageError("give either -o FILE or --check FILE")
    if checked is None:
        write_lock(targets, path or "", as_json=as_json)
    elif targets:
        raise click.UsageError("--check goes by the machines that FILE names; leave MACHINE out")
    else:
        check_lock(ctx, checked, as_json=as_json)


@click.command()
@click.argument("targets", metavar="MACHINE...", type=TargetType(), nargs=-1, required=True)
@click.option("--db", "url", metavar="URL", help="Look at what is stored in this database too, and write nothing.")
@click.option("--tenant", metavar="NAME", help="With --db, only what belongs to this tenant.  [default: all]")
@click.option("--journal", is_flag=True, help="With --db, the lines of the journal too.")
@click.option(
    "--lock",
    "lock_file",
    metavar="FILE",
    type=click.Path(),
    help="What would no longer load since this lock file.",
)
@click.option("--ignore", "ignored", metavar="CODE", multiple=True, help="Leave findings of this code out.")
@click.option(
    "--keys", type=click.IntRange(1, 1000), default=10, show_default=True, help="How many keys are named of rows."
)
@json_option
@click.pass_context
def check(
    ctx: click.Context,
    targets: tuple[str, ...],
    url: str | None,
    tenant: str | None,
    journal: bool,
    lock_file: str | None,
    ignored: tuple[str, ...],
    keys: int,
    as_json: bool,
) -> None:
    """Look for what is wrong with a machine: moves that are never made, states that nothing leads out of, and more.

    Each finding has a code, a place and what to do; there is exit status 1 if there is one.  A comment where it is,
    such as # leverframe: ignore[trap], accepts it.  With --db, each stored row is read too, as today's code reads it.

    \b
    leverframe check shop.orders:Order
    leverframe check shop.orders:Order --lock machines.lock --db sqlite:///orders.db
    """
    from leverframe.cli.check import Wanted, check_machines

    if url is None and (tenant is not None or journal):
        raise click.UsageError("--tenant and --journal are about a database; give --db URL too")
    wanted = Wanted(url, tenant, journal, lock_file, frozenset(ignored), keys)
    ctx.exit(check_machines([find_machine(each) for each in targets], wanted, as_json=as_json))


@click.command()
@target_argument
@click.option("-o", "--output", "path", metavar="FILE", type=click.Path(), help="The module; - for standard output.")
@click.option("--check", "checked", metavar="FILE", type=click.Path(), help="Compare with FILE, and write nothing.")
@click.pass_context
def typed(ctx: click.Context, target: str, path: str | None, checked: str | None) -> None:
    """Write a module with which a type checker knows what each state takes.

    Its `send` refuses, to mypy and pyright, an event that the handle's state does not take, and its result has the
    state that comes next.  --check exits with status 1 if FILE is not as it would be written today.

    \b
    leverframe typed shop.orders:Order -o shop/order_typed.py
    leverframe typed shop.orders:Order --check shop/order_typed.py
    """
    from leverframe.cli.typed import check_typed, write_typed

    if (path is None) == (checked is None):
        raise click.UsageError("give either -o FILE or --check FILE")
    if checked is None:
        write_typed(find_machine(target), target, path or "")
    else:
        ctx.exit(check_typed(find_machine(target), target, checked))


@click.command()
@target_argument
@database_option
@click.option(
    "--plan/--apply", "plan", default=True, help="Only say what would be written, or write it.  [default: --plan]"
)
@click.option(
    "--tenant",
    metavar="NAME",
    envvar="LEVERFRAME_TENANT",
    show_envvar=True,
    help="Only what belongs to this tenant.  [default: what belongs to any, or to none]",
)
@click.option("--journal", is_flag=True, help="The lines of the journal too.")
@click.option(
    "--by", metavar="NAME", envvar="LEVERFRAME_BY", show_envvar=True, help="Who does it.  [default: the login name]"
)
@click.option(
    "--keys",
    type=click.IntRange(1, 1000),
    default=10,
    show_default=True,
    help="How many keys --json names of what cannot be read.",
)
@json_option
@click.pass_context
def migrate(
    ctx: click.Context,
    target: str,
    url: str,
    plan: bool,
    tenant: str | None,
    journal: bool,
    by: str | None,
    keys: int,
    as_json: bool,
) -> None:
    """Write stored rows of older code as today's code does.

    The machine's upcasters are run over every instance.  It goes in batches while the database is used: interrupted
    or killed, the same command carries on.  What cannot be read stays as it is, and makes for exit status 1.

    \b
    leverframe migrate shop.orders:Order --plan
    leverframe migrate shop.orders:Order --apply
    """
    from leverframe.cli.migrate import Wish, migrate_rows

    ctx.exit(migrate_rows(url, find_machine(target), Wish(not plan, tenant, journal, keys, by), as_json=as_json))


@click.command()
@target_argument
@click.argument("fields", metavar="[FIELD=VALUE]...", nargs=-1)
@click.option("--from", "start", metavar="STATE", type=StatePath(), help="Begin in this state, with the fields given.")
@click.option("--key", "key", metavar="PART", multiple=True, help="The key in a saved log; once for each part of it.")
@click.pass_context
def play(ctx: click.Context, target: str, fields: tuple[str, ...], start: str | None, key: tuple[str, ...]) -> None:
    """Play with a machine: send it events by hand, and see what it does.

    What is accepted in the present state is offered, and each field asked for.  Nothing is stored; `save FILE` writes a
    log that `leverframe replay` takes.  From a pipe it takes the same lines, and the exit status is 1 if one of them
    was refused or did not fit.
    """
    from leverframe.cli.play import play_machine

    ctx.exit(play_machine(find_machine(target), start, fields, key))


@click.command()
@click.argument("path", metavar="MAPPING")
@database_option
@click.option(
    "--plan/--apply", "plan", default=True, help="Only say what would be written, or write it.  [default: --plan]"
)
@tenant_option
@click.option(
    "--source",
    metavar="URL",
    envvar="LEVERFRAME_SOURCE",
    show_envvar=True,
    help="Where the table is, in place of what MAPPING says.",
)
@click.option(
    "--report", metavar="FILE", type=click.Path(), help="Write each row that does not fit to FILE, as JSON lines."
)
@click.option(
    "--by", metavar="NAME", envvar="LEVERFRAME_BY", show_envvar=True, help="Who does it.  [default: the login name]"
)
@click.option("--why", metavar="TEXT", help="For what reason; `leverframe history` tells it.")
@click.option("--init", is_flag=True, help="Write a first mapping of MACHINE, which stands in place of MAPPING.")
@click.option("--table", metavar="NAME", help="With --init: the table.")
@click.option(
    "--status", metavar="COLUMN", help="With --init: the column that says the state, if that cannot be guessed."
)
@click.option(
    "-o", "--output", metavar="FILE", type=click.Path(), help="With --init: what to write.  [default: standard output]"
)
@json_option
@click.pass_context
def adopt(
    ctx: click.Context,
    path: str,
    url: str,
    plan: bool,
    tenant: str | None,
    source: str | None,
    report: str | None,
    by: str | None,
    why: str | None,
    init: bool,
    table: str | None,
    status: str | None,
    output: str | None,
    as_json: bool,
) -> None:
    """Make instances of the rows of a table that has a status column.

    MAPPING is a TOML file that says what becomes of each column; --init writes a first one.  The table, in SQLite or
    PostgreSQL, is only read.  Rows that do not fit are told, with what is wrong, and make for exit status 1.
    Interrupted or killed, the same command carries on.

    \b
    leverframe adopt --init shop:Order --source sqlite:///shop.db --table orders
    leverframe adopt orders.toml --report misfits.jsonl
    leverframe adopt orders.toml --apply
    """
    from leverframe.cli.adopt import Wish, adopt_rows, draft

    if init:
        if source is None or table is None:
            raise click.UsageError("--init needs --source URL and --table NAME")
        ctx.exit(draft(path, source, table, status, output))
    for name, value in (("--table", table), ("--status", status), ("-o", output)):
        if value is not None:
            raise click.UsageError(f"{name} goes with --init")
    ctx.exit(adopt_rows(path, url, Wish(not plan, tenant, source, report, by, why), as_json=as_json))


COMMANDS: tuple[click.Command, ...] = (
    diagram,
    describe,
    play,
    lock,
    check,
    typed,
    migrate,
    adopt,
)
