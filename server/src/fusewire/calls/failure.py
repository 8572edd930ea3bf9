"""Whatever was raised, as an error that a caller may see."""

from __future__ import annotations

import logging
import secrets
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic_core import to_jsonable_python
from starlette.exceptions import HTTPException

from fusewire.errors import HttpError, Internal, InvalidArgument, RpcError
from fusewire.procedures.values import OutputType
from fusewire.wire.codec import pack

log = logging.getLogger("fusewire.calls")


def shown_data(error: RpcError[Any]) -> Any:
    """An error's data as its declared type lets it out; None when it has none."""
    if error.data is None or error.data_type is None:
        return error.data
    return OutputType(error.data_type).filter(error.data)


def failure_of(error: BaseException, procedure: str) -> RpcError[Any]:
    """A declared error is itself, an `HTTPException` keeps status and detail; anything else leaves as an id that is in the log."""
    if isinstance(error, RpcError):
        return _fitting(error, procedure)
    if isinstance(error, HTTPException):
        return _fitting(
            HttpError(error.status_code, error.detail, dict(error.headers) if error.headers else None),
            procedure,
        )
    if isinstance(error, RequestValidationError):
        return InvalidArgument([{k: e[k] for k in ("type", "loc", "msg") if k in e} for e in error.errors()])
    return _internal(error, procedure)


def _fitting(error: RpcError[Any], procedure: str) -> RpcError[Any]:
    """A declared error, once it is sure that it can leave: its data fits, and all of it has a form on the wire."""
    try:
        pack((error.detail, shown_data(error)), to_jsonable_python)
    except Exception as unfit:  # noqa: BLE001  # user code: serializers of the app's own types
        unfit.__context__ = error
        return _internal(unfit, procedure)
    return error


def _internal(error: BaseException, procedure: str) -> Internal:
    error_id = secrets.token_hex(8)
    log.error("! %s failed, error id %s", procedure, error_id, exc_info=error)
    return Internal(error_id)


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
