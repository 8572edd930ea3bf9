"""A procedure: one registered function with everything about it compiled."""

from __future__ import annotations

import collections.abc as abc
import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, get_args, get_origin

from fastapi import Response, params
from starlette.routing import compile_path

from fusewire.durations import seconds_of
from fusewire.errors import RegistrationError
from fusewire.identity import Transport
from fusewire.loading import is_contract_only, once
from fusewire.names import name_fault
from fusewire.procedures.annotations import is_model, unwrap
from fusewire.procedures.callables import Flavour, place_of
from fusewire.procedures.form import with_form
from fusewire.procedures.options import Definition, Options
from fusewire.procedures.signature import Reader, returned
from fusewire.procedures.sources import Field, Injected, Node, walk, with_fields
from fusewire.procedures.values import NaiveDatetimes, OutputType
from fusewire.quota import Rate

_STREAM_ORIGINS = (
    abc.AsyncGenerator,
    abc.AsyncIterator,
    abc.AsyncIterable,
    abc.Generator,
    abc.Iterator,
    abc.Iterable,
)


_AFTERWARDS = (Injected.BACKGROUND_TASKS, Injected.RESPONSE)


@dataclass(frozen=True, slots=True, eq=False)
class Procedure:
    """`fields` are the caller's parameters in call order: positional ones, then keyword-only ones. `root` is the function itself
    with all its sources, `guards` the dependencies that only run. `output` is the type of the result, or of an item of a stream;
    None when the function returns a `Response` of its own.
    """

    name: str
    root: Node
    guards: tuple[Node, ...]
    fields: tuple[Field, ...]
    output: OutputType | None
    streams: bool
    options: Options
    rate: Rate | None
    method: str
    path: str
    positional: tuple[str, ...]
    """The names that a call may give by position."""
    by_name: dict[str, Field]
    """The caller's parameters that have a value; an upload has items instead."""
    upload: Field | None
    resume_seconds: float | None
    """Of a stream: for how long it waits for a reader that went away. None: it ends with its reader."""
    plain: bool
    """Whether nothing has to be resolved, entered or left: no dependencies, and nothing to do after the answer."""
    checks: tuple[tuple[str, Callable[[Any], Any]], ...] | None
    """Name and validation of each parameter of a plain function that takes nothing else, in its own order."""
    needs_identity: bool
    served_on: frozenset[Transport]
    sets_response: bool
    """Whether anything takes a `Response` to set headers on."""
    takes_form: bool
    """Whether the body is a form: pages on other sites can send one, with the user's cookies."""
    leaves_threads: bool
    """Whether a cancelled call may leave a thread at work."""
    dedupe_seconds: float | None
    """For how long the outcome of a call with a key is kept."""

    @property
    def place(self) -> str:
        return place_of(self.root.call)

    @property
    def doc(self) -> str:
        return inspect.cleandoc(self.root.call.__doc__ or "")


