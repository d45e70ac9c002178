"""What does `leverframe diagram` take?  What it does is imported when it is run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from leverframe.cli.failures import Failure
from leverframe.cli.options import StatePath, database_option, tenant_option
from leverframe.cli.spans import Span
from leverframe.cli.targets import SHIPPED, TargetType

if TYPE_CHECKING:
    from leverframe.cli.diagram import Shape

__all__ = ["diagram"]

SMALLEST, LARGEST = 0.1, 10.0


@click.command()
@click.argument("targets", metavar="MACHINE", type=TargetType(), nargs=-1)
@click.option(
    "-f",
    "--format",
    "format",
    metavar="FORMAT",
    help="mermaid, svg, png, dot, md or json.  [default: by FILE's suffix, else mermaid]",
)
@click.option("-o", "--output", "path", metavar="FILE", type=click.Path(), help="What to write.  [default: stdout]")
@click.option(
    "--theme",
    type=click.Choice(["auto", "light", "dark"]),
    default="auto",
    show_default=True,
    help="Colours; auto is the reader's choice.",
)
@click.option(
    "--fold", "folded", metavar="STATE", type=StatePath(), multiple=True, help="Show nothing inside of a superstate."
)
@click.option("--no-fields", is_flag=True, help="Leave out the fields of states.")
@click.option("--places", is_flag=True, help="Show in which file and line states and moves are written.")
@click.option(
    "--scale",
    type=click.FloatRange(SMALLEST, LARGEST),
    default=1.0,
    show_default=True,
    help="How large a png is.",
)
@click.option("--at", "key", metavar="KEY", multiple=True, help="Show where an instance is, and how it came there.")
@click.option("--heat", is_flag=True, help="Show how often moves were made, and how long states were held.")
@click.option("--since", type=Span(), metavar="AGE", help="With --heat: only what happened since, such as 7d.")
@click.option("--diff", "old", metavar="OLD", help="Show what has changed since a lock file, a json or a git revision.")
@click.option("--check", "checked", metavar="FILE", multiple=True, help="Are the pictures in a document up to date?")
@click.option("--write", "written", metavar="FILE", multiple=True, help="Bring the pictures in a document up to date.")
@database_option
@tenant_option
@click.pass_context
def diagram(
    ctx: click.Context,
    /,
    targets: tuple[str, ...],
    checked: tuple[str, ...],
    written: tuple[str, ...],
    **options: Any,
) -> None:
    """Draw a machine.

    --at and --heat read the journal of a database.  A KEY of several parts is given part by part: --at shop --at 7.

    In a Markdown document the place of a picture is marked by two lines, or of one that is a file beside it by one:

    \b
    <!-- leverframe diagram pipeline -f mermaid -->
    <!-- end -->
    <!-- leverframe diagram pipeline -o pipeline.svg -->

    --check exits with status 1 if a picture is out of date, and --write mends it.  Both take several files, and look
    at all machines if no MACHINE is given.

    \b
    leverframe diagram pipeline -o pipeline.svg
    leverframe diagram pipeline --heat --since 7d --db sqlite:///stories.db -o heat.png
    leverframe diagram --check README.md docs/*.md
    """
    if checked or written:
        if checked and written:
            raise click.UsageError("--check changes nothing, and --write does; give one of them")
        refuse_others(ctx)
        in_documents(ctx, targets, checked, written)
        return
    if len(targets) != 1:
        raise click.UsageError("give one MACHINE")
    from leverframe.cli.diagram import Overlay, draw

    since: timedelta | None = options["since"]
    overlay = Overlay(options["key"], options["heat"], since, options["old"], options["url"], options["tenant"])
    draw(targets[0], shape_of(options), overlay)


def shape_of(options: dict[str, Any]) -> Shape:
    """How a picture is wanted."""
    from leverframe.cli.diagram import Shape

    return Shape(
        options["format"],
        options["path"],
        options["theme"],
        options["folded"],
        not options["no_fields"],
        options["places"],
        options["scale"],
    )


# ---------------------------------------------------------------- documents


def in_documents(ctx: click.Context, words: Sequence[str], checked: Sequence[str], written: Sequence[str]) -> None:
    from leverframe.cli.embedded import check_documents, write_documents

    # A shell writes --check *.md as one file for the option, and others behind it.
    files = [word for word in words if word not in SHIPPED and (os.path.exists(word) or word.endswith(".md"))]
    targets = [word for word in words if word not in files]
    if checked:
        ctx.exit(check_documents([*checked, *files], targets, read_marker))
    write_documents([*written, *files], targets, read_marker)


def refuse_others(ctx: click.Context) -> None:
    """Raise click's error where an option was typed that a marker has to say."""
    typed = click.core.ParameterSource.COMMANDLINE
    allowed = ("targets", "checked", "written")
    for parameter in ctx.command.params:
        if parameter.name and parameter.name not in allowed and ctx.get_parameter_source(parameter.name) is typed:
            raise click.UsageError(f"leave out {parameter.opts[-1]}: each marker says how its picture is drawn")


def read_marker(arguments: Sequence[str]) -> tuple[str, Shape]:
    """What a marker says.  Raises click's errors, and `Failure` for what no document can show."""
    context = diagram.make_context("diagram", list(arguments))
    options = context.params
    typed = click.core.ParameterSource.COMMANDLINE
    for name in ("key", "heat", "since", "old", "checked", "written", "url", "tenant"):
        if context.get_parameter_source(name) is typed:
            raise Failure("a picture in a document is of a machine alone, and of today")
    if len(options["targets"]) != 1:
        raise Failure("name one machine")
    return options["targets"][0], shape_of(options)
