"""An answer on its way out: JSON or msgpack for a result; JSONL, server-sent events or msgpack messages for a stream."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cached_property
from typing import Any, Protocol

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import Send

from fusewire.calls import packed_data, packed_detail
from fusewire.errors import RpcError, TooLarge
from fusewire.procedures.procedure import Procedure
from fusewire.procedures.values import OutputType
from fusewire.transports.http.arguments import JSON, MSGPACK
from fusewire.transports.http.problem import problem_headers, problem_json, problem_packed
from fusewire.wire import messages as m
from fusewire.wire.codec import write

SSE = "text/event-stream"
JSONL = "application/jsonl"

ITEMS_PER_TURN = 16
"""How many items of a stream may be sent before other tasks get their turn."""


_LINE_ENDS = ((b"\xe2\x80\xa8", b"\\u2028"), (b"\xe2\x80\xa9", b"\\u2029"), (b"\xc2\x85", b"\\u0085"))


def one_line(json: bytes) -> bytes:
    """The same JSON, one line also for readers to whom Unicode's other line ends are some (Python's `splitlines`, and so httpx)."""
    for raw, escaped in _LINE_ENDS:
        json = json.replace(raw, escaped)
    return json


class Framing(Protocol):
    """How one media type carries a stream."""

    media_type: str
    pulse: bytes
    """What is sent when there is nothing to send."""

    def item(self, output: OutputType, value: Any) -> bytes: ...

    def end(self) -> bytes: ...

    def error(self, error: RpcError[Any]) -> bytes: ...


class JsonLines:
    media_type = JSONL
    pulse = b"\n"

    def item(self, output: OutputType, value: Any) -> bytes:
        return one_line(output.json(value)) + b"\n"

    def end(self) -> bytes:
        return b""

    def error(self, error: RpcError[Any]) -> bytes:
        return b'{"$error":' + one_line(problem_json(error)) + b"}\n"


class ServerSentEvents:
    """JSON has no raw line breaks, so each event is one `data` line (WHATWG HTML §9.2)."""

    media_type = SSE
    pulse = b": ping\n\n"

    def item(self, output: OutputType, value: Any) -> bytes:
        return b"data: " + one_line(output.json(value)) + b"\n\n"

    def end(self) -> bytes:
        return b"event: end\ndata:\n\n"

    def error(self, error: RpcError[Any]) -> bytes:
        return b"event: error\ndata: " + one_line(problem_json(error)) + b"\n\n"


class Messages:
    media_type = MSGPACK
    pulse = write(m.Ping())

    def item(self, output: OutputType, value: Any) -> bytes:
        return write(m.Item(0, output.packed(value)))

    def end(self) -> bytes:
        return write(m.End(0))

    def error(self, error: RpcError[Any]) -> bytes:
        detail, data = packed_detail(error), packed_data(error)
        return write(m.Error(0, error.status, error.code, detail, data, error.id))


_FRAMINGS: tuple[Framing, ...] = (Messages(), ServerSentEvents())


def _accepted(accept: str) -> frozenset[str]:
    """The media types that are asked for by name (RFC 9110 §12.5.1); `q=0` asks for the opposite."""
    types = set()
    for part in accept.lower().split(","):
        media_type, *parameters = (piece.strip() for piece in part.split(";"))
        if not any(piece.startswith("q=") and not piece.strip("q=0.") for piece in parameters):
            types.add(media_type)
    return frozenset(types)


_PLAIN: frozenset[str] = frozenset()
_BODILESS = frozenset({204, 205, 304})
"""Statuses whose responses have no content (RFC 9110 §6.4.1, §15.3.6)."""
_VARY = (b"vary", b"accept")


class HttpReply:
    """Sends one response. Nothing is sent before the first item or the result, so that an early error has its own status.

    `accept`: the header. `most`: bytes of a result or an item. `settled` is called when the answer is decided. `calls_hash`: asked for
    answers in msgpack, whose readers may know another contract.
    """

    def __init__(
        self,
        accept: str,
        procedure: Procedure,
        send: Send,
        most: int,
        *,
        settled: Callable[[], None],
        calls_hash: Callable[[], str | None],
    ) -> None:
        accepted = _PLAIN if accept == "*/*" else _accepted(accept)
        self._msgpack = MSGPACK in accepted
        self._accepted = accepted
        self._procedure = procedure
        self._send = send
        self._most = most
        self._settled = settled
        self._calls_hash = calls_hash
        self.head: Response | None = None
        """Takes what a procedure sets on its own `Response` parameter, where there is one."""
        if procedure.sets_response:
            self.head = Response()
            # Nothing said: the procedure's own status, or 200. As FastAPI's own injected Response.
            self.head.status_code = None  # type: ignore[assignment]  # the same trick as FastAPI's
        self.started = False
        self.done = False
        self.finished = False
        self._items = 0

    @cached_property
    def _framing(self) -> Framing:
        return next((f for f in _FRAMINGS if f.media_type in self._accepted), JsonLines())

    async def result(self, value: Any) -> None:
        output = self._procedure.output
        status = self._status
        if isinstance(value, Response):
            await self._foreign(value)
        elif status in _BODILESS:
            self._settle()
            await self._start(status, [])
            await self._body(b"")
        else:
            assert output is not None
            body = self.bounded(output.packed(value) if self._msgpack else output.json(value))
            self._settle()
            await self._whole(status, MSGPACK if self._msgpack else JSON, body)

    async def kept(self, packed: bytes, json: bytes) -> None:
        status = self._status
        if status in (204, 205, 304):
            await self.result(None)
            return
        body = self.bounded(packed if self._msgpack else json)
        self._settle()
        await self._whole(status, MSGPACK if self._msgpack else JSON, body)

    async def item(self, value: Any) -> None:
        output = self._procedure.output
        assert output is not None
        body = self.bounded(self._framing.item(output, value))
        await self.written(body)

    async def written(self, body: bytes, *, last: bool = False) -> None:
        """Send a part of a stream as it is."""
        if last:
            self._settle()
        await self._start_stream()
        # uvicorn's send() waits while the peer does not read: a slow reader stops the generator here.
        await self._body(body, more=not last)
        self._items += 1
        if self._items % ITEMS_PER_TURN == 0:
            # While the buffers take it, send() does not suspend: a generator that never waits would hold the event loop.
            await asyncio.sleep(0)

    async def end(self) -> None:
        await self.written(self._framing.end(), last=True)

    async def pulse(self) -> None:
        if self.started and not self.finished:
            await self._body(self._framing.pulse, more=True)

    async def error(self, error: RpcError[Any]) -> None:
        """Before the start: a response of its own. In a stream: its last record."""
        self._settle()
        if self.started:
            await self._body(self._framing.error(error))
            return
        self.head = Response(headers=problem_headers(error))
        if error.status in _BODILESS:
            # An `HTTPException(304)`: a body would be read as the beginning of the next response.
            await self._start(error.status, [])
            await self._body(b"")
            return
        if self._msgpack:
            body: bytes = problem_packed(error)
        else:
            body = problem_json(error)
        await self._whole(error.status, MSGPACK if self._msgpack else JSON, body)

    async def problem(self, status: int, headers: dict[str, str], body: bytes) -> None:
        """An error that was written down, as a response of its own."""
        self._settle()
        self.head = Response(headers=headers)
        await self._whole(status, JSON, body)

    async def nothing_more(self) -> None:
        """204: whoever asked has everything, and need not ask again."""
        self._settle()
        await self._start(204, [])
        await self._body(b"")

    @property
    def is_sse(self) -> bool:
        """Whether a stream leaves as server-sent events."""
        return self._framing.media_type == SSE

    def _settle(self) -> None:
        self.done = True
        self._settled()

    @property
    def _status(self) -> int:
        # A procedure may choose on its own Response parameter; FastAPI leaves that at None until then.
        chosen = self.head.status_code if self.head is not None else None
        return chosen or self._procedure.options.status_code or 200

    def bounded(self, body: bytes) -> bytes:
        """Raises `TooLarge` when it is over the bound of a result."""
        if len(body) > self._most:
            raise TooLarge(message=f"a result of {len(body)} bytes: at most {self._most}")
        return body

    async def _foreign(self, response: Response) -> None:
        """The procedure made its own response; what it set on the injected one (cookies) goes along."""
        response.raw_headers += self._extra()
        self.started = True
        self._settle()

        async def no_receive() -> Any:
            raise RuntimeError("the request was already read")

        await response({"type": "http", "method": self._procedure.method}, no_receive, self._send)

    async def _start_stream(self) -> None:
        if self.started:
            return
        head = [
            (b"content-type", self._framing.media_type.encode("ascii")),
            (b"cache-control", b"no-cache"),
            # nginx would collect the stream otherwise.
            (b"x-accel-buffering", b"no"),
        ]
        await self._start(self._status, head)

    async def _whole(self, status: int, media_type: str, body: bytes) -> None:
        head = [
            (b"content-type", media_type.encode("ascii")),
            (b"content-length", str(len(body)).encode("ascii")),
        ]
        await self._start(status, head)
        await self._body(body)

    def _extra(self) -> list[tuple[bytes, bytes]]:
        if self.head is None:
            return []
        return [pair for pair in self.head.raw_headers if pair[0] != b"content-length"]

    async def _start(self, status: int, head: list[tuple[bytes, bytes]]) -> None:
        headers = [_VARY, *head]
        if self._msgpack and (calls := self._calls_hash()) is not None:
            headers.append((b"fusewire-calls", calls.encode("ascii")))
        if extra := self._extra():
            # What was said on purpose counts, but for what belongs to the body itself.
            said = {name for name, _ in head if name in (b"content-type", b"content-length")}
            merged = MutableHeaders(raw=[pair for pair in extra if pair[0] not in said] + headers[1:])
            merged.add_vary_header("accept")
            headers = merged.raw
        self.started = True
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def _body(self, body: bytes, *, more: bool = False) -> None:
        self.finished = not more
        await self._send({"type": "http.response.body", "body": body, "more_body": more})
