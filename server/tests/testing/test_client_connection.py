"""The client's shell against a server that the test plays."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fusewire import RpcError
from fusewire.client import ConnectionLost, EventsLostError, RemoteError, connection, open_connection
from fusewire.client.inbox import Inbox
from fusewire.wire import messages as m
from fusewire.wire.codec import pack, write

from .conftest import Greet, PlayedServer, item


async def test_what_is_called_in_one_tick_leaves_as_one_frame(greeted: Greet, server: PlayedServer) -> None:
    async with greeted() as client, asyncio.TaskGroup() as tasks:
        first, second = (tasks.create_task(client.add(n)) for n in (1, 2))
        await server.answer(await server.call(), "a")
        await server.answer(await server.call(), "b")
        assert (await first, await second) == ("a", "b")
        assert server.frames[1:] == [write(m.Call(1, "add", [1])) + write(m.Call(2, "add", [2]))]


async def test_hello_says_what_it_goes_by(server: PlayedServer) -> None:
    await server.say(m.Welcome("s", True, {}))
    async with open_connection(server, calls="h", credentials={"token": "t"}, timeout=1.5):
        assert await server.next() == m.Hello("h", None, 1500, {"token": "t"})
    assert server.client_code == 1000


async def test_a_refused_hello_raises_what_the_server_says(server: PlayedServer) -> None:
    await server.say(m.Error(None, 401, "UNAUTHENTICATED", pack("expired")))
    server.hang_up(4501)
    with pytest.raises(RpcError) as raised:
        async with open_connection(server):
            pytest.fail("it was refused")
    assert (raised.value.code, raised.value.status, raised.value.detail) == (
        "UNAUTHENTICATED",
        401,
        "expired",
    )


async def test_a_server_that_does_not_greet(server: PlayedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "WELCOME_SECONDS", 0.01)
    with pytest.raises(ConnectionLost, match="no welcome"):
        async with open_connection(server):
            pytest.fail("nobody said welcome")


async def test_an_error_has_all_its_parts(greeted: Greet, server: PlayedServer) -> None:
    async with greeted() as client, asyncio.TaskGroup() as tasks:
        call = tasks.create_task(_caught(client.pay()))
        call_id = (await server.call()).id
        await server.say(m.Error(call_id, 402, "BUDGET_SPENT", pack("gone"), pack({"left": 1}), "e1"))
        error = await call
        assert isinstance(error, RemoteError)
        assert (error.status, error.code, error.detail, error.data, error.id) == (
            402,
            "BUDGET_SPENT",
            "gone",
            {"left": 1},
            "e1",
        )


async def test_calls_beyond_the_limit_wait(greeted: Greet, server: PlayedServer) -> None:
    async with greeted(max_calls=2) as client, asyncio.TaskGroup() as tasks:
        calls = [tasks.create_task(client.add(n)) for n in range(3)]
        first, second = await server.call(), await server.call()
        # A stream has a place of its own.
        stream = tasks.create_task(_listed(client.chat()))
        chat = await server.call()
        assert (first.args, second.args, chat.name) == ([0], [1], "chat")
        await server.answer(second, "b")
        third = await server.call()
        assert third.args == [2]
        await server.answer(first, "a")
        await server.answer(third, "c")
        await server.say(m.End(chat.id))
        assert [await call for call in calls] == ["a", "b", "c"]
        assert await stream == []


async def test_a_deadline_counts_while_waiting_for_the_turn(greeted: Greet, server: PlayedServer) -> None:
    async with greeted(max_calls=1) as client, asyncio.TaskGroup() as tasks:
        slow = tasks.create_task(client.slow())
        call = await server.call()
        with pytest.raises(RpcError) as raised:
            await client.with_(timeout=0.01).fast()
        assert raised.value.code == "DEADLINE_EXCEEDED"
        await server.answer(call, None)
        await slow


async def test_deadlines_on_the_wire(greeted: Greet, server: PlayedServer) -> None:
    async with greeted(timeout=30, max_calls=9, max_streams=9) as client:
        patient, hasty = client.with_(timeout=None), client.with_(timeout=5)
        async with asyncio.TaskGroup() as tasks:
            calls = [tasks.create_task(_caught(who.add())) for who in (client, patient, hasty)]
            calls += [tasks.create_task(_caught(_listed(who.chat()))) for who in (client, patient, hasty)]
            told = [(await server.call()).timeout_ms for _ in calls]
            server.hang_up(4000)
    # As hello said; none; its own. A stream has none unless said.
    assert told == [None, 0, pytest.approx(5000, abs=100), None, None, pytest.approx(5000, abs=100)]
    assert all(isinstance(call.result(), ConnectionLost) for call in calls)


@pytest.mark.parametrize("seconds", [0, -1.0])
async def test_a_deadline_of_nothing_is_refused(greeted: Greet, seconds: float) -> None:
    async with greeted() as client:
        with pytest.raises(ValueError, match="above 0"):
            client.with_(timeout=seconds)


async def test_a_silent_server_is_not_waited_for(
    greeted: Greet, server: PlayedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "DEADLINE_GRACE_SECONDS", 0.0)
    async with greeted() as client:
        with pytest.raises(RpcError) as raised:
            await client.with_(timeout=0.01).add()
        assert raised.value.code == "DEADLINE_EXCEEDED"
        assert await server.next() == m.Call(1, "add", timeout_ms=10)
        assert await server.next() == m.Cancel(1)


async def test_a_cancelled_caller_waits_for_the_server(greeted: Greet, server: PlayedServer) -> None:
    async with greeted() as client, asyncio.TaskGroup() as tasks:
        call = tasks.create_task(client.slow())
        call_id = (await server.call()).id
        call.cancel()
        assert await server.next() == m.Cancel(call_id)
        assert not call.done()
        await server.say(m.Error(call_id, 499, "CANCELLED", pack("")))
        await asyncio.wait({call}, timeout=5)
        assert call.cancelled()


async def test_a_server_that_never_settles_does_not_hold_its_caller_for_ever(
    greeted: Greet, server: PlayedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "SETTLE_SECONDS", 0.01)
    async with greeted() as client, asyncio.TaskGroup() as tasks:
        call = tasks.create_task(client.slow())
        await server.call()
        call.cancel()
        await asyncio.wait({call}, timeout=5)
        assert call.cancelled()


async def test_credit_is_granted_as_items_are_taken(greeted: Greet, server: PlayedServer) -> None:
    async with greeted(stream_items=4) as client, client.chat() as items:
        call_id = (await server.call()).id
        await server.say(*(item(call_id, n) for n in range(4)))
        assert [await anext(items) for _ in range(2)] == [0, 1]
        assert await server.next() == m.Credit(call_id, 2, 2)
        await server.say(item(call_id, 4), m.End(call_id))
        assert [n async for n in items] == [2, 3, 4]


async def test_leaving_a_loop_early_cancels_ahead_of_what_follows(
    greeted: Greet, server: PlayedServer
) -> None:
    async with greeted() as client, asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(_first(client.chat(), then=lambda: client.add()))
        call_id = (await server.call()).id
        await server.say(item(call_id, "token"))
        assert await server.next() == m.Cancel(call_id)
        await server.answer(await server.call(), "added")
        assert await reading == ("token", "added")
        await server.say(m.Error(call_id, 499, "CANCELLED", pack("")))


async def test_the_end_of_the_block_waits_for_the_clean_up(greeted: Greet, server: PlayedServer) -> None:
    async def leave() -> None:
        async with client.chat() as items:
            async for _ in items:
                break

    async with greeted() as client, asyncio.TaskGroup() as tasks:
        leaving = tasks.create_task(leave())
        call_id = (await server.call()).id
        await server.say(item(call_id, "token"))
        assert await server.next() == m.Cancel(call_id)
        assert not leaving.done()
        # What crosses on the way is dropped.
        await server.say(item(call_id, "late"), m.Error(call_id, 499, "CANCELLED", pack("")))
        await leaving


async def test_an_error_in_the_middle_comes_after_the_items(greeted: Greet, server: PlayedServer) -> None:
    async with greeted() as client, client.chat() as items:
        call_id = (await server.call()).id
        await server.say(item(call_id, 1), m.Error(call_id, 500, "INTERNAL", pack("no")))
        assert await anext(items) == 1
        with pytest.raises(RpcError, match="INTERNAL"):
            await anext(items)
        assert [n async for n in items] == []


async def test_a_stream_is_iterated_and_a_call_awaited(greeted: Greet, server: PlayedServer) -> None:
    async with greeted() as client, asyncio.TaskGroup() as tasks:
        wrong = [tasks.create_task(_caught(client.chat())), tasks.create_task(_caught(client.chat()))]
        streaming, ended = await server.call(), await server.call()
        await server.say(item(streaming.id, 1), m.End(ended.id))
        assert await server.next() == m.Cancel(streaming.id)
        await server.say(m.Error(streaming.id, 499, "CANCELLED", pack("")))
        assert [str(await task) for task in wrong] == ["chat is a stream: use `async for`"] * 2
        wrong = [tasks.create_task(_caught(_listed(client.add())))]
        await server.answer(await server.call(), 1)
        assert str(await wrong[0]) == "add is no stream: use `await`"


async def test_a_call_is_used_once_and_not_forgotten(greeted: Greet) -> None:
    async with greeted() as client:
        with pytest.warns(RuntimeWarning, match="<call of add> was never awaited"):
            client.add(1)
        call = client.chat()
        aiter(call)
        with pytest.raises(RuntimeError, match="used already"):
            await call


async def test_a_lost_connection_settles_everything(greeted: Greet, server: PlayedServer) -> None:
    async with greeted(max_calls=1) as client, asyncio.TaskGroup() as tasks:
        sent, waiting = (tasks.create_task(_caught(client.add(n))) for n in (1, 2))
        stream = tasks.create_task(_caught(_listed(client.chat())))
        await server.call(), await server.call()
        server.hang_up(4001)
        errors = [await sent, await waiting, await stream]
        assert [(error.code, error.maybe_executed) for error in errors] == [
            ("CONNECTION_LOST", True),
            ("CONNECTION_LOST", False),
            ("CONNECTION_LOST", True),
        ]
        assert await client.closed() == client.close_code == 4001
        assert client.status == "closed"
        with pytest.raises(ConnectionLost) as raised:
            await client.add(3)
        assert raised.value.maybe_executed is False


async def test_a_call_that_never_left_was_not_executed(greeted: Greet) -> None:
    async with greeted() as client, asyncio.TaskGroup() as tasks:
        call = tasks.create_task(_caught(client.add(1)))
        # One turn of the loop: the call is on its way, and the writer has not had its turn.
        await asyncio.sleep(0)
        await client.close()
        error = await call
        assert (type(error), error.maybe_executed) == (ConnectionLost, False)


async def test_what_came_before_the_end_counts(greeted: Greet, server: PlayedServer) -> None:
    async with greeted() as client, asyncio.TaskGroup() as tasks:
        call = tasks.create_task(client.add(1))
        await server.answer(await server.call(), "answered")
        server.hang_up(4000)
        assert await call == "answered"


async def test_closing_from_this_side(greeted: Greet, server: PlayedServer) -> None:
    async with greeted() as client, asyncio.TaskGroup() as tasks:
        call = tasks.create_task(_caught(client.add(1)))
        await server.call()
        await client.close()
        assert isinstance(await call, ConnectionLost)
        assert server.client_code == client.close_code == 1000


async def test_a_server_that_breaks_the_protocol_is_left(greeted: Greet, server: PlayedServer) -> None:
    async with greeted() as client:
        await server.say(m.Hello())
        assert await client.closed() == 4500
    assert server.client_code == 4500


async def test_heartbeats_are_answered(greeted: Greet, server: PlayedServer) -> None:
    async with greeted():
        await server.say(m.Ping())
        assert await server.next() == m.Pong()


async def test_silence_is_the_end(
    greeted: Greet, server: PlayedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "SILENCE_GRACE_SECONDS", 0.01)
    async with greeted(heartbeat_ms=1) as client:
        async with asyncio.timeout(5):
            assert await client.closed() == 4002


async def test_goaway_refuses_new_calls_only(greeted: Greet, server: PlayedServer) -> None:
    async with greeted() as client, asyncio.TaskGroup() as tasks:
        call = tasks.create_task(client.slow())
        begun = await server.call()
        await server.say(m.GoAway(1000), m.Event("Told", pack(1)))
        assert await client.event("Told") == 1
        assert client.status == "draining"
        with pytest.raises(RpcError) as raised:
            await client.add(1)
        assert raised.value.code == "UNAVAILABLE"
        await server.answer(begun, "finished")
        assert await call == "finished"


async def test_refreshes_run_one_after_the_other(greeted: Greet, server: PlayedServer) -> None:
    async with greeted() as client, asyncio.TaskGroup() as tasks:
        first = tasks.create_task(client.reauthenticate(token="one"))
        second = tasks.create_task(_caught(client.reauthenticate(credentials={"key": 2})))
        assert await server.next() == m.Refresh(1, {"token": "one"})
        await server.say(m.Ping())
        assert await server.next() == m.Pong()  # the second waits
        await server.say(m.Result(1, pack(None)))
        await first
        assert await server.next() == m.Refresh(2, {"key": 2})
        await server.say(m.Error(2, 401, "UNAUTHENTICATED", pack("no")))
        server.hang_up(4501)
        error = await second
        assert isinstance(error, RemoteError)
        assert error.code == "UNAUTHENTICATED"
        assert await client.closed() == 4501


# Events


async def test_events_are_kept_and_given_out_once(greeted: Greet, server: PlayedServer) -> None:
    async with greeted() as client:
        await server.say(*(m.Event(name, pack(n)) for n, name in enumerate(["A", "B", "A", "A"])))
        assert await client.event("A") == 0
        events = client.events("A")
        assert [await anext(events), await anext(events)] == [2, 3]
        with pytest.raises(TimeoutError, match=r"no A within 0\.01 s; waiting are B"):
            await client.event("A", within=0.01)


async def test_an_event_that_comes_later_is_waited_for(greeted: Greet, server: PlayedServer) -> None:
    async with greeted() as client, asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(client.event("A"))
        await server.say(m.Event("B", pack(0)), m.Event("A", pack(1)))
        assert await waiting == 1


async def test_no_event_comes_from_a_closed_connection(greeted: Greet, server: PlayedServer) -> None:
    async with greeted() as client:
        await server.say(m.Event("A", pack(1)))
        server.hang_up(4001)
        await client.closed()
        assert await client.event("A") == 1
        with pytest.raises(ConnectionLost, match="4001"):
            await client.event("A", within=None)


async def test_events_that_were_not_kept_are_told() -> None:
    inbox = Inbox(most=2)
    for n in range(3):
        inbox.put(m.Event("A", n))
    with pytest.raises(EventsLostError, match="more than 2"):
        await inbox.take("A", within=1)
    assert [await inbox.take("A", within=1) for _ in range(2)] == [1, 2]


# Uploads


class Source:
    """What a test uploads; it tells how far it was read and whether it was closed."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.read = 0
        self.closed = asyncio.Event()

    async def __call__(self) -> AsyncIterator[int]:
        try:
            for n in range(self.count):
                self.read += 1
                yield n
        finally:
            self.closed.set()


