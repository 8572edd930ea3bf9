"""`Fuse`: Fusewire on a FastAPI app."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from fastapi import FastAPI

from fusewire.bounds import Bounds
from fusewire.broker import Broker
from fusewire.calls import Deduplication, Middleware, Pipeline, authorise
from fusewire.contract import build_contract, calls_hash
from fusewire.errors import RegistrationError, StreamUnknown
from fusewire.events import EventRegistry
from fusewire.hub import Audience, History, Hub, Room, Sessions
from fusewire.hub.topics import ALL, user_topic
from fusewire.identity import Identity, Loader
from fusewire.loading import is_contract_only
from fusewire.procedures.procedure import compile_procedure
from fusewire.procedures.registry import Registry
from fusewire.procedures.values import NaiveDatetimes
from fusewire.router import Entry, EventDefinition, Router
from fusewire.shared import shared_by_workers
from fusewire.streams import Streams
from fusewire.transports.http import (
    add_docs,
    describe_bytes,
    describe_streams,
    failures_of,
    has_sure_route,
    mirror,
    use_one_error_shape,
)
from fusewire.transports.services import Services
from fusewire.transports.websocket import add_endpoint

DRAIN_SECONDS = 30.0
"""How long calls may go on when the server is stopping, when nothing else is said."""

AnyLoader = TypeVar("AnyLoader", bound=Loader)
AnyMiddleware = TypeVar("AnyMiddleware", bound=Middleware)


class Fuse:
    """WebSocket RPC and its REST mirror on one app, from one set of functions.

    `ws_path`: where clients connect. `api_prefix`: below which procedures are mirrored and `docs` lie. `broker`: how events
    reach other workers: a URL such as `redis://localhost`, by default the environment's `REDIS_URL`, else this process alone; limits
    are counted there too. `origins`: pages on other hosts that may connect, such as
    `"https://admin.example.com"`; the page's own host always may. `bounds`: the sizes of everything. `history`: for how long events are
    kept for those who are away. `drain_seconds`: how long calls may go on when the server is stopping (docs/production.md).
    `naive_datetime`: a `datetime` without a time zone is refused, in and out, or with `"utc"` taken for UTC.

    Raises `RegistrationError` when the app has a `Fuse` already.
    """

    def __init__(
        self,
        app: FastAPI,
        *,
        name: str = "app",
        ws_path: str = "/_ws",
        api_prefix: str = "/api",
        broker: Broker | str | None = None,
        origins: Sequence[str] = (),
        bounds: Bounds | None = None,
        history: History | None = None,
        drain_seconds: float = DRAIN_SECONDS,
        naive_datetime: NaiveDatetimes = "error",
        docs: bool = True,
    ) -> None:
        if getattr(app.state, "fusewire", None) is not None:
            raise RegistrationError(
                "this app has a Fuse already: use that one, or include more routers in it"
            )
        app.state.fusewire = self
        self.app = app
        self.name = name
        self.rpc = Router()
        """The root router: `@fuse.rpc` for one-file apps."""
        self._ws_path = ws_path
        self._api_prefix = api_prefix
        self._registry = Registry()
        self._events = EventRegistry(naive=naive_datetime)
        self._naive_datetime: NaiveDatetimes = naive_datetime
        self._shared = shared_by_workers(broker, name)
        history = history or History()
        bounds = bounds or Bounds()
        self._hub = Hub(
            self._shared.broker,
            self._events,
            history,
            Sessions(self._shared.store, history.longest_seconds),
            rooms=bounds.rooms,
        )
        self._calls_hash: str | None = None
        self._streams = Streams(
            self._shared.broker,
            self._shared.store,
            self._hub,
            drain_seconds=drain_seconds,
            largest=bounds.result_bytes,
            allow=self._allow_reading,
        )
        self._services = Services(
            registry=self._registry,
            pipeline=Pipeline(
                self._shared.limiter,
                app.dependency_overrides,
                failures_of(app, naive_datetime),
                Deduplication(self._shared.store, drain_seconds=drain_seconds),
            ),
            hub=self._hub,
            streams=self._streams,
            bounds=bounds,
            origins=frozenset(origin.lower().rstrip("/") for origin in origins),
            calls_hash=self._current_calls_hash,
            drain_seconds=drain_seconds,
        )
        self._run_with(app)
        use_one_error_shape(app)
        add_endpoint(app, ws_path, self._services)
        describe_streams(app)
        describe_bytes(app, self._registry, api_prefix=api_prefix)
        if docs:
            add_docs(app, api_prefix=api_prefix)
        self.rpc.subscribe(self._add)

    def __repr__(self) -> str:
        return f"<Fuse {self.name} {self._registry!r} {self._hub!r}>"

    def include_router(
        self,
        router: Router,
        *,
        prefix: str = "",
        namespace: str | None = None,
        tags: Sequence[str] | None = None,
        dependencies: Sequence[Any] | None = None,
    ) -> None:
        """Serve everything of a router. Raises `RegistrationError` for what cannot work, naming function, file and line."""
        self.rpc.include_router(
            router, prefix=prefix, namespace=namespace, tags=tags, dependencies=dependencies
        )

    def identity(self, loader: AnyLoader) -> AnyLoader:
        """Decorate the one identity loader. None means anonymous; raising refuses the caller.

        Raises `RegistrationError` when there is one already.
        """
        if self._services.loader is not None:
            raise RegistrationError("there is an identity loader already: one serves every transport")
        self._services.loader = loader
        return loader

    def middleware(self, wrapper: AnyMiddleware) -> AnyMiddleware:
        """Decorate `async def m(call: Call, call_next)`: around every call on every transport, the first one outermost.

        `await call_next()` is the procedure's result, or of a stream its items as an async iterator. What it returns goes on as the
        result and is held to the declared type; what it raises fails the call.
        """
        self._services.pipeline.middleware.append(wrapper)
        return wrapper

    def to(self, *users: str) -> Audience:
        """These users, on every device of theirs."""
        return Audience(self._hub.publish, tuple(user_topic(user) for user in users))

    def room(self, name: str) -> Room:
        """A room: the sessions that joined it. Raises `ValueError` for an empty name, `TooLarge` for one of more than 128 bytes."""
        return Room(self._hub, name)

    def broadcast(self) -> Audience:
        """Everybody who is connected."""
        return Audience(self._hub.publish, (ALL,))

    @property
    def healthy(self) -> bool:
        """Whether events reach this process at the moment: always without Redis.

        What is missed meanwhile is made up for, or told as a gap (docs/guarantees.md).
        """
        return self._shared.broker.healthy

    def contract(self) -> dict[str, Any]:
        """What this app promises, as docs/contract.md describes it."""
        return build_contract(
            self._registry,
            self._events,
            name=self.name,
            ws_path=self._ws_path,
            api_prefix=self._api_prefix,
        )

    def _run_with(self, app: FastAPI) -> None:
        """The broker runs as long as the app does, and before the app's own lifespan begins."""
        lifespan = app.router.lifespan_context

        @asynccontextmanager
        async def running(app: FastAPI) -> AsyncIterator[Any]:
            # What has no contract fails here, and not at somebody's first call. In a thread: it takes a while for a large app.
            await asyncio.to_thread(self._current_calls_hash)
            async with (
                self._shared.running(),
                self._hub.running(),
                lifespan(app) as state,
                self._services.pipeline.deduplication.running(),
                self._streams.running(),
            ):
                # What is there now stays. To look through it again takes 0.4 s in an app of 2,000 procedures (measured), in the
                # middle of calls.
                gc.freeze()
                try:
                    yield state
                finally:
                    # What goes on without a connection has this time in all, not one after the other.
                    self._services.drain()
                    gc.unfreeze()

        app.router.lifespan_context = running

    def _allow_reading(self, name: str, identity: Identity | None) -> None:
        procedure = self._registry.named(name)
        if procedure is None:
            # Of another version of the app: who may read it is not known here.
            raise StreamUnknown
        authorise(procedure, identity)

    def _current_calls_hash(self) -> str:
        if self._calls_hash is None:
            self._calls_hash = calls_hash(self.contract())
        return self._calls_hash

    def _add(self, entry: Entry) -> None:
        if isinstance(entry, EventDefinition):
            self._events.add(entry.model, history=entry.history, slow=entry.slow, key=entry.key)
            return
        procedure = compile_procedure(entry, naive=self._naive_datetime)
        self._registry.check(procedure)
        if "http" in procedure.served_on and not (is_contract_only() and has_sure_route(procedure)):
            mirror(self.app, procedure, self._services, api_prefix=self._api_prefix)
        self._registry.add(procedure)
        self._calls_hash = None
