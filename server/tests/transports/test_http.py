"""What is HTTP's own: content types, bounds, headers, the document."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Body, Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.security import OAuth2PasswordBearer
from fusewire import Bounds, Credentials, Fuse, RegistrationError, RpcError
from pydantic import BaseModel, ValidationError


class Left(BaseModel):
    left: int


class Spent(RpcError[Left], status=402):
    """Nothing left."""


class Filter(BaseModel):
    tags: list[str] = []
    page: int = 1


scheme = OAuth2PasswordBearer("token", auto_error=False)


@pytest.fixture
def fuse() -> Fuse:
    app = FastAPI()
    fuse = Fuse(app, bounds=Bounds(message_bytes=200))

    @fuse.identity
    def identify(credentials: Credentials) -> str | None:
        return credentials.token or credentials.cookies.get("session")

    @fuse.rpc(raises=[Spent])
    async def echo(text: str, times: int = 1) -> str:
        return text * times

    @fuse.rpc.get("/rare", limit="1/h")
    async def rare() -> None: ...

    @fuse.rpc(auth=True)
    async def mine(token: Annotated[str | None, Depends(scheme)]) -> str | None:
        return token

    @fuse.rpc.post("/login", transports="http", status_code=201)
    async def login(name: str, request: Request, response: Response) -> str:
        response.set_cookie("session", name, httponly=True, samesite="lax")
        return request.method

    @fuse.rpc.get("/raw", transports="http")
    async def raw() -> Response:
        return Response(b"raw", media_type="text/plain")

    @fuse.rpc(status_code=204)
    async def gone() -> None: ...

    @fuse.rpc.get("/filtered")
    async def filtered(wanted: Filter) -> list[Any]:
        return [wanted.tags, wanted.page]

    @fuse.rpc
    async def search(
        text: str, debug: Annotated[bool, Query()] = False, deep: Annotated[int, Body(alias="Deep")] = 0
    ) -> Any:
        return [text, debug, deep]

    @app.get("/api/plain")
    async def plain(n: int) -> None:
        raise HTTPException(418, "short and stout")

    return fuse


@pytest.fixture
async def http(fuse: Fuse) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(fuse.app), base_url="http://app") as client:
        yield client


async def test_every_error_has_one_shape(http: httpx.AsyncClient) -> None:
    await http.get("/api/rare")
    for response, status, code in (
        (await http.post("/api/mine"), 401, "UNAUTHENTICATED"),
        (await http.get("/api/nowhere"), 404, "NOT_FOUND"),
        (await http.get("/api/echo"), 405, "METHOD_NOT_ALLOWED"),
        (await http.post("/api/echo", json={}), 422, "INVALID_ARGUMENT"),
        (await http.get("/api/plain?n=x"), 422, "INVALID_ARGUMENT"),
        (await http.get("/api/plain?n=1"), 418, "HTTP_418"),
        (await http.get("/api/rare"), 429, "RATE_LIMITED"),
    ):
        assert (response.status_code, response.json()["code"]) == (status, code)
        assert "detail" in response.json()
        assert response.headers["content-type"] == "application/json"


async def test_retry_after(http: httpx.AsyncClient) -> None:
    await http.get("/api/rare")
    limited = await http.get("/api/rare")
    assert int(limited.headers["retry-after"]) == limited.json()["data"]["retry_after"] > 3500


async def test_validation_never_echoes_the_input(http: httpx.AsyncClient) -> None:
    for response in (
        await http.post("/api/echo", json={"text": ["hunter2"], "times": "hunter2"}),
        await http.get("/api/plain?n=hunter2"),
    ):
        assert response.status_code == 422
        assert "hunter2" not in response.text


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b'{"text":"a"}', "application/json", 200),
        (b'{"text":"a"}', "application/json; charset=utf-8", 200),
        (b'{"text":"a"}', "application/problem+json", 200),
        (b'{"text":"a"}', "text/plain", 415),
        (b"text=a", "application/x-www-form-urlencoded", 415),
        (b'{"text":', "application/json", 422),
        (b'["a"]', "application/json", 422),
        (b"\x81\xa4text\xa1a", "application/msgpack", 200),
        (b"\x81\xa4text", "application/msgpack", 422),
        (b"", "application/json", 422),
        (b'{"text":"' + b"x" * 200 + b'"}', "application/json", 413),
        (b'{"text":' + b"[" * 40 + b"]" * 40 + b"}", "application/json", 413),
    ],
)
async def test_bodies(http: httpx.AsyncClient, content: bytes, kind: str, status: int) -> None:
    response = await http.post("/api/echo", content=content, headers={"content-type": kind})
    assert response.status_code == status, response.text


@pytest.mark.parametrize(
    ("origin", "kind", "status"),
    [
        ("https://evil.example", None, 403),
        ("https://evil.example", "text/plain; charset=utf-8", 403),
        ("https://evil.example", "application/json", 204),
        ("null", None, 403),
        ("http://app", None, 204),
        (None, None, 204),
    ],
)
async def test_no_other_site_posts_without_asking(
    http: httpx.AsyncClient, origin: str | None, kind: str | None, status: int
) -> None:
    said = {"origin": origin, "content-type": kind}
    headers = {name: value for name, value in said.items() if value is not None}
    assert (await http.post("/api/gone", headers=headers)).status_code == status


async def test_a_body_that_does_not_say_its_length_is_bounded_too(http: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b'{"text":"'
        for _ in range(1000):
            yield b"x" * 100

    response = await http.post("/api/echo", content=endless(), headers={"content-type": "application/json"})
    assert response.status_code == 413


async def test_http_only_procedures_set_cookies(http: httpx.AsyncClient) -> None:
    response = await http.post("/api/login", json={"name": "ann"})
    assert (response.status_code, response.json()) == (201, "POST")
    assert response.headers["set-cookie"].startswith("session=ann; HttpOnly")
    assert (await http.post("/api/mine")).status_code == 200


async def test_a_response_of_ones_own(http: httpx.AsyncClient) -> None:
    response = await http.get("/api/raw")
    assert (response.text, response.headers["content-type"]) == ("raw", "text/plain; charset=utf-8")


async def test_no_content(http: httpx.AsyncClient) -> None:
    response = await http.post("/api/gone")
    assert (response.status_code, response.content) == (204, b"")


@pytest.mark.parametrize("status", [204, 304])
async def test_an_error_whose_status_has_no_content_has_none(status: int) -> None:
    fuse = Fuse(FastAPI())

    @fuse.rpc.get("/page")
    async def page() -> None:
        raise HTTPException(status, headers={"etag": '"1"'})

    transport = httpx.ASGITransport(fuse.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        answer = await http.get("/api/page")
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (status, b"", '"1"')


async def test_a_model_as_the_query(http: httpx.AsyncClient) -> None:
    assert (await http.get("/api/filtered?tags=a&tags=b&page=2")).json() == [["a", "b"], 2]
    assert (await http.get("/api/filtered?tags=a")).json() == [["a"], 1]


async def test_fields_where_they_were_put(http: httpx.AsyncClient) -> None:
    response = await http.post("/api/search?debug=true&text=leaked", json={"text": "a", "Deep": 3})
    assert response.json() == ["a", True, 3]
    # Scalars of a POST are never read from the query: they would be in every log.
    assert (await http.post("/api/search?text=a")).status_code == 422


async def test_the_document(http: httpx.AsyncClient, fuse: Fuse) -> None:
    document = (await http.get("/api/openapi.json")).json()
    assert "openapi.json" in (await http.get("/api/docs")).text
    paths, schemas = document["paths"], document["components"]["schemas"]
    assert paths["/api/mine"]["post"]["security"] == [{"OAuth2PasswordBearer": []}]
    assert [p["name"] for p in paths["/api/filtered"]["get"]["parameters"]] == ["tags", "page"]
    body = paths["/api/search"]["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"].split(
        "/"
    )[-1]
    assert set(schemas[body]["properties"]) == {"text", "Deep"}
    # Each procedure is there once.
    assert sum(path.startswith("/api/") for path in paths) == 9


async def test_an_apps_own_handlers_are_kept() -> None:
    app = FastAPI()

    @app.exception_handler(404)
    async def missing(request: Request, error: Exception) -> Response:
        return Response("mine", 404)

    Fuse(app)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app") as client:
        assert (await client.get("/nowhere")).text == "mine"


def test_errors_know_their_data() -> None:
    with pytest.raises(ValidationError):
        Left.model_validate({"left": "x"})
    assert (Spent.code, Spent.status, Spent.data_type) == ("SPENT", 402, Left)


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("application/msgpack", "application/msgpack"),
        ("application/json, Application/MsgPack;q=0.5", "application/msgpack"),
        ("application/msgpack;q=0, application/json", "application/json"),
        ("*/*", "application/json"),
    ],
)
async def test_accept(http: httpx.AsyncClient, accept: str, kind: str) -> None:
    response = await http.post("/api/echo", json={"text": "a"}, headers={"accept": accept})
    assert response.headers["content-type"] == kind


async def test_who_reads_msgpack_learns_of_which_contract_the_server_is(
    fuse: Fuse, http: httpx.AsyncClient
) -> None:
    headers = {"accept": "application/msgpack"}
    told = [
        await http.post("/api/echo", json={"text": "a"}, headers=headers),
        await http.post("/api/echo", json={}, headers=headers),
        await http.post("/api/login", params={}, json={"name": "ann"}, headers=headers),
    ]
    assert [response.status_code for response in told] == [200, 422, 201]
    calls = fuse.contract()["calls"]
    assert [response.headers["fusewire-calls"] for response in told] == [calls] * 3
    assert "fusewire-calls" not in (await http.post("/api/echo", json={"text": "a"})).headers


async def test_an_app_without_a_contract_answers_all_the_same() -> None:
    app = FastAPI()

    class Odd:
        pass

    fuse = Fuse(app)

    @fuse.rpc
    async def odd(one: Any = Odd()) -> int:  # noqa: B008  # a default that no contract can tell
        return 1

    with pytest.raises(RegistrationError):
        fuse.contract()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app") as http:
        response = await http.post("/api/odd", json={}, headers={"accept": "application/msgpack"})
    assert (response.status_code, "fusewire-calls" in response.headers) == (200, False)


async def test_nan_is_no_json(http: httpx.AsyncClient) -> None:
    headers = {"content-type": "application/json"}
    assert (
        await http.post("/api/echo", content=b'{"text":"a","times":NaN}', headers=headers)
    ).status_code == 422


async def test_below_a_root_path() -> None:
    app = FastAPI()
    Fuse(app)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app, root_path="/deep"), base_url="http://app"
    ) as client:
        assert (await client.get("/deep/api/openapi.json")).json()["servers"] == [{"url": "/deep"}]