async def test_an_upload_follows_its_call(greeted: Greet, server: PlayedServer) -> None:
    source = Source(2)
    async with greeted() as client, asyncio.TaskGroup() as tasks:
        call = tasks.create_task(client.total("x", source(), scale=2))
        assert await server.next() == m.Call(1, "total", ["x", None], {"scale": 2})
        assert [await server.next() for _ in range(3)] == [m.Item(1, 0), m.Item(1, 1), m.End(1)]
        await server.say(m.Result(1, pack(2)))
        assert await call == 2


async def test_an_upload_by_name_is_absent_from_the_arguments(greeted: Greet, server: PlayedServer) -> None:
    async with greeted() as client, asyncio.TaskGroup() as tasks:
        call = tasks.create_task(client.total(numbers=Source(0)()))
        assert await server.next() == m.Call(1, "total")
        assert await server.next() == m.End(1)
        await server.say(m.Result(1, pack(0)))
        assert await call == 0


async def test_an_upload_goes_on_as_credit_allows(greeted: Greet, server: PlayedServer) -> None:
    source = Source(6)
    async with greeted(stream_items=4) as client, asyncio.TaskGroup() as tasks:
        call = tasks.create_task(client.total(source()))
        await server.call()
        assert [await server.next() for _ in range(4)] == [m.Item(1, n) for n in range(4)]
        await server.say(m.Ping())
        assert await server.next() == m.Pong()
        assert source.read == 4  # nothing is taken that cannot be sent
        await server.say(m.Credit(1, 4, 4))
        assert [await server.next() for _ in range(3)] == [m.Item(1, 4), m.Item(1, 5), m.End(1)]
        await server.say(m.Result(1, pack(15)))
        assert await call == 15


