"""What cannot work is refused while decorating, naming function, file and line."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any, NewType

import pytest
from fastapi import (
    Body,
    Depends,
    FastAPI,
    Form,
    Header,
    Path,
    Query,
    Request,
    Response,
    UploadFile,
    WebSocket,
)
from fusewire import Credentials, Fuse, Identity, RegistrationError, Router, RpcError
from pydantic import BaseModel, Field
from typing_extensions import TypeAliasType


class Thing(BaseModel):
    x: int


@pytest.fixture
def fuse() -> Fuse:
    return Fuse(FastAPI())


async def takes_args(*args: int) -> None: ...
async def takes_kwargs(**kwargs: int) -> None: ...
async def no_type(a) -> None: ...  # type: ignore[no-untyped-def]
async def no_return(a: int): ...  # type: ignore[no-untyped-def]
async def bad_stream() -> list[int]:  # type: ignore[misc]
    yield 1


async def takes_request(request: Request) -> None: ...
async def takes_response(response: Response) -> None: ...
async def takes_socket(socket: WebSocket) -> None: ...
async def takes_upload(file: UploadFile) -> None: ...
async def takes_form(name: Annotated[str, Form()]) -> None: ...
async def returns_response() -> Response: ...  # type: ignore[empty-body]
async def takes_object(what: asyncio.Event) -> None: ...
async def then() -> None: ...
async def constructor() -> None: ...
async def status() -> None: ...
async def unresolved(a: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821
async def needs(request: Request) -> int: ...  # type: ignore[empty-body]
async def user() -> str:
    return "real"


Hidden = NewType("Hidden", Identity)
Aliased = TypeAliasType("Aliased", Identity)


async def dependency_or_none(u: Annotated[str, Depends(user)] | None = None) -> None: ...
async def dependency_in_a_list(u: list[Annotated[str, Depends(user)]]) -> None: ...
async def dependency_and_field(u: Annotated[str, Depends(user), Query()]) -> None: ...
async def identity_in_a_list(u: list[Identity]) -> None: ...
async def identity_or_text(u: Identity | str) -> None: ...
async def credentials(c: Credentials) -> None: ...
async def nowhere_in_the_path(a: Annotated[int, Path()]) -> None: ...
async def header_model(h: Annotated[Thing, Header()]) -> None: ...
async def below(value: Annotated[int, Depends(needs)]) -> None: ...


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (takes_args, r"\*args: int has no type"),
        (takes_kwargs, r"\*\*kwargs: int has no type"),
        (no_type, "parameter 'a' has no type"),
        (no_return, "no return type"),
        (bad_stream, "a stream returns e.g. AsyncIterator"),
        (takes_request, 'Request exists only over HTTP; add transports="http"'),
        (takes_response, "Response exists only over HTTP"),
        (takes_socket, "take HTTPConnection"),
        (takes_upload, "is a form field"),
        (takes_form, "is a form field"),
        (returns_response, "a Response exists only over HTTP"),
        (takes_object, "the type of 'what' cannot be used"),
        (then, "'then' has a meaning of its own in JavaScript"),
        (constructor, "'constructor' has a meaning"),
        (status, "'status' would hide the client's own member"),
        (unresolved, "an annotation cannot be resolved"),
        (dependency_or_none, r"Depends\(\.\.\.\) of 'u' is inside another type"),
        (dependency_in_a_list, "is inside another type"),
        (dependency_and_field, "is said to be a dependency and a field"),
        (identity_in_a_list, "Identity in the type of 'u' cannot come from a caller"),
        (identity_or_text, "Identity in the type of 'u'"),
        (credentials, "Credentials in the type of 'c'"),
        (nowhere_in_the_path, "which has no {a}"),
        (header_model, "take each header as a parameter of its own"),
        (below, "needs .*Request exists only over HTTP"),
    ],
)
def test_refused(fuse: Fuse, function: Callable[..., Any], says: str) -> None:
    with pytest.raises(RegistrationError, match=says) as caught:
        fuse.rpc(function)
    assert "test_registration.py:" in str(caught.value)


def test_a_name_in_use_names_both_places(fuse: Fuse) -> None:
    def here() -> Callable[[], Any]:
        async def twin() -> None: ...

        return twin

    def there() -> Callable[[], Any]:
        async def twin() -> None: ...

        return twin

    fuse.rpc(here())
    with pytest.raises(
        RegistrationError, match=r"client\.twin: .*here.*test_registration.*there.*test_registration"
    ):
        fuse.rpc(there())
    fuse.rpc(name="triplet")(there())


def test_a_procedure_cannot_be_a_namespace_too(fuse: Fuse) -> None:
    teams = Router(namespace="teams")

    @teams
    async def rename() -> None: ...

    fuse.include_router(teams)
    with pytest.raises(RegistrationError, match=r"client\.teams"):

        @fuse.rpc(name="teams")
        async def other() -> None: ...


def test_a_model_beside_others_in_a_query(fuse: Fuse) -> None:
    with pytest.raises(RegistrationError, match="a query cannot carry"):

        @fuse.rpc.get()
        async def find(thing: Thing, page: int) -> None: ...


def test_a_default_in_the_path(fuse: Fuse) -> None:
    with pytest.raises(RegistrationError, match="which has no defaults"):

        @fuse.rpc.get("/things/{thing}")
        async def find(thing: int = 1) -> None: ...


@pytest.mark.parametrize("limit", ["5", "x/h", "0/h", "5/fortnight", ""])
def test_a_limit_that_is_none(fuse: Fuse, limit: str) -> None:
    with pytest.raises(RegistrationError, match="a limit"):

        @fuse.rpc(limit=limit)
        async def f() -> None: ...


def test_an_unknown_option(fuse: Fuse) -> None:
    with pytest.raises(
        RegistrationError, match=r"unexpected keyword argument 'limits'.*known options: .*limit"
    ):
        fuse.rpc(limits="5/h")


def test_two_fuses_on_one_app(fuse: Fuse) -> None:
    with pytest.raises(RegistrationError, match="has a Fuse already"):
        Fuse(fuse.app)


def test_the_wrong_include(fuse: Fuse) -> None:
    with pytest.raises(RegistrationError, match=r"write fuse\.include_router\(rpc\)"):
        fuse.app.include_router(Router())  # type: ignore[arg-type]
    with pytest.raises(RegistrationError, match=r"takes a fusewire\.Router"):
        fuse.include_router(fuse.app.router)  # type: ignore[arg-type]


def test_two_identity_loaders(fuse: Fuse) -> None:
    fuse.identity(lambda credentials: None)
    with pytest.raises(RegistrationError, match="identity loader already"):
        fuse.identity(lambda credentials: None)


def test_two_events_of_one_name(fuse: Fuse) -> None:
    fuse.rpc.event(Thing)
    fuse.rpc.event(Thing)
    other = type("Thing", (BaseModel,), {"__module__": "elsewhere"})
    with pytest.raises(RegistrationError, match=r"elsewhere\.Thing"):
        fuse.rpc.event(other)


def test_an_error_with_a_status_that_is_none() -> None:
    with pytest.raises(RegistrationError, match="from 400 to 599"):

        class Fine(RpcError, status=200): ...


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
