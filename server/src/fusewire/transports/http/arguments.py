"""From an HTTP request to values by parameter name (PROTOCOL §8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic_core import from_json
from starlette.datastructures import QueryParams
from starlette.requests import Request

from fusewire.errors import HttpError, InvalidArgument, TooLarge
from fusewire.procedures.annotations import is_sequence, model_fields
from fusewire.procedures.procedure import Procedure
from fusewire.procedures.sources import Field
from fusewire.wire.codec import OverSizeError, Sizes, measure, unpack

JSON = "application/json"
MSGPACK = "application/msgpack"


RawHeaders = Mapping[bytes, bytes]
"""Of an ASGI scope, names in lower case. Looked up once: starlette's `Headers` walks through all of them each time."""


async def read_values(
    request: Request, headers: RawHeaders, procedure: Procedure, sizes: Sizes
) -> dict[str, Any]:
    """What the caller sent for each parameter; absent ones are left out.

    Raises `InvalidArgument` for a body that is not what the procedure takes, `TooLarge` for one over `sizes`, and status 415 for
    a type of body that is not read. The type must be named: a form on another site cannot send one of these without asking first.
    """
    values: dict[str, Any] = {}
    body_fields: list[Field] = []
    elsewhere: list[Field] = []
    for field in procedure.fields:
        if field.where == "body":
            body_fields.append(field)
        elif field.where == "path":
            values[field.name] = request.path_params[field.alias]
        elif (found := _from_query(field, request.query_params)) is not _ABSENT:
            values[field.name] = found
        else:
            elsewhere.append(field)
    if body_fields:
        if not body_fields[0].whole_body:
            # Third parties put it into the query, as documented; our own clients have one object for what is not in the path.
            body_fields += elsewhere
        if (most := sizes.calls.get(procedure.name)) is not None:
            sizes = replace(sizes, message_bytes=most)
        _take_body(values, body_fields, await _body(request, headers, sizes))
    return values


_ABSENT: Any = object()


def _from_query(field: Field, query: QueryParams) -> Any:
    if field.whole_body:
        return _model_from_query(field, query)
    # Third parties say the alias, as documented; our own clients know parameters by name.
    key = field.alias if field.alias in query else field.name
    if field.sequence:
        return query.getlist(key) or _ABSENT
    return query.get(key, _ABSENT)


def _model_from_query(field: Field, query: QueryParams) -> Any:
    lists = {
        name for name, annotation in model_fields(field.type.annotation).items() if is_sequence(annotation)
    }
    found = {name: query.getlist(name) if name in lists else query[name] for name in query}
    return found if found or field.default.required else _ABSENT


def _take_body(values: dict[str, Any], fields: list[Field], body: Any) -> None:
    if fields[0].whole_body:
        if body is not _ABSENT:
            values[fields[0].name] = body
        return
    if body is _ABSENT:
        return
    if not isinstance(body, Mapping):
        raise InvalidArgument([{"type": "dict_type", "loc": ("body",), "msg": "Input should be an object"}])
    for field in fields:
        if (key := field.alias if field.alias in body else field.name) in body:
            values[field.name] = body[key]


async def _body(request: Request, headers: RawHeaders, sizes: Sizes) -> Any:
    declared = headers.get(b"content-length", b"")
    if declared.isdigit() and int(declared) > sizes.message_bytes:
        raise TooLarge(message=f"a body of more than {sizes.message_bytes} bytes")
    data = await _bytes(request, sizes.message_bytes)
    if not data:
        return _ABSENT
    kind = headers.get(b"content-type", b"").decode("latin-1")
    if kind == JSON:
        return _json(data, sizes)
    kind = kind.partition(";")[0].strip().lower()
    if kind == MSGPACK:
        try:
            return unpack(data, sizes)
        except OverSizeError as error:
            raise TooLarge(message=str(error)) from error
        except ValueError as error:
            raise InvalidArgument(
                [{"type": "msgpack_invalid", "loc": ("body",), "msg": str(error)}]
            ) from error
    if kind == JSON or (kind.startswith("application/") and kind.endswith("+json")):
        return _json(data, sizes)
    raise HttpError(
        415, "The body must be application/json or application/msgpack, and say so in Content-Type"
    )


def _json(data: bytes, sizes: Sizes) -> Any:
    try:
        body = from_json(data, allow_inf_nan=False)
    except ValueError as error:
        raise InvalidArgument(
            [{"type": "json_invalid", "loc": ("body",), "msg": "JSON decode error"}]
        ) from error
    if fault := measure(body, sizes):
        raise TooLarge(message=fault)
    return body


async def _bytes(request: Request, most: int) -> bytes:
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise HttpError(400, "The connection was lost inside the body")
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > most:
            raise TooLarge(message=f"a body of more than {most} bytes")
        parts.append(part)
        more = message.get("more_body", False)
    return parts[0] if len(parts) == 1 else b"".join(parts)
