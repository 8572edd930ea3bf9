"""One HTTP request as one call."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from starlette.datastructures import FormData
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from fusewire.calls import Running, credentials_of, failure_of, identify
from fusewire.errors import Cancelled, DeadlineExceeded, Malformed, OriginNotAllowed, RpcError
from fusewire.procedures.call import Call, Caller
from fusewire.procedures.procedure import Procedure
from fusewire.procedures.resolve import Surroundings, Values
from fusewire.streams import Arguments
from fusewire.transports.http import resumed
from fusewire.transports.http.arguments import RawHeaders, body_parts, outside_the_body, read_values
from fusewire.transports.http.form import close_form, read_form, take_form
from fusewire.transports.http.reply import HttpReply
from fusewire.transports.origins import origin_passes
from fusewire.transports.services import Services

PULSE_SECONDS = 15.0

TIMEOUT = b"fusewire-timeout"
"""The caller's own deadline, in milliseconds; 0 is none."""
_MAX_TIMEOUT_DIGITS = 15

_NOT_ASKED_FOR = frozenset({b"", b"text/plain", b"application/x-www-form-urlencoded", b"multipart/form-data"})
"""The types of a body that a browser sends to another host without a preflight (Fetch, CORS-safelisted request-header)."""


class HttpSurroundings(Surroundings):
    def __init__(
        self, values: Callable[[], Awaitable[Values]], request: Request, has_left: Callable[[], bool]
    ) -> None:
        self._request = request
        self._values = values
        self._has_left = has_left

    @property
    def left(self) -> bool:
        return self._has_left()

    @property
    def connection(self) -> HTTPConnection:
        return self._request

    def read(self) -> Awaitable[Values]:
        return self._values()


