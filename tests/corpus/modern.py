"""The syntax of Python 3.12: `type` aliases and generic classes (PEP 695)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, NamedTuple, TypedDict

from pydantic import BaseModel, Field

from tests.corpus.entry import Entry, Sample
from tests.corpus.models import Point
from tests.corpus.scalars import MOMENT, MOMENT_JSON

type Numbers = list[int]
type Percent = Annotated[float, Field(ge=0, le=100)]
type Maybe[T] = T | None
type JsonLike = dict[str, JsonLike] | list[JsonLike] | str | float | None
type Shape = Annotated[Circle | Oblong, Field(discriminator="kind")]
type Someday = Afterwards | None
type Chain[T] = tuple[T, Chain[T] | None]


class Circle(BaseModel):
    kind: Literal["circle"]
    radius: float


class Oblong(BaseModel):
    kind: Literal["oblong"]
    side: float


class Afterwards(BaseModel):
    x: int


class Result[T](BaseModel):
    value: T
    at: datetime


class Group[T: BaseModel](BaseModel):
    members: list[T]
    leader: Maybe[T] = None


class Node[T](BaseModel):
    value: T
    children: list["Node[T]"]


@dataclass
class Envelope[T]:
    content: T


class Entryway[T](TypedDict):
    key: str
    value: T


class Scored[T](NamedTuple):
    score: int
    value: T


modern_alias = Entry(Numbers, "number[]", [1], shows=("export type Numbers = number[];",))
modern_constrained_alias = Entry(Percent, "number", 50.5, shows=("export type Percent = number;",))
modern_generic_alias = Entry(
    Maybe[int], "number | null", 1, None, shows=("export type MaybeInt = number | null;",)
)
modern_recursive_alias = Entry(
    JsonLike, "{ [key: string]: JsonLike } | JsonLike[] | string | number | null", {"a": ["b", 1.5, None]}
)
modern_recursive_generic_alias = Entry(
    Chain[int],
    "[number, ChainInt | null]",
    Sample((1, (2, None)), [1, [2, None]]),
)
modern_union = Entry(
    Shape,
    "Circle | Oblong",
    Sample(Circle(kind="circle", radius=1.5), {"kind": "circle", "radius": 1.5}),
)
modern_forward_alias = Entry(Someday, "Afterwards | null", None, Sample(Afterwards(x=1), {"x": 1}))
modern_generic_model = Entry(
    Result[Point],
    "{ value: Point; at: Date }",
    Sample(
        Result[Point](value=Point(x=1, y=2), at=MOMENT),
        {"value": {"x": 1, "y": 2}, "at": MOMENT_JSON},
        {"value": {"x": 1, "y": 2}, "at": MOMENT},
    ),
    shows=("export interface ResultPoint {",),
)
modern_bounded_generic = Entry(
    Group[Point],
    "{ members: Point[]; leader?: MaybePoint }",
    Sample(Group[Point](members=[Point(x=1, y=2)]), {"members": [{"x": 1, "y": 2}], "leader": None}),
    made="{ members: Point[]; leader: MaybePoint }",
)
modern_recursive_generic = Entry(
    Node[int],
    "{ value: number; children: NodeInt[] }",
    Sample(
        Node[int](value=1, children=[Node[int](value=2, children=[])]),
        {"value": 1, "children": [{"value": 2, "children": []}]},
    ),
)
modern_dataclass = Entry(Envelope[int], "{ content: number }", Sample(Envelope(1), {"content": 1}))
modern_typed_dict = Entry(Entryway[int], "{ key: string; value: number }", {"key": "a", "value": 1})
modern_named_tuple = Entry(Scored[str], "[number, string]", Sample(Scored(1, "a"), [1, "a"]))