async def test_a_call_that_settles_early_stops_its_source(greeted: Greet, server: PlayedServer) -> None:
    source = Source(100)
    async with greeted() as client, asyncio.TaskGroup() as tasks:
        call = tasks.create_task(client.total(source()))
        await server.answer(await server.call(), "enough")
        assert await call == "enough"
        assert source.closed.is_set()


async def test_a_cancelled_call_stops_its_source(greeted: Greet, server: PlayedServer) -> None:
    source = Source(100)
    async with greeted() as client, asyncio.TaskGroup() as tasks:
        call = tasks.create_task(client.total(source()))
        await server.call()
        while not isinstance(message := await server.next(), m.Item) or message.value < 3:
            pass
        call.cancel()
        assert await server.next() == m.Cancel(1)
        await server.say(m.Error(1, 499, "CANCELLED", pack("")))
        await asyncio.wait({call}, timeout=5)
        assert call.cancelled()
        assert source.closed.is_set()


async def test_a_source_that_fails_cancels_and_is_what_the_caller_gets(
    greeted: Greet, server: PlayedServer
) -> None:
    async def failing() -> AsyncIterator[int]:
        yield 1
        raise OSError("the disk is gone")

    async with greeted() as client, asyncio.TaskGroup() as tasks:
        call = tasks.create_task(_caught(client.total(failing())))
        await server.call()
        assert [await server.next() for _ in range(2)] == [m.Item(1, 1), m.Cancel(1)]
        await server.say(m.Error(1, 499, "CANCELLED", pack("")))
        assert repr(await call) == "OSError('the disk is gone')"


