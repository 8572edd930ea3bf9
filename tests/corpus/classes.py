"""Dataclasses, typed dictionaries, named tuples, aliases and `NewType`."""

from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, NamedTuple, NewType, NotRequired, Required
from uuid import UUID

from pydantic import ConfigDict, Field, with_config
from pydantic.dataclasses import dataclass as pydantic_dataclass
from typing_extensions import TypeAliasType, TypedDict

from tests.corpus.entry import Entry, Sample
from tests.corpus.models import Point
from tests.corpus.scalars import ID, MOMENT, MOMENT_JSON


@dataclass
class Plain:
    """A dataclass of the standard library."""

    x: int
    tags: list[str] = field(default_factory=list)
    when: datetime | None = None


@dataclass(frozen=True, slots=True)
class Slotted:
    x: int
    y: int


@dataclass(kw_only=True)
class KeywordOnly:
    x: int


@dataclass
class Chained:
    value: int
    next: Chained | None


@dataclass(frozen=True)
class Grand(Slotted):
    z: int = 0


@dataclass
class NotInit:
    x: int
    doubled: int = field(init=False)

    def __post_init__(self) -> None:
        self.doubled = 2 * self.x


@dataclass
class Counted:
    x: int
    version: int = field(init=False, default=3)


@pydantic_dataclass
class Validated:
    model: Point
    name: Annotated[str, Field(alias="theName")] = "a"


class Movie(TypedDict):
    title: str
    year: NotRequired[int]


class Partially(TypedDict, total=False):
    a: int
    b: Required[str]


class Inherited(Movie):
    """A typed dictionary."""

    rating: float


@with_config(ConfigDict(extra="forbid"))
class ClosedMovie(TypedDict):
    title: str


class NoKeys(TypedDict):
    pass


OddKeys = TypedDict("OddKeys", {"content-type": str, "class": int})


class Position(NamedTuple):
    x: int
    y: int


class Timed(NamedTuple):
    at: datetime
    what: str = "x"


Untyped = namedtuple("Untyped", ["a", "b"])

UserId = NewType("UserId", int)
OrderId = NewType("OrderId", UUID)
Positive = Annotated[int, Field(gt=0)]
Names = list[str]
Tags = TypeAliasType("Tags", list[str])
Ratio = TypeAliasType("Ratio", Annotated[float, Field(ge=0, le=1)])
Either = TypeAliasType("Either", Point | str)
Moment = TypeAliasType("Moment", datetime)
Chosen = TypeAliasType("Chosen", "UserId | None")

PLAIN = "{ x: number; tags?: string[]; when?: Date | null }"

