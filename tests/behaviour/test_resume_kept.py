"""How long a stream is kept: as long as somebody reads it, and then for the time that `resume=` says."""

from __future__ import annotations

import asyncio

import pytest
import redis.asyncio
from fusewire.streams import streams as timing
from fusewire.wire import messages as m

from tests.faults.waiting import until
from tests.support.resuming import Crew, Reader
from tests.support.valkey import ValkeyServer

ITEMS = 2_000


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "BEAT_SECONDS", 0.1)
    monkeypatch.setattr(timing, "LEASE_SECONDS", 1.0)


@pytest.mark.usefixtures("quick")
async def test_a_reader_may_pause_for_longer_than_the_stream_would_wait_for_one(
    broker_url: str | None,
) -> None:
    async with Crew(broker_url, resume="0.3s") as crew, Reader(crew.hosts) as reader:
        # Written while it pauses, so that there is something old to drop, and something new that does so.
        await reader.call("count", ITEMS, 0.0005)
        await reader.read(30)
        await asyncio.sleep(2)
        await reader.read()
    assert reader.got == list(range(ITEMS))
    assert isinstance(reader.ended, m.End)


@pytest.mark.usefixtures("quick")
async def test_a_stream_that_has_ended_waits_as_long_for_a_reader_who_was_there(
    broker_url: str | None,
) -> None:
    async with Crew(broker_url, resume="0.3s") as crew, Reader(crew.hosts) as reader:
        await reader.call("count", ITEMS)
        await reader.read(30)
        await asyncio.wait_for(crew.log.cleaned.wait(), 10)
        # Longer than it would be found if nobody read it.
        await asyncio.sleep(2)
        await reader.cut()
        await reader.resume()
        await reader.read()
    assert reader.got == list(range(ITEMS))
    assert isinstance(reader.ended, m.End)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("read", [True, False])
async def test_a_stream_can_be_found_as_long_as_it_runs(broker_url: str | None, read: bool) -> None:
    async with Crew(broker_url, resume="1m") as crew, Reader(crew.hosts) as reader:
        await reader.call("count", 300, 0.01)
        await reader.read(1)
        streams = crew.apps[0]._streams
        if not read:
            await reader.cut()
            await until(lambda: not streams._readings, 10, lambda: f"{streams!r}: nobody reads")
        # As it is when its worker has not said for long that it is there.
        store = crew.apps[0]._hub.sessions.store
        await store.touch([f"stream:{reader.stream}"], ttl_seconds=0.5)
        await asyncio.sleep(1)
        if read:
            await reader.cut()
        await reader.resume()
        await reader.read()
    assert reader.got == list(range(300))


async def test_nothing_stays_in_redis_for_good(valkey: ValkeyServer) -> None:
    crew = Crew(valkey.url, resume="1m")
    name = crew.apps[0].name
    async with redis.asyncio.Redis.from_url(valkey.url) as there, crew, Reader(crew.hosts) as reader:
        await reader.call("count", 10**9, 0.01)
        await reader.read(3)
        await reader.cut()
        await reader.resume()
        await reader.read(3)
        left = [await there.pttl(key) async for key in there.scan_iter(f"*{name}*stream*")]
    assert len(left) >= 3
    # The minute, and for how long at most it is not known whether anybody is there.
    assert all(0 < milliseconds <= (60 + 10 + 80) * 1_000 for milliseconds in left)
