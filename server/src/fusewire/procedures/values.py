"""One declared type, compiled: what comes in is validated by it, what goes out is filtered and encoded by it."""

from __future__ import annotations

import base64
import binascii
from collections import deque
from datetime import datetime
from functools import cached_property
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import to_json, to_jsonable_python

from fusewire.procedures.annotations import without_none
from fusewire.wire.codec import pack, pack_scalar
from fusewire.wire.messages import Packed

_SCALARS = (bool, int, float, str)


class OutputType:
    """The declared type of a result, item, event or error data. Subclass fields and excluded fields never pass."""

    def __init__(self, annotation: Any) -> None:
        self.annotation = annotation
        self.adapter: TypeAdapter[Any] = TypeAdapter(annotation)
        self.scalar: type | None = (
            annotation if annotation in _SCALARS else type(None) if annotation is None else None
        )
        """The class whose very instances go out as they are: there is nothing to validate and nothing to filter."""

    def filter(self, value: Any) -> Any:
        """Plain Python data of the declared shape. A dict or an ORM row that fits is taken as well.

        Raises `pydantic.ValidationError` when the value does not fit, which is the procedure's fault, not the caller's.
        """
        fitted = self.adapter.validate_python(value, from_attributes=True)
        return self.adapter.dump_python(fitted, by_alias=True, warnings="error")

    def packed(self, value: Any) -> Packed:
        """As msgpack: datetimes and bytes as themselves, everything else in pydantic's JSON form."""
        if type(value) is self.scalar:
            return pack_scalar(value)
        plain = self.filter(value)
        return pack(_with_text_keys(plain) if self._may_hold_odd_keys else plain, _packable)

    def json(self, value: Any) -> bytes:
        """As JSON: bytes in base64 (RFC 4648 §4), NaN and infinities as null."""
        if type(value) is self.scalar:
            return to_json(value, inf_nan_mode="null")
        plain = self.filter(value)
        return to_json(_writable(plain) if self._needs_writing else plain, inf_nan_mode="null")

    @cached_property
    def _needs_writing(self) -> bool:
        return _mentions(self.adapter.core_schema, frozenset(("bytes", "datetime", "any")))

    @cached_property
    def _may_hold_odd_keys(self) -> bool:
        return _mentions(self.adapter.core_schema, frozenset(("dict", "any")))


class InputType:
    """The declared type of an argument."""

    def __init__(self, annotation: Any) -> None:
        self.annotation = annotation
        self.adapter: TypeAdapter[Any] = TypeAdapter(annotation)
        self.is_bytes = without_none(annotation) is bytes
        # Past the adapter's own Python: half the time of a call's validation.
        self.check = self.adapter.validator.validate_python

    def validate(self, value: Any, *, from_text: bool = False) -> Any:
        """Raises `pydantic.ValidationError` when the value does not fit. `from_text`: it came as JSON or in a query."""
        if self.is_bytes and from_text and isinstance(value, str):
            # JSON has no bytes: they travel as base64 (RFC 4648 §4).
            try:
                value = base64.b64decode(value, validate=True)
            except binascii.Error:
                value = None
        return self.check(value)


def _mentions(schema: Any, types: frozenset[str]) -> bool:
    if isinstance(schema, dict):
        return schema.get("type") in types or any(_mentions(part, types) for part in schema.values())
    return isinstance(schema, list | tuple) and any(_mentions(part, types) for part in schema)


def _writable(value: Any) -> Any:
    """What pydantic would write in another way than the wire does, in the wire's way."""
    if isinstance(value, bytes | bytearray | memoryview):
        # Pydantic itself writes the URL-safe alphabet, which a browser's `atob` does not read.
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, datetime):
        return _aware(value)
    if isinstance(value, dict):
        return {key: _writable(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset | deque):
        return [_writable(item) for item in value]
    return value


def _with_text_keys(value: Any) -> Any:
    """Keys as JSON writes them: msgpack would take numbers and more, and no client could read those back."""
    if isinstance(value, dict):
        return {
            key if type(key) is str else next(iter(to_jsonable_python({key: None}))): _with_text_keys(item)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset | deque):
        return [_with_text_keys(item) for item in value]
    return value


def _packable(value: Any) -> Any:
    """What msgpack does not know: collections stay collections, so that what is in them is packed by its own kind."""
    if isinstance(value, set | frozenset | deque):
        return list(value)
    if isinstance(value, datetime):
        return _aware(value)
    return to_jsonable_python(value)


def _aware(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError(
            f"a naive datetime ({value.isoformat()}) says no moment: give it a time zone, such as datetime.UTC"
        )
    return value
