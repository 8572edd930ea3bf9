"""What a declared type makes of a value: the same on every transport, and what the contract says."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

import pytest
from fusewire import BigInt, Fuse, NaiveDatetime
from pydantic import (
    AliasChoices,
    BaseModel,
    Field,
    SecretStr,
    SerializeAsAny,
    computed_field,
)
from sqlmodel import Field as Column
from sqlmodel import SQLModel
from typing_extensions import TypedDict

from tests.behaviour.values.samples import ID, MOMENT, TEXT, Told
from tests.support.callers import Caller

Connect = Callable[..., Awaitable[Caller]]

NAIVE = datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001  # that is the point


class Base(BaseModel):
    at: datetime


class Wider(Base):
    more: bytes = b"\xff"


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Place(NamedTuple):
    at: datetime
    raw: bytes = b""


@dataclass(frozen=True)
class Point:
    at: datetime
    raw: bytes


class Loose(TypedDict, total=False):
    raw: bytes
    at: datetime


class Cat(BaseModel):
    kind: Literal[Colour.RED]
    raw: bytes


class Dog(BaseModel):
    kind: Literal[Colour.BLUE]
    at: datetime


class Tree(BaseModel):
    raw: bytes
    below: list["Tree"] = []


class Named(BaseModel):
    at: datetime = Field(alias="createdAt")
    count: int = Field(validation_alias=AliasChoices("n", "count"), serialization_alias="howMany")


class Open(BaseModel, extra="allow"):
    a: int


class OpenTyped(BaseModel, extra="allow"):
    __pydantic_extra__: dict[str, datetime]


class Row(SQLModel, table=True):
    id: int | None = Column(default=None, primary_key=True)
    at: datetime
    raw: bytes


Pet = Annotated[Cat | Dog, Field(discriminator="kind")]

# Each declared type with a value as msgpack carries it. What comes back is what was sent.
SAME: list[tuple[Any, Any]] = [
    (Place, [MOMENT, b"\xff"]),
    (Point, {"at": MOMENT, "raw": b"\xff"}),
    (set[Point], [{"at": MOMENT, "raw": b"\xff"}]),
    (Loose, {"raw": b""}),
    (Pet, {"kind": "red", "raw": b"\xff"}),
    (list[Pet], [{"kind": "blue", "at": MOMENT}]),
    (Tree, {"raw": b"1", "below": [{"raw": b"\xff", "below": []}]}),
    (OpenTyped, {"one": MOMENT}),
    (Row, {"id": None, "at": MOMENT, "raw": b"\xff"}),
    (dict[UUID, list[bytes]], {str(ID): [b"\xff"]}),
    (dict[Colour, datetime], {"red": MOMENT}),
    (dict[date, int], {"2026-01-02": 1}),
    (dict[datetime, int], {TEXT: 1}),
    (dict[int, dict[bool, bytes]], {"1": {"true": b"\xff"}}),
    (tuple[bytes, ...] | None, [b"\xff", b""]),
    (bytes | int, 5),
    (bytes | UUID, str(ID)),
    (NaiveDatetime, "2026-01-02T03:04:05"),
    (list[NaiveDatetime | None], [None, "2026-01-02T03:04:05"]),
    (Literal[Colour.RED], "red"),
    (complex, "1+2j"),
    (float, -0.0),
    (str, "x" * 100_000),
    (str, "\x00é🚀"),
]


@pytest.mark.parametrize(("declared", "value"), SAME, ids=lambda case: str(case)[:40])
async def test_what_comes_in_goes_out(
    fuse: Fuse, connect: Connect, binary: bool, declared: Any, value: Any
) -> None:
    async def same(a: int, value: Any) -> Any:
        return value

    same.__annotations__ |= {"value": declared, "return": declared}
    fuse.rpc(same)
    sent = value if binary else as_json(value)
    got = await (await connect()).call("same", 1, sent)
    assert got == sent
    assert str(got) == str(sent)


def as_json(value: Any) -> Any:
    match value:
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case b"\xff":
            return "/w=="
        case bytes():
            return {b"": "", b"1": "MQ=="}[value]
        case list():
            return [as_json(item) for item in value]
        case dict():
            return {key: as_json(item) for key, item in value.items()}
    return value


async def test_aliases_computed_fields_and_fields_of_no_class(
    fuse: Fuse, connect: Connect, binary: bool
) -> None:
    class Computed(BaseModel):
        a: int

        @computed_field
        def at(self) -> datetime:
            return MOMENT

    @fuse.rpc
    async def named(a: int, value: Named) -> Named:
        return value

    @fuse.rpc
    async def by_name() -> Named:
        return {"at": MOMENT, "n": 1}  # type: ignore[return-value]  # by the names that Python has

    @fuse.rpc
    async def open_ended(a: int, value: Open) -> Open:
        return Open(a=value.a, at=MOMENT, by_number={1: b"\xff"}, id=ID, **(value.model_extra or {}))

    @fuse.rpc
    async def computed() -> Computed:
        return Computed(a=1)

    caller = await connect()
    at, raw = MOMENT if binary else TEXT, b"\xff" if binary else "/w=="
    assert await caller.call("named", 1, {"createdAt": at, "n": 3}) == {"createdAt": at, "howMany": 3}
    assert await caller.call("by_name") == {"createdAt": at, "howMany": 1}
    assert await caller.call("open_ended", 1, {"a": 1, "x": [2]}) == {
        "a": 1,
        "x": [2],
        "at": at,
        "by_number": {"1": raw},
        "id": str(ID),
    }
    assert await caller.call("computed") == {"a": 1, "at": at}


async def test_subclasses_and_secrets_do_not_pass_unless_asked(
    fuse: Fuse, connect: Connect, binary: bool
) -> None:
    @fuse.rpc
    async def narrow() -> list[Base]:
        return [Wider(at=MOMENT)]

    @fuse.rpc
    async def wide() -> SerializeAsAny[Base]:
        return Wider(at=MOMENT)

    @fuse.rpc
    async def secret(word: SecretStr) -> dict[str, SecretStr | Any]:
        return {"declared": word, "any": [word]}

    caller = await connect()
    at, raw = MOMENT if binary else TEXT, b"\xff" if binary else "/w=="
    assert await caller.call("narrow") == [{"at": at}]
    assert await caller.call("wide") == {"at": at, "more": raw}
    assert await caller.call("secret", "word") == {"declared": "**********", "any": ["**********"]}


async def test_any_is_what_it_is(fuse: Fuse, connect: Connect, binary: bool) -> None:
    @fuse.rpc
    async def anything() -> Any:
        price = Decimal("1.5")
        told = Told(at=MOMENT, day=MOMENT, price=price, wrapped=price, asked=price, stamp=MOMENT)
        return [MOMENT, b"\xff", {1: {ID}}, Colour.RED, Wider(at=MOMENT), Point(MOMENT, b""), told]

    at, raw = MOMENT if binary else TEXT, b"\xff" if binary else "/w=="
    *plain, told = await (await connect()).call("anything")
    assert plain == [
        at,
        raw,
        {"1": [str(ID)]},
        "red",
        {"at": at, "more": raw},
        {"at": at, "raw": b"" if binary else ""},
    ]
    assert told["at"] == 1767323045
    assert told["asked"] == "1.5 json True"


async def test_items_are_of_their_declared_form_too(fuse: Fuse, connect: Connect, binary: bool) -> None:
    @fuse.rpc
    async def items() -> AsyncIterator[tuple[BigInt, NaiveDatetime, bytes, datetime]]:
        yield 2**60, NAIVE, b"\xff", MOMENT

    (item,) = [item async for item in (await connect()).stream("items")]
    if binary:
        assert item == [2**60, "2026-01-02T03:04:05", b"\xff", MOMENT]
    else:
        assert item == [str(2**60), "2026-01-02T03:04:05", "/w==", TEXT]
