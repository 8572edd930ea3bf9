"""Whether two calls have the same arguments, whatever carried them."""

from __future__ import annotations

import dataclasses
import hashlib
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from enum import Enum
from typing import Any, NamedTuple

from pydantic import BaseModel, Secret, SecretBytes, SecretStr
from pydantic_core import to_jsonable_python

from fusewire.procedures.procedure import Procedure
from fusewire.procedures.resolve import Values
from fusewire.procedures.sources import Field


class Fingerprint(NamedTuple):
    """`sent`: of what the caller sent. `meant`: of what that is as the declared types, so that a path's `"5"` is a message's 5, and the
    order of keys does not count.
    """

    sent: bytes
    meant: bytes

    def fits(self, other: Fingerprint) -> bool:
        # Either is enough: a validator that looks at the clock makes something new of the same text each time.
        return self.sent == other.sent or self.meant == other.meant


def fingerprint(procedure: Procedure, values: Values) -> Fingerprint:
    fields = sorted(procedure.fields, key=lambda field: field.name)
    return Fingerprint(
        _digest(sorted(values.items())), _digest([(field.name, _meant(field, values)) for field in fields])
    )


def _digest(plain: Any) -> bytes:
    return hashlib.sha256(repr(plain).encode("utf-8", "backslashreplace")).digest()[:16]


def _meant(field: Field, values: Values) -> Any:
    if field.name not in values:
        # A default is the same as saying it, unless it is made anew for each call.
        absent = field.default.required or field.default.factory is not None
        return None if absent else _part(field.default.make())
    sent = values[field.name]
    try:
        return _part(field.type.check(sent))
    except Exception:  # noqa: BLE001  # it does not fit, which the call itself tells; or it is of a class that only its app knows
        return "as sent", repr(sent)


_EXACTLY = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])


def _part(value: Any) -> Any:
    """Of plain tuples, lists, numbers and text. Raises for what has no form."""
    match value:
        case BaseModel():
            return type(value).__qualname__, _pairs(_model(value))
        case Mapping():
            return "map", _pairs(value)
        case list() | tuple() | deque():
            return [_part(item) for item in value]
        case set() | frozenset():
            return "set", _sorted(_part(item) for item in value)
    if dataclasses.is_dataclass(value):
        return type(value).__qualname__, _pairs(_dataclass(value))
    return _leaf(value)


def _leaf(value: Any) -> Any:
    match value:
        case None | bool() | bytes():
            return value
        case Enum():
            return _part(value.value)
        case str():
            return str.__str__(value)
        case int() | float():
            return value + 0
        case Decimal():
            return "decimal", str(value.normalize(_EXACTLY))
        case datetime() if value.tzinfo is not None:
            return "moment", value.astimezone(UTC).isoformat()
        case Secret() | SecretStr() | SecretBytes():
            return "secret", _part(value.get_secret_value())
    return type(value).__qualname__, to_jsonable_python(value)


def _pairs(parts: Mapping[Any, Any]) -> list[Any]:
    return _sorted((_part(key), _part(value)) for key, value in parts.items())


def _sorted(parts: Iterable[Any]) -> list[Any]:
    return sorted(parts, key=repr)


def _model(model: BaseModel) -> dict[str, Any]:
    given = model.model_fields_set
    declared = {
        name: vars(model)[name]
        for name, field in type(model).model_fields.items()
        if name in vars(model) and (name in given or field.default_factory is None)
    }
    return declared | (model.model_extra or {})


def _dataclass(value: Any) -> dict[str, Any]:
    declared = {field.name: getattr(value, field.name, None) for field in dataclasses.fields(value)}
    # Of pydantic's own, what it allows beside.
    return {**declared, **getattr(value, "__dict__", {})}
