"""Three real servers that form a cluster, and a slot that moves from one to another."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from redis import Redis
from redis.crc import key_slot
from redis.exceptions import RedisError

from tests.support.program import Started
from tests.support.valkey import ValkeyServer

SLOTS = 16384
PATIENCE_SECONDS = 20.0


class ValkeyCluster(Started):
    def __init__(self, size: int = 3) -> None:
        self.servers = [
            ValkeyServer("--cluster-enabled", "yes", "--cluster-node-timeout", "2000") for _ in range(size)
        ]
        self.url = "redis+cluster://" + ",".join(f"127.0.0.1:{server.port}" for server in self.servers)

    def start(self) -> None:
        for server in self.servers:
            server.start()
        size = len(self.servers)
        for index, server in enumerate(self.servers):
            first, last = index * SLOTS // size, (index + 1) * SLOTS // size - 1
            self._ask(server, "CLUSTER", "ADDSLOTSRANGE", first, last)
            self._ask(server, "CLUSTER", "SET-CONFIG-EPOCH", index + 1)
        for server in self.servers[1:]:
            self._ask(self.servers[0], "CLUSTER", "MEET", "127.0.0.1", server.port)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not all(self._agreed(server) for server in self.servers):
            if time.monotonic() > deadline:
                raise RuntimeError("the cluster did not form")
            time.sleep(0.02)

    def remove(self) -> None:
        for server in self.servers:
            server.remove()

    def owner(self, key: str) -> int:
        """The index of the server that holds the key's slot."""
        slot = key_slot(key.encode())
        for first, last, primary, *_ in self._ask(self.servers[0], "CLUSTER", "SLOTS"):
            if first <= slot <= last:
                return [server.port for server in self.servers].index(primary[1])
        raise LookupError(key)

    def hang_up(self, index: int) -> None:
        """End the connections of all who listen to this node."""
        self._ask(self.servers[index], "CLIENT", "KILL", "TYPE", "pubsub")

    @asynccontextmanager
    async def moving(self, key: str, target: int) -> AsyncIterator[None]:
        """Move the key's slot with all that is in it. Inside, its keys are on their new node already, and the slot is not."""
        slot, source = key_slot(key.encode()), self.owner(key)
        await asyncio.to_thread(self._begin, slot, source, target)
        yield
        await asyncio.to_thread(self._finish, slot, source, target)

    def _begin(self, slot: int, source: int, target: int) -> None:
        here, there = self.servers[source], self.servers[target]
        self._ask(there, "CLUSTER", "SETSLOT", slot, "IMPORTING", self._id(source))
        self._ask(here, "CLUSTER", "SETSLOT", slot, "MIGRATING", self._id(target))
        self._hand_over(slot, here, there)

    def _finish(self, slot: int, source: int, target: int) -> None:
        here, there = self.servers[source], self.servers[target]
        self._hand_over(slot, here, there)
        others = [server for server in self.servers if server not in (here, there)]
        for server in (there, here, *others):
            self._ask(server, "CLUSTER", "SETSLOT", slot, "NODE", self._id(target))

    def _hand_over(self, slot: int, here: ValkeyServer, there: ValkeyServer) -> None:
        while keys := self._ask(here, "CLUSTER", "GETKEYSINSLOT", slot, 10):
            self._ask(here, "MIGRATE", "127.0.0.1", there.port, "", 0, 5000, "KEYS", *keys)

    def _id(self, index: int) -> str:
        return str(self._ask(self.servers[index], "CLUSTER", "MYID").decode())

    def _agreed(self, server: ValkeyServer) -> bool:
        with contextlib.suppress(RedisError):
            info = self._ask(server, "CLUSTER", "INFO").decode()
            return "cluster_state:ok" in info and f"cluster_known_nodes:{len(self.servers)}" in info
        return False

    @staticmethod
    def _ask(server: ValkeyServer, *command: Any) -> Any:
        with Redis(port=server.port, protocol=2, socket_timeout=10) as client:
            client.response_callbacks.clear()
            return client.execute_command(*command)
