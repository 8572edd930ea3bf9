"""Whatever was raised, as an error that a caller may see."""

from __future__ import annotations

import logging
import secrets
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from fusewire.errors import HttpError, Internal, InvalidArgument, RpcError
from fusewire.procedures.values import OutputType

log = logging.getLogger("fusewire.calls")


def shown_data(error: RpcError[Any]) -> Any:
    """An error's data as its declared type lets it out; None when it has none."""
    if error.data is None or error.data_type is None:
        return error.data
    return OutputType(error.data_type).filter(error.data)


def failure_of(error: Exception, procedure: str) -> RpcError:
    """A declared error is itself, an `HTTPException` keeps status and detail; anything else leaves as an id that is in the log."""
    if isinstance(error, RpcError):
        return error
    if isinstance(error, HTTPException):
        return HttpError(error.status_code, error.detail, dict(error.headers) if error.headers else None)
    if isinstance(error, RequestValidationError):
        return InvalidArgument([{k: e[k] for k in ("type", "loc", "msg") if k in e} for e in error.errors()])
    error_id = secrets.token_hex(8)
    log.error("! %s failed, error id %s", procedure, error_id, exc_info=error)
    return Internal(error_id)
