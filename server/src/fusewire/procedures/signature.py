"""From a function's signature to the sources of its parameters. Everything that cannot work is refused here, by name and place."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable
from dataclasses import is_dataclass
from typing import Annotated, Any, Union, get_args, get_origin

from fastapi import BackgroundTasks, Request, Response, UploadFile, WebSocket, params
from fastapi.security import SecurityScopes
from fastapi.security.base import SecurityBase
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from starlette.requests import HTTPConnection
from typing_extensions import is_typeddict

from fusewire.errors import RegistrationError
from fusewire.identity import Identity
from fusewire.procedures.call import Call
from fusewire.procedures.callables import flavour_of, place_of
from fusewire.procedures.sources import REQUIRED, Default, Field, Injected, Node, Source, Where
from fusewire.procedures.values import InputType

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
_HTTP_ONLY = (Injected.REQUEST, Injected.RESPONSE)
_SEQUENCES = (list, set, frozenset, tuple)
_WITHOUT_BODY = frozenset({"GET", "DELETE", "HEAD"})


class Reader:
    """Reads one procedure and the dependencies below it. `path_names` are the `{names}` in its REST path."""

    def __init__(self, method: str, path_names: frozenset[str], *, http_only: bool) -> None:
        self._method = method
        self._path_names = path_names
        self._http_only = http_only

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
            positional=sum(p.kind is p.POSITIONAL_ONLY for p in parameters),
            cached=depends is None or depends.use_cache,
            scope=(depends.scope if depends is not None else None) or "request",
            security_scopes=scopes,
            key=(call, scopes, depends.scope if depends is not None else None),
        )

    def _source(
        self, call: Callable[..., Any], parameter: inspect.Parameter, scopes: tuple[str, ...], *, nested: bool
    ) -> Source:
        name = parameter.name
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise RegistrationError(
                f"{place_of(call)}: {parameter} has no type a client could be given; write the parameters out"
            )
        annotation, marker = _split(parameter)
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
        bare = _without_none(annotation)
        if not inspect.isclass(bare):
            return None
        if issubclass(bare, WebSocket):
            raise RegistrationError(
                f"{place_of(call)}: take HTTPConnection, which every transport has, not WebSocket"
            )
        if bare is Identity and bare is not annotation:
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
        if isinstance(marker, params.Form) or _without_none(annotation) is UploadFile:
            # The mirror reads JSON and msgpack; a form has neither types nor lengths that the contract could give.
            raise RegistrationError(f"{place_of(call)}: {name!r} is a form field; take `bytes` instead")
        info = marker if isinstance(marker, FieldInfo) else None
        where = self._where(name, info)
        default = _default(parameter, info)
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
            sequence=where in ("query", "header") and _is_sequence(annotation),
        )

    def _where(self, name: str, info: FieldInfo | None) -> Where:
        if isinstance(info, params.Param):
            return info.in_.value
        if name in self._path_names:
            return "path"
        if isinstance(info, params.Body):
            return "body"
        return "query" if self._method in _WITHOUT_BODY else "body"

    def _input_type(
        self, call: Callable[..., Any], name: str, annotation: Any, info: FieldInfo | None
    ) -> InputType:
        try:
            return InputType(annotation if info is None else Annotated[annotation, info])
        except Exception as error:
            raise RegistrationError(
                f"{place_of(call)}: the type of {name!r} cannot be used: {error}"
            ) from error


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


def _split(parameter: inspect.Parameter) -> tuple[Any, Any]:
    """The plain type, and the `Depends(...)` or field object said about it, in `Annotated` or as the default."""
    annotation, marker = parameter.annotation, None
    if get_origin(annotation) is Annotated:
        base, *metadata = get_args(annotation)
        markers = [item for item in metadata if isinstance(item, params.Depends | params.Param | params.Body)]
        if markers:
            # FastAPI takes the last one; what else is said (constraints) stays with the type.
            marker = markers[-1]
            rest = [item for item in metadata if item not in markers]
            annotation = Annotated[(base, *rest)] if rest else base
    if isinstance(parameter.default, params.Depends | params.Param | params.Body):
        marker = parameter.default
    return annotation, marker


def _default(parameter: inspect.Parameter, info: FieldInfo | None) -> Default:
    if parameter.default is not parameter.empty and not isinstance(parameter.default, FieldInfo):
        return Default(REQUIRED if parameter.default is ... else parameter.default)
    if info is None or info.is_required():
        return Default()
    if info.default_factory is not None:
        return Default(factory=info.default_factory)  # type: ignore[arg-type]  # fields of a model aside, it takes nothing
    return Default(REQUIRED if info.default is PydanticUndefined else info.default)


def _without_none(annotation: Any) -> Any:
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, types.UnionType):
        rest = [arm for arm in get_args(annotation) if arm is not type(None)]
        return rest[0] if len(rest) == 1 else annotation
    return annotation


def _is_sequence(annotation: Any) -> bool:
    bare = _without_none(annotation)
    return bare in _SEQUENCES or get_origin(bare) in _SEQUENCES


def is_model(annotation: Any) -> bool:
    """Whether a value of this type is an object with fields of its own, or one of several such."""
    bare = _without_none(annotation)
    if get_origin(bare) is Annotated:
        bare = get_args(bare)[0]
    if get_origin(bare) in (Union, types.UnionType):
        return all(is_model(arm) for arm in get_args(bare))
    kind = get_origin(bare) or bare
    return inspect.isclass(kind) and (issubclass(kind, BaseModel) or is_dataclass(kind) or is_typeddict(kind))
