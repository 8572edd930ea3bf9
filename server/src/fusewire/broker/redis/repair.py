"""Asks Redis where topics stand, and reads what is missing: after each confirmation, at each hole, and now and then where it is quiet."""

from __future__ import annotations

import asyncio
import logging
import math
import random
import time
from collections.abc import Callable, Iterable
from typing import Any

from redis.exceptions import RedisError

from fusewire.broker.outage import Outage
from fusewire.broker.port import Delivery, Retention
from fusewire.broker.redis.feed import Feed, State
from fusewire.broker.redis.nodes import Nodes
from fusewire.broker.redis.scripts import READ, TOUCH
from fusewire.broker.redis.timing import Timing

log = logging.getLogger("fusewire.broker")

ASKED_AT_ONCE = 256
"""Topics per round trip."""

READERS = 4
"""Topics whose history is read at a time."""

LOOK = 0.1
"""Of the time between two checks of a topic's position: how often it is looked whose turn it is."""

PAGE = 128
"""Events per read."""

Current = Callable[[Feed], bool]
Deliver = Callable[[Feed, Iterable[Delivery]], None]
Gap = Callable[[Feed, str], None]


class Repair:
    """`current` says whether a feed is still subscribed to; the other two hand on what was found."""

    def __init__(self, nodes: Nodes, timing: Timing, *, current: Current, deliver: Deliver, gap: Gap) -> None:
        self._nodes = nodes
        self._timing = timing
        self._current = current
        self._deliver = deliver
        self._gap = gap
        self._to_ask: dict[Feed, None] = {}
        self._asking = asyncio.Event()
        self._to_read: asyncio.Queue[Feed] = asyncio.Queue()
        self._outage = Outage(log, "the history of topics")

    def ask(self, feed: Feed) -> None:
        self._to_ask[feed] = None
        self._asking.set()

    def read(self, feed: Feed) -> None:
        """Bounded by the topics subscribed to: a feed is in it once per time it falls behind."""
        self._to_read.put_nowait(feed)

    async def run(self, feeds: Callable[[], Iterable[Feed]]) -> None:
        """Until it is cancelled. `feeds`: all that are subscribed to."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_asking())
            for _ in range(READERS):
                tasks.create_task(self._keep_reading())
            tasks.create_task(self._keep_checking(feeds))

    async def _keep_checking(self, feeds: Callable[[], Iterable[Feed]]) -> None:
        """Silent loss: a push that never came is only missed where none follows."""
        while True:
            # Workers do not ask all at once.
            await asyncio.sleep(self._timing.check * LOOK * random.uniform(0.5, 1.0))  # noqa: S311  # jitter
            now = time.monotonic()
            for feed in feeds():
                if is_due(feed, now, self._timing.check):
                    feed.sure_at = now
                    self.ask(feed)

    async def _keep_asking(self) -> None:
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            await self._asking.wait()
            batch = [(feed, feed.link) for feed in list(self._to_ask)[:ASKED_AT_ONCE]]
            for feed, _ in batch:
                del self._to_ask[feed]
            if not self._to_ask:
                self._asking.clear()
            try:
                tops = await self._nodes.execute_many([(feed.key, self._touch(feed)) for feed, _ in batch])
            except (RedisError, OSError) as error:
                tops = [error] * len(batch)
            failed = [feed for (feed, _), top in zip(batch, tops, strict=True) if isinstance(top, Exception)]
            for (feed, link), top in zip(batch, tops, strict=True):
                if not isinstance(top, Exception) and self._current(feed) and feed.link == link:
                    self._asked(feed, top.decode())
            failures = failures + 1 if failed else 0
            if not failed:
                self._outage.ends()
            else:
                self._outage.begins(f"Redis does not say where {len(failed)} of them stand")
                # The others do not wait for them.
                loop.call_later(self._timing.backoff(failures), self._ask_again, failed)

    def _ask_again(self, feeds: Iterable[Feed]) -> None:
        for feed in feeds:
            if self._current(feed):
                self.ask(feed)

    def _touch(self, feed: Feed) -> list[Any]:
        kept, keep = kept_milliseconds(feed.retention), keep_seconds(feed.retention, self._timing)
        return ["EVAL", TOUCH.text, 1, feed.key, kept, keep]

    def _asked(self, feed: Feed, top: str) -> None:
        announced = feed.asked(top)
        if announced is not None:
            self._gap(feed, announced)
        self._settle(feed)

    async def _keep_reading(self) -> None:
        failures = 0
        while True:
            feed = await self._to_read.get()
            try:
                await self._catch_up(feed)
                failures = 0
                self._outage.ends()
            except (RedisError, OSError) as error:
                failures += 1
                self._outage.begins(error)
                await asyncio.sleep(self._timing.backoff(failures))
                self.read(feed)

    async def _catch_up(self, feed: Feed) -> None:
        link = feed.link
        while self._current(feed) and feed.link == link and feed.state is State.BEHIND:
            assert feed.last is not None, "what is behind has a position"
            position = feed.last
            top, entries = await read_page(self._nodes, feed.key, position, feed.retention, self._timing)
            if not self._current(feed) or feed.link != link or feed.state is not State.BEHIND:
                # Lost and confirmed again meanwhile: that began anew.
                return
            if feed.last != position:
                # It was asked for twice, and the other reader was faster.
                continue
            deliveries, gap = feed.read(top, entries)
            if gap is not None:
                self._gap(feed, gap)
            self._deliver(feed, deliveries)
            if feed.live:
                self._deliver(feed, feed.release())

    def _settle(self, feed: Feed) -> None:
        if feed.live:
            self._deliver(feed, feed.release())
        if feed.state is State.BEHIND:
            self.read(feed)


def is_due(feed: Feed, now: float, check: float) -> bool:
    """Whether a topic is to be asked for, so that it is asked within `check` seconds though nobody looks for `LOOK` of that."""
    return feed.state is State.LIVE and now - feed.sure_at > check * (1 - 2 * LOOK)


def keep_seconds(retention: Retention, timing: Timing) -> int:
    """How long a topic's key lives after it was last published to or checked."""
    return math.ceil(retention.seconds + timing.grace)


def kept_milliseconds(retention: Retention) -> int:
    """How old an entry of a topic may be; 0 when its age does not count."""
    return 0 if retention.together else math.ceil(retention.seconds * 1000)


async def read_page(
    nodes: Nodes, key: str, position: str, retention: Retention, timing: Timing
) -> tuple[str, list[Delivery]]:
    """Where the topic stands, and the first events after a position. Raises `RedisError` or `OSError`."""
    top, entries = await nodes.run(READ, key, position, PAGE, keep_seconds(retention, timing))
    return top.decode(), [Delivery(fields[1].decode(), id_.decode(), fields[5]) for id_, fields in entries]
