"""How is a picture of what goes on kept up to date?  `leverframe top`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from attrs import frozen

from leverframe import Overview, Store
from leverframe.cli.databases import open_existing
from leverframe.cli.output import Column, at_terminal, make_table, print_json, print_rows
from leverframe.cli.overview import overview_object, plain_rows, sections
from leverframe.cli.targets import SHIPPED, AnyMachine, find_machine
from leverframe.cli.text import single_line
from leverframe.errors import StoreError

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["show_top"]

EMPTY = "nothing is stored yet"


def show_top(
    url: str, tenant: str | None, machines: Sequence[AnyMachine], seconds: float, *, once: bool, as_json: bool
) -> None:
    """Print what goes on, once, or again and again until somebody interrupts it."""
    with open_existing(url, tenant) as store:
        looking = Looking(store, machines or shipped_there(store), not machines)
        if as_json:
            print_json(overview_object(looking.look(), looking.known))
        elif at_terminal() and not once:
            # Ctrl-C is how it is ended.
            with suppress(KeyboardInterrupt):
                go_on(looking, seconds)
        else:
            print_once(looking)


@frozen
class Looking:
    """At which store somebody looks, at which machines, and whether at all others too."""

    store: Store
    machines: Sequence[AnyMachine]
    others: bool

    @property
    def known(self) -> dict[str, AnyMachine]:
        return {machine.machine_name: machine for machine in self.machines}

    def look(self) -> Overview:
        return self.store.overview(self.machines, others=self.others)


def shipped_there(store: Store) -> list[AnyMachine]:
    """The shipped machines that the store has: those of their names, if all states there are theirs."""
    there = {machine.name: machine.states.keys() for machine in store.overview(others=True, limit=1).machines}
    shipped = map(find_machine, SHIPPED)
    return [each for each in shipped if each.machine_name in there and there[each.machine_name] <= paths_of(each)]


def paths_of(machine: AnyMachine) -> set[str]:
    return {machine.path(leaf) for leaf in machine.leaves()}


# ---------------------------------------------------------------- once


def print_once(looking: Looking) -> None:
    """Print it as it is now; in a pipe with no headings, and the kind of each row in front."""
    seen = looking.look()
    if not at_terminal():
        for rows in plain_rows(seen):
            print_rows(UNNAMED[: len(rows[0])] if rows else (), rows)
        return
    from rich.console import Console

    Console(highlight=False).print(picture(looking, seen))


UNNAMED = [Column("")] * 10


# ---------------------------------------------------------------- again and again


def go_on(looking: Looking, seconds: float) -> None:
    """Show it, and show it anew every so many seconds; a store that cannot be read for a while is waited for."""
    from rich.console import Console
    from rich.live import Live

    shown = picture(looking, looking.look())
    with Live(shown, console=Console(highlight=False), screen=True, auto_refresh=False) as live:
        while True:
            time.sleep(seconds)
            try:
                shown = picture(looking, looking.look())
            except StoreError as error:
                live.update(with_problem(shown, error), refresh=True)
            else:
                live.update(shown, refresh=True)


def picture(looking: Looking, seen: Overview) -> RenderableType:
    """What is seen, with the time above it."""
    from rich.console import Group
    from rich.text import Text

    tenant = f", tenant {single_line(seen.tenant)}" if seen.tenant else ""
    head = Text(
        f"{seen.at:%Y-%m-%d %H:%M:%S} UTC  {single_line(seen.location)}{tenant}", no_wrap=True, overflow="ellipsis"
    )
    parts: list[RenderableType] = [head]
    for section in sections(seen, looking.known):
        parts += ["", make_table(section.columns, section.rows, section.marked)]
    return Group(*parts, *(() if len(parts) > 1 else ("", EMPTY)))


def with_problem(shown: RenderableType, error: StoreError) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    return Group(Text(single_line(str(error)), style="bold red"), shown)
