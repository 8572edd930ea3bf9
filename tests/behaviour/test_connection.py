"""One WebSocket connection: its handshake, its bounds, and what misuse gets (PROTOCOL §2-§6)."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import websockets
from fastapi import BackgroundTasks, FastAPI
from fusewire import Bounds, Call, Credentials, Fuse, Identity, active_user
from fusewire.transports.websocket import SUBPROTOCOL
from fusewire.wire import messages as m
from fusewire.wire.codec import pack, write
from pydantic import BaseModel

from tests.support.peer import Peer, call, connected
from tests.support.server import serving

BOUNDS = Bounds(
    hello_seconds=0.2,
    identify_seconds=0.3,
    frame_messages=50,
    refreshes=2,
    held_bytes=1024,
    message_bytes=4096,
    frame_bytes=8192,
    depth=8,
    elements=100,
    calls=3,
    streams=2,
    stream_items=4,
    stream_bytes=1000,
    result_bytes=20_000,
    outgoing_bytes=50_000,
    malformed_messages=5,
    heartbeat_seconds=0.3,
)

DEEP: Any = []
for _ in range(12):
    DEEP = [DEEP]

Open = Callable[..., Awaitable[Peer]]


class Blob(BaseModel):
    data: str


class World:
    """One served app, what its procedures noted, and a gate they can wait at."""

    def __init__(self) -> None:
        self.fuse = Fuse(FastAPI(), bounds=BOUNDS, origins=["https://friend.example"])
        self.noted: list[str] = []
        self.gate = asyncio.Event()
        self.changed = asyncio.Event()
        self.blocked = 0
        self.unblock = threading.Event()
        self.host = ""
        self._define()

    def note(self, what: str) -> None:
        self.noted.append(what)
        self.changed.set()

    async def until(self, what: str) -> None:
        async with asyncio.timeout(5):
            while what not in self.noted:
                self.changed.clear()
                await self.changed.wait()

    def _define(self) -> None:  # noqa: C901  # one procedure after the other
        fuse = self.fuse
        fuse.rpc.event(Blob)

        @fuse.identity
        async def identify(credentials: Credentials) -> Identity | str | None:
            if credentials.token == "bad":
                raise PermissionError("expired")
            if credentials.token == "slow":
                await self.gate.wait()
            if credentials.token == "hangs":
                await asyncio.Event().wait()
            if credentials.token == "brief":
                return Identity("brief", expires_at=datetime.now(UTC) + timedelta(seconds=0.1))
            return credentials.token

        @fuse.rpc
        async def add(a: int, b: int = 0) -> int:
            return a + b

        @fuse.rpc
        async def echo(value: Any) -> Any:
            return value

        @fuse.rpc
        async def user() -> str | None:
            return active_user()

        @fuse.rpc
        async def big(size: int) -> bytes:
            return b"x" * size

        @fuse.rpc
        async def wait_here(call: Call) -> float | None:
            self.note("waiting")
            try:
                await self.gate.wait()
            except asyncio.CancelledError:
                self.note("cancelled")
                raise
            finally:
                self.note("finally")
            return call.remaining_seconds

        @fuse.rpc
        async def cleans_up() -> None:
            self.note("running")
            try:
                await asyncio.Event().wait()
            finally:
                self.note("cleaning")
                await self.gate.wait()
                self.note("clean")

        @fuse.rpc
        async def tasks_in_a_generator() -> AsyncIterator[int]:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(asyncio.sleep(30))
                for i in range(1000):
                    yield i

        @fuse.rpc
        async def later(tasks: BackgroundTasks) -> None:
            tasks.add_task(self.gate.wait)
            tasks.add_task(self.note, "done later")

        @fuse.rpc
        def blocks() -> None:
            self.blocked += 1
            assert self.unblock.wait(10)
            self.blocked -= 1

        @fuse.rpc
        async def numbers(n: int, size: int = 1) -> AsyncIterator[bytes]:
            for i in range(n):
                self.note(f"made {i}")
                yield bytes(size)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    async with serving(world.fuse.app) as host:
        world.host = host
        yield world
        world.gate.set()
        world.unblock.set()


@pytest.fixture
async def open_peer(world: World) -> AsyncIterator[Open]:
    async with AsyncExitStack() as stack:

        async def open_peer(**options: Any) -> Peer:
            return await stack.enter_async_context(connected(world.host, **options))

        yield open_peer


async def result_of(peer: Peer, message: m.Call) -> Any:
    await peer.send(message)
    return (await peer.until(m.Result)).value


# The handshake


@pytest.mark.parametrize(
    ("origin", "passes"),
    [
        (None, True),
        ("http://{host}", True),
        ("https://friend.example", True),
        ("https://evil.example", False),
        ("https://friend.example.evil.example", False),
        ("http://127.0.0.1", False),
        ("null", False),
        ("http://[::1", False),
        ("file://{host}", False),
        ("HTTP://{host}", True),
        ("", False),
    ],
)
async def test_origin(world: World, origin: str | None, passes: bool) -> None:
    headers = {} if origin is None else {"Origin": origin.format(host=world.host)}
    connecting = websockets.connect(
        f"ws://{world.host}/_ws",
        subprotocols=[websockets.Subprotocol(SUBPROTOCOL)],
        additional_headers=headers,
    )
    if passes:
        async with connecting:
            return
    with pytest.raises(websockets.InvalidStatus) as caught:
        await connecting
    assert caught.value.response.status_code == 403


async def test_the_subprotocol_must_be_offered(world: World) -> None:
    with pytest.raises(websockets.InvalidStatus) as caught:
        await websockets.connect(f"ws://{world.host}/_ws")
    assert caught.value.response.status_code == 400


async def test_welcome_tells_the_limits_and_whether_the_calls_are_the_same(world: World) -> None:
    calls = world.fuse.contract()["calls"]
    for said, same in ((calls, True), ("0" * 16, False), (None, False)):
        async with connected(world.host, say_hello=False) as peer:
            await peer.send(m.Hello(calls=said))
            welcome = await peer.until(m.Welcome)
            assert welcome.same is same
            assert len(welcome.session) >= 20
            assert welcome.limits == {
                "heartbeat_ms": 300,
                "max_message_bytes": 4096,
                "max_frame_bytes": 8192,
                "max_calls": 3,
                "max_streams": 2,
                "stream_items": 4,
                "stream_bytes": 1000,
            }


async def test_no_hello_in_time(open_peer: Open) -> None:
    peer = await open_peer(say_hello=False)
    assert await peer.close_code() == (4003, "hello_timeout")


async def test_calls_may_follow_hello_at_once_and_wait_for_identity(world: World, open_peer: Open) -> None:
    peer = await open_peer(say_hello=False)
    await peer.send(m.Hello(credentials={"token": "slow"}), call(1, "user"), call(2, "add", 1, 2))
    await peer.send(call(3, "add", 2, 2))
    other = await open_peer()
    assert await result_of(other, call(1, "add", 5)) == 5
    world.gate.set()
    assert isinstance(await peer.next(), m.Welcome)
    results = {(await peer.until(m.Result)).id for _ in range(3)}
    assert results == {1, 2, 3}


async def test_what_is_held_before_welcome_is_bounded(open_peer: Open) -> None:
    peer = await open_peer(say_hello=False)
    await peer.send(m.Hello(credentials={"token": "slow"}))
    for call_id in range(1, 4):
        await peer.send(call(call_id, "echo", "x" * 500))
    assert await peer.close_code() == (4503, "flood")


async def test_a_refused_identity_is_told_and_closed(open_peer: Open) -> None:
    peer = await open_peer(say_hello=False)
    await peer.send(m.Hello(credentials={"token": "bad"}), call(1, "user"))
    error = await peer.until(m.Error)
    assert (error.id, error.status, error.code) == (None, 401, "UNAUTHENTICATED")
    assert await peer.close_code() == (4501, "unauthenticated")


async def test_refresh_changes_who_later_calls_are_from(world: World, open_peer: Open) -> None:
    peer = await open_peer(token="ann")
    assert await result_of(peer, call(1, "user")) == "ann"
    await peer.send(m.Refresh(2, {"token": "bob"}))
    assert (await peer.until(m.Result)).id == 2
    assert await result_of(peer, call(3, "user")) == "bob"
    await peer.send(m.Refresh(4))
    await peer.until(m.Result)
    assert await result_of(peer, call(5, "user")) is None
    await peer.send(m.Refresh(6, {"token": "bad"}))
    assert (await peer.until(m.Error)).id == 6
    assert await peer.close_code() == (4501, "unauthenticated")


async def test_a_silent_client_is_noticed(open_peer: Open) -> None:
    peer = await open_peer()
    assert await peer.close_code() == (4002, "heartbeat")


async def test_ping_is_answered_and_keeps_alive(open_peer: Open) -> None:
    peer = await open_peer(say_hello=False)
    await peer.send(m.Hello())
    for _ in range(3):
        await peer.send(m.Ping())
        await peer.until(m.Pong)


# Frames


async def test_what_is_called_together_is_answered_together(open_peer: Open) -> None:
    peer = await open_peer()
    peer.frames.clear()
    await peer.send(*(call(call_id, "add", call_id, 1) for call_id in (1, 2, 3)))
    assert {(await peer.until(m.Result)).value for _ in range(3)} == {2, 3, 4}
    assert len([frame for frame in peer.frames if frame != write(m.Ping())]) == 1


async def test_the_articles_call_is_at_most_34_bytes() -> None:
    header, mask = 2, 4  # RFC 6455 §5.2, a client's frame of less than 126 bytes
    assert len(write(call(1, "send", {"text": "hi", "number": 220}))) + header + mask <= 34


# Misuse


@pytest.mark.parametrize(
    ("frame", "call_id", "code"),
    [
        (b"\xc1", None, "MALFORMED"),
        (b"", None, "MALFORMED"),
        (b"\x93\x03\x01", None, "MALFORMED"),
        (pack([]), None, "MALFORMED"),
        (pack({"kind": 3}), None, "MALFORMED"),
        (pack([99, 1]), None, "MALFORMED"),
        (pack([3, 0, "add"]), None, "MALFORMED"),
        (pack([3, 2**32, "add"]), None, "MALFORMED"),
        (pack([3, "1", "add"]), None, "MALFORMED"),
        (pack([3, 7]), 7, "MALFORMED"),
        (pack([3, 7, 5]), 7, "MALFORMED"),
        (pack([3, 7, "add", {"a": 1}]), 7, "MALFORMED"),
        (pack([3, 7, "add", [], [1]]), 7, "MALFORMED"),
        (pack([3, 7, "add", [1], None, -5]), 7, "MALFORMED"),
        (b"\x94\x03\x07\xa3add\x91\xa2\xff\xfe", 7, "MALFORMED"),
        (pack([3, 7, "echo", [DEEP]]), 7, "TOO_LARGE"),
        (pack([3, 7, "echo", [list(range(101))]]), 7, "TOO_LARGE"),
        (pack([3, 7, "echo", ["x" * 4096]]), 7, "TOO_LARGE"),
        (pack([3, 7, "nowhere", []]), 7, "UNKNOWN_PROCEDURE"),
        (pack([3, 7, "add", ["x"]]), 7, "INVALID_ARGUMENT"),
        (pack([3, 7, "add", [1, 2, 3]]), 7, "INVALID_ARGUMENT"),
    ],
)
async def test_bad_input_is_named_and_nothing_else_notices(
    open_peer: Open, frame: bytes, call_id: int | None, code: str
) -> None:
    peer, other = await open_peer(), await open_peer()
    await peer.send_raw(frame)
    error = await peer.until(m.Error)
    assert (error.id, error.code) == (call_id, code)
    assert await result_of(peer, call(1, "add", 1, 1)) == 2
    assert await result_of(other, call(1, "add", 1, 1)) == 2


async def test_a_bad_message_does_not_touch_its_neighbours(open_peer: Open) -> None:
    peer = await open_peer()
    good = [write(call(call_id, "add", call_id)) for call_id in (1, 2)]
    await peer.send_raw(good[0] + b"\x94\x03\x07\xa3add\x91\xa2\xff\xfe" + good[1])
    answers = [await peer.next() for _ in range(3)]
    assert {answer.id for answer in answers if isinstance(answer, m.Result)} == {1, 2}
    assert {answer.id for answer in answers if isinstance(answer, m.Error)} == {7}


@pytest.mark.parametrize(
    ("frame", "close"),
    [
        ("text", (4500, "protocol_error")),
        (write(m.Hello()), (4500, "protocol_error")),
        (bytes(8193), (4502, "frame_too_large")),
        (write(call(1, "wait_here")) + write(call(1, "add")), (4500, "protocol_error")),
    ],
)
async def test_what_cannot_be_contained_closes_that_connection_alone(
    open_peer: Open, frame: bytes | str, close: tuple[int, str]
) -> None:
    peer, other = await open_peer(), await open_peer()
    await peer.send_raw(frame)
    assert await peer.close_code() == close
    assert await result_of(other, call(1, "add", 1, 1)) == 2


async def test_a_call_before_hello(open_peer: Open) -> None:
    peer = await open_peer(say_hello=False)
    await peer.send(call(1, "add", 1))
    assert await peer.close_code() == (4500, "protocol_error")


async def test_who_floods_is_closed(open_peer: Open) -> None:
    peer = await open_peer()
    for _ in range(5):
        await peer.send_raw(b"\xc1")
    assert await peer.close_code() == (4503, "flood")


async def test_a_peer_that_does_not_read_is_closed_as_slow(world: World, open_peer: Open) -> None:
    peer, other = await open_peer(), await open_peer()
    # Larger than the socket's buffers can take, and nobody reads: events have nowhere to wait.
    for _ in range(400):
        await world.fuse.broadcast().emit(Blob(data="x" * 20_000))
        await other.until(m.Event)
    assert await peer.close_code() == (4001, "slow")
    assert await result_of(other, call(1, "add", 1, 1)) == 2


async def test_results_and_items_wait_for_a_peer_instead(open_peer: Open) -> None:
    """More than may be queued, all within what a client may ask for: nothing is closed, everything arrives."""
    peer = await open_peer()
    for round_of in range(20):
        await peer.send(*(call(round_of * 10 + i, "big", 19_000) for i in (1, 2, 3)))
        assert {len((await peer.until(m.Result)).value) for _ in range(3)} == {19_000}


# Bounds


async def test_calls_in_flight(world: World, open_peer: Open) -> None:
    peer = await open_peer()
    await peer.send(*(call(call_id, "wait_here") for call_id in (1, 2, 3, 4)))
    error = await peer.until(m.Error)
    assert (error.id, error.code) == (4, "TOO_MANY_CALLS")
    world.gate.set()
    assert {(await peer.until(m.Result)).id for _ in range(3)} == {1, 2, 3}
    assert await result_of(peer, call(4, "add", 1)) == 1


async def test_streams_in_flight(open_peer: Open) -> None:
    peer = await open_peer()
    await peer.send(*(call(call_id, "numbers", 100) for call_id in (1, 2, 3)))
    error = await peer.until(m.Error)
    assert (error.id, error.code) == (3, "TOO_MANY_CALLS")
    assert await result_of(peer, call(4, "add", 1)) == 1


@pytest.mark.parametrize(("size", "fits"), [(19_997, True), (19_998, False)])
async def test_results_are_bounded(open_peer: Open, size: int, fits: bool) -> None:
    peer = await open_peer()
    await peer.send(call(1, "big", size))
    answer = await peer.next()
    if fits:
        assert isinstance(answer, m.Result)
    else:
        assert isinstance(answer, m.Error)
        assert answer.code == "TOO_LARGE"


async def test_credit_stops_a_generator_and_lets_it_go_on(world: World, open_peer: Open) -> None:
    peer = await open_peer()
    await peer.send(call(1, "numbers", 7))
    for _ in range(4):
        assert isinstance(await peer.next(), m.Item)
    # A round trip later it has still made no more.
    assert await result_of(peer, call(2, "add", 1)) == 1
    assert world.noted == [f"made {i}" for i in range(4)]
    await peer.send(m.Credit(1, 2, 0))
    for _ in range(2):
        assert isinstance(await peer.next(), m.Item)
    assert await result_of(peer, call(2, "add", 1)) == 1
    assert len(world.noted) == 6
    await peer.send(m.Credit(1, 9, 0))
    assert isinstance(await peer.next(), m.Item)
    assert await peer.next() == m.End(1)


async def test_credit_counts_bytes_too(world: World, open_peer: Open) -> None:
    peer = await open_peer()
    await peer.send(call(1, "numbers", 7, 600))
    for _ in range(2):
        assert isinstance(await peer.next(), m.Item)
    assert await result_of(peer, call(2, "add", 1)) == 1
    assert len(world.noted) == 2
    await peer.send(m.Credit(1, 0, 603))
    assert isinstance(await peer.next(), m.Item)


# Cancel, deadline, disconnect


async def test_cancel_reaches_python(world: World, open_peer: Open) -> None:
    peer = await open_peer()
    await peer.send(call(1, "wait_here"))
    await world.until("waiting")
    await peer.send(m.Cancel(1))
    error = await peer.until(m.Error)
    assert (error.id, error.status, error.code) == (1, 499, "CANCELLED")
    assert world.noted == ["waiting", "cancelled", "finally"]
    assert await result_of(peer, call(1, "add", 1)) == 1


async def test_a_call_may_be_cancelled_in_its_own_frame(world: World, open_peer: Open) -> None:
    peer = await open_peer()
    await peer.send(call(1, "wait_here"), m.Cancel(1))
    assert (await peer.until(m.Error)).code == "CANCELLED"
    assert world.noted == ["waiting", "cancelled", "finally"]


async def test_a_held_call_cancelled_before_its_first_step_is_settled_too(
    world: World, open_peer: Open
) -> None:
    peer = await open_peer(say_hello=False)
    await peer.send(m.Hello(), call(1, "wait_here"), m.Cancel(1))
    assert (await peer.until(m.Error)).code == "CANCELLED"
    assert world.noted == []


async def test_cancelling_what_is_not_there_does_nothing(open_peer: Open) -> None:
    peer = await open_peer()
    await peer.send(m.Cancel(9), m.Credit(9, 1, 1))
    assert await result_of(peer, call(1, "add", 1)) == 1


async def test_a_deadline_ends_the_call(world: World, open_peer: Open) -> None:
    peer = await open_peer()
    await peer.send(call(1, "wait_here", timeout_ms=50))
    error = await peer.until(m.Error)
    assert (error.id, error.status, error.code) == (1, 504, "DEADLINE_EXCEEDED")
    assert world.noted == ["waiting", "cancelled", "finally"]


async def test_the_deadline_of_hello_is_for_calls_that_name_none(world: World, open_peer: Open) -> None:
    peer = await open_peer(hello=m.Hello(timeout_ms=60))
    await peer.send(call(1, "wait_here"), call(2, "wait_here", timeout_ms=0))
    assert (await peer.until(m.Error)).id == 1
    world.gate.set()
    settled = await peer.until(m.Result)
    assert (settled.id, settled.value) == (2, None)


async def test_remaining_seconds_are_readable(world: World, open_peer: Open) -> None:
    world.gate.set()
    peer = await open_peer()
    assert 4 < await result_of(peer, call(1, "wait_here", timeout_ms=5000)) <= 5


async def test_a_lost_connection_cancels_its_calls(world: World, open_peer: Open) -> None:
    peer = await open_peer()
    await peer.send(call(1, "wait_here"))
    await world.until("waiting")
    await peer.close()
    await world.until("finally")
    assert world.noted == ["waiting", "cancelled", "finally"]


async def test_the_server_goes_on_after_all_that(world: World) -> None:
    async with httpx.AsyncClient() as client:
        response = await client.post(f"http://{world.host}/api/add", json={"a": 1, "b": 2})
    assert response.json() == 3


async def test_a_second_cancel_does_not_interrupt_the_clean_up(world: World, open_peer: Open) -> None:
    peer = await open_peer()
    await peer.send(call(1, "cleans_up"))
    await world.until("running")
    await peer.send(m.Cancel(1))
    await world.until("cleaning")
    await peer.send(m.Cancel(1))
    await peer.close()
    world.gate.set()
    await world.until("clean")


async def test_cancelling_a_generator_with_tasks_of_its_own_leaves_others_alone(open_peer: Open) -> None:
    peer = await open_peer()
    await peer.send(call(1, "tasks_in_a_generator"))
    for _ in range(4):
        await peer.until(m.Item)
    await peer.send(call(2, "wait_here"), m.Cancel(1))
    assert (await peer.until(m.Error)).code == "CANCELLED"
    assert await result_of(peer, call(3, "add", 1)) == 1


async def test_work_after_the_answer_survives_the_connection(world: World, open_peer: Open) -> None:
    peer = await open_peer()
    await result_of(peer, call(1, "later"))
    await peer.close()
    world.gate.set()
    await world.until("done later")


async def test_threads_left_behind_are_counted(world: World, open_peer: Open) -> None:
    peer = await open_peer()
    for call_id in range(1, 40):
        await peer.send(call(call_id, "blocks"), m.Cancel(call_id))
        assert (await peer.until(m.Error)).code == "CANCELLED"
    assert world.blocked <= BOUNDS.calls
    world.unblock.set()
    assert await result_of(peer, call(1, "add", 1)) == 1


async def test_credit_is_never_more_than_the_window(world: World, open_peer: Open) -> None:
    peer = await open_peer()
    await peer.send(call(1, "numbers", 1000), m.Credit(1, 2**62, 2**62))
    assert await result_of(peer, call(2, "add", 1)) == 1
    assert len(world.noted) <= 2 * BOUNDS.stream_items


@pytest.mark.parametrize("message", [m.Ping(), m.Pong(), m.Cancel(1), m.Credit(1, 1, 1)])
async def test_messages_in_one_frame_are_bounded(open_peer: Open, message: m.Message) -> None:
    peer = await open_peer()
    await peer.send_raw(write(message) * 50)
    assert await result_of(peer, call(1, "add", 1)) == 1
    await peer.send_raw(write(message) * 51)
    assert await peer.close_code() == (4503, "flood")


async def test_many_pings_get_one_pong(open_peer: Open) -> None:
    peer = await open_peer()
    await peer.send(*[m.Ping()] * 40, call(1, "add", 1))
    answers = [await peer.next(), await peer.next()]
    assert sorted(type(answer).__name__ for answer in answers) == ["Pong", "Result"]


async def test_refreshes_come_one_after_the_other(world: World, open_peer: Open) -> None:
    peer = await open_peer(token="ann")
    await peer.send(m.Refresh(1, {"token": "slow"}), m.Refresh(2, {"token": "bob"}))
    await result_of(peer, call(3, "add", 1))
    world.gate.set()
    assert [(await peer.until(m.Result)).id for _ in range(2)] == [1, 2]
    assert await result_of(peer, call(4, "user")) == "bob"
    await world.fuse.to("ann", "slow").emit(Blob(data="not for bob"))
    await world.fuse.to("bob").emit(Blob(data="for bob"))
    assert (await peer.until(m.Event)).value == {"data": "for bob"}


async def test_refreshes_are_bounded(open_peer: Open) -> None:
    peer = await open_peer(token="ann")
    await peer.send(*(m.Refresh(call_id, {"token": "slow"}) for call_id in range(1, 6)))
    assert (await peer.until(m.Error)).code == "TOO_MANY_CALLS"


async def test_an_identity_that_runs_out_ends_its_connection(world: World, open_peer: Open) -> None:
    peer = await open_peer(token="brief")
    await peer.send(call(1, "numbers", 1000))
    assert await peer.close_code() == (4004, "identity_expired")


async def test_an_identity_loader_that_hangs(open_peer: Open) -> None:
    peer = await open_peer(say_hello=False)
    await peer.send(m.Hello(credentials={"token": "hangs"}))
    assert (await peer.until(m.Error)).code == "UNAVAILABLE"
    assert await peer.close_code() == (4000, "going_away")
