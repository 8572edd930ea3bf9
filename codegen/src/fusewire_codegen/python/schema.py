"""The contract's schemas as datamodel-code-generator reads them.

Its models carry values and judge none: bounds, patterns and formats stay on the server, which decides. What `x-fuse` marks becomes the
format that it has a Python type for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fusewire_codegen.contract import ContractError, Schema, reference

_FORMATS = {
    "datetime": "date-time",
    "naive-datetime": "date-time",
    "date": "date",
    "time": "time",
    "timedelta": "duration",
    "uuid": "uuid",
    "decimal": "decimal",
    "bytes": "binary",
}
_KINDS = {str: "string", bool: "boolean", int: "integer", float: "number"}
_SIMPLE = frozenset({"string", "integer", "number", "boolean"})
FILE_TYPE = "fusewire.client.typed.File"


class SchemaWriter:
    """Rewrites schemas, by the names given to the contract's types. `keys` collects the types of keys that have no name."""

    def __init__(self, names: Mapping[str, str], types: Mapping[str, Schema]) -> None:
        self.keys: dict[str, dict[str, Any]] = {}
        self._names = names
        self._types = types

    def definition(self, schema: Schema) -> dict[str, Any]:
        """A type of the contract. Raises `ContractError` for an unknown `x-fuse` value."""
        if isinstance(schema, dict) and "x-enum-names" in schema:
            values = schema["enum"] if "enum" in schema else [schema["const"]]
            written: dict[str, Any] = {"enum": values, "x-enum-varnames": schema["x-enum-names"]}
            kinds = {_KINDS.get(type(value)) for value in values}
            if len(kinds) == 1 and None not in kinds:
                written["type"] = kinds.pop()
            return written | _described(schema)
        return self.write(schema)

    def write(self, schema: Schema) -> dict[str, Any]:
        """Any schema. Raises `ContractError` for an unknown `x-fuse` value."""
        if isinstance(schema, bool):
            return {}
        return self._type(schema) | _described(schema)

    def _type(self, schema: dict[str, Any]) -> dict[str, Any]:
        if "$ref" in schema:
            return {"$ref": f"#/$defs/{self._names[reference(schema) or '']}"}
        if "x-fuse" in schema:
            return _marked(schema["x-fuse"])
        if "const" in schema or "enum" in schema:
            return _literal(schema["enum"] if "enum" in schema else [schema["const"]])
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                return _any_of([self.write(part) for part in schema[keyword]])
        if "allOf" in schema:
            parts = [self.write(part) for part in schema["allOf"]]
            return parts[0] if len(parts) == 1 else {"allOf": parts}
        return self._by_type(schema)

    def _by_type(self, schema: dict[str, Any]) -> dict[str, Any]:
        kind = schema.get("type")
        if isinstance(kind, list):
            return _any_of([self._by_type({**schema, "type": each}) for each in kind])
        if kind == "array" or (kind is None and ("items" in schema or "prefixItems" in schema)):
            return self._array(schema)
        if kind == "object" or (kind is None and "properties" in schema):
            return self._object(schema)
        return {"type": kind} if kind is not None else {}

    def _array(self, schema: dict[str, Any]) -> dict[str, Any]:
        prefix = [self.write(part) for part in schema.get("prefixItems", ())]
        items = schema.get("items", True)
        if not prefix:
            array: dict[str, Any] = {"type": "array", "items": self.write(items)}
            if schema.get("uniqueItems") and self._is_hashable(items):
                array["uniqueItems"] = True
            return array
        least, most = schema.get("minItems", 0), schema.get("maxItems")
        if most is None and items is not False:
            return {"type": "array", "items": _any_of([*prefix, self.write(items)])}
        lengths = range(least, len(prefix) + 1)
        return _any_of([_tuple(prefix[:length]) for length in lengths])

    def _object(self, schema: dict[str, Any]) -> dict[str, Any]:
        properties = schema.get("properties", {})
        extra: Schema = schema.get("additionalProperties", "properties" not in schema)
        if properties or "properties" in schema:
            required = [name for name in schema.get("required", ()) if name in properties]
            fields = {name: self._field(part, name in required) for name, part in properties.items()}
            written: dict[str, Any] = {"type": "object", "properties": fields, "required": required}
            # A server that forbids more may learn more: an older client passes over it.
            if extra is not False:
                written["additionalProperties"] = extra if extra is True else self.write(extra)
            return written
        written = {"type": "object", "additionalProperties": True if extra is True else self.write(extra)}
        keys = schema.get("x-fuse-keys", schema.get("propertyNames", True))
        if (key := self._key(keys)) is not None:
            written["propertyNames"] = key
        return written

    def _field(self, schema: Schema, required: bool) -> dict[str, Any]:
        written = self.write(schema)
        if not required and isinstance(schema, dict) and (default := self._default(schema)) is not ...:
            written["default"] = default
        return written

    def _default(self, schema: dict[str, Any]) -> Any:
        """A default that has the field's own type as it stands in JSON; `...` for any other, which the server fills in."""
        if "default" not in schema:
            return ...
        default = schema["default"]
        if "x-fuse" not in schema and schema.get("type") in _SIMPLE:
            # A null that its type does not tell is hidden from callers.
            return ... if default is None else default
        if default is None:
            return default
        target = self._types.get(reference(schema) or "", True)
        named = isinstance(target, dict) and "x-enum-names" in target
        return default if named or default in ([], {}) else ...

    def _key(self, schema: Schema) -> dict[str, Any] | None:
        """What the keys of a dictionary are; None for text. Only a reference is read there, so that others get a name for a while."""
        if not isinstance(schema, dict):
            return None
        written = {key: value for key, value in self.write(schema).items() if key != "description"}
        if "$ref" in written:
            return written
        if written in ({"type": "string"}, {}):
            return None
        name = next((name for name, known in self.keys.items() if known == written), None)
        if name is None:
            name = f"FuseKey{len(self.keys)}_"
            self.keys[name] = written
        return {"$ref": f"#/$defs/{name}"}

    def _is_hashable(self, schema: Schema) -> bool:
        """Whether its values can be in a set: generated models cannot."""
        if not isinstance(schema, dict):
            return False
        if (key := reference(schema)) is not None:
            target = self._types.get(key, True)
            return isinstance(target, dict) and "x-enum-names" in target
        return "x-fuse" in schema or "const" in schema or "enum" in schema or schema.get("type") in _SIMPLE


