"""Scalars."""

import math
import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from ipaddress import IPv4Address, IPv4Network, IPv6Address
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal
from uuid import UUID

from fusewire import BigInt, NaiveDatetime
from pydantic import (
    UUID4,
    AnyUrl,
    AwareDatetime,
    ByteSize,
    Field,
    HttpUrl,
    IPvAnyAddress,
    JsonValue,
    PastDate,
    PositiveInt,
    Secret,
    SecretStr,
    StrictInt,
    conint,
    constr,
)

from tests.corpus.entry import Big, Entry, Sample

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
MOMENT_JSON = "2026-01-02T03:04:05.678000Z"
BEFORE_1970 = datetime(1931, 7, 8, 9, 10, 11, tzinfo=UTC)
KOLKATA = timezone(timedelta(hours=5, minutes=30))
ID = UUID("6f1c2a34-0b1d-4e8a-9c53-8f6e1d2c3b4a")

none = Entry(None, "null", None)
boolean = Entry(bool, "boolean", True, False)
text = Entry(str, "string", "", "héllo", "\0 \u2028 \u2029 \x85 \n \U0001f600 */ ` ${x}", "__proto__")
integer = Entry(
    int,
    "number",
    0,
    -1,
    2**31,
    2**53 - 1,
    -(2**53 - 1),
    why="Beyond ±(2**53 - 1) the TypeScript decoder raises a `RangeError` instead of rounding; use `BigInt` for such numbers.",
)
real = Entry(float, "number", 0.5, -1e300, 5e-324, 3.0)
real_without_json = Entry(
    float,
    "number",
    Sample(math.inf, None, math.inf, json_returns=False),
    Sample(-math.inf, None, -math.inf, json_returns=False),
    why="JSON has no infinity and no NaN: they are `null` there, and exact in msgpack.",
)
big_integer = Entry(
    BigInt,
    "bigint",
    Sample(1, "1", Big(1)),
    Sample(-(2**70), str(-(2**70)), Big(-(2**70))),
    why="Exact at any size: its digits as text in JSON, and in an extension type of msgpack.",
    written="BigInt",
)
strict_integer = Entry(StrictInt, "number", 7)
any_value = Entry(
    Any,
    "unknown",
    None,
    "x",
    {"a": [1, {"b": None}]},
    Sample(2.0, back=2),
    why="`unknown`, not `any`: what nobody declared has to be looked at. JavaScript has one kind of number, so `2.0` comes back as `2`.",
)
any_object = Entry(object, "unknown", 1, "x", [1, "a", {"b": True}])
raw = Entry(
    bytes,
    "Uint8Array",
    Sample(b"", "", b""),
    Sample(b"\xff\x00\xfe", "/wD+", b"\xff\x00\xfe"),
    why="JSON has no bytes: base64 (RFC 4648 §4) in and out, which `atob` reads.",
)
moment = Entry(
    datetime,
    "Date",
    Sample(MOMENT, MOMENT_JSON, MOMENT),
    Sample(BEFORE_1970, "1931-07-08T09:10:11Z", BEFORE_1970),
    Sample(
        datetime(2026, 1, 2, tzinfo=KOLKATA),
        "2026-01-02T00:00:00+05:30",
        datetime(2026, 1, 1, 18, 30, tzinfo=UTC),
    ),
    why="A moment, so it has a time zone; a naive one is an error. The zone itself is not kept: `Date` has none.",
)
moment_to_the_microsecond = Entry(
    datetime,
    "Date",
    Sample(
        MOMENT.replace(microsecond=678_901),
        "2026-01-02T03:04:05.678901Z",
        MOMENT.replace(microsecond=678_901),
        back=MOMENT,
    ),
    why="Exact on the wire; a `Date` holds milliseconds.",
)
aware_moment = Entry(AwareDatetime, "Date", Sample(MOMENT, MOMENT_JSON, MOMENT))
naive_moment = Entry(
    NaiveDatetime,
    "NaiveDatetime",
    Sample(datetime(2026, 1, 2, 3, 4, 5), "2026-01-02T03:04:05"),  # noqa: DTZ001 — that it is naive is what is tried
    why="A time on a clock, wherever it hangs: a branded string, for a `Date` would be a moment.",
    written="NaiveDatetime",
)
day = Entry(
    date,
    "PlainDate",
    Sample(date(2026, 2, 28), "2026-02-28"),
    why="A branded string: a `Date` is a moment, and would be another day in another time zone.",
)
time_of_day = Entry(
    time,
    "PlainTime",
    Sample(time(9, 30), "09:30:00"),
    Sample(time(23, 59, 59, 5, tzinfo=UTC), "23:59:59.000005Z"),
)
past_day = Entry(PastDate, "PlainDate", Sample(date(2001, 2, 3), "2001-02-03"))
duration = Entry(
    timedelta,
    "Duration",
    Sample(timedelta(hours=1, minutes=30), "PT1H30M"),
    Sample(timedelta(days=-1, microseconds=5), "-PT23H59M59.999995S"),
    why="ISO 8601, as a branded string: a number would not say of what.",
)
uuid = Entry(UUID, "UUID", Sample(ID, str(ID)))
random_uuid = Entry(UUID4, "UUID", Sample(ID, str(ID)))
decimal = Entry(
    Decimal,
    "Decimal",
    Sample(Decimal("1.10"), "1.10"),
    Sample(Decimal("12345678901234567890.123456789"), "12345678901234567890.123456789"),
    why="A branded string, exact to the last digit; a number would round.",
)
bounded_random_uuid = Entry(UUID4, "UUID", Sample(ID, str(ID)))
decimal = Entry(
    Annotated[Decimal, Field(gt=0, max_digits=6, decimal_places=2)],
    "Decimal",
    Sample(Decimal("9.90"), "9.90"),
)
file_path = Entry(Path, "string", Sample(Path("/tmp/x y"), "/tmp/x y"))
pure_path = Entry(PurePosixPath, "string", Sample(PurePosixPath("a/b"), "a/b"))
url = Entry(
    AnyUrl, "string", Sample(AnyUrl("redis://localhost/0"), "redis://localhost/0"), shows=("format uri",)
)
web_address = Entry(
    HttpUrl, "string", Sample(HttpUrl("https://example.org/a?b=c"), "https://example.org/a?b=c")
)
ip_address = Entry(IPv4Address, "string", Sample(IPv4Address("10.0.0.1"), "10.0.0.1"), shows=("format ipv4",))
ip6_address = Entry(IPv6Address, "string", Sample(IPv6Address("::1"), "::1"))
any_ip_address = Entry(IPvAnyAddress, "string", Sample(IPv6Address("::1"), "::1"))
ip_network = Entry(IPv4Network, "string", Sample(IPv4Network("10.0.0.0/8"), "10.0.0.0/8"))
pattern = Entry(re.Pattern[str], "string", Sample(re.compile("a+b"), "a+b"))
secret = Entry(
    SecretStr,
    "string",
    Sample(SecretStr("hunter2"), "**********", given="hunter2"),
    why="Goes in as text and comes out as asterisks, as pydantic has it.",
)
secret_number = Entry(
    Secret[int], "number", Sample(Secret[int](7), "**********", given=7), made="string", written="Secret[int]"
)
byte_size = Entry(ByteSize, "string | number", Sample(ByteSize(1024), 1024), made="number")
json_value = Entry(JsonValue, "JsonValue", None, 1, "x", [1, ["a", {"b": None}]], {"a": {"b": [True, 1.5]}})
one_literal = Entry(Literal["on"], '"on"', "on")
literals = Entry(Literal["b", "a", 1, True, None], '"b" | "a" | 1 | true | null', "b", "a", 1, True, None)
bounded_integer = Entry(
    Annotated[int, Field(ge=0, lt=10, multiple_of=2, description="How many.")],
    "number",
    0,
    8,
    shows=("minimum 0", "exclusiveMaximum 10", "multipleOf 2", "How many."),
)
bounded_text = Entry(
    Annotated[str, Field(min_length=1, max_length=3, pattern="^[a-z*/]+$")],
    "string",
    "abc",
    shows=("minLength 1", "maxLength 3"),
)
positive_integer = Entry(PositiveInt, "number", 1, written="PositiveInt", shows=("exclusiveMinimum 0",))
constrained_integer = Entry(conint(gt=1), "number", 2, written="conint(gt=1)")
constrained_text = Entry(constr(to_lower=True), "string", "abc", written="constr(to_lower=True)")
complex_number = Entry(complex, "string", Sample(1 + 2j, "1+2j"))
fraction = Entry(Fraction, "number | string", Sample(Fraction(1, 3), "1/3"), made="string")
