"""Values that are written in more than one way."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, PlainSerializer, field_serializer

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
TEXT = "2026-01-02T03:04:05.678901Z"
ID = UUID(int=7)


class Told(BaseModel):
    """Serializers that say what they return, for JSON alone or for both of pydantic's modes."""

    at: datetime
    day: datetime
    price: Decimal
    wrapped: Decimal
    asked: Decimal
    stamp: Annotated[datetime, PlainSerializer(lambda at: at.year, return_type=int, when_used="json")]

    @field_serializer("at", when_used="json")
    def _at(self, at: datetime) -> int:
        return int(at.timestamp())

    @field_serializer("day")
    def _day(self, at: datetime) -> date:
        return at.date()

    @field_serializer("price", when_used="json-unless-none")
    def _price(self, price: Decimal) -> float:
        return float(price)

    @field_serializer("wrapped", mode="wrap")
    def _wrapped(self, value: Decimal, write: Any) -> str:
        return f"EUR {write(value)}"

    @field_serializer("asked")
    def _asked(self, value: Decimal, info: Any) -> str:
        return f"{value} {info.mode} {info.mode_is_json()}"
