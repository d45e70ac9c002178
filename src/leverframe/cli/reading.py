"""How is a log read?  Line by line, as bytes, in bounded memory whatever the file holds."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import BinaryIO

from attrs import frozen

__all__ = ["LONGEST_LINE", "RawLine", "read_lines"]

LONGEST_LINE = 1_000_000
"""The most bytes that a line may have, its end not counted."""

LINE_END = 2
"""The bytes of the longest line end, that of Windows."""


@frozen
class RawLine:
    """One line as the file has it, without its end; `content` is None if it was too long and passed over.

    `size` is how many bytes of the file it took, its end included.
    """

    number: int
    content: bytes | None
    size: int


def read_lines(file: BinaryIO) -> Iterator[RawLine]:
    r"""The lines of a file, numbered from 1; a byte order mark at the start belongs to none of them.

    >>> from io import BytesIO
    >>> [line.content for line in read_lines(BytesIO(b"\xef\xbb\xbfone\r\ntwo\n\nthe last"))]
    [b'one', b'two', b'', b'the last']
    """
    number = 0
    while chunk := file.readline(LONGEST_LINE + LINE_END):
        number += 1
        whole = chunk.endswith(b"\n") or len(chunk) < LONGEST_LINE + LINE_END
        size = len(chunk) if whole else len(chunk) + pass_over(file)
        content = chunk.removesuffix(b"\n").removesuffix(b"\r")
        if number == 1:
            content = content.removeprefix(codecs.BOM_UTF8)
        yield RawLine(number, content if whole and len(content) <= LONGEST_LINE else None, size)


def pass_over(file: BinaryIO) -> int:
    """Read to the end of the line, keeping nothing; how many bytes that were."""
    size = 0
    while chunk := file.readline(LONGEST_LINE):
        size += len(chunk)
        if chunk.endswith(b"\n"):
            break
    return size
