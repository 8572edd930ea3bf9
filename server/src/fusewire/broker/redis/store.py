"""The store that all workers share. A key is one key of Redis, so each operation is atomic and runs on any cluster."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from redis.exceptions import RedisError

from fusewire.broker.port import BrokerError
from fusewire.broker.redis.nodes import Nodes
from fusewire.broker.redis.patience import Patience
from fusewire.broker.redis.scripts import CHANGE_FIELDS, DISCARD, REPLACE, REPLACE_FIELDS, SET_FIELDS
from fusewire.broker.redis.timing import Timing
from fusewire.broker.store import Change

FIELDS = 1_000
"""So many fields are set or replaced in one step; more are several steps. A script takes no more than some thousand arguments."""


class RedisStore:
    """`url` as for `Nodes`. `name` keeps apps apart that share one Redis. End with `aclose()`."""

    def __init__(self, url: str, *, name: str = "app", timing: Timing | None = None) -> None:
        self._name = name
        timing = timing or Timing()
        self._nodes = Nodes(url, backoff=timing.repeat)
        self._patience = Patience(timing)

    def __repr__(self) -> str:
        return f"<RedisStore {self._name}>"

    async def aclose(self) -> None:
        await self._nodes.aclose()

    async def get(self, key: str) -> bytes | None:
        value: bytes | None = await self._do(key, "GET", self._key(key))
        return value

    async def get_many(self, keys: Collection[str]) -> list[bytes | None]:
        return await self._do_many([("GET", self._key(key)) for key in keys])

    async def set(self, key: str, value: bytes, *, ttl_seconds: float) -> None:
        await self._do(key, "SET", self._key(key), value, "PX", _milliseconds(ttl_seconds))

    async def claim(self, key: str, value: bytes, *, ttl_seconds: float) -> bytes | None:
        asked = 0
        name, kept = self._key(key), _milliseconds(ttl_seconds)

        async def ask() -> bytes | None:
            nonlocal asked
            asked += 1
            present: bytes | None = await self._nodes.execute(
                name, "SET", name, value, "NX", "GET", "PX", kept
            )
            # The attempt before this one was executed, and its answer was lost.
            return None if asked > 1 and present == value else present

        with _reached():
            return await self._patience.keep_asking(ask)

    async def replace(self, key: str, expected: bytes, value: bytes, *, ttl_seconds: float) -> bool:
        # Not tried again: what an attempt that was executed has changed looks like somebody else's.
        with _reached():
            return bool(
                await self._nodes.run(REPLACE, self._key(key), expected, value, _milliseconds(ttl_seconds))
            )

    async def delete(self, key: str) -> None:
        await self._do(key, "DEL", self._key(key))

    async def discard(self, key: str, expected: bytes) -> None:
        with _reached():
            await self._patience.keep_asking(partial(self._nodes.run, DISCARD, self._key(key), expected))

    async def fields(self, key: str) -> dict[str, bytes]:
        return _fields(await self._do(key, "HGETALL", self._key(key)))

    async def get_fields(self, key: str, fields: Collection[str]) -> dict[str, bytes]:
        if not fields:
            return {}
        values: list[bytes | None] = await self._do(key, "HMGET", self._key(key), *fields)
        return {field: value for field, value in zip(fields, values, strict=True) if value is not None}

    async def set_fields(self, key: str, fields: Mapping[str, bytes], *, ttl_seconds: float) -> None:
        flat = _flat(fields)
        with _reached():
            for start in range(0, len(flat), 2 * FIELDS):
                part = flat[start : start + 2 * FIELDS]
                arguments = (_milliseconds(ttl_seconds), *part)
                await self._patience.keep_asking(
                    partial(self._nodes.run, SET_FIELDS, self._key(key), *arguments)
                )

    async def replace_fields(
        self, key: str, changes: Mapping[str, Change], *, ttl_seconds: float
    ) -> frozenset[str]:
        flat = [part for field, change in changes.items() for part in (field, *map(_or_none, change))]
        changed: list[bytes] = []
        # Not tried again: see `claim`.
        with _reached():
            for start in range(0, len(flat), 3 * FIELDS):
                arguments = (_milliseconds(ttl_seconds), *flat[start : start + 3 * FIELDS])
                changed += await self._nodes.run(REPLACE_FIELDS, self._key(key), *arguments)
        return frozenset(field.decode() for field in changed)

    async def delete_fields(self, key: str, fields: Collection[str]) -> None:
        if fields:
            await self._do(key, "HDEL", self._key(key), *fields)

    async def change_fields(
        self,
        key: str,
        expected: Mapping[str, bytes],
        fields: Mapping[str, bytes],
        *,
        without: Collection[str] = (),
        alone: bool = False,
        absent: Mapping[str, bytes] | None = None,
        ttl_seconds: float,
    ) -> dict[str, bytes] | None:
        parts = (_flat(expected), _flat(fields), [*without], _flat(absent or {}))
        sizes = [len(part) for part in parts]
        if absent is None:
            sizes[-1] = -1
        arguments = (_milliseconds(ttl_seconds), int(alone), *sizes, *(one for part in parts for one in part))
        with _reached():
            before: list[bytes] | None = await self._patience.keep_asking(
                partial(self._nodes.run, CHANGE_FIELDS, self._key(key), *arguments)
            )
        return None if before is None else _fields(before)

    async def touch(self, keys: Collection[str], *, ttl_seconds: float) -> None:
        kept = _milliseconds(ttl_seconds)
        await self._do_many([("PEXPIRE", self._key(key), kept) for key in keys])

    def _key(self, key: str) -> str:
        return f"fusewire:store:{{{self._name}:{key}}}"

    async def _do(self, key: str, *command: Any) -> Any:
        with _reached():
            return await self._patience.keep_asking(partial(self._nodes.execute, self._key(key), *command))

    async def _do_many(self, commands: Collection[tuple[Any, ...]]) -> list[Any]:
        if not commands:
            # Whether Redis answers is not learnt from that.
            return []
        with _reached():
            return await self._patience.keep_asking(partial(self._all_of, commands))

    async def _all_of(self, commands: Collection[tuple[Any, ...]]) -> list[Any]:
        results = await self._nodes.execute_many([(command[1], command) for command in commands])
        for result in results:
            if isinstance(result, Exception):
                raise result
        return results


@contextmanager
def _reached() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        # The type only: messages of the driver hold addresses.
        raise BrokerError(f"the store could not be asked ({type(error).__name__})") from error


def _flat(fields: Mapping[str, bytes]) -> list[str | bytes]:
    return [part for field in fields.items() for part in field]


def _fields(flat: list[bytes]) -> dict[str, bytes]:
    return {name.decode(): value for name, value in zip(flat[::2], flat[1::2], strict=True)}


def _milliseconds(seconds: float) -> int:
    return max(1, math.ceil(seconds * 1000))


def _or_none(value: bytes | None) -> bytes:
    return b"" if value is None else b"=" + value
