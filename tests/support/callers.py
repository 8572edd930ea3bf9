"""One way to call for every transport, so that a behaviour is written once."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol

import httpx
from fusewire.transports.http.arguments import MSGPACK
from fusewire.wire import messages as m
from fusewire.wire.codec import Sizes, pack, unpack
from fusewire.wire.frame import read_frame
from fusewire.wire.shapes import Fault

from tests.support.errors import CallError as CallError
from tests.support.peer import Peer, connected
from tests.support.python_client import python_calling

LARGE = Sizes(2**26, 1000, 2**26)


class Caller(Protocol):
    transport: str

    async def call(self, name: str, /, *args: Any, **kwargs: Any) -> Any: ...

    def stream(self, name: str, /, *args: Any, **kwargs: Any) -> AsyncGenerator[Any]:
        """Leaving the iteration early (`aclose`) cancels."""
        ...


async def collect(stream: AsyncIterator[Any]) -> list[Any]:
    return [item async for item in stream]


class SocketCaller:
    transport = "websocket"

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self._next_id = 0

    async def call(self, name: str, /, *args: Any, **kwargs: Any) -> Any:
        call_id = await self._begin(name, args, kwargs)
        while True:
            message = await self.peer.next()
            if isinstance(message, m.Result) and message.id == call_id:
                return message.value
            self._raise(message, call_id)

    async def stream(self, name: str, /, *args: Any, **kwargs: Any) -> AsyncGenerator[Any]:
        call_id = await self._begin(name, args, kwargs)
        ended = False
        try:
            while True:
                message = await self.peer.next()
                if isinstance(message, m.End | m.Error) and message.id == call_id:
                    ended = True
                    self._raise(message, call_id)
                    return
                if isinstance(message, m.Item) and message.id == call_id:
                    await self.peer.send(m.Credit(call_id, 1, len(pack(message.value))))
                    yield message.value
        finally:
            if not ended:
                await self.peer.send(m.Cancel(call_id))

    async def _begin(self, name: str, args: Any, kwargs: Any) -> int:
        self._next_id += 1
        await self.peer.send(m.Call(self._next_id, name, list(args), kwargs))
        return self._next_id

    def _raise(self, message: Any, call_id: int) -> None:
        if isinstance(message, m.Error) and message.id == call_id:
            raise CallError(message.status, message.code, message.detail, message.data, message.error_id)


class HttpCaller:
    """The mirror, with the routes of the contract. `codec` is `json` (and JSONL), `sse` or `msgpack`."""

    def __init__(self, client: httpx.AsyncClient, contract: dict[str, Any], codec: str) -> None:
        self.transport = f"http-{codec}"
        self._client = client
        self._contract = contract
        self._codec = codec
        self.answered: httpx.Response | None = None
        """The last response to a call."""

    async def call(self, name: str, /, *args: Any, **kwargs: Any) -> Any:
        response = self.answered = await self._client.send(self._request(name, args, kwargs))
        body = self._decode(response)
        if response.is_error:
            raise _error(response.status_code, body)
        return body

    async def stream(self, name: str, /, *args: Any, **kwargs: Any) -> AsyncGenerator[Any]:
        response = await self._client.send(self._request(name, args, kwargs), stream=True)
        try:
            if response.is_error:
                await response.aread()
                raise _error(response.status_code, self._decode(response))
            reader: Callable[[httpx.Response], AsyncIterator[Any]] = _READERS[self._codec]
            async for item in reader(response):
                yield item
        finally:
            await response.aclose()

    def _decode(self, response: httpx.Response) -> Any:
        if response.headers.get("content-type") == MSGPACK:
            return unpack(response.content, LARGE)
        return json.loads(response.content)

    def _request(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> httpx.Request:
        procedure = self._contract["procedures"][name]
        route = procedure["http"]
        values = dict(zip((p["name"] for p in procedure["params"]), args, strict=False)) | kwargs
        path: str = route["path"]
        path = re.sub(r"\{(\w+)(:\w+)?\}", lambda found: str(values.pop(found[1])), path)
        headers = {"accept": {"json": "*/*", "sse": "text/event-stream", "msgpack": MSGPACK}[self._codec]}
        if route["method"] in ("GET", "DELETE"):
            query = {key: value for key, value in values.items() if value is not None}
            return self._client.build_request(route["method"], path, params=query, headers=headers)
        if route["body"] == "single" and not values:
            return self._client.build_request(route["method"], path, headers=headers)
        body = next(iter(values.values())) if route["body"] == "single" else values
        if self._codec == "msgpack":
            headers["content-type"] = MSGPACK
        else:
            headers["content-type"] = "application/json"
        content: bytes = pack(body) if self._codec == "msgpack" else json.dumps(body).encode()
        return self._client.build_request(route["method"], path, content=content, headers=headers)


def _error(status: int, body: dict[str, Any]) -> CallError:
    return CallError(status, body["code"], body["detail"], body.get("data"), body.get("id"))


async def _json_lines(response: httpx.Response) -> AsyncIterator[Any]:
    async for line in response.aiter_lines():
        if not line:
            continue
        item = json.loads(line)
        if isinstance(item, dict) and "$error" in item:
            raise _error(0, item["$error"])
        yield item


async def _events(response: httpx.Response) -> AsyncIterator[Any]:
    event = "message"
    async for line in response.aiter_lines():
        if line.startswith("event: "):
            event = line.removeprefix("event: ")
        elif line.startswith("data:") and event == "error":
            raise _error(0, json.loads(line.removeprefix("data:")))
        elif line.startswith("data:") and event == "end":
            return
        elif line.startswith("data:"):
            yield json.loads(line.removeprefix("data:"))
    raise AssertionError("the stream was cut")


async def _messages(response: httpx.Response) -> AsyncIterator[Any]:
    async for chunk in response.aiter_raw():
        for found, _ in read_frame(chunk, LARGE):
            assert not isinstance(found, Fault), found
            match found:
                case m.Item(value=value):
                    yield value
                case m.End():
                    return
                case m.Error() as error:
                    raise CallError(0, error.code, error.detail, error.data, error.error_id)
    raise AssertionError("the stream was cut")


_READERS: dict[str, Callable[[httpx.Response], AsyncIterator[Any]]] = {
    "json": _json_lines,
    "sse": _events,
    "msgpack": _messages,
}

TRANSPORTS = ("websocket", "http-json", "http-sse", "http-msgpack")
PYTHON_CLIENTS = {"python": "websocket", "python-http": "http-msgpack"}
"""The generated Python client, and which of the transports it uses."""


def calling(
    transport: str,
    host: str,
    contract: dict[str, Any],
    *,
    token: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> AbstractAsyncContextManager[Any]:
    """A caller on a transport, or a Python client; optionally with a bearer token. `headers` go with the handshake, or each request."""
    headers = dict(headers or {})
    if transport in PYTHON_CLIENTS:
        return python_calling(PYTHON_CLIENTS[transport], host, contract, token=token, headers=headers)
    if transport == "websocket":
        return _socket(host, token, headers)
    return _http(transport, host, contract, token, headers)


@asynccontextmanager
async def _socket(host: str, token: str | None, headers: dict[str, str]) -> AsyncIterator[SocketCaller]:
    async with connected(host, token=token, headers=headers) as peer:
        yield SocketCaller(peer)


@asynccontextmanager
async def _http(
    transport: str, host: str, contract: dict[str, Any], token: str | None, headers: dict[str, str]
) -> AsyncIterator[HttpCaller]:
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    async with httpx.AsyncClient(base_url=f"http://{host}", headers=headers, timeout=10) as client:
        yield HttpCaller(client, contract, transport.removeprefix("http-"))