def compile_procedure(definition: Definition, *, naive: NaiveDatetimes = "error") -> Procedure:
    """Work a definition out. `naive`: what becomes of datetimes without a time zone.

    Raises `RegistrationError`, naming function, file and line, for what cannot work.
    """
    function, options = definition.function, definition.options
    own = options.name or getattr(function, "__name__", None)
    if own is None:
        raise RegistrationError(f"{place_of(function)} has no name of its own; give it a name=")
    name = ".".join((*definition.namespace, own))
    if fault := name_fault(name):
        raise RegistrationError(f"{place_of(function)}: cannot be called {name!r}: {fault}")
    path = definition.prefix + (definition.path if definition.path is not None else f"/{own}")
    http_only = options.transports == "http"
    path_names = once((compile_path, path), lambda: frozenset(compile_path(path)[2]))
    reader = Reader(
        definition.method,
        path_names,
        http_only=http_only,
        socket_only=options.transports == "websocket",
        naive=naive,
    )
    place = (definition.method, path_names, options.transports, naive)
    root = once((function, place), lambda: reader.read(function))
    guards = tuple(
        once((dependency, place), partial(_guard, reader, dependency, definition))
        for dependency in options.dependencies
    )
    root, guards = with_form(root, guards, definition.method)
    fields, root, guards = _whole_body(_ordered(root, guards), root, guards)
    streams = root.flavour.streams if options.stream is None else options.stream
    uploads = [field for field in fields if field.where == "upload"]
    if len(uploads) > 1:
        raise RegistrationError(
            f"{place_of(function)}: {uploads[0].name!r} and {uploads[1].name!r} are both streams from the caller; a call carries one"
        )
    plain = not guards and not any(
        isinstance(source, Node) or source in _AFTERWARDS for _, source in root.sources
    )
    sets_response = any(_takes(node, Injected.RESPONSE) for node in (root, *guards))
    takes_form = any(field.where == "form" for field in fields)
    output = _output(definition, streams, naive)
    return Procedure(
        name=name,
        root=root,
        guards=guards,
        fields=fields,
        output=output,
        streams=streams,
        options=options,
        rate=_rate(definition),
        method=definition.method,
        path=path,
        positional=tuple(field.name for field in fields if not field.keyword_only),
        by_name={field.name: field for field in fields if field.where != "upload"},
        upload=uploads[0] if uploads else None,
        resume_seconds=_resume(
            definition,
            streams=streams,
            uploads=bool(uploads),
            sets_response=sets_response,
            takes_form=takes_form,
        ),
        plain=plain,
        checks=_checks(root) if plain and not is_contract_only() else None,
        needs_identity=bool(options.auth) or bool(options.scopes),
        served_on=options.served_on,
        sets_response=sets_response,
        takes_form=takes_form,
        leaves_threads=any(_uses_threads(node) for node in (root, *guards)),
        dedupe_seconds=_dedupe(
            definition,
            once=not (streams or uploads or takes_form),
            whole=output is not None and not sets_response,
        ),
    )


def _checks(root: Node) -> tuple[tuple[str, Callable[[Any], Any]], ...] | None:
    if root.positional < len(root.sources):
        return None
    checks = []
    for _, source in root.sources:
        if not isinstance(source, Field) or source.where not in ("path", *_CARRIERS):
            return None
        checks.append((source.name, source.type.check))
    return tuple(checks)


def _takes(node: Node, what: Injected) -> bool:
    return any(
        source is what or (isinstance(source, Node) and _takes(source, what)) for _, source in node.sources
    )


def _uses_threads(node: Node) -> bool:
    blocking = node.flavour in (Flavour.SYNC, Flavour.GENERATOR)
    return blocking or any(_uses_threads(source) for _, source in node.sources if isinstance(source, Node))


def _guard(reader: Reader, dependency: Any, definition: Definition) -> Node:
    if not isinstance(dependency, params.Depends) or dependency.dependency is None:
        raise RegistrationError(
            f"{place_of(definition.function)}: dependencies= takes Depends(...), not {dependency!r}"
        )
    return reader.read(dependency.dependency, depends=dependency)


def _ordered(root: Node, guards: tuple[Node, ...]) -> tuple[Field, ...]:
    """The caller's parameters, each name once: a dependency may ask for the same one again."""
    seen: dict[str, Field] = {}
    for node in (root, *guards):
        for field in walk(node):
            if field.where in ("header", "cookie"):
                continue
            other = seen.setdefault(field.name, field)
            if (other.where, other.alias) != (field.where, field.alias):
                raise RegistrationError(
                    f"{place_of(root.call)}: {field.name!r} is asked for in two places, {other.where} {other.alias!r} and "
                    f"{field.where} {field.alias!r}; rename one"
                )
    return tuple(sorted(seen.values(), key=lambda field: field.keyword_only))


_CARRIERS = ("body", "form", "query")
_ADVICE = {"query": "use a verb with a body", "form": "take its fields one by one"}


