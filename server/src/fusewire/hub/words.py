"""What workers tell each other: that a session which one of them has was changed, or taken over, by another one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from fusewire.beside import beside
from fusewire.broker.outage import Outage
from fusewire.broker.port import Broker, BrokerError, Retention
from fusewire.broker.store import Store

LOOK_SECONDS = 1.5
"""How often a worker looks whether there is a word that it did not hear."""

KEPT_SECONDS = 86_400.0
"""For how long a word waits."""

TAKEN_OVER = ""
"""In the place of a topic."""

_RETENTION = Retention(seconds=60, count=1)

log = logging.getLogger("fusewire.hub")


class Words:
    """A word is a session's id and a topic: look at what is written down of them. It is itself written down before it is said, so that it
    is heeded at last.

    `look` may raise `BrokerError`, and is asked again. A worker whose sessions have nothing written down asks for nothing.
    """

    def __init__(
        self, broker: Broker, store: Store, worker: str, look: Callable[[str, str], Awaitable[None]]
    ) -> None:
        self._broker = broker
        self._store = store
        self._worker = worker
        self._look = look
        self._awaited = False
        self._wake: asyncio.Event | None = None
        self._untold: set[tuple[str, str]] = set()
        self._unheeded: set[str] = set()
        self._outage = Outage(log, "words among workers")

    def __repr__(self) -> str:
        return f"<Words {len(self._untold)} untold, {len(self._unheeded)} unheeded>"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        self._wake = asyncio.Event()
        async with beside(self._keep_on()):
            yield
        self._wake = None

    async def tell(self, worker: str, session_id: str, topic: str) -> None:
        """When it cannot be told at the moment, it is tried again."""
        self._untold.add((worker, f"{session_id} {topic}"))
        try:
            await self._say()
        except BrokerError as error:
            self._outage.begins(str(error))
            self.await_them()

    def await_them(self) -> None:
        """From now on there may be some for this worker."""
        if not self._awaited:
            self._awaited = True
            self._stir()

    def heard(self, topic: str) -> bool:
        """Whether it is the topic of words."""
        if topic != _topic(self._worker):
            return False
        self._stir()
        return True

    def _stir(self) -> None:
        if self._wake is not None:
            self._wake.set()

    async def _say(self) -> None:
        for worker, word in list(self._untold):
            await self._store.set_fields(_inbox(worker), {word: b""}, ttl_seconds=KEPT_SECONDS)
            self._untold.discard((worker, word))
            await self._broker.publish(_topic(worker), b"", None)

    async def _keep_on(self) -> None:
        assert self._wake is not None, "while it runs"
        subscribed = False
        async with asyncio.TaskGroup() as looks:
            while True:
                try:
                    async with asyncio.timeout(LOOK_SECONDS if self._awaited else None):
                        await self._wake.wait()
                except TimeoutError:
                    pass
                self._wake.clear()
                try:
                    if not subscribed:
                        await self._broker.subscribe(_topic(self._worker), _RETENTION)
                        subscribed = True
                    await self._say()
                    words = self._unheeded | await self._take()
                except BrokerError as error:
                    self._outage.begins(str(error))
                    continue
                self._outage.ends()
                self._unheeded.clear()
                for word in words:
                    looks.create_task(self._heed(word))

    async def _take(self) -> set[str]:
        words = {*await self._store.fields(_inbox(self._worker))}
        # Before anything is looked at: a word that comes from now on is another one.
        await self._store.delete_fields(_inbox(self._worker), words)
        return words

    async def _heed(self, word: str) -> None:
        session_id, _, topic = word.partition(" ")
        try:
            await self._look(session_id, topic)
        except BrokerError:
            self._unheeded.add(word)


def _topic(worker: str) -> str:
    return f"worker:{worker}"


def _inbox(worker: str) -> str:
    return f"words:{worker}"
