"""Streams that survive their reader: cut anywhere, resumed anywhere, each item once, and the generator runs once."""

from __future__ import annotations

import asyncio
import random
import sys
import uuid

import pytest
from fusewire.streams import streams as timing
from fusewire.wire import messages as m

from tests.support.peer import call
from tests.support.resuming import Crew, Log, Reader, worker
from tests.support.server import serving
from tests.support.valkey import ValkeyServer

ITEMS = 600
CUTS = 60


async def test_a_stream_that_is_cut_again_and_again_arrives_whole(broker_url: str | None) -> None:
    chance = random.Random(7)
    async with Crew(broker_url) as crew, Reader(crew.hosts) as reader:
        await reader.call("count", ITEMS, 0.001)
        for _ in range(CUTS):
            await reader.read(chance.randrange(1, 16))
            await reader.cut()
            await reader.resume()
        await reader.read()
    assert reader.got == list(range(ITEMS))
    assert isinstance(reader.ended, m.End)
    assert crew.log.started == 1


async def test_after_the_end_there_is_the_rest_and_then_the_end(broker_url: str | None) -> None:
    async with Crew(broker_url) as crew, Reader(crew.hosts) as reader:
        await reader.call("count", 50)
        await reader.read(10)
        await reader.cut()
        await asyncio.wait_for(crew.log.cleaned.wait(), 5)
        await reader.resume()
        await reader.read()
        assert reader.got == list(range(50))
        # From the beginning, too: a page that was loaded again knows nothing but the name.
        reader.position, reader.ended = None, None
        await reader.resume()
        await reader.read()
        assert reader.got == [*range(50), *range(50)]
    assert crew.log.started == 1


async def test_an_error_is_told_to_whoever_comes_back(broker_url: str | None) -> None:
    async with Crew(broker_url) as crew, Reader(crew.hosts) as reader:
        await reader.call("fails")
        await reader.read(1)
        await reader.cut()
        await reader.resume()
        await reader.read()
        assert reader.got == [1]
        assert isinstance(reader.ended, m.Error)
        assert reader.ended.code == "INTERNAL"


async def test_who_stops_it_stops_the_generator_wherever_it_runs(broker_url: str | None) -> None:
    async with Crew(broker_url) as crew, Reader(crew.hosts) as reader:
        await reader.call("count", 10**9, 0.001)
        await reader.read(3)
        await reader.cut()
        await reader.resume()
        await reader.read(3)
        await reader.peer.send(m.Cancel(1))
        await reader.read()
        assert isinstance(reader.ended, m.Error)
        assert reader.ended.code == "CANCELLED"
        assert crew.log.cleaned.is_set()


async def test_a_reader_that_takes_nothing_can_still_stop_it(broker_url: str | None) -> None:
    async with Crew(broker_url) as crew, Reader(crew.hosts) as reader:
        await reader.call("wide", 10**9)
        await reader.peer.until(m.Item)
        await reader.peer.send(m.Cancel(1))
        await reader.peer.until(m.Error)
        await asyncio.wait_for(crew.log.cleaned.wait(), 5)


async def test_a_call_that_is_cancelled_in_the_frame_that_brought_it_ends(broker_url: str | None) -> None:
    async with Crew(broker_url) as crew, Reader(crew.hosts) as reader:
        peer = await reader.connect()
        await peer.send(call(1, "count", 10**9, 0.001), m.Cancel(1))
        assert (await peer.until(m.Error)).code == "CANCELLED"
    assert crew.log.started == 0 or crew.log.cleaned.is_set()


async def test_nobody_comes_back(broker_url: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "BEAT_SECONDS", 0.1)
    async with Crew(broker_url, resume="0.5s") as crew, Reader(crew.hosts) as reader:
        await reader.call("count", 10**9, 0.01)
        # As long as somebody reads it goes on for longer than it waits.
        await reader.read(100)
        assert not crew.log.cleaned.is_set()
        await reader.cut()
        await asyncio.wait_for(crew.log.cleaned.wait(), 5)


async def test_the_generator_waits_when_the_journal_is_full_and_then_goes_on(broker_url: str | None) -> None:
    async with Crew(broker_url) as crew, Reader(crew.hosts) as reader:
        await reader.call("wide", 300)
        await reader.read(1)
        await reader.cut()
        # 1 MiB of 16 KiB, and what was on its way to the reader who went.
        async with asyncio.timeout(5):
            before = -1
            while before != crew.log.yielded:
                before = crew.log.yielded
                await asyncio.sleep(0.2)
        assert 64 <= crew.log.yielded <= 64 + 50
        await reader.resume()
        await reader.read()
        assert reader.got == [each.to_bytes(4, "big") * 4096 for each in range(300)]


