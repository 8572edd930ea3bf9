"""What a definition becomes: routers, routes, fields, defaults."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, NewType

import pytest
from fastapi import BackgroundTasks, Body, Depends, FastAPI, Query, Request, Response
from fastapi.responses import JSONResponse
from fusewire import Fuse, Identity, RegistrationError, Router
from pydantic import BaseModel, Field
from starlette.requests import HTTPConnection
from typing_extensions import TypeAliasType


class Thing(BaseModel):
    x: int


@pytest.fixture
def fuse() -> Fuse:
    return Fuse(FastAPI())


async def user() -> str:
    return "real"


Hidden = NewType("Hidden", Identity)
Aliased = TypeAliasType("Aliased", Identity)


def test_routers_nest_and_what_is_added_later_is_served_too(fuse: Fuse) -> None:
    outer, inner = (
        Router(prefix="/a", tags=["outer"], auth=True),
        Router(prefix="/b", namespace="deep", tags=["inner"]),
    )
    fuse.include_router(outer, prefix="/v1")
    outer.include_router(inner)

    @inner.get("/things/{thing}", auth=False)
    async def find(thing: int, page: Annotated[int, Query()] = 1) -> None: ...

    @outer
    async def make() -> None: ...

    procedures = fuse.contract()["procedures"]
    assert procedures["deep.find"]["http"]["path"] == "/api/v1/a/b/things/{thing}"
    assert (procedures["deep.find"]["auth"], procedures["make"]["auth"]) == (False, True)
    document = fuse.app.openapi()["paths"]
    assert document["/api/v1/a/b/things/{thing}"]["get"]["tags"] == ["outer", "inner"]
    assert document["/api/v1/a/make"]["post"]["tags"] == ["outer"]


async def test_the_function_stays_what_it_was(fuse: Fuse) -> None:
    @fuse.rpc
    async def add(a: int, b: int) -> int:
        return a + b

    @fuse.rpc(limit="5/h")
    async def count() -> AsyncIterator[int]:
        yield 1

    assert await add(1, 2) == 3
    assert [item async for item in count()] == [1]


def test_two_procedures_on_one_route(fuse: Fuse) -> None:
    @fuse.rpc.get("/things/{thing}")
    async def one(thing: int) -> None: ...

    with pytest.raises(RegistrationError, match=r"both be GET /things/\{other\}: .*one.*two"):

        @fuse.rpc.get("/things/{other}")
        async def two(other: int) -> None: ...


def test_one_name_from_two_places(fuse: Fuse) -> None:
    def tenant(user_id: Annotated[int, Query()]) -> int:
        return user_id

    with pytest.raises(RegistrationError, match="'user_id' is asked for in two places"):

        @fuse.rpc
        async def f(user_id: str, who: Annotated[int, Depends(tenant)]) -> None: ...


def test_a_shared_alias_is_not_changed_by_its_users(fuse: Fuse) -> None:
    ThingBody = Annotated[Thing, Body()]  # noqa: N806  # a type

    @fuse.rpc
    async def before(thing: ThingBody) -> None: ...

    @fuse.rpc
    async def two(thing: ThingBody, n: int) -> None: ...

    @fuse.rpc
    async def after(thing: ThingBody) -> None: ...

    procedures = fuse.contract()["procedures"]
    assert [procedures[name]["http"]["body"] for name in ("before", "two", "after")] == [
        "single",
        "fields",
        "single",
    ]


def test_plain_fields_and_factories(fuse: Fuse) -> None:
    @fuse.rpc
    async def f(
        a: int = Field(default=5, gt=0),
        b: list[int] = Body(default_factory=list),
        c: Annotated[int, Field(gt=0)] = 1,
    ) -> None: ...

    assert [p["required"] for p in fuse.contract()["procedures"]["f"]["params"]] == [False, False, False]
    body = fuse.app.openapi()["components"]["schemas"]["Body_f"]
    assert body["properties"]["a"]["exclusiveMinimum"] == 0


def test_a_verb_without_parentheses(fuse: Fuse) -> None:
    @fuse.rpc.get
    async def plain() -> int:
        return 1

    assert fuse.contract()["procedures"]["plain"]["http"] == {
        "method": "GET",
        "path": "/api/plain",
        "body": "none",
    }


def test_aliases_are_read_through(fuse: Fuse) -> None:
    Me = TypeAliasType("Me", Annotated[str, Depends(user)])  # noqa: N806  # a type

    async def f(me: Any, who: Any, other: Any = None) -> None: ...

    f.__annotations__ = {"me": Me, "who": Hidden, "other": Aliased | None, "return": None}
    fuse.rpc(f)
    assert fuse.contract()["procedures"]["f"]["params"] == []


def test_what_exists_over_http_alone_is_taken_there(fuse: Fuse) -> None:
    def below(request: Request, response: Response) -> None: ...

    @fuse.rpc(transports="http", dependencies=[Depends(below)])
    async def takes(
        request: Request,
        response: Response,
        maybe: Request | None = None,
        tasks: BackgroundTasks | None = None,
    ) -> None: ...

    @fuse.rpc(transports="http")
    async def answers() -> Response:
        return Response()

    @fuse.rpc(transports="http")
    async def answers_json() -> JSONResponse:
        return JSONResponse({})

    procedures = fuse.contract()["procedures"]
    for name in ("takes", "answers", "answers_json"):
        assert (procedures[name]["transports"], procedures[name]["params"]) == (["http"], [])


def test_what_is_injected_is_no_callers_parameter(fuse: Fuse) -> None:
    @fuse.rpc
    async def f(
        connection: HTTPConnection | None, tasks: BackgroundTasks | None, me: Identity | None, n: int
    ) -> None: ...

    assert [p["name"] for p in fuse.contract()["procedures"]["f"]["params"]] == ["n"]


def test_a_stream_of_responses_is_refused_over_http_too(fuse: Fuse) -> None:
    with pytest.raises(RegistrationError):

        @fuse.rpc(transports="http")
        async def stream() -> AsyncIterator[Response]:
            yield Response()
