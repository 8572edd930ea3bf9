"""Schemas, schemas that are like them, and values of both, at random; and what a value must be to be valid."""

from __future__ import annotations

from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

Json = dict[str, Any]

NAMES = ("a", "b", "c")
TYPES = ("T", "U")
MAX_DEPTH = 3
"""How deep values go, where nothing forces them deeper."""

_small = st.integers(0, 3)


def _with(required: Json, **optional: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries({key: st.just(value) for key, value in required.items()}, optional=optional)


_leaves = st.one_of(
    _with({"type": "integer"}, minimum=_small, maximum=_small, multipleOf=st.sampled_from((2, 3))),
    _with({"type": "number"}, minimum=_small, exclusiveMaximum=_small),
    _with({"type": "string"}, minLength=_small, maxLength=_small, pattern=st.sampled_from(("^x", "y"))),
    st.sampled_from(({"type": "boolean"}, {"type": "null"}, {}, {"type": "string", "x-fuse": "uuid"})),
    st.lists(st.sampled_from(("x", "xy", 1, 2, True, None)), min_size=1, max_size=3, unique_by=repr).map(
        lambda values: {"enum": values}
    ),
    st.sampled_from(("x", 0, 1)).map(lambda value: {"const": value}),
    st.sampled_from(TYPES).map(lambda name: {"$ref": f"#/types/{name}"}),
)


@st.composite
def _objects(draw: st.DrawFn, inner: st.SearchStrategy[Json]) -> Json:
    properties = draw(st.dictionaries(st.sampled_from(NAMES), inner, max_size=3))
    schema: Json = {"type": "object", "properties": properties}
    required = [name for name in properties if draw(st.booleans())]
    if required:
        schema["required"] = required
    others = draw(st.one_of(st.none(), st.just(False), inner))
    return schema if others is None else {**schema, "additionalProperties": others}


@st.composite
def _arrays(draw: st.DrawFn, inner: st.SearchStrategy[Json]) -> Json:
    if draw(st.booleans()):
        return {"type": "array", "items": draw(inner), **draw(_with({}, minItems=_small, maxItems=_small))}
    items = draw(st.lists(inner, min_size=1, max_size=3))
    size = len(items)
    return {"type": "array", "prefixItems": items, "minItems": size, "maxItems": size}


schemas = st.recursive(
    _leaves,
    lambda inner: st.one_of(
        _objects(inner), _arrays(inner), st.lists(inner, min_size=2, max_size=3).map(lambda of: {"anyOf": of})
    ),
    max_leaves=6,
)


bodies = schemas.filter(lambda made: is_body(made))


def is_body(schema: Json) -> bool:
    """Whether a type can be that: not itself by another name, nor a union with itself."""
    return "$ref" not in schema and all(is_body(part) for part in schema.get("anyOf", ()))


@st.composite
def edited(draw: st.DrawFn, schema: Json) -> Json:
    """`schema` with one thing in it that is another, most of the time."""
    inner: list[tuple[str, Any]] = [
        *(("properties", name) for name in schema.get("properties", ())),
        *((key, at) for key in ("anyOf", "prefixItems") for at in range(len(schema.get(key, ())))),
        *([("items", None)] if "items" in schema else []),
    ]
    key, at = draw(st.sampled_from([("", None), *inner]))
    if at is None and key:
        return {**schema, key: draw(edited(schema[key]))}
    if key:
        parts = schema[key].copy()
        parts[at] = draw(edited(parts[at]))
        return {**schema, key: parts}
    rules = [
        key for key in schema if key not in ("type", "$ref", "properties", "anyOf", "items", "enum", "const")
    ]
    kind = draw(st.sampled_from(("other", "null", "drop", "member", "field", "same")))
    if kind == "other":
        return draw(schemas)
    if kind == "null":
        return {"anyOf": [schema, {"type": "null"}]}
    if kind == "drop" and rules:
        dropped = draw(st.sampled_from(rules))
        return {key: rule for key, rule in schema.items() if key != dropped}
    if kind == "member" and len(schema.get("anyOf", ())) > 1:
        return {"anyOf": schema["anyOf"][1:]}
    if kind == "field" and "properties" in schema:
        return {**schema, "properties": {**schema["properties"], "d": draw(schemas)}}
    return schema


@st.composite
def values(draw: st.DrawFn, schema: Json | bool, types: Json, depth: int = MAX_DEPTH) -> Any:
    """A value that whoever keeps to `schema` may send: no keys that it does not name."""
    assume(schema is not False and depth > -4)
    if schema is True or schema == {}:
        return draw(st.sampled_from((None, True, 0, 2.5, "x", [], {}, [1], {"a": 1})))
    assert isinstance(schema, dict)
    if "$ref" in schema:
        return draw(values(types[schema["$ref"].rpartition("/")[2]], types, depth - 1))
    if "anyOf" in schema:
        return draw(values(draw(st.sampled_from(schema["anyOf"])), types, depth))
    if "enum" in schema:
        return draw(st.sampled_from(schema["enum"]))
    if "const" in schema:
        return schema["const"]
    made = draw(_typed(schema, types, depth))
    assume(is_valid(made, schema, types))
    return made


@st.composite
def _typed(draw: st.DrawFn, schema: Json, types: Json, depth: int) -> Any:
    match schema["type"]:
        case "integer":
            low, high = schema.get("minimum", -3), schema.get("maximum", 6)
            assume(low <= high)
            return draw(st.integers(low, high))
        case "number":
            return draw(st.one_of(st.integers(-3, 6), st.sampled_from((-0.5, 0.5, 1.5, 2.5))))
        case "string" if "x-fuse" in schema:
            return "8d777f38-0000-4000-8000-000000000000"
        case "string":
            return draw(st.text("xy", max_size=5))
        case "array":
            return draw(_array(schema, types, depth))
        case "object":
            return draw(_object(schema, types, depth))
        case "boolean":
            return draw(st.booleans())
    return None


@st.composite
def _array(draw: st.DrawFn, schema: Json, types: Json, depth: int) -> Any:
    if "prefixItems" in schema:
        return [draw(values(item, types, depth - 1)) for item in schema["prefixItems"]]
    low = schema.get("minItems", 0)
    high = min(schema.get("maxItems", 3), 3 if depth > 0 else low)
    assume(low <= high)
    return [draw(values(schema["items"], types, depth - 1)) for _ in range(draw(st.integers(low, high)))]


@st.composite
def _object(draw: st.DrawFn, schema: Json, types: Json, depth: int) -> Any:
    required = schema.get("required", ())
    made = {
        name: draw(values(field, types, depth - 1))
        for name, field in schema["properties"].items()
        if name in required or (depth > 0 and draw(st.booleans()))
    }
    others = schema.get("additionalProperties", False)
    if others is not False and depth > 0 and draw(st.booleans()):
        name = draw(st.sampled_from((*NAMES, "d", "z")))
        if name not in schema["properties"]:
            made[name] = draw(values(others, types, depth - 1))
    return made


def is_valid(value: Any, schema: Json | bool, types: Json) -> bool:
    """JSON Schema 2020-12, as far as the schemas here go. A UUID is a text of 36 characters."""
    if isinstance(schema, bool):
        return schema
    if "$ref" in schema:
        return is_valid(value, types[schema["$ref"].rpartition("/")[2]], types)
    if "anyOf" in schema:
        return any(is_valid(value, part, types) for part in schema["anyOf"])
    if "enum" in schema:
        return any(_same(value, each) for each in schema["enum"])
    if "const" in schema:
        return _same(value, schema["const"])
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    kind = kinds.get(type(value), "null")
    if schema.get("type", kind) not in (kind, "number" if kind == "integer" else kind):
        return False
    if kind in ("integer", "number"):
        return _number(value, schema)
    if kind == "string":
        return _text(value, schema)
    if kind == "array":
        return _is_valid_array(value, schema, types)
    return kind != "object" or _is_valid_object(value, schema, types)


def _same(value: Any, other: Any) -> bool:
    return isinstance(value, bool) == isinstance(other, bool) and bool(value == other)


def _number(value: float, schema: Json) -> bool:
    return (
        float(schema.get("minimum", value)) <= value <= float(schema.get("maximum", value))
        and value < float(schema.get("exclusiveMaximum", value + 1))
        and value % float(schema.get("multipleOf", value or 1)) == 0
    )


def _text(value: str, schema: Json) -> bool:
    pattern = str(schema.get("pattern", ""))
    return (
        int(schema.get("minLength", 0)) <= len(value) <= int(schema.get("maxLength", len(value)))
        and (value.startswith("x") if pattern == "^x" else pattern in value)
        and ("x-fuse" not in schema or len(value) == 36)
    )


def _is_valid_array(value: list[Any], schema: Json, types: Json) -> bool:
    items = schema.get("prefixItems", [])
    rest = [schema.get("items", True)] * max(0, len(value) - len(items))
    return schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)) and all(
        is_valid(item, part, types) for item, part in zip(value, [*items, *rest], strict=False)
    )


def _is_valid_object(value: Json, schema: Json, types: Json) -> bool:
    properties = schema.get("properties", {})
    others = schema.get("additionalProperties", True)
    return all(name in value for name in schema.get("required", ())) and all(
        is_valid(item, properties.get(name, others), types) for name, item in value.items()
    )
