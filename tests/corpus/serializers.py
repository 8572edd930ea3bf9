"""Validators, serializers, and classes that say themselves what they are."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    PlainSerializer,
    PlainValidator,
    SerializeAsAny,
    WithJsonSchema,
    WrapSerializer,
    field_serializer,
    field_validator,
    model_serializer,
    model_validator,
)

from tests.corpus.entry import Entry, Sample


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


class Farm(BaseModel):
    animal: SerializeAsAny[Animal]


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
