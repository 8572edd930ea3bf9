"""What a stream that outlives its connection may hold, and what becomes of it when its house burns."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import pytest
from fusewire import Bounds, Fuse
from fusewire.streams import journal, reading
from fusewire.streams import streams as timing
from fusewire.wire import messages as m

from tests.support.apps import fuse_of_users
from tests.support.peer import Peer, call, connected
from tests.support.proxy import Proxy
from tests.support.resuming import Crew, Log, Reader
from tests.support.server import running, serving
from tests.support.valkey import ValkeyServer

MIB = 2**20


class House:
    """Workers whose streams do as the test says."""

    def __init__(self, url: str | None, *, drain_seconds: float = 0.2, resume: str = "1m") -> None:
        self.log = Log()
        self.gate = asyncio.Event()
        name = uuid.uuid4().hex
        self.apps = [self._app(url, name, drain_seconds, resume) for _ in range(1 if url is None else 2)]

    def _app(self, url: str | None, name: str, drain_seconds: float, resume: str) -> Fuse:
        bounds = Bounds(result_bytes=4 * MIB)
        fuse = fuse_of_users(broker=url, name=name, drain_seconds=drain_seconds, bounds=bounds)

        @fuse.rpc(resume=resume)
        async def huge(sizes: list[int]) -> AsyncIterator[bytes]:
            for size in sizes:
                self.log.yielded += 1
                yield bytes(size)

        @fuse.rpc.get("/hold", resume=resume)
        async def hold() -> AsyncIterator[int]:
            """Items before the gate, and one behind it."""
            self.log.started += 1
            try:
                yield 1
                yield 2
                await self.gate.wait()
                yield 3
            finally:
                self.log.cleaned.set()

        return fuse

    @asynccontextmanager
    async def open(self) -> AsyncIterator[list[str]]:
        async with AsyncExitStack() as stack:
            yield [await stack.enter_async_context(serving(fuse.app)) for fuse in self.apps]


async def settled(log: Log, least: int) -> int:
    """How many items the generator has yielded when it waits; at least so many."""
    async with asyncio.timeout(20):
        before = -1
        while before != log.yielded or before < least:
            before = log.yielded
            await asyncio.sleep(0.3)
    return before


async def begin(peer: Peer, first: int, count: int) -> None:
    """So many streams, each with its first item."""
    await peer.send(*(call(number, "hold") for number in range(first, first + count)))
    waiting = set(range(first, first + count))
    while waiting:
        item = await peer.until(m.Item)
        waiting.discard(item.id)


async def test_a_caller_has_128_of_them_at_work_with_a_reader_or_without(broker_url: str | None) -> None:
    house = House(broker_url)
    async with house.open() as hosts:
        host = hosts[0]
        names: list[str] = []
        for _ in range(4):
            # Their readers are gone, and they count.
            async with connected(host, token="ann") as peer:
                await peer.send(*(call(number, "hold") for number in range(1, 33)))
                names += [(await peer.until(m.Stream)).stream for _ in range(32)]
                peer.cut()
        async with connected(host, token="ann") as peer, connected(host, token="eve") as other:
            error = await peer.error(call(1, "hold"))
            assert (error.code, error.status) == ("TOO_MANY_CALLS", 429)
            assert house.log.started == 128
            # Nobody else is refused, and neither is one that goes on.
            await begin(other, 1, 1)
            await peer.send(m.Resume(1, names[0]))
            await peer.until(m.Item)
            await peer.send(m.Cancel(1))
            assert (await peer.until(m.Error)).code == "CANCELLED"
            await begin(peer, 1, 1)
            house.gate.set()


async def test_those_who_are_nobody_count_by_their_address(
    broker_url: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timing, "RUNNERS", 3)
    house = House(broker_url)
    async with house.open() as hosts:
        here, there = ({"x-forwarded-for": address} for address in ("10.0.0.1", "10.0.0.2"))
        async with (
            connected(hosts[0], headers=here) as one,
            connected(hosts[0], headers=here) as same,
            connected(hosts[0], headers=there) as other,
            connected(hosts[0], headers=here, token="ann") as ann,
        ):
            await begin(one, 1, 3)
            assert (await same.error(call(1, "hold"))).code == "TOO_MANY_CALLS"
            await begin(other, 1, 3)
            await begin(ann, 1, 3)
            house.gate.set()


async def test_an_item_that_is_larger_than_the_journal_arrives(broker_url: str | None) -> None:
    house = House(broker_url)
    sizes = [3 * MIB, 10, 3 * MIB, 3 * MIB, 10]
    async with house.open() as hosts, Reader(hosts) as reader:
        await reader.call("huge", sizes)
        reader.stream = (await reader.peer.until(m.Stream)).stream
        await reader.cut()
        # One of them fills it; what was on its way to the reader who went is taken.
        assert await settled(house.log, 1) <= 3
        for _ in range(3):
            await reader.resume()
            await reader.read(1)
            await reader.cut()
        await reader.resume()
        await reader.read()
        assert [len(item) for item in reader.got if isinstance(item, bytes)] == sizes
        assert isinstance(reader.ended, m.End)


@pytest.mark.usefixtures("quick")
async def test_what_was_sent_and_did_not_arrive_is_kept_whatever_comes_behind_it(
    broker_url: str | None,
) -> None:
    house = House(broker_url)
    sizes = [10, 20, 30, 3 * MIB, 3 * MIB, 3 * MIB]
    async with house.open() as hosts, Reader(hosts) as reader:
        await reader.call("huge", sizes)
        await reader.read(1)
        # The others up to the first large one are on their way, and what is behind that is written.
        await settled(house.log, 5)
        await reader.cut()
        await reader.resume()
        await reader.read()
        assert [len(item) for item in reader.got if isinstance(item, bytes)] == sizes
        assert isinstance(reader.ended, m.End)


async def test_an_item_that_cannot_be_sent_ends_the_stream_behind_those_before(
    broker_url: str | None,
) -> None:
    house = House(broker_url)
    async with house.open() as hosts, Reader(hosts) as reader:
        await reader.call("huge", [10, 5 * MIB, 10])
        await reader.read(1)
        await reader.cut()
        await reader.resume()
        await reader.read()
        assert reader.got == [bytes(10)]
        assert isinstance(reader.ended, m.Error)
        assert (reader.ended.code, reader.ended.status) == ("TOO_LARGE", 413)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> int:
    """A journal of that many items, so that the tests are fast."""
    for module in (journal, reading):
        monkeypatch.setattr(module, "UNREAD_ITEMS", 1_000)
        monkeypatch.setattr(module, "KEPT_ITEMS", 1_100)
    return 1_000


async def test_the_generator_waits_when_so_many_items_wait(broker_url: str | None, few: int) -> None:
    async with Crew(broker_url) as crew, Reader(crew.hosts) as reader:
        await reader.call("count", 5 * few)
        await reader.read(1)
        await reader.cut()
        # Beyond what waits is what was sent to the reader who went, or was on its way there.
        assert await settled(crew.log, few) <= few + 64 + 256 + 1
        await reader.resume()
        await reader.read()
        assert reader.got == list(range(5 * few))
        assert crew.log.started == 1


async def test_what_is_not_kept_any_more_is_told(broker_url: str | None, few: int) -> None:
    async with Crew(broker_url) as crew, Reader(crew.hosts) as reader:
        await reader.call("count", 3 * few)
        await reader.read(3)
        position = reader.position
        await reader.read()
        for reader.position in (None, position):
            reader.ended = None
            await reader.cut()
            await reader.resume()
            await reader.read()
            assert isinstance(reader.ended, m.Error)
            assert (reader.ended.code, reader.ended.status) == ("STREAM_LOST", 410)
        assert reader.got == list(range(3 * few))


async def test_a_reader_who_takes_nothing_is_told_that_another_one_goes_on(broker_url: str | None) -> None:
    async with (
        Crew(broker_url) as crew,
        Reader(crew.hosts[::-1]) as other,
        connected(crew.hosts[0], token="ann") as idle,
    ):
        await idle.send(call(1, "count", 10**9, 0.0))
        other.stream = (await idle.until(m.Stream)).stream
        # Its window is spent, and it grants nothing.
        for n in range(64):
            assert (await idle.until(m.Item)).value == n
        await other.resume()
        assert (await idle.until(m.Error)).code == "STREAM_TAKEN_OVER"
        await other.read(100)
        assert other.got == list(range(100))
        await other.peer.send(m.Cancel(1))
        await other.read()


async def test_an_event_source_that_is_closed_is_waited_for(broker_url: str | None) -> None:
    house = House(broker_url, resume="0.5s")
    headers = {"accept": "text/event-stream", "authorization": "Bearer ann"}
    async with house.open() as hosts, httpx.AsyncClient() as client:
        async with client.stream("GET", f"http://{hosts[0]}/api/hold", headers=headers) as answer:
            await anext(answer.aiter_lines())
        assert not house.log.cleaned.is_set()
        await asyncio.wait_for(house.log.cleaned.wait(), 10)


async def test_the_other_forms_over_http_end_with_their_connection(broker_url: str | None) -> None:
    house = House(broker_url)
    async with house.open() as hosts, httpx.AsyncClient() as client:
        async with client.stream("GET", f"http://{hosts[0]}/api/hold") as answer:
            await anext(answer.aiter_lines())
        await asyncio.wait_for(house.log.cleaned.wait(), 5)


async def test_what_one_transport_wrote_the_other_does_not_read(broker_url: str | None) -> None:
    house = House(broker_url)
    headers = {"accept": "text/event-stream", "authorization": "Bearer ann"}
    async with house.open() as hosts, httpx.AsyncClient() as client, Reader(hosts) as reader:
        url = f"http://{hosts[0]}/api/hold"
        async with client.stream("GET", url, headers=headers) as answer:
            line = await anext(answer.aiter_lines())
        reader.stream = line.removeprefix("id: ").partition("/")[0]
        await reader.resume()
        await reader.read()
        assert isinstance(reader.ended, m.Error)
        assert reader.ended.code == "STREAM_UNKNOWN"
        reader.stream = reader.ended = None
        await reader.call("hold")
        await reader.read(1)
        last = {"last-event-id": f"{reader.stream}/{reader.position}"}
        refused = await client.get(url, headers=headers | last)
        assert (refused.status_code, refused.json()["code"]) == (404, "STREAM_UNKNOWN")
        house.gate.set()


async def test_a_position_of_several_words_disturbs_nobody(broker_url: str | None) -> None:
    house = House(broker_url)
    async with house.open() as hosts, Reader(hosts) as reader, Reader(hosts[::-1]) as other:
        await reader.call("hold")
        await reader.read(2)
        other.stream, other.position = reader.stream, "1-1 t s"
        await other.resume()
        await other.read()
        assert isinstance(other.ended, m.Error)
        assert other.ended.code == "STREAM_LOST"
        house.gate.set()
        await reader.read()
        assert reader.got == [1, 2, 3]


# A worker that stops


async def test_a_worker_that_stops_lets_generators_finish(valkey: ValkeyServer) -> None:
    house = House(valkey.url, drain_seconds=20)
    options = {"ws": "fusewire.serving:WebSocketProtocol", "timeout_graceful_shutdown": 20}
    async with (
        serving(house.apps[1].app) as there,
        running(house.apps[0].app, quick=False, **options) as server,
        Reader([server.host]) as attached,
        Reader([server.host, there]) as away,
    ):
        for reader in (attached, away):
            await reader.call("hold")
            await reader.read(2)
        await away.cut()
        server.stop()
        await attached.peer.until(m.GoAway)
        house.gate.set()
        # On its own connection, and for whoever comes back elsewhere.
        await attached.read()
        await away.resume()
        await away.read()
    for reader in (attached, away):
        assert reader.got == [1, 2, 3]
        assert isinstance(reader.ended, m.End)


async def test_a_worker_that_stops_waits_for_a_generator_that_nobody_reads(valkey: ValkeyServer) -> None:
    house = House(valkey.url, drain_seconds=20)
    async with serving(house.apps[1].app) as there:
        async with serving(house.apps[0].app) as here:
            reader = Reader([here, there])
            await reader.call("hold")
            await reader.read(2)
            await reader.cut()
            # When the server has long been stopping.
            asyncio.get_running_loop().call_later(0.5, house.gate.set)
        async with reader:
            await reader.resume()
            await reader.read()
    assert reader.got == [1, 2, 3]
    assert isinstance(reader.ended, m.End)


async def test_a_worker_that_has_stopped_leaves_no_generator_behind(valkey: ValkeyServer) -> None:
    house = House(valkey.url)
    async with serving(house.apps[0].app) as host, Reader([host]) as reader:
        await reader.call("hold")
        await reader.read(2)
        await reader.cut()
    # Its clean-up has run before the server ends.
    assert house.log.cleaned.is_set()


# Redis goes away


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "BEAT_SECONDS", 0.2)
    monkeypatch.setattr(timing, "LEASE_SECONDS", 1.0)
    monkeypatch.setattr(reading, "READ_SECONDS", 1.0)


@pytest.mark.usefixtures("quick")
async def test_while_redis_is_away_every_reader_is_told_that_the_rest_is_lost() -> None:
    with ValkeyServer() as redis:
        house = House(redis.url)
        async with (
            house.open() as hosts,
            Reader(hosts) as here,
            Reader(hosts[::-1]) as there,
        ):
            await here.call("hold")
            await here.read(2)
            # Another one, which is read at the worker that does not run it.
            await there.call("hold")
            await there.read(2)
            await there.cut()
            await there.resume()
            await there.peer.until(m.Stream)
            redis.stop()
            house.gate.set()
            for reader in (here, there):
                async with asyncio.timeout(30):
                    while reader.ended is None:
                        match await reader.peer.next(patiently=True):
                            case m.Item(value=value):
                                reader.got.append(value)
                            case m.Error() as error:
                                reader.ended = error
                assert reader.got == [1, 2]
                assert isinstance(reader.ended, m.Error)
                assert reader.ended.code == "STREAM_LOST"
            # The generators are gone, and new ones are refused as not started.
            await asyncio.wait_for(house.log.cleaned.wait(), 5)
            error = await here.peer.error(call(2, "hold"))
            assert error.code == "UNAVAILABLE"
            await here.peer.send(m.Resume(3, "there-is-none"))
            assert (await here.peer.until(m.Error)).code == "UNAVAILABLE"


async def test_a_redis_that_is_back_soon_is_not_noticed(valkey: ValkeyServer) -> None:
    async with Proxy("127.0.0.1", valkey.port).running() as proxy:
        house = House(f"redis://127.0.0.1:{proxy.port}")
        async with house.open() as hosts, Reader(hosts) as reader:
            await reader.call("hold")
            await reader.read(2)
            proxy.down.open.clear()
            house.gate.set()
            await asyncio.sleep(1)
            proxy.down.open.set()
            await reader.read()
            assert reader.got == [1, 2, 3]
            assert isinstance(reader.ended, m.End)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("runs", [0, 1])
async def test_while_redis_is_away_nobody_is_taken_for_gone(valkey: ValkeyServer, runs: int) -> None:
    async with Proxy("127.0.0.1", valkey.port).running() as proxy:
        house = House(f"redis://127.0.0.1:{proxy.port}", resume="1s")
        async with house.open() as hosts, Reader([hosts[runs], hosts[0]]) as reader:
            await reader.call("hold")
            await reader.read(2)
            await reader.cut()
            await reader.resume()
            await reader.peer.until(m.Stream)
            proxy.down.open.clear()
            # Longer than it is waited for a reader.
            await asyncio.sleep(3)
            proxy.down.open.set()
            house.gate.set()
            await reader.read()
            assert reader.got == [1, 2, 3]
            assert isinstance(reader.ended, m.End)


@pytest.mark.usefixtures("quick")
async def test_a_redis_that_lost_its_data_is_told_as_lost() -> None:
    with ValkeyServer() as redis:
        house = House(redis.url)
        async with house.open() as hosts, Reader(hosts) as reader:
            await reader.call("hold")
            await reader.read(2)
            redis.stop()
            redis.start()
            house.gate.set()
            async with asyncio.timeout(30):
                ended = None
                while not isinstance(ended, m.Error | m.End):
                    ended = await reader.peer.next(patiently=True)
            # What was read is read, and no item is passed over.
            assert isinstance(ended, m.Error)
            assert ended.code == "STREAM_LOST"
