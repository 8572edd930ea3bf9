"""From positional and named values, as a call message carries them, to values by parameter name. Python's own rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fusewire.errors import InvalidArgument
from fusewire.procedures.procedure import Procedure


def bind(procedure: Procedure, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Raises `InvalidArgument` for what Python would refuse too: too many, unknown, or given twice.

    What is not a field of the caller's cannot be named here, so no dependency can be filled from outside.
    """
    values = dict(zip(procedure.positional, args, strict=False))
    if not kwargs and len(args) <= len(procedure.positional):
        return values
    errors: list[dict[str, Any]] = []
    if len(args) > len(procedure.positional):
        msg = f"At most {len(procedure.positional)} positional arguments, {len(args)} given"
        errors.append({"type": "unexpected_positional_argument", "loc": ("body",), "msg": msg})
    for name, value in kwargs.items():
        field = procedure.by_name.get(name)
        if field is None:
            loc = ("body", name[:100])
            errors.append(
                {"type": "unexpected_keyword_argument", "loc": loc, "msg": "Unexpected keyword argument"}
            )
        elif name in values:
            msg = "Got multiple values for argument"
            errors.append({"type": "multiple_argument_values", "loc": field.location, "msg": msg})
        else:
            values[name] = value
    if errors:
        raise InvalidArgument(errors)
    return values