plain_dataclass = Entry(
    Plain,
    PLAIN,
    Sample(
        Plain(1, ["a"], MOMENT),
        {"x": 1, "tags": ["a"], "when": MOMENT_JSON},
        {"x": 1, "tags": ["a"], "when": MOMENT},
    ),
    made="{ x: number; tags: string[]; when: Date | null }",
    shows=("/** A dataclass of the standard library. */",),
)
slotted_dataclass = Entry(Slotted, "{ x: number; y: number }", Sample(Slotted(1, 2), {"x": 1, "y": 2}))
keyword_only_dataclass = Entry(KeywordOnly, "{ x: number }", Sample(KeywordOnly(x=1), {"x": 1}))
chained_dataclass = Entry(
    Chained,
    "{ value: number; next: Chained | null }",
    Sample(Chained(1, Chained(2, None)), {"value": 1, "next": {"value": 2, "next": None}}),
)
derived_dataclass = Entry(
    Grand,
    "{ x: number; y: number; z?: number }",
    Sample(Grand(1, 2, 3), {"x": 1, "y": 2, "z": 3}),
    made="{ x: number; y: number; z: number }",
)
dataclass_without_init = Entry(
    NotInit,
    "{ x: number }",
    Sample(NotInit(2), {"x": 2}),
    why="Pydantic leaves out what is not an argument of `__init__`; a computed field is sent.",
)
dataclass_with_a_constant = Entry(
    Counted,
    "{ x: number }",
    Sample(Counted(1), {"x": 1, "version": 3}, given={"x": 1}),
    made="{ x: number; version: number }",
    why="What is given for a field with `init=False` and a default would be dropped without a word, so nothing can be.",
)
pydantic_made_dataclass = Entry(
    Validated,
    "{ model: Point; theName?: string }",
    Sample(Validated(Point(x=1, y=2), theName="b"), {"model": {"x": 1, "y": 2}, "theName": "b"}),  # type: ignore[call-arg]  # by its alias
    made="{ model: Point; theName: string }",
)
list_of_dataclasses = Entry(list[Slotted], "Slotted[]", Sample([Slotted(1, 2)], [{"x": 1, "y": 2}]))
typed_dict = Entry(
    Movie,
    "{ title: string; year?: number }",
    {"title": "a"},
    {"title": "a", "year": 1999},
    why="`NotRequired` is `?` in both directions: what is absent stays absent.",
)
partial_typed_dict = Entry(Partially, "{ a?: number; b: string }", {"b": "x"})
inherited_typed_dict = Entry(
    Inherited,
    "{ title: string; year?: number; rating: number }",
    {"title": "a", "rating": 0.5},
    shows=("/** A typed dictionary. */",),
)
closed_typed_dict = Entry(ClosedMovie, "{ title: string }", {"title": "a"})
typed_dict_without_keys = Entry(NoKeys, "Record<string, never>", {})
typed_dict_with_odd_keys = Entry(
    OddKeys, '{ "content-type": string; class: number }', {"content-type": "a", "class": 1}
)
named_tuple = Entry(
    Position,
    "[number, number]",
    Sample(Position(1, 2), [1, 2]),
    why="A tuple on the wire, as it is one in Python.",
)
named_tuple_with_default = Entry(
    Timed,
    "[Date, string?]",
    Sample(Timed(MOMENT, "a"), [MOMENT_JSON, "a"], [MOMENT, "a"]),
    made="[Date, string]",
)
named_tuple_without_types = Entry(Untyped, "[unknown, unknown]", Sample(Untyped(1, "a"), [1, "a"]))
list_of_named_tuples = Entry(list[Position], "Position[]", Sample([Position(1, 2)], [[1, 2]]))
user_id = Entry(
    UserId,
    "number",
    UserId(7),
    why="`NewType` exists for type checkers alone: at run time, and in the contract, it is what it is of.",
)
order_id = Entry(OrderId, "UUID", Sample(OrderId(ID), str(ID)))
list_of_new_types = Entry(list[UserId], "number[]", [UserId(1)])
positive = Entry(Positive, "number", 1, shows=("exclusiveMinimum 0",))
plain_alias = Entry(Names, "string[]", ["a"])
type_alias = Entry(
    Tags,
    "string[]",
    ["a"],
    shows=("export type Tags = string[];",),
    written='TypeAliasType("Tags", list[str])',
)
constrained_alias = Entry(
    Ratio,
    "number",
    0.5,
    shows=("export type Ratio = number;",),
    written='TypeAliasType("Ratio", Annotated[float, ...])',
)
alias_of_union = Entry(
    Either,
    "Point | string",
    "a",
    Sample(Point(x=1, y=2), {"x": 1, "y": 2}),
    shows=("export type Either = Point | string;",),
    written='TypeAliasType("Either", Point | str)',
)
alias_of_moment = Entry(
    Moment, "Date", Sample(MOMENT, MOMENT_JSON, MOMENT), written='TypeAliasType("Moment", datetime)'
)
alias_of_forward_reference = Entry(
    Chosen, "number | null", 1, None, written='TypeAliasType("Chosen", "UserId | None")'
)
alias_within = Entry(dict[str, Tags], "Record<string, Tags>", {"a": ["b"]}, written="dict[str, Tags]")
