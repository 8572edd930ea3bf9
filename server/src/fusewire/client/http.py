"""Calls over HTTP (PROTOCOL §8), in msgpack: for procedures without a WebSocket form, or for all of them."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from ssl import SSLContext
from typing import Any

import httpx

from fusewire.client.connection import DEADLINE_GRACE_SECONDS
from fusewire.client.errors import ConnectionLost, RemoteError
from fusewire.client.retrying import pause_seconds, retried
from fusewire.client.route import HttpCall
from fusewire.errors import DeadlineExceeded, Malformed
from fusewire.wire import messages as m
from fusewire.wire.codec import UNREADABLE, Sizes, unpack, unpacker
from fusewire.wire.shapes import Fault, read_message

MSGPACK = "application/msgpack"
MAX_ANSWER_BYTES = 2**26
MAX_CONNECTIONS = 100
"""More calls at once wait for one of them."""
_SIZES = Sizes(message_bytes=MAX_ANSWER_BYTES, depth=512, elements=MAX_ANSWER_BYTES)
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)

Auth = Callable[[], Awaitable[dict[str, Any] | None]]


class HttpTransport:
    """The routes below `base`. Keeps cookies, as a browser does. `close()` ends what is under way."""

    def __init__(
        self,
        base: str,
        *,
        auth: Auth,
        headers: Mapping[str, str],
        ssl: SSLContext | None,
        on_calls: Callable[[str], None],
    ) -> None:
        """`on_calls` is told the hash of the server's call shapes, by each answer that says it."""
        self._auth = auth
        self._closed = asyncio.Event()
        self._on_calls = on_calls
        verify: SSLContext | bool = True if ssl is None else ssl
        # As many stay open as there may be: to make one again costs more than many calls. Deadlines are the calls' own.
        limits = httpx.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_CONNECTIONS)
        self._client = httpx.AsyncClient(
            base_url=base, headers=headers, verify=verify, limits=limits, timeout=httpx.Timeout(None)
        )

    @property
    def cookie(self) -> str | None:
        """What a handshake shows as cookies: those that calls have set."""
        told: str | None = self._client.build_request("GET", "/").headers.get("cookie")
        return told

    async def call(self, call: HttpCall, *, deadline: float | None) -> Any:
        """The result. Raises `RemoteError`, `ConnectionLost`, and `DeadlineExceeded` when `deadline` (on the loop's clock) passes."""
        if call.retry:
            return await retried(
                lambda: self._answer(call, deadline), lambda number: self._pause(call, number, deadline)
            )
        return await self._answer(call, deadline)

    async def _answer(self, call: HttpCall, deadline: float | None) -> Any:
        try:
            async with asyncio.timeout_at(_patience(deadline)):
                response = await self._send(call, deadline)
                try:
                    await response.aread()
                finally:
                    await response.aclose()
        except TimeoutError:
            raise _late(call) from None
        except httpx.TransportError as error:
            raise _lost(error) from error
        if response.is_error:
            raise _error_of(response)
        return _body_of(response)

    async def _pause(self, call: HttpCall, number: int, deadline: float | None) -> None:
        now = asyncio.get_running_loop().time()
        seconds = pause_seconds(number)
        in_time = deadline is None or now + seconds < deadline
        try:
            async with asyncio.timeout_at(now + seconds if in_time else deadline):
                await self._closed.wait()
        except TimeoutError:
            if not in_time:
                raise _late(call) from None
        else:
            raise ConnectionLost("the client was closed", maybe_executed=False)

    def stream(self, call: HttpCall, *, deadline: float | None) -> HttpItems:
        """The items; the request is sent for the first one."""
        return HttpItems(call, self._items(call, deadline), deadline)

    async def close(self) -> None:
        self._closed.set()
        await self._client.aclose()

    async def _send(self, call: HttpCall, deadline: float | None) -> httpx.Response:
        headers = {"accept": MSGPACK}
        if call.content is not None:
            headers["content-type"] = MSGPACK
        token = (await self._auth() or {}).get("token")
        if isinstance(token, str):
            headers["authorization"] = f"Bearer {token}"
        if call.key is not None:
            headers["idempotency-key"] = call.key
        if deadline is not None:
            left = deadline - asyncio.get_running_loop().time()
            headers["fusewire-timeout"] = str(max(1, math.ceil(left * 1000)))
        request = self._client.build_request(
            call.method,
            call.path,
            params=httpx.QueryParams(tuple(call.query)) if call.query else None,
            content=call.content,
            data=call.form or None,
            files=call.files or None,
            headers=headers,
        )
        response = await self._client.send(request, stream=True)
        if (calls := response.headers.get("fusewire-calls")) is not None:
            self._on_calls(calls)
        return response

    async def _items(self, call: HttpCall, deadline: float | None) -> AsyncGenerator[Any]:
        try:
            response = await self._send(call, deadline)
            try:
                if response.is_error:
                    await response.aread()
                    raise _error_of(response)
                async for message in _messages(response):
                    match message:
                        case m.Item(value=value):
                            yield value
                        case m.End():
                            return
                        case m.Error():
                            raise RemoteError(message)
            finally:
                await response.aclose()
        except httpx.TransportError as error:
            raise _lost(error) from error
        # PROTOCOL §8: a body that ends in none of the named ways was cut.
        raise ConnectionLost("the stream was cut", maybe_executed=True)


