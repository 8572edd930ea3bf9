"""Values as they are on the wire: without a client's types."""

import pytest

from tests.support.callers import TRANSPORTS


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def binary(transport: str) -> bool:
    """Whether datetimes and bytes are themselves there."""
    return transport in ("websocket", "http-msgpack")
