"""From an answer to the exception that stands for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import TypeAdapter, ValidationError

from fusewire import errors
from fusewire.client.errors import RemoteError
from fusewire.errors import RpcError

_PROTOCOL: list[type[RpcError[Any]]] = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, RpcError) and kind not in (RpcError, errors.HttpError)
]


class ErrorTypes:
    """The exceptions of an app by code: those of the protocol, and those that it declares."""

    def __init__(self, declared: Iterable[type[RpcError[Any]]]) -> None:
        self._types = {kind.code: kind for kind in (*_PROTOCOL, *declared)}

    def typed(self, error: RemoteError) -> RpcError[Any]:
        """The declared exception with its data; the error itself when its code is not known, or its data does not fit."""
        kind = self._types.get(error.code)
        if kind is None:
            return error
        data = error.data
        if kind.data_type is not None:
            try:
                data = TypeAdapter(kind.data_type).validate_python(data)
            except ValidationError:
                return error
        # Not by its constructor: those of the protocol's own errors take what the server knows.
        made = kind.__new__(kind)
        RpcError.__init__(made, data)
        made.status = error.status  # the server's may be another than that of the class
        made.detail, made.id = error.detail, error.id
        made.args = (error.detail if isinstance(error.detail, str) else f"{error.code}: {error.detail}",)
        return made
