"""What stands behind a generated client: its session, its HTTP transport and its listeners."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from typing_extensions import Unpack

from fusewire.client.backoff import backoff_seconds
from fusewire.client.call import Items, result_of
from fusewire.client.duplex import Duplex
from fusewire.client.errors import ConnectionLost, RemoteError
from fusewire.client.exchange import Timeout
from fusewire.client.listeners import EventStream, Listeners
from fusewire.client.session import Session
from fusewire.client.session_options import SessionOptions
from fusewire.client.socket import open_websocket
from fusewire.client.status import Status
from fusewire.client.tasks import owned_tasks
from fusewire.client.typed.errors import ErrorTypes
from fusewire.client.typed.options import ConnectOptions, asker, urls
from fusewire.client.typed.procedures import App, Call, NamedEvent, StreamCall
from fusewire.client.typed.stream import ResumableStream, Stream
from fusewire.errors import RpcError, Unavailable
from fusewire.wire import messages as m

if TYPE_CHECKING:
    from fusewire.client.http import HttpItems, HttpTransport

log = logging.getLogger("fusewire.client")

DEFAULT_TIMEOUT_SECONDS = 30.0

C = TypeVar("C")
T = TypeVar("T")


class Core:
    """One per block of `connect`."""

    def __init__(self, tasks: asyncio.TaskGroup, app: App, url: str, options: ConnectOptions) -> None:
        self.errors = ErrorTypes(app.errors)
        self.timeout = options.get("timeout", DEFAULT_TIMEOUT_SECONDS)
        self._app = app
        self._options = options
        self._url, self._base = urls(url, app.ws, app.api)
        self._headers = dict(options.get("headers", {}))
        self._auth = asker(options.get("auth"))
        self.listeners = Listeners(self._report)
        self.session: Session | None = None
        self._closed = False
        self._met: set[str | None] = {app.calls}
        """The contracts that are no news: its own, and those that were told."""
        if options.get("transport", "websocket") == "websocket":
            self.session = Session(
                tasks,
                SessionOptions(
                    dial=self._dial,
                    calls=app.calls,
                    auth=self._auth,
                    timeout=self.timeout,
                    on_event=self._event,
                    on_missed=lambda topic: self._tell(options.get("on_missed"), topic),
                    on_failure=lambda error: self.listeners.fail(self._typed(error)),
                    on_status=lambda status: self._tell(options.get("on_status"), status),
                    on_error=self._report,
                    on_stale=self._stale,
                    backoff=options.get("backoff", backoff_seconds),
                ),
            )

    @cached_property
    def http(self) -> HttpTransport:
        """Made for the first call that needs it: certificates and the package take a while to load."""
        from fusewire.client.http import HttpTransport

        return HttpTransport(
            self._base,
            auth=self._auth,
            headers=self._headers,
            ssl=self._options.get("ssl"),
            on_calls=self._stale,
        )

    @property
    def status(self) -> Status:
        if self.session is not None:
            return self.session.status
        return Status("disconnected", "closed" if self._closed else "http")

    def check(self) -> None:
        """Raises `ConnectionLost` when the client was closed."""
        if self._closed:
            raise ConnectionLost("the client was closed", maybe_executed=False)

    def on(self, event: Any, handler: Callable[[Any], object]) -> Callable[[], None]:
        name, read = self._event_of(event)
        self._listening()
        return self.listeners.on(name, lambda value: handler(read(value)))

    def events(self, event: Any) -> EventStream[Any]:
        name, read = self._event_of(event)
        self._listening()
        return EventStream(self.listeners.queue(name), read)

    async def reauthenticate(self) -> None:
        if self.session is not None:
            try:
                await self.session.reauthenticate()
            except RemoteError as error:
                raise self.errors.typed(error) from None

    async def close(self) -> None:
        self._closed = True
        if self.session is not None:
            await self.session.close()
        if "http" in self.__dict__:
            await self.http.close()

    async def _dial(self) -> Duplex:
        headers = {**self._headers}
        if "http" in self.__dict__ and (cookie := self.http.cookie) is not None:
            headers["cookie"] = cookie
        return await open_websocket(self._url, headers=headers, ssl=self._options.get("ssl"))

    def _listening(self) -> None:
        """Raises when no event can come."""
        self.check()
        if self.session is None:
            raise Unavailable(message="events need a WebSocket")
        if self.session.failure is not None:
            raise self._typed(self.session.failure)
        self.session.want()

    def _event_of(self, event: Any) -> tuple[str, Callable[[Any], Any]]:
        if isinstance(event, NamedEvent):
            return event.name, event.read
        if event not in self._app.events:
            raise TypeError(f"{event!r} is no event of this app")
        return self._app.events[event], event.model_validate

    def _event(self, event: m.Event) -> None:
        self.listeners.emit(event.name, event.value)

    def _stale(self, calls: str | None) -> None:
        if calls not in self._met:
            self._met.add(calls)
            self._tell(self._options.get("on_stale"), calls)

    def _typed(self, error: RpcError[Any]) -> RpcError[Any]:
        return self.errors.typed(error) if isinstance(error, RemoteError) else error

    def _report(self, error: Exception) -> None:
        told = self._typed(error) if isinstance(error, RpcError) else error
        if (hook := self._options.get("on_error")) is None:
            log.warning("! %s: %s", type(told).__name__, told)
            return
        try:
            hook(told)
        except Exception:
            log.exception("! on_error raised")

    def _tell(self, hook: Callable[[T], object] | None, told: T) -> None:
        try:
            if hook is not None:
                hook(told)
        except Exception as error:  # noqa: BLE001  # the hook is the user's code
            self._report(error)


class Caller:
    """Calls with one scope; a client and its namespaces share it."""

    def __init__(self, core: Core, timeout: Timeout = "default") -> None:
        self.core = core
        self._timeout = timeout

    def with_timeout(self, timeout: float | None) -> Caller:
        """Raises `ValueError` for 0 or less."""
        if timeout is not None and timeout <= 0:
            raise ValueError("timeout must be above 0, or None")
        return Caller(self.core, timeout)

    async def call(self, procedure: Call[T], values: dict[str, Any]) -> T:
        """Call, and wait for the result."""
        core = self.core
        core.check()
        now = asyncio.get_running_loop().time()
        try:
            if core.session is None or procedure.only_http:
                timeout = core.timeout if self._timeout == "default" else self._timeout
                deadline = None if timeout is None else now + timeout
                value = await core.http.call(procedure.http_call(values), deadline=deadline)
            else:
                request = procedure.request(values, timeout=self._timeout, since=now)
                value = await result_of(core.session, request)
        except RemoteError as error:
            # An attempt before this one, of which nobody knows what it did.
            raise core.errors.typed(error) from error.__cause__
        return procedure.read(value)

    def stream(self, procedure: StreamCall[T], values: dict[str, Any]) -> Stream[T]:
        """The items of a call, which is sent when they are wanted. Its time runs from here."""
        return Stream(self._items(procedure, values), procedure.read, self.core.errors.typed)

    def resumable(self, procedure: StreamCall[T], values: dict[str, Any]) -> ResumableStream[T]:
        """The same of a procedure whose stream can be resumed."""
        return ResumableStream(self._items(procedure, values), procedure.read, self.core.errors.typed)

    def resume(self, procedure: StreamCall[T], stream: str, position: str | None) -> ResumableStream[T]:
        """The rest of a stream. Raises `TypeError` over HTTP."""
        core = self.core
        core.check()
        if core.session is None:
            raise TypeError(f"{procedure.name}: to resume a stream needs a WebSocket")
        now = asyncio.get_running_loop().time()
        request = procedure.resume_request(stream, position, timeout=self._timeout, since=now)
        return ResumableStream(Items(core.session, request), procedure.read, core.errors.typed)

    def _items(self, procedure: StreamCall[T], values: dict[str, Any]) -> Items | HttpItems:
        core = self.core
        core.check()
        now = asyncio.get_running_loop().time()
        if core.session is None or procedure.only_http:
            timeout = None if self._timeout == "default" else self._timeout
            deadline = None if timeout is None else now + timeout
            return core.http.stream(procedure.http_call(values), deadline=deadline)
        return Items(core.session, procedure.request(values, timeout=self._timeout, since=now))


@asynccontextmanager
async def open_client(
    kind: Callable[[Caller], C], app: App, url: str, **options: Unpack[ConnectOptions]
) -> AsyncIterator[C]:
    """A client of `app` at a base URL, until the block ends. Opens nothing before the first call or listener.

    Raises `ValueError` for what is no base URL.
    """
    async with owned_tasks() as tasks:
        core = Core(tasks, app, url, options)
        try:
            yield kind(Caller(core))
        finally:
            await core.close()
