"""Whatever was raised, as an error that a caller may see."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Collection, Mapping
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic_core import from_json
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from fusewire.errors import HttpError, Internal, InvalidArgument, RpcError, Unencodable, code_of_status
from fusewire.procedures.callables import flavour_of, run
from fusewire.procedures.values import NaiveDatetimes, OutputType, packable
from fusewire.wire.codec import pack
from fusewire.wire.messages import Packed

log = logging.getLogger("fusewire.calls")


def packed_data(error: RpcError[Any]) -> Packed | None:
    """An error's data in msgpack, as its declared type lets it out; None when it has none. Raises for what does not fit the type."""
    packed = _output(error).packed(error.data)
    return None if error.data is None else packed


def json_data(error: RpcError[Any]) -> Any:
    """An error's data as JSON writes it; None when it has none. Raises for what does not fit the type."""
    return _output(error).jsonable(error.data)


def packed_detail(error: RpcError[Any]) -> Packed:
    """What an error says, in msgpack."""
    return pack(error.detail, packable)


def _output(error: RpcError[Any]) -> OutputType:
    output: OutputType = error.output or _output_of(error, "error")
    return output


_outputs: dict[tuple[Any, NaiveDatetimes], OutputType] = {}


def _output_of(error: RpcError[Any], naive: NaiveDatetimes) -> OutputType:
    """Worked out for the first error of each class."""
    kind = type(error)
    output = _outputs.get((kind, naive))
    if output is None:
        output = _outputs[kind, naive] = OutputType(kind.data_type, naive=naive)
    return output


def failure_of(error: BaseException, procedure: str, naive: NaiveDatetimes = "error") -> RpcError[Any]:
    """A declared error is itself, an `HTTPException` keeps status and detail; anything else leaves as an id that is in the log."""
    if isinstance(error, Unencodable):
        # The procedure's fault: it is told to the caller without the value, and to the log with the place.
        error.id = _logged(error, procedure)
    if isinstance(error, RpcError):
        return _fitting(error, procedure, naive)
    if isinstance(error, HTTPException):
        headers = dict(error.headers) if error.headers else None
        return _fitting(HttpError(error.status_code, error.detail, headers), procedure, naive)
    if isinstance(error, RequestValidationError):
        return InvalidArgument([{k: e[k] for k in ("type", "loc", "msg") if k in e} for e in error.errors()])
    return _internal(error, procedure)


class Failures:
    """What an exception becomes, by the app's own exception handlers first. `handlers` are the app's, `own` those that count as none.
    `naive`: what becomes of datetimes without a time zone in an error's data.
    """

    def __init__(
        self, handlers: Mapping[Any, Any], own: Collection[Any], naive: NaiveDatetimes = "error"
    ) -> None:
        self._handlers = handlers
        self._own = own
        self._naive: NaiveDatetimes = naive

    async def of(self, error: BaseException, procedure: str, connection: HTTPConnection) -> RpcError[Any]:
        """The error that the caller gets. Declared errors are the protocol's own and are asked of nobody; for arguments that do not
        fit FastAPI's own exception is raised, as far as the app can see."""
        asked = RequestValidationError(error.detail) if isinstance(error, InvalidArgument) else error
        if isinstance(asked, RpcError) or (handler := self._handler(asked)) is None:
            return failure_of(error, procedure, self._naive)
        try:
            answer = await run(handler, flavour_of(handler), [_as_request(connection), asked], {})
            said = _said(answer)
            if isinstance(asked, RequestValidationError) and _keeps_the_list(said):
                said.code = InvalidArgument.code
            said.__context__ = error
            return _fitting(said, procedure, self._naive)
        except Exception as broken:  # noqa: BLE001  # user code: whatever its handler raises
            broken.__context__ = error
            return _internal(broken, procedure)

    def _handler(self, error: BaseException) -> Any | None:
        """As starlette looks for one: by status, then by class. `Exception` itself is asked last, and so is 500."""
        keys: list[Any] = [error.status_code] if isinstance(error, HTTPException) else []
        keys += [kind for kind in type(error).__mro__ if kind is not BaseException and kind is not object]
        if isinstance(error, Exception) and not isinstance(error, HTTPException):
            keys.append(500)
        found = next((self._handlers[key] for key in keys if key in self._handlers), None)
        return None if found in self._own else found


def _as_request(connection: HTTPConnection) -> Request:
    """What a handler takes: the request itself, or the handshake as one."""
    if isinstance(connection, Request):
        return connection
    return Request({**connection.scope, "type": "http", "method": "GET"})


def _said(answer: Any) -> RpcError[Any]:
    """An exception handler's response as an error: the same on every transport."""
    if not isinstance(answer, Response):
        raise TypeError(f"the exception handler returned {type(answer).__name__}, not a Response")
    text = bytes(answer.body)
    try:
        body = from_json(text)
    except ValueError:
        body = text.decode("utf-8", "replace")
    headers = {k: v for k, v in answer.headers.items() if k not in ("content-length", "content-type")}
    is_shape = isinstance(body, dict) and "detail" in body
    error = HttpError(answer.status_code, body["detail"] if is_shape else body, headers)
    if is_shape and isinstance(body.get("code"), str):
        error.code = body["code"]
    return error


def _keeps_the_list(said: RpcError[Any]) -> bool:
    """Whether a handler's answer is still what `INVALID_ARGUMENT` promises: a list of what does not fit."""
    return (
        said.status == InvalidArgument.status
        and said.code == code_of_status(said.status)
        and isinstance(said.detail, list)
        and all(isinstance(item, dict) and {"type", "loc", "msg"} <= item.keys() for item in said.detail)
    )


def _fitting(error: RpcError[Any], procedure: str, naive: NaiveDatetimes) -> RpcError[Any]:
    """A declared error, once it is sure that it can leave: its data fits, and all of it has a form on the wire."""
    try:
        _refuse_unsayable(error)
        error.output = _output_of(error, naive)
        packed_detail(error)
        packed_data(error)
    except Exception as unfit:  # noqa: BLE001  # user code: serializers of the app's own types
        unfit.__context__ = error
        return _internal(unfit, procedure)
    return error


_NO_TEXT = re.compile(r"[^\t\x20-\x7e\x80-\xff]")
"""What no header can hold (RFC 9110 §5.5)."""


def _refuse_unsayable(error: RpcError[Any]) -> None:
    """What types could not refuse: data that nobody declared, and what HTTP has no form for."""
    if error.data is not None and error.data_type is None:
        raise TypeError(
            f"{type(error).__name__} declares no data, so it has none; a text for people is its second argument"
        )
    if not 200 <= error.status <= 599:
        raise ValueError(f"{error.status} is no status of a response")
    for name, value in (getattr(error, "headers", None) or {}).items():
        if _NO_TEXT.search(name + value):
            raise ValueError(f"the header {name!r} has characters that no header can hold")


def _internal(error: BaseException, procedure: str) -> Internal:
    return Internal(_logged(error, procedure))


def _logged(error: BaseException, procedure: str) -> str:
    error_id = secrets.token_hex(8)
    log.error("! %s failed, error id %s", procedure, error_id, exc_info=error)
    return error_id


MAX_ERRORS = 50


def shortened(errors: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """At most 50 of them: a small request must not make an answer of megabytes."""
    if len(errors) <= MAX_ERRORS:
        return errors
    rest = {
        "type": "too_many_errors",
        "loc": (),
        "msg": f"{len(errors)} errors in all, the first {MAX_ERRORS} are shown",
    }
    return [*errors[:MAX_ERRORS], rest]
