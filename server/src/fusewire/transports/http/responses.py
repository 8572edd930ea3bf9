"""What an operation may answer beside its result, for the document: a response per status, each error with its code and its data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, reduce
from operator import or_
from typing import Annotated, Any, Literal, NamedTuple

import pydantic
from fastapi.security.base import SecurityBase
from pydantic import BaseModel, create_model

from fusewire.errors import (
    Forbidden,
    InvalidArgument,
    KeyReused,
    OriginNotAllowed,
    OutcomeUnknown,
    RateLimited,
    ResultNotKept,
    RpcError,
    StreamLost,
    StreamTakenOver,
    StreamUnknown,
    TooLarge,
    TooManyCalls,
    Unauthenticated,
    Unavailable,
)
from fusewire.procedures.procedure import Procedure
from fusewire.procedures.sources import Injected, Node, walk
from fusewire.streams.streams import RUNNERS
from fusewire.transports.http.problem import ErrorBody, InvalidArgumentItem, RetryAfter

_HEADERS: dict[type[RpcError[Any]], Any] = {
    RateLimited: {"Retry-After": {"description": "In seconds.", "schema": {"type": "integer", "minimum": 1}}},
}
_CHALLENGE = {"WWW-Authenticate": {"schema": {"type": "string"}}}
_DETAIL: dict[type[RpcError[Any]], Any] = {InvalidArgument: list[InvalidArgumentItem]}
_DATA: dict[type[RpcError[Any]], Any] = {RateLimited: RetryAfter}
_NOTHING_MORE = {"description": "What `Last-Event-ID` names was the end of the stream"}


class _Expected(NamedTuple):
    """An error that the caller has to expect, and when it comes."""

    error: Any
    when: str


def responses_of(procedure: Procedure) -> dict[int | str, dict[str, Any]]:
    """FastAPI's `responses`: what the procedure declares, what the framework adds to it, and any other error as the default.

    What the options say about a response themselves counts first.
    """
    by_status: dict[int, dict[str, _Expected]] = {}
    for expected in _errors(procedure):
        # What is declared comes last, and is what a code means that the framework has as well.
        by_status.setdefault(expected.error.status, {})[expected.error.code] = expected
    responses: dict[int | str, dict[str, Any]] = (
        {204: _NOTHING_MORE} if procedure.resume_seconds is not None else {}
    )
    responses |= {status: _response([*errors.values()]) for status, errors in sorted(by_status.items())}
    responses["default"] = {"model": ErrorBody, "description": "Any other error"}
    return {**responses, **procedure.options.responses}


def _errors(procedure: Procedure) -> Iterator[_Expected]:
    options = procedure.options
    nodes = (procedure.root, *procedure.guards)
    if procedure.needs_identity or any(_asks_who(node) for node in nodes):
        yield _Expected(Unauthenticated, "No identity, or a refused one")
    if options.scopes:
        yield _Expected(Forbidden, "A scope is missing")
    if procedure.takes_form:
        yield _Expected(OriginNotAllowed, "A page on another host sent the form")
    takes_arguments = any(True for node in nodes for _ in walk(node))
    if takes_arguments and options.max_bytes is not None:
        yield _Expected(TooLarge, f"The arguments take more than {options.max_bytes:,} bytes")
    if takes_arguments:
        yield _Expected(InvalidArgument, "An argument does not fit")
    if procedure.dedupe_seconds is not None:
        yield _Expected(InvalidArgument, "An argument or the key does not fit")
    if options.limit is not None:
        yield _Expected(RateLimited, f"The limit of {options.limit} is spent")
    if procedure.resume_seconds is not None:
        yield _Expected(TooManyCalls, f"{RUNNERS} streams of this caller are at work")
    for error in (*_kept(procedure), *options.raises):
        said = "" if error.__doc__ == RpcError.__doc__ else error.__doc__ or ""
        yield _Expected(error, " ".join(said.partition("\n\n")[0].split()) or error.code)


def _kept(procedure: Procedure) -> Iterator[type[RpcError[Any]]]:
    """The errors of what is kept: of outcomes, by a key, and of streams."""
    if procedure.dedupe_seconds is not None:
        if procedure.fields:
            yield KeyReused
        yield from (OutcomeUnknown, ResultNotKept, Unavailable)
    if procedure.resume_seconds is not None:
        yield from (StreamUnknown, StreamLost, StreamTakenOver, Unavailable)


def _asks_who(node: Node) -> bool:
    return any(
        source is Injected.IDENTITY
        or (isinstance(source, Node) and (_asks_who(source) or _refuses_strangers(source.call)))
        for _, source in node.sources
    )


def _refuses_strangers(call: object) -> bool:
    return isinstance(call, SecurityBase) and getattr(call, "auto_error", False) is True


def _response(errors: Sequence[_Expected]) -> dict[str, Any]:
    """The response of one status. With a discriminator pydantic writes `oneOf`."""
    bodies = [_body_of(error) for error, _ in errors]
    if len(bodies) == 1:
        model: Any = bodies[0]
        said = errors[0].when
    else:
        model = Annotated[reduce(or_, bodies), pydantic.Field(discriminator="code")]
        said = "\n".join(f"- `{error.code}`: {when}" for error, when in errors)
    headers = {name: header for error, _ in errors for name, header in _HEADERS.get(error, {}).items()}
    if errors[0].error.status == 401:
        headers |= _CHALLENGE
    return {"model": model, "description": said, **({"headers": headers} if headers else {})}


@cache
def _body_of(error: type[RpcError[Any]]) -> type[BaseModel]:
    """The body of one error. One model for all operations: two of the same name would get longer ones."""
    fields: dict[str, Any] = {"detail": (_DETAIL.get(error, Any), ...), "code": (Literal[error.code], ...)}
    data = _DATA.get(error, error.data_type)
    if data is not None:
        fields["data"] = (data, ...)
    return create_model(f"{error.__name__}Body", __doc__=error.__doc__, **fields)
