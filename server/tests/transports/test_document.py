"""What the OpenAPI document says about errors, streams and who may call: the same as the contract."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI, Header, UploadFile
from fastapi.security import OAuth2PasswordBearer
from fusewire import Fuse, Identity, Router, RpcError
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import Base64Bytes, BaseModel, ConfigDict


class Left(BaseModel):
    left: int


class Item(BaseModel):
    text: str


class BudgetSpent(RpcError[Left], status=402):
    """Nothing is left.

    Not this month.
    """


class CardRefused(RpcError, status=402):
    """The card was refused."""


class TooOften(RpcError[Left], status=429):
    """This is too often."""


class Forbidden(RpcError[Left], status=403):
    """The app's own, with data."""


class AlreadyPaid(RpcError, status=409):
    """Somebody was faster."""


class ErrorBody(BaseModel):
    """A model of the app, called like one of the framework."""

    mine: int


scheme = OAuth2PasswordBearer("token")
lenient = OAuth2PasswordBearer("token", scheme_name="Lenient", auto_error=False)


def with_header(x_tenant: Annotated[str, Header()]) -> str:
    return x_tenant


def with_key(idempotency_key: Annotated[str, Header()]) -> str:
    return idempotency_key


rpc = Router()


@rpc(raises=[BudgetSpent])
async def one(text: str) -> None: ...


@rpc.get("/two", raises=[BudgetSpent, CardRefused])
async def two() -> None: ...


@rpc(limit="5/h", raises=[TooOften])
async def limited() -> None: ...


@rpc(auth=True)
async def private() -> None: ...


@rpc(scopes=["write", "admin"])
async def scoped() -> None: ...


@rpc(scopes=["write"], raises=[Forbidden])
async def forbidden_by_both() -> None: ...


@rpc
async def known(me: Identity) -> str:
    return me.id


@rpc
async def known_perhaps(me: Identity | None) -> None: ...


@rpc
async def own_scheme(token: Annotated[str, Depends(scheme)]) -> None: ...


@rpc(auth=True)
async def lenient_scheme(token: Annotated[str | None, Depends(lenient)]) -> None: ...


@rpc(max_bytes=2_000)
async def bounded(text: str) -> None: ...


@rpc
async def of_a_tenant(tenant: Annotated[str, Depends(with_header)]) -> None: ...


@rpc(raises=[BudgetSpent])
async def chat(prompt: str) -> AsyncIterator[Item]:
    yield Item(text=prompt)


@rpc
async def pulses() -> AsyncIterator[None]:
    yield None


@rpc(raises=[BudgetSpent], responses={402: {"description": "Said by hand."}})
async def by_hand() -> ErrorBody:
    return ErrorBody(mine=1)


@rpc(dedupe="10m")
async def pay(order: str) -> int: ...  # type: ignore[empty-body]  # never called


@rpc.get("/pay-all", dedupe="10m", auth=True, raises=[AlreadyPaid])
async def pay_all() -> None: ...


@rpc(dedupe="10m")
async def pay_by_own_key(key: Annotated[str, Depends(with_key)]) -> None: ...


@rpc(idempotent=True)
async def put(order: str) -> None: ...


@rpc(resume="10m", limit="5/h")
async def story() -> AsyncIterator[Item]:
    yield Item(text="")


@pytest.fixture(name="app")
def fixture_app() -> FastAPI:
    app = FastAPI()
    Fuse(app).include_router(rpc)

    @app.get("/api/plain-stream")
    async def plain() -> AsyncIterator[Item]:
        yield Item(text="")

    return app


@pytest.fixture(name="document")
def fixture_document(app: FastAPI) -> dict[str, Any]:
    return app.openapi()


