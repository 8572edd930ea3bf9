"""`model_config`, encodings, computed fields and extra fields."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from uuid import UUID

from pydantic import (
    Base64Bytes,
    Base64Str,
    BaseModel,
    ConfigDict,
    Json,
    computed_field,
)
from pydantic.json_schema import SkipJsonSchema

from tests.corpus.entry import Entry, Sample
from tests.corpus.enums import Colour
from tests.corpus.models import Point
from tests.corpus.scalars import ID, MOMENT, MOMENT_JSON


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)

    count: int
    id: UUID
    day: date
    at: datetime
    colour: Colour
    price: Decimal
    raw: bytes
    pair: tuple[int, str]
    tags: set[str]


class Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")

    x: int


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")

    x: int


class OpenTyped(BaseModel):
    model_config = ConfigDict(extra="allow")

    x: int
    __pydantic_extra__: dict[str, Point]


class OpenEmpty(BaseModel):
    model_config = ConfigDict(extra="allow")


class Ignoring(BaseModel):
    model_config = ConfigDict(extra="ignore")

    x: int


class EnumValues(BaseModel):
    model_config = ConfigDict(use_enum_values=True)

    colour: Colour


class FloatDurations(BaseModel):
    model_config = ConfigDict(ser_json_timedelta="float")

    wait: timedelta


class Hexadecimal(BaseModel):
    model_config = ConfigDict(ser_json_bytes="hex", val_json_bytes="hex")

    raw: bytes


class Coded(BaseModel):
    text: Base64Str
    raw: Base64Bytes
    numbers: Json[list[int]]


class Discreet(BaseModel):
    size: int | SkipJsonSchema[None] = None
    note: SkipJsonSchema[str] = "own"


class Stripped(BaseModel):
    model_config = ConfigDict(str_strip_whitespace=True, str_max_length=5, validate_default=True)

    name: str = "a"


class AlwaysThere(BaseModel):
    model_config = ConfigDict(json_schema_serialization_defaults_required=False)

    x: int = 1


class Square(BaseModel):
    side: int

    @computed_field(description="Side by side.")  # type: ignore[prop-decorator]  # as pydantic has it
    @property
    def area(self) -> int:
        return self.side**2

    @computed_field(alias="aroundIt")  # type: ignore[prop-decorator]  # as pydantic has it
    @cached_property
    def around(self) -> Decimal:
        return Decimal(4 * self.side)


class Squares(BaseModel):
    """Differs by direction, because what it holds does."""

    squares: list[Square]
    by_name: dict[str, Square]


class UsesSquares(BaseModel):
    all: Squares
    none: Point | None


STRICT = {
    "count": 1,
    "id": str(ID),
    "day": "2026-01-02",
    "colour": "red",
    "price": "1.10",
    "pair": [1, "a"],
    "tags": ["t"],
}

strict_model = Entry(
    Strict,
    "{ count: number; id: UUID; day: PlainDate; at: Date; colour: Colour; price: Decimal; raw: Uint8Array; "
    "pair: [number, string]; tags: string[] }",
    Sample(
        Strict(
            count=1,
            id=ID,
            day=date(2026, 1, 2),
            at=MOMENT,
            colour=Colour.RED,
            price=Decimal("1.10"),
            raw=b"\xff",
            pair=(1, "a"),
            tags={"t"},
        ),
        STRICT | {"at": MOMENT_JSON, "raw": "/w=="},
        STRICT | {"at": MOMENT, "raw": b"\xff"},
    ),
    why='Strict is strict about what a caller can tell apart: text is how a UUID travels, so it is taken; `"1"` for an `int` is not.',
)

closed_model = Entry(Closed, "{ x: number }", Sample(Closed(x=1), {"x": 1}))

open_model = Entry(
    Open,
    "{ x: number; [key: string]: unknown }",
    Sample(Open(x=1, more=[1, None], __proto__=2), {"x": 1, "more": [1, None], "__proto__": 2}),
)

open_model_of_points = Entry(
    OpenTyped,
    "{ x: number; [key: string]: Point | number }",
    Sample(OpenTyped(x=1, p=Point(x=1, y=2)), {"x": 1, "p": {"x": 1, "y": 2}}),
    why="TypeScript's index signature covers the known fields too, so that their types are part of it.",
)

open_empty_model = Entry(OpenEmpty, "Record<string, unknown>", Sample(OpenEmpty(a=1), {"a": 1}))

ignoring_model = Entry(Ignoring, "{ x: number }", Sample(Ignoring(x=1), {"x": 1}))

enum_values = Entry(
    EnumValues, "{ colour: Colour }", Sample(EnumValues(colour=Colour.RED), {"colour": "red"})
)

json_config = Entry(
    FloatDurations,
    "{ wait: Duration }",
    Sample(FloatDurations(wait=timedelta(seconds=90)), {"wait": 90.0}),
    made="{ wait: number }",
    why="A model that asks for another JSON form gets it.",
)

bytes_config = Entry(
    Hexadecimal, "{ raw: Uint8Array }", Sample(Hexadecimal(raw=b"\xff"), {"raw": "ff"}, {"raw": b"\xff"})
)

coded = Entry(
    Coded,
    "{ text: string; raw: string; numbers: string }",
    Sample(
        Coded(text="aGk=", raw=b"aGk=", numbers="[1,2]"),
        {"text": "aGk=", "raw": "aGk=", "numbers": [1, 2]},
        given={"text": "aGk=", "raw": "aGk=", "numbers": "[1,2]"},
    ),
    made="{ text: string; raw: string; numbers: number[] }",
    why="`Base64Str` and `Base64Bytes` are base64 text everywhere, as pydantic has it; "
    "`Json` goes in as JSON text and comes out as what it held.",
)

discreet = Entry(
    Discreet,
    "{ size?: number }",
    Sample(Discreet(), {"size": None, "note": "own"}, given={}),
    made="{ size: number | null; note: string }",
    why="`SkipJsonSchema` hides from callers what they may give; what they are given has its type.",
)

stripped = Entry(
    Stripped, "{ name?: string }", Sample(Stripped(name="b"), {"name": "b"}), made="{ name: string }"
)

defaults_not_required = Entry(
    AlwaysThere, "{ x?: number }", Sample(AlwaysThere(), {"x": 1}), made="{ x: number }"
)

computed = Entry(
    Square,
    "{ side: number }",
    Sample(Square(side=3), {"side": 3, "area": 9, "aroundIt": "12"}),
    made="{ side: number; readonly area: number; readonly aroundIt: Decimal }",
    shows=("/** Side by side. */",),
    why="Only Python works it out, so that it is `readonly`, and not in the type of what goes in.",
)

computed_within = Entry(
    Squares,
    "{ squares: SquareInput[]; by_name: Record<string, SquareInput> }",
    Sample(
        Squares(squares=[Square(side=1)], by_name={}),
        {"squares": [{"side": 1, "area": 1, "aroundIt": "4"}], "by_name": {}},
    ),
    made="{ squares: SquareOutput[]; by_name: Record<string, SquareOutput> }",
    shows=("export interface SquaresInput {", "export interface SquaresOutput {"),
)

computed_deep_within = Entry(
    UsesSquares,
    "{ all: SquaresInput; none: Point | null }",
    Sample(
        UsesSquares(all=Squares(squares=[], by_name={}), none=None),
        {"all": {"squares": [], "by_name": {}}, "none": None},
    ),
    made="{ all: SquaresOutput; none: Point | null }",
    shows=("export interface Point {",),
)
