"""Types of one name in several places, and names that TypeScript or the generated file uses itself."""

from types import GenericAlias
from typing import Any

from pydantic import BaseModel, create_model

from tests.corpus import office, shop
from tests.corpus.entry import Entry, Sample
from tests.corpus.generics import Page


class Client(BaseModel):
    x: int


class Date(BaseModel):
    day: int


class Record(BaseModel):
    rows: list[int]


class Stream(BaseModel):
    x: int


class Events(BaseModel):
    x: int


class string(BaseModel):  # noqa: N801 — a name of TypeScript's is what is tried
    x: int


class _Private(BaseModel):
    x: int


class Snake_Case(BaseModel):  # noqa: N801 — kept as it is
    x: int


class Größe(BaseModel):
    x: int


def _local() -> type[BaseModel]:
    class Snake_Case(BaseModel):  # noqa: N801 — the name of the one above is what is tried
        y: int

    return Snake_Case


Local = _local()


def _made(**fields: Any) -> type[BaseModel]:
    return create_model("Made", **fields)


MadeOfNumber, MadeOfText, MadeOfBoth = (
    _made(x=(int, ...)),
    _made(y=(str, ...)),
    _made(x=(int, 1), y=(str, "a")),
)

shop_account = Entry(
    shop.Account,
    "{ balance: number }",
    Sample(shop.Account(balance=1), {"balance": 1}),
    shows=("export interface ShopAccount {",),
    why="The class name; where two classes share it, each has the fewest parts of its module in front that tell them apart.",
)
office_account = Entry(
    office.Account,
    "{ login: string }",
    Sample(office.Account(login="a"), {"login": "a"}),
    shows=("export interface OfficeAccount {",),
)
shop_member = Entry(
    shop.Member,
    "{ account: ShopAccount; points?: number }",
    Sample(shop.Member(account=shop.Account(balance=1)), {"account": {"balance": 1}, "points": 0}),
    made="{ account: ShopAccount; points: number }",
    shows=("export interface ShopMemberInput {", "export interface ShopMemberOutput {"),
)
office_member = Entry(
    office.Member,
    "{ account: OfficeAccount; desk: string | null }",
    Sample(
        office.Member(account=office.Account(login="a"), desk=None), {"account": {"login": "a"}, "desk": None}
    ),
)
page_of_shop_accounts = Entry(
    Page[shop.Account],
    "{ items: ShopAccount[]; total: number }",
    Sample(Page[shop.Account](items=[], total=0), {"items": [], "total": 0}),
    shows=("export interface PageShopAccount {",),
)
page_of_office_accounts = Entry(
    Page[office.Account],
    "{ items: OfficeAccount[]; total: number }",
    Sample(Page[office.Account](items=[], total=0), {"items": [], "total": 0}),
    shows=("export interface PageOfficeAccount {",),
)
same_in_both = Entry(
    tuple[shop.Kind, office.Kind],
    "[ShopKind, OfficeKind]",
    Sample((shop.Kind(same="a"), office.Kind(same="b")), [{"same": "a"}, {"same": "b"}]),
)
called_client = Entry(
    Client,
    "{ x: number }",
    Sample(Client(x=1), {"x": 1}),
    shows=("export interface ClientModel {",),
    why="A name that the file itself needs gets `Model` behind it.",
)
called_date = Entry(
    Date, "{ day: number }", Sample(Date(day=1), {"day": 1}), shows=("export interface DateModel {",)
)
called_record = Entry(Record, "{ rows: number[] }", Sample(Record(rows=[1]), {"rows": [1]}))
called_stream = Entry(Stream, "{ x: number }", Sample(Stream(x=1), {"x": 1}))
called_events = Entry(Events, "{ x: number }", Sample(Events(x=1), {"x": 1}))
called_string = Entry(
    string, "{ x: number }", Sample(string(x=1), {"x": 1}), shows=("export interface stringModel {",)
)
called_private = Entry(
    _Private, "{ x: number }", Sample(_Private(x=1), {"x": 1}), shows=("export interface _Private {",)
)
called_in_snake_case = Entry(
    Snake_Case,
    "{ x: number }",
    Sample(Snake_Case(x=1), {"x": 1}),
    shows=("export interface ClashesSnake_Case {",),
)
made_in_a_function = Entry(
    Local,
    "{ y: number }",
    Sample(Local(y=1), {"y": 1}),
    shows=("export interface LocalSnake_Case {",),
    written="a class made in the function `_local`",
)
called_in_german = Entry(
    Größe, "{ x: number }", Sample(Größe(x=1), {"x": 1}), shows=("export interface Größe {",)
)
made_more_than_once = Entry(
    GenericAlias(tuple, (MadeOfNumber, MadeOfText, MadeOfBoth)),
    "[{ x: number }, { y: string }, { x?: number; y?: string }]",
    Sample((MadeOfNumber(x=1), MadeOfText(y="b"), MadeOfBoth()), [{"x": 1}, {"y": "b"}, {"x": 1, "y": "a"}]),
    made="[{ x: number }, { y: string }, { x: number; y: string }]",
    shows=("export interface MadeInput {", "export interface Made2 {", "export interface Made3 {"),
    written='tuple of three models that were made by `create_model("Made", ...)`',
    why="Classes of one name in one place are numbered, by what they say.",
)
