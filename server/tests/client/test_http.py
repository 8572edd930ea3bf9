"""Calls over HTTP, to a real app: procedures without a WebSocket form, and clients that use nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from email import message_from_bytes
from email.message import Message
from typing import Annotated, Any

import pytest
from fastapi import Cookie, FastAPI, Request, Response
from fastapi.responses import PlainTextResponse
from fusewire import Fuse
from fusewire.client.typed import (
    App,
    Call,
    Caller,
    ConnectionLost,
    File,
    RpcError,
    StreamCall,
    default,
    open_client,
)
from fusewire.errors import DeadlineExceeded, UnknownProcedure

from tests.support.server import serving

ADD: Call[int] = Call(name="add", result=int, args=("a", "b"), http="POST /add")
COUNT: StreamCall[int] = StreamCall(name="count", result=int, args=("to", "fail"), http="POST /count")
FIND: Call[list[str]] = Call(
    name="find", result=list[str], args=("place", "tag", "flag"), http="GET /find/{place}"
)
HANGS: Call[None] = Call(name="hangs", result=None, http="POST /hangs")
LOGIN: Call[None] = Call(name="login", result=None, http="POST /login", only_http=True)
ME: Call[str | None] = Call(name="me", result=str | None, http="POST /me")
MISSING: Call[None] = Call(name="missing", result=None, http="POST /missing", only_http=True)
PAGE: Call[Any] = Call(name="page", result=Any, http="GET /page", only_http=True)
STORE: Call[list[Any]] = Call(
    name="store", result=list[Any], args=("file", "note"), http="POST /store", body="form", only_http=True
)


@pytest.fixture
def fuse() -> Fuse:
    fuse = Fuse(FastAPI())
    rpc = fuse.rpc

    @rpc
    async def add(a: int, b: int = 1) -> int:
        return a + b

    @rpc
    async def count(to: int, fail: bool = False) -> AsyncIterator[int]:
        for n in range(to):
            yield n
        if fail:
            raise ValueError

    @rpc.get("/find/{place}")
    async def find(place: str, tag: list[str] | None = None, flag: bool = False) -> list[str]:
        return [place, *(tag or []), str(flag)]

    @rpc
    async def hangs() -> None:
        await asyncio.Event().wait()

    @rpc.post("/login", transports="http")
    async def login(response: Response) -> None:
        response.set_cookie("who", "ann", httponly=True)

    @rpc
    async def me(who: Annotated[str | None, Cookie()] = None) -> str | None:
        return who

    @rpc.get("/page", transports="http")
    async def page() -> PlainTextResponse:
        return PlainTextResponse("hello")

    @fuse.app.post("/api/store")
    async def store(request: Request) -> list[str | None]:
        """What a form has in it; FastAPI's own reader is a package of its own."""
        head = f"content-type: {request.headers['content-type']}\r\n\r\n".encode()
        parts = message_from_bytes(head + await request.body()).get_payload()
        assert isinstance(parts, list)
        shown: list[str | None] = []
        for part in parts:
            assert isinstance(part, Message)
            content = part.get_payload(decode=True)
            assert isinstance(content, bytes)
            shown += [part.get_filename(), content.hex()]
        return shown

    return fuse


def connect(fuse: Fuse, host: str, **options: Any) -> AbstractAsyncContextManager[Caller]:
    app = App(calls=fuse.contract()["calls"], ws="/_ws", api="/api")
    return open_client(lambda caller: caller, app, f"http://{host}/", **options)


@pytest.fixture
async def host(fuse: Fuse) -> AsyncIterator[str]:
    async with serving(fuse.app) as host:
        yield host


async def test_values_in_path_query_and_body(fuse: Fuse, host: str) -> None:
    async with connect(fuse, host, transport="http") as caller:
        assert await caller.call(ADD, {"a": 1, "b": default(1)}) == 2
        found = await caller.call(FIND, {"place": "a ü", "tag": ["x", "y"], "flag": True})
        assert found == ["a ü", "x", "y", "True"]
        assert await caller.call(PAGE, {}) == "hello"


async def test_another_contract_is_told_once(fuse: Fuse, host: str) -> None:
    stale: list[str | None] = []
    app = App(calls="old", ws="/_ws", api="/api")
    options: Any = {"transport": "http", "on_stale": stale.append}
    async with open_client(lambda caller: caller, app, f"http://{host}", **options) as caller:
        for _ in range(2):
            await caller.call(ADD, {"a": 1, "b": 1})
    assert stale == [fuse.contract()["calls"]]


async def test_streams_end_fail_and_are_left(fuse: Fuse, host: str) -> None:
    async with connect(fuse, host, transport="http") as caller:
        assert [n async for n in caller.stream(COUNT, {"to": 3, "fail": default(False)})] == [0, 1, 2]
        failing = caller.stream(COUNT, {"to": 2, "fail": True})
        assert [await anext(failing), await anext(failing)] == [0, 1]
        with pytest.raises(RpcError) as raised:
            await anext(failing)
        assert raised.value.code == "INTERNAL"
        async with caller.stream(COUNT, {"to": 10**9, "fail": False}) as stream:
            assert await anext(stream) == 0


async def test_a_file_is_uploaded(fuse: Fuse, host: str, tmp_path: Any) -> None:
    async with connect(fuse, host) as caller:
        given: list[tuple[File, list[str | None]]] = [
            (b"\x00\xff", ["file", "00ff"]),
            (("a.txt", b"a"), ["a.txt", "61"]),
        ]
        for file, stored in given:
            assert await caller.call(STORE, {"file": file, "note": default("")}) == stored
        path = tmp_path / "b.bin"
        path.write_bytes(b"b")
        with path.open("rb") as opened:
            assert await caller.call(STORE, {"file": opened, "note": "n"}) == [None, "6e", "b.bin", "62"]


async def test_a_cookie_that_a_login_has_set_is_in_the_next_handshake(fuse: Fuse, host: str) -> None:
    async with connect(fuse, host) as caller:
        assert await caller.call(ME, {}) is None
        await caller.call(LOGIN, {})
        await caller.core.reauthenticate()
        assert await caller.call(ME, {}) == "ann"


async def test_time_passes_over_http_too(fuse: Fuse, host: str) -> None:
    async with connect(fuse, host, transport="http", timeout=0.05) as caller:
        # The server's own word, which comes first.
        with pytest.raises(DeadlineExceeded, match="The call's deadline passed"):
            await caller.call(HANGS, {})


async def test_errors_have_the_one_shape_or_the_nearest(fuse: Fuse, host: str) -> None:
    async with connect(fuse, host, transport="http") as caller:
        with pytest.raises(RpcError) as wrong:
            await caller.call(ADD, {"a": "one", "b": default(1)})
        assert (wrong.value.code, wrong.value.status) == ("INVALID_ARGUMENT", 422)
        with pytest.raises(RpcError) as missing:
            await caller.call(MISSING, {})
        assert missing.value.status == 404
        assert not isinstance(missing.value, UnknownProcedure)
    async with connect(fuse, "127.0.0.1:9", transport="http") as nobody:
        with pytest.raises(ConnectionLost) as lost:
            await nobody.call(ADD, {"a": 1, "b": 1})
        assert not lost.value.maybe_executed


@pytest.mark.parametrize("url", ["localhost:1", "ftp://x", "http://"])
async def test_a_base_url_has_a_scheme(fuse: Fuse, url: str) -> None:
    with pytest.raises(ValueError, match="no base URL"):
        async with open_client(lambda caller: caller, App(calls="", ws="/_ws", api="/api"), url):
            pytest.fail("there is no such URL")