@pytest.mark.parametrize("token", ["eve", None])
async def test_nobody_else_can_resume_it(broker_url: str | None, token: str | None) -> None:
    async with Crew(broker_url) as crew, Reader(crew.hosts) as reader, Reader(crew.hosts, token) as other:
        await reader.call("count", 10**9, 0.01)
        await reader.read(1)
        other.stream = reader.stream
        await other.resume()
        await other.read()
        theirs = other.ended
        other.ended, other.stream = None, "there-is-none"
        await other.resume()
        await other.read()
        assert isinstance(theirs, m.Error)
        assert theirs.code == "STREAM_UNKNOWN"
        assert theirs == other.ended
        await reader.read(3)


async def test_the_later_of_two_readers_goes_on(broker_url: str | None) -> None:
    async with Crew(broker_url) as crew, Reader(crew.hosts) as one, Reader(crew.hosts[::-1]) as two:
        await one.call("count", 10**9, 0.01)
        await one.read(5)
        two.stream = one.stream
        await two.resume()
        await two.read(10)
        await one.read()
        assert isinstance(one.ended, m.Error)
        assert one.ended.code == "STREAM_TAKEN_OVER"
        await two.read(10)
        assert two.got == list(range(20))
        assert one.got == list(range(len(one.got)))
    assert crew.log.started == 1


@pytest.mark.parametrize("position", ["0-0", "99999999999999999-0", "nonsense"])
async def test_a_position_that_it_never_had_is_answered(broker_url: str | None, position: str) -> None:
    async with Crew(broker_url) as crew, Reader(crew.hosts) as reader:
        await reader.call("count", 10**9, 0.01)
        await reader.read(1)
        reader.position = position
        await reader.resume()
        await reader.read()
        assert isinstance(reader.ended, m.Error)
        assert reader.ended.code == "STREAM_LOST"


async def test_a_worker_that_stops_tells_what_it_could_not_finish(valkey: ValkeyServer) -> None:
    crew = Crew(valkey.url)
    async with serving(crew.apps[1].app) as there:
        async with serving(crew.apps[0].app) as here:
            reader = Reader([here, there])
            await reader.call("count", 10**9, 0.01)
            await reader.read(5)
            await reader.cut()
        async with reader:
            await reader.resume()
            await reader.read()
    assert reader.got == list(range(len(reader.got)))
    assert len(reader.got) > 5
    assert isinstance(reader.ended, m.Error)
    assert reader.ended.code == "STREAM_LOST"


async def test_a_lease_that_ran_out_while_redis_was_away_is_taken_again(
    valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timing, "BEAT_SECONDS", 0.3)
    crew = Crew(valkey.url)
    async with crew, Reader(crew.hosts) as reader:
        await reader.call("count", 20, 0.1)
        await reader.read(1)
        await reader.cut()
        await reader.resume()
        await crew.apps[0]._hub.sessions.store.delete(f"stream-lease:{reader.stream}")
        await reader.read()
    assert reader.got == list(range(20))
    assert isinstance(reader.ended, m.End)


async def test_a_worker_that_is_killed_leaves_what_it_had_written(
    valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timing, "BEAT_SECONDS", 0.2)
    name = uuid.uuid4().hex
    there = worker(valkey.url, name, Log(), "1m")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.support.resuming",
        valkey.url,
        name,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        host = (await asyncio.wait_for(process.stdout.readline(), 20)).decode().strip()
        async with serving(there.app) as other, Reader([host, other]) as reader:
            await reader.call("count", 10**9, 0.01)
            await reader.read(5)
            await reader.cut()
            await reader.resume()
            await reader.read(5)
            process.kill()
            await process.wait()
            async with asyncio.timeout(15):
                while reader.ended is None:
                    match await reader.peer.next(patiently=True):
                        case m.Item(value=value):
                            reader.got.append(value)
                        case m.Error() as error:
                            reader.ended = error
        assert reader.got == list(range(len(reader.got)))
        assert isinstance(reader.ended, m.Error)
        assert reader.ended.code == "STREAM_LOST"
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
