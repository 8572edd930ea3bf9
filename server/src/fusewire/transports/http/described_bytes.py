"""What the OpenAPI document says of bytes: in the mirror they are base64, in the app's plain routes they are text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from fastapi import FastAPI
from starlette.routing import compile_path

from fusewire.procedures.procedure import Procedure
from fusewire.procedures.values.schemas import core_schema_of
from fusewire.transports.http.form import MULTIPART

_COMPONENTS = "#/components/schemas/"


def describe_bytes(app: FastAPI, procedures: Iterable[Procedure], *, api_prefix: str) -> None:
    """Make `app.openapi()` say `contentEncoding: base64` in the operations of these procedures.

    A model that a plain route has too is left as it is, for there its bytes are text, and so is one whose own configuration says how its
    bytes are written.
    """
    written = app.openapi
    described: list[Any] = [None]

    def openapi() -> dict[str, Any]:
        document = written()
        if document is not described[0]:
            mirrored = [procedure for procedure in procedures if "http" in procedure.served_on]
            _describe(document, mirrored, api_prefix)
            described[0] = document
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # how FastAPI lets an app extend its document


def _describe(document: dict[str, Any], procedures: list[Procedure], api_prefix: str) -> None:
    components = document.get("components", {}).get("schemas", {})
    ours = {(compile_path(api_prefix + each.path)[1], each.method.lower()) for each in procedures}
    mirrored: list[Any] = []
    plain: list[Any] = []
    for path, operations in document.get("paths", {}).items():
        for verb, operation in operations.items():
            (mirrored if (path, verb) in ours else plain).append(operation)
    others = _reached(plain, components)
    own = [components[name] for name in _reached(mirrored, components) - others]
    configured = {name for procedure in procedures for name in _configured(procedure)}
    for part in (*mirrored, *(each for each in own if each.get("title") not in configured)):
        for schema in _schemas(part):
            is_bytes = schema.get("contentMediaType") == "application/octet-stream"
            if is_bytes and "format" not in schema:
                schema["contentEncoding"] = "base64"


def _schemas(part: Any) -> Iterator[dict[str, Any]]:
    """Every object in a part of the document; not in the bodies whose bytes are files."""
    if isinstance(part, list | tuple):
        for each in part:
            yield from _schemas(each)
    elif isinstance(part, dict):
        yield part
        for name, each in part.items():
            if name != MULTIPART:
                yield from _schemas(each)


def _reached(parts: list[Any], components: dict[str, Any]) -> set[str]:
    """The components that are referred to, directly or by another one."""
    found: set[str] = set()
    waiting: list[Any] = [*parts]
    while waiting:
        for schema in _schemas(waiting.pop()):
            name = str(schema.get("$ref", "")).removeprefix(_COMPONENTS)
            if name in components and name not in found:
                found.add(name)
                waiting.append(components[name])
    return found


def _configured(procedure: Procedure) -> Iterator[str]:
    """The models that say by themselves how their bytes are written."""
    adapters = [field.type.adapter for field in procedure.fields]
    adapters += [procedure.output.adapter] if procedure.output is not None else []
    for adapter in adapters:
        for schema in _schemas(core_schema_of(adapter)):
            config = schema.get("config")
            if isinstance(config, dict) and config.keys() & {"ser_json_bytes", "val_json_bytes"}:
                yield from (getattr(schema.get("cls"), "__name__", ""), config.get("title", ""))
