"""Calls that may be sent again, and one that may not. Each tells the how manyeth time it is."""

from fusewire import Router

from tests.interop.features.notes import notes

rpc = Router()


@rpc(dedupe="10m")
async def pay(order: str) -> int:
    return _executed(order)


@rpc(idempotent=True)
async def put(order: str) -> int:
    return _executed(order)


@rpc
async def append(order: str) -> int:
    return _executed(order)


def _executed(order: str) -> int:
    notes.append(f"{order} executed")
    return notes.count(f"{order} executed")
