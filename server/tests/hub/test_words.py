"""A word is heeded at last, whatever fails on its way."""

import asyncio
from collections.abc import Mapping

import pytest
from fusewire.broker import BrokerError, MemoryBroker, MemoryStore
from fusewire.hub import words
from fusewire.hub.words import Words

pytestmark = pytest.mark.timeout(20)


class Store(MemoryStore):
    """Fails so many times."""

    failures = 1

    async def set_fields(self, key: str, fields: Mapping[str, bytes], *, ttl_seconds: float) -> None:
        if self.failures:
            self.failures -= 1
            raise BrokerError("away")
        await super().set_fields(key, fields, ttl_seconds=ttl_seconds)


async def test_what_cannot_be_told_or_looked_at_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "LOOK_SECONDS", 0.01)
    store, broker = Store(), MemoryBroker()
    looked: list[tuple[str, str]] = []
    heeded = asyncio.Event()

    async def look(session_id: str, topic: str) -> None:
        looked.append((session_id, topic))
        if len(looked) == 1:
            raise BrokerError("away")
        heeded.set()

    async def never(session_id: str, topic: str) -> None:
        raise AssertionError("nobody tells this one anything")

    here, there = Words(broker, store, "here", never), Words(broker, store, "there", look)
    there.await_them()
    async with here.running(), there.running():
        await here.tell("there", "s", "room:with a space")
        async with asyncio.timeout(10):
            await heeded.wait()
    assert looked == [("s", "room:with a space")] * 2
    assert repr(here) == repr(there) == "<Words 0 untold, 0 unheeded>"
