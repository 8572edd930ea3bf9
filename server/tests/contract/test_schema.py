"""What the contract's schemas say beyond pydantic's own."""

from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal

import pytest
from fastapi import FastAPI
from fusewire import BigInt, Fuse, NaiveDatetime
from fusewire.contract.schema import ContractSchema
from pydantic import MISSING, Base64Bytes, BaseModel, ConfigDict, Field, Secret, SecretBytes, TypeAdapter


def schema(declared: Any, mode: Literal["validation", "serialization"] = "serialization") -> dict[str, Any]:
    return TypeAdapter(declared).json_schema(mode=mode, schema_generator=ContractSchema)


@pytest.mark.parametrize(
    ("declared", "mark"),
    [
        (datetime, "datetime"),
        (NaiveDatetime, "naive-datetime"),
        (date, "date"),
        (timedelta, "timedelta"),
        (bytes, "bytes"),
        (BigInt, "bigint"),
        (Annotated[BigInt, Field(ge=0)], "bigint"),
        (Base64Bytes, None),
        (SecretBytes, None),
        (Secret[datetime], None),
    ],
    ids=str,
)
def test_marks(declared: Any, mark: str | None) -> None:
    written = schema(declared)
    assert written["type"] == "string"
    assert written.get("x-fuse") == mark


def test_what_comes_in_for_a_secret_is_the_secret() -> None:
    assert schema(SecretBytes, "validation")["x-fuse"] == "bytes"
    assert schema(Secret[int], "validation")["type"] == "integer"


def test_a_models_configuration_makes_numbers() -> None:
    class Numbers(BaseModel):
        model_config = ConfigDict(ser_json_temporal="seconds")
        lasts: timedelta
        day: date
        at: datetime

    properties = schema(Numbers)["properties"]
    assert properties["lasts"] == {"title": "Lasts", "type": "number"}
    assert properties["day"] == {"title": "Day", "type": "number"}
    # In msgpack it is itself all the same.
    assert properties["at"] == {"title": "At", "type": "number", "x-fuse": "datetime"}


def test_what_may_be_left_out_is_not_required() -> None:
    class Row(BaseModel):
        there: int = 1
        perhaps: Annotated[int | None, Field(exclude_if=lambda value: value is None)] = None
        unset: int | MISSING = MISSING

    assert schema(Row)["required"] == ["there"]


class Keyed(BaseModel):
    key: bytes


class Defaults(BaseModel):
    key: bytes = b"\xfb\xff"
    pairs: list[tuple[bytes, int]] = [(b"\xbf\xff", 1)]
    names: dict[str, bytes] = {"x": b"hi"}
    letters: frozenset[str] = frozenset("dacb")
    inner: Keyed = Keyed(key=b"\xfb\xff")


def test_a_default_is_what_would_travel() -> None:
    """Standard base64 (RFC 4648 §4), be it UTF-8 or not, and a set's items in an order of their own."""
    fuse = Fuse(FastAPI())

    @fuse.rpc
    async def take(defaults: Defaults, key: bytes = b"\xfb\xff") -> None: ...

    contract = fuse.contract()
    fields = contract["types"]["Defaults"]["properties"]
    assert [field["default"] for field in fields.values()] == [
        "+/8=",
        [["v/8=", 1]],
        {"x": "aGk="},
        ["a", "b", "c", "d"],
        {"key": "+/8="},
    ]
    assert contract["procedures"]["take"]["params"][1]["default"] == "+/8="
