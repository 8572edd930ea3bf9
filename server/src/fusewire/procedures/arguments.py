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
    positional = [field for field in procedure.fields if not field.keyword_only]
    values = {field.name: value for field, value in zip(positional, args, strict=False)}
    errors: list[dict[str, Any]] = []
    if len(args) > len(positional):
        msg = f"At most {len(positional)} positional arguments, {len(args)} given"
        errors.append({"type": "unexpected_positional_argument", "loc": ("body",), "msg": msg})
    fields = {field.name: field for field in procedure.fields}
    for name, value in kwargs.items():
        if name not in fields:
            loc = ("body", name[:100])
            errors.append(
                {"type": "unexpected_keyword_argument", "loc": loc, "msg": "Unexpected keyword argument"}
            )
        elif name in values:
            msg = "Got multiple values for argument"
            errors.append({"type": "multiple_argument_values", "loc": fields[name].location, "msg": msg})
        else:
            values[name] = value
    if errors:
        raise InvalidArgument(errors)
    return values
