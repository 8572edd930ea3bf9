"""A stand-in for the Messages API, so that the app runs without a key: the same events, a made-up answer.

It is a server of its own on a loopback port, so what is tested is what runs: the SDK, its parser, and closing a
connection to stop a reply.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from types import TracebackType
from typing import Any, Self

import uvicorn
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

START_SECONDS = 10.0


class FakeActivity(BaseModel):
    """What the stand-in has seen since it started."""

    writing: int = 0
    finished: int = 0
    stopped: int = 0
    """Replies whose reader hung up."""


class FakeModel:
    """Runs while its `async with` block does. `word_seconds`: the pause after each word."""

    def __init__(self, *, word_seconds: float = 0.05) -> None:
        self.activity = FakeActivity()
        self._word_seconds = word_seconds
        self._stack = AsyncExitStack()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.app = Starlette(routes=[Route("/v1/messages", self._messages, methods=["POST"])])
        config = uvicorn.Config(
            self.app,
            log_level="warning",
            access_log=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=1,
        )
        self._server = _Server(config)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    async def __aenter__(self) -> Self:
        tasks = await self._stack.enter_async_context(asyncio.TaskGroup())
        tasks.create_task(self._server.serve(sockets=[self._listener]))
        async with asyncio.timeout(START_SECONDS):
            await self._server.up.wait()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        await self._stack.__aexit__(kind, error, trace)

    async def _messages(self, request: Request) -> Response:
        asked = await request.json()
        if not asked.get("stream"):
            return _problem(400, "invalid_request_error", "this stand-in only streams")
        prompt = str(asked["messages"][-1]["content"])
        if prompt.strip().lower() == "be busy":
            return _problem(
                429, "rate_limit_error", "busy, as you asked", {"retry-after": "7", "x-should-retry": "false"}
            )
        return StreamingResponse(self._events(str(asked["model"]), prompt), media_type="text/event-stream")

    async def _events(self, model: str, prompt: str) -> AsyncIterator[bytes]:
        """The sequence of the real API; each word is a text delta."""
        words = re.findall(r"\s*\S+", answer(prompt))
        usage = {"input_tokens": len(prompt.split()), "output_tokens": 0}
        message: dict[str, Any] = {
            "id": "msg_fake",
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage,
        }
        self.activity.writing += 1
        ended = False
        try:
            yield _event("message_start", message=message)
            yield _event("content_block_start", index=0, content_block={"type": "text", "text": ""})
            for word in words:
                yield _event("content_block_delta", index=0, delta={"type": "text_delta", "text": word})
                await asyncio.sleep(self._word_seconds)
            yield _event("content_block_stop", index=0)
            delta = {"stop_reason": "end_turn", "stop_sequence": None}
            yield _event("message_delta", delta=delta, usage={"output_tokens": len(words)})
            yield _event("message_stop")
            ended = True
        finally:
            # Hanging up cancels this generator wherever it stands.
            self.activity.writing -= 1
            self.activity.finished += ended
            self.activity.stopped += not ended


class _Server(uvicorn.Server):
    """Lives inside another server's process: signals are the outer one's, and it says when it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()


def _event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def _problem(status: int, kind: str, message: str, headers: dict[str, str] | None = None) -> Response:
    body = {"type": "error", "error": {"type": kind, "message": message}}
    return JSONResponse(body, status, headers)


def answer(prompt: str) -> str:
    return (
        f"You wrote: “{prompt}”. I am a stand-in, not Claude: without ANTHROPIC_API_KEY the app answers by itself. "
        "Apart from that everything is as it would be. These words come as server-sent events through the Anthropic "
        "SDK, a Python generator yields each of them, and the page reads them with for await. Press Stop and the "
        "loop ends, the generator is cancelled, and the connection to me is closed: the count below tells.\n\n"
        "Write “be busy” to see what happens when the model has too much to do."
    )
