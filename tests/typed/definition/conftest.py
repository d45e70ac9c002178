"""What holds after each test of a machine definition."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from definitions import Busy, Ended, Go, Idle, Stop, correct


@pytest.fixture(autouse=True)
def leaves_nothing_behind() -> Iterator[None]:
    """Whatever was refused in a test, a correct machine of the same classes works afterwards, on both drivers."""
    yield
    machine = correct()
    assert machine.start(Idle()).send(Go()).state == Busy("x")
    assert machine.native(Idle()).deliver(Stop()).state == Ended()
