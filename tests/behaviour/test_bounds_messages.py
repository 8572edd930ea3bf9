"""Bounds of what a peer may send: at the bound, one below and one above. No other connection notices (PROTOCOL §5, misuse)."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from fusewire import Bounds
from fusewire.wire import messages as m
from fusewire.wire.codec import pack, write

from tests.support.peer import Peer, call
from tests.support.worlds import BOUNDS, World, works

Start = Callable[..., Awaitable[World]]
TOO_LARGE = (413, "TOO_LARGE")


def sized(call_id: int, size: int, name: str = "echo") -> m.Call:
    """A call of exactly so many bytes."""
    for fill in range(size - 20, size):
        found = call(call_id, name, "x" * fill)
        if len(write(found)) == size:
            return found
    raise AssertionError(size)


def nested(levels: int) -> Any:
    """A value so many levels deep."""
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def of_elements(total: int) -> Any:
    """A value of so many elements in all, not all in one container."""
    return {"a": list(range(total // 2 - 1)), "b": list(range(total - total // 2 - 1))}


@pytest.mark.parametrize("off", [-1, 0, 1])
async def test_bytes_of_a_message(world: World, bystander: Peer, off: int) -> None:
    peer = await world.open()
    # A neighbour on either side is served.
    await peer.send(call(1, "add", 1), sized(2, BOUNDS.message_bytes + off), call(3, "add", 3))
    answers: dict[Any, Any] = {}
    while len(answers) < 3:
        answer: Any = await peer.next()
        answers[answer.id] = answer
    assert [answers[1].value, answers[3].value] == [1, 3]
    if off <= 0:
        assert isinstance(answers[2], m.Result)
    else:
        assert isinstance(answers[2], m.Error)
        assert (answers[2].status, answers[2].code) == TOO_LARGE


@pytest.mark.parametrize("off", [-1, 0, 1])
async def test_bytes_of_a_frame(world: World, bystander: Peer, off: int) -> None:
    peer = await world.open()
    first = sized(1, 4000)
    second = sized(2, 4000)
    rest = sized(3, BOUNDS.frame_bytes + off - 8000)
    await peer.send(first, second, rest)
    if off <= 0:
        assert {(await peer.until(m.Result)).id for _ in range(3)} == {1, 2, 3}
    else:
        assert await peer.close_code() == (4502, "frame_too_large")


@pytest.mark.parametrize("message", [m.Ping(), m.Pong(), m.Cancel(1), m.Credit(1, 1, 1)])
async def test_messages_in_one_frame(world: World, bystander: Peer, message: m.Message) -> None:
    peer = await world.open()
    for count in (BOUNDS.frame_messages - 1, BOUNDS.frame_messages):
        await peer.send_raw(write(message) * count)
        assert await works(peer)
    await peer.send_raw(write(message) * (BOUNDS.frame_messages + 1))
    assert await peer.close_code() == (4503, "flood")


@pytest.mark.parametrize("off", [-1, 0, 1])
async def test_levels_and_elements_of_a_message(world: World, bystander: Peer, off: int) -> None:
    peer = await world.open()
    # The array of arguments is the first level. It is an element, and so are the message's own four fields.
    for value in (nested(BOUNDS.depth - 1 + off), of_elements(BOUNDS.elements - 5 + off)):
        await peer.send(call(1, "echo", value))
        answer = await peer.answer(1)
        if off <= 0:
            assert isinstance(answer, m.Result)
            assert answer.value == value
        else:
            assert isinstance(answer, m.Error)
            assert (answer.status, answer.code) == TOO_LARGE
    assert await works(peer)


def body_of(value: Any, kind: str) -> bytes:
    body = {"value": value}
    return pack(body) if kind.endswith("msgpack") else json.dumps(body, separators=(",", ":")).encode()


async def post(client: httpx.AsyncClient, value: Any, kind: str) -> tuple[int, Any]:
    """Status, and the value that came back or the code of the error."""
    response = await client.post("/echo", content=body_of(value, kind), headers={"content-type": kind})
    body = response.json()
    return response.status_code, body["code"] if response.is_error else body


JSON, MSGPACK = "application/json", "application/msgpack"


@pytest.mark.parametrize("kind", [JSON, MSGPACK])
@pytest.mark.parametrize("off", [-1, 0, 1])
async def test_bytes_of_a_body(world: World, bystander: Peer, kind: str, off: int) -> None:
    overhead = len(body_of("x" * 1000, kind)) - 1000
    value = "x" * (BOUNDS.message_bytes - overhead + off)
    assert await post(await world.http(), value, kind) == ((200, value) if off <= 0 else TOO_LARGE)


@pytest.mark.parametrize(
    ("kind", "off"),
    [
        (JSON, -1),
        (JSON, 0),
        (JSON, 1),
        (MSGPACK, -1),
        (MSGPACK, 0),
        pytest.param(*(MSGPACK, 1)),
    ],
)
async def test_levels_and_elements_of_a_body(world: World, bystander: Peer, kind: str, off: int) -> None:
    client = await world.http()
    for value in (nested(BOUNDS.depth + off), of_elements(BOUNDS.elements - 1 + off)):
        assert await post(client, value, kind) == ((200, value) if off <= 0 else TOO_LARGE)


@pytest.mark.parametrize(("most", "off"), [(500, -1), (500, 0), (500, 1), (20_000, 0), (20_000, 1)])
async def test_a_procedures_own_bound_down_and_up(world: World, bystander: Peer, most: int, off: int) -> None:
    @world.fuse.rpc(max_bytes=most)
    async def own(value: str) -> int:
        return len(value)

    peer, client = await world.open(), await world.http()
    message = sized(1, most + off, "own")
    await peer.send(message)
    if off > 0 and most > BOUNDS.frame_bytes:
        # Larger than any frame may be.
        assert await peer.close_code() == (4502, "frame_too_large")
    elif off > 0:
        assert (await peer.until(m.Error)).code == "TOO_LARGE"
    else:
        assert (await peer.until(m.Result)).value == len(message.args[0])
    body = b'{"value":"' + b"x" * (most + off - 12) + b'"}'
    response = await client.post("/own", content=body, headers={"content-type": "application/json"})
    assert response.status_code == (200 if off <= 0 else 413)


async def test_another_procedure_gains_nothing_by_a_larger_bound(world: World, bystander: Peer) -> None:
    @world.fuse.rpc(max_bytes=20_000)
    async def large(value: str) -> int:
        return len(value)

    client = await world.http()
    peer = await world.open()
    error = await peer.error(sized(1, 6000))
    assert (error.status, error.code) == TOO_LARGE
    headers = {"content-type": "application/json"}
    response = await client.post("/echo", content=b'{"value":"' + b"x" * 5000 + b'"}', headers=headers)
    assert response.status_code == 413
    # In a large frame there is room for one call, and only for one that may be so large.
    await peer.send_raw(write(sized(2, 19_000, "large")) + write(call(3, "add", 1)))
    assert await peer.close_code() == (4502, "frame_too_large")
    other = await world.open()
    error = await other.error(sized(1, 10_000))
    assert (error.status, error.code) == TOO_LARGE
    await other.send(sized(2, 20_001, "large"))
    assert await other.close_code() == (4502, "frame_too_large")


async def test_the_largest_frame_is_told(start: Start) -> None:
    world = await start()

    @world.fuse.rpc(max_bytes=20_000)
    async def large(value: str) -> int:
        return len(value)

    peer = await world.open(say_hello=False)
    await peer.send(m.Hello())
    limits = (await peer.until(m.Welcome)).limits
    assert (limits["max_frame_bytes"], limits["max_message_bytes"]) == (20_000, BOUNDS.message_bytes)


async def test_malformed_messages(world: World, bystander: Peer) -> None:
    peer = await world.open()
    for _ in range(BOUNDS.malformed_messages - 1):
        await peer.send_raw(b"\xc1")
        assert (await peer.until(m.Error)).code == "MALFORMED"
    assert await works(peer)
    await peer.send_raw(b"\xc1")
    assert await peer.close_code() == (4503, "flood")


async def test_what_is_held_before_welcome(world: World, bystander: Peer) -> None:
    for off in (-1, 0, 1):
        peer = await world.open(say_hello=False)
        hello = m.Hello(credentials={"token": "slow"})
        left = BOUNDS.held_bytes - len(write(hello)) + off
        await peer.send(hello)
        await peer.send(sized(1, 400), sized(2, left - 400))
        if off > 0:
            assert await peer.close_code() == (4503, "flood")
        else:
            world.gate.set()
            assert {(await peer.until(m.Result)).id for _ in range(2)} == {1, 2}
            world.gate.clear()
    peer = await world.open(say_hello=False)
    await peer.send_raw(bytes(BOUNDS.held_bytes + 1))
    assert await peer.close_code() == (4502, "frame_too_large")


@pytest.mark.parametrize(
    "frame", ["text", write(m.Hello()), write(call(1, "wait_here")) + write(call(1, "add"))]
)
async def test_what_cannot_be_contained_closes_that_connection_alone(
    world: World, bystander: Peer, frame: bytes | str
) -> None:
    peer = await world.open()
    await peer.send_raw(frame)
    assert await peer.close_code() == (4500, "protocol_error")


async def test_time_for_hello(start: Start) -> None:
    world = await start(hello_seconds=0.2)
    other = await world.open()
    silent, late = await world.open(say_hello=False), await world.open(say_hello=False)
    await late.send(m.Hello(credentials={"token": "slow"}))
    assert await silent.close_code() == (4003, "hello_timeout")
    # The time is for hello, not for the loader's answer.
    world.gate.set()
    assert await works(late)
    assert await works(other)


async def test_time_for_the_identity(start: Start) -> None:
    world = await start(identify_seconds=0.2)
    other, peer = await world.open(), await world.open(say_hello=False)
    await peer.send(m.Hello(credentials={"token": "hangs"}))
    error = await peer.until(m.Error)
    assert (error.id, error.status, error.code) == (None, 503, "UNAVAILABLE")
    assert await peer.close_code() == (4000, "going_away")
    refreshing = await world.open(token="ann")
    await refreshing.send(m.Refresh(1, {"token": "hangs"}))
    error = await refreshing.until(m.Error)
    assert (error.id, error.code) == (1, "UNAVAILABLE")
    # Who was known stays known.
    assert await refreshing.result(call(2, "user")) == "ann"
    assert await works(other)


async def test_heartbeat(start: Start) -> None:
    world = await start(heartbeat_seconds=0.3)
    silent, talking = await world.open(), await world.open()
    async with asyncio.TaskGroup() as tasks:
        closing = tasks.create_task(silent.close_code())
        while not closing.done():
            await talking.send(m.Pong())
            await asyncio.wait((closing,), timeout=0.1)
    assert closing.result() == (4002, "heartbeat")
    assert await works(talking)


@pytest.mark.parametrize("field", Bounds.__dataclass_fields__)
def test_a_bound_is_above_zero(field: str) -> None:
    for wrong in (0, -1):
        with pytest.raises(ValueError, match=rf"Bounds\.{field} must be above 0"):
            Bounds(**{field: wrong})
