"""From a function's signature to the sources of its parameters. Everything that cannot work is refused here, by name and place."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from copy import copy
from typing import Annotated, Any

from fastapi import BackgroundTasks, Request, Response, UploadFile, WebSocket, params
from fastapi.security import SecurityScopes
from fastapi.security.base import SecurityBase
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from starlette.requests import HTTPConnection

from fusewire.errors import RegistrationError
from fusewire.identity import Credentials, Identity
from fusewire.procedures.annotations import (
    arms,
    inside,
    is_model,
    is_sequence,
    stream_item,
    unwrap,
    without_none,
)
from fusewire.procedures.call import Call
from fusewire.procedures.callables import flavour_of, place_of
from fusewire.procedures.form import WITHOUT_BODY, is_upload
from fusewire.procedures.sources import REQUIRED, Default, Field, Injected, Node, Source, Where
from fusewire.procedures.values import InputType, NaiveDatetimes

# The first that fits counts: a Request is an HTTPConnection too.
_INJECTED: dict[Any, Injected] = {
    Request: Injected.REQUEST,
    HTTPConnection: Injected.CONNECTION,
    Response: Injected.RESPONSE,
    BackgroundTasks: Injected.BACKGROUND_TASKS,
    SecurityScopes: Injected.SECURITY_SCOPES,
    Identity: Injected.IDENTITY,
    Call: Injected.CALL,
}
_MARKERS = (params.Depends, params.Param, params.Body)
_HTTP_ONLY = (Injected.REQUEST, Injected.RESPONSE)


class Reader:
    """Reads one procedure and the dependencies below it. `path_names` are the `{names}` in its REST path."""

    def __init__(
        self,
        method: str,
        path_names: frozenset[str],
        *,
        http_only: bool,
        socket_only: bool = False,
        naive: NaiveDatetimes = "error",
    ) -> None:
        self._method = method
        self._path_names = path_names
        self._http_only = http_only
        self._socket_only = socket_only
        self._naive: NaiveDatetimes = naive

    def read(
        self, call: Callable[..., Any], *, depends: params.Depends | None = None, scopes: tuple[str, ...] = ()
    ) -> Node:
        """Compile a function. Raises `RegistrationError` for a signature that cannot work."""
        if isinstance(depends, params.Security):
            scopes += tuple(scope for scope in depends.scopes or () if scope not in scopes)
        parameters = list(_signature(call).parameters.values())
        sources = tuple(
            (p.name, self._source(call, p, scopes, nested=depends is not None)) for p in parameters
        )
        return Node(
            call=call,
            flavour=flavour_of(call),
            sources=sources,
            positional=sum(p.kind is not p.KEYWORD_ONLY for p in parameters),
            cached=depends is None or depends.use_cache,
            scope=(depends.scope if depends is not None else None) or "request",
            security_scopes=scopes,
            # Scopes tell two uses apart only where something below looks at them.
            key=(
                call,
                scopes if _looks_at_scopes(call, sources) else (),
                depends.scope if depends is not None else None,
            ),
        )

    def _source(
        self, call: Callable[..., Any], parameter: inspect.Parameter, scopes: tuple[str, ...], *, nested: bool
    ) -> Source:
        name = parameter.name
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise RegistrationError(
                f"{place_of(call)}: {parameter} has no type a client could be given; write the parameters out"
            )
        annotation, marker = _split(call, parameter)
        if isinstance(marker, params.Depends):
            dependency = marker.dependency or annotation
            if not callable(dependency):
                raise RegistrationError(f"{place_of(call)}: Depends() of {name!r} has nothing to call")
            return self.read(dependency, depends=marker, scopes=scopes)
        injected = self._injected(call, annotation)
        if injected is not None:
            return injected
        if parameter.annotation is parameter.empty:
            raise RegistrationError(f"{place_of(call)}: parameter {name!r} has no type")
        return self._field(call, parameter, annotation, marker, nested=nested)

    def _injected(self, call: Callable[..., Any], annotation: Any) -> Injected | None:
        bare = without_none(annotation)
        if not inspect.isclass(bare):
            return None
        if issubclass(bare, WebSocket):
            raise RegistrationError(
                f"{place_of(call)}: take HTTPConnection, which every transport has, not WebSocket"
            )
        if bare is Identity and len(arms(annotation)) > 1:
            return Injected.OPTIONAL_IDENTITY
        injected = next((what for kind, what in _INJECTED.items() if issubclass(bare, kind)), None)
        if injected is Injected.REQUEST and isinstance(call, SecurityBase):
            # FastAPI's security classes ask for a Request and read its headers, which a handshake has too.
            return Injected.CONNECTION
        if injected in _HTTP_ONLY and not self._http_only:
            raise RegistrationError(
                f'{place_of(call)}: {bare.__name__} exists only over HTTP; add transports="http", or take HTTPConnection'
            )
        return injected

    def _field(
        self,
        call: Callable[..., Any],
        parameter: inspect.Parameter,
        annotation: Any,
        marker: Any,
        *,
        nested: bool,
    ) -> Field:
        name = parameter.name
        is_file = isinstance(marker, params.File) or is_upload(annotation)
        is_form = isinstance(marker, params.Form) or is_file
        if is_form and not self._http_only:
            raise RegistrationError(
                f'{place_of(call)}: {name!r} is a form field, which exists only over HTTP; add transports="http"'
            )
        if not is_upload(annotation):
            _refuse_hidden(call, name, annotation)
        if (item := stream_item(annotation)) is not None:
            return self._upload(call, parameter, item, marker)
        info = marker if isinstance(marker, FieldInfo) else None
        where = "form" if is_form else self._where(name, info)
        default = _default(parameter, info)
        if info is not None:
            info = _without_default(info)
        if (
            where == "path"
            and name not in self._path_names
            and getattr(info, "alias", None) not in self._path_names
        ):
            raise RegistrationError(
                f"{place_of(call)}: {name!r} is said to be in the path, which has no {{{name}}}"
            )
        if where in ("header", "cookie") and is_model(annotation):
            raise RegistrationError(
                f"{place_of(call)}: {name!r} is a model; take each {where} as a parameter of its own"
            )
        if where == "path" and not default.required:
            raise RegistrationError(f"{place_of(call)}: {name!r} is in the path, which has no defaults")
        alias = (info.validation_alias or info.alias if info is not None else None) or name
        if where == "header" and alias == name and getattr(info, "convert_underscores", True):
            alias = name.replace("_", "-")
        return Field(
            name=name,
            alias=str(alias),
            where=where,
            type=self._input_type(call, name, annotation, info),
            default=default,
            info=info,
            keyword_only=parameter.kind is parameter.KEYWORD_ONLY or nested,
            sequence=where in ("query", "form", "header") and is_sequence(annotation),
            file=is_file,
        )

    def _upload(
        self, call: Callable[..., Any], parameter: inspect.Parameter, item: Any, marker: Any
    ) -> Field:
        """An `AsyncIterator[T]` that the caller feeds."""
        name = parameter.name
        if not self._socket_only:
            raise RegistrationError(
                f'{place_of(call)}: {name!r} is a stream from the caller, which only a WebSocket carries; add transports="websocket"'
            )
        if parameter.default is not parameter.empty:
            raise RegistrationError(
                f"{place_of(call)}: {name!r} is a stream from the caller, which has no default"
            )
        return Field(
            name=name,
            alias=name,
            where="upload",
            type=self._input_type(call, name, item, None),
            default=Default(),
            info=marker if isinstance(marker, FieldInfo) else _remark(parameter.annotation),
            keyword_only=parameter.kind is parameter.KEYWORD_ONLY,
        )

    def _where(self, name: str, info: FieldInfo | None) -> Where:
        if isinstance(info, params.Param):
            return info.in_.value
        if name in self._path_names:
            return "path"
        if isinstance(info, params.Body):
            return "body"
        return "query" if self._method in WITHOUT_BODY else "body"

    def _input_type(
        self, call: Callable[..., Any], name: str, annotation: Any, info: FieldInfo | None
    ) -> InputType:
        try:
            declared = annotation if info is None else Annotated[annotation, info]
            return InputType(declared, naive=self._naive)
        except Exception as error:
            raise RegistrationError(
                f"{place_of(call)}: the type of {name!r} cannot be used: {error}"
            ) from error


def _looks_at_scopes(call: object, sources: tuple[tuple[str, Source], ...]) -> bool:
    if isinstance(call, SecurityBase) or any(source is Injected.SECURITY_SCOPES for _, source in sources):
        return True
    return any(
        isinstance(source, Node) and _looks_at_scopes(source.call, source.sources) for _, source in sources
    )


def _refuse_hidden(call: Callable[..., Any], name: str, annotation: Any) -> None:
    """What is injected, or resolved, must never become a caller's parameter because it stands where it is not seen."""
    for part in inside(annotation):
        if isinstance(part, _MARKERS):
            raise RegistrationError(
                f"{place_of(call)}: {type(part).__name__}(...) of {name!r} is inside another type, where it has no effect; "
                "write Annotated[..., it] around the whole type"
            )
        if inspect.isclass(part) and issubclass(part, (*_INJECTED, Credentials, UploadFile, WebSocket)):
            raise RegistrationError(
                f"{place_of(call)}: {part.__name__} in the type of {name!r} cannot come from a caller"
            )


