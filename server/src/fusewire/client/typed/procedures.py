"""What a generated file says about its app."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter

from fusewire.client.exchange import Request, Timeout
from fusewire.client.retrying import new_key
from fusewire.client.route import Body, HttpCall, to_http_call
from fusewire.client.typed.uploads import each
from fusewire.client.values import plain
from fusewire.errors import RpcError

T = TypeVar("T")


class Default:
    """In place of an argument that was not given: it is not sent, and the server's own default holds."""

    __slots__ = ("_shown",)

    def __init__(self, shown: object) -> None:
        self._shown = shown

    def __repr__(self) -> str:
        return "..." if self._shown is ... else repr(self._shown)


def default(shown: object = ...) -> Any:
    """The default of a parameter, which the server fills in. `shown` is what it was when the client was generated."""
    return Default(shown)


@dataclass(frozen=True, kw_only=True)
class Procedure(Generic[T]):
    """A procedure of the app; `result` is the type of its result, or of its items."""

    name: str
    result: Any
    args: tuple[str, ...] = ()
    """Names of the parameters that go by position, in order."""
    http: str | None = None
    """`METHOD /path/{parameter}`, below the API's prefix."""
    body: Body = "fields"
    upload: str | None = None
    """The parameter that is a stream from the client."""
    only_http: bool = False
    retry: bool = False
    """A call may be sent again when no answer came."""
    dedupe: bool = False
    """The server executes calls of one key once."""

    def read(self, value: Any) -> T:
        """A result or an item as the declared type. Raises `pydantic.ValidationError`."""
        return self._adapter.validate_python(value)

    def request(self, values: Mapping[str, Any], *, timeout: Timeout, since: float) -> Request:
        """The call as a message. Values are taken as they are at this moment."""
        given = _given(values)
        source = given.pop(self.upload) if self.upload in given else None
        return Request(
            name=self.name,
            args=[],
            kwargs={name: plain(value) for name, value in given.items()},
            timeout=timeout,
            upload=None if source is None else each(source),
            order=self.args,
            upload_name=self.upload,
            retry=self.retry,
            key=new_key() if self.dedupe else None,
            since=since,
        )

    def resume_request(self, stream: str, position: str | None, *, timeout: Timeout, since: float) -> Request:
        """What goes on with a stream of this procedure."""
        return Request(self.name, [], {}, timeout, since=since, stream=stream, position=position)

    def http_call(self, values: Mapping[str, Any]) -> HttpCall:
        """The call as a request. Raises `TypeError` for a procedure that HTTP cannot carry."""
        if self.http is None:
            raise TypeError(f"{self.name} needs a WebSocket")
        call = to_http_call(self.name, self.http, self.body, _given(values))
        return replace(call, retry=self.retry, key=new_key() if self.dedupe else None)

    @cached_property
    def _adapter(self) -> TypeAdapter[T]:
        # Made when it is first needed: an app has hundreds, and a script calls three.
        return TypeAdapter(self.result)


class Call(Procedure[T]):
    """It answers once."""


class StreamCall(Procedure[T]):
    """It answers with a stream."""


@dataclass(frozen=True, kw_only=True)
class NamedEvent(Generic[T]):
    """An event that has no class of its own."""

    name: str
    payload: Any

    def read(self, value: Any) -> T:
        """Its payload as the declared type. Raises `pydantic.ValidationError`."""
        return self._adapter.validate_python(value)

    @cached_property
    def _adapter(self) -> TypeAdapter[T]:
        return TypeAdapter(self.payload)


@dataclass(frozen=True, kw_only=True)
class App:
    """What a client was generated from."""

    calls: str
    """The hash of the call shapes."""
    ws: str
    api: str
    errors: tuple[type[RpcError[Any]], ...] = ()
    events: Mapping[type, str] = field(default_factory=dict)
    """The wire names of events, by class."""


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if not isinstance(value, Default)}