def _whole_body(
    fields: tuple[Field, ...], root: Node, guards: tuple[Node, ...]
) -> tuple[tuple[Field, ...], Node, tuple[Node, ...]]:
    """A single model is the body itself (or the form, or without a body the query itself)."""
    for where in _CARRIERS:
        there = [field for field in fields if field.where == where]
        models = [field for field in there if _is_model(field)]
        # Beside a body there may be a query; then there are two, and the body has their names.
        alone = sum(field.where in _CARRIERS for field in fields) == 1
        if alone and models and not getattr(there[0].info, "embed", None):
            name = there[0].name

            def whole(field: Field, name: str = name) -> Field:
                return replace(field, whole_body=True) if field.name == name else field

            fields = tuple(whole(field) for field in fields)
            root = with_fields(root, whole)
            guards = tuple(with_fields(guard, whole) for guard in guards)
        elif models and where in _ADVICE:
            raise RegistrationError(
                f"{place_of(root.call)}: {models[0].name!r} is a model beside other parameters, which a {where} cannot carry; "
                f"{_ADVICE[where]}"
            )
    return fields, root, guards


def _is_model(field: Field) -> bool:
    annotation = field.type.annotation
    return once((is_model, annotation), lambda: is_model(annotation))


def _output(definition: Definition, streams: bool, naive: NaiveDatetimes) -> OutputType | None:
    declared = definition.options.response_model
    annotation = declared
    if annotation is None:
        annotation = once((returned, definition.function), lambda: returned(definition.function))
    if annotation is inspect.Signature.empty:
        raise RegistrationError(
            f"{place_of(definition.function)}: no return type, so no client could know the result; write one (`-> None` if nothing)"
        )
    if streams:
        if get_origin(annotation) not in _STREAM_ORIGINS or not get_args(annotation):
            raise RegistrationError(
                f"{place_of(definition.function)}: a stream returns e.g. AsyncIterator[Item], not {annotation}"
            )
        annotation = get_args(annotation)[0]
    plain, _ = unwrap(annotation)
    if inspect.isclass(plain) and issubclass(plain, Response):
        if streams:
            raise RegistrationError(
                f"{place_of(definition.function)}: a stream has items, and a Response is none"
            )
        if definition.options.transports != "http":
            raise RegistrationError(
                f'{place_of(definition.function)}: a Response exists only over HTTP; add transports="http"'
            )
        return None
    try:
        key = (OutputType, definition.function, streams, declared, naive)
        return once(key, lambda: OutputType(annotation, naive=naive))
    except Exception as error:
        raise RegistrationError(
            f"{place_of(definition.function)}: the return type cannot be used: {error}"
        ) from error


def _resume(
    definition: Definition, *, streams: bool, uploads: bool, sets_response: bool, takes_form: bool
) -> float | None:
    """For how many seconds its stream waits for a reader; None: it ends with its connection."""
    if (resume := definition.options.resume) is None:
        return None
    place = place_of(definition.function)
    if uploads or not streams:
        what = (
            "takes a stream from the caller, which ends with its connection" if uploads else "does not stream"
        )
        raise RegistrationError(f"{place}: resume= is for streams, and this {what}")
    if sets_response or takes_form:
        what = "no form" if takes_form else "no Response to set anything on"
        raise RegistrationError(f"{place}: resume= goes on without its request, so there is {what}")
    try:
        return seconds_of(resume)
    except ValueError as error:
        raise RegistrationError(f"{place}: resume=: {error}") from error


def _dedupe(definition: Definition, *, once: bool, whole: bool) -> float | None:
    """`once`: whether a caller may send the same call again. `whole`: whether its result is all that it answers."""
    options = definition.options
    if options.dedupe is None and not options.idempotent:
        return None
    place = place_of(definition.function)
    if not once:
        raise RegistrationError(
            f"{place}: a stream or a form is not sent again; idempotent= and dedupe= are for calls"
        )
    if options.dedupe is None:
        return None
    if options.idempotent:
        raise RegistrationError(
            f"{place}: with dedupe= it need not be idempotent=, and what is idempotent needs no dedupe="
        )
    if not whole:
        raise RegistrationError(
            f"{place}: dedupe= keeps a result, and this one answers with a Response of its own"
        )
    try:
        return seconds_of(options.dedupe)
    except ValueError as error:
        raise RegistrationError(f"{place}: dedupe=: {error}") from error


def _rate(definition: Definition) -> Rate | None:
    limit = definition.options.limit
    if limit is None:
        return None
    try:
        return Rate.parse(limit)
    except ValueError as error:
        raise RegistrationError(f"{place_of(definition.function)}: {error}") from error
