"""What a decorator or a router may say about procedures, and how an inner router's word joins an outer one's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import Enum
from typing import Any, Literal

from fusewire.errors import RpcError
from fusewire.identity import Transport

Transports = Literal["all", "http", "websocket"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """None means "not said": the enclosing router decides, and at last the default.

    `limit`: calls per period and caller, such as `"5/h"`. `auth`: an identity is needed. `scopes`: all of them are.
    `raises`: the declared errors. `timeout`: seconds. `max_bytes`: a message of arguments. `transports`: `"all"`, `"http"`
    or `"websocket"`. `stream`: whether the function streams, when its kind does not tell. `idempotent`: a client may send it
    again by itself. `dedupe`: for how long the outcome of a call with a key is kept, such as `"10m"`.
    `resume`: for how long a stream waits for a reader that went away, such as `"10m"`. The others are FastAPI's.
    """

    tags: tuple[str | Enum, ...] = ()
    dependencies: tuple[Any, ...] = ()
    responses: dict[int | str, dict[str, Any]] = field(default_factory=dict)
    scopes: frozenset[str] = frozenset()
    raises: tuple[type[RpcError[Any]], ...] = ()
    auth: bool | None = None
    limit: str | None = None
    timeout: float | None = None
    max_bytes: int | None = None
    transports: Transports | None = None
    deprecated: bool | None = None
    include_in_schema: bool | None = None
    # A procedure's alone:
    name: str | None = None
    summary: str | None = None
    description: str | None = None
    status_code: int | None = None
    response_description: str | None = None
    response_model: Any = None
    operation_id: str | None = None
    stream: bool | None = None
    idempotent: bool | None = None
    dedupe: str | None = None
    resume: str | None = None

    def __post_init__(self) -> None:
        if self.max_bytes is not None and self.max_bytes < 1:
            raise TypeError(f"max_bytes= is a number of bytes from 1, not {self.max_bytes}")

    def within(self, outer: Options) -> Options:
        """These options inside a router: lists join, outer first; what is not said here is taken from there."""
        inherited = {
            name: said
            for name in _INHERITED
            if getattr(self, name) is None and (said := getattr(outer, name)) is not None
        }
        return replace(
            self,
            **inherited,
            tags=outer.tags + self.tags,
            dependencies=outer.dependencies + self.dependencies,
            responses={**outer.responses, **self.responses},
            scopes=outer.scopes | self.scopes,
            raises=outer.raises + tuple(e for e in self.raises if e not in outer.raises),
        )

    @property
    def served_on(self) -> frozenset[Transport]:
        if self.transports is None or self.transports == "all":
            return frozenset[Transport](("websocket", "http"))
        return frozenset[Transport]((self.transports,))


_INHERITED = tuple(each.name for each in fields(Options) if each.default is None)


def options(
    *,
    tags: Sequence[str | Enum] | None = None,
    dependencies: Sequence[Any] | None = None,
    responses: dict[int | str, dict[str, Any]] | None = None,
    scopes: Sequence[str] | None = None,
    raises: Sequence[type[RpcError[Any]]] | None = None,
    **rest: Any,
) -> Options:
    """Build `Options` from a decorator's arguments, where lists may be None."""
    return Options(
        tags=tuple(tags or ()),
        dependencies=tuple(dependencies or ()),
        responses=dict(responses or {}),
        scopes=frozenset(scopes or ()),
        raises=tuple(raises or ()),
        **rest,
    )


@dataclass(frozen=True, slots=True)
class Definition:
    """A function as it was decorated, before it is compiled. `path` of None means the function's name."""

    function: Callable[..., Any]
    options: Options
    method: str = "POST"
    path: str | None = None
    prefix: str = ""
    namespace: tuple[str, ...] = ()
