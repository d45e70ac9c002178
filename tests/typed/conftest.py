"""What the tests of machine definitions share."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager

import pytest

from leverframe import MachineDefinitionError

Refused = Callable[[str, str, str], AbstractContextManager[None]]


@contextmanager
def _refused(machine: str, member: str, remedy: str) -> Generator[None]:
    with pytest.raises(MachineDefinitionError) as caught:
        yield
    error = caught.value
    text = str(error)
    assert (error.machine, error.member) == (machine, member), text
    assert text.startswith(f"{machine}.{member}: " if member else f"{machine}: ")
    assert "\n" not in text
    assert remedy in text


@pytest.fixture
def refused() -> Refused:
    """Expects a class statement to be refused: the class and member named, one line, and the remedy in it."""
    return _refused
