"""Clients as programs have them: sessions of the Python client, which come back by themselves."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Any

from fusewire.client.call import Items, result_of
from fusewire.client.duplex import Duplex
from fusewire.client.errors import ConnectionLost
from fusewire.client.exchange import Request
from fusewire.client.session import Session
from fusewire.client.session_options import SessionOptions
from fusewire.client.socket import open_websocket
from fusewire.client.status import Status
from fusewire.errors import RpcError
from fusewire.wire import messages as m

from tests.faults.checker import Gap, History, Seen

CALL_SECONDS = 20.0
"""The deadline of a call. A link that is half open is noticed before."""
SETTLE_SECONDS = CALL_SECONDS + 10
"""A call that has not settled by then never does."""


def backoff(attempt: int) -> float:
    """Quicker than a real client's, so that more faults fit into a run."""
    return random.uniform(0, 0.05 * 2 ** min(attempt, 4))


class Client:
    """`url`: where the gateway is, asked for before each connection."""

    def __init__(self, tasks: asyncio.TaskGroup, url: Callable[[], str], token: str) -> None:
        self._tasks = tasks
        self._url = url
        self.token = token
        self.connections = 0
        """How often it was welcomed."""
        self.session = Session(
            tasks,
            SessionOptions(
                dial=self._dial,
                calls="",
                auth=self._auth,
                timeout=CALL_SECONDS,
                on_event=self.on_event,
                on_missed=self.on_missed,
                on_failure=lambda _: None,
                on_status=self._on_status,
                on_error=lambda _: None,
                on_stale=lambda _: None,
                backoff=backoff,
            ),
        )

    async def call(self, name: str, **arguments: Any) -> Any:
        return await result_of(self.session, Request(name, [], arguments))

    def on_event(self, event: m.Event) -> None:
        """Nothing: it only calls."""

    def on_missed(self, topic: str) -> None:
        """Nothing: it only calls."""

    def _on_status(self, status: Status) -> None:
        self.connections += status.state == "connected"

    async def _dial(self) -> Duplex:
        return await open_websocket(self._url(), headers={})

    async def _auth(self) -> dict[str, Any]:
        return {"token": self.token}


class Listener(Client):
    """`history` is what an app on top of it would have got, and been told."""

    def __init__(
        self, tasks: asyncio.TaskGroup, url: Callable[[], str], token: str, rooms: Sequence[str]
    ) -> None:
        self.rooms = rooms
        topics = {"all", f"user:{token}", *(f"room:{room}" for room in rooms)}
        self.history = History(token, topics)
        self.newest: dict[str, int] = {}
        """By writer, the highest number."""
        super().__init__(tasks, url, token)

    async def begin(self) -> None:
        for room in self.rooms:
            await self._join(room)
        self.session.want()

    def on_event(self, event: m.Event) -> None:
        assert event.topic is not None
        value: Any = event.value
        seen = Seen(event.topic, value["writer"], value["number"])
        self.history.entries.append(seen)
        self.newest[seen.writer] = max(seen.number, self.newest.get(seen.writer, -1))

    def on_missed(self, topic: str) -> None:
        self.history.entries.append(Gap(topic))
        if topic.startswith("room:"):
            # The session may have been lost too, and its rooms with it.
            self._tasks.create_task(self._join(topic.removeprefix("room:")))

    async def _join(self, room: str) -> None:
        """However often it takes."""
        while True:
            try:
                await self.call("join", room=room)
            except ConnectionLost as error:
                if self.session.failure is error:
                    return
            except RpcError:
                await asyncio.sleep(0.1)
            else:
                return


class Caller(Client):
    """Calls without end; `outcomes` has each call's by its key, `started` when it was asked for."""

    def __init__(self, tasks: asyncio.TaskGroup, url: Callable[[], str], token: str) -> None:
        super().__init__(tasks, url, token)
        self.outcomes: dict[str, str] = {}
        self.started: dict[str, float] = {}
        self.unsettled: list[str] = []
        self.faults: list[str] = []
        """What no server may ever answer."""
        self._chance = random.Random(token)
        self._count = 0

    async def run(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            await self._once()
            await self._stream()

    async def _once(self) -> None:
        self._count += 1
        key = f"{self.token}-{self._count}"
        self.started[key] = asyncio.get_running_loop().time()
        self.outcomes[key] = await self._settled(key, self._answer(key))

    async def _answer(self, key: str) -> None:
        if await self.call("run_once", key=key, seconds=self._chance.uniform(0, 0.1)) != key:
            self.faults.append(f"{key} got the result of another call")

    async def _stream(self) -> None:
        """However it ends, what came is its beginning."""
        self._count += 1
        key = f"stream of {self.token}-{self._count}"
        self.started[key] = asyncio.get_running_loop().time()
        self.outcomes[key] = await self._settled(key, self._read(key, 200))

    async def _read(self, key: str, count: int) -> None:
        expected = 0
        async for item in Items(self.session, Request("count", [], {"to": count}, timeout=CALL_SECONDS)):
            if item != expected:
                self.faults.append(f"{key}: {item} instead of {expected}")
            expected += 1
        if expected != count:
            self.faults.append(f"{key} ended after {expected} items")

    async def _settled(self, key: str, work: Any) -> str:
        try:
            async with asyncio.timeout(SETTLE_SECONDS):
                await work
        except ConnectionLost as error:
            return "maybe" if error.maybe_executed else "unstarted"
        except RpcError as error:
            return error.code
        except TimeoutError:
            self.unsettled.append(key)
            return "never"
        return "ok"
