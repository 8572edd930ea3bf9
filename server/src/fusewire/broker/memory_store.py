"""The store of one process."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping

from fusewire.broker.expiry import Deadlines
from fusewire.broker.store import Change


class MemoryStore:
    """`clock`: seconds, monotonic. What has run out is never seen, and is dropped by the operations that follow."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._values: dict[str, bytes] = {}
        self._hashes: dict[str, dict[str, bytes]] = {}
        self._deadlines = Deadlines()

    def __repr__(self) -> str:
        return f"<MemoryStore {len(self._deadlines)} keys>"

    async def aclose(self) -> None:
        """There is nothing to close."""

    async def get(self, key: str) -> bytes | None:
        self._sweep()
        return self._values.get(key)

    async def get_many(self, keys: Collection[str]) -> list[bytes | None]:
        self._sweep()
        return [self._values.get(key) for key in keys]

    async def set(self, key: str, value: bytes, *, ttl_seconds: float) -> None:
        self._sweep()
        self._values[key] = value
        self._keep(key, ttl_seconds)

    async def claim(self, key: str, value: bytes, *, ttl_seconds: float) -> bytes | None:
        self._sweep()
        if (present := self._values.get(key)) is not None:
            return present
        self._values[key] = value
        self._keep(key, ttl_seconds)
        return None

    async def replace(self, key: str, expected: bytes, value: bytes, *, ttl_seconds: float) -> bool:
        self._sweep()
        if self._values.get(key) != expected:
            return False
        self._values[key] = value
        self._keep(key, ttl_seconds)
        return True

    async def delete(self, key: str) -> None:
        self._drop(key)

    async def discard(self, key: str, expected: bytes) -> None:
        self._sweep()
        if self._values.get(key) == expected:
            self._drop(key)

    async def fields(self, key: str) -> dict[str, bytes]:
        self._sweep()
        return dict(self._hashes.get(key, ()))

    async def get_fields(self, key: str, fields: Collection[str]) -> dict[str, bytes]:
        self._sweep()
        present = self._hashes.get(key, {})
        return {field: present[field] for field in fields if field in present}

    async def set_fields(self, key: str, fields: Mapping[str, bytes], *, ttl_seconds: float) -> None:
        self._sweep()
        self._hashes.setdefault(key, {}).update(fields)
        self._keep(key, ttl_seconds)

    async def replace_fields(
        self, key: str, changes: Mapping[str, Change], *, ttl_seconds: float
    ) -> frozenset[str]:
        self._sweep()
        present = self._hashes.get(key, {})
        changed = {field: new for field, (old, new) in changes.items() if present.get(field) == old}
        if changed:
            self._hashes[key] = present
            present.update((field, new) for field, new in changed.items() if new is not None)
            self._keep(key, ttl_seconds)
            self._remove(key, [field for field, new in changed.items() if new is None])
        return frozenset(changed)

    async def delete_fields(self, key: str, fields: Collection[str]) -> None:
        self._sweep()
        self._remove(key, fields)

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
        before = await self.fields(key)
        if before:
            if any(before.get(field) != value for field, value in expected.items()):
                return None
        elif absent is None:
            return None
        kept = {} if alone else before
        new = {**(kept if before else absent or {}), **fields}
        self._hashes[key] = {field: value for field, value in new.items() if field not in without}
        self._keep(key, ttl_seconds)
        return before

    async def touch(self, keys: Collection[str], *, ttl_seconds: float) -> None:
        self._sweep()
        for key in keys:
            if key in self._values or key in self._hashes:
                self._keep(key, ttl_seconds)

    def _remove(self, key: str, fields: Collection[str]) -> None:
        if (present := self._hashes.get(key)) is None:
            return
        for field in fields:
            present.pop(field, None)
        if not present:
            self._drop(key)

    def _keep(self, key: str, ttl_seconds: float) -> None:
        self._deadlines.put(key, self._clock() + ttl_seconds)

    def _drop(self, key: str) -> None:
        self._values.pop(key, None)
        self._hashes.pop(key, None)
        self._deadlines.drop(key)

    def _sweep(self) -> None:
        now = self._clock()
        while (key := self._deadlines.pop_due(now)) is not None:
            self._drop(key)