class HttpItems(AsyncIterator[Any]):
    """The items of a streaming call over HTTP, for one reader. They end with their connection."""

    id: str | None = None
    position: str | None = None

    def __init__(self, call: HttpCall, items: AsyncGenerator[Any], deadline: float | None) -> None:
        self._call = call
        self._items = items
        self._deadline = deadline

    async def start(self) -> None:
        """Nothing: the request goes with the first item."""

    async def __anext__(self) -> Any:
        try:
            async with asyncio.timeout_at(_patience(self._deadline)):
                return await anext(self._items)
        except TimeoutError:
            await self.aclose()
            raise _late(self._call) from None

    async def aclose(self) -> None:
        """Close the response, which cancels in Python."""
        await self._items.aclose()


async def _messages(response: httpx.Response) -> AsyncIterator[m.Message]:
    reader = unpacker(MAX_ANSWER_BYTES)
    async for chunk in response.aiter_bytes():
        reader.feed(chunk)
        try:
            values = list(reader)
        except UNREADABLE as error:
            raise Malformed(message=f"the stream is not msgpack: {type(error).__name__}") from error
        for value in values:
            message = read_message(value)
            if isinstance(message, Fault):
                raise Malformed(message=message.detail)
            yield message


def _body_of(response: httpx.Response) -> Any:
    """As its content type says; a route that answers files or pages gives bytes or text."""
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == MSGPACK:
        return unpack(response.content, _SIZES)
    if kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json")):
        return json.loads(response.content)
    if kind.startswith("text/"):
        return response.text
    return response.content or None


def _error_of(response: httpx.Response) -> RemoteError:
    """PROTOCOL §8's one shape, or the nearest thing for an answer from a gateway that knows nothing of it."""
    try:
        body = _body_of(response)
    except ValueError:
        body = None
    told = body if isinstance(body, dict) else {"detail": body or response.reason_phrase}
    code = str(told.get("code", f"HTTP_{response.status_code}"))
    return RemoteError(
        m.Error(None, response.status_code, code, told.get("detail"), told.get("data"), told.get("id"))
    )


def _lost(error: httpx.TransportError) -> ConnectionLost:
    return ConnectionLost(str(error) or type(error).__name__, maybe_executed=not isinstance(error, _NOT_SENT))


def _patience(deadline: float | None) -> float | None:
    """Until when to wait for the server's own word about a deadline."""
    return None if deadline is None else deadline + DEADLINE_GRACE_SECONDS


def _late(call: HttpCall) -> DeadlineExceeded:
    return DeadlineExceeded(message=f"{call.name} did not answer in time")
