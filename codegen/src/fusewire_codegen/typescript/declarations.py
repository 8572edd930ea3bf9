"""Declarations: the contract's types, `Events` and `Errors`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fusewire_codegen.contract import Contract, Schema, reference, subschemas
from fusewire_codegen.typescript import jsdoc
from fusewire_codegen.typescript.names import property_key
from fusewire_codegen.typescript.types import TypeWriter, literal

WIDTH = 130
"""Columns after which a declaration is broken into lines."""


def declare_types(contract: Contract, names: Mapping[str, str], writer: TypeWriter) -> list[str]:
    """One declaration for each contract type, by TypeScript name, each beginning with a blank line."""
    lines: list[str] = []
    for key in sorted(names, key=lambda key: names[key]):
        schema = contract["types"][key]
        lines += ["", *jsdoc.block(_type_doc(schema)), *_declaration(names[key], key, schema, writer)]
    return lines


def recursive_aliases(contract: Contract) -> frozenset[str]:
    """Keys of the types that are written as `type X = …` and reach themselves through other such types."""
    aliases = {key: schema for key, schema in contract["types"].items() if not _is_interface(schema)}
    edges = {key: _references(schema) & aliases.keys() for key, schema in aliases.items()}
    return frozenset(key for key in aliases if key in _reachable(edges, key))


def declare_events(contract: Contract, writer: TypeWriter) -> list[str]:
    """The `Events` interface."""
    members = {name: event["schema"] for name, event in sorted(contract["events"].items())}
    return ["", "/** What the server may push, by event name. */", *_map_of("Events", members, writer)]


def declare_errors(contract: Contract, writer: TypeWriter) -> list[str]:
    """The `Errors` interface."""
    head = ["", "/** The data of each declared error, by code. */"]
    if not contract["errors"]:
        return [*head, *_map_of("Errors", {}, writer)]
    lines = [*head, "export interface Errors {"]
    for code, error in sorted(contract["errors"].items()):
        lines += jsdoc.block(jsdoc.prose(error.get("doc", "")), "  ")
        data = writer.write(error["data"]) if "data" in error else "undefined"
        lines.append(f"  {property_key(code)}: {data};")
    return [*lines, "}"]


def _map_of(name: str, members: Mapping[str, Schema], writer: TypeWriter) -> list[str]:
    if not members:
        # An interface without members would accept anything, and strict linters refuse it.
        return [f"export type {name} = Record<never, never>;"]
    lines = [f"  {property_key(key)}: {writer.write(schema)};" for key, schema in members.items()]
    return [f"export interface {name} {{", *lines, "}"]


def _is_interface(schema: Schema) -> bool:
    return isinstance(schema, dict) and schema.get("type") == "object" and bool(schema.get("properties"))


def _references(schema: Schema) -> set[str]:
    return {key for part in subschemas(schema) if (key := reference(part)) is not None}


def _reachable(edges: Mapping[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    waiting = list(edges[start])
    while waiting:
        key = waiting.pop()
        if key not in found:
            found.add(key)
            waiting += edges[key]
    return found


def _type_doc(schema: Schema) -> list[str]:
    if _is_interface(schema) and isinstance(schema, dict):
        return jsdoc.of_schema({key: schema[key] for key in ("description", "deprecated") if key in schema})
    return jsdoc.of_schema(schema)


def _declaration(name: str, key: str, schema: Schema, writer: TypeWriter) -> list[str]:
    if isinstance(schema, dict) and _is_interface(schema):
        return _interface(name, schema, writer)
    if isinstance(schema, dict) and schema.get("x-enum-names"):
        return _enum(name, schema)
    return _alias(name, writer.write_alias(key, schema))


def _interface(name: str, schema: dict[str, Any], writer: TypeWriter) -> list[str]:
    properties = schema["properties"]
    required = set(schema.get("required", ()))
    docs = [jsdoc.block(_field_doc(part, name in required), "  ") for name, part in properties.items()]
    fields = writer.fields(schema)
    lines = [f"export interface {name} {{"]
    for place, field in enumerate(fields):
        lines += docs[place] if place < len(docs) else []
        lines.append(f"  {field};")
    return [*lines, "}"]


def _field_doc(schema: Schema, required: bool) -> list[str]:
    # What is always there needs no default; the schema of a result has one nevertheless.
    if required and isinstance(schema, dict):
        return jsdoc.of_schema({key: value for key, value in schema.items() if key != "default"})
    return jsdoc.of_schema(schema)


def _enum(name: str, schema: dict[str, Any]) -> list[str]:
    values = schema["enum"] if "enum" in schema else [schema["const"]]
    members = dict(zip(schema["x-enum-names"], values, strict=True))
    members |= {alias: members[member] for alias, member in sorted(schema.get("x-enum-aliases", {}).items())}
    lines = [f"export const {name} = {{"]
    lines += [f"  {property_key(member)}: {literal(value)}," for member, value in members.items()]
    return [*lines, "} as const;", *_alias(name, [literal(value) for value in values])]


def _alias(name: str, members: list[str]) -> list[str]:
    line = f"export type {name} = {' | '.join(members)};"
    if len(line) <= WIDTH or len(members) == 1:
        return [line]
    lines = [f"  | {member}" for member in members]
    return [f"export type {name} =", *lines[:-1], f"{lines[-1]};"]