async def test_a_source_that_fails_while_it_is_stopped_ends_its_call_alone(
    greeted: Greet, server: PlayedServer
) -> None:
    async def stubborn() -> AsyncIterator[int]:
        try:
            for n in range(100):
                yield n
        finally:
            raise OSError("cannot close")

    async with greeted(stream_items=4) as client, asyncio.TaskGroup() as tasks:
        call = tasks.create_task(_caught(client.total(stubborn())))
        begun = await server.call()
        assert [await server.next() for _ in range(4)] == [m.Item(1, n) for n in range(4)]
        await server.answer(begun, "enough")
        assert repr(await call) == "OSError('cannot close')"
        call = tasks.create_task(client.add(1))
        await server.answer(await server.call(), "fine")
        assert await call == "fine"


async def test_a_lost_connection_stops_the_source(greeted: Greet, server: PlayedServer) -> None:
    source = Source(100)
    async with greeted() as client, asyncio.TaskGroup() as tasks:
        call = tasks.create_task(_caught(client.total(source())))
        await server.call()
        assert isinstance(await server.next(), m.Item)
        server.hang_up(1006)
        assert isinstance(await call, ConnectionLost)
        assert source.closed.is_set()


async def test_a_stream_of_another_call_can_be_uploaded(greeted: Greet, server: PlayedServer) -> None:
    async with greeted() as client, asyncio.TaskGroup() as tasks:
        call = tasks.create_task(client.total(client.count()))
        total, count = await server.call(), await server.call()
        await server.say(item(count.id, 7), m.End(count.id))
        assert [await server.next() for _ in range(2)] == [m.Item(total.id, 7), m.End(total.id)]
        await server.answer(total, 7)
        assert await call == 7


async def test_one_upload_a_call(greeted: Greet) -> None:
    async with greeted() as client:
        with pytest.raises(TypeError, match="at most one argument may be a stream, 2 are"):
            client.total(Source(1)(), other=Source(1)())


async def test_the_block_raises_what_it_raises(greeted: Greet) -> None:
    with pytest.raises(KeyError, match="mine"):
        async with greeted():
            raise KeyError("mine")


async def test_private_names_are_no_procedures(greeted: Greet, server: PlayedServer) -> None:
    async with greeted() as client, asyncio.TaskGroup() as tasks:
        with pytest.raises(AttributeError):
            _ = client._repr_html_
        with pytest.raises(AttributeError):
            _ = client.teams.__wrapped__
        call = tasks.create_task(client["event"](1))
        begun = await server.call()
        assert begun.name == "event"
        await server.answer(begun, None)
        await call


async def _caught(work: Any) -> Any:
    try:
        return await work
    except Exception as error:  # noqa: BLE001  # it is what the test asks about
        return error


async def _listed(items: Any) -> list[Any]:
    return [value async for value in items]


async def _first(items: Any, *, then: Any) -> Any:
    found = None
    async for value in items:
        found = value
        break
    return found, await then()
