"""A schema to a TypeScript type expression."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from fusewire_codegen.contract import ContractError, Schema, reference
from fusewire_codegen.typescript.names import IMPORTED_TYPES, property_key, string_literal

_GLOBAL_TYPES = {"datetime": "Date", "bytes": "Uint8Array", "bigint": "bigint", "file": "Blob"}
_SIMPLE_TYPES = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "null": "null",
}
_LAST = ("null", "undefined")
_NUMBER_KEYS = ("integer", "number")
_NO_KEYS = ("unknown", "boolean", "bigint", "Date", "Uint8Array")
"""What JavaScript has no keys of: their text is the key."""


class TypeWriter:
    """Writes types by the names given to the contract's types, and remembers what must be imported for them.

    `recursive` holds the contract keys of aliases that refer to themselves: in those `Record<…>` would be an
    error of TypeScript (TS2456), so that their objects are written as index signatures.
    """

    def __init__(self, names: Mapping[str, str], recursive: frozenset[str] = frozenset()) -> None:
        self.imports: set[str] = set()
        self._names = names
        self._recursive = recursive
        self._lazy_objects = False

    def write(self, schema: Schema) -> str:
        """The type of `schema` as one line of text. Raises `ContractError` for an unknown `x-fuse` value."""
        return " | ".join(self._members(schema))

    def write_alias(self, key: str, schema: Schema) -> list[str]:
        """The members of the union that the type `key` stands for; one member when it is no union."""
        self._lazy_objects = key in self._recursive
        try:
            return self._members(schema)
        finally:
            self._lazy_objects = False

    def fields(self, schema: Mapping[str, Any]) -> list[str]:
        """One `name?: type` for each property, then the index signature of an object that takes more."""
        required = set(schema.get("required", ()))
        properties = schema.get("properties", {})
        lines = [self.field(name, part, name in required) for name, part in properties.items()]
        if extra := self._extra_values(schema, [*properties.values()], required >= properties.keys()):
            lines.append(f"[key: string]: {extra}")
        return lines

    def field(self, name: str, schema: Schema, required: bool) -> str:
        """One property: `readonly` for what only the server computes, `?` for what may be absent."""
        read_only = "readonly " if isinstance(schema, dict) and schema.get("readOnly") is True else ""
        return f"{read_only}{property_key(name)}{'' if required else '?'}: {self.write(schema)}"

    def _tight(self, schema: Schema) -> str:
        members = self._members(schema)
        return members[0] if len(members) == 1 else f"({' | '.join(members)})"

    def _members(self, schema: Schema) -> list[str]:
        if isinstance(schema, bool):
            return ["unknown" if schema else "never"]
        if "x-fuse" in schema and "$ref" not in schema:
            return [self._marked(schema["x-fuse"])]
        if "$ref" in schema:
            return self._reference(schema)
        if "const" in schema:
            return [literal(schema["const"])]
        if "enum" in schema:
            return _simplified([literal(value) for value in schema["enum"]])
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                return _simplified([member for option in schema[keyword] for member in self._members(option)])
        return _simplified(self._intersection(schema) if "allOf" in schema else self._by_type(schema))

    def _by_type(self, schema: dict[str, Any]) -> list[str]:
        kind = schema.get("type")
        if isinstance(kind, list):
            return [member for each in kind for member in self._members({**schema, "type": each})]
        if kind == "array" or (kind is None and ("items" in schema or "prefixItems" in schema)):
            return [self._array(schema)]
        if kind == "object" or (kind is None and "properties" in schema):
            return [self._object(schema)]
        return [_SIMPLE_TYPES.get(str(kind), "unknown")]

    def _marked(self, marker: str) -> str:
        if marker in IMPORTED_TYPES:
            self.imports.add(IMPORTED_TYPES[marker])
            return IMPORTED_TYPES[marker]
        if marker in _GLOBAL_TYPES:
            return _GLOBAL_TYPES[marker]
        raise ContractError(f"x-fuse: {marker!r} is not a value that this version knows")

    def _reference(self, schema: dict[str, Any]) -> list[str]:
        key = reference(schema)
        if key is None or key not in self._names:
            raise ContractError(f"{schema['$ref']} is not in types")
        return [self._names[key]]

    def _intersection(self, schema: dict[str, Any]) -> list[str]:
        parts = [self._tight(part) for part in schema["allOf"]]
        return parts if len(parts) == 1 else [f"({' & '.join(parts)})"]

    def _array(self, schema: dict[str, Any]) -> str:
        prefix = schema.get("prefixItems", [])
        if not prefix and schema.get("maxItems") != 0:
            return f"{self._tight(schema.get('items', True))}[]"
        least, most = schema.get("minItems", 0), schema.get("maxItems")
        parts = [
            self.write(part) if place < least else f"{self._tight(part)}?"
            for place, part in enumerate(prefix)
        ]
        items = schema.get("items", True)
        if items is not False and (most is None or most > len(prefix)):
            parts.append(f"...{self._tight(items)}[]")
        return f"[{', '.join(parts)}]"

    def _object(self, schema: dict[str, Any]) -> str:
        if schema.get("properties"):
            return f"{{ {'; '.join(self.fields(schema))} }}"
        values = schema.get("additionalProperties", "properties" not in schema)
        if values is False:
            return "Record<string, never>"
        return self._dictionary(self._keys(schema), self.write(values))

    def _keys(self, schema: dict[str, Any]) -> str:
        # `propertyNames` sees the key as JSON's string; only `x-fuse-keys` knows that it stands for a number.
        keys = schema.get("x-fuse-keys", schema.get("propertyNames", True))
        if isinstance(keys, dict) and keys.get("type") in _NUMBER_KEYS and "x-fuse" not in keys:
            return "number"
        written = self.write(keys)
        return "string" if written in _NO_KEYS else written

    def _dictionary(self, keys: str, values: str) -> str:
        if keys in ("string", "number", *IMPORTED_TYPES.values()):
            return f"{{ [key: {keys}]: {values} }}" if self._lazy_objects else f"Record<{keys}, {values}>"
        # A dict keyed by an enum or a Literal need not have every key.
        lazy = f"{{ [Key in {keys}]?: {values} }}"
        return lazy if self._lazy_objects else f"Partial<Record<{keys}, {values}>>"

    def _extra_values(self, schema: Mapping[str, Any], known: list[Schema], all_required: bool) -> str:
        extra = schema.get("additionalProperties", False)
        if extra is False:
            return ""
        # An index signature also covers the known keys, so that their types have to be part of it.
        options = [member for part in [extra, *known] for member in self._members(part)]
        return " | ".join(_simplified(options if all_required else [*options, "undefined"]))


def literal(value: object) -> str:
    """The type that holds exactly one JSON value."""
    if isinstance(value, str):
        return string_literal(value)
    if isinstance(value, list):
        return f"[{', '.join(literal(item) for item in value)}]"
    if isinstance(value, dict):
        return f"{{ {'; '.join(f'{property_key(key)}: {literal(item)}' for key, item in value.items())} }}"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value)


def optional(text: str) -> str:
    """`text` or undefined; `unknown` holds undefined already."""
    return text if text == "unknown" else f"{text} | undefined"


def _simplified(members: Iterable[str]) -> list[str]:
    # Duplicates come from `int | float`; `null` goes last, where a reader looks for it.
    unique = [member for member in dict.fromkeys(members) if member != "never"] or ["never"]
    if "unknown" in unique:
        return ["unknown"]
    return sorted(unique, key=lambda member: _LAST.index(member) if member in _LAST else -1)
