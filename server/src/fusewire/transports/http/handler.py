"""One HTTP request as one call."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from fusewire.calls import credentials_of, identify
from fusewire.errors import RpcError
from fusewire.procedures.call import Call
from fusewire.procedures.procedure import Procedure
from fusewire.procedures.resolve import Surroundings
from fusewire.transports.http.arguments import MSGPACK, read_values
from fusewire.transports.http.reply import HttpReply
from fusewire.transports.services import Services

PULSE_SECONDS = 15.0


class CallResponse(Response):
    """Runs the call when the response is sent: one task from the first dependency to the last clean-up."""

    def __init__(self, request: Request, procedure: Procedure, services: Services) -> None:
        super().__init__()
        self._request = request
        self._procedure = procedure
        self._services = services
        self._body_read = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope
        head = Response()
        # Nothing said: the procedure's own status, or 200.
        head.status_code = None  # type: ignore[assignment]  # as FastAPI's own injected Response
        most = self._services.bounds.result_bytes
        reply = HttpReply(self._request, self._procedure, head, send, most)
        if not self._procedure.streams:
            await self._run(reply, head)
            return
        async with asyncio.TaskGroup() as tasks:
            work = tasks.create_task(self._run(reply, head))
            aides = (
                tasks.create_task(self._cancel_when_gone(receive, reply, work)),
                tasks.create_task(_pulse(reply)),
            )
            work.add_done_callback(lambda _: [aide.cancel() for aide in aides])

    async def _run(self, reply: HttpReply, head: Response) -> None:
        try:
            await self._call(reply, head)
        except RpcError as error:
            await reply.error(error)

    async def _cancel_when_gone(self, receive: Receive, reply: HttpReply, work: asyncio.Task[None]) -> None:
        """The tab was closed: the generator gets `CancelledError`."""
        # Until then the body's reader is the one to receive, and it notices by itself.
        await self._body_read.wait()
        message: Message = {"type": ""}
        while message["type"] != "http.disconnect":
            message = await receive()
        # uvicorn says the same when the response is complete; what comes after it is not to be cut.
        if not reply.finished:
            work.cancel()

    async def _call(self, reply: HttpReply, head: Response) -> None:
        request, procedure, services = self._request, self._procedure, self._services
        credentials = credentials_of(request, {}, "http")
        timeout = procedure.options.timeout
        call = Call(
            id=f"{time.monotonic_ns():x}",
            procedure=procedure.name,
            transport="http",
            identity=await identify(services.loader, credentials),
            client_ip=credentials.client_ip,
            headers=credentials.headers,
            deadline=None if timeout is None else time.monotonic() + timeout,
            hub=services.hub,
        )

        async def values() -> dict[str, Any]:
            found = await read_values(request, procedure, services.sizes)
            self._body_read.set()
            return found

        kind = request.headers.get("content-type", "")
        around = Surroundings(values, request, from_text=not kind.startswith(MSGPACK), response=head)
        await services.pipeline.run(procedure, call, around, reply)


async def _pulse(reply: HttpReply) -> None:
    # Gateways close what says nothing for a minute; a reader learns that the stream is alive.
    while True:
        await asyncio.sleep(PULSE_SECONDS)
        await reply.pulse()
