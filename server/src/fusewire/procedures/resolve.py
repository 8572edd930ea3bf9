"""Filling the parameters of one call: dependencies first, then its own fields, errors joined as FastAPI joins them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from fastapi import BackgroundTasks, Response
from fastapi.security import SecurityScopes
from pydantic import ValidationError
from starlette.requests import HTTPConnection

from fusewire.errors import Unauthenticated
from fusewire.procedures.call import Call
from fusewire.procedures.callables import enter, run
from fusewire.procedures.signature import Reader
from fusewire.procedures.sources import Field, Injected, Node, Source

ABSENT: Any = object()


@dataclass(slots=True)
class Surroundings:
    """What a transport lends to a call, and what the call leaves for afterwards.

    `read` says what the caller sent, by parameter name; it may raise an `RpcError`. `connection`: the request or the handshake.
    `response`: takes the headers and cookies that a procedure with `transports="http"` sets. `request_stack` closes after the answer
    is sent, `function_stack` before.
    """

    read: Callable[[], Awaitable[Mapping[str, Any]]]
    connection: HTTPConnection
    from_text: bool = False
    """Whether the values came as JSON or text, where bytes are base64."""
    response: Response = field(default_factory=Response)
    background: BackgroundTasks = field(default_factory=BackgroundTasks)
    request_stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    function_stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    overrides: Mapping[Callable[..., Any], Callable[..., Any]] = field(default_factory=dict)


class Resolution:
    """One call's parameters. `errors` holds what did not fit; a function whose parameters did not fit was not called."""

    def __init__(self, call: Call, around: Surroundings, values: Mapping[str, Any]) -> None:
        self.errors: list[dict[str, Any]] = []
        self._values = values
        self._call = call
        self._around = around
        self._results: dict[Any, Any] = {}

    async def arguments(self, node: Node) -> tuple[list[Any], dict[str, Any]] | None:
        """The positional and the keyword arguments of a node's function, or None when there were errors."""
        before = len(self.errors)
        found: dict[str, Any] = {}
        # Dependencies first, as in FastAPI: that a caller may not call at all is told before what is wrong with the arguments.
        for name, source in node.sources:
            if isinstance(source, Node):
                found[name] = await self._dependency(source)
        for name, source in node.sources:
            if not isinstance(source, Node):
                found[name] = self._value(source, node)
        if len(self.errors) > before:
            return None
        values = [(name, found[name]) for name, _ in node.sources]
        return [value for _, value in values[: node.positional]], dict(values[node.positional :])

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
            around = self._around
            stack = around.function_stack if node.scope == "function" else around.request_stack
            value = await stack.enter_async_context(enter(runs.call, runs.flavour, args, kwargs))
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

    def _value(self, source: Source, node: Node) -> Any:
        if isinstance(source, Field):
            return self._field(source)
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
        value = self._raw(field)
        if value is ABSENT:
            if field.default.required:
                self.errors.append({"type": "missing", "loc": field.location, "msg": "Field required"})
                return None
            return field.default.make()
        try:
            return field.type.validate(
                value, from_text=self._around.from_text or field.where in ("header", "cookie")
            )
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


# The one of pydantic's messages that quotes the input.
_MESSAGES = {"union_tag_invalid": "Input has none of the expected tags"}


def error_list(error: ValidationError, location: tuple[str, ...]) -> list[dict[str, Any]]:
    """Pydantic's errors in FastAPI's form, without the input: it may be a password."""
    return [
        {"type": e["type"], "loc": (*location, *e["loc"]), "msg": _MESSAGES.get(e["type"], e["msg"])}
        for e in error.errors(include_url=False, include_context=False, include_input=False)
    ]
