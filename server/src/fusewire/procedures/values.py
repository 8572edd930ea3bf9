"""One declared type, compiled: what comes in is validated by it, what goes out is filtered and encoded by it."""

from __future__ import annotations

import base64
import binascii
from functools import cached_property
from typing import Any, get_args

from pydantic import BaseModel, TypeAdapter
from pydantic_core import to_json, to_jsonable_python

from fusewire.wire.codec import pack
from fusewire.wire.messages import Packed


class OutputType:
    """The declared type of a result, item, event or error data. Subclass fields and excluded fields never pass."""

    def __init__(self, annotation: Any) -> None:
        self.annotation = annotation
        self.adapter: TypeAdapter[Any] = TypeAdapter(annotation)

    def filter(self, value: Any) -> Any:
        """Plain Python data of the declared shape. A dict or an ORM row that fits is taken as well.

        Raises `pydantic.ValidationError` when the value does not fit, which is the procedure's fault, not the caller's.
        """
        fitted = self.adapter.validate_python(value, from_attributes=True)
        return self.adapter.dump_python(fitted, by_alias=True, warnings="error")

    def packed(self, value: Any) -> Packed:
        """As msgpack: datetimes and bytes as themselves, everything else in pydantic's JSON form."""
        return pack(self.filter(value), to_jsonable_python)

    def json(self, value: Any) -> bytes:
        """As JSON: bytes in base64 (RFC 4648 §4), NaN and infinities as null."""
        plain = self.filter(value)
        return to_json(_with_base64(plain) if self._may_hold_bytes else plain, inf_nan_mode="null")

    @cached_property
    def _may_hold_bytes(self) -> bool:
        return _mentions(self.adapter.core_schema, frozenset(("bytes", "any")))


class InputType:
    """The declared type of an argument."""

    def __init__(self, annotation: Any) -> None:
        self.annotation = annotation
        self.adapter: TypeAdapter[Any] = TypeAdapter(annotation)
        self._takes_bytes = bytes in (annotation, *get_args(annotation))

    def validate(self, value: Any) -> Any:
        """Raises `pydantic.ValidationError` when the value does not fit."""
        if self._takes_bytes and isinstance(value, str):
            # JSON has no bytes: they travel as base64 (RFC 4648 §4).
            try:
                value = base64.b64decode(value, validate=True)
            except binascii.Error:
                value = None
        return self.adapter.validate_python(value)


def _mentions(schema: Any, types: frozenset[str]) -> bool:
    if isinstance(schema, dict):
        return schema.get("type") in types or any(_mentions(part, types) for part in schema.values())
    return isinstance(schema, list | tuple) and any(_mentions(part, types) for part in schema)


def _with_base64(value: Any) -> Any:
    """Pydantic itself writes the URL-safe alphabet, which a browser's `atob` does not read."""
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, dict):
        return {key: _with_base64(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_with_base64(item) for item in value]
    return value


def model_fields(annotation: Any) -> dict[str, Any] | None:
    """The fields of a pydantic model class by the name they have on the wire, or None for any other type."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {field.alias or name: field.annotation for name, field in annotation.model_fields.items()}
    return None