def operation(document: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(
        each
        for path in document["paths"].values()
        for each in path.values()
        if each["operationId"].startswith(name)
    )
    return found


def statuses(document: dict[str, Any], name: str) -> str:
    return " ".join(operation(document, name)["responses"])


def body(document: dict[str, Any], name: str, status: str) -> Any:
    return operation(document, name)["responses"][status]["content"]["application/json"]["schema"]


def named(document: dict[str, Any], reference: dict[str, Any]) -> Any:
    return document["components"]["schemas"][reference["$ref"].rpartition("/")[2]]


def test_it_is_openapi_3_1(document: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(document).validate()


def test_an_error_is_its_code_and_its_data(document: dict[str, Any]) -> None:
    assert operation(document, "one")["responses"]["402"]["description"] == "Nothing is left."
    spent = named(document, body(document, "one", "402"))
    assert spent["properties"]["code"]["const"] == "BUDGET_SPENT"
    assert spent["properties"]["data"] == {"$ref": "#/components/schemas/Left"}
    assert spent["required"] == ["detail", "code", "data"]


def test_errors_of_one_status_are_told_apart_by_code(document: dict[str, Any]) -> None:
    schema = body(document, "two", "402")
    assert [named(document, part)["properties"]["code"]["const"] for part in schema["oneOf"]] == [
        "BUDGET_SPENT",
        "CARD_REFUSED",
    ]
    assert schema["discriminator"]["propertyName"] == "code"
    assert (
        operation(document, "two")["responses"]["402"]["description"]
        == "- `BUDGET_SPENT`: Nothing is left.\n- `CARD_REFUSED`: The card was refused."
    )
    assert "data" not in named(document, schema["oneOf"][1])["properties"]


def test_a_declared_error_joins_the_frameworks_own_of_its_status(document: dict[str, Any]) -> None:
    schema = body(document, "limited", "429")
    limited, often = (named(document, part) for part in schema["oneOf"])
    assert often["properties"]["code"]["const"] == "TOO_OFTEN"
    assert limited["properties"]["code"]["const"] == "RATE_LIMITED"
    assert named(document, limited["properties"]["data"])["required"] == ["retry_after"]
    assert set(operation(document, "limited")["responses"]["429"]["headers"]) == {"Retry-After"}


def test_a_declared_error_is_what_its_code_means(document: dict[str, Any]) -> None:
    only = named(document, body(document, "forbidden_by_both", "403"))
    assert only["properties"]["data"] == {"$ref": "#/components/schemas/Left"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("one", "200 402 422 default"),
        ("two", "200 402 default"),
        ("limited", "200 429 default"),
        ("private", "200 401 default"),
        ("scoped", "200 401 403 default"),
        ("known", "200 401 default"),
        ("known_perhaps", "200 default"),
        ("own_scheme", "200 401 default"),
        ("lenient_scheme", "200 401 default"),
        ("bounded", "200 413 422 default"),
        ("of_a_tenant", "200 422 default"),
        ("chat", "200 402 422 default"),
        ("pay", "200 409 422 503 default"),
        ("pay_all", "200 401 409 422 503 default"),
        ("put", "200 422 default"),
        ("story", "200 204 404 409 410 429 503 default"),
    ],
)
def test_each_response_is_there_where_it_applies(document: dict[str, Any], name: str, expected: str) -> None:
    assert statuses(document, name) == expected


def codes(document: dict[str, Any], name: str, status: str) -> list[str]:
    schema = body(document, name, status)
    return [named(document, part)["properties"]["code"]["const"] for part in schema.get("oneOf", [schema])]


def headers(document: dict[str, Any], name: str) -> dict[str, Any]:
    return {
        parameter["name"]: parameter
        for parameter in operation(document, name).get("parameters", ())
        if parameter["in"] == "header"
    }


def test_a_key_is_a_header(document: dict[str, Any]) -> None:
    key = headers(document, "pay")["Idempotency-Key"]
    assert (key["required"], key["schema"]) == (False, {"type": "string", "minLength": 1, "maxLength": 255})
    assert "at least 16 characters" in key["description"]
    # Who is known need not have a secret.
    assert "16" not in headers(document, "pay_all")["Idempotency-Key"]["description"]
    assert headers(document, "put") == headers(document, "one") == {}
    # The app's own word counts.
    (own,) = headers(document, "pay_by_own_key").values()
    assert (own["name"], own["required"]) == ("idempotency-key", True)


def test_what_a_key_may_be_answered(document: dict[str, Any]) -> None:
    assert codes(document, "pay", "422") == ["INVALID_ARGUMENT", "KEY_REUSED"]
    assert codes(document, "pay", "409") == ["OUTCOME_UNKNOWN", "RESULT_NOT_KEPT"]
    assert codes(document, "pay", "503") == ["UNAVAILABLE"]
    # Without arguments there are no others, but the key may be too long.
    assert codes(document, "pay_all", "422") == ["INVALID_ARGUMENT"]
    assert codes(document, "pay_all", "409") == ["OUTCOME_UNKNOWN", "RESULT_NOT_KEPT", "ALREADY_PAID"]


def test_a_stream_that_can_be_resumed(document: dict[str, Any]) -> None:
    last = headers(document, "story")["Last-Event-ID"]
    assert (last["required"], last["schema"]) == (False, {"type": "string"})
    assert headers(document, "chat") == {}
    found = {status: codes(document, "story", status) for status in ("404", "409", "410", "429", "503")}
    assert found == {
        "404": ["STREAM_UNKNOWN"],
        "409": ["STREAM_TAKEN_OVER"],
        "410": ["STREAM_LOST"],
        "429": ["RATE_LIMITED", "TOO_MANY_CALLS"],
        "503": ["UNAVAILABLE"],
    }
    assert "content" not in operation(document, "story")["responses"]["204"]


def test_an_argument_that_does_not_fit_has_a_list(document: dict[str, Any]) -> None:
    invalid = named(document, body(document, "one", "422"))
    assert invalid["properties"]["code"]["const"] == "INVALID_ARGUMENT"
    item = named(document, invalid["properties"]["detail"]["items"])
    assert set(item["properties"]) == {"type", "loc", "msg"}


def test_who_may_call(document: dict[str, Any]) -> None:
    schemes = document["components"]["securitySchemes"]
    assert (schemes["Identity"]["type"], schemes["Identity"]["scheme"]) == ("http", "bearer")
    assert "security" not in operation(document, "one")
    assert operation(document, "private")["security"] == [{"Identity": []}]
    assert operation(document, "scoped")["security"] == [{"Identity": ["admin", "write"]}]
    assert operation(document, "own_scheme")["security"] == [{"OAuth2PasswordBearer": []}]
    # The app's own scheme says how the identity comes.
    assert operation(document, "lenient_scheme")["security"] == [{"Lenient": []}]


def test_the_items_of_a_stream(document: dict[str, Any]) -> None:
    content = operation(document, "chat")["responses"]["200"]["content"]
    item = {"$ref": "#/components/schemas/Item"}
    assert content["application/jsonl"] == {"schema": {"type": "array", "items": item}}
    message, end, error = content["text/event-stream"]["schema"]["items"]["oneOf"]
    assert message["properties"]["data"]["contentSchema"] == item
    assert end["properties"]["event"] == {"const": "end"}
    reported = named(document, error["properties"]["data"]["contentSchema"])
    assert set(reported["properties"]) == {"detail", "code", "data", "id"}
    plain = operation(document, "plain")["responses"]["200"]["content"]
    assert plain == {"application/jsonl": {"schema": {"type": "array", "items": item}}}


def test_a_stream_of_nothing_else(document: dict[str, Any]) -> None:
    content = operation(document, "pulses")["responses"]["200"]["content"]
    assert content["application/jsonl"]["schema"]["items"]["type"] == "null"


def test_the_items_of_a_stream_in_openapi_3_2(app: FastAPI) -> None:
    app.openapi_version = "3.2.0"
    content = operation(app.openapi(), "chat")["responses"]["200"]["content"]
    assert content["application/jsonl"] == {"itemSchema": {"$ref": "#/components/schemas/Item"}}
    assert set(content["text/event-stream"]) == {"itemSchema"}


def test_the_document_is_made_once(app: FastAPI) -> None:
    document = app.openapi()
    assert app.openapi() is document
    assert "itemSchema" not in str(document)


def test_what_is_said_by_hand_counts(document: dict[str, Any]) -> None:
    assert operation(document, "by_hand")["responses"]["402"] == {"description": "Said by hand."}


class Raw(BaseModel):
    raw: bytes
    coded: Base64Bytes = b""


class Hex(BaseModel):
    model_config = ConfigDict(ser_json_bytes="hex", val_json_bytes="hex")
    raw: bytes


class Shared(BaseModel):
    raw: bytes


class Holder(BaseModel):
    inner: Raw
    own: Hex
    shared: Shared


def test_bytes_are_base64_in_the_mirror_alone() -> None:
    app = FastAPI()
    fuse = Fuse(app)

    @fuse.rpc
    async def take(raw: bytes, holder: Holder, several: list[bytes] | None = None) -> bytes: ...  # type: ignore[empty-body]  # never called

    @fuse.rpc.get("/find/{name:path}")
    async def find(name: str, raw: bytes = b"") -> dict[str, bytes]: ...  # type: ignore[empty-body]  # never called

    @fuse.rpc(transports="http")
    async def store(file: UploadFile) -> None: ...

    @app.post("/plain")
    async def plain(shared: Shared, raw: bytes) -> bytes: ...  # type: ignore[empty-body]  # never called

    document = app.openapi()
    OpenAPIV31SpecValidator(document).validate()
    models = document["components"]["schemas"]

    def encoding(schema: dict[str, Any]) -> str | None:
        assert schema["contentMediaType"] == "application/octet-stream"
        coded: str | None = schema.get("contentEncoding")
        return coded

    def result(path: str, verb: str) -> Any:
        return document["paths"][path][verb]["responses"]["200"]["content"]["application/json"]["schema"]

    body = models["Body_take"]["properties"]
    assert encoding(body["raw"]) == encoding(body["several"]["anyOf"][0]["items"]) == "base64"
    assert encoding(result("/api/take", "post")) == "base64"
    assert encoding(result("/api/find/{name}", "get")["additionalProperties"]) == "base64"
    assert encoding(models["Raw"]["properties"]["raw"]) == "base64"
    # Text that says what it is; bytes that are written in another way; files; and what is not ours.
    assert encoding(models["Raw"]["properties"]["coded"]) is None
    assert encoding(models["Hex"]["properties"]["raw"]) is None
    assert encoding(models["Body_store"]["properties"]["file"]) is None
    assert encoding(models["Shared"]["properties"]["raw"]) is None
    assert encoding(result("/plain", "post")) is None
    assert encoding(document["paths"]["/plain"]["post"]["parameters"][0]["schema"]) is None
