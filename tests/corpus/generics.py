"""Generic models and aliases."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Literal, NamedTuple, TypeVar

from pydantic import BaseModel
from typing_extensions import TypeAliasType, TypedDict

from tests.corpus.entry import Entry, Sample
from tests.corpus.enums import Colour
from tests.corpus.models import Defaulted, Point
from tests.corpus.scalars import MOMENT, MOMENT_JSON

T = TypeVar("T")
K = TypeVar("K")
Bounded = TypeVar("Bounded", bound=BaseModel)
Limited = TypeVar("Limited", int, str)


class Page(BaseModel, Generic[T]):
    items: list[T]
    total: int


class Pair(BaseModel, Generic[T, K]):
    first: T
    second: K


class Holder(BaseModel, Generic[Bounded]):
    held: Bounded


class Number(BaseModel, Generic[Limited]):
    value: Limited


class PointPage(Page[Point]):
    cursor: str


class Linked(BaseModel, Generic[T]):
    value: T
    next: Linked[T] | None


@dataclass
class Box(Generic[T]):
    content: T


class Keyed(TypedDict, Generic[T]):
    key: str
    value: T


class Ranked(NamedTuple, Generic[T]):
    rank: int
    value: T


OneOrMany = TypeAliasType("OneOrMany", T | list[T], type_params=(T,))
Lookup = TypeAliasType("Lookup", dict[str, list[T]], type_params=(T,))

page_of_models = Entry(
    Page[Point],
    "{ items: Point[]; total: number }",
    Sample(Page[Point](items=[Point(x=1, y=2)], total=1), {"items": [{"x": 1, "y": 2}], "total": 1}),
    shows=("export interface PagePoint {",),
    why="`Page[Point]` is called `PagePoint`.",
)
page_of_numbers = Entry(
    Page[int],
    "{ items: number[]; total: number }",
    Sample(Page[int](items=[1], total=1), {"items": [1], "total": 1}),
)
page_of_moments = Entry(
    Page[datetime],
    "{ items: Date[]; total: number }",
    Sample(
        Page[datetime](items=[MOMENT], total=1),
        {"items": [MOMENT_JSON], "total": 1},
        {"items": [MOMENT], "total": 1},
    ),
)
page_of_pages = Entry(
    Page[Page[int]],
    "{ items: PageInt[]; total: number }",
    Sample(
        Page[Page[int]](items=[Page[int](items=[1], total=1)], total=1),
        {"items": [{"items": [1], "total": 1}], "total": 1},
    ),
    shows=("export interface PagePageInt {",),
)
page_that_differs = Entry(
    Page[Defaulted],
    "{ items: DefaultedInput[]; total: number }",
    Sample(Page[Defaulted](items=[], total=0), {"items": [], "total": 0}),
    made="{ items: DefaultedOutput[]; total: number }",
    shows=("export interface PageDefaultedInput {", "export interface PageDefaultedOutput {"),
)
bare_page = Entry(
    Page, "{ items: unknown[]; total: number }", Sample(Page(items=[1], total=1), {"items": [1], "total": 1})
)
pair_of_types = Entry(
    Pair[int, list[str]],
    "{ first: number; second: string[] }",
    Sample(Pair[int, list[str]](first=1, second=["a"]), {"first": 1, "second": ["a"]}),
    shows=("export interface PairIntListStr {",),
)
pair_of_literals = Entry(
    Pair[Literal["a"], Colour | None],
    '{ first: "a"; second: Colour | null }',
    Sample(Pair[Literal["a"], Colour | None](first="a", second=Colour.RED), {"first": "a", "second": "red"}),
    shows=("export interface PairAColourNone {",),
)
bounded_generic = Entry(
    Holder[Point], "{ held: Point }", Sample(Holder[Point](held=Point(x=1, y=2)), {"held": {"x": 1, "y": 2}})
)
limited_generic = Entry(Number[int], "{ value: number }", Sample(Number[int](value=1), {"value": 1}))
subclass_of_generic = Entry(
    PointPage,
    "{ items: Point[]; total: number; cursor: string }",
    Sample(PointPage(items=[], total=0, cursor="a"), {"items": [], "total": 0, "cursor": "a"}),
)
generic_recursion = Entry(
    Linked[int],
    "{ value: number; next: LinkedInt | null }",
    Sample(
        Linked[int](value=1, next=Linked[int](value=2, next=None)),
        {"value": 1, "next": {"value": 2, "next": None}},
    ),
    written="Linked[int]: value: int, next: Linked[int] | None",
)
generic_dataclass = Entry(Box[int], "{ content: number }", Sample(Box(1), {"content": 1}))
generic_typed_dict = Entry(Keyed[int], "{ key: string; value: number }", {"key": "a", "value": 1})
generic_named_tuple = Entry(Ranked[str], "[number, string]", Sample(Ranked(1, "a"), [1, "a"]))
generic_alias = Entry(
    OneOrMany[int], "number | number[]", 1, [1, 2], shows=("export type OneOrManyInt = number | number[];",)
)
generic_alias_of_models = Entry(
    Lookup[Point], "Record<string, Point[]>", Sample({"a": [Point(x=1, y=2)]}, {"a": [{"x": 1, "y": 2}]})
)
