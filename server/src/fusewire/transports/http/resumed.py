"""Server-sent events that go on where a browser left off: `EventSource` connects again by itself and says the last id that it saw.

An id is `<stream>/<position>`; the last event's is `<stream>/end`, behind which there is nothing: 204, and the browser stays away.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

import msgpack

from fusewire.calls import Pipeline
from fusewire.errors import RpcError, StreamUnknown
from fusewire.procedures.call import Call
from fusewire.procedures.procedure import Procedure
from fusewire.streams import Arguments, Kind, Reading, Record, Streams
from fusewire.transports.http.problem import problem_headers, problem_json
from fusewire.transports.http.reply import HttpReply, one_line

FORM = "json"
LAST_EVENT_ID = b"last-event-id"
_END = "end"


class JsonForm:
    """The journal's records as this transport writes them."""

    name = FORM

    def __init__(self, procedure: Procedure, reply: HttpReply) -> None:
        self._procedure = procedure
        self._reply = reply

    def item(self, value: Any) -> bytes:
        assert self._procedure.output is not None
        return self._reply.bounded(one_line(self._procedure.output.json(value)))

    def error(self, error: RpcError[Any]) -> bytes:
        written: bytes = msgpack.packb((error.status, problem_headers(error), one_line(problem_json(error))))
        return written


async def start(
    streams: Streams,
    pipeline: Pipeline,
    procedure: Procedure,
    call: Call,
    around: Arguments,
    reply: HttpReply,
) -> Reading:
    """Run a call that outlives its request. Raises what `Streams.start` does."""
    return await streams.start(
        procedure,
        call,
        JsonForm(procedure, reply),
        lambda runner: pipeline.run(procedure, call, around, runner),
        deadline_seconds=call.remaining_seconds,
    )


async def again(streams: Streams, call: Call, last_id: str) -> Reading | None:
    """The stream behind the last event that was seen; None when that was its end. Raises what `Streams.resume` does."""
    stream, separator, position = last_id.partition("/")
    if not separator:
        raise StreamUnknown
    seen = None if position == _END else position
    reading = await streams.resume(stream, call.identity, FORM, seen, call.procedure)
    return None if position == _END else reading


async def follow(reading: Reading, reply: HttpReply) -> None:
    """Send what there is and what comes. An error before the first item is a response of its own."""
    async with aclosing(reading.records()) as records:
        async for record in records:
            await _send(record, reading.stream.id, reply)


async def _send(record: Record, stream: str, reply: HttpReply) -> None:
    if record.kind is Kind.ITEM:
        await reply.written(_event(f"{stream}/{record.position}", record.body))
    elif record.kind is Kind.END:
        await reply.written(_event(f"{stream}/{_END}", b"", b"end"), last=True)
    else:
        status, headers, body = msgpack.unpackb(record.body)
        if reply.started:
            await reply.written(_event(f"{stream}/{_END}", body, b"error"), last=True)
        else:
            await reply.problem(status, headers, body)


def _event(name: str, data: bytes, kind: bytes | None = None) -> bytes:
    head = b"" if kind is None else b"event: " + kind + b"\n"
    return b"id: " + name.encode("ascii") + b"\n" + head + b"data: " + data + b"\n\n"
