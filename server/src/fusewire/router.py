"""`Router`: procedures and events, gathered by decorating, to be included in a `Fuse`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import Enum
from functools import partial
from typing import Any, TypeVar, overload

from pydantic import BaseModel

from fusewire.contract import prepare_schemas
from fusewire.errors import RegistrationError, RpcError
from fusewire.events import Slow
from fusewire.loading import when_preparing
from fusewire.procedures.callables import place_of
from fusewire.procedures.options import Definition, Options, Transports, options
from fusewire.procedures.procedure import compile_procedure

Function = TypeVar("Function", bound=Callable[..., Any])
Model = TypeVar("Model", bound=type[BaseModel])


@dataclass(frozen=True, slots=True)
class EventDefinition:
    model: type[BaseModel]
    history: bool
    slow: Slow = "drop_oldest"
    key: str | None = None


Entry = Definition | EventDefinition
Listener = Callable[[Entry], None]


class Verb:
    """`@rpc.get("/path", limit="5/h")`, or `@rpc.get` for the function's name as the path.

    GET and DELETE take their arguments from path and query; POST, PUT and PATCH from path and body.
    """

    def __init__(self, decorator: Callable[[str | None, dict[str, Any]], Callable[[Any], Any]]) -> None:
        self._decorator = decorator

    @overload
    def __call__(self, function: Function, /) -> Function: ...

    @overload
    def __call__(self, path: str | None = None, /, **said: Any) -> Callable[[Function], Function]: ...

    def __call__(self, path: Any = None, /, **said: Any) -> Any:
        if callable(path):
            return self._decorator(None, said)(path)
        return self._decorator(path, said)


class Router:
    """Decorate with it: `@rpc`, `@rpc(limit="5/h")`, `@rpc.get("/path")`, `@rpc.event`. The function stays what it was.

    `prefix` (as FastAPI's: starts with `/`, does not end with one) shapes REST paths only, `namespace` the names of calls:
    `client.teams.rename()`. `tags`, `dependencies`, `responses`, `scopes`, `raises` join those of each procedure; `auth`, `limit`,
    `timeout`, `max_bytes`, `transports`, `deprecated` and `include_in_schema` are what a procedure has that does not say.
    """

    def __init__(
        self,
        *,
        prefix: str = "",
        namespace: str | None = None,
        tags: Sequence[str | Enum] | None = None,
        dependencies: Sequence[Any] | None = None,
        responses: dict[int | str, dict[str, Any]] | None = None,
        auth: bool | None = None,
        scopes: Sequence[str] | None = None,
        raises: Sequence[type[RpcError[Any]]] | None = None,
        limit: str | None = None,
        timeout: float | None = None,
        max_bytes: int | None = None,
        transports: Transports | None = None,
        deprecated: bool | None = None,
        include_in_schema: bool | None = None,
    ) -> None:
        self._prefix = _checked_prefix(prefix)
        self._namespace = tuple(namespace.split(".")) if namespace else ()
        self._options = options(
            tags=tags,
            dependencies=dependencies,
            responses=responses,
            scopes=scopes,
            raises=raises,
            auth=auth,
            limit=limit,
            timeout=timeout,
            max_bytes=max_bytes,
            transports=transports,
            deprecated=deprecated,
            include_in_schema=include_in_schema,
        )
        self.get, self.post, self.put, self.patch, self.delete = (
            Verb(partial(self._decorator, method)) for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
        )
        self._entries: list[Entry] = []
        self._listeners: list[Listener] = []
        self._included: list[tuple[Router, tuple[str, ...]]] = []
        when_preparing(self._prepare)

    def __repr__(self) -> str:
        return f"<Router {self._prefix or '/'} {len(self._entries)} entries>"

    @overload
    def __call__(self, function: Function, /) -> Function: ...

    @overload
    def __call__(self, /, **said: Any) -> Callable[[Function], Function]: ...

    def __call__(self, function: Function | None = None, /, **said: Any) -> Any:
        """`@rpc` or `@rpc(...)`: a procedure mirrored as `POST {prefix}/{function name}`."""
        decorate = self._decorator("POST", None, said)
        return decorate if function is None else decorate(function)

    @overload
    def event(self, model: Model, /) -> Model: ...

    @overload
    def event(
        self, /, *, history: bool = True, slow: Slow = "drop_oldest", key: str | None = None
    ) -> Callable[[Model], Model]: ...

    def event(
        self,
        model: Model | None = None,
        /,
        *,
        history: bool = True,
        slow: Slow = "drop_oldest",
        key: str | None = None,
    ) -> Any:
        """Declare a model that the server may push. `history=False`: worth nothing later, such as a typing indicator.

        What happens to such an event when a connection has no room for it: `slow="drop_oldest"`, or `slow="coalesce"` with a field as
        `key`: of those with the same value there the newest is sent. An event with history is never dropped (docs/events.md).
        """

        def declare(model: Model) -> Model:
            self._add(EventDefinition(model, history, slow, key))
            return model

        return declare if model is None else declare(model)

    def include_router(
        self,
        router: Router,
        *,
        prefix: str = "",
        namespace: str | None = None,
        tags: Sequence[str | Enum] | None = None,
        dependencies: Sequence[Any] | None = None,
    ) -> None:
        """Take in everything of `router`, what is added to it later too.

        Raises `RegistrationError` for an object that is not a `fusewire.Router`, and for one that is included already under the same
        `namespace`: each of its calls would be there twice.
        """
        if not isinstance(router, Router):
            raise RegistrationError(
                f"include_router() takes a fusewire.Router, not {type(router).__name__}; a FastAPI router is included in the app"
            )
        outer = Router(prefix=prefix, namespace=namespace, tags=tags, dependencies=dependencies)
        if any(router is known and outer._namespace == within for known, within in self._included):
            raise RegistrationError(
                f"include_router(): {router!r} is included already; to serve it a second time give it a `namespace=` and a `prefix=` "
                "of its own"
            )
        router.subscribe(lambda entry: self._add(self._within(outer._within(entry))))
        self._included.append((router, outer._namespace))

    def subscribe(self, listener: Listener) -> None:
        """Hear of every entry, those that are there already first."""
        self._listeners.append(listener)
        for entry in list(self._entries):
            listener(entry)

    def __getattr__(self, name: str) -> Any:
        # What FastAPI's include_router() touches first.
        if name in ("routes", "_contains_router"):
            raise RegistrationError(
                "a fusewire.Router is included in the Fuse, not in the app: write fuse.include_router(rpc), "
                "where fuse = Fuse(app)"
            )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def _decorator(
        self, method: str, path: str | None, said: dict[str, Any]
    ) -> Callable[[Function], Function]:
        def decorate(function: Function) -> Function:
            if not callable(function):
                raise RegistrationError(f"@rpc decorates a function, not {function!r}")
            # Not before: what cannot work is told with the function's place.
            if path and not path.startswith("/"):
                raise RegistrationError(f"{place_of(function)}: a path starts with '/', not {path!r}")
            self._add(self._within(Definition(function, _options_of(function, said), method, path)))
            return function

        return decorate

    def _within(self, entry: Entry) -> Entry:
        """An entry as seen from outside this router."""
        if isinstance(entry, EventDefinition):
            return entry
        return replace(
            entry,
            options=entry.options.within(self._options),
            prefix=self._prefix + entry.prefix,
            namespace=self._namespace + entry.namespace,
        )

    def _prepare(self) -> None:
        for entry in self._entries:
            if isinstance(entry, Definition):
                with suppress(Exception):  # Whoever includes it hears of it, with its place.
                    prepare_schemas(compile_procedure(entry))

    def _add(self, entry: Entry) -> None:
        self._entries.append(entry)
        for listener in self._listeners:
            listener(entry)


def _options_of(function: Callable[..., Any], said: dict[str, Any]) -> Options:
    known = sorted(Options.__dataclass_fields__)
    for name in said:
        if name not in known:
            near = "".join(f"; did you mean {each!r}?" for each in get_close_matches(name, known, n=1))
            raise RegistrationError(
                f"{place_of(function)}: @rpc has no option {name!r}{near or ';'} known options: {', '.join(known)}"
            )
    try:
        return options(**said)
    except TypeError as error:
        raise RegistrationError(f"{place_of(function)}: {error}") from None


def _checked_prefix(prefix: str) -> str:
    if prefix and (not prefix.startswith("/") or prefix.endswith("/")):
        raise RegistrationError(f"a prefix starts with '/' and does not end with one, not {prefix!r}")
    return prefix
