"""What ends a call before its time, over one WebSocket: cancel, a deadline, a connection that is gone (PROTOCOL §3)."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx
import pytest
from fastapi import BackgroundTasks
from fusewire.wire import messages as m

from tests.support.peer import Peer, call
from tests.support.worlds import World, works

Open = Callable[..., Awaitable[Peer]]


async def test_cancel_reaches_python(world: World, open_peer: Open) -> None:
    peer = await open_peer()
    await peer.send(call(1, "wait_here"))
    await world.until("waiting")
    await peer.send(m.Cancel(1))
    error = await peer.until(m.Error)
    assert (error.id, error.status, error.code) == (1, 499, "CANCELLED")
    assert world.noted == ["waiting", "cancelled", "finally"]
    assert await peer.result(call(1, "add", 1)) == 1


async def test_a_call_may_be_cancelled_in_its_own_frame(world: World, open_peer: Open) -> None:
    peer = await open_peer()
    await peer.send(call(1, "wait_here"), m.Cancel(1))
    assert (await peer.until(m.Error)).code == "CANCELLED"
    assert world.noted == ["waiting", "cancelled", "finally"]


async def cleaning_up(world: World, open_peer: Open) -> Peer:
    """Whose call 1 was cancelled, and whose clean-up waits at the gate."""
    peer = await open_peer()
    await peer.send(call(1, "cleans_up"))
    await world.until("running")
    await peer.send(m.Cancel(1))
    await world.until("cleaning")
    return peer


async def test_cancelled_is_said_when_the_clean_up_has_run(world: World, open_peer: Open) -> None:
    peer = await cleaning_up(world, open_peer)
    # Not settled yet: another answer comes first.
    assert await works(peer)
    world.gate.set()
    assert (await peer.until(m.Error)).code == "CANCELLED"
    assert world.noted == ["running", "cleaning", "clean"]


async def test_a_held_call_cancelled_before_its_first_step_is_settled_too(
    world: World, open_peer: Open
) -> None:
    peer = await open_peer(say_hello=False)
    await peer.send(m.Hello(), call(1, "wait_here"), m.Cancel(1))
    assert (await peer.until(m.Error)).code == "CANCELLED"
    assert world.noted == []


async def test_a_held_call_runs_waits_and_is_cancelled_like_any_other(world: World, open_peer: Open) -> None:
    peer = await open_peer(say_hello=False)
    await peer.send(
        m.Hello(credentials={"token": "ann"}),
        call(1, "wait_here"),
        call(2, "add", 1),
        call(3, "wait_here", timeout_ms=30),
        call(4, "numbers", 1),
    )
    await world.until("waiting", 2)
    await peer.send(m.Cancel(1))
    settled: dict[int, str] = {}
    while len(settled) < 4:
        message = await peer.next()
        if isinstance(message, m.Error):
            settled[message.id or 0] = message.code
        elif isinstance(message, m.Result | m.End):
            settled[message.id] = type(message).__name__
    assert settled == {1: "CANCELLED", 2: "Result", 3: "DEADLINE_EXCEEDED", 4: "End"}


async def test_a_deadline_ends_the_call(world: World, open_peer: Open) -> None:
    peer = await open_peer()
    await peer.send(call(1, "wait_here", timeout_ms=50))
    error = await peer.until(m.Error)
    assert (error.id, error.status, error.code) == (1, 504, "DEADLINE_EXCEEDED")
    assert world.noted == ["waiting", "cancelled", "finally"]


async def test_a_deadline_during_the_clean_up_of_a_cancelled_call_leaves_it_alone(
    world: World, open_peer: Open
) -> None:
    peer = await open_peer()
    await peer.send(call(1, "cleans_up", timeout_ms=100))
    await world.until("running")
    await peer.send(m.Cancel(1))
    await world.until("cleaning")
    # A deadline that began later has passed meanwhile.
    assert (await peer.error(call(2, "wait_here", timeout_ms=150))).code == "DEADLINE_EXCEEDED"
    world.gate.set()
    assert (await peer.until(m.Error)).code == "CANCELLED"
    await world.until("clean")


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
    assert 4 < await peer.result(call(1, "wait_here", timeout_ms=5000)) <= 5


async def test_the_shorter_deadline_counts(world: World, open_peer: Open) -> None:
    @world.fuse.rpc(timeout=0.05)
    async def hasty() -> None:
        await asyncio.Event().wait()

    peer = await open_peer()
    for wanted in (None, 0, 60_000):
        assert (await peer.error(call(1, "hasty", timeout_ms=wanted))).code == "DEADLINE_EXCEEDED"


@pytest.mark.parametrize("how", ["close", "cut"])
async def test_a_lost_connection_cancels_its_calls(world: World, bystander: Peer, how: str) -> None:
    peer = await world.open()
    await peer.send(call(1, "wait_here"), call(2, "cleans_up"), call(3, "numbers", 1000))
    await world.until("made 3")
    await peer.close() if how == "close" else peer.cut()
    await world.until("finally")
    assert "cancelled" in world.noted
    await world.until("cleaning")
    world.gate.set()
    await world.until("clean")


async def test_the_server_goes_on_after_all_that(world: World) -> None:
    async with httpx.AsyncClient() as client:
        response = await client.post(f"http://{world.host}/api/add", json={"a": 1, "b": 2})
    assert response.json() == 3


async def test_a_second_cancel_does_not_interrupt_the_clean_up(world: World, open_peer: Open) -> None:
    peer = await cleaning_up(world, open_peer)
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
    assert await peer.result(call(3, "add", 1)) == 1


async def test_a_deadline_does_not_count_for_what_comes_after_the_answer(
    world: World, open_peer: Open
) -> None:
    @world.fuse.rpc
    async def waits_before(tasks: BackgroundTasks) -> None:
        await asyncio.sleep(0)
        tasks.add_task(world.gate.wait)
        tasks.add_task(world.note, "done later too")

    peer = await open_peer()
    await peer.result(call(1, "later", timeout_ms=50))
    await peer.result(call(1, "waits_before", timeout_ms=50))
    # A deadline that began later has passed meanwhile.
    assert (await peer.error(call(2, "wait_here", timeout_ms=100))).code == "DEADLINE_EXCEEDED"
    world.gate.set()
    await world.until("done later")
    await world.until("done later too")


async def test_work_after_the_answer_survives_the_connection(world: World, open_peer: Open) -> None:
    peer = await open_peer()
    await peer.result(call(1, "later"))
    await peer.close()
    world.gate.set()
    await world.until("done later")
