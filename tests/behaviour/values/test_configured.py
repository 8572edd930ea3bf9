"""Models that say how their values are written: the same on every transport."""

import math
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from fusewire import BigInt, Fuse
from fusewire.wire.codec import BigInteger
from pydantic import BaseModel, ConfigDict, model_serializer

from tests.behaviour.values.samples import ID, MOMENT, TEXT, Told
from tests.support.callers import Caller, CallError

Connect = Callable[..., Awaitable[Caller]]


async def test_serializers_are_those_of_json(fuse: Fuse, connect: Connect) -> None:
    @fuse.rpc
    async def told() -> Told:
        price = Decimal("1.50")
        return Told(at=MOMENT, day=MOMENT, price=price, wrapped=price, asked=price, stamp=MOMENT)

    assert await (await connect()).call("told") == {
        "at": 1767323045,
        "day": "2026-01-02",
        "price": 1.5,
        "wrapped": "EUR 1.50",
        "asked": "1.50 json True",
        "stamp": 2026,
    }


async def test_what_a_model_serializer_returns_is_of_its_declared_type(
    fuse: Fuse, connect: Connect, binary: bool
) -> None:
    class Own(BaseModel):
        at: datetime

        @model_serializer
        def _own(self) -> dict[str, datetime | bytes]:
            return {"when": self.at, "raw": b"\xff"}

    class Around(BaseModel):
        at: datetime
        raw: bytes

        @model_serializer(mode="wrap")
        def _around(self, write: Any) -> dict[str, Any]:
            return {**write(self), "extra": b"\xff"}

    @fuse.rpc
    async def own() -> Own:
        return Own(at=MOMENT)

    @fuse.rpc
    async def around() -> Around:
        return Around(at=MOMENT, raw=b"\xff")

    caller = await connect()
    raw = b"\xff" if binary else "/w=="
    assert await caller.call("own") == {"when": MOMENT if binary else TEXT, "raw": raw}
    # What pydantic hands to a serializer that wraps is text, on every transport.
    assert await caller.call("around") == {"at": TEXT, "raw": "/w==", "extra": raw}


async def test_a_models_configuration_counts(fuse: Fuse, connect: Connect, binary: bool) -> None:
    class Configured(BaseModel):
        model_config = ConfigDict(
            ser_json_timedelta="float",
            ser_json_bytes="hex",
            val_json_bytes="hex",
            ser_json_inf_nan="strings",
        )
        lasts: timedelta
        raw: bytes
        ratio: float

    @fuse.rpc
    async def configured(value: Configured) -> Configured:
        return value

    value = {"lasts": 1.5, "raw": b"\xff" if binary else "ff", "ratio": math.inf if binary else "Infinity"}
    assert await (await connect()).call("configured", value) == value


async def test_strict_models_take_what_the_wire_has(fuse: Fuse, connect: Connect, binary: bool) -> None:
    class Strict(BaseModel):
        model_config = ConfigDict(strict=True)
        id: UUID
        at: datetime
        raw: bytes
        pair: tuple[int, int]
        tags: set[str]
        large: BigInt

    @fuse.rpc
    async def strict(a: int, value: Strict) -> Strict:
        return value

    caller = await connect()
    large = BigInteger(str(2**70)).extension if binary else str(2**70)
    value = {
        "id": str(ID),
        "at": MOMENT if binary else TEXT,
        "raw": b"\xff" if binary else "/w==",
        "pair": [1, 2],
        "tags": ["x"],
        "large": large,
    }
    assert await caller.call("strict", 1, value) == {**value, "large": 2**70 if binary else large}
    with pytest.raises(CallError, match="INVALID_ARGUMENT"):
        await caller.call("strict", 1, {**value, "pair": ["1", 2]})