class CallResponse(Response):
    """Runs the call when the response is sent: one task from the first dependency to the last clean-up."""

    def __init__(self, request: Request, procedure: Procedure, services: Services) -> None:
        # Not super().__init__(): what it prepares is a body and headers, and those come from the call.
        self._request = request
        self._raw_headers: RawHeaders = dict(request.scope["headers"])
        self._procedure = procedure
        self._services = services
        self._body_read = False
        self._left = False
        self._form: FormData | None = None
        self._aides: list[asyncio.Task[None]] = []
        self._deadline: float | None
        self._reply: HttpReply
        self._running: Running

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        # Several of one name are one list (RFC 9110 §5.3); of Accept, the last one says enough.
        accept = self._raw_headers.get(b"accept", b"*/*").decode("latin-1")
        # The deadline is for the answer; what comes after it has its own time.
        self._reply = HttpReply(
            accept,
            self._procedure,
            send,
            self._services.bounds.result_bytes,
            settled=lambda: self._running.disarm(),
            calls_hash=self._services.known_calls_hash,
        )
        seconds = self._seconds()
        self._deadline = None if seconds is None else time.monotonic() + seconds
        self._running = Running(self._run, self._waits, seconds)
        try:
            await self._running
        except asyncio.CancelledError:
            # By its deadline, by the caller who left, by the server that stops, or by its own doing.
            if not self._reply.done and not self._left:
                await self._reply.error(
                    DeadlineExceeded(message="The call's deadline passed")
                    if self._running.expired
                    else Cancelled(message="The call was cancelled")
                )
            # The call is over and answered, and the task is the server's: whoever stopped the call has what was wanted.
            task = asyncio.current_task()
            while task is not None and task.cancelling():
                task.uncancel()
        finally:
            for aide in self._aides:
                aide.cancel()
            if self._aides:
                await asyncio.wait(self._aides)
            if self._form is not None:
                close_form(self._form)

    def _seconds(self) -> float | None:
        """The shorter of the procedure's own deadline and the caller's."""
        own, said = self._procedure.options.timeout, self._raw_headers.get(TIMEOUT, b"0")
        wanted = int(said) / 1000 if _is_timeout(said) else 0
        if not wanted:
            return own
        return wanted if own is None else min(wanted, own)

    def _refusal(self) -> RpcError[Any] | None:
        """What is wrong with the request itself, before anybody is asked who it is from."""
        if self._anybody_may_send() and not origin_passes(self._request.headers, self._services.origins):
            return OriginNotAllowed(
                message="Pages on other hosts may send no form; those of yours stand in origins=[...]"
            )
        if not _is_timeout(self._raw_headers.get(TIMEOUT, b"0")):
            return Malformed(message="fusewire-timeout must be a number of milliseconds")
        return None

    def _waits(self) -> None:
        if self._procedure.streams:
            self._help(self._pulse())
        if self._body_read:
            self._help(self._stop_when_left())

    def _help(self, work: Coroutine[Any, Any, None]) -> None:
        self._aides.append(asyncio.get_running_loop().create_task(work))

    async def _stop_when_left(self) -> None:
        """The tab was closed: the function gets `CancelledError`."""
        while (await self._request.receive())["type"] != "http.disconnect":
            pass
        # uvicorn says the same when the response is complete; what comes after it is not to be cut.
        if not self._reply.finished:
            self._left = True
            self._running.stop()

    async def _pulse(self) -> None:
        # Gateways close what says nothing for a minute; a reader learns that the stream is alive.
        while True:
            await asyncio.sleep(PULSE_SECONDS)
            await self._reply.pulse()

    async def _values(self) -> dict[str, Any]:
        try:
            if self._procedure.takes_form:
                return await self._form_values()
            return await read_values(self._request, self._raw_headers, self._procedure, self._services.sizes)
        finally:
            self._heed()

    def _heed(self) -> None:
        # Until now the body's reader was the one to receive, and it noticed by itself.
        self._body_read = True
        if self._running.task is not None:
            self._help(self._stop_when_left())

    async def _form_values(self) -> dict[str, Any]:
        request, sizes = self._request, self._services.sizes
        most = sizes.calls.get(self._procedure.name, sizes.message_bytes)
        parts = body_parts(request, self._raw_headers, most)
        self._form = await read_form(request.headers, parts, self._services.bounds)
        values, fields = outside_the_body(request, self._procedure)
        await take_form(values, fields, self._form)
        return values

    def _anybody_may_send(self) -> bool:
        """Whether a browser sends this for any page without asking first (CORS): a form, or a POST that needs no arguments."""
        if self._procedure.takes_form:
            return True
        kind = self._raw_headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        return self._procedure.method == "POST" and kind in _NOT_ASKED_FOR

    async def _run(self) -> None:
        request, procedure, services, reply = self._request, self._procedure, self._services, self._reply
        if (refusal := self._refusal()) is not None:
            await reply.error(refusal)
            return
        identity = None
        if services.loader is not None:
            try:
                identity = await identify(services.loader, credentials_of(request, {}, "http"))
            except RpcError as error:
                await reply.error(error)
                return
        caller = Caller("http", request, services.hub)
        key = self._raw_headers.get(b"idempotency-key")
        # The header's draft has it in quotes (RFC 8941 §3.3.3), most callers have not.
        text = None if key is None else key.decode("latin-1").strip('"')
        call = Call(f"{time.monotonic_ns():x}", procedure.name, caller, identity, self._deadline, text)
        around = HttpSurroundings(self._values, request, lambda: self._left)
        around.response = reply.head
        if procedure.resume_seconds is not None and reply.is_sse:
            await self._follow(call)
        else:
            await services.pipeline.run(procedure, call, around, reply)

    async def _follow(self, call: Call) -> None:
        """A stream that goes on when this request is gone. Only its own end, or nobody coming back, ends the generator."""
        services, reply, procedure = self._services, self._reply, self._procedure
        # The deadline is the generator's.
        self._running.disarm()
        try:
            if (last := self._raw_headers.get(resumed.LAST_EVENT_ID)) is not None:
                # Nothing of its body is needed, but it is how a reader who leaves is noticed.
                await self._request.body()
                self._heed()
                reading = await resumed.again(services.streams, call, last.decode("latin-1"))
            else:
                values = await self._values()
                around = Arguments(lambda: values, self._request)
                reading = await resumed.start(
                    services.streams, services.pipeline, procedure, call, around, reply
                )
            if reading is None:
                await reply.nothing_more()
            else:
                await resumed.follow(reading, reply)
        except RpcError as error:
            await reply.error(error)
        except Exception as error:  # noqa: BLE001  # a fault of ours is answered like any other
            await reply.error(failure_of(error, procedure.name))


def _is_timeout(said: bytes) -> bool:
    return said.isdigit() and len(said) <= _MAX_TIMEOUT_DIGITS
