"""The app of the corpus: for each entry `echo_<name>`, which returns what it is given, and `items_<name>`, which streams its samples."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from types import GenericAlias
from typing import Any

from fastapi import FastAPI
from fusewire import Fuse, RpcError
from pydantic import TypeAdapter

from tests.corpus.entry import Entry


class NotASample(RpcError[str], status=409):
    """The value is none of the samples; `data` is its `repr`."""


def build(entries: Iterable[Entry]) -> Fuse:
    fuse = Fuse(FastAPI(), name="corpus")
    for entry in entries:
        fuse.rpc(raises=[NotASample])(_echo(entry))
        fuse.rpc(_items(entry))
    return fuse


def _echo(entry: Entry) -> Callable[..., Awaitable[Any]]:
    adapter: TypeAdapter[Any] = TypeAdapter(entry.annotation)

    async def echo(value: Any) -> Any:
        for sample in entry.samples:
            if same(value, sample.value, adapter) or same(value, sample.back, adapter):
                return value
        raise NotASample(repr(value), repr(value))

    _name(echo, f"echo_{entry.name}", value=entry.annotation, returns=entry.annotation)
    return echo


def _items(entry: Entry) -> Callable[..., AsyncIterator[Any]]:
    async def items() -> AsyncIterator[Any]:
        for sample in entry.samples:
            yield sample.value

    _name(items, f"items_{entry.name}", returns=GenericAlias(AsyncIterator, (entry.annotation,)))
    return items


def _name(function: Any, name: str, *, returns: Any, **parameters: Any) -> None:
    function.__name__ = function.__qualname__ = name
    function.__annotations__ = {**parameters, "return": returns}


def same(one: Any, other: Any, adapter: TypeAdapter[Any]) -> bool:
    """Equal, and of the same class. Tables of SQLModel carry the ORM's state, so that their fields are compared."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float) and math.isnan(one):
        return math.isnan(other)
    return bool(one == other) or adapter.dump_python(one, round_trip=True) == adapter.dump_python(
        other, round_trip=True
    )
