"""The corpus through the generated Python client: what a stream gives is sent back, and the server knows its own value again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from types import ModuleType
from typing import Any
from uuid import UUID

from fusewire.client.typed import RpcError
from pydantic import ValidationError

from tests.corpus.entry import Entry

Outcomes = dict[str, str | None]
"""What went wrong, by entry."""

_AT_ONCE = 8
_EXACT = (UUID, Decimal, date, datetime, time, timedelta, bytes, int, str, bool, type(None))
"""Values of these types are the very same at the caller."""


async def run(module: ModuleType, host: str, transport: str, entries: Iterable[Entry]) -> Outcomes:
    """`module` is the client of the corpus's app, which is served at `host`."""
    outcomes: Outcomes = {}
    slots = asyncio.Semaphore(_AT_ONCE)
    async with module.connect(f"http://{host}", transport=transport) as client:

        async def try_one(entry: Entry) -> None:
            async with slots:
                outcomes[entry.name] = await _round_trip(client, entry)

        async with asyncio.TaskGroup() as tasks:
            for entry in entries:
                tasks.create_task(try_one(entry))
    return outcomes


async def _round_trip(client: Any, entry: Entry) -> str | None:
    try:
        items = [item async for item in getattr(client, f"items_{entry.name}")()]
        if len(items) != len(entry.samples):
            return f"{items!r} are not {len(entry.samples)}"
        for item, sample in zip(items, entry.samples, strict=True):
            # What comes out of a serializer is not always what goes in.
            same = sample.msgpack_given is sample.msgpack
            if (
                same
                and type(sample.value) in _EXACT
                and (type(item), item) != (type(sample.value), sample.value)
            ):
                return f"{item!r} is not {sample.value!r}"
            back = await getattr(client, f"echo_{entry.name}")(item if same else sample.msgpack_given)
            if _fields(back) != _fields(item):
                return f"{item!r} came back as {back!r}"
    except (RpcError, ValidationError, TypeError, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    return None


def _fields(value: Any) -> str:
    """What is in it: a class without a name in Python is called after the procedure."""
    return repr(value).partition("(")[2] if hasattr(value, "model_fields_set") else repr(value)