def _signature(call: Callable[..., Any]) -> inspect.Signature:
    try:
        return inspect.signature(call, eval_str=True)
    except (NameError, SyntaxError) as error:
        raise RegistrationError(
            f"{place_of(call)}: an annotation cannot be resolved ({error}); import it outside TYPE_CHECKING"
        ) from error


def returned(call: Callable[..., Any]) -> Any:
    """The return annotation, resolved; `inspect.Signature.empty` when there is none."""
    return _signature(call).return_annotation


def _split(call: Callable[..., Any], parameter: inspect.Parameter) -> tuple[Any, Any]:
    """The type, and the `Depends(...)` or field object said about it, in `Annotated` or as the default."""
    plain, metadata = unwrap(parameter.annotation)
    markers = [item for item in metadata if isinstance(item, _MARKERS)]
    if len(markers) > 1 and any(isinstance(marker, params.Depends) for marker in markers):
        raise RegistrationError(
            f"{place_of(call)}: {parameter.name!r} is said to be a dependency and a field; one of them"
        )
    if not markers:
        marker = parameter.default if isinstance(parameter.default, (*_MARKERS, FieldInfo)) else None
        return parameter.annotation, marker
    # FastAPI takes the last one; what else is said (constraints) stays with the type.
    rest = [item for item in metadata if item not in markers]
    return Annotated[(plain, *rest)] if rest else plain, markers[-1]


