"""`model_config`, validators, serializers, computed fields and extra fields."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    Base64Bytes,
    Base64Str,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Json,
    PlainSerializer,
    PlainValidator,
    SerializeAsAny,
    WithJsonSchema,
    WrapSerializer,
    computed_field,
    field_serializer,
    field_validator,
    model_serializer,
    model_validator,
)

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

    @computed_field(alias="aroundIt")  # type: ignore[prop-decorator]
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


class Upper(BaseModel):
    name: str

    @field_validator("name")
    @classmethod
    def upper(cls, name: str) -> str:
        return name.upper()

    @model_validator(mode="after")
    def checked(self) -> Self:
        return self


class WrittenOut(BaseModel):
    price: Decimal
    when: datetime
    tags: set[str]

    @field_serializer("price")
    def as_number(self, price: Decimal) -> float:
        return float(price)

    @field_serializer("when")
    def as_seconds(self, when: datetime) -> int:
        return int(when.timestamp())

    @field_serializer("tags", mode="wrap")
    def in_order(self, tags: set[str], handler: Any) -> list[str]:
        return sorted(handler(tags))


class InJsonOnly(BaseModel):
    when: datetime

    @field_serializer("when", when_used="json")
    def as_text(self, when: datetime) -> str:
        return f"{when:%Y-%m-%d}"


class AsText(BaseModel):
    x: int
    y: int

    @model_serializer
    def text(self) -> str:
        return f"{self.x},{self.y}"

    @model_validator(mode="before")
    @classmethod
    def read(cls, value: Any) -> Any:
        return dict(zip("xy", value.split(","), strict=True)) if isinstance(value, str) else value


class Wrapped(BaseModel):
    x: int

    @model_serializer(mode="wrap")
    def with_kind(self, handler: Any) -> dict[str, Any]:
        return {**handler(self), "kind": "wrapped"}


class Unsaid(BaseModel):
    """A serializer without a return type: nobody knows what comes out."""

    x: int

    @field_serializer("x")
    def odd(self, x: int):  # type: ignore[no-untyped-def]  # that it says nothing is what is tried
        return [x]


def _as_list(value: Any) -> Any:
    return value.split(" ") if isinstance(value, str) else value


Cents = Annotated[int, BeforeValidator(lambda value: value), AfterValidator(abs)]
EpochMoment = Annotated[
    datetime,
    PlainSerializer(lambda value: int(value.timestamp()), return_type=int),
]
Hex = Annotated[
    int,
    PlainSerializer(hex, return_type=str),
    BeforeValidator(
        lambda value: int(value, 16) if isinstance(value, str) else value, json_schema_input_type=str
    ),
]
Doubled = Annotated[
    int,
    WrapSerializer(lambda value, handler: handler(value) * 2, return_type=int),
    BeforeValidator(lambda value: value),
]
Words = Annotated[list[str], BeforeValidator(_as_list, json_schema_input_type=str | list[str])]
OwnSchema = Annotated[
    Any, WithJsonSchema({"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]})
]
Checked = Annotated[int, PlainValidator(int, json_schema_input_type=int | str)]


class Duck:
    """No pydantic class; it says itself what it is."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Duck) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(
            lambda value: value if isinstance(value, cls) else cls(value),
            core_schema.union_schema([core_schema.str_schema(), core_schema.is_instance_schema(cls)]),
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda duck: duck.name, return_schema=core_schema.str_schema()
            ),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> Any:
        return {"type": "string"}


class Animal(BaseModel):
    name: str


class Cow(Animal):
    milk: int


class Farm(BaseModel):
    animal: SerializeAsAny[Animal]


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
validated = Entry(Upper, "{ name: string }", Sample(Upper(name="A"), {"name": "A"}))
field_serializers = Entry(
    WrittenOut,
    "{ price: Decimal; when: Date; tags: string[] }",
    Sample(
        WrittenOut(price=Decimal("1.5"), when=datetime(2026, 1, 1, tzinfo=UTC), tags={"b", "a"}),
        {"price": 1.5, "when": 1767225600, "tags": ["a", "b"]},
        given={"price": "1.5", "when": datetime(2026, 1, 1, tzinfo=UTC), "tags": ["a", "b"]},
    ),
    made="{ price: number; when: number; tags: string[] }",
    why="The return type of the serializer is the type of what comes out.",
)
json_serializer = Entry(
    InJsonOnly,
    "{ when: Date }",
    Sample(
        InJsonOnly(when=datetime(2026, 1, 1, tzinfo=UTC)),
        {"when": "2026-01-01"},
        given={"when": datetime(2026, 1, 1, tzinfo=UTC)},
    ),
    made="{ when: string }",
    why='What goes over the wire is JSON\'s form, so that `when_used="json"` counts on every transport.',
)
model_serialized = Entry(
    AsText,
    "{ x: number; y: number }",
    Sample(AsText(x=1, y=2), "1,2", given={"x": 1, "y": 2}),
    made="string",
)
wrapped_model = Entry(
    Wrapped,
    "{ x: number }",
    Sample(Wrapped(x=1), {"x": 1, "kind": "wrapped"}),
    made="Record<string, unknown>",
)
unsaid_serializer = Entry(
    Unsaid, "{ x: number }", Sample(Unsaid(x=1), {"x": [1]}, given={"x": 1}), made="{ x: unknown }"
)
cents = Entry(Cents, "number", 5, written="Annotated[int, AfterValidator(abs)]")
epoch = Entry(
    EpochMoment,
    "Date",
    Sample(datetime(2026, 1, 1, tzinfo=UTC), 1767225600, given=datetime(2026, 1, 1, tzinfo=UTC)),
    made="number",
    written="Annotated[datetime, PlainSerializer(..., return_type=int)]",
)
hexadecimal = Entry(
    Hex, "string", Sample(255, "0xff"), written="Annotated[int, PlainSerializer(hex), BeforeValidator(...)]"
)
doubled = Entry(Doubled, "number", Sample(2, 4, given=2), written="Annotated[int, WrapSerializer(...)]")
words = Entry(
    Words,
    "string | string[]",
    Sample(["a", "b"], ["a", "b"], given="a b"),
    Sample(["a"], ["a"]),
    made="string[]",
    written="Annotated[list[str], BeforeValidator(..., json_schema_input_type=str | list[str])]",
)
own_schema = Entry(OwnSchema, "{ a: number }", {"a": 1}, written="Annotated[Any, WithJsonSchema({...})]")
plain_validated = Entry(
    Checked,
    "number | string",
    Sample(1, 1, given="1"),
    2,
    made="number",
    written="Annotated[int, PlainValidator(int, json_schema_input_type=int | str)]",
)
own_class = Entry(
    Duck, "string", Sample(Duck("donald"), "donald"), written="a class with `__get_pydantic_core_schema__`"
)
serialize_as_any = Entry(
    Farm,
    "{ animal: Animal }",
    Sample(Farm(animal=Animal(name="a")), {"animal": {"name": "a"}}),
    why="The client knows the declared type; `SerializeAsAny` sends the fields of a subclass too.",
)
