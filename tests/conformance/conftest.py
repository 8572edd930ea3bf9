"""Two servers for all conversations: with the protocol's times, and with short ones for those that wait for a time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conformance.serving import serving


@pytest.fixture(scope="session")
def ordinary() -> Iterator[str]:
    with serving("app") as url:
        yield url


@pytest.fixture(scope="session")
def quick() -> Iterator[str]:
    with serving("quick") as url:
        yield url
