"""Which server holds a key, and how commands get there: one Redis, or the nodes of a cluster.

redis-py's own cluster client is not used: it sends ASKING on whichever pooled connection is free, repeats commands whose fate is
unknown, closes every connection when one node says CLUSTERDOWN, and raises instead of waiting when its pool is empty. Here each node has a
plain client with a pool that waits, nothing is repeated unless Redis said that it was not executed, and a pipeline is cut by node.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import AbstractConnection, parse_url
from redis.crc import key_slot
from redis.exceptions import (
    AskError,
    ClusterDownError,
    MovedError,
    NoScriptError,
    RedisError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from fusewire.broker.backoff import Backoff
from fusewire.broker.redis.scripts import Script

log = logging.getLogger("fusewire.broker")

Address = tuple[str, int]

SCHEMES = ("redis", "rediss", "redis+cluster", "rediss+cluster")

CONNECTIONS = 32
"""To each node, for commands. Who finds none free waits."""

ANSWER_SECONDS = 5.0
"""How long connecting, waiting for a free connection, and an answer may each take."""

REDIRECTIONS = 16
"""How often a command follows a slot that moves, or waits for one that is between two nodes, before it fails."""


class _Pool(BlockingConnectionPool):
    async def drop_idle(self) -> None:
        """Close what is not in use."""
        # Taken out first, other than in `disconnect`: nobody may be given a connection that is being closed.
        idle, self._available_connections = self._available_connections, []
        for connection in idle:
            await connection.disconnect(nowait=True)


class Nodes:
    """`url`: `redis://host:port/db`, or `redis+cluster://host:port,host:port` with some nodes of a cluster; `rediss` for TLS."""

    def __init__(self, url: str, *, backoff: Backoff) -> None:
        scheme, separator, rest = url.partition("://")
        if scheme not in SCHEMES or not separator:
            raise ValueError(f"a URL of Redis begins with one of {', '.join(SCHEMES)}")
        self.is_cluster = scheme.endswith("+cluster")
        servers, slash, tail = rest.partition("/")
        user, at, hosts = servers.rpartition("@")
        plain = scheme.removesuffix("+cluster")
        seeds = [f"{plain}://{user}{at}{host}{slash}{tail}" for host in hosts.split(",")]
        self._options: dict[str, Any] = {
            # With RESP2 a subscriber's connection carries nothing but what it asked for, in order.
            "protocol": 2,
            "socket_connect_timeout": ANSWER_SECONDS,
            "socket_keepalive": True,
            "max_connections": CONNECTIONS,
            "timeout": ANSWER_SECONDS,
            **parse_url(seeds[0]),
        }
        # redis-py would keep it with `asyncio.wait_for`, which swallows a cancellation now and then before Python 3.12: whoever then
        # waits for the task waits for ever. So it is kept here.
        self._patience: float = self._options.pop("socket_timeout", ANSWER_SECONDS)
        self._options["socket_timeout"] = None
        self._seeds: list[Address] = [
            (parts.hostname or "localhost", parts.port or 6379) for parts in map(urlsplit, seeds)
        ]
        self._backoff = backoff
        self._slots: dict[int, Address] = {}
        self._stale = False
        self._clients: dict[Address, Redis] = {}
        self._pools: dict[Address, _Pool] = {}

    @property
    def known(self) -> bool:
        """Whether it is known where keys lie."""
        return not self.is_cluster or bool(self._slots)

    def slot(self, key: str) -> int:
        return key_slot(key.encode()) if self.is_cluster else 0

    def address(self, slot: int) -> Address:
        """Where a slot is thought to lie."""
        return self._slots.get(slot, self._seeds[0])

    def moved(self, slot: int, address: Address) -> None:
        self._slots[slot] = address

    async def refresh(self) -> None:
        """Ask any node where the slots are. Raises `RedisError` or `OSError` when none answers."""
        if not self.is_cluster:
            return
        self._stale = False
        failure: Exception | None = None
        for address in dict.fromkeys((*self._slots.values(), *self._seeds)):
            try:
                ranges = await self._send(address, "CLUSTER", "SLOTS")
            except (RedisError, OSError) as error:
                failure = error
                continue
            # A node that does not know its own name leaves it out.
            self._slots = {
                slot: (_text(primary[0]) or address[0], primary[1])
                for first, last, primary, *_ in ranges
                for slot in range(first, last + 1)
            }
            if self._slots:
                return
        raise failure or ClusterDownError("CLUSTERDOWN no slot is served")

    async def execute(self, key: str, *command: Any) -> Any:
        """One command, wherever the key is. Raises `RedisError` or `OSError`; only what was not executed has been repeated."""
        if self._stale or not self.known:
            await self.refresh()
        slot = self.slot(key)
        address, asking = self.address(slot), False
        for failures in range(1, REDIRECTIONS + 1):
            try:
                if not asking:
                    return await self._send(address, *command)
                return await self._ask(address, command)
            except MovedError as error:
                address, asking = _target(error, address), False
                self.moved(slot, address)
            except AskError as error:
                address, asking = _target(error, address), True
            except (RedisConnectionError, RedisTimeoutError, OSError):
                # Perhaps another node has taken over; the next command asks first.
                self._stale = True
                raise
            except (TryAgainError, ClusterDownError):
                if failures == REDIRECTIONS:
                    raise
                await asyncio.sleep(self._backoff(failures))
                address, asking = self.address(slot), False
        raise ResponseError("redirected without end")

    async def run(self, script: Script, key: str, *arguments: Any) -> Any:
        try:
            return await self.execute(key, "EVALSHA", script.sha, 1, key, *arguments)
        except NoScriptError:
            return await self.execute(key, "EVAL", script.text, 1, key, *arguments)

    async def execute_many(self, commands: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """(key, command) each, one round trip per node. In their order: what came back, or the exception."""
        if self._stale or not self.known:
            await self.refresh()
        by_address: dict[Address, list[int]] = {}
        for index, (key, _) in enumerate(commands):
            by_address.setdefault(self.address(self.slot(key)), []).append(index)
        results: list[Any] = [None] * len(commands)
        for address, indexes in by_address.items():
            pipeline = self._client(address).pipeline(transaction=False)
            for index in indexes:
                pipeline.execute_command(*commands[index][1])
            try:
                async with self._in_time(address):
                    answers = await pipeline.execute(raise_on_error=False)
            except (RedisError, OSError) as error:
                self._stale = True
                answers = [error] * len(indexes)
            for index, answer in zip(indexes, answers, strict=True):
                results[index] = answer
        for index, result in enumerate(results):
            if isinstance(result, AskError | TryAgainError | ClusterDownError):
                try:
                    results[index] = await self.execute(commands[index][0], *commands[index][1])
                except (RedisError, OSError) as error:
                    results[index] = error
        return results

    async def open(self, address: Address) -> AbstractConnection:
        """A connection outside of the pool, on which nothing is timed any more. Raises `RedisError` or `OSError`.

        A server that accepts and then says nothing is none.
        """
        connection: AbstractConnection = self._client(address).connection_pool.make_connection()
        try:
            async with self._in_time(None):
                await connection.connect()
                await connection.send_command("PING", check_health=False)
                await connection.read_response()
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        return connection

    async def aclose(self) -> None:
        for client in self._clients.values():
            await client.aclose()
            await client.connection_pool.disconnect()
        self._clients.clear()
        self._pools.clear()

    async def _send(self, address: Address, *command: Any) -> Any:
        async with self._in_time(address):
            return await self._client(address).execute_command(*command)

    async def _ask(self, address: Address, command: Sequence[Any]) -> Any:
        """On the same connection: ASKING holds for the next command alone."""
        pipeline = self._client(address).pipeline(transaction=False)
        pipeline.execute_command("ASKING")
        pipeline.execute_command(*command)
        async with self._in_time(address):
            return (await pipeline.execute())[1]

    @asynccontextmanager
    async def _in_time(self, address: Address | None) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._patience):
                yield
        except TimeoutError as error:
            # Where one link is half open the others are too: without this each of them would cost its next user as long.
            if address is not None and (pool := self._pools.get(address)):
                await pool.drop_idle()
            raise RedisTimeoutError("no answer in time") from error

    def _client(self, address: Address) -> Redis:
        client = self._clients.get(address)
        if client is None:
            options = self._options | {"host": address[0], "port": address[1]}
            # redis-py's default pool raises when it is empty; waiting is what a publisher wants.
            pool = self._pools[address] = _Pool(**options)
            client = self._clients[address] = Redis(connection_pool=pool)
            # Replies as they are: what they mean is known where they are asked for.
            client.response_callbacks.clear()
        return client


def _target(error: AskError, answered: Address) -> Address:
    return (error.host or answered[0], error.port)


def _text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else name
