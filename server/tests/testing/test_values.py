"""What arguments become."""

from collections import OrderedDict, deque
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from fusewire.client.values import plain
from fusewire.wire.codec import pack
from pydantic import AnyUrl, BaseModel, Field, RootModel, SecretStr, computed_field
from pydantic.dataclasses import dataclass as pydantic_dataclass
from pydantic_core import Url

MOMENT = datetime(2026, 11, 1, 12, tzinfo=UTC)


class Colour(Enum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


class Pair(NamedTuple):
    left: int
    right: int


class Inner(BaseModel):
    blob: bytes
    at: datetime


class Outer(BaseModel):
    inner: list[Inner]
    name_of_it: str = Field(alias="nameOfIt")
    price: Decimal = Decimal("1.50")
    password: SecretStr = SecretStr("hidden")

    @computed_field  # type: ignore[prop-decorator]  # as pydantic's manual writes it
    @property
    def length(self) -> int:
        return len(self.inner)


@dataclass
class Point:
    x: int
    at: datetime


@pydantic_dataclass
class Checked:
    raw: bytes
    level: int = Field(1, alias="lvl")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"\xff", b"\xff"),
        (MOMENT, MOMENT),
        (datetime(2026, 11, 1, 12), "2026-11-01T12:00:00"),  # noqa: DTZ001  # naive is what it is about
        (date(2026, 11, 1), "2026-11-01"),
        (timedelta(seconds=90), "PT1M30S"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Decimal("1.50"), "1.50"),
        (Colour.RED, "red"),
        (Level.HIGH, 3),
        (Pair(1, 2), [1, 2]),
        ((1, {2}), [1, [2]]),
        (deque([b"\xff"]), [b"\xff"]),
        (OrderedDict({1: b"\xff", UUID(int=1): None}), {"1": b"\xff", str(UUID(int=1)): None}),
        ({Colour.RED: MOMENT}, {"red": MOMENT}),
        (Point(1, MOMENT), {"x": 1, "at": MOMENT}),
        (Checked(raw=b"\xff", lvl=2), {"raw": b"\xff", "lvl": 2}),
        (SecretStr("hidden"), "hidden"),
        (Url("https://example.com/a"), "https://example.com/a"),
        (AnyUrl("https://example.com/a"), "https://example.com/a"),
        (RootModel[list[bytes]]([b"\xff"]), [b"\xff"]),
        (
            [Outer(inner=[Inner(blob=b"\xff", at=MOMENT)], nameOfIt="x")],
            [
                {
                    "inner": [{"blob": b"\xff", "at": MOMENT}],
                    "nameOfIt": "x",
                    "price": "1.50",
                    "password": "hidden",
                }
            ],
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_plain(value: Any, expected: Any) -> None:
    assert plain(value) == expected
    pack(plain(value))


def test_what_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="object"):
        plain([object()])
