"""An app on any number of workers that keeps outcomes, and what its procedures did."""

from __future__ import annotations

import asyncio
import uuid
from itertools import count
from typing import Any

import httpx
from fastapi import BackgroundTasks, HTTPException
from fusewire import Fuse, RpcError
from fusewire.wire import messages as m
from pydantic import BaseModel

from tests.support.apps import Workers
from tests.support.peer import Peer
from tests.support.worlds import Notes

KEY = "0123456789abcdef"


class Receipt(BaseModel):
    number: int
    data: bytes


class Spent(RpcError[Receipt], status=402):
    """Nothing is left."""


class Shop:
    """`worker()` makes one more, `worker_at(url)` one with a way of its own to the same Redis. `options` are those of `Fuse`."""

    def __init__(self, broker_url: str | None, **options: Any) -> None:
        self._options = {"name": uuid.uuid4().hex, **options}
        self.worker = Workers(broker_url, self._define, **self._options)
        self.note = Notes()
        self.gate = asyncio.Event()

    @property
    def paid(self) -> int:
        return self.note.noted.count("pay")

    def worker_at(self, broker_url: str) -> Fuse:
        return Workers(broker_url, self._define, **self._options)()

    def _define(self, fuse: Fuse) -> None:
        fuse._services.pipeline.deduplication.lease_seconds = 0.5

        @fuse.rpc(dedupe="10m")
        async def pay(amount: int) -> Receipt:
            self.note("pay")
            return Receipt(number=self.paid, data=b"\xff" * amount)

        @fuse.rpc(dedupe="0.1s")
        async def pay_for_a_moment() -> int:
            self.note("pay")
            await self.gate.wait()
            return self.paid

        @fuse.rpc(dedupe="10m")
        async def pay_slowly(tasks: BackgroundTasks) -> int:
            self.note("pay")
            try:
                await self.gate.wait()
            except asyncio.CancelledError:
                self.note("cancelled")
                raise
            tasks.add_task(self.note, "afterwards")
            return self.paid

        @fuse.rpc(dedupe="10m")
        async def pay_and_tidy() -> None:
            self.note("pay")
            try:
                await self.gate.wait()
            finally:
                self.note("tidying")
                await asyncio.sleep(0.3)
                self.note("tidy")

        @fuse.rpc(dedupe="10m", raises=[Spent])
        async def fail(how: str) -> None:
            self.note("pay")
            match how:
                case "declared":
                    raise Spent(Receipt(number=self.paid, data=b"\xff"), "all gone")
                case "http":
                    raise HTTPException(418, {"tea": "pot"}, {"x-tea": "pot"})
                case _:
                    raise ValueError("oops")

        @fuse.rpc(dedupe="10m", limit="1/h")
        async def rarely() -> int:
            self.note("pay")
            return self.paid


_ids = count(1)


def keyed(name: str, *args: Any, key: str | None = KEY, timeout_ms: int | None = None) -> m.Call:
    return m.Call(next(_ids), name, list(args), {}, timeout_ms, key)


async def answer(peer: Peer, name: str, *args: Any, key: str | None = KEY) -> Any:
    message = keyed(name, *args, key=key)
    await peer.send(message)
    return await peer.answer(message.id)


def http(host: str, key: str = KEY, token: str | None = None, **headers: str) -> httpx.AsyncClient:
    said = {"idempotency-key": key, **headers}
    if token is not None:
        said["authorization"] = f"Bearer {token}"
    return httpx.AsyncClient(base_url=f"http://{host}/api", headers=said, timeout=10)
