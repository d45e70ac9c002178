"""How a log is taken apart into lines."""

from __future__ import annotations

from io import BytesIO

import pytest

from leverframe.cli.reading import LONGEST_LINE, read_lines


class Metered(BytesIO):
    """A file that notes the most that was ever asked of it at once."""

    most = 0

    def readline(self, size: int | None = -1, /) -> bytes:
        found = super().readline(-1 if size is None else size)
        self.most = max(self.most, len(found))
        return found


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", []),
        (b"\n", [b""]),
        (b"one", [b"one"]),
        (b"one\ntwo\n", [b"one", b"two"]),
        (b"one\r\ntwo\r\n", [b"one", b"two"]),
        (b"one\rtwo\n", [b"one\rtwo"]),
        (b"\xef\xbb\xbfone\n\xef\xbb\xbftwo", [b"one", b"\xef\xbb\xbftwo"]),
    ],
)
def test_lines_come_without_their_ends(content: bytes, lines: list[bytes]) -> None:
    """A line ends at a line feed, or at a carriage return and one; a byte order mark at the start is no content."""
    assert [line.content for line in read_lines(BytesIO(content))] == lines


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_the_longest_line_is_read(end: bytes) -> None:
    """A line of exactly as many bytes as are allowed is read, whatever its end."""
    (line,) = read_lines(BytesIO(b"x" * LONGEST_LINE + end))
    assert line.content == b"x" * LONGEST_LINE


@pytest.mark.parametrize("more", [1, 2, 3, LONGEST_LINE, 9 * LONGEST_LINE])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_longer_line_is_passed_over(more: int, end: bytes) -> None:
    """A line that is too long has no content, and the next one is read with its right number."""
    first, second = read_lines(BytesIO(b"x" * (LONGEST_LINE + more) + end + b"two"))
    assert (first.number, first.content, second.number, second.content) == (1, None, 2, b"two")


def test_a_long_line_takes_little_memory() -> None:
    """However long a line is, no more of it than one line of the longest kind is held."""
    file = Metered(b"x" * 10 * LONGEST_LINE)
    assert [line.content for line in read_lines(file)] == [None]
    assert file.most <= LONGEST_LINE + 2


def test_sizes_add_up() -> None:
    """The sizes of the lines are together the size of the file."""
    content = b"\xef\xbb\xbfone\r\n\n" + b"x" * (2 * LONGEST_LINE) + b"\nlast"
    assert sum(line.size for line in read_lines(BytesIO(content))) == len(content)
