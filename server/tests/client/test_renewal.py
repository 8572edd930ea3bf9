"""Credentials that expire are renewed in time, against a server that the test plays."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from fusewire.client import renewal
from fusewire.errors import RpcError
from fusewire.wire import messages as m
from fusewire.wire.codec import pack

from .conftest import Link, PlayedServer, connect


async def refreshed(link: Link, expires_ms: int | None) -> str:
    """The token of the next refresh, which is accepted."""
    refresh = await link.next()
    assert isinstance(refresh, m.Refresh)
    await link.say(m.Result(refresh.id, pack(expires_ms)))
    return str((refresh.credentials or {})["token"])


def tokens() -> Iterator[str]:
    number = 0
    while True:
        number += 1
        yield f"token {number}"


async def test_credentials_are_renewed_before_they_expire(server: PlayedServer) -> None:
    given = tokens()
    async with connect(server.url, auth=lambda: next(given)) as client, asyncio.TaskGroup() as tasks:
        call = tasks.create_task(client.add(1))
        link = await server.link()
        started = client.status
        assert (await link.welcome(expires_ms=400)).credentials == {"token": "token 1"}
        await link.answer(2)
        assert await call == 2
        assert await refreshed(link, 400) == "token 2"
        assert await refreshed(link, None) == "token 3"
        # What has no end needs no other.
        call = tasks.create_task(client.add(1))
        await link.answer(2)
        assert await call == 2
        assert client.status.state == "connected" != started.state


async def test_what_somebody_asks_for_counts_as_well(server: PlayedServer) -> None:
    given = tokens()
    async with connect(server.url, auth=lambda: next(given)) as client, asyncio.TaskGroup() as tasks:
        call = tasks.create_task(client.add(1))
        link = await server.link()
        await link.welcome(expires_ms=3_600_000)
        await link.answer(2)
        await call
        login = tasks.create_task(client.reauthenticate())
        assert await refreshed(link, 400) == "token 2"
        await login
        assert await refreshed(link, None) == "token 3", "a shorter life than that of before"


async def test_auth_that_raises_is_asked_again(server: PlayedServer) -> None:
    answers: Iterator[str | Exception] = iter(
        ["first", OSError("no network"), OSError("still none"), "second"]
    )
    errors: list[Exception] = []
    pauses: list[int] = []

    def auth() -> str:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def pause(attempt: int) -> float:
        pauses.append(attempt)
        return 0.0

    options: dict[str, Any] = {"auth": auth, "on_error": errors.append, "backoff": pause}
    async with connect(server.url, **options) as client, asyncio.TaskGroup() as tasks:
        tasks.create_task(client.add(1))
        link = await server.link()
        await link.welcome(expires_ms=300)
        await link.answer(2)
        assert await refreshed(link, None) == "second"
    assert [str(error) for error in errors] == ["no network", "still none"]
    assert pauses == [0, 1]


async def test_a_refused_renewal_is_the_end_as_the_server_says(server: PlayedServer) -> None:
    given = tokens()
    async with connect(server.url, auth=lambda: next(given)) as client:
        async with asyncio.TaskGroup() as tasks:
            call = tasks.create_task(client.add(1))
            link = await server.link()
            await link.welcome(expires_ms=300)
            await link.answer(2)
            await call
        refresh = await link.next()
        await link.say(m.Error(refresh.id, 401, "UNAUTHENTICATED", pack("no")))
        await link.close(4501)
        with pytest.raises(RpcError) as raised:
            await client.add(1)
        assert raised.value.code == "UNAUTHENTICATED"


async def test_who_is_known_by_the_handshake_is_left_alone(server: PlayedServer) -> None:
    async with connect(server.url) as client, asyncio.TaskGroup() as tasks:
        call = tasks.create_task(client.add(1))
        link = await server.link()
        await link.welcome(expires_ms=1)
        await link.answer(2)
        await call
        call = tasks.create_task(client.add(2))
        assert (await link.answer(3)).args == [2, 1], "no refresh before it"
        await call


@pytest.mark.parametrize(("life", "earliest", "latest"), [(10.0, 8.0, 9.0), (3600.0, 3540.0, 3570.0)])
async def test_a_fifth_of_the_life_or_a_minute(life: float, earliest: float, latest: float) -> None:
    class Held:
        loop = asyncio.get_running_loop()
        expires_at = loop.time() + life

    dues = [(renewal._due(Held()) or 0.0) - Held.loop.time() for _ in range(100)]  # type: ignore[arg-type]  # it needs no more of a connection
    assert earliest - 0.5 <= min(dues) < max(dues) <= latest + 0.5
