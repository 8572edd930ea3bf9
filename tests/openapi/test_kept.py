"""What keys and resumed streams are answered over HTTP is what the document says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fusewire import Fuse

from tests.openapi.test_apps import codes_of
from tests.support.apps import fuse_of_users
from tests.support.server import serving
from tests.support.shop import Shop, http

SSE = {"accept": "text/event-stream", "authorization": "Bearer ann"}


def assert_described(fuse: Fuse, answer: httpx.Response) -> None:
    operation = fuse.app.openapi()["paths"][answer.request.url.path][answer.request.method.lower()]
    assert answer.json()["code"] in codes_of(fuse.app, operation["responses"][str(answer.status_code)])


@pytest.mark.parametrize(
    ("key", "first", "then", "expected"),
    [
        ("k", 1, 2, (422, "KEY_REUSED")),
        ("k", 1, "one", (422, "KEY_REUSED")),
        ("k", 65_000, 65_000, (409, "RESULT_NOT_KEPT")),
        ("k" * 256, 1, 1, (422, "INVALID_ARGUMENT")),
        ("k", "one", "one", (422, "INVALID_ARGUMENT")),
    ],
)
async def test_what_a_key_is_answered(key: str, first: Any, then: Any, expected: tuple[int, str]) -> None:
    fuse = Shop(None).worker()
    async with serving(fuse.app) as host, http(host, token="ann", key=key) as client:
        await client.post("/pay", json={"amount": first})
        answer = await client.post("/pay", json={"amount": then})
    assert (answer.status_code, answer.json()["code"]) == expected
    assert_described(fuse, answer)


async def test_what_is_answered_to_who_resumes_a_stream() -> None:
    fuse = fuse_of_users()
    gate = asyncio.Event()

    @fuse.rpc.get("/story", resume="1m")
    async def story() -> AsyncIterator[int]:
        yield 1
        await gate.wait()
        yield 2

    async with (
        serving(fuse.app) as host,
        httpx.AsyncClient(base_url=f"http://{host}/api", headers=SSE, timeout=10) as client,
    ):

        async def behind(last: str) -> httpx.Response:
            return await client.get("/story", headers={"last-event-id": last})

        async with client.stream("GET", "/story") as reading:
            line = await anext(line async for line in reading.aiter_lines() if line.startswith("id: "))
        first = line.removeprefix("id: ")
        stream = first.partition("/")[0]
        # Nothing is sent to either before the other one comes, and the later one goes on.
        async with asyncio.TaskGroup() as tasks:
            readers = [tasks.create_task(behind(first)) for _ in range(2)]
            await asyncio.wait(readers, return_when=asyncio.FIRST_COMPLETED)
            gate.set()
        over, overtaken = sorted((reader.result() for reader in readers), key=lambda each: each.status_code)
        assert "event: end" in over.text
        refused = [overtaken, await behind("x/1-1"), await behind(f"{stream}/x")]
        assert (await behind(f"{stream}/end")).status_code == 204
    assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [
        (409, "STREAM_TAKEN_OVER"),
        (404, "STREAM_UNKNOWN"),
        (410, "STREAM_LOST"),
    ]
    for answer in refused:
        assert_described(fuse, answer)
