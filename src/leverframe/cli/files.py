"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path

from leverframe.cli.failures import file_failure

__all__ = ["put_whole"]


def put_whole(path: str | Path, content: bytes) -> None:
    """Put this content in place of a file's, or make the file.  Raises `Failure`; then the file is as it was."""
    # What a link leads to is written, and not the link.
    target = Path(os.path.realpath(path))
    try:
        if target.exists() and not target.is_file():
            target.write_bytes(content)  # a device or a pipe
            return
        replace(target, content)
    except OSError as error:
        raise file_failure(str(path), error) from error


def replace(target: Path, content: bytes) -> None:
    number, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with open(number, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, mode_of(target))
        os.replace(name, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def mode_of(target: Path) -> int:
    """The permissions that the file has, or that a new one gets."""
    with contextlib.suppress(FileNotFoundError):
        return stat.S_IMODE(target.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
