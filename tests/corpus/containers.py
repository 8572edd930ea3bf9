"""Lists, tuples, sets, dictionaries and optional values."""

from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Optional
from uuid import UUID

from fusewire import BigInt
from pydantic import Field

from tests.corpus.entry import Entry, Sample
from tests.corpus.enums import Colour, Level
from tests.corpus.scalars import ID, MOMENT, MOMENT_JSON

numbers = Entry(list[int], "number[]", [], [1, 2, 3])
bare_list = Entry(list, "unknown[]", [], [1, "a", None])
nested_lists = Entry(list[list[list[str]]], "string[][][]", [[["a"], []], []])
optional_items = Entry(list[int | None], "(number | null)[]", [1, None])
moments = Entry(list[datetime], "Date[]", Sample([MOMENT], [MOMENT_JSON], [MOMENT]))
blobs = Entry(list[bytes], "Uint8Array[]", Sample([b"\xff", b""], ["/w==", ""], [b"\xff", b""]))
bounded_list = Entry(
    Annotated[list[int], Field(min_length=1, max_length=3)],
    "number[]",
    [1, 2],
    shows=("minItems 1", "maxItems 3"),
)
sequence = Entry(Sequence[str], "string[]", ["a", "b"])
a_deque = Entry(deque[int], "number[]", Sample(deque([1, 2]), [1, 2]))
a_set = Entry(
    set[int],
    "number[]",
    Sample({1, 2, 3}, [1, 2, 3]),
    shows=("uniqueItems",),
    why="An array: a JavaScript `Set` compares objects by identity, and has no JSON form.",
)
a_frozenset = Entry(frozenset[str], "string[]", Sample(frozenset(("a",)), ["a"]))
set_of_moments = Entry(set[datetime], "Date[]", Sample({MOMENT}, [MOMENT_JSON], [MOMENT]))
set_of_bytes = Entry(frozenset[bytes], "Uint8Array[]", Sample(frozenset((b"\xff",)), ["/w=="], [b"\xff"]))
pair = Entry(tuple[int, str], "[number, string]", Sample((1, "a"), [1, "a"]))
single = Entry(tuple[int], "[number]", Sample((1,), [1]))
empty_tuple = Entry(tuple[()], "[]", Sample((), []))
any_length = Entry(tuple[int, ...], "number[]", Sample((1, 2), [1, 2]), Sample((), []))
bare_tuple = Entry(tuple, "unknown[]", Sample((1, "a"), [1, "a"]))
pair_of_wire_values = Entry(
    tuple[datetime, bytes],
    "[Date, Uint8Array]",
    Sample((MOMENT, b"\xff"), [MOMENT_JSON, "/w=="], [MOMENT, b"\xff"]),
)
pairs = Entry(list[tuple[str, int]], "[string, number][]", Sample([("a", 1)], [["a", 1]]))
optional_pair = Entry(tuple[int | None, str], "[number | null, string]", Sample((None, "a"), [None, "a"]))
optional_text = Entry(str | None, "string | null", None, "x")
old_optional = Entry(Optional[int], "number | null", None, 0)  # noqa: UP045 — the older spelling is what is tried
optional_list = Entry(list[str] | None, "string[] | null", None, [])
records = Entry(dict[str, int], "Record<string, number>", {}, {"a": 1, "b-c": 2, "": 3, "__proto__": 4})
bare_dict = Entry(dict, "Record<string, unknown>", {"a": [1, None]})
any_dict = Entry(dict[str, Any], "Record<string, unknown>", {"a": {"b": 1}})
mapping = Entry(Mapping[str, bool], "Record<string, boolean>", {"a": True})
ordered = Entry(
    OrderedDict[str, int], "Record<string, number>", Sample(OrderedDict(z=1, a=2), {"z": 1, "a": 2})
)
default_dict = Entry(
    defaultdict[str, list[int]], "Record<string, number[]>", Sample(defaultdict(list, a=[1]), {"a": [1]})
)
counted = Entry(Counter[str], "Record<string, number>", Sample(Counter("aab"), {"a": 2, "b": 1}))
nested_dicts = Entry(
    dict[str, dict[str, list[int]]], "Record<string, Record<string, number[]>>", {"a": {"b": [1]}, "c": {}}
)
dict_of_moments = Entry(
    dict[str, datetime], "Record<string, Date>", Sample({"a": MOMENT}, {"a": MOMENT_JSON}, {"a": MOMENT})
)
by_integer = Entry(
    dict[int, str],
    "Record<number, string>",
    Sample({1: "a", -2: "b"}, {"1": "a", "-2": "b"}),
    why="Keys are text on the wire; pydantic reads them back as the declared type.",
)
by_bounded_integer = Entry(
    dict[Annotated[int, Field(ge=0)], str], "Record<number, string>", Sample({1: "a"}, {"1": "a"})
)
by_float = Entry(dict[float, str], "Record<number, string>", Sample({1.5: "a"}, {"1.5": "a"}))
by_integer_twice = Entry(
    dict[int, dict[int, bool]],
    "Record<number, Record<number, boolean>>",
    Sample({1: {2: True}}, {"1": {"2": True}}),
)
by_uuid = Entry(dict[UUID, int], "Record<UUID, number>", Sample({ID: 1}, {str(ID): 1}))
by_day = Entry(dict[date, int], "Record<PlainDate, number>", Sample({date(2026, 1, 2): 1}, {"2026-01-02": 1}))
by_decimal = Entry(dict[Decimal, int], "Record<Decimal, number>", Sample({Decimal("1.10"): 1}, {"1.10": 1}))
by_moment = Entry(
    dict[datetime, int],
    "Record<string, number>",
    Sample({MOMENT: 1}, {MOMENT_JSON: 1}),
    why="A `Date` can be no key: its ISO 8601 text is.",
)
by_boolean = Entry(dict[bool, int], "Record<string, number>", Sample({True: 1}, {"true": 1}))
by_colour = Entry(
    dict[Colour, int],
    "Partial<Record<Colour, number>>",
    Sample({Colour.RED: 1}, {"red": 1}),
    why="`Partial`, for not every member has to be there.",
)
by_level = Entry(dict[Level, str], "Partial<Record<Level, string>>", Sample({Level.HIGH: "x"}, {"2": "x"}))
by_literal = Entry(dict[Literal["a", "b"], int], 'Partial<Record<"a" | "b", number>>', {"a": 1})
by_short_text = Entry(dict[Annotated[str, Field(max_length=2)], int], "Record<string, number>", {"ab": 1})
by_pattern = Entry(
    dict[Annotated[str, Field(pattern="^a")], datetime],
    "Record<string, Date>",
    Sample({"ab": MOMENT}, {"ab": MOMENT_JSON}, {"ab": MOMENT}),
)
by_pattern_nested = Entry(
    dict[Annotated[str, Field(pattern="^[a-z]+$", max_length=3)], dict[str, int | None]],
    "Record<string, Record<string, number | null>>",
    {"abc": {"x": None}},
)
by_big_integer = Entry(dict[BigInt, int], "Record<string, number>", Sample({2**70: 1}, {str(2**70): 1}))
by_either = Entry(dict[int | str, int], "Record<string, number>", Sample({"a": 1}, {"a": 1}))
optional_values = Entry(dict[str, int | None], "Record<string, number | null>", {"a": None})
list_of_dicts = Entry(
    list[dict[str, tuple[int, str]]],
    "Record<string, [number, string]>[]",
    Sample([{"a": (1, "b")}], [{"a": [1, "b"]}]),
)
