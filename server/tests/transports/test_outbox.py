"""The outbox alone: what is joined, what waits, and what is dropped. `Socket` takes a frame when the test lets it."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest
from fusewire.transports.websocket.outbox import JOINED_BYTES, Outbox
from starlette.types import Message


class Socket:
    """What an ASGI server's `send` does: it waits while the peer reads nothing, and raises when the peer is gone."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.takes = asyncio.Event()
        self.takes.set()
        self.broken = False

    async def send(self, message: Message) -> None:
        while not self.takes.is_set():
            await self.takes.wait()
        if self.broken:
            raise OSError("gone")
        self.frames.append(message["bytes"])


class QuickSocket(Socket):
    """One that takes a frame at once too, as `fusewire.serving` does."""

    def write_now(self, frame: bytes) -> bool:
        if self.broken or not self.takes.is_set():
            return False
        self.frames.append(frame)
        return True


class Box:
    def __init__(self, tasks: asyncio.TaskGroup, socket: Socket) -> None:
        self.socket = socket
        self.gone = 0
        self._tasks = tasks
        self.outbox = Outbox(self.socket.send, self, bound=100, frame_bytes=50)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return self._tasks.create_task(work)

    def fill(self) -> None:
        """A frame that the socket does not take, and behind it as much as may wait."""
        self.socket.takes.clear()
        self.outbox.put(b"first")
        self.outbox.flush()
        self.outbox.put(bytes(100))

    def lost(self) -> None:
        self.gone += 1


@pytest.fixture(params=[Socket, QuickSocket])
async def box(request: pytest.FixtureRequest) -> AsyncIterator[Box]:
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        yield Box(tasks, request.param())


async def test_what_was_put_leaves_as_one_frame_and_at_once(box: Box) -> None:
    for message in (b"a", b"b", b"c"):
        box.outbox.put(message)
    assert box.socket.frames == []
    box.outbox.flush()
    assert box.socket.frames == [b"abc"]
    assert box.outbox.writer is None
    box.outbox.flush()
    assert box.socket.frames == [b"abc"]


async def test_frames_are_cut_between_messages(box: Box) -> None:
    for size in (20, 30, 1, 50, 60, 10):
        box.outbox.put(bytes(size))
    box.outbox.flush()
    assert [len(frame) for frame in box.socket.frames] == [50, 1, 50, 60, 10]


async def test_much_is_written_without_being_asked_for(box: Box) -> None:
    box.outbox.put(bytes(JOINED_BYTES - 1))
    assert box.socket.frames == []
    box.outbox.put(b"x")
    assert sum(len(frame) for frame in box.socket.frames) == JOINED_BYTES


async def test_while_the_socket_waits_all_that_comes_is_joined_and_stays_in_order(box: Box) -> None:
    box.socket.takes.clear()
    box.outbox.put(b"first")
    box.outbox.flush()
    for message in (b"2", b"3"):
        box.outbox.put(message)
        box.outbox.flush()
    box.socket.takes.set()
    await box.outbox.drain()
    assert box.socket.frames == [b"first", b"23"]
    assert box.outbox.writer is None


@pytest.mark.parametrize(("waiting", "full"), [(99, False), (100, True), (101, True)])
async def test_what_waits_is_counted_and_bounded(box: Box, waiting: int, full: bool) -> None:
    box.socket.takes.clear()
    box.outbox.put(bytes(500))
    box.outbox.flush()
    # What is being written does not count.
    assert box.outbox.size == 0
    box.outbox.put(bytes(waiting))
    assert box.outbox.size == waiting
    room = box.spawn(box.outbox.room(100))
    await asyncio.sleep(0)
    assert room.done() is not full
    assert box.outbox.fits(b"") is (waiting <= 100)
    assert not box.outbox.fits(bytes(102 - min(waiting, 101)))
    box.socket.takes.set()
    await box.outbox.drain()
    assert box.outbox.fits(bytes(1000))


async def test_who_waits_for_room_goes_on_when_there_is_some(box: Box) -> None:
    box.fill()
    async with asyncio.TaskGroup() as tasks:
        waiting = [tasks.create_task(box.outbox.room(100)) for _ in range(3)]
        await asyncio.sleep(0)
        assert not any(task.done() for task in waiting)
        box.socket.takes.set()
    assert box.outbox.size == 0


@pytest.mark.parametrize("waits", [False, True])
async def test_a_socket_that_is_gone_is_told_once_and_nothing_is_kept(box: Box, waits: bool) -> None:
    box.socket.broken = True
    if waits:
        box.socket.takes.clear()
    box.outbox.put(b"a")
    box.outbox.flush()
    if waits:
        box.outbox.put(bytes(100))
        box.socket.takes.set()
        await box.outbox.drain()
    assert box.gone == 1
    assert box.outbox.size == 0
    await box.outbox.room(100)


async def test_abandoned_it_lets_everybody_go(box: Box) -> None:
    box.fill()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(box.outbox.room(100))
        await asyncio.sleep(0)
        box.outbox.abandon()
    await box.outbox.drain()
    assert box.socket.frames == []
