"""Types that say which form a value has on the wire, and what has none."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, NaiveDatetime
from pydantic_core import CoreSchema, core_schema

__all__ = ["BIG_INT", "BigInt", "NaiveDatetime", "NaiveDatetimes", "NoFormError", "aware"]

NaiveDatetimes = Literal["error", "utc"]
"""What becomes of a `datetime` without a time zone: it is refused, or taken for UTC."""

BIG_INT = "fusewire_big_int"
"""The mark of a `BigInt` in the metadata of a core schema."""


class NoFormError(ValueError):
    """A value that the wire cannot carry exactly. The text says what would help, and does not quote the value."""


class _BigInt:
    """Makes an `int` a `bigint` in TypeScript."""

    def __repr__(self) -> str:
        return "BigInt"

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema: Any = handler(source)
        if schema["type"] != "int":
            raise TypeError("BigInt is an int; bounds go beside it: Annotated[BigInt, Field(ge=0)]")
        # As text it comes from JSON, so a strict model takes it too.
        return {**schema, "strict": False, "metadata": {**schema.get("metadata", {}), BIG_INT: True}}

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        del schema, handler
        return {"type": "string", "pattern": r"^-?\d+$", "x-fuse": "bigint"}


BigInt = Annotated[int, _BigInt()]
"""An integer of any size, up to 4,300 digits: `bigint` in TypeScript, its decimal digits as text in JSON."""


def aware(value: datetime, naive: NaiveDatetimes) -> datetime:
    """The moment. Raises `NoFormError` for a naive value, unless those are UTC."""
    if value.tzinfo is not None:
        return value
    if naive == "utc":
        return value.replace(tzinfo=UTC)
    raise NoFormError(
        "a naive datetime says no moment: give it a time zone, such as datetime.UTC, declare it as fusewire.NaiveDatetime, "
        'or have all of them taken for UTC with Fuse(naive_datetime="utc")'
    )
