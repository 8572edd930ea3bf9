"""Many workers, one Redis: an event published by any of them reaches the workers that hold its listeners.

Plain publish and subscribe: what is published while a worker's link to Redis is down does not reach that worker.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from fusewire.broker.plain.port import Deliver

log = logging.getLogger("fusewire.broker")

CONFIRM_SECONDS = 5.0
"""How long the first link, or a subscription, may take before the app goes on without; it is made up for when Redis answers."""

IDLE_SECONDS = 10.0
"""After this long without a word from Redis the link is asked whether it is alive; after twice that it counts as dead."""

RETRY_SECONDS = (0.1, 5.0)
"""The shortest and the longest wait before a lost link is tried again, with full jitter."""


class RedisBroker:
    """`url`: `redis://` or `rediss://`. `name` keeps apps apart that share one Redis."""

    def __init__(self, url: str, *, name: str = "app") -> None:
        self._prefix = f"fusewire:{name}:"
        # redis-py's own default pool raises when it is empty; waiting for a connection is what a publisher wants.
        self._commands = Redis(
            connection_pool=BlockingConnectionPool.from_url(
                url, max_connections=32, timeout=5, socket_timeout=5
            )
        )
        # The listener's socket is silent for as long as nothing happens: no read timeout, its own liveness check.
        self._events = Redis.from_url(
            url, socket_timeout=None, socket_connect_timeout=5, socket_keepalive=True
        )
        self._deliver: Deliver | None = None
        self._pubsub: PubSub | None = None
        self._wanted: set[str] = set()
        self._confirmed: dict[str, asyncio.Event] = {}
        self._linked = asyncio.Event()

    def __repr__(self) -> str:
        # Never the URL: it may hold a password.
        return f"<RedisBroker {self._prefix} {'linked' if self._pubsub else 'not linked'} {len(self._wanted)} topics>"

    def attach(self, deliver: Deliver) -> None:
        self._deliver = deliver

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            listener = tasks.create_task(self._listen())
            try:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(CONFIRM_SECONDS):
                        await self._linked.wait()
                yield
            finally:
                listener.cancel()
        await self._commands.aclose()
        await self._events.aclose()

    async def subscribe(self, topic: str) -> None:
        self._wanted.add(topic)
        if self._pubsub is None:
            # Made up for when the link is back; nobody waits for that, calls go on.
            return
        confirmed = self._confirmed.setdefault(topic, asyncio.Event())
        try:
            async with asyncio.timeout(CONFIRM_SECONDS):
                await self._pubsub.subscribe(self._prefix + topic)
                await confirmed.wait()
        except (TimeoutError, RedisError, OSError):
            log.warning("! Redis did not confirm a subscription; it is repeated when the link is back")

    async def unsubscribe(self, topic: str) -> None:
        self._wanted.discard(topic)
        self._confirmed.pop(topic, None)
        if self._pubsub is not None:
            try:
                await self._pubsub.unsubscribe(self._prefix + topic)
            except (RedisError, OSError):
                # The link is down, and the next one asks only for what is wanted.
                return

    async def publish(self, topic: str, message: bytes) -> None:
        await self._commands.publish(self._prefix + topic, message)

    async def _listen(self) -> None:
        """Keep one link, for ever: a listener that ends silently is how events get lost."""
        failures = 0
        while True:
            try:
                async with self._events.pubsub() as pubsub:
                    # A channel of our own, so that the link exists before the first listener comes.
                    await pubsub.subscribe(self._prefix)
                    # From here on others subscribe by themselves; what was wanted until here is asked for now. No await between the two.
                    self._pubsub = pubsub
                    if self._wanted:
                        await pubsub.subscribe(*(self._prefix + topic for topic in self._wanted))
                    self._linked.set()
                    failures = 0
                    await self._read(pubsub)
            except (RedisError, OSError, TimeoutError) as error:
                log.warning("! the link to Redis is down: %s", type(error).__name__)
            finally:
                self._pubsub = None
                self._confirmed.clear()
            failures += 1
            shortest, longest = RETRY_SECONDS
            await asyncio.sleep(random.uniform(0, min(longest, shortest * 2**failures)))  # noqa: S311  # jitter

    async def _read(self, pubsub: PubSub) -> None:
        asked = False
        while True:
            message = await pubsub.get_message(timeout=IDLE_SECONDS)
            if message is not None:
                asked = False
                self._take(message)
            elif asked:
                raise TimeoutError
            else:
                asked = True
                await pubsub.ping()

    def _take(self, message: dict[str, Any]) -> None:
        channel = message["channel"]
        if not isinstance(channel, bytes):
            return
        topic = channel.decode().removeprefix(self._prefix)
        if message["type"] == "subscribe" and (confirmed := self._confirmed.get(topic)):
            confirmed.set()
        elif message["type"] == "message" and self._deliver is not None:
            self._deliver(topic, message["data"])
