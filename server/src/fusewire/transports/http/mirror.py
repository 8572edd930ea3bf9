"""A procedure as a FastAPI route: FastAPI keeps routing, middleware and OpenAPI, the handler is ours.

The only module that leans on how FastAPI builds a route. It gives FastAPI a function whose signature says what the REST form takes, for the
document, and replaces the handler, for the run.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from copy import copy
from datetime import date, datetime
from enum import Enum
from importlib.util import find_spec
from typing import Annotated, Any
from uuid import UUID

from fastapi import Body, FastAPI, File, Form, Path, Query, Request, Response, Security, params
from fastapi.exceptions import FastAPIError
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from fastapi.security.base import SecurityBase
from pydantic.fields import FieldInfo
from starlette.types import Receive, Scope, Send

from fusewire.errors import RegistrationError
from fusewire.procedures.annotations import without_none
from fusewire.procedures.procedure import Procedure
from fusewire.procedures.sources import Field, Node, walk
from fusewire.transports.http.handler import CallResponse
from fusewire.transports.http.headers import headers_of
from fusewire.transports.http.reply import SSE
from fusewire.transports.http.responses import responses_of
from fusewire.transports.services import Services

_HANDLER = "__fusewire_handler__"
_PLAIN = frozenset({bool, int, float, str, UUID, date, datetime})
"""What FastAPI takes in every place of a request."""


_SAID = {
    False: "Successful Response",
    True: 'An item on each line. A stream that fails ends with the line `{"$error": …}`: an error like the default response.',
}
_IDENTITY = HTTPBearer(
    scheme_name="Identity",
    description="What the app's identity loader knows: a bearer token, unless it reads something else.",
    auto_error=False,
)


class MirrorRoute(APIRoute):
    """An `APIRoute` that hands each request to the pipeline."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Past FastAPI's wrapper: it enters exit stacks and catches exceptions, and here is nothing to enter or to catch.
        self.app = self._run

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self.get_route_handler()(Request(scope, receive, send))
        await response(scope, receive, send)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler: Callable[[Request], Coroutine[Any, Any, Response]] = getattr(self.endpoint, _HANDLER)
        return handler


def mirror(app: FastAPI, procedure: Procedure, services: Services, *, api_prefix: str) -> None:
    """Add the procedure's route to the app. Raises `RegistrationError` for a route that FastAPI refuses."""
    if procedure.takes_form and find_spec("python_multipart") is None:
        raise RegistrationError(
            f"{procedure.place}: forms need a parser: the extra fusewire[forms], see docs/forms.md"
        )

    async def handle(request: Request) -> Response:
        return CallResponse(request, procedure, services)

    options = procedure.options
    route: dict[str, Any] = {
        "methods": [procedure.method],
        "name": procedure.name,
        "operation_id": options.operation_id or procedure.name.replace(".", "_"),
        "tags": list(options.tags),
        "status_code": options.status_code,
        "summary": options.summary,
        "description": options.description or procedure.doc,
        "response_description": options.response_description or _SAID[procedure.streams],
        "responses": responses_of(procedure),
        "deprecated": options.deprecated,
        "include_in_schema": options.include_in_schema is not False,
    }
    if headers := headers_of(procedure):
        route["openapi_extra"] = {"parameters": headers}
    if procedure.output is None:
        route["response_class"] = Response
    if procedure.streams:
        status = options.status_code or 200
        route["responses"] = {status: {"content": {SSE: {}}}, **route["responses"]}
    try:
        app.router.add_api_route(
            api_prefix + procedure.path,
            _endpoint(procedure, handle),
            route_class_override=MirrorRoute,
            **route,
        )
    except (AssertionError, FastAPIError) as error:
        raise RegistrationError(f"{procedure.place}: no REST form: {error}") from error


def has_sure_route(procedure: Procedure) -> bool:
    """Whether FastAPI can have nothing against the route, so that one need not be made to find out."""
    options = procedure.options
    if options.status_code is not None or options.responses:
        return False
    fields = (field for node in (procedure.root, *procedure.guards) for field in walk(node))
    return all(field.where == "body" or _is_plain(field) for field in fields)


