"""Streams that survive their reader: cut anywhere, resumed anywhere, each item once, and the generator runs once."""

from __future__ import annotations

import asyncio
import random
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import pytest
from fastapi import FastAPI
from fusewire import Credentials, Fuse
from fusewire.streams import streams as timing
from fusewire.wire import messages as m

from tests.support.peer import Peer, call, connected
from tests.support.server import serving
from tests.support.valkey import ValkeyServer

ITEMS = 600
CUTS = 60


class Log:
    """What generators did."""

    def __init__(self) -> None:
        self.started = 0
        self.yielded = 0
        self.cleaned = asyncio.Event()


def worker(url: str | None, name: str, log: Log, resume: str) -> Fuse:
    fuse = Fuse(FastAPI(), broker=url, name=name, drain_seconds=0.2)

    @fuse.identity
    async def identify(credentials: Credentials) -> str | None:
        return credentials.token

    @fuse.rpc.get("/count", resume=resume)
    async def count(n: int, pause: float = 0.0) -> AsyncIterator[int]:
        log.started += 1
        try:
            for each in range(n):
                log.yielded += 1
                yield each
                if pause:
                    await asyncio.sleep(pause)
        finally:
            log.cleaned.set()

    @fuse.rpc(resume=resume)
    async def fails() -> AsyncIterator[int]:
        yield 1
        raise ValueError("broken")

    @fuse.rpc(resume=resume)
    async def wide(n: int) -> AsyncIterator[bytes]:
        try:
            for each in range(n):
                log.yielded += 1
                yield each.to_bytes(4, "big") * 4096
        finally:
            log.cleaned.set()

    return fuse


class Crew:
    """Workers of one app: one when there is no broker between them, else two."""

    def __init__(self, url: str | None, resume: str = "1m") -> None:
        self.log = Log()
        name = uuid.uuid4().hex
        self.apps = [worker(url, name, self.log, resume) for _ in range(1 if url is None else 2)]
        self.hosts: list[str] = []

    async def __aenter__(self) -> Crew:
        self._stack = AsyncExitStack()
        for fuse in self.apps:
            self.hosts.append(await self._stack.enter_async_context(serving(fuse.app)))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()


class Reader:
    """Reads one stream over as many connections as it takes."""

    def __init__(self, hosts: list[str], token: str | None = "ann") -> None:
        self._hosts = hosts
        self._token = token
        self._stack = AsyncExitStack()
        self._connections = 0
        self.peer: Peer
        self.stream: str | None = None
        self.position: str | None = None
        self.got: list[object] = []
        self.ended: m.End | m.Error | None = None

    async def __aenter__(self) -> Reader:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def connect(self) -> Peer:
        host = self._hosts[self._connections % len(self._hosts)]
        self._connections += 1
        self.peer = await self._stack.enter_async_context(connected(host, token=self._token))
        return self.peer

    async def call(self, name: str, *args: object) -> None:
        await self.connect()
        await self.peer.send(call(1, name, *args))

    async def cut(self) -> None:
        """The network goes away, and what was on its way with it."""
        self.peer.cut()
        await self._stack.aclose()

    async def resume(self) -> None:
        await self.connect()
        assert self.stream is not None
        await self.peer.send(m.Resume(1, self.stream, self.position))

    async def read(self, most: int = 10**9) -> None:
        """So many items, or up to the end."""
        while most > 0 and self.ended is None:
            match await self.peer.next():
                case m.Stream(stream=stream):
                    assert self.stream in (None, stream)
                    self.stream = stream
                case m.Item(value=value, position=position):
                    assert position is not None
                    self.got.append(value)
                    self.position = position
                    most -= 1
                    await self.peer.send(m.Credit(1, 1, 20_000))
                case m.End() | m.Error() as end:
                    self.ended = end


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


async def events(response: httpx.Response) -> AsyncIterator[dict[str, str]]:
    """The fields of each server-sent event."""
    fields: dict[str, str] = {}
    async for line in response.aiter_lines():
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.strip()
        elif fields:
            yield fields
            fields = {}


SSE = {"accept": "text/event-stream", "authorization": "Bearer ann"}


async def test_server_sent_events_go_on_behind_the_last_event_id(broker_url: str | None) -> None:
    got: list[str] = []
    headers = dict(SSE)
    connections = 0
    async with Crew(broker_url) as crew, httpx.AsyncClient() as client:
        while True:
            host = crew.hosts[connections % len(crew.hosts)]
            connections += 1
            async with client.stream(
                "GET", f"http://{host}/api/count?n=100&pause=0.001", headers=headers
            ) as answer:
                if answer.status_code == 204:
                    break
                async for event in events(answer):
                    headers["last-event-id"] = event["id"]
                    if "event" in event:
                        break
                    got.append(event["data"])
                    if len(got) % 9 == 0:
                        break
        assert got == [str(each) for each in range(100)]
        assert crew.log.started == 1
        # Somebody else, or with an id that is none.
        for change in ({"authorization": "Bearer eve"}, {"last-event-id": "x"}, {"last-event-id": "x/1-1"}):
            answer = await client.get(f"http://{crew.hosts[0]}/api/count?n=3", headers={**headers, **change})
            assert (answer.status_code, answer.json()["code"]) == (404, "STREAM_UNKNOWN")


async def test_over_server_sent_events_an_error_before_the_first_item_has_its_status(
    broker_url: str | None,
) -> None:
    async with Crew(broker_url) as crew, httpx.AsyncClient() as client:
        answer = await client.get(f"http://{crew.hosts[0]}/api/count?n=many", headers=SSE)
        assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_ARGUMENT")


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


async def test_a_worker_that_is_killed_leaves_what_it_had_written(
    valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timing, "BEAT_SECONDS", 0.2)
    name = uuid.uuid4().hex
    there = worker(valkey.url, name, Log(), "1m")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.behaviour.test_resume",
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


async def _serve(url: str, name: str) -> None:
    timing.LEASE_SECONDS, timing.BEAT_SECONDS = 1.5, 0.2
    async with serving(worker(url, name, Log(), "1m").app) as host:
        sys.stdout.write(f"{host}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(*sys.argv[1:]))
