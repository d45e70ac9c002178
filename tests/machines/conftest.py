"""What the tests of the shipped machines share: one event, run on either driver."""

from __future__ import annotations

import pytest
from deciding import DRIVERS, Decide


@pytest.fixture(params=DRIVERS)
def run(request: pytest.FixtureRequest) -> Decide:
    """Runs one event on one driver."""
    chosen: Decide = request.param
    return chosen
