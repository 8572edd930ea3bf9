"""What a decorator or a router may say about procedures, and how an inner router's word joins an outer one's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import Enum
from typing import Any, Literal, get_args

from fusewire.errors import RegistrationError, RpcError
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
            raise RegistrationError(f"max_bytes= is {_KINDS['max_bytes'][1]}, not {self.max_bytes}")
        if self.timeout is not None and not self.timeout > 0:
            raise RegistrationError(f"timeout= is {_KINDS['timeout'][1]}, not {self.timeout:g}")
        if self.transports not in (None, *get_args(Transports)):
            raise RegistrationError(f'transports= is "all", "http" or "websocket", not {self.transports!r}')

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


_KINDS: dict[str, tuple[type | tuple[type, ...], str]] = {
    "limit": (str, 'a text such as "5/h"'),
    "timeout": ((int, float), "a number of seconds above 0"),
    "max_bytes": (int, "a number of bytes from 1"),
    "name": (str, "a text"),
}

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
    """Build `Options` from a decorator's arguments, where lists may be None.

    Raises `RegistrationError`, without a place, for a value that is none of its option.
    """
    if not isinstance(responses or {}, Mapping):
        raise RegistrationError(f"responses= takes a dict by status, not {responses!r}")
    for option, (kind, what) in _KINDS.items():
        if (value := rest.get(option)) is not None and not isinstance(value, kind):
            raise RegistrationError(f"{option}= is {what}, not {value!r}")
    return Options(
        tags=_listed("tags", tags),
        dependencies=_listed("dependencies", dependencies),
        responses=dict(responses or {}),
        scopes=frozenset(_listed("scopes", scopes)),
        raises=_raised(raises),
        **rest,
    )


def _listed(option: str, said: Iterable[Any] | None) -> tuple[Any, ...]:
    # A text is iterable too: `scopes="admin"` would ask for "a", "d" and so on, which nobody has.
    if isinstance(said, str) or not isinstance(said or (), Iterable):
        raise RegistrationError(f"{option}= takes a list: write {option}=[{_shown(said)}]")
    return tuple(said or ())


def _raised(said: Iterable[Any] | None) -> tuple[type[RpcError[Any]], ...]:
    if said is None:
        return ()
    alone = isinstance(said, str) or not isinstance(said, Iterable)
    errors: tuple[Any, ...] = (said,) if alone else tuple(said)
    for error in errors:
        if not (isinstance(error, type) and issubclass(error, RpcError)) or error is RpcError:
            itself = "RpcError itself" if error is RpcError else _shown(error)
            raise RegistrationError(
                f"raises= takes a list of subclasses of RpcError, not {itself}; declare one: class NotFound(RpcError, status=404)"
            )
    return _listed("raises", said if alone else errors)


def _shown(value: Any) -> str:
    return value.__name__ if isinstance(value, type) else repr(value)


@dataclass(frozen=True, slots=True)
class Definition:
    """A function as it was decorated, before it is compiled. `path` of None means the function's name."""

    function: Callable[..., Any]
    options: Options
    method: str = "POST"
    path: str | None = None
    prefix: str = ""
    namespace: tuple[str, ...] = ()