def _described(schema: dict[str, Any]) -> dict[str, Any]:
    # A deprecated field of pydantic warns whenever it is read, by this client too.
    told = [schema.get("description"), "Deprecated." if schema.get("deprecated") else None]
    text = "\n\n".join(part for part in told if part)
    return {"description": text} if text else {}


def _marked(mark: str) -> dict[str, Any]:
    if mark == "bigint":
        return {"type": "integer"}
    if mark == "file":
        return {"type": "string", "customTypePath": FILE_TYPE}
    if mark not in _FORMATS:
        raise ContractError(f"x-fuse: {mark!r} is not a value that this version knows")
    return {"type": "string", "format": _FORMATS[mark]}


def _literal(values: list[Any]) -> dict[str, Any]:
    """One `Literal` for all, so that `1` and `True` stay apart. Python has none of a float."""
    parts: list[dict[str, Any]] = []
    shown = [value for value in values if type(value) in (str, bool, int)]
    if shown:
        # The type beside it only has to be one that a `Literal` may stand for.
        parts.append({"type": "string", "x-python-type": f"Literal[{', '.join(map(repr, shown))}]"})
    if any(type(value) is float for value in values):
        parts.append({"type": "number"})
    if None in values:
        parts.append({"type": "null"})
    return _any_of(parts) if parts else {}


def _any_of(parts: list[dict[str, Any]]) -> dict[str, Any]:
    unique = [part for place, part in enumerate(parts) if part not in parts[:place]]
    return unique[0] if len(unique) == 1 else {"anyOf": unique}


def _tuple(parts: list[dict[str, Any]]) -> dict[str, Any]:
    size = len(parts)
    if not parts:
        return {"type": "array", "items": {}}
    return {"type": "array", "prefixItems": parts, "minItems": size, "maxItems": size}
