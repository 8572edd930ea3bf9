"""The Python client that is generated for an app, as one more way to call it."""

from __future__ import annotations

import inspect
import itertools
import json
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import lru_cache
from types import ModuleType
from typing import Any

from fusewire.client.call import Items, result_of
from fusewire.client.exchange import Request
from fusewire.client.route import HttpCall, to_http_call
from fusewire.client.typed import RpcError
from fusewire.client.values import plain
from fusewire_codegen.contract import parse
from fusewire_codegen.python import render
from fusewire_codegen.python.names import member_name

from tests.support.errors import CallError

_numbers = itertools.count()


@contextmanager
def imported(text: str) -> Iterator[ModuleType]:
    """A generated client as a module."""
    module = ModuleType(f"generated_client_{next(_numbers)}")
    # Where pydantic looks for the names in annotations.
    sys.modules[module.__name__] = module
    try:
        exec(compile(text, f"{module.__name__}.py", "exec"), module.__dict__)
        yield module
    finally:
        del sys.modules[module.__name__]


@contextmanager
def generated(contract: dict[str, Any]) -> Iterator[ModuleType]:
    """The module that `--lang python` writes for a contract."""
    with imported(_text(json.dumps(contract))) as module:
        yield module


@lru_cache(maxsize=256)
def _text(contract: str) -> str:
    return render(parse(contract), "tests:app")


class PythonCaller:
    """Plain data in and out, as the other callers have it; between them are the generated types."""

    def __init__(self, client: Any, transport: str, contract: dict[str, Any]) -> None:
        self.client = client
        self.transport = transport
        self._contract = contract

    async def call(self, name: str, /, *args: Any, **kwargs: Any) -> Any:
        try:
            if (method := self._method(name, args, kwargs)) is not None:
                return plain(await method(*args, **kwargs))
            # What the generated signature would not take.
            core = self.client._fuse.core
            if core.session is None:
                return plain(await core.http.call(self._http_call(name, args, kwargs), deadline=None))
            return await result_of(core.session, _request(name, args, kwargs))
        except RpcError as error:
            raise _call_error(error) from error

    async def stream(self, name: str, /, *args: Any, **kwargs: Any) -> AsyncGenerator[Any]:
        if (method := self._method(name, args, kwargs)) is not None:
            items = method(*args, **kwargs)
        else:
            items = Items(self.client._fuse.core.session, _request(name, args, kwargs))
        try:
            async for item in items:
                yield plain(item)
        except RpcError as error:
            raise _call_error(error) from error
        finally:
            await items.aclose()

    def _http_call(self, name: str, args: Any, kwargs: Any) -> HttpCall:
        procedure = self._contract["procedures"][name]
        names = [param["name"] for param in procedure["params"]]
        path = procedure["http"]["path"].removeprefix(self._contract["api_prefix"])
        values = dict(zip(names, args, strict=False)) | kwargs
        return to_http_call(name, f"{procedure['http']['method']} {path}", procedure["http"]["body"], values)

    def _method(self, name: str, args: Any, kwargs: Any) -> Any:
        method = self.client
        for part in name.split("."):
            method = getattr(method, member_name(part), None)
        try:
            inspect.signature(method).bind(*args, **kwargs)
        except TypeError:
            return None
        return method


@asynccontextmanager
async def python_calling(
    transport: str,
    host: str,
    contract: dict[str, Any],
    *,
    token: str | None,
    headers: Mapping[str, str],
) -> AsyncIterator[PythonCaller]:
    """A generated client over `websocket` or `http-msgpack`."""
    kind = "websocket" if transport == "websocket" else "http"
    with generated(contract) as module:
        async with module.connect(
            f"http://{host}", auth=lambda: token, headers=headers, transport=kind, timeout=None
        ) as client:
            yield PythonCaller(client, transport, contract)


def _request(name: str, args: Any, kwargs: Any) -> Request:
    return Request(
        name, [plain(value) for value in args], {key: plain(value) for key, value in kwargs.items()}
    )


def _call_error(error: RpcError[Any]) -> CallError:
    return CallError(error.status, error.code, error.detail, plain(error.data), error.id)
