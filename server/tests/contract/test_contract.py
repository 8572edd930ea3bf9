"""The contract is deterministic and says what docs/contract.md says."""

import enum
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from fastapi import Body, Depends, FastAPI, Query
from fusewire import Fuse, RegistrationError, RpcError
from pydantic import BaseModel, Field, computed_field


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Item(BaseModel):
    name: str
    note: str | None = None
    colour: Colour = Colour.RED
    secret: str = Field(default="", exclude=True)

    @computed_field  # type: ignore[prop-decorator]  # as pydantic's manual writes it
    @property
    def title(self) -> str:
        return self.name.title()


class Left(BaseModel):
    left: int


class Spent(RpcError[Left], status=402):
    """Nothing left."""


@pytest.fixture
def fuse() -> Fuse:
    return Fuse(FastAPI())


def test_parameters_in_call_order(fuse: Fuse) -> None:
    def page(limit: int = 10) -> int:
        return limit

    @fuse.rpc(raises=[Spent])
    async def find(
        a: int, limit: Annotated[int, Depends(page)], b: str = "x", *, c: bool, d: Item | None = None
    ) -> None:
        """Find it."""

    contract = fuse.contract()
    procedure = contract["procedures"]["find"]
    assert [(p["name"], p["required"], p["keyword"]) for p in procedure["params"]] == [
        ("a", True, False),
        ("b", False, False),
        ("c", True, True),
        ("d", False, True),
        ("limit", False, True),
    ]
    assert procedure["doc"] == "Find it."
    assert procedure["errors"] == ["SPENT"]
    assert contract["errors"]["SPENT"] == {
        "status": 402,
        "doc": "Nothing left.",
        "data": {"$ref": "#/types/Left"},
    }


def test_a_model_that_differs_by_direction_has_two_types(fuse: Fuse) -> None:
    @fuse.rpc
    async def echo(item: Item) -> Item:
        return item

    types = fuse.contract()["types"]
    given, made = types["ItemInput"], types["ItemOutput"]
    assert given["required"] == ["name"]
    assert set(given["properties"]) == {"name", "note", "colour", "secret"}
    assert sorted(made["required"]) == ["colour", "name", "note", "title"]
    assert "secret" not in made["properties"]
    assert types["Colour"] == {
        "enum": ["red", "blue"],
        "title": "Colour",
        "type": "string",
        "x-enum-names": ["RED", "BLUE"],
    }


@pytest.mark.parametrize(
    ("annotation", "mark"),
    [
        (datetime, "datetime"),
        (date, "date"),
        (time, "time"),
        (timedelta, "timedelta"),
        (UUID, "uuid"),
        (Decimal, "decimal"),
        (bytes, "bytes"),
    ],
)
def test_marks(fuse: Fuse, annotation: Any, mark: str) -> None:
    async def echo(value: Any) -> Any: ...

    echo.__annotations__ = {"value": annotation, "return": annotation}
    fuse.rpc(echo)
    procedure = fuse.contract()["procedures"]["echo"]
    assert procedure["params"][0]["schema"]["x-fuse"] == mark
    assert procedure["result"]["x-fuse"] == mark


def test_routes_and_kinds(fuse: Fuse) -> None:
    @fuse.rpc.get("/n/{n}")
    async def numbers(n: int, tag: Annotated[str, Query()] = "") -> AsyncIterator[int]:
        yield n

    @fuse.rpc(transports="http")
    async def login(user: Left) -> None: ...

    procedures = fuse.contract()["procedures"]
    assert procedures["numbers"]["kind"] == "stream"
    assert procedures["numbers"]["result"] == {"type": "integer"}
    assert procedures["numbers"]["http"] == {"method": "GET", "path": "/api/n/{n}", "body": "none"}
    assert procedures["login"]["transports"] == ["http"]
    assert procedures["login"]["http"]["body"] == "single"


def test_the_calls_hash_is_over_call_shapes_alone() -> None:
    def build(annotation: Any, *, name: str = "a") -> dict[str, Any]:
        fuse = Fuse(FastAPI())
        namespace: dict[str, Any] = {}
        exec(f"async def f({name}, b=1): ...", namespace)
        namespace["f"].__annotations__ = {name: annotation, "b": int, "return": None}
        fuse.rpc(namespace["f"])
        return fuse.contract()

    base, retyped, renamed = build(int), build(str), build(int, name="z")
    assert base["calls"] == retyped["calls"] != renamed["calls"]
    assert len({base["hash"], retyped["hash"], renamed["hash"]}) == 3


def test_an_upload_is_a_parameter_with_the_schema_of_an_item(fuse: Fuse) -> None:
    @fuse.rpc(transports="websocket")
    async def store(
        place: str, items: AsyncIterator[Item], *, dry: bool = False
    ) -> AsyncIterator[Annotated[int, Field(ge=0)]]:
        async for _ in items:
            yield 1

    contract = fuse.contract()
    procedure = contract["procedures"]["store"]
    # What is validated on its way in, though no result has a type of that name.
    assert procedure["params"][1] == {
        "name": "items",
        "schema": {"$ref": "#/types/Item"},
        "required": True,
        "keyword": False,
        "upload": True,
    }
    assert "title" not in contract["types"]["Item"]["properties"]
    assert [p["name"] for p in procedure["params"] if "upload" in p] == ["items"]
    assert (procedure["kind"], procedure["transports"]) == ("stream", ["websocket"])
    assert procedure["result"] == {"minimum": 0, "type": "integer"}


