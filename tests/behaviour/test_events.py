"""Server push: who gets an event, and in which order."""

import asyncio
import uuid
from collections.abc import AsyncIterator

import pytest
from fusewire import Fuse, emit
from fusewire.wire import messages as m
from pydantic import BaseModel

from tests.support.apps import add_rooms, fuse_of_users
from tests.support.callers import calling
from tests.support.peer import Peer, call, connected
from tests.support.server import serving


class JobStatus(BaseModel):
    job_id: str
    progress: int


class Rich(JobStatus):
    secret: str = "hidden"


class Report(BaseModel):
    status: JobStatus


class Unregistered(BaseModel):
    x: int = 1


@pytest.fixture
def fuse(broker_url: str | None) -> Fuse:
    return make_fuse(broker_url, uuid.uuid4().hex)


def make_fuse(broker_url: str | None, name: str) -> Fuse:
    fuse = fuse_of_users(broker=broker_url, name=name)
    fuse.rpc.event(JobStatus)
    fuse.rpc.event(Report)
    add_rooms(fuse)

    @fuse.rpc
    async def start(job_id: str) -> bool:
        for progress in (0, 50, 100):
            await emit(JobStatus(job_id=job_id, progress=progress))
        return True

    @fuse.rpc
    async def wrong() -> None:
        await emit(Unregistered())

    return fuse


@pytest.fixture
async def host(fuse: Fuse) -> AsyncIterator[str]:
    async with serving(fuse.app) as host:
        yield host


async def progress(peer: Peer, count: int) -> list[int]:
    return [(await peer.until(m.Event)).value["progress"] for _ in range(count)]


async def nothing_came(fuse: Fuse, peer: Peer) -> bool:
    """A broadcast later, that is the first event: what was emitted before it would have come before it."""
    await fuse.broadcast().emit(JobStatus(job_id="marker", progress=0))
    return bool((await peer.until(m.Event)).value["job_id"] == "marker")


async def test_emit_reaches_every_device_of_the_caller_and_nobody_else(fuse: Fuse, host: str) -> None:
    async with (
        connected(host, token="ann") as phone,
        connected(host, token="ann") as desk,
        connected(host, token="bob") as bob,
    ):
        await phone.send(call(1, "start", "j"))
        assert await progress(phone, 3) == [0, 50, 100]
        assert await progress(desk, 3) == [0, 50, 100]
        assert await nothing_came(fuse, bob)


async def test_an_anonymous_caller_gets_it_on_its_own_session(fuse: Fuse, host: str) -> None:
    async with connected(host) as one, connected(host) as other:
        await one.send(call(1, "start", "j"))
        assert await progress(one, 3) == [0, 50, 100]
        assert await nothing_came(fuse, other)


async def test_an_event_is_filtered_by_its_declared_type(fuse: Fuse, host: str) -> None:
    async with connected(host, token="ann") as peer:
        await fuse.to("ann").emit(Report(status=Rich(job_id="j", progress=1)))
        assert (await peer.until(m.Event)).value == {"status": {"job_id": "j", "progress": 1}}


@pytest.mark.parametrize("transport", ["http-json", "http-msgpack"])
async def test_emit_over_http(fuse: Fuse, host: str, transport: str) -> None:
    async with connected(host, token="ann") as desk:
        async with calling(transport, host, fuse.contract(), token="ann") as caller:
            assert await caller.call("start", "j") is True
        assert await progress(desk, 3) == [0, 50, 100]
        async with calling(transport, host, fuse.contract()) as anonymous:
            assert await anonymous.call("start", "j") is True


async def test_to_users_room_and_everybody(fuse: Fuse, host: str) -> None:
    async with (
        connected(host, token="ann") as ann,
        connected(host, token="bob") as bob,
        connected(host) as guest,
    ):
        await bob.send(call(1, "enter", "lobby"))
        await bob.until(m.Result)
        await fuse.to("ann", "nobody").emit(JobStatus(job_id="j", progress=1))
        await fuse.room("lobby").emit(JobStatus(job_id="j", progress=2))
        await fuse.broadcast().emit(JobStatus(job_id="j", progress=3))
        assert await progress(ann, 2) == [1, 3]
        assert await progress(bob, 2) == [2, 3]
        assert await progress(guest, 1) == [3]
        await bob.send(call(2, "leave", "lobby"))
        await bob.until(m.Result)
        await fuse.room("lobby").emit(JobStatus(job_id="j", progress=4))
        assert await nothing_came(fuse, bob)


async def test_a_refreshed_identity_moves_the_connection(fuse: Fuse, host: str) -> None:
    async with connected(host, token="ann") as peer:
        await peer.send(m.Refresh(1, {"token": "bob"}))
        await peer.until(m.Result)
        await fuse.to("ann").emit(JobStatus(job_id="j", progress=1))
        await fuse.to("bob").emit(JobStatus(job_id="j", progress=2))
        assert await progress(peer, 1) == [2]


async def test_emit_from_a_background_task_of_the_call(fuse: Fuse, host: str) -> None:
    done = asyncio.Event()

    async def job() -> None:
        await emit(JobStatus(job_id="j", progress=7))
        done.set()

    async with asyncio.TaskGroup() as tasks:

        @fuse.rpc
        async def start_later() -> None:
            tasks.create_task(job())

        async with connected(host, token="ann") as peer:
            await peer.send(call(1, "start_later"))
            assert await progress(peer, 1) == [7]


async def test_an_event_that_was_not_registered_is_named(
    fuse: Fuse, host: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(TypeError, match=r"Unregistered is not an event of this app.*@rpc\.event"):
        await fuse.broadcast().emit(Unregistered())
    async with connected(host) as peer:
        await peer.send(call(1, "wrong"))
        assert (await peer.until(m.Error)).code == "INTERNAL"


async def test_emit_and_rooms_outside_a_call(fuse: Fuse, host: str) -> None:
    with pytest.raises(RuntimeError, match=r"use fuse\.to\(user\)"):
        await emit(JobStatus(job_id="j", progress=1))
    with pytest.raises(RuntimeError, match="outside a call"):
        await fuse.room("lobby").join()
    with pytest.raises(ValueError, match="empty"):
        fuse.room("")


async def test_who_leaves_is_forgotten(fuse: Fuse, host: str) -> None:
    async with connected(host, token="ann"):
        assert "1 members, 2 topics" in repr(fuse)
    async with asyncio.timeout(5):
        while "0 members, 0 topics" not in repr(fuse):  # noqa: ASYNC110  # there is no event to wait for
            await asyncio.sleep(0.01)
