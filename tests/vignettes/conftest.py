"""The shipped content, ready to answer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cds.releases import PreparedRelease
from tests.vignettes.shipped import Ask, asking, base, made_ready


@pytest.fixture(scope="session")
def release() -> Iterator[PreparedRelease]:
    """The shipped content as release 1, without its drafts."""
    ready = made_ready(base())
    yield ready
    ready.close()


@pytest.fixture(scope="session")
def release_with_drafts() -> Iterator[PreparedRelease]:
    """The shipped content with what waits for a source."""
    ready = made_ready(base(drafts=True))
    yield ready
    ready.close()


@pytest.fixture(scope="session")
def advice_for(release: PreparedRelease) -> Ask:
    return asking(release)


@pytest.fixture(scope="session")
def approved_advice_for(release: PreparedRelease) -> Ask:
    """The same release after a person has approved it."""
    return asking(release, approved=True)


@pytest.fixture(scope="session")
def advice_with_drafts_for(release_with_drafts: PreparedRelease) -> Ask:
    return asking(release_with_drafts)
