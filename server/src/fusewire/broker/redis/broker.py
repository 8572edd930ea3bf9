"""The broker of many workers: events of any of them reach those that hold their listeners, in order, each once, across lost links."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from redis.exceptions import RedisError

from fusewire.broker.outage import Outage
from fusewire.broker.port import BrokerError, Delivery, Listener, Replay, Retention
from fusewire.broker.positions import is_position
from fusewire.broker.redis.ears import Ears
from fusewire.broker.redis.feed import Feed, State
from fusewire.broker.redis.nodes import Nodes
from fusewire.broker.redis.patience import Patience
from fusewire.broker.redis.repair import Repair, keep_seconds, kept_milliseconds, read_page
from fusewire.broker.redis.scripts import PUBLISH
from fusewire.broker.redis.timing import Timing

log = logging.getLogger("fusewire.broker")

IDS = 1 << 20
"""How many numbers the ids of a millisecond may begin at."""

AGE_SLACK_SECONDS = 1.0
"""How much further back than the first attempt the stream is searched for it."""

UNSUBSCRIBED = Retention(seconds=60, count=1)
"""How long a topic that is only asked about is remembered."""


class RedisBroker:
    """`url` as for `Nodes`. `name` keeps apps apart that share one Redis.

    Publishing works outside `running()` too; end with `aclose()` then.
    """

    def __init__(self, url: str, *, name: str = "app", timing: Timing | None = None) -> None:
        self._name = name
        self._timing = timing or Timing()
        self._nodes = Nodes(url, backoff=self._timing.repeat)
        self._patience = Patience(self._timing)
        self._listener: Listener | None = None
        self._unconfirmed = Outage(log, "the subscribing to topics")
        self._begin()

    def __repr__(self) -> str:
        # Never the URL: it may hold a password.
        return f"<RedisBroker {self._name} {'linked' if self.healthy else 'not linked'} {len(self._feeds)} topics>"

    def attach(self, listener: Listener) -> None:
        self._listener = listener

    @property
    def healthy(self) -> bool:
        return self._ears.healthy

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        linked = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as tasks:
                listening = tasks.create_task(self._ears.run(linked))
                repairing = tasks.create_task(self._repair.run(lambda: list(self._feeds.values())))
                try:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(self._timing.confirm):
                            await linked.wait()
                    yield
                finally:
                    listening.cancel()
                    repairing.cancel()
        finally:
            await self.aclose()
            # It may run again, in another event loop: an app does in its tests.
            self._begin()

    def _begin(self) -> None:
        self._feeds: dict[str, Feed] = {}
        self._by_key: dict[str, Feed] = {}
        self._ears = Ears(self._nodes, self, self._timing)
        self._repair = Repair(
            self._nodes, self._timing, current=self._current, deliver=self._deliver, gap=self._gap
        )

    async def aclose(self) -> None:
        await self._nodes.aclose()

    async def subscribe(self, topic: str, retention: Retention) -> str | None:
        feed = self._feeds.get(topic)
        if feed is None:
            feed = self._feeds[topic] = Feed(topic, self._key(topic), retention)
            self._by_key[feed.key] = feed
            self._ears.subscribe(feed.key)
        feed.retention = retention
        if feed.last is None and not self._ears.failing(feed.key):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._timing.confirm):
                    await feed.ready.wait()
        if feed.last is None and self._current(feed):
            self._unconfirmed.begins("Redis did not confirm it in time; it is made up for")
            feed.unannounced = True
        return feed.last

    def unsubscribe(self, topic: str) -> None:
        if feed := self._feeds.pop(topic, None):
            del self._by_key[feed.key]
            # Who still waits for its position need not.
            feed.ready.set()
            self._ears.unsubscribe(feed.key)

    async def publish(self, topic: str, message: bytes, retention: Retention | None) -> str | None:
        key = self._key(topic)
        if retention is None:
            try:
                await self._nodes.execute(key, "SPUBLISH", key, b"  " + message)
            except (RedisError, OSError) as error:
                raise _refused(error) from error
            return None
        kept = kept_milliseconds(retention)
        token = secrets.token_bytes(8)
        keep = keep_seconds(retention, self._timing)
        arguments = (message, retention.count, kept, keep, token, secrets.randbelow(IDS))
        began: float | None = None

        async def hand_over() -> bytes:
            nonlocal began
            age: tuple[int, ...] = ()
            if began is None:
                began = time.monotonic()
            else:
                # An attempt before this one may have been executed.
                age = (int((time.monotonic() - began + AGE_SLACK_SECONDS) * 1000),)
            position: bytes = await self._nodes.run(PUBLISH, key, *arguments, *age)
            return position

        try:
            return (await self._patience.keep_asking(hand_over)).decode()
        except (RedisError, OSError) as error:
            # Also an answer that did not come in time: what is still on its way may be executed after a second attempt.
            raise _refused(error) from error

    async def since(self, topic: str, position: str, *, limit: int, max_bytes: int) -> Replay:
        feed = self._feeds.get(topic)
        retention = feed.retention if feed is not None else UNSUBSCRIBED
        if not is_position(position):
            # No event has it. What is asked for is where the topic stands.
            position = "0-0"
        found: list[Delivery] = []
        size = 0
        at = position
        while True:
            try:
                top, entries = await read_page(self._nodes, self._key(topic), at, retention, self._timing)
            except (RedisError, OSError) as error:
                raise _refused(error) from error
            for entry in entries:
                if entry.previous != at:
                    return Replay((), False, top)
                assert entry.position is not None, "what is stored has a position"
                at = entry.position
                size += len(entry.message)
            found.extend(entries)
            if len(found) > limit or size > max_bytes:
                return Replay((), False, top)
            if at == top:
                return Replay(found, True, top)
            if not entries:
                return Replay((), False, top)

    # What the ears hear.

    def arrived(self, channel: str, frame: bytes) -> None:
        feed = self._by_key.get(channel)
        if feed is None:
            return
        previous, position, message = frame.split(b" ", 2)
        delivery = Delivery(previous.decode() or None, position.decode() or None, message)
        was = feed.state
        if feed.arrived(delivery):
            self._deliver(feed, (delivery,))
        elif was is State.LIVE:
            if feed.state is State.BEHIND:
                self._repair.read(feed)
            else:
                # It came before. Or the server did not: one that lost events gives out lower ids.
                self._repair.ask(feed)

    def confirmed(self, channel: str) -> None:
        self._unconfirmed.ends()
        if feed := self._by_key.get(channel):
            feed.confirmed()
            self._repair.ask(feed)

    def lost(self, channel: str) -> None:
        if feed := self._by_key.get(channel):
            feed.lost()

    # What is handed on.

    def _deliver(self, feed: Feed, deliveries: Iterable[Delivery]) -> None:
        assert self._listener is not None, "attached before anything is subscribed to"
        for delivery in deliveries:
            self._listener.deliver(feed.topic, delivery)

    def _gap(self, feed: Feed, position: str) -> None:
        assert self._listener is not None, "attached before anything is subscribed to"
        self._listener.gap(feed.topic, position)

    def _current(self, feed: Feed) -> bool:
        return self._feeds.get(feed.topic) is feed

    def _key(self, topic: str) -> str:
        # One hash tag for what belongs to the topic, whatever the topic's own name holds.
        return f"fusewire:{{{self._name}:{topic}}}"


def _refused(error: Exception) -> BrokerError:
    # The type only: messages of the driver hold addresses.
    return BrokerError(
        f"Redis did not answer as hoped ({type(error).__name__}); the event may have been published or not"
    )
