"""The app's own exception handlers: what they say is the same on every transport."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Any

import pytest
from fastapi import Depends, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fusewire import Fuse, RpcError
from starlette.responses import JSONResponse, PlainTextResponse, Response

from tests.support.callers import Caller, CallError, HttpCaller

Connect = Callable[..., Awaitable[Caller]]


class OutOfStockError(Exception):
    def __init__(self, item: str) -> None:
        super().__init__(item)
        self.item = item


class SoldOutError(OutOfStockError):
    """Its base's handler is its own."""


class Declared(RpcError, status=402):
    """A declared error is the protocol's own."""


def define(fuse: Fuse) -> None:
    def below(how: str) -> None:
        if how == "dependency":
            raise OutOfStockError("bread")

    @fuse.rpc
    async def buy(how: str, checked: Annotated[None, Depends(below)]) -> str:
        if how == "ok":
            return how
        raise raised(how)

    @fuse.rpc
    async def plain(how: str) -> None:
        raise raised(how)

    @fuse.rpc
    def in_a_thread(how: str) -> None:
        raise raised(how)

    @fuse.rpc
    async def stream(how: str) -> AsyncIterator[int]:
        if how == "late":
            yield 1
        raise raised(how)


def raised(how: str) -> Exception:
    return {
        "own": OutOfStockError("milk"),
        "late": OutOfStockError("milk"),
        "derived": SoldOutError("milk"),
        "http": HTTPException(404, "no such thing"),
        "busy": HTTPException(503, "busy"),
        "tea": HTTPException(418, "tea", headers={"X-Tea": "green"}),
        "declared": Declared(message="as declared"),
        "bug": ZeroDivisionError("a bug"),
        "validation": RequestValidationError([{"type": "t", "loc": ("a",), "msg": "m", "input": "hunter2"}]),
    }[how]


async def failure(caller: Caller, name: str, *args: Any) -> CallError:
    with pytest.raises(CallError) as caught:
        await caller.call(name, *args)
    return caught.value


def said(error: CallError) -> tuple[int, str, Any]:
    return error.status, error.code, error.detail


@pytest.mark.parametrize("blocking", [False, True])
async def test_for_an_exception_of_the_apps_own(fuse: Fuse, connect: Connect, blocking: bool) -> None:
    define(fuse)

    def answer(request: Request, error: OutOfStockError) -> Response:
        assert request.headers["x-lang"] == "de"
        return JSONResponse({"detail": {"out_of": error.item}, "code": "OUT"}, 409, {"X-Shop": "shut"})

    async def answer_later(request: Request, error: OutOfStockError) -> Response:
        return answer(request, error)

    fuse.app.add_exception_handler(OutOfStockError, answer if blocking else answer_later)  # type: ignore[arg-type]  # as starlette types it
    caller = await connect(headers={"x-lang": "de"})
    for name, how in (("buy", "own"), ("plain", "own"), ("in_a_thread", "derived")):
        assert said(await failure(caller, name, how)) == (409, "OUT", {"out_of": "milk"})
        if isinstance(caller, HttpCaller):
            assert caller.answered is not None
            assert caller.answered.headers["x-shop"] == "shut"
    assert said(await failure(caller, "buy", "dependency")) == (409, "OUT", {"out_of": "bread"})
    assert await caller.call("buy", "ok") == "ok"
    with pytest.raises(CallError, match="409 OUT"):
        await anext(caller.stream("stream", "own"))
    items = caller.stream("stream", "late")
    assert await anext(items) == 1
    with pytest.raises(CallError) as caught:
        await anext(items)
    assert (caught.value.code, caught.value.detail) == ("OUT", {"out_of": "milk"})


async def test_a_body_of_its_own_form_is_the_detail(fuse: Fuse, connect: Connect) -> None:
    define(fuse)

    @fuse.app.exception_handler(OutOfStockError)
    async def answer(request: Request, error: OutOfStockError) -> Response:
        if error.item == "bread":
            return PlainTextResponse("no bread", 410)
        return JSONResponse({"error": "none left"}, 507)

    caller = await connect()
    assert said(await failure(caller, "buy", "dependency")) == (410, "GONE", "no bread")
    assert said(await failure(caller, "buy", "own")) == (507, "HTTP_507", {"error": "none left"})


async def test_for_http_exceptions(fuse: Fuse, connect: Connect) -> None:
    define(fuse)

    @fuse.app.exception_handler(HTTPException)
    async def answer(request: Request, error: HTTPException) -> Response:
        return JSONResponse({"detail": f"said: {error.detail}"}, error.status_code)

    caller = await connect()
    assert said(await failure(caller, "buy", "http")) == (404, "NOT_FOUND", "said: no such thing")
    assert said(await failure(caller, "buy", "busy")) == (503, "HTTP_503", "said: busy")


async def test_for_a_status(fuse: Fuse, connect: Connect) -> None:
    define(fuse)

    @fuse.app.exception_handler(404)
    async def missing(request: Request, error: HTTPException) -> Response:
        return JSONResponse({"detail": "gone fishing", "code": "FISHING"}, 404)

    caller = await connect()
    assert said(await failure(caller, "plain", "http")) == (404, "FISHING", "gone fishing")
    assert said(await failure(caller, "plain", "tea")) == (418, "HTTP_418", "tea")


