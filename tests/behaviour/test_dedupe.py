"""A call with a key is executed once, however often it is sent; over every broker, and at whatever worker."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Response
from fusewire import Fuse, RegistrationError
from fusewire.wire import messages as m

from tests.support.peer import Peer, connected
from tests.support.shop import KEY, Shop, answer, http, keyed


async def test_a_retry_is_answered_and_nothing_is_executed(
    shop: Shop, devices: tuple[Peer, Peer], hosts: tuple[str, str]
) -> None:
    one, two = devices
    here, there = hosts
    first = (await answer(one, "pay", 2)).value
    assert first == {"number": 1, "data": b"\xff\xff"}
    assert (await answer(two, "pay", 2)).value == first
    # Whatever carries it.
    async with http(there, token="ann") as client:
        assert (await client.post("/pay", json={"amount": 2})).json() == {"number": 1, "data": "//8="}
    async with http(there, token="ann", key=f'"{KEY}"', accept="application/msgpack") as client:
        assert b"\xff\xff" in (await client.post("/pay", json={"amount": 2})).content
    assert shop.paid == 1
    # Another key, another user, or none: another call.
    assert (await answer(one, "pay", 2, key="other")).value["number"] == 2
    async with connected(here, token="bob") as bob:
        assert (await answer(bob, "pay", 2)).value["number"] == 3
    assert [(await answer(one, "pay", 2, key=None)).value["number"] for _ in range(2)] == [4, 5]


async def test_a_key_is_for_one_call(shop: Shop, hosts: tuple[str, str]) -> None:
    async with connected(hosts[0], token="ann") as peer:
        await answer(peer, "pay", 1)
        error = await answer(peer, "pay", 2)
        assert (error.status, error.code) == (422, "KEY_REUSED")
        assert shop.paid == 1


@pytest.mark.parametrize("key", ["", "x" * 256])
async def test_what_is_no_key(shop: Shop, hosts: tuple[str, str], key: str) -> None:
    async with connected(hosts[0], token="ann") as peer, connected(hosts[0]) as guest:
        assert (await answer(peer, "pay", 1, key=key)).code == "INVALID_ARGUMENT"
        # Anybody could guess it.
        assert (await answer(guest, "pay", 1, key="1")).code == "INVALID_ARGUMENT"
        assert (await answer(guest, "pay", 1)).value["number"] == 1


async def test_who_comes_during_the_first_waits_for_it(shop: Shop, devices: tuple[Peer, Peer]) -> None:
    one, two = devices
    calls = [(peer, keyed("pay_slowly")) for peer in (one, two, one, two)]
    for peer, message in calls:
        await peer.send(message)
    await shop.note.until("pay")
    shop.gate.set()
    # In whatever order: whoever asks first is not told first.
    answers = [(peer, await peer.until(m.Result)) for peer in (one, two, one, two)]
    assert {(peer, answer.id) for peer, answer in answers} == {(peer, call.id) for peer, call in calls}
    assert {answer.value for _, answer in answers} == {1}
    await shop.note.until("afterwards")
    assert shop.note.noted == ["pay", "afterwards"]


@pytest.mark.parametrize("transport", ["websocket", "http"])
async def test_a_lost_connection_does_not_stop_it(shop: Shop, hosts: tuple[str, str], transport: str) -> None:
    here, there = hosts
    if transport == "websocket":
        async with connected(here, token="ann") as peer:
            await peer.send(keyed("pay_slowly"))
            await shop.note.until("pay")
            peer.cut()
    else:
        async with http(here, token="ann") as client:
            with pytest.raises(httpx.ReadTimeout):
                await client.post("/pay_slowly", timeout=0.3)
    async with connected(there, token="ann") as peer:
        message = keyed("pay_slowly")
        await peer.send(message)
        shop.gate.set()
        assert await peer.answer(message.id) == m.Result(message.id, 1)
    assert "cancelled" not in shop.note.noted


async def test_what_was_stopped_is_not_executed_again(shop: Shop, hosts: tuple[str, str]) -> None:
    async with connected(hosts[0], token="ann") as peer:
        message = keyed("pay_slowly")
        await peer.send(message)
        await shop.note.until("pay")
        await peer.send(m.Cancel(message.id))
        assert (await peer.until(m.Error)).code == "CANCELLED"
        await shop.note.until("cancelled")
        error = await answer(peer, "pay_slowly")
        assert (error.status, error.code) == (409, "OUTCOME_UNKNOWN")
        assert shop.paid == 1


@pytest.mark.parametrize(
    ("how", "status", "code"),
    [("declared", 402, "SPENT"), ("http", 418, "HTTP_418"), ("other", 500, "INTERNAL")],
)
async def test_an_error_is_an_outcome_too(
    shop: Shop, devices: tuple[Peer, Peer], hosts: tuple[str, str], how: str, status: int, code: str
) -> None:
    one, two = devices
    there = hosts[1]
    first, again = await answer(one, "fail", how), await answer(two, "fail", how)
    first.id = again.id = 1
    assert (first.status, first.code) == (status, code)
    assert again == first
    async with http(there, token="ann") as client:
        response = await client.post("/fail", json={"how": how})
        assert (response.status_code, response.json()["code"]) == (status, code)
        assert response.headers.get("x-tea") == ("pot" if how == "http" else None)
        if how == "declared":
            assert response.json()["data"] == {"number": 1, "data": "/w=="}
    assert shop.paid == 1


async def test_what_was_refused_before_it_began_may_be_sent_again(shop: Shop, hosts: tuple[str, str]) -> None:
    async with connected(hosts[0], token="ann") as peer:
        assert (await answer(peer, "rarely", key="a")).value == 1
        assert (await answer(peer, "rarely", key="b")).code == "RATE_LIMITED"
        # And an answer that is there already costs nothing.
        assert (await answer(peer, "rarely", key="a")).value == 1
        assert (await answer(peer, "pay", "nonsense")).code == "INVALID_ARGUMENT"
        assert (await answer(peer, "pay", 1)).value["number"] == 2


async def test_a_large_result_is_not_kept_and_that_is_said(shop: Shop, hosts: tuple[str, str]) -> None:
    async with connected(hosts[0], token="ann") as peer:
        assert len((await answer(peer, "pay", 65_000)).value["data"]) == 65_000
        error = await answer(peer, "pay", 65_000)
        assert (error.status, error.code) == (409, "RESULT_NOT_KEPT")
        assert shop.paid == 1


async def test_a_long_call_keeps_its_claim(shop: Shop, devices: tuple[Peer, Peer]) -> None:
    one, two = devices
    await one.send(keyed("pay_slowly"))
    await shop.note.until("pay")
    message = keyed("pay_slowly")
    await two.send(message)
    # Three times as long as a lease.
    asyncio.get_running_loop().call_later(1.5, shop.gate.set)
    assert await two.answer(message.id) == m.Result(message.id, 1)


async def test_the_time_of_an_outcome_begins_when_there_is_one(
    shop: Shop, devices: tuple[Peer, Peer]
) -> None:
    one, two = devices
    await one.send(keyed("pay_for_a_moment"))
    await shop.note.until("pay")
    # Longer than outcomes are kept, and than a claim is that nobody extends.
    await asyncio.sleep(1.3)
    message = keyed("pay_for_a_moment")
    await two.send(message)
    asyncio.get_running_loop().call_later(0.1, shop.gate.set)
    assert await two.answer(message.id) == m.Result(message.id, 1)
    assert shop.paid == 1
    # When it is over the key is free.
    async with asyncio.timeout(5):
        while (await answer(one, "pay_for_a_moment")).value == 1:  # noqa: ASYNC110  # until the time is over
            await asyncio.sleep(0.05)
    assert shop.paid == 2


def test_what_cannot_work_is_refused() -> None:
    async def call() -> int:
        return 1

    async def stream() -> AsyncIterator[int]:
        yield 1

    async def cookies(response: Response) -> None: ...

    def refused(message: str, function: Callable[..., Any], **options: Any) -> None:
        with pytest.raises(RegistrationError, match=message):
            Fuse(FastAPI()).rpc(**options)(function)

    refused("no length of time", call, dedupe="soon")
    refused("need not be idempotent", call, dedupe="10m", idempotent=True)
    refused("a stream or a form is not sent again", stream, dedupe="10m")
    refused("a stream or a form is not sent again", stream, idempotent=True)
    refused("answers with a Response", cookies, dedupe="10m", transports="http")
