"""Clients as programs have them: sessions of the Python client, which come back by themselves."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Sequence
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

from tests.faults.calls import MAYBE, NEVER, OK, UNSTARTED, Made
from tests.faults.checker import Gap, History, Seen

CALL_SECONDS = 20.0
"""The deadline of a call. A link that is half open is noticed before."""
SETTLE_SECONDS = CALL_SECONDS + 10
"""A call that has not settled by then never does."""
WORK_SECONDS = (0.0, 0.02, 0.1, 2.5)
"""How long calls run; all of them shorter than what a worker that stops gives them."""
STREAM_ITEMS = 200

Backoff = Callable[[int], float]
"""From the number of failures to the seconds until the next attempt."""


def quick_backoff(attempt: int) -> float:
    """Quicker than a real client's, so that more faults fit into a test."""
    return random.uniform(0, 0.05 * 2 ** min(attempt, 4))


class Client:
    """`url`: where the gateway is, asked for before each connection."""

    def __init__(
        self, tasks: asyncio.TaskGroup, url: Callable[[], str], token: str, backoff: Backoff
    ) -> None:
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

    def __repr__(self) -> str:
        return f"{self.token} {self.session.status.state} ({self.session.status.code})"

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
        self,
        tasks: asyncio.TaskGroup,
        url: Callable[[], str],
        token: str,
        backoff: Backoff,
        rooms: Sequence[str],
    ) -> None:
        self.rooms = rooms
        topics = {"all", f"user:{token}", *(f"room:{room}" for room in rooms)}
        self.history = History(token, topics)
        self.newest: dict[str, int] = {}
        """By writer, the highest number."""
        super().__init__(tasks, url, token, backoff)

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
    """Calls without end, one after the other."""

    def __init__(
        self, tasks: asyncio.TaskGroup, url: Callable[[], str], token: str, backoff: Backoff
    ) -> None:
        super().__init__(tasks, url, token, backoff)
        self.made: list[Made] = []
        self._chance = random.Random(token)
        self._count = 0

    async def run(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            key = self._key("call")
            await self._settled(key, self._answer(key))
            key = self._key("stream")
            await self._settled(key, self._read(), noted=False)

    def _key(self, kind: str) -> str:
        self._count += 1
        return f"{kind} {self._count} of {self.token}"

    async def _answer(self, key: str) -> str:
        seconds = self._chance.choice(WORK_SECONDS)
        answer = await self.call("run_once", key=key, seconds=seconds)
        return "" if answer == key else f"got the result of {answer}"

    async def _read(self) -> str:
        """However it ends, what came is its beginning."""
        expected = 0
        request = Request("count", [], {"to": STREAM_ITEMS}, timeout=CALL_SECONDS)
        async for item in Items(self.session, request):
            if item != expected:
                return f"got {item} instead of {expected}"
            expected += 1
        return "" if expected == STREAM_ITEMS else f"ended after {expected} items"

    async def _settled(self, key: str, work: Coroutine[Any, Any, str], *, noted: bool = True) -> None:
        clock = asyncio.get_running_loop().time
        began, outcome, wrong = clock(), OK, ""
        try:
            async with asyncio.timeout(SETTLE_SECONDS):
                wrong = await work
        except ConnectionLost as error:
            outcome = MAYBE if error.maybe_executed else UNSTARTED
        except RpcError as error:
            outcome = error.code
        except TimeoutError:
            outcome = NEVER
        self.made.append(Made(key, began, clock(), outcome, wrong, noted))
