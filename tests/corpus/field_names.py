"""Names of fields: aliases, keywords of TypeScript, and what is no identifier."""

from __future__ import annotations

from datetime import datetime

from pydantic import AliasChoices, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from tests.corpus.entry import Entry, Sample
from tests.corpus.scalars import MOMENT, MOMENT_JSON


class Keywords(BaseModel):
    """Field names that mean something in TypeScript."""

    class_: int = Field(alias="class")
    delete: int
    function: int
    new: int
    constructor: int
    default: int
    interface: int


class OddNames(BaseModel):
    content_type: str = Field(alias="content-type")
    first: int = Field(alias="1st")
    quote: int = Field(alias='say "hi"')
    dotted: int = Field(alias="a.b")
    dollar: int = Field(alias="$ref")
    nothing: int = Field(alias="")
    line: int = Field(alias="line\u2028end")
    größe: int


class Named(BaseModel):
    """Fields called like what a schema says about them."""

    type: str
    properties: int
    required: bool
    title: str
    description: str
    enum: int
    const: int
    items: list[int]


class Camel(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    first_name: str
    last_seen_at: datetime | None = None


class TwoAliases(BaseModel):
    text: str = Field(validation_alias="textIn", serialization_alias="textOut")


class Choices(BaseModel):
    name: str = Field(validation_alias=AliasChoices("name", "title"))


class ByName(BaseModel):
    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True, validate_by_alias=True)

    user_name: str = Field(alias="userName")


keywords = Entry(
    Keywords,
    "{ class: number; delete: number; function: number; new: number; constructor: number; default: number; interface: number }",
    Sample(
        Keywords(
            **dict.fromkeys(("class", "delete", "function", "new", "constructor", "default", "interface"), 1)
        ),
        dict.fromkeys(("class", "delete", "function", "new", "constructor", "default", "interface"), 1),
    ),
)

_ODD = {
    "content-type": "a",
    "1st": 1,
    'say "hi"': 2,
    "a.b": 3,
    "$ref": 4,
    "": 5,
    "line\u2028end": 6,
    "größe": 7,
}
odd_names = Entry(
    OddNames,
    '{ "content-type": string; "1st": number; "say \\"hi\\"": number; "a.b": number; $ref: number; "": number; '
    '"line\\u2028end": number; größe: number }',
    Sample(
        OddNames.model_validate(_ODD),
        _ODD,
    ),
)

named_like_a_schema = Entry(
    Named,
    "{ type: string; properties: number; required: boolean; title: string; description: string; "
    "enum: number; const: number; items: number[] }",
    Sample(
        Named(type="t", properties=1, required=True, title="x", description="d", enum=1, const=2, items=[1]),
        {
            "type": "t",
            "properties": 1,
            "required": True,
            "title": "x",
            "description": "d",
            "enum": 1,
            "const": 2,
            "items": [1],
        },
    ),
)

camel = Entry(
    Camel,
    "{ firstName: string; lastSeenAt?: Date | null }",
    Sample(
        Camel(first_name="a", last_seen_at=MOMENT),
        {"firstName": "a", "lastSeenAt": MOMENT_JSON},
        {"firstName": "a", "lastSeenAt": MOMENT},
    ),
    made="{ firstName: string; lastSeenAt: Date | null }",
    why="The alias is the name on the wire, so it is the name in TypeScript.",
)

two_aliases = Entry(
    TwoAliases,
    "{ textIn: string }",
    Sample(TwoAliases(textIn="a"), {"textOut": "a"}, given={"textIn": "a"}),
    made="{ textOut: string }",
)

choices = Entry(Choices, "{ name: string }", Sample(Choices(name="a"), {"name": "a"}))

by_alias_or_name = Entry(ByName, "{ userName: string }", Sample(ByName(user_name="a"), {"userName": "a"}))
