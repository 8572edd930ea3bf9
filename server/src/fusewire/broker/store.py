"""A small keyed store beside the broker, shared by all workers: what outlives a connection.

Every key runs out by itself. Each operation is atomic for its one key; nothing spans two keys, for they may lie on two nodes.
What it is made for:

- *Sessions.* A hash `session:<id>` holds whose a session is, which worker has it, and its topics. `change_fields` changes it for that
  owner alone; the worker that has the connection extends the key while it lives (`touch`) and leaves it to run out after the retention
  time.
- *Presence.* Per room a hash, field = member, value = at which workers, changed by comparing and replacing (`replace_fields`). Each worker
  keeps one key alive with a ttl of seconds; a reader takes `fields()`, then `get_many()` of the workers named there, and leaves out the
  members of workers that are gone. Joins and leaves travel as events of the room's topic.
- *De-duplication.* `claim(key, <token>, ...)`: None means that this call runs; else somebody has the answer or is at work on it. The runner
  writes its outcome with `set`, or takes its claim back with `discard`. Those who wait read again.
- *Stream journals* need no store: a journal is a topic of its own. `Broker.publish` appends an item with a retention of the journal's
  limits, `since` gives the rest after the last position seen. The lease of the worker that runs the generator is a `claim` that it
  renews with `replace`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

Change = tuple[bytes | None, bytes | None]
"""What a field is expected to be, and what it is to be; None: absent."""


class Store(Protocol):
    """Keys are text, values bytes, `ttl_seconds` above zero; a key holds a value or fields, never both.

    Every method raises `BrokerError` when the store cannot be reached.
    """

    async def get(self, key: str) -> bytes | None: ...

    async def get_many(self, keys: Collection[str]) -> list[bytes | None]:
        """In the order of `keys`; each is read for itself."""
        ...

    async def set(self, key: str, value: bytes, *, ttl_seconds: float) -> None: ...

    async def claim(self, key: str, value: bytes, *, ttl_seconds: float) -> bytes | None:
        """Set it if it is absent: None. Otherwise what is there.

        When a broken connection leaves open whether it was set, it is asked for again, and this very value there counts as set.
        """
        ...

    async def replace(self, key: str, expected: bytes, value: bytes, *, ttl_seconds: float) -> bool:
        """Set it if it still is `expected`."""
        ...

    async def delete(self, key: str) -> None: ...

    async def discard(self, key: str, expected: bytes) -> None:
        """Delete it if it still is `expected`."""
        ...

    async def fields(self, key: str) -> dict[str, bytes]:
        """All fields of a hash; empty when there is none."""
        ...

    async def get_fields(self, key: str, fields: Collection[str]) -> dict[str, bytes]:
        """Those of these fields that are there."""
        ...

    async def set_fields(self, key: str, fields: Mapping[str, bytes], *, ttl_seconds: float) -> None:
        """Change these fields (1,000 in one step), leave the others, and keep the whole for `ttl_seconds` from now."""
        ...

    async def replace_fields(
        self, key: str, changes: Mapping[str, Change], *, ttl_seconds: float
    ) -> frozenset[str]:
        """Each of these fields that still is what is expected, 1,000 in one step. Returns which were changed; if any was, the whole is kept
        for `ttl_seconds` from now."""
        ...

    async def delete_fields(self, key: str, fields: Collection[str]) -> None: ...

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
        """Change these fields and drop those in `without`, or all others (`alone`), if the hash is there and has what is expected.
        When it is not there it begins with `absent` and `fields`; not without `absent`.

        Returns what it was before, or None: nothing was changed. An attempt may be made twice, and then tells what the first one left.
        """
        ...

    async def touch(self, keys: Collection[str], *, ttl_seconds: float) -> None:
        """Keep those that are there for `ttl_seconds` from now."""
        ...

    async def aclose(self) -> None:
        """Nothing is asked of it any more."""
        ...
