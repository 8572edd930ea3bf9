"""A parameter that is a stream, filled by the test."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI
from fusewire import Bounds, Fuse, RpcError
from fusewire.testing import Client, connect
from pydantic import BaseModel


class Point(BaseModel):
    x: int


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    fuse = Fuse(FastAPI(), bounds=Bounds(stream_items=4))

    @fuse.rpc(transports="websocket")
    async def total(name: str, points: AsyncIterator[Point], *, scale: int = 1) -> list[Any]:
        return [name, sum([point.x async for point in points]) * scale]

    @fuse.rpc(transports="websocket")
    async def first(points: AsyncIterator[Point]) -> int:
        async for point in points:
            return point.x
        return -1

    @fuse.rpc(transports="websocket")
    async def doubled(numbers: AsyncIterator[int]) -> AsyncIterator[int]:
        async for number in numbers:
            yield number * 2

    async with connect(fuse.app) as client:
        yield client


class Source:
    def __init__(self) -> None:
        self.read = 0
        self.closed = False

    async def points(self, count: int) -> AsyncIterator[Point]:
        try:
            for n in range(count):
                self.read += 1
                yield Point(x=n)
        finally:
            await asyncio.sleep(0)
            self.closed = True


async def test_to_its_end(client: Client) -> None:
    assert await client.total("sum", Source().points(100), scale=2) == ["sum", 9900]
    assert await client.total("none", points=Source().points(0)) == ["none", 0]


async def test_a_procedure_that_stops_reading_stops_the_source(client: Client) -> None:
    source = Source()
    assert await client.first(source.points(1000)) == 0
    assert source.closed
    assert source.read <= 8


async def test_both_ways_at_once(client: Client) -> None:
    async def numbers() -> AsyncIterator[int]:
        for n in range(50):
            yield n

    assert [number async for number in client.doubled(numbers())] == [n * 2 for n in range(50)]
    assert [number async for number in client.doubled(client.doubled(numbers()))] == [
        n * 4 for n in range(50)
    ]


async def test_leaving_the_stream_stops_the_source(client: Client) -> None:
    source = Source()

    async def numbers() -> AsyncIterator[int]:
        async for point in source.points(1000):
            yield point.x

    async with client.doubled(numbers()) as doubled:
        assert await anext(doubled) == 0
    assert source.read <= 12


async def test_an_item_that_does_not_fit(client: Client) -> None:
    async def wrong() -> AsyncIterator[dict[str, str]]:
        yield {"x": "no number"}

    with pytest.raises(RpcError) as raised:
        await client.total("sum", wrong())
    assert raised.value.code == "INVALID_ARGUMENT"


async def test_a_source_that_fails(client: Client) -> None:
    async def failing() -> AsyncIterator[Point]:
        yield Point(x=1)
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        await client.total("sum", failing())
