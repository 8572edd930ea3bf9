"""From the registries to the contract. Deterministic: names sort it, nothing depends on import order or hash seed."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import Any, Literal

from pydantic import BaseModel, TypeAdapter
from pydantic.errors import PydanticInvalidForJsonSchema
from pydantic.json_schema import CoreRef, DefsRef, JsonSchemaMode
from pydantic_core import to_jsonable_python

from fusewire.contract.naming import REF, Definition, Written, name_types
from fusewire.contract.schema import ContractSchema, as_file
from fusewire.contract.tags import with_required_tags
from fusewire.errors import RegistrationError, RpcError
from fusewire.events import EventRegistry, EventType
from fusewire.loading import once
from fusewire.procedures.procedure import Procedure
from fusewire.procedures.registry import Registry
from fusewire.procedures.sources import Field
from fusewire.procedures.values import OutputType
from fusewire.procedures.values.leaves import base64_text

FORMAT = 1
_TYPES = "#/types/"
_IN_PATH = re.compile(r"\{(\w+)")


def build_contract(
    registry: Registry, events: EventRegistry, *, name: str, ws_path: str, api_prefix: str
) -> dict[str, Any]:
    """The contract as JSON-able data. Raises `RegistrationError` when a type has no schema."""
    procedures = sorted(registry, key=lambda procedure: procedure.name)
    pushed = sorted(events, key=lambda event: event.name)
    errors = _errors(procedures)
    schemas, types = _schemas(procedures, pushed, errors)
    contract: dict[str, Any] = {
        "fusewire": FORMAT,
        "app": name,
        "ws_path": ws_path,
        "api_prefix": api_prefix,
        "procedures": {p.name: _procedure(p, schemas, api_prefix) for p in procedures},
        "events": {e.name: {"schema": schemas["event", e.name], "history": e.history} for e in pushed},
        "errors": {code: _error(code, error, schemas) for code, error in sorted(errors.items())},
        "types": types,
    }
    contract["calls"] = calls_hash(contract)
    contract["hash"] = _digest(contract)
    return contract


def calls_hash(contract: dict[str, Any]) -> str:
    """A hash over what a generated client does, types aside: names, parameter order, kind, uploads, transports, routes."""
    return _digest(
        {
            name: [
                procedure["kind"],
                procedure["transports"],
                procedure.get("http"),
                [_place(param) for param in procedure["params"]],
            ]
            for name, procedure in contract["procedures"].items()
        }
    )


def _place(param: dict[str, Any]) -> list[Any]:
    # What is an upload travels in messages of its own, so that both sides have to agree on it.
    return [param["name"], param["keyword"], *(["upload"] if "upload" in param else [])]


def _digest(data: Any) -> str:
    canonical = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


_Key = tuple[str, ...]
_JSON = (type(None), bool, int, str)
_Mode = Literal["validation", "serialization"]


class _Generator(ContractSchema):
    """Schemas whose references are numbers; pydantic's own names would depend on what was imported first."""

    def __init__(self) -> None:
        super().__init__(ref_template=REF + "{model}")
        self._defined: dict[DefsRef, Written] = {}

    def get_defs_ref(self, core_mode_ref: tuple[CoreRef, JsonSchemaMode]) -> DefsRef:
        del core_mode_ref
        return DefsRef(str(len(self.core_to_defs_refs)))

    def schema_of(self, adapter: TypeAdapter[Any], mode: _Mode) -> Written:
        return once((self, adapter, mode), lambda: self._schema(adapter, mode))

    def _schema(self, adapter: TypeAdapter[Any], mode: _Mode) -> Written:
        # `generate_definitions` would do it all twice, because of the names.
        self._mode = mode
        return Written(self.generate_inner(adapter.core_schema))

    def encode_default(self, dft: Any) -> Any:
        # Pydantic makes a type adapter for each; these are JSON as they are.
        is_plain = type(dft) in _JSON or (type(dft) in (list, dict) and not dft)
        return dft if is_plain else super().encode_default(_as_sent(dft))

    def defined(self) -> list[Definition]:
        self.write_defined()
        return [
            Definition(key, *self.defs_to_core_refs[key], written) for key, written in self._defined.items()
        ]

    def write_defined(self) -> None:
        """Write out the types that came since the last time."""
        for key, schema in islice(self.definitions.items(), len(self._defined), None):
            self._defined[DefsRef(key)] = Written(schema)


def _schemas(
    procedures: list[Procedure], events: list[EventType], errors: dict[str, type[RpcError[Any]]]
) -> tuple[dict[_Key, Any], dict[str, Any]]:
    """Every schema that the contract needs, from one generator, so that equal types get one name."""
    generator = once(_Generator, _Generator)
    schemas: dict[_Key, Written] = {}

    def add(key: _Key, adapter: TypeAdapter[Any], mode: _Mode, what: Callable[[], str]) -> None:
        try:
            schemas[key] = generator.schema_of(adapter, mode)
        except PydanticInvalidForJsonSchema as error:
            raise RegistrationError(
                f"{what()} has no JSON schema, so no client could know it: {error}"
            ) from error

    for p in procedures:
        for f in p.fields:
            add(("param", p.name, f.name), f.type.adapter, "validation", partial(_whose_type, p, f))
        if p.output is not None:
            add(("result", p.name), p.output.adapter, "serialization", partial(_whose_type, p))
    for e in events:
        add(("event", e.name), e.output.adapter, "serialization", partial("the event {}".format, e.name))
    for code, error in errors.items():
        if error.data_type is not None:
            adapter = OutputType(error.data_type).adapter
            add(("error", code), adapter, "serialization", partial("the data of {}".format, code))
    definitions = with_required_tags(_reached(generator.defined(), schemas.values()), schemas.values())
    names = name_types(definitions)
    types = {names[each.key]: _named(each.written, names) for each in definitions}
    return {key: _named(written, names) for key, written in schemas.items()}, dict(sorted(types.items()))


