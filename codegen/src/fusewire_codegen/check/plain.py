"""Schemas without what no value depends on, in one spelling, so that equal promises are equal data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from fusewire_codegen.contract import Contract, Schema, reference

Plain = dict[str, Any]
"""A schema as `plain` makes it. `{}` allows everything; `NOTHING` allows nothing."""

NOTHING: Plain = {"not": {}}
UNIONS = ("anyOf", "oneOf")
UNREADABLE = (
    *("not", "if", "then", "else", "dependentRequired", "dependentSchemas", "contains", "minContains"),
    *("maxContains", "unevaluatedItems", "unevaluatedProperties", "patternProperties"),
)
"""Rules that are only compared as a whole. Pydantic writes the last one, for keys with a pattern."""

_ONE = ("items", "additionalProperties", "propertyNames", "x-fuse-keys")
_MANY = (*UNIONS, "allOf", "prefixItems")
_NAMED = ("properties", "patternProperties")
_RULES = (
    *("$ref", "type", "enum", "const", "discriminator", "x-fuse", "format", "pattern", "required"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "uniqueItems"),
    *("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"),
)
_NOTES = ("description", "default", "deprecated", "x-enum-names")
# How a text is to be shown or typed, not which texts there are.
_DISPLAY_FORMATS = ("password", "binary", "multi-line")


def plain(schema: Schema) -> Plain:
    """Keep the rules of `schema`, at every depth. Whatever is no rule of JSON Schema is a note (its §6.5)."""
    if not isinstance(schema, dict):
        return {} if schema else NOTHING
    rules: Plain = {key: schema[key] for key in (*_RULES, *UNREADABLE) if key in schema}
    for key in _ONE:
        if key in schema:
            rules[key] = plain(schema[key])
    for key in _MANY:
        if key in schema:
            rules[key] = [plain(part) for part in schema[key]]
    for key in _NAMED:
        if key in schema:
            rules[key] = {name: plain(part) for name, part in schema[key].items()}
    return _respelt(rules)


def _respelt(rules: Plain) -> Plain:
    if "x-fuse" in rules or rules.get("format") in _DISPLAY_FORMATS:
        # The mark says it already.
        rules.pop("format", None)
    for key in ("required", "type"):
        if isinstance(rules.get(key), list):
            rules[key] = sorted(rules[key])
    if isinstance(rules.get("enum"), list):
        rules["enum"] = sorted(rules["enum"], key=canonical)
    if "discriminator" in rules:
        rules["discriminator"] = rules["discriminator"].get("propertyName")
    if "$ref" in rules and len(rules) > 1:
        target = {"$ref": rules.pop("$ref")}
        return {"allOf": [target, rules]}
    if len(rules) == 1 and len(rules.get("allOf", ())) == 1:
        only: Plain = rules["allOf"][0]
        return only
    return rules


def canonical(value: Any) -> str:
    """JSON text that is equal for equal values, and tells `true` from `1`."""
    return json.dumps(value, sort_keys=True)


class Types:
    """The named types of one contract, plain."""

    def __init__(self, contract: Contract) -> None:
        self._types = {name: plain(schema) for name, schema in contract["types"].items()}

    def __contains__(self, name: str) -> bool:
        return name in self._types

    def body(self, schema: Plain) -> Plain:
        """What `schema` refers to, or itself when it refers to nothing. A type that only refers to itself allows everything."""
        seen = set()
        while (name := reference(schema)) is not None:
            if name in seen:
                return {}
            seen.add(name)
            schema = self._types[name]
        return schema

    def members(self, schema: Plain) -> list[Plain] | None:
        """What a union is one of, those of the unions in it too; None for what is no union."""
        body = self.body(schema)
        if not any(key in body for key in UNIONS):
            return None
        found: list[Plain] = []
        self._gather(schema, found, set(), set())
        return found

    def tags(self, schema: Plain) -> set[str]:
        """The fields by which the members of a union are told from each other."""
        tags: set[str] = set()
        self._gather(schema, [], tags, set())
        return tags

    def _gather(self, schema: Plain, found: list[Plain], tags: set[str], seen: set[str]) -> None:
        body = self.body(schema)
        key = next((key for key in UNIONS if key in body), None)
        if key is None:
            found.append(schema)
        elif (text := canonical(schema)) not in seen:
            # A union may have itself as a member, which adds nothing.
            seen.add(text)
            tags.update({body["discriminator"]} if body.get("discriminator") else ())
            rest = {name: rule for name, rule in body.items() if name not in (key, "discriminator")}
            for member in body[key]:
                self._gather({"allOf": [rest, member]} if rest else member, found, tags, seen)

    def equal(self, other: Types) -> frozenset[str]:
        """The names that mean the same in both, with all that they refer to."""
        equal = {name for name, body in self._types.items() if other._types.get(name) == body}
        while True:
            kept = {name for name in equal if references(self._types[name]) <= equal}
            if kept == equal:
                return frozenset(equal)
            equal = kept


def references(value: Any) -> set[str]:
    """The names that a plain schema refers to, at any depth."""
    if isinstance(value, list):
        return set().union(*(references(part) for part in value))
    if not isinstance(value, dict):
        return set()
    name = reference(value)
    found = set() if name is None else {name}
    return found.union(*(references(part) for part in value.values()))


def notes(schema: Schema, place: str) -> Iterator[tuple[tuple[str, str], Any]]:
    """By place and keyword, what `schema` says that no value depends on. The keyword "" is there for every place."""
    if not isinstance(schema, dict):
        return
    yield (place, ""), None
    for key in _NOTES:
        if key in schema:
            yield (place, key), schema[key]
    for name, part in schema.get("properties", {}).items():
        yield from notes(part, f"{place}.{name}")
