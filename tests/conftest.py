"""What many tests start from."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

from knowledge.facts import Fact
from tests import specification

settings.register_profile("phasewise", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("phasewise")
"""How long an example takes says something of the machine, not of the code."""


@pytest.fixture(scope="session")
def dictionary() -> dict[str, Fact]:
    """The small fact dictionary of the specification tables."""
    return specification.dictionary()
