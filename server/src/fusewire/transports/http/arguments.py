"""From an HTTP request to values by parameter name (PROTOCOL §8)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

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
    values, body_fields = outside_the_body(request, procedure)
    if body_fields:
        if (most := sizes.calls.get(procedure.name)) is not None:
            sizes = replace(sizes, message_bytes=most)
        _take_body(values, body_fields, await _body(request, headers, sizes))
    return values


class Outside(NamedTuple):
    values: dict[str, Any]
    rest: list[Field]
    """What the body may have."""


def outside_the_body(request: Request, procedure: Procedure) -> Outside:
    """What the path and the query give."""
    values: dict[str, Any] = {}
    in_body: list[Field] = []
    elsewhere: list[Field] = []
    for field in procedure.fields:
        if field.where in ("body", "form"):
            in_body.append(field)
        elif field.where == "path":
            values[field.name] = request.path_params[field.alias]
        elif (found := _from_query(field, request.query_params)) is not ABSENT:
            values[field.name] = found
        else:
            elsewhere.append(field)
    if in_body and not in_body[0].whole_body:
        # Third parties put it into the query, as documented; our own clients have one object for what is not in the path.
        in_body += elsewhere
    return Outside(values, in_body)


ABSENT: Any = object()


def _from_query(field: Field, query: QueryParams) -> Any:
    if field.whole_body:
        return _model_from_query(field, query)
    # Third parties say the alias, as documented; our own clients know parameters by name.
    key = field.alias if field.alias in query else field.name
    if field.sequence:
        return query.getlist(key) or ABSENT
    return query.get(key, ABSENT)


def _model_from_query(field: Field, query: QueryParams) -> Any:
    lists = {
        name for name, annotation in model_fields(field.type.annotation).items() if is_sequence(annotation)
    }
    found = {name: query.getlist(name) if name in lists else query[name] for name in query}
    return found if found or field.default.required else ABSENT


def _take_body(values: dict[str, Any], fields: list[Field], body: Any) -> None:
    if fields[0].whole_body:
        if body is not ABSENT:
            values[fields[0].name] = body
        return
    if body is ABSENT:
        return
    if not isinstance(body, Mapping):
        raise InvalidArgument([{"type": "dict_type", "loc": ("body",), "msg": "Input should be an object"}])
    for field in fields:
        if (key := field.alias if field.alias in body else field.name) in body:
            values[field.name] = body[key]


async def _body(request: Request, headers: RawHeaders, sizes: Sizes) -> Any:
    data = await _bytes(request, headers, sizes.message_bytes)
    if not data:
        return ABSENT
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


async def _bytes(request: Request, headers: RawHeaders, most: int) -> bytes:
    parts = [part async for part in body_parts(request, headers, most)]
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def body_parts(request: Request, headers: RawHeaders, most: int) -> AsyncGenerator[bytes]:
    """The body as it comes in. Raises `TooLarge` where there are more than `most` bytes, said or sent."""
    declared = headers.get(b"content-length", b"")
    size, more = 0, True
    if declared.isdigit() and int(declared) > most:
        raise TooLarge(message=f"a body of more than {most} bytes")
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise HttpError(400, "The connection was lost inside the body")
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > most:
            raise TooLarge(message=f"a body of more than {most} bytes")
        more = message.get("more_body", False)
        yield part