def _is_plain(field: Field) -> bool:
    bare = without_none(field.type.annotation)
    return field.info is None and inspect.isclass(bare) and (bare in _PLAIN or issubclass(bare, Enum))


def _endpoint(procedure: Procedure, handle: Callable[..., Any]) -> Callable[..., Any]:
    """What FastAPI reads the document from. It is never called."""

    async def call(**_: Any) -> None: ...

    async def stream(**_: Any) -> AsyncIterator[None]:
        yield

    endpoint: Any = stream if procedure.streams else call
    returns: Any = Response if procedure.output is None else procedure.output.annotation
    if procedure.streams:
        # FastAPI takes an item type of None for the lack of one.
        item: Any = type(None) if returns is None else returns
        returns = AsyncIterator[item]
    endpoint.__name__ = procedure.name.replace(".", "_")
    endpoint.__doc__ = procedure.doc
    endpoint.__signature__ = inspect.Signature(_parameters(procedure), return_annotation=returns)
    setattr(endpoint, _HANDLER, handle)
    described: Callable[..., Any] = endpoint
    return described


def _parameters(procedure: Procedure) -> list[inspect.Parameter]:
    """The caller's fields, each where REST has it, then the headers, cookies and security schemes that dependencies ask for.

    The dependencies themselves are not shown to FastAPI: it would find other places for the fields below them.
    """
    parameters = {
        field.name: _parameter(field.name, _described(field), _default(field)) for field in procedure.fields
    }
    schemes: list[Any] = []
    for node in (procedure.root, *procedure.guards):
        for found in _beside(node):
            if isinstance(found, Field):
                parameters.setdefault(found.name, _parameter(found.name, _described(found), _default(found)))
            else:
                schemes.append(Security(found.call, scopes=list(found.security_scopes)))
    if procedure.needs_identity and not schemes:
        schemes.append(Security(_IDENTITY, scopes=sorted(procedure.options.scopes)))
    return [
        *parameters.values(),
        *(
            _parameter(f"security_{place}", Annotated[Any, scheme], inspect.Parameter.empty)
            for place, scheme in enumerate(schemes, len(parameters))
        ),
    ]


def _parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


def _beside(node: Node) -> Iterator[Field | Node]:
    """What a dependency tree takes from the request beside the caller's own arguments."""
    for _, source in node.sources:
        if (isinstance(source, Field) and source.where in ("header", "cookie")) or (
            isinstance(source, Node) and isinstance(source.call, SecurityBase)
        ):
            yield source
        elif isinstance(source, Node):
            yield from _beside(source)


def _default(field: Field) -> Any:
    if field.default.required:
        return inspect.Parameter.empty
    return field.default.make()


def _described(field: Field) -> Any:
    annotation = _bare(field)
    if isinstance(field.info, params.Param | params.Body):
        return Annotated[annotation, _described_by(field)]
    match field.where:
        case "path":
            return Annotated[annotation, Path()]
        case "query":
            return Annotated[annotation, Query()]
        case "form":
            return Annotated[annotation, File() if field.file else Form()]
        case _:
            return Annotated[annotation, Body(embed=not field.whole_body)]


def _described_by(field: Field) -> FieldInfo:
    info: FieldInfo = copy(field.info)
    if isinstance(info, params.Body) and field.where != "form":
        info.embed = not field.whole_body
    return info


def _bare(field: Field) -> Any:
    annotation = field.type.annotation
    if isinstance(field.info, params.Param | params.Body) and getattr(annotation, "__metadata__", ())[
        -1:
    ] == (field.info,):
        # The input type carries the field object for its constraints; FastAPI wants it once.
        rest = annotation.__metadata__[:-1]
        return Annotated[(annotation.__origin__, *rest)] if rest else annotation.__origin__
    return annotation
