"""From Python values to what msgpack carries (PROTOCOL §7)."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any

from pydantic_core import to_jsonable_python

from fusewire.wire.codec import BigInteger

_NATIVE = (str, int, float, bool, bytes, bytearray, type(None))
_SEQUENCES = (list, tuple, set, frozenset, deque)


def plain(value: Any) -> Any:
    """The value as plain data: `bytes` and aware datetimes stay what they are, integers beyond 64 bits are extensions, models and
    dataclasses become maps by their fields' aliases, sets and tuples lists, anything else pydantic's JSON form.

    Raises `pydantic_core.PydanticSerializationError` for what pydantic does not know either.
    """
    kind = type(value)
    if kind is int and not -(2**63) <= value < 2**64:
        return BigInteger(str(value)).extension
    if kind in _NATIVE or (kind is datetime and value.tzinfo is not None):
        return value
    if isinstance(value, Mapping):
        return {_key(key): plain(part) for key, part in value.items()}
    if kind in _SEQUENCES:
        return [plain(part) for part in value]
    if (secret := getattr(value, "get_secret_value", None)) is not None:
        # A `SecretStr` is shown as asterisks, and meant to arrive.
        return plain(secret())
    if (own := getattr(value, "__fuse_fields__", None)) is not None:
        # A generated model, whose defaults are the server's.
        return plain(own())
    serializer = getattr(kind, "__pydantic_serializer__", None)
    if serializer is not None:
        # By alias is how it is read again; `round_trip` leaves out what is computed and cannot be given.
        dumped = serializer.to_python(value, by_alias=True, round_trip=True)
        # Types that are no models, such as URLs, stay themselves.
        return to_jsonable_python(dumped) if type(dumped) is kind else plain(dumped)
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    return to_jsonable_python(value)


def _key(key: Any) -> str:
    # Keys are strings towards the server, as in JSON.
    (text,) = to_jsonable_python({key: None})
    return str(text)
