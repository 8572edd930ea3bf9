"""The one shape of an error over HTTP, a superset of FastAPI's: `{"detail", "code", "data"?, "id"?}`."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exception_handlers import http_exception_handler, request_validation_exception_handler
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.responses import Response

from fusewire.calls import Failures, failure_of, json_data, packed_data, packed_detail
from fusewire.errors import RateLimited, RpcError
from fusewire.procedures.values import NaiveDatetimes
from fusewire.wire.codec import pack_map, pack_scalar
from fusewire.wire.messages import Packed


class InvalidArgumentItem(BaseModel):
    type: str
    loc: list[str | int]
    msg: str


class RetryAfter(BaseModel):
    retry_after: int
    """In seconds."""


class ErrorBody(BaseModel):
    """Any error. `id` is in the server's log."""

    detail: Any
    code: str
    data: Any = None
    id: str | None = None


def problem_packed(error: RpcError[Any]) -> Packed:
    body = {"detail": packed_detail(error), "code": pack_scalar(error.code)}
    if (data := packed_data(error)) is not None:
        body["data"] = data
    if error.id is not None:
        body["id"] = pack_scalar(error.id)
    return pack_map(body)


def problem_headers(error: RpcError[Any]) -> dict[str, str]:
    """`Retry-After` in seconds (RFC 9110 §10.2.3), a challenge with each 401 (§15.5.2), and what an `HTTPException` brought."""
    headers: dict[str, str] = dict(getattr(error, "headers", None) or {})
    if isinstance(error, RateLimited) and error.data is not None:
        headers["retry-after"] = str(error.data["retry_after"])
    if error.status == 401 and not any(name.lower() == "www-authenticate" for name in headers):
        headers["www-authenticate"] = "Bearer"
    return headers


def problem_json(error: RpcError[Any]) -> bytes:
    body: dict[str, Any] = {"detail": error.detail, "code": error.code}
    if (data := json_data(error)) is not None:
        body["data"] = data
    if error.id is not None:
        body["id"] = error.id
    return to_json(body, bytes_mode="base64", inf_nan_mode="null", fallback=str)


def use_one_error_shape(app: FastAPI) -> None:
    """Give the app's plain routes, unknown paths and wrong verbs the same shape, unless the app has handlers of its own."""
    defaults: dict[Any, Any] = {
        HTTPException: http_exception_handler,
        RequestValidationError: request_validation_exception_handler,
    }
    for kind, default in defaults.items():
        if app.exception_handlers.get(kind) is default:
            app.exception_handlers[kind] = _answer


def failures_of(app: FastAPI, naive: NaiveDatetimes = "error") -> Failures:
    """What exceptions become, by the handlers that the app has or will have. The defaults do not count.

    `naive`: what becomes of datetimes without a time zone in an error's data.
    """
    defaults = (_answer, http_exception_handler, request_validation_exception_handler)
    return Failures(app.exception_handlers, defaults, naive)


async def _answer(request: Request, error: Exception) -> Response:
    failure = failure_of(error, request.url.path)
    if failure.status in (204, 205, 304):
        return Response(status_code=failure.status, headers=problem_headers(failure))
    body = problem_json(failure)
    return Response(body, failure.status, problem_headers(failure), media_type="application/json")
