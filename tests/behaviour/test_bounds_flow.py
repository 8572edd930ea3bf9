"""Bounds of what is in flight and on its way out: at the bound, one below and one above. No other connection notices."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from fusewire.transports.websocket.connection import Connection
from fusewire.wire import messages as m

from tests.support.peer import Peer, call
from tests.support.worlds import BOUNDS, Blob, World, works

Start = Callable[..., Awaitable[World]]


async def test_calls_in_flight(world: World, bystander: Peer) -> None:
    peer = await world.open()
    await peer.send(*(call(call_id, "numbers", 100) for call_id in (21, 22)))
    for _ in range(2 * BOUNDS.stream_items):
        await peer.until(m.Item)
    await peer.send(*(call(call_id, "wait_here") for call_id in (1, 2)))
    await world.until("waiting", 2)
    # One place is left, and free again after each call.
    for call_id in (3, 4, 5):
        assert await peer.result(call(call_id, "add", 1)) == 1
    await peer.send(*(call(call_id, "wait_here") for call_id in (3, 4)))
    error = await peer.until(m.Error)
    assert (error.id, error.status, error.code) == (4, 429, "TOO_MANY_CALLS")
    # The streams, which have places of their own, are all still there.
    await peer.send(call(6, "numbers", 1))
    error = await peer.until(m.Error)
    assert (error.id, error.code) == (6, "TOO_MANY_CALLS")
    world.gate.set()
    assert {(await peer.until(m.Result)).id for _ in range(3)} == {1, 2, 3}
    assert world.noted.count("waiting") == 3
    assert await works(peer)


async def test_calls_that_never_wait_take_no_place(world: World, bystander: Peer) -> None:
    peer = await world.open()
    await peer.send(*(call(call_id, "add", call_id) for call_id in range(1, 41)))
    assert [(await peer.until(m.Result)).value for _ in range(40)] == list(range(1, 41))


async def test_streams_in_flight(world: World, bystander: Peer) -> None:
    peer = await world.open()
    await peer.send(*(call(call_id, "numbers", 100) for call_id in (1, 2, 3)))
    error = await peer.until(m.Error)
    assert (error.id, error.code) == (3, "TOO_MANY_CALLS")
    assert await works(peer)
    await peer.send(m.Cancel(1))
    assert (await peer.until(m.Error)).code == "CANCELLED"
    await peer.send(call(3, "numbers", 0))
    assert await peer.until(m.End) == m.End(3)


@pytest.mark.parametrize("off", [-1, 0, 1])
async def test_bytes_of_a_result_and_of_an_item(world: World, bystander: Peer, off: int) -> None:
    head = 3  # of bin 16
    size = BOUNDS.result_bytes - head + off
    peer, client = await world.open(), await world.http()
    await peer.send(call(1, "big", size))
    await peer.send(call(2, "numbers", 1, size))
    answers = [await peer.answer(1), await peer.answer(2)]
    if off <= 0:
        assert [type(answer) for answer in answers] == [m.Result, m.Item]
    else:
        assert [answer.code for answer in answers if isinstance(answer, m.Error)] == ["TOO_LARGE"] * 2
    msgpack = await client.post("/big", json={"size": size}, headers={"accept": "application/msgpack"})
    assert (msgpack.status_code, len(msgpack.content) > 1000) == ((200, True) if off <= 0 else (413, False))


@pytest.mark.parametrize("off", [-1, 0, 1])
async def test_bytes_of_a_result_as_json(world: World, bystander: Peer, off: int) -> None:
    @world.fuse.rpc
    async def text(size: int) -> str:
        return "x" * size

    client = await world.http()
    response = await client.post("/text", json={"size": BOUNDS.result_bytes - 2 + off})
    if off <= 0:
        assert (response.status_code, len(response.content)) == (200, BOUNDS.result_bytes + off)
    else:
        assert (response.status_code, response.json()["code"]) == (413, "TOO_LARGE")


async def test_credit_stops_a_generator_and_lets_it_go_on(world: World, bystander: Peer) -> None:
    peer = await world.open()
    await peer.send(call(1, "numbers", 7))
    for _ in range(4):
        assert isinstance(await peer.next(), m.Item)
    # A round trip later it has still made no more.
    assert await peer.result(call(2, "add", 1)) == 1
    assert world.noted == [f"made {i}" for i in range(4)]
    await peer.send(m.Credit(1, 2, 0))
    for _ in range(2):
        assert isinstance(await peer.next(), m.Item)
    assert await peer.result(call(2, "add", 1)) == 1
    assert len(world.noted) == 6
    await peer.send(m.Credit(1, 9, 0))
    assert isinstance(await peer.next(), m.Item)
    assert await peer.next() == m.End(1)


@pytest.mark.parametrize(("left", "items"), [(1, 2), (0, 1), (-1, 1)])
async def test_credit_counts_bytes_too(world: World, bystander: Peer, left: int, items: int) -> None:
    """What the first item leaves of the window decides; while there is a byte left, the next one may overdraw it."""
    head = 3  # of bin 16
    peer = await world.open()
    await peer.send(call(1, "numbers", 7, BOUNDS.stream_bytes - left - head))
    for _ in range(items):
        assert isinstance(await peer.next(), m.Item)
    # A round trip later it has still made no more.
    assert await works(peer)
    assert len(world.noted) == items
    # Up to zero is not above zero.
    spent = items * (BOUNDS.stream_bytes - left)
    await peer.send(m.Credit(1, 0, spent - BOUNDS.stream_bytes))
    assert await works(peer)
    assert len(world.noted) == items
    await peer.send(m.Credit(1, 0, 1))
    assert isinstance(await peer.next(), m.Item)


async def test_credit_is_never_more_than_the_window(world: World, bystander: Peer) -> None:
    peer = await world.open()
    await peer.send(call(1, "numbers", 1000), m.Credit(1, 2**62, 2**62))
    assert await works(peer)
    assert len(world.noted) <= 2 * BOUNDS.stream_items


async def test_events_that_find_no_room_close_as_slow(world: World, bystander: Peer) -> None:
    peer = await world.open()
    # Larger than the socket's buffers can take, and nobody reads: events have nowhere to wait.
    for _ in range(400):
        await world.fuse.broadcast().emit(Blob(data="x" * 20_000))
        await bystander.until(m.Event)
    assert await peer.close_code() == (4001, "slow")


async def test_an_event_larger_than_the_bound_arrives_when_nothing_else_waits(start: Start) -> None:
    world = await start(outgoing_bytes=1000)
    peer = await world.open()
    for size in (999, 1000, 5000):
        await world.fuse.broadcast().emit(Blob(data="x" * size))
        assert len((await peer.until(m.Event)).value["data"]) == size
    assert await works(peer)


async def test_results_and_items_wait_for_room_instead(start: Start) -> None:
    """Far more than may be queued: nothing is closed, and everything arrives when the peer reads again."""
    world = await start(
        outgoing_bytes=1000, calls=200, result_bytes=200_000, stream_items=500, stream_bytes=2**30
    )
    peer, other = await world.open(), await world.open()
    peer.stop_reading()
    await peer.send(call(1000, "numbers", 100, 100_000))
    # One frame takes them all: each answers at once, into a queue that is full soon.
    for first in range(1, 101, 25):
        await peer.send(*(call(call_id, "big", 100_000) for call_id in range(first, first + 25)))
    assert await works(other)
    # So much waits, and one message that got past; the rest of the 20 MB was not made, or waits where it was.
    assert max(queued(world)) <= 1000 + 100_100
    peer.read_again()
    results: set[int] = set()
    items = 0
    while len(results) < 100 or items < 100:
        message = await peer.next()
        if isinstance(message, m.Result):
            results.add(message.id)
        elif isinstance(message, m.Item):
            items += 1
    assert results == set(range(1, 101))
    assert await works(peer)


async def test_items_leave_room_for_what_cannot_wait(start: Start) -> None:
    """A stream whose reader grants credit and reads nothing: no more than its window waits, however large the queue may be."""
    world = await start(stream_bytes=500_000, stream_items=100, result_bytes=20_000, outgoing_bytes=2**21)
    peer, other = await world.open(), await world.open()
    peer.stop_reading()
    await peer.send(call(1, "numbers", 10_000, 10_000))
    for _ in range(40):
        await peer.send(m.Credit(1, 100, 500_000))
        assert await works(other)
    assert 500_000 <= max(queued(world)) < 511_000
    peer.cut()


async def test_what_waits_for_room_can_be_cancelled_and_is_dropped_with_its_connection(start: Start) -> None:
    world = await start(outgoing_bytes=1000, calls=200, result_bytes=200_000)
    peer, other = await world.open(), await world.open()
    peer.stop_reading()
    for first in range(1, 101, 25):
        await peer.send(*(call(call_id, "big", 100_000) for call_id in range(first, first + 25)))
    await peer.send(*(m.Cancel(call_id) for call_id in range(80, 101)), call(101, "wait_here"))
    await world.until("waiting")
    assert await works(other)
    peer.cut()
    await world.until("cancelled")
    assert await works(other)


async def test_refreshes(world: World, bystander: Peer) -> None:
    """One is under way; so many wait; one more is too many."""
    peer = await world.open(token="ann")
    ids = range(1, BOUNDS.refreshes + 3)
    await peer.send(*(m.Refresh(call_id, {"token": "slow"}) for call_id in ids))
    error = await peer.until(m.Error)
    assert (error.id, error.code) == (BOUNDS.refreshes + 2, "TOO_MANY_CALLS")
    world.gate.set()
    assert [(await peer.until(m.Result)).id for _ in range(BOUNDS.refreshes + 1)] == list(ids)[:-1]
    await peer.send(m.Refresh(9, {"token": "bob"}))
    assert (await peer.until(m.Result)).id == 9


async def test_threads_left_behind_are_counted(world: World, bystander: Peer) -> None:
    peer = await world.open()
    for call_id in range(1, 20):
        await peer.send(call(call_id, "blocks"))
        if call_id <= BOUNDS.calls:
            await world.until("blocking", call_id)
        await peer.send(m.Cancel(call_id))
        assert (await peer.until(m.Error)).code == "CANCELLED"
    assert world.blocked == BOUNDS.calls
    world.unblock.set()
    assert await works(peer)


async def test_clean_up_and_background_tasks_left_behind_are_counted(world: World, bystander: Peer) -> None:
    """What is settled and still at work is bounded too: the next call waits for it, and runs then."""
    peer = await world.open()
    for call_id in range(1, BOUNDS.calls + 1):
        await peer.result(call(call_id, "later"))
    await peer.send(call(9, "wait_here", timeout_ms=100))
    assert (await peer.until(m.Error)).code == "DEADLINE_EXCEEDED"
    assert "waiting" not in world.noted
    await peer.send(call(10, "add", 10))
    world.gate.set()
    assert (await peer.until(m.Result)).value == 10
    await world.until("done later", BOUNDS.calls)


async def test_what_a_connection_left_behind_is_not_anothers(world: World, bystander: Peer) -> None:
    peer = await world.open()
    for call_id in range(1, BOUNDS.calls + 1):
        await peer.result(call(call_id, "later"))
    async with asyncio.timeout(5):
        for _ in range(5):
            assert await works(bystander)


def queued(world: World) -> list[int]:
    """How many bytes wait to leave, by connection."""
    members = world.fuse._hub._listeners.members
    return [member.outbox.size for member in members if isinstance(member, Connection)]
