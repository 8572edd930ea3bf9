"""Types that hold themselves."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field, RootModel
from typing_extensions import TypeAliasType, TypedDict

from tests.corpus.entry import Entry, Sample
from tests.corpus.scalars import MOMENT, MOMENT_JSON


class Tree(BaseModel):
    value: int
    children: list[Tree]


class Chain(BaseModel):
    next: Chain | None = None


class Folder(BaseModel):
    files: dict[str, File | Folder]


class File(BaseModel):
    changed: datetime
    within: Folder | None = None


class Leaf(BaseModel):
    type: Literal["leaf"]
    value: int


class Branch(BaseModel):
    type: Literal["branch"]
    left: Node
    right: Node


Node = Annotated[Leaf | Branch, Field(discriminator="type")]


class Nested(RootModel["list[Nested] | int"]):
    pass


class Comment(TypedDict):
    text: str
    replies: list[Comment]


Json = TypeAliasType("Json", "dict[str, Json] | list[Json] | str | int | float | bool | None")
Expression = TypeAliasType("Expression", "int | tuple[Literal['+', '*'], Expression, Expression]")
Deep = TypeAliasType("Deep", "dict[int, Deep] | datetime")


def _chain(links: int) -> Chain:
    chain = Chain()
    for _ in range(links):
        chain = Chain(next=chain)
    return chain


def _chain_json(links: int) -> object:
    chain: object = {"next": None}
    for _ in range(links):
        chain = {"next": chain}
    return chain


Branch.model_rebuild()
Folder.model_rebuild()

tree = Entry(
    Tree,
    "{ value: number; children: Tree[] }",
    Sample(
        Tree(value=1, children=[Tree(value=2, children=[])]),
        {"value": 1, "children": [{"value": 2, "children": []}]},
    ),
)
chain = Entry(
    Chain,
    "{ next?: ChainInput | null }",
    Sample(Chain(), {"next": None}),
    made="{ next: ChainOutput | null }",
)
long_chain = Entry(
    Chain,
    "ChainInput",
    Sample(_chain(25), _chain_json(25)),
    made="ChainOutput",
    why="As deep as the server's `Bounds` let a message be: 32 levels.",
)
each_other = Entry(
    Folder,
    "{ files: Record<string, FileInput | FolderInput> }",
    Sample(
        Folder(files={"a": File(changed=MOMENT), "b": Folder(files={})}),
        {"files": {"a": {"changed": MOMENT_JSON, "within": None}, "b": {"files": {}}}},
        {"files": {"a": {"changed": MOMENT, "within": None}, "b": {"files": {}}}},
    ),
    made="{ files: Record<string, FileOutput | FolderOutput> }",
)
union_of_itself = Entry(
    Node,
    'Leaf | { type: "branch"; left: Leaf | Branch; right: Leaf | Branch }',
    Sample(
        Branch(type="branch", left=Leaf(type="leaf", value=1), right=Leaf(type="leaf", value=2)),
        {"type": "branch", "left": {"type": "leaf", "value": 1}, "right": {"type": "leaf", "value": 2}},
    ),
    written='Annotated[Leaf | Branch, Field(discriminator="type")]',
)
root_of_itself = Entry(Nested, "Nested[] | number", Sample(Nested([Nested(1), Nested([])]), [1, []]))
typed_dict_of_itself = Entry(
    Comment, "{ text: string; replies: Comment[] }", {"text": "a", "replies": [{"text": "b", "replies": []}]}
)
json_of_ones_own = Entry(
    Json,
    "{ [key: string]: Json } | Json[] | string | number | boolean | null",
    {"a": [1, "b", None, {"c": [True, 1.5]}]},
    None,
    written='TypeAliasType("Json", "dict[str, Json] | list[Json] | str | int | float | bool | None")',
)
expression = Entry(
    Expression,
    'number | ["+" | "*", Expression, Expression]',
    Sample(("+", 1, ("*", 2, 3)), ["+", 1, ["*", 2, 3]]),
    1,
    written="TypeAliasType(\"Expression\", \"int | tuple[Literal['+', '*'], Expression, Expression]\")",
)
deep_alias = Entry(
    Deep,
    "{ [key: number]: Deep } | Date",
    Sample({1: {2: MOMENT}}, {"1": {"2": MOMENT_JSON}}, {"1": {"2": MOMENT}}),
    written='TypeAliasType("Deep", "dict[int, Deep] | datetime")',
)
many_levels = Entry(
    list[list[list[list[list[list[list[list[dict[str, dict[str, dict[str, int]]]]]]]]]]],
    "Record<string, Record<string, Record<string, number>>>[][][][][][][][]",
    [[[[[[[[{"a": {"b": {"c": 1}}}]]]]]]]],
)
