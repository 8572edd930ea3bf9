"""The contract file: its shape, what must hold in it, and the one way it is written (`docs/contract.md`)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, NotRequired, TypedDict, cast

FORMAT = 1
REF_PREFIX = "#/types/"

Schema = dict[str, Any] | bool
"""A JSON Schema 2020-12 as pydantic writes it, with `x-fuse`, `x-fuse-keys` and `x-enum-names`."""


class Param(TypedDict):
    """One parameter that the caller fills, in call order. Of an `upload`, `schema` is an item's."""

    name: str
    schema: Schema
    required: bool
    keyword: bool
    upload: NotRequired[bool]
    default: NotRequired[Any]
    doc: NotRequired[str]


class Http(TypedDict):
    """The REST form; `path` includes the API prefix."""

    method: str
    path: str
    body: Literal["fields", "single", "none", "form"]


class Procedure(TypedDict):
    """One procedure; of a stream, `result` is the item. `max_bytes` bounds the arguments of one call.

    `idempotent`: to run it twice does no harm. `dedupe`: for how many seconds the outcome of a call with a key is kept.
    `resume`: for how many seconds a stream waits for a reader whose connection was lost.
    """

    kind: Literal["call", "stream"]
    params: list[Param]
    result: Schema
    errors: list[str]
    transports: list[str]
    auth: bool
    scopes: list[str]
    http: NotRequired[Http | None]
    doc: NotRequired[str]
    deprecated: NotRequired[bool]
    max_bytes: NotRequired[int]
    idempotent: NotRequired[bool]
    dedupe: NotRequired[float]
    resume: NotRequired[float]


def is_resumable(procedure: Procedure) -> bool:
    """Whether generated clients can go on with its stream. Over HTTP theirs end with their connection."""
    return "resume" in procedure and "websocket" in procedure["transports"]


def is_retried(procedure: Procedure) -> bool:
    """Whether generated clients send a call again to which no answer came."""
    marked = procedure.get("idempotent") is True or "dedupe" in procedure
    return marked and procedure["kind"] == "call"


class Event(TypedDict):
    """A model that the server may push."""

    schema: Schema
    history: bool


class Error(TypedDict):
    """A declared error; `data` is absent when it carries none."""

    status: int
    doc: NotRequired[str]
    data: NotRequired[Schema]


class Contract(TypedDict):
    """The whole promise. `hash` covers everything, `calls` the call shapes only."""

    fusewire: int
    app: str
    hash: str
    calls: str
    ws_path: str
    api_prefix: str
    procedures: dict[str, Procedure]
    events: dict[str, Event]
    errors: dict[str, Error]
    types: dict[str, Schema]


class ContractError(ValueError):
    """Not a contract that this version reads. The message begins with the place: `procedures.add.params`."""


def validate(value: object) -> Contract:
    """Return `value` as a `Contract`, or raise `ContractError` naming the first place that does not fit."""
    contract = _object(value, "contract")
    if contract.get("fusewire") != FORMAT:
        raise ContractError(f"fusewire: this version reads format {FORMAT}, not {contract.get('fusewire')!r}")
    for key in ("app", "hash", "calls", "ws_path", "api_prefix"):
        _check(isinstance(contract.get(key), str), key, "must be a string")
    for key, check in _SECTIONS.items():
        for name, entry in _object(contract.get(key), key).items():
            check(entry, f"{key}.{name}")
    result = cast(Contract, contract)
    _check_names(result)
    _check_references(result)
    return result


def parse(text: str) -> Contract:
    """Read the text of a contract file. Raises `ContractError`, for text that is not JSON too."""
    try:
        return validate(json.loads(text))
    except json.JSONDecodeError as error:
        raise ContractError(f"line {error.lineno}: not JSON: {error.msg}") from error


def serialise(contract: Contract) -> str:
    """The text of the contract file: sorted, two spaces, a newline at the end; equal for equal contracts.

    Only the fields of a type keep the order in which Python declares them: it is the order people look for them in.
    """
    text = json.dumps(_sorted(contract), ensure_ascii=False, indent=2, allow_nan=False)
    return escape_surrogates(text) + "\n"


def _sorted(value: Any, *, fields: bool = False) -> Any:
    if isinstance(value, list):
        return [_sorted(item) for item in value]
    if not isinstance(value, dict):
        return value
    # A field may be called "properties" itself: what it holds is a schema again, not fields.
    items = value.items() if fields else sorted(value.items())
    return {key: _sorted(item, fields=key == "properties" and not fields) for key, item in items}


def escape_surrogates(text: str) -> str:
    """`text` with lone surrogates, which UTF-8 cannot hold, as `\\uXXXX`: the same in JSON and JavaScript."""
    return re.sub(r"[\ud800-\udfff]", lambda found: f"\\u{ord(found.group()):04x}", text)


def reference(schema: Mapping[str, Any]) -> str | None:
    """The key in `types` that `schema` refers to, or None when it is not a reference into `types`."""
    target = schema.get("$ref")
    if not isinstance(target, str) or not target.startswith(REF_PREFIX):
        return None
    return target.removeprefix(REF_PREFIX).replace("~1", "/").replace("~0", "~")


