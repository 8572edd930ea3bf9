"""The items of a parameter that is a stream, from the caller's source to the server."""

from __future__ import annotations

from collections.abc import AsyncIterable

from fusewire.client.exchange import Exchange
from fusewire.client.machine import ClientMachine
from fusewire.client.outbox import Outbox
from fusewire.client.values import plain
from fusewire.wire.codec import pack


async def upload(
    exchange: Exchange, source: AsyncIterable[object], machine: ClientMachine, outbox: Outbox
) -> None:
    """Send what the source yields, then the end. A source that fails cancels the call, and its error is left for the caller."""
    try:
        await _send_all(exchange, source, machine, outbox)
    except Exception as error:  # noqa: BLE001  # the source is the caller's code, and the caller gets it
        exchange.source_error = error
        outbox.put(machine.cancel(exchange.id))


async def _send_all(
    exchange: Exchange, source: AsyncIterable[object], machine: ClientMachine, outbox: Outbox
) -> None:
    items = aiter(source)
    try:
        while True:
            while not machine.may_upload(exchange.id):
                exchange.allowed.clear()
                await exchange.allowed.wait()
            # Only with credit: nothing is taken from the source that cannot be sent.
            outbox.put(machine.upload(exchange.id, pack(plain(await anext(items)))))
    except StopAsyncIteration:
        outbox.put(machine.end_upload(exchange.id))
    finally:
        if (aclose := getattr(items, "aclose", None)) is not None:
            await aclose()
