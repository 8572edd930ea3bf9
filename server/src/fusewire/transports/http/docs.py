"""The OpenAPI document and its page, below the API prefix, where a gateway passes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from fusewire.transports.http.reply import JSONL, SSE


def add_docs(app: FastAPI, *, api_prefix: str) -> None:
    """`{api_prefix}/openapi.json` and `{api_prefix}/docs`."""
    url = f"{api_prefix}/openapi.json"

    async def document(request: Request) -> Response:
        # Seconds for a large app: not on the event loop (measured: 3.5 s for 1,000 procedures).
        schema = await run_in_threadpool(app.openapi)
        root = request.scope.get("root_path", "").rstrip("/")
        if (
            root
            and app.root_path_in_servers
            and root not in {server.get("url") for server in schema.get("servers", [])}
        ):
            schema = {**schema, "servers": [{"url": root}, *schema.get("servers", [])]}
        return JSONResponse(schema)

    async def page(request: Request) -> HTMLResponse:
        root = request.scope.get("root_path", "").rstrip("/")
        return get_swagger_ui_html(openapi_url=root + url, title=f"{app.title} - API")

    app.router.add_route(url, document, include_in_schema=False)
    app.router.add_route(f"{api_prefix}/docs", page, include_in_schema=False)


def describe_streams(app: FastAPI) -> None:
    """Make `app.openapi()` say what the items of a stream are, in the words of the version that the document names.

    FastAPI writes `itemSchema`, which OpenAPI 3.1 does not know. OpenAPI 3.2 lets `schema` describe the whole of such a body as an
    array, and so do we: what reads 3.1 understands that too.
    """
    written = app.openapi

    def openapi() -> dict[str, Any]:
        document = written()
        for content, error in _streams(document):
            item = content[JSONL].pop("itemSchema")
            content[JSONL] |= _of_items(item, document["openapi"])
            if content.get(SSE) == {}:
                content[SSE] = _of_items(_event(item, error), document["openapi"])
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # how FastAPI lets an app extend its document


def _streams(document: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """The content of every response with an item schema, and the schema of the operation's other errors."""
    operations = (each for path in document.get("paths", {}).values() for each in path.values())
    for operation in operations:
        responses = operation.get("responses", {}) if isinstance(operation, dict) else {}
        content = responses.get("default", {}).get("content", {})
        error = content.get("application/json", {}).get("schema", {})
        for response in responses.values():
            if "itemSchema" in response.get("content", {}).get(JSONL, ()):
                yield response["content"], error


def _of_items(item: dict[str, Any], version: str) -> dict[str, Any]:
    if version.startswith(("3.0", "3.1")):
        return {"schema": {"type": "array", "items": item}}
    return {"itemSchema": item}


def _event(item: dict[str, Any], error: dict[str, Any]) -> dict[str, Any]:
    """A server-sent event: an item, the end, or an error."""
    end = {"type": "object", "required": ["event"], "properties": {"event": {"const": "end"}}}
    return {"oneOf": [_of_kind("message", item), end, _of_kind("error", error)]}


def _of_kind(kind: str, content: dict[str, Any]) -> dict[str, Any]:
    data = {"type": "string", "contentMediaType": "application/json", "contentSchema": content}
    return {
        "type": "object",
        "required": ["data", *(["event"] if kind != "message" else [])],
        "properties": {"event": {"const": kind}, "data": data},
    }
