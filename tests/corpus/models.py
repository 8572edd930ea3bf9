"""Models, and how their fields are defaulted and described."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, RootModel

from tests.corpus.entry import Entry, Sample
from tests.corpus.scalars import ID, MOMENT, MOMENT_JSON


class Point(BaseModel):
    x: int
    y: int


class Defaulted(BaseModel):
    name: str
    note: str | None = None
    tags: list[str] = Field(default_factory=list)
    count: int = 3


class NullableButRequired(BaseModel):
    note: str | None


class Empty(BaseModel):
    pass


class Line(BaseModel):
    start: Point
    end: Point
    via: list[Point] = []


class Everything(BaseModel):
    id: UUID
    at: datetime
    raw: bytes
    pair: tuple[int, str]
    by_number: dict[int, bool]


class Hidden(BaseModel):
    name: str
    password: str = Field(default="", exclude=True)
    kind: ClassVar[str] = "hidden"
    _cache: int = PrivateAttr(default=0)


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)

    x: int


class Described(BaseModel):
    """Ends a comment */ and `code` and ${x}.

    A second paragraph\u2028with a separator.
    """

    amount: Annotated[int, Field(ge=1, le=5, description="Between */ and `5`.", examples=[3])] = 1
    old: int = Field(default=0, deprecated=True)
    text: str = Field(default="x", max_length=10, pattern=r"^\w*$", title="A title")


class Base(BaseModel):
    id: int


class Derived(Base):
    name: str


class Outer(BaseModel):
    class Inner(BaseModel):
        x: int

    inner: Inner


class Texts(RootModel[list[str]]):
    """A list of its own."""


class Scores(RootModel[dict[int, Point]]):
    pass


class Fixed(BaseModel):
    kind: Literal["fixed"] = "fixed"
    version: Literal[1, 2] = 1


class Loose(BaseModel):
    anything: Any
    maybe: Any = None
    mapping: dict[str, Any] = {}


class Late(BaseModel):
    later: Later
    laters: list[Later] | None = None


class Later(BaseModel):
    x: int


class FactoryOfData(BaseModel):
    first: int
    second: int = Field(default_factory=lambda data: data["first"] + 1)


class ByAttribute(BaseModel):
    """With the docstring of each field."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    x: int
    """How far to the right."""


class Titled(BaseModel):
    model_config = ConfigDict(title="Another title")

    x: int


class Constrained(BaseModel):
    name: Annotated[str, Field(min_length=1)]
    ratio: Annotated[float, Field(gt=0, lt=1)]
    tags: Annotated[list[Annotated[str, Field(max_length=5)]], Field(max_length=2)]


POINT = "{ x: number; y: number }"

point = Entry(Point, POINT, Sample(Point(x=1, y=-2), {"x": 1, "y": -2}))

defaulted = Entry(
    Defaulted,
    "{ name: string; note?: string | null; tags?: string[]; count?: number }",
    Sample(Defaulted(name="a"), {"name": "a", "note": None, "tags": [], "count": 3}),
    made="{ name: string; note: string | null; tags: string[]; count: number }",
    shows=("export interface DefaultedInput {", "export interface DefaultedOutput {", "/** @default 3 */"),
    why="What has a default may be left out on the way in, and is always there on the way out: two types, `…Input` and `…Output`.",
)

nullable_but_required = Entry(
    NullableButRequired, "{ note: string | null }", Sample(NullableButRequired(note=None), {"note": None})
)

empty_model = Entry(Empty, "Record<string, never>", Sample(Empty(), {}))

nested_models = Entry(
    Line,
    f"{{ start: {POINT}; end: Point; via?: Point[] }}",
    Sample(
        Line(start=Point(x=1, y=2), end=Point(x=3, y=4)),
        {"start": {"x": 1, "y": 2}, "end": {"x": 3, "y": 4}, "via": []},
    ),
    made="{ start: Point; end: Point; via: Point[] }",
)

list_of_models = Entry(list[Point], "Point[]", Sample([Point(x=1, y=2)], [{"x": 1, "y": 2}]))

optional_model = Entry(Point | None, "Point | null", None, Sample(Point(x=1, y=2), {"x": 1, "y": 2}))

dict_of_models = Entry(
    dict[str, Point], "Record<string, Point>", Sample({"a": Point(x=1, y=2)}, {"a": {"x": 1, "y": 2}})
)