def _whose_type(procedure: Procedure, field: Field | None = None) -> str:
    return f"{procedure.place}: " + (f"the type of {field.name!r}" if field else "the return type")


def prepare_schemas(procedure: Procedure) -> None:
    """Work out the schemas of a procedure `once`. Raises whatever pydantic has against them."""
    generator = once(_Generator, _Generator)
    for field in procedure.fields:
        generator.schema_of(field.type.adapter, "validation")
    if procedure.output is not None:
        generator.schema_of(procedure.output.adapter, "serialization")
    generator.write_defined()


def _reached(definitions: list[Definition], schemas: Iterable[Written]) -> list[Definition]:
    by_key = {definition.key: definition for definition in definitions}
    reached: set[str] = set()
    waiting = [key for written in schemas for key in written.refs]
    while waiting:
        key = waiting.pop()
        if key not in reached:
            reached.add(key)
            waiting += by_key[key].written.refs
    return [definition for definition in definitions if definition.key in reached]


def _named(written: Written, names: dict[str, str]) -> Any:
    return _with_names(written.schema, names) if written.refs else written.schema


def _with_names(schema: Any, names: dict[str, str]) -> Any:
    if isinstance(schema, list):
        return [_with_names(part, names) for part in schema]
    if isinstance(schema, dict):
        return {key: _with_names(part, names) for key, part in schema.items()}
    if isinstance(schema, str) and schema.startswith(REF):
        # A `$ref`, or a discriminator's mapping.
        return _TYPES + names[schema.removeprefix(REF)]
    return schema


def _procedure(procedure: Procedure, schemas: dict[_Key, Any], api_prefix: str) -> dict[str, Any]:
    contract: dict[str, Any] = {
        "kind": "stream" if procedure.streams else "call",
        "params": [
            _param(procedure, field, schemas["param", procedure.name, field.name])
            for field in procedure.fields
        ],
        "result": schemas.get(("result", procedure.name), {}),
        "errors": sorted(error.code for error in procedure.options.raises),
        "transports": sorted(procedure.options.served_on),
        "auth": procedure.needs_identity,
        "scopes": sorted(procedure.options.scopes),
    }
    if "http" in procedure.options.served_on:
        path = api_prefix + _by_parameter(procedure)
        contract["http"] = {"method": procedure.method, "path": path, "body": _body(procedure)}
    if procedure.doc:
        contract["doc"] = procedure.doc
    if procedure.options.deprecated:
        contract["deprecated"] = True
    if procedure.resume_seconds is not None:
        contract["resume"] = procedure.resume_seconds
    if procedure.options.max_bytes is not None:
        contract["max_bytes"] = procedure.options.max_bytes
    if procedure.options.idempotent:
        contract["idempotent"] = True
    if procedure.dedupe_seconds is not None:
        contract["dedupe"] = procedure.dedupe_seconds
    return contract


def _by_parameter(procedure: Procedure) -> str:
    """The path with the names of parameters in it, which clients know, in place of their aliases."""
    names = {field.alias: field.name for field in procedure.fields if field.where == "path"}
    return _IN_PATH.sub(lambda found: "{" + names.get(found[1], found[1]), procedure.path)


def _body(procedure: Procedure) -> str:
    if procedure.takes_form:
        return "form"
    fields = [field for field in procedure.fields if field.where == "body"]
    if any(field.whole_body for field in fields):
        return "single"
    return "fields" if fields else "none"


def _param(procedure: Procedure, field: Field, schema: Any) -> dict[str, Any]:
    param: dict[str, Any] = {
        "name": field.name,
        "schema": as_file(schema) if field.file else schema,
        "required": field.default.required,
        "keyword": field.keyword_only,
    }
    if field.where == "upload":
        param["upload"] = True
    if not field.default.required and field.default.factory is None:
        try:
            param["default"] = to_jsonable_python(_as_sent(field.default.value))
        except Exception as error:
            raise RegistrationError(
                f"{procedure.place}: the default of {field.name!r} has no JSON form"
            ) from error
    description = getattr(field.info, "description", None)
    if description:
        param["doc"] = description
    return param


def _as_sent(default: Any) -> Any:
    """With the bytes in it as they are in JSON (pydantic would take them for UTF-8), and sets in an order that no hash seed changes."""
    if isinstance(default, bytes | bytearray):
        return base64_text(default)
    if type(default) in (list, tuple):
        return [_as_sent(item) for item in default]
    if type(default) in (set, frozenset):
        return sorted((_as_sent(item) for item in default), key=repr)
    if type(default) is dict:
        return {_as_sent(key): _as_sent(value) for key, value in default.items()}
    if isinstance(default, BaseModel):
        with suppress(Exception):  # What has no JSON form is pydantic's to tell of.
            return OutputType(type(default)).jsonable(default)
    return default


def _errors(procedures: Iterable[Procedure]) -> dict[str, type[RpcError[Any]]]:
    return {error.code: error for procedure in procedures for error in procedure.options.raises}


def _error(code: str, error: type[RpcError[Any]], schemas: dict[_Key, Any]) -> dict[str, Any]:
    contract: dict[str, Any] = {"status": error.status}
    if ("error", code) in schemas:
        contract["data"] = schemas["error", code]
    if error.__doc__ and error.__doc__ != RpcError.__doc__:
        contract["doc"] = error.__doc__.strip()
    return contract
