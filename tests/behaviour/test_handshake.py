"""How a connection begins: who may connect, what it is told, and what may follow hello at once (PROTOCOL §2)."""

from collections.abc import Awaitable, Callable

import pytest
import websockets
from fastapi import FastAPI
from fusewire import Fuse
from fusewire.transports.websocket import SUBPROTOCOL
from fusewire.wire import messages as m
from fusewire.wire.codec import write

from tests.support.peer import Peer, call
from tests.support.server import serving
from tests.support.worlds import World, works

Open = Callable[..., Awaitable[Peer]]


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


async def test_refused_origins_are_named_in_the_log_a_few_times(caplog: pytest.LogCaptureFixture) -> None:
    origins = ["https://evil.example", "https://evil.example", *(f"https://{n}.example" for n in range(30))]
    async with serving(Fuse(FastAPI()).app) as host:
        for origin in origins:
            with pytest.raises(websockets.InvalidStatus):
                await websockets.connect(f"ws://{host}/_ws", additional_headers={"Origin": origin})
    told = [record.getMessage() for record in caplog.records if record.name == "fusewire.websocket"]
    assert len(told) == 20
    assert sum("'https://evil.example'" in line for line in told) == 1


async def test_the_subprotocol_must_be_offered(world: World) -> None:
    with pytest.raises(websockets.InvalidStatus) as caught:
        await websockets.connect(f"ws://{world.host}/_ws")
    assert caught.value.response.status_code == 400


async def test_welcome_tells_the_limits_and_whether_the_calls_are_the_same(world: World) -> None:
    calls = world.fuse.contract()["calls"]
    for said, same in ((calls, True), ("0" * 16, False), (None, False)):
        peer = await world.open(say_hello=False)
        await peer.send(m.Hello(calls=said))
        welcome = await peer.until(m.Welcome)
        assert welcome.same is same
        assert welcome.calls == (calls if said == "0" * 16 else None)
        assert len(welcome.session) >= 20
        assert welcome.limits == {
            "heartbeat_ms": 25_000,
            "max_message_bytes": 4096,
            "max_frame_bytes": 8192,
            "max_calls": 3,
            "max_streams": 2,
            "stream_items": 4,
            "stream_bytes": 1000,
        }


async def test_calls_may_follow_hello_at_once_and_wait_for_identity(world: World, bystander: Peer) -> None:
    peer = await world.open(say_hello=False)
    await peer.send(m.Hello(credentials={"token": "slow"}), call(1, "user"), call(2, "add", 1, 2))
    await peer.send(call(3, "add", 2, 2))
    await world.until("identifying")
    assert await works(bystander)
    world.gate.set()
    assert isinstance(await peer.next(), m.Welcome)
    results = {(await peer.until(m.Result)).id for _ in range(3)}
    assert results == {1, 2, 3}


async def test_nothing_of_a_refused_caller_runs(world: World, bystander: Peer) -> None:
    peer = await world.open(say_hello=False)
    await peer.send(m.Hello(credentials={"token": "bad"}), call(1, "wait_here"))
    error = await peer.until(m.Error)
    assert (error.id, error.status, error.code) == (None, 401, "UNAUTHENTICATED")
    assert await peer.close_code() == (4501, "unauthenticated")
    assert world.noted == []


async def test_the_articles_call_is_at_most_34_bytes() -> None:
    header, mask = 2, 4  # RFC 6455 §5.2, a client's frame of less than 126 bytes
    assert len(write(call(1, "send", {"text": "hi", "number": 220}))) + header + mask <= 34
