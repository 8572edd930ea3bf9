import ast
import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from anthropic import AsyncAnthropic
from fusewire import RpcError
from fusewire.wire import messages as m

from app.backend import ai
from app.backend.ai.errors import ModelBusy, ModelRefused, ModelUnavailable
from app.backend.ai.fake import FakeModel
from app.backend.ai.service import ClaudeService, open_claude
from app.backend.identity import COOKIE
from app.backend.state import AppState
from tests.support.peer import connected

pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


async def until(fact: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not fact():  # noqa: ASYNC110  # the stand-in notices a hang-up in its own task, and has no event for it
            await asyncio.sleep(0.005)


# The procedure, with the stand-in behind it


async def test_a_reply_is_streamed_to_the_end(member: httpx.AsyncClient) -> None:
    response = await member.post("/api/chat", json={"prompt": "hi there"}, timeout=30)
    tokens = [json.loads(line) for line in response.text.splitlines() if line]
    assert response.headers["content-type"].startswith("application/jsonl")
    assert len(tokens) > 20
    assert "".join(tokens).startswith("You wrote: “hi there”. ")
    model = (await member.get("/api/chat/model")).json()
    assert model == {"name": "fake-model", "fake": {"writing": 0, "finished": 1, "stopped": 0}}


async def test_stop_reaches_the_model(host: str, member: httpx.AsyncClient, running: AppState) -> None:
    seen = running.claude.fake_activity
    assert seen is not None
    async with connected(host, token=member.cookies[COOKIE]) as peer:
        await peer.send(m.Call(1, "chat", ["hi"]))
        await peer.until(m.Item)
        assert seen.writing == 1
        await peer.send(m.Cancel(1))
        assert (await peer.until(m.Error)).code == "CANCELLED"
        await until(lambda: seen.stopped == 1)
    assert (seen.writing, seen.finished) == (0, 0)


async def test_a_lost_reader_stops_the_model(member: httpx.AsyncClient, running: AppState) -> None:
    seen = running.claude.fake_activity
    assert seen is not None
    async with member.stream("POST", "/api/chat", json={"prompt": "hi"}) as response:
        await anext(response.aiter_lines())
    await until(lambda: seen.stopped == 1)


async def test_a_busy_model_is_a_declared_error(member: httpx.AsyncClient) -> None:
    refused = await member.post("/api/chat", json={"prompt": "be busy"})
    assert refused.status_code == 503
    body = {
        "code": "MODEL_BUSY",
        "detail": "The model is busy. Try again in 7 s.",
        "data": {"retry_after": 7},
    }
    assert refused.json() == body


async def test_the_chat_is_for_people_with_an_account(browser: httpx.AsyncClient) -> None:
    assert (await browser.post("/api/chat", json={"prompt": "hi"})).status_code == 401


@pytest.mark.parametrize("prompt", ["", "x" * 4_001])
async def test_a_prompt_has_bounds(member: httpx.AsyncClient, prompt: str) -> None:
    refused = await member.post("/api/chat", json={"prompt": prompt})
    assert refused.status_code == 422
    assert "input" not in refused.json()["detail"][0]


# The service alone

Answer = Callable[[httpx2.Request], httpx2.Response]


def service(answer: Answer) -> ClaudeService:
    http = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
    client = AsyncAnthropic(api_key="test", base_url="http://model.test", http_client=http, max_retries=0)
    return ClaudeService(client, "claude-test")


def problem(status: int, kind: str, **headers: str) -> Answer:
    body = {"type": "error", "error": {"type": kind, "message": "secret prompt text"}}
    return lambda _: httpx2.Response(status, json=body, headers=headers)


def events(*records: dict[str, Any]) -> bytes:
    return b"".join(f"event: {each['type']}\ndata: {json.dumps(each)}\n\n".encode() for each in records)


def begun(*more: dict[str, Any]) -> bytes:
    message: dict[str, Any] = {
        "id": "msg",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 0},
    }
    return events(
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hel"}},
        *more,
    )


async def collect(claude: ClaudeService) -> tuple[list[str], RpcError[Any] | None]:
    tokens: list[str] = []
    try:
        async for token in claude.reply("hi"):
            tokens.append(token)  # noqa: PERF401  # what came before an error counts
    except RpcError as error:
        return tokens, error
    return tokens, None


def unreachable(request: httpx2.Request) -> httpx2.Response:
    raise httpx2.ConnectError("refused", request=request)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (problem(429, "rate_limit_error"), ModelBusy),
        (problem(529, "overloaded_error"), ModelBusy),
        (problem(400, "invalid_request_error"), ModelRefused),
        (problem(413, "request_too_large"), ModelRefused),
        (problem(401, "authentication_error"), ModelUnavailable),
        (problem(404, "not_found_error"), ModelUnavailable),
        (problem(500, "api_error"), ModelUnavailable),
        (unreachable, ModelUnavailable),
    ],
)
async def test_each_failure_before_the_first_token(
    backend: str, answer: Answer, expected: type[RpcError[Any]], caplog: pytest.LogCaptureFixture
) -> None:
    tokens, error = await collect(service(answer))
    assert tokens == []
    assert type(error) is expected
    assert "secret prompt text" not in str(error) + caplog.text


async def test_the_wait_that_the_model_names(backend: str) -> None:
    _, error = await collect(service(problem(429, "rate_limit_error", **{"retry-after": "42"})))
    assert isinstance(error, ModelBusy)
    assert error.data is not None
    assert error.data.retry_after == 42


async def test_a_failure_in_the_middle_of_the_stream(backend: str) -> None:
    overloaded = {"type": "error", "error": {"type": "overloaded_error", "message": "later"}}

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=begun(overloaded), headers={"content-type": "text/event-stream"})

    tokens, error = await collect(service(answer))
    assert tokens == ["Hel"]
    assert type(error) is ModelBusy


async def test_a_connection_that_breaks_in_the_middle(backend: str) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield begun()
        raise httpx2.ReadError("gone")

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=body(), headers={"content-type": "text/event-stream"})

    tokens, error = await collect(service(answer))
    assert tokens == ["Hel"]
    assert type(error) is ModelUnavailable


async def test_a_refusal_of_the_model(backend: str) -> None:
    end: list[dict[str, Any]] = [
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "usage": {"output_tokens": 1},
            "delta": {"stop_reason": "refusal", "stop_sequence": None},
        },
        {"type": "message_stop"},
    ]

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=begun(*end), headers={"content-type": "text/event-stream"})

    tokens, error = await collect(service(answer))
    assert tokens == ["Hel"]
    assert type(error) is ModelRefused


async def test_what_is_asked_for_is_bounded(backend: str) -> None:
    asked: list[dict[str, Any]] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(json.loads(request.content))
        return problem(400, "invalid_request_error")(request)

    await collect(service(answer))
    assert asked[0]["max_tokens"] == 1024
    assert asked[0]["model"] == "claude-test"
    assert "temperature" not in asked[0]


async def test_closing_a_reply_closes_the_connection(backend: str) -> None:
    async with (
        FakeModel(word_seconds=0.01) as fake,
        open_claude(api_key="k", base_url=fake.url, model="m") as claude,
    ):
        assert claude.fake_activity is None  # an address of one's own is not our stand-in
        async with aclosing(claude.reply("hi")) as tokens:
            assert await anext(tokens) == "You"
        await until(lambda: fake.activity.stopped == 1)


def test_the_service_never_touches_the_database(backend: str) -> None:
    for file in Path(ai.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                assert not name.startswith(("sqlmodel", "sqlalchemy")), file
                assert not name.startswith("app.backend") or name.startswith("app.backend.ai"), file
