"""How a declared type is compiled; what its values are on the wire is told by the behaviours."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from fastapi import FastAPI
from fusewire import BigInt, Fuse, RegistrationError
from fusewire.procedures.values import InputType, OutputType
from fusewire.wire.codec import Sizes, unpack
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    Json,
    PlainSerializer,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import core_schema
from typing_extensions import TypeAliasType

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Member(BaseModel):
    id: int
    name: str
    score: float | None = None


class Team(BaseModel):
    members: list[Member]
    by_name: dict[str, Member] = {}
    price: Decimal = Decimal(1)
    when: date = date(2026, 1, 1)


class Later(BaseModel):
    after: "list[Never] | None" = None


class Never(BaseModel):
    at: datetime


def sent(declared: Any, value: Any) -> Any:
    return unpack(OutputType(declared).packed(value), Sizes())


@pytest.mark.parametrize("declared", [Team, list[int], dict[str, Team], tuple[str, bool] | None])
def test_a_type_without_odd_parts_keeps_pydantics_own(declared: Any) -> None:
    output, given = OutputType(declared), InputType(declared)
    assert output._exact.__self__ is output.adapter.serializer
    assert output._json is output.adapter.serializer
    assert given.check.__self__ is given.adapter.validator  # type: ignore[attr-defined]  # a bound method


def test_moments_and_bytes_cost_msgpack_nothing() -> None:
    class Row(BaseModel):
        at: datetime
        raw: bytes
        day: date

    output = OutputType(list[Row])
    assert output._exact.__self__ is output.adapter.serializer
    assert output._json is not output.adapter.serializer


class Colour(Enum):
    PAIR = (1, 2)


def _refused() -> list[tuple[Any, str]]:
    return [
        (Callable[[], int], "no client could be given it"),
        (type[int], "a class"),
        (dict[bytes, int], "bytes cannot be a key"),
        (dict[tuple[int, int], int], "a tuple cannot be a key"),
        (dict[int | bytes, int], "bytes cannot be a key"),
        (list[dict[str, Literal[b"x"]]], "has no form in JSON"),
        (Colour, "cannot come from a client"),
    ]


@pytest.mark.parametrize(("declared", "told"), _refused(), ids=str)
def test_what_has_no_form_is_refused_where_it_is_registered(declared: Any, told: str) -> None:
    fuse = Fuse(FastAPI())

    async def take(value: Any) -> None: ...

    async def give() -> Any: ...

    take.__annotations__["value"] = declared
    with pytest.raises(RegistrationError, match=told) as raised:
        fuse.rpc(take)
    assert "test_values.py" in str(raised.value)
    give.__annotations__["return"] = declared
    if declared is not Colour and declared != dict[tuple[int, int], int]:
        with pytest.raises(RegistrationError, match=told):
            fuse.rpc(give)


def test_text_that_is_parsed_when_it_comes_in_does_not_leave() -> None:
    fuse = Fuse(FastAPI())

    class Row(BaseModel):
        numbers: Json[list[int]]

    async def give() -> list[Json[list[int]]]:
        return []

    with pytest.raises(RegistrationError, match="declare what it holds"):
        fuse.rpc(give)

    @fuse.rpc
    async def turned(numbers: Json[list[int]]) -> Row:
        return Row.model_construct(numbers=numbers)


def test_a_class_that_pydantic_does_not_know_needs_a_form() -> None:
    class Own:
        pass

    class Holds(BaseModel, arbitrary_types_allowed=True):
        own: Own

    class Writes(BaseModel, arbitrary_types_allowed=True):
        own: Annotated[Own, PlainSerializer(lambda _: "own", return_type=str)]

    with pytest.raises(TypeError, match="no client could be given it"):
        OutputType(Holds)
    assert sent(Writes, Writes(own=Own())) == {"own": "own"}


def test_an_event_may_refer_to_a_class_that_comes_later() -> None:
    output = OutputType(Later)
    assert sent(Later, Later()) == {"after": None}
    value = Later(after=[Never(at=MOMENT)])
    assert unpack(output.packed(value), Sizes()) == {"after": [{"at": MOMENT}]}
    deferred = type(
        "Deferred",
        (BaseModel,),
        {"__annotations__": {"a": bytes}, "model_config": ConfigDict(defer_build=True)},
    )
    assert InputType(deferred).check({"a": "/w=="}).a == b"\xff"


class Unfinished(BaseModel):
    one: "Nowhere"  # type: ignore[name-defined]  # noqa: F821  # that is the point


def test_an_argument_may_not_refer_to_what_does_not_exist() -> None:
    async def take(value: Unfinished) -> None: ...

    with pytest.raises(RegistrationError, match=r"test_values\.py.*'value' cannot be used"):
        Fuse(FastAPI()).rpc(take)


def test_aliases_of_types_are_what_they_stand_for() -> None:
    stamp, blob = TypeAliasType("stamp", datetime), TypeAliasType("blob", bytes)
    check = InputType(dict[str, stamp | list[blob]]).check  # type: ignore[valid-type]  # made at run time
    assert check({"a": "2026-01-02T03:04:05Z", "b": ["/w=="]}) == {"a": MOMENT, "b": [b"\xff"]}
    with pytest.raises(ValidationError, match="timezone"):
        check({"a": "2026-01-02T03:04:05"})


def test_fields_may_be_called_like_the_words_of_a_schema() -> None:
    class Odd(BaseModel):
        type: bytes
        fields: datetime
        schema_: bytes = Field(alias="schema")
        serialization: dict[int, bytes] = {1: b"\xff"}
        default: dict[str, Any] = {"type": "bytes"}

    value = {"type": "/w==", "fields": "2026-01-02T03:04:05Z", "schema": "/w=="}
    odd = InputType(Odd).check(value)
    assert (odd.type, odd.fields, odd.schema_) == (b"\xff", MOMENT, b"\xff")
    assert OutputType(Odd).jsonable(odd) == {
        **value,
        "serialization": {"1": "/w=="},
        "default": {"type": "bytes"},
    }


def test_validators_run_as_they_do_in_pydantic() -> None:
    class Checked(BaseModel):
        raw: bytes = Field(max_length=2)
        at: datetime

        @field_validator("raw", mode="before")
        @classmethod
        def _first(cls, value: Any, info: ValidationInfo) -> Any:
            return value[1:] if isinstance(value, str) else value

    check = InputType(Checked).check
    assert check({"raw": "!/w==", "at": MOMENT}).raw == b"\xff"
    with pytest.raises(ValidationError, match="at most 2 bytes"):
        check({"raw": "!AAAA", "at": MOMENT})


@pytest.mark.parametrize(
    ("declared", "given", "taken"),
    [
        (bytes | str, "abcd", "abcd"),
        (str | bytes, b"x", b"x"),
        (bytes | int | None, "/w==", b"\xff"),
        (bytes | int | None, None, None),
        (bytes | datetime, "2026-01-02T03:04:05Z", MOMENT),
        (bytes, "-_8=", b"\xfb\xff"),
        (BigInt | None, "-5", -5),
        (Annotated[BigInt, Field(ge=0)], 2**80, 2**80),
        (Iterable[bytes], ["/w=="], [b"\xff"]),
    ],
    ids=str,
)
def test_what_is_taken(declared: Any, given: Any, taken: Any) -> None:
    assert InputType(declared).check(given) == taken


def test_unions_and_keys_go_out_as_declared() -> None:
    class Frozen(BaseModel, frozen=True):
        raw: bytes

    upper = Annotated[str, PlainSerializer(str.upper, return_type=str)]
    as_padded = core_schema.format_ser_schema("05.1f")
    as_text = core_schema.to_string_ser_schema(when_used="json-unless-none")

    class Written(BaseModel):
        padded: Annotated[float, AddsSerialization(as_padded)]
        text: Annotated[int | None, AddsSerialization(as_text)]

    cases: list[tuple[Any, Any, Any]] = [
        (set[Frozen] | str, "abc", "abc"),
        (str | set[Frozen], {Frozen(raw=b"x")}, [{"raw": b"x"}]),
        (BigInt | bool, True, True),
        (bool | BigInt, 2**70, 2**70),
        (dict[upper, int], {"a": 1}, {"A": 1}),
        (dict[Literal["a"] | Colour, int], {"a": 1}, {"a": 1}),
        (list[Written], [Written(padded=1, text=None)], [{"padded": "001.0", "text": None}]),
        (list[Written], [Written(padded=1, text=5)], [{"padded": "001.0", "text": "5"}]),
    ]
    for declared, value, there in cases:
        assert sent(declared, value) == there
        if not isinstance(there, int | list) or "padded" in str(there):
            assert OutputType(declared).jsonable(value) == there


class AddsSerialization:
    """How libraries say it to pydantic."""

    def __init__(self, serialization: Any) -> None:
        self._serialization = serialization

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        return {**handler(source), "serialization": self._serialization}


def test_subclasses_of_moments_are_moments() -> None:
    class Frozen(datetime):
        pass

    there = Frozen(2026, 1, 2, 4, 4, 5, 678901, tzinfo=timezone(timedelta(hours=1)))
    assert sent(list[datetime], [there]) == [MOMENT.replace(microsecond=678901)]
    assert sent(Any, {"a": there}) == {"a": MOMENT.replace(microsecond=678901)}


def test_a_result_that_does_not_fit_is_no_result() -> None:
    @dataclass
    class Row:
        id: int
        name: str
        secret: str = "x"

    assert sent(Member, Row(1, "a")) == {"id": 1, "name": "a", "score": None}
    with pytest.raises(ValidationError):
        sent(Member, {"id": "x"})
    # A model that was changed behind pydantic's back.
    member = Member(id=1, name="a")
    member.__dict__["id"] = "x"
    with pytest.raises(ValueError, match="Expected `int`"):
        sent(Member, member)


def test_the_types_themselves_are_untouched() -> None:
    InputType(Never), OutputType(Never).json(Never(at=MOMENT))
    assert TypeAdapter(Never).validate_python({"at": "2026-01-02T03:04:05"}).at.tzinfo is None
    assert Never(at=MOMENT.replace(tzinfo=None)).model_dump_json() == '{"at":"2026-01-02T03:04:05"}'
