"""Enums."""

from enum import Enum, IntEnum, IntFlag, StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from tests.corpus.entry import Entry, Sample


class Colour(Enum):
    """A colour."""

    RED = "red"
    DARK_BLUE = "dark blue"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Size(StrEnum):
    SMALL = "s"
    LARGE = "l"


class Aliased(Enum):
    """`CRIMSON` is another name of `RED`."""

    RED = 1
    CRIMSON = 1  # noqa: PIE796 — that it is no member of its own is what is tried
    BLUE = 2


class Mixed(Enum):
    NUMBER = 1
    TEXT = "a"
    TRUTH = True
    HALF = 0.5


class OneMember(Enum):
    ONLY = "only"


class Odd(Enum):
    DEFAULT = "*/ ` ${x} \u2028"
    DELETE = "delete"
    Größe = "g"


class Permission(IntFlag):
    READ = 1
    WRITE = 2


class Quoted(str, Enum):  # noqa: UP042 — the older spelling is what is tried
    YES = "y"


class Paint(BaseModel):
    colour: Colour = Colour.RED
    levels: list[Level] = []
    only_red: Literal[Colour.RED] = Colour.RED


colour = Entry(
    Colour,
    '"red" | "dark blue"',
    Sample(Colour.RED, "red"),
    Sample(Colour.DARK_BLUE, "dark blue"),
    shows=("export const Colour = {", '  DARK_BLUE: "dark blue",', "} as const;", "/** A colour. */"),
    why="A union of the values, and a `const` object of that name with the members: no `enum`, "
    "which is nominal and needs run-time code of its own.",
)
level = Entry(Level, "1 | 2", Sample(Level.HIGH, 2), shows=("export const Level = {",))
size = Entry(Size, '"s" | "l"', Sample(Size.LARGE, "l"))
aliased_members = Entry(
    Aliased,
    "1 | 2",
    Sample(Aliased.CRIMSON, 1),
    shows=("export const Aliased = {\n  RED: 1,\n  BLUE: 2,\n  CRIMSON: 1,\n}",),
)
mixed_values = Entry(
    Mixed, '1 | "a" | 0.5', Sample(Mixed.NUMBER, 1), Sample(Mixed.TEXT, "a"), Sample(Mixed.HALF, 0.5)
)
one_member = Entry(OneMember, '"only"', Sample(OneMember.ONLY, "only"), shows=("export const OneMember = {",))
odd_members = Entry(
    Odd,
    '"*/ ` ${x} \\u2028" | "delete" | "g"',
    Sample(Odd.DEFAULT, "*/ ` ${x} \u2028"),
    Sample(Odd.Größe, "g"),
    shows=('DELETE: "delete"', 'Größe: "g"'),
)
flags = Entry(
    Permission,
    "number",
    Sample(Permission.READ | Permission.WRITE, 3),
    why="A combination of flags is no member: any number of those bits.",
)
text_enum = Entry(Quoted, '"y"', Sample(Quoted.YES, "y"))
one_of_the_colours = Entry(Literal[Colour.RED], '"red"', Sample(Colour.RED, "red"))
painted = Entry(
    Paint,
    '{ colour?: Colour; levels?: Level[]; only_red?: "red" }',
    Sample(Paint(levels=[Level.LOW]), {"colour": "red", "levels": [1], "only_red": "red"}),
    made='{ colour: Colour; levels: Level[]; only_red: "red" }',
)
optional_colour = Entry(Colour | None, "Colour | null", None, Sample(Colour.RED, "red"))
described_colour = Entry(
    Annotated[Colour, Field(description="The colour of the wall.")],
    "Colour",
    Sample(Colour.RED, "red"),
    shows=("The colour of the wall.",),
)
