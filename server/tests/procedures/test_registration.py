"""What cannot work is refused while decorating, naming function, file and line."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any, NewType

import pytest
from fastapi import (
    Body,
    Depends,
    FastAPI,
    File,
    Form,
    Header,
    Path,
    Query,
    Request,
    Response,
    UploadFile,
    WebSocket,
)
from fastapi.responses import JSONResponse
from fusewire import Call, Credentials, Fuse, Identity, RegistrationError, Router, RpcError
from pydantic import BaseModel
from typing_extensions import TypeAliasType


class Thing(BaseModel):
    x: int


@pytest.fixture
def fuse() -> Fuse:
    return Fuse(FastAPI())


async def takes_args(*args: int) -> None: ...
async def takes_kwargs(**kwargs: int) -> None: ...
async def no_type(a) -> None: ...  # type: ignore[no-untyped-def]  # the mistake under test
async def no_return(a: int): ...  # type: ignore[no-untyped-def]  # the mistake under test
async def bad_stream() -> list[int]:  # type: ignore[misc]  # the mistake under test
    yield 1


async def takes_request(request: Request) -> None: ...
async def takes_response(response: Response) -> None: ...
async def takes_socket(socket: WebSocket) -> None: ...
async def takes_upload(file: UploadFile) -> None: ...
async def takes_form(name: Annotated[str, Form()]) -> None: ...
async def takes_file(file: Annotated[bytes, File()]) -> None: ...
async def takes_optional_upload(file: UploadFile | None = None) -> None: ...
async def takes_uploads(files: list[UploadFile]) -> None: ...
async def takes_named_uploads(files: dict[str, UploadFile]) -> None: ...
async def returns_response() -> Response: ...  # type: ignore[empty-body]  # never called
async def returns_json_response() -> JSONResponse: ...  # type: ignore[empty-body]  # never called
async def returns_described_response() -> Annotated[Response, "a file"]: ...  # type: ignore[empty-body]  # never called
async def returns_responses() -> list[Response]: ...  # type: ignore[empty-body]  # never called
async def streams_responses() -> AsyncIterator[Response]:
    yield Response()


async def takes_requests(requests: list[Request]) -> None: ...
async def takes_calls(calls: list[Call]) -> None: ...
async def takes_object(what: asyncio.Event) -> None: ...
async def then() -> None: ...
async def constructor() -> None: ...
async def status() -> None: ...
async def unresolved(a: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821  # the mistake under test
async def needs(request: Request) -> int: ...  # type: ignore[empty-body]  # never called
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
        (takes_file, "is a form field"),
        (takes_optional_upload, "is a form field"),
        (takes_uploads, 'is a form field, which exists only over HTTP; add transports="http"'),
        (takes_named_uploads, "UploadFile in the type of 'files'"),
        (returns_response, "a Response exists only over HTTP"),
        (returns_json_response, "a Response exists only over HTTP"),
        (returns_described_response, "a Response exists only over HTTP"),
        (returns_responses, "the return type cannot be used"),
        (streams_responses, "a Response is none"),
        (takes_requests, "Request in the type of 'requests' cannot come from a caller"),
        (takes_calls, "Call in the type of 'calls' cannot come from a caller"),
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


async def json_beside(file: UploadFile, thing: Thing) -> None: ...
async def json_list_beside(file: UploadFile, things: list[Thing]) -> None: ...
async def json_dict_beside(file: UploadFile, things: dict[str, int] | None = None) -> None: ...
async def body_beside(file: UploadFile, n: Annotated[int, Body()]) -> None: ...
async def form_model_beside(thing: Annotated[Thing, Form()], n: int) -> None: ...
async def form_dict(thing: Annotated[dict[str, int], Form()]) -> None: ...
async def file_of_text(file: Annotated[str, File()]) -> None: ...


class Nested(BaseModel):
    thing: Thing


async def form_model_of_models(nested: Annotated[Nested, Form()]) -> None: ...
def form_below(name: Annotated[str, Form()]) -> str: ...  # type: ignore[empty-body]  # never called
async def json_above(thing: Thing, name: Annotated[str, Depends(form_below)]) -> None: ...


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (json_beside, "'thing' would be an object in a JSON body, and 'file' makes the body a form"),
        (json_list_beside, "'things' would be an object in a JSON body"),
        (json_dict_beside, "'things' would be an object in a JSON body"),
        (json_above, "'thing' would be an object in a JSON body, and 'name' makes the body a form"),
        (body_beside, "'n' is said to be in a JSON body, and 'file' makes"),
        (form_model_beside, "'thing' is a model beside other parameters, which a form cannot carry"),
        (form_dict, "'thing' would be an object"),
        (form_model_of_models, "'nested' would be an object"),
        (file_of_text, "'file' is a file, so its type is UploadFile or bytes"),
        (takes_named_uploads, "UploadFile in the type of 'files'"),
    ],
)
def test_refused_as_a_form(fuse: Fuse, function: Callable[..., Any], says: str) -> None:
    with pytest.raises(RegistrationError, match=says) as caught:
        fuse.rpc(transports="http")(function)
    assert "test_registration.py:" in str(caught.value)


def test_a_form_needs_a_verb_with_a_body(fuse: Fuse) -> None:
    with pytest.raises(RegistrationError, match="'file' is a form field, which GET cannot carry"):
        fuse.rpc.get("/file", transports="http")(takes_upload)


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


async def plain() -> None: ...


class Spent(RpcError, status=402): ...


@pytest.mark.parametrize(
    ("said", "says"),
    [
        (
            {"limits": "5/h"},
            r"@rpc has no option 'limits'; did you mean 'limit'\? known options: auth, dedupe, ",
        ),
        (
            {"dedup": "10m"},
            r"@rpc has no option 'dedup'; did you mean 'dedupe'\? known options: auth, dedupe, ",
        ),
        ({"colour": "red"}, r"@rpc has no option 'colour'; known options: auth, dedupe, "),
        (
            {"raises": [ValueError]},
            r"raises= takes a list of subclasses of RpcError, not ValueError; declare one",
        ),
        ({"raises": [Spent, "X"]}, r"raises= takes a list of subclasses of RpcError, not 'X'; declare one"),
        ({"raises": [Spent()]}, r"raises= takes a list of subclasses of RpcError, not Spent\("),
        (
            {"raises": [RpcError]},
            r"raises= takes a list of subclasses of RpcError, not RpcError itself; .*class NotFound\(RpcError, status=404\)",
        ),
        ({"raises": RpcError}, r"raises= takes a list of subclasses of RpcError, not RpcError itself"),
        ({"raises": ValueError}, r"raises= takes a list of subclasses of RpcError, not ValueError"),
        ({"raises": "X"}, r"raises= takes a list of subclasses of RpcError, not 'X'"),
        ({"raises": Spent}, r"raises= takes a list: write raises=\[Spent\]"),
        ({"scopes": "admin"}, r"scopes= takes a list: write scopes=\['admin'\]"),
        ({"tags": "notes"}, r"tags= takes a list: write tags=\['notes'\]"),
        ({"responses": [404]}, r"responses= takes a dict by status, not \[404\]"),
        ({"max_bytes": 0}, r"max_bytes= is a number of bytes from 1, not 0"),
        ({"limit": 5}, r"limit= is a text such as \"5/h\", not 5"),
        ({"name": 5}, r"name= is a text, not 5"),
        ({"timeout": "10s"}, r"timeout= is a number of seconds above 0, not '10s'"),
        ({"timeout": 0}, r"timeout= is a number of seconds above 0, not 0"),
        ({"max_bytes": "1k"}, r"max_bytes= is a number of bytes from 1, not '1k'"),
        ({"transports": "htp"}, r"transports= is \"all\", \"http\" or \"websocket\", not 'htp'"),
        ({"scopes": [[]]}, r"unhashable type"),
    ],
)
def test_an_option_that_cannot_work(fuse: Fuse, said: dict[str, Any], says: str) -> None:
    with pytest.raises(RegistrationError, match=rf"^plain \(.*test_registration\.py:\d+\): {says}"):
        fuse.rpc(**said)(plain)


def test_a_routers_option_that_cannot_work() -> None:
    with pytest.raises(
        RegistrationError, match="raises= takes a list of subclasses of RpcError, not ValueError"
    ):
        Router(raises=[ValueError])  # type: ignore[list-item]  # the mistake under test
    with pytest.raises(RegistrationError, match=r"scopes= takes a list: write scopes=\['admin'\]"):
        Router(scopes="admin")
    with pytest.raises(RegistrationError, match="max_bytes= is a number of bytes from 1, not 0"):
        Router(max_bytes=0)


def test_a_path_that_is_none(fuse: Fuse) -> None:
    with pytest.raises(RegistrationError, match=r"^plain \(.*\): a path starts with '/', not 'plain'"):
        fuse.rpc.get("plain")(plain)


def test_a_router_that_is_included_already(fuse: Fuse) -> None:
    said = r"^include_router\(\): <Router /notes 1 entries> is included already; to serve it a second time give it a `namespace=`"
    notes = Router(prefix="/notes")
    notes(plain)
    fuse.include_router(notes)
    with pytest.raises(RegistrationError, match=said):
        fuse.include_router(notes)
    with pytest.raises(RegistrationError, match=said):
        fuse.include_router(notes, prefix="/v2")
    fuse.include_router(notes, prefix="/v2", namespace="v2")
    assert sorted(fuse.contract()["procedures"]) == ["plain", "v2.plain"]
    with pytest.raises(RegistrationError, match="is included already"):
        fuse.include_router(notes, prefix="/v3", namespace="v2")
    Fuse(FastAPI()).include_router(notes)


def test_an_empty_router_that_is_included_already(fuse: Fuse) -> None:
    """What is added to it later would be there twice."""
    empty = Router()
    fuse.include_router(empty)
    with pytest.raises(RegistrationError, match="<Router / 0 entries> is included already"):
        fuse.include_router(empty)


def test_one_function_twice(fuse: Fuse) -> None:
    inner, one, two = Router(), Router(), Router(prefix="/two")
    inner(plain)
    one.include_router(inner)
    two.include_router(inner)
    fuse.include_router(one)
    with pytest.raises(
        RegistrationError,
        match=r"^plain \(.*\) would be client\.plain twice: it is decorated twice, or its router is included twice; .*`namespace=`",
    ):
        fuse.include_router(two)
    other = Fuse(FastAPI())
    other.include_router(inner)
    with pytest.raises(
        RegistrationError, match=r"^plain \(.*\) would be POST /plain twice: .* included twice; .*`prefix=`"
    ):
        other.include_router(inner, namespace="v2")
    other.rpc.get("/first", name="twice")(plain)
    with pytest.raises(RegistrationError, match=r"would be client\.twice twice: it is decorated twice"):
        other.rpc.get("/again", name="twice")(plain)


def test_two_fuses_on_one_app(fuse: Fuse) -> None:
    with pytest.raises(RegistrationError, match="has a Fuse already"):
        Fuse(fuse.app)


def test_the_wrong_include(fuse: Fuse) -> None:
    with pytest.raises(RegistrationError, match=r"write fuse\.include_router\(rpc\)"):
        fuse.app.include_router(Router())  # type: ignore[arg-type]  # the mistake under test
    with pytest.raises(RegistrationError, match=r"takes a fusewire\.Router"):
        fuse.include_router(fuse.app.router)  # type: ignore[arg-type]  # the mistake under test


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


def test_an_error_with_a_code_of_the_frameworks_own() -> None:
    with pytest.raises(RegistrationError, match="UNAVAILABLE is a code of the framework's own"):

        class Unavailable(RpcError, status=503): ...

    with pytest.raises(RegistrationError, match="RATE_LIMITED is a code of the framework's own"):

        class TooOften(RpcError, status=429, code="RATE_LIMITED"): ...

    class NotFound(RpcError, status=404): ...

    assert NotFound.code == "NOT_FOUND"
