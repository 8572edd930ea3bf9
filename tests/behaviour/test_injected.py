"""What is injected, on every transport: the connection, the call, who calls, headers and cookies."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Any

import pytest
from fastapi import Cookie, Depends, Header
from fusewire import Call, Fuse, Identity
from starlette.requests import HTTPConnection

from tests.support.callers import Caller, CallError

Connect = Callable[..., Awaitable[Caller]]
HEADERS = {"x-lang": "de, en", "cookie": "theme=dark; visits=3", "user-agent": "agent", "x-count": "x"}


async def test_headers_and_cookies(fuse: Fuse, connect: Connect) -> None:
    async def below(x_lang: Annotated[str, Header()]) -> str:
        return x_lang

    @fuse.rpc
    async def read(
        lang: Annotated[str, Depends(below)],
        x_lang: Annotated[str, Header()],
        x_langs: Annotated[list[str], Header(alias="x-lang")],
        theme: Annotated[str, Cookie()],
        visits: Annotated[int, Cookie()],
        agent: Annotated[str, Header(alias="User-Agent")],
        absent: Annotated[str | None, Header()] = None,
        fallback: Annotated[int, Cookie()] = 7,
        authorization: Annotated[str | None, Header()] = None,
    ) -> list[Any]:
        return [lang, x_lang, x_langs, theme, visits, agent, absent, fallback, authorization]

    ann = await connect(token="ann", headers=HEADERS)
    both = "de, en"
    assert await ann.call("read") == [both, both, [both], "dark", 3, "agent", None, 7, "Bearer ann"]


async def test_a_header_that_is_missing_or_does_not_fit_is_named(fuse: Fuse, connect: Connect) -> None:
    @fuse.rpc
    async def read(
        x_count: Annotated[int, Header()],
        x_missing: Annotated[str, Header()],
        session: Annotated[str, Cookie(min_length=3)],
        theme: Annotated[str, Cookie(max_length=2)],
        n: int,
    ) -> None: ...

    with pytest.raises(CallError) as caught:
        await (await connect(headers=HEADERS)).call("read", "x")
    assert (caught.value.status, caught.value.code) == (422, "INVALID_ARGUMENT")
    assert [(e["type"], e["loc"]) for e in caught.value.detail] == [
        ("int_parsing", ["header", "x-count"]),
        ("missing", ["header", "x-missing"]),
        ("missing", ["cookie", "session"]),
        ("string_too_long", ["cookie", "theme"]),
        ("int_parsing", ["body", "n"]),
    ]


async def test_the_connection_and_who_calls(fuse: Fuse, connect: Connect) -> None:
    def below(connection: HTTPConnection, me: Identity | None) -> list[Any]:
        return [connection.headers["user-agent"], me and me.id]

    @fuse.rpc
    async def see(
        connection: HTTPConnection, me: Identity | None, deep: Annotated[Any, Depends(below)]
    ) -> Any:
        host = connection.client.host if connection.client else None
        return [connection.cookies["theme"], host, me and me.id, deep]

    anonymous, ann = await connect(headers=HEADERS), await connect(token="ann", headers=HEADERS)
    assert await anonymous.call("see") == ["dark", "127.0.0.1", None, ["agent", None]]
    assert await ann.call("see") == ["dark", "127.0.0.1", "ann", ["agent", "ann"]]


async def test_the_call(fuse: Fuse, connect: Connect, transport: str) -> None:
    calls: list[Call] = []

    def below(call: Call) -> Call:
        return call

    @fuse.rpc(name="look", timeout=60)
    async def see(call: Call, deep: Annotated[Call, Depends(below)]) -> list[Any]:
        calls.append(call)
        assert deep is call
        assert call.remaining_seconds is not None
        return [
            call.procedure,
            call.transport,
            call.client_ip,
            call.identity and call.identity.id,
            call.headers["x-lang"],
            59 < call.remaining_seconds <= 60,
        ]

    @fuse.rpc
    async def watch(call: Call) -> AsyncIterator[float | None]:
        yield call.remaining_seconds
        calls.append(call)

    caller = await connect(token="ann", headers=HEADERS)
    kind = "websocket" if transport == "websocket" else "http"
    for _ in range(2):
        assert await caller.call("look") == ["look", kind, "127.0.0.1", "ann", "de, en", True]
    other = await connect(token="ann", headers=HEADERS)
    await other.call("look")
    assert [item async for item in caller.stream("watch")] == [None]
    assert len({call.id for call in calls}) == 4
    sessions = [call.session_id for call in calls]
    if transport == "websocket":
        assert sessions[0] == sessions[1] == sessions[3] != sessions[2] is not None
    else:
        assert sessions == [None] * 4
    # What may end up in a log shows nobody's token.
    assert "ann" not in repr(calls[0])
