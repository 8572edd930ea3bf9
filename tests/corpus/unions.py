"""Unions: plain, discriminated, and of themselves."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Union
from uuid import UUID

from pydantic import BaseModel, Discriminator, Field, Tag

from tests.corpus.entry import Entry, Sample
from tests.corpus.enums import Colour
from tests.corpus.models import Point
from tests.corpus.scalars import ID, MOMENT, MOMENT_JSON


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"
    barks: bool


class Puppy(BaseModel):
    kind: Literal["puppy", "whelp"]
    of: list[Pet]


Pet = Annotated[Cat | Dog | Puppy, Field(discriminator="kind")]


class Owner(BaseModel):
    pet: Pet
    pets: list[Pet] = []
    by_name: dict[str, Pet | None] = {}


class Ok(BaseModel):
    value: int


class Failed(BaseModel):
    reason: str


class CatAliased(BaseModel):
    kind: Literal["cat"] = Field(alias="petKind")


class DogAliased(BaseModel):
    kind: Literal["dog"] = Field(alias="petKind")


def _shape(value: Any) -> str:
    return "list" if isinstance(value, list) else "point"


Puppy.model_rebuild()
Owner.model_rebuild()

number_or_text = Entry(int | str, "number | string", 1, "a")
text_or_number = Entry(str | int, "string | number", 1, "1")
two_kinds_of_number = Entry(
    int | float,
    "number",
    1,
    1.5,
    Sample(2.0, back=2),
    why="One type in TypeScript; `2.0` comes back as `2`, which is an `int`.",
)
old_union = Entry(Union[int, list[int], None], "number | number[] | null", 1, [1], None)  # noqa: UP007 — the older spelling is what is tried
truth_or_number = Entry(bool | int, "boolean | number", True, 1)
of_literals = Entry(Literal["a"] | Literal["b"], '"a" | "b"', "a", "b")
literal_or_number = Entry(Literal["auto"] | int, '"auto" | number', "auto", 3)
text_or_model = Entry(str | Point, "string | Point", "a", Sample(Point(x=1, y=2), {"x": 1, "y": 2}))
either_model = Entry(
    Ok | Failed, "Ok | Failed", Sample(Ok(value=1), {"value": 1}), Sample(Failed(reason="x"), {"reason": "x"})
)
list_of_either = Entry(
    list[Ok | Failed | None],
    "(Ok | Failed | null)[]",
    Sample([Ok(value=1), None, Failed(reason="x")], [{"value": 1}, None, {"reason": "x"}]),
)
discriminated = Entry(
    Pet,
    "Cat | Dog | Puppy",
    Sample(Cat(kind="cat", lives=9), {"kind": "cat", "lives": 9}),
    Sample(Dog(barks=True), {"kind": "dog", "barks": True}),
    Sample(
        Puppy(kind="whelp", of=[Dog(barks=False)]), {"kind": "whelp", "of": [{"kind": "dog", "barks": False}]}
    ),
    why="TypeScript narrows it by the discriminator, as `Literal` types are literal types; what tells members apart has to be sent, "
    "default or not.",
    written='Annotated[Cat | Dog | Puppy, Field(discriminator="kind")]',
)
holds_discriminated = Entry(
    Owner,
    "{ pet: Cat | Dog | Puppy; pets?: (Cat | Dog | Puppy)[]; "
    "by_name?: Record<string, Cat | Dog | Puppy | null> }",
    Sample(
        Owner(pet=Dog(barks=True), pets=[Cat(kind="cat", lives=1)], by_name={"x": None}),
        {
            "pet": {"kind": "dog", "barks": True},
            "pets": [{"kind": "cat", "lives": 1}],
            "by_name": {"x": None},
        },
    ),
    made="{ pet: Cat | Dog | Puppy; pets: (Cat | Dog | Puppy)[]; "
    "by_name: Record<string, Cat | Dog | Puppy | null> }",
)
discriminated_by_alias = Entry(
    Annotated[CatAliased | DogAliased, Field(discriminator="kind")],
    '{ petKind: "cat" } | { petKind: "dog" }',
    Sample(DogAliased(petKind="dog"), {"petKind": "dog"}),
    written='Annotated[CatAliased | DogAliased, Field(discriminator="kind")]',
)
discriminated_by_function = Entry(
    Annotated[Annotated[list[int], Tag("list")] | Annotated[Point, Tag("point")], Discriminator(_shape)],
    "number[] | Point",
    [1, 2],
    Sample(Point(x=1, y=2), {"x": 1, "y": 2}),
    written="Annotated[Annotated[list[int], Tag(...)] | Annotated[Point, Tag(...)], Discriminator(f)]",
)
left_to_right = Entry(Annotated[int | str, Field(union_mode="left_to_right")], "number | string", 1, "a")
uuid_or_text = Entry(
    UUID | str,
    "UUID | string",
    Sample(ID, str(ID), back=str(ID)),
    "a",
    why="Both are text on the wire, and pydantic keeps text that is allowed as text.",
)
moment_or_text = Entry(
    datetime | str,
    "Date | string",
    Sample(MOMENT, MOMENT_JSON, MOMENT, json_returns=False),
    "soon",
    why="Exact in msgpack; in JSON both are text, and stay text.",
)
moment_or_none = Entry(datetime | None, "Date | null", Sample(MOMENT, MOMENT_JSON, MOMENT), None)
bytes_or_none = Entry(bytes | None, "Uint8Array | null", Sample(b"\xff", "/w==", b"\xff"), None)
day_or_moment = Entry(
    datetime | date,
    "Date | PlainDate",
    Sample(MOMENT, MOMENT_JSON, MOMENT),
)
decimal_or_number = Entry(Decimal | int, "Decimal | number", Sample(Decimal("1.5"), "1.5"), 1)
colour_or_text = Entry(Colour | int, "Colour | number", Sample(Colour.RED, "red"), 3)
lists_or_dicts = Entry(list[int] | dict[str, int], "number[] | Record<string, number>", [1], {"a": 1})
nested_unions = Entry(list[int | str] | None, "(number | string)[] | null", [1, "a"], None)
