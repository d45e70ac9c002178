"""What do machines look like now, and what has become of those in a lock file?  `leverframe lock`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from attrs import frozen

from leverframe.checks.changes import Change, changes_between
from leverframe.checks.lock import fingerprint, lock_text, locks_in
from leverframe.checks.locked import Locked, lock_of
from leverframe.cli.failures import Failure, file_failure
from leverframe.cli.files import put_whole
from leverframe.cli.output import Column, print_json, print_note, print_rows
from leverframe.cli.statuses import FOUND
from leverframe.cli.targets import find_machine
from leverframe.errors import LockFileError

__all__ = ["check_lock", "read_lock_file", "write_lock"]

COLUMNS = [Column("machine"), Column(""), Column("change", wrapped=True)]

STANDARD_OUTPUT = "-"


def write_lock(targets: Sequence[str], path: str, *, as_json: bool) -> None:
    """Write a lock file of these machines, or of those in it; tell what is another than before."""
    before = {} if path == STANDARD_OUTPUT else read_earlier(targets, path)
    after = lock_all(targets or [locked.target for locked in before.values()])
    text = lock_text(after.values())
    if path == STANDARD_OUTPUT:
        click.echo(text, nl=False)
        return
    put_whole(path, text.encode())
    changed = compare(before, after)
    if as_json:
        print_json([as_object(name, locked, changed) for name, locked in after.items()])
        return
    if before:
        print_changes(changed)
    print_rows(WRITTEN, [(name, fingerprint(locked), locked.target) for name, locked in after.items()])


WRITTEN = [Column("machine"), Column("fingerprint"), Column("target", elastic=True)]


def check_lock(ctx: click.Context, path: str, *, as_json: bool) -> None:
    """Tell what is another than a lock file says; exit with status 1 if anything is."""
    before = read_lock_file(path)
    after = lock_all([locked.target for locked in before.values()])
    changed = compare(before, after)
    if as_json:
        print_json([as_object(name, locked, changed) for name, locked in after.items()])
    else:
        tell(changed, path, len(before))
    if changed:
        ctx.exit(FOUND)


def tell(changed: Sequence[Changed], path: str, number: int) -> None:
    if not changed:
        print_note(f"{path}: {number} {'machine is as it was' if number == 1 else 'machines are as they were'}")
        return
    print_changes(changed)
    if any(each.change.unreadable for each in changed):
        print_note("!  what is stored so does not load any more: declare upcasters")
    print_note(f"If it is meant: leverframe lock -o {path}")


# ---------------------------------------------------------------- comparing


@frozen
class Changed:
    """A change of a machine of this name."""

    machine: str
    change: Change

    def row(self) -> tuple[str, str, str]:
        return self.machine, f"{'!' if self.change.unreadable else ' '} {self.change.sign}", self.change.text


def compare(before: Mapping[str, Locked], after: Mapping[str, Locked]) -> list[Changed]:
    """What became of each machine; one that is called something else now is known by its target."""
    by_target = {locked.target: locked for locked in before.values()}
    found: list[Changed] = []
    for name, locked in after.items():
        old = before.get(name) or by_target.pop(locked.target, None)
        if old is None:
            found.append(Changed(name, Change("+", "machine is new")))
            continue
        by_target.pop(old.target, None)
        found += [Changed(name, change) for change in (*renamed(old, locked), *changes_between(old, locked))]
    return found + [Changed(old.picture.machine, Change("-", "machine is gone")) for old in by_target.values()]


def renamed(old: Locked, new: Locked) -> Sequence[Change]:
    if old.picture.machine == new.picture.machine:
        return ()
    text = f"machine is called {new.picture.machine} now, was {old.picture.machine}; what is stored is not found"
    return (Change("~", text, unreadable=("snapshot", "journal")),)


def lock_all(targets: Sequence[str]) -> dict[str, Locked]:
    """The machines that targets name, by their names.  Raises `Failure` where two have one name."""
    found: dict[str, Locked] = {}
    for target in dict.fromkeys(targets):
        locked = lock_of(find_machine(target), target)
        name = locked.picture.machine
        if name in found:
            raise Failure(f"{found[name].target} and {target} are both called {name}; lock them in two files")
        found[name] = locked
    return dict(sorted(found.items()))


# ---------------------------------------------------------------- files


def read_earlier(targets: Sequence[str], path: str) -> dict[str, Locked]:
    """What stands in the file that is to be written anew; nothing where it says nothing, and need not."""
    try:
        return read_lock_file(path, missing_ok=bool(targets))
    except LockFileError:
        if not targets:
            raise
        return {}


def read_lock_file(path: str, *, missing_ok: bool = False) -> dict[str, Locked]:
    """What stands in a lock file.  Raises `Failure`, `LockFileError`."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        if missing_ok:
            return {}
        raise Failure(f"{path}: there is no such file; write one with: leverframe lock MACHINE... -o {path}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise (file_failure(path, error) if isinstance(error, OSError) else Failure(f"{path}: is no text")) from error
    return locks_in(text, path)


# ---------------------------------------------------------------- telling


def print_changes(changed: Sequence[Changed]) -> None:
    print_rows(COLUMNS, [each.row() for each in changed])


def as_object(name: str, locked: Locked, changed: Sequence[Changed]) -> dict[str, Any]:
    return {
        "machine": name,
        "target": locked.target,
        "fingerprint": fingerprint(locked),
        "changes": [change_object(each.change) for each in changed if each.machine == name],
    }


def change_object(change: Change) -> dict[str, Any]:
    return {"sign": change.sign, "text": change.text, "unreadable": list(change.unreadable)}
