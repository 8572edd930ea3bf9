"""The headers of a request that are the framework's own, for the document: no procedure has them as parameters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fusewire.calls.deduplication import KEY_CHARACTERS, SECRET_CHARACTERS
from fusewire.procedures.procedure import Procedure
from fusewire.procedures.sources import walk


def headers_of(procedure: Procedure) -> list[dict[str, Any]]:
    """OpenAPI's parameters. One that a dependency asks for is described by that dependency."""
    asked_for = {
        field.alias.lower()
        for node in (procedure.root, *procedure.guards)
        for field in walk(node)
        if field.where == "header"
    }
    return [header for header in _headers(procedure) if header["name"].lower() not in asked_for]


def _headers(procedure: Procedure) -> Iterator[dict[str, Any]]:
    if procedure.dedupe_seconds is not None:
        said = f"A random text for each call, the same for all attempts at it: it is executed once, within {procedure.options.dedupe}."
        if not procedure.needs_identity:
            said += f" Without an identity it has at least {SECRET_CHARACTERS} characters."
        yield _header(
            "Idempotency-Key", said, {"type": "string", "minLength": 1, "maxLength": KEY_CHARACTERS}
        )
    if procedure.resume_seconds is not None:
        yield _header(
            "Last-Event-ID",
            "For `text/event-stream`: the id of the last event that was read. The stream goes on behind it, whatever the arguments are.",
            {"type": "string"},
        )


def _header(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "description": description, "schema": schema}