_SCHEMA_KEYS = ("items", "additionalProperties", "propertyNames", "x-fuse-keys")
_LIST_KEYS = ("anyOf", "oneOf", "allOf", "prefixItems")
_NO_PROPERTIES: Mapping[str, Schema] = {}


def subschemas(schema: Schema) -> Iterator[dict[str, Any]]:
    """`schema` and every schema inside it; references are not followed, plain data is not looked into."""
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            yield part
            inside = [part[key] for key in _SCHEMA_KEYS if key in part]
            for key in _LIST_KEYS:
                inside += part.get(key, ())
            inside += part.get("properties", _NO_PROPERTIES).values()
            waiting += reversed(inside)


def schemas(contract: Contract) -> Iterator[tuple[str, Schema]]:
    """Every top-level schema of the contract with its place."""
    for name, procedure in contract["procedures"].items():
        for param in procedure["params"]:
            yield f"procedures.{name}.{param['name']}", param["schema"]
        yield f"procedures.{name}.result", procedure["result"]
    for name, event in contract["events"].items():
        yield f"events.{name}", event["schema"]
    for name, error in contract["errors"].items():
        yield f"errors.{name}", error.get("data", True)
    for name, schema in contract["types"].items():
        yield f"types.{name}", schema


def _check(fits: bool, place: str, problem: str) -> None:
    if not fits:
        raise ContractError(f"{place}: {problem}")


def _object(value: object, place: str) -> dict[str, Any]:
    _check(isinstance(value, dict), place, "must be an object")
    return cast(dict[str, Any], value)


def _check_schema(value: object, place: str) -> None:
    _check(isinstance(value, (dict, bool)), place, "must be a JSON Schema")


def _check_procedure(value: object, place: str) -> None:
    entry = _object(value, place)
    _check(entry.get("kind") in ("call", "stream"), f"{place}.kind", 'must be "call" or "stream"')
    for key in ("params", "errors", "transports"):
        _check(isinstance(entry.get(key), list), f"{place}.{key}", "must be an array")
    _check_schema(entry.get("result"), f"{place}.result")
    for param in entry["params"]:
        _check_param(param, f"{place}.params")
    names = [param["name"] for param in entry["params"]]
    _check(len(names) == len(set(names)), f"{place}.params", "names one parameter twice")
    uploads = [param for param in entry["params"] if param.get("upload")]
    _check(len(uploads) <= 1, f"{place}.params", "has two uploads, but a call carries one")
    _check(not uploads or "http" not in entry["transports"], f"{place}.transports", "has no upload over http")
    _check(isinstance(entry.get("max_bytes", 1), int), f"{place}.max_bytes", "must be a number of bytes")
    _check(isinstance(entry.get("idempotent", True), bool), f"{place}.idempotent", "must be a boolean")
    for key in ("dedupe", "resume"):
        _check(isinstance(entry.get(key, 1), int | float), f"{place}.{key}", "must be a number of seconds")
    if entry.get("http") is not None:
        http = _object(entry["http"], f"{place}.http")
        for key in ("method", "path", "body"):
            _check(isinstance(http.get(key), str), f"{place}.http.{key}", "must be a string")


def _check_param(value: object, place: str) -> None:
    entry = _object(value, place)
    _check(isinstance(entry.get("name"), str), f"{place}.name", "must be a string")
    _check_schema(entry.get("schema"), f"{place}.{entry['name']}")
    for key in ("required", "keyword", *(("upload",) if "upload" in entry else ())):
        _check(isinstance(entry.get(key), bool), f"{place}.{entry['name']}.{key}", "must be true or false")


def _check_event(value: object, place: str) -> None:
    _check_schema(_object(value, place).get("schema"), f"{place}.schema")


def _check_error(value: object, place: str) -> None:
    entry = _object(value, place)
    _check(isinstance(entry.get("status"), int), f"{place}.status", "must be an HTTP status")
    _check_schema(entry.get("data", True), f"{place}.data")


_SECTIONS: dict[str, Callable[[object, str], None]] = {
    "procedures": _check_procedure,
    "events": _check_event,
    "errors": _check_error,
    "types": _check_schema,
}


def _check_names(contract: Contract) -> None:
    procedures = contract["procedures"]
    for name, procedure in procedures.items():
        parts = name.split(".")
        _check(all(parts), f"procedures.{name}", "has an empty part in its name")
        for depth in range(1, len(parts)):
            namespace = ".".join(parts[:depth])
            _check(namespace not in procedures, f"procedures.{name}", f"{namespace} is a procedure as well")
        for code in procedure["errors"]:
            _check(code in contract["errors"], f"procedures.{name}.errors", f"{code} is not declared")


def _check_references(contract: Contract) -> None:
    for place, schema in schemas(contract):
        for part in subschemas(schema):
            if "$ref" in part:
                _check(reference(part) in contract["types"], place, f"{part['$ref']} is not in types")