def test_an_upload_may_be_described(fuse: Fuse) -> None:
    @fuse.rpc(transports="websocket")
    async def field(rows: Annotated[AsyncIterator[Item], Field(description="In order.")]) -> None: ...

    @fuse.rpc(transports="websocket")
    async def body(rows: Annotated[AsyncIterator[Item], Body(description="In order.")]) -> None: ...

    for procedure in fuse.contract()["procedures"].values():
        assert [param["doc"] for param in procedure["params"]] == ["In order."]


def test_what_has_an_upload_has_no_rest_form(fuse: Fuse) -> None:
    @fuse.rpc(transports="websocket")
    async def total(items: AsyncIterator[int]) -> int:
        return sum([item async for item in items])

    @fuse.rpc
    async def add(a: int) -> int:
        return a

    assert "http" not in fuse.contract()["procedures"]["total"]
    document = fuse.app.openapi()
    assert list(document["paths"]) == ["/api/add"]
    assert "total" not in str(document)


def test_an_upload_is_part_of_the_calls_hash() -> None:
    def build(annotation: Any) -> dict[str, Any]:
        other = Fuse(FastAPI())

        async def f(a: Any) -> None: ...

        f.__annotations__ = {"a": annotation, "return": None}
        other.rpc(transports="websocket")(f)
        return other.contract()

    whole, items, others = build(list[int]), build(AsyncIterator[int]), build(AsyncIterator[str])
    assert whole["calls"] != items["calls"] == others["calls"]
    assert items["hash"] != others["hash"]


def test_the_bound_of_bytes_is_told_and_is_no_call_shape() -> None:
    def build(**options: Any) -> dict[str, Any]:
        fuse = Fuse(FastAPI())

        @fuse.rpc(**options)
        async def f() -> None: ...

        return fuse.contract()

    usual, larger = build(), build(max_bytes=2_000_000)
    assert "max_bytes" not in usual["procedures"]["f"]
    assert larger["procedures"]["f"]["max_bytes"] == 2_000_000
    assert usual["calls"] == larger["calls"]
    assert usual["hash"] != larger["hash"]


def test_two_errors_of_one_code(fuse: Fuse) -> None:
    other = type("Spent", (RpcError,), {})

    with pytest.raises(RegistrationError, match="two errors would both be SPENT"):

        @fuse.rpc(raises=[Spent, other])
        async def f() -> None: ...


PROGRAM = """
import json
from typing import Literal
from fastapi import FastAPI
from fusewire import Fuse
from pydantic import BaseModel
class A(BaseModel):
    x: set[str] | int | Literal["b", "a"] | None = None
class B(BaseModel):
    a: A | int | str
fuse = Fuse(FastAPI())
@fuse.rpc
async def f(b: B, a: A) -> dict[str, A | B]: ...
print(json.dumps(fuse.contract()))
"""


def test_the_same_for_every_hash_seed() -> None:
    outputs = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            timeout=30,
        ).stdout
        for seed in ("0", "1", "2", "3")
    }
    assert len(outputs) == 1


def test_literals_and_unions_keep_their_order(fuse: Fuse) -> None:
    @fuse.rpc
    async def f(a: Literal["b", "a", "c"]) -> int | str | None: ...

    procedure = fuse.contract()["procedures"]["f"]
    assert procedure["params"][0]["schema"]["enum"] == ["b", "a", "c"]
    assert [arm["type"] for arm in procedure["result"]["anyOf"]] == ["integer", "string", "null"]


class Cat(BaseModel):
    kind: Literal["cat"]
    mapping: int = 1


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"


def test_discriminated_unions_name_the_types_that_are_there(fuse: Fuse) -> None:
    @fuse.rpc
    async def pet(
        value: Annotated[Cat | Dog, Field(discriminator="kind")],
    ) -> Annotated[Cat | Dog, Field(discriminator="kind")]:
        return value

    contract = fuse.contract()
    for schema in (
        contract["procedures"]["pet"]["params"][0]["schema"],
        contract["procedures"]["pet"]["result"],
    ):
        for ref in (*schema["discriminator"]["mapping"].values(), *(arm["$ref"] for arm in schema["oneOf"])):
            assert ref.removeprefix("#/types/") in contract["types"]
    assert set(contract["types"]["CatInput"]["properties"]) == {"kind", "mapping"}


class Parrot(BaseModel):
    kind: Literal["parrot"] = "parrot"
    words: int = 9


class Hound(BaseModel):
    kind: Literal["hound"] = "hound"
    barks: bool


class Fish(BaseModel):
    kind: Literal["fish"] = "fish"


class Cage(BaseModel):
    pet: Parrot | Hound = Field(discriminator="kind")


def test_a_member_of_a_discriminated_union_requires_what_tells_it_apart(fuse: Fuse) -> None:
    @fuse.rpc
    async def keep(cage: Cage, fish: Fish) -> Cage:
        return cage

    types = fuse.contract()["types"]
    assert {name: each.get("required", []) for name, each in types.items()} == {
        "CageInput": ["pet"],
        "CageOutput": ["pet"],
        "ParrotInput": ["kind"],
        "ParrotOutput": ["kind", "words"],
        "Hound": ["kind", "barks"],
        "Fish": [],
    }
    assert "default" not in types["ParrotInput"]["properties"]["kind"]


def test_dictionaries_say_what_their_keys_are(fuse: Fuse) -> None:
    @fuse.rpc
    async def f(scores: dict[int, str]) -> dict[str, int]:
        return {name: n for n, name in scores.items()}

    procedure = fuse.contract()["procedures"]["f"]
    assert procedure["params"][0]["schema"]["x-fuse-keys"] == {"type": "integer"}
    assert "x-fuse-keys" not in procedure["result"]