def _without_default(info: FieldInfo) -> FieldInfo:
    """A copy, for others may share the object. The default is ours to fill in."""
    bare = copy(info)
    bare.default, bare.default_factory = PydanticUndefined, None
    # Pydantic merges by what was said explicitly.
    said = info._attributes_set  # noqa: SLF001  # there is no other way to unsay it
    bare._attributes_set = {name: said[name] for name in said.keys() - {"default", "default_factory"}}  # noqa: SLF001  # the same
    return bare


def _default(parameter: inspect.Parameter, info: FieldInfo | None) -> Default:
    if parameter.default is not parameter.empty and not isinstance(parameter.default, FieldInfo):
        return Default(REQUIRED if parameter.default is ... else parameter.default)
    if info is None:
        # A plain Field(...) beside the type may bring a default too.
        info = _remark(parameter.annotation)
    if info is None or info.is_required():
        return Default()
    if info.default_factory is not None:
        return Default(factory=info.default_factory)  # type: ignore[arg-type]  # one that takes the other fields' values exists in models only (pydantic)
    return Default(REQUIRED if info.default is PydanticUndefined else info.default)


def _remark(annotation: Any) -> FieldInfo | None:
    """The last `Field(...)` that stands beside a type."""
    _, metadata = unwrap(annotation)
    return next((item for item in reversed(metadata) if isinstance(item, FieldInfo)), None)
