"""What does `leverframe diagram` lay over a picture?  The way of an instance, what a journal says, or a change."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from leverframe.cli.databases import open_existing
from leverframe.cli.failures import Failure, file_failure
from leverframe.cli.reads import key_of, not_found, who_and_why
from leverframe.cli.spans import show_span
from leverframe.cli.targets import AnyMachine
from leverframe.cli.text import show_key, single_line
from leverframe.diagrams.differences import both_pictures
from leverframe.diagrams.heat import heat_marks
from leverframe.diagrams.looks import Marks
from leverframe.diagrams.objects import read_picture
from leverframe.diagrams.picture import Picture, picture_of
from leverframe.diagrams.tracks import Track, track_marks
from leverframe.errors import LockFileError, NotFound, UnreadableRow
from leverframe.typed.payload import Payload
from leverframe.wording import join_names

__all__ = ["difference", "heat", "track"]

# ---------------------------------------------------------------- one instance


def track(machine: AnyMachine, url: str, tenant: str | None, words: tuple[str, ...]) -> Marks:
    """Where an instance is, and how it came there."""
    key = key_of(words)
    with open_existing(url, tenant) as store:
        try:
            entries = store.history(machine, key)
        except NotFound:
            raise not_found(store, machine, key) from None
    tracks = tracks_of(machine, entries)
    name = single_line(f"{machine.machine_name} {show_key(key)}")
    return track_marks(picture_of(machine), name, tracks[-1].to_path, tracks)


def tracks_of(machine: AnyMachine, entries: Sequence[Any]) -> list[Track]:
    """Lines of a journal, in the paths and events of today as far as these can be read."""
    found: list[Track] = []
    for entry in entries:
        before = found[-1].to_path if found else entry.from_path
        reached = path_of(machine, entry)
        found.append(Track(entry.version, before, event_of(entry), reached, "".join(who_and_why(entry))))
    return found


def path_of(machine: AnyMachine, entry: Any) -> str:
    try:
        state: Payload = entry.state
        return machine.path(type(state))
    except UnreadableRow:
        return str(entry.to_path)


def event_of(entry: Any) -> str:
    try:
        return "" if entry.event is None else type(entry.event).__name__
    except UnreadableRow:
        return "?"


# ---------------------------------------------------------------- all instances


def heat(machine: AnyMachine, url: str, tenant: str | None, since: timedelta | None) -> Marks:
    """How often each move was made, and how long each state was held."""
    with open_existing(url, tenant) as store:
        traffic = store.traffic(machine, since=None if since is None else store.now() - since)
    span = "" if since is None else f"of the last {show_span(since)}"
    return heat_marks(picture_of(machine), traffic, span)


# ---------------------------------------------------------------- two versions


def difference(target: str, machine: AnyMachine, old: str) -> tuple[Picture, Marks]:
    """The machine as it is and as it was: in a file, or at a git revision."""
    now = picture_of(machine)
    before = picture_in_file(machine, old) if os.path.exists(old) else picture_then(target, old)
    return both_pictures(before, now, (single_line(os.path.basename(old) or old), "now"))


def picture_then(target: str, revision: str) -> Picture:
    from leverframe.cli.revisions import picture_at_revision

    return picture_at_revision(target, revision)


def picture_in_file(machine: AnyMachine, path: str) -> Picture:
    """The picture of a machine in a lock file, or in what `leverframe diagram -f json` has written."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise file_failure(path, error) from error
    except UnicodeDecodeError as error:
        raise Failure(f"{path}: is no text") from error
    found = pictures_in(path, text)
    name = machine.machine_name
    if name not in found:
        raise Failure(f"{path} has no {name}; it has {join_names(found) or 'no machine'}")
    return found[name]


def pictures_in(path: str, text: str) -> Mapping[str, Picture]:
    from leverframe.checks.lock import locks_in

    try:
        said = json.loads(text)
        if "leverframe_lock" in said:
            return {name: locked.picture for name, locked in locks_in(text, path).items()}
        picture = read_picture(said)
    except LockFileError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        problem = "is neither a lock file, nor a picture that `leverframe diagram -f json` has written"
        raise Failure(f"{path}: {problem}") from error
    return {picture.machine: picture}