async def test_for_validation(fuse: Fuse, connect: Connect) -> None:
    """For what the app raises, and for arguments that do not fit."""
    define(fuse)

    @fuse.app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        assert request.headers["x-lang"] == "de"
        wrong = [".".join(map(str, each["loc"])) for each in error.errors()]
        return JSONResponse({"detail": f"{', '.join(wrong)} wrong"}, 400)

    def dependency(size: int) -> int:
        return size

    @fuse.rpc
    async def typed(n: int, m: int = 0) -> None: ...

    @fuse.rpc
    async def below(n: int, size: Annotated[int, Depends(dependency)]) -> None: ...

    @fuse.rpc
    async def counted(n: int) -> AsyncIterator[int]:
        yield n

    caller = await connect(headers={"x-lang": "de"})
    assert said(await failure(caller, "plain", "validation")) == (400, "BAD_REQUEST", "a wrong")
    assert said(await failure(caller, "typed", "x", "y")) == (400, "BAD_REQUEST", "body.n, body.m wrong")
    assert said(await failure(caller, "below", "x")) == (400, "BAD_REQUEST", "body.size, body.n wrong")
    with pytest.raises(CallError) as caught:
        await anext(caller.stream("counted", "x"))
    assert (caught.value.code, caught.value.detail) == ("BAD_REQUEST", "body.n wrong")
    assert await caller.call("typed", 1) is None


async def test_a_list_of_what_does_not_fit_keeps_its_code(fuse: Fuse, connect: Connect) -> None:
    define(fuse)

    @fuse.app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        if error.errors()[0]["loc"] == ("a",):
            return JSONResponse({"detail": ["something"]}, 422)
        return JSONResponse({"detail": error.errors(), "body": error.body}, 422)

    @fuse.rpc
    async def typed(n: int) -> None: ...

    caller = await connect()
    error = await failure(caller, "typed", "x")
    assert (error.status, error.code) == (422, "INVALID_ARGUMENT")
    assert [(each["type"], each["loc"]) for each in error.detail] == [("int_parsing", ["body", "n"])]
    assert (await failure(caller, "plain", "validation")).code == "HTTP_422"


async def test_validation_falls_to_nobody_else(fuse: Fuse, connect: Connect) -> None:
    """A handler for everything else is asked about bugs, and arguments are none: FastAPI has a handler for them."""

    @fuse.app.exception_handler(Exception)
    async def anything(request: Request, error: Exception) -> Response:
        return JSONResponse({"detail": "a bug"}, 500)

    @fuse.rpc
    async def typed(n: int) -> None: ...

    caller = await connect()
    error = await failure(caller, "typed", "x")
    assert (error.status, error.code) == (422, "INVALID_ARGUMENT")


@pytest.mark.parametrize("key", [Exception, 500])
async def test_for_everything_else(fuse: Fuse, connect: Connect, key: Any) -> None:
    define(fuse)

    @fuse.app.exception_handler(key)
    async def anything(request: Request, error: Exception) -> Response:
        return JSONResponse({"detail": f"caught {type(error).__name__}"}, 500)

    caller = await connect()
    assert said(await failure(caller, "plain", "bug")) == (500, "INTERNAL", "caught ZeroDivisionError")
    assert said(await failure(caller, "plain", "own")) == (500, "INTERNAL", "caught OutOfStockError")
    # Each of these has a handler, or a meaning, of its own.
    assert said(await failure(caller, "plain", "http")) == (404, "NOT_FOUND", "no such thing")
    assert said(await failure(caller, "plain", "declared")) == (402, "DECLARED", "as declared")


async def test_the_nearest_one_is_asked_and_declared_errors_are_asked_of_nobody(
    fuse: Fuse, connect: Connect
) -> None:
    define(fuse)
    for kind, status in ((Exception, 501), (OutOfStockError, 502), (SoldOutError, 505), (RpcError, 506)):

        def handler(status: int) -> Any:
            return lambda request, error: JSONResponse({"detail": "x"}, status)

        fuse.app.add_exception_handler(kind, handler(status))
    caller = await connect()
    for how, status in (("bug", 501), ("own", 502), ("derived", 505), ("declared", 402)):
        assert (await failure(caller, "plain", how)).status == status


@pytest.mark.parametrize(
    "fault",
    [
        "raises",
        "returns nothing",
        "returns what cannot be sent",
    ],
)
async def test_one_that_fails_is_an_internal_error_with_an_id_in_the_log(
    fuse: Fuse, connect: Connect, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    define(fuse)

    @fuse.app.exception_handler(OutOfStockError)
    async def broken(request: Request, error: OutOfStockError) -> Any:
        if fault == "raises":
            raise ValueError("hunter2")
        if fault == "returns what cannot be sent":
            return JSONResponse({"detail": 2**70}, 409)
        return None

    caller = await connect()
    error = await failure(caller, "plain", "own")
    assert (error.status, error.code) == (500, "INTERNAL")
    assert error.id is not None
    assert error.id in caplog.text
    assert "OutOfStockError" in caplog.text
    assert "hunter2" not in str(error)
    assert await caller.call("buy", "ok") == "ok"


async def test_without_handlers(fuse: Fuse, connect: Connect) -> None:
    define(fuse)
    caller = await connect()
    assert said(await failure(caller, "plain", "busy")) == (503, "HTTP_503", "busy")
    tea = await failure(caller, "plain", "tea")
    assert said(tea) == (418, "HTTP_418", "tea")
    if isinstance(caller, HttpCaller):
        assert caller.answered is not None
        assert caller.answered.headers["x-tea"] == "green"
    invalid = await failure(caller, "plain", "validation")
    assert (invalid.code, invalid.detail) == ("INVALID_ARGUMENT", [{"type": "t", "loc": ["a"], "msg": "m"}])
