"""Connections that come and go, against a server that the test plays."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fusewire.client import session as session_module
from fusewire.client.backoff import FIRST_DELAY_SECONDS, MAX_DELAY_SECONDS, backoff_seconds
from fusewire.client.typed import ConnectionLost, RpcError, Status
from fusewire.errors import DeadlineExceeded, TooManyCalls, Unauthenticated, Unavailable
from fusewire.wire import messages as m
from fusewire.wire.codec import pack

from .conftest import COUNT, LIMITS, TOTAL, Busy, Client, PlayedServer, connect


@asynccontextmanager
async def calling(client: Client, *numbers: int) -> AsyncIterator[list[asyncio.Task[int]]]:
    """Calls that are under way; they may fail, and the block looks at how."""
    tasks = [asyncio.get_running_loop().create_task(client.add(n)) for n in numbers]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_nothing_is_opened_before_the_first_call(server: PlayedServer) -> None:
    states: list[Status] = []
    async with connect(
        server.url, auth=lambda: "secret", timeout=1.5, headers={"x-app": "a"}, on_status=states.append
    ) as client:
        assert client.status == Status("disconnected", "idle")
        assert server.links.empty()
        async with calling(client, 1) as (call,):
            link = await server.link()
            assert await link.welcome() == m.Hello("hash", None, 1500, {"token": "secret"})
            # Nothing before welcome, and then by position, for the contract is the same.
            assert (await link.answer(2)).args == [1, 1]
            assert await call == 2
            assert client.status == Status("connected", "connected")
    assert await link.close_code() == 1000
    assert server.headers[0]["x-app"] == "a"
    assert [(state.state, state.code) for state in states] == [
        ("connecting", "requested"),
        ("connected", "connected"),
        ("disconnected", "closed"),
    ]


async def test_an_awaitable_auth_and_the_session_of_before(server: PlayedServer) -> None:
    async def auth() -> dict[str, Any]:
        return {"token": "t", "device": 7}

    async with connect(server.url, auth=auth) as client, calling(client, 1, 2):
        link = await server.link()
        assert (await link.welcome(session="first")).credentials == {"token": "t", "device": 7}
        link.cut()
        again = await server.link()
        assert (await again.welcome()).session == "first"


async def test_a_server_that_stops_before_its_welcome_is_left_for_the_next(server: PlayedServer) -> None:
    async with connect(server.url) as client, calling(client, 1) as (call,):
        first = await server.link()
        await first.say(m.GoAway(1000))
        await first.next()
        await first.say(m.Welcome("s", True, LIMITS), m.GoAway(1000))
        await (await server.welcomed()).answer(2)
        assert await call == 2


async def test_a_call_that_was_sent_may_have_run(server: PlayedServer) -> None:
    async with connect(server.url) as client, calling(client, 1) as (call,):
        link = await server.welcomed()
        assert isinstance(await link.next(), m.Call)
        link.cut()
        with pytest.raises(ConnectionLost) as raised:
            await call
        assert raised.value.maybe_executed
        # The next one has a new connection.
        async with calling(client, 2) as (following,):
            assert (await (await server.welcomed()).answer(5)).args == [2, 1]
            assert await following == 5


async def test_calls_that_wait_for_a_connection_are_not_lost(server: PlayedServer) -> None:
    async with connect(server.url) as client, calling(client, 1, 2) as calls:
        (await server.link()).cut()
        await (await server.link()).close(4000)
        link = await server.welcomed()
        for n in (1, 2):
            assert (await link.answer(n)).args == [n, 1]
        assert [await call for call in calls] == [1, 2]


async def test_calls_beyond_the_limit_wait_and_move_with_the_connection(server: PlayedServer) -> None:
    async with connect(server.url) as client, calling(client, 1, 2, 3, 4) as calls:
        link = await server.welcomed(max_calls=2)
        first, second = await link.next(), await link.next()
        await link.say(m.GoAway(10_000))
        successor = await server.welcomed()
        # Those that waited for a turn go to the new connection; those under way finish on the old one.
        assert {(await successor.answer(n)).args[0] for n in (3, 4)} == {3, 4}
        await link.say(m.Result(first.id, pack(1)), m.Result(second.id, pack(2)))
        assert [await call for call in calls[:2]] == [1, 2]
        assert {await call for call in calls[2:]} == {3, 4}
        # Nothing is left for it to do.
        assert await link.close_code() == 1000


async def test_a_call_that_crossed_the_goaway_is_made_again(server: PlayedServer) -> None:
    async with connect(server.url) as client, calling(client, 1) as (call,):
        link = await server.welcomed()
        crossed = await link.next()
        await link.say(m.GoAway(10_000), m.Error(crossed.id, 503, "UNAVAILABLE", pack("draining")))
        assert (await (await server.welcomed()).answer(9)).args == crossed.args
        assert await call == 9


async def test_unavailable_without_a_goaway_is_the_answer(server: PlayedServer) -> None:
    async with connect(server.url) as client, calling(client, 1) as (call,):
        link = await server.welcomed()
        refused = await link.next()
        await link.say(m.Error(refused.id, 503, "UNAVAILABLE", pack("no limits without Redis")))
        with pytest.raises(Unavailable):
            await call


async def test_an_upload_is_not_made_again(server: PlayedServer) -> None:
    async with connect(server.url) as client, asyncio.TaskGroup() as tasks:
        call = tasks.create_task(_failure(client._fuse.call(TOTAL, {"items": [1, 2]})))
        link = await server.welcomed()
        crossed = await link.next()
        assert crossed.args == [None]
        await link.say(m.GoAway(10_000), m.Error(crossed.id, 503, "UNAVAILABLE", pack("draining")))
        assert isinstance(await call, Unavailable)


async def test_a_drained_connection_is_given_up_in_time(
    server: PlayedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "DRAIN_GRACE_SECONDS", 0.05)
    async with connect(server.url) as client, calling(client, 1) as (call,):
        link = await server.welcomed()
        assert isinstance(await link.next(), m.Call)
        await link.say(m.GoAway(0))
        await server.welcomed()
        with pytest.raises(ConnectionLost):
            await call


async def test_a_refusal_is_for_good_until_somebody_logs_in(server: PlayedServer) -> None:
    errors: list[Exception] = []
    tokens = iter(["old", "new"])
    async with connect(server.url, auth=lambda: next(tokens), on_error=errors.append) as client:
        async with calling(client, 1) as (call,):
            link = await server.link()
            await link.next()
            await link.say(m.Error(None, 401, "UNAUTHENTICATED", pack("expired")))
            await link.close(4501)
            with pytest.raises(Unauthenticated, match="expired"):
                await call
        with pytest.raises(Unauthenticated):
            await client.add(1)
        assert (client.status.state, client.status.code) == ("disconnected", "unauthenticated")
        assert [type(error) for error in errors] == [Unauthenticated]
        async with asyncio.TaskGroup() as tasks:
            login = tasks.create_task(client.reauthenticate())
            link = await server.link()
            assert (await link.welcome()).credentials == {"token": "new"}
            await login


async def test_new_credentials_on_the_live_connection(server: PlayedServer) -> None:
    tokens = iter(["old", "new", "bad"])
    async with connect(server.url, auth=lambda: next(tokens)) as client, calling(client, 1):
        link = await server.welcomed()
        await link.answer(1)
        async with asyncio.TaskGroup() as tasks:
            login = tasks.create_task(client.reauthenticate())
            refresh = await link.next()
            assert refresh.credentials == {"token": "new"}
            await link.say(m.Result(refresh.id, pack(None)))
            await login
            refused = tasks.create_task(_failure(client.reauthenticate()))
            refresh = await link.next()
            await link.say(m.Error(refresh.id, 401, "UNAUTHENTICATED", pack("no")))
            assert isinstance(await refused, Unauthenticated)


async def test_without_credentials_a_login_is_a_new_handshake(server: PlayedServer) -> None:
    async with connect(server.url) as client, calling(client, 1) as (call,):
        link = await server.welcomed()
        before = await link.next()
        async with asyncio.TaskGroup() as tasks:
            login = tasks.create_task(client.reauthenticate())
            successor = await server.welcomed()
            await login
        await link.say(m.Result(before.id, pack(3)))
        assert await call == 3
        async with calling(client, 2) as (following,):
            await successor.answer(4)
            assert await following == 4


async def test_before_anything_was_asked_a_login_changes_nothing(server: PlayedServer) -> None:
    async with connect(server.url) as client:
        await client.reauthenticate()
        assert client.status.code == "idle"


async def test_auth_that_raises_is_asked_again(server: PlayedServer) -> None:
    errors: list[Exception] = []
    answers: Iterator[Any] = iter([OSError("no network"), "t"])

    def auth() -> Any:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async with (
        connect(server.url, auth=auth, on_error=errors.append) as client,
        calling(client, 1) as (call,),
    ):
        await (await server.welcomed()).answer(1)
        assert await call == 1
    assert [str(error) for error in errors] == ["no network"]


async def test_another_contract_gets_its_arguments_by_name_and_is_told_once(server: PlayedServer) -> None:
    stale: list[str | None] = []
    async with connect(server.url, on_stale=stale.append) as client, calling(client, 1) as (first,):
        link = await server.link()
        await link.next()
        await link.say(m.Welcome("s", False, {}, "other"))
        call = await link.answer(1)
        assert (call.args, call.kwargs) == ([], {"a": 1, "b": 1})
        assert await first == 1
        for contract in ("other", "third"):
            link.cut()
            link = await server.link()
            await link.next()
            await link.say(m.Welcome("s", False, {}, contract))
        async with calling(client, 2) as (second,):
            await link.answer(2)
            assert await second == 2
    assert stale == ["other", "third"]


async def test_time_runs_while_there_is_no_connection(server: PlayedServer) -> None:
    async with connect(server.url, on_error=lambda _: None) as client:
        with pytest.raises(DeadlineExceeded, match="no connection"):
            await client.with_(timeout=0.05).add(1)
        with pytest.raises(ValueError, match="above 0"):
            client.with_(timeout=0)


async def test_a_wait_is_taken_off_the_time_that_the_server_is_told(server: PlayedServer) -> None:
    async with connect(server.url, timeout=20) as client, calling(client, 1) as (call,):
        (await server.link()).cut()
        link = await server.link()
        await asyncio.sleep(0.05)  # longer than a tick: that much is gone
        await link.welcome()
        told = (await link.answer(1)).timeout_ms
        assert told is not None
        assert 10_000 < told < 19_960
        await call


async def test_too_many_calls_wait(server: PlayedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "MAX_QUEUED_CALLS", 2)
    async with connect(server.url) as client, calling(client, 1, 2, 3) as calls:
        with pytest.raises(TooManyCalls):
            await calls[2]
        link = await server.welcomed()
        await link.answer(1)
        await link.answer(2)
        assert [await call for call in calls[:2]] == [1, 2]


async def test_closing_ends_everything(server: PlayedServer) -> None:
    async with connect(server.url) as client, calling(client, 1) as (call,):
        link = await server.welcomed()
        await link.next()
        await client.close()
        with pytest.raises(ConnectionLost, match="closed"):
            await call
        with pytest.raises(ConnectionLost, match="the client was closed"):
            await client.add(2)
        with pytest.raises(ConnectionLost):
            await client.reauthenticate()


async def test_a_stream_is_cancelled_by_who_leaves_it(server: PlayedServer) -> None:
    async with connect(server.url) as client, asyncio.TaskGroup() as tasks:
        served = tasks.create_task(_serve_items(server, 3))
        async for item in client._fuse.stream(COUNT, {"to": 3}):
            assert item == 0
            break
        link, call_id = await served
        assert await link.next() == m.Cancel(call_id)


async def test_a_stream_begins_with_its_block_and_ends_with_it(server: PlayedServer) -> None:
    async with connect(server.url) as client, asyncio.TaskGroup() as tasks:
        served = tasks.create_task(_serve_items(server, 2))
        async with client._fuse.stream(COUNT, {"to": 2}) as stream:
            link, call_id = await served
            assert [await anext(stream), await anext(stream)] == [0, 1]
        # What was read is credited first.
        while isinstance(message := await link.next(), m.Credit):
            pass
        assert message == m.Cancel(call_id)


async def test_a_declared_error_is_an_exception_of_its_own(server: PlayedServer) -> None:
    async with connect(server.url) as client, calling(client, 1, 2) as calls:
        link = await server.welcomed()
        first, second = await link.next(), await link.next()
        await link.say(
            m.Error(first.id, 409, "BUSY", pack("later"), pack(7)),
            m.Error(second.id, 418, "FROM_THE_FUTURE", pack("?"), pack({"x": 1}), "e1"),
        )
        with pytest.raises(Busy) as raised:
            await calls[0]
        assert (raised.value.data, raised.value.detail, raised.value.status) == (7, "later", 409)
        with pytest.raises(RpcError) as unknown:
            await calls[1]
        assert (unknown.value.code, unknown.value.status, unknown.value.data, unknown.value.id) == (
            "FROM_THE_FUTURE",
            418,
            {"x": 1},
            "e1",
        )


@pytest.mark.parametrize(("brief", "after"), [(0.0, 0), (20.0, 2)])
async def test_attempts_are_counted_until_a_connection_lasts(
    server: PlayedServer, monkeypatch: pytest.MonkeyPatch, brief: float, after: int
) -> None:
    monkeypatch.setattr(session_module, "BRIEF_SECONDS", brief)
    asked: list[int] = []

    def backoff(attempt: int) -> float:
        asked.append(attempt)
        return 0

    async with connect(server.url, backoff=backoff) as client, calling(client, 1):
        for _ in range(3):
            (await server.link()).cut()
        (await server.welcomed()).cut()
        await server.welcomed()
    assert asked == [0, 1, 2, after]


def test_the_pauses_are_jittered_and_bounded() -> None:
    for attempt in range(2000):
        bound = min(MAX_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2 ** min(attempt, 16))
        assert 0 <= backoff_seconds(attempt) < bound
    assert max(backoff_seconds(5) for _ in range(100)) > FIRST_DELAY_SECONDS * 16
    assert min(backoff_seconds(5) for _ in range(100)) < FIRST_DELAY_SECONDS * 16


async def _failure(call: Any) -> Any:
    try:
        return await call
    except RpcError as error:
        return error


async def _serve_items(server: PlayedServer, count: int) -> Any:
    link = await server.welcomed()
    call = await link.next()
    await link.say(*[m.Item(call.id, pack(n)) for n in range(count)])
    return link, call.id
