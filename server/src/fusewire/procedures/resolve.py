"""Filling the parameters of one call: dependencies first, then its own fields, errors joined as FastAPI joins them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from types import MappingProxyType
from typing import Any, Literal

from fastapi import BackgroundTasks, Response
from fastapi.security import SecurityScopes
from pydantic import ValidationError
from starlette.requests import HTTPConnection

from fusewire.errors import Unauthenticated
from fusewire.procedures.call import Call
from fusewire.procedures.callables import enter, run
from fusewire.procedures.procedure import Procedure
from fusewire.procedures.signature import Reader
from fusewire.procedures.sources import Field, Injected, Node, Source

ABSENT: Any = object()


Values = Mapping[str, Any]


class Surroundings(ABC):
    """What a transport lends to a call, and what the call leaves for afterwards. A transport has a subclass of its own.

    `connection`: the request or the handshake. `response`: takes the headers and cookies that a procedure with `transports="http"` sets.
    """

    # Class attributes until they are set: most calls set none of them.
    overrides: Mapping[Callable[..., Any], Callable[..., Any]] = MappingProxyType({})
    _response: Response | None = None
    _background: BackgroundTasks | None = None
    _stacks: tuple[AsyncExitStack, AsyncExitStack] | None = None

    @property
    @abstractmethod
    def connection(self) -> HTTPConnection: ...

    @abstractmethod
    def read(self) -> Values | Awaitable[Values]:
        """What the caller sent, by parameter name, or how to wait for it. Raises `RpcError` for what cannot be read."""

    @property
    def left(self) -> bool:
        """Whether the caller is gone: it did not stop the call, it lost its connection."""
        return False

    def upload_items(self, field: Field) -> AsyncIterator[Any]:
        """What the caller streams in, over a transport that carries that."""
        raise AssertionError(
            f"{field.name!r} should have been refused at registration: this transport carries no upload"
        )

    # Made when asked for: most calls need none of them.

    @property
    def response(self) -> Response:
        if self._response is None:
            self._response = Response()
        return self._response

    @response.setter
    def response(self, response: Response | None) -> None:
        self._response = response

    @property
    def background(self) -> BackgroundTasks:
        """What runs after the answer is sent."""
        if self._background is None:
            self._background = BackgroundTasks()
        return self._background

    async def run_background(self) -> None:
        if self._background is not None:
            await self._background()

    def open_stacks(self) -> tuple[AsyncExitStack, AsyncExitStack]:
        """What closes after the answer is sent, and what closes before."""
        self._stacks = AsyncExitStack(), AsyncExitStack()
        return self._stacks

    def stack(self, scope: Literal["function", "request"]) -> AsyncExitStack:
        assert self._stacks is not None, "dependencies are resolved after open_stacks()"
        return self._stacks[1 if scope == "function" else 0]


Filled = tuple[list[Any], dict[str, Any]]
"""The positional and the keyword arguments of a function."""


class Resolution:
    """One call's parameters. `errors` holds what did not fit; a function whose parameters did not fit was not called."""

    __slots__ = ("_around", "_call", "_results", "_values", "errors")

    def __init__(self, call: Call, around: Surroundings, values: Values) -> None:
        self.errors: list[dict[str, Any]] = []
        self._values = values
        self._call = call
        self._around = around
        self._results: dict[Any, Any] = {}

    def plain_arguments(self, node: Node) -> Filled:
        """The arguments of a function without dependencies."""
        values = [
            self._field(source) if type(source) is Field else self._injected(source, node)
            for _, source in node.sources
        ]
        return _split(node, values)

    async def arguments(self, node: Node) -> Filled | None:
        """The arguments of any function, or None when there were errors."""
        before = len(self.errors)
        # Dependencies first, as in FastAPI: that a caller may not call at all is told before what is wrong with the arguments.
        values = [
            await self._dependency(source) if type(source) is Node else None for _, source in node.sources
        ]
        for place, (_, source) in enumerate(node.sources):
            if type(source) is Field:
                values[place] = self._field(source)
            elif type(source) is not Node:
                values[place] = self._injected(source, node)
        return None if len(self.errors) > before else _split(node, values)

    async def run_guard(self, node: Node) -> None:
        """A dependency that is there for what it refuses."""
        await self._dependency(node)

    async def _dependency(self, node: Node) -> Any:
        if node.cached and node.key in self._results:
            return self._results[node.key]
        runs = self._overridden(node)
        filled = await self.arguments(runs)
        if filled is None:
            return None
        args, kwargs = filled
        if runs.flavour.streams:
            entered = enter(runs.call, runs.flavour, args, kwargs)
            value = await self._around.stack(node.scope).enter_async_context(entered)
        else:
            value = await run(runs.call, runs.flavour, args, kwargs)
        self._results[node.key] = value
        return value

    def _overridden(self, node: Node) -> Node:
        override = self._around.overrides.get(node.call)
        if override is None:
            return node
        # Only tests override; their functions may take anything that a request can give.
        return Reader("GET", frozenset(), http_only=True).read(override, scopes=node.security_scopes)

    def _injected(self, source: Source, node: Node) -> Any:
        match source:
            case Injected.IDENTITY:
                if self._call.identity is None:
                    raise Unauthenticated(message="This procedure needs an identity")
                return self._call.identity
            case Injected.OPTIONAL_IDENTITY:
                return self._call.identity
            case Injected.CALL:
                return self._call
            case Injected.BACKGROUND_TASKS:
                return self._around.background
            case Injected.RESPONSE:
                return self._around.response
            case Injected.SECURITY_SCOPES:
                return SecurityScopes(scopes=list(node.security_scopes))
            case _:
                return self._around.connection

    def _field(self, field: Field) -> Any:
        if field.where == "upload":
            return self._around.upload_items(field)
        value = self._raw(field)
        if value is ABSENT:
            if field.default.required:
                self.errors.append({"type": "missing", "loc": field.location, "msg": "Field required"})
                return None
            return field.default.make()
        try:
            return field.type.check(value)
        except ValidationError as error:
            self.errors += error_list(error, field.location)
            return None

    def _raw(self, field: Field) -> Any:
        if field.where == "header":
            headers = self._around.connection.headers
            return (
                (headers.getlist(field.alias) or ABSENT)
                if field.sequence
                else headers.get(field.alias, ABSENT)
            )
        if field.where == "cookie":
            return self._around.connection.cookies.get(field.alias, ABSENT)
        return self._values.get(field.name, ABSENT)


def checked(procedure: Procedure, values: Values) -> list[Any] | None:
    """The arguments of a function that takes nothing but values which are all there and all fit. None for anything else."""
    if procedure.checks is None:
        return None
    try:
        return [check(values[name]) for name, check in procedure.checks]
    except (KeyError, ValidationError):
        return None


def _split(node: Node, values: list[Any]) -> Filled:
    if node.positional == len(values):
        return values, {}
    names = [name for name, _ in node.sources[node.positional :]]
    return values[: node.positional], dict(zip(names, values[node.positional :], strict=True))


# The one of pydantic's messages that quotes the input.
_MESSAGES = {"union_tag_invalid": "Input has none of the expected tags"}


def error_list(error: ValidationError, location: tuple[str, ...]) -> list[dict[str, Any]]:
    """Pydantic's errors in FastAPI's form, without the input: it may be a password."""
    return [
        {"type": e["type"], "loc": (*location, *e["loc"]), "msg": _MESSAGES.get(e["type"], e["msg"])}
        for e in error.errors(include_url=False, include_context=False, include_input=False)
    ]
