"""Serializers of single values, and how a schema gets one."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import datetime
from typing import Any

from pydantic_core import PydanticSerializationUnexpectedValue, SchemaSerializer, to_jsonable_python

from fusewire.procedures.values.kinds import NoFormError
from fusewire.procedures.values.schemas import Config, Schema

Convert = Callable[[Any], Any]


def compiled(schema: Schema, config: Config | None = None) -> SchemaSerializer:
    # Prebuilt: the serializers of the models' classes, in place of what the schema says.
    return SchemaSerializer(schema, config, _use_prebuilt=False)  # type: ignore[arg-type]  # TypedDicts to pydantic


def by(schema: Schema, function: Convert, *, returns: Schema | None = None) -> Schema:
    """The schema, serialised by that function; what it returns is serialised as `returns` says."""
    serialization: dict[str, Any] = {"type": "function-plain", "function": function}
    if returns is not None:
        serialization["return_schema"] = {key: value for key, value in returns.items() if key != "ref"}
    return {**schema, "serialization": serialization}


def only(kind: type | tuple[type, ...], convert: Convert) -> Convert:
    """For values of that class alone: of a union, others are somebody else's. A bool is no int here."""

    def run(value: Any) -> Any:
        if isinstance(value, kind) and not isinstance(value, bool):
            return convert(value)
        raise PydanticSerializationUnexpectedValue(f"Unexpected {type(value).__name__}")

    return run


def text_key(key: Any) -> str:
    if type(key) is str:
        return key
    (text,) = to_jsonable_python({key: None})
    return str(text)


def base64_text(value: bytes | bytearray | memoryview) -> str:
    """RFC 4648 §4."""
    return base64.b64encode(value).decode("ascii")


def digits(value: int) -> str:
    """Decimal digits. Raises `NoFormError` for more than may travel."""
    try:
        return str(int(value))
    except ValueError as error:
        # Python's own bound: the time it takes grows with the square of their number.
        raise NoFormError("an integer of more than 4,300 digits") from error


def naive_only(value: datetime) -> datetime:
    if value.tzinfo is not None:
        raise NoFormError("a NaiveDatetime has a time zone")
    return value
