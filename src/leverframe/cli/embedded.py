"""Do documents show the machines of today?  `leverframe diagram --check`, and `--write`, which mends them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import click
from attrs import frozen

from leverframe.cli.diagram import Shape, drawn, format_of
from leverframe.cli.failures import Failure, file_failure
from leverframe.cli.files import put_whole
from leverframe.cli.output import print_note
from leverframe.cli.statuses import FOUND
from leverframe.cli.targets import find_machine
from leverframe.diagrams.embedding import Marker, fenced, markers_in, with_contents
from leverframe.diagrams.picture import picture_of

__all__ = ["Read", "check_documents", "write_documents"]

IMAGES = ("svg", "png")

MOST_NAMED = 3

Read = Callable[[Sequence[str]], tuple[str, Shape]]
"""What the arguments of a marker say: a target, and how it is drawn.  Raises click's errors."""


@frozen
class Embedded:
    """A picture of a document, as it should be: `content` is that of `image`, or what stands behind the marker."""

    path: str
    marker: Marker
    target: str
    image: str | None
    content: bytes

    def __str__(self) -> str:
        what = f"the picture of {self.target}" if self.image is None else self.image
        return f"{self.path}:{self.marker.line}: {what}"


@frozen
class Text:
    """A document: `path`, and what is in it."""

    path: str
    text: str

    def has(self, embedded: Embedded) -> bool:
        """Whether that picture is as it should be."""
        if embedded.image is not None:
            return content_of(embedded.image) == embedded.content
        return with_contents(self.text, {embedded.marker: embedded.content.decode()}) == self.text


def check_documents(paths: Sequence[str], targets: Sequence[str], read: Read) -> int:
    """Tell which pictures of documents are out of date; the exit status."""
    documents = all_embedded(paths, targets, read)
    old = [embedded for document, found in documents for embedded in found if not document.has(embedded)]
    for embedded in old:
        is_missing = embedded.image is not None and not os.path.exists(embedded.image)
        click.echo(f"{embedded} {'is not there' if is_missing else 'is out of date'}")
    if old:
        names = list(dict.fromkeys(embedded.path for embedded in old))
        print_note(f"To mend {'it' if len(old) == 1 else 'them'}: leverframe diagram --write {files_of(names)}")
        return FOUND
    print_note(f"{count(sum(len(found) for _, found in documents))} up to date")
    return 0


def write_documents(paths: Sequence[str], targets: Sequence[str], read: Read) -> None:
    """Bring the pictures of documents up to date, and tell which were not."""
    number, written = 0, 0
    for document, found in all_embedded(paths, targets, read):
        number += len(found)
        due = [embedded for embedded in found if not document.has(embedded)]
        for embedded in due:
            if embedded.image is not None:
                put_whole(embedded.image, embedded.content)
        inside = {each.marker: each.content.decode() for each in due if each.image is None}
        if inside:
            put_whole(document.path, with_contents(document.text, inside).encode())
        for embedded in due:
            click.echo(f"{embedded} is written")
        written += len(due)
    if not written:
        print_note(f"{count(number)} up to date")


def files_of(names: Sequence[str]) -> str:
    return " ".join(names) if len(names) <= MOST_NAMED else f"{' '.join(names[:MOST_NAMED])} ..."


def count(number: int) -> str:
    return f"{number} picture{'' if number == 1 else 's'}"


# ---------------------------------------------------------------- documents


def all_embedded(paths: Sequence[str], targets: Sequence[str], read: Read) -> list[tuple[Text, list[Embedded]]]:
    """The documents and their pictures.  Everything is drawn before anything is written.  Raises `Failure`."""
    documents = [read_text(path) for path in dict.fromkeys(paths)]
    found = [(document, list(embedded_in(document, targets, read))) for document in documents]
    if not any(pictures for _, pictures in found):
        of = f" of {', '.join(targets)}" if targets else ""
        raise Failure(
            f"no picture{of} in {', '.join(paths)}; mark the place of one with <!-- leverframe diagram MACHINE --> "
            "and, in a line below, <!-- end -->"
        )
    return found


def embedded_in(document: Text, targets: Sequence[str], read: Read) -> Iterator[Embedded]:
    try:
        markers = markers_in(document.text)
    except ValueError as error:
        raise Failure(f"{document.path}: the arguments of a marker: {error}") from error
    for marker in markers:
        try:
            yield from made(document, marker, targets, read)
        except (click.ClickException, ValueError) as error:
            said = error.format_message() if isinstance(error, click.ClickException) else str(error)
            raise Failure(f"{document.path}:{marker.line}: {said}") from error


def made(document: Text, marker: Marker, targets: Sequence[str], read: Read) -> Iterator[Embedded]:
    target, shape = read(marker.arguments)
    if targets and target not in targets:
        return
    image = None if shape.path is None else os.path.join(os.path.dirname(document.path), shape.path)
    format = format_of(shape)
    if image is None and format in IMAGES:
        raise Failure(f"a {format} stands in a file of its own; name it with -o")
    if image is None and marker.last is None:
        raise Failure("there is no <!-- end --> behind it")
    content = drawn(picture_of(find_machine(target)), shape, format)
    if image is None:
        content = fenced(content.decode(), format).encode()
    yield Embedded(document.path, marker, target, image, content)


def read_text(path: str) -> Text:
    content = content_of(path)
    if content is None:
        raise Failure(f"{path}: there is no such file")
    try:
        return Text(path, content.decode())
    except UnicodeDecodeError as error:
        raise Failure(f"{path}: is no text in UTF-8") from error


def content_of(path: str) -> bytes | None:
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise file_failure(path, error) from error
