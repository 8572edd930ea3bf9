"""A stop reaches the generator, though its worker cannot be reached when it is asked for, and whoever asked has left by then."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator

import pytest
from fusewire import Fuse
from fusewire.streams import streams as timing
from fusewire.wire import messages as m

from tests.faults.waiting import until
from tests.support.apps import fuse_of_users
from tests.support.peer import call
from tests.support.proxy import Proxy
from tests.support.resuming import Reader
from tests.support.server import serving
from tests.support.valkey import ValkeyServer


def quiet(url: str, name: str, cleaned: asyncio.Event) -> Fuse:
    """A worker whose stream has one item, and then needs Redis for nothing."""
    fuse = fuse_of_users(broker=url, name=name, drain_seconds=0.2)

    @fuse.rpc(resume="10m")
    async def wait() -> AsyncIterator[int]:
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            cleaned.set()

    @fuse.rpc
    async def echo(value: int) -> int:
        return value

    return fuse


@pytest.mark.parametrize("cut_off", ["runner", "reader"])
async def test_a_stop_is_written_down(
    valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch, cut_off: str
) -> None:
    monkeypatch.setattr(timing, "BEAT_SECONDS", 0.2)
    name, cleaned = uuid.uuid4().hex, asyncio.Event()
    async with Proxy("127.0.0.1", valkey.port).running() as proxy:
        urls = [f"redis://127.0.0.1:{proxy.port}", valkey.url]
        here, there = urls if cut_off == "runner" else reversed(urls)
        of_reader = quiet(there, name, cleaned)
        async with (
            serving(quiet(here, name, cleaned).app) as runs,
            serving(of_reader.app) as reads,
            Reader([runs, reads]) as reader,
        ):
            await reader.call("wait")
            await reader.read(1)
            await reader.cut()
            await reader.resume()
            await reader.peer.until(m.Stream)
            proxy.refusing = True
            proxy.cut()
            await reader.peer.send(m.Cancel(1), call(2, "echo", 7))
            # The stop has been read by then. Nobody stays to say it again.
            assert (await reader.peer.until(m.Result)).value == 7
            await reader.cut()
            streams = of_reader._streams
            await until(lambda: not streams._readings, 10, lambda: f"{streams!r}: nobody reads")
            # As long as it may take until what was asked of Redis meanwhile has failed.
            await asyncio.sleep(1)
            assert not cleaned.is_set()
            proxy.refusing = False
            await asyncio.wait_for(cleaned.wait(), 20)