tuple_of_models = Entry(
    tuple[Point, Point],
    "[Point, Point]",
    Sample((Point(x=1, y=2), Point(x=3, y=4)), [{"x": 1, "y": 2}, {"x": 3, "y": 4}]),
)

everything = Entry(
    Everything,
    "{ id: UUID; at: Date; raw: Uint8Array; pair: [number, string]; by_number: Record<number, boolean> }",
    Sample(
        Everything(id=ID, at=MOMENT, raw=b"\xff\x00", pair=(1, "a"), by_number={1: True}),
        {"id": str(ID), "at": MOMENT_JSON, "raw": "/wA=", "pair": [1, "a"], "by_number": {"1": True}},
        {"id": str(ID), "at": MOMENT, "raw": b"\xff\x00", "pair": [1, "a"], "by_number": {"1": True}},
    ),
)

hidden_fields = Entry(
    Hidden,
    "{ name: string; password?: string }",
    Sample(Hidden(name="a"), {"name": "a"}),
    made="{ name: string }",
    why="`exclude=True` is never sent, and is not in the type of what comes out.",
)

frozen_model = Entry(Frozen, "{ x: number }", Sample(Frozen(x=1), {"x": 1}))

described = Entry(
    Described,
    "{ amount?: number; old?: number; text?: string }",
    Sample(Described(), {"amount": 1, "old": 0, "text": "x"}),
    made="{ amount: number; old: number; text: string }",
    shows=(
        " * Ends a comment *\\/ and `code` and ${x}.",
        " * A second paragraph\n * with a separator.",
        "Between *\\/ and `5`.",
        "@minimum 1",
        "@maximum 5",
        "@deprecated",
        "@pattern ^\\w*$",
    ),
)

derived = Entry(
    Derived, "{ id: number; name: string }", Sample(Derived(id=1, name="a"), {"id": 1, "name": "a"})
)

filtered_subclass = Entry(
    Base,
    "{ id: number }",
    Sample(Base(id=1), {"id": 1}),
    why="The declared type decides: the fields of a subclass are not sent.",
)

nested_class = Entry(
    Outer, "{ inner: { x: number } }", Sample(Outer(inner=Outer.Inner(x=1)), {"inner": {"x": 1}})
)

root_list = Entry(Texts, "string[]", Sample(Texts(["a"]), ["a"]), shows=("/** A list of its own. */",))

root_dict = Entry(
    Scores, "Record<number, Point>", Sample(Scores({1: Point(x=1, y=2)}), {"1": {"x": 1, "y": 2}})
)

unnamed_root = Entry(RootModel[int], "number", Sample(RootModel[int](3), 3))

fixed = Entry(
    Fixed,
    '{ kind?: "fixed"; version?: 1 | 2 }',
    Sample(Fixed(), {"kind": "fixed", "version": 1}),
    made='{ kind: "fixed"; version: 1 | 2 }',
)

loose = Entry(
    Loose,
    "{ anything: unknown; maybe?: unknown; mapping?: Record<string, unknown> }",
    Sample(Loose(anything=[1, {"a": None}]), {"anything": [1, {"a": None}], "maybe": None, "mapping": {}}),
    made="{ anything: unknown; maybe: unknown; mapping: Record<string, unknown> }",
)

forward_reference = Entry(
    Late,
    "{ later: Later; laters?: Later[] | null }",
    Sample(Late(later=Later(x=1)), {"later": {"x": 1}, "laters": None}),
    made="{ later: Later; laters: Later[] | null }",
)

factory_of_data = Entry(
    FactoryOfData,
    "{ first: number; second?: number }",
    Sample(FactoryOfData(first=1), {"first": 1, "second": 2}),
    made="{ first: number; second: number }",
)

attribute_docstrings = Entry(
    ByAttribute, "{ x: number }", Sample(ByAttribute(x=1), {"x": 1}), shows=("/** How far to the right. */",)
)

titled = Entry(
    Titled,
    "{ x: number }",
    Sample(Titled(x=1), {"x": 1}),
    shows=("export interface Titled {",),
    why="The type is called like the class; a title is for documentation.",
)

constrained = Entry(
    Constrained,
    "{ name: string; ratio: number; tags: string[] }",
    Sample(Constrained(name="a", ratio=0.5, tags=["b"]), {"name": "a", "ratio": 0.5, "tags": ["b"]}),
    shows=("@exclusiveMinimum 0", "@exclusiveMaximum 1", "@maxItems 2"),
)
