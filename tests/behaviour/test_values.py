"""Values that need care, on every transport."""

import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from fusewire import Fuse
from pydantic import BaseModel, Field

from tests.support.callers import Caller, CallError

Connect = Callable[..., Awaitable[Caller]]


async def test_values_travel_exactly(fuse: Fuse, connect: Connect, transport: str) -> None:
    class Everything(BaseModel):
        id: uuid.UUID
        price: Decimal
        when: datetime
        tags: set[str] = Field(default_factory=set)
        raw: bytes = b""

    value = Everything(
        id=uuid.UUID(int=7),
        price=Decimal("1.10"),
        when=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        raw=b"\xff\x00",
    )

    @fuse.rpc
    async def everything() -> Everything:
        return value

    @fuse.rpc
    async def size(blob: bytes) -> int:
        return len(blob)

    caller = await connect()
    got = await caller.call("everything")
    binary = transport in ("websocket", "http-msgpack")
    assert got == {
        "id": str(value.id),
        "price": "1.10",
        "when": value.when if binary else "2026-01-02T03:04:05Z",
        "tags": [],
        "raw": b"\xff\x00" if binary else "/wA=",
    }
    assert await caller.call("size", b"\xff\x00" if binary else "/wA=") == 2


async def test_odd_keys_and_collections_travel(fuse: Fuse, connect: Connect, transport: str) -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    @fuse.rpc
    async def keyed() -> dict[int, dict[uuid.UUID, bool]]:
        return {1: {uuid.UUID(int=2): True}}

    @fuse.rpc
    async def moments() -> set[datetime]:
        return {moment}

    @fuse.rpc
    async def blobs() -> frozenset[bytes]:
        return frozenset((b"\xff",))

    caller, binary = await connect(), transport in ("websocket", "http-msgpack")
    assert await caller.call("keyed") == {"1": {str(uuid.UUID(int=2)): True}}
    assert await caller.call("moments") == [moment if binary else "2026-01-02T03:04:05Z"]
    assert await caller.call("blobs") == [b"\xff" if binary else "/w=="]


async def test_a_naive_datetime_is_an_error_everywhere(
    fuse: Fuse, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    @fuse.rpc
    async def when() -> list[datetime]:
        return [datetime(2026, 1, 2)]  # noqa: DTZ001  # that is the point

    with pytest.raises(CallError, match="UNENCODABLE") as raised:
        await (await connect()).call("when")
    assert "give it a time zone" in raised.value.detail
    assert "naive datetime" in caplog.text
